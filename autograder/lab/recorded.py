"""Answers of language models, recorded, so that an exercise needs no model and no network: see `data/answers/ORIGIN.md`.

In a check's inputs they are used by name, `lab("recorded", style="phrase", start=0, stop=40)`.
"""

import json
from functools import cache
from importlib.resources import files

STYLES = ("hash", "phrase", "boxed")


def recorded(style: str = "phrase", start: int = 0, stop: int | None = None, step: int = 1) -> list[str]:
    """The texts of one style, or some of them, chosen as a slice chooses."""
    return [text for text, _, _ in readings(style)[start:stop:step]]


def readings(style: str) -> list[tuple[str, str | None, str | None]]:
    """The texts of one style, each with its answer as it stands and that answer's normalized form, for tests of a reference."""
    return list(_read(style))


@cache
def _read(style: str) -> tuple[tuple[str, str | None, str | None], ...]:
    lines = files("autograder.lab").joinpath("data", "answers", f"{style}.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple((row["text"], row["answer"], row["value"]) for row in map(json.loads, lines))
