"""Checks that can be broken off: what a save while one runs is for."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from typing import Any


class Interrupted(BaseException):
    """The check was broken off. Not an `Exception`: nothing on the way makes a verdict of it."""


class Interruptible:
    """A zygote whose workers can be ended at once, by another thread."""

    def __init__(self, zygote: Any) -> None:
        self._zygote = zygote
        self._lock = threading.Lock()
        self._workers: list[Any] = []
        self._stopped = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._zygote, name)

    def fork(self, role: str = "jail", *arguments: Any) -> Any:
        """A worker, unless the check is broken off. Raises `Interrupted` then."""
        if role != "jail":
            return self._zygote.fork(role, *arguments)
        with self._lock:
            if self._stopped:
                raise Interrupted
        worker = self._zygote.fork(role, *arguments)
        with self._lock:
            self._workers = [each for each in self._workers if each.is_held] + [worker]
            stopped = self._stopped
        if stopped:
            worker.close()
            raise Interrupted
        return worker

    def require_going_on(self) -> None:
        """Raises `Interrupted` when the check was broken off, also after its last worker."""
        if self._stopped:
            raise Interrupted

    def interrupt(self) -> None:
        """End the workers that there are, and start no other."""
        with self._lock:
            self._stopped = True
            workers, self._workers = self._workers, []
        for worker in workers:
            if worker.is_held:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(worker.pid, signal.SIGKILL)

    def resume(self) -> None:
        with self._lock:
            self._stopped, self._workers = False, []


class Job:
    """One thing after another, in a thread of its own where it can be interrupted; else at once."""

    def __init__(self, zygote: Any) -> None:
        self._zygote = zygote if zygote.isolates else None
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Begin `work`, and end what was begun before."""
        if self._zygote is None:
            work()
            return
        self.stop()
        self._zygote.resume()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End what was begun."""
        if self._thread is not None and self._zygote is not None:
            self._zygote.interrupt()
            self._thread.join()
            self._thread = None

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self, work: Callable[[], None]) -> None:
        with contextlib.suppress(Interrupted):
            work()
