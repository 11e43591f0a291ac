"""A class on a cluster, as arithmetic: durations that were measured, handed out by the dispatcher's own rules.

The head is one server that everything waits for: each message and each unit takes some of its time. A node first takes a while to
begin, and longer for the first answer to an exercise, whose files it reads.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.cluster.hands import works_at_hand
from autograder.cluster.jobs import MESSAGE_SECONDS, units_of_message


@dataclass(frozen=True)
class Costs:
    """What was measured, in seconds."""

    begin: float  # until a node grades
    first: float  # more, for a node's first answer to an exercise
    message: float  # of the head, for each message to a node and its answer
    unit: float  # of the head, for each answer: reading, writing
    way: float = 0.001  # of a message, from one machine to another


@dataclass
class _Node:
    slots: int
    seen: set[int] = field(default_factory=set)  # exercises
    queue: deque[list[tuple[int, float]]] = field(default_factory=deque)
    busy: int = 0
    works: int = 0


@dataclass(frozen=True)
class Simulated:
    """What came of it."""

    nodes: int
    seconds: float
    efficiency: float  # of all slots, from the start of the command to its end
    head: float  # the share of that time in which the head was busy


def simulate(units: Sequence[tuple[int, float]], nodes: int, slots: int, costs: Costs, seed: int = 0) -> Simulated:
    """Grade `units` (exercise and seconds) on so many nodes."""
    chance = random.Random(seed)
    waiting = deque(units)
    cluster = [_Node(slots) for _ in range(nodes)]
    events: list[
        tuple[float, int, str, int, int, float]
    ] = []  # when, a number, what, which node, how many units, their seconds
    number = 0

    def later(when: float, what: str, node: int, count: int = 0, took: float = 0.0) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (when, number, what, node, count, took))

    for index in range(nodes):
        later(costs.begin * chance.uniform(0.9, 1.2), "hand out", index)
    head_free = head_busy = end = 0.0
    graded, spent = 0, 0.0

    def occupy(now: float, seconds: float) -> float:
        nonlocal head_free, head_busy
        head_free = max(head_free, now) + seconds
        head_busy += seconds
        return head_free

    def run(now: float, index: int) -> None:
        node = cluster[index]
        while node.queue and node.busy < node.slots:
            node.busy += 1
            work = node.queue.popleft()
            new = {exercise for exercise, _ in work} - node.seen
            node.seen |= new
            took = sum(seconds for _, seconds in work) + len(new) * costs.first
            later(now + took, "answer", index, len(work), took)

    while events:
        now, _, what, index, count, took = heapq.heappop(events)
        node = cluster[index]
        if what == "answer":
            node.busy -= 1
            node.works -= 1
            graded, spent = graded + count, spent + took
            end = max(end, occupy(now + costs.way, count * costs.unit))
            run(now, index)
        if what == "arrive":
            run(now, index)
            continue
        while waiting and node.works < works_at_hand(slots):
            mean = spent / graded if graded else MESSAGE_SECONDS
            size = min(units_of_message(len(waiting), nodes * slots, mean), len(waiting))
            work = [waiting.popleft() for _ in range(size)]
            node.works += 1
            node.queue.append(work)
            later(occupy(now, costs.message) + costs.way, "arrive", index)
    total = sum(seconds for _, seconds in units)
    return Simulated(nodes, end, total / (end * nodes * slots), head_busy / end)
