"""A reference solution with the parts that students write taken out.

`# BEGIN SOLUTION` and `# END SOLUTION` stand on lines of their own, at the indentation of the code between them. Inside a
function the region becomes a `raise NotImplementedError`; at module or class level (helpers of the reference) it vanishes.
Everything outside the regions stays byte for byte, but for blank lines next to a region that vanished.

Where a region lies is read from Python's own tokens and syntax tree, never guessed from text: a marker in a string is no
marker, and a region that cuts a statement in two, or whose neighbours could keep a part of the answer, is refused.
"""

from __future__ import annotations

import ast
import io
import re
import symtable
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.release.errors import ReleaseError

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
LOOKS_LIKE_MARKER = re.compile(r"#[#\s]*(BEGIN|END)[\s_-]*SOLUTION", re.IGNORECASE)
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef)

Line = tuple[str, int]  # its text, its number in the solution
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Marker:
    text: str
    line: int
    column: int


@dataclass(frozen=True)
class Region:
    """The lines from one BEGIN to its END, both included; `scopes` are the classes and functions around them."""

    first: int
    last: int
    column: int
    scopes: tuple[Scope, ...] = ()

    @property
    def in_function(self) -> bool:
        return bool(self.scopes) and isinstance(self.scopes[-1], FUNCTIONS)


def make_stub(source: str, *, file: str = "solution.py") -> str:
    """The stub that students get for the reference `source`; raises `ReleaseError` with file and line.

    `file` is the name used in errors. The text returned compiles and holds nothing of what stood between markers.
    """
    source = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tree = _parse(source, file, "the solution is not valid Python")
    tokens = _tokens(source, file)
    regions = [_locate(region, tree, tokens, file) for region in _regions(tokens, file)]
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


# ---------------------------------------------------------------- markers


def _tokens(source: str, file: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError) as error:  # `ast.parse` accepted it: not known to happen
        raise ReleaseError(f"the solution can't be read as Python: {error}", file=file) from None


def _markers(tokens: Sequence[tokenize.TokenInfo], file: str) -> Iterator[Marker]:
    for token in tokens:
        if token.type != tokenize.COMMENT or not LOOKS_LIKE_MARKER.match(token.string):
            continue
        line, column = token.start
        text = token.string.rstrip()
        if text not in (BEGIN, END):
            raise ReleaseError(f"{text!r} is not a marker. Write exactly {BEGIN!r} or {END!r}.", file=file, line=line)
        if token.line[:column].strip():
            raise ReleaseError(f"{text!r} stands behind code. Give it a line of its own.", file=file, line=line)
        yield Marker(text, line, column)


def _regions(tokens: Sequence[tokenize.TokenInfo], file: str) -> Iterator[Region]:
    begin: Marker | None = None
    for marker in _markers(tokens, file):
        if marker.text == BEGIN:
            if begin is not None:
                raise ReleaseError(
                    f"{BEGIN!r} inside the region that begins in line {begin.line}. Regions can't be nested: "
                    f"end that one first.",
                    file=file,
                    line=marker.line,
                )
            begin = marker
        elif begin is None:
            raise ReleaseError(f"{END!r} without a {BEGIN!r} before it.", file=file, line=marker.line)
        else:
            if marker.column != begin.column:
                raise ReleaseError(
                    f"{END!r} is indented otherwise than its {BEGIN!r} in line {begin.line}. Both stand at the "
                    f"indentation of the code between them.",
                    file=file,
                    line=marker.line,
                )
            yield Region(begin.line, marker.line, begin.column)
            begin = None
    if begin is not None:
        raise ReleaseError(f"{BEGIN!r} without an {END!r} after it.", file=file, line=begin.line)


# ---------------------------------------------------------------- where a region lies


def _locate(region: Region, tree: ast.Module, tokens: Sequence[tokenize.TokenInfo], file: str) -> Region:
    """`region` with the classes and functions around it, after making sure that it holds whole statements of one block."""
    if all(token.type in LAYOUT for token in tokens if region.first < token.start[0] < region.last):
        raise ReleaseError(f"there is no code between this {BEGIN!r} and its end.", file=file, line=region.first)
    block: list[ast.stmt] = tree.body
    scopes: list[Scope] = []
    while True:
        touched = [node for node in block if _touches(node, region)]
        inside = [node for node in touched if _first_line(node) > region.first and _last_line(node) < region.last]
        if touched and touched == inside:
            break
        blocks = [child for node in touched for child in _blocks(node) if any(_touches(n, region) for n in child)]
        if len(touched) != 1 or len(blocks) != 1 or _first_line(touched[0]) > region.first:
            raise ReleaseError(
                f"the region from here to line {region.last} does not hold whole statements of one block.",
                file=file,
                line=region.first,
            )
        if isinstance(touched[0], SCOPES):
            scopes.append(touched[0])
        block = blocks[0]
    if inside[0].col_offset != region.column:
        raise ReleaseError(f"{BEGIN!r} is not at the indentation of the code below it.", file=file, line=region.first)
    _require_only_statements(region, inside, tokens, file)
    return Region(region.first, region.last, region.column, tuple(scopes))


def _require_only_statements(
    region: Region, inside: Sequence[ast.stmt], tokens: Sequence[tokenize.TokenInfo], file: str
) -> None:
    """Refuse a region with `else:` or the like in it: without that line the rest would mean something else."""
    for token in tokens:
        line = token.start[0]
        if token.type in LAYOUT or not region.first < line < region.last:
            continue
        if not any(_first_line(node) <= line <= _last_line(node) for node in inside):
            raise ReleaseError(
                f"the region holds a part of the statement around it ({token.line.strip()!r}).", file=file, line=line
            )


def _first_line(node: ast.stmt) -> int:
    decorators = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    return min([node.lineno, *decorators])


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _touches(node: ast.stmt, region: Region) -> bool:
    return _first_line(node) <= region.last and _last_line(node) >= region.first


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The statement lists directly below `node`: bodies, `else`, `finally`, handlers, `match` cases."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
    for name in ("handlers", "cases"):
        for child in getattr(node, name, []):
            yield child.body


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
        f"{_qualified(region.scopes)} has no docstring outside its solution. It is all that students have to go by: say "
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
            return ast.parse(source)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte
        line = getattr(error, "lineno", None)
        if line and origin:
            line = origin[min(line, len(origin)) - 1]
        reason = getattr(error, "msg", None) or str(error)
        text = getattr(error, "text", None) or ""
        where = f", at {text.strip()!r}" if text.strip() else ""
        raise ReleaseError(f"{problem}: {reason}{where}.", file=file, line=line) from None


# ---------------------------------------------------------------- cutting


def _qualified(scopes: Sequence[Scope]) -> str:
    return ".".join(scope.name for scope in scopes)


def _cut(source: str, regions: Sequence[Region]) -> list[Line]:
    # Not `splitlines`: Python ends a line at \n only, that one also at \f and \u2028.
    lines = [(text, number) for number, text in enumerate(source.split("\n"), start=1)]
    for region in reversed(regions):
        before, after = lines[: region.first - 1], lines[region.last :]
        if region.in_function:
            indent = lines[region.first - 1][0][: region.column]  # as written: a tab stays a tab
            unwritten = f'raise NotImplementedError("{_qualified(region.scopes)} is not written yet")'
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
