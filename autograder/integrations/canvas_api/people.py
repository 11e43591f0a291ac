"""The class list with what Canvas knows of the students. Nobody is taken out, and nothing that stands in a cell is changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.course.roster import parse_roster
from autograder.course.table import table
from autograder.course.tree import key
from autograder.integrations.canvas import person_of
from autograder.integrations.canvas_api.data import Student
from autograder.integrations.canvas_api.place import CanvasApiError

_HEAD = ("student", "name", "email", "group", "login", "sis_id", "canvas_id")
_KNOWN = ("name", "email", "login", "sis_id", "canvas_id")


@dataclass
class Joined:
    """The class list as it should be, and what that changes."""

    text: str
    new: list[str] = field(default_factory=list)  # students
    completed: list[tuple[str, str]] = field(default_factory=list)  # a student, and the columns that were empty
    gone: list[str] = field(default_factory=list)  # in the class list, not in Canvas
    same: int = 0
    problems: tuple[str, ...] = ()  # of the class list as it was

    @property
    def changed(self) -> bool:
        return bool(self.new or self.completed)


def join(text: str, students: Sequence[Student], file: str) -> Joined:
    """The class list `text` ("" when there is none) with the `students` of Canvas. Raises `RosterError`, `CanvasApiError`."""
    rows, delimiter = _rows(text, file)
    roster = parse_roster(text, file) if text.strip() else parse_roster(",".join(_HEAD))
    head = [cell.strip().lower() for cell in rows[0]]
    missing = [name for name in ("name", "email", "login", "sis_id", "canvas_id") if name not in head]
    rows[0] += missing
    head += missing
    joined = Joined("", problems=roster.problems)
    cells = {key(row[head.index("student")].strip()): row for row in rows[1:] if len(row) > head.index("student")}
    taken = {key(person.id) for person in roster.people}
    there: set[str] = set()
    for student in sorted(students, key=lambda each: (each.name, each.id)):
        known = {"name": student.name, "email": student.email, "login": student.login, "sis_id": student.sis_id}
        known["canvas_id"] = str(student.id)
        person = person_of(roster, str(student.id), student.sis_id, student.login)
        if person is None:
            id = next(
                each for each in (student.login, student.sis_id, str(student.id)) if each and key(each) not in taken
            )
            taken.add(key(id))
            rows.append([{"student": id, **known}.get(name, "") for name in head])
            joined.new.append(f"{id} ({student.name})" if student.name else id)
            continue
        there.add(key(person.id))
        row = cells[key(person.id)]
        row += [""] * (len(head) - len(row))
        empty = [name for name in _KNOWN if known[name] and not row[head.index(name)].strip()]
        for name in empty:
            row[head.index(name)] = known[name]
        if empty:
            joined.completed.append((person.id, ", ".join(empty)))
        else:
            joined.same += 1
    joined.gone = [person.id for person in roster.people if key(person.id) not in there]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    joined.text = out.getvalue()
    return joined


def _rows(text: str, file: str) -> tuple[list[list[str]], str]:
    """The rows of a class list, the one with the columns' names first; lines that are comments stay rows of one cell."""
    if not text.strip():
        return [list(_HEAD)], ","
    found = table(text)
    rows = [row for row in csv.reader(io.StringIO(found.text, newline=""), delimiter=found.delimiter) if any(row)]
    first = next((at for at, row in enumerate(rows) if not row[0].strip().startswith("#")), None)
    names = [cell.strip().lower() for cell in rows[first]] if first is not None else []
    if first is None or "student" not in names:
        raise CanvasApiError(
            f"{file} has no column `student`. Name another file, or move it away: a new class list is then begun"
        )
    if "id" in names and "sis login id" in names:
        raise CanvasApiError(
            f"{file} is a gradebook as Canvas exports it, not a class list that can be added to. Name another file"
        )
    return [rows.pop(first), *rows], found.delimiter
