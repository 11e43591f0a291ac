"""Joining results from several machines: shards of one class, and the verdicts of a machine that could run what another could not.

So a class is graded in parts, or on a machine without a GPU and its GPU checks on one that has it, and everything makes one result for
each submission. Only what is about the same answers and the same checks is joined; anything else is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from autograder.course.config import Exercise
from autograder.course.tree import key
from autograder.grading.grade import blocked
from autograder.grading.record import GRAVITY
from autograder.results import PENDING, CheckResult, ExerciseResult, Result


class MergeRefused(Exception):
    """Two results that can't be joined for the sake of one exercise; the text says why."""

    def __init__(self, exercise: str, why: str) -> None:
        self.exercise, self.why = exercise, why
        super().__init__(f"{exercise}: {why}")


@dataclass
class Merged:
    """A joined result, what was taken from the other one, and where both ran a check and disagree."""

    result: Result
    taken: list[tuple[str, str]] = field(default_factory=list)  # (exercise, check)
    disagreements: list[tuple[str, str, str, str]] = field(default_factory=list)  # and the two verdicts


def merge(base: Result, other: Result, course: Sequence[Exercise], run: str) -> Merged:
    """`base` with the verdicts of `other` for all that is pending or blocked in it, and the exercises that only `other` has.

    Raises `MergeRefused` when an exercise of both is not the same answer, graded by the same checks.
    """
    merged = Merged(base)
    theirs = {each.exercise: each for each in other.exercises}
    for mine in base.exercises:
        if mine.exercise in theirs:
            _require_same(base, mine, other, theirs[mine.exercise])
    exercises = [_exercise(mine, theirs.pop(mine.exercise, None), merged) for mine in base.exercises]
    for name, exercise in theirs.items():
        exercises.append(msgspec.structs.replace(exercise, origin=other.origin_of(exercise)))
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
        exercise_hashes={**other.provenance.exercise_hashes, **base.provenance.exercise_hashes},
        authored={**other.provenance.authored, **base.provenance.authored},
    )
    merged.result = msgspec.structs.replace(base, exercises=exercises, run=run, provenance=provenance)
    return merged


@dataclass
class Shards:
    """A class that is joined from several sources of results, one source after the other."""

    course: Sequence[Exercise]
    run: str
    joined: dict[str, Result] = field(default_factory=dict)  # by submission, whatever the case of its letters
    taken: dict[str, dict[str, int]] = field(default_factory=dict)  # by submission and source: how many checks
    problems: list[str] = field(default_factory=list)  # what was not joined, and why: for a person

    def __post_init__(self) -> None:
        self._source: dict[tuple[str, str], str] = {}  # of each exercise of each submission: where it came from first
        self._graded: dict[
            str, tuple[Result, ExerciseResult, str]
        ] = {}  # of each exercise: the first that ran its checks

    def add(self, label: str, results: Sequence[Result]) -> None:
        """Join one more source; its `label` names it to people."""
        first = dict(self._graded)  # within one source, an exercise may have been mended since somebody was graded
        for result in results:
            name = key(result.submission)
            theirs = self._of_this_class(result, label, first)
            for each in theirs.exercises:
                if each.checks:
                    self._graded.setdefault(each.exercise, (theirs, each, label))
            if not theirs.exercises:
                continue
            if name not in self.joined:
                self.joined[name] = msgspec.structs.replace(theirs, run=self.run)
            else:
                self._join(name, theirs, label)
            for each in theirs.exercises:
                self._source.setdefault((name, each.exercise), label)

    def recall(self, name: str, earlier: Result) -> None:
        """Let what is pending of the submission `name` take the verdict that the same answer had in `earlier`, by the same checks.

        So a machine with a GPU that is not there one night takes nobody's points away.
        """
        mine = self.joined[key(name)]
        known = {each.exercise: each for each in earlier.exercises}
        merged = Merged(mine)
        exercises = []
        for each in mine.exercises:
            before = known.get(each.exercise)
            same = before is not None and each.file_hash and each.file_hash == before.file_hash
            if before is not None and same and each.pending and not _other_checks(mine, each, earlier, before):
                before = msgspec.structs.replace(before, origin=earlier.origin_of(before))
                each = _exercise(each, before, merged)
            exercises.append(each)
        self.joined[key(name)] = msgspec.structs.replace(mine, exercises=exercises)

    def _of_this_class(
        self, result: Result, label: str, first: dict[str, tuple[Result, ExerciseResult, str]]
    ) -> Result:
        """`result`, where each exercise says which hand-in it is, without those that were graded in another way than in earlier sources."""
        fit = []
        for each in result.exercises:
            known = first.get(each.exercise)
            why = _other_checks(known[0], known[1], result, each) if known is not None else ""
            if known is not None and why:
                self.problems.append(
                    f"{result.submission}: not joined with {label}: {each.exercise}: {why} ({known[2]})."
                )
            else:
                fit.append(msgspec.structs.replace(each, origin=result.origin_of(each)))
        return msgspec.structs.replace(result, exercises=fit)

    def _join(self, name: str, theirs: Result, label: str) -> None:
        """Join what a submission has here with what it has there; an exercise that can't be is left out, and said."""
        while True:
            try:
                merged = merge(self.joined[name], theirs, self.course, self.run)
                break
            except MergeRefused as error:
                here = self._source[name, error.exercise]
                self.problems.append(
                    f"{theirs.submission}: not joined with {label}: {error.exercise}: {error.why}; that of {here} is kept."
                )
                rest = [each for each in theirs.exercises if each.exercise != error.exercise]
                theirs = msgspec.structs.replace(theirs, exercises=rest)
        self.joined[name] = merged.result
        if merged.taken:
            counts = self.taken.setdefault(merged.result.submission, {})
            counts[label] = counts.get(label, 0) + len(merged.taken)
        for exercise, check, here, there in merged.disagreements:
            source = self._source[name, exercise]
            self.problems.append(
                f"{theirs.submission}: {exercise} {check} is {here} in {source} and {there} in {label}; the first is kept."
            )


def _require_same(base: Result, mine: ExerciseResult, other: Result, theirs: ExerciseResult) -> None:
    here, there = base.origin_of(mine).hash, other.origin_of(theirs).hash
    if here == there:
        here, there = mine.file_hash, theirs.file_hash
    if here != there:
        raise MergeRefused(mine.exercise, f"other files were graded there ({_short(here)} here, {_short(there)} there)")
    if why := _other_checks(base, mine, other, theirs):
        raise MergeRefused(mine.exercise, why)


def _other_checks(base: Result, mine: ExerciseResult, other: Result, theirs: ExerciseResult) -> str:
    """Why the same answer could have come to something else in `other`; "" when it could not."""
    origins = base.origin_of(mine), other.origin_of(theirs)
    if len({origin.provenance.secret for origin in origins} - {""}) > 1:
        return "the course secrets are not the same, so the hidden cases are others"
    hashes = {origin.provenance.authored.get(mine.exercise, "") for origin in origins} - {""}
    told = [[(check.name, check.points, check.bonus) for check in each.checks] for each in (mine, theirs)]
    if len(hashes) > 1 or (told[0] != told[1] and all(told)) or mine.points != theirs.points:
        return f"{mine.exercise} has other checks there: grade both with the same version of the course"
    return ""


def _short(hash: str) -> str:
    return hash[:12] or "nothing"


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
