"""The wrong variants of a solution that is not of this course: general mistakes and mutants, as they are made of our references.

Those are made inside of solution regions. A file without any is given one in every function and method, behind its docstring;
where there is none, a docstring too, which general mistakes are made from.
"""

from __future__ import annotations

import ast
import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

from autograder.refusals import Refusal
from autograder.source.errors import ReleaseError
from autograder.source.parsing import parse
from autograder.source.regions import BEGIN, END, FUNCTIONS, LOOKS_LIKE_MARKER
from autograder.verify.general import generals
from autograder.verify.mutation import Mutant, mutants

Kind = Literal["general", "mutant"]


class NoVariants(Refusal):
    """There is nothing to change in a solution; the text says why."""


@dataclass(frozen=True)
class Variant:
    """The solution with one thing wrong."""

    kind: Kind
    what: str  # in words: what it does, or the line before and after
    scope: str  # the function, qualified
    line: int  # of the solution as it is; 0 where it is about the whole function
    source: str


def variants(source: str, most: int) -> tuple[list[Variant], int]:
    """The general mistakes and at most `most` mutants of `source`, and how many mutants there are. Raises `NoVariants`."""
    try:
        tree = parse(source)
    except SyntaxError as error:
        raise NoVariants(f"the solution can't be read as Python: {error.msg} (line {error.lineno})") from None
    marked, inserted = (source, []) if _has_regions(source) else _marked(source, tree)
    if marked == source and not _has_regions(source):
        raise NoVariants(
            "the solution has no function whose body stands on lines of its own: there is nothing to change in it"
        )
    try:
        every = mutants(marked)
    except ReleaseError as problem:
        raise NoVariants(f"no variants can be made of the solution: {problem}") from None
    try:
        made = generals(marked)
    except ReleaseError:  # what our references may not have, as a file without a docstring of its own
        made = []
    found = [Variant("general", each.sentence, each.scope, 0, each.source) for each in made]
    for each in _some(every, most):
        # Markers above a line have moved it down.
        line = each.line - bisect_left(inserted, each.line)
        found.append(Variant("mutant", f"{_short(each.old)}  →  {_short(each.new)}", each.scope, line, each.source))
    return found, len(every)


def _some(every: list[Mutant], most: int) -> list[Mutant]:
    """The same ones each time, whatever changes elsewhere in the file."""
    if len(every) <= most:
        return every
    name = {id(each): repr((each.scope, each.old, each.new, each.nth)).encode() for each in every}
    chosen = sorted(every, key=lambda each: hashlib.sha256(name[id(each)]).digest())[:most]
    return sorted(chosen, key=lambda each: each.line)


def _has_regions(source: str) -> bool:
    return any(LOOKS_LIKE_MARKER.match(line.strip()) for line in source.split("\n"))


def _marked(source: str, tree: ast.Module) -> tuple[str, list[int]]:
    """The source with a region in every function and method; and the lines that were put in, in order."""
    lines = source.split("\n")
    before: dict[int, str] = {}  # what is inserted above a line, from 0
    for node in _functions(tree):
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        if not body or body[0].lineno == node.lineno:
            continue
        indent = " " * body[0].col_offset
        first = min([body[0].lineno, *(each.lineno for each in getattr(body[0], "decorator_list", []))])
        if lines[first - 1][: body[0].col_offset].strip():
            continue  # behind another statement on its line
        described = "" if len(body) < len(node.body) else f'{indent}"""Not described."""\n'
        before[first - 1] = before.get(first - 1, "") + f"{described}{indent}{BEGIN}\n"
        last = body[-1].end_lineno or body[-1].lineno
        before[last] = f"{indent}{END}\n" + before.get(last, "")
    written: list[str] = []
    inserted: list[int] = []
    for number, line in enumerate([*lines, ""]):
        for marker in before.get(number, "").splitlines():
            written.append(marker)
            inserted.append(len(written))
        if number < len(lines):
            written.append(line)
    return "\n".join(written), inserted


def _functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    found = []
    for node in tree.body:
        found += [
            each for each in (node.body if isinstance(node, ast.ClassDef) else [node]) if isinstance(each, FUNCTIONS)
        ]
    return found


def _short(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= 100 else line[:99] + "…"
