"""What GPU checks gave on a GPU: for a terminal, and as the page `docs/gpu.md`."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autograder.jail.layers import Isolation
from autograder.jail.warm import Ready
from autograder.verify.on_device import DeviceReport, device_name
from autograder.verify.trial import Trial

COLUMNS = (
    "exercise",
    "check",
    "reference",
    "altern.",
    "mistakes rejected",
    "honest error",
    "on the CPU",
    "dishonest error",
)


@dataclass(frozen=True)
class Seen:
    """Where and with what it was seen."""

    device: str
    begun: float
    seconds: float = 0.0
    versions: str = ""
    layers: str = ""

    @classmethod
    def now(cls) -> Seen:
        return cls(device_name() or "none", time.monotonic())

    def done(self, ready: Ready, isolation: Isolation) -> Seen:
        found = {"Python": ready.python, "torch": ready.torch, "NumPy": ready.numpy, "Linux": platform.release()}
        try:
            found["Triton"] = metadata.version("triton")
        except metadata.PackageNotFoundError:
            found["Triton"] = "not installed"
        versions = ", ".join(f"{name} {version}" for name, version in found.items())
        return replace(
            self, seconds=time.monotonic() - self.begun, versions=versions, layers=", ".join(isolation.on) or "none"
        )


def rows(report: DeviceReport) -> Iterator[tuple[str, ...]]:
    """One row for each check, in the order of `COLUMNS`."""
    honest = ("reference", "alternative")
    for check in report.checks:
        tried = [trial for trial in report.trials if check in trial.verdicts]
        alternatives = [trial for trial in tried if trial.kind == "alternative" and check not in trial.expected]
        mistakes = [trial for trial in tried if trial.kind == "mistake"]
        wrong = [each.margins[check] for each in mistakes if check in each.failing() and each.margins.get(check, 0) > 1]
        yield (
            report.exercise,
            check,
            _share(check, [trial for trial in tried if trial.kind == "reference"]),
            _share(check, alternatives),
            f"{sum(check in trial.failing() for trial in mistakes)} of {len(mistakes)}",
            _largest(check, [trial for trial in tried if trial.kind in honest]),
            _largest(check, [trial for trial in report.on_processor if trial.kind in honest]),
            f"{min(wrong):.2g}" if wrong else "-",
        )


def _share(check: str, trials: list[Trial]) -> str:
    return f"{sum(trial.verdicts[check] == 'passed' for trial in trials)}/{len(trials)}"


def _largest(check: str, trials: list[Trial]) -> str:
    found = [trial.margins[check] for trial in trials if check in trial.margins]
    return f"{max(found):.2g}" if found else "-"


def device_tables(reports: list[DeviceReport]) -> Iterator[RenderableType]:
    """A line for each check; then what can't be right, and where the device and the processor disagree."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("check", no_wrap=True, min_width=34)
    for name in ("ref.", "altern.", "mistakes", "honest", "on CPU", "dishonest"):
        table.add_column(name, justify="right", no_wrap=True, min_width=6)
    for report in reports:
        table.add_row(Text(report.exercise, "red" if report.problems else "green"))
        for row in rows(report):
            table.add_row(f"  {row[1]}", *row[2:])
    table.caption = (
        "honest, dishonest: largest error of a right answer, smallest of a wrong one, in units of the tolerance"
    )
    table.caption_justify = "left"
    yield table
    for report in reports:
        for problem in report.problems:
            yield Text(f"✗ {report.exercise}: {problem}", "red")
        for trial, check, here, there in report.differences():
            yield Text(
                f"  {report.exercise}: {check}: {trial.kind} “{trial.name}” {here} here, {there} on the processor"
            )


MARK = "\n---\n"


def write_report(file: Path, report: str) -> None:
    """Write the page anew, below the line that ends what people wrote at its top."""
    try:
        before, mark, _ = file.read_text(encoding="utf-8").partition(MARK)
    except FileNotFoundError:
        before = mark = ""
    top = f"{before}{MARK}\n" if mark else "# GPU checks, seen on a GPU\n\n"
    file.write_text(top + report, encoding="utf-8")


def markdown(seen: Seen, reports: list[DeviceReport]) -> str:
    """The part of the page that `make gpu` writes."""
    lines = [
        f"## Seen on {time.strftime('%d %B %Y')}",
        "",
        'Written by `make gpu`: every check with `device="cuda"`, with the reference, the known mistakes that can come to it, the',
        "alternatives and the forgers, in the jail's `gpu` profile (`gpu-tools`, where Triton compiles a kernel). Then all of it",
        "once more on the processor, which should say the same.",
        "",
        f"- device: {seen.device}",
        f"- versions: {seen.versions}",
        f"- layers of the jail: {seen.layers}",
        f"- time: {seen.seconds:.0f} s",
        "",
        "Errors are in units of the check's tolerance: the largest of a right answer, on the GPU and on the CPU, and the smallest of a",
        "wrong one that was rejected. A mistake need not be rejected here: most break checks that need no GPU.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "| --- | --- " + "| ---: " * (len(COLUMNS) - 2) + "|",
    ]
    for report in reports:
        lines += ["| " + " | ".join((f"`{row[0]}`", f"`{row[1]}`", *row[2:])) + " |" for row in rows(report)]
    problems = [f"- `{report.exercise}`: {problem}" for report in reports for problem in report.problems]
    lines += ["", "### What can't be right", "", *(problems or ["Nothing."])]
    differences = [
        f"- `{report.exercise}`, `{check}`: {trial.kind} “{trial.name}” {here} on the GPU, {there} on the CPU"
        for report in reports
        for trial, check, here, there in report.differences()
    ]
    lines += ["", "### Where GPU and CPU disagree", "", *(differences or ["Nowhere."]), ""]
    return "\n".join(lines)
