"""What GitHub Actions shows of a run of public checks: annotations at the student's lines, a job summary, step outputs.

Formats: workflow commands and files as in GitHub's "Workflow commands for GitHub Actions"; the `result` output is what the
reporter of GitHub Classroom's actions reads (base64 of JSON: status, max_score, tests), for repositories that still use it.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.feedback import escape, messages
from autograder.feedback.markdown import exercise_markdown
from autograder.feedback.view import Options, exercise_view
from autograder.results import PENDING, ExerciseResult, Place

MAX_ANNOTATIONS = 10  # what GitHub shows of one step
MAX_SUMMARY = 1000 * 2**10  # bytes; GitHub drops a longer one whole

_SIGNS = {"passed": "✓", "failed": "✗", "pending": "○"}


def line_annotations(results: list[ExerciseResult]) -> list[str]:
    """Workflow commands that put what is wrong at the student's own lines, gravest exercise first, ten at most."""
    commands = []
    for result in results:
        view = exercise_view(result, Options())
        if result.message is not None:
            commands.append(_command(result.place, result.file, view.title, escape.spans_text(view.message)))
            continue
        for check in view.failed + view.also_failed:
            said = check.diagnosis[0] if check.diagnosis else check.reason
            claim = escape.spans_text(check.claim)
            commands.append(_command(check.place, result.file, f"{view.title}: {claim}", escape.spans_text(said)))
    return commands[:MAX_ANNOTATIONS]


def _command(place: Place | None, file: str, title: str, text: str) -> str:
    line = place.line if place is not None else 1
    file = place.file if place is not None else file
    properties = {
        "file": escape.visible(file.split(", cell ")[0]),
        "line": str(line),
        "title": escape.visible(title)[:200],
    }
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::error {said}::{_data(escape.visible(text, lines=True)[:2000])}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(results: list[ExerciseResult], ran: set[str], root: Path | None = None) -> str:
    """The job summary in Markdown: a table, then what is wrong in each exercise. `ran`: those checked now, not remembered."""
    label = Options().label
    earned = sum(result.earned for result in results)
    points = sum(result.points for result in results)
    blocks = [
        f"# {label('ci-title')}: {label('points', earned=earned, points=points)}",
        escape.markdown(label("ci-public")),
    ]
    if not results:
        return f"{blocks[0]}\n\n{escape.markdown(label('ci-nothing'))}\n"
    rows = [f"| | {label('ci-exercise')} | {label('ci-points')} | |", "| --- | --- | ---: | --- |"]
    for result in results:
        view = exercise_view(result, Options())
        note = label(result.verdict) + ("" if result.exercise in ran else f", {label('ci-unchanged')}")
        rows.append(
            f"| {_SIGNS[view.state]} | {escape.code_span(result.exercise)} | {result.earned}/{result.points} "
            f"| {escape.markdown(note)} |"
        )
    blocks.append("\n".join(rows))
    blocks += [exercise_markdown(result, root=root).strip() for result in results if result.verdict != "passed"]
    return _capped("\n\n".join(blocks) + "\n")


def _capped(text: str) -> str:
    data = text.encode()
    if len(data) <= MAX_SUMMARY:
        return text
    cut = data[:MAX_SUMMARY].decode(errors="ignore").rsplit("\n\n", 1)[0]
    return f"{cut}\n\n{escape.markdown(Options().label('ci-cut'))}\n"


def classroom_output(results: list[ExerciseResult]) -> str:
    """The `result` step output for GitHub Classroom's reporter: base64 of its JSON, one test for each check."""
    tests = [
        {
            "name": f"{result.exercise}: {check.name}",
            "status": "pass" if check.verdict == "passed" else "error" if check.verdict in PENDING else "fail",
            "score": check.earned,
            "message": "" if check.verdict == "passed" else escape.visible(_reason(result, check.name))[:500],
            "test_code": check.claim,
            "filename": result.file,
            "line_no": next((case.place.line for case in check.cases if case.place is not None), 0),
        }
        for result in results
        for check in result.checks
        if not check.bonus
    ]
    good = all(test["status"] == "pass" for test in tests)
    payload = {
        "version": 1,
        "status": "pass" if good else "fail",
        "max_score": sum(result.points for result in results),
        "tests": tests,
    }
    return base64.b64encode(json.dumps(payload).encode()).decode()


def _reason(result: ExerciseResult, check: str) -> str:
    if result.message is not None:
        return messages.text(result.message)
    view = exercise_view(result, Options())
    for each in view.failed + view.same + view.also_failed:
        if each.name == check:
            return escape.spans_text(each.diagnosis[0] if each.diagnosis else each.reason)
    return ""


def write_output(path: Path, name: str, value: str) -> None:
    """Append one step output to the file that `GITHUB_OUTPUT` names."""
    if "\n" in value or "\r" in value:
        raise ValueError(f"the step output {name} must be one line")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")


@contextmanager
def no_commands() -> Iterator[None]:
    """Inside, what is printed is text to the runner, also a line of a student's that looks like a workflow command."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)
