"""Stages of a pipeline that write down what happens to them: when they run forwards and backwards, and how long what a forward saved
for its backward stays in memory.

    log = []
    stages = recorded([nn.Linear(4, 4), nn.Tanh()], log)

Each event is (stage, what, call, rows), `call` counting the forwards of that stage from 0:

- (s, "F", k, rows): the stage's k-th forward has run, on a micro-batch of so many rows;
- (s, "B", k, rows): the backward through that forward begins;
- (s, "free", k, rows): what that forward kept for its backward is gone.

The judge replays them on the trusted side. Freeing is seen at the memory itself: a buffer saved for the backward, whoever holds it.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Event = tuple[int, str, int, int]


class _Kept(torch.autograd.Function):
    """The identity, with a buffer that lives as long as what autograd saves of this forward."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, stage: int, call: int, log: list[Event]) -> Tensor:
        rows = len(y)
        buffer = np.zeros(1, dtype=np.float32)
        weakref.finalize(buffer, log.append, (stage, "free", call, rows)).atexit = False
        ctx.save_for_backward(torch.from_numpy(buffer))
        ctx.log, ctx.event = log, (stage, "B", call, rows)
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        ctx.log.append(ctx.event)
        (_,) = ctx.saved_tensors
        return grads[0], None, None, None


class _Recorded(nn.Module):
    def __init__(self, stage: nn.Module, number: int, log: list[Event]) -> None:
        super().__init__()
        self.stage, self.number, self.log, self.calls = stage, number, log, 0

    def forward(self, x: Tensor) -> Tensor:
        call, self.calls = self.calls, self.calls + 1
        self.log.append((self.number, "F", call, len(x)))
        return _Kept.apply(self.stage(x), self.number, call, self.log)


def recorded(stages: Sequence[nn.Module], log: list[Event]) -> list[nn.Module]:
    """The same stages, with their own parameters, writing into `log`."""
    return [_Recorded(stage, number, log) for number, stage in enumerate(stages)]


def stack(kinds: Sequence[str], weights: Sequence[Tensor]) -> list[nn.Module]:
    """The stages of a small model, with `weights` taken in order: "linear" is a layer (weight, bias) and a tanh, "embed" turns ids
    of tokens into vectors (weight), "mean" averages the tokens of a sequence, "tanh" has no parameters either."""
    left, stages = list(weights), []
    for kind in kinds:
        if kind == "linear":
            weight, bias = left.pop(0), left.pop(0)
            layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
            layer.load_state_dict({"weight": weight, "bias": bias})
            stages.append(nn.Sequential(layer, nn.Tanh()))
        elif kind == "embed":
            stages.append(nn.Embedding.from_pretrained(left.pop(0).clone(), freeze=False))
        else:
            stages.append({"mean": _Mean, "tanh": nn.Tanh}[kind]())
    return stages


class _Mean(nn.Module):
    """(rows, tokens, features) → (rows, features)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)


def execution(log: Sequence[Event], stages: int) -> list[list[tuple[str, int, int]]]:
    """For each stage, what ran in order: (kind, call, rows)."""
    return [
        [(what, call, rows) for s, what, call, rows in log if s == stage and what != "free"] for stage in range(stages)
    ]


def most_kept(log: Sequence[Event], stages: int) -> list[int]:
    """For each stage, of how many forwards it kept what a backward needs at once, at most."""
    now, most = [0] * stages, [0] * stages
    for stage, what, _, _ in log:
        if 0 <= stage < stages:
            now[stage] += {"F": 1, "free": -1}.get(what, 0)
            most[stage] = max(most[stage], now[stage])
    return most
