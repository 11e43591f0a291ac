"""L2: seccomp. An allow-list of system calls: no sockets, no new process, no exec, no ptrace, signals only to oneself.

What is not on the list answers EPERM, so that Python raises `PermissionError` and the student reads what it was that the
jail does not give; only a call made for another architecture (which would go around the list) ends the process.

The filter is assembled here, a few dozen lines, and not by a library. On PyPI there is `pyseccomp`, which loads libseccomp
from the system: it is missing from slim images, conda environments and some distributions, so that `pip install` would not be
enough, and a layer that hidden checks depend on must not hang on a package manager. The list names calls that are allowed,
so a number missing from our table can only refuse too much.

Landlock says nothing about some changes by name (chmod, utime, xattr, truncate before version 3): they are refused here.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import struct
import sys
from dataclasses import dataclass

from autograder.jail.layers import held, landlock, syscalls, uid
from autograder.jail.layers.base import (
    Probe,
    Profile,
    Room,
    Settings,
    check,
    fails_in_a_fork,
    has_device,
    libc,
    starts_programs,
)
from autograder.jail.layers.process import forbid_new_privileges

NAME = "L2 seccomp"
GUARANTEES = "no network, no new process, no program started, no signal or debugger to another process"
HOW = "a Linux kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64, in a container that lets a process set a filter"

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the table, AUDIT_ARCH
X32 = 0x40000000
SET_MODE_FILTER, TSYNC = 1, 1

LOAD, AND, EQUAL, ABOVE, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x25, 0x35, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000

CLONE_VM, CLONE_THREAD, CLONE_NEW_ANYTHING = 0x100, 0x10000, 0x7E020000
TRUNCATE_READ_ONLY = os.O_TRUNC | getattr(os, "O_ACCMODE", 3)
PRCTL = (15, 16, 0x53564D41, 3)  # name a thread, name memory (malloc does), ask whether it is dumpable
# No F_SETOWN, F_SETSIG or F_NOTIFY: with them a descriptor sends any signal to any process. No locks (nor `flock`) but for compilers:
# workers that read the same files would tell each other things by them, and ranks of a world meet in the world alone.
FCNTL = (0, 1, 2, 3, 4, 1030, 1032, 1034)
FCNTL_LOCKS = (5, 6, 7, 36, 37, 38)
IOCTL = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # is it a terminal, its size, bytes waiting, non-blocking, cloexec

AF_UNIX = 1

OWN_PID = -1
"""Stands for the worker's own process id in a rule; filled in when the filter is installed."""


@dataclass(frozen=True)
class Argument:
    """A condition on one argument: its lower half, masked, is one of `values` (or none of them)."""

    index: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    none_of: bool = False
    upper_zero: bool = False  # a pointer, which counts with both halves


def null(index: int) -> Argument:
    return Argument(index, (0,), upper_zero=True)


Rule = tuple[Argument, ...] | int
"""Conditions that must all hold, or the errno with which a call is answered."""


def rules(profile: Profile, contained: bool) -> dict[str, Rule]:
    """Calls that depend on their arguments. `contained`: the kernel itself keeps signals to what the worker started."""
    children, device = starts_programs(profile), has_device(profile)
    clone = Argument(0, (CLONE_VM | CLONE_THREAD,), CLONE_NEW_ANYTHING | CLONE_VM | CLONE_THREAD)
    own = (Argument(0, (OWN_PID,)),)
    found: dict[str, Rule] = {
        "open": (Argument(1, (os.O_TRUNC,), TRUNCATE_READ_ONLY, none_of=True),),
        "openat": (Argument(2, (os.O_TRUNC,), TRUNCATE_READ_ONLY, none_of=True),),
        "sendto": (null(4),),  # only where it is connected to
        "clone": (Argument(0, (0,), CLONE_NEW_ANYTHING),) if children else (clone,),
        "kill": () if children and contained else own,
        "tgkill": () if children and contained else own,
        "prctl": (Argument(0, PRCTL),),
        "prlimit64": (Argument(0, (0, OWN_PID)), null(2)),  # to ask, not to set
        "fcntl": (Argument(1, (*FCNTL, *FCNTL_LOCKS) if children or device else FCNTL),),
        "ioctl": () if device else (Argument(1, IOCTL),),
        "sched_setaffinity": () if device else (Argument(0, (0, OWN_PID)),),
        "socket": (Argument(0, (AF_UNIX,)),) if device else errno.EPERM,
        "clone3": errno.ENOSYS,  # its flags lie in memory: the C library then falls back on clone
        "openat2": errno.ENOSYS,
    }
    return found


