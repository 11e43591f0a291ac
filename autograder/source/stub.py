"""A reference solution with the parts that students write taken out.

`# BEGIN SOLUTION` and `# END SOLUTION` stand on lines of their own, at the indentation of the code between them. Inside a
function the region becomes a `raise NotImplementedError`; at module or class level (helpers of the reference) it vanishes.
Everything outside the regions stays byte for byte, but for blank lines next to a region that vanished.
"""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Sequence

from autograder.source.errors import ReleaseError
from autograder.source.parsing import parse
from autograder.source.regions import BEGIN, Region, find_regions

Line = tuple[str, int]  # its text, its number in the solution


def make_stub(source: str, *, file: str = "solution.py") -> str:
    """The stub that students get for the reference `source`; raises `ReleaseError` with file and line.

    `file` is the name used in errors. The text returned compiles and holds nothing of what stood between markers.
    """
    source = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tree = _parse(source, file, "the solution is not valid Python")
    regions = find_regions(source, tree, file)
    if not regions:
        raise ReleaseError(
            f"there is no {BEGIN!r} in it, so the whole solution would be given to students. Mark what they write.",
            file=file,
        )
    for region in regions:
        _require_docstring(region, file)
    lines = _cut(source, regions)
    stub = "\n".join(line for line, _ in lines)
    origin = [number for _, number in lines]
    stub_tree = _parse(stub, file, "the stub, what is left without the solution, is not valid Python", origin)
    _require_no_missing_helper(stub, stub_tree, tree, file)
    return stub


# ---------------------------------------------------------------- what the stub must have


def _require_docstring(region: Region, file: str) -> None:
    """What students fill in says what it must do; a method such as `__init__` may leave that to its class."""
    if not region.in_function:
        return
    function = region.scopes[-1]
    owner = region.scopes[-2] if len(region.scopes) > 1 else None
    special = function.name.startswith("__") and function.name.endswith("__")
    described = ast.get_docstring(function) and function.body[0].lineno < region.first
    if described or (special and isinstance(owner, ast.ClassDef) and ast.get_docstring(owner)):
        return
    raise ReleaseError(
        f"{region.name} has no docstring outside its solution. It is all that students have to go by: say "
        f"what goes in, what comes out, and give an example.",
        file=file,
        line=function.lineno,
    )


def _require_no_missing_helper(stub: str, stub_tree: ast.Module, tree: ast.Module, file: str) -> None:
    """Refuse a stub that names a helper which vanished with a region: students could not know what it was."""
    gone = _top_level_names(tree) - _top_level_names(stub_tree)
    if not gone:
        return
    tables = [symtable.symtable(stub, file, "exec")]
    while tables:
        table = tables.pop()
        tables.extend(table.get_children())
        for symbol in table.get_symbols():
            if (
                symbol.get_name() in gone
                and symbol.is_referenced()
                and (symbol.is_global() or table.get_type() == "module")
            ):
                line = _line_of_name(tree, symbol.get_name())
                raise ReleaseError(
                    f"{symbol.get_name()!r} is defined inside a solution region but used outside: the stub would not run.",
                    file=file,
                    line=line,
                )


def _top_level_names(tree: ast.Module) -> set[str]:
    return {
        symbol.get_name()
        for symbol in symtable.symtable(ast.unparse(tree), "", "exec").get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }


def _line_of_name(tree: ast.Module, name: str) -> int | None:
    for node in tree.body:
        if getattr(node, "name", "") == name:
            return node.lineno
        if any(
            isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store)
            for part in ast.walk(node)
        ):
            return node.lineno
    return None


def _parse(source: str, file: str, problem: str, origin: Sequence[int] = ()) -> ast.Module:
    """The syntax tree of `source`; `origin` gives for each of its lines the line of the file that the author can open."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a SyntaxWarning of an author's docstring is ruff's business
            compile(source, file, "exec", dont_inherit=True)
            return parse(source)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte
        line = getattr(error, "lineno", None)
        if line and origin:
            line = origin[min(line, len(origin)) - 1]
        reason = getattr(error, "msg", None) or str(error)
        text = getattr(error, "text", None) or ""
        where = f", at {text.strip()!r}" if text.strip() else ""
        raise ReleaseError(f"{problem}: {reason}{where}.", file=file, line=line) from None


# ---------------------------------------------------------------- cutting


def _cut(source: str, regions: Sequence[Region]) -> list[Line]:
    # Not `splitlines`: Python ends a line at \n only, that one also at \f and \u2028.
    lines = [(text, number) for number, text in enumerate(source.split("\n"), start=1)]
    for region in reversed(regions):
        before, after = lines[: region.first - 1], lines[region.last :]
        if region.in_function:
            indent = lines[region.first - 1][0][: region.column]  # as written: a tab stays a tab
            unwritten = f'raise NotImplementedError("{region.name} is not written yet")'
            lines = [*before, (f"{indent}# YOUR CODE HERE", region.first), (indent + unwritten, region.first), *after]
        else:
            lines = _joined(before, after)
    return lines


def _joined(before: list[Line], after: list[Line]) -> list[Line]:
    """The lines around a region that vanished, with the larger of the two gaps between them, and none at the ends."""
    head, tail = list(before), list(after)
    while head and not head[-1][0].strip():
        head.pop()
    while tail and not tail[0][0].strip():
        tail.pop(0)
    if not head:
        return tail or [("", 1)]
    last = head[-1][1]
    if not tail:
        return [*head, ("", last)]
    gap = max(len(before) - len(head), len(after) - len(tail))
    return [*head, *[("", last)] * gap, *tail]
