"""Lines that only IPython understands, in the text of a cell."""

from __future__ import annotations

import re

_MAGIC = re.compile(r"\s*(?:[%!?]|[\w.\[\]]+\s*\?{1,2}\s*$|(?:\w[\w., \[\]]*=)\s*(?:!|%\s*[A-Za-z]))")
_SIGNS = re.compile(r"[%!?]")  # every magic has one of them
_PIECE = re.compile(r'#[^\n]*|"""|\'\'\'|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?|[\[\](){}]|\\\n|\n', re.DOTALL)
_CLOSERS = {quote: re.compile(r"\\.|" + quote, re.DOTALL) for quote in ('"""', "'''")}


def first_magic(source: str) -> int | None:
    """The first line (from 1) that only IPython understands: `%time`, `%%bash`, `!ls`, `x = !ls`, `help?`.

    A `%` may also begin the second line of an expression, or a line of a string, so only the beginnings of statements
    count. This looks at the text alone: a parser could be made to run out of stack, and the cell may not be Python at all.
    """
    line, depth, at = 1, 0, 0
    if not _SIGNS.search(source):
        return None
    if _MAGIC.match(source.partition("\n")[0]):
        return 1
    while piece := _PIECE.search(source, at):
        at, text = piece.end(), piece[0]
        if text in _CLOSERS:
            closer = next((each for each in _CLOSERS[text].finditer(source, at) if each[0] == text), None)
            if closer is None:
                return None
            line += source.count("\n", at, closer.end())
            at = closer.end()
        elif text in "([{":
            depth += 1
        elif text in ")]}":
            depth = max(depth - 1, 0)
        else:
            line += text.count("\n")
            if text == "\n" and not depth:
                end = source.find("\n", at)
                if _MAGIC.match(source[at : end if end >= 0 else len(source)]):
                    return line
    return None
