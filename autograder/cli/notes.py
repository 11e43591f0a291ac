"""What a student should know beside the verdicts of `check`, and what brings it in order again: `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import STUDENTS, CourseOption

if TYPE_CHECKING:
    from autograder.course import Course, Exercise
    from autograder.results import Message

SHOWN = 4


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(restore)


def notes(root: Path, course: Course, exercises: list[Exercise], problems: list[Message]) -> list[str]:
    """Sentences about files of the course that were changed, imports that will fail when the work is graded, and exercises that are
    answered twice (`problems` of the work as a whole)."""
    from autograder.feedback import messages
    from autograder.release.edited import edited, of_exercise

    names = [name for exercise in exercises for name in of_exercise(exercise.name)]
    changed = edited(root, dict.fromkeys(names))
    said = []
    if changed:
        said.append(
            f"{_listed(changed)} {'is' if len(changed) == 1 else 'are'} not as the course gave it: what is said above may be "
            "wrong. `autograder restore` brings it back. For cases of your own: `autograder own EXERCISE`."
        )
    chosen = {exercise.name for exercise in exercises}
    twice = [each for each in problems if each.id == "submission.two-answers" and each.values.get("exercise") in chosen]
    said += [f"{messages.text(each)} {messages.hint(each)}" for each in twice]
    return said + [sentence for exercise in exercises for sentence in _absent(root, course, exercise)]


def _absent(root: Path, course: Course, exercise: Exercise) -> list[str]:
    from autograder.grading.student import expected_plan
    from autograder.local.packages import absent
    from autograder.plan import PlanError, load_plan

    path = exercise.assignment_file(root)
    try:
        text = path.read_text(encoding="utf-8-sig")
        stub = load_plan(expected_plan(root, exercise)).stub
    except (OSError, UnicodeDecodeError, PlanError):
        return []
    found = absent(text, course.packages, stub)
    where = path.relative_to(root).as_posix()
    return [
        f"{where}:{each.line} imports {each.name}, which will not be there when your work is graded: then no check passes. "
        f"There are Python's own library, {', '.join(course.packages)}; and each exercise is one file."
        for each in found
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
