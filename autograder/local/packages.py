"""Packages that a student's file imports and that will not be there when it is graded."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ALWAYS = ("autograder",)
_GUARDS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Absent:
    """An import of something that is not there."""

    name: str
    line: int


def absent(text: str, packages: Iterable[str], stub: str = "") -> list[Absent]:
    """What `text` imports beside Python's own library, `packages` and what the `stub` imports: each once, by line.

    An import that is tried (`try: … except ImportError`), or that runs in the student's own hands only (`if __name__ == "__main__"`), does
    no harm. Of a text that Python can't read, nothing.
    """
    there = {*sys.stdlib_module_names, *ALWAYS, *packages, *(each.name for each in _imports(stub))}
    found: dict[str, Absent] = {}
    for each in _imports(text):
        if each.name not in there:
            found.setdefault(each.name, each)
    return sorted(found.values(), key=lambda each: each.line)


def _imports(text: str) -> list[Absent]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return list(_in(tree))


def _in(node: ast.AST) -> Iterator[Absent]:
    if isinstance(node, ast.Import):
        yield from (Absent(alias.name.partition(".")[0], node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield Absent(node.module.partition(".")[0], node.lineno)
    elif isinstance(node, ast.Try) and any(map(_catches_it, node.handlers)):
        for child in (*node.handlers, *node.orelse, *node.finalbody):
            yield from _in(child)
    elif isinstance(node, ast.If) and ast.unparse(node.test).replace("'", '"') in (
        '__name__ == "__main__"',
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    ):
        for child in node.orelse:
            yield from _in(child)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _in(child)


def _catches_it(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)}
    return bool(names & _GUARDS)
