"""Push times that an instructor has from elsewhere, as a server's API gives them: a CSV file `student,commit,pushed_at`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from autograder.collect.remote import Push
from autograder.course.roster import RosterError, read_text
from autograder.course.table import table


def read_pushes(file: Path) -> tuple[dict[str, list[Push]], list[str]]:
    """Pushes by student, the oldest first, and what is wrong in the file. Raises `RosterError` when it is no such file."""
    rows = list(table(read_text(file)).dicts())
    if not rows or not {"student", "commit", "pushed_at"} <= set(rows[0][1]):
        raise RosterError(f"{file} has no columns `student,commit,pushed_at` (a time as 2026-09-20T23:58:00Z)")
    found: dict[str, list[Push]] = {}
    problems = []
    for line, row in rows:
        text = row["pushed_at"]
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            problems.append(f"{file}, line {line}: {text!r} is not a time, as 2026-09-20T23:58:00Z; left out.")
            continue
        if moment.tzinfo is None:
            problems.append(f"{file}, line {line}: {text!r} does not say in which time zone; taken for UTC.")
            moment = moment.replace(tzinfo=UTC)
        found.setdefault(row["student"], []).append(Push(moment, row["commit"]))
    for pushes in found.values():
        pushes.sort(key=lambda push: push.at)
    return found, problems
