"""What fits into a table on a terminal: whole columns, as many as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

GAP = 3
"""Cells of a terminal between two columns of our tables: a blank, the box's own, a blank."""
EDGES = 2
"""Cells left and right of a table."""


def widest(head: str, cells: Sequence[str]) -> int:
    """The width of a column that breaks nothing, in cells of a terminal."""
    return max(cell_len(text) for text in (head, *cells))


def fitting(widths: Sequence[int], room: int) -> int:
    """How many of the columns, the first ones, fit into `room` beside what is there already."""
    used = 0
    for count, width in enumerate(widths):
        used += GAP + width
        if used > room:
            return count
    return len(widths)


def part(whole: int, width: int | None, least: int) -> int:
    """What a column of words gets that is `whole` cells wide: at most a third of a table of `width`, but `least` that a person can read."""
    return whole if width is None else min(whole, max(width // 3, least))
