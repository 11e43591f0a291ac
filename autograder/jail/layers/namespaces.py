"""L3: a root folder that holds nothing but what a worker may see, and no network but an empty one.

The root is built once in the zygote, as a mount namespace that nothing runs in; a worker joins it, takes a copy, and puts a
file system of its own, bounded in size and in files, where its private folder is: a quarter of a millisecond, where
building a root for each worker took six. Network and IPC namespaces are the zygote's, entered once: sockets and System V IPC
are refused by seccomp anyway, and an own pair for each worker cost five milliseconds at its end.

Each worker has a PID namespace, and sees only the processes in it: its number and those of its threads are always the same, and tell
nothing of other workers. Where children can be started (`tools`, `gpu-tools`) it is the first process there, so that they all end with it.
The first process can't be ended by its own signals (`abort` shows as a segmentation fault): in the profile `default` it is the second
(`first_process`). The profile `gpu` does without.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import sys
import tempfile
from collections.abc import Iterator

from autograder.jail.layers import first_process, paths
from autograder.jail.layers.base import Probe, Profile, Settings, check, fails_in_a_fork, libc, starts_programs

NAME = "L3 namespaces"
GUARANTEES = "the rest of the file system and the network are not there; its disk space is bounded"
HOW = "run the grader as root (in a container: with CAP_SYS_ADMIN)"

NEWNS, NEWCGROUP, NEWIPC, NEWPID, NEWNET = 0x00020000, 0x02000000, 0x08000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

FILES = 4096  # that a worker may have in its private folder
FOLDER_MB = 64  # at least


@functools.cache
def probe() -> Probe:
    if sys.platform != "linux" or platform.machine() not in PIVOT_ROOT:
        return Probe(NAME, False, "only Linux on x86_64 and aarch64", GUARANTEES, HOW)
    if os.geteuid() != 0:
        return Probe(NAME, False, "only root can make them", GUARANTEES, HOW)
    problem = fails_in_a_fork(_try_it)
    if problem:
        return Probe(NAME, False, f"they can't be made here ({problem})", GUARANTEES, HOW)
    return Probe(NAME, True, "a private root, no network", GUARANTEES)


def prepare(profile: Profile) -> None:
    """In the zygote: leave the network, and build the root that workers of this profile will have."""
    _leave_the_network()
    _root_of(profile)


def apply(settings: Settings) -> None:
    template = _root_of(settings.profile)
    _setns(template, NEWNS)
    _unshare(NEWNS)
    if settings.process != os.getpid():  # in a PID namespace of its own, processes have other numbers
        _mount_proc(settings)
    if "L3 cgroup" in settings.on:
        _unshare(NEWCGROUP)  # the group's name has the number that the grader knows the worker by
    before = os.umask(0o022)
    os.makedirs(settings.folder, exist_ok=True)
    os.umask(before)
    size = max(FOLDER_MB, 4 * settings.file_mb)
    _mount("tmpfs", settings.folder, "tmpfs", NOSUID | NODEV, f"mode=700,size={size}m,nr_inodes={FILES}")
    for path in paths.packages(settings.hidden):
        if os.path.isdir(path):
            _mount("tmpfs", path, "tmpfs", NOSUID | NODEV | RDONLY, "mode=755,size=4k,nr_inodes=2")
        else:
            _mount("/dev/null", path, None, BIND)
    os.chdir(settings.folder)


def fork_in_a_pid_namespace(profile: Profile) -> tuple[int, int]:
    """`os.fork`, with the child in a new PID namespace, which ends with the first process in it. Returns the child's id, and that of the
    first process (`first_process.end` ends it), 0 where the child is the first."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _unshare(NEWPID)
        pid = first = -1
        try:
            first = 0 if starts_programs(profile) else first_process.start()
            pid = os.fork()
        finally:
            if pid != 0:
                _setns(own, NEWPID)
            if pid < 0 < first:
                first_process.end(first)
        return pid, first
    finally:
        os.close(own)


