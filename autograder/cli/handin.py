"""Commands for students around handing in: pack, update."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course
from autograder.refusals import Refused

_MILD = ("not finished", "noted")


def register(app: typer.Typer) -> None:
    for command in (pack, update):
        app.command(rich_help_panel=STUDENTS)(command)


def pack(
    exercises: Annotated[
        list[str] | None, typer.Argument(help="Exercises, topics or modules; the whole course by default.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The zip to write.")] = Path("submission.zip"),
    course: CourseOption = None,
) -> None:
    """Write the zip to hand in, and say what in it would cost points: not begun, not finished, forbidden, too large.

    Nothing is run, and half-done work is packed too. Whether it is right: `autograder check`.
    """
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.grading.student import untouched
    from autograder.release.pack import pack as write

    root, loaded = open_course(course)
    if not (root / "assignments").is_dir():
        raise Refused(f"There is no assignments/ in {root}: this is not a student's copy of the course.")
    chosen = loaded.match(exercises or [])
    packed = write(root, loaded, chosen, output.resolve(), lambda exercise, text: untouched(root, exercise, text))
    out = console()
    for note in packed.notes:
        if note.kind != "not begun":
            out.print(visible(f"{note.exercise}: {note.text}."), style="yellow" if note.kind in _MILD else "red")
    begun = [note.exercise for note in packed.notes if note.kind == "not begun"]
    if begun:
        shown = ", ".join(begun[:8]) + (f" and {len(begun) - 8} more" if len(begun) > 8 else "")
        out.print(f"Not begun: {shown}.", style="dim")
    out.print(f"{output}: {len(packed.files)} files, {len(packed.ready)} of {len(chosen)} exercises written.")
    out.print(f"Its number, to find it again: {packed.hash[:12]}. Hand in this file.", style="dim")


def update(
    source: Annotated[Path, typer.Argument(help="The new version of the course: a folder, or the zip you downloaded.")],
    course: CourseOption = None,
) -> None:
    """Replace everything of the course but your own work by a new version, and say which signatures have changed."""
    from autograder.course.load import find_root
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.release.update import update as bring

    root = find_root(course)
    done = bring(root, source)
    out = console()
    for sentence in done.signatures:
        out.print(visible(sentence), style="yellow")
    for name in done.set_aside:
        out.print(visible(f"You had changed a file of the course: yours is now {name}."), style="yellow")
    for name in done.gone:
        out.print(visible(f"{name} is no longer part of the course; your file stays where it is."), style="yellow")
    counts = f"{len(done.replaced)} files replaced, {len(done.added)} new, {len(done.removed)} gone"
    out.print(f"Version {done.before} → {done.after}: {counts}; {len(done.kept)} of your own files left as they are.")
    if done.replaced or done.added:
        out.print(
            "If constraints.txt or pyproject.toml changed, install again: make setup, or as README.md says.",
            style="dim",
        )
