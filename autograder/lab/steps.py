"""Reading the record of hosted stages, for judges: which micro-batches ran through them, in which order, and what was kept.

The record is made on the trusted side (`autograder.lab.stages`), so nothing in it can be untrue; but an implementation may feed
its stages with anything. So each step is held against the reference's: a forward belongs to the micro-batch whose input the
reference's stage got, and a backward must get its gradient, up to a factor (weights of micro-batches may be applied elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograder.checks.authoring import reject
from autograder.checks.declared import Rejection
from autograder.lab.stages import Event

TOLERANCE = {torch.float64: 1e-9}
OTHERWISE = 1e-4
"""Relative, in the norm: sums in another order differ by 1e-6 in float32; another micro-batch by about 1."""


@dataclass(frozen=True)
class Ran:
    """One forward or backward of a stage."""

    kind: str  # "F" or "B"
    call: int  # which of the stage's forwards
    micro_batch: int  # in the reference's order of forwards, from 0; -1: of none
    rows: int
    graph: bool = True  # whether the forward kept what a backward needs


def execution(record: Sequence[Event], want: Sequence[Event], stages: int, m: int) -> list[list[Ran]] | Rejection:
    """For each stage what ran, in order, or why that is no run of `m` micro-batches through these stages."""
    found: list[list[Ran]] = [[] for _ in range(stages)]
    for stage in range(stages):
        inputs, gradients = _inputs(want, stage, m), _gradients(want, stage)
        of: dict[int, int] = {}  # micro-batch of each forward
        for event in record:
            if event["stage"] != stage or event["event"] not in ("F", "B"):
                continue
            kind, call, tensors = event["event"], event["call"], event["tensors"]
            if kind == "F":
                of[call] = _micro_batch(tensors[0], inputs, list(of.values()))
                found[stage].append(Ran("F", call, of[call], len(tensors[0]), event["graph"]))
            else:
                if of[call] >= 0 and not any(_parallel(tensors[0], each) for each in gradients.get(of[call], [])):
                    return reject(
                        "The gradient that stage {stage} gets for micro-batch {number} is not what comes from {where}.",
                        stage=stage, number=of[call], where="the loss" if stage == stages - 1 else "the stage behind it",
                    )  # fmt: skip
                found[stage].append(Ran("B", call, of[call], len(tensors[0])))
    return found


def strangers(ran: Sequence[Sequence[Ran]]) -> Rejection | None:
    """Why a stage got what is no micro-batch's, if one did."""
    for stage, steps in enumerate(ran):
        for step in steps:
            if step.micro_batch < 0:
                return reject(
                    "Forward number {call} of stage {stage} gets {rows} rows that are not those of a micro-batch: {where}.",
                    call=step.call, stage=stage, rows=step.rows,
                    where="they are not a part of `x.tensor_split(m)`" if stage == 0 else "the stage before gave none of these",
                )  # fmt: skip
    return None


def most_kept(record: Sequence[Event], stages: int) -> list[int]:
    """For each stage, of how many forwards it kept what a backward needs at once, at most."""
    return _most(record, stages, "free", lambda event: event["graph"])


def most_outputs(record: Sequence[Event]) -> int:
    """How many outputs of all stages together were in memory at once, at most."""
    return _most([{**event, "stage": 0} for event in record], 1, "drop", lambda event: True)[0]


def most_gradients(record: Sequence[Event]) -> int:
    """How many gradients of stages' inputs, which their backwards gave, were in memory at once, at most."""
    backwards = [
        {**event, "stage": 0, "event": {"B": "F"}.get(event["event"], event["event"])}
        for event in record
        if event["event"] in ("B", "spent")
    ]
    return _most(backwards, 1, "spent", lambda event: bool(event["tensors"][1].numel()))[0]


def _most(record: Sequence[Event], stages: int, gone: str, counts: Callable[[Event], bool]) -> list[int]:
    now, most = [0] * stages, [0] * stages
    for event in record:
        stage = event["stage"]
        now[stage] += 1 if event["event"] == "F" and counts(event) else -1 if event["event"] == gone else 0
        most[stage] = max(most[stage], now[stage])
    return most


def _inputs(want: Sequence[Event], stage: int, m: int) -> list[Tensor]:
    """What each micro-batch brings to this stage, as the reference has it."""
    return [event["tensors"][0] for event in want if event["stage"] == stage and event["event"] == "F"][:m]


def _gradients(want: Sequence[Event], stage: int) -> dict[int, list[Tensor]]:
    found: dict[int, list[Tensor]] = {}
    inputs = [event["tensors"][0] for event in want if event["stage"] == stage and event["event"] == "F"]
    for event in want:
        if event["stage"] == stage and event["event"] == "B":
            for number, each in enumerate(inputs):  # one that was run again has the same input
                if _close(each, inputs[event["call"]]):
                    found.setdefault(number, []).append(event["tensors"][0])
    return found


def _micro_batch(x: Tensor, inputs: Sequence[Tensor], used: Sequence[int]) -> int:
    """The micro-batch that brings `x`; of several, the one that was here least."""
    found = [number for number, each in enumerate(inputs) if _close(x, each)]
    return min(found, key=lambda number: (used.count(number), number), default=-1)


def _close(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not a.is_floating_point():
        return torch.equal(a, b)
    return bool((a - b).norm() <= TOLERANCE.get(a.dtype, OTHERWISE) * b.norm() + 1e-12)


def _parallel(a: Tensor, b: Tensor) -> bool:
    """Whether a is b times some positive factor."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    square = (b * b).sum()
    if square == 0:
        return bool((a == 0).all())
    factor = (a * b).sum() / square
    return bool(factor > 0) and _close(a / factor, b)
