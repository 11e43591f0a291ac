"""The command `audit`: what somebody else's tests notice."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import AUTHORS
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.verify.audit.audit import Audit

SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=AUTHORS)(audit)


def audit(
    tests: Annotated[Path, typer.Argument(metavar="TESTS", help="A pytest file, or a folder of them.")],
    solution: Annotated[Path, typer.Argument(metavar="SOLUTION", help="The Python file that they test, and accept.")],
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="The folder that both are in; by default the nearest one. It is copied."),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=0, help="Mutants to try at most; a sample where there are more.")
    ] = 200,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes; by default one for each core.")] = 0,
    details: Annotated[bool, typer.Option("--details", "-d", help="Name everything that is not noticed.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write what was found to this file.")] = None,
) -> None:
    """Tell what tests of any course notice: wrong variants of SOLUTION that TESTS reject, and those that they let pass.

    The variants are the general mistakes and mutants that `autograder verify` makes of this course's references. TESTS run as you, in
    a copy of the folder, with a time limit for each variant: audit only tests that you would run. A variant that passes is a test that nobody
    wrote, unless it is right after all; that is for you to say. The exit code is 0 whatever is found.
    """
    from autograder.verify.audit.audit import audit as hold

    for path in (tests, solution):
        if not path.exists():
            raise Refused(f"There is no {path}.")
    if not solution.is_file() or solution.suffix != ".py":
        raise Refused(f"{solution} is no Python file.")
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from autograder.feedback.pen import console

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console(sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("the solution itself", total=None)
        found = hold(
            tests,
            solution,
            folder=folder,
            most=most,
            jobs=jobs or os.cpu_count() or 1,
            on_trial=lambda done, total: bar.update(task, description="variants", completed=done, total=total),
        )
    _show(found, solution, details)
    if json_file is not None:
        json_file.write_text(json.dumps(_record(found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


_WORDS = {"general": "general mistakes", "mutant": "mutants"}


def _show(found: Audit, solution: Path, details: bool) -> None:
    from rich import box
    from rich.table import Table

    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console

    out = console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("wrong variants", "tried", "rejected", "not noticed", "share"):
        table.add_column(name, justify="left" if name == "wrong variants" else "right")
    for kind, tried, rejected in found.table():
        share = f"{100 * rejected / tried:.0f} %" if tried else "–"
        table.add_row(_WORDS[kind], str(tried), str(rejected), str(tried - rejected), share)
    out.print(table)
    sampled = len(found.of("mutant"))
    if sampled < found.mutants:
        out.print(f"A sample of {sampled} of {found.mutants} mutants; --most tries more.", style="dim")
    survived = found.survived
    for each in survived if details else survived[:SHOWN]:
        variant = each.variant
        place = f"{solution.name}:{variant.line}" if variant.line else f"{solution.name}, {variant.scope}"
        out.print(visible(f"{place}: {variant.what}"), markup=False, highlight=False)
    if len(survived) > SHOWN and not details:
        out.print(f"and {len(survived) - SHOWN} more: --details names them.", style="dim")
    if survived:
        out.print(
            "Each of these passes every test: it is right after all, or a test that nobody has written.", style="dim"
        )
    elif found.outcomes:
        out.print("Every one of them is noticed.", style="green")
    out.print(f"The tests take {found.seconds:.2g} s of CPU time on the solution itself.", style="dim")


def _record(found: Audit) -> dict[str, object]:
    table = {kind: {"tried": tried, "rejected": rejected} for kind, tried, rejected in found.table()}
    survived = [
        {
            "kind": each.variant.kind,
            "function": each.variant.scope,
            "line": each.variant.line,
            "what": each.variant.what,
        }
        for each in found.survived
    ]
    return {**table, "mutants": found.mutants, "not_noticed": survived, "noticed_first_by": found.by_test}
