"""The folder with one TOML file for each student: read whole, with everything that is wrong in it, and written by adding at the end.

A file is added to, never rewritten: what a person wrote into it by hand, comments and layout included, stays byte by byte. Writers
wait for one another (a lock on the folder), a reader sees the file before or after, and who writes on an older state is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from autograder.course import toml_lines
from autograder.course.config import Course
from autograder.course.problems import Problem
from autograder.course.tree import key
from autograder.people.records import KINDS, NAMES, Record, Said
from autograder.people.rubrics import problem_of
from autograder.refusals import Refusal, Refused

SHARED = "people"
MAX_BYTES = 4 * 2**20
_LOCK = ".lock"


class PeopleError(Refusal):
    """Files that people wrote can't be used; the text says everything that is wrong, with file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(each) for each in problems))


class Stale(Refusal):
    """Somebody else wrote about the same exercise of the same student meanwhile. Nothing was written."""


def folder_of(root: Path, private: Path) -> Path:
    """Where the files are: in `people/` of the course where that is there, so that they are versioned with it; else in the private folder."""
    shared, own = root / SHARED, private / SHARED
    if shared.is_dir() and any(own.glob("*.toml")):
        raise Refused(
            f"There are files of people in {shared} and in {own}: nobody can tell which count. Move them into one of the two."
        )
    return shared if shared.is_dir() else own


class Folder:
    """The files of one course."""

    def __init__(self, path: Path, course: Course) -> None:
        self.path, self.course = path, course

    def read(self, students: Sequence[str] | None = None) -> dict[str, Said]:
        """Everybody's, by the student's id in the form of `tree.key`. `students` are those that there are, where that is known.

        Raises `PeopleError` with everything that is wrong in any of the files.
        """
        found: dict[str, Said] = {}
        problems: list[Problem] = []
        known = None if students is None else {key(each): each for each in students}
        for path in sorted(self.path.glob("*.toml")) if self.path.is_dir() else ():
            said, wrong = self._parsed(path)
            problems += wrong
            if said is None:
                continue
            if known is not None and key(said.student) not in known:
                close = ", ".join(list(known.values())[:10])
                what = f"there is no student or group {said.student!r}"
                problems.append(Problem(self._shown(path), "student", what, close, 1))
            if key(said.student) in found:
                problems.append(Problem(self._shown(path), "student", f"another file is about {said.student!r} too"))
            found[key(said.student)] = said
        if problems:
            raise PeopleError(problems)
        return found

    def of(self, student: str) -> Said:
        """One student's, with nothing in it when there is no file. Raises `PeopleError`."""
        path = self._path(student)
        if not path.is_file():
            return Said(student)
        said, problems = self._parsed(path)
        if said is None or problems:
            raise PeopleError(problems)
        return said

    def add(self, student: str, records: Sequence[Record], state: str | None = None) -> Said:
        """Write records about one exercise or module of a student, at the end of the file; all of them, or nothing.

        `state` is that of `Said.state`, on which the writer decided: `Stale` is raised when it has changed since. Raises `PeopleError`
        where a record names what does not exist.
        """
        with self._locked():
            said, path = self.of(student), self._path(student)
            if state is not None and any(said.state(each.of) != state for each in records):
                raise Stale(
                    f"Somebody wrote about {records[0].of} of {student} meanwhile. Nothing was written: look at what is there now."
                )
            problems = [
                Problem("", where, what, allowed)
                for each in records
                if (broken := problem_of(each, self.course, [*said.records, *records])) is not None
                for where, what, allowed in [broken]
            ]
            if problems:
                raise PeopleError(problems)
            before = path.read_bytes().decode("utf-8-sig") if path.is_file() else f"student = {_text(student)}\n"
            after = before.rstrip("\n") + "\n" + "".join(f"\n{_table(each)}" for each in records)
            made = self._said(tomllib.loads(after), after, path)
            if made[1] or made[0] is None:
                raise PeopleError(made[1])
            if len(after.encode()) > MAX_BYTES:
                raise Refused(f"{path} would be larger than {MAX_BYTES // 2**20} MiB.")
            _replace(path, after.encode())
            return made[0]

    # --- inside ---

    def _path(self, student: str) -> Path:
        """The file of a student: by its name, or, where a person named it otherwise, by what it says."""
        usual = self.path / f"{_file_name(student)}.toml"
        if usual.is_file():
            return usual
        for path in sorted(self.path.glob("*.toml")) if self.path.is_dir() else ():
            with contextlib.suppress(OSError, ValueError, RecursionError):
                if key(str(tomllib.loads(path.read_text("utf-8-sig")).get("student"))) == key(student):
                    return path
        return usual

    def _shown(self, path: Path) -> str:
        return f"{self.path.name}/{path.name}"

    def _parsed(self, path: Path) -> tuple[Said | None, list[Problem]]:
        shown = self._shown(path)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                return None, [Problem(shown, "", "it is larger than 4 MiB")]
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
            return self._said(tomllib.loads(text), text, path)
        except OSError as error:
            return None, [Problem(shown, "", f"it can't be read ({error.strerror})")]
        except UnicodeDecodeError:
            return None, [Problem(shown, "", "it is not UTF-8 text", "UTF-8")]
        except ValueError as error:  # of TOML, with line and column in its text
            return None, [Problem(shown, "", f"it is not valid TOML: {error}")]
        except RecursionError:
            return None, [Problem(shown, "", "it is nested too deeply")]

    def _said(self, raw: Mapping[str, Any], text: str, path: Path) -> tuple[Said | None, list[Problem]]:
        shown, lines = self._shown(path), toml_lines.lines(text)
        student = raw.get("student")
        if not isinstance(student, str) or not student:
            return None, [Problem(shown, "student", "is missing", 'student = "the id under which they are graded"')]
        problems = [
            Problem(
                shown,
                name,
                f"unknown key {name!r}",
                ", ".join(["student", *KINDS]),
                lines.get((name,)) or lines.get((name, 0)),
            )
            for name in raw
            if name != "student" and name not in KINDS
        ]
        found: list[tuple[int, Record]] = []
        for name, kind in KINDS.items():
            tables = raw.get(name, [])
            if not isinstance(tables, list):
                problems.append(Problem(shown, name, "is no list of tables", f"[[{name}]]", lines.get((name,))))
                continue
            for number, table in enumerate(tables):
                line = lines.get((name, number)) or lines.get((name,)) or 1
                try:
                    found.append((line, msgspec.convert(table, kind)))
                except msgspec.ValidationError as error:
                    what, place = _explained(error)
                    at = lines.get((name, number, place)) or line
                    problems.append(Problem(shown, f"{name}[#{number + 1}].{place}".rstrip("."), what, "", at))
        found.sort(key=lambda pair: pair[0])  # as they stand in the file, whatever their kinds are
        records = [record for _, record in found]
        for line, record in found:
            if (broken := problem_of(record, self.course, records)) is not None:
                where, what, allowed = broken
                problems.append(Problem(shown, f"{NAMES[type(record)]}.{where}", what, allowed, line))
        said = Said(student, tuple(records), tuple(line for line, _ in found))
        return said, sorted(problems, key=lambda each: each.line or 0)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, of all processes on this machine."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = (self.path / _LOCK).open("a+b")
        except OSError as error:
            raise Refused(f"{self.path} can't be written: {error.strerror or error}. Nothing was written.") from None
        with opened as lock:
            try:
                import fcntl
            except ImportError:  # Windows: one person at a time
                yield
                return
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


