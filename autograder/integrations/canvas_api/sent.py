"""What was sent to Canvas: one line for each grade, in a file that is only ever added to.

With it a grade that somebody changed by hand is told from one that is still as it was sent; and after a lost connection, a grade that is on
its way from one that was never sent. A line that was cut short by a power cut is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from autograder.integrations.canvas_api.place import CanvasApiError

State = Literal["sending", "sent"]


@dataclass
class Known:
    """What is known of one student's grade in one assignment."""

    grade: str | None = None  # as it was last seen to have arrived
    under_way: str | None = None  # sent after that, and not seen yet
    comments: set[str] = field(default_factory=set)  # hashes of all that were ever sent


@dataclass(frozen=True)
class Line:
    """A grade (None: left as it is) and a comment ("" for none) that are sent or have arrived."""

    assignment: int
    user: int
    grade: str | None
    comment: str


class Sent:
    """The record of one course."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[tuple[int, int], Known] = {}
        for said in _lines(path):
            self._take(said)

    def known(self, assignment: int, user: int) -> Known:
        return self._known.get((assignment, user), Known())

    def write(self, state: State, lines: Iterable[Line]) -> None:
        """Add lines, and see that they are on the disk before anything else happens."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        said = [
            {"at": at, "state": state, "assignment": each.assignment, "user": each.user, "grade": each.grade}
            | ({"comment": digest(each.comment)} if each.comment else {})
            for each in lines
        ]
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with self.path.open("ab") as stream:
                if stream.tell() and not _ends_a_line(self.path):
                    stream.write(b"\n")  # what a power cut left is a line of its own
                stream.write(b"".join(json.dumps(each).encode() + b"\n" for each in said))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise CanvasApiError(
                f"{self.path} can't be written ({error.strerror}), so nothing more is sent: what was sent could not be remembered"
            ) from None
        for each in said:
            self._take(each)

    def _take(self, said: object) -> None:
        if not isinstance(said, dict):
            return
        assignment, user, grade, comment = (said.get(name) for name in ("assignment", "user", "grade", "comment"))
        if not isinstance(assignment, int) or not isinstance(user, int):
            return
        known = self._known.setdefault((assignment, user), Known())
        if isinstance(comment, str):
            known.comments.add(comment)
        if isinstance(grade, str) and said.get("state") == "sending":
            known.under_way = grade
        elif isinstance(grade, str) and said.get("state") == "sent":
            known.grade, known.under_way = grade, None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else on this machine sends by the record at `path` meanwhile. Raises `CanvasApiError` when somebody does."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with path.with_suffix(".lock").open("wb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CanvasApiError(
                "Another command is sending grades to this course. Wait for it, then run this one again"
            ) from None
        yield


def digest(comment: str) -> str:
    """A comment's hash, the same however its blanks were changed on the way."""
    return hashlib.sha256(" ".join(comment.split()).encode("utf-8", "replace")).hexdigest()[:24]


def _lines(path: Path) -> Iterator[object]:
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise CanvasApiError(
            f"{path} can't be read ({error.strerror}): it says which grades were sent before"
        ) from None
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
