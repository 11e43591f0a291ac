"""A fence around the memory that a worker has before it reads any code: what it maps later can't take the place of it.

A memory budget counts address space beyond the start, and pages of the start that were written to (`jail.usage`). Both hold only
if nothing of the start can be given back. So a worker that is measured prepares its memory here, and its filter of system calls
(`layers.held`) then refuses to unmap, move, replace or empty whatever lies outside the `Room`: one range of addresses that is
free at the start, and where the kernel puts all that is mapped from then on.

Its allocator is told to map every large block by itself and to have one pool for all threads. So a block that is freed
gives its address space back, and a thread that allocates does not reserve 64 MB of it: what is measured is what is held.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import mmap
import re
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.jail.layers.base import Room, check, libc

PAGE = mmap.PAGESIZE
PROBES = 4096

PROT_NONE = 0
MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE, MAP_FIXED_NOREPLACE = 0x02, 0x20, 0x4000, 0x100000
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of mallopt(3)
LARGE_BLOCK = 128 * 1024

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+ *(.*)")


@dataclass(frozen=True)
class Mapping:
    """Addresses `low` to `high` of a process, and the name that the kernel gives them."""

    low: int
    high: int
    name: str = ""


def mappings(maps: Iterable[str]) -> list[Mapping]:
    """The lines of /proc/<pid>/maps, without the page that the kernel shows above all addresses of a process."""
    found = []
    for line in maps:
        match = _MAPPING.match(line)
        if match and match[3].strip() != "[vsyscall]":
            found.append(Mapping(int(match[1], 16), int(match[2], 16), match[3].strip()))
    return found


def gaps(found: list[Mapping]) -> list[Room]:
    """The ranges of free addresses between mappings."""
    return [Room(before.high, after.low) for before, after in itertools.pairwise(found) if before.high < after.low]


def largest_gap(found: list[Mapping]) -> Room:
    """Where the kernel puts new mappings, when the smaller gaps are closed. Raises `ValueError` when there is none."""
    return max(gaps(found), key=lambda gap: gap.high - gap.low)


def put_up() -> Room:
    """Make the largest gap of this process the one where mappings go, and return it. Raises `OSError` when it can't be done."""
    _map_large_blocks()
    room = largest_gap(own_mappings())
    for _ in range(PROBES):
        probe = _mmap(None, PAGE, 0)
        if room.low <= probe < room.high:
            check(libc().munmap(ctypes.c_void_p(probe), ctypes.c_size_t(PAGE)), "munmap")
            return largest_gap(own_mappings())
        check(libc().munmap(ctypes.c_void_p(probe), ctypes.c_size_t(PAGE)), "munmap")
        _close_the_gap_at(probe)
    raise OSError("the kernel maps memory in too many places")


def _close_the_gap_at(address: int) -> None:
    """Fill the gap around `address` with memory that nobody can use. Of that below the stack, which grows, only the lower part."""
    found = own_mappings()
    gap = next(gap for gap in gaps(found) if gap.low <= address < gap.high)
    above = next(mapping for mapping in found if mapping.low == gap.high)
    high = address + PAGE if above.name == "[stack]" else gap.high
    _mmap(gap.low, high - gap.low, MAP_FIXED_NOREPLACE)


def _map_large_blocks() -> None:
    with contextlib.suppress(AttributeError):  # another C library than glibc
        libc().mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
        libc().mallopt(M_ARENA_MAX, 1)


def own_mappings() -> list[Mapping]:
    """Of the calling process."""
    with open("/proc/self/maps") as file:
        return mappings(file)


def _mmap(address: int | None, length: int, flags: int) -> int:
    call = ctypes.CFUNCTYPE(
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
        use_errno=True,
    )(("mmap", libc()))
    found = call(address, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0)
    if found is None or found == ctypes.c_void_p(-1).value:
        check(-1, "mmap")
    assert found is not None
    return found
