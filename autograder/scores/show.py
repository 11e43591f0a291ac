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
from autograder.feedback.pen import Pen
from autograder.scores.records import ExerciseScore, ModuleScore, Score, Step, number


def score_table(scores: Sequence[Score], encoding: str | None = None) -> Table:
    """A row for each student, a column for each module, then the total."""
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    modules = list(dict.fromkeys(module.module for score in scores for module in score.modules))
    shown = {
        "name": any(score.name for score in scores),
        "pending": any(score.pending for score in scores),
        "late days left": any(module.late_days for score in scores for module in score.modules),
        "look at": any(score.remarks for score in scores),
    }
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("student", overflow="fold")
    if shown["name"]:
        table.add_column("name", overflow="fold")
    for name in [*modules, "score", *(word for word in ("pending", "late days left", "look at") if shown[word])]:
        table.add_column(pen.line(name), justify="right", overflow="fold")
    for score in scores:
        of = {module.module: module for module in score.modules}
        row = [pen.line(score.student)]
        row += [pen.line(score.name)] if shown["name"] else []
        row += [_module_cell(of.get(module), pen) for module in modules]
        row.append(pen.line(f"{number(score.score)}/{number(score.points)}", "bold"))
        row += [pen.line(str(score.pending or ""), "cyan")] if shown["pending"] else []
        row += [pen.line(str(score.late_days_left))] if shown["late days left"] else []
        row += [pen.line(str(len(score.remarks) or ""), "yellow")] if shown["look at"] else []
        table.add_row(*row)
    return table


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
