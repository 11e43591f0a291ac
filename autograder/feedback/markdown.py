"""What a verdict looks like in Markdown: for a job summary, a comment, a feedback file.

Written for GitHub's dialect and readable as plain text. Texts of theirs stand in fences or code spans, or are escaped
until they mean nothing but themselves (`escape`).
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from autograder.feedback import messages, sources, timeline
from autograder.feedback.arranged import CaseView, CheckView, ExerciseView
from autograder.feedback.escape import code_span, fence, markdown, markdown_spans, visible
from autograder.feedback.view import (
    Options,
    exercise_view,
    in_reading_order,
    points_text,
)
from autograder.results import ExerciseResult, Place, Result

_SIGNS = {"passed": "✓", "failed": "✗", "pending": "○"}


def exercise_markdown(exercise: ExerciseResult, options: Options | None = None, root: Path | None = None) -> str:
    """One exercise. `root` is the folder that places are relative to, when the student's files are at hand."""
    return "\n\n".join(_exercise(exercise_view(exercise, options or Options()), options or Options(), root)) + "\n"


def result_markdown(result: Result, options: Options | None = None, root: Path | None = None) -> str:
    """A whole submission: the total first, then exercises with something to mend, then the rest."""
    options = options or Options()
    total = points_text(result.earned, result.points, result.pending, options)
    blocks = [f"# {markdown(result.submission)}: {markdown(total)}"]
    if not result.provenance.isolated and options.audience == "staff":
        blocks.append(f"> **{markdown(options.label('not-isolated'))}**")
    if result.problems:
        blocks.append(f"**{markdown(options.label('problems'))}**")
        blocks.append("\n".join(f"- {markdown_spans(messages.spans(p, options.language))}" for p in result.problems))
    for exercise in in_reading_order(result):
        blocks += _exercise(exercise_view(exercise, options), options, root)
    return "\n\n".join(blocks) + "\n"


def check_markdown(view: CheckView, options: Options | None = None, root: Path | None = None) -> str:
    """One check: why it fails, in full; why it is pending, in a line; nothing when it passes."""
    if view.state == "failed":
        return "\n\n".join(_failed(view, options or Options(), root)[1:]) + "\n"
    return markdown_spans(view.reason)


def _exercise(view: ExerciseView, options: Options, root: Path | None) -> list[str]:
    blocks = [f"## {_SIGNS[view.state]} {markdown(view.title)}: {markdown(view.points)}"]
    blocks.append(" · ".join(code_span(name) for name in (view.exercise, view.file) if name))
    if view.message:
        blocks.append(f"**{markdown_spans(view.message)}**")
        blocks += [markdown_spans(view.hint)] if view.hint else []
        blocks += _place(view.place, root, options) if view.place else []
    if view.summary and not view.failed:
        blocks.append(f"**{markdown_spans(view.summary)}**")
    for check in view.failed:
        blocks += _failed(check, options, root)
    for heading, checks in (
        (options.label("same-cause", count=len(view.same)), view.same),
        (options.label("also-wrong"), view.also_failed),
        (options.label("unchecked"), view.unchecked),
        (options.label("pending-checks"), view.pending),
        (options.label("passed-checks"), view.passed),
    ):
        if checks:
            blocks.append(f"**{markdown(heading)}**")
            blocks.append("\n".join(_line(check, why=checks is not view.same) for check in checks))
    if view.printed:
        blocks += [f"**{markdown(options.label('printed-passing'))}**", fence(view.printed, "text")]
    if view.flags:
        blocks.append(f"**{markdown(options.label('flags'))}**")
        blocks.append("\n".join(f"- {markdown_spans(flag)}" for flag in view.flags))
    return blocks


