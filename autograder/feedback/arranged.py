"""What `view` makes of a result: cases, checks and an exercise as they are read, before any format is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from autograder.feedback.escape import Spans
from autograder.results import Place, Timeline

State = Literal["passed", "failed", "pending"]


@dataclass(frozen=True)
class CaseView:
    """One case that did not pass (or any, for staff)."""

    title: str
    hidden: bool
    state: State
    reason: Spans
    hint: Spans
    facts: list[Spans]
    parameters: str
    inputs: list[tuple[str, str]]
    got: str
    want: str
    of_many: bool  # what is in `want` is a right answer, and may not be the only one
    marked: bool  # what differs in the text differs indeed, so that it can be marked
    asked: str  # the lines that were run, where they are known
    timeline: Timeline | None  # what can be drawn of it
    timeline_notes: list[str]  # how to read it, and what it says
    place: Place | None
    output: str
    details: str  # for staff: seed, margin, time

    @property
    def longest_line(self) -> int:
        """Of the answers: decides whether the two fit beside each other."""
        return max(len(line) for text in (self.want, self.got) for line in text.split("\n"))


@dataclass(frozen=True)
class CheckView:
    """One check: its claim, its points, why it does not pass."""

    name: str
    claim: Spans
    state: State
    points: str
    reason: Spans  # in one line
    diagnosis: list[Spans] = field(default_factory=list)
    cases: list[CaseView] = field(default_factory=list)
    first: Spans = field(default_factory=list)  # that something else is to be mended before
    also: str = ""  # the further failing cases, by title
    lecture: str = ""
    place: Place | None = None
    notes: str = ""


@dataclass(frozen=True)
class ExerciseView:
    """One exercise, in the order in which it is read."""

    exercise: str
    title: str
    file: str
    state: State
    verdict: str
    points: str
    fraction: float
    message: Spans
    hint: Spans
    place: Place | None
    failed: list[CheckView]  # in full
    same: list[CheckView]  # for the reason of one of these
    also_failed: list[CheckView]  # a line each
    pending: list[CheckView]
    passed: list[CheckView]
    unchecked: list[CheckView]  # could not be checked, for the exercise's own reason
    printed: str  # in public cases that pass
    summary: Spans
    flags: list[Spans]
