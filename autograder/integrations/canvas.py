"""Canvas's gradebook: reads the CSV that *Export* gives, and writes one that *Import* takes.

    Student,ID,SIS User ID,SIS Login ID,Section,Tokenizers (5177),Current Score
    Points Possible,,,,,56,(read only)
    "King, Ada",4711,S1,ak7,LLM 1,,

What is written has the five columns that say who it is, as they were, and those of our modules; Canvas leaves every other column as it is.
An empty cell would take the score away that is there: so a row that is nobody of the class list, or has no score, keeps its cells as they
were. Canvas writes numbers as the person's language does: `100,00`, `1,000.00`; what such a number means is read, or nothing is written.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.course.roster import Person, Roster
from autograder.course.table import table
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
    localized: bool = False  # its cells are separated as where the decimal sign is a comma

    def column(self, name: str) -> int:
        return self.head.index(name)

    @property
    def assignments(self) -> dict[str, int]:
        """Columns of assignments, by their heading as it stands there."""
        return {name: index for index, name in enumerate(self.head) if _ASSIGNMENT.fullmatch(name) and name not in WHO}

    def possible(self, column: int) -> float | None:
        """What an assignment is out of; None when the gradebook does not say. Raises `CanvasError` for a number that can't be read."""
        row = self.points_row()
        text = row[column].strip() if row is not None else ""
        if row is None or not text:
            return None
        try:
            return read_number(text, self.localized)
        except ValueError as error:
            raise CanvasError(
                f"row {row[0].strip()!r}: {self.head[column]} is out of {text!r}, and {error}. "
                "Nothing was written: in Canvas, set your language to English (or this number by hand to one like 100), and export again"
            ) from None

    def points_row(self) -> list[str] | None:
        """The row that says what assignments are out of, in whatever language: else the one above the students that has numbers."""
        named = [row for row in self.above if row[0].strip().lower() == "points possible"]
        counts = [row for row in self.above if any(any(map(str.isdigit, row[at])) for at in self.assignments.values())]
        return next(iter([*named, *counts]), None)


@dataclass
class Export:
    """The file for Canvas, and what a person should know."""

    text: str
    written: int  # cells
    notes: list[str] = field(default_factory=list)


def read_gradebook(text: str, file: str = "the gradebook") -> Gradebook:
    """Read a gradebook that Canvas exported. Raises `CanvasError`."""
    found = table(text)
    try:
        rows = [row for row in csv.reader(io.StringIO(found.text, newline=""), delimiter=found.delimiter) if any(row)]
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
    return Gradebook(head, rows[:people], rows[people:], found.delimiter == ";")


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
    if (above := book.points_row()) is not None:
        writer.writerow([above[index] for index in [*taken, *places.values()]])
    possible = {column: book.possible(column) for column in places.values()}
    written = 0
    found: set[str] = set()
    for row in book.rows:
        person = _person(book, row, roster)
        score = by_id.get(person.id) if person is not None else None
        if score is None and not row[0].strip().lower().startswith(_NOBODY):
            notes.append(f"{row[0]} (Canvas id {row[book.column('ID')]}) is nobody of the class list; left as it was.")
        found |= {score.student} if score is not None else set()
        of = {module.module: module for module in score.modules} if score is not None else {}
        cells = [row[column] for column in places.values()]
        for place, (module, column) in enumerate(places.items()):
            if module in of:
                cells[place] = _cell(of[module], possible[column])
                written += 1
        writer.writerow([*(row[index] for index in taken), *cells])
    notes += [
        f"{score.student} is not in Canvas's gradebook; left out." for score in scores if score.student not in found
    ]
    for module, column in places.items():
        out_of, points = possible[column], _points(scores, module)
        if not out_of:
            notes.append(f"the gradebook does not say what {book.head[column]} is out of: its scores are not scaled.")
        elif points and out_of != points:
            notes.append(
                f"{book.head[column]} is out of {number(out_of)} in Canvas and {number(points)} here: scores are scaled."
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
    """The student of a row."""
    canvas_id, sis_id, login = (
        row[book.column(name)].strip() if name in book.head else "" for name in ("ID", "SIS User ID", "SIS Login ID")
    )
    return person_of(roster, canvas_id, sis_id, login)


def person_of(roster: Roster, canvas_id: str, sis_id: str = "", login: str = "") -> Person | None:
    """Who is meant in the class list: by Canvas's id, then by the school's, then by login."""
    for value, fields in (
        (key(canvas_id), ("canvas_id",)),
        (key(sis_id), ("sis_id", "id")),
        (key(login), ("login", "id", "email")),
    ):
        for field_ in fields:
            fits = [person for person in roster.people if value and key(getattr(person, field_)) == value]
            if len(fits) == 1:
                return fits[0]
    return None


def read_number(text: str, localized: bool = False) -> float:
    """A number of 0 or more as people write it: `100`, `7.5`, `100,00`, `1,000.00`, `1.000,00`, `1 000,00`, `1'000`.

    Raises `ValueError` for what is no number, and for one that means two things: `1,000`; `1.000` where `localized`.
    """
    plain = "".join(c for c in text.strip() if not c.isspace() and c not in "'\u2019")
    if not re.fullmatch(r"\d+(?:[.,]\d+)*[.,]?", plain):
        raise ValueError("that is not a number")
    signs = [c for c in plain if c in ".,"]
    grouped = bool(re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", plain))
    if len(signs) == 1:
        if grouped and (localized or signs == [","]):
            raise ValueError("that can be a thousand times as much in one language as in another")
        return float(plain.replace(",", "."))
    decimal = (
        signs[-1] if signs and signs[-1] not in signs[:-1] else ""
    )  # the last one, when it is another than those before
    whole, _, part = plain.rpartition(decimal) if decimal else (plain, "", "")
    if len(set(signs) - {decimal}) > 1 or (signs and not re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", whole)):
        raise ValueError("that is not a number")
    return float(f"{re.sub('[.,]', '', whole)}.{part or 0}")


def _cell(module: ModuleScore, possible: float | None) -> str:
    if not module.counts:
        return "EX"  # Canvas's word for excused
    scale = possible / module.points if possible and module.points else 1.0
    return number(module.score * scale)


def _points(scores: Sequence[Score], module: str) -> float:
    return max((each.points for score in scores for each in score.modules if each.module == module), default=0.0)
