"""What commands about scores share: the results file, the class list, and the book that scores are made from."""

from __future__ import annotations

import getpass
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import private_folder
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course, Exercise
    from autograder.course.roster import Roster
    from autograder.people import Folder
    from autograder.scores import Book
    from autograder.store import Store

ResultsOption = Annotated[
    Path | None, typer.Option("--results", help="Results file. By default .autograder/results.sqlite of the course.")
]
RunOption = Annotated[
    str | None,
    typer.Option("--run", help="What this run wrote alone, by its id; by default what stands of everything graded."),
]
RosterOption = Annotated[
    Path | None,
    typer.Option("--roster", help="Class list, a CSV file. By default .autograder/roster.csv, if there is one."),
]
CollectedOption = Annotated[
    list[Path] | None,
    typer.Option("--collected", help="A folder that `autograder collect --into` wrote; may be repeated."),
]
ByOption = Annotated[str, typer.Option("--by", help="Who decides; by default your user name.")]


def results_file(root: Path, given: Path | None) -> Path:
    """The results file; refused when nothing was graded yet."""
    path = given or private_folder(root) / "results.sqlite"
    if not path.exists():
        raise Refused(f"There are no results yet ({path}). Grade a class first: autograder grade SUBMISSIONS")
    return path


def open_roster(root: Path, course: Course, given: Path | None) -> Roster:
    """The class list; an empty one when there is none. What is wrong in it is said once for each change of it."""
    from autograder.course.roster import Roster, load_roster
    from autograder.feedback.escape import visible

    path = given or private_folder(root) / "roster.csv"
    if given is None and not path.exists():
        return Roster()
    roster = load_roster(path, [module.id for module in course.modules])
    if roster.problems and not _said_before(root, path, roster.problems):
        for problem in roster.problems:
            sys.stderr.write(visible(problem) + "\n")
    return roster


def _said_before(root: Path, path: Path, problems: tuple[str, ...]) -> bool:
    """Whether these problems of this file were said already; from now on they were. Where that can't be noted, they are said again."""
    told = hashlib.sha256("\n".join([str(path.resolve()), *problems]).encode("utf-8", "replace")).hexdigest()
    notes = private_folder(root) / "roster-told"
    try:
        known = notes.read_text("ascii").split() if notes.is_file() else []
        # The last one alone of a file, so that a mistake that comes back is said again.
        mine = hashlib.sha256(str(path.resolve()).encode("utf-8", "replace")).hexdigest()[:16]
        if f"{mine}:{told}" in known:
            return True
        kept = [each for each in known if not each.startswith(f"{mine}:")][-20:]
        notes.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        notes.write_text("\n".join([*kept, f"{mine}:{told}"]) + "\n", "ascii")
    except (OSError, UnicodeDecodeError):
        pass
    return False


def require_run(store: Store, run: str | None) -> None:
    """Refuse a run that is not there."""
    known = [each.id for each in store.runs()]
    if run is not None and run not in known:
        raise Refused(f"There is no run {run!r} in {store.path}. Runs: {', '.join(known) or 'none yet'}")


def chosen_of(store: Store, course: Course, patterns: list[str] | None, run: str | None = None) -> list[Exercise]:
    """The exercises that were asked for and of which something was graded; refused when there are none."""
    from autograder.store.standing import graded_exercises

    require_run(store, run)
    graded = graded_exercises(store, run)
    chosen = [each for each in course.match(patterns or []) if each.name in graded]
    if not chosen:
        known = [each.name for each in course.exercises if each.name in graded]
        what = f"{', '.join(patterns)}" if patterns else "any exercise of this course"
        shown = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
        raise Refused(
            f"{store.path} has no result of {what}{f' in run {run}' if run else ''}. "
            + (f"Graded were: {shown}." if known else "Nothing was graded yet: autograder grade SUBMISSIONS")
        )
    return chosen


def make_book(
    course: Course, store: Store, roster: Roster, run: str | None = None, *, root: Path | None = None
) -> Book:
    """Everything that scores are made from; of one run, or of all. With `root`, also what people said, in the course's files."""
    from autograder.scores import Book
    from autograder.store import Ledger

    require_run(store, run)
    said = people_folder(root, course).read(_known(store, roster)) if root is not None else {}
    return Book(course, store.marks(run), roster, Ledger(store).adjustments(), said=said)


def people_folder(root: Path, course: Course) -> Folder:
    """Where the files are that people write about students."""
    from autograder.people import Folder, folder_of

    return Folder(folder_of(root, private_folder(root)), course)


def _known(store: Store, roster: Roster) -> list[str]:
    """Everybody whom a file can be about: the class list, its groups, and whoever handed something in."""
    return [*(person.id for person in roster.people), *roster.groups, *store.submissions()]


def who(by: str) -> str:
    """Who decides."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):  # a container without a user of that number
        return "unknown"
