"""Joining results of the same submission from several machines: what one could not run takes the verdict of another that could.

So a class is graded on a machine without a GPU, its GPU checks on one that has it, and the two make one result. Only results that are
about the same answers and the same checks are joined; anything else is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from autograder.course.config import Exercise
from autograder.grading.grade import blocked
from autograder.grading.record import GRAVITY
from autograder.results import PENDING, CheckResult, ExerciseResult, Result


class MergeRefused(Exception):
    """Two results that can't be joined; the text says why."""


@dataclass
class Merged:
    """A joined result, what was taken from the other one, and where both ran a check and disagree."""

    result: Result
    taken: list[tuple[str, str]] = field(default_factory=list)  # (exercise, check)
    disagreements: list[tuple[str, str, str, str]] = field(default_factory=list)  # and the two verdicts


def merge(base: Result, other: Result, course: Sequence[Exercise], run: str) -> Merged:
    """`base` with the verdicts of `other` for all that is pending or blocked in it. Raises `MergeRefused`."""
    _require_same(base, other)
    merged = Merged(base)
    theirs = {each.exercise: each for each in other.exercises}
    exercises = [_exercise(mine, theirs.pop(mine.exercise, None), merged) for mine in base.exercises]
    for name, exercise in theirs.items():
        exercises.append(exercise)
        merged.taken += [(name, check.name) for check in exercise.checks]
    rows = {each.name: each for each in course}
    order = {name: number for number, name in enumerate(rows)}
    exercises.sort(key=lambda each: order.get(each.exercise, len(order)))
    if all(each.exercise in rows for each in exercises):
        exercises = blocked(exercises, [rows[each.exercise] for each in exercises])
    device = "cuda" if "cuda" in (base.provenance.device, other.provenance.device) else base.provenance.device
    provenance = msgspec.structs.replace(
        base.provenance,
        device=device,
        isolated=base.provenance.isolated and other.provenance.isolated,
        authored={**other.provenance.authored, **base.provenance.authored},
    )
    merged.result = msgspec.structs.replace(base, exercises=exercises, run=run, provenance=provenance)
    return merged


def _require_same(base: Result, other: Result) -> None:
    if base.hash != other.hash:
        raise MergeRefused(f"other files were graded there ({base.hash[:12]} here, {other.hash[:12]} there)")
    secrets = {base.provenance.secret, other.provenance.secret} - {""}
    if len(secrets) > 1:
        raise MergeRefused("the course secrets are not the same, so the hidden cases are others")
    theirs = {each.exercise: each for each in other.exercises}
    for mine in base.exercises:
        if mine.exercise in theirs and not _same_checks(mine, theirs[mine.exercise], base, other):
            raise MergeRefused(
                f"{mine.exercise} has other checks there: grade both with the same version of the course"
            )


def _same_checks(mine: ExerciseResult, theirs: ExerciseResult, base: Result, other: Result) -> bool:
    hashes = {result.provenance.authored.get(mine.exercise, "") for result in (base, other)} - {""}
    told = [[(check.name, check.points, check.bonus) for check in each.checks] for each in (mine, theirs)]
    return len(hashes) <= 1 and (told[0] == told[1] or not all(told)) and mine.points == theirs.points


def _exercise(mine: ExerciseResult, theirs: ExerciseResult | None, merged: Merged) -> ExerciseResult:
    if theirs is None:
        return mine
    open_ = mine.verdict == "blocked" or (mine.verdict in PENDING and not mine.checks)
    if open_ and theirs.verdict not in ("blocked", *PENDING):
        merged.taken += [(mine.exercise, check.name) for check in theirs.checks]
        return theirs
    found = {check.name: check for check in theirs.checks}
    checks = [_check(check, found.get(check.name), mine.exercise, merged) for check in mine.checks]
    if checks == mine.checks:
        return mine
    needed = [check.verdict for check in checks if check.counts]
    verdict = next(each for each in GRAVITY if each in (*needed, "passed"))
    settled = mine.verdict in PENDING and verdict not in PENDING
    return msgspec.structs.replace(
        mine,
        checks=checks,
        verdict=verdict,
        message=theirs.message if settled else mine.message,
        place=theirs.place if settled else mine.place,
        flags=[*mine.flags, *(flag for flag in theirs.flags if flag not in mine.flags)],
        seconds=mine.seconds + theirs.seconds,
    )


def _check(mine: CheckResult, theirs: CheckResult | None, exercise: str, merged: Merged) -> CheckResult:
    if theirs is None or theirs.verdict in PENDING or theirs.verdict == "blocked":
        return mine
    if mine.verdict in PENDING:
        merged.taken.append((exercise, mine.name))
        return theirs
    if mine.earned != theirs.earned and mine.verdict != "blocked":
        merged.disagreements.append((exercise, mine.name, mine.verdict, theirs.verdict))
    return mine
