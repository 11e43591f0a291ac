"""What says what holds anyway: mutants that leave such a thing out compute the same in every exercise, and need no entry.

Each rule is a normal form. A mutant computes the same as the reference where both have one normal form under one rule.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from autograder.source.parsing import parse

_LAST = ("sort", "argsort", "topk")  # along the last dimension, where none is named
_EXCHANGES = ("transpose", "swapaxes", "swapdims")


def reason(reference: str, mutant: str) -> str:
    """Why the two sources compute the same, whatever the exercise is; "" where no rule says so."""
    for rule, why in _RULES:
        if _normal(reference, rule) == _normal(mutant, rule):
            return why
    return ""


def _normal(source: str, rule: Callable[[ast.AST], None]) -> str:
    tree = parse(source)
    for node in ast.walk(tree):
        rule(node)
    return ast.dump(tree)


# --- the rules: each changes one node in place ---


def _without_device(node: ast.AST) -> None:
    if isinstance(node, ast.Call):
        node.keywords = [each for each in node.keywords if each.arg != "device"]
    for field, value in ast.iter_fields(node):
        match value:
            case ast.Call(
                func=ast.Attribute(value=tensor, attr="to"), args=[] | [ast.Attribute(attr="device")], keywords=[]
            ):
                setattr(node, field, tensor)


def _without_last_dimension(node: ast.AST) -> None:
    if isinstance(node, ast.Call) and _name(node) in _LAST:
        node.keywords = [each for each in node.keywords if each.arg != "dim" or ast.unparse(each.value) != "-1"]


def _without_strict(node: ast.AST) -> None:
    if isinstance(node, ast.Call) and _name(node) == "zip":
        node.keywords = [each for each in node.keywords if each.arg != "strict"]


def _dimensions_in_order(node: ast.AST) -> None:
    if isinstance(node, ast.Call) and _name(node) in _EXCHANGES and len(node.args) >= 2:
        node.args = [*node.args[:-2], *sorted(node.args[-2:], key=ast.dump)]


def _tests_without_bool(node: ast.AST) -> None:
    match node:
        case ast.If() | ast.While() | ast.IfExp():
            node.test = _bare("bool", node.test)
        case ast.UnaryOp(op=ast.Not()):
            node.operand = _bare("bool", node.operand)
        case ast.comprehension():
            node.ifs = [_bare("bool", each) for each in node.ifs]


def _indices_without_int(node: ast.AST) -> None:
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        bare = [_bare("int", each) for each in parts]
        node.slice = ast.Tuple(bare, ast.Load()) if isinstance(node.slice, ast.Tuple) else bare[0]


def _wherever_it_lies(node: ast.AST) -> None:
    """`view` is the one that asks how a tensor lies."""
    if isinstance(node, ast.Attribute) and node.attr == "view":
        return
    for field, value in ast.iter_fields(node):
        match value:
            case ast.Call(func=ast.Attribute(value=tensor, attr="contiguous"), args=[]):
                setattr(node, field, tensor)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _bare(function: str, value: ast.expr) -> ast.expr:
    """The one argument of a call of `function`, or `value` itself."""
    match value:
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name == function:
            return argument
    return value


_RULES: tuple[tuple[Callable[[ast.AST], None], str], ...] = (
    (
        _without_device,
        "The processor is where tensors are, and are made, without `device`; only a check on a GPU could tell.",
    ),
    (_without_last_dimension, "The last dimension is what is sorted without `dim`."),
    (
        _without_strict,
        "`strict` speaks only where lengths differ: what then happens is a check's, where a docstring says it.",
    ),
    (_dimensions_in_order, "Two dimensions change places, whichever is named first."),
    (_tests_without_bool, "A condition takes the truth of what stands in it."),
    (_indices_without_int, "A tensor of one integer is an index."),
    (_wherever_it_lies, "The values are the same, however they lie in memory."),
)
