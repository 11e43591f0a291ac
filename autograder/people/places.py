"""Where a comment's line is in the newest answer: where it was, somewhere else, or nowhere any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autograder.course.answers import SubmittedFile
from autograder.course.bounded import USUAL
from autograder.course.config import Course
from autograder.course.find import Found
from autograder.course.opening import Opening
from autograder.people.records import Comment
from autograder.results import ExerciseResult, Result

KEPT = 50
"""Sources whose files are held in memory."""

State = Literal[
    "whole",  # it is about the whole answer
    "there",  # the line stands where it stood
    "moved",  # the same line stands elsewhere, once
    "gone",  # no line, or several elsewhere, reads like it
    "unknown",  # the newest answer is another one, and can't be read here
]


@dataclass(frozen=True)
class Placed:
    """A comment, and the line of the newest answer that it is about (None where nobody can tell)."""

    comment: Comment
    state: State
    line: int | None = None


def placed(comment: Comment, file_hash: str, text: str | None) -> Placed:
    """Where `comment` is in the newest answer, whose hash is `file_hash` and whose text may not be at hand."""
    if not comment.line:
        return Placed(comment, "whole")
    if comment.file and comment.file == file_hash:
        return Placed(comment, "there", comment.line)
    if text is None:
        return Placed(comment, "gone" if not file_hash else "unknown")
    lines = text.split("\n")
    wanted = comment.code.strip()
    if comment.line <= len(lines) and lines[comment.line - 1].strip() == wanted:
        return Placed(comment, "there", comment.line)
    same = [number for number, line in enumerate(lines, 1) if line.strip() == wanted] if wanted else []
    return Placed(comment, "moved", same[0]) if len(same) == 1 else Placed(comment, "gone")


class Codes:
    """What was handed in, read again where it lies, within bounds. Use as a context manager; every source is opened once."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._opening: Opening | None = None
        self._files: dict[str, dict[str, SubmittedFile]] = {}

    def __enter__(self) -> Codes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opening is not None:
            self._opening.__exit__()

    def file(self, result: Result, exercise: ExerciseResult) -> SubmittedFile | None:
        """The file that was graded; None when it is not there any more, or is another one now."""
        source = result.origin_of(exercise).source
        if not exercise.file_hash:
            return None
        if source not in self._files:
            if len(self._files) >= KEPT:
                self._files.pop(next(iter(self._files)))
            if self._opening is None:
                self._opening = Opening(self._course, USUAL, jobs=1).__enter__()
            self._files[source] = self._opening.open(Found(result.submission, source)).files
        found = self._files[source].get(exercise.exercise)
        return found if found is not None and found.hash == exercise.file_hash else None
