"""The zygote: a process that has imported torch, holds nothing private, and forks workers on request.

Started by exec (`python -s -P -m autograder.jail.zygote`) with a scrubbed environment. Requests come one at a time over a
socket, each with the descriptors that the new worker gets. When the grader goes away, so do the zygote and its workers.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time

import msgspec

from autograder.jail import layers, pages
from autograder.jail.layers import Profile, Settings, cgroup, first_process, namespaces
from autograder.jail.layers.base import has_device
from autograder.jail.layers.process import adopt_orphans
from autograder.jail.warm import Ready, forget, import_here, preload, warm_up

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


Request = Fork | End
Reply = Forked | Ended | Ready

WORKER_FAILED = 70
"""Exit code of a worker whose own code failed: only a submission that tampers with it brings that about."""

GATHER_AT, GATHER_EVERY = (24, 96), 256
"""The forks before which memory is put on huge pages: who wants a few workers need not wait for it. Again later, since what was
read meanwhile is new, and what was written to has small pages again."""

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
    ready = warm_up()
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
                preload(request.lab)
                if not has_device(request.profile) and not ready.cuda:
                    import_here(request.imports)
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

            forget(request.hidden)
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
    os._exit(
        0
    )  # who closes a zygote waits for its end, and taking torch apart piece by piece takes a third of a second
