"""The zygote: a process that has imported torch, holds nothing private, and forks workers on request.

Started by exec (`python -s -P -m autograder.jail.zygote`) with a scrubbed environment. Requests come one at a time over a
socket, each with the descriptors that the new worker gets. When the grader goes away, so do the zygote and its workers.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
from typing import Any

import msgspec

from autograder.jail import layers, pages
from autograder.jail.layers import Profile, Settings, cgroup, first_process, namespaces
from autograder.jail.layers.base import has_device
from autograder.jail.layers.process import adopt_orphans

READY_SECONDS = 20.0


class Fork(msgspec.Struct, tag="fork"):
    """Start a worker. With it come two descriptors: its channel and its output file."""

    role: str  # "jail", or of trusted processes "twin" and "host"
    folder: str
    cpu_seconds: int
    memory_mb: int
    file_mb: int
    profile: Profile = "default"
    without: list[str] = []  # layers to leave out: for tests and --unsafe
    hidden: list[str] = []  # packages that it can't read
    lab: list[str] = []  # values of the lab whose data this worker will want, and `LATER`
    imports: list[str] = []  # packages that it has before it reads any code, where they are installed
    measured: bool = False  # whether it may not give back what it has at the start: its memory is measured


class End(msgspec.Struct, tag="end"):
    """Kill a worker and everything that it started, and tell how it had ended."""

    pid: int


class Forked(msgspec.Struct, tag="forked"):
    pid: int  # 0 when there is no worker
    layers: list[str] = []  # that it is behind
    problem: str = ""  # why there is none


class Ended(msgspec.Struct, tag="ended"):
    status: int  # of os.waitpid; 0 when it was still running
    strays: int  # processes that it had left


class Ready(msgspec.Struct, tag="ready"):
    python: str
    torch: str
    numpy: str
    pid: int
    cuda: bool = False  # whether torch sees a device


Request = Fork | End
Reply = Forked | Ended | Ready

WORKER_FAILED = 70
"""Exit code of a worker whose own code failed: only a submission that tampers with it brings that about."""

GATHER_AT, GATHER_EVERY = (24, 96), 256
"""The forks before which memory is put on huge pages: who wants a few workers need not wait for it. Again later, since what was
read meanwhile is new, and what was written to has small pages again."""

LATER = "torch.fx.experimental.symbolic_shapes"
"""What torch imports when somebody first gives `backward` a gradient: 0.4 s in every worker, where nobody has done it before."""

_places: dict[int, int] = {}
"""By process id, the place of each live worker that has a PID namespace."""

_firsts: dict[int, int] = {}
"""By process id of a worker, that of the first process of its PID namespace."""

_encode = msgspec.msgpack.Encoder().encode


def main(descriptor: int) -> None:
    control = socket.socket(fileno=descriptor)
    decoder = msgspec.msgpack.Decoder(Request)
    adopt_orphans()
    layers.probe_here()  # tried in forks, which cost little before torch is here
    ready = _warm_up()
    control.send(_encode(ready))
    workers: set[int] = set()
    measured: set[int] = set()  # of them, those whose memory is
    forks, gather = 0, False
    try:
        while True:
            data, descriptors, _, _ = socket.recv_fds(control, 2**16, 2)
            if not data:
                return
            request = decoder.decode(data)
            if isinstance(request, Fork):
                _preload(request.lab)
                if not has_device(request.profile) and not ready.cuda:
                    _import_here(request.imports)
                forks += 1
                gather |= forks in GATHER_AT or not forks % GATHER_EVERY
                if gather and not measured:  # what is shared with a worker now would be that worker's alone
                    pages.gather()
                    gather = False
                forked = _fork(request, control, descriptors, workers, ready.cuda)
                for each in descriptors:
                    os.close(each)
                if request.measured and forked.pid:
                    measured.add(forked.pid)
                control.send(_encode(forked))
            else:
                workers.discard(request.pid)
                measured.discard(request.pid)
                control.send(_encode(_end(request.pid, workers)))
    finally:
        for pid in list(workers):
            workers.discard(pid)
            _end(pid, workers)


def _warm_up() -> Ready:
    """Import what every worker needs and run one operation: torch reads /proc lazily, and nothing may be left to do."""
    import numpy
    import torch

    import autograder.experiment.observe
    import autograder.jail.worker
    import autograder.lab

    assert autograder.experiment.observe and autograder.jail.worker and autograder.lab
    torch.set_num_threads(1)
    cuda = _finds_a_device()
    _run_once(backward=not cuda)
    if sys.platform == "linux":
        tasks = os.listdir("/proc/self/task")
        if len(tasks) != 1:  # a fork would copy locks that nobody releases
            raise RuntimeError(f"the zygote has {len(tasks)} threads; a library started one at import")
    gc.collect()
    gc.freeze()
    return Ready(
        python=sys.version.split()[0],
        torch=str(torch.__version__),
        numpy=numpy.__version__,
        pid=os.getpid(),
        cuda=cuda,
    )


def _finds_a_device() -> bool:
    """Whether torch sees a device. Asked in a child: the driver's library, which tells, starts a thread when it is loaded."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return False
    pid = os.fork()
    if pid == 0:
        found = False
        with contextlib.suppress(BaseException):
            found = torch.cuda.is_available()
        os._exit(not found)
    return os.waitpid(pid, 0)[1] == 0


