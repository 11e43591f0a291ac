"""What would change, as a table and a few sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich import box
from rich.table import Table

from autograder.feedback.pen import Pen
from autograder.integrations.canvas_api.grades import Change

SHOWN = 20


def table(changes: Sequence[Change], encoding: str | None = None) -> Table | None:
    """A row for each grade that is to be sent, or stays because somebody entered it; None where there is none."""
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    listed = [each for each in changes if each.sends or each.kind == "by hand"]
    if not listed:
        return None
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("student", "assignment", "Canvas", "new", ""):
        made.add_column(name, justify="right" if name in ("Canvas", "new") else "left", overflow="fold")
    for each in listed:
        made.add_row(
            pen.line(each.student),
            pen.line(each.assignment.name),
            pen.line(each.old or "-"),
            pen.line(each.new if each.kind != "same" else "as it is", "bold" if each.kind == "send" else "dim"),
            pen.line(", ".join(_remarks(each)), "yellow" if each.kind == "by hand" else ""),
        )
    return made


def lines(changes: Sequence[Change], comments: bool) -> list[str]:
    """How many of each kind, and whose grades stay as somebody entered them."""
    counts = [_counted(sum(each.kind == "send" for each in changes), "grade to send", "grades to send")]
    if comments:
        counts.append(_counted(sum(bool(each.comment) for each in changes), "comment to send", "comments to send"))
    same = sum(each.kind == "same" for each in changes)
    said = [", ".join([*counts, _counted(same, "is as it should be", "are as they should be")]) + "."]
    by_hand = [each.student for each in changes if each.kind == "by hand"]
    if by_hand:
        was = _counted(len(by_hand), "was entered or changed", "were entered or changed")
        stays = "stays as it is" if len(by_hand) == 1 else "stay as they are"
        said.append(
            f"{was} in Canvas by somebody, and {stays}: {names(by_hand)}. --overwrite replaces what stands there."
        )
    return said


def names(ids: Sequence[str]) -> str:
    """The first of them, and how many more."""
    return ", ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _remarks(change: Change) -> list[str]:
    found = ["entered in Canvas: stays"] if change.kind == "by hand" else []
    found += ["comment"] if change.comment else []
    return found + ([f"{change.pending} points pending"] if change.pending else [])
