"""Results → what the gradebook and the notebooks get, by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.course.notebook import Cell
from autograder.feedback.escape import markdown, markdown_spans
from autograder.feedback.markdown import exercise_markdown
from autograder.feedback.view import Options, exercise_view
from autograder.integrations.nbgrader.rebuilt import rebuild
from autograder.integrations.nbgrader.released import Released
from autograder.results import ExerciseResult

MAX_LINES = 12


def notebook_job(
    released: Released, submitted: list[Cell], results: Mapping[str, ExerciseResult], seen: Mapping[str, ExerciseResult]
) -> dict[str, Any]:
    """What `bridge.write` needs for one notebook. `results` has what is true, `seen` the same as the student may see it."""
    outputs = {cell: exercise_markdown(seen[name]) for name, cell in released.checks.items() if name in seen}
    rebuilt = rebuild(released, submitted, outputs)
    scores = {
        cell: {"points": float(results[name].earned), "pending": bool(results[name].pending)}
        for name, cell in released.checks.items()
        if name in results
    }
    comments = {cell: comment(seen[name]) for name, cell in released.stubs.items() if name in seen}
    for cell in released.written:
        comments[cell] = "" if rebuilt.manual[cell][0] == "answered" else "No response."
    return {
        "notebook": rebuilt.notebook,
        "scores": scores,
        "manual": {cell: {"state": state, "source": source} for cell, (state, source) in rebuilt.manual.items()},
        "comments": comments,
    }


def comment(exercise: ExerciseResult) -> str:
    """What stands below a student's cell, in Markdown: the points, and a line for each check that is not passed."""
    view = exercise_view(exercise, Options(show_all=True))
    lines = [f"By the automatic checks: {markdown(view.points)}."]
    if view.message:
        lines.append(markdown_spans(view.message))
    if view.failed or view.pending:
        lines.append("")
    for sign, check in [*(("✗", each) for each in view.failed), *(("○", each) for each in view.pending)]:
        reason = f" {markdown_spans(check.reason)}" if check.reason else ""
        lines.append(f"- {sign} {markdown_spans(check.claim)} ({markdown(check.points)}){reason}")
    more = len(lines) - MAX_LINES
    return "\n".join([*lines[:MAX_LINES], *([f"- … and {more} more"] if more > 0 else [])])
