"""One notebook a topic: for each exercise the task, the stub in a cell of its own, and a cell that runs its checks.

A stub's cell holds exactly the text of the stub file and is tagged `exercise:<topic>/<slug>`, so that a notebook grades
like the `.py` files. Ids and order of cells follow from the exercises alone: the same course gives the same bytes.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import nbformat
from nbformat import v4

from autograder.release.render import render
from autograder.release.topics import Exercise, Topic

CellMetadata = Callable[[str, str], Mapping[str, Any]]
"""(kind, exercise) → metadata beside the tags; kinds are `title`, `shared`, `task`, `stub`, `check`."""

CHECK = 'from autograder.integrations.notebook import check; check("{name}")'


def topic_notebook(
    topic: Topic, stubs: Mapping[str, str], *, shared: str = "", metadata: CellMetadata | None = None
) -> bytes:
    """The notebook of `topic` as the bytes of its file.

    `stubs` maps each exercise's name to the text of its stub. `shared` is code for a cell tagged `shared`, which becomes
    part of every exercise; stubs bring their own imports, so few topics need it. `metadata` adds what other tools want to
    find in a cell (otter, nbgrader).
    """
    cells = [_cell("title", "", "title", render("notebook_title.md.j2", topic=topic).rstrip("\n"), [], metadata)]
    if shared:
        cells.append(_cell("shared", "", "shared", shared, ["shared"], metadata))
    for exercise in topic.exercises:
        stub = stubs[exercise.name]
        cells += [
            _cell("task", exercise.name, _cell_id(exercise, "task"), task(exercise, stub), [], metadata),
            _cell("stub", exercise.name, _cell_id(exercise, "code"), stub, [f"exercise:{exercise.name}"], metadata),
            _cell(
                "check",
                exercise.name,
                _cell_id(exercise, "check"),
                CHECK.format(name=exercise.name),
                ["check"],
                metadata,
            ),
        ]
    return to_bytes(cells)


def task(exercise: Exercise, stub: str) -> str:
    """The Markdown of an exercise: its title, what the stub's module docstring says, and where the lecture is."""
    docstring = inspect.cleandoc(ast.get_docstring(ast.parse(stub), clean=False) or "")
    return render("notebook_task.md.j2", exercise=exercise, description=docstring).rstrip("\n")


def to_bytes(cells: Sequence[nbformat.NotebookNode]) -> bytes:
    """A valid notebook of `cells`; nothing in it says when, where or with which Python it was made."""
    notebook = v4.new_notebook(
        cells=list(cells),
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    notebook.nbformat_minor = 5  # cell ids; a newer nbformat must not change the bytes
    nbformat.validate(notebook)
    return (nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n").encode()


def _cell_id(exercise: Exercise, kind: str) -> str:
    """Readable, the same every time, and within the 64 characters that notebooks allow."""
    slug = exercise.slug
    if len(slug) > 50:
        slug = f"{slug[:40]}-{hashlib.sha256(slug.encode()).hexdigest()[:8]}"
    return f"{slug}-{kind}"


def _cell(
    kind: str, exercise: str, cell_id: str, source: str, tags: Sequence[str], metadata: CellMetadata | None
) -> nbformat.NotebookNode:
    described: dict[str, Any] = {"tags": list(tags)} if tags else {}
    if metadata is not None:
        described.update(metadata(kind, exercise))
    make = v4.new_markdown_cell if kind in ("title", "task") else v4.new_code_cell
    return make(source, id=cell_id, metadata=described)
