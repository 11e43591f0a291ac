"""The grader's side: start zygotes, get workers from them, and end them. What a worker is asked goes through its `handle`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from autograder.jail import usage
from autograder.jail import zygote as protocol
from autograder.jail.handle import Worker
from autograder.jail.layers import Profile
from autograder.refusals import Refusal
from autograder.wire.channel import ChannelClosed, ChannelError

START_SECONDS = 120.0
CONTROL_SECONDS = 30.0
_SCRUBBED = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "TRITON_INTERPRET", "CUDA_VISIBLE_DEVICES")

_encode = msgspec.msgpack.Encoder().encode


class JailError(Refusal):
    """Our side failed: a zygote that does not start or answer. The text says what to do."""


class _Silent(JailError):
    """A worker died before it was behind its layers: something else may have killed it, so another is tried."""


class _Weaker(JailError):
    """A worker is behind fewer layers than the grader counts on."""


@dataclass(frozen=True)
class Limits:
    """What one worker may use."""

    cpu_seconds: int = 60  # of the worker's whole life
    memory_mb: int = 2048
    file_mb: int = 16
    profile: Profile = "default"
    hidden: tuple[str, ...] = ()  # packages that it can't read
    imports: tuple[str, ...] = ()  # packages that it has before it reads any code, where they are installed
    measured: bool = False  # whether its memory is measured: then it can't give back what it has at the start


def scrubbed_environment() -> dict[str, str]:
    """What a zygote knows of the environment: no tokens, one thread, no accelerator library touched before a fork."""
    kept = {name: os.environ[name] for name in _SCRUBBED if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
    return {
        **kept,
        **threads,
        "PYTHONUTF8": "1",
        "PYTHONHASHSEED": "0",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "HF_HUB_OFFLINE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": f"{os.devnull}/none",  # it keeps tables there, and does without where it can't
    }


class Zygote:
    """A process that has imported torch and forks workers. Thread-safe: one request at a time.

    `without` names layers that its workers do without: for tests and --unsafe. `require` names those that none of its
    workers may lack: what the grader has found to work here, and writes into results.
    """

    isolates = True  # its workers are processes: what they may not have is elsewhere

    def __init__(self, without: Sequence[str] = (), require: Sequence[str] = ()) -> None:
        self._without = list(without)
        self.require = frozenset(require)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._errors: Any = None
        self.ready: protocol.Ready | None = None
        self._starting = False
        self._closed = False

    def start(self) -> Zygote:
        """Start the process; does not wait until it is ready (`wait` does, and so does the first `fork`)."""
        with self._lock:
            self._closed = False
            self._start()
        return self

    def wait(self) -> protocol.Ready:
        """Wait until the zygote has imported everything, and return its versions."""
        with self._lock:
            return self._ensure()

    def fork(self, role: str = "jail", limits: Limits = Limits(), lab: Sequence[str] = ()) -> Worker:
        """A new worker; `lab` names what it will want of the lab. Starts the zygote again when it has died."""
        with self._lock:
            for attempt in (1, 2):
                if self._closed:  # by Ctrl-C, while another thread was grading
                    raise JailError("no worker is started any more")
                self._ensure()
                try:
                    return self._fork(role, limits, lab)
                except (OSError, ChannelError, msgspec.MsgspecError) as error:
                    self._stop()
                    if attempt == 2:
                        raise JailError(f"a worker could not be started ({error})") from error
                except _Silent:
                    if attempt == 2:
                        raise
                except _Weaker:
                    self._stop()  # the next one tries the layers anew
                    if attempt == 2:
                        raise
        raise AssertionError

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._stop()

    def __enter__(self) -> Zygote:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside the lock ---

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._stop()
        ours, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in _stop)
        # Exec'd, not forked: nothing of this process (secrets, verdicts, other students' work) is in its memory.
        self._process = subprocess.Popen(
            # -s -P, not -I: the environment is ours, and PYTHONHASHSEED in it makes the order of sets the same each time.
            [sys.executable, "-s", "-P", "-m", "autograder.jail.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=scrubbed_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
        theirs.close()
        self._control = ours
        self._starting = True

    def _ensure(self) -> protocol.Ready:
        self._start()
        if self._starting:
            try:
                answer = self._answer(START_SECONDS)
            except (OSError, ChannelError, msgspec.MsgspecError) as error:
                said = self._said()
                self._stop()
                raise JailError(f"the process that imports torch did not start.\n{said}".rstrip()) from error
            assert isinstance(answer, protocol.Ready)
            self.ready = answer
            self._starting = False
        assert self.ready is not None
        return self.ready

    def _fork(self, role: str, limits: Limits, lab: Sequence[str]) -> Worker:
        assert self._control is not None
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):  # room for a tensor or two: fewer turns between the processes
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
        folder = tempfile.mkdtemp(prefix="autograder-")
        output = _output_file()
        try:
            request = protocol.Fork(
                role,
                folder,
                limits.cpu_seconds,
                limits.memory_mb,
                limits.file_mb,
                limits.profile,
                self._without,
                list(limits.hidden),
                list(lab),
                list(limits.imports),
                limits.measured,
            )
            socket.send_fds(self._control, [_encode(request)], [theirs.fileno(), output])
            answer = self._answer(CONTROL_SECONDS)
            assert isinstance(answer, protocol.Forked)
            if answer.problem:
                kind = _Silent if answer.problem.endswith("no answer") else JailError
                raise kind(f"{answer.problem}. `autograder doctor` shows what works on this machine")
            lacks = self.require - set(answer.layers)
            if role == "jail" and lacks and not self._without:
                self._control.send(_encode(protocol.End(answer.pid)))
                self._answer(CONTROL_SECONDS)
                raise _Weaker(f"a worker came without {', '.join(sorted(lacks))}, which this machine has")
            pages = usage.receive_pages(ours) if limits.measured else None
        except BaseException:
            ours.close()
            os.close(output)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            theirs.close()
        return Worker(self.end, answer.pid, ours, folder, output, answer.layers, pages)

    def _answer(self, seconds: float) -> protocol.Reply:
        assert self._control is not None
        self._control.settimeout(seconds)
        data = self._control.recv(2**16)
        if not data:
            raise ChannelClosed("the zygote is gone")
        return msgspec.msgpack.decode(data, type=protocol.Reply)

    def end(self, pid: int) -> protocol.Ended:
        """Kill worker `pid` with all that it started, and say how it had ended."""
        with self._lock:
            if self._control is None:
                return protocol.Ended(status=signal.SIGKILL, strays=0)
            try:
                self._control.send(_encode(protocol.End(pid)))
                answer = self._answer(CONTROL_SECONDS)
                assert isinstance(answer, protocol.Ended)
                return answer
            except (OSError, ChannelError, msgspec.MsgspecError, AssertionError):
                self._stop()  # its workers die with it
                return protocol.Ended(status=signal.SIGKILL, strays=0)

    def _said(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode("utf-8", "replace")

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            if self._starting:  # no worker yet, and it would not hear of this before torch is imported
                self._process.kill()
            try:
                self._process.wait(2.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _output_file() -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("output")
    else:
        descriptor, path = tempfile.mkstemp(prefix="autograder-output-")
        os.unlink(path)
    if sys.platform != "win32":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor
