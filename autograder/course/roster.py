"""The class list: a CSV file with a row for each student, and who is meant by a name that a platform gives.

Only the column `student` is needed: the id under which a student is graded and exported. The others:

name, email          as people and platforms know them
group                students of one group hand in together: each gets what the group's submission is worth
repository, branch   for `autograder collect`
timezone             deadlines are meant by the student's own clock: the same time of day there
extension            of every deadline (`2d`, `36h`) or of some (`tokenizer=2d; warmup=2026-09-20T12:00`)
login, sis_id, canvas_id, moodle_id    as Canvas and Moodle know them

The gradebook that Canvas exports is a class list, too. A wrong line is named and left out, a wrong cell is named and taken for empty; the rest of the class goes on.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from autograder.course import duration
from autograder.course.folder import open_file
from autograder.course.table import table
from autograder.course.tree import key, shown
from autograder.refusals import Refusal

MAX_BYTES = 16 * 2**20
COLUMNS = (
    "student", "name", "email", "group", "repository", "branch", "timezone", "extension",
    "login", "sis_id", "canvas_id", "moodle_id",
)  # fmt: skip
_OTHER_WORDS = {"id": "student", "student_id": "student", "e_mail": "email", "mail": "email", "time_zone": "timezone"}
_OTHER_WORDS |= {"repo": "repository", "url": "repository", "extensions": "extension", "team": "group"}
_OTHER_WORDS |= {"sis_user_id": "sis_id", "sis_login_id": "login", "username": "login", "full_name": "name"}
_CANVAS = {"student": "name", "id": "canvas_id", "sis user id": "sis_id", "sis login id": "login"}
_FROM_CANVAS = ("name", "canvas_id", "sis_id", "login")


class RosterError(Refusal):
    """The file can't be used at all; the text says why and what to do."""


@dataclass(frozen=True)
class Extension:
    """More time: `by` a span, or `until` a moment (with an offset, or by the student's clock); `module` "" means every one."""

    module: str = ""
    by: timedelta | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Person:
    """One student."""

    id: str
    name: str = ""
    email: str = ""
    group: str = ""
    repository: str = ""
    branch: str = ""
    timezone: ZoneInfo | None = None
    extensions: tuple[Extension, ...] = ()
    login: str = ""
    sis_id: str = ""
    canvas_id: str = ""
    moodle_id: str = ""


@dataclass(frozen=True)
class Roster:
    """The class, and what a person should look at in its file."""

    people: tuple[Person, ...] = ()
    problems: tuple[str, ...] = ()
    file: str = ""

    def person(self, id: str) -> Person | None:
        return self._by_id.get(key(id))

    def team(self, id: str) -> list[Person]:
        """Who a submission called `id` counts for: the student and everybody of the same group, or a group by its name."""
        person = self.person(id)
        group = person.group if person is not None else id
        together = [each for each in self.people if group and key(each.group) == key(group)]
        return together or ([person] if person is not None else [])

    @cached_property
    def _by_id(self) -> dict[str, Person]:
        return {key(person.id): person for person in self.people}

    @cached_property
    def groups(self) -> dict[str, list[Person]]:
        """Members by the group's name."""
        found: dict[str, list[Person]] = {}
        for person in self.people:
            if person.group:
                found.setdefault(person.group, []).append(person)
        return found


def load_roster(path: Path, modules: Collection[str] = ()) -> Roster:
    """The class list at `path`; `modules` are those that an extension may name. Raises `RosterError`."""
    return parse_roster(read_text(path), str(path), modules)


def parse_roster(text: str, file: str = "roster.csv", modules: Collection[str] = ()) -> Roster:
    """The class list that `text` holds."""
    found = table(text)
    rows = csv.reader(io.StringIO(found.text, newline=""), delimiter=found.delimiter, skipinitialspace=True)
    try:
        numbered = [(rows.line_num + found.skipped, [cell.strip() for cell in row]) for row in rows]
    except csv.Error as error:
        raise RosterError(f"{file} is not a CSV file: {error} (line {rows.line_num + found.skipped})") from None
    numbered = [(line, row) for line, row in numbered if any(row) and not row[0].startswith("#")]
    if not numbered:
        raise RosterError(f"{file} is empty. Its first line names the columns: {', '.join(COLUMNS[:8])}")
    head = [_column(cell) for cell in numbered[0][1]]
    if set(_CANVAS) <= {cell.lower() for cell in numbered[0][1]}:
        head, numbered = _from_canvas(numbered)
    if "student" not in head:
        raise RosterError(
            f"{file} has no column `student` (its first line says: {shown(', '.join(numbered[0][1]))}). "
            f"Columns that are understood: {', '.join(COLUMNS)}"
        )
    twice = sorted({name for name in head if name in COLUMNS and head.count(name) > 1})
    if twice:
        raise RosterError(f"{file} has two columns `{twice[0]}`; keep one")
    reader = _Reader(file, head, modules)
    people = tuple(person for line, row in numbered[1:] if (person := reader.person(line, row)) is not None)
    return Roster(people, tuple(reader.problems), file)


