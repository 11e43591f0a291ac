"""`autograder build`: a language model from the student's own parts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course, private_folder
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.capstone.build import Build, Result
    from autograder.capstone.parts import Parts
    from autograder.capstone.stages import Stage

BARS = "▁▂▃▄▅▆▇█"
SIGNS = {"own": ("yours", "green"), "reference": ("reference", "yellow"), "equivalent": ("torch's", "yellow")}


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(build)


def build(
    quick: Annotated[
        bool, typer.Option("--quick", "-q", help="A tiny model, in some seconds: to see that all parts run.")
    ] = False,
    model: Annotated[
        str, typer.Option("--model", "-m", help="The network: llama, or gpt2 with gpt/gpt2_model's parts.")
    ] = "llama",
    until: Annotated[
        str, typer.Option("--until", help="Stop after this stage: tokenizer, pretrain, sft, dpo, quantize, serve.")
    ] = "",
    blame: Annotated[
        bool, typer.Option("--blame", "-b", help="Exchange your parts in turn, and name those that change the model.")
    ] = False,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Serve the model on this machine afterwards, for Ollama's clients; Ctrl-C ends."),
    ] = False,
    port: Annotated[int, typer.Option(help="With --serve: the port.")] = 11434,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the model to this folder, as transformers reads it.")
    ] = None,
    reference: Annotated[
        bool, typer.Option("--reference", help="Build of none of your parts, to compare with.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Make a language model of your own parts: it reads, learns, answers, and is served.

    What is not written yet is replaced. Ctrl-C stops a build; the next one goes on, and does again only what your changes reach.
    """
    from autograder.capstone.parts import MODELS, base_parts, own_parts
    from autograder.capstone.recipe import FULL, QUICK
    from autograder.capstone.stages import STAGES
    from autograder.feedback.pen import console

    if until and until not in {stage.name for stage in STAGES}:
        raise Refused(f"There is no stage {until!r}. The stages: {', '.join(stage.name for stage in STAGES)}.")
    if model not in MODELS:
        raise Refused(f"There is no model {model!r}. The models: {', '.join(MODELS)}.")
    out = console()
    root, loaded = open_course(course)
    parts = base_parts(root, model) if reference else own_parts(root, loaded, model)
    out.print(chain(parts))
    if blame:
        _blame(out, root, parts)
        return
    recipe = QUICK if quick else FULL
    name = recipe.name + ("" if model == "llama" else f"-{model}") + ("-reference" if reference else "")
    made = _build(parts, recipe, private_folder(root) / "build" / name)
    results = _run(out, made, until)
    if not until:
        page = _page(made, results, root)
        out.print(f"The page with curves and samples: {_shown(page, root)}")
    if export is not None:
        _export(out, made, export)
    if serve:
        _serve(out, made, port)


