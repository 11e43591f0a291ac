"""Judging pipeline schedules: is it one, does it come to an end, how long does it take, how much does it hold?

Any schedule that meets the bounds is right; none is compared with a list. Each function returns None or a rejection with the
timeline of the schedule, for a judge in `checks.py`:

    def short(seen, case):
        return invalid(seen, case["p"], case["m"]) or too_long(seen, (case["m"] + case["p"] - 1) * 3.0)
"""

from __future__ import annotations

from autograder.checks.authoring import reject
from autograder.checks.declared import Rejection
from autograder.lab.pipeline import Op, Schedule, peaks, picture, simulate
from autograder.results import Timeline

_SLACK = 1e-6  # sums of durations in floating point


def drawn(schedule: Schedule, chunks: int = 1, tf: float = 1.0, tb: float = 2.0) -> Timeline:
    """The timeline of a schedule whose operations are in order (see `invalid`)."""
    return picture(schedule, simulate(schedule, chunks, tf, tb), chunks)


def invalid(schedule: Schedule, p: int, m: int, chunks: int = 1) -> Rejection | None:
    """Why this is no schedule of `m` micro-batches on `p` devices of `chunks` stages each."""
    if len(schedule) != p:
        return reject("You return {got} lists for {want} devices: return one list for each.", got=len(schedule), want=p)
    return _wrong_op(schedule, p, m, chunks) or _incomplete(schedule, p, m, chunks) or _deadlock(schedule, chunks)


def _wrong_op(schedule: Schedule, p: int, m: int, chunks: int) -> Rejection | None:
    for device, ops in enumerate(schedule):
        seen: set[Op] = set()
        for op in ops:
            stage, kind, micro_batch = op
            if kind not in ("F", "B"):
                return reject('`{op}` is no operation: the middle is "F" or "B".', op=op)
            if not 0 <= micro_batch < m:
                return reject(
                    "There is no micro-batch of `{op}`: they are numbered from 0 to {last}.", op=op, last=m - 1
                )
            if not 0 <= stage < p * chunks:
                return reject(
                    "There is no stage of `{op}`: they are numbered from 0 to {last}.", op=op, last=p * chunks - 1
                )
            if stage % p != device:
                return reject(
                    "Device {device} runs `{op}`, but stage {stage} lives on device {home}.",
                    device=device, op=op, stage=stage, home=stage % p,
                )  # fmt: skip
            if op in seen:
                return reject("Device {device} runs `{op}` twice.", device=device, op=op)
            seen.add(op)
    return None


def _incomplete(schedule: Schedule, p: int, m: int, chunks: int) -> Rejection | None:
    for device, ops in enumerate(schedule):
        there = set(ops)
        for stage in range(device, p * chunks, p):
            for op in ((stage, kind, micro_batch) for kind in "FB" for micro_batch in range(m)):
                if op not in there:
                    return reject(
                        "Device {device} never runs `{op}`. Each stage runs F and B of every micro-batch, once.",
                        device=device, op=op, timeline=drawn(schedule, chunks),
                    )  # fmt: skip
    return None


def _deadlock(schedule: Schedule, chunks: int) -> Rejection | None:
    timeline = drawn(schedule, chunks)
    if not timeline.waiting:
        return None
    first = timeline.waiting[0]
    return reject(
        "Deadlock: {device} comes to {op}, which waits for {needs}, and that never runs. Each device runs its list in order.",
        device=timeline.lanes[first.lane], op=first.label, needs=first.needs, timeline=timeline,
    )  # fmt: skip


def too_long(schedule: Schedule, want: float, chunks: int = 1, tf: float = 1.0, tb: float = 2.0) -> Rejection | None:
    """Why a valid schedule takes longer than `want`."""
    run = simulate(schedule, chunks, tf, tb)
    if run.makespan <= want * (1 + _SLACK):
        return None
    return reject(
        "Your schedule takes {got} units of time with F = {tf} and B = {tb} on a device; {want} are enough. "
        "Look in the picture for time that is idle without need.",
        got=f"{run.makespan:g}", want=f"{want:g}", tf=f"{tf:g}", tb=f"{tb:g}", timeline=picture(schedule, run, chunks),
    )  # fmt: skip


def too_full(schedule: Schedule, want: list[int], chunks: int = 1) -> Rejection | None:
    """Why a device of a valid schedule holds more activations at once than `want` says."""
    for device, (got, enough) in enumerate(zip(peaks(schedule), want, strict=True)):
        if got > enough:
            return reject(
                "Device {device} holds {got} activations at once; {want} are enough. An activation is held from its F to its B: "
                "run a B before the next F, as soon as it can run.",
                device=device, got=got, want=enough, timeline=drawn(schedule, chunks),
            )  # fmt: skip
    return None
