"""Scores in a terminal: the class as a table, one student's as a list of steps."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder.feedback import messages
from autograder.feedback.fit import EDGES, GAP, fitting, part, widest
from autograder.feedback.pen import Pen
from autograder.scores.records import ExerciseScore, ModuleScore, Score, Step, number


def score_table(scores: Sequence[Score], encoding: str | None = None, width: int | None = None) -> Table:
    """A row for each student: who it is, the total, then a column for each module, as many as fit into `width` (None: all).

    The caption names the modules that had no room.
    """
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    modules = list(dict.fromkeys(module.module for score in scores for module in score.modules))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), caption_justify="left")
    columns = _first_columns(scores, pen)
    used = EDGES
    for place, (name, cells) in enumerate(columns):
        words = name in ("student", "name")
        whole = widest(name, [cell.plain for cell in cells])
        taken = part(whole, width, 24) if words else whole
        table.add_column(pen.line(name), justify="left" if words else "right", overflow="fold", width=taken)
        used += taken + (GAP if place else 0)
    of = [{module.module: module for module in score.modules} for score in scores]
    cells = {name: [_module_cell(each.get(name), pen) for each in of] for name in modules}
    widths = [widest(name, [cell.plain for cell in cells[name]]) for name in modules]
    shown = modules[: len(modules) if width is None else fitting(widths, width - used)]
    for name, taken in zip(shown, widths, strict=False):
        table.add_column(pen.line(name), justify="right", no_wrap=True, width=taken)
    for row in range(len(scores)):
        table.add_row(*(column[row] for _, column in columns), *(cells[name][row] for name in shown))
    if left := modules[len(shown) :]:
        table.caption = pen.line(
            f"No room for {', '.join(left)}: in a wider window, with --steps, or from `autograder export csv`."
        )
    return table


def _first_columns(scores: Sequence[Score], pen: Pen) -> list[tuple[str, list[Text]]]:
    """Who it is and what it comes to: what a table shows before anything else."""
    columns = [("student", [pen.line(score.student) for score in scores])]
    if any(score.name for score in scores):
        columns.append(("name", [pen.line(score.name) for score in scores]))
    columns.append(("score", [pen.line(f"{number(score.score)}/{number(score.points)}", "bold") for score in scores]))
    if any(score.pending for score in scores):
        columns.append(("pending", [pen.line(str(score.pending or ""), "cyan") for score in scores]))
    if any(module.late_days for score in scores for module in score.modules):
        columns.append(("late days left", [pen.line(str(score.late_days_left)) for score in scores]))
    if any(score.remarks for score in scores):
        columns.append(("look at", [pen.line(str(len(score.remarks) or ""), "yellow") for score in scores]))
    return columns


def _module_cell(module: ModuleScore | None, pen: Pen) -> Text:
    if module is None:
        return Text()
    if not module.counts:
        return pen.line("excused", "dim")
    return pen.line(f"{number(module.score)}/{number(module.points)}")


def score_steps(score: Score, only: Iterable[str] = (), encoding: str | None = None) -> RenderableType:
    """How one student's score came about; `only` these exercises, when there are any."""
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    wanted = set(only)
    parts: list[RenderableType] = []
    for module in score.modules:
        exercises = [each for each in module.exercises if not wanted or each.exercise in wanted]
        if not exercises:
            continue
        due = f", due {module.due.replace('T', ' ')[:16]}" if module.due else ""
        parts.append(pen.line(f"{module.title}: {number(module.score)}/{number(module.points)} points{due}", "bold"))
        for each in exercises:
            parts.append(Padding(pen.line(_line(each), "" if each.counts else "dim"), (0, 0, 0, 2)))
            parts += [Padding(_step(step, pen), (0, 0, 0, 4)) for step in each.steps]
        parts += [Padding(_step(step, pen), (0, 0, 0, 2)) for step in module.steps]
    if not wanted:
        total = f"Score  {score.student}  {number(score.score)}/{number(score.points)} points"
        parts.append(pen.line(total + (f", {score.pending} pending" if score.pending else ""), "bold"))
    parts += [pen.line(messages.text(remark), "yellow") for remark in score.remarks]
    return Group(*parts)


def _line(score: ExerciseScore) -> str:
    pending = f", {score.pending} pending" if score.pending else ""
    counts = "" if score.counts else "  (does not count)"
    return f"{score.exercise}  {number(score.score)}/{score.points}{pending}{counts}"


def _step(step: Step, pen: Pen) -> Text:
    change = f"{number(step.before)} → {number(step.after)}  " if step.after != step.before else ""
    line = pen.line(change, "cyan")
    line.append_text(pen.spans(messages.spans(step.message), "dim"))
    return line
