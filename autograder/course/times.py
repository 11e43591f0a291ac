"""When submissions were handed in, from a CSV file that an instructor has from elsewhere: `student,handed_in`.

A time without an offset is in the course's time zone, as `2026-09-20T23:58` or `2026-09-20 23:58:10`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from autograder.course.config import Course
from autograder.course.find import Found
from autograder.course.roster import Roster, RosterError, read_text
from autograder.course.table import table
from autograder.course.tree import key


def with_times(found: list[Found], file: Path, course: Course, roster: Roster) -> tuple[list[Found], list[str]]:
    """`found` with the times of `file`, and what is wrong in it. Raises `RosterError` when the file can't be used at all."""
    rows = list(table(read_text(file)).dicts())
    if not rows or not {"student", "handed_in"} <= set(rows[0][1]):
        raise RosterError(f"{file} has no columns `student,handed_in` (a time as 2026-09-20T23:58)")
    times: dict[str, str] = {}
    problems = []
    ids = {key(each.id) for each in found}
    for line, row in rows:
        student, text = row["student"], row["handed_in"]
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            problems.append(f"{file}, line {line}: {text!r} is not a time, as 2026-09-20T23:58; left out.")
            continue
        person = roster.person(student)
        if key(student) not in ids and not (person is not None and key(person.group) in ids):
            problems.append(f"{file}, line {line}: there is no submission of {student!r}; left out.")
            continue
        id = student if key(student) in ids or person is None else person.group
        times[key(id)] = (moment if moment.tzinfo is not None else moment.replace(tzinfo=course.zone)).isoformat()
    return [
        replace(each, handed_in=times[key(each.id)], clock="person") if key(each.id) in times else each
        for each in found
    ], problems
