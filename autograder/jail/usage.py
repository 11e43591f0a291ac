"""What a worker has used, as the kernel counts it. The grader asks; nothing that the worker says or does is believed.

- Memory is address space: its peak (`VmPeak`, which only rises) beyond what the process had before it read any submitted
  code. So it does not help to free before the end, to allocate when the file is imported, or to map memory and touch it later;
  shared and file-backed maps count like any other. It is exact to the page, where resident memory also counts which pages of
  torch's own libraries happened to be read (16 MB in a first matrix product).
- CPU time is the process's own clock, which all of its threads drive, from before the file was read.

A worker can start no process (seccomp), so there is nothing else to count. What is not seen: files in its private folder,
which are bounded by themselves.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

_CPUCLOCK_SCHED = 2


@dataclass(frozen=True)
class Usage:
    """Of one process at one moment, or between two."""

    memory: int  # bytes of address space, at the highest
    cpu: float  # seconds, of all threads

    def beyond(self, start: Start) -> Usage:
        """What has been used since `start`."""
        return Usage(max(self.memory - start.memory, 0), max(self.cpu - start.cpu, 0.0))


@dataclass(frozen=True)
class Start:
    """What a process had before it did anything."""

    memory: int  # bytes of address space, then
    cpu: float


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


def start(pid: int) -> Start | None:
    """How a process stands now; None where the kernel does not tell."""
    found = _status(pid)
    return None if found is None else Start(found["VmSize"], _cpu(pid))


def usage(pid: int) -> Usage | None:
    """What a process has used in its life; None when it has ended."""
    found = _status(pid)
    return None if found is None else Usage(found["VmPeak"], _cpu(pid))


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
