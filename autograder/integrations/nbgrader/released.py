"""The notebooks of an assignment as nbgrader released them: which cell is which exercise, and what nbgrader calls it.

They come from the instructor's own course folder, so they are believed; still, they may be of another course, or older than it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course.config import Course, Exercise
from autograder.course.notebook import PREFIX
from autograder.integrations.nbgrader.tool import NbgraderError

_CHECK = re.compile(r"""\bcheck\(\s*["']([\w/]+)["']\s*\)""")


@dataclass(frozen=True)
class Released:
    """One notebook. Names of cells are nbgrader's grade ids."""

    name: str
    cells: list[dict[str, Any]]  # that nbgrader knows, in their order
    metadata: dict[str, Any] = field(default_factory=dict)  # of the notebook
    stubs: dict[str, str] = field(default_factory=dict)  # exercise → the cell that students fill in
    checks: dict[str, str] = field(default_factory=dict)  # exercise → the cell that its points are given for
    manual: tuple[str, ...] = ()  # cells with points that only a person can give
    written: tuple[str, ...] = ()  # those of them that students write in, and that have a comment


def read_released(folder: Path, gradebook: Mapping[str, Mapping[str, float]], course: Course) -> list[Released]:
    """The notebooks in `folder` that the gradebook knows (notebook → cell → points).

    Raises `NbgraderError` where one is missing, or has not the cells that the gradebook has.
    """
    found = []
    for name, graded in sorted(gradebook.items()):
        path = folder / f"{name}.ipynb"
        try:
            content = json.loads(path.read_text("utf-8"))
            released = _released(name, content["cells"], content.get("metadata", {}), graded, course)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NbgraderError(f"{path} can't be read ({error}). {_AGAIN}") from None
        there = {cell["metadata"]["nbgrader"]["grade_id"] for cell in released.cells}
        lost = sorted(set(graded) - there)
        if lost:
            raise NbgraderError(
                f"gradebook.db has points for the cell {lost[0]!r}, and {path} has no such cell. {_AGAIN}"
            )
        found.append(released)
    return found


_AGAIN = "Run `nbgrader generate_assignment --force ASSIGNMENT` in the course folder."


def exercises_of(released: list[Released], course: Course) -> list[Exercise]:
    """The exercises that the notebooks give points for, in the course's order."""
    names = {name for each in released for name in each.checks}
    return [exercise for exercise in course.exercises if exercise.name in names]


def outdated(released: list[Released], gradebook: Mapping[str, Mapping[str, float]], course: Course) -> list[str]:
    """A sentence for each exercise whose points in the gradebook are not the course's."""
    return [
        f"{name} is out of {gradebook[each.name][cell]:g} points in gradebook.db and out of {course.exercise(name).points} in "
        "grading.toml. Scores are written as the course gives them; `autograder export nbgrader` brings the two together."
        for each in released
        for name, cell in each.checks.items()
        if gradebook[each.name][cell] != course.exercise(name).points
    ]


def _released(
    name: str, cells: list[dict[str, Any]], metadata: dict[str, Any], graded: Mapping[str, float], course: Course
) -> Released:
    known = {exercise.name for exercise in course.exercises}
    ours = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id")]
    stubs: dict[str, str] = {}
    checks: dict[str, str] = {}
    for cell in ours:
        id = cell["metadata"]["nbgrader"]["grade_id"]
        tags = cell["metadata"].get("tags", [])
        stubs |= {tag.removeprefix(PREFIX): id for tag in tags if tag.removeprefix(PREFIX) in known}
        call = _CHECK.search(source_of(cell)) if id in graded else None
        if call is not None and call[1] in known:
            checks[call[1]] = id
    by_id = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in ours}
    manual = tuple(id for id in graded if id not in checks.values())
    answers = {
        id for id, cell in by_id.items() if any(cell["metadata"]["nbgrader"].get(key) for key in ("solution", "task"))
    }
    return Released(name, ours, metadata, stubs, checks, manual, tuple(id for id in manual if id in answers))


def source_of(cell: Mapping[str, Any]) -> str:
    """The text of a cell: in a file it may be one string or its lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
