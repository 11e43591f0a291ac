"""What `autograder doctor` looks at."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

TORCH = "2.13.0"
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"


def examine(out: Any, root: Path | None) -> bool:
    """Print what was found; False when something keeps the course from working."""
    rows = [_python(), *_environment(), _torch(), *_packages(), _platform(), *_course(root), _worker(), _budgets()]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "what", "found", "to mend"):
        table.add_column(name, overflow="fold")
    for state, what, found, mend in rows:
        style = {"ok": "green", "note": "yellow", "bad": "red"}[state]
        table.add_row(Text({"ok": "ok", "note": "!", "bad": "x"}[state], style), what, found, mend)
    out.print(table)
    out.print(_layers())
    return all(row[0] != "bad" for row in rows)


def _python() -> tuple[str, str, str, str]:
    good = sys.version_info >= (3, 11)
    return (
        "ok" if good else "bad",
        "Python",
        platform.python_version(),
        "" if good else "install Python 3.11 or newer",
    )


def _environment() -> list[tuple[str, str, str, str]]:
    """Whether an ordinary user runs Python from an environment that somebody else made, and so may change."""
    if not hasattr(os, "getuid") or os.getuid() == 0:
        return []
    places = {Path(sys.prefix), Path(__file__).parent}
    owners = sorted({place.stat().st_uid for place in places if place.exists()} - {os.getuid()})
    if not owners:
        return []
    found = f"{sys.prefix} was made by {' and '.join(map(_user, owners))}; you are {_user(os.getuid())}"
    mend = "who made it can change what grades here, and you can't mend or update it: to grade, make your own (python -m venv .venv)"
    return [("note", "environment", found, mend)]


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _torch() -> tuple[str, str, str, str]:
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return (
            "bad",
            "torch",
            "not installed",
            f"pip install --extra-index-url {CPU_BUILDS} -c constraints.txt torch=={TORCH}",
        )
    if version.partition("+")[0] == TORCH:
        return "ok", "torch", version, ""
    return "note", "torch", version, f"grades are made with {TORCH}; last digits may differ here"


def _packages() -> list[tuple[str, str, str, str]]:
    rows = []
    for name in ("numpy", "regex", "pytest", "msgspec", "typeguard"):
        try:
            rows.append(("ok", name, metadata.version(name), ""))
        except metadata.PackageNotFoundError:
            rows.append(("bad", name, "not installed", f"pip install -c constraints.txt {name}"))
    return rows


def _platform() -> tuple[str, str, str, str]:
    from autograder.jail.here import forks_safely

    found = f"{platform.system()} {platform.machine()}"
    if forks_safely():
        return "ok", "platform", found, ""
    return (
        "note",
        "platform",
        found,
        "checks run in the command's own process: no time limits, not isolated, not a grade",
    )


def _course(root: Path | None) -> list[tuple[str, str, str, str]]:
    if root is None:
        return [("note", "course", "none here", "change into the course's folder")]
    from autograder.course import CourseError, load_course
    from autograder.grading.student import expected_plan

    try:
        course = load_course(root)
    except CourseError as error:
        return [("bad", "grading.toml", str(error), "mend it, or fetch it again")]
    missing = [exercise.name for exercise in course.exercises if not expected_plan(root, exercise).exists()]
    rows = [("ok", "course", f"{course.title}: {len(course.exercises)} exercises", "")]
    rows.append(_released(root))
    there = ", ".join(course.packages)
    rows.append(("ok", "graded with", f"Python's own library, {there}", "import nothing else in what you hand in"))
    if missing:
        rows.append(("bad", "expected values", f"missing for {', '.join(missing)}", "fetch assignments/ again"))
    return rows


def _released(root: Path) -> tuple[str, str, str, str]:
    """Whether the course's files are those of the release."""
    from autograder.release.edited import edited
    from autograder.release.repository import MARKER

    if not (root / MARKER).is_file():
        return "ok", "course's files", "not a released copy: nothing to compare with", ""
    changed = edited(root)
    if not changed:
        return "ok", "course's files", "as they were released", ""
    shown = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return "note", "course's files", f"changed or gone: {shown}", "autograder restore brings them back"


def _worker() -> tuple[str, str, str, str]:
    """Whether a worker really starts: import torch in a process of its own, fork, answer."""
    from autograder.jail.here import forks_safely
    from autograder.jail.host import JailError, Zygote
    from autograder.wire.messages import Load

    if not forks_safely():
        return "note", "worker", "not used on this platform", ""
    try:
        with Zygote() as zygote, zygote.fork() as worker:
            source = "def f() -> int:\n    return 1\n"
            worker.ask(Load("doctor.f", "doctor", source, source, "def e(student):\n    return student.f()\n"), 30)
    except (JailError, Exception) as error:
        return "bad", "worker", str(error)[:200], "reinstall torch in a fresh virtual environment"
    return "ok", "worker", "forks and answers", ""


def _budgets() -> tuple[str, str, str, str]:
    """Whether a memory budget counts all that a submission holds."""
    from autograder.jail import usage
    from autograder.jail.layers import isolation

    if sys.platform != "linux":
        return "note", "memory budgets", "not measured on this platform", ""
    weakness = usage.weakness(isolation().on)
    if weakness:
        return "note", "memory budgets", f"weaker here: {weakness}", ""
    return "ok", "memory budgets", "all that a submission holds counts", ""


def _layers() -> Table:
    from autograder.jail.layers import isolation, probe_all

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Isolation", title_justify="left")
    for name in ("layer", "on", "why, and how to get it", "guarantees"):
        table.add_column(name, overflow="fold")
    for probe in probe_all():
        state = Text("yes", "green") if probe.available else Text("no", "red")
        table.add_row(
            probe.name, state, probe.why if probe.available else f"{probe.why}; it takes {probe.how}", probe.guarantees
        )
    state = isolation()
    hidden = "run here" if state.enough_for_hidden else "are refused here, unless --unsafe is given"
    table.caption = f"Level {state.level}: {state.why}. Hidden checks {hidden}."
    return table
