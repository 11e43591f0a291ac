"""Tables as spreadsheets write them: which character separates the cells, and Excel's first line that says so."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SAID = re.compile(r'"?sep=(?P<by>[,;\t|])"?[ \t,;|]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """The text of a CSV file, without a first line that is not of the table, and how to read it."""

    text: str
    delimiter: str
    skipped: int  # lines before `text`

    def dicts(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Rows by the names of the first line, with their line's number."""
        reader = csv.DictReader(io.StringIO(self.text, newline=""), delimiter=self.delimiter, skipinitialspace=True)
        for row in reader:
            cells = {
                (name or "").strip().lower(): (cell or "").strip() for name, cell in row.items() if name is not None
            }
            yield reader.line_num + self.skipped, cells


def table(text: str) -> Table:
    """How to read `text`: by what its first line says (`sep=;`), else by the separator that its head has most of."""
    text = text.removeprefix("\ufeff")
    if said := _SAID.match(text):
        return Table(text[said.end() :], said["by"], 1)
    head = text.lstrip("\r\n").partition("\n")[0]
    return Table(text, max(",;\t", key=lambda each: (head.count(each), each == ",")), 0)
