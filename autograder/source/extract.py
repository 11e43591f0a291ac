"""Taking parts out of an authored file: what a definition names, transitively, and nothing else.

An allow-list, not a file with parts removed: hidden cases, judges and seeds can't come along by accident, since only what
the wanted definitions name is copied.
"""

from __future__ import annotations

import ast
import copy
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from autograder.checks.declared import AuthoringError
from autograder.source.parsing import parse

# What an experiment or an inputs function may import: all of it is there in a student's environment.
IMPORTABLE = frozenset(
    [
        "__future__",
        "abc",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "enum",
        "fractions",
        "functools",
        "heapq",
        "io",
        "itertools",
        "json",
        "math",
        "operator",
        "random",
        "re",
        "statistics",
        "string",
        "struct",
        "typing",
        "unicodedata",
        "warnings",
        "numpy",
        "regex",
        "torch",
        "autograder.checks",
        "autograder.lab",
        "autograder.experiment.expressions",  # of the examples in docstrings, whose experiments are written by the engine
    ]
)


@dataclass
class _Definition:
    """One top-level statement and the names that it binds and uses."""

    node: ast.stmt
    binds: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)


class Source:
    """A parsed file, from which parts can be taken."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.text = text
        self.lines = lines(text)
        try:
            self.tree = parse(text, file)
        except SyntaxError as error:
            raise AuthoringError(f"{file}:{error.lineno}: {error.msg}") from error
        self.definitions = [self._definition(node) for node in self.tree.body]
        self._used: dict[tuple[ast.stmt, bool], set[str]] = {}

    def names(self) -> set[str]:
        """The names of the functions and classes at the top level."""
        kinds = (ast.FunctionDef, ast.ClassDef)
        return {each.node.name for each in self.definitions if isinstance(each.node, kinds)}

    def at(self, places: dict[str, int]) -> Source:
        """This file with only those variants that `places` chooses, by name and a line of its decorator.

        A file of mistakes defines the same function many times; the others are no helpers of the chosen one.
        """
        chosen = Source.__new__(Source)
        chosen.file, chosen.text, chosen.lines, chosen.tree = self.file, self.text, self.lines, self.tree
        chosen._used = self._used
        chosen.definitions = [
            each for each in self.definitions if not _is_variant(each.node) or _is_at(each.node, places)
        ]
        return chosen

    def part(self, wanted: Iterable[str], *, undecorated: bool = True, replaced: dict[str, str] | None = None) -> str:
        """A module with the definitions called `wanted` and all that they name, in the order of the file.

        `undecorated` drops the decorators of the wanted ones; `replaced` gives another text for some of them.
        """
        wanted = set(wanted)
        replaced = replaced or {}
        needed = self._closure(wanted, undecorated, replaced)
        imports: list[str] = []
        parts: list[str] = []
        for definition in self.definitions:
            node = definition.node
            if isinstance(node, ast.Import | ast.ImportFrom):
                line = self._import(node, needed)
                if line:
                    imports.append(line)
            elif definition.binds & needed:
                name = getattr(node, "name", "")
                parts.append(replaced.get(name) or self._text(node, undecorated and name in wanted))
        missing = wanted - {name for each in self.definitions for name in each.binds}
        if missing:
            raise AuthoringError(f"{self.file}: there is no {', '.join(sorted(missing))} at the top level")
        return "\n".join(imports) + ("\n\n\n" if imports else "") + "\n\n\n".join(parts) + "\n"

    def needed(self, wanted: Iterable[str], replaced: dict[str, str]) -> set[str]:
        """All names that a decorated part with `wanted` has."""
        return self._closure(set(wanted), False, replaced)

    def statement(self, node: ast.stmt) -> str:
        """The text of a statement without its decorators."""
        return self._text(node, True)

    # --- parsing ---

    def _definition(self, node: ast.stmt) -> _Definition:
        found = _Definition(node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.binds = {node.name}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.binds = {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.binds = {(alias.asname or alias.name.partition(".")[0]) for alias in node.names}
        return found

    def _uses(self, node: ast.stmt, undecorated: bool) -> set[str]:
        """The names of this module that it uses: not its own local ones, which may have the name of something private."""
        found = self._used.get((node, undecorated))
        if found is None:
            bare = node
            if undecorated and isinstance(node, ast.FunctionDef | ast.ClassDef):
                bare = copy.copy(node)
                bare.decorator_list = []
            found = set(_global_names(symtable.symtable(ast.unparse(bare), self.file, "exec")))
            self._used[node, undecorated] = found
        return found

    def _closure(self, wanted: set[str], undecorated: bool, replaced: dict[str, str]) -> set[str]:
        by_name: dict[str, list[ast.stmt]] = {}
        for each in self.definitions:
            for name in each.binds:
                by_name.setdefault(name, []).append(each.node)
        needed: set[str] = set()
        waiting = list(wanted)
        while waiting:
            name = waiting.pop()
            if name in needed or name not in by_name:
                continue
            needed.add(name)
            nodes = [parse(replaced[name]).body[0]] if name in replaced else by_name[name]
            for node in nodes:
                waiting += self._uses(node, undecorated and name in wanted and name not in replaced)
        return needed

    def _import(self, node: ast.Import | ast.ImportFrom, needed: set[str]) -> str:
        used = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in needed]
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return ast.unparse(node)
        if not used:
            return ""
        for module in [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in used]:
            if not _importable(module):
                raise AuthoringError(
                    f"{self.file}:{node.lineno}: an experiment can't import {module}; what it may import is "
                    f"what every student has: {', '.join(sorted(IMPORTABLE - {'__future__'}))}"
                )
        if isinstance(node, ast.ImportFrom):
            return ast.unparse(ast.ImportFrom(module=node.module, names=used, level=node.level))
        return ast.unparse(ast.Import(names=used))

    def _text(self, node: ast.stmt, undecorated: bool) -> str:
        """The statement alone, without what stands beside it on its lines: a comment, or another one after a semicolon."""
        # As ast.get_source_segment, which splits the whole file into lines for each of its statements.
        assert node.end_lineno is not None and node.end_col_offset is not None
        chosen = self.lines[node.lineno - 1 : node.end_lineno]
        chosen[-1] = chosen[-1].encode()[: node.end_col_offset].decode()  # columns count bytes
        chosen[0] = chosen[0].encode()[node.col_offset :].decode()
        text = "\n".join(chosen)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list and not undecorated:
            start = min(decorator.lineno for decorator in node.decorator_list)
            return "\n".join([*self.lines[start - 1 : node.lineno - 1], text])
        return text


def _importable(module: str) -> bool:
    """Whether it, or a package that it lies in, is on the list."""
    parts = module.split(".")
    return any(".".join(parts[:n]) in IMPORTABLE for n in range(1, len(parts) + 1))


def lines(text: str) -> list[str]:
    """The lines of a source as Python counts them (`splitlines` also ends one at form feeds and at U+2028)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _global_names(table: symtable.SymbolTable) -> Iterator[str]:
    local = table.get_type() == "function"
    for symbol in table.get_symbols():
        if symbol.is_declared_global() or (symbol.is_referenced() and (symbol.is_global() or not local)):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


