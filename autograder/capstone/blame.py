"""Which part makes the model another one than it should be: own parts are put among right ones, by halves, until one is left."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from autograder.capstone.parts import Part, Parts
from autograder.capstone.probes import PROBES, TOKENS, Numbers, Probe
from autograder.experiment.time_limit import soft_limit

CLOSE = 1e-6
"""How far numbers of right parts may be from each other, as a share. They are computed in float64; what differs is the order of sums."""
SECONDS = 60.0
"""Of processor time, for one probe. Right parts take a second or two."""


@dataclass(frozen=True)
class Blamed:
    """A part that changes the model, and how that shows."""

    part: Part
    probe: str
    what: str
    alone: bool = True  # it changes the model by itself; otherwise only together with the others that are named


@dataclass(frozen=True)
class Ran:
    """The numbers of a probe, and what ended it before its end."""

    numbers: Numbers
    error: str = ""


@dataclass
class Runs:
    """What probes gave with which code: a probe that meets the same code again gives the same numbers, and is not run."""

    known: dict[tuple[str, str], Ran] = field(default_factory=dict)

    def of(self, probe: Probe, parts: Parts) -> Ran:
        key = probe.title, parts.hash(probe.slots)
        if key not in self.known:
            self.known[key] = run(probe, parts)
        return self.known[key]


def run(probe: Probe, parts: Parts) -> Ran:
    """Run a probe. What the parts raise is a result as well, and what they leave switched off is nobody else's affair."""
    numbers: Numbers = {}
    dtype = torch.get_default_dtype()
    try:
        with torch.enable_grad(), soft_limit(SECONDS, 0.0):
            for name, value in probe.run(parts):
                numbers[name] = float(value)
    except Exception as error:
        return Ran(numbers, f"{type(error).__name__}: {error}"[:300])
    finally:
        torch.set_default_dtype(dtype)
    return Ran(numbers)


def difference(want: Ran, got: Ran) -> str:
    """The first thing that is not as it should be, in a sentence; "" where all is."""
    for name, value in want.numbers.items():
        if name not in got.numbers:
            return f"{got.error} (before {name} was known)" if got.error else f"{name} is missing"
        if not math.isclose(value, got.numbers[name], rel_tol=CLOSE, abs_tol=1e-7):
            return f"{name} is {got.numbers[name]:.6g}; with right parts it is {value:.6g}"
    return got.error


def blame(
    own: Parts, base: Parts, tell: Callable[[str], None] = lambda text: None, runs: Runs | None = None
) -> list[Blamed]:
    """The own parts that change some number of some probe, in the order of the stages. `runs` may know some of them already."""
    runs = runs or Runs()
    found: list[Blamed] = []
    for probe in PROBES:
        known = {each.part.slot for each in found}
        there = [slot for slot in probe.slots if slot in own.filled]
        suspects = [slot for slot in there if own.filled[slot].origin == "own" and slot not in known]
        if suspects:
            tell(f"{probe.title}: trying {', '.join(suspects)} …")
            found += _search(probe, own, base, suspects, runs)
    return found


def _search(probe: Probe, own: Parts, base: Parts, suspects: list[str], runs: Runs) -> list[Blamed]:
    want = Ran(dict(TOKENS)) if probe.slots == ("tokenizer",) else runs.of(probe, base)

    def differs(slots: list[str]) -> str:
        return difference(want, runs.of(probe, base.exchanged(own, slots)))

    def search(slots: list[str]) -> list[Blamed]:
        what = differs(slots)
        if not what:
            return []
        if len(slots) == 1:
            return [Blamed(own.filled[slots[0]].part, probe.title, what)]
        middle = len(slots) // 2
        halves = [*search(slots[:middle]), *search(slots[middle:])]
        # Neither half does it alone: parts that do not fit each other.
        return halves or [Blamed(own.filled[slot].part, probe.title, what, alone=False) for slot in slots]

    return search(suspects)
