"""Judging stored observations again: a mended tolerance, judge or reference regrades a class without running it.

What a check's cases were given must be the same as when the observations were made; where an experiment or its inputs changed,
the check needs the jail, and keeps its verdict until `grade` runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from autograder.course.config import Exercise
from autograder.feedback.changes import Change, check_changes
from autograder.grading import budget
from autograder.grading.diagnosis import diagnose
from autograder.grading.grade import blocked
from autograder.grading.record import GRAVITY
from autograder.plan import Plan, PlannedCheck
from autograder.results import CaseResult, CheckResult, Diagnosis, ExerciseResult, Message, Result
from autograder.store.database import Store
from autograder.twin import messages as twin


@dataclass
class Rejudged:
    """A result after judging again."""

    result: Result
    changes: list[Change]
    needs_run: list[tuple[str, str]]  # (exercise, check) that can't be judged from what is stored


Review = Callable[[list[twin.Seen]], list[twin.Verdict]]


def rejudge(
    result: Result, plans: dict[str, tuple[Plan, Review]], store: Store, run: str, course: Sequence[Exercise] = ()
) -> Rejudged:
    """Judge everything in `result` that has a stored observation by the plans as they are now.

    `course` says which exercises build on which: what a prerequisite blocked may count now, or the other way round.
    """
    needs_run: list[tuple[str, str]] = []
    exercises = []
    for exercise in result.exercises:
        graded = _as_graded(exercise, store)
        if graded.exercise in plans and graded.checks and graded.verdict != "blocked":
            plan, review = plans[graded.exercise]
            graded = _exercise(graded, plan, review, store, needs_run)
        exercises.append(graded)
    rows = {each.name: each for each in course}
    if all(exercise.exercise in rows for exercise in exercises):
        exercises = blocked(exercises, [rows[exercise.exercise] for exercise in exercises])
    changes = [
        change
        for before, after in zip(result.exercises, exercises, strict=True)
        for change in check_changes(result.submission, before, after)
    ]
    exercises = [_again(before, each, result) for before, each in zip(result.exercises, exercises, strict=True)]
    renewed = msgspec.structs.replace(result, exercises=exercises, run=run)
    return Rejudged(renewed, changes, needs_run)


def _again(before: ExerciseResult, after: ExerciseResult, result: Result) -> ExerciseResult:
    """`after` with what the next judging needs: the run for which fresh cases were drawn, and where to find what is blocked."""
    key = before.key if after.verdict == "blocked" else after.key
    return msgspec.structs.replace(after, key=key, origin=result.origin_of(before))


def _as_graded(exercise: ExerciseResult, store: Store) -> ExerciseResult:
    """What was found out about an exercise before its prerequisites blocked it."""
    if exercise.verdict != "blocked" or not exercise.key:
        return exercise
    return store.exercises([exercise.key]).get(exercise.key, exercise)


def _exercise(
    exercise: ExerciseResult, plan: Plan, review: Review, store: Store, needs_run: list[tuple[str, str]]
) -> ExerciseResult:
    planned = {check.name: check for check in plan.checks}
    judged: dict[tuple[str, str], twin.Verdict] = {}
    for check in exercise.checks:
        if check.name not in planned:
            needs_run.append((exercise.exercise, check.name))
            continue
        cases = {case.title: case for case in planned[check.name].cases}
        seen, keys = [], []
        stale = set(cases) != {case.title for case in check.cases} and bool(check.cases)
        for case in check.cases:
            same = case.title in cases and cases[case.title].fingerprint == case.seed
            stale = stale or not same
            value = store.observation(case.observation) if same and case.observation else None
            stale = stale or (value is None and bool(case.observation))  # it is in another results file
            if value is not None:
                seen.append(twin.Seen(check.name, cases[case.title], value))
                keys.append((check.name, case.title))
        if stale:
            needs_run.append((exercise.exercise, check.name))
            continue
        verdicts = review(seen)
        if any(verdict.untold for verdict in verdicts):  # it was too large to be kept, and may be right by now
            needs_run.append((exercise.exercise, check.name))
            continue
        judged.update(zip(keys, verdicts, strict=True))
    checks = [_check(check, planned.get(check.name), judged) for check in exercise.checks]
    _diagnose(checks, plan, judged)
    needed = [check.verdict for check in checks if check.counts]
    verdict = next(each for each in GRAVITY if each in (*needed, "passed"))
    # The key says what was graded by an earlier plan: without it, `grade` runs the exercise when it is asked to.
    return msgspec.structs.replace(exercise, checks=checks, verdict=verdict, key="")


def _check(
    check: CheckResult, planned: PlannedCheck | None, judged: dict[tuple[str, str], twin.Verdict]
) -> CheckResult:
    cases = [_case(case, planned, judged.get((check.name, case.title))) for case in check.cases]
    if not cases:
        return check
    verdict = next(each for each in GRAVITY if each in {case.verdict for case in cases})
    # The smallest input is none of the plan's: it stays as long as the check says the same as when it was found.
    smallest = check.smallest if [_said(case) for case in cases] == [_said(case) for case in check.cases] else None
    earned = check.points if verdict == "passed" else 0
    return msgspec.structs.replace(
        check, cases=cases, verdict=verdict, earned=earned, diagnosis=None, smallest=smallest
    )


def _said(case: CaseResult) -> tuple[str, str]:
    return case.verdict, case.message.id if case.message else ""


def _case(case: CaseResult, planned: PlannedCheck | None, verdict: twin.Verdict | None) -> CaseResult:
    # A changed input was seen when the case ran, not in its observation: that verdict stays.
    if verdict is None or (case.message is not None and case.message.id == "run.mutated"):
        return case
    message = verdict.message
    # What it used was measured when it ran; the bound may have been mended since.
    dear = planned is not None and verdict.passed and bool(budget.broken(planned, case.spent))
    if dear and planned is not None:
        message = budget.message(planned, case.spent)
    if verdict.problem:
        message = Message(id="run.grader-error", values={"detail": verdict.problem})
    return msgspec.structs.replace(
        case,
        verdict="grader-error" if verdict.problem else "passed" if verdict.passed and not dear else "failed",
        message=message,
        difference=verdict.difference,
        margin=verdict.margin,
        timeline=verdict.timeline,
        got=verdict.text,
    )


def _diagnose(checks: list[CheckResult], plan: Plan, judged: dict[tuple[str, str], twin.Verdict]) -> None:
    passed = {(check.name, case.title): case.verdict == "passed" for check in checks for case in check.cases}
    found = diagnose(plan, passed, {key: verdict.matches for key, verdict in judged.items()})
    for check in checks:
        if check.verdict != "passed" and check.name in found:
            check.diagnosis = Diagnosis(sentences=[plan.mistakes[index] for index in found[check.name]])
