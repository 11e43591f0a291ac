"""The line of each key in a TOML file, which `tomllib` does not tell.

Only headers and keys at the start of a line are looked for; text inside multi-line strings and arrays is stepped over. The
file is known to be valid TOML when this runs. A place that is not found is left out: no line is better than a wrong one.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_KEY = r'(?:[A-Za-z0-9_-]+|"[^"\n]*"|\'[^\'\n]*\')'
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]', re.DOTALL
)


def lines(text: str) -> dict[Path, int]:
    """Line numbers, from 1, by path: `("module", 0, "exercise", 1, "points")`."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            table = _table(_split(header[2]), header[1] == "[[", counts)
            found.setdefault(table, number)
        elif key := _ASSIGNMENT.match(line):
            path = table
            for part in _split(key[1]):
                path = (*path, part)
                found.setdefault(path, number)
    return found


def _table(parts: list[str], is_array: bool, counts: dict[Path, int]) -> Path:
    path: Path = ()
    for depth, part in enumerate(parts):
        path = (*path, part)
        if is_array and depth == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:  # a header names the newest element of the arrays above it
            path = (*path, counts[path])
    return path


def _statements(text: str) -> list[tuple[int, str]]:
    """The lines that begin outside of any string or bracket of an earlier line."""
    covered: set[int] = set()
    depth, opened = 0, 0
    for token in _TOKEN.finditer(text):
        piece = token[0]
        line = text.count("\n", 0, token.start()) + 1
        if piece in "[{":
            depth, opened = depth + 1, opened if depth else line
        elif piece in "]}":
            depth -= 1
            if depth == 0:
                covered.update(range(opened + 1, line + 1))
        elif "\n" in piece:
            covered.update(range(line + 1, line + piece.count("\n") + 1))
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if number not in covered]


def _split(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_KEY, dotted)]