def _run_once(backward: bool) -> None:
    """One small exercise from end to end: what torch and the typing module do lazily is done before the first fork.

    Where there is a device, the first `backward` of a process starts a thread for it, also for tensors that are elsewhere: then
    every worker does its own first one.
    """
    from autograder.experiment import observe
    from autograder.wire.encode import encode

    source = "import torch\ndef f(x: torch.Tensor) -> list[torch.Tensor]:\n    return [(x @ x).softmax(-1)]\n"
    implementation, _ = observe.load(source, source, "warm.up", "warm-up", ["os.system"], seconds=10.0)
    assert implementation is not None

    def experiment(student: observe.Student, x: Any) -> Any:
        y = student.f(x.requires_grad_())[0]
        if backward:
            y.sum().backward()
        return {"y": y, "x.grad": x.grad}

    import torch

    inputs = encode({"x": torch.ones(8, 8)})
    assert observe.run(implementation, experiment, inputs, seconds=10.0).kind == "value"
    for name in [name for name in sys.modules if name.endswith("warm.up")]:
        del sys.modules[name]


def _preload(names: list[str]) -> None:
    """Read big data of the lab here, once: every worker forked from now on has it without reading it again. So with `LATER`."""
    from autograder import lab

    for name in names:
        lab.preload(name)
    if LATER in names and LATER not in sys.modules:
        importlib.import_module(LATER)
        gc.freeze()


INTERPRET = "TRITON_INTERPRET"
_IMPORTED_LATER = {"triton": ("triton.experimental.gluon",)}
"""What a package imports when it is first used."""
_tried: set[str] = set()
_imported: set[str] = set()
"""Packages that this process has for the workers that want them, beside torch."""


def _import_here(packages: list[str]) -> None:
    """Import what an exercise needs once, for every worker forked from now on: Triton alone takes 0.25 s in each.

    Only where there is no device: there its kernels are interpreted, which is decided when it is imported.
    """
    for package in packages:
        if package in _tried:
            continue
        _tried.add(package)
        before = os.environ.get(INTERPRET)
        os.environ[INTERPRET] = "1"
        pid = os.fork()
        if pid == 0:  # a package that starts a thread can't be here when others are forked
            with contextlib.suppress(BaseException):
                _import_whole(package)
                os._exit(len(os.listdir("/proc/self/task")) != 1)
            os._exit(1)
        if os.waitpid(pid, 0)[1] == 0:
            _import_whole(package)
            _imported.add(package)
            gc.freeze()
        if before is None:
            del os.environ[INTERPRET]
        else:
            os.environ[INTERPRET] = before


