"""What looking at one answer may cost the twin: memory beyond what it has, and CPU time.

An answer is plain data and no larger than a few times the expected one, and still a judge can make much of it: an outer
product of two vectors, a loop over all pairs. Both limits are raised as exceptions in the code that runs; what does not
return to Python for so long is ended from outside (`grading.twins`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from autograder.experiment.time_limit import TimeUp, soft_limit

MEMORY = 512 * 2**20
"""Bytes that may be asked for beyond what the process has."""
PER_BYTE = 32
"""And so many for each byte of the answer and of the expected one: float8 is compared in float64, with errors and bounds."""
SECONDS = 5.0
"""Of CPU time. The slowest judge of the course takes a hundredth of it."""


@contextlib.contextmanager
def bounded(size: int, seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Bound the block's CPU time, and its memory for answers of `size` bytes together. Only in a process of one's own, from its main
    thread. Raises `TimeUp`; Python and NumPy raise `MemoryError`, torch a `RuntimeError`."""
    with _memory(memory + PER_BYTE * size), soft_limit(seconds):
        yield


@contextlib.contextmanager
def _memory(room: int) -> Iterator[None]:
    try:
        import resource

        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError):  # not Linux: a student's own machine
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now + room
    limits = [each for each in (wanted, soft, hard) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def is_too_dear(error: BaseException) -> str:
    """`memory` or `time` where that is what `error` says was used up, else ""."""
    if isinstance(error, TimeUp):
        return "time"
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in str(error)):
        return "memory"
    return ""
