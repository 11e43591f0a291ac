"""A notebook → the module of each exercise in it.

A code cell belongs to the exercises that its tags name: `exercise:tokenizer/bpe`. Cells tagged `shared` (imports, helpers) come
along where they stand before an exercise's last cell. All other cells (checks, plots, trials) are left out. Magics and shell
lines are IPython's language, not Python's: in a cell that is used they are refused with their place.

The notebook is decoded into just the fields that are used: its outputs, however large or strange, never become objects.
Its JSON is not held to the whole schema of nbformat, since a notebook that Jupyter would complain about may still hold good code.
"""

from __future__ import annotations

import difflib
import heapq
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from autograder.course.config import Course
from autograder.course.tree import shown, too_big
from autograder.results import Message

MAX_BYTES = 16 * 2**20
SHARED = "shared"
PREFIX = "exercise:"


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


@dataclass(frozen=True)
class Extract:
    """All that a notebook holds for a course. `broken` says why it could not be read at all."""

    codes: dict[str, Code]
    broken: Message | None = None
    problems: tuple[Message, ...] = ()


def extract(data: bytes, file: str, course: Course) -> Extract:
    """The modules in the notebook `data`; `file` is its name in messages. Never raises for what is in it."""
    cells = read_cells(data, file)
    if isinstance(cells, Message):
        return Extract({}, broken=cells)
    known = {exercise.name for exercise in course.exercises}
    used: dict[str, list[int]] = {}
    shared: list[int] = []
    problems: list[Message] = []
    for index, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        if SHARED in cell.metadata.tags:
            shared.append(index)
        for name in exercises_of(cell):
            if name in known:
                used.setdefault(name, []).append(index)
            elif len(problems) < 10:
                problems.append(_unknown_tag(name, file, index, course))
    pieces = [_Piece(cell, index) for index, cell in enumerate(cells)]
    codes = {}
    for name, own in used.items():
        before = itertools.takewhile(lambda index, last=own[-1]: index < last, shared)
        indices = (index for index, _ in itertools.groupby(heapq.merge(own, before)))
        codes[name] = _module((pieces[index] for index in indices), file, course.exercise(name).limits.file_kb * 1024)
    return Extract(codes, problems=tuple(problems))


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

    def problem(self, file: str) -> Message | None:
        """Why it can't be a part of a module."""
        if self.first_magic is not None:
            line = self.lines[self.first_magic - 1].strip()
            values = {"file": file, "cell": self.number, "line": self.first_magic, "code": shown(line[:80])}
            return Message(id="submission.magic", values=values)
        if not self.is_text:
            return Message(id="submission.cell-text", values={"file": file, "cell": self.number})
        return None


def _module(pieces: Iterator[_Piece], file: str, cap: int) -> Code:
    """The cells joined, each under a comment that names it: the text itself then says where a line came from.

    No more than `cap` bytes of cells are looked at, so that what a notebook costs does not grow with what it has beyond them.
    """
    lines: list[str] = []
    spans = []
    size, blank = 0, True
    for piece in pieces:
        head = f"# %% cell {piece.number}"
        size += len(head) + piece.size + 2  # the ends of their lines
        if size > cap:
            return Code(None, problem=too_big(file, None, cap))
        problem = piece.problem(file)
        if problem is not None:
            return Code(None, problem=problem)
        lines.append(head)
        spans.append(Span(len(lines) + 1, f"{file}, cell {piece.number}"))
        lines += piece.lines
        blank = blank and not piece.text.strip()
    if blank:
        return Code(None, problem=Message(id="submission.empty", values={"file": file}))
    return Code("\n".join(lines) + "\n", tuple(spans))


def read_cells(data: bytes, file: str) -> list[Cell] | Message:
    """The cells of the notebook `data`, or why it can't be read; `file` is its name in the message."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        notebook = _decode(data)
    except RecursionError:
        return Message(id="submission.notebook-broken", values={"file": file, "reason": "it is nested too deeply"})
    except (ValueError, msgspec.MsgspecError) as error:  # both: what is no JSON, and what is no notebook
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


# ---------------------------------------------------------------- magics

_MAGIC = re.compile(r"\s*(?:[%!?]|[\w.\[\]]+\s*\?{1,2}\s*$|(?:\w[\w., \[\]]*=)\s*(?:!|%\s*[A-Za-z]))")
_SIGNS = re.compile(r"[%!?]")  # every magic has one of them
_PIECE = re.compile(r'#[^\n]*|"""|\'\'\'|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?|[\[\](){}]|\\\n|\n', re.DOTALL)
_CLOSERS = {quote: re.compile(r"\\.|" + quote, re.DOTALL) for quote in ('"""', "'''")}


def first_magic(source: str) -> int | None:
    """The first line (from 1) that only IPython understands: `%time`, `%%bash`, `!ls`, `x = !ls`, `help?`.

    A `%` may also begin the second line of an expression, or a line of a string, so only the beginnings of statements
    count. This looks at the text alone: a parser could be made to run out of stack, and the cell may not be Python at all.
    """
    line, depth, at = 1, 0, 0
    if not _SIGNS.search(source):
        return None
    if _MAGIC.match(source.partition("\n")[0]):
        return 1
    while piece := _PIECE.search(source, at):
        at, text = piece.end(), piece[0]
        if text in _CLOSERS:
            closer = next((each for each in _CLOSERS[text].finditer(source, at) if each[0] == text), None)
            if closer is None:
                return None
            line += source.count("\n", at, closer.end())
            at = closer.end()
        elif text in "([{":
            depth += 1
        elif text in ")]}":
            depth = max(depth - 1, 0)
        else:
            line += text.count("\n")
            if text == "\n" and not depth:
                end = source.find("\n", at)
                if _MAGIC.match(source[at : end if end >= 0 else len(source)]):
                    return line
    return None
