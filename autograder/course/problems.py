"""What is wrong with a course, for the person who writes it: all of it at once, each with file, place, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.refusals import Refusal


@dataclass(frozen=True)
class Problem:
    """One thing to mend."""

    file: str  # "" when it is about what someone asked for, not about a file
    key: str  # dotted path, with names for places in lists: `module[tokenizer].exercise[tokenizer/bpe].points`
    what: str
    allowed: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        parts = [part for part in (place, self.key) if part]
        text = ": ".join([*parts, self.what])
        return f"{text}\n    allowed: {self.allowed}" if self.allowed else text


class CourseError(Refusal):
    """The course can't be used as it is, or has not what was asked for; `problems` says everything that is wrong."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def sentences(self) -> str:
        asked = all(not problem.file for problem in self.problems)  # for what the course has not: it is fine itself
        return str(self) if asked else f"The course can't be used:\n{self}"
