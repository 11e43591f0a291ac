"""What a stage that learns keeps of itself, so that it can go on after it was stopped.

An optimizer is the student's own class: nobody knows where its state is. All its attributes are kept together with the parameters, so that those
that it holds stay those of the model. Whether that was enough is tried: losses of two steps after the kept one are kept as well, and a stage that
goes on must see the same ones. Where it does not, it begins anew.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from autograder.capstone.model import Learner

REPEATED = 2
"""Steps that are made again to see that nothing is lost."""


class Keeper:
    """Keeps a model and its optimizer in a file, and brings them back."""

    def __init__(self, file: Path, learner: Learner) -> None:
        self.file, self.learner = file, learner
        self.curve: list[tuple[int, float]] = []
        self.held_out: list[tuple[int, float]] = []
        self._waiting: dict[str, Any] | None = None

    def keep(self, step: int, curve: list[tuple[int, float]], held_out: list[tuple[int, float]]) -> None:
        """Remember how things are before step `step`. They are written when the two steps that follow are known."""
        buffer = io.BytesIO()
        try:
            torch.save({"weights": list(self._weights().values()), "optimizer": vars(self.learner.optimizer)}, buffer)
        except (pickle.PicklingError, AttributeError, TypeError):
            self._waiting = None  # an optimizer that can't be kept: a stopped stage begins anew
            return
        self._waiting = {
            "step": step,
            "curve": list(curve),
            "held_out": list(held_out),
            "state": buffer.getvalue(),
            "next": [],
        }

    def saw(self, step: int, loss: float) -> None:
        """The loss of a step that was made."""
        waiting = self._waiting
        if waiting is None or step < waiting["step"]:
            return
        waiting["next"].append(loss)
        if len(waiting["next"]) == REPEATED:
            new = self.file.with_suffix(".new")
            torch.save(waiting, new)
            new.replace(self.file)
            self._waiting = None

    def resume(self, one: Callable[[int], float]) -> int:
        """Bring back what was kept. `one(step)` makes a step and gives its loss. Returns the step to go on with; 0 is the beginning."""
        try:
            kept = torch.load(self.file, weights_only=False)  # written by this course, on this machine
            state = torch.load(io.BytesIO(kept["state"]), weights_only=False)
        except (OSError, RuntimeError, pickle.UnpicklingError, AttributeError, KeyError, EOFError, ImportError):
            return 0
        self._put(state["weights"], state["optimizer"])
        try:
            seen = [one(kept["step"] + number) for number in range(REPEATED)]
        except Exception as error:  # the student's optimizer, with a state that is not whole
            raise Stale from error
        if seen != kept["next"]:
            raise Stale
        first = kept["step"]
        self.curve = [*kept["curve"], *((first + number, loss) for number, loss in enumerate(seen))]
        self.held_out = kept["held_out"]
        return first + REPEATED

    def done(self) -> None:
        self.file.unlink(missing_ok=True)

    def _weights(self) -> dict[str, nn.Parameter]:
        return dict(self.learner.model.named_parameters())

    def _put(self, weights: list[nn.Parameter], attributes: dict[str, Any]) -> None:
        """These parameters become the model's own, in every place where the old ones stand; the optimizer holds them already."""
        new = {id(old): weight for old, weight in zip(self._weights().values(), weights, strict=True)}
        for layer in self.learner.model.modules():
            for name, parameter in list(layer._parameters.items()):
                if parameter is not None and id(parameter) in new:
                    layer._parameters[name] = new[id(parameter)]
        self.learner.weights = [parameter for parameter in self._weights().values() if parameter.requires_grad]
        vars(self.learner.optimizer).clear()
        vars(self.learner.optimizer).update(attributes)


class Stale(Exception):
    """What was kept does not go on as it did: the stage must begin anew."""
