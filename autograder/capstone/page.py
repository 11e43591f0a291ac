"""The page of a build: curves of loss, samples of each stage, and what the parts are."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from autograder.capstone.stages import STAGES

if TYPE_CHECKING:
    from autograder.capstone.build import Build, Result

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 260, 44, 30, 12, 92


def write_page(made: Build, results: dict[str, Result]) -> Path:
    """Write `index.html` into the build's folder. It asks nothing of any other place."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("autograder.capstone").joinpath("templates", "build.html.j2").read_text("utf-8")
    rows = [(stage, results[stage.name]) for stage in STAGES if stage.name in results]
    page = environment.from_string(template).render(
        parts=made.parts.filled.values(),
        stages=[(stage, result, chart(result)) for stage, result in rows],
        recipe=made.recipe,
        seconds=sum(result.seconds for _, result in rows),
    )
    path = made.folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def chart(result: Result) -> dict[str, Any] | None:
    """What the curves of a stage look like: polylines and lines in the units of the picture. None where nothing was learned."""
    outcome = result.outcome
    if len(outcome.curve) < 2:
        return None
    values = [loss for _, loss in [*outcome.curve, *outcome.held_out]] + list(outcome.lines.values())
    low, high = min(values), max(values)
    last = max(step for step, _ in [*outcome.curve, *outcome.held_out]) or 1

    def x(step: float) -> float:
        return round(LEFT + step / last * (WIDTH - LEFT - RIGHT), 1)

    def y(loss: float) -> float:
        return round(TOP + (high - loss) / ((high - low) or 1) * (HEIGHT - TOP - BOTTOM), 1)

    def points(curve: Sequence[tuple[int, float]]) -> str:
        return " ".join(f"{x(step)},{y(loss)}" for step, loss in curve)

    ticks = [low + (high - low) * k / 4 for k in range(5)]
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM,
        "train": points(outcome.curve), "held_out": points(outcome.held_out),
        "lines": [(name, y(value), f"{value:.2f}") for name, value in outcome.lines.items()],
        "ticks": [(y(value), f"{value:.1f}") for value in ticks], "last": last,
    }  # fmt: skip
