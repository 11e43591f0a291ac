"""What became of mutants, in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autograder.verify.mutant_report import MutantReport


def mutant_table(found: list[MutantReport]) -> Table:
    """One line for each exercise whose mutants were tried, and one for all of them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_footer=True)
    killed, equivalent = sum(len(each.killed) for each in found), sum(len(each.equivalent) for each in found)
    tried = sum(len(each.tried) for each in found)
    whole = [tried, killed, equivalent, tried - killed - equivalent]
    table.add_column("exercise", "all", no_wrap=True, max_width=28)
    for name, number in zip(("mutants", "killed", "equiv.", "survived"), whole, strict=True):
        table.add_column(name, str(number), justify="right", no_wrap=True, min_width=len(name) + 1)
    table.add_column("share", _percent(killed / (tried - equivalent or 1)), justify="right", no_wrap=True, min_width=7)
    for each in found:
        numbers = (each.tried, each.killed, each.equivalent, each.survivors)
        name = Text(each.exercise, "red" if each.problems else "green")
        table.add_row(name, *(str(len(number)) for number in numbers), _percent(each.share))
    return table


def survivors(report: MutantReport, entries: bool) -> Iterator[RenderableType]:
    """The survivors, each as a difference; and with `entries` what to write where one computes the same."""
    if report.made > len(report.tried):
        yield Text(
            f"{report.exercise}: {len(report.tried)} of its {report.made} mutants are tried, the same each time", "dim"
        )
    for each in report.survivors:
        near = f"; nearest to a bound: {each.nearest[1]:.2g} of {each.nearest[0]}'s" if each.nearest else ""
        yield Text(f"\n{report.file}:{each.mutant.line}: survives all checks{near}", "red")
        for line in report.diff(each).splitlines()[2:]:
            yield Text(f"  {line}", {"+": "green", "-": "red"}.get(line[:1], "dim"))
    if report.survivors and entries:
        yield Text(
            f"\nWrite a case that tells them apart, or say in {report.file.replace('solution.py', 'equivalent.toml')} why "
            "they compute the same:",
            "dim",
        )
        from autograder.verify.equivalent import entry

        yield Text("\n\n".join(entry(each.mutant) for each in report.survivors), "dim")


def _percent(share: float) -> str:
    return f"{int(share * 1000) / 10:g} %"  # never rounded up to 100


def only_killers(report: MutantReport) -> Iterator[RenderableType]:
    """The mutants that one check alone kills, by check."""
    for check in report.only_killer():
        yield Text(f"  {check} alone kills")
        for each in report.tried:
            if each.only_by == check:
                mutant = each.mutant
                yield Text(f"      line {mutant.line}: {mutant.old}  →  {mutant.new}".replace("\n", " "), "dim")
