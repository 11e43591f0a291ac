"""The soft limit of a run: told in the student's code, at the line where it is. The hard one is the jail's."""

from __future__ import annotations

import contextlib
import signal
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass


class TimeUp(BaseException):
    """The soft limit of a run has passed. Not an `Exception`, so that `except Exception` does not swallow it."""


@contextlib.contextmanager
def soft_limit(cpu_seconds: float, wall_seconds: float = 0.0) -> Iterator[None]:
    """Raise `TimeUp` in the code that runs when it has used `cpu_seconds`, or `wall_seconds` have passed: that tells the
    student's line. Code that swallows it is ended from outside, at the hard limit. 0 is no limit."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    running = []
    limit = _Limit()
    if usable:
        for timer, number, seconds in (
            (signal.ITIMER_PROF, signal.SIGPROF, cpu_seconds),
            (signal.ITIMER_REAL, signal.SIGALRM, wall_seconds),
        ):
            if seconds > 0:
                _listen(number)
                running.append(timer)
                signal.setitimer(timer, seconds)
    if running:
        _limits.append(limit)
    try:
        yield
    finally:
        # An alarm that went off a moment ago is told to Python later, maybe between these lines, and the clock and the CPU may
        # run out together: from here on nothing is raised, or it would end the worker that has its answer to send.
        limit.over = True
        for timer in running:
            signal.setitimer(timer, 0)
        if limit in _limits:
            _limits.remove(limit)


@dataclass(eq=False)
class _Limit:
    """One run's limit: `over` when it has been told, or nothing is to be stopped any more."""

    over: bool = False


_limits: list[_Limit] = []
_listening: set[int] = set()


def _listen(number: int) -> None:
    """Install the handler once: a worker is there for this alone, and installing it costs more than a small run."""

    def on_alarm(signum: int, frame: types.FrameType | None) -> None:
        if not _limits or _limits[-1].over:
            return
        _limits[-1].over = signum == signal.SIGALRM  # the clock has the last word; CPU time may be told before it
        raise TimeUp

    if number not in _listening:
        signal.signal(number, on_alarm)
        _listening.add(number)


def told() -> None:
    """Forget limits that were left in the middle of their end."""
    _limits.clear()
