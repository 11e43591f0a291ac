"""How far the student is in each exercise, as `autograder status` has it, and as a script that the pages read.

A script, because a page that is opened as a file can load that, and no data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.course.config import Course
from autograder.course.submission import open_own_work
from autograder.feedback.view import state_of
from autograder.grading.student import Progress, untouched
from autograder.release.files import write_atomically

FILE = "_static/standing.js"
State = Literal["done", "begun", "new"]


@dataclass(frozen=True)
class Standing:
    """One exercise. The points are those of its last check, and None where its file is another one now."""

    name: str
    state: State
    earned: int | None = None
    points: int | None = None

    @property
    def text(self) -> str:
        """What the page of the exercise says after "Your work: ".

        >>> Standing("attention/gqa", "begun", 3, 9).text
        'begun, 3 of 9 points of the public checks.'
        """
        if self.state == "new":
            return "not begun."
        if self.earned is None:
            return "begun, and not checked as it is now."
        return f"{self.state}, {self.earned} of {self.points} points of the public checks."


def standings(root: Path, course: Course) -> list[Standing]:
    """How the work in `assignments/` stands, in the order of the course."""
    remembered = Progress(root).read()
    files = open_own_work(root, course).files
    found = []
    for exercise in course.exercises:
        file = files[exercise.name]
        stub = untouched(root, exercise, file.text)
        row = remembered.get(exercise.name, {})
        earned, points, verdict = (row.get(key) for key in ("earned", "points", "verdict"))
        checked = row.get("hash") == file.hash and type(earned) is int and type(points) is int
        if stub and not (checked and earned):
            found.append(Standing(exercise.name, "new"))
        elif not checked or not isinstance(verdict, str):
            found.append(Standing(exercise.name, "begun"))
        else:
            state: State = "begun" if state_of(verdict) == "failed" else "done"
            found.append(Standing(exercise.name, state, earned, points))
    return found


def write_standing(out: Path, found: Iterable[Standing]) -> None:
    """Write how each exercise stands beside the pages in `out`."""
    rows = {each.name: {"state": each.state, "text": each.text} for each in found}
    data = json.dumps(rows, indent=0).replace("<", "\\u003c")
    write_atomically(out / FILE, f"const ownStanding = {data};\n".encode())