_HASHED = re.compile(r"-[0-9a-f]{8}$")


def _file_name(student: str) -> str:
    """A name for a student's file, another one for each: where something of the id can't be in it, a part of its hash is."""
    name = "".join(c if c.isalnum() or c in "-_.@" else "_" for c in student).lstrip(".")[:80] or "student"
    if name == student and name.isascii() and name == name.lower() and not _HASHED.search(name):
        return name
    return f"{name}-{hashlib.sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _replace(path: Path, data: bytes) -> None:
    """So that a reader sees the old file or the new one, also after a power cut."""
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            os.chmod(name, path.stat().st_mode & 0o777)
        os.replace(name, path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise Refused(f"{path} can't be written: {error.strerror or error}. Nothing was written.") from None


def _table(record: Record) -> str:
    """A record as TOML. What is as it is by default is left out."""
    lines = [f"[[{NAMES[type(record)]}]]"]
    about = ("of", "by", "at")  # what every record has, first
    for field in sorted(msgspec.structs.fields(record), key=lambda each: each.name not in about):
        value = getattr(record, field.name)
        if value != field.default:
            lines.append(f"{field.name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return _text(value)
    return f"{value:g}" if isinstance(value, float) and value != int(value) else str(int(value))  # type: ignore[call-overload]


def _text(value: str) -> str:
    """A basic string of TOML: as JSON writes it, and without what UTF-8 can't hold."""
    whole = value.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _explained(error: msgspec.ValidationError) -> tuple[str, str]:
    """msgspec's sentence, and the key that it is about."""
    text, _, place = str(error).partition(" - at `$.")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", text)
    if missing:
        return f"{missing[1]} is missing", ""
    unknown = re.fullmatch(r"Object contains unknown field `(\w+)`", text)
    if unknown:
        return f"unknown key {unknown[1]!r}", unknown[1]
    return text[:1].lower() + text[1:].replace("`", ""), place.rstrip("`")
