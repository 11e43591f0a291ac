"""One-line changes of a student's file, as a person would ask about them: "line 14 becomes …".

They are small and told by the kind of what is changed alone, like the mutants of `verify`; but here they are made with Python's own
parser (what students install has no other), in code that has no marked regions, and only where a line stays one line.
"""

from __future__ import annotations

import ast
import difflib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.source.parsing import parse

MOST_COLUMNS = 100
"""Characters of a line that is asked about."""


@dataclass(frozen=True)
class Change:
    """The file with one line changed."""

    line: int
    old: str  # the line, without its indentation and the comment behind it
    new: str
    scope: str  # the function around it, qualified
    source: str  # the whole file with the change


def own_lines(text: str, stub: str) -> set[int]:
    """The lines of a file that are not the stub's: what its author has written."""
    own, given = _lines(text), _lines(stub)
    matcher = difflib.SequenceMatcher(
        None, [line.rstrip() for line in given], [line.rstrip() for line in own], autojunk=False
    )
    found: set[int] = set()
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag != "equal":
            found.update(range(first + 1, last + 1))
    return found


def changes(text: str, lines: set[int], most: int, draw: random.Random) -> list[Change]:
    """At most `most` changes of `text`, each of one of these lines; no two make the same line of the same one."""
    tree = parse(text)
    rows = _lines(text)
    every = _every(tree, rows)
    wanted = [key for key in every if key[0] in lines]
    draw.shuffle(wanted)
    found: list[Change] = []
    for line, new_code in wanted[: 2 * most]:
        changed, scope = every[line, new_code]
        source = "\n".join([*rows[: line - 1], changed, *rows[line:]])
        if len(found) < most and _is_other(source, tree):
            found.append(Change(line, _code(rows[line - 1]), new_code, scope, source))
    return found


def changeable(text: str, lines: set[int]) -> set[int]:
    """Those of the lines that have a change."""
    return {line for line, _ in _every(parse(text), _lines(text))} & lines


def _every(tree: ast.Module, rows: list[str]) -> dict[tuple[int, str], tuple[str, str]]:
    """By a line and what becomes of it: the whole row, and the function around it."""
    found: dict[tuple[int, str], tuple[str, str]] = {}
    for scope, node in _inside_functions(tree):
        for line, start, end, new in _edits(node, rows):
            row = rows[line - 1].encode("utf-8")
            changed = (row[:start] + new.encode("utf-8") + row[end:]).decode("utf-8")
            old_code, new_code = _code(rows[line - 1]), _code(changed)
            if old_code != new_code and max(len(old_code), len(new_code)) <= MOST_COLUMNS:
                found.setdefault((line, new_code), (changed, scope))
    return found


def _lines(text: str) -> list[str]:
    """The lines as Python counts them."""
    return re.split(r"\r\n|\r|\n", text)


def codes(text: str) -> list[str]:
    """The lines of a file, without their indentation and the comments behind them."""
    return [_code(row) for row in _lines(text)]


def _code(row: str) -> str:
    return re.sub(r"\s{2,}#\s.*$", "", row).strip()


def _is_other(source: str, tree: ast.Module) -> bool:
    try:
        return ast.dump(parse(source)) != ast.dump(tree)
    except SyntaxError:
        return False


def _inside_functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node in the body of a function, with that function's qualified name; without docstrings, annotations and what is raised."""

    def walk(node: ast.AST, scopes: tuple[str, ...], inside: bool) -> Iterator[tuple[str, ast.AST]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scopes, within = (*scopes, node.name), not isinstance(node, ast.ClassDef)
            for statement in node.body:
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                    yield from walk(statement, scopes, within)
            return
        if isinstance(node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr):
            return
        if inside:
            yield ".".join(scopes), node
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
            return  # a negative number is changed as a whole
        for name, field in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            for child in field if isinstance(field, list) else [field]:
                if isinstance(child, ast.AST):
                    yield from walk(child, scopes, inside)

    yield from walk(tree, (), False)


# --- what a node can become: (line, first byte, last byte, text) ---

_Edit = tuple[int, int, int, str]

_OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "%"),
    ast.Mod: ("%", "//"), ast.Pow: ("**", "*"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
_OTHER_NAME = {
    "min": "max", "max": "min", "amin": "amax", "amax": "amin", "argmin": "argmax", "argmax": "argmin", "any": "all", "all": "any",
    "floor": "ceil", "ceil": "floor", "sum": "mean", "mean": "sum", "sin": "cos", "cos": "sin", "tril": "triu", "triu": "tril",
    "cumsum": "cumprod", "exp": "log", "minimum": "maximum", "maximum": "minimum", "softmax": "log_softmax",
    "log_softmax": "softmax", "sqrt": "square", "rsqrt": "sqrt", "startswith": "endswith", "endswith": "startswith", "ones": "zeros",
    "zeros": "ones", "find": "rfind", "split": "rsplit",
}  # fmt: skip


def _edits(node: ast.AST, rows: list[str]) -> Iterator[_Edit]:
    if isinstance(node, ast.If | ast.IfExp) and node.test.lineno == node.test.end_lineno:
        plain = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)  # that one loses its `not`
        if not plain:
            yield _whole(node.test, f"not {_atom(node.test, rows)}")
    if not isinstance(node, ast.expr | ast.stmt) or node.lineno != node.end_lineno:
        return
    match node:
        case ast.BinOp():
            yield from _between(node.left, node.op, node.right, rows)
            if isinstance(node.op, ast.Sub | ast.Div):
                yield from _swapped(node.left, node.right, rows)
        case ast.BoolOp():
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from _between(left, node.op, right, rows)
        case ast.Compare():
            for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                yield from _between(left, op, right, rows)
        case ast.UnaryOp(op=ast.Not()):
            yield _whole(node, _atom(node.operand, rows))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))) if type(value) is int:
            yield _whole(node, str(-value - 1))
        case ast.Constant():
            yield from _constant(node)
        case ast.AugAssign():
            yield from _augmented(node, rows)
        case ast.Expr(value=ast.Call()):
            yield _whole(node, "pass")
        case ast.Break():
            yield _whole(node, "continue")
        case ast.Continue():
            yield _whole(node, "break")
        case ast.Call():
            yield from _call(node, rows)
        case ast.Subscript(slice=ast.Slice() as part):
            for bound in (part.lower, part.upper):
                if bound is not None:
                    yield from _off_by_one(bound, rows)


