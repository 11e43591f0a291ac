"""What commands share: finding the course, options, and sentences for what may go wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autograder.course import Course

CourseOption = Annotated[
    Path | None,
    typer.Option("--course", help="Folder of the course. By default the nearest one above that has a grading.toml."),
]
_WORDS = frozenset({"--why", "--until", "--by", "--note"})
STUDENTS, INSTRUCTORS, AUTHORS = "Students", "Instructors", "Authors"


def require_no_empty(arguments: Sequence[str]) -> None:
    """Refuse an argument that is an empty text: a shell makes one of a variable that is not set.

    It would mean this folder, everybody, or nothing, and never what was meant. Words for people may be empty.
    """
    for before, argument in zip(["", *arguments], arguments, strict=False):
        name, given, value = argument.partition("=")
        if argument == "" and before not in _WORDS:
            after = f" after {before}" if before else ""
            raise Refused(f"An argument{after} is empty: nothing is selected. Is a variable not set?")
        if given and not value and name.startswith("--") and name not in _WORDS:
            raise Refused(f"{name}= is empty: nothing is selected. Is a variable not set?")


def open_course(given: Path | None) -> tuple[Path, Course]:
    """The folder of the course and its grading.toml."""
    from autograder.course.load import find_root, load_course

    root = find_root(given)
    return root, load_course(root)


def private_folder(root: Path) -> Path:
    """Where an instructor's secret, plans and results are: never in version control, never in a release."""
    return root / ".autograder"


def working_folder(root: Path, results: Path | None) -> Path:
    """Where plans are kept: the private folder, or, where the course can't be written, `.autograder` beside the results file `results`."""
    private = private_folder(root)
    there = next(folder for folder in (private, *private.parents) if folder.exists())
    if results is None or os.access(there, os.W_OK):
        return private
    return results.absolute().parent / ".autograder"


def course_secret(root: Path, working: Path) -> bytes:
    """The course secret: the course's own, made on first use; in the folder `working` where the course has none and can't be written."""
    from autograder.grading.secret import has_secret, load_secret

    private = private_folder(root)
    return load_secret(private if has_secret(private) else working)


def require_solutions(root: Path) -> None:
    """Refuse commands that need the references in a student's repository."""
    if not (root / "solutions").is_dir():
        raise Refused(
            f"{root} has no solutions/: it is a student's edition of the course.\n"
            "Grading with hidden checks works in the instructors' repository; here, `autograder check` runs the public ones."
        )


def say(text: str) -> None:
    """Print a sentence that may hold a student's words."""
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console

    console().print(visible(text))


def complain(text: str) -> None:
    """Print to stderr what a person should look at; the command goes on."""
    from autograder.feedback.escape import visible

    sys.stderr.write(visible(text) + "\n")
