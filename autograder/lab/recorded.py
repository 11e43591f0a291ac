"""Answers of language models, recorded, so that an exercise needs no model and no network: see `data/answers/ORIGIN.md`.

In a check's inputs they are used by name, `lab("recorded", style="phrase", start=0, stop=40)`.
"""

import json
from functools import cache
from importlib.resources import files

STYLES = ("hash", "phrase", "boxed")


def recorded(style: str = "phrase", start: int = 0, stop: int | None = None, step: int = 1) -> list[str]:
    """The texts of one style, or some of them, chosen as a slice chooses."""
    return list(_read(style)[start:stop:step])


@cache
def _read(style: str) -> tuple[str, ...]:
    lines = (
        files("autograder.lab").joinpath("data", "answers", f"{style}.jsonl").read_text(encoding="utf-8").splitlines()
    )
    return tuple(map(json.loads, lines))
