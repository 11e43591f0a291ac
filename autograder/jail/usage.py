"""What a worker has used, as the kernel counts it. The grader asks; nothing that the worker says or does is believed.

Memory is the sum of two numbers that only rise, each beyond what the process had before it read any submitted code:

- the peak of its address space (`VmPeak`). So it does not help to free before the end, to allocate when the file is imported,
  or to map memory and touch it later; shared and file-backed maps count like any other. It is exact to the page, where resident
  memory also counts which pages of torch's own libraries happened to be read (16 MB in a first matrix product);
- the pages of the start that it has written to. A worker inherits 140 MB of Python's and torch's objects and 400 MB of libraries:
  who needs none of them can put a matrix where they are. A page that was written to is the worker's alone, no longer the zygote's,
  and `/proc/<pid>/pagemap` tells that. Counters of references are written to in any run (3 to 4 MB), so `USUAL` is not counted.

Neither would hold if a submission could give back what was there at the start, and map or write as much anew. In a worker that
is measured it can't (`jail.fence`, `layers.held`), nor can it make files, pipes or processes that hold data. That takes seccomp: without
the filter a budget is weaker, and holds against accidents only (`weakness` says so, and `autograder doctor`).

CPU time is the process's own clock, which all of its threads drive, from before the file was read.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from autograder.jail import fence
from autograder.jail.layers import seccomp

USUAL = 8 * 2**20
"""Bytes that any run writes to in what it inherits, and some room."""

PAGEMAP = "/proc/self/pagemap"

_CPUCLOCK_SCHED = 2
_ENTRY = 8  # bytes of /proc/<pid>/pagemap for a page; the flags are in the last one
_PRESENT, _SWAPPED, _FILE, _EXCLUSIVE = 0x80, 0x40, 0x20, 0x01
_OWN = bytes(
    bool(flags & _SWAPPED or flags & (_PRESENT | _FILE | _EXCLUSIVE) == _PRESENT | _EXCLUSIVE) for flags in range(256)
)
"""By the flags of a page: whether it is in memory and this process's alone. Of one that is swapped out nobody tells."""


@dataclass(frozen=True)
class Usage:
    """Of one process at one moment, or between two."""

    memory: int  # bytes of address space, at the highest
    cpu: float  # seconds, of all threads
    written: int = 0  # bytes of the pages of the start that are its own

    def beyond(self, start: Start) -> Usage:
        """What has been used since `start`."""
        written = max(self.written - start.written - USUAL, 0)
        return Usage(max(self.memory - start.memory, 0) + written, max(self.cpu - start.cpu, 0.0))


@dataclass(frozen=True)
class Start:
    """What a process had before it did anything."""

    memory: int  # bytes of address space, then
    cpu: float
    written: int = 0  # bytes of pages that were its own


@dataclass(frozen=True)
class Spent:
    """Of one process so far, in seconds."""

    cpu: float = 0.0  # that its threads ran
    waited: float = 0.0  # that its first thread could have run and had no processor


def spent(pid: int) -> Spent:
    """What process `pid` has done with its time; zeros where the kernel does not tell, or it has been reaped."""
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            waited = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        waited = 0.0
    return Spent(_cpu(pid) if sys.platform == "linux" else 0.0, waited)


class Pages:
    """The memory that a process has at its start, through a descriptor of its `pagemap`."""

    def __init__(self, descriptor: int, ranges: list[tuple[int, int]]) -> None:
        self.descriptor = descriptor
        self.ranges = ranges  # of addresses

    def written(self) -> int:
        """Bytes of pages that are this process's own: inherited ones that it has written to, and new ones."""
        return sum(self._own(low, high) for low, high in self.ranges) * fence.PAGE

    def _own(self, low: int, high: int) -> int:
        entries = b""
        with contextlib.suppress(OSError):  # it has ended
            entries = os.pread(self.descriptor, (high - low) // fence.PAGE * _ENTRY, low // fence.PAGE * _ENTRY)
        return entries[_ENTRY - 1 :: _ENTRY].translate(_OWN).count(1)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1


def tell_pages(sock: socket.socket) -> None:
    """In a worker that has not read any code, and may still open what is in /proc: send the grader what `Pages` are made of."""
    ranges = [(each.low, each.high) for each in fence.own_mappings()]
    opened = [os.open(PAGEMAP, os.O_RDONLY)] if os.path.exists(PAGEMAP) else []
    socket.send_fds(sock, [msgspec.msgpack.encode(ranges)], opened)


def receive_pages(sock: socket.socket) -> Pages | None:
    """The other end of `tell_pages`; None where the kernel has no such file. Raises `OSError` or `msgspec.MsgspecError`."""
    data, descriptors, _, _ = socket.recv_fds(sock, 2**20, 1)
    ranges = msgspec.msgpack.decode(data, type=list[tuple[int, int]])
    return Pages(descriptors[0], ranges) if descriptors else None


def weakness(layers: Collection[str]) -> str:
    """Why a memory budget can be got around behind these layers, or ""."""
    if not os.path.exists(PAGEMAP):
        return f"the kernel has no {PAGEMAP}: memory that a submission writes to in place of libraries is not counted"
    if seccomp.NAME not in layers:
        return f"without {seccomp.NAME} a submission can give back memory of the start, and has that much more"
    return ""


def start(pid: int, pages: Pages | None = None) -> Start | None:
    """How a process stands now; None where the kernel does not tell."""
    found = _status(pid)
    return None if found is None else Start(found["VmSize"], _cpu(pid), 0 if pages is None else pages.written())


def usage(pid: int, pages: Pages | None = None) -> Usage | None:
    """What a process has used in its life; None when it has ended."""
    cpu, written = _cpu(pid), 0 if pages is None else pages.written()
    found = _status(pid)  # last: if it is still there now, it was before
    return None if found is None else Usage(found["VmPeak"], cpu, written)


def _status(pid: int) -> dict[str, int] | None:
    if sys.platform != "linux":
        return None
    found = {}
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in ("VmPeak", "VmSize"):
                    found[name] = int(rest.split()[0]) * 1024
    except OSError:
        return None
    return found if len(found) == 2 else None  # a process that has died has neither


def _cpu(pid: int) -> float:
    # The clock id of another process, as clock_getcpuclockid(3) makes it.
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:  # it ended between two questions
        return 0.0
