"""A cluster of threads: real graders with zygotes and jails of their own, on machines that a test lets come and go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from autograder.cluster.machines import Node, NodeLost, Place
from autograder.cluster.messages import Report, Shipment
from autograder.cluster.node import NodeGrader


@dataclass
class LocalNode:
    """One node. `lose` ends it as a power cut does: what it had in hand is not answered."""

    grader: Any
    change: Callable[[Report], Report]
    before_answer: Callable[[LocalNode], None]
    received: list[bytes] = field(default_factory=list)  # the exercises that it was sent
    lost: bool = False
    closed: bool = False
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))
    _open: list[Future[Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, settings: bytes) -> Future[bytes]:
        def begin() -> bytes:
            report = msgspec.msgpack.decode(self.grader.begin(settings), type=Report)
            return msgspec.msgpack.encode(self.change(report))

        return self._call(begin)

    def take(self, hash: str, data: bytes) -> Future[None]:
        self.received.append(data)
        return self._call(lambda: self.grader.take(hash, data))

    def grade(self, hash: str, data: bytes) -> Future[bytes]:
        def grade() -> bytes:
            answers = self.grader.grade(hash, data)
            self.before_answer(self)
            return answers

        return self._call(grade)

    def stop(self, kill: bool = False) -> None:
        if not self.closed:
            self.closed = True
            self.grader.close()
            self._pool.shutdown(wait=False, cancel_futures=True)

    def shipped(self) -> Iterator[str]:
        """The names of the exercises that it was sent."""
        for data in self.received:
            yield msgspec.msgpack.decode(data, type=Shipment).exercise

    def lose(self) -> None:
        with self._lock:
            self.lost = True
            waiting = list(self._open)
        for future in waiting:
            if not future.done():
                future.set_exception(NodeLost("the plug was pulled"))

    def _call(self, function: Callable[[], Any]) -> Future[Any]:
        answer: Future[Any] = Future()

        def run() -> None:
            try:
                result, error = function(), None
            except Exception as raised:
                result, error = None, raised
            with self._lock:
                if self.lost or answer.done():
                    return
                answer.set_exception(error) if error is not None else answer.set_result(result)

        with self._lock:
            self._open.append(answer)
        if self.lost or self.closed:
            answer.set_exception(NodeLost("the plug was pulled"))
        else:
            self._pool.submit(run)
        return answer


@dataclass
class LocalCluster:
    """Machines by name. Those in `there` are there now."""

    there: list[Place]
    change: Callable[[Place, Report], Report] = lambda place, report: report
    before_answer: Callable[[Place, LocalNode], None] = lambda place, node: None
    make: Callable[[], Any] = NodeGrader
    nodes: dict[str, list[LocalNode]] = field(default_factory=dict)

    def places(self) -> list[Place]:
        return list(self.there)

    def start(self, place: Place, slots: int) -> Node:
        node = LocalNode(
            self.make(), lambda report: self.change(place, report), lambda node: self.before_answer(place, node)
        )
        self.nodes.setdefault(place.name, []).append(node)
        return node

    def close(self) -> None:
        for nodes in self.nodes.values():
            for node in nodes:
                node.stop()


def place(name: str, cores: int = 1, gpus: int = 0) -> Place:
    return Place(f"id of {name}", name, cores, gpus)
