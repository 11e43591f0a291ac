"""One student's score, in plain data, with every step that led to it. Tables, pages and exports are made from these records.

Points are rounded to hundredths after each step, so that what is shown adds up.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from autograder.results import Clock, Message

SCHEMA = "llm-internals/score/1"

StepKind = Literal[
    "verdict",  # what the checks came to
    "attempt",  # which of several answers counts
    "kept",  # a regrade would have lowered it
    "deadline",  # what the deadline is for this student
    "late-days",  # days spent of the student's own
    "late",  # what lateness costs
    "rubric",  # what a person gave for an item of a rubric
    "adjust",  # what a person decided
    "drop",  # the weakest does not count
]


class Record(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of all records: keywords only, unknown fields refused when read back."""


class Step(Record):
    """One thing that was done to a score, in the order in which it was done."""

    kind: StepKind
    message: Message  # why, in `feedback/messages/<language>/score.toml`
    before: float  # points
    after: float  # points


class ExerciseScore(Record):
    """One exercise of one student."""

    exercise: str
    title: str
    points: int  # what it is out of
    earned: int  # by the verdict
    score: float  # after all steps
    pending: int = 0  # points neither earned nor lost yet
    counts: bool = True  # False: dropped or excused
    verdict: str = ""  # "" when nothing was handed in
    submission: str = ""  # whose result it is, as it was graded
    run: str = ""  # the run that gave the verdict
    handed_in: str = ""  # of the attempt that counts
    clock: Clock = "unknown"
    late_seconds: int = 0  # after the student's deadline, before late days
    attempts: int = 0  # different answers handed in
    steps: list[Step] = []


class ModuleScore(Record):
    """One module of one student."""

    module: str
    title: str
    points: float  # of what counts
    score: float
    pending: int = 0
    due: str = ""  # the student's own deadline, late days included
    late_days: int = 0  # spent here
    counts: bool = True
    exercises: list[ExerciseScore] = []
    steps: list[Step] = []  # of the module as a whole


class Score(Record, omit_defaults=False):
    """One student, the whole course."""

    student: str
    points: float
    score: float
    name: str = ""
    group: str = ""
    pending: int = 0
    late_days_left: int = 0
    modules: list[ModuleScore] = []
    remarks: list[Message] = []  # for a person to look at
    schema: str = SCHEMA

    def exercise(self, name: str) -> ExerciseScore | None:
        return next((each for module in self.modules for each in module.exercises if each.exercise == name), None)


def number(points: float) -> str:
    """Points as people write them: 8, 7.5, 0.67."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def rounded(points: float) -> float:
    return round(points + 0.0, 2)


def to_json(score: Score) -> bytes:
    return msgspec.json.format(msgspec.json.encode(score), indent=2)
