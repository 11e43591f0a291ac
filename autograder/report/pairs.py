"""Answers that a similarity tool found alike: what it said of one exercise, kept in a file of its own beside the tool's output.

A pair is for a person to look at. It is no result: nothing here has points, and no page or file for students is made from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from autograder.refusals import Refusal
from autograder.results import Result

FOLDER = "similar"
"""In the course's private folder: a folder for each topic, in it one for each exercise, in it `<tool>.json`."""
SCHEMA = "llm-internals/similar/1"


class PairsError(Refusal):
    """What a tool said can't be read or kept; the text says why and what to do."""


class Answer(msgspec.Struct, frozen=True):
    """One side of a pair: whose it is, and the SHA-256 of the text that was compared."""

    submission: str
    hash: str


class Pair(msgspec.Struct, frozen=True):
    """Two answers, and how alike the tool found them: 0 is nothing in common, 1 is the same."""

    one: Answer
    other: Answer
    similarity: float


class Compared(msgspec.Struct, kw_only=True):
    """What one tool said of one exercise."""

    exercise: str
    tool: str
    at: str  # ISO 8601
    above: float  # pairs from here on are kept
    answers: int  # that were compared
    usual: float | None = None  # the median of all pairs, where the tool says enough to know it
    look: str = ""  # how to see its own comparison, side by side
    pairs: list[Pair] = []
    schema: str = SCHEMA


class Similar(msgspec.Struct, frozen=True):
    """A pair as the pages show it."""

    exercise: str
    tool: str
    one: str
    other: str
    similarity: float
    usual: float | None
    look: str
    changed: bool  # one of the two has handed in something else since


def save(private: Path, compared: Compared) -> Path:
    """Keep what a tool said, in place of what it said of this exercise before."""
    path = folder_of(private, compared.exercise) / f"{compared.tool}.json"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(compared), indent=1) + b"\n")
    except OSError as error:
        raise PairsError(f"{path} can't be written: {error.strerror}") from None
    return path


def folder_of(private: Path, exercise: str) -> Path:
    topic, _, slug = exercise.partition("/")
    return private / FOLDER / topic / slug


def load(private: Path) -> tuple[list[Compared], list[str]]:
    """All that was kept, by exercise and tool, and which files can't be read: the rest goes on."""
    found, problems = [], []
    for path in sorted((private / FOLDER).glob("*/*/*.json")):
        try:
            compared = msgspec.json.decode(path.read_bytes(), type=Compared)
        except (OSError, msgspec.MsgspecError) as error:
            problems.append(f"{path} can't be read ({error}): delete it, and run autograder similar again.")
            continue
        if compared.schema == SCHEMA:
            found.append(compared)
    return found, problems


def similar(compared: Iterable[Compared], results: Iterable[Result]) -> list[Similar]:
    """The pairs whose two answers are both in these results, the most alike first."""
    stands = {(result.submission, each.exercise): each.file_hash for result in results for each in result.exercises}
    found = []
    for one in compared:
        for pair in one.pairs:
            sides = [(answer.submission, one.exercise) for answer in (pair.one, pair.other)]
            if not all(side in stands for side in sides):
                continue
            changed = any(
                stands[side] != answer.hash for side, answer in zip(sides, (pair.one, pair.other), strict=True)
            )
            found.append(
                Similar(one.exercise, one.tool, sides[0][0], sides[1][0], pair.similarity, one.usual, one.look, changed)
            )
    return sorted(found, key=lambda each: (each.changed, -each.similarity, each.exercise, each.one, each.other))
