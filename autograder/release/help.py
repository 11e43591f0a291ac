"""Hints and solutions in the student repository: what the course's policy (`[feedback]` in `grading.toml`) lets out, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from autograder.course.config import Course, Module
from autograder.lessons.hints import load_hints
from autograder.lessons.packed import pack
from autograder.lessons.places import hints_file, solution_file
from autograder.lessons.solutions import load_solution
from autograder.release.files import read
from autograder.release.topics import Exercise, Topic


def help_files(
    course_root: Path, course: Course, topics: Sequence[Topic], now: datetime | None = None
) -> dict[str, bytes]:
    """Path in the student repository → content, of the hints and solutions that students get `now`."""
    files: dict[str, bytes] = {}
    for exercise in (each for topic in topics for each in topic.exercises):
        module = course.module_of(exercise.name)
        if module.feedback.hints != "none":
            files |= _hints(course_root, exercise)
        if solutions_are_out(module, now):
            files |= _solution(course_root, exercise)
    return files


def solutions_are_out(module: Module, now: datetime | None = None) -> bool:
    """Whether a release made `now` has the solutions of `module`."""
    if module.feedback.solutions == "after_due":
        return module.due is not None and module.due < (now or datetime.now(UTC))
    return module.feedback.solutions == "after_passing"


def _hints(course_root: Path, exercise: Exercise) -> dict[str, bytes]:
    folder = exercise.folder(course_root)
    if not (folder / "hints.toml").exists():
        return {}
    read(course_root, f"solutions/{exercise.name}/hints.toml")  # refuses a link
    hints = load_hints(folder).hints  # what is wrong with them, `verify` says
    packed = pack(f"Hints of {exercise.name}. One at a time: autograder hint {exercise.name}", list(hints))
    return {hints_file(exercise.name): packed} if hints else {}


def _solution(course_root: Path, exercise: Exercise) -> dict[str, bytes]:
    folder = exercise.folder(course_root)
    for name in ("solution.py", "alternatives.py"):
        if (folder / name).exists():
            read(course_root, f"solutions/{exercise.name}/{name}")
    about = f"The solution of {exercise.name}. To read it: autograder solution {exercise.name}"
    return {solution_file(exercise.name): pack(about, load_solution(folder).data())}
