"""A module's score in Markdown, with every step that changed it or would be asked about."""

from __future__ import annotations

from autograder.feedback import messages
from autograder.feedback.escape import markdown, markdown_spans
from autograder.scores.records import ExerciseScore, ModuleScore, Step, number


def module_markdown(module: ModuleScore) -> str:
    """The module's score, then what each exercise came to, and how."""
    due = f", due {module.due.replace('T', ' ')[:16]}" if module.due else ""
    counts = "" if module.counts else ", excused"
    lines = [f"**{markdown(module.title)}: {number(module.score)}/{number(module.points)}**{due}{counts}", ""]
    for each in module.exercises:
        lines += [_line(each), *(f"  - {_step(step)}" for step in each.steps)]
    lines += [f"- {_step(step)}" for step in module.steps]
    return "\n".join(lines) + "\n"


def _line(score: ExerciseScore) -> str:
    pending = f", {score.pending} pending" if score.pending else ""
    counts = "" if score.counts else " (does not count)"
    return f"- {markdown(score.title)}: {number(score.score)}/{score.points}{pending}{counts}"


def _step(step: Step) -> str:
    change = f"{number(step.before)} → {number(step.after)}: " if step.after != step.before else ""
    return change + markdown_spans(messages.spans(step.message))
