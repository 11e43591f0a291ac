"""The other side of bounded calls: the server that forks keepers, and the callers that these have (see `bounded`)."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence

import msgspec

from autograder.course.calls import Bounds, frame, framed, unpickled

MAX_RESULT = 256 * 2**20
MAX_FILE = 64 * 2**20  # bytes of one temporary file
_LITTLE_CPU, _LITTLE_MB = 1.0, 256  # what a caller may have taken, and still makes the next call
_MORE, _LAST = b">", b"."  # whether it does
_encode = msgspec.msgpack.Encoder().encode


def serve(control: socket.socket, imports: Sequence[str]) -> None:
    """Fork a keeper for each socket that comes, until nobody is at the other end."""
    for name in imports:
        importlib.import_module(name)
    bounds, shared = pickle.load(sys.stdin.buffer)
    gc.freeze()  # what is here is never collected, so that callers need no copies of it
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if descriptors else 0)[0]:
                pass
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            try:
                with socket.socket(fileno=descriptors[0]) as connection:
                    _Keeper(connection, bounds, shared).keep()
            finally:
                os._exit(0)
        os.close(descriptors[0])


class _Keeper:
    """Has the calls of one connection made, and says what came of each: `+` and its result, or why there is none."""

    def __init__(self, connection: socket.socket, bounds: Bounds, shared: Sequence[object]) -> None:
        self.connection, self.bounds, self.shared = connection, bounds, shared
        self.caller: tuple[int, socket.socket, str] | None = None  # its number, the way to it, its temporary folder

    def keep(self) -> None:
        """Until nobody asks any more, or until a call came to nothing."""
        said = b"+"
        try:
            while said.startswith(b"+") and (job := frame(self.connection)):
                used, began = self.caller is not None, time.monotonic()
                said = self._call(job)
                if used and not said.startswith(b"+") and time.monotonic() < began + self.bounds.seconds:
                    said = self._call(job)  # for what the calls before have left, or taken
                self.connection.sendall(framed(said))
        finally:
            self._end()

    def _call(self, job: bytes) -> bytes:
        _, caller, _ = self.caller = self.caller or self._fork()
        with contextlib.suppress(OSError):  # it died
            caller.sendall(framed(job))
        said = self._read(caller, time.monotonic() + self.bounds.seconds)
        if said is not None and said.startswith(_MORE):
            return said.removeprefix(_MORE)
        status = self._end()  # before anybody is told: it leaves nothing
        if said is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
            return b"t"
        return said.removeprefix(_LAST) or b"d"

    def _fork(self) -> tuple[int, socket.socket, str]:
        ours, theirs = socket.socketpair()
        folder = tempfile.mkdtemp(prefix="autograder-open-")
        number = os.fork()
        if number == 0:
            self.connection.close()
            ours.close()
            _answer_calls(theirs, folder, self.bounds, self.shared)
        theirs.close()
        with contextlib.suppress(OSError):
            os.setpgid(number, number)  # both sides do: whoever comes first
        return number, ours, folder

    def _read(self, caller: socket.socket, deadline: float) -> bytes | None:
        """What the caller says; None when it takes too long, or when nobody waits for it."""
        watch = select.poll()
        watch.register(caller, select.POLLIN)
        watch.register(self.connection, 0)  # it is hung up
        data, wanted = bytearray(), 8
        while len(data) < wanted:
            left = deadline - time.monotonic()
            ready = dict(watch.poll(left * 1000)) if left > 0 else {}
            if not ready or self.connection.fileno() in ready:
                return None
            try:
                part = caller.recv(2**20)
            except ConnectionError:
                part = b""
            if not part:
                return b""
            data += part
            if wanted == 8 and len(data) >= 8:
                wanted += int.from_bytes(data[:8], "big")
                if wanted > MAX_RESULT:
                    return b"m"
        return bytes(data[8:])

    def _end(self) -> int:
        """End the caller; how it ended."""
        if self.caller is None:
            return 0
        number, caller, folder = self.caller
        self.caller = None
        caller.close()
        with contextlib.suppress(OSError):
            os.killpg(number, signal.SIGKILL)  # with a git that it started
        _, status = os.waitpid(number, 0)
        shutil.rmtree(folder, ignore_errors=True)
        return status


def _answer_calls(keeper: socket.socket, folder: str, bounds: Bounds, shared: Sequence[object]) -> None:
    """In the caller: never returns."""
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        tempfile.tempdir = folder  # the keeper removes it, however this process ends
        _limit(bounds)
        while job := frame(keeper):
            function, arguments = unpickled(job, shared)
            try:
                said = b"+" + _encode(function(*arguments))
            except MemoryError:
                said = b"m"
            again = said.startswith(b"+") and _took_little() and not os.listdir(folder)
            keeper.sendall(framed((_MORE if again else _LAST) + said))
    finally:
        os._exit(0)


def _took_little() -> bool:
    import resource

    took = resource.getrusage(resource.RUSAGE_SELF)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # of the largest memory
    return took.ru_utime + took.ru_stime < _LITTLE_CPU and took.ru_maxrss / unit < _LITTLE_MB


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
