"""One node as the dispatcher keeps it: how it stands, what it has, what it was given to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from autograder.cluster.machines import Node, Place
from autograder.cluster.messages import Report

BEGIN_SECONDS = 300.0  # to begin: two imports of torch, on a machine that may be busy
SLACK = 120.0  # seconds beyond what a work may take, for messages and for waiting in the node


class State(enum.Enum):
    BEGINS = "begins"
    GRADES = "grades"
    REFUSED = "not used"
    GONE = "gone"


@dataclass
class Given:
    """One work that a node has in hand."""

    jobs: list[Any]
    seconds: float  # that it may take


@dataclass(eq=False)
class Hand:
    """A node, from its start to its end."""

    place: Place
    slots: int
    node: Node
    heard: float  # when it last answered, or had nothing to answer (time.monotonic)
    state: State = State.BEGINS
    report: Report | None = None
    problems: list[str] = field(default_factory=list)  # why it is not used, or gone
    has: set[str] = field(default_factory=set)  # hashes of the shipments that it was sent
    works: dict[int, Given] = field(default_factory=dict)
    accepted: bool = False  # whether it was ever let to grade
    units: int = 0  # that it graded
    seconds: float = 0.0  # that this took, over all its slots
    _number: int = 0

    @property
    def gpu(self) -> bool:
        """Whether GPU checks can run on it, as far as is known."""
        return self.place.gpus > 0 and (self.report is None or self.report.cuda)

    @property
    def room(self) -> int:
        """How many works more it is to have."""
        return works_at_hand(self.slots) - len(self.works)

    def give(self, jobs: list[Any], seconds: float, now: float) -> int:
        """Note what it is given to do, which takes `seconds` at most; returns the number of that work."""
        if not self.works:
            self.heard = now
        self._number += 1
        self.works[self._number] = Given(jobs, seconds)
        return self._number

    def take_back(self) -> list[Any]:
        """All that it was given and has not answered, in its order."""
        jobs = [job for number in sorted(self.works) for job in self.works[number].jobs]
        self.works.clear()
        return jobs

    def overdue(self, now: float) -> str:
        """What it should have done by now; "" when all is well."""
        silent = now - self.heard
        if self.state is State.BEGINS and silent > BEGIN_SECONDS:
            return f"it did not begin in {silent:.0f} s; other jobs may have its processors"
        if self.works and silent > max(given.seconds for given in self.works.values()) + SLACK:
            return f"no answer in {silent:.0f} s"
        return ""


def works_at_hand(slots: int) -> int:
    """One for each slot, and some that wait there for their turn."""
    return slots + max(1, slots // 4)


def sentence(hand: Hand) -> str:
    """A node that begins to grade, for people."""
    report = hand.report
    assert report is not None
    gpu = ", a GPU" if hand.gpu else ""
    notes = []
    if hand.place.gpus and not report.cuda:
        notes.append("torch finds no CUDA device there, so it runs no GPU checks")
    if report.budgets:
        notes.append(f"memory budgets are weaker there: {report.budgets}")
    said = "".join(f"; {note}" for note in notes)
    return f"Node {hand.place.name} grades: {hand.slots} at a time{gpu}, behind {', '.join(report.layers)}{said}."
