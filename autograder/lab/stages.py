"""Stages of a pipeline, and the record of what happens to them: what each forward and backward got and gave, and how long what it
saved stays in memory.

Stages are a *hosted* value (`autograder.lab.hosting`): when work is graded, they run in a trusted process, with what their forwards keep
for a backward, and the implementation has modules that ask for each forward and backward. Those have parameters of their own,
equal to the stages' at the start, and get their gradients from the backward as any module does.

Freeing is told by the implementation's side: the trusted side drops what a forward kept when the end says that autograd has let go
of it, so who says it too early has no backward any more. That an output is gone is told in the same way.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Event = dict[str, Any]


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


# --- the trusted side ------------------------------------------------------------------------------------------------


class Stages:
    """The stages of `stack(kinds, weights)`, or `modules`, with their record.

    Events are dicts with the same keys each: `event`, `stage`, `call` (which of this stage's forwards, from 0), and
    `tensors`. In order of `event`:

    - "F": the stage's k-th forward has run: [input, output]; `graph` says whether it keeps what a backward needs;
    - "B": the backward through that forward: [gradient of the output, gradients of the input (empty for ids) and the parameters];
    - "free": what that forward kept for its backward is gone;
    - "drop": its output is gone;
    - "spent": the gradient of its input, which a "B" gave, is gone.
    """

    def __init__(self, kinds: Sequence[str], weights: Sequence[Tensor], modules: Sequence[nn.Module] = ()) -> None:
        self._stages = list(modules) or stack(kinds, weights)
        self._calls = [0] * len(self._stages)
        self._kept: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._events: list[Event] = []

    def ends(self) -> list[dict[str, Any]]:
        return [{"parameters": [[p.detach() for p in stage.parameters()] for stage in self._stages]}]

    def record(self) -> list[Event]:
        return self._events

    def finish(self) -> None: ...

    def stuck(self) -> Exception:
        return RuntimeError("the stages wait for nobody")

    def call(self, rank: int, method: str, arguments: Sequence[Any]) -> Any:
        match method, arguments:
            case "forward", [list(gone), int(stage), Tensor() as x, bool(graph)] if 0 <= stage < len(self._stages):
                self._gone(gone)
                return self._forward(stage, x, graph)
            case "backward", [list(gone), int(stage), int(call), Tensor() as grad] if 0 <= stage < len(self._stages):
                self._gone(gone)
                return self._backward(stage, call, grad)
        raise ValueError(f"{method} is not called like this")

    def _forward(self, stage: int, x: Tensor, graph: bool) -> tuple[int, Tensor]:
        module, call = self._stages[stage], self._calls[stage]
        x = x.detach().requires_grad_(x.is_floating_point())
        with torch.set_grad_enabled(graph):  # whatever the mode is where it was asked for
            y = module(x)
        self._calls[stage] += 1
        if graph:
            self._kept[stage, call] = x, y
        self._write("F", stage, call, [x.detach(), y.detach()], graph)
        return call, y.detach()

    def _backward(self, stage: int, call: int, grad: Tensor) -> list[Tensor | None]:
        if (stage, call) not in self._kept:
            raise RuntimeError("what this forward kept for its backward has been freed")
        x, y = self._kept[stage, call]
        wanted = [*([x] if x.requires_grad else []), *self._stages[stage].parameters()]
        grads = torch.autograd.grad(y, wanted, grad, retain_graph=True) if y.requires_grad else []
        found = [*([] if x.requires_grad else [None]), *grads]
        self._write("B", stage, call, [grad, *(torch.empty(0) if each is None else each for each in found)])
        return found

    def _gone(self, gone: list[Any]) -> None:
        for each in gone:
            match each:
                case ["free", int(stage), int(call)] if self._kept.pop((stage, call), None) is not None:
                    self._write("free", stage, call)
                case [("drop" | "spent") as event, int(stage), int(call)]:
                    self._write(event, stage, call)

    def _write(self, event: str, stage: int, call: int, tensors: Sequence[Tensor] = (), graph: bool = False) -> None:
        self._events.append({"event": event, "stage": stage, "call": call, "graph": graph, "tensors": list(tensors)})


# --- the implementation's side ---------------------------------------------------------------------------------------


def ends(ask: Callable[..., Any], parameters: Sequence[Sequence[Tensor]]) -> list[nn.Module]:
    """The modules that stand for the stages."""
    gone: list[list[Any]] = []  # told with the next step: a finalizer runs at any moment, maybe in the middle of one
    return [_Stage(number, own, ask, gone) for number, own in enumerate(parameters)]


class _Stage(nn.Module):
    def __init__(
        self, number: int, parameters: Sequence[Tensor], ask: Callable[..., Any], gone: list[list[Any]]
    ) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(each.clone()) for each in parameters])
        self._number = number
        self._step = _Steps(ask, gone)

    def forward(self, x: Tensor) -> Tensor:
        return _Forward.apply(self._step, self._number, torch.is_grad_enabled(), x, *self.weights)  # type: ignore[no-any-return]


class _Steps:
    """Asks for steps. A deep copy of a stage asks for the same stage."""

    def __init__(self, ask: Callable[..., Any], gone: list[list[Any]]) -> None:
        self.ask, self.gone = ask, gone

    def __call__(self, method: str, *arguments: Any) -> Any:
        told = self.gone[:]
        del self.gone[: len(told)]
        return self.ask(method, told, *arguments)

    def __deepcopy__(self, memo: object) -> _Steps:
        return self


class _Forward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, step: _Steps, stage: int, graph: bool, x: Tensor, *weights: Tensor) -> Tensor:
        graph = graph and any(ctx.needs_input_grad)
        call, y = step("forward", stage, x.detach(), graph)
        if graph:  # It lives as long as what autograd saves of this forward, and goes where that goes: checkpoints exchange it.
            ctx.save_for_backward(_watched(torch.tensor([call]), step.gone, ["free", stage, call]))
        ctx.step, ctx.stage = step, stage
        return _watched(y, step.gone, ["drop", stage, call]).to(x.device)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (call,) = ctx.saved_tensors
        found = ctx.step("backward", ctx.stage, int(call), grads[0])
        if found[0] is not None:
            found[0] = _watched(found[0], ctx.step.gone, ["spent", ctx.stage, int(call)])
        device = grads[0].device
        return None, None, None, *(None if each is None else each.to(device) for each in found)


def _watched(tensor: Tensor, gone: list[list[Any]], event: list[Any]) -> Tensor:
    """The same numbers, in memory of which `gone` is told when nobody holds it any more."""
    buffer = np.array(tensor.numpy())
    weakref.finalize(buffer, gone.append, event).atexit = False
    return torch.from_numpy(buffer)
