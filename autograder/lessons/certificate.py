"""The certificate of an exercise, as a record that every reader shares; `verify` writes it, pages and lectures show it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from autograder.course.config import Exercise

FILE = "certificate.json"
SEEDS = 12
"""Under so many other secrets every exercise of the course is tried: a class draws inputs that no author has seen."""
_FIRST = "> **How its checks were tried**: "
_BLOCK = re.compile(rf"\n*^{re.escape(_FIRST)}.*\n(?:>.*\n)*\Z", re.MULTILINE)


class Tried(msgspec.Struct, kw_only=True):
    """What became of wrong implementations that the tool made."""

    tried: int
    rejected: int
    right: int  # not wrong after all: declared with a reason, or nothing tells them from the reference


class Figures(msgspec.Struct, kw_only=True):
    """What one check is good for. Errors are in units of its tolerance; None where everything is compared exactly."""

    rejects: int  # mistakes
    alone: int  # mistakes that no other check rejects
    honest: float | None  # the largest error of a right answer
    dishonest: float | None  # the smallest error of a mistake that it rejects


class Certificate(msgspec.Struct, kw_only=True):
    """What was tried, and that all of it came out as it should."""

    about: str  # hash of the files that it speaks of
    plan: str  # hash of the public plan that came of them
    mistakes: int  # each rejected by a check
    conventions: int  # of the mistakes, what another library does: each costs one check
    alternatives: int  # each accepted
    forgers: int  # none earned a point
    general: Tried | None = None  # None: not tried
    mutants: Tried | None = None
    seeds: int = 0  # other secrets under which right answers were tried: `honest` is over their inputs too
    oracles: list[str] = []  # packages that the reference is held against
    checks: dict[str, Figures] = {}


def read(exercise: Exercise, root: Path) -> Certificate | None:
    """The certificate beside an exercise; None where there is none that can be read."""
    try:
        return msgspec.json.decode((exercise.solution_dir(root) / FILE).read_bytes(), type=Certificate)
    except (OSError, msgspec.DecodeError):
        return None


def summary(found: Certificate) -> str:
    """It in a few words, as Markdown: what wrong answers were rejected, what right ones were accepted.

    >>> summary(Certificate(about="", plan="", mistakes=31, conventions=1, alternatives=7, forgers=8, oracles=["transformers"]))
    'all of 31 wrong answers are rejected, 7 other right ones accepted; the reference is held against `transformers`'
    """
    made = [each for each in (found.general, found.mutants) if each is not None]
    wrong = found.mistakes + sum(each.tried - each.right for each in made)
    rejected = found.mistakes + sum(each.rejected for each in made)
    said = f"all of {wrong}" if rejected >= wrong else f"{rejected} of {wrong}"
    words = f"{said} wrong answers are rejected, {found.alternatives} other right ones accepted"
    if found.oracles:
        words += "; the reference is held against " + ", ".join(f"`{name}`" for name in found.oracles)
    return words


def with_certificate(text: str, found: Certificate | None) -> str:
    """The lecture page `text` with the certificate in a block quote at its end, in place of the one that was made before."""
    bare = _BLOCK.sub("", text.rstrip("\n") + "\n").rstrip("\n") + "\n"
    return bare if found is None else f"{bare}\n{_FIRST}{summary(found)}.\n"
