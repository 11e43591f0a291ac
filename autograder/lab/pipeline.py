"""Pipeline schedules: what runs when, what is kept in memory, where it stands still; and a picture of it.

A schedule is data: a list for each device, of the operations that it runs in order. The exercises on pipelines judge schedules
with this simulator, and you may use it to look at yours:

    from autograder.lab.pipeline import draw
    print(draw(gpipe_schedule(4, 8)))

With `chunks=v`, device r of p holds the stages r, p + r, 2p + r, …, and a stage is a v-th of a device's layers, so it takes a v-th of
the time. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from autograder.results import Block, Timeline, Waiting

Op = tuple[int, str, int]
"""(stage, "F" or "B", micro-batch)."""

Schedule = list[list[Op]]
"""One list a device: what it runs, in this order."""


class _Random(Protocol):
    def choice(self, values: list[Op], /) -> Op: ...


@dataclass
class Run:
    """What happens when each device runs its list, one operation at a time, each as soon as its inputs are there."""

    start: dict[Op, float] = field(default_factory=dict)
    end: dict[Op, float] = field(default_factory=dict)
    clock: list[float] = field(default_factory=list)  # when each device is done with what it could run
    standing: dict[int, tuple[Op, Op]] = field(default_factory=dict)  # device → what it comes to, what that waits for

    @property
    def makespan(self) -> float:
        return max(self.clock, default=0.0)


def needs(op: Op, stages: int) -> list[Op]:
    """What must have run before: the stage's input, or its own forward and the gradient of its output."""
    stage, kind, micro_batch = op
    if kind == "F":
        return [(stage - 1, "F", micro_batch)] if stage > 0 else []
    return [(stage, "F", micro_batch), *([(stage + 1, "B", micro_batch)] if stage < stages - 1 else [])]


def simulate(schedule: Schedule, chunks: int = 1, tf: float = 1.0, tb: float = 2.0, t_comm: float = 0.0) -> Run:
    """Run a schedule on paper. A forward through a *device* takes `tf`, a backward `tb`; a result reaches another device
    `t_comm` after its end. Never raises: where it cannot go on, `standing` says why."""
    stages = len(schedule) * chunks
    takes = {"F": tf / chunks, "B": tb / chunks}
    run = Run(clock=[0.0] * len(schedule))
    position = [0] * len(schedule)
    moved = True
    while moved:
        moved = False
        for device, ops in enumerate(schedule):
            while position[device] < len(ops):
                op = ops[position[device]]
                before = needs(op, stages)
                if any(need not in run.end for need in before):
                    break
                away = [need[0] % len(schedule) != device for need in before]
                ready = [run.end[need] + t_comm * far for need, far in zip(before, away, strict=True)]
                run.start[op] = max([run.clock[device], *ready])
                run.end[op] = run.clock[device] = run.start[op] + takes[op[1]]
                position[device] += 1
                moved = True
    for device, ops in enumerate(schedule):
        if position[device] < len(ops):
            op = ops[position[device]]
            run.standing[device] = op, next(need for need in needs(op, stages) if need not in run.end)
    return run


def peaks(schedule: Schedule) -> list[int]:
    """For each device, how many activations (of a micro-batch in a stage) it holds at once at most: from F to B."""
    found = []
    for ops in schedule:
        held = most = 0
        for _, kind, _ in ops:
            held += 1 if kind == "F" else -1
            most = max(most, held)
        found.append(most)
    return found


def picture(schedule: Schedule, run: Run, chunks: int = 1) -> Timeline:
    """What happened as a timeline: devices × time."""
    devices = len(schedule)

    def label(op: Op) -> str:
        stage, kind, micro_batch = op
        return f"{kind}{micro_batch}" + (chr(ord("a") + stage // devices % 26) if chunks > 1 else "")

    blocks = [
        Block(
            lane=op[0] % devices,
            start=start,
            end=run.end[op],
            label=label(op),
            kind="forward" if op[1] == "F" else "backward",
            group=op[0] // devices,
        )
        for op, start in run.start.items()
    ]
    waiting = [
        Waiting(
            lane=device,
            since=run.clock[device],
            label=label(op),
            needs=f"{label(need)} of " + ("the same stage" if need[0] == op[0] else f"stage {need[0]}"),
        )
        for device, (op, need) in run.standing.items()
    ]
    return Timeline(lanes=[f"device {device}" for device in range(devices)], blocks=blocks, waiting=waiting)


def random_schedule(rng: _Random, p: int, m: int, part: float = 1.0) -> Schedule:
    """Some valid schedule, or the beginning of one: again and again some operation that can run is put on its device's list."""
    schedule: Schedule = [[] for _ in range(p)]
    done: set[Op] = set()
    every = [(s, kind, i) for s in range(p) for kind in "FB" for i in range(m)]
    for _ in range(int(len(every) * part)):
        able = [op for op in every if op not in done and all(need in done for need in needs(op, p))]
        op = rng.choice(able)
        done.add(op)
        schedule[op[0]].append(op)
    return schedule


def draw(schedule: Schedule, chunks: int = 1, tf: float = 1.0, tb: float = 2.0, width: int = 100) -> str:
    """A schedule as text: devices × time."""
    from autograder.feedback import timeline

    return timeline.text(picture(schedule, simulate(schedule, chunks, tf, tb), chunks), width)
