"""The examples in a stub's docstrings, as one public check of the exercise: written once, run everywhere.

An example is a line `>>> merge([1, 2, 3], (1, 2), 9)` with `[9, 3]` below it, as in a Python session. The check is made from
the *released* stub, here and in a student's repository (where the plan has it), so that what a student writes into a docstring
changes nothing. It has no points: what it shows is the specification itself. An example runs in the worker like any
experiment; its judge, on the trusted side, compares what it gave with what the docstring says.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autograder.checks.declared import AuthoringError, Case, Check, Tolerance
from autograder.experiment.expressions import SHARED, WRITTEN, expected_exception, problem_of, written_value
from autograder.source.parsing import parse
from autograder.source.sentences import docstrings
from autograder.twin.compare import Comparison, compare
from autograder.wire.values import Raised

NAME = "docstring_examples"
CLAIM = "The examples in the docstrings come out as they are written there."
ROUNDED = 3  # decimals from which a written float counts as rounded to what is shown


@dataclass(frozen=True)
class Example:
    """One `>>>` line with what stands below it."""

    where: str  # the function, class or method whose docstring it is in
    line: int  # of the stub
    text: str  # the assignments before it and the expression, on one line
    written: str  # the value below it; `raises("ValueError")`'s name comes out of `text`


def examples_check(stub: str) -> Check | None:
    """The check of all examples in the stub's docstrings; None where there are none. Raises `AuthoringError`."""
    cases = tuple(
        Case(f"{each.where}, line {each.line}", {"example": each.text, "written": each.written})
        for each in read_examples(stub)
    )
    if not cases:
        return None
    return Check(NAME, CLAIM, _experiment, points=0, public=cases, hidden=(), inputs=_inputs, judge=_as_written)


def experiment_source(stub: str) -> str:
    """The experiment as the jail gets it. It names what the examples take from `student`, for those who ask what a check reaches."""
    tree = parse(stub)
    own = _own_names(tree)
    used = {
        name for each in read_examples(stub) for node in ast.walk(parse(each.text)) if (name := _named(node)) in own
    }
    names = ", ".join(f'"{name}": lambda: student.{name}' for name in sorted(used))
    return (
        "from autograder.experiment.expressions import run_example\n\n\n"
        f"def {NAME}(student, example):\n    return run_example(example, {{{names}}})\n"
    )


def read_examples(stub: str) -> list[Example]:
    """The examples of a stub, in the order of its lines. Raises `AuthoringError`, with the line, for what can't be one."""
    tree = parse(stub)
    own = _own_names(tree)
    known = {*own, *SHARED}
    found: list[Example] = []
    for where, first, docstring in docstrings(tree):
        before: list[str] = []  # lines that show nothing: they make what later examples use
        for each in _parsed(docstring, first):
            line = first + each.lineno
            source = _one_line(each.source, line, known if not before else {*known, *_bound(before)})
            if not each.want:
                before.append(source)
                continue
            if not _is_expression(source):
                raise AuthoringError(f"solution.py, line {line} of the stub: only an expression shows a value")
            if each.exc_msg is not None:
                name = each.exc_msg.split(":")[0].strip().rpartition(".")[2]
                _is_exception(name, own, line)
                text, written = f'raises("{name}", lambda: {source})', ""
            else:
                text, written = source, each.want.strip()
                _readable(written, line)
            found.append(Example(where, line, "; ".join([*before, text]), written))
    return found


def _named(node: ast.AST) -> str:
    """The name that a node of an example takes from the exercise: a variable, or the exception that it waits for."""
    if isinstance(node, ast.Name):
        return node.id
    return (isinstance(node, ast.expr) and expected_exception(node)) or ""


def _is_exception(name: str, own: set[str], line: int) -> None:
    builtin = getattr(builtins, name, None)
    if name not in own and not (isinstance(builtin, type) and issubclass(builtin, Exception)):
        raise AuthoringError(
            f"solution.py, line {line} of the stub: {name} is no exception of Python or of the exercise"
        )


