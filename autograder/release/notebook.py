"""One notebook a topic: for each exercise the task, the stub in a cell of its own, and a cell that runs its checks.

A stub's cell holds exactly the text of the stub file and is tagged `exercise:<topic>/<slug>`, so that a notebook grades
like the `.py` files. Ids and order of cells follow from the exercises alone: the same course gives the same bytes.

The same file is a notebook for nbgrader and for otter, who look for what is theirs in the metadata:

    cell    nbgrader (schema version 3; the grade id is the cell's id)    otter
    task    locked
    stub    solution
    check   grade, locked, points of the exercise                         not run: tagged `otter_ignore`
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograder.release.render import render
from autograder.release.topics import Exercise, Topic
from autograder.source.parsing import parse

if TYPE_CHECKING:  # students, who have no nbformat, read releases by what is beside this
    import nbformat

CHECK = 'from autograder.integrations.notebook import check; check("{name}")'


def topic_notebook(
    topic: Topic, stubs: Mapping[str, str], *, shared: str = "", tried: Mapping[str, str] | None = None
) -> bytes:
    """The notebook of `topic` as the bytes of its file.

    `stubs` maps each exercise's name to the text of its stub. `shared` is code for a cell tagged `shared`, which becomes
    part of every exercise; stubs bring their own imports, so few topics need it. `tried` maps exercises to the code that
    uses what students wrote on something real: a cell below the checks, which nobody grades.
    """
    cells = [_text("title", render("notebook_title.md.j2", topic=topic).rstrip("\n"))]
    if shared:
        cells.append(_code("shared", shared, ["shared"]))
    for exercise in topic.exercises:
        stub = stubs[exercise.name]
        cells += [
            _text(_cell_id(exercise, "task"), task(exercise, stub), locked=True),
            _code(_cell_id(exercise, "code"), stub, [f"exercise:{exercise.name}"], solution=True),
            _code(
                _cell_id(exercise, "check"),
                CHECK.format(name=exercise.name),
                ["check", "otter_ignore"],
                grade=True,
                locked=True,
                points=exercise.points,
            ),
        ]
        if code := (tried or {}).get(exercise.name):
            cells.append(_code(_cell_id(exercise, "try"), code, ["try", "otter_ignore"]))
    return to_bytes(cells, assignment=topic.name)


def task(exercise: Exercise, stub: str) -> str:
    """The Markdown of an exercise: its title, what the stub's module docstring says, and where the lecture is."""
    docstring = inspect.cleandoc(ast.get_docstring(parse(stub), clean=False) or "")
    return render("notebook_task.md.j2", exercise=exercise, description=docstring).rstrip("\n")


def to_bytes(cells: Sequence[nbformat.NotebookNode], *, assignment: str = "") -> bytes:
    """A valid notebook of `cells`; nothing in it says when, where or with which Python it was made.

    `assignment` is what otter calls it: its `assignment_name`.
    """
    import nbformat
    from nbformat import v4

    notebook = v4.new_notebook(
        cells=list(cells),
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            **({"otter": {"assignment_name": assignment}} if assignment else {}),
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


def _text(cell_id: str, source: str, **nbgrader: Any) -> nbformat.NotebookNode:
    from nbformat import v4

    return v4.new_markdown_cell(source, id=cell_id, metadata=_nbgrader(cell_id, nbgrader))


def _code(cell_id: str, source: str, tags: Sequence[str], **nbgrader: Any) -> nbformat.NotebookNode:
    from nbformat import v4

    return v4.new_code_cell(source, id=cell_id, metadata={"tags": list(tags), **_nbgrader(cell_id, nbgrader)})


def _nbgrader(cell_id: str, roles: Mapping[str, Any]) -> dict[str, Any]:
    """What nbgrader keeps of a cell that has a role for it; nothing for the others."""
    if not roles:
        return {}
    plain = {
        "schema_version": 3,
        "grade_id": cell_id,
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
    }
    return {"nbgrader": {**plain, **roles}}
