"""What to show of an exercise's result, and in which order, before any format is chosen.

A student reads one thing at a time: the failed check to mend first is shown in full, then two more, then the rest in a
line each. Terminal, Markdown and HTML lay out the same view, so that all three say the same.

`audience="student"` expects a result that `feedback.policy` has been over; nothing is taken away here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from autograder.feedback import causes, escape, messages, timeline
from autograder.feedback.arranged import CaseView, CheckView, ExerciseView, State
from autograder.feedback.escape import Spans
from autograder.results import PENDING, CaseResult, CheckResult, ExerciseResult, Message, Result, Timeline

Audience = Literal["student", "staff"]
IN_FULL = 3
_LINES, _CHARACTERS = 16, 2000
_SHORT = 100
_STUCK = 8  # more lanes that stand still are not explained


@dataclass(frozen=True)
class Options:
    """How to show a result: to whom, whether every failed check in full, in which language, where lectures are."""

    audience: Audience = "student"
    show_all: bool = False
    language: str = "en"
    lectures: str = ""  # put before the path of a lecture page: a folder or an address
    code: causes.Code | None = None  # what the checks ask, and what calls what, where the student's files are at hand
    in_full: int = IN_FULL  # checks that are shown in full, each of another cause
    brief: bool = False  # of the other checks, only how many there are

    def label(self, id: str, **values: Any) -> str:
        return messages.label(id, self.language, **values)


def state_of(verdict: str) -> State:
    """Verdicts as a student needs them: does it pass, is it to mend, or is there nothing to do about it now."""
    return "passed" if verdict == "passed" else "pending" if verdict in PENDING else "failed"


def points_text(earned: int, points: int, pending: int, options: Options) -> str:
    """Like "8/14 points, 2 pending"."""
    return options.label("points-pending" if pending else "points", earned=earned, points=points, pending=pending)


def only_public(exercise: ExerciseResult) -> bool:
    """Whether nothing of hidden cases is in it: then passing is not yet the grade."""
    return all(case.public for check in exercise.checks for case in check.cases)


def exercise_view(exercise: ExerciseResult, options: Options) -> ExerciseView:
    """Arrange one exercise's result."""
    views = {id(check): _check_view(check, options) for check in exercise.checks}  # names may be anything
    checks = [(check, views[id(check)]) for check in exercise.checks]
    failing = causes.in_order([check for check, view in checks if view.state == "failed"], options.code)
    stopped = exercise.message is not None and not any(check.cases for check in exercise.checks)
    unwaited = [] if options.show_all else [check for check in failing if not causes.was_waited_for(check)]
    unchecked = [replace(views[id(check)], reason=[]) for check in unwaited]
    if stopped:
        unchecked = [views[id(check)] for check in failing]
    ran = [] if stopped else [check for check in failing if check not in unwaited]
    failed, same, also = _grouped(ran, views, options)
    points = exercise.points or 1
    return ExerciseView(
        exercise=exercise.exercise,
        title=exercise.title or exercise.exercise,
        file=exercise.file,
        state=state_of(exercise.verdict),
        verdict=options.label(exercise.verdict),
        points=points_text(exercise.earned, exercise.points, exercise.pending, options),
        fraction=min(1.0, max(0.0, exercise.earned / points)),
        message=messages.spans(exercise.message, options.language) if exercise.message else [],
        hint=messages.hint_spans(exercise.message, options.language) if exercise.message else [],
        place=exercise.place,
        failed=failed,
        same=same,
        also_failed=also,
        pending=[view for _, view in checks if view.state == "pending"],
        passed=[view for _, view in checks if view.state == "passed"],
        unchecked=unchecked,
        printed=_printed(exercise),
        summary=_summary(exercise, failed, options),
        flags=[messages.spans(flag, options.language) for flag in exercise.flags]
        if options.audience == "staff"
        else [],
    )


def _grouped(
    failing: list[CheckResult], views: dict[int, CheckView], options: Options
) -> tuple[list[CheckView], list[CheckView], list[CheckView]]:
    """What is shown in full, what fails for the same reasons, and what is left for afterwards."""
    told: dict[object, list[CheckView]] = {}
    for check in failing:
        before = causes.to_mend_first(check, failing, options.code)
        if before is not None:
            values = {"function": before[0], "below": before[1]}
            views[id(check)].first.extend(
                messages.spans(Message(id="show.mend-first", values=values), options.language)
            )
        told.setdefault(id(check) if options.show_all else causes.cause(check), []).append(views[id(check)])
    groups = list(told.values())
    shown = groups if options.show_all else groups[: options.in_full]
    same = [view for group in shown for view in group[1:]]
    return [group[0] for group in shown], same, [view for group in groups[len(shown) :] for view in group]


