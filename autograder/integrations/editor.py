"""What is wrong with an exercise in lines that editors read: `assignments/attention/gqa.py:31: error: …`."""

from __future__ import annotations

import ast
from pathlib import Path

from autograder.feedback import escape
from autograder.feedback.view import CheckView, Options, exercise_view
from autograder.results import CheckResult, ExerciseResult
from autograder.source.parsing import parse

LONGEST = 500
"""Characters of one line: an editor shows it in a list."""


def problem_lines(result: ExerciseResult, root: Path) -> list[str]:
    """A line for each failed check, at the line that raised or at the function that the check asks; what is not written is a warning."""
    view = exercise_view(result, Options())
    if result.message is not None:
        place = result.place
        file, line = (place.file, place.line) if place is not None else (result.file, 1)
        return [_line(file, line, "error", escape.spans_text(view.message))]
    functions = _Functions(result, root)
    checks = {check.name: check for check in result.checks}
    return [_of_check(check, checks[check.name], result.file, functions) for check in view.failed + view.also_failed]


def _of_check(check: CheckView, record: CheckResult, file: str, functions: _Functions) -> str:
    said = escape.spans_text(check.diagnosis[0] if check.diagnosis else check.reason)
    claim = escape.spans_text(check.claim).rstrip(".")
    place = check.place
    file, line = (place.file, place.line) if place is not None else (file, functions.line_of(check.name))
    return _line(file, line, "warning" if _not_written(record) else "error", f"{claim}: {said}" if said else claim)


def _not_written(check: CheckResult) -> bool:
    failing = [case for case in check.cases if case.verdict != "passed"]
    return bool(failing) and all(case.message is not None and case.message.id == "run.not-written" for case in failing)


def _line(file: str, line: int, severity: str, text: str) -> str:
    file = escape.visible(file.split(", cell ")[0])
    return f"{file}:{line}: {severity}: {escape.visible(' '.join(text.split()))[:LONGEST]}"


class _Functions:
    """Where the functions that the checks of an exercise ask stand in the student's file."""

    def __init__(self, result: ExerciseResult, root: Path) -> None:
        file = root / result.file
        topic, _, slug = result.exercise.partition("/")
        self._tests = _tree(root / "assignments" / topic / f"test_{slug}.py")
        self._lines = {
            node.name: node.lineno
            for node in getattr(_tree(file), "body", [])
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }

    def line_of(self, check: str) -> int:
        """The line of the first function that the check's experiment takes from `student`; 1 where that is not known."""
        for node in getattr(self._tests, "body", []):
            if isinstance(node, ast.FunctionDef) and node.name == check:
                asked = [
                    (each.lineno, each.col_offset, self._lines[each.attr])
                    for each in ast.walk(node)
                    if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
                    if each.value.id == "student" and each.attr in self._lines
                ]
                return min(asked, default=(0, 0, 1))[2]
        return 1


def _tree(path: Path) -> ast.Module | None:
    """The syntax tree of a file, None where it is missing, or is no Python."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
