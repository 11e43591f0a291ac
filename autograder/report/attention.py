"""What an instructor should look at first: who is stuck, what nobody has explained, which checks are weak, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.feedback import messages
from autograder.feedback.escape import Spans
from autograder.report.clusters import Cluster, clusters
from autograder.report.facts import Facts
from autograder.report.history import Changed, Stuck, changes, stuck
from autograder.report.pairs import Similar, similar
from autograder.report.statistics import CheckStatistics, Close, ExerciseStatistics, reason
from autograder.results import Result

MOST = 100
"""Of a list; more than that nobody reads."""


@dataclass(frozen=True)
class Struggle:
    """Somebody who does not get on, with everything that they are stuck with, the oldest first."""

    submission: str
    since: str
    stuck: list[Stuck]
    why: dict[str, str] = field(default_factory=dict)  # by exercise: what is wrong first, in words


@dataclass(frozen=True)
class Flagged:
    """A flag of a submission."""

    submission: str
    exercise: str
    text: Spans


@dataclass(frozen=True)
class Attention:
    """Everything that the page of that name lists."""

    struggles: list[Struggle]
    clusters: list[Cluster]
    weak: list[tuple[ExerciseStatistics, CheckStatistics]]
    close: list[tuple[ExerciseStatistics, CheckStatistics, Close]]
    flags: list[Flagged]
    similar: list[Similar]
    ours: list[tuple[str, str]]  # submission and exercise that the grader could not judge
    changes: list[Changed]


def attention(results: Sequence[Result], statistics: Sequence[ExerciseStatistics], facts: Facts) -> Attention:
    """What is to be looked at in a class."""
    named = {result.submission: result for result in results}
    close = [(one, check, each) for one in statistics for check in one.checks for each in check.close]
    return Attention(
        struggles=_struggles([each for each in stuck(facts.marks) if each.submission in named], named),
        clusters=clusters(results, facts.observation),
        weak=sorted(
            ((one, check) for one in statistics for check in one.weak), key=lambda pair: pair[1].discrimination or 0.0
        ),
        close=sorted(close, key=lambda found: abs(found[2].margin - 1)),
        flags=[
            Flagged(result.submission, exercise.exercise, messages.spans(flag))
            for result in results
            for exercise in result.exercises
            for flag in exercise.flags
        ],
        similar=similar(facts.compared, results),
        ours=[
            (result.submission, exercise.exercise)
            for result in results
            for exercise in result.exercises
            if exercise.verdict == "grader-error" or any(check.verdict == "grader-error" for check in exercise.checks)
        ],
        changes=[each for each in changes(facts.marks) if each.submission in named],
    )


def _struggles(found: Sequence[Stuck], named: Mapping[str, Result]) -> list[Struggle]:
    """By person; who is stuck with most comes first."""
    by_person: dict[str, list[Stuck]] = {}
    for each in found:
        by_person.setdefault(each.submission, []).append(each)
    listed = [
        Struggle(submission, each[0].since, each, _whys(named[submission], {one.exercise for one in each}))
        for submission, each in by_person.items()
    ]
    return sorted(listed, key=lambda each: (-len(each.stuck), each.since))


def _whys(result: Result, exercises: set[str]) -> dict[str, str]:
    """What is wrong first in each of these exercises: the diagnosis of the first check that fails, or the reason."""
    found = {}
    for exercise in result.exercises:
        if exercise.exercise not in exercises:
            continue
        if exercise.message is not None:
            found[exercise.exercise] = messages.text(exercise.message)
            continue
        failed = next(
            (check for check in exercise.checks if check.points and check.verdict not in ("passed", "skipped")), None
        )
        if failed is not None:
            told = failed.diagnosis.sentences[0] if failed.diagnosis else f"{failed.name}: {reason(failed)}"
            found[exercise.exercise] = told
    return found