def _import_whole(package: str) -> None:
    for name in (package, *_IMPORTED_LATER.get(package, ())):
        importlib.import_module(name)


def _forget(packages: list[str]) -> None:
    """In a worker: what it may not have, it has not inherited either."""
    for name in [name for name in sys.modules if name.partition(".")[0] in _imported.intersection(packages)]:
        del sys.modules[name]


def _fork(request: Fork, control: socket.socket, descriptors: list[int], workers: set[int], cuda: bool) -> Forked:
    """Start a worker, and wait until it is behind its layers: one that could not get there never sees any code."""
    jailed = request.role == "jail"
    try:
        apart = jailed and layers.prepare(request.profile, request.without, tuple(request.hidden))
    except (OSError, ValueError) as error:
        return Forked(0, problem=f"isolation could not be prepared: {error}")
    reads, writes = os.pipe()
    taken = _places.values()
    place = next(number for number in range(len(_places) + 1) if number not in taken) if apart else -1
    zygote = os.getpid()
    pid, first = namespaces.fork_in_a_pid_namespace(request.profile) if apart else (os.fork(), 0)
    if pid == 0:
        control.close()
        os.close(reads)
        channel, output = descriptors
        _become_worker(request, channel, output, writes, cuda, place, zygote)
    os.close(writes)
    workers.add(pid)
    if apart:
        _places[pid] = place
    if first:
        _firsts[pid] = first
    with os.fdopen(reads, "rb") as pipe:
        if not jailed:
            return Forked(pid)
        said = pipe.read() if select.select([pipe], [], [], READY_SECONDS)[0] else b""
    if said.startswith(b"on "):
        return Forked(pid, layers=said[3:].decode().split("\n"))
    workers.discard(pid)
    _end(pid, workers)
    return Forked(0, problem=f"isolation could not be put up: {said.decode('utf-8', 'replace') or 'no answer'}")


def _become_worker(request: Fork, channel: int, output: int, ready: int, cuda: bool, place: int, zygote: int) -> None:
    """In the child: serve, and never return."""
    try:
        sock = socket.socket(fileno=channel)
        if request.role == "twin":
            os.close(ready)
            from autograder.twin import twin

            twin.serve(sock)
        elif request.role == "host":
            os.close(ready)
            from autograder.lab import hosting

            hosting.serve(sock)
        else:
            from autograder.jail import worker

            _forget(request.hidden)
            settings = Settings(
                folder=request.folder,
                cpu_seconds=request.cpu_seconds,
                memory_mb=request.memory_mb,
                file_mb=request.file_mb,
                profile=request.profile,
                device=cuda and has_device(request.profile),
                hidden=tuple(request.hidden),
                without=tuple(request.without),
                imports=tuple(request.imports),
                place=place,
                zygote=zygote,
                measured=request.measured,
            )
            worker.serve(sock, settings, output, ready)
    except BaseException:
        if request.role != "jail":
            import traceback

            traceback.print_exc()
        os._exit(WORKER_FAILED)
    os._exit(0)


def _end(pid: int, workers: set[int]) -> Ended:
    """Kill the worker's whole session, reap it, then whatever of its descendants has fallen to this process."""
    status = 0
    # Its own end, if it had one, is what the verdict names: look before killing. A dying process (a core being
    # dropped, memory being freed) closes its channel a moment before it can be reaped: give it that moment.
    for _ in range(20):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.001)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        status = 0
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # what it left in its session
    _places.pop(pid, None)
    if pid in _firsts:
        first_process.end(_firsts.pop(pid))
    strays = _end_strays(workers.union(_firsts.values()))
    cgroup.remove(pid)
    return Ended(status=status, strays=strays)


def _end_strays(workers: set[int]) -> int:
    """Kill every child that is no worker: a daemon that a worker left. Killing one may hand over its own children."""
    found = 0
    for _ in range(1000):
        strays = _children() - workers
        if not strays:
            break
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
                found += 1
    return found


def _children() -> set[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return {int(pid) for pid in file.read().split()}
    except OSError:
        return set()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(int(sys.argv[1]))
