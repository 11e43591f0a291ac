"""A cluster that Ray holds together (https://docs.ray.io): a grader on a machine is an actor, bound to its node.

Ray finds out that a machine is gone, brings bytes to others and carries a call to an actor. What a call means, what is run again, who may
grade and what is written are the head's (`autograder.cluster`). Bytes go in and bytes come out; Ray's pickles hold nothing else.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any

from autograder.cluster.machines import ClusterError, Node, NodeLost, NodeUnfit, Place, error_text
from autograder.cluster.node import NodeGrader

INSTALL = "Grading on a cluster needs Ray: pip install -c constraints.txt 'llm-internals[cluster]'"
NOT_INSTALLED = "the autograder, or something that it needs, is not installed for the Python that Ray runs there"
CONNECT_SECONDS = 10.0
STOP_SECONDS = 5.0  # for nodes to clear away before they are killed


def connect(address: str, program: type = NodeGrader) -> RayCluster:
    """The cluster at `address`: `host:port`, or "auto" for the one that this machine belongs to. `program` runs on its nodes
    (another one for a benchmark). Raises `ClusterError`."""
    _require_somebody(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A node without a GPU for us must not hide the devices from programs of ours that ask by themselves.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ClusterError(f"{INSTALL}.") from None
    try:
        # Ray lets nodes import from the folder that this is called in, before all else: it may hold what students handed in.
        with contextlib.chdir("/"):
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ClusterError(_not_connected(address, error)) from error
    return RayCluster(ray, program)


def _require_somebody(address: str) -> None:
    """Refuse an address that is none, or where nobody answers: Ray itself tries for minutes."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or not host or "/" in host or not port.isdigit():
        raise ClusterError(
            f"{address!r} is no address of a Ray cluster. Give its head's, as 10.0.0.1:6379, and run this command on a machine of "
            "the cluster; there, auto finds it"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(_not_connected(address, error)) from error


def _not_connected(address: str, error: Exception) -> str:
    said = _first_line(error).rstrip(".")
    return (
        f"No Ray cluster could be reached at {address}: {said}.\n"
        "Start this command on a machine of the cluster (`ray start --address=…` makes it one); `ray status` there shows the cluster."
    )


class RayCluster:
    """The machines of a Ray cluster."""

    def __init__(self, ray: Any, program: type) -> None:
        self._ray, self._program = ray, program
        self._nodes: list[_RayNode] = []

    def places(self) -> list[Place]:
        try:
            alive = [row for row in self._ray.nodes() if row["Alive"]]
        except Exception as error:
            raise ClusterError(f"the Ray cluster does not answer any more ({_first_line(error)})") from error
        names = [_name(row) for row in alive]
        return [
            Place(
                row["NodeID"],
                name if names.count(name) == 1 else f"{name}/{row['NodeID'][:6]}",
                int(row["Resources"].get("CPU", 0)),
                int(row["Resources"].get("GPU", 0)),
            )
            for row, name in zip(alive, names, strict=True)
        ]

    def start(self, place: Place, slots: int) -> Node:
        from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
            NodeAffinitySchedulingStrategy,
        )

        actor = (
            self._ray.remote(self._program)
            .options(
                num_cpus=slots,
                num_gpus=1 if place.gpus else 0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(place.id, soft=False),
                max_concurrency=2 * slots + 8,  # works that wait for their turn there, and shipments beside them
                max_restarts=0,
                max_task_retries=0,
            )
            .remote()
        )
        node = _RayNode(self._ray, actor)
        self._nodes.append(node)
        return node

    def close(self) -> None:
        """End all nodes and leave the cluster, which goes on without us."""
        goodbyes = [goodbye for node in self._nodes if (goodbye := node.goodbye()) is not None]
        with contextlib.suppress(Exception):
            self._ray.wait(goodbyes, num_returns=len(goodbyes), timeout=STOP_SECONDS) if goodbyes else None
        for node in self._nodes:
            node.stop(kill=True)
        with contextlib.suppress(Exception):
            self._ray.shutdown()

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _RayNode:
    """An actor, as the head calls it."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor
        self._ended = False
        self._goodbye: Any = None

    def begin(self, settings: bytes) -> Future[bytes]:
        return self._call(lambda: self._actor.begin.remote(settings))

    def take(self, hash: str, data: bytes) -> Future[None]:
        return self._call(lambda: self._actor.take.remote(hash, data))

    def grade(self, hash: str, data: bytes) -> Future[bytes]:
        return self._call(lambda: self._actor.grade.remote(hash, data))

    def stop(self, kill: bool = False) -> None:
        if kill and not self._ended:
            self._ended = True
            with contextlib.suppress(Exception):
                self._ray.kill(self._actor)
        elif not kill:
            self.goodbye()

    def goodbye(self) -> Any:
        """Have it clear away; what tells when it has. None where it was told to before, or is gone."""
        if self._ended or self._goodbye is not None:
            return None if self._ended else self._goodbye
        with contextlib.suppress(Exception):
            self._goodbye = self._actor.close.remote()
        return self._goodbye

    def _call(self, begin: Callable[[], Any]) -> Future[Any]:
        answer: Future[Any] = Future()
        try:
            begin().future().add_done_callback(lambda done: _hand_on(done, answer))
        except Exception as error:
            answer.set_exception(NodeLost(_first_line(error)))
        return answer


def _hand_on(done: Future[Any], answer: Future[Any]) -> None:
    with contextlib.suppress(InvalidStateError):
        error = done.exception()
        if error is None:
            answer.set_result(done.result())
        else:
            answer.set_exception(_told(error))


def _told(error: BaseException) -> NodeLost:
    """What a call without an answer means: whether the node is lost, or can't do it."""
    if "No module named" in str(error):
        return NodeUnfit(NOT_INSTALLED)
    cause = getattr(error, "cause", None)
    if isinstance(cause, NodeUnfit):
        return NodeUnfit(str(cause))
    if isinstance(cause, BaseException):  # raised by our own program there
        return NodeLost(f"its program failed: {error_text(cause)}")
    return NodeLost(_said(error))


def _said(error: BaseException) -> str:
    """What Ray says about a node that does not answer, in a few words."""
    text = str(error)
    words = {
        "ActorDiedError": "its program ended",
        "ActorUnschedulableError": "its machine is gone",
        "ActorUnavailableError": "it can't be reached any more",
        "NodeDiedError": "its machine is gone",
        "OutOfMemoryError": "its machine ran out of memory",
    }
    if "running low on memory" in text:  # Ray ended it before the kernel would have
        return words["OutOfMemoryError"]
    return words.get(type(error).__name__, f"{type(error).__name__}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


def _name(row: dict[str, Any]) -> str:
    """What people call a machine: the name that it was given for Ray, else its own."""
    given = row.get("NodeName", "")
    return given if given and given != row["NodeManagerAddress"] else row["NodeManagerHostname"]
