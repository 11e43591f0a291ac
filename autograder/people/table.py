"""A table of points and comments, as from a spreadsheet, written into the files of people: all of it, or nothing.

student,exercise,item,points,why,line,comment
ada,numbers_of/first,clarity,2,short names,,
ada,numbers_of/first,,,,12,Say what this sums up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from autograder.course.problems import CourseError, Problem
from autograder.course.roster import read_text
from autograder.course.table import table
from autograder.course.tree import key
from autograder.people.files import Folder, PeopleError
from autograder.people.records import Comment, Points, Record, now
from autograder.people.rubrics import problem_of
from autograder.refusals import Refusal

COLUMNS = ("student", "exercise", "item", "points", "why", "line", "comment")
At = Callable[[str, str, int], Mapping[str, str]]
"""What is stored of a line: of a student, an exercise and the line's number. Raises a `Refusal` where there is none."""


def imported(path: Path, folder: Folder, known: Mapping[str, str], by: str, at: At) -> tuple[int, int]:
    """Write the rows of a CSV file; how many records of how many students it were. `known` are the ids by `tree.key`.

    Raises `PeopleError` with every line that is wrong; nothing is written then.
    """
    problems: list[Problem] = []
    found: dict[str, list[Record]] = {}
    moment = now()
    for number, row in table(read_text(path)).dicts():
        if number <= 2 and (missing := {"student", "exercise"} - row.keys()):
            raise PeopleError([Problem(str(path), "", f"the column {min(missing)} is missing", ", ".join(COLUMNS), 1)])
        if not any(row.values()):
            continue
        try:
            student = known[key(row["student"])]
        except KeyError:
            problems.append(
                Problem(str(path), "student", f"there is no student or group {row['student']!r}", "", number)
            )
            continue
        try:
            records = list(_records(row, student, folder, by, moment, at))
        except (Refusal, ValueError) as error:
            what = "; ".join(each.what for each in error.problems) if isinstance(error, CourseError) else str(error)
            problems.append(Problem(str(path), "", what, "", number))
            continue
        for record in records:
            if (broken := problem_of(record, folder.course, [])) is not None:
                where, what, allowed = broken
                problems.append(Problem(str(path), where, what, allowed, number))
        found.setdefault(student, []).extend(records)
    for student in found:
        folder.of(student)  # one that can't be read is said before anything is written
    if problems:
        raise PeopleError(problems)
    for student, records in found.items():
        folder.add(student, records)
    return sum(map(len, found.values())), len(found)


def _records(row: dict[str, str], student: str, folder: Folder, by: str, moment, at: At):
    names = [module.id for module in folder.course.modules]
    of = row["exercise"] if row["exercise"] in names else folder.course.exercise(row["exercise"]).name
    item, comment = row.get("item", ""), row.get("comment", "")
    if item:
        yield Points(
            of=of, by=by, at=moment, item=item, points=_number(row.get("points", ""), "points"), why=row.get("why", "")
        )
    if comment:
        line = int(_number(row.get("line", "") or "0", "line"))
        yield Comment(of=of, by=by, at=moment, text=comment, line=line, **(at(student, of, line) if line else {}))
    if not item and not comment:
        raise ValueError("it has neither an item nor a comment")


def _number(text: str, name: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"{name} is {text!r}, which is no number") from None
