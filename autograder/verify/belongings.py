"""What belongs to an exercise beside code that works: its files, its lecture page, cases of both kinds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

from autograder.course.config import Course, Exercise
from autograder.lessons.demands import lesson_problems
from autograder.lessons.page import Page
from autograder.plan import Plan, PlannedCase, public_plan, write_plan
from autograder.source.errors import ReleaseError
from autograder.source.sentences import Coverage, coverage
from autograder.source.stub import make_stub


def missing_files(exercise: Exercise, root: Path) -> list[str]:
    """The files of an exercise that are not there."""
    folder = exercise.solution_dir(root)
    problems = []
    for name in ("solution.py", "checks.py", "mistakes.py", "alternatives.py", "test_oracle.py"):
        if not (folder / name).exists():
            problems.append(f"solutions/{exercise.name}/{name} is missing")
    if not exercise.lecture(root).exists():
        problems.append(f"lectures/{exercise.name}.md is missing: the lecture page of the exercise")
    return problems


def lecture_anchors(exercise: Exercise, root: Path, plan: Plan) -> list[str]:
    """The checks that point to no heading of the lecture page."""
    page = exercise.lecture(root)
    if not page.exists():
        return []
    anchors = Page(page.read_text(encoding="utf-8")).anchors
    return [
        f"check {check.name} points to #{check.lecture}, but lectures/{exercise.name}.md has no such heading"
        for check in plan.checks
        if check.lecture and check.lecture not in anchors
    ]


def lesson(exercise: Exercise, course: Course, root: Path) -> list[str]:
    """What is wrong with the exercise as a lesson: its row, its page, its hints."""
    try:
        stub = make_stub((exercise.solution_dir(root) / "solution.py").read_text(encoding="utf-8"))
    except (OSError, ReleaseError, SyntaxError, ValueError):  # named where the exercise is loaded
        stub = ""
    return lesson_problems(exercise, course, root, stub)


def cited(exercise: Exercise, root: Path) -> Coverage:
    """Which sentences of the stub's docstrings the checks cite; nothing, where the files say nothing that can be read."""
    folder = exercise.solution_dir(root)
    try:
        stub = make_stub((folder / "solution.py").read_text(encoding="utf-8"))
        return coverage(stub, (folder / "checks.py").read_text(encoding="utf-8"))
    except (OSError, ReleaseError, SyntaxError, ValueError):  # named where the exercise is loaded
        return Coverage()


def plan_problems(plan: Plan) -> list[str]:
    """Checks whose hidden cases ask for no more than the public ones."""
    problems = []
    for check in plan.checks:
        if check.points and all(case.public for case in check.cases):
            problems.append(f"check {check.name} has no hidden case: an answer can be copied from its public ones")
        public = [case.inputs for case in check.cases if case.public]
        for case in check.cases:
            if not case.public and not case.drawn and case.inputs in public:
                problems.append(f"check {check.name}: hidden case {case.title!r} has the inputs of a public one")
    if not any(case.public for check, case in plan.cases() if check.points):
        problems.append("no check has a public case: students would see nothing")
    return problems


def ruff_problems(exercise: Exercise, root: Path) -> list[str]:
    """What ruff says of the exercise's files, with the settings of the course. Nothing where it is not installed."""
    ruff = shutil.which("ruff", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    folder = exercise.solution_dir(root)
    if ruff is None or not folder.is_dir():
        return []
    command = [ruff, "check", "--no-cache", "--quiet", "--no-fix", "--output-format", "concise", "."]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    return [f"ruff: {line}" for line in said.stdout.splitlines()] if said.returncode == 1 else []


PUBLIC_BYTES, CASE_BYTES = 100_000, 1_000_000
"""Of the plan that ships, and of one case of the one that does not, both as they are written."""


def too_large(plan: Plan) -> list[str]:
    """Plans that make every clone and every grading slow, with the case that is to blame."""
    problems = []
    size = len(write_plan(public_plan(plan)))
    cases = [(_weight(case), check.name, case.title) for check, case in plan.cases() if case.public]
    if size > PUBLIC_BYTES:
        most, check, title = max(cases)
        problems.append(
            f"its public plan has {_kilobytes(size)}, of which students load each byte: {_kilobytes(PUBLIC_BYTES)} is the bound. "
            f"The largest case is {title!r} of check {check}, with {_kilobytes(most)}"
        )
    for check, case in plan.cases():
        if not case.public and (most := _weight(case)) > CASE_BYTES:
            problems.append(
                f"check {check.name}: the hidden case {case.title!r} has {_kilobytes(most)}; {_kilobytes(CASE_BYTES)} is the bound"
            )
    return problems


def _weight(case: PlannedCase) -> int:
    return len(zlib.compress(b"".join((case.inputs, case.want, *case.mistakes.values())), 6))


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.0f} kB"


def tied_mistakes(plan: Plan) -> list[str]:
    """Mistakes that no case tells from another: whoever makes one reads about both."""
    first: dict[tuple[bytes | None, ...], int] = {}
    found = []
    cases = [case for _, case in plan.cases() if case.compared]
    for index, sentence in enumerate(plan.mistakes):
        given = tuple(case.mistakes.get(index) for case in cases)
        other = first.setdefault(given, index)
        if other != index and any(given):
            found.append(
                f"no case tells the mistake “{sentence}” from “{plan.mistakes[other]}”: the student reads “one of”"
            )
    return found
