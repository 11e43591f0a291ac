"""One student's file as typed records, and what stands of them.

Records are only ever added: who changes their mind adds another one, so that a file says who decided what, and when. What stands:

    points    of an item of a rubric: the last ones
    comment   unless a later `removed` names it
    request   open until an `answer` names it
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

MAX_TEXT = 20_000
MAX_LINE = 1_000_000
"""The largest line number that a comment can be at."""
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Moment = Annotated[datetime, Meta(tz=True)]
EARLIEST = datetime.min.replace(tzinfo=UTC)


class Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One table of the file. `of` is an exercise or a module."""

    of: Text
    by: Text  # who says it
    at: Moment = EARLIEST  # when; who writes by hand may leave it out

    @property
    def id(self) -> str:
        """Eight characters that later records name it by."""
        values = [str(each) for each in msgspec.structs.astuple(self)]
        return hashlib.sha256("\0".join([type(self).__name__, *values]).encode()).hexdigest()[:8]


class Points(Record, frozen=True):
    """What a person gives for an item of the rubric of `of`."""

    item: Text
    points: float
    why: Annotated[str, Meta(max_length=MAX_TEXT)] = ""


class Comment(Record, frozen=True):
    """What a person says of a line of the answer to `of`; of the whole of it when `line` is 0."""

    text: Text
    line: Annotated[int, Meta(ge=0, le=MAX_LINE)] = 0  # from 1, of the text that was graded
    code: Annotated[str, Meta(max_length=MAX_TEXT)] = ""  # theirs: the line's text when the comment was written
    file: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""  # SHA-256 of the whole text at that time


class Removed(Record, frozen=True):
    """A comment that no longer counts."""

    comment: Text  # its id


class Request(Record, frozen=True):
    """What a student asks to be looked at again. `by` is the student, or who wrote it down for them."""

    text: Text


class Answer(Record, frozen=True):
    """What a person answered to a request."""

    request: Text  # its id
    text: Text


KINDS: dict[str, type[Record]] = {
    "points": Points,
    "comment": Comment,
    "removed": Removed,
    "request": Request,
    "answer": Answer,
}
"""The tables of a file by their names."""
NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Asked:
    """A request and what became of it."""

    request: Request
    answer: Answer | None = None

    @property
    def open(self) -> bool:
        return self.answer is None


@dataclass(frozen=True)
class Said:
    """Everything that people said of one student, in the order in which it was written."""

    student: str
    records: tuple[Record, ...] = ()
    lines: tuple[int, ...] = field(default=(), compare=False)  # where each record stands in the file

    def of(self, scope: str) -> tuple[Record, ...]:
        """What is about an exercise or a module."""
        return tuple(each for each in self.records if each.of == scope)

    def state(self, scope: str) -> str:
        """Changes when anything is added that is about `scope`: who writes says on which state, so that nobody's words are lost."""
        return hashlib.sha256("\0".join(each.id for each in self.of(scope)).encode()).hexdigest()[:16]

    def points(self, scope: str) -> dict[str, Points]:
        """The points that stand, by item."""
        return {each.item: each for each in self.of(scope) if isinstance(each, Points)}

    def comments(self, scope: str) -> list[Comment]:
        """The comments that stand, by line."""
        gone = {each.comment for each in self.records if isinstance(each, Removed)}
        found = [each for each in self.of(scope) if isinstance(each, Comment) and each.id not in gone]
        return sorted(found, key=lambda each: each.line)

    def requests(self, scope: str | None = None) -> list[Asked]:
        """The requests about `scope` (or about anything), the oldest first."""
        answers = {each.request: each for each in self.records if isinstance(each, Answer)}
        records = self.records if scope is None else self.of(scope)
        return [Asked(each, answers.get(each.id)) for each in records if isinstance(each, Request)]


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
