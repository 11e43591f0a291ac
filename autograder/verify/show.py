"""What verify found, in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autograder.verify.general.report import general_details
from autograder.verify.report import Report
from autograder.verify.show_mutants import only_killers, survivors
from autograder.verify.trial import Trial

WARNINGS = 2  # of an exercise that are shown without --details


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
            _share([trial for trial in report.of("alternative") if trial.accepted()], report.of("alternative")),
            _share([trial for trial in report.of("forger") if not trial.earned], report.of("forger")),
            f"{references[0].seconds:.2f}" if references else "-",
        )
    return table


def reports_details(report: Report, everything: bool) -> Iterator[RenderableType]:
    """The problems; with `everything`, or when mutants were tried, what each check is good for; and with `everything` who
    rejects what."""
    for problem in report.problems:
        yield Text(f"✗ {report.exercise}: {problem}", "red")
    warned = report.warnings if everything else report.warnings[:WARNINGS]
    for warning in warned:
        yield Text(f"! {report.exercise}: {warning}", "yellow")
    if len(report.warnings) > len(warned):
        yield Text(f"! {report.exercise}: {len(report.warnings) - len(warned)} more, with --details", "yellow")
    if report.general is not None:
        yield from general_details(report.general, everything)
    yield from _uncited(report, everything)
    if report.mutants is not None and not report.trials:  # nothing else was tried
        yield from survivors(report.mutants, everything)
    if not report.trials or not (everything or report.mutants):
        return
    yield Text(f"\n{report.exercise}", "bold")
    yield _checks_table(report)
    yield from _budgets(report)
    if report.mutants is not None:
        yield from survivors(report.mutants, everything)
    if not everything:
        return
    for trial in report.of("mistake"):
        yield Text(f"  {'✓' if trial.failing() else '✗'} {trial.name}", "" if trial.failing() else "red")
        yield Text(f"      rejected by {', '.join(trial.failing()) or 'no check'}", "dim")
    if report.mutants is not None:
        yield from only_killers(report.mutants)


def _uncited(report: Report, everything: bool) -> Iterator[Text]:
    """What the docstrings say and no check cites: perhaps no promise, perhaps a missing case."""
    if not report.coverage.uncited:
        return
    yield Text(f"  {report.exercise}: checks cite {report.coverage} sentences of its docstrings", "yellow")
    if everything:
        for each in report.coverage.uncited:
            yield Text(f"      {each.where}: {each.text}", "dim")


def _checks_table(report: Report) -> Table:
    """For each check: how many mistakes it rejects, how many mistakes and mutants nothing but it rejects, and the errors
    around its tolerance: the largest of right answers, the smallest of wrong ones."""
    alone = report.only_killer()
    mistakes = report.of("mistake")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("check", overflow="fold")
    columns = ["rejects", "alone", "honest", "dishonest"]
    if report.mutants is not None:
        columns.insert(2, "mutants\nalone")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True, min_width=max(map(len, name.split())) + 1)
    for name in report.checks:
        row = [str(sum(name in trial.failing() for trial in mistakes)), str(alone[name])]
        if report.mutants is not None:
            row.append(str(report.mutants.only_killer().get(name, 0)))
        right, wrong = report.honest_error(name), report.dishonest_error(name)
        smallest = report.mutants.smallest_error(name) if report.mutants is not None else None
        nearest = min((each for each in (wrong, smallest) if each is not None), default=None)
        row += ["exact" if right is None else f"{right:.2g}", "-" if nearest is None else f"{nearest:.2g}"]
        table.add_row(name, *row)
    table.caption = (
        "honest, dishonest: largest error of a right answer, smallest of a wrong one, in units of the tolerance"
    )
    table.caption_justify = "left"
    return table


def _share(good: list[Trial], everything: list[Trial]) -> Text:
    return Text(f"{len(good)}/{len(everything)}", "green" if len(good) == len(everything) else "red")


def _budgets(report: Report) -> Iterator[Text]:
    """What right answers need of each budget, and what the least wasteful mistake does."""
    honest = [*report.of("reference"), *report.of("alternative")]
    for check, budget in report.budgets.items():
        for name, bound in budget.items():
            most = max((trial.spent.get(check, {}).get(name, 0.0) for trial in honest), default=0.0)
            over = [trial.spent.get(check, {}).get(name, 0.0) for trial in report.of("mistake")]
            least = min((ratio for ratio in over if ratio > bound), default=None)
            wasteful = "no mistake breaks it" if least is None else f"the least wasteful mistake {least:.3g}×"
            yield Text(f"  {check}: {name} at most {bound:g}× the reference's; right answers {most:.3g}×, {wasteful}")