@dataclass
class _Reader:
    file: str
    head: list[str]
    modules: Collection[str]
    problems: list[str] = field(default_factory=list)
    taken: dict[tuple[str, str], int] = field(default_factory=dict)

    def person(self, line: int, row: list[str]) -> Person | None:
        if len(row) > len(self.head) and any(row[len(self.head) :]):
            self.say(
                line, f"has {len(row)} cells, the first line names {len(self.head)}; is a comma not in quotes? Left out"
            )
            return None
        cells = {name: cell for name, cell in zip(self.head, row, strict=False) if name in COLUMNS}
        id = cells.get("student", "")
        if not id or not id.isprintable() or len(id) > 100:
            self.say(
                line, "has no student id. Left out" if not id else f"has an unusable student id {id[:40]!r}. Left out"
            )
            return None
        first = self.taken.setdefault(("student", key(id)), line)
        if first != line:
            self.say(line, f"student {id!r} is there a second time (first in line {first}). Left out")
            return None
        for name in ("repository", "email", "login", "sis_id", "canvas_id", "moodle_id"):
            cell = cells.get(name, "")
            other = self.taken.setdefault((name, key(cell)), line) if cell else line
            if other != line and not (name == "repository" and cells.get("group")):
                self.say(line, f"student {id!r} has the same {name} as line {other}; one of them is wrong")
        zone = self.zone(line, id, cells.get("timezone", ""))
        extensions = self.extensions(line, id, cells.get("extension", ""))
        plain = {name: cells.get(name, "") for name in COLUMNS if name not in ("student", "timezone", "extension")}
        return Person(id=id, timezone=zone, extensions=extensions, **plain)

    def say(self, line: int, what: str) -> None:
        self.problems.append(f"{self.file}, line {line}: {what}.")

    def zone(self, line: int, id: str, name: str) -> ZoneInfo | None:
        if not name:
            return None
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            self.say(line, f"student {id!r}: there is no time zone {name!r} (as Europe/Berlin); the course's is taken")
            return None

    def extensions(self, line: int, id: str, cell: str) -> tuple[Extension, ...]:
        found = []
        for part in filter(None, (part.strip() for part in cell.replace(",", ";").split(";"))):
            module, separator, span = part.rpartition("=")
            extension = extension_of(module.strip(), span.strip())
            if extension is None:
                form = (
                    f"{duration.FORM}, or a date and time as 2026-09-20T23:59, after MODULE= where it is of one module"
                )
                self.say(line, f"student {id!r}: the extension {part!r} is not understood ({form}); none is given")
            elif separator and self.modules and module.strip() not in self.modules:
                known = ", ".join(self.modules)
                self.say(
                    line, f"student {id!r}: there is no module {module.strip()!r} to extend ({known}); none is given"
                )
            else:
                found.append(extension)
        return tuple(found)


def extension_of(module: str, span: str) -> Extension | None:
    """More time for `module`: a span or a date and time; None when `span` is neither."""
    by = duration.parse(span)
    if by is not None:
        return Extension(module, by=by)
    try:
        until = datetime.fromisoformat(span)
    except ValueError:
        return None
    return Extension(module, until=until) if len(span) > 10 else None  # a day alone: nobody knows which end of it


def _column(name: str) -> str:
    plain = "_".join(name.lower().replace("-", " ").replace("_", " ").split())
    return plain if plain in COLUMNS else _OTHER_WORDS.get(plain, plain)


def _from_canvas(numbered: list[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """A gradebook as Canvas exports it, as a class list. A student is known by their login there, or the school's id, or Canvas's."""
    names = [cell.lower() for cell in numbered[0][1]]
    at = {name: names.index(name) for name in _CANVAS if name in names}
    rows = [numbered[0]]
    for line, row in numbered[1:]:
        cells = {_CANVAS[name]: row[index] if index < len(row) else "" for name, index in at.items()}
        if cells["canvas_id"].isdigit() and cells["name"].lower() != "student, test":
            id = cells["login"] or cells["sis_id"] or cells["canvas_id"]
            rows.append((line, [id, *(cells[name] for name in _FROM_CANVAS)]))
    return ["student", *_FROM_CANVAS], rows


def read_text(path: Path) -> str:
    """The text of a CSV file that people made; raises `RosterError`."""
    try:
        with open_file(path, follow=True) as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise RosterError(f"there is no {path}") from None
    except OSError as error:
        raise RosterError(f"{path} can't be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise RosterError(f"{path} is larger than 16 MiB: that is no class list")
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    raise RosterError(f"{path} is not UTF-8 text. Save it as “CSV UTF-8”, or names would be spoilt")


def plain_name(text: str) -> str:
    """A name reduced to what platforms leave of it: small letters and digits, without accents, blanks and signs."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def names_of(person: Person) -> Iterable[str]:
    """The forms in which a platform may write a person's name, reduced: `Ada King`, `King, Ada`, `KingAda`."""
    words = person.name.replace(",", " , ").split()
    if "," in words:
        comma = words.index(",")
        words = words[comma + 1 :] + words[:comma]
    for split in range(len(words) or 1):
        yield plain_name("".join(words[split:] + words[:split]))
