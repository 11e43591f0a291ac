"""What the filter of system calls adds in a worker whose memory is measured: nothing that it had at the start is traded for more.

Without it a submission gives back 200 MB of libraries that it no longer needs, puts its own data there, and the peak of its
address space has not moved. What is refused, and why:

- to unmap, move, replace (`MAP_FIXED`) or empty (`MADV_DONTNEED` and the like) memory outside the room that was free at the start
  (`jail.fence`). Memory of the start can be written to, which `jail.usage` counts, since a page that was written to stays;
- to move the end of the heap: it is memory of the start. The C library maps what it needs instead;
- to make files, folders, links and pipes: what they hold lies in no process's address space. (The one file that it may write
  is its output; its size is bounded.)

The kernel compares addresses here, so nothing depends on what the worker says. A call that is refused answers EPERM: the
allocators of C, Python and torch then keep the memory, as they do when the kernel can't split a mapping.
"""

from __future__ import annotations

import errno
import os

from autograder.jail.layers.base import Room

Instruction = tuple[int, int, int, int]
"""Operation, value, and how many instructions to skip when a comparison holds and when it does not."""

LOAD, IMMEDIATE, LOAD_KEPT, KEEP = 0x20, 0x00, 0x60, 0x02
AND, ADD_X, TO_X = 0x54, 0x0C, 0x07
EQUAL, ABOVE, AT_LEAST, AT_LEAST_X, ALWAYS, RETURN = 0x15, 0x25, 0x35, 0x3D, 0x05, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
ALLOWED, REFUSED = -1, -2  # where a jump goes: to the end that allows, or the one that refuses
ANSWER_NOTHING = 0x00050000  # "errno 0": the call answers 0, which is no address, so that the C library looks elsewhere

MAP_FIXED = 0x10
MREMAP_MAYMOVE = 0x01
O_TMPFILE = 0o20000000
MAKES_A_FILE = os.O_CREAT | O_TMPFILE

NEW_NAMES = (
    "creat",
    "mkdir",
    "mkdirat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "rename",
    "renameat",
    "renameat2",
    "pipe",
    "pipe2",
)
"""Calls that make something which can hold data."""


def bodies(room: Room) -> dict[str, list[Instruction]]:
    """For each call that is held: instructions that return, or leave the number of the call loaded for the rules that follow."""
    inside = within(room)
    return {
        "munmap": inside,
        "madvise": inside,
        "mremap": [*_none_of_these(3, 0xFFFFFFFF ^ MREMAP_MAYMOVE), *inside],  # not to an address of its choice
        "mmap": [
            (LOAD, _low(3), 0, 0),
            (AND, MAP_FIXED, 0, 0),
            (EQUAL, 0, 0, 1),
            (RETURN, ALLOW, 0, 0),
            *inside,
        ],
        "open": _makes_no_file(1),
        "openat": _makes_no_file(2),
        "brk": [(RETURN, ANSWER_NOTHING, 0, 0)],
        **{name: [(RETURN, REFUSE, 0, 0)] for name in NEW_NAMES},
    }


def within(room: Room) -> list[Instruction]:
    """Allow a call on `length` bytes (its second argument) from an address (its first) when they lie in `room`; refuse any other.

    The filter computes in 32 bits, so each number comes in two halves.
    """
    (low_high, low_low), (high_high, high_low) = divmod(room.low, 2**32), divmod(room.high, 2**32)
    return _resolved(
        # address >= room.low, and its upper half is a small number, so that the sum below does not overflow
        (LOAD, _high(0), 0, 0),
        (ABOVE, high_high, REFUSED, 0),
        (ABOVE, low_high, 3, 0),
        (EQUAL, low_high, 0, REFUSED),
        (LOAD, _low(0), 0, 0),
        (AT_LEAST, low_low, 0, REFUSED),
        # length < 2⁴⁸: more than any process has
        (LOAD, _high(1), 0, 0),
        (AT_LEAST, 2**16, REFUSED, 0),
        # the lower half of address + length is kept; where it is less than what was added to, there is a carry
        (LOAD, _low(0), 0, 0),
        (TO_X, 0, 0, 0),
        (LOAD, _low(1), 0, 0),
        (ADD_X, 0, 0, 0),
        (KEEP, 0, 0, 0),
        (AT_LEAST_X, 0, 0, 2),
        (IMMEDIATE, 0, 0, 0),
        (ALWAYS, 1, 0, 0),
        (IMMEDIATE, 1, 0, 0),
        # the upper half, with the carry
        (TO_X, 0, 0, 0),
        (LOAD, _high(0), 0, 0),
        (ADD_X, 0, 0, 0),
        (TO_X, 0, 0, 0),
        (LOAD, _high(1), 0, 0),
        (ADD_X, 0, 0, 0),
        # address + length <= room.high
        (ABOVE, high_high, REFUSED, 0),
        (EQUAL, high_high, 0, ALLOWED),
        (LOAD_KEPT, 0, 0, 0),
        (ABOVE, high_low, REFUSED, ALLOWED),
    )


def _resolved(*instructions: Instruction) -> list[Instruction]:
    """With a jump to one of the two ends for `ALLOWED` and `REFUSED`."""
    ends = {ALLOWED: len(instructions), REFUSED: len(instructions) + 1}

    def jump(to: int, at: int) -> int:
        return ends[to] - at - 1 if to in ends else to

    body = [(what, value, jump(yes, at), jump(no, at)) for at, (what, value, yes, no) in enumerate(instructions)]
    return [*body, (RETURN, ALLOW, 0, 0), (RETURN, REFUSE, 0, 0)]


def _none_of_these(argument: int, bits: int) -> list[Instruction]:
    return [(LOAD, _low(argument), 0, 0), (AND, bits, 0, 0), (EQUAL, 0, 1, 0), (RETURN, REFUSE, 0, 0)]


def _makes_no_file(flags: int) -> list[Instruction]:
    return [*_none_of_these(flags, MAKES_A_FILE), (LOAD, 0, 0, 0)]


def _low(argument: int) -> int:
    return 16 + 8 * argument  # struct seccomp_data, little-endian


def _high(argument: int) -> int:
    return 20 + 8 * argument
