"""How fast grading is, as ratios measured in one run on one machine: `python benchmarks/grading.py`.

One exercise with ten attention-sized checks and one correct submission (`benchmarks/attention/`) are graded by a bare
fork-and-run, by this project with and without its isolation layers, by cold pytest, by otter and by nbgrader.
`docs/benchmarks.md` has the method and figures.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from example_class import ExampleClass
from measure import Once, Row, Target, in_turn, load, machine, targets
from others import Nbgrader, Otter, Pytest, install
from others import versions as others_versions
from project import floor, grading, warm_graders
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from autograder.grading import hashes

NOT_INSTALLED = "not installed; --with-others makes an environment for it, .venv-bench"
LEFT_OUT = "left out"


def measure(folder: Path, times: int, cold: int, with_others: bool | None, bar: Progress) -> list[Row]:
    """The rows of the exercise. Warm and cold ones take turns in blocks: the machine's moods fall on all of them alike."""
    for name in ("warm", "cold"):
        (folder / name).mkdir()
    rows = [
        Row("floor", "bare fork-and-run of the ten checks, torch imported"),
        Row("project", "this project: warm zygote, isolated worker, judged in the twin"),
        Row("unisolated", "the same without isolation layers"),
    ]
    cold_rows, cold_once = others(folder / "cold", with_others, bar)
    task = bar.add_task("grading", total=cold)
    with warm_graders(folder / "warm") as (isolated, bare, plan), floor(plan) as fork_run_reap:
        warm_once = list(zip(rows, (fork_run_reap, grading(isolated), grading(bare)), strict=True))
        in_turn(warm_once, 0, warm_up=3)  # opens the twin, and puts files into the system's cache
        for block in range(cold):
            in_turn(warm_once, times // cold + (block < times % cold))
            in_turn(cold_once, 1)
            bar.advance(task)
    return rows + cold_rows


def others(folder: Path, wanted: bool | None, bar: Progress) -> tuple[list[Row], list[tuple[Row, Once]]]:
    """The rows that start anew each time, and how those that can be had are measured."""
    rows = [Row("pytest", "cold pytest"), Row("otter", "otter run"), Row("nbgrader", "nbgrader autograde")]
    measured: list[tuple[Row, Once]] = [(rows[0], Pytest(folder).once)]
    if wanted and not others_versions():
        bar.console.print("Installing otter and nbgrader into .venv-bench: some minutes and a gigabyte or two.")
        install()
    if wanted is False or not others_versions():
        rows[1].skipped = rows[2].skipped = LEFT_OUT if wanted is False else NOT_INSTALLED
    else:
        measured += [(rows[1], Otter(folder).once), (rows[2], Nbgrader(folder).once)]
    return rows, measured


def measure_class(folder: Path, bar: Progress) -> list[Row]:
    """The example class, once: it is many measurements in itself."""
    bar.add_task("the example class", total=None)
    example = ExampleClass(folder)
    cold = Row("class", "the example class, from a cold start", [example.cold()])
    return [cold, Row("unchanged", "the same again, nothing changed", [example.unchanged() for _ in range(3)])]


def table(rows: list[Row]) -> Table:
    """The rows, as times and as multiples of the first."""
    made = Table("", "median", "half of them within", "× bare fork", title="One submission, ten checks")
    for column in made.columns[1:]:
        column.justify = "right"
    for row in rows:
        if row.skipped:
            made.add_row(row.title, "", row.skipped, "")
            continue
        low, high = row.quartiles
        within = f"{_time(low)} – {_time(high)}" if len(row.seconds) > 1 else ""
        made.add_row(row.title, _time(row.median), within, _number(row.median / rows[0].median))
    return made


def target_table(found: list[Target]) -> Table:
    made = Table("", "measured", "target", "", title="Targets")
    for target in found:
        sign = "≥" if target.at_least else "≤"
        bound = f"{sign} {target.bound:g}{target.unit}"
        made.add_row(target.text, f"{_number(target.value)}{target.unit}", bound, "met" if target.met else "missed")
    return made


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_json(rows: list[Row], class_rows: list[Row], found: list[Target], about: dict[str, Any]) -> str:
    """Everything measured, for a machine to read. Ratios are over the first row of each list."""

    def measured(rows: list[Row]) -> list[dict[str, Any]]:
        made = []
        for row in rows:
            said: dict[str, Any] = {"key": row.key, "title": row.title}
            if row.skipped:
                made.append(said | {"skipped": row.skipped})
            else:
                ratio = row.median / rows[0].median
                made.append(said | {"ratio": ratio, "median": row.median, "seconds": row.seconds})
        return made

    held = [
        {"target": each.text, "value": each.value, "bound": each.bound, "at_least": each.at_least, "met": each.met}
        for each in found
    ]
    written = {"about": about, "rows": measured(rows), "class": measured(class_rows), "targets": held}
    return json.dumps(written, indent=2)


def main(
    times: Annotated[int, typer.Option("-n", "--times", min=1, help="Rounds of what forks from a warm process.")] = 100,
    cold: Annotated[
        int, typer.Option(min=1, help="Rounds of what starts anew each time: pytest, otter, nbgrader.")
    ] = 5,
    with_others: Annotated[
        bool | None,
        typer.Option(
            "--with-others/--without-others",
            help="Install otter and nbgrader when they are missing, or leave them out. By default they run if they are there.",
        ),
    ] = None,
    with_class: Annotated[
        bool, typer.Option("--with-class", help="Grade the example class too, cold and unchanged: about a minute.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write everything measured to this file too.")
    ] = None,
) -> None:
    """Measure how fast one submission is graded, beside a bare fork, cold pytest, otter and nbgrader."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    about: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        **machine(),
        **hashes.versions(),
        "load before": load(),
    }
    bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autograder-benchmark-")))
        stack.enter_context(bar)
        rows = measure(folder, times, cold, with_others, bar)
        class_rows = measure_class(folder, bar) if with_class else []
    about |= {"load after": load(), "rounds": times, "cold rounds": cold}
    if any(row.key == "otter" and row.seconds for row in rows):
        about |= {name: version for name, version in others_versions().items() if name not in about}
    found = targets({row.key: row for row in [*rows, *class_rows]})
    console.print(table(rows))
    if class_rows:
        first, again = class_rows
        console.print(f"{first.title}: {_time(first.median)}")
        console.print(f"{again.title}: {_time(again.median)}, {_number(first.median / again.median)} times faster")
    console.print(target_table(found))
    console.print(", ".join(f"{name} {value}" for name, value in about.items()), style="dim", highlight=False)
    cores, busy = about["cores"], about["load before"]
    if busy is not None and busy > cores / 2:
        console.print(
            f"The machine was busy (load {busy} on {cores} cores): measure again when it is quiet.", style="yellow"
        )
    if json_file is not None:
        json_file.write_text(as_json(rows, class_rows, found, about) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
