"""A pipeline of devices that work one after another, and a simulator that says what any schedule costs.

A model is cut into p stages, and device s holds stage s. A batch is cut into m micro-batches. For each of them, every stage
does one forward and one backward:

    Op = (stage, "F" or "B", micro-batch)          # all numbered from 0

- F of a stage needs the output of the stage before: (s, "F", i) waits for (s - 1, "F", i), if s > 0.
- B needs the activations of its own forward and the gradient from the stage behind: (s, "B", i) waits for (s, "F", i) and,
  unless s is the last stage p - 1, for (s + 1, "B", i).

A schedule is one list for each device: what it runs, one operation at a time, in exactly this order.
"""

from typing import TypedDict

Op = tuple[int, str, int]
Schedule = list[list[Op]]


class Timeline(TypedDict):
    """When everything happens. Times are numbers from 0, in the unit of `tf` and `tb`."""

    makespan: float  # when the last operation ends
    start: dict[Op, float]  # of every operation
    end: dict[Op, float]


class Deadlock(ValueError):
    """The schedule cannot go on: every device that is not done waits for an operation that never runs."""


# BEGIN SOLUTION
def _needs(op: Op, p: int) -> list[Op]:
    """The operations that must have ended before `op` starts."""
    s, kind, i = op
    if kind == "F":
        return [(s - 1, "F", i)] if s > 0 else []
    return [(s, "F", i), *([(s + 1, "B", i)] if s < p - 1 else [])]


# END SOLUTION
def naive_schedule(p: int, m: int) -> Schedule:
    """The naive pipeline: a micro-batch goes forward through all stages and back again before the next one starts.

    p: number of devices and stages, >= 1.
    m: number of micro-batches, >= 1.

    Returns p lists: entry s is what device s runs. Micro-batches come in the order 0, 1, …, m - 1. At any time one device works
    and the others wait.

    >>> naive_schedule(2, 1)
    [[(0, 'F', 0), (0, 'B', 0)], [(1, 'F', 0), (1, 'B', 0)]]
    """
    # BEGIN SOLUTION
    return [[(s, kind, i) for i in range(m) for kind in "FB"] for s in range(p)]
    # END SOLUTION


def simulate(schedule: Schedule, tf: float = 1.0, tb: float = 2.0, t_comm: float = 0.0) -> Timeline:
    """Run a schedule on paper: when does each operation start and end?

    schedule: one list for each device, so p = len(schedule) >= 1; device s runs operations of stage s only. Each operation is in it
        once at most. It need not be complete: without any B it is inference; a device may have nothing to do.
    tf, tb: how long a forward and a backward take, >= 0.
    t_comm: how long a result travels to another device, >= 0. (What a stage needs of its own forward is there at once.)
        Sending and receiving keep no device busy.

    An operation starts as soon as its device has ended the one before it in its list, and all that it waits for (see the top
    of this file) has ended and arrived. It never starts earlier, and a device never takes a later operation of its list first.

    Returns the times of every operation of the schedule, and the makespan (0 for a schedule without operations).
    Raises `Deadlock` when the schedule cannot go on: an operation waits for one that never runs, because that
    stands behind it, or waits itself, or is missing.

    >>> simulate([[(0, "F", 0), (0, "B", 0)], [(1, "F", 0), (1, "B", 0)]], tf=1.0, tb=2.0, t_comm=0.5)
    {'makespan': 7.0,
     'start': {(0, 'F', 0): 0.0, (1, 'F', 0): 1.5, (1, 'B', 0): 2.5, (0, 'B', 0): 5.0},
     'end': {(0, 'F', 0): 1.0, (1, 'F', 0): 2.5, (1, 'B', 0): 4.5, (0, 'B', 0): 7.0}}
    >>> simulate([[(0, "B", 0), (0, "F", 0)]])
    Traceback (most recent call last):
    Deadlock: these never run: [(0, 'B', 0)]
    """
    # BEGIN SOLUTION
    p = len(schedule)
    start: dict[Op, float] = {}
    end: dict[Op, float] = {}
    clock = [0.0] * p  # when each device is free
    todo = [list(ops) for ops in schedule]
    moved = True
    while moved:
        moved = False
        for s, ops in enumerate(todo):
            while ops and all(need in end for need in _needs(ops[0], p)):
                op = ops.pop(0)
                arrived = [end[need] + (t_comm if need[0] != s else 0.0) for need in _needs(op, p)]
                start[op] = max([clock[s], *arrived])
                end[op] = clock[s] = start[op] + (tf if op[1] == "F" else tb)
                moved = True
    if any(todo):
        raise Deadlock(f"these never run: {[ops[0] for ops in todo if ops]}")
    return {"makespan": max(clock), "start": start, "end": end}
    # END SOLUTION


def bubble_fraction(timeline: Timeline, p: int) -> float:
    """The share of the devices' time that is idle: idle time of all p devices / (p · makespan).

    timeline: as `simulate` returns it, with a makespan > 0. Operations may take any time, each its own.
    p: number of devices. Some of them may have nothing to do at all.

    (This is the convention "of the total". Others divide by the busy time, and get (p - 1) / m for GPipe where this one gets
    (p - 1) / (m + p - 1).)

    Two devices that work one after the other are idle half of the time:

    >>> start, end = {(0, "F", 0): 0.0, (1, "F", 0): 1.0}, {(0, "F", 0): 1.0, (1, "F", 0): 2.0}
    >>> bubble_fraction({"makespan": 2.0, "start": start, "end": end}, 2)
    0.5
    """
    # BEGIN SOLUTION
    busy = sum(timeline["end"][op] - timeline["start"][op] for op in timeline["start"])
    return 1 - busy / (p * timeline["makespan"])
    # END SOLUTION


def peak_activations(schedule: Schedule) -> list[int]:
    """For each device, of how many micro-batches it holds the activations at once, at most.

    A forward makes the activations of its micro-batch, and they are held until the backward of that micro-batch has ended.
    The order of the device's own list says it all. Without a backward they are held to the end.

    Returns a list as long as the schedule; 0 for a device without operations.

    >>> first = [(0, "F", 0), (0, "F", 1), (0, "B", 0), (0, "B", 1)]
    >>> second = [(1, "F", 0), (1, "B", 0), (1, "F", 1), (1, "B", 1)]
    >>> peak_activations([first, second])
    [2, 1]
    """
    # BEGIN SOLUTION
    peaks = []
    for ops in schedule:
        held, most = 0, 0
        for _, kind, _ in ops:
            held += 1 if kind == "F" else -1
            most = max(most, held)
        peaks.append(most)
    return peaks
    # END SOLUTION
