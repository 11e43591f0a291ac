"""What a verdict looks like in a terminal.

    pen.console().print(result_report(result))

Rich lays out and colours; it writes no colour when the output is no terminal. See `pen` for how texts are made safe.
"""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from autograder.feedback import messages, sources, timeline
from autograder.feedback.arranged import CaseView, CheckView, ExerciseView
from autograder.feedback.layout import hanging, indented, labelled, split
from autograder.feedback.pen import STATE_STYLES, TIMELINE_STYLES, Pen
from autograder.feedback.view import (
    Options,
    exercise_view,
    in_reading_order,
    points_text,
)
from autograder.results import ExerciseResult, Place, Result


def exercise_report(
    exercise: ExerciseResult, options: Options | None = None, root: Path | None = None
) -> RenderableType:
    """One exercise. `root` is the folder that places are relative to, when the student's files are at hand."""
    return _Report(lambda pen, width: _exercise(exercise, pen, width, options or Options(), root))


def result_report(result: Result, options: Options | None = None, root: Path | None = None) -> RenderableType:
    """A whole submission: exercises with something to mend first, the total last."""
    return _Report(lambda pen, width: _result(result, pen, width, options or Options(), root))


class _Report:
    """Built when it is printed, since only then the console's encoding and width are known."""

    def __init__(self, build) -> None:
        self.build = build

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.build(Pen(options.encoding), options.max_width)


def _exercise(exercise: ExerciseResult, pen: Pen, width: int, options: Options, root: Path | None) -> RenderableType:
    return _Exercise(pen, width, options, root).render(exercise_view(exercise, options))


def _result(result: Result, pen: Pen, width: int, options: Options, root: Path | None) -> RenderableType:
    parts: list[RenderableType] = []
    if not result.provenance.isolated and options.audience == "staff":
        parts += [pen.line(options.label("not-isolated"), "bold yellow"), Text()]
    if result.problems:
        parts.append(pen.line(options.label("problems"), "bold"))
        parts += [indented(pen.spans(messages.spans(problem, options.language))) for problem in result.problems]
        parts.append(Text())
    writer = _Exercise(pen, width, options, root)
    first: list[RenderableType] = []
    for exercise in in_reading_order(result):
        view = exercise_view(exercise, options)
        if view.failed and not first:
            first = [pen.spans(view.summary, "bold")]
        parts += [writer.render(view, start_here=False), Text()]
    total = split(
        pen.line(f"{options.label('total')}  {result.submission}", "bold"),
        pen.line(points_text(result.earned, result.points, result.pending, options), "bold"),
    )
    return Group(*parts, total, *first)


