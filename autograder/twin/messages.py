"""What the grader asks a twin, and what a twin answers: plain records, so that the grader never imports torch.

The process that answers is in `twin.py`.
"""

from __future__ import annotations

import msgspec

from autograder.plan import PlannedCase, PlannedCheck
from autograder.results import Difference, Message, Timeline


class Open(msgspec.Struct, tag="open"):
    """Read an exercise: its folder in `solutions/`, or a student's test module with the stub that goes with it."""

    name: str
    folder: str = ""
    test_module: str = ""
    stub: str = ""


class Derived(msgspec.Struct):
    sentence: str
    source: str
    only: list[str]
    crashes: bool = False
    used_by: str = ""


class Described(msgspec.Struct, tag="described"):
    """What an exercise's files say."""

    problem: str = ""  # when they can't be used; nothing else is set then
    reference: str = ""
    stub: str = ""
    experiments: str = ""
    checks: list[PlannedCheck] = []
    hidden: dict[str, int] = {}  # number of hidden cases, of each check
    mistakes: list[Derived] = []
    alternatives: list[Derived] = []
    cheats: list[Derived] = []


class Make(msgspec.Struct, tag="make"):
    """Make the inputs of one case."""

    check: str
    index: int  # public cases first, then hidden ones; a fresh one repeats the first hidden one
    seed: str
    drawn: int = 0  # instead: the number of an example of `given=`


class Made(msgspec.Struct, tag="made"):
    problem: str = ""
    example: bytes = b""  # of `given=`: what was drawn
    inputs: bytes = b""
    inputs_text: dict[str, str] = {}
    parameters: dict[str, str] = {}
    lab: list[str] = []


class Seen(msgspec.Struct):
    """One observation to judge."""

    check: str
    case: PlannedCase
    value: bytes
    changed: bytes = b""  # the inputs after the run, where they are not as before


class Review(msgspec.Struct, tag="review"):
    seen: list[Seen]


class Verdict(msgspec.Struct):
    """What the trusted side makes of one observation."""

    passed: bool
    text: str = ""  # what was seen: of a dict the part that differs
    want_text: str = ""  # the same part of what was expected, where it is a part
    message: Message | None = None
    difference: Difference | None = None
    margin: float | None = None
    timeline: Timeline | None = None  # a picture of the answer
    matches: list[int] = []  # known mistakes that give the same
    untold: bool = False  # the answer was too large to be kept, and what is left of it does not tell how it differs
    seconds: float = 0.0  # of CPU time that it took
    problem: str = ""  # the judge raised, for the reference's own answer as well: our fault


JUDGE_FAILED = frozenset({"judge.raised", "judge.memory", "judge.time"})
"""Messages of verdicts on answers that a judge could not cope with, though it can with the reference's own."""


def took_too_long(verdict: Verdict) -> bool:
    """Whether looking at the answer was ended: then no other answer to that check, of the same submission, is looked at."""
    return verdict.message is not None and verdict.message.id == "judge.time"


class Reviewed(msgspec.Struct, tag="reviewed"):
    verdicts: list[Verdict]


class Evidence(msgspec.Struct, tag="evidence"):
    """Compare observations of one check with the reference's: which differ, and which of those could come from anything."""

    check: str
    want: bytes
    values: list[bytes]


class Weighed(msgspec.Struct, tag="weighed"):
    """For each value: `same`, `different`, or `anything`."""

    kinds: list[str]


class Shrink(msgspec.Struct, tag="shrink"):
    """Look for a smaller example of `given=` on which an answer fails, from a case on which it does. An earlier search ends."""

    check: str
    case: PlannedCase


class Tried(msgspec.Struct, tag="tried"):
    """Whether the answer fails on what was to be tried."""

    failed: bool


class Try(msgspec.Struct, tag="try"):
    """What to try next; None when there is nothing more."""

    made: Made | None


class Shown(msgspec.Struct, tag="shown"):
    text: str


class Perturb(msgspec.Struct, tag="perturb"):
    """Move every float of the inputs by one unit in the last place."""

    inputs: bytes


class Discrete(msgspec.Struct, tag="discrete"):
    """Compare only what has no tolerance: types, shapes, codes, choices."""

    want: bytes
    value: bytes


class Examine(msgspec.Struct, tag="examine"):
    """Look at an exercise's files and at its checks, with the inputs and the reference's observations that a plan has."""

    checks: list[PlannedCheck]
    forbid: list[str]


class Loose(msgspec.Struct):
    """A tolerance that is looser than the usual one, `times` as loose where that is most."""

    check: str
    atol: float
    rtol: float
    times: float
    judged: bool  # a judge uses it: how near answers come is not known


class Examined(msgspec.Struct, tag="examined"):
    """What is wrong with them, as sentences."""

    problems: list[str]
    loose: list[Loose] = []


Request = Open | Make | Review | Evidence | Perturb | Discrete | Shrink | Tried | Examine
Reply = Described | Made | Reviewed | Weighed | Shown | Try | Examined
