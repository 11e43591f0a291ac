"""Which checks can tell two implementations apart: those whose experiments reach a definition that differs.

A known mistake, an alternative or a mutant mostly changes one function of several. A check whose experiment never comes to it
observes what it observes of the reference, and need not be run. Names decide: what an experiment takes from `student`, and
whatever that names in turn. So more is reached than is called; and where names do not tell (a changed statement at the top
level, `globals()`, `student` handed to something unknown), everything is.

What a function leaves behind in torch's own state can reach further. That is no reason to run a check: a failure of it would
not last, since it is run again in a worker that has run nothing else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cached_property

from autograder.checks.declared import AuthoringError
from autograder.source import extract

STUDENT = "student"
_LOOKS_UP = re.compile(
    r"(?<![.\w])(globals|locals|vars|eval|exec|__import__)\s*\("
    r"|\b(import|from)\s+(sys|gc|inspect|importlib|builtins)\b"
    r"|__globals__|__subclasses__|__init_subclass__"
)


class Reach:
    """What the checks of one exercise reach, in implementations that differ from `reference`."""

    def __init__(self, reference: str, experiments: str, checks: Iterable[str]) -> None:
        self._named: dict[str, set[str]] = {}  # what code names: most of it is the same in all implementations
        self._reference = _Module(reference, self._named)
        source = extract.Source(experiments, "checks.py")
        self._taken = {check: _taken(source, check) for check in checks}

    def unreached(self, implementation: str) -> set[str]:
        """The checks that can't tell `implementation` from the reference."""
        try:
            other = _Module(implementation, self._named)
        except (AuthoringError, SyntaxError, ValueError, RecursionError):
            return set()
        changed = self._reference.differs_from(other)
        if changed is None:
            return set()
        return {
            check
            for check, taken in self._taken.items()
            if taken is not None and not changed & (self._reference.reached(taken) | other.reached(taken))
        }

    def away_from(self, name: str) -> set[str]:
        """The checks that never come to the definition called `name`."""
        if self._reference.kept or self._reference.looks_up:
            return set()
        return {
            check
            for check, taken in self._taken.items()
            if taken is not None and name not in self._reference.reached(taken)
        }


class _Module:
    """An implementation: its top-level definitions by name."""

    def __init__(self, text: str, named: dict[str, set[str]]) -> None:
        self._source = extract.Source(text, "solution.py")
        self._named = named

    def reached(self, names: set[str]) -> set[str]:
        """`names`, and all that they name in turn: local variables of the same names too, which does no harm."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._names.get(name, ())
        return found

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """What the definition of each name names."""
        found: dict[str, set[str]] = {}
        for definition in self._source.definitions:
            code = self._code(definition.node)
            if code not in self._named:
                self._named[code] = {node.id for node in ast.walk(definition.node) if isinstance(node, ast.Name)}
            found |= dict.fromkeys(definition.binds, self._named[code])
        return found

    def differs_from(self, other: _Module) -> set[str] | None:
        """The names whose definitions differ; None where names do not tell."""
        mine, theirs = self._definitions, other._definitions
        if mine is None or theirs is None or self._others != other._others:
            return None
        changed = {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}
        if any(changed & module.kept for module in (self, other)):
            return None
        return changed

    @cached_property
    def kept(self) -> set[str]:
        """This module's own decorators, and what they are put on: they may keep it where other names lead to it."""
        names = self._source.names()
        found: set[str] = set()
        for definition in self._source.definitions:
            decorators = getattr(definition.node, "decorator_list", [])
            parts = {part.id for each in decorators for part in ast.walk(each) if isinstance(part, ast.Name)}
            if parts & names:
                found |= definition.binds | (parts & names)
        return found

    @property
    def looks_up(self) -> bool:
        """Whether names are looked up as text."""
        return bool(_LOOKS_UP.search(self._source.text))

    @cached_property
    def _definitions(self) -> dict[str, str] | None:
        """Each name with the code that binds it; None where one is bound twice, or names are looked up as text."""
        found: dict[str, str] = {}
        if self.looks_up:
            return None
        for definition in self._source.definitions:
            code = self._code(definition.node)
            for name in definition.binds:
                if name == "*" or name in found:
                    return None
                found[name] = code
        return found

    @cached_property
    def _others(self) -> list[str]:
        """The statements that bind no name, but for docstrings: what they do is not looked at."""
        statements = [each.node for each in self._source.definitions if not each.binds]
        return [self._code(node) for node in statements if not _is_text(node)]

    def _code(self, node: ast.stmt) -> str:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(each.lineno for each in decorators)])
        return "\n".join(self._source.lines[first - 1 : node.end_lineno])


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _taken(source: extract.Source, check: str) -> set[str] | None:
    """The attributes of `student` that an experiment and its helpers name; None where it goes elsewhere."""
    needed = source.needed([check], {})
    nodes = [each.node for each in source.definitions if each.binds & needed]
    helpers = {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef) and STUDENT in {argument.arg for argument in node.args.args}
    }
    taken: set[str] = set()
    uses = known = 0
    for node in (inner for each in nodes for inner in ast.walk(each)):
        if isinstance(node, ast.Name) and node.id == STUDENT:
            uses += 1
        elif isinstance(node, ast.Attribute) and _is_student(node.value):
            taken.add(node.attr)
            known += 1
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in helpers:
            known += sum(map(_is_student, (*node.args, *(keyword.value for keyword in node.keywords))))
    return taken if uses == known else None


def _is_student(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == STUDENT
