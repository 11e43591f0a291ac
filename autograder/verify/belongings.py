"""What belongs to an exercise beside code that works: its files, its lecture page, cases of both kinds."""

from __future__ import annotations

from pathlib import Path

from autograder.checks.plan import Plan
from autograder.checks.sentences import Coverage, coverage
from autograder.course.config import Course, Exercise
from autograder.lessons.demands import lesson_problems
from autograder.lessons.page import Page
from autograder.release.errors import ReleaseError
from autograder.release.stub import make_stub


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
