"""The map of a course for the student who works through it: what is done, what is begun, how long and hard the rest is, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, OverflowMethod, RenderableType, RenderResult
from rich.console import Group as Lines
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder.feedback import messages
from autograder.feedback.pen import STATE_STYLES, Pen
from autograder.feedback.view import state_of
from autograder.results import Message

HARDEST = 5
UNKNOWN = "–"
MARKS_IN_A_LINE = 24
BAR = 8
WIDEST = 96
"""A wider line would be hard to follow from its title to its points."""
NUMBERS = (7, 5, 7)
"""Widths of the columns of minutes, difficulty and points."""


class Row(NamedTuple):
    """One exercise, as it stands."""

    exercise: str
    title: str
    points: int
    earned: int | None  # None: not tried yet
    verdict: str | None  # None: not tried yet
    minutes: int | None = None
    difficulty: int | None = None
    missing: tuple[str, ...] = ()  # prerequisites that are not done

    @property
    def state(self) -> str:
        """fresh, begun, done, or pending: what can run here passes."""
        if self.verdict is None:
            return "fresh"
        return {"passed": "done", "pending": "pending"}.get(state_of(self.verdict), "begun")


Group = tuple[str, Sequence[Row]]
"""A module or a track: its title, and its exercises."""


def next_exercise(groups: Sequence[Group]) -> Row | None:
    """The exercise to go on with: the first that is begun in earnest, else the first that is not done and lacks no prerequisite.

    A stub that fails has earned nothing: that is not begun in earnest. Where everything lacks something, it is the first.
    """
    rows = [row for row in _rows(groups) if row.state in ("begun", "fresh")]
    begun = [row for row in rows if row.state == "begun" and row.earned]
    ready = [row for row in rows if not row.missing]
    return next(iter([*begun, *ready, *rows]), None)


def time_left(rows: Iterable[Row]) -> str:
    """How long what is not done takes: "6.5 h", with a + when that is not known of all of it.

    >>> time_left([Row("a/b", "", 1, None, None, 90), Row("a/c", "", 1, None, None)])
    '1.5 h+'
    """
    left = [row.minutes for row in rows if row.state in ("begun", "fresh")]
    known = [minutes for minutes in left if minutes is not None]
    if not left:
        return ""
    if not known:
        return UNKNOWN
    more = "+" if len(known) < len(left) else ""
    total = sum(known)
    return f"{total} min{more}" if total < 60 else f"{int(total / 30 + 0.5) / 2:g} h{more}"


class ProgressMap:
    """Every exercise in a line, under its module's title; the total, and the next step."""

    def __init__(self, groups: Sequence[Group], language: str = "en") -> None:
        self.groups, self.language = groups, language

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Constrain(Lines(*self.lines(Pen(options.encoding), min(options.max_width, WIDEST))), WIDEST)

    def lines(self, pen: Pen, width: int) -> Iterator[RenderableType]:
        names = max((cell_len(row.exercise) for row in _rows(self.groups)), default=0)
        widths = (min(names, width // 2 - 10), *NUMBERS)
        yield _columns(pen, NUMBERS, "", Text(), *(pen.line(head, "dim") for head in ("min", "hard", "points")))
        for title, rows in self.groups:
            earned, points = _sums(rows)
            numbers = (pen.line(time_left(rows), "dim"), "", pen.line(f"{earned}/{points}", "bold"))
            yield _columns(pen, NUMBERS, "", pen.line(title, "bold"), *numbers)
            for row in rows:
                yield from self.row(pen, widths, row)
            yield Text()
        yield _total(pen, self.groups, self.language)
        yield from _next(pen, self.groups, self.language)

    def row(self, pen: Pen, widths: Sequence[int], row: Row) -> Iterator[RenderableType]:
        """An exercise, and below it what should come before."""
        got = row.earned if row.earned is not None else "-"
        yield _columns(
            pen,
            widths,
            pen.sign(state_of(row.verdict)) if row.verdict else "",
            pen.line(f"  {row.title}", "" if row.verdict else "dim"),
            pen.line(row.exercise, "dim"),
            pen.line(str(row.minutes or UNKNOWN)),
            pen.line(hardness(row.difficulty, pen)),
            pen.line(f"{got}/{row.points}"),
        )
        if row.missing and row.state in ("fresh", "begun"):
            yield Padding(pen.line(f"after {', '.join(row.missing)}", "dim", overflow="fold"), (0, 0, 0, 6))


def _columns(
    pen: Pen, widths: Sequence[int], sign: RenderableType, title: RenderableType, *rest: RenderableType
) -> Table:
    """One line: a sign, a title that takes what is left, then columns of these widths, of which the last three hold numbers.

    Every line is a table of its own, so that what stands between two of them may take the whole width.
    """
    table = Table.grid(padding=(0, 1), expand=True)
    cut = _cut(pen)
    table.add_column(width=cell_len(pen.signs["passed"]), no_wrap=True)
    table.add_column(ratio=1, overflow=cut, no_wrap=True)
    for place, width in enumerate(widths, len(NUMBERS) - len(widths)):
        table.add_column(width=width, overflow=cut, no_wrap=True, justify="left" if place < 0 else "right")
    table.add_row(sign, title, *rest)
    return table


class Overview:
    """Every module in a line, with a mark for each of its exercises: a map that stays small when the course is large."""

    def __init__(self, groups: Sequence[Group], language: str = "en") -> None:
        self.groups, self.language = groups, language

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Constrain(Lines(*self.lines(Pen(options.encoding))), WIDEST)

    def lines(self, pen: Pen) -> Iterator[RenderableType]:
        marks = _marks(pen)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(ratio=1, overflow=_cut(pen), no_wrap=True)
        table.add_column(max_width=MARKS_IN_A_LINE, overflow="fold")
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_row("", "", pen.line("left", "dim"), "", pen.line("points", "dim"))
        for title, rows in self.groups:
            earned, points = _sums(rows)
            style = "dim" if all(row.state == "fresh" for row in rows) else ""
            table.add_row(
                pen.line(title, style),
                Text.assemble(*((marks[row.state], _STYLES[row.state]) for row in rows)),
                pen.line(time_left(rows), "dim"),
                pen.bar(earned / points if points else 0.0, BAR),
                pen.line(f"{earned}/{points}", style),
            )
        table.add_row()
        yield table
        yield _total(pen, self.groups, self.language)
        named = (("done", "passes"), ("begun", "begun"), ("pending", "pending"), ("fresh", "not begun"))
        there = {row.state for row in _rows(self.groups)}
        yield pen.line("   ".join(f"{marks[state]} {word}" for state, word in named if state in there), "dim")
        yield from _next(pen, self.groups, self.language)


_STYLES = {
    "done": STATE_STYLES["passed"],
    "begun": STATE_STYLES["failed"],
    "pending": STATE_STYLES["pending"],
    "fresh": "dim",
}


def _marks(pen: Pen) -> dict[str, str]:
    """One character for each state."""
    return dict(zip(("done", "begun", "pending", "fresh"), "●◐○·" if pen.draws("●◐○·") else "#+o.", strict=True))


def hardness(difficulty: int | None, pen: Pen) -> str:
    if difficulty is None:
        return UNKNOWN
    return "●" * difficulty + "○" * (HARDEST - difficulty) if pen.draws("●○") else f"{difficulty}/{HARDEST}"


def _cut(pen: Pen) -> OverflowMethod:
    """How a text that is too long ends: Rich writes "…", which not every console has."""
    return "ellipsis" if pen.draws("…") else "crop"


def _rows(groups: Sequence[Group]) -> list[Row]:
    return [row for _, rows in groups for row in rows]


def _sums(rows: Iterable[Row]) -> tuple[int, int]:
    rows = list(rows)
    return sum(row.earned or 0 for row in rows), sum(row.points for row in rows)


def _total(pen: Pen, groups: Sequence[Group], language: str) -> Table:
    rows = _rows(groups)
    earned, points = _sums(rows)
    done = sum(row.verdict == "passed" for row in rows)
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(ratio=1)
    for _ in range(3):
        table.add_column(no_wrap=True, justify="right")
    count = pen.line(messages.label("done-count", language, done=done, total=len(rows)), "bold")
    bar = pen.bar(earned / points if points else 0.0, BAR)
    table.add_row(count, pen.line(time_left(rows), "dim"), bar, pen.line(f"{earned}/{points}", "bold"))
    return table


def _next(pen: Pen, groups: Sequence[Group], language: str) -> Iterable[Text]:
    rows = _rows(groups)
    step = next_exercise(groups)
    if step:
        yield Text()
        message = Message(id="show.next", values={"exercise": step.exercise, "title": step.title})
        yield pen.spans(messages.spans(message, language), "bold")
    elif rows and all(row.verdict == "passed" for row in rows):
        yield Text()
        yield pen.line(messages.label("course-done", language), "bold green")