def _mount_proc(settings: Settings) -> None:
    """The processes of the worker's own namespace. What else is in /proc, counters of the whole machine, Landlock closes; where it is
    off, they are not there (from Linux 5.8 on)."""
    options = "hidepid=2" if "L2 landlock" in settings.on else "hidepid=2,subset=pid"
    try:
        _mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC, options)
    except OSError:
        _mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC, "hidepid=2")


@functools.cache
def _leave_the_network() -> None:
    _unshare(NEWNET | NEWIPC)


@functools.cache
def _root_of(profile: Profile) -> int:
    """A descriptor of a mount namespace whose root holds what a worker of this profile may see."""
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    folder = os.open(".", os.O_PATH | os.O_CLOEXEC)
    place = tempfile.mkdtemp(prefix="autograder-root-")
    try:
        _unshare(NEWNS)
        try:
            made = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            _build(place, profile)
        finally:
            _setns(home, NEWNS)
            os.fchdir(folder)
    finally:
        os.rmdir(place)
        os.close(home)
        os.close(folder)
    return made


def _build(root: str, profile: Profile) -> None:
    """Make `root` the root folder of this mount namespace, with what may be seen in it and nothing else."""
    _mount(None, "/", None, REC | PRIVATE)
    _mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "mode=755,size=1m")
    seen = paths.visible(profile)
    with _umask(0o022):
        shown: list[str] = []
        for path in sorted(seen.all, key=len):  # a folder comes before what lies in it
            real = _mirror_links(path, root)
            if any(real == other or real.startswith(other + "/") for other in shown):
                continue
            device = path in seen.devices or path in seen.accelerators
            _show(real, root, device=device)
            shown.append(real)
        os.makedirs(root + "/proc", exist_ok=True)
        _mount("proc", root + "/proc", "proc", NOSUID | NODEV | NOEXEC, "hidepid=2")
    os.chdir(root)
    # The new root on top of the old one, and then the old one away: no folder is needed to put it in.
    check(libc().syscall(PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    check(libc().umount2(b".", DETACH), "umount")
    os.chdir("/")


def _mirror_links(path: str, root: str) -> str:
    """Where `path` really is. Symbolic links on the way (`/lib` to `usr/lib`) are made below `root` too."""
    waiting = path.strip("/").split("/")
    done = ""
    for _ in range(200):
        if not waiting:
            return done
        here = f"{done}/{waiting.pop(0)}"
        if not os.path.islink(here):
            done = here
            continue
        link = os.readlink(here)
        if not os.path.lexists(root + here):
            os.makedirs(os.path.dirname(root + here), exist_ok=True)
            os.symlink(link, root + here)
        waiting = os.path.normpath(os.path.join(done or "/", link)).strip("/").split("/") + waiting
        done = ""
    raise OSError(f"{path} has too many symbolic links")


def _show(path: str, root: str, *, device: bool) -> None:
    target = root + path
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(path, target, None, BIND | REC)
    if not device and path not in ("/dev/urandom", "/dev/random"):
        _mount(None, target, None, BIND | REMOUNT | RDONLY | NOSUID | NODEV)


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _try_it() -> None:
    """What may be seen is there, nothing else is, and the private folder can be written."""
    _leave_the_network()
    enter_for_a_probe()
    with open("written", "w") as file:
        file.write("x")
    for path in paths.must_be_readable():
        with open(path, "rb") as file:
            file.read(1)
    for path in ("/etc/passwd", "/root/.ssh", "/var", "/home"):
        if os.path.lexists(path):
            raise RuntimeError(f"{path} can be seen")


def enter_for_a_probe() -> None:
    apply(
        Settings(folder=f"{tempfile.gettempdir()}/autograder-probe", cpu_seconds=10, memory_mb=256, process=os.getpid())
    )


def _unshare(flags: int) -> None:
    check(libc().unshare(flags), "unshare")


def _setns(descriptor: int, flags: int) -> None:
    check(libc().setns(descriptor, flags), "setns")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, options)]
    check(libc().mount(words[0], words[1], words[2], flags, words[3]), f"mount {target}")
