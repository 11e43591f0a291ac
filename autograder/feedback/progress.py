"""The map of a course for the student who works through it: what is done, what is begun, what comes next."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from autograder.feedback import messages
from autograder.feedback.pen import Pen
from autograder.feedback.view import state_of
from autograder.results import Message

Row = tuple[str, str, int, int | None, str | None]
"""Exercise, title, points, points earned (None: not tried yet), verdict (None: not tried yet)."""


def next_exercise(modules: list[tuple[str, list[Row]]]) -> tuple[str, str] | None:
    """The exercise to go on with, as (exercise, title): the first that is begun and not done, else the first not begun."""
    rows = [row for _, exercises in modules for row in exercises]
    begun = [row for row in rows if row[4] is not None and state_of(row[4]) == "failed"]
    fresh = [row for row in rows if row[4] is None]
    # What is begun comes first only when it was begun in earnest: a stub that fails has earned nothing.
    first = next((row for row in begun if row[3]), None) or next(
        (row for row in rows if row in begun or row in fresh), None
    )
    return (first[0], first[1]) if first else None


class ProgressMap:
    """Modules and their exercises with a bar each, the total, and the next step."""

    def __init__(self, modules: list[tuple[str, list[Row]]], language: str = "en") -> None:
        self.modules, self.language = modules, language

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        pen = Pen(options.encoding)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        rows = [row for _, exercises in self.modules for row in exercises]
        for title, exercises in self.modules:
            points = sum(row[2] for row in exercises)
            earned = sum(row[3] or 0 for row in exercises)
            heading = pen.line(title, "bold")
            table.add_row("", heading, _bar(pen, earned, points, 12), pen.line(f"{earned}/{points}", "bold"))
            for exercise, name, worth, got, verdict in exercises:
                label = pen.line(name, "" if verdict else "dim") + Text("  ") + pen.line(exercise, "dim")
                sign = pen.sign(state_of(verdict)) if verdict else Text(" ")
                table.add_row(
                    sign,
                    Text("  ") + label,
                    _bar(pen, got or 0, worth, 12),
                    pen.line(f"{got if got is not None else '-'}/{worth}"),
                )
            table.add_row()
        done = sum(row[4] == "passed" for row in rows)
        earned, points = sum(row[3] or 0 for row in rows), sum(row[2] for row in rows)
        count = messages.label("done-count", self.language, done=done, total=len(rows))
        table.add_row(
            "", pen.line(count, "bold"), _bar(pen, earned, points, 12), pen.line(f"{earned}/{points}", "bold")
        )
        yield table
        step = next_exercise(self.modules)
        if step:
            message = Message(id="show.next", values={"exercise": step[0], "title": step[1]})
            yield pen.spans(messages.spans(message, self.language), "bold")
        elif rows and done == len(rows):
            yield pen.line(messages.label("course-done", self.language), "bold green")


def _bar(pen: Pen, earned: int, points: int, width: int) -> Text:
    return pen.bar(earned / points if points else 0.0, width)
