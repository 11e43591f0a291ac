"""compare50 (https://cs50.readthedocs.io/projects/compare50): its command line, and the pages that it writes.

It writes no table. The score on its first page is relative to one run, so what is read is the share of each side that matches, from the head of
each `match_<n>.html`, in the view by structure, which ranks them: `<div … id="structuresub_names">` with `<h5>submissions/ada (87%)</h5>` twice.
How alike two answers are is the mean of the two shares.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from autograder.integrations.similar import tool
from autograder.integrations.similar.answers import STUB, Exported
from autograder.integrations.similar.dolos import Found
from autograder.report.pairs import PairsError

COMMAND = "compare50"
OUTPUT = "compare50"
INSTALL = "pip install compare50, in an environment of its own"
MOST = 100
"""Pairs that it writes a page of, the most alike. A page is two thirds of a megabyte."""
_HEAD = re.compile(r"(?P<path>.+) \((?P<share>\d+)%\)", re.DOTALL)


def arguments(exported: Exported) -> list[str]:
    return [COMMAND, *exported.folders, "-d", STUB, "-o", OUTPUT, "-n", str(MOST)]


def look(exported: Exported) -> str:
    return str(exported.folder / OUTPUT / "index.html")


def compare(path: str, exported: Exported) -> tuple[list[Found], float | None]:
    """Run it; the pairs. It does not say enough to know what is usual. Raises `PairsError`."""
    tool.emptied(exported.folder / OUTPUT)
    tool.run(path, arguments(exported), exported.folder)
    return outcome(exported)


def outcome(exported: Exported) -> tuple[list[Found], float | None]:
    """The pairs in what it wrote; it writes nothing where nothing is alike. Raises `PairsError`."""
    pages = sorted((exported.folder / OUTPUT).glob("match_*.html"))
    return [pair for file in pages if (pair := read(file, exported)) is not None], None


def read(file: Path, exported: Exported) -> Found | None:
    """The pair of one page, None where one side is not of the export. Raises `PairsError`."""
    page = _Heads()
    try:
        page.feed(file.read_text("utf-8", "replace"))
    except OSError as error:
        raise PairsError(f"{file} can't be read: {error.strerror}") from None
    heads = [_HEAD.fullmatch(" ".join(head.split())) for head in page.heads]
    if len(heads) != 2 or not all(heads):
        raise PairsError(f"{file} does not begin as compare50 1.2 writes it: two names with the share that matches")
    names = [exported.name_in(head["path"]) for head in heads if head is not None]
    shares = [int(head["share"]) / 100 for head in heads if head is not None]
    one, other = names
    return None if one is None or other is None else (one, other, round(sum(shares) / 2, 4))


class _Heads(HTMLParser):
    """The texts of the `h5` in the head of the view by structure. What students wrote stands escaped, and further down."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.heads: list[str] = []
        self._depth = 0  # of `div`s, within the head
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "div" and (self._depth or dict(attrs).get("id") == "structuresub_names"):
            self._depth += 1
        elif tag == "h5" and self._depth:
            self.heads.append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._depth:
            self._depth -= 1
        elif tag == "h5":
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.heads[-1] += data