def _own_names(tree: ast.Module) -> set[str]:
    """What the stub defines itself: functions, classes and constants, not what it imports."""
    names = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    for each in tree.body:
        if isinstance(each, ast.Assign | ast.AnnAssign):
            names |= {part.id for part in ast.walk(each) if isinstance(part, ast.Name) and _is_stored(part)}
    return {name for name in names if not name.startswith("_")}


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _parsed(docstring: str, line: int) -> list[doctest.Example]:
    try:
        return doctest.DocTestParser().get_examples(docstring)
    except ValueError as error:  # a prompt without a space, lines that are not indented alike
        raise AuthoringError(f"solution.py, the docstring at line {line} of the stub: {error}") from error


def _one_line(source: str, line: int, known: set[str]) -> str:
    try:
        tree = parse(source)
    except SyntaxError as error:
        raise AuthoringError(f"solution.py, line {line} of the stub: an example is no Python: {error.msg}") from error
    problem = problem_of(tree, known)
    if problem:
        raise AuthoringError(f"solution.py, line {line} of the stub: {problem}")
    return "; ".join(ast.unparse(statement) for statement in tree.body)


def _is_expression(source: str) -> bool:
    body = parse(source).body
    return len(body) == 1 and isinstance(body[0], ast.Expr)


def _bound(sources: list[str]) -> set[str]:
    nodes = (node for source in sources for node in ast.walk(parse(source)))
    return {node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node)}


def _readable(written: str, line: int) -> None:
    """Refuse a written value that is no value."""
    try:
        problem = problem_of(parse(written.strip()), set(WRITTEN))
        if not problem:
            written_value(written)
            return
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    raise AuthoringError(
        f"solution.py, line {line} of the stub: {written[:80]!r} is no value of an example ({problem}); write a literal or tensor(…)"
    )


# --- the check -------------------------------------------------------------------------------------------------------


def _experiment(student: Any, example: str) -> Any:
    """Stands for `experiment_source`: the engine asks it for its parameters, and never calls it."""
    raise NotImplementedError


def _inputs(rng: Any, example: str, written: str) -> dict[str, Any]:
    return {"example": example}


def _as_written(seen: Any, want: Any, case: dict[str, Any]) -> Comparison:
    """The judge: whether an example gave what the docstring says."""
    if isinstance(want, Raised):
        return compare(seen, want)  # the experiment names the exception; the reference must raise it too
    return compare_written(seen, case["written"])


def compare_written(seen: Any, text: str) -> Comparison:
    """Compare with a value as it is written: floats by the tolerance of their dtype, or to the digits shown.

    >>> compare_written(0.33333, "0.3333").difference is None, compare_written(0.334, "0.333").difference is None
    (True, False)
    """
    written = written_value(text)
    found = compare(seen, written)
    unit = _finest(text)
    if found.difference is None or unit is None:
        return found
    rounded = compare(seen, written, Tolerance(atol=unit / 2 * (1 + 1e-3) + 1e-12))
    return rounded if rounded.difference is None else _nearer(found, rounded)


def _nearer(one: Comparison, other: Comparison) -> Comparison:
    """Of two comparisons that fail, by two tolerances, the one that allows more: what it tells is what the answer fails by."""

    def fails(comparison: Comparison) -> tuple[int, float]:
        found = comparison.difference
        return (found.wrong or 1, -(found.tolerance or 0.0)) if found is not None else (0, 0.0)

    return min(one, other, key=fails)


def answer_written(case: dict[str, Any], want: Any) -> Any:
    """What an example's docstring says that it gives: the numbers that a student sees there. `want` is the reference's answer."""
    return want if isinstance(want, Raised) else written_value(case["written"])


def _finest(text: str) -> float | None:
    """The unit of the last place shown, of the float with the most places among those that count as rounded."""
    units = []
    for number in re.findall(r"(?<![\w.])\d+\.\d+(?:e[-+]?\d+)?", text):
        if len(number.partition("e")[0].partition(".")[2]) >= ROUNDED:
            exponent = Decimal(number).as_tuple().exponent
            units.append(10.0 ** int(exponent))
    return min(units, default=None)
