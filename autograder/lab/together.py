"""Ranks, and the host of what they share, in one process: for pytest, for tests, and to play with. Ranks are threads that take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from autograder.lab.ends import asking, connect, end
from autograder.lab.hosted import Hosted
from autograder.lab.hosting import Host
from autograder.wire.converse import converse
from autograder.wire.messages import Answer, Ask, Step

T = TypeVar("T")

POLL_SECONDS = 0.05  # a signal can arrive while the main thread waits, and is seen when it wakes


def local(kind: str, value: Hosted) -> Any:
    """An end of a value of one rank that is hosted in this process: for tests, and to play with."""
    host = Host.of(kind, value)
    connect(lambda ask: _answered_alone(host, ask))
    try:
        return end(kind, **value.ends()[0])
    finally:
        connect(None)


class _Stopped(BaseException):
    """Ends the thread of a rank after another rank has failed. Not an `Exception`: nobody should catch it."""


class _Thread:
    """A rank that is a thread of this process."""

    def __init__(self, program: Callable[[], Any]) -> None:
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._said: Any = None
        self._answer: Answer | None = None
        self._stopped = False
        self._program = program
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def resume(self, answer: Answer | None) -> Any:
        self._answer = answer
        self._turn.release()
        try:
            while not self._back.acquire(timeout=POLL_SECONDS):
                pass
        except BaseException as interruption:  # the time is up, or Ctrl-C: it belongs to the rank that has the turn
            _raise_in(self.thread, interruption)
            self.thread.join(timeout=1.0)
            raise
        return self._said

    def stop(self) -> None:
        self._stopped = True
        self._turn.release()
        self.thread.join(timeout=1.0)

    def _run(self) -> None:
        connect(self._ask)
        self._turn.acquire()
        try:
            if not self._stopped:
                self._said = _Result(self._program())
        except _Stopped:
            pass
        except BaseException as error:
            self._said = _Result(error=error)
        self._back.release()

    def _ask(self, ask: Ask) -> Answer:
        self._said = ask
        self._back.release()
        self._turn.acquire()
        if self._stopped:
            raise _Stopped
        assert self._answer is not None
        return self._answer


@dataclass
class _Result:
    value: Any = None
    error: BaseException | None = None


def together(
    host: Host, programs: Sequence[Callable[[], T]], failed: Callable[[T], bool] = lambda value: False
) -> list[T]:
    """Run a program for each rank of `host` in this process; what they returned, in the order of ranks.

    A program makes its end with `lab.resolve`, or `end`. Raises what the first program raised. The first that
    returns what `failed` says ends them all: it alone is returned.
    """
    if len(programs) == 1:  # in this very thread: a debugger, and the alarm that ends a run, are at home here
        before = asking()
        connect(lambda ask: _answered_alone(host, ask))
        try:
            return [programs[0]()]
        finally:
            connect(before)
    threads = [_Thread(program) for program in programs]
    try:
        ended = converse(threads, host.step, lambda each: each.error is not None or failed(each.value))
    finally:
        for each in threads:
            each.stop()
    for each in ended.values():
        if each.error is not None:
            raise each.error
    bad = [each.value for each in ended.values() if failed(each.value)]
    return bad or [ended[rank].value for rank in range(len(programs))]


def _answered_alone(host: Host, ask: Ask) -> Answer:
    answer = host.step(Step(0, ask))
    return host.step(Step(0, stuck=True)) if answer.waits else answer


def _raise_in(thread: threading.Thread, error: BaseException) -> None:
    import ctypes

    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(type(error)))
