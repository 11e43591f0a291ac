"""A notebook → the module of each exercise in it.

A code cell belongs to the exercises that its tags name: `exercise:tokenizer/bpe`. Where an editor has lost the tags, nbgrader's name of the
cell does, if that is left. Cells tagged `shared` (imports, helpers) come along where they stand before an exercise's last cell. Of all
other cells (checks, plots, trials) only the imports come along that its cells use and do not have; where they use a function of such a
cell, that is said. Magics and shell lines are IPython's language, not Python's: in a cell that is used they are refused with their place.

The notebook is decoded into just the fields that are used: its outputs, however large or strange, never become objects.
Its JSON is not held to the whole schema of nbformat, since a notebook that Jupyter would complain about may still hold good code.
"""

from __future__ import annotations

import difflib
import hashlib
import heapq
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from autograder.course import session, source_text
from autograder.course.config import Course
from autograder.course.magics import first_magic
from autograder.course.stubs import bare
from autograder.course.tree import shown, too_big
from autograder.results import Message

MAX_BYTES = 16 * 2**20
SHARED = "shared"
PREFIX = "exercise:"
ANSWER = "-code"
"""How nbgrader's names of cells for answers end."""
MAX_OTHERS = 200  # cells without a tag of which imports are looked at
MAX_OTHER_BYTES = 2**16
_DEFINED = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)", re.MULTILINE)


class _Metadata(msgspec.Struct):
    tags: list[str] = []
    nbgrader: Any = None


class Cell(msgspec.Struct):
    """A cell as its author left it: nothing in it can be believed."""

    cell_type: str
    source: str | list[str] = ""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)

    @property
    def text(self) -> str:
        source = self.source if isinstance(self.source, str) else "".join(self.source)
        return source.replace("\r\n", "\n").replace("\r", "\n")

    @property
    def grade_id(self) -> str:
        """What nbgrader calls it, "" when it has no such name."""
        found = self.metadata.nbgrader.get("grade_id") if isinstance(self.metadata.nbgrader, dict) else None
        return found if isinstance(found, str) else ""


class _Notebook(msgspec.Struct):
    nbformat: int = 0
    cells: list[Cell] | None = None


@dataclass(frozen=True)
class Span:
    """Where a part of a module came from: its first line in the module, and the cell as people count it."""

    first: int
    label: str


@dataclass(frozen=True)
class Code:
    """The module that a notebook holds for one exercise, or why it can't be used."""

    text: str | None
    spans: tuple[Span, ...] = ()
    problem: Message | None = None


KEPT = 64
"""Notebooks whose modules are remembered."""


@dataclass(frozen=True)
class Extract:
    """All that a notebook holds for a course. `broken` says why it could not be read at all."""

    codes: dict[str, Code]
    broken: Message | None = None
    problems: tuple[Message, ...] = ()


def extract(data: bytes, file: str, course: Course) -> Extract:
    """The modules in the notebook `data`; `file` is its name in messages. Never raises for what is in it.

    Most notebooks are met again: those that a student does not use, at each save that `watch` sees and in each hand-in of a class.
    """
    key, kept = (file, hashlib.sha256(data).digest()), course.notebooks
    if key not in kept:
        if len(kept) >= KEPT:
            del kept[next(iter(kept))]
        kept[key] = _extract(data, file, course)
    return kept[key]


def _extract(data: bytes, file: str, course: Course) -> Extract:
    cells = read_cells(data, file)
    if isinstance(cells, Message):
        return Extract({}, broken=cells)
    known = {exercise.name for exercise in course.exercises}
    used: dict[str, list[int]] = {}
    shared: list[int] = []
    others: list[int] = []
    problems: list[Message] = []
    for index, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        if SHARED in cell.metadata.tags:
            shared.append(index)
        names = list(exercises_of(cell)) or _by_grade_id(cell, file, course)
        if not names and SHARED not in cell.metadata.tags and len(others) < MAX_OTHERS:
            others.append(index)
        for name in names:
            if name in known:
                used.setdefault(name, []).append(index)
            elif len(problems) < 10:
                problems.append(_unknown_tag(name, file, index, course))
    pieces = [_Piece(cell, index) for index, cell in enumerate(cells)]
    codes = {}
    for name, own in used.items():
        own = _without_copies(own, pieces, name, course)
        before = list(itertools.takewhile(lambda index, last=own[-1]: index < last, shared))
        indices = [index for index, _ in itertools.groupby(heapq.merge(own, before))]
        apart = [pieces[index] for index in others if index < own[-1] or index not in own]
        cap = course.exercise(name).limits.file_kb * 1024
        codes[name], missed = _module([pieces[index] for index in indices], apart, file, cap)
        if missed is not None and len(problems) < 10:
            cell, helper = missed
            values = {"file": file, "cell": cell.number, "name": helper, "tag": PREFIX + name}
            problems.append(Message(id="submission.helper", values=values))
    return Extract(codes, problems=tuple(problems))


def _by_grade_id(cell: Cell, file: str, course: Course) -> list[str]:
    """The exercise that nbgrader's name of a cell for answers names, where its tags are lost."""
    slug = cell.grade_id.removesuffix(ANSWER) if cell.grade_id.endswith(ANSWER) else ""
    found = [each for each in course.exercises if slug and each.slug == slug]
    topic = file.rpartition("/")[2].rpartition(".")[0]
    found = [each for each in found if each.topic == topic] or found
    return [found[0].name] if len(found) == 1 else []


