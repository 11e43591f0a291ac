"""What an exercise's files declare, as data: checks, their cases and bounds, and implementations that are wrong or right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from autograder.refusals import Refusal

if TYPE_CHECKING:  # pytest loads this module for every project: it imports nothing heavy
    from autograder.results import Timeline

Device = Literal["cpu", "cuda"]
Shapes = Literal["same", "any"]


class AuthoringError(Refusal):
    """An exercise's files say something that can't be. The text names the file's part and what to mend."""

    def sentences(self) -> str:
        return f"The course is broken, so nothing was graded. To mend:\n{self}"


@dataclass(frozen=True)
class Tolerance:
    """A bound on the error of floating-point values: |got - want| <= atol + rtol * |want|.

    `why` is for one that is far looser than right answers need: what makes it so loose, for whoever reads the check.
    """

    atol: float = 0.0
    rtol: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Budget:
    """What an answer may use, as a multiple of what the reference uses for the same case: never seconds or bytes.

    >>> Budget(memory=3)
    Budget(memory=3, cpu=None)
    """

    memory: float | None = None
    cpu: float | None = None

    def bounds(self) -> dict[str, float]:
        return {name: float(bound) for name, bound in (("memory", self.memory), ("cpu", self.cpu)) if bound is not None}


@dataclass(frozen=True)
class Case:
    """The parameters from which the inputs of one run are made, and what a student reads of it."""

    title: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Rejection:
    """A judge's verdict that an answer is wrong: a constant sentence, the values that its braces name, a picture."""

    sentence: str
    values: dict[str, Any] = field(default_factory=dict)
    timeline: Timeline | None = None


@dataclass(frozen=True)
class Check:
    """One claim about an implementation, worth points."""

    name: str
    claim: str
    experiment: Callable[..., Any]
    points: int
    public: tuple[Case, ...]
    hidden: tuple[Case, ...]
    fresh: int = 0
    inputs: Callable[..., dict[str, Any]] | None = None
    judge: Callable[..., Any] | None = None
    shapes: Shapes = "same"  # of tensors and arrays that the judge is given, held against the reference's
    tolerance: Tolerance | None = None
    bonus: bool = False
    mutates: bool = False
    device: Device = "cpu"
    lecture: str = ""
    budget: Budget = Budget()
    given: dict[str, Any] | None = None  # Hypothesis strategies, by the name of what they draw
    needs: str = ""  # a package; where it is not installed, the check is skipped
    line: int = 0


@dataclass(frozen=True)
class Variant:
    """An implementation made from the reference: by edits of its source, or by functions that replace its own."""

    sentence: str
    edits: dict[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Mistake(Variant):
    """A known wrong implementation with the sentence that tells a student what went wrong."""

    fails: tuple[str, ...] = ()
    crashes: bool = False


@dataclass(frozen=True)
class Convention(Mistake):
    """What others do, and this exercise does otherwise: right elsewhere, and here it fails one check and no other."""

    used_by: str = ""


@dataclass(frozen=True)
class Alternative(Variant):
    """A different, right implementation; `misses` names the bonus checks that it may miss."""

    misses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cheat(Variant):
    """An answer that uses what the exercise forbids: it must be refused."""
