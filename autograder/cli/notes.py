"""What a student should know beside the verdicts of `check`, and what brings it in order again: `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import STUDENTS, CourseOption

if TYPE_CHECKING:
    from autograder.course import Course, Exercise, SubmittedFile
    from autograder.grading.student import StudentChecker

SHOWN = 4


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(restore)


def notes(root: Path, course: Course, exercises: list[Exercise], checker: StudentChecker) -> list[str]:
    """Sentences about files of the course that were changed, imports that will fail when the work is graded, exercises that are
    answered twice, helpers that are left out, and answers that `pack` does not hand in: of the work that `checker` has opened."""
    from autograder.release.edited import edited, of_exercise
    from autograder.release.pack import noted

    names = [name for exercise in exercises for name in of_exercise(exercise.name)]
    changed = edited(root, dict.fromkeys(names))
    said = []
    if changed:
        said.append(
            f"{_listed(changed)} {'is' if len(changed) == 1 else 'are'} not as the course gave it: what is said above may be "
            "wrong. `autograder restore` brings it back. For cases of your own: `autograder own EXERCISE`."
        )
    said += [f"{sentence}." for exercise in exercises for sentence in noted(checker.problems, exercise)]
    answers = [checker.files[exercise.name] for exercise in exercises if exercise.name in checker.files]
    said += [sentence for file in answers for sentence in _not_packed(file)]
    return said + [sentence for file in answers for sentence in _absent(root, course, file)]


def _not_packed(file: SubmittedFile) -> list[str]:
    from autograder.release.pack import packed_places

    places = packed_places(file.exercise)
    if file.text is None or file.file in places:
        return []
    return [
        f"{file.exercise} was checked in {file.file}, which `autograder pack` leaves out: it hands in {' and '.join(places)}. "
        "Move your answer there."
    ]


def _absent(root: Path, course: Course, file: SubmittedFile) -> list[str]:
    from autograder.course.stubs import stub_of
    from autograder.local.packages import absent

    stub = stub_of(root, file.exercise)
    found = absent(file.text, course.packages, stub) if file.text is not None and stub is not None else []
    places = [(*file.where(each.line), each.name) for each in found]
    return [
        f"{where}:{line} imports {name}, which will not be there when your work is graded: then no check passes. "
        f"There are Python's own library, {', '.join(course.packages)}; and each exercise is one file."
        for where, line, name in places
    ]


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def restore(
    files: Annotated[
        list[str] | None, typer.Argument(help="Files of the course, as `assignments/x/test_y.py`; all, by default.")
    ] = None,
    course: CourseOption = None,
) -> None:
    """Bring back files of the course that you have changed, such as a test. Your own work is not touched.

    They come from the history of your git repository. Where it does not have them, `autograder update` brings them.
    """
    from autograder.course.load import find_root
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.release.edited import edited
    from autograder.release.edited import restore as bring_back

    root = find_root(course)
    wanted = [Path(each).absolute() for each in files or []]
    names = [path.relative_to(root.absolute()).as_posix() for path in wanted if path.is_relative_to(root.absolute())]
    changed = edited(root, names or None)
    out = console()
    if not changed:
        out.print("Every file of the course is as it was released." if not names else "Nothing to bring back.")
        return
    done, missing = bring_back(root, changed)
    for name in done:
        out.print(visible(f"{name} is as the course gave it."))
    if missing:
        out.print(
            visible(
                f"Not in your repository's history: {_listed(missing)}. Get the course's newest version, and run: "
            ),
            style="yellow",
        )
        out.print("autograder update FOLDER-OR-ZIP", style="yellow")
        raise typer.Exit(1)
