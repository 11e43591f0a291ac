"""A result as `results.json`, with Gradescope's own visibility for what students may see later, or never.

The course's feedback policy (`grading.toml`: `show`, `when`) becomes:

    policy                              checks with hidden cases            beside them
    claim, diagnosis or case; now       visible, as much as `show` allows
    … after_due                         after_due_date                      the public cases, visible
    … published                         after_published                     the public cases, visible
    none, count                         hidden (instructors see all)        the public cases (and how many pass), visible

Checks that have public cases only are visible. Gradescope shows no total while a test is kept from a student.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.feedback import messages
from autograder.feedback.escape import markdown
from autograder.feedback.markdown import exercise_markdown, result_markdown
from autograder.feedback.policy import student_exercise
from autograder.feedback.view import Options
from autograder.integrations.gradescope import exercise_tests
from autograder.results import ExerciseResult, Result

SCHEMA = "llm-internals/otter/1"
_LATER = {"after_due": "after_due_date", "published": "after_published"}
NOT_GRADED = "Your submission has arrived, and was not graded: {why}"
OURS = "this is a fault of the autograder, not of your code. Your instructor sees what it is; nothing is lost."


def results(result: Result, course: Course, *, points: float | None = None, staff: str = "") -> dict[str, Any]:
    """The content of `results.json`. `points` is what the assignment is out of there, where that is another number.

    `staff` is Markdown that only instructors see, with what the checks say without anything taken away.
    """
    scale = points / result.points if points is not None and result.points else 1.0
    tests: list[dict[str, Any]] = []
    for number, exercise in enumerate(result.exercises, 1):
        tests += _tests(exercise, number, course)
    for test in tests:
        for key in ("score", "max_score"):
            if key in test:
                test[key] = round(test[key] * scale, 4)
    full = result_markdown(result, Options(audience="staff", show_all=True))
    tests.append(_for_staff(f"{staff}\n\n{full}"))
    lines = [markdown(messages.text(problem)) for problem in result.problems]
    if result.pending:
        lines.append(f"{result.pending} points are pending: they are not lost.")
    return {
        "score": round(result.earned * scale, 4),
        "output": "\n\n".join(lines),
        "output_format": "md",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(sum(each.seconds for each in result.exercises), 2),
        "extra_data": {"schema": SCHEMA, "hash": result.hash, "engine": result.provenance.engine_hash[:16]},
        "tests": tests,
    }


def not_graded(why: str, points: float, staff: str = "") -> dict[str, Any]:
    """The content of `results.json` when nothing could be graded: a sentence for the student, another for instructors."""
    text = NOT_GRADED.format(why=why)
    tests = [_test("Not graded", text, score=0.0, max_score=float(points))]
    return {
        "score": 0.0,
        "output": markdown(text),
        "output_format": "md",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"schema": SCHEMA},
        "tests": tests + ([_for_staff(staff)] if staff else []),
    }


def _tests(exercise: ExerciseResult, number: int, course: Course) -> list[dict[str, Any]]:
    policy = next(module.feedback for module in course.modules if _holds(module, exercise.exercise))
    secretive = policy.show in ("none", "count")
    later = "hidden" if secretive else _LATER.get(policy.when, "visible")
    shown = student_exercise(exercise, "claim" if secretive else policy.show)  # every check in its place
    tests = exercise_tests(shown, number)
    if later == "visible" or not exercise.checks:
        return tests
    kept = [not check.cases or any(not case.public for case in check.cases) for check in exercise.checks]
    for place, test in enumerate(exercise_tests(exercise, number)):
        if kept[place]:
            # What is never shown to a student may say everything; what is shown later says what it would say now.
            tests[place] = {**(test if later == "hidden" else tests[place]), "visibility": later}
    if not any(kept):
        return tests
    now = student_exercise(exercise, policy.show, when_ok=policy.when == "now")
    return [_test(f"{exercise.title}: what can be seen now", exercise_markdown(now), number=str(number)), *tests]


def _holds(module: Any, name: str) -> bool:
    return any(each.name == name for each in module.exercises)


def _test(name: str, output: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "output": output, "output_format": "md", "visibility": "visible", **more}


def _for_staff(text: str) -> dict[str, Any]:
    return {**_test("For instructors", text.strip() + "\n"), "visibility": "hidden"}


def write(content: dict[str, Any], path: Path) -> None:
    """Write `results.json` in one step: whoever reads it sees all of it or nothing."""
    from autograder.integrations.gradescope import to_json
    from autograder.release.files import write_atomically

    write_atomically(path, to_json(content).encode())
