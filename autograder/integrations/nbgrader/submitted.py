"""What students handed in through nbgrader, as far as its cells have names: read within bounds, since anything may be in it."""

from __future__ import annotations

from pathlib import Path

from autograder.course.bounded import Bounded, Stopped
from autograder.course.folder import FolderTree
from autograder.course.notebook import MAX_BYTES, Cell, read_cells


def submitted_cells(folder: Path, names: list[str], bounded: Bounded) -> dict[str, list[Cell]]:
    """The cells of a student's notebooks; none of one that is missing or can't be read, which the result says already."""
    try:
        return bounded.call(read_submitted, folder, names, into=dict[str, list[Cell]])
    except Stopped:
        return {name: [] for name in names}


def read_submitted(folder: Path, names: list[str]) -> dict[str, list[Cell]]:
    tree = FolderTree(folder)
    try:
        files = {entry.name for entry in (tree.entries() if tree.broken is None else []) if entry.kind == "file"}
        wanted = {f"{name}.ipynb": MAX_BYTES for name in names if f"{name}.ipynb" in files}
        data = tree.read(wanted) if wanted else {}
    finally:
        tree.close()
    found: dict[str, list[Cell]] = {}
    for name in names:
        content = data.get(f"{name}.ipynb")
        cells = read_cells(content, name) if isinstance(content, bytes) else []
        found[name] = cells if isinstance(cells, list) else []
    return found
