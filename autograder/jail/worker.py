"""A worker: a forked process that applies the layers, then runs a student's code and answers with observations.

It ends when its channel does. Nothing private is in it: no seeds, no expected values, no other case than the one at hand.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import io
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import torch

from autograder.experiment import hosted_here, observe, suspicious
from autograder.jail import fence, layers, usage
from autograder.jail.guard import ForbiddenImport, ForbiddenUse, Guard
from autograder.lab import ends
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.messages import (
    MAX_NOTICED,
    Answer,
    Ask,
    Inspect,
    Inspected,
    Load,
    Noticed,
    Observed,
    Reply,
    Request,
    Run,
    Warm,
    Warmed,
)

CLOSED = ("autograder.capstone",)
"""Packages of ours that no submission may import: equivalents of parts are there, which would be answers of exercises."""


def serve(sock: socket.socket, settings: layers.Settings, output: int, ready: int = -1) -> None:
    """Put this process behind the layers and answer requests until the channel closes.

    What became of the layers is written to the descriptor `ready`: "on " and their names, or why they failed.
    """
    os.environ["TMPDIR"] = os.environ["HOME"] = settings.folder
    os.environ["USER"] = os.environ["LOGNAME"] = "student"  # asked of the environment before /etc/passwd
    tempfile.tempdir = settings.folder
    for package in CLOSED:
        sys.modules[package] = None  # pyright: ignore[reportArgumentType]  # importing it raises ImportError
    if not settings.device:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # torch would look for what it may not open
        os.environ["TRITON_INTERPRET"] = "1"  # its kernels run as Python, before any code that defines one is loaded
    try:
        for package in settings.imports:
            with contextlib.suppress(ImportError):
                importlib.import_module(package)
        if settings.measured:  # while it may: what follows closes /proc, and bounds address space
            settings = replace(settings, room=fence.put_up())
            usage.tell_pages(sock)
        said = "on " + "\n".join(layers.apply_all(settings))
        printed = _redirect(output)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise
    finally:
        if ready >= 0:
            os.write(ready, said.encode()[:4000])
        _close_all_but(sock.fileno(), output)
    channel: Channel[Reply | Inspected | Warmed, Request] = Channel(sock, Request)
    worker = _Worker(guarded=True)
    number = 0
    ends.connect(lambda ask: asked(channel, number, ask))
    while True:
        try:
            number, request = channel.receive()
            printed.begin(request.output_bytes if isinstance(request, Load) else None)
            channel.send(number, worker.answer(request))
        except ChannelError:
            return


class _Worker:
    """The state between a `Load` and its `Run`s. `guarded`: this process is there for it alone, so it may be changed."""

    def __init__(self, guarded: bool = False) -> None:
        self.implementation: observe.Implementation | None = None
        self.experiments: dict[str, Callable[..., Any]] = {}
        self.guarded = guarded
        self.guard: Guard | None = None

    def answer(self, request: Request) -> Reply | Inspected | Warmed:
        if isinstance(request, Inspect):
            return inspect(request)
        if isinstance(request, Warm):
            return warm(request)
        observed = self.load(request) if isinstance(request, Load) else self.run(request)
        return self._with_notes(observed)

    def _with_notes(self, observed: Observed) -> Observed:
        """What the guard saw; where its refusal is what ended the run, that is what became of it."""
        noticed = self.guard.noticed() if self.guard is not None else []
        if not noticed:
            return observed
        refused = observed.kind == "raised" and observed.name in (ForbiddenUse.__name__, ForbiddenImport.__name__)
        if refused and not observed.builtin:
            return Observed(
                kind="forbidden", name=noticed[-1].name, line=observed.line, seconds=observed.seconds, noticed=noticed
            )
        return msgspec.structs.replace(observed, noticed=noticed)

    def load(self, request: Load) -> Observed:
        if self.guarded and request.forbidden:
            self.guard = Guard(request.forbidden, request.file)
            self.guard.install()
        self.implementation, observed = observe.load(
            request.source,
            request.stub,
            request.module,
            request.file,
            request.forbidden,
            seconds=request.seconds,
            wall_seconds=request.wall_seconds,
            seed=request.torch_seed,
        )
        if self.implementation is not None:
            # After the student's module: a name that it planted in sys.modules only spoils its own observations.
            module = observe.load_module(request.experiments, f"experiments.{request.module}", "checks")
            self.experiments = vars(module)
            if self.guard is not None:
                self.guard.trusted = self.experiments
        gc.freeze()
        return observed

    def run(self, request: Run) -> Observed:
        assert self.implementation is not None, "Run before a successful Load"
        # Where nothing is guarded, hosted values are here too; a guarded worker has an end of them alone.
        run = observe.run if self.guarded else hosted_here.run
        return run(
            self.implementation,
            self.experiments[request.experiment],
            request.inputs,
            seconds=request.seconds,
            wall_seconds=request.wall_seconds,
            device=request.device,
            seed=request.torch_seed,
            answer_bytes=request.answer_bytes,
        )


def asked(channel: Channel[Any, Any], number: int, ask: Ask) -> Answer:
    """The grader's answer to what is asked of a hosted value in the middle of run `number`.

    No alarm rings between the two: one that came in the middle of a message would leave half of it. It rings afterwards.
    """
    rings = {signal.SIGALRM, signal.SIGPROF} if hasattr(signal, "pthread_sigmask") else set()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, rings) if rings else set()
    try:
        channel.send(number, ask)
        return Channel(channel.sock, Answer).receive()[1]
    finally:
        if rings:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def warm(request: Warm) -> Warmed:
    """Make the device's context and load its libraries. The memory allocator of the device is left as small as it was."""
    try:
        x = torch.ones(16, 16, device=request.device)
        for dtype in (torch.float32, torch.bfloat16):
            (x.to(dtype) @ x.to(dtype)).sum().item()
        del x
        if request.device == "cuda":
            torch.cuda.empty_cache()
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # no driver, no memory left, a device that another process has broken
        return Warmed(str(error)[:1000])
    return Warmed()


def inspect(request: Inspect) -> Inspected:
    """What a person should look at in a source that can be read; one that can't is told by `Load`."""
    try:
        tree, stub = ast.parse(request.source), ast.parse(request.stub)
        found = suspicious.suspicions(tree, request.forbidden, stub)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return Inspected()
    return Inspected([Noticed(kind=each.trick, name=each.word[:200], line=each.line) for each in found[:MAX_NOTICED]])


class CappedWriter(io.TextIOBase):
    """What the student prints: passed on to a file descriptor up to a cap, then dropped."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.start = 0
        self.cap = 0  # bytes, of one case

    def begin(self, cap: int | None) -> None:
        """A new case begins: it has the whole cap. None: that of the last one."""
        self.cap = self.cap if cap is None else cap
        self.start = os.fstat(self.descriptor).st_size

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = self.start + self.cap - os.fstat(self.descriptor).st_size
        if room > 0:
            data = text.encode("utf-8", "backslashreplace")
            os.write(self.descriptor, data[:room])
        return len(text)


def _close_all_but(*kept: int) -> None:
    """Close what was inherited: nothing that the zygote holds is within the student's reach."""
    before = 2
    for descriptor in sorted(kept):
        os.closerange(before + 1, descriptor)
        before = descriptor
    os.closerange(before + 1, 2**20 if sys.platform == "linux" else 4096)


def _redirect(output: int) -> CappedWriter:
    """stdin is empty; what Python code prints goes to the file `output`; what C code prints goes nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    sys.stdin = io.StringIO()
    sys.stdout = sys.stderr = writer = CappedWriter(output)
    return writer