def _constant(node: ast.Constant) -> Iterator[_Edit]:
    value = node.value
    if type(value) is bool:
        yield _whole(node, str(not value))
    elif type(value) is int and abs(value) < 10**6:
        yield _whole(node, str(value + 1))
        if value > 0:
            yield _whole(node, str(value - 1))
    elif type(value) is float and 1e-4 < abs(value) < 1e6:
        yield _whole(node, repr(2 * value))


def _augmented(node: ast.AugAssign, rows: list[str]) -> Iterator[_Edit]:
    if type(node.op) in _OPERATORS:
        old, new = _OPERATORS[type(node.op)]
        yield from _token(node.target, f"{old}=", f"{new}=", node.value, rows)
    yield from _token(node.target, f"{_OPERATORS.get(type(node.op), ('+', ''))[0]}=", "=", node.value, rows)
    yield _whole(node, "pass")


def _call(node: ast.Call, rows: list[str]) -> Iterator[_Edit]:
    func = node.func
    if isinstance(func, ast.Attribute) and func.attr in _OTHER_NAME and func.end_col_offset is not None:
        start = func.end_col_offset - len(func.attr.encode())
        yield func.lineno, start, func.end_col_offset, _OTHER_NAME[func.attr]
    if isinstance(func, ast.Name):
        if func.id in ("min", "max", "any", "all"):
            yield _whole(func, _OTHER_NAME[func.id])
        if func.id == "range":
            for argument in node.args:
                yield from _off_by_one(argument, rows)
        if func.id in ("reversed", "abs") and len(node.args) == 1 and not node.keywords:
            yield _whole(node, _atom(node.args[0], rows))


def _off_by_one(bound: ast.expr, rows: list[str]) -> Iterator[_Edit]:
    if isinstance(bound, ast.Constant | ast.UnaryOp):
        return  # those have their own changes
    yield _whole(bound, f"{_atom(bound, rows)} + 1")
    yield _whole(bound, f"{_atom(bound, rows)} - 1")


def _between(left: ast.expr, op: ast.AST, right: ast.expr, rows: list[str]) -> Iterator[_Edit]:
    if type(op) in _OPERATORS:
        yield from _token(left, *_OPERATORS[type(op)], right, rows)


def _token(left: ast.expr, old: str, new: str, right: ast.expr, rows: list[str]) -> Iterator[_Edit]:
    """Put `new` for the operator `old` between two expressions, where all of it stands on one line."""
    if left.end_lineno != right.lineno or left.end_col_offset is None:
        return
    between = rows[right.lineno - 1].encode()[left.end_col_offset : right.col_offset].decode("utf-8", "replace")
    found = re.match(rf"[\s)]*({re.escape(old)})[\s(]*$", between)
    if found and between.isascii():
        yield right.lineno, left.end_col_offset + found.start(1), left.end_col_offset + found.end(1), new


def _swapped(left: ast.expr, right: ast.expr, rows: list[str]) -> Iterator[_Edit]:
    if left.end_lineno != right.lineno or left.lineno != left.end_lineno or right.lineno != right.end_lineno:
        return
    row = rows[left.lineno - 1].encode()
    between = row[left.end_col_offset : right.col_offset].decode("utf-8", "replace")
    if "(" in between or ")" in between or right.end_col_offset is None:
        return
    yield left.lineno, left.col_offset, right.end_col_offset, f"{_atom(right, rows)}{between}{_atom(left, rows)}"


def _whole(node: ast.expr | ast.stmt, new: str) -> _Edit:
    assert node.end_col_offset is not None
    return node.lineno, node.col_offset, node.end_col_offset, new


_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.Dict, ast.ListComp)


def _atom(node: ast.expr, rows: list[str]) -> str:
    """The text of an expression, fit to stand anywhere."""
    text = rows[node.lineno - 1].encode()[node.col_offset : node.end_col_offset].decode("utf-8", "replace")
    return text if isinstance(node, _ATOMS) else f"({text})"
