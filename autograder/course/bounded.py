"""Functions of ours called on hostile files, in processes of their own with bounded time and memory, which can be killed.

    grader ── starts ► server: exec'd, holds nothing private, has imported what is called; forks a keeper for each thread that calls
                         └─ keeper: keeps the clock, kills, and clears away
                              └─ caller: behind its limits, calls the function, says what came of it

Nothing that students wrote is run there: the bounds are for what is large, deep or slow to read, and for what takes the
interpreter itself down. The grader tells what to call as a pickle; what comes back is msgpack, decoded into a known type.
A caller that needed little makes the next call too, since a process for each of a thousand submissions takes longer than reading them.
No call pays for another: one that comes to nothing in a caller with a past is made once more in a new one.
A keeper ends its caller, and what that started, as soon as nobody waits for the result.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

from autograder.course.calls import Bounds, frame, framed, pickled

_SLACK = 30.0  # for a keeper to be started and to clear away

T = TypeVar("T")
Why = Literal["time", "memory", "died"]


@dataclass(eq=False)  # not frozen: whoever handles an exception writes its traceback into it
class Stopped(Exception):
    """The call has no result: it ran out of time or memory, or its process died."""

    why: Why


USUAL = Bounds()


class Bounded:
    """Calls functions within bounds. Thread-safe: threads call at the same time. Use it as a context manager.

    Where processes can't be forked (Windows), calls run in this process, without bounds.
    """

    def __init__(self, bounds: Bounds = USUAL, imports: Sequence[str] = (), shared: Sequence[object] = ()) -> None:
        """`imports`: modules with what will be called, imported by the server once for all calls. `shared`: arguments of many calls,
        which travel there once; nobody changes them."""
        self.bounds = bounds
        self._imports = imports
        self._shared = shared
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._waiting: set[socket.socket] = set()
        self._idle: list[socket.socket] = []  # to keepers that wait for a call
        self._closed = False

    def __enter__(self) -> Bounded:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Bounded:
        """Start the server, and do not wait for it: it imports while the grader does other things."""
        with self._lock:
            self._start()
        return self

    def call(self, function: Callable[..., T], *arguments: Any, into: Any) -> T:
        """`function(*arguments)`, which must be a function of a module; `into` is the type of its result. Raises `Stopped`."""
        if not hasattr(os, "fork"):
            return function(*arguments)
        job = pickled((function, arguments), self._shared)
        answer = self._ask(job) or self._ask(job)  # once more where the server died, of whatever
        if not answer.startswith(b"+"):
            raise Stopped({b"t": "time", b"m": "memory"}.get(answer, "died"))  # pyright: ignore[reportArgumentType]
        return msgspec.msgpack.decode(memoryview(answer)[1:], type=into)

    def close(self) -> None:
        """End the server and all calls, whose callers are told that they have no result."""
        with self._lock:
            self._closed = True
            for waiting in self._waiting:
                with contextlib.suppress(OSError):
                    waiting.shutdown(socket.SHUT_RDWR)
            self._stop()

    def _ask(self, job: bytes) -> bytes:
        """What a keeper says, "" when there is none."""
        with self._lock:
            keeper = self._keeper()
            if keeper is None:
                return b""
            self._waiting.add(keeper)
        answer = b""
        try:
            keeper.settimeout(self.bounds.seconds + _SLACK)
            keeper.sendall(framed(job))
            answer = frame(keeper)
        except OSError:
            pass
        with self._lock:
            self._waiting.discard(keeper)
            if answer.startswith(b"+") and not self._closed:
                self._idle.append(keeper)
            else:
                keeper.close()
        return answer

    def _keeper(self) -> socket.socket | None:
        """A keeper that nobody else asks."""
        self._start()
        if self._idle:
            return self._idle.pop()
        if self._closed or self._control is None:
            return None
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [b"?"], [theirs.fileno()])
            except OSError:
                ours.close()
                self._stop()
                return None
        return ours

    def _start(self) -> None:
        if self._closed or not hasattr(os, "fork"):
            return
        if self._server is not None and self._server.poll() is None:
            return
        self._stop()
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as known:
            known.write(pickle.dumps((self.bounds, tuple(self._shared))))
            known.seek(0)
            self._server = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "autograder.course.keeper", str(theirs.fileno()), *self._imports],
                pass_fds=[theirs.fileno()],
                stdin=known,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the grader's to deal with
            )
        self._control = ours

    def _stop(self) -> None:
        for keeper in self._idle:  # they clear away, and only then are gone
            with contextlib.suppress(OSError):
                keeper.shutdown(socket.SHUT_WR)
                keeper.settimeout(_SLACK)
                keeper.recv(1)
            keeper.close()
        self._idle.clear()
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            try:
                self._server.wait(timeout=2.0)  # what it and its keepers took is counted as this process's
            except subprocess.TimeoutExpired:
                self._server.kill()  # keepers see that nobody waits any more
                self._server.wait()
            self._server = None