def _line(check: CheckView, why: bool = True) -> str:
    parts = [f"- {_SIGNS[check.state]} {markdown_spans(check.claim)}"]
    notes = [note for note in (check.points, check.notes) if note]
    if notes:
        parts.append(f"({markdown(', '.join(notes))})")
    if why and check.state != "passed" and check.reason:
        parts.append(f"— {markdown_spans(check.reason)}")
    return " ".join(parts)


def _failed(check: CheckView, options: Options, root: Path | None) -> list[str]:
    notes = ", ".join(note for note in (check.points, check.notes) if note)
    blocks = [f"### ✗ {markdown_spans(check.claim)}" + (f" ({markdown(notes)})" if notes else "")]
    blocks += [f"**{markdown_spans(check.first)}**"] if check.first else []
    if len(check.diagnosis) == 1:
        blocks.append(f"> **{markdown(options.label('what-went-wrong'))}:** {markdown_spans(check.diagnosis[0])}")
    elif check.diagnosis:
        lines = [f"**{markdown(options.label('one-of'))}:**", "", *(f"- {markdown_spans(s)}" for s in check.diagnosis)]
        blocks.append("\n".join(f"> {line}".rstrip() for line in lines))
    for case in check.cases:
        blocks += _case(case, options, root)
    if check.also:
        blocks.append(markdown(check.also))
    if check.lecture:
        blocks.append(f"{markdown(options.label('lecture'))}: {_link(check.lecture, linked=bool(options.lectures))}")
    return blocks


def _case(case: CaseView, options: Options, root: Path | None) -> list[str]:
    title = f"**{markdown(case.title[:1].upper() + case.title[1:])}**"
    if case.parameters:
        title += f" {markdown(options.label('parameters'))} {code_span(case.parameters)}"
    if case.details:
        title += f" ({markdown(case.details)})"
    if not case.reason:
        return [title]
    blocks = [f"{title}: {markdown_spans(case.reason)}"]
    blocks += [f"{markdown(options.label('asked'))}:", fence(case.asked)] if case.asked else []
    rows = [
        *case.inputs,
        (options.label("one-right-answer" if case.of_many else "expected"), case.want),
        (options.label("yours"), case.got),
    ]
    rows = [(name, value) for name, value in rows if value]
    if rows:
        blocks.append(fence(_aligned(rows), "text"))
    if case.timeline:
        blocks += [fence(timeline.text(case.timeline, 100), "text"), markdown(" ".join(case.timeline_notes))]
    if case.facts:
        blocks.append("\n".join(f"- {markdown_spans(fact)}" for fact in case.facts))
    if case.hint:
        blocks.append(markdown_spans(case.hint))
    if case.place:
        blocks += _place(case.place, root, options)
    if case.output:
        blocks += [f"{markdown(options.label('printed'))}:", fence(case.output, "text")]
    return blocks


def _aligned(rows: list[tuple[str, str]]) -> str:
    """Names in one column, values in the next; the further lines of a value stand under its first."""
    width = max(len(visible(name)) for name, _ in rows) + 2
    return "\n".join(f"{visible(name):<{width}}" + value.replace("\n", "\n" + " " * width) for name, value in rows)


def _place(place: Place, root: Path | None, options: Options) -> list[str]:
    where = code_span(f"{place.file}:{place.line}")
    if place.function:
        where += f" in {code_span(place.function)}"
    lines = sources.context(place, root)
    blocks = [where]
    if lines:
        digits = max(len(str(number)) for number, _ in lines)
        shown = [f"{'>' if n == place.line else ' '} {n:>{digits}} | {text}" for n, text in lines]
        blocks.append(fence("\n".join(shown)))
    led = [
        f"- {markdown(options.label('through', line=each.line, function=each.function or '<module>'))}: {code_span(each.text)}"
        for each in reversed(place.through)
    ]
    return [*blocks, "\n".join(led)] if led else blocks


def _link(path: str, linked: bool) -> str:
    return f"[{markdown(path)}]({quote(path, safe='/:#?&=.-_~')})" if linked else code_span(path)
