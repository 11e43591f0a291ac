"""What verify found, in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autograder.verify.verify import Report, Trial


def report_table(reports: list[Report]) -> Table:
    """One line for each exercise."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("exercise", no_wrap=True, max_width=28)
    for name in ("checks", "stub", "ref.", "mistakes", "altern.", "forgers", "CPU s"):
        table.add_column(name, justify="right", no_wrap=True, min_width=max(len(name), 5))
    for report in reports:
        stub = report.of("stub")
        references = report.of("reference")
        table.add_row(
            Text(report.exercise, "green" if report.good else "red"),
            str(len(report.checks)),
            f"{stub[0].earned}/{report.points}" if stub else "-",
            _share([trial for trial in references if not trial.failing()], references),
            _share([trial for trial in report.of("mistake") if trial.failing()], report.of("mistake")),
            _share([trial for trial in report.of("alternative") if not trial.failing()], report.of("alternative")),
            _share([trial for trial in report.of("forger") if not trial.earned], report.of("forger")),
            f"{references[0].seconds:.2f}" if references else "-",
        )
    return table


def reports_details(report: Report, everything: bool) -> Iterator[RenderableType]:
    """The problems, and with `everything` who rejects what and how near to their tolerances right answers come."""
    for problem in report.problems:
        yield Text(f"✗ {report.exercise}: {problem}", "red")
    if not everything or not report.trials:
        return
    yield Text(f"\n{report.exercise}", "bold")
    alone = report.only_killer()
    rejects = {name: sum(name in trial.failing() for trial in report.of("mistake")) for name in report.checks}
    honest = [*report.of("reference"), *report.of("alternative")]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("check", "rejects", "alone", "largest honest error / tolerance"):
        table.add_column(name, justify="left" if name == "check" else "right")
    for name in report.checks:
        margins = [trial.margins[name] for trial in honest if name in trial.margins]
        table.add_row(name, str(rejects[name]), str(alone[name]), f"{max(margins):.2g}" if margins else "exact")
    yield table
    for check, budget in report.budgets.items():
        for name, bound in budget.items():
            most = max((trial.spent.get(check, {}).get(name, 0.0) for trial in honest), default=0.0)
            over = [trial.spent.get(check, {}).get(name, 0.0) for trial in report.of("mistake")]
            least = min((ratio for ratio in over if ratio > bound), default=None)
            wasteful = "no mistake breaks it" if least is None else f"the least wasteful mistake {least:.3g}×"
            yield Text(f"  {check}: {name} at most {bound:g}× the reference's; right answers {most:.3g}×, {wasteful}")
    for trial in report.of("mistake"):
        yield Text(f"  {'✓' if trial.failing() else '✗'} {trial.name}", "" if trial.failing() else "red")
        yield Text(f"      rejected by {', '.join(trial.failing()) or 'no check'}", "dim")


def _share(good: list[Trial], everything: list[Trial]) -> Text:
    return Text(f"{len(good)}/{len(everything)}", "green" if len(good) == len(everything) else "red")
