"""What a class's results say about the exercises: which checks are hard, which separate, what goes wrong, what is close.

For instructors and authors, the same questions as for the items of any test. Points that are pending count nowhere.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.feedback import messages
from autograder.results import PENDING, CheckResult, ExerciseResult, Result

CLOSE = (0.5, 2.0)
"""Margins (error / tolerance) worth a look: passed with more than half of the tolerance, failed with less than twice it."""
FEW = 5
"""Below so many answers a correlation says nothing."""
WEAK = 0.1
"""A check that discriminates less than this is worth a look."""


@dataclass(frozen=True)
class Close:
    """An answer whose error is near the tolerance: a margin at most 1 passed, a larger one did not."""

    submission: str
    margin: float
    passed: bool


@dataclass(frozen=True)
class Shared:
    """Something that is said of several submissions: a diagnosis, or a reason."""

    text: str
    submissions: list[str]


@dataclass(frozen=True)
class CheckStatistics:
    """One check over a class."""

    name: str
    claim: str
    points: int
    bonus: bool
    hidden_only: bool
    answers: int  # submissions in which it ran
    passed: int
    discrimination: float | None  # correlation of passing it with the points of the rest of the submission
    without: float | None  # the exercise's reliability were it not for this check
    missed: list[str]  # submissions that do not pass it
    diagnoses: list[Shared]
    reasons: list[Shared]  # sentence of the message, of those without a diagnosis
    close: list[Close]

    @property
    def rate(self) -> float | None:
        return self.passed / self.answers if self.answers else None


@dataclass(frozen=True)
class ExerciseStatistics:
    """One exercise over a class."""

    exercise: str
    title: str
    points: int
    submissions: int
    passed: int
    pending: int
    mean: float
    reliability: float | None  # Cronbach's alpha of its checks
    checks: list[CheckStatistics]
    stopped: list[Shared]  # why nothing could be run
    flagged: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)  # whose answer differed between equal runs

    @property
    def hardest(self) -> CheckStatistics | None:
        """The check that the fewest pass, of those that ran and that not everybody passes."""
        failed = [check for check in self.checks if check.passed < check.answers]
        return min(failed, key=lambda check: check.passed / check.answers, default=None)

    @property
    def weak(self) -> list[CheckStatistics]:
        """The checks that those who do well elsewhere pass no more often than others."""
        return [each for each in self.checks if each.discrimination is not None and each.discrimination < WEAK]


def exercise_statistics(results: list[Result]) -> list[ExerciseStatistics]:
    """Statistics of every exercise that occurs, in the order of first occurrence."""
    graded: dict[str, list[tuple[Result, ExerciseResult]]] = {}
    for result in results:
        for exercise in result.exercises:
            graded.setdefault(exercise.exercise, []).append((result, exercise))
    # A sum over a whole submission, once and not for each of its checks.
    earned = {id(result): result.earned for result in results}
    return [_exercise(pairs, earned) for pairs in graded.values()]


def _exercise(pairs: list[tuple[Result, ExerciseResult]], earned: Mapping[int, int]) -> ExerciseStatistics:
    exercises = [exercise for _, exercise in pairs]
    checks: dict[str, list[tuple[Result, CheckResult]]] = defaultdict(list)
    for result, exercise in pairs:
        for check in exercise.checks:
            checks[check.name].append((result, check))
    scores = _scores(exercises)
    whole = alpha(list(scores.values()))
    left = {name: alpha([each for other, each in scores.items() if other != name]) for name in scores}
    return ExerciseStatistics(
        exercise=exercises[0].exercise,
        title=exercises[0].title or exercises[0].exercise,
        points=max(exercise.points for exercise in exercises),
        submissions=len(pairs),
        passed=sum(exercise.verdict == "passed" for exercise in exercises),
        pending=sum(exercise.pending > 0 for exercise in exercises),
        mean=sum(exercise.earned for exercise in exercises) / len(pairs),
        reliability=whole,
        checks=[_check(found, left.get(name), earned) for name, found in checks.items()],
        stopped=_shared((messages.text(each.message), result) for result, each in pairs if each.message is not None),
        flagged=[result.submission for result, exercise in pairs if exercise.flags],
        unsettled=[
            result.submission for result, exercise in pairs if any(flag.id == "flag.differs" for flag in exercise.flags)
        ],
    )


def _check(
    pairs: list[tuple[Result, CheckResult]], without: float | None, earned: Mapping[int, int]
) -> CheckStatistics:
    ran = [(result, check) for result, check in pairs if check.verdict not in PENDING]
    first = pairs[0][1]
    missed = [(result, check) for result, check in ran if check.verdict != "passed"]
    close = [
        Close(result.submission, check.margin, check.verdict == "passed")
        for result, check in ran
        if first.points and check.margin is not None and CLOSE[0] <= check.margin <= CLOSE[1]
    ]  # where points hang on it: an example of a docstring is rounded, so all right answers are near its tolerance
    return CheckStatistics(
        name=first.name,
        claim=first.claim,
        points=first.points,
        bonus=first.bonus,
        hidden_only=bool(first.cases) and not any(case.public for case in first.cases),
        answers=len(ran),
        passed=len(ran) - len(missed),
        discrimination=_discrimination(ran, earned),
        without=without,
        missed=[result.submission for result, _ in missed],
        diagnoses=_shared(
            (text, result) for result, check in missed if check.diagnosis for text in check.diagnosis.sentences
        ),
        reasons=_shared((reason(check), result) for result, check in missed if not check.diagnosis),
        close=sorted(close, key=lambda one: abs(math.log(one.margin))),
    )


def _shared(said: Iterable[tuple[str, Result]]) -> list[Shared]:
    """Who is said the same of; what is said most often comes first."""
    found: dict[str, list[str]] = {}
    for text, result in said:
        found.setdefault(text, []).append(result.submission)
    return sorted((Shared(text, who) for text, who in found.items()), key=lambda one: -len(one.submissions))


def reason(check: CheckResult) -> str:
    """The message's sentence without values, so that the same reason is counted as one."""
    for case in check.cases:
        message = messages.case_message(case)
        if case.verdict != "passed" and message is not None:
            kept = {name: value for name, value in message.values.items() if name in ("exception", "sentence")}
            return messages.text(type(message)(id=message.id, values=kept))
    return messages.label(check.verdict)


