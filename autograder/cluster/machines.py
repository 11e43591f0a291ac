"""A cluster as the head sees it. What it is made of (Ray, threads in a test) is known to whoever implements this, and to nobody else.

All calls to a node give a future. A node that is gone, or whose program ended, says so there with `NodeLost`.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from autograder.refusals import Refusal


class ClusterError(Refusal):
    """The cluster can't grade. The text says what happened and what to do."""


class NodeLost(Exception):
    """A node will not answer any more; the text says why, as far as anybody knows."""


class NodeUnfit(NodeLost):
    """A node can't do it, and could not when it was asked again."""


def error_text(error: BaseException) -> str:
    """What an error of our own program says, in a line."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:300]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@dataclass(frozen=True)
class Place:
    """A machine of the cluster that is there now."""

    id: str  # another one when it comes back
    name: str  # as people know it
    cores: int
    gpus: int


class Node(Protocol):
    """The grader on one machine (`node.NodeGrader`), from afar."""

    def begin(self, settings: bytes) -> Future[bytes]: ...

    def take(self, hash: str, data: bytes) -> Future[None]:
        """Raises there, too, what keeps the node from using it."""
        ...

    def grade(self, hash: str, data: bytes) -> Future[bytes]: ...

    def stop(self, kill: bool = False) -> None:
        """End it; with `kill` at once, since it does not answer."""
        ...


class Cluster(Protocol):
    """Machines that come and go."""

    def places(self) -> list[Place]:
        """Those that are there now. Raises `ClusterError` when the cluster itself is gone."""
        ...

    def start(self, place: Place, slots: int) -> Node:
        """Start a grader there, with so many processors for it."""
        ...

    def close(self) -> None: ...