def _is_variant(node: ast.stmt) -> bool:
    """Whether it is decorated with @mistake(…) or @alternative(…)."""
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Name)
        and each.func.id in ("mistake", "alternative", "cheat")
        for each in node.decorator_list
    )


def _is_at(node: ast.stmt, places: dict[str, int]) -> bool:
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    line = places.get(node.name, 0)
    return any(each.lineno <= line <= (each.end_lineno or each.lineno) for each in node.decorator_list)


def experiments(text: str, file: str, names: Iterable[str]) -> str:
    """The module of experiments that goes into the jail."""
    return Source(text, file).part(names)


def public_module(text: str, file: str, names: Iterable[str]) -> str:
    """The module of public checks that ships to students: experiments with their inputs, judges and public cases.

    Each decorator is written anew from the arguments that are public: what is not named here does not ship.
    """
    source = Source(text, file)
    shipped = (
        "points",
        "inputs",
        "judge",
        "shapes",
        "tolerance",
        "bonus",
        "mutates",
        "device",
        "budget",
        "lecture",
        "needs",
        "public",
    )
    replaced: dict[str, str] = {}
    for definition in source.definitions:
        node = definition.node
        if isinstance(node, ast.FunctionDef) and node.name in set(names):
            decorator = _check_call(node, file)
            keywords = [keyword for keyword in decorator.keywords if keyword.arg in shipped]
            if any(keyword.arg == "given" for keyword in decorator.keywords):
                # Its examples are recorded; the strategies, and Hypothesis, are not needed any more.
                keywords.append(ast.keyword(arg="given", value=ast.Dict(keys=[], values=[])))
            call = ast.unparse(ast.Call(func=decorator.func, args=[], keywords=keywords))
            replaced[node.name] = f"@{call}\n{source.statement(node)}"
    _nothing_hidden(source, source.needed(names, replaced), set(replaced))
    return source.part(names, undecorated=False, replaced=replaced)


def _nothing_hidden(source: Source, needed: set[str], shipped: set[str]) -> None:
    """Refuse a public part that would carry hidden cases: another check, or a list of cases that `hidden=` uses too."""
    hidden: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg == "hidden":
            hidden |= {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
    for definition in source.definitions:
        node, names = definition.node, definition.binds & needed
        calls = {
            each.func.id for each in ast.walk(node) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
        }
        if isinstance(node, ast.FunctionDef) and "check" in calls and names - shipped:
            reason = "is another check, whose hidden cases would come along; move what both need into a helper"
        elif isinstance(node, ast.Assign | ast.AnnAssign) and "case" in calls and names & hidden:
            reason = "holds cases that hidden= uses; keep hidden cases in a list of their own"
        else:
            continue
        raise AuthoringError(f"{source.file}:{node.lineno}: a public check needs {', '.join(names)}, which {reason}")


def _check_call(node: ast.FunctionDef, file: str) -> ast.Call:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "check":
            return decorator
    raise AuthoringError(f"{file}:{node.lineno}: {node.name} is not decorated with @check(…)")


def sentences_are_literal(text: str, file: str) -> list[str]:
    """Problems of `reject(…)` calls: their sentence must be a literal, since students read it for hidden cases."""
    problems = []
    for node in ast.walk(parse(text, file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reject":
            sentence = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if not isinstance(sentence, str):
                problems.append(f"{file}:{node.lineno}: reject's sentence must be a literal; give values as keywords")
            elif re.search(r"\{[^{}]*[^\w{}][^{}]*\}", sentence):
                problems.append(
                    f"{file}:{node.lineno}: reject's sentence takes plain {{names}}; format the value where you pass it"
                )
    return problems
