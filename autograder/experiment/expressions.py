"""The expressions of docstring examples, evaluated from an allow-list of syntax, never by `eval`.

The text comes from the *released* stub, whose author is trusted; a student's own docstrings are not read. It is evaluated in
the worker (what stands behind `>>>`) and in the twin (what stands below it, a value written down).
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch

from autograder.checks.values import raises
from autograder.wire.values import Raised

SHARED = {"torch": torch, "tensor": torch.tensor, "math": math}
"""The names of every example, beside the exercise's own."""
WRITTEN = {"torch": torch, "tensor": torch.tensor, "inf": math.inf, "nan": math.nan}
"""The names of a written value: what Python and torch print."""

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}
_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))


def run_example(text: str, names: Mapping[str, Callable[[], Any]]) -> Any:
    """What the last expression of `text` gives, after the assignments before it. `names` fetch what is the exercise's own.

    >>> run_example("a, b = pair(2); a + b", {"pair": lambda: lambda n: (n, n + 1)})
    5
    """
    variables: dict[str, Any] = dict(SHARED)
    result = None
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign):
            _bind(statement.targets[0], _value(statement.value, variables, names), variables)
        else:
            assert isinstance(statement, ast.Expr)
            result = _value(statement.value, variables, names)
    return tuple(result) if isinstance(result, torch.Size) else result


def written_value(text: str) -> Any:
    """The value that `text` writes down, as Python prints it.

    >>> written_value("[(1, 'a'), tensor([[1., 2.]])]")
    [(1, 'a'), tensor([[1., 2.]])]
    """
    return _plain(_value(ast.parse(text.strip(), mode="eval").body, WRITTEN, {}))


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def _bind(target: ast.expr, value: Any, variables: dict[str, Any]) -> None:
    if isinstance(target, ast.Name):
        variables[target.id] = value
        return
    assert isinstance(target, ast.Tuple)
    for part, item in zip(target.elts, value, strict=True):
        _bind(part, item, variables)


def _value(node: ast.expr, variables: Mapping[str, Any], names: Mapping[str, Callable[[], Any]]) -> Any:
    def value(part: ast.expr) -> Any:
        return _value(part, variables, names)

    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return variables[node.id] if node.id in variables else names[node.id]()
        case ast.List():
            return [value(part) for part in node.elts]
        case ast.Tuple():
            return tuple(value(part) for part in node.elts)
        case ast.Set():
            return {value(part) for part in node.elts}
        case ast.Dict():
            return {value(key): value(item) for key, item in zip(node.keys, node.values, strict=True) if key}
        case ast.UnaryOp():
            return _SIGNS[type(node.op)](value(node.operand))
        case ast.BinOp():
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        case ast.Attribute():
            return getattr(value(node.value), node.attr)
        case ast.Subscript():
            return value(node.value)[value(node.slice)]
        case ast.Slice():
            return slice(*(part and value(part) for part in (node.lower, node.upper, node.step)))
        case ast.Call() if (expected := expected_exception(node)) is not None:
            return _raised(expected, value(node.args[1]), names)
        case ast.Lambda():
            parameters = [argument.arg for argument in node.args.args]
            return lambda *given: _value(node.body, {**variables, **dict(zip(parameters, given, strict=True))}, names)
        case ast.Call():
            named = {keyword.arg: value(keyword.value) for keyword in node.keywords if keyword.arg}
            return value(node.func)(*map(value, node.args), **named)
    raise TypeError(f"{type(node).__name__} is not part of an example")  # `problem_of` has refused it before


def _raised(name: str, call: Callable[[], Any], names: Mapping[str, Callable[[], Any]]) -> Raised:
    """As `raises`, also for an exception of the exercise's own."""
    if name not in names:
        return raises(name, call)
    try:
        call()
    except Exception as error:
        return Raised(name if isinstance(error, names[name]()) else type(error).__name__[:200])
    return Raised(None)


def expected_exception(node: ast.expr) -> str | None:
    """The exception's name, where `node` is `raises("ValueError", lambda: …)`."""
    match node:
        case ast.Call(func=ast.Name(id="raises"), args=[ast.Constant(value=str(name)), ast.Lambda()], keywords=[]):
            return name
    return None


def problem_of(tree: ast.Module, known: set[str]) -> str:
    """Why an example can't be evaluated, or "". `known`: the names that it may use."""
    bound = set(known)
    for statement in tree.body:
        if not isinstance(statement, ast.Expr | ast.Assign):
            return f"an example is made of expressions and assignments; this is {_name(statement)}"
        problem = _unknown(statement.value, bound)
        if problem:
            return problem
        if isinstance(statement, ast.Assign):
            targets = [part for part in ast.walk(statement.targets[0]) if isinstance(part, ast.expr)]
            if len(statement.targets) > 1 or any(not isinstance(part, ast.Name | ast.Tuple) for part in targets):
                return "an example assigns to names: a = …, or a, b = …"
            bound |= {part.id for part in targets if isinstance(part, ast.Name)}
    return ""


def _unknown(node: ast.expr, known: set[str]) -> str:
    lambdas = [part for part in ast.walk(node) if isinstance(part, ast.Lambda)]
    if any(ast.unparse(part.args) != ", ".join(each.arg for each in part.args.args) for part in lambdas):
        return "a lambda of an example takes plain parameters, without defaults"
    known = known | {argument.arg for part in lambdas for argument in part.args.args}
    for part in ast.walk(node):
        match part:
            case ast.Name() if part.id not in known:
                return f"{part.id} is no name of an example: those are the exercise's own, torch, tensor and math"
            case ast.Attribute() if part.attr.startswith("_"):
                return f"{part.attr} is private"
            case ast.Constant() if not isinstance(part.value, _CONSTANTS):
                return f"{part.value!r} is no value of an example"
            case ast.Dict() if None in part.keys:
                return "** is not part of an example"
            case ast.keyword() if part.arg is None:
                return "** is not part of an example"
            case ast.expr() if not isinstance(part, _EXPRESSIONS):
                return f"{_name(part)} is not part of an example"
            case ast.operator() if type(part) not in _OPERATORS:
                return f"{_name(part)} is not part of an example"
            case ast.unaryop() if type(part) not in _SIGNS:
                return f"{_name(part)} is not part of an example"
    return ""


_EXPRESSIONS = (
    ast.Constant, ast.Name, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp,
    ast.Attribute, ast.Subscript, ast.Slice, ast.Call, ast.Lambda,
)  # fmt: skip


def _name(node: ast.AST) -> str:
    return f"`{type(node).__name__}`" + (
        f" ({ast.unparse(node)[:60]})" if isinstance(node, ast.expr | ast.stmt) else ""
    )
