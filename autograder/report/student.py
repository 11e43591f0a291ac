"""One submission as staff sees it: what failed, once and briefly, and what of it the student reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autograder.feedback import escape, messages
from autograder.feedback.policy import Policy, student_view
from autograder.feedback.view import CaseView, CheckView, ExerciseView, Options, exercise_view, points_text
from autograder.report.facts import Part
from autograder.results import CaseResult, CheckResult, ExerciseResult, Result
from autograder.scores.records import ExerciseScore, ModuleScore, Score, number

MOST = 4
"""Further cases of a check that are named."""
WHOLE = 2
"""Failing checks of an exercise that are shown with values, of those that no diagnosis explains."""
BRIEF, INPUT = (360, 5), (120, 2)
"""Characters and lines of an answer, and of an input."""
_STAFF = Options(audience="staff")


@dataclass(frozen=True)
class Further:
    """A failing case beside the one that is shown."""

    title: str
    why: str
    seed: str


@dataclass(frozen=True)
class Failed:
    """A check that fails: its view, and in a line each the cases that are not in it."""

    view: CheckView
    case: CaseView | None
    further: list[Further]
    left: int  # more that are not named


@dataclass(frozen=True)
class Entry:
    """One exercise of the submission."""

    view: ExerciseView
    failed: list[Failed]
    seen: ExerciseView  # by the student
    hides: bool  # the student does not see yet how it stands
    scores: list[ExerciseScore]  # of everybody whose score is not what the verdict says, or has a reason of its own

    @property
    def names(self) -> list[str]:
        """The checks whose claims are on the page."""
        return [each.view.name for each in self.failed]


@dataclass(frozen=True)
class Section:
    """One module of the submission."""

    id: str
    title: str
    due: str
    earned: int
    points: int
    scores: list[ModuleScore]
    entries: list[Entry] = field(default_factory=list)


def student_context(
    result: Result, policy: Policy, policies: Mapping[str, Policy], scores: Sequence[Score], parts: Sequence[Part]
) -> dict[str, Any]:
    """What the template of a student's page needs."""
    theirs = {each.exercise: each for each in student_view(result, policy.show, policy.when_ok, policies).exercises}
    graded = {each.exercise: each for each in result.exercises}
    mine = [policies.get(name, policy) for name in graded] or [policy]
    sections = []
    for part in parts:
        found = [graded[name] for name in part.exercises if name in graded]
        modules = [each for score in scores for each in score.modules if each.module == part.id]
        if found:
            dues = dict.fromkeys(each.due.replace("T", " ")[:16] for each in modules if each.due)
            earned, points = sum(each.earned for each in found), sum(each.points for each in found)
            changed = [each for each in modules if each.steps or not each.counts or abs(each.score - earned) > 1e-9]
            entries = [_entry(each, theirs[each.exercise], scores) for each in found]
            sections.append(Section(part.id, part.title, ", ".join(dues), earned, points, changed, entries))
    return {
        "result": result,
        "sections": sections,
        "scores": scores,
        "total": points_text(result.earned, result.points, result.pending, _STAFF),
        "problems": [messages.spans(problem) for problem in result.problems],
        "shown": sorted({each.show for each in mine}),
        "waiting": [graded[name].title for name in graded if not policies.get(name, policy).when_ok],
        "number": number,
        "spans": messages.spans,
    }


def _entry(exercise: ExerciseResult, theirs: ExerciseResult, scores: Sequence[Score]) -> Entry:
    view = exercise_view(exercise, _STAFF)
    seen = exercise_view(theirs, Options())
    checks = {each.name: each for each in exercise.checks}
    views = [*view.failed, *view.also_failed]
    whole = [each.name for each in views if not each.diagnosis][:WHOLE]
    failed = [_failed(checks[each.name], each, each.name in whole) for each in views]
    of_it = [each for score in scores if (each := score.exercise(exercise.exercise)) is not None]
    return Entry(
        view=view,
        failed=failed,
        seen=seen,
        hides=seen.state != view.state or bool(seen.pending) != bool(view.pending),
        scores=[each for each in of_it if _reasons(each) or each.score != exercise.earned or not each.counts],
    )


def _reasons(score: ExerciseScore) -> bool:
    return any(step.kind != "verdict" for step in score.steps)


def _failed(check: CheckResult, view: CheckView, whole: bool) -> Failed:
    failing = [case for case in check.cases if case.verdict != "passed"]
    shown = check.smallest
    if shown is None:  # the view shows a public case before a hidden one
        shown = min(
            failing, key=lambda case: (not case.public, case.verdict in ("skipped", "grader-error")), default=None
        )
    rest = [case for case in failing if case is not shown]
    named = [Further(_title(case), _why(case), case.seed) for case in rest[:MOST]]
    return Failed(view, _brief(view.cases[0], whole) if view.cases else None, named, len(rest) - len(named))


def _brief(case: CaseView, whole: bool) -> CaseView:
    """A case with the beginnings of its values, or without them: `autograder explain` has all of it."""
    if not whole:
        return replace(case, inputs=[], got="", want="", timeline=None, output="", hint=[], parameters="")
    return replace(
        case,
        inputs=[(name, escape.shorten(value, *INPUT)) for name, value in case.inputs],
        got=escape.shorten(case.got, *BRIEF),
        want=escape.shorten(case.want, *BRIEF),
        output=escape.shorten(case.output, *INPUT),
        hint=[],
    )


def _title(case: CaseResult) -> str:
    return _STAFF.label("public-case" if case.public else "hidden-case", title=case.title)


def _why(case: CaseResult) -> str:
    message = messages.case_message(case)
    if message is None:
        return case.verdict
    return escape.shorten(messages.text(message), 200, 1)
