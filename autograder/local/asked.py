"""What the public checks of an exercise ask, and what calls what in a student's file: read from texts, nothing is run."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable
from pathlib import Path

from autograder.feedback.causes import Asked, Code
from autograder.plan import PlanError, load_plan

LINES = 10
_STUDENT = "student"


def code_of(plan: Path, own: str | None) -> Code:
    """What is known beside a result: `plan` is the exercise's public plan, `own` the student's file."""
    try:
        loaded = load_plan(plan)
    except PlanError:
        return Code()
    return Code(asked_by(loaded.experiments), _reaches(own or ""))


def asked_by(experiments: str) -> dict[str, Asked]:
    """By the names of functions in the module `experiments`: the lines of each, and what of `student` it comes to."""
    functions = _functions(experiments)
    lines = experiments.splitlines()
    taken = {name: _taken(node) for name, node in functions.items()}
    reached = _closed({name: _named(node) & functions.keys() for name, node in functions.items()})
    return {
        name: Asked(_body(node, lines), taken[name].union(*(taken[each] for each in reached[name])))
        for name, node in functions.items()
    }


def _reaches(text: str) -> dict[str, frozenset[str]]:
    """By function or class of a file, those of the file that it comes to by calling; nothing of a file that Python can't read."""
    functions = _functions(text)
    return _closed({name: _named(node) & functions.keys() - {name} for name, node in functions.items()})


def _functions(text: str) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _closed(direct: dict[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """What each name comes to in any number of steps."""
    found = {}
    for name in direct:
        seen: set[str] = set()
        waiting = list(direct[name])
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                waiting += direct[each]
        found[name] = frozenset(seen)
    return found


def _named(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _taken(node: ast.AST) -> frozenset[str]:
    """The attributes of `student`."""
    return frozenset(
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == _STUDENT
    )


def _body(node: ast.FunctionDef | ast.ClassDef, lines: list[str]) -> str:
    """A function's lines without its head and docstring; of a long one the beginning."""
    if isinstance(node, ast.ClassDef):
        return ""
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not statements:
        return ""
    shown = textwrap.dedent("\n".join(lines[statements[0].lineno - 1 : node.end_lineno])).split("\n")
    return "\n".join(shown if len(shown) <= LINES else [*shown[: LINES - 1], "…"])
