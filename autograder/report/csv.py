"""A class's scores as a table for a spreadsheet.

One row for each submission: points in all, points pending, points of every exercise, and what makes the grade
reproducible. Texts that a spreadsheet would run as a formula get an apostrophe in front; UTF-8 with a byte order mark,
since spreadsheets take a file without one for something else.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from autograder.feedback.escape import spreadsheet
from autograder.results import Result

ENCODING = "utf-8-sig"


def scores_csv(results: list[Result]) -> str:
    """The table as text. An exercise that a submission does not have is an empty cell; 0 is a result."""
    exercises: dict[str, None] = {}
    for result in results:
        exercises.update(dict.fromkeys(exercise.exercise for exercise in result.exercises))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["submission", "earned", "points", "pending", *exercises, "flags", "isolated", "graded_at", "hash", "run"]
    writer.writerow([spreadsheet(name) for name in head])
    for result in results:
        earned = {exercise.exercise: exercise.earned for exercise in result.exercises}
        writer.writerow(
            [
                spreadsheet(result.submission),
                result.earned,
                result.points,
                result.pending,
                *(earned.get(name, "") for name in exercises),
                sum(len(exercise.flags) for exercise in result.exercises),
                "yes" if result.provenance.isolated else "no",
                *map(spreadsheet, (result.graded_at, result.hash, result.run)),
            ]
        )
    return out.getvalue()


def write_csv(results: list[Result], path: Path) -> Path:
    """Write the table to `path`."""
    path.write_text(scores_csv(results), encoding=ENCODING, newline="")
    return path
