"""The solution of an exercise as a person reads it: the reference, and the other ways with a sentence on each.

Everything is read as text: nothing of an exercise is run to show it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograder.source.extract import Source
from autograder.source.regions import BEGIN, END


@dataclass(frozen=True)
class Way:
    """Another right way: what is different, the code of what it replaces, or what it writes in place of what."""

    sentence: str
    code: str = ""
    changes: tuple[tuple[str, str], ...] = ()  # of the reference: old text, new text
    misses: tuple[str, ...] = ()  # bonus checks that it does not pass


@dataclass(frozen=True)
class Solution:
    """The reference as a whole module, and other ways of parts of it."""

    reference: str
    ways: tuple[Way, ...] = ()

    def data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Any) -> Solution:
        """From what `data` gave, after it went through JSON; raises `ValueError` for anything else."""
        try:
            ways = [
                Way(
                    str(each["sentence"]),
                    str(each["code"]),
                    tuple((str(old), str(new)) for old, new in each["changes"]),
                    tuple(map(str, each["misses"])),
                )
                for each in data["ways"]
            ]
            return cls(str(data["reference"]), tuple(ways))
        except (TypeError, KeyError) as error:
            raise ValueError(f"it is no solution: {error}") from None


def load_solution(folder: Path) -> Solution:
    """The solution in an exercise's private folder. Raises `OSError`, or `AuthoringError` for a file that is no Python."""
    reference = _read(folder / "solution.py")
    kept = [line for line in reference.split("\n") if line.strip() not in (BEGIN, END)]
    alternatives = folder / "alternatives.py"
    ways = tuple(_ways(_read(alternatives))) if alternatives.is_file() else ()
    return Solution("\n".join(kept).strip("\n") + "\n", ways)


@dataclass
class _Group:
    """Declarations with one sentence: together they are one way."""

    places: dict[str, int] = field(default_factory=dict)  # name → line of its decorator
    changes: list[tuple[str, str]] = field(default_factory=list)
    misses: tuple[str, ...] = ()


def _ways(text: str) -> Iterator[Way]:
    source = Source(text, "alternatives.py")
    groups: dict[str, _Group] = {}
    for node in source.tree.body:
        for call in _declarations(node):
            group = groups.setdefault(_literal(call.args[0]) if call.args else "", _Group())
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                group.places[node.name] = call.lineno
            if "edit" in given:
                group.changes += _pairs(given["edit"])
            if "misses" in given:
                group.misses = tuple(map(str, ast.literal_eval(given["misses"])))
    for sentence, group in groups.items():
        code = source.at(group.places).part(group.places) if group.places else ""
        yield Way(sentence, code, tuple(group.changes), group.misses)


def _declarations(node: ast.stmt) -> list[ast.Call]:
    """The calls of `alternative(…)` that a statement is, or is decorated with."""
    found = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    found = [node.value] if isinstance(node, ast.Expr) else found
    return [
        each
        for each in found
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "alternative"
    ]


def _literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _pairs(node: ast.expr) -> list[tuple[str, str]]:
    """The edits of a literal dict; of anything else its code, so that nothing is left out unseen."""
    if not isinstance(node, ast.Dict):
        return [("", ast.unparse(node))]
    return [(_literal(key), _literal(value)) for key, value in zip(node.keys, node.values, strict=True) if key]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