def _without_copies(own: list[int], pieces: list[_Piece], name: str, course: Course) -> list[int]:
    """The cells of an exercise without one that is there twice, and without the cell that was handed out where there is another one."""
    if len(own) == 1:
        return own
    seen: set[str] = set()
    found: list[int] = []
    for index in own:
        text = bare(pieces[index].text)
        if text not in seen:
            found.append(index)
        seen.add(text)
    written = [index for index in found if not course.stubs.has(name, pieces[index].text)]
    return written or found


def exercises_of(cell: Cell) -> Iterator[str]:
    """The exercises that a cell's tags name, known or not."""
    for tag in dict.fromkeys(cell.metadata.tags):
        if tag.startswith(PREFIX):
            yield tag.removeprefix(PREFIX).strip()


class _Piece:
    """A cell that is used. What has to be found out about it is found out once, however many exercises share it."""

    def __init__(self, cell: Cell, index: int) -> None:
        self._cell = cell
        self.number = index + 1  # as people count

    @cached_property
    def text(self) -> str:
        return self._cell.text

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def size(self) -> int:
        """Bytes; characters where it can't be encoded."""
        return len(self.text.encode("utf-8", "replace"))

    @cached_property
    def is_text(self) -> bool:
        return "\0" not in self.text and _encodable(self.text)

    @cached_property
    def first_magic(self) -> int | None:
        return first_magic(self.text)

    @cached_property
    def imports(self) -> list[session.Import]:
        return session.imports_in(self.text) if self.size <= MAX_OTHER_BYTES else []

    @cached_property
    def helpers(self) -> set[str]:
        """The functions and classes that it defines."""
        return set(_DEFINED.findall(self.text)) if self.size <= MAX_OTHER_BYTES else set()

    def problem(self, file: str) -> Message | None:
        """Why it can't be a part of a module."""
        if self.first_magic is not None:
            line = self.lines[self.first_magic - 1].strip()
            values = {"file": file, "cell": self.number, "line": self.first_magic, "code": shown(line[:80])}
            return Message(id="submission.magic", values=values)
        if not self.is_text:
            return Message(id="submission.cell-text", values={"file": file, "cell": self.number})
        return None


def _module(pieces: list[_Piece], others: list[_Piece], file: str, cap: int) -> tuple[Code, tuple[_Piece, str] | None]:
    """The cells joined, each under a comment that names it: the text itself then says where a line came from. And a cell of `others` that
    they use a helper of, with its name.

    No more than `cap` bytes of cells are looked at, so that what a notebook costs does not grow with what it has beyond them.
    """
    size = 0
    for piece in pieces:
        size += len(_head(piece)) + piece.size + 2  # the ends of their lines
        if size > cap:
            return Code(None, problem=too_big(file, None, cap)), None
        problem = piece.problem(file)
        if problem is not None:
            return Code(None, problem=problem), None
    if not any(piece.text.strip() for piece in pieces):
        return Code(None, problem=Message(id="submission.empty", values={"file": file})), None
    texts = [piece.text for piece in pieces]
    parts: list[tuple[_Piece, str]] = []
    missed = None
    if any(other.imports or other.helpers for other in others):
        together = "\n".join(texts)
        wanted = session.names_in(together) - session.bound_in(together)
        called = session.calls_in(together)
        parts = [(other, text) for other in others if (text := session.only(other.imports, wanted))]
        missed = next(((other, min(found)) for other in others if (found := other.helpers & called)), None)
    texts, first = session.without_session(texts, alone=not parts)
    parts += zip(pieces, texts, strict=True)
    lines = [first] if first else []
    spans = []
    for piece, text in parts:
        lines.append(_head(piece))
        spans.append(Span(len(lines) + 1, f"{file}, cell {piece.number}"))
        lines += text.split("\n")
    return Code("\n".join(lines) + "\n", tuple(spans)), missed


def _head(piece: _Piece) -> str:
    return f"# %% cell {piece.number}"


def read_cells(data: bytes, file: str) -> list[Cell] | Message:
    """The cells of the notebook `data`, or why it can't be read; `file` is its name in the message."""
    if data.startswith(source_text.LFS):
        return Message(id="submission.lfs", values={"file": file})
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        notebook = _decode(data)
    except RecursionError:
        return Message(id="submission.notebook-broken", values={"file": file, "reason": "it is nested too deeply"})
    except (ValueError, msgspec.MsgspecError) as error:  # both: what is no JSON, and what is no notebook
        if line := source_text.conflict(data.decode("utf-8", "replace")):
            return Message(id="submission.conflict", values={"file": file, "line": line})
        return Message(id="submission.notebook-broken", values={"file": file, "reason": str(error)[:200]})
    if notebook.nbformat != 4:
        return Message(id="submission.notebook-format", values={"file": file, "version": notebook.nbformat})
    if notebook.cells is None:
        return Message(id="submission.notebook-broken", values={"file": file, "reason": "it has no cells"})
    return notebook.cells


_decoder = msgspec.json.Decoder(_Notebook)
_NOT_JSON = re.compile(rb'"(?:\\.|[^"\\])*+\\?"?|-?Infinity|NaN', re.DOTALL)


def _decode(data: bytes) -> _Notebook:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError:
        if b"NaN" not in data and b"Infinity" not in data:
            raise
    # Jupyter writes these into the outputs of plots, though they are not JSON. Only what is outside of strings is replaced.
    return _decoder.decode(_NOT_JSON.sub(lambda match: match[0] if match[0].startswith(b'"') else b"null", data))


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unknown_tag(name: str, file: str, index: int, course: Course) -> Message:
    close = difflib.get_close_matches(name[:100], [exercise.name for exercise in course.exercises], n=1)
    values = {"file": file, "cell": index + 1, "tag": shown(PREFIX + name)}
    return Message(id="submission.unknown-tag", values={**values, "guess": PREFIX + close[0]} if close else values)
