"""A class in a terminal: one line for each submission, one sign for each exercise."""

from __future__ import annotations

import sys

from rich import box
from rich.table import Table
from rich.text import Text

from autograder.feedback.pen import Pen
from autograder.results import PENDING, ExerciseResult, Result

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


def class_table(results: list[Result], encoding: str | None = None) -> Table:
    """Submissions as rows, topics as columns, in each a sign for every exercise of the topic; then the points."""
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    topics = _topics(results)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("submission", overflow="fold", ratio=None)
    for topic, exercises in topics.items():
        table.add_column(pen.line(topic), no_wrap=True, overflow="ellipsis", min_width=len(exercises))
    table.add_column("points", justify="right", no_wrap=True)
    pending = any(result.pending for result in results)
    if pending:
        table.add_column("pending", justify="right", no_wrap=True)
    remarks = [_remarks(result) for result in results]
    if any(remarks):
        table.add_column("look at", overflow="fold")
    for result, remark in zip(results, remarks, strict=True):
        graded = {exercise.exercise: exercise for exercise in result.exercises}
        row: list[Text] = [pen.line(result.submission)]
        row += [_strip([graded.get(name) for name in exercises], pen) for exercises in topics.values()]
        row.append(pen.line(f"{result.earned}/{result.points}", "bold"))
        row += [pen.line(str(result.pending or ""), "cyan")] if pending else []
        row += [pen.line(remark, "yellow")] if any(remarks) else []
        table.add_row(*row)
    return table


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
    parts += [f"{len(result.problems)} problems"] if result.problems else []
    parts += ["not isolated"] if not result.provenance.isolated else []
    return ", ".join(parts)
