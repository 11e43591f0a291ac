"""A class in a terminal: one line for each submission, one sign for each exercise."""

from __future__ import annotations

import sys

from rich import box
from rich.table import Table
from rich.text import Text

from autograder.feedback.fit import EDGES, GAP, fitting, part, widest
from autograder.feedback.pen import Pen
from autograder.results import PENDING, ExerciseResult, Result

_WORDS = ("submission", "look at")
"""Columns of words, which may be folded."""
_SIGNS = {"full": "●", "most": "◕", "some": "◔", "none": "○", "stopped": "✗", "pending": "?", "absent": "·"}
_ASCII = {"full": "#", "most": "+", "some": "-", "none": "0", "stopped": "x", "pending": "?", "absent": "."}
_STYLES = {
    "full": "green",
    "most": "green",
    "some": "yellow",
    "none": "red",
    "stopped": "bold red",
    "pending": "cyan",
    "absent": "dim",
}
_MEANINGS = {
    "full": "all points",
    "most": "half or more",
    "some": "less",
    "none": "none",
    "stopped": "could not run",
    "pending": "pending",
    "absent": "absent",
}


def class_table(results: list[Result], encoding: str | None = None, width: int | None = None) -> Table:
    """Submissions as rows: who it is, a column for each topic with a sign for every exercise of it, then the points.

    Names and points have their room first; of the topics there are as many as fit into `width` (None: all) beside them, with their names
    shortened where that makes room. The caption names the others.
    """
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    topics = _topics(results)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), caption_justify="left")
    columns = _fixed_columns(results, pen)
    taken = []
    for name, cells in columns:
        whole = widest(name, [cell.plain for cell in cells])
        taken.append(part(whole, width, 24) if name in _WORDS else whole)
    shown = _shown(topics, None if width is None else width - EDGES - sum(taken) - GAP * (len(taken) - 1))
    for (name, _), room in zip(columns, taken, strict=True):
        table.add_column(name, justify="left" if name in _WORDS else "right", overflow="fold", width=room)
        if name == columns[0][0]:
            for topic, space in shown.items():
                table.add_column(pen.line(topic), no_wrap=True, overflow="ellipsis", width=space)
    for row, result in enumerate(results):
        graded = {exercise.exercise: exercise for exercise in result.exercises}
        strips = [_strip([graded.get(name) for name in topics[topic]], pen) for topic in shown]
        first, *rest = (cells[row] for _, cells in columns)
        table.add_row(first, *strips, *rest)
    if left := [topic for topic in topics if topic not in shown]:
        table.caption = pen.line(f"No room for {', '.join(left)}: they are in the report, and in a wider window.")
    return table


def _shown(topics: dict[str, list[str]], room: int | None) -> dict[str, int]:
    """The topics that fit into `room`, each with its width."""
    widths = [max(len(topic), len(exercises)) for topic, exercises in topics.items()]
    if room is not None and fitting(widths, room) < len(topics):
        widths = [max(min(len(topic), 6), len(exercises)) for topic, exercises in topics.items()]
    count = len(topics) if room is None else fitting(widths, room)
    return dict(list(zip(topics, widths, strict=True))[:count])


def _fixed_columns(results: list[Result], pen: Pen) -> list[tuple[str, list[Text]]]:
    """Who it is, what it comes to, and what a person should look at."""
    columns = [
        ("submission", [pen.line(result.submission) for result in results]),
        ("points", [pen.line(f"{result.earned}/{result.points}", "bold") for result in results]),
    ]
    if any(result.pending for result in results):
        columns.append(("pending", [pen.line(str(result.pending or ""), "cyan") for result in results]))
    remarks = [_remarks(result) for result in results]
    if any(remarks):
        columns.append(("look at", [pen.line(remark, "yellow") for remark in remarks]))
    return columns


def legend(encoding: str | None = None) -> Text:
    """What the signs mean."""
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    text = Text(style="dim")
    for kind, meaning in _MEANINGS.items():
        text.append(_signs(pen)[kind], style=_STYLES[kind])
        text.append(f" {meaning}  ")
    return text


def kind_of(exercise: ExerciseResult | None) -> str:
    """How an exercise stands, in one of seven words: full, most, some, none, stopped, pending, absent."""
    if exercise is None:
        return "absent"
    if exercise.verdict in PENDING and exercise.earned + exercise.pending >= exercise.points:
        return "pending"
    if exercise.earned >= exercise.points:
        return "full"
    if exercise.earned == 0:
        return "none" if exercise.verdict in ("failed", *PENDING) else "stopped"
    return "most" if 2 * exercise.earned >= exercise.points else "some"


def _topics(results: list[Result]) -> dict[str, list[str]]:
    topics: dict[str, list[str]] = {}
    for result in results:
        for exercise in result.exercises:
            names = topics.setdefault(exercise.exercise.split("/")[0], [])
            if exercise.exercise not in names:
                names.append(exercise.exercise)
    return topics


def _strip(exercises: list[ExerciseResult | None], pen: Pen) -> Text:
    strip = Text()
    for exercise in exercises:
        kind = kind_of(exercise)
        strip.append(_signs(pen)[kind], style=_STYLES[kind])
    return strip


def _signs(pen: Pen) -> dict[str, str]:
    try:
        "".join(_SIGNS.values()).encode(pen.encoding)
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return _SIGNS


def _remarks(result: Result) -> str:
    flags = sum(len(exercise.flags) for exercise in result.exercises)
    ours = sum(check.verdict == "grader-error" for exercise in result.exercises for check in exercise.checks)
    ours += sum(exercise.verdict == "grader-error" and not exercise.checks for exercise in result.exercises)
    parts = [f"{flags} flagged"] if flags else []
    parts += [f"{ours} our fault"] if ours else []
    parts += [f"{len(result.problems)} problem{'s' * (len(result.problems) > 1)}"] if result.problems else []
    parts += ["not isolated"] if not result.provenance.isolated else []
    return ", ".join(parts)