def in_reading_order(result: Result) -> list[ExerciseResult]:
    """Exercises with something to mend first, each group in the course's order."""
    return sorted(result.exercises, key=lambda exercise: state_of(exercise.verdict) != "failed")


def _summary(exercise: ExerciseResult, failed: list[CheckView], options: Options) -> Spans:
    if failed:
        place = failed[0].place
        values = {"claim": escape.spans_text(failed[0].claim), "place": f"{place.file}:{place.line}" if place else None}
        return messages.spans(Message(id="show.start-with", values=values), options.language)
    if exercise.message is not None or not exercise.checks or exercise.verdict not in ("passed", *PENDING):
        return []
    if only_public(exercise) and exercise.verdict == "passed":
        return [("text", options.label("public-passed"))]
    return [("text", options.label("all-passed" if exercise.verdict == "passed" else "some-pending"))]


def _check_view(check: CheckResult, options: Options) -> CheckView:
    staff = options.audience == "staff"
    failing = [case for case in check.cases if case.verdict != "passed"]
    failing.sort(key=lambda case: (not case.public, case.verdict in PENDING, case is not causes.first_case(check)))
    # A public case says more than a hidden one, and the smallest input more than a larger one.
    smallest = [check.smallest] if check.smallest else []
    ordered = sorted([*smallest, *failing], key=lambda case: not case.public)
    first = ordered[0] if ordered else None
    shown, rest = ordered[:1], [case for case in failing if case is not first]
    if options.show_all:  # to staff the passed ones too
        shown, rest = [*smallest, *(check.cases if staff else failing)], []
    state = state_of(check.verdict)
    return CheckView(
        name=check.name,
        claim=escape.spans(check.claim or check.name),
        state=state,
        points=_check_points(check, options),
        reason=_reason(check, first, options),
        diagnosis=[escape.spans(sentence) for sentence in check.diagnosis.sentences] if check.diagnosis else [],
        cases=[_case_view(check, case, options) for case in shown],
        also=_also(rest, options),
        lecture=f"{options.lectures}{check.lecture}" if check.lecture else "",
        place=first.place if first else None,
        notes=", ".join(_notes(check, options)),
    )


def _check_points(check: CheckResult, options: Options) -> str:
    if check.bonus:
        return (
            options.label("bonus-earned", earned=check.earned)
            if check.earned
            else options.label("bonus", points=check.points)
        )
    return f"{check.earned}/{check.points}" if check.points or check.earned else ""


def _reason(check: CheckResult, case: CaseResult | None, options: Options) -> Spans:
    """Why it does not pass, in one line."""
    if state_of(check.verdict) == "failed" and check.diagnosis and len(check.diagnosis.sentences) == 1:
        return escape.spans(check.diagnosis.sentences[0])
    message = messages.case_message(case) if case else None
    if message is None and check.verdict == "skipped" and check.device != "cpu":
        message = Message(id="run.skipped-no-gpu")
    elif message is None and check.verdict == "skipped" and check.needs:
        message = Message(id="run.skipped-no-package", values={"package": check.needs})
    if message is not None:
        return messages.spans(message, options.language)
    return [] if check.verdict in ("passed", "failed", "error") else [("text", options.label(check.verdict))]


def _notes(check: CheckResult, options: Options) -> list[str]:
    notes = [check.device] if check.device != "cpu" else []
    if options.audience == "staff":
        notes += [options.label("self-reported")] if check.self_reported else []
        notes += [f"margin {check.margin:.2g}"] if check.margin is not None else []
    return notes


