"""What the verdicts say over time: who does not get on with an exercise and since when, and what the last run changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.store.database import Mark

TRIES = 2
"""Different answers without a point more: fewer is not being stuck."""


@dataclass(frozen=True)
class Stuck:
    """Somebody whose answers to an exercise earn no more than an earlier one did."""

    submission: str
    exercise: str
    since: str  # when the first of these answers came
    tries: int  # different answers since then, that one included
    earned: int
    points: int
    latest: str  # when the last one came


@dataclass(frozen=True)
class Changed:
    """An exercise that the last run brought to other points or to another verdict."""

    submission: str
    exercise: str
    before: Mark
    after: Mark

    @property
    def same_answer(self) -> bool:
        return self.before.file_hash == self.after.file_hash

    @property
    def gain(self) -> int:
        return self.after.earned - self.before.earned


def stuck(marks: Iterable[Mark]) -> list[Stuck]:
    """Who is stuck with what, the longest first."""
    found = [each for answers in _histories(marks).values() if (each := _stuck(_answers(answers))) is not None]
    return sorted(found, key=lambda each: (each.since, -each.tries))


def _stuck(answers: Sequence[Mark]) -> Stuck | None:
    """`answers` are different ones, each as it was graded last."""
    if not answers or answers[-1].earned + answers[-1].pending >= answers[-1].points:
        return None
    best, first = -1, 0
    for number, each in enumerate(answers):
        if each.earned > best:
            best, first = each.earned, number
    tries = len(answers) - first
    if tries < TRIES:
        return None
    since, last = answers[first], answers[-1]
    return Stuck(since.submission, since.exercise, _when(since), tries, last.earned, last.points, _when(last))


def _answers(marks: Sequence[Mark]) -> list[Mark]:
    """What each different answer came to, in the order in which they came first; a regrade of one is no new answer."""
    found: dict[str, Mark] = {}
    for mark in marks:
        if mark.file_hash:
            found[mark.file_hash] = mark
    return list(found.values())


def changes(marks: Iterable[Mark]) -> list[Changed]:
    """What is different by the last run, those first whose answer is the same as before: nobody but us has changed anything."""
    histories = _histories(marks)
    newest = max((answers[-1] for answers in histories.values()), key=lambda each: each.number, default=None)
    found = []
    for (submission, exercise), answers in histories.items():
        if newest is None or len(answers) < 2 or answers[-1].run != newest.run:
            continue
        before, after = answers[-2:]
        if (before.earned, before.pending, before.verdict) != (after.earned, after.pending, after.verdict):
            found.append(Changed(submission, exercise, before, after))
    return sorted(found, key=lambda each: (not each.same_answer, each.gain, each.submission))


def _histories(marks: Iterable[Mark]) -> dict[tuple[str, str], list[Mark]]:
    found: dict[tuple[str, str], list[Mark]] = {}
    for mark in sorted(marks, key=lambda each: each.number):
        found.setdefault((mark.submission, mark.exercise), []).append(mark)
    return found


def _when(mark: Mark) -> str:
    return mark.handed_in or mark.graded_at
