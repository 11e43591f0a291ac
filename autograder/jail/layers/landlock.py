"""L2: Landlock. Only the files on the list can be opened, only the private folder can be written; no TCP.

Three system calls, made through ctypes: they have no wrapper in the C library. A student's machine has torch, NumPy and pytest, and
little more, so the package that wraps them (`landlockpy`) is an oracle of the tests: numbers, versions and what is refused are the same.
Every right that this kernel knows is handled, so what is not granted is refused. From version 6 on, signals and abstract Unix sockets
end at the worker too.
"""

from __future__ import annotations

import ctypes
import functools
import operator
import os
import stat
import struct
import sys

from autograder.jail.layers import paths
from autograder.jail.layers.base import (
    Probe,
    Profile,
    Settings,
    check,
    fails_in_a_fork,
    has_device,
    libc,
    starts_programs,
)
from autograder.jail.layers.process import forbid_new_privileges

NAME = "L2 landlock"
GUARANTEES = "hidden files, other submissions and other processes can't be read; writing only in the private folder"
HOW = "a Linux kernel from 5.13 on with Landlock among its security modules (`lsm=landlock,…` on the kernel's command line)"

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
VERSION_FLAG = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8
MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = 1 << 9, 1 << 10, 1 << 11, 1 << 12
REFER, TRUNCATE, IOCTL_DEV, RESOLVE_UNIX = 1 << 13, 1 << 14, 1 << 15, 1 << 16
BIND_TCP, CONNECT_TCP, BIND_UDP, CONNECT_SEND_UDP = 1 << 0, 1 << 1, 1 << 2, 1 << 3
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 1 << 0, 1 << 1

# Rights, each with the version of the interface that brought it.
FILES = {1: (1 << 13) - 1, 2: REFER, 3: TRUNCATE, 5: IOCTL_DEV, 9: RESOLVE_UNIX}
NETWORK = {4: BIND_TCP | CONNECT_TCP, 10: BIND_UDP | CONNECT_SEND_UDP}
SCOPES = {6: SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL}

READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | TRUNCATE
OWN = READ | WRITE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # the only rights that a rule on a file may name


@functools.cache
def version() -> int:
    """The version of the interface that this kernel speaks; 0 when it has none, or keeps it switched off."""
    if sys.platform != "linux":
        return 0
    return max(libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_FLAG)), 0)


def contains_signals() -> bool:
    """Whether a worker behind this layer can signal nobody but itself."""
    return version() >= 6


@functools.cache
def probe() -> Probe:
    if version() == 0:
        return Probe(NAME, False, "this kernel has no Landlock, or it is switched off", GUARANTEES, HOW)
    problem = fails_in_a_fork(_try_it)
    if problem:
        return Probe(NAME, False, f"it does not hold here ({problem})", GUARANTEES, HOW)
    missing = []
    if version() < 4:
        missing.append("TCP is left to seccomp")
    if version() < 6:
        missing.append("signals are left to seccomp")
    return Probe(NAME, True, "; ".join([f"version {version()}", *missing]), GUARANTEES)


def prepare(profile: Profile) -> None:
    """In the zygote: find out once what there is to see."""
    paths.visible(profile)


def apply(settings: Settings) -> None:
    seen = paths.visible(settings.profile)
    tools = starts_programs(settings.profile)
    # Where there is a private root, the packages are not in it, which costs less than a rule for each of the others.
    read, listed = paths.readable(settings.profile, () if "L3 namespaces" in settings.on else settings.hidden)
    grants = [(path, READ) for path in read]
    grants += [(path, READ_DIR) for path in listed]
    grants += [(path, READ | EXECUTE) for path in seen.execute]
    grants += [(path, READ | WRITE) for path in seen.devices]
    grants += [(path, READ | WRITE | IOCTL_DEV) for path in seen.accelerators]
    # Opened now: /proc/self is the worker's own, and the private root has a /proc of its own.
    grants += [(f"/proc/{name}", READ) for name in seen.proc]
    if has_device(settings.profile):
        grants.append(
            ("/proc/self/task", READ | WRITE)
        )  # the driver names its threads there, and gives up where it may not
    grants.append((settings.folder, OWN | EXECUTE if tools else OWN))
    restrict(grants)


def known(rights: dict[int, int], version: int) -> int:
    """Those of a table of rights that this version of the interface has."""
    return functools.reduce(operator.or_, (right for since, right in rights.items() if since <= version), 0)


def restrict(grants: list[tuple[str, int]]) -> None:
    """Put the calling process behind a ruleset that grants these rights, each below its path, and no others."""
    files, network, scopes = (known(rights, version()) for rights in (FILES, NETWORK, SCOPES))
    sizes = {1: 8, 2: 8, 3: 8, 4: 16, 5: 16}
    attributes = struct.pack("=QQQ", files, network, scopes)[: sizes.get(version(), 24)]
    call = libc().syscall
    ruleset = check(
        call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)),
        "landlock_create_ruleset",
    )
    try:
        for path, rights in grants:
            _grant(ruleset, path, rights & files)
        forbid_new_privileges()
        check(call(RESTRICT_SELF, ruleset, ctypes.c_uint32(0)), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # nothing there to grant
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        added = libc().syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, ctypes.c_uint32(0))
        check(added, f"landlock_add_rule for {path}")
    finally:
        os.close(descriptor)


def _try_it() -> None:
    """What is granted can be read, what is not can't."""
    restrict([(os.path.dirname(os.__file__), READ)])
    with open(os.__file__, "rb") as file:
        file.read(1)
    for path in ("/", "/proc/self/environ"):
        try:
            os.close(os.open(path, os.O_RDONLY))
        except PermissionError:
            continue
        raise RuntimeError(f"{path} could be opened")