def chain(parts: Parts) -> Any:
    """The parts in the order in which a text meets them, and whose each one is."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for slot, each in parts.filled.items():
        word, style = SIGNS[each.origin]
        table.add_row(slot, each.part.exercise, Text(word, style), each.why or each.part.does)
    return table


def _build(parts: Parts, recipe: Any, folder: Path) -> Build:
    from autograder.capstone.build import Build

    return Build(parts, recipe, folder)


class Screen:
    """Progress of a build: a bar for the stage, its loss, and the losses so far as a line of small bars."""

    def __init__(self, out: Any, progress: Any) -> None:
        self.out, self.progress, self.task = out, progress, None
        self.losses: list[float] = []

    def began(self, stage: Stage) -> None:
        self.losses = []
        self.task = self.progress.add_task(stage.title, total=None, shown="")

    def step(self, stage: Stage, number: int, of: int, loss: float | None) -> None:
        if loss is not None:
            self.losses.append(loss)
        shown = f"{sparkline(self.losses)} {loss:.2f}" if loss is not None else ""
        self.progress.update(self.task, completed=number, total=of, shown=shown)

    def done(self, stage: Stage, result: Result) -> None:
        if self.task is not None:
            self.progress.remove_task(self.task)
            self.task = None
        took = "as before" if result.reused else f"{result.seconds:.0f} s"
        self.out.print(_line("✓", "green", f"{stage.title:16}", took, numbers(result)))


def _line(sign: str, style: str, title: str, took: str = "", rest: str = "") -> Any:
    from rich.table import Table

    row = Table.grid(padding=(0, 1))
    row.add_column(style=style, no_wrap=True)
    row.add_column(no_wrap=True)
    row.add_column(style="dim", no_wrap=True, justify="right", min_width=9)
    row.add_column()
    row.add_row(sign, title, took, rest)
    return row


def sparkline(values: list[float], width: int = 24) -> str:
    """The course of some values: each bar is the mean of its share of them."""
    if not values:
        return ""
    n = min(width, len(values))
    means = []
    for i in range(n):
        share = values[i * len(values) // n : (i + 1) * len(values) // n]
        means.append(sum(share) / len(share))
    low, high = min(means), max(means)
    return "".join(BARS[int((mean - low) / (high - low or 1) * (len(BARS) - 1))] for mean in means)


def numbers(result: Result) -> str:
    """What a stage found out, in a line."""
    outcome = result.outcome
    said = [f"{name} {number(value)}" for name, value in outcome.metrics.items()]
    said += [f"{name} {number(value)}" for name, value in outcome.lines.items()]
    return ", ".join(said)


def number(value: float) -> str:
    if value == int(value) and abs(value) >= 10:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _run(out: Any, made: Build, until: str) -> dict[str, Result]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from autograder.capstone.build import BuildError

    began = time.perf_counter()
    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(24),
        TextColumn("{task.completed:>4}"),
        TextColumn("{task.fields[shown]}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=out, transient=True) as progress:
        try:
            results = made.run(Screen(out, progress), until)
        except BuildError as error:
            progress.stop()
            out.print(_line("✗", "red", f"{error.stage.title}: {error}"))
            if error.part is not None:
                out.print(f"  {error.frames}\n  Run: autograder check {error.part.exercise}", highlight=False)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            progress.stop()
            out.print("Stopped. The next `autograder build` goes on from here.")
            raise typer.Exit(130) from None
    out.print(f"{time.perf_counter() - began:.0f} s in all", style="dim")
    return results


def _page(made: Build, results: dict[str, Result], root: Path) -> Path:
    from autograder.capstone.page import write_page

    return write_page(made, results)


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _blame(out: Any, root: Path, parts: Parts) -> None:
    from autograder.capstone.blame import blame
    from autograder.capstone.parts import base_parts

    found = blame(parts, base_parts(root, parts.architecture), lambda text: out.print(text, style="dim"))
    if not parts.own():
        out.print("None of the parts is yours yet: there is nothing to blame.")
    elif not found:
        out.print("✓ Your parts give what the right ones give, in every stage.", style="green")
    for each in found:
        together = "" if each.alone else " (together with the others that are named here)"
        out.print(f"✗ {each.part.exercise}{together}: {each.what}", style="red", highlight=False)
        out.print(
            f"  Run: autograder check {each.part.exercise}. The lecture: lectures/{each.part.exercise}.md",
            highlight=False,
        )
    if found:
        raise typer.Exit(1)


def _export(out: Any, made: Build, folder: Path) -> None:
    from autograder.capstone.export import export

    for path in export(made, folder):
        out.print(f"Written: {path}")


def _serve(out: Any, made: Build, port: int) -> None:
    from wsgiref.simple_server import make_server

    from autograder.capstone.stages import STAGES, application

    app = application(made.work(STAGES[-1]))
    try:
        server = make_server("127.0.0.1", port, app)
    except OSError as error:
        raise Refused(f"Port {port} can't be had ({error.strerror}). Another one: --port 11500") from None
    out.print(f'Serving "genesis" on http://127.0.0.1:{port}, for this machine alone. Ctrl-C ends.')
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            out.print("Stopped.")
