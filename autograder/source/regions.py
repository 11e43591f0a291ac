"""The regions of a reference solution that students write, found with Python's own tokens and syntax tree.

A marker in a string is no marker. A region that cuts a statement in two, holds half of an `if`, or stands at another
indentation than its code is refused: what would be left could say something else, or keep a part of the answer.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.source.errors import ReleaseError

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
LOOKS_LIKE_MARKER = re.compile(r"#[#\s]*(BEGIN|END)[\s_-]*SOLUTION", re.IGNORECASE)
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef)

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

    @property
    def name(self) -> str:
        """Of the function or class around it, qualified: `Table.area`."""
        return ".".join(scope.name for scope in self.scopes)


def find_regions(source: str, tree: ast.Module, file: str) -> list[Region]:
    """The regions of `source`, whose syntax tree is `tree`, from top to bottom; raises `ReleaseError`."""
    tokens = _tokens(source, file)
    return [_locate(region, tree, tokens, file) for region in _pairs(tokens, file)]


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


def _pairs(tokens: Sequence[tokenize.TokenInfo], file: str) -> Iterator[Region]:
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
