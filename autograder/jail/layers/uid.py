"""L3: a user of its own for every worker, one that no person and no other worker is.

The file permissions of everyone else hold against it, it can signal nobody, and the number of its threads and processes is
bounded. It must still be able to read the interpreter: where that lies in a folder closed to others (a home folder), only
the private root of `namespaces` makes it visible, and without that the layer is left out.
"""

from __future__ import annotations

import functools
import os
import struct
import sys

from autograder.jail.layers import namespaces, paths
from autograder.jail.layers.base import Probe, Settings, check, fails_in_a_fork, libc
from autograder.jail.layers.process import die_with_parent

NAME = "L3 uid"
GUARANTEES = "other users' files and processes are out of reach; threads and processes are bounded"
HOW = "run the grader as root, with a Python that other users can read"

HIGH = 0x70000000  # and the worker's process id, of at most 22 bits
LOW, LOW_COUNT = 61184, 4336  # systemd's range for users that come and go; for containers that map only 65536 users
TASKS = 256
PLACES = 64  # of workers of one zygote that have a number of this kind; what is more has the other kind
CAPABILITY_VERSION = 0x20080522


@functools.cache
def probe() -> Probe:
    if sys.platform != "linux":
        return Probe(NAME, False, "only on Linux", GUARANTEES, HOW)
    if os.geteuid() != 0:
        return Probe(NAME, False, "only root can become another user", GUARANTEES, HOW)
    if works_alone():
        return Probe(NAME, True, "a user of its own", GUARANTEES)
    if namespaces.probe().available and not fails_in_a_fork(lambda: _try_it(private_root=True)):
        why = "a user of its own; the interpreter is visible to it in the private root only"
        return Probe(NAME, True, why, GUARANTEES, needs=namespaces.NAME)
    problem = fails_in_a_fork(lambda: _try_it(private_root=False))
    return Probe(NAME, False, f"another user can't run Python here ({problem})", GUARANTEES, HOW)


@functools.cache
def works_alone() -> bool:
    """Whether another user can read the interpreter without a private root."""
    return sys.platform == "linux" and os.geteuid() == 0 and not fails_in_a_fork(lambda: _try_it(private_root=False))


def apply(settings: Settings) -> None:
    import resource

    number = _number(settings)
    os.chown(settings.folder, number, number)
    become(number)
    _, ceiling = resource.getrlimit(resource.RLIMIT_NPROC)
    tasks = TASKS if ceiling == resource.RLIM_INFINITY else min(TASKS, ceiling)
    resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))


def become(number: int) -> None:
    """Be the user and group `number` and nobody else, for good."""
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)
    die_with_parent()


def give_up_capabilities() -> None:
    """For root that stays root: none of its powers are left to it but to own its files."""
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    check(libc().capset(header, bytes(24)), "capset")


def _number(settings: Settings) -> int:
    """No two live workers of a zygote share it. Derived from the process id, as the grader's namespace has it, or, where the worker
    does not know that one, from its place and the zygote: then it is the same for one worker after the other, and tells nothing."""
    many = _mapped("uid", HIGH + 2**28 - 1) and _mapped("gid", HIGH + 2**28 - 1)
    if 0 <= settings.place < PLACES:
        together = settings.zygote * PLACES + settings.place
        return HIGH + 2**27 + together % 2**27 if many else LOW + together % LOW_COUNT
    return HIGH + settings.process if many else LOW + settings.process % LOW_COUNT


def _mapped(kind: str, number: int) -> bool:
    with open(f"/proc/self/{kind}_map") as file:
        for line in file:
            first, _, count = (int(word) for word in line.split())
            if first <= number < first + count:
                return True
    return False


def _try_it(*, private_root: bool) -> None:
    """Another user reads what Python needs, and does not become root again."""
    wanted = paths.must_be_readable()
    if private_root:
        namespaces.enter_for_a_probe()
    become(_number(Settings("", 1, 1, process=os.getpid())))
    for path in wanted:
        with open(path, "rb") as file:
            file.read(1)
        os.listdir(os.path.dirname(path))
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise RuntimeError("it became root again")