def _case_view(check: CheckResult, case: CaseResult, options: Options) -> CaseView:
    smallest = case is check.smallest
    message = messages.case_message(case)
    # The inputs say more than what they were made from; staff want that too, to find the case in checks.py.
    wanted = options.audience == "staff" or not case.inputs
    parameters = {name: value for name, value in case.parameters.items() if wanted and name not in case.inputs}
    picture = timeline.drawable(case.timeline) if case.timeline else None
    title = ("smallest-" if smallest else "") + ("public-case" if case.public else "hidden-case")
    return CaseView(
        title=options.label(title, title=case.title)
        + (f": {options.label('passed')}" if case.verdict == "passed" else ""),
        hidden=not case.public,
        state=state_of(case.verdict),
        reason=messages.spans(message, options.language) if message else [],
        hint=_hint(case, message, options),
        facts=messages.difference_facts(case.difference, options.language) if case.difference else [],
        parameters=", ".join(f"{name}={escape.plain(value, 60)}" for name, value in parameters.items()),
        inputs=[(name, _short(value)) for name, value in case.inputs.items()],
        # A picture of theirs says more than the lists, and of many right schedules the reference's is only one.
        got="" if picture else _short(case.got),
        want="" if picture or _says_nothing(case) else _short(case.want),
        of_many=of_many(case),
        marked=not of_many(case) and not (_by_tolerance(case) and "," in case.want),
        # Of an example of a docstring the input is what was run.
        asked=options.code.asked_by(check.name).code if options.code and "example" not in case.inputs else "",
        timeline=picture,
        timeline_notes=timeline_notes(picture, options) if picture else [],
        place=case.place,
        output="" if _is_debugger(case) else escape.shorten(case.output.rstrip("\n"), 4000, 20),
        details=_details(case) if options.audience == "staff" else "",
    )


def timeline_notes(picture: Timeline, options: Options) -> list[str]:
    """The lines under a timeline: a legend, how long it takes and what of it is idle, or what stands still and why."""
    legend = "timeline-chunks" if any(block.group for block in picture.blocks) else "timeline-legend"
    notes = [options.label(legend)]
    if not picture.waiting:
        figures = {"end": f"{timeline.span(picture):g}", "idle": f"{100 * timeline.idle(picture):.0f}"}
        return [*notes, options.label("timeline-length", **figures)]
    for waiting in picture.waiting[:_STUCK]:
        values = {"lane": picture.lanes[waiting.lane], "label": waiting.label, "needs": waiting.needs}
        notes.append(options.label("timeline-waits", **values))
    return notes


def _also(rest: list[CaseResult], options: Options) -> str:
    if not rest:
        return ""
    titles = [f"“{case.title}”" for case in rest if case.title][:4]
    titles += ["…"] if titles and len(rest) > len(titles) else []
    return options.label("also-fails" if len(rest) == 1 else "also-fail", count=len(rest), titles=", ".join(titles))


def _details(case: CaseResult) -> str:
    parts = [f"seed {case.seed}"] if case.seed else []
    parts += ["drawn for this run"] if case.fresh else []
    parts += [f"margin {case.margin:.3g}"] if case.margin is not None else []
    parts += [f"{case.seconds:.3f} s CPU"] if case.seconds else []
    return ", ".join(parts)


def _hint(case: CaseResult, message: Message | None, options: Options) -> Spans:
    hint = messages.hint_spans(message, options.language) if message else []
    if hint or message is None or case.public or case.verdict in PENDING or options.audience != "student":
        return hint
    return messages.spans(Message(id="show.hidden-hint"), options.language)


def _printed(exercise: ExerciseResult) -> str:
    """What public cases that pass printed, one after the other; the same once."""
    cases = [case for check in exercise.checks for case in check.cases if case.public and case.verdict == "passed"]
    texts = dict.fromkeys(text for case in cases if (text := case.output.rstrip("\n")))
    return escape.shorten("\n".join(texts), 4000, 20)


def _is_debugger(case: CaseResult) -> bool:
    """What was printed is the prompt of a debugger, in a place that is there no more."""
    return case.message is not None and case.message.id == "run.breakpoint"


def of_many(case: CaseResult) -> bool:
    """Whether a judge refused the answer by what it asks for, so that the reference's may be one right answer of many."""
    return case.message is not None and case.message.id.startswith("judge.") and case.difference is None


def _by_tolerance(case: CaseResult) -> bool:
    """Whether numbers were compared that need not be the same to the last digit: of several, some that look different are not wrong."""
    return case.difference is not None and messages.by_tolerance(case.difference)


def _says_nothing(case: CaseResult) -> bool:
    """There is no answer that could be held against what was expected, which is long."""
    return not case.got and len(case.want) > _SHORT


def _short(text: str) -> str:
    return escape.shorten(text, _CHARACTERS, _LINES)
