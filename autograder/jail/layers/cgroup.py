"""L3: a control group for every worker: a bound on the memory of everything that it starts, file systems in memory included.

Only with version 2, where the grader's own group may have children with a memory controller: the root of a container whose
cgroup file system is writable, or a group that was delegated. Elsewhere the limits of L1 stand alone.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from pathlib import Path

from autograder.jail.layers.base import Probe, Profile, Settings

NAME = "L3 cgroup"
GUARANTEES = "memory is bounded over all of a worker's processes and files"
HOW = "a writable control group of version 2 with the memory controller, such as the root group of a container"

SLACK_MB = 256  # the interpreter's own pages, and the kernel's
PROCESSES = 256


@functools.cache
def probe() -> Probe:
    if sys.platform != "linux":
        return Probe(NAME, False, "only on Linux", GUARANTEES, HOW)
    group = own_group(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    if group is None:
        return Probe(NAME, False, "no control groups of version 2 are mounted here", GUARANTEES, HOW)
    problem = _why_not(group)
    if problem:
        return Probe(NAME, False, problem, GUARANTEES, HOW)
    return Probe(NAME, True, f"groups below {group}", GUARANTEES)


def own_group(cgroup: str, mountinfo: str) -> Path | None:
    """The folder of the calling process's group, from the texts of /proc/self/cgroup and /proc/self/mountinfo."""
    inside = next((line[3:] for line in cgroup.splitlines() if line.startswith("0::")), None)
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 ") and inside is not None:
            root, mounted_at = before.split()[3:5]
            relative = os.path.relpath(inside, root) if inside.startswith(root) else inside.lstrip("/")
            return Path(os.path.normpath(os.path.join(mounted_at, relative)))
    return None


def apply(settings: Settings) -> None:
    process = os.readlink("/proc/self")  # as the zygote knows it, also from within a PID namespace
    group = _parent() / f"autograder-{process}"
    group.mkdir()
    limits = {
        "memory.max": (settings.memory_mb + SLACK_MB) * 2**20,
        "memory.swap.max": 0,
        "memory.oom.group": 1,
        "pids.max": PROCESSES,
    }
    for name, value in limits.items():
        with contextlib.suppress(FileNotFoundError):  # no swap accounting, no pids controller
            (group / name).write_text(str(value))
    (group / "cgroup.procs").write_text("0")


def remove(pid: int) -> None:
    """In the zygote, when worker `pid` has been ended: end what is left in its group, and the group."""
    if not probe().available:
        return
    group = _parent() / f"autograder-{pid}"
    with contextlib.suppress(OSError):
        (group / "cgroup.kill").write_text("1")
    for _ in range(100):
        try:
            group.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.001)  # the last process is still on its way out


def prepare(profile: Profile) -> None:
    """In the zygote: let groups below this one have a bound on memory."""
    _enable_memory(_parent())


def _enable_memory(group: Path) -> bool:
    control = group / "cgroup.subtree_control"
    if "memory" in control.read_text().split():
        return False
    control.write_text("+memory")
    return True


@functools.cache
def _parent() -> Path:
    group = own_group(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    assert group is not None
    return group


def _why_not(group: Path) -> str:
    """Why groups with a bound on memory can't be made below `group`, or ""; really tried."""
    child = group / f"autograder-probe-{os.getpid()}"
    try:
        if "memory" not in (group / "cgroup.controllers").read_text().split():
            return "the memory controller is not in the grader's own group"
        enabled = _enable_memory(group)
        try:
            child.mkdir()
            (child / "memory.max").write_text(str(2**30))
        finally:
            with contextlib.suppress(FileNotFoundError):
                child.rmdir()
            if enabled:
                (group / "cgroup.subtree_control").write_text("-memory")
    except OSError as error:
        return f"{group} can't be used ({error.strerror or error})"
    return ""
