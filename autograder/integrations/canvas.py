"""Canvas's gradebook: reads the CSV that *Export* gives, and writes one that *Import* takes.

    Student,ID,SIS User ID,SIS Login ID,Section,Tokenizers (5177),Current Score
    Points Possible,,,,,56,(read only)
    "King, Ada",4711,S1,ak7,LLM 1,,

What is written has the five columns that say who it is, as they were, and those of our modules; Canvas leaves every other column as it is.
A student whom the class list does not have, or who has no score, keeps an empty cell, which Canvas leaves as it is too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.course.roster import Person, Roster
from autograder.course.tree import key
from autograder.scores.records import ModuleScore, Score, number

WHO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_ASSIGNMENT = re.compile(r"(?P<name>.*?)\s*\((?P<id>\d+)\)")
_NOBODY = ("points possible", "student, test")


class CanvasError(Exception):
    """The file is no gradebook of Canvas, or has not what is asked for; the text says what to do."""


@dataclass
class Gradebook:
    """What Canvas exported."""

    head: list[str]
    above: list[list[str]]  # rows before the students: posting policies, points possible
    rows: list[list[str]]

    def column(self, name: str) -> int:
        return self.head.index(name)

    @property
    def assignments(self) -> dict[str, int]:
        """Columns of assignments, by their heading as it stands there."""
        return {name: index for index, name in enumerate(self.head) if _ASSIGNMENT.fullmatch(name) and name not in WHO}

    def possible(self, column: int) -> float | None:
        """What an assignment is out of."""
        for row in self.above:
            if row[0].strip().lower() == "points possible":
                try:
                    return float(row[column])
                except ValueError:
                    return None
        return None


@dataclass
class Export:
    """The file for Canvas, and what a person should know."""

    text: str
    written: int  # cells
    notes: list[str] = field(default_factory=list)


def read_gradebook(text: str, file: str = "the gradebook") -> Gradebook:
    """Read a gradebook that Canvas exported. Raises `CanvasError`."""
    text = text.removeprefix("\ufeff")
    delimiter = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise CanvasError(f"{file} is not a CSV file: {error}") from None
    if not rows:
        raise CanvasError(f"{file} is empty")
    head = [cell.strip() for cell in rows[0]]
    missing = [name for name in ("Student", "ID") if name not in head]
    if missing or head[0] != "Student":
        raise CanvasError(
            f"{file} is not a gradebook as Canvas exports it: it has no column {' and '.join(missing) or 'Student at its beginning'}. "
            "In Canvas: Grades → Export → Export Entire Gradebook"
        )
    rows = [row + [""] * (len(head) - len(row)) for row in rows[1:]]
    at = head.index("ID")
    people = next((index for index, row in enumerate(rows) if row[at].strip().isdigit()), len(rows))
    return Gradebook(head, rows[:people], rows[people:])


def export(
    book: Gradebook, scores: Sequence[Score], roster: Roster, columns: Mapping[str, str] | None = None
) -> Export:
    """The gradebook with the scores of our modules in it. `columns` names an assignment by module, where titles do not tell."""
    notes: list[str] = []
    places = _places(book, scores, columns or {}, notes)
    who = [name for name in WHO if name in book.head]
    taken = [book.column(name) for name in who]
    by_id = {score.student: score for score in scores}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*who, *(book.head[column] for column in places.values())])
    for row in book.above:
        if row[0].strip().lower() == "points possible":
            writer.writerow([row[index] for index in [*taken, *places.values()]])
    written = 0
    found: set[str] = set()
    for row in book.rows:
        person = _person(book, row, roster)
        score = by_id.get(person.id) if person is not None else None
        if score is None and not row[0].strip().lower().startswith(_NOBODY):
            notes.append(f"{row[0]} (Canvas id {row[book.column('ID')]}) is nobody of the class list; left empty.")
        found |= {score.student} if score is not None else set()
        of = {module.module: module for module in score.modules} if score is not None else {}
        cells = [_cell(of.get(module), book.possible(column)) for module, column in places.items()]
        written += sum(bool(cell) for cell in cells)
        writer.writerow([*(row[index] for index in taken), *cells])
    notes += [
        f"{score.student} is not in Canvas's gradebook; left out." for score in scores if score.student not in found
    ]
    for module, column in places.items():
        possible, points = book.possible(column), _points(scores, module)
        if possible and points and possible != points:
            notes.append(
                f"{book.head[column]} is out of {number(possible)} in Canvas and {number(points)} here: scores are scaled."
            )
    return Export(out.getvalue(), written, notes)


def _places(book: Gradebook, scores: Sequence[Score], columns: Mapping[str, str], notes: list[str]) -> dict[str, int]:
    """The column of each module: the one that was named, else the one called as the module is."""
    modules = {module.module: module.title for score in scores for module in score.modules}
    known = book.assignments
    plain = {_ASSIGNMENT.sub(r"\g<name>", name).strip().casefold(): index for name, index in known.items()}
    places: dict[str, int] = {}
    for module, title in modules.items():
        wanted = columns.get(module)
        if wanted is not None:
            index = known.get(wanted, plain.get(wanted.strip().casefold()))
            if index is None:
                raise CanvasError(f"the gradebook has no assignment {wanted!r}. It has: {', '.join(known) or 'none'}")
            places[module] = index
        elif (index := plain.get(title.casefold(), plain.get(module.casefold()))) is not None:
            places[module] = index
        else:
            notes.append(
                f"no assignment in Canvas is called {title!r}: name it with --column {module}=ASSIGNMENT; left out."
            )
    unknown = [module for module in columns if module not in modules]
    if unknown:
        raise CanvasError(f"there is no graded module {unknown[0]!r}. There are: {', '.join(modules) or 'none'}")
    if not places:
        raise CanvasError("\n".join([*notes, "so there is nothing to write"]))
    return places


def _person(book: Gradebook, row: Sequence[str], roster: Roster) -> Person | None:
    """The student of a row: by Canvas's id, then by the school's, then by login."""
    for name, fields in (
        ("ID", ("canvas_id",)),
        ("SIS User ID", ("sis_id", "id")),
        ("SIS Login ID", ("login", "id", "email")),
    ):
        value = key(row[book.column(name)].strip()) if name in book.head else ""
        for field_ in fields:
            fits = [person for person in roster.people if value and key(getattr(person, field_)) == value]
            if len(fits) == 1:
                return fits[0]
    return None


def _cell(module: ModuleScore | None, possible: float | None) -> str:
    if module is None:
        return ""
    if not module.counts:
        return "EX"  # Canvas's word for excused
    scale = possible / module.points if possible and module.points else 1.0
    return number(module.score * scale)


def _points(scores: Sequence[Score], module: str) -> float:
    return max((each.points for score in scores for each in score.modules if each.module == module), default=0.0)
