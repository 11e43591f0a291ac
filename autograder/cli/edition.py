"""What `autograder --help` shows: in a student's copy of the course the commands that work there, elsewhere all of them."""

from __future__ import annotations

from pathlib import Path

import typer

from autograder.cli.common import STUDENTS

HELP = (
    "Checks the exercises of this course and says what is wrong, and where.\n\n"
    "Start with `autograder status` and `autograder check`; `autograder watch` checks again at each save."
)


def is_students(folder: Path) -> bool:
    """Whether `folder` is in a student's copy of a course: it has exercises, and not their solutions."""
    root = next((each for each in (folder, *folder.parents) if (each / "grading.toml").is_file()), None)
    return root is not None and (root / "assignments").is_dir() and not (root / "solutions").is_dir()


def fit(app: typer.Typer, folder: Path) -> None:
    """Hide what can't be used in `folder`. A hidden command still says why it is none for students."""
    if not is_students(folder):
        return
    for each in (*app.registered_commands, *app.registered_groups):
        if each.rich_help_panel != STUDENTS:
            each.hidden = True
    app.info.help = HELP
