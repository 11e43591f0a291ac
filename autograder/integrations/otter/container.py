"""What the machine that grades gives: memory, and isolation. An autograder's container is chosen by an instructor in a web form."""

from __future__ import annotations

from pathlib import Path

from autograder.jail import layers

NEEDED_MB = 512
"""Memory that grading takes beside what a student's code takes; measured, see docs/otter-gradescope.md."""
LEAST_MB = 128
"""What is left to a student's code at the least, else the container is too small."""
_NO_LIMIT_MB = 2**30


class TooSmall(Exception):
    """The container has too little memory. The text says which setting to change."""


def memory_mb(root: Path = Path("/")) -> int | None:
    """The memory limit of this process's control group, in MiB; None where there is none."""
    found = []
    for place in _groups(root):
        try:
            text = place.read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdigit() and int(text) // 2**20 < _NO_LIMIT_MB:
            found.append(int(text) // 2**20)
    return min(found, default=None)


def _groups(root: Path) -> list[Path]:
    """The files that may say so: those of the whole container, and of the group that this process is in."""
    mount = root / "sys/fs/cgroup"
    found = [mount / "memory.max", mount / "memory/memory.limit_in_bytes"]
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found.append(mount / path.lstrip("/") / "memory.max")
        elif "memory" in controllers.split(","):
            found.append(mount / "memory" / path.lstrip("/") / "memory.limit_in_bytes")
    return found


def memory_for_students(limit: int | None) -> int | None:
    """How much memory (MiB) one run of a student's code may add in a container with `limit`. Raises `TooSmall`."""
    if limit is None:
        return None
    if limit < NEEDED_MB + LEAST_MB:
        raise TooSmall(
            f"This container has {limit} MB of memory, and grading this assignment takes at least {NEEDED_MB + LEAST_MB} MB. "
            "On Gradescope: Assignment Settings → Autograder → Container Specifications → choose 0.5 CPU, 0.75 GB RAM or more. "
            "Nothing was graded; afterwards, regrade all submissions."
        )
    return limit - NEEDED_MB


def isolation_report() -> str:
    """What `autograder doctor` says of the isolation here, as Markdown for instructors."""
    state = layers.isolation()
    lines = [f"Isolation: level {state.level}; {state.why}.", ""]
    for probe in layers.probe_all():
        lines.append(
            f"- {probe.name}: on" if probe.available else f"- {probe.name}: off — {probe.why}; it takes {probe.how}"
        )
    return "\n".join(lines)