class _Exercise:
    """Lays out one exercise for a console of this width."""

    def __init__(self, pen: Pen, width: int, options: Options, root: Path | None) -> None:
        self.pen, self.width, self.options, self.root = pen, width, options, root

    def render(self, view: ExerciseView, start_here: bool = True) -> RenderableType:
        parts: list[RenderableType] = [self.header(view)]
        if view.message:
            parts.append(self.message(view))
        for check in view.failed:
            parts += [Text(), self.failed_check(check)]
        if self.options.brief:
            return Group(*parts, *self.rest_in_brief(view))
        self.listed(parts, self.options.label("same-cause", count=len(view.same)), view.same, why=False)
        self.listed(parts, self.options.label("also-wrong"), view.also_failed)
        if view.also_failed and not self.options.show_all:
            hint = messages.spans(messages.Message(id="show.all-hint"), self.options.language)
            parts.append(indented(self.pen.spans(hint, "dim")))
        for name, checks in (("unchecked", view.unchecked), ("pending-checks", view.pending)):
            self.listed(parts, self.options.label(name), checks)
        self.listed(parts, self.options.label("passed-checks"), view.passed, why=False)
        if view.printed:
            parts += [Text(), *self.block(self.options.label("printed-passing"), view.printed)]
        if view.flags:
            parts += [Text(), self.pen.line(self.options.label("flags"), "bold yellow")]
            parts += [indented(self.pen.spans(flag)) for flag in view.flags]
        if view.summary and (start_here or not view.failed):
            style = "bold green" if view.state == "passed" else "bold"
            parts += [Text(), self.pen.spans(view.summary, style)]
        return Group(*parts)

    def rest_in_brief(self, view: ExerciseView) -> list[RenderableType]:
        failing = [*view.failed, *view.same, *view.also_failed, *view.unchecked]
        if not failing:
            return [Text(), self.pen.spans(view.summary, "bold green")] if view.summary else []
        values = {"passing": len(view.passed), "total": len(failing) + len(view.passed), "exercise": view.exercise}
        said = messages.spans(messages.Message(id="show.brief", values=values), self.options.language)
        return [Text(), self.pen.spans(said, "dim")]

    def header(self, view: ExerciseView) -> RenderableType:
        left = Text.assemble(self.pen.line(view.title, "bold"), "  ", self.pen.line(view.exercise, "dim"))
        style = STATE_STYLES[view.state] if view.state != "failed" else "green"
        right = Text.assemble(self.pen.bar(view.fraction, style=style), "  ", self.pen.line(view.points, "bold"))
        return split(left, right)

    def message(self, view: ExerciseView) -> RenderableType:
        parts: list[RenderableType] = [
            Text(),
            hanging(self.pen.sign(view.state), self.pen.spans(view.message, "bold")),
        ]
        body: list[RenderableType] = [self.pen.spans(view.hint)] if view.hint else []
        if view.place:
            body.append(self.place(view.place))
        return Group(*parts, *(indented(part) for part in body))

    def listed(self, parts: list[RenderableType], heading: str, checks: list[CheckView], why: bool = True) -> None:
        """One line for each check, under a heading; nothing when there is none. `why`: the reason follows."""
        if not checks:
            return
        parts += [Text(), self.pen.line(heading, "dim")]
        for check in checks:
            claim = self.pen.spans(check.claim)
            if check.notes:
                claim.append_text(self.pen.line(f"  ({check.notes})", "dim"))
            if why and check.reason:
                claim.append("\n")
                claim.append_text(self.pen.spans(check.reason, "dim"))
            parts.append(self.row(check, claim))

    def row(self, check: CheckView, claim: Text) -> RenderableType:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        table.add_column(no_wrap=True, justify="right")
        table.add_row(self.pen.sign(check.state), claim, self.pen.line(check.points, "dim"))
        return table

    def failed_check(self, check: CheckView) -> RenderableType:
        claim = self.pen.spans(check.claim, "bold")
        if check.notes:
            claim.append_text(self.pen.line(f"  ({check.notes})", "dim not bold"))
        body: list[RenderableType] = []
        if check.first:
            body += [self.pen.spans(check.first, "yellow"), Text(" ")]
        if check.diagnosis:
            body += [self.diagnosis(check), Text(" ")]
        for number, case in enumerate(check.cases):
            body += [Text(" ")] if number else []
            body.append(self.case(case))
        if check.also:
            body.append(self.pen.line(check.also, "dim"))
        if check.lecture:
            body.append(
                labelled(
                    self.pen.line(self.options.label("lecture"), "dim"),
                    self.pen.line(check.lecture, "blue", overflow="fold"),
                )
            )
        return Group(self.row(check, claim), *(indented(part) for part in body))

    def diagnosis(self, check: CheckView) -> RenderableType:
        if len(check.diagnosis) == 1:
            heading = self.pen.line(self.options.label("what-went-wrong") + ": ", "bold yellow")
            return heading + self.pen.spans(check.diagnosis[0], "not bold")
        heading = self.pen.line(self.options.label("one-of") + ":", "bold yellow")
        return Group(heading, *(hanging(Text("-"), self.pen.spans(sentence)) for sentence in check.diagnosis))

    def case(self, case: CaseView) -> RenderableType:
        title = self.pen.line(case.title[:1].upper() + case.title[1:], "underline" if case.hidden else "")
        if case.parameters:
            title = title + self.pen.line(f" {self.options.label('parameters')} {case.parameters}", "dim")
        if case.details:
            title = title + self.pen.line(f"  ({case.details})", "dim")
        if not case.reason:
            return title
        body: list[RenderableType] = [self.pen.spans(case.reason)]
        body += self.block(self.options.label("asked"), case.asked)
        body += self.values(case)
        if case.timeline:
            body.append(self.timeline(case))
        body += [self.pen.spans(fact) for fact in case.facts]
        if case.hint:
            body.append(self.pen.spans(case.hint, "dim"))
        if case.place:
            body.append(self.place(case.place))
        body += self.block(self.options.label("printed"), case.output)
        return Group(title, *(indented(part) for part in body))

    def block(self, heading: str, text: str) -> list[RenderableType]:
        """Lines as they are, behind a bar; nothing when there is none."""
        if not text:
            return []
        bar = self.pen.line(self.pen.signs["bar"], "dim")
        return [self.pen.line(heading, "dim"), *(hanging(bar, self.pen.block(line)) for line in text.split("\n"))]

    def values(self, case: CaseView) -> list[RenderableType]:
        """Inputs, then what was expected and what came, so near to each other that the eye can compare them."""
        expected = self.options.label("one-right-answer" if case.of_many else "expected")
        yours = self.options.label("yours")
        width = max(map(cell_len, [expected, yours, *(name for name, _ in case.inputs if len(name) <= 16)]))
        rows: list[RenderableType] = [
            labelled(self.pen.line(name, "dim"), self.pen.block(value), width) for name, value in case.inputs
        ]
        want, got = self.pen.block(case.want), self.pen.block(case.got)
        pairs = [(self.pen.line(expected, "green"), want), (self.pen.line(yours, "red"), got)]
        pairs = [(label, text) for label, text in pairs if text.plain]
        lines = [line for _, text in pairs for line in text.plain.split("\n")]
        if len(lines) <= len(pairs):
            marks = None if not case.marked else self.marks(want, got, self.width - width - 6)
            rows += [labelled(label, text, width) for label, text in pairs]
            return [*rows, labelled(Text(), marks, width)] if marks else rows
        if len(pairs) == 2 and 2 * max(map(cell_len, lines)) + 7 <= self.width:
            table = Table.grid(padding=(0, 3))
            table.add_row(*(label for label, _ in pairs))
            table.add_row(*(text for _, text in pairs))
            return [*rows, table]
        return [*rows, *(part for label, text in pairs for part in (label, indented(text)))]

    def marks(self, want: Text, got: Text, room: int) -> Text | None:
        """Carets under what differs in the lower of two lines, when both fit on the screen."""
        if (
            want.plain == got.plain
            or not want.plain
            or not got.plain
            or max(cell_len(want.plain), cell_len(got.plain)) > room
        ):
            return None
        start = next(
            (i for i, (a, b) in enumerate(zip(want.plain, got.plain, strict=False)) if a != b),
            min(len(want.plain), len(got.plain)),
        )
        rest = min(len(want.plain), len(got.plain)) - start
        same = next((i for i in range(rest) if want.plain[-1 - i] != got.plain[-1 - i]), rest)
        stop = max(len(got.plain) - same, start + 1)
        want.stylize("bold green", start, len(want.plain) - same)
        got.stylize("bold red", start, stop)
        width = max(1, cell_len(got.plain[start:stop]))
        return Text(" " * cell_len(got.plain[:start]) + self.pen.signs["mark"] * width, style="red")

    def timeline(self, case: CaseView) -> RenderableType:
        """Devices × time, with the letters of the blocks on colours."""
        assert case.timeline is not None
        drawn = timeline.rows(case.timeline, self.width - 4, self.pen.timeline_signs)
        lines = [
            Text.assemble(*(self.pen.line(part, TIMELINE_STYLES[style]) for style, part in row), no_wrap=True)
            for row in drawn
        ]
        return Group(*lines, *(self.pen.line(note, "dim", overflow="fold") for note in case.timeline_notes))

    def place(self, place: Place) -> RenderableType:
        """`file:line` as editors and terminals make it clickable, with the line itself."""
        heading = self.pen.line(
            f"{place.file}:{place.line}" if place.file else f"line {place.line}", "blue", overflow="fold"
        )
        if place.function:
            heading = heading + self.pen.line(f"  in {place.function}", "dim")
        lines = sources.context(place, self.root)
        digits = max((len(str(number)) for number, _ in lines), default=0)
        rows: list[RenderableType] = [heading]
        for number, text in lines:
            here = number == place.line
            gutter = f"{self.pen.signs['here'] if here else ' '} {number:>{digits}} {self.pen.signs['bar']}"
            rows.append(
                hanging(self.pen.line(gutter, "red" if here else "dim"), self.pen.block(text, "" if here else "dim"))
            )
        for led in reversed(place.through):
            said = self.options.label("through", line=led.line, function=led.function or "<module>")
            rows.append(self.pen.line(f"  {said}: {led.text}", "dim", overflow="fold"))
        return Group(*rows)