def _scores(exercises: list[ExerciseResult]) -> dict[str, list[float]]:
    """Of each check that counts, what everybody has for it who was asked all of them; nothing where too few were."""
    rows = [{check.name: check for check in each.checks if check.points and not check.bonus} for each in exercises]
    names = {name for row in rows for name, check in row.items() if check.verdict not in PENDING}
    whole = [row for row in rows if names <= row.keys() and all(row[name].verdict not in PENDING for name in names)]
    if len(whole) < FEW:
        return {}
    ordered = [name for name in rows[0] if name in names] + sorted(names - rows[0].keys())
    return {name: [float(row[name].earned) for row in whole] for name in ordered}


def alpha(items: Sequence[Sequence[float]]) -> float | None:
    """Cronbach's alpha: how far the checks of an exercise tell the same of a person. None where they tell nothing.

    >>> alpha([[1, 0, 1, 0, 1], [1, 0, 1, 0, 1]]), alpha([[1, 0, 1, 0], [1, 0, 0, 1]])
    (1.0, 0.0)
    """
    if len(items) < 2:
        return None
    spread = statistics.pvariance([sum(row) for row in zip(*items, strict=True)])
    if spread == 0:
        return None
    count = len(items)
    return count / (count - 1) * (1 - sum(map(statistics.pvariance, items)) / spread)


def _discrimination(pairs: list[tuple[Result, CheckResult]], earned: Mapping[int, int]) -> float | None:
    """Do those who pass it do well elsewhere? Pearson's r of passing with the rest of the points."""
    if len(pairs) < FEW:
        return None
    passing = [float(check.verdict == "passed") for _, check in pairs]
    if len(set(passing)) == 1:
        return None
    rest = [float(earned[id(result)] - check.earned) for result, check in pairs]
    return statistics.correlation(passing, rest) if len(set(rest)) > 1 else None
