"""A submitted notebook as formgrader and feedback show it, built anew from the released one.

formgrader renders what is in `autograded/` in the browser of the person who grades, who is signed in there: whatever runs in that
page can change grades. And nbgrader takes points, ids and locks from a cell's metadata. So nothing but text is taken
over from a student's notebook: no outputs, no metadata, no attachments. Locked cells are the released ones. Markdown of theirs keeps
its form but can hold no HTML; where it could hide an address that runs code, it is shown as it was typed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from autograder.course.notebook import Cell, exercises_of
from autograder.feedback.escape import fence, visible
from autograder.integrations.nbgrader.released import Released, source_of

MAX_CELLS = 500
MAX_CHARACTERS = 100_000  # of a cell
State = Literal["answered", "unchanged", "missing"]
MISSING = "This cell is not in what was handed in."
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_RUNS = re.compile(r"(?:java|vb)script\W*:|\bdata\W*:|\\(?:href|require|def|newcommand|let)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Rebuilt:
    """The notebook in nbformat 4.5, and what of the cells for a person was answered, as it is shown."""

    notebook: dict[str, Any]
    manual: dict[str, tuple[State, str]] = field(default_factory=dict)


def rebuild(released: Released, submitted: Sequence[Cell], outputs: Mapping[str, str]) -> Rebuilt:
    """`submitted` are the student's cells (none when they can't be read); `outputs` is Markdown to show below a cell, by its id."""
    masters = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in released.cells}
    owners = _owners(released, masters, submitted)
    order: list[str | Cell] = []
    for index, cell in enumerate(submitted):
        order.append(owners[index]) if index in owners else order.append(cell)
    _insert_missing(order, list(masters))
    texts = {id: submitted[index].text for index, id in owners.items()}

    cells: list[dict[str, Any]] = []
    manual: dict[str, tuple[State, str]] = {}
    free = 0
    for each in order:
        if isinstance(each, str):
            made = _known(masters[each], texts.get(each), outputs.get(each, ""))
            if each in released.manual:
                manual[each] = (_state(masters[each], texts.get(each)), made["source"])
            cells.append(made)
        elif free < MAX_CELLS:
            free += 1
            cells.append(
                _cell(each.cell_type if each.cell_type == "code" else "markdown", _safe(each.cell_type, each.text))
            )
    left = sum(not isinstance(each, str) for each in order) - free
    if left:
        cells.append(_cell("markdown", f"{left} more cells of their own are not shown."))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"kernelspec": released.metadata["kernelspec"]} if "kernelspec" in released.metadata else {}
    return Rebuilt({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, manual)


def _owners(released: Released, masters: Mapping[str, dict[str, Any]], submitted: Sequence[Cell]) -> dict[int, str]:
    """Which of the student's cells stands for which released one, by index; each stands for one at most.

    A stub's is found by its tag, as the engine finds what it grades; of a cell that was split, the first part gets the name. The
    others are found by nbgrader's id; of several answers the last counts, as with nbgrader.
    """
    found: dict[str, int] = {}
    stubs = set(released.stubs.values())
    for index, cell in enumerate(submitted):
        tagged = [released.stubs[name] for name in exercises_of(cell) if name in released.stubs]
        if cell.cell_type == "code" and tagged:
            found.setdefault(tagged[0], index)
        elif (id := cell.grade_id) in masters and id not in stubs and not tagged:
            if _locked(masters[id]):
                found.setdefault(id, index)
            else:
                found[id] = index
    return {index: id for id, index in found.items()}


def _insert_missing(order: list[str | Cell], ids: list[str]) -> None:
    """Put the released cells that are not there where they were: after the one before them."""
    for place, id in enumerate(ids):
        if id not in order:
            order.insert(order.index(ids[place - 1]) + 1 if place else 0, id)


def _known(master: dict[str, Any], text: str | None, output: str) -> dict[str, Any]:
    kind = master["cell_type"]
    if _locked(master):
        source = source_of(master)
    elif text is None:
        source = f"# {MISSING}" if kind == "code" else f"*{MISSING}*"
    else:
        source = _safe(kind, text)
    made = _cell(kind, source, {"nbgrader": dict(master["metadata"]["nbgrader"])})
    if output and kind == "code":
        data = {"text/markdown": output, "text/plain": output}
        made["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
    return made


def _locked(master: Mapping[str, Any]) -> bool:
    about = master["metadata"]["nbgrader"]
    return not about.get("solution") and bool(about.get("locked") or about.get("grade"))


def _state(master: Mapping[str, Any], text: str | None) -> State:
    if master["metadata"]["nbgrader"].get("task") or _locked(master):
        return "answered"  # there is nothing in the cell itself to see it by
    if text is None:
        return "missing"
    return "unchanged" if text == source_of(master) else "answered"


def _cell(kind: str, source: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "metadata": metadata or {}, "source": source}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    return made


def _safe(kind: str, text: str) -> str:
    """Text of theirs that does nothing where it is rendered."""
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS] + f"\n… {len(text) - MAX_CHARACTERS} more characters"
    text = visible(text, lines=True)
    if kind == "code":
        return text
    plain = text
    for _ in range(3):  # an entity may be written with entities
        plain = html.unescape(plain)
    if kind != "markdown" or _RUNS.search(re.sub(r"[\s\x00-\x1f\\]", "", plain)) or _RUNS.search(plain):
        return fence(text)
    return _TAG.sub("< ", text)