@functools.cache
def program(
    profile: Profile, machine: str, contained: bool, other_uid: bool, room: Room | None = None
) -> tuple[bytes, tuple[int, ...]]:
    """The filter for the architecture `machine`, and where the worker's own process id has to be filled in.

    With `room`, for a worker whose memory is measured: `held` comes before the rest.
    """
    column, audit = ARCHITECTURES[machine]
    tables = [syscalls.ALLOWED]
    if starts_programs(profile):
        tables.append(syscalls.TOOLS)
        if other_uid:
            tables.append(syscalls.OWNERSHIP)
    if has_device(profile):
        tables.append(syscalls.GPU)
    if starts_programs(profile) or has_device(profile):
        tables.append(syscalls.COUNTERS)
    conditional = rules(profile, contained)
    allowed = {table[name][column] for table in tables for name in table if name not in conditional}

    code = [_op(LOAD, 4), _op(EQUAL, audit, 1, 0), _op(RETURN, KILL), _op(LOAD, 0)]
    if machine == "x86_64":
        code += [_op(AT_LEAST, X32, 0, 1), _op(RETURN, KILL)]
    for name, body in ({} if room is None else held.bodies(room)).items():
        number = {**syscalls.ALLOWED, **syscalls.CHECKED, **syscalls.COUNTERS}[name][column]
        if number is not None:
            code += [_op(EQUAL, number, 0, len(body)), *(_op(*each) for each in body)]
    holes: list[int] = []
    for name, rule in conditional.items():
        number = syscalls.CHECKED[name][column]
        if number is None:
            continue
        body = _body(rule)
        code.append(_op(EQUAL, number, 0, len(body)))
        for operation, value, yes, no in body:
            if value == OWN_PID:
                holes.append(len(code) * 8 + 4)
                value = 0
            code.append(_op(operation, value, yes, no))
    for low, high in _ranges(sorted(number for number in allowed if number is not None)):
        code += [_op(AT_LEAST, low, 0, 2), _op(ABOVE, high, 1, 0), _op(RETURN, ALLOW)]
    code.append(_op(RETURN, REFUSE | errno.EPERM))
    return b"".join(code), tuple(holes)


def _body(rule: Rule) -> list[tuple[int, int, int, int]]:
    """The instructions for one call: they always return."""
    if isinstance(rule, int):
        return [(RETURN, REFUSE | rule, 0, 0)]
    body: list[tuple[int, int, int, int]] = []
    refuse = (RETURN, REFUSE | errno.EPERM, 0, 0)
    for argument in rule:
        low = 16 + 8 * argument.index  # struct seccomp_data, little-endian
        body.append((LOAD, low, 0, 0))
        if argument.mask != 0xFFFFFFFF:
            body.append((AND, argument.mask, 0, 0))
        if argument.none_of:
            for value in argument.values:
                body += [(EQUAL, value, 0, 1), refuse]
        else:
            left = len(argument.values)
            for value in argument.values:
                body.append((EQUAL, value, left, 0))  # over the other values and the refusal
                left -= 1
            body.append(refuse)
        if argument.upper_zero:
            body += [(LOAD, low + 4, 0, 0), (EQUAL, 0, 1, 0), refuse]
    return [*body, (RETURN, ALLOW, 0, 0)]


def _op(operation: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", operation, yes, no, value)


def _ranges(numbers: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


@functools.cache
def probe() -> Probe:
    if sys.platform != "linux":
        return Probe(NAME, False, "only Linux has seccomp", GUARANTEES, HOW)
    if platform.machine() not in ARCHITECTURES:
        return Probe(NAME, False, f"the filter is not written for {platform.machine()}", GUARANTEES, HOW)
    problem = fails_in_a_fork(_try_it)
    if problem:
        return Probe(NAME, False, f"it does not hold here ({problem})", GUARANTEES, HOW)
    return Probe(NAME, True, "a filter holds", GUARANTEES)


def apply(settings: Settings) -> None:
    other_uid = uid.NAME in settings.on
    contained = other_uid or (landlock.NAME in settings.on and landlock.contains_signals())
    install(*program(settings.profile, platform.machine(), contained, other_uid, settings.room))


def install(code: bytes, holes: tuple[int, ...]) -> None:
    filled = bytearray(code)
    for hole in holes:
        struct.pack_into("<I", filled, hole, os.getpid())
    instructions = (ctypes.c_char * len(filled)).from_buffer(filled)
    header = struct.pack("@HP", len(filled) // 8, ctypes.addressof(instructions))
    forbid_new_privileges()
    column, _ = ARCHITECTURES[platform.machine()]
    number = syscalls.CHECKED["seccomp"][column]
    check(libc().syscall(number, SET_MODE_FILTER, ctypes.c_ulong(TSYNC), header), "seccomp")


def _try_it() -> None:
    """Sockets and processes are refused, files and threads are not."""
    import socket
    import threading

    code, holes = program("default", platform.machine(), False, False)
    install(code, holes)
    thread = threading.Thread(target=os.getpid)
    thread.start()
    thread.join()
    with open(os.__file__, "rb") as file:
        file.read(1)
    for what in (socket.socket, os.fork):
        try:
            what()
        except PermissionError:
            continue
        raise RuntimeError(f"{what.__name__} was not refused")


def prepare(profile: Profile) -> None:
    """Assemble the filters once, before workers are forked."""
    if platform.machine() in ARCHITECTURES:
        program(profile, platform.machine(), True, True)
        program(profile, platform.machine(), landlock.contains_signals(), False)
