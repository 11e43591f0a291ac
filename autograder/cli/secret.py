"""The command about the course secret: show, backup, restore, new."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.common import INSTRUCTORS, CourseOption, open_course, private_folder, require_solutions

secret = typer.Typer(
    no_args_is_help=True, help="The course secret, which seeds hidden cases: one for each term, with a backup."
)


def register(app: typer.Typer) -> None:
    app.add_typer(secret, name="secret", rich_help_panel=INSTRUCTORS)


def _private(course: Path | None) -> Path:
    root, _ = open_course(course)
    require_solutions(root)
    return private_folder(root)


def _say(text: str, style: str = "") -> None:
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console

    console().print(visible(text), style=style)


@secret.command()
def show(course: CourseOption = None) -> None:
    """Tell which secret is in use, by its fingerprint and term; never the secret itself."""
    from autograder.grading.secret import fingerprint, load_secret, term_of

    private = _private(course)
    loaded = load_secret(private)
    term = term_of(private)
    _say(f"Secret {fingerprint(loaded)}" + (f", term {term}" if term else "") + f", in {private / 'secret'}.")
    _say("Keep a copy elsewhere: autograder secret backup FILE", "dim")


@secret.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; keep it where students and the repository are not.")],
    course: CourseOption = None,
) -> None:
    """Write a copy of the secret, from which `restore` brings it back."""
    from autograder.grading.secret import write_backup

    write_backup(_private(course), file)
    _say(f"{file} has the secret. Whoever has it can draw the hidden inputs: keep it private.")


@secret.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    course: CourseOption = None,
) -> None:
    """Bring a secret back from its backup. One of another term that is in use now is set aside, not lost."""
    from autograder.grading.secret import fingerprint, restore_backup

    restored = restore_backup(_private(course), file)
    _say(f"Secret {fingerprint(restored)} is in use again.")


@secret.command()
def new(
    term: Annotated[str, typer.Argument(help="The term's name, as 2027-spring.")],
    course: CourseOption = None,
) -> None:
    """Begin a term: a new secret. The old one, its results, class list and reports go to .autograder/terms/."""
    from autograder.grading.secret import begin_term, fingerprint

    private = _private(course)
    made, moved = begin_term(private, term)
    if moved is not None:
        _say(f"The term before is in {moved}, with its secret, results and class list.")
    _say(f"Secret {fingerprint(made)} for {term}. Keep a copy: autograder secret backup FILE")
