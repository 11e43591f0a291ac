"""What is different between two results of one submission: each check whose points changed, what it may be due to, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.feedback import escape, messages
from autograder.results import CaseResult, ExerciseResult, Result


@dataclass(frozen=True)
class Change:
    """A check whose points changed, and why."""

    submission: str
    exercise: str
    check: str
    before: int
    after: int
    was: CaseResult | None  # the first case that failed, None when none did
    now: CaseResult | None


@dataclass(frozen=True)
class ExerciseChange:
    """An exercise that came to other points, or to another verdict."""

    exercise: str
    before: ExerciseResult | None  # None: it was not graded
    after: ExerciseResult | None
    causes: list[str] = field(default_factory=list)  # what else is different: of `CAUSES`
    checks: list[Change] = field(default_factory=list)


CAUSES = {
    "answer": "another answer was handed in",
    "checks": "the exercise's checks or reference have changed",
    "engine": "another version of the autograder or of torch",
    "secret": "another course secret: other hidden inputs",
    "device": "one run had a GPU",
    "nothing": "the same answer and the same checks: fresh cases, or an answer that is not always the same",
}


def check_changes(submission: str, before: ExerciseResult, after: ExerciseResult) -> list[Change]:
    """The checks that both results have and that came to other points."""
    new = {check.name: check for check in after.checks}
    changes = []
    for old in before.checks:
        check = new.get(old.name)
        if check is not None and old.earned != check.earned:
            was, now = (next((case for case in each.cases if case.verdict != "passed"), None) for each in (old, check))
            changes.append(Change(submission, before.exercise, old.name, old.earned, check.earned, was, now))
    return changes


def exercise_changes(before: Result, after: Result) -> list[ExerciseChange]:
    """The exercises of one submission that differ between two results."""
    old = {each.exercise: each for each in before.exercises}
    new = {each.exercise: each for each in after.exercises}
    found = []
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if was is None or now is None:
            found.append(ExerciseChange(name, was, now))
        elif (was.earned, was.pending, was.verdict) != (now.earned, now.pending, now.verdict):
            checks = check_changes(after.submission, was, now)
            found.append(ExerciseChange(name, was, now, _causes(before, after, was, now), checks))
    return found


def _causes(before: Result, after: Result, was: ExerciseResult, now: ExerciseResult) -> list[str]:
    old, new = before.provenance, after.provenance
    different = {
        "answer": was.file_hash != now.file_hash,
        "checks": _differ(old.authored.get(was.exercise, ""), new.authored.get(was.exercise, "")),
        "engine": (old.engine_hash, old.torch) != (new.engine_hash, new.torch),
        "secret": _differ(old.secret, new.secret),
        "device": old.device != new.device,
    }
    return [cause for cause, differs in different.items() if differs] or ["nothing"]


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def why(change: Change) -> str:
    """What decides a check now, and what did before."""
    if change.now is None:
        return f"Now {_said(change.now)}. Before, {_said(change.was)}"
    return f"Now {_said(change.now)}"


def _said(case: CaseResult | None) -> str:
    if case is None:
        return "no case fails"
    message = messages.case_message(case)
    facts = messages.difference_facts(case.difference) if case.difference else []
    sentences = [messages.text(message) if message else case.verdict, *map(escape.spans_text, facts)]
    return f"case “{case.title}”: {' '.join(sentences)}"
