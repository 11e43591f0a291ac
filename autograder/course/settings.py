"""The parts of `grading.toml` that are set once and hold for many exercises: limits, feedback, what lateness costs, attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Table(BaseModel):
    """Base of all tables: frozen, no unknown keys, no silent conversion of "5" to 5."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Limits(Table):
    """What a student's code may use, for each exercise."""

    cpu_seconds: float = Field(default=10.0, gt=0, le=3600, description="CPU time for one case of a check, in seconds.")
    wall_factor: float = Field(
        default=3.0,
        ge=1,
        le=100,
        description="A case is also ended after this many times `cpu_seconds` by the clock: sleep and deadlock use no CPU.",
    )
    memory_mb: int = Field(
        default=2048,
        ge=64,
        le=1_048_576,
        description="Memory of a worker in MiB, on top of what Python and torch take themselves.",
    )
    output_kb: int = Field(
        default=64, ge=1, le=65_536, description="How much printed text of one case is kept, in KiB."
    )
    file_kb: int = Field(
        default=256, ge=1, le=16_384, description="Largest file (or code from a notebook) accepted, in KiB."
    )


class Feedback(Table):
    """What students see of hidden checks, and when; their hints, and the solutions. Public checks are always shown in full."""

    show: Literal["none", "count", "claim", "diagnosis", "case"] = Field(
        default="diagnosis",
        description="`none`: nothing; `count`: how many passed; `claim`: also what each one claims; `diagnosis`: also which "
        "known mistake it looks like; `case`: also the case, what was expected and what the code gave.",
    )
    titles: bool = Field(
        default=False,
        description='With `diagnosis`: also the title of the first hidden case that fails, where its author gave it one ("an empty '
        'text"). It says what kind of input breaks, and nothing of the input itself; code can choose which title that is.',
    )
    when: Literal["now", "after_due", "published"] = Field(
        default="now",
        description="`now`; `after_due`: when the module's due date is over for this student (never, while it has none); "
        "`published`: when the instructor publishes (`autograder publish MODULE`).",
    )
    hints: Literal["none", "private", "reported"] = Field(
        default="private",
        description="`autograder hint`. `none`: a release has no hints; `private`: how many one asked for stays on one's own "
        "machine; `reported`: it is handed in with the work, and the pages of a graded class show it. It costs no points.",
    )
    solutions: Literal["never", "after_due", "after_passing"] = Field(
        default="never",
        description="`autograder solution`. `never`: a release has no solutions; `after_due`: those of modules whose due date is "
        "over when it is written (so release again then, and mind extensions and late work that still counts); `after_passing`: "
        "all, and the command shows one when the public checks of its exercise pass. They are packed there, not encrypted: "
        "who wants to can read them. Meant for self-study.",
    )


class LateFull(Table):
    """Late work counts in full."""

    kind: Literal["none"] = Field(description="Late work counts in full.")

    def share(self, late: timedelta) -> float:
        return 1.0


class LateRefused(Table):
    """Late work counts nothing."""

    kind: Literal["refuse"] = Field(description="Late work counts nothing.")
    grace_minutes: int = Field(
        default=0, ge=0, description="How late work may be and still count as on time, in minutes."
    )

    def share(self, late: timedelta) -> float:
        return 1.0 if late <= timedelta(minutes=self.grace_minutes) else 0.0


class LatePercentPerDay(Table):
    """Late work loses a part of its points for each day begun."""

    kind: Literal["percent_per_day"] = Field(description="Late work loses `percent` of its points for each day begun.")
    percent: float = Field(gt=0, le=100, description="What each day begun costs, in percent of the points earned.")
    grace_minutes: int = Field(
        default=0, ge=0, description="How late work may be and still count as on time, in minutes."
    )
    cap: float = Field(default=100.0, gt=0, le=100, description="The most that lateness can cost, in percent.")
    last_day: int | None = Field(
        default=None, ge=1, description="Work that is more days late than this counts nothing."
    )

    def share(self, late: timedelta) -> float:
        if late <= timedelta(minutes=self.grace_minutes):
            return 1.0
        days = -(-late // timedelta(days=1))
        if self.last_day is not None and days > self.last_day:
            return 0.0
        return 1 - min(days * self.percent, self.cap) / 100


LatePolicy = Annotated[LateFull | LateRefused | LatePercentPerDay, Field(discriminator="kind")]


class Scores(Table):
    """How verdicts become scores: attempts, regrades, late days. Deadlines and what lateness costs are each module's own."""

    attempt: Literal["last", "best"] = Field(
        default="last",
        description="Which of several different answers to an exercise counts: the one handed in last, or the one worth most "
        "(after what lateness costs).",
    )
    max_attempts: int | None = Field(
        default=None,
        ge=1,
        description="How many different answers to an exercise count; later ones are graded and shown, and don't count.",
    )
    never_lower: bool = Field(
        default=False, description="Whether grading the same answer again can only raise its points, never lower them."
    )
    late_days: int = Field(
        default=0,
        ge=0,
        le=365,
        description="Days that each student may be late in all without losing points. They are spent where they help, the "
        "earliest deadline first.",
    )
    late_days_per_module: int | None = Field(
        default=None, ge=1, description="The most late days that one module may take; all that are left, by default."
    )
