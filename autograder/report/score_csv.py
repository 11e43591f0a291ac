"""The class's scores as a table for a spreadsheet: a row for each student, with what was done to each score in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from autograder.feedback import messages
from autograder.feedback.escape import spreadsheet
from autograder.scores.records import Score, number

SHOWN = ("kept", "deadline", "late-days", "late", "rubric", "adjust", "drop")


def score_csv(scores: Sequence[Score]) -> str:
    """The table as text. An exercise or module that was not graded is an empty cell; 0 is a score."""
    modules = list(dict.fromkeys(module.module for score in scores for module in score.modules))
    exercises = list(dict.fromkeys(e.exercise for score in scores for m in score.modules for e in m.exercises))
    head = [
        "student",
        "name",
        "group",
        "score",
        "points",
        "pending",
        "late_days_left",
        *modules,
        *exercises,
        "steps",
        "look_at",
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([spreadsheet(name) for name in head])
    for score in scores:
        of_module = {module.module: number(module.score) for module in score.modules}
        of_exercise = {each.exercise: number(each.score) for module in score.modules for each in module.exercises}
        writer.writerow(
            [
                *map(spreadsheet, (score.student, score.name, score.group)),
                number(score.score),
                number(score.points),
                score.pending,
                score.late_days_left,
                *(of_module.get(name, "") for name in modules),
                *(of_exercise.get(name, "") for name in exercises),
                spreadsheet(" | ".join(_steps(score))),
                spreadsheet(" | ".join(messages.text(remark) for remark in score.remarks)),
            ]
        )
    return out.getvalue()


def _steps(score: Score) -> list[str]:
    """Everything beside the verdicts that was done to the score."""
    said = []
    for module in score.modules:
        for name, steps in [*((each.exercise, each.steps) for each in module.exercises), (module.module, module.steps)]:
            for step in steps:
                if step.kind in SHOWN:
                    change = f" ({number(step.before)} → {number(step.after)})" if step.before != step.after else ""
                    said.append(f"{name}: {messages.text(step.message)}{change}")
    return said
