"""Ways to put texts beside and below each other in a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def indented(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2), expand=False)


def split(left: Text, right: Text) -> RenderableType:
    """One text at the left edge, one at the right."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_row(left, right)
    return table


def hanging(sign: Text, text: Text) -> RenderableType:
    """A sign, then text whose further lines start under its first."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(sign, text)
    return table


def labelled(label: Text, text: Text, width: int = 0) -> RenderableType:
    """A label in a column of fixed width (a longer one gets what it needs), then the text."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, min_width=width)
    table.add_column(overflow="fold")
    table.add_row(label, text)
    return table
