"""Gradescope's `results.json`, made from a result as a student may see it.

Give it what `feedback.policy.student_view` returned: everything in it is shown to the student. Where that view withholds points that
the score has (hidden checks, before it is time), the whole is visible only after grades are published on Gradescope.
"""

from __future__ import annotations

import json
from typing import Any

from autograder.feedback import messages
from autograder.feedback.escape import markdown, spans_text
from autograder.feedback.markdown import check_markdown, exercise_markdown
from autograder.feedback.view import Options, exercise_view
from autograder.results import ExerciseResult, Result
from autograder.scores.records import Score, number

SCHEMA = "llm-internals/gradescope/1"
_STATUS = {"passed": "passed", "failed": "failed", "pending": ""}


def results(
    view: Result,
    score: Score | None = None,
    *,
    points: float | None = None,
    withheld: bool = False,
    notes: str = "",
) -> dict[str, Any]:
    """The content of `results.json` for `view`.

    The score is that of `score` (lateness and adjustments included), else the points earned in `view`. `points` is what the assignment
    is out of on Gradescope, where that is another number than here: the score is then scaled to it. `withheld` says that the score tells more than the student may know now. `notes`, in Markdown, is what people said of the work.
    """
    worth, out_of = (score.score, score.points) if score is not None else (float(view.earned), float(view.points))
    scale = points / out_of if points is not None and out_of else 1.0
    tests = [test for number_, one in enumerate(view.exercises, 1) for test in exercise_tests(one, number_)]
    found: dict[str, Any] = {
        "score": round(worth * scale, 2),
        "output": "\n\n".join(part for part in (_output(view, score), notes.strip()) if part),
        "output_format": "md",
        "visibility": "after_published" if withheld else "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(sum(one.seconds for one in view.exercises), 2),
        "extra_data": {"schema": SCHEMA, "submission": view.submission, "hash": view.hash, "run": view.run},
    }
    if tests:
        found["tests"] = tests
    return found


def to_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def exercise_tests(exercise: ExerciseResult, number_: int) -> list[dict[str, Any]]:
    """One for each check, in their order; an exercise that could not be run at all has one that says why."""
    options = Options(show_all=True)
    arranged = exercise_view(exercise, options)
    views = {each.name: each for each in (*arranged.failed, *arranged.pending, *arranged.passed, *arranged.unchecked)}
    if not exercise.checks:
        return [
            {
                "name": exercise.title,
                "number": str(number_),
                "score": 0.0,
                "max_score": float(exercise.points),
                "status": _STATUS[arranged.state],
                "output": exercise_markdown(exercise, options),
                "output_format": "md",
                "visibility": "visible",
            }
        ]
    tests = []
    for place, check in enumerate(exercise.checks, 1):
        view = views[check.name]
        test = {
            "name": f"{exercise.title}: {spans_text(view.claim)}"[:300],
            "number": f"{number_}.{place}",
            "score": float(check.earned),
            "max_score": 0.0
            if check.bonus
            else float(check.points),  # above the maximum, Gradescope counts it as extra
            "output": check_markdown(view, options),
            "output_format": "md",
            "visibility": "visible",
        }
        if _STATUS[view.state]:  # pending is neither
            test["status"] = _STATUS[view.state]
        tests.append(test)
    if exercise.message is not None:
        tests[0]["output"] = f"{markdown(messages.text(exercise.message))}\n\n{tests[0]['output']}".strip()
    return tests


def _output(view: Result, score: Score | None) -> str:
    """What stands above the tests: how the score came about, where it is not just the points earned."""
    lines = [markdown(messages.text(problem)) for problem in view.problems]
    if view.pending:
        lines.append(f"{view.pending} points are pending: they are not in the score yet.")
    if score is not None and score.pending > view.pending:
        lines.append(f"{score.pending - view.pending} points are a person's to give, and not given yet.")
    for module in score.modules if score is not None else []:
        for one in module.exercises:
            steps = [step for step in one.steps if step.kind not in ("verdict", "attempt")]
            lines += [f"{markdown(one.title)}: {markdown(messages.text(step.message))}" for step in steps]
        lines += [markdown(messages.text(step.message)) for step in module.steps]
    if score is not None:
        bonus = sum(check.earned for one in view.exercises for check in one.checks if check.bonus)
        lines.append(
            f"Score: {number(score.score)} of {number(score.points)} points"
            + (
                f", {bonus} points of bonus checks included, which are beyond the {number(score.points)}."
                if bonus
                else "."
            )
        )
    return "\n\n".join(lines)
