"""What a class's results say about the exercises: which checks are hard, which separate, what goes wrong, what is close.

For instructors and authors, the same questions as for the items of any test. Points that are pending count nowhere.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from autograder.feedback import messages
from autograder.results import PENDING, CheckResult, ExerciseResult, Result

CLOSE = (0.5, 2.0)
"""Margins (error / tolerance) worth a look: passed with more than half of the tolerance, failed with less than twice it."""
FEW = 5
"""Below so many answers a correlation says nothing."""


@dataclass(frozen=True)
class Close:
    """An answer whose error is near the tolerance: a margin at most 1 passed, a larger one did not."""

    submission: str
    margin: float
    passed: bool


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
    diagnoses: list[tuple[str, int]]  # sentence, how many
    reasons: list[tuple[str, int]]  # sentence of the message, how many
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
    checks: list[CheckStatistics]
    stopped: list[tuple[str, int]]  # why nothing could be run, how many
    flagged: list[str] = field(default_factory=list)

    @property
    def hardest(self) -> CheckStatistics | None:
        """The check that the fewest pass, if there is one that not everybody passes."""
        failed = [check for check in self.checks if check.passed < check.answers]
        return min(failed, key=lambda check: check.passed / check.answers, default=None)


def exercise_statistics(results: list[Result]) -> list[ExerciseStatistics]:
    """Statistics of every exercise that occurs, in the order of first occurrence."""
    graded: dict[str, list[tuple[Result, ExerciseResult]]] = {}
    for result in results:
        for exercise in result.exercises:
            graded.setdefault(exercise.exercise, []).append((result, exercise))
    return [_exercise(pairs) for pairs in graded.values()]


def _exercise(pairs: list[tuple[Result, ExerciseResult]]) -> ExerciseStatistics:
    exercises = [exercise for _, exercise in pairs]
    checks: dict[str, list[tuple[Result, CheckResult]]] = defaultdict(list)
    for result, exercise in pairs:
        for check in exercise.checks:
            checks[check.name].append((result, check))
    stopped = Counter(messages.text(exercise.message) for exercise in exercises if exercise.message is not None)
    return ExerciseStatistics(
        exercise=exercises[0].exercise,
        title=exercises[0].title or exercises[0].exercise,
        points=max(exercise.points for exercise in exercises),
        submissions=len(pairs),
        passed=sum(exercise.verdict == "passed" for exercise in exercises),
        pending=sum(exercise.pending > 0 for exercise in exercises),
        mean=sum(exercise.earned for exercise in exercises) / len(pairs),
        checks=[_check(found) for found in checks.values()],
        stopped=stopped.most_common(),
        flagged=[result.submission for result, exercise in pairs if exercise.flags],
    )


def _check(pairs: list[tuple[Result, CheckResult]]) -> CheckStatistics:
    ran = [(result, check) for result, check in pairs if check.verdict not in PENDING]
    first = pairs[0][1]
    diagnoses = Counter(sentence for _, check in ran if check.diagnosis for sentence in check.diagnosis.sentences)
    reasons = Counter(_reason(check) for _, check in ran if check.verdict != "passed" and not check.diagnosis)
    close = [
        Close(result.submission, check.margin, check.verdict == "passed")
        for result, check in ran
        if check.margin is not None and CLOSE[0] <= check.margin <= CLOSE[1]
    ]
    return CheckStatistics(
        name=first.name,
        claim=first.claim,
        points=first.points,
        bonus=first.bonus,
        hidden_only=bool(first.cases) and not any(case.public for case in first.cases),
        answers=len(ran),
        passed=sum(check.verdict == "passed" for _, check in ran),
        discrimination=_discrimination(ran),
        diagnoses=diagnoses.most_common(),
        reasons=reasons.most_common(),
        close=sorted(close, key=lambda one: abs(math.log(one.margin))),
    )


def _reason(check: CheckResult) -> str:
    """The message's sentence without values, so that the same reason is counted as one."""
    for case in check.cases:
        message = messages.case_message(case)
        if case.verdict != "passed" and message is not None:
            kept = {name: value for name, value in message.values.items() if name in ("exception", "sentence")}
            return messages.text(type(message)(id=message.id, values=kept))
    return messages.label(check.verdict)


def _discrimination(pairs: list[tuple[Result, CheckResult]]) -> float | None:
    """Do those who pass it do well elsewhere? Pearson's r of passing with the rest of the points."""
    if len(pairs) < FEW:
        return None
    xs = [float(check.verdict == "passed") for _, check in pairs]
    ys = [float(result.earned - check.earned) for result, check in pairs]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = math.sqrt(sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys))
    if spread == 0:
        return None
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
