"""Commands for instructors about the term's ledger: ledger fetch, ledger keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ResultsOption
from autograder.cli.common import INSTRUCTORS, CourseOption, open_course, private_folder, say
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.store import Store

ledger = typer.Typer(
    no_args_is_help=True,
    help="Keep the term's results and decisions on a branch of the course's private repository, and get them from there.",
)
RemoteOption = Annotated[str, typer.Option("--remote", help="The repository: a remote's name, or an address.")]
BranchOption = Annotated[str, typer.Option("--branch", help="The branch that holds the ledger and nothing else.")]


def register(app: typer.Typer) -> None:
    app.add_typer(ledger, name="ledger", rich_help_panel=INSTRUCTORS)


@ledger.command("fetch")
def fetch(
    at: Annotated[
        str | None, typer.Option("--at", help="As it was at this commit of the branch; needs --results, a new file.")
    ] = None,
    remote: RemoteOption = "origin",
    branch: BranchOption = "grades",
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Join everything that was kept into the results file here. What is only here stays, and nothing is overwritten."""
    from autograder.store import Store
    from autograder.store.branch import LedgerBranch

    root, _ = open_course(course)
    if at is not None and (results is None or results.exists()):
        raise Refused("An earlier state is restored into a file of its own: name a new one with --results.")
    path = results or private_folder(root) / "results.sqlite"
    found = LedgerBranch(root, remote, branch)
    with Store(path) as store:
        commit = found.fetch(store, at)
        held = _held(store)
    if commit is None:
        say(f"{remote} has no branch {branch!r} yet: nothing was kept so far.")
    else:
        say(f"{path} has the ledger of {commit[:10]}: {held}.")


@ledger.command("keep")
def keep(
    begin: Annotated[
        bool, typer.Option("--begin", help="Make the branch if it is not there. Its repository has to be private.")
    ] = False,
    remote: RemoteOption = "origin",
    branch: BranchOption = "grades",
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Put what is new in the results file here on the branch, by an ordinary push; what others kept meanwhile is joined in."""
    from autograder.store import Store
    from autograder.store.branch import LedgerBranch

    root, _ = open_course(course)
    path = results or private_folder(root) / "results.sqlite"
    if not path.exists():
        raise Refused(f"There is nothing to keep: {path} is not there.")
    found = LedgerBranch(root, remote, branch)
    with Store(path) as store:
        kept = found.keep(store, begin=begin)
        held = _held(store)
    again = f", after {kept.tries - 1} by others" if kept.tries > 1 else ""
    say(f"Kept on {branch!r} of {remote} ({kept.commit[:10]}{again}): {kept.results} new results; it has {held}.")


def _held(store: Store) -> str:
    from autograder.store import Ledger

    count = store.rows("SELECT COUNT(*) FROM result")[0][0]
    people = len(store.submissions())
    return f"{count} results of {people} submissions, {len(Ledger(store).adjustments())} adjustments"
