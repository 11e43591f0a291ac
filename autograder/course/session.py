"""What a notebook's session has and a module of its answer cells has not: imports of other cells, `display`, the course's `check`.

Found in the text alone, by lines at the top level of cells: a cell may be broken, and a parser could be made to run out of stack. Line
numbers stay those of the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_IMPORT = re.compile(
    r"^(?:import[ \t]++(?P<plain>[^\n#;()\\]++)|from[ \t]++(?P<package>[\w.]++)[ \t]++import[ \t]*+"
    r"(?:\((?P<many>[^)]*+)\)[ \t]*+|(?P<few>[^\n#;()\\]++)))(?:#[^\n]*+)?$",
    re.MULTILINE,
)
_FUTURE = re.compile(r"^from[ \t]++__future__[ \t]++import[ \t]++(?P<names>[\w, \t]++)(?:#[^\n]*+)?$", re.MULTILINE)
_BOUND = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_LOCAL = re.compile(r"\b(?:def|class)[ \t]+(\w+)|\b(\w+)[ \t]*=[^=]")
_TEXT = re.compile(r'"""[\s\S]*?"""|' r"'''[\s\S]*?'''|" r'"(?:\\.|[^"\\\n])*"|' r"'(?:\\.|[^'\\\n])*'|#[^\n]*")
_THE_COURSES = re.compile(r"\bfrom autograder\.integrations\.notebook import check\b(?!,)(?: as (\w+))?")
_IPYTHONS = re.compile(r"\bfrom IPython\.(?:core\.)?display import display\b(?!,)")
_SHOWS = "display"
_ASKS = "check"


@dataclass(frozen=True)
class Import:
    """An import at the top level of a cell: its line (from 0), its text, and the names that it brings."""

    line: int
    text: str
    names: frozenset[str]


def imports_in(cell: str) -> list[Import]:
    """What a module could need of a cell that is no part of it."""
    return [
        Import(cell.count("\n", 0, match.start()), match[0], frozenset(_bound_by(match)))
        for match in _IMPORT.finditer(cell)
        if match["package"] != "__future__" and not _THE_COURSES.match(match[0])
    ]


def only(imports: Iterable[Import], wanted: set[str]) -> str:
    """Those that bring one of the names `wanted`, each on its line of the cell; "" for none. What they bring is no longer wanted."""
    lines: dict[int, str] = {}
    for each in imports:
        if each.names & wanted:
            wanted -= each.names
            lines.update({each.line + index: line for index, line in enumerate(each.text.split("\n"))})
    return "\n".join(lines.get(index, "") for index in range(max(lines) + 1)) if lines else ""


def _bound_by(match: re.Match[str]) -> set[str]:
    """The names that an import brings."""
    listed = match["plain"] or match["many"] or match["few"] or ""
    found = set()
    for part in re.sub(r"#[^\n]*", "", listed).split(","):
        name, _, other = part.partition(" as ")
        found.add(other.strip() or (name.strip().partition(".")[0] if match["plain"] else name.strip()))
    return found


def names_in(text: str) -> set[str]:
    """The names in a text: words outside of imports, strings and comments that are no attribute of something."""
    return set(re.findall(r"(?<![\w.])[^\W\d]\w*", _TEXT.sub(" ", _IMPORT.sub("", text))))


def calls_in(text: str) -> set[str]:
    """The names that a text calls and does not define anywhere in it."""
    plain = _TEXT.sub(" ", text)
    called = set(re.findall(r"(?<![\w.])([^\W\d]\w*)[ \t]*\(", plain))
    bound = {name for pair in _LOCAL.findall(plain) for name in pair}
    return called - bound - bound_in(text)


def bound_in(text: str) -> set[str]:
    """Names that a text defines, assigns or imports at its top level."""
    found = {one or other for one, other in _BOUND.findall(text)}
    for match in _IMPORT.finditer(text):
        found |= _bound_by(match)
    return found


def without_session(texts: list[str], *, alone: bool) -> tuple[list[str], str]:
    """The texts of cells that become one module, without what only a notebook can do, and the line that has to stand before them.
    Unless they are `alone`, other lines come before them too.

    `from __future__` has to come first in a module; the course's `check` and IPython's `display` show something and do nothing else.
    """
    changed = []
    for text in texts:
        text = _THE_COURSES.sub(lambda match: f"{match[1] or _ASKS} = print", text)
        changed.append(_IPYTHONS.sub(f"{_SHOWS} = print", text))
    head = []
    called = [
        name for name in (_SHOWS, _ASKS) if any(re.search(rf"^[ \t]*{name}\(", each, re.MULTILINE) for each in changed)
    ]
    bound = bound_in("\n".join(changed)) if called else set()
    if shims := [name for name in called if name not in bound]:
        head.append(" = ".join([*shims, "print"]))
    if head or not alone or any(_FUTURE.search(text) for text in changed[1:]):
        names = [
            name.strip() for text in changed for match in _FUTURE.finditer(text) for name in match["names"].split(",")
        ]
        changed = [_FUTURE.sub("", text) for text in changed]
        head = ([f"from __future__ import {', '.join(dict.fromkeys(names))}"] if names else []) + head
    return changed, "; ".join(head)
