"""Functions of ours called on hostile files, each call in a process of its own with bounded time and memory, which can be killed.

    grader ── starts ► server: exec'd, holds nothing private, has imported what is called; forks for each call
                         └─ keeper: keeps the clock, kills, and clears away
                              └─ caller: behind its limits, calls the function, writes its result down

Nothing that students wrote is run there: the bounds are for what is large, deep or slow to read, and for what takes the
interpreter itself down. The grader tells what to call as a pickle; what comes back is msgpack, decoded into a known type.
A keeper ends its caller, and what that started, as soon as nobody waits for the result.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

SECONDS = 60.0
CPU_SECONDS = 30
MEMORY_MB = 1024  # of address space, of which the interpreter has some 100
MAX_RESULT = 256 * 2**20
MAX_FILE = 64 * 2**20  # bytes of one temporary file
_SLACK = 30.0  # for a keeper to be started and to clear away

T = TypeVar("T")
Why = Literal["time", "memory", "died"]
_encode = msgspec.msgpack.Encoder().encode


@dataclass(eq=False)  # not frozen: whoever handles an exception writes its traceback into it
class Stopped(Exception):
    """The call has no result: it ran out of time or memory, or its process died."""

    why: Why


@dataclass(frozen=True)
class Bounds:
    """What one call may take."""

    seconds: float = SECONDS  # by the clock
    cpu_seconds: int = CPU_SECONDS
    memory_mb: int = MEMORY_MB


USUAL = Bounds()


class Bounded:
    """Calls functions within bounds. Thread-safe: threads call at the same time. Use it as a context manager.

    Where processes can't be forked (Windows), calls run in this process, without bounds.
    """

    def __init__(self, bounds: Bounds = USUAL, imports: Sequence[str] = ()) -> None:
        """`imports`: modules with what will be called, imported by the server once for all calls."""
        self.bounds = bounds
        self._imports = imports
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._waiting: set[socket.socket] = set()
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
        job = pickle.dumps((self.bounds, function, arguments))
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
        """What the keeper says, "" when there is none."""
        ours, theirs = socket.socketpair()
        with ours:
            with self._lock, theirs:
                if self._closed:
                    return b""
                self._start()
                assert self._control is not None
                try:
                    socket.send_fds(self._control, [b"?"], [theirs.fileno()])
                except OSError:
                    self._stop()
                    return b""
                self._waiting.add(ours)
            try:
                ours.settimeout(self.bounds.seconds + _SLACK)
                ours.sendall(len(job).to_bytes(8, "big") + job)
                return _to_the_end(ours)
            except OSError:
                return b""
            finally:
                with self._lock:
                    self._waiting.discard(ours)

    def _start(self) -> None:
        if self._closed or not hasattr(os, "fork"):
            return
        if self._server is not None and self._server.poll() is None:
            return
        self._stop()
        ours, theirs = socket.socketpair()
        self._server = subprocess.Popen(
            [sys.executable, "-s", "-P", "-m", "autograder.course.bounded", str(theirs.fileno()), *self._imports],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the grader's to deal with
        )
        theirs.close()
        self._control = ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            self._server.kill()  # keepers see that nobody waits any more
            self._server.wait()
            self._server = None


def _to_the_end(stream: socket.socket) -> bytes:
    parts = []
    while part := stream.recv(2**20):
        parts.append(part)
    return b"".join(parts)


# ---------------------------------------------------------------- the server's side


def serve(control: socket.socket, imports: Sequence[str]) -> None:
    """Fork a keeper for each socket that comes, until nobody is at the other end."""
    for name in imports:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are not waited for
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            try:
                _keep(socket.socket(fileno=descriptors[0]))
            finally:
                os._exit(0)
        os.close(descriptors[0])


def _keep(connection: socket.socket) -> None:
    """Make one call in a process of its own, and say what came of it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("rb") as stream:
        bounds, function, arguments = pickle.loads(stream.read(int.from_bytes(stream.read(8), "big")))
    folder = tempfile.mkdtemp(prefix="autograder-open-")
    try:
        result, theirs = os.pipe()
        caller = os.fork()
        if caller == 0:
            connection.close()
            os.close(result)
            _call(theirs, folder, bounds, function, arguments)
        os.close(theirs)
        with contextlib.suppress(OSError):
            os.setpgid(caller, caller)  # both sides do: whoever comes first
        said = _read(result, connection, time.monotonic() + bounds.seconds)
        with contextlib.suppress(OSError):
            os.killpg(caller, signal.SIGKILL)  # with a git that it started
        _, status = os.waitpid(caller, 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if said is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        said = b"t"
    connection.sendall(said or b"d")


def _read(result: int, connection: socket.socket, deadline: float) -> bytes | None:
    """What the caller writes; None when it takes too long, or when nobody waits for it."""
    watch = select.poll()
    watch.register(result, select.POLLIN)
    watch.register(connection, 0)  # it is hung up
    parts, size = [], 0
    while size <= MAX_RESULT:
        left = deadline - time.monotonic()
        ready = dict(watch.poll(left * 1000)) if left > 0 else {}
        if not ready or connection.fileno() in ready:
            return None
        part = os.read(result, 2**20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    return b"m"


def _call(result: int, folder: str, bounds: Bounds, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """In the caller: never returns."""
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        tempfile.tempdir = folder  # the keeper removes it, however this process ends
        _limit(bounds)
        try:
            said = b"+" + _encode(function(*arguments))
        except MemoryError:
            said = b"m"
        with open(result, "wb", closefd=False) as stream:
            stream.write(said)
    finally:
        os._exit(0)


def _limit(bounds: Bounds) -> None:
    """Soft limits suffice: no code of others runs here. What runs out of processor time is ended by a signal of its own."""
    import resource

    for name, amount in (
        (resource.RLIMIT_CPU, bounds.cpu_seconds),
        (resource.RLIMIT_AS, bounds.memory_mb * 2**20),
        (resource.RLIMIT_FSIZE, MAX_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(name)[1]
        with contextlib.suppress(OSError, ValueError):  # macOS refuses some of them
            resource.setrlimit(name, (amount if hard == resource.RLIM_INFINITY else min(amount, hard), hard))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
