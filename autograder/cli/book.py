"""What commands about scores share: the results file, the class list, and the book that scores are made from."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import Refused, private_folder

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.course.roster import Roster
    from autograder.scores import Book
    from autograder.store import Store

ResultsOption = Annotated[
    Path | None, typer.Option("--results", help="Results file. By default .autograder/results.sqlite of the course.")
]
RunOption = Annotated[str | None, typer.Option("--run", help="A grading run by its id; the latest one by default.")]
RosterOption = Annotated[
    Path | None,
    typer.Option("--roster", help="Class list, a CSV file. By default .autograder/roster.csv, if there is one."),
]
ByOption = Annotated[str, typer.Option("--by", help="Who decides; by default your user name.")]


def results_file(root: Path, given: Path | None) -> Path:
    """The results file; refused when nothing was graded yet."""
    path = given or private_folder(root) / "results.sqlite"
    if not path.exists():
        raise Refused(f"There are no results yet ({path}). Grade a class first: autograder grade SUBMISSIONS")
    return path


def open_roster(root: Path, course: Course, given: Path | None) -> Roster:
    """The class list, with what is wrong in it said once; an empty one when there is none."""
    from autograder.course.roster import Roster, load_roster
    from autograder.feedback.escape import visible

    path = given or private_folder(root) / "roster.csv"
    if given is None and not path.exists():
        return Roster()
    roster = load_roster(path, [module.id for module in course.modules])
    for problem in roster.problems:
        sys.stderr.write(visible(problem) + "\n")
    return roster


def make_book(course: Course, store: Store, roster: Roster, run: str | None = None) -> Book:
    """Everything that scores are made from; of one run, or of all."""
    from autograder.scores import Book
    from autograder.store import Ledger

    if run is not None and all(each.id != run for each in store.runs()):
        raise Refused(f"There is no run {run!r} in {store.path}. Runs: {', '.join(each.id for each in store.runs())}")
    return Book(course, store.marks(run), roster, Ledger(store).adjustments())


def who(by: str) -> str:
    """Who decides."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):  # a container without a user of that number
        return "unknown"
