"""In the worker: one experiment or example, run while it is watched which lines of the student's file run, and what some variables hold.

This file is sent there as text (`runs.py`): a worker reads no other part of the project than it needs for grading, so nothing of this
package may be imported here. The code that is watched is not trusted, and lives in the same process: it could turn the watching off, or lie. So what comes of it
is never a verdict, and the trusted side holds it to a schema (`runs.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch

from autograder.checks.values import Misfit
from autograder.experiment.expressions import run_example

MOST_STEPS = 50_000
"""Lines of the student's file that one call may run: more is nothing that a person follows, and a change may have made it endless."""
MOST_VALUES, MOST_ITEMS, MOST_ELEMENTS, MOST_CHARACTERS = 8, 12, 16, 60
"""What is kept of the values of one variable."""


class TooLong(BaseException):
    """The call has run too many lines. No `Exception`, so that nothing in the code catches it by the way."""


def watched(student: Any, about: dict[str, Any], given: dict[str, Any], experiments: dict[str, Any]) -> dict[str, Any]:
    """Run what `about` names and say what came of it: `value`, or the name of what was `raised`; `lines` (line → how often it ran);
    `held` ("line name" → what the variable held after the line, each time).

    `about` has the text of an "example" with the "names" that it may use, or the name of an "experiment", which takes `given`; and
    "variables", pairs of a line and a name.
    """
    lines = _Lines(student._implementation.file, about["variables"])
    if "example" in about:
        names = {name: _taken(student, name) for name in about["names"]}

        def call() -> Any:
            return run_example(about["example"], names)
    else:

        def call() -> Any:
            return experiments[about["experiment"]](student, **given)

    found: dict[str, Any] = {}
    before = sys.gettrace()
    sys.settrace(lines.called)
    try:
        found["value"] = call()
    except (Misfit, NotImplementedError):
        raise  # what the stub promises does not hold: nobody wants to be asked about that
    except Exception as error:
        found["raised"] = type(error).__name__[:200]
    finally:
        sys.settrace(before)
    return {**found, "lines": lines.counts, "held": lines.held}


def _taken(student: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(student, name)


class _Lines:
    """Counts the lines of one file as they run, and looks at variables after theirs."""

    def __init__(self, file: str, variables: list[list[Any]]) -> None:
        self._file = file
        self._names: dict[int, list[str]] = {}
        for line, name in variables:
            self._names.setdefault(line, []).append(name)
        self._steps = 0
        self.counts: dict[int, int] = {}
        self.held: dict[str, list[Any]] = {}

    def called(self, frame: FrameType, event: str, _: Any) -> Any:
        """What `sys.settrace` asks of each call; only the student's own functions are watched line by line."""
        if event != "call" or frame.f_code.co_filename != self._file:
            return None
        last = 0

        def line(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event in ("line", "return") and last in self._names:
                self._look(last, frame)
            last = frame.f_lineno if event == "line" else 0 if event == "exception" else last
            if event == "line":
                self._count(frame.f_lineno)
            return line

        return line

    def _count(self, line: int) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooLong
        self.counts[line] = self.counts.get(line, 0) + 1

    def _look(self, line: int, frame: FrameType) -> None:
        held = frame.f_locals
        for name in self._names[line]:
            values = self.held.setdefault(f"{line} {name}", [])
            if name in held and len(values) < MOST_VALUES:
                values.append(kept(held[name]))


def kept(value: Any, depth: int = 0) -> Any:
    """A copy that nothing changes later, of what is small and plain; of a tensor its shape, and its elements where they are few."""
    kind = type(value)
    if kind is torch.Tensor or kind is torch.nn.Parameter:
        few = value.numel() <= MOST_ELEMENTS and value.layout is torch.strided
        shape = [int(size) for size in value.shape]
        return {"shape": shape, "tensor": value.detach().clone()} if few else {"shape": shape}
    if value is None or kind in (bool, float):
        return {"plain": value}
    if kind is int:
        return {"plain": value} if value.bit_length() < 64 else {}
    if kind is str:
        return {"plain": value} if len(value) <= MOST_CHARACTERS else {}
    if kind in (list, tuple) and len(value) <= MOST_ITEMS and depth < 2:
        items = [kept(item, depth + 1) for item in value]
        return {"plain": kind(item["plain"] for item in items)} if all("plain" in item for item in items) else {}
    if kind is dict and len(value) <= MOST_ITEMS and depth < 2:
        keys, items = [kept(key, 2) for key in value], [kept(item, depth + 1) for item in value.values()]
        if all("plain" in item for item in (*keys, *items)):
            return {"plain": {key["plain"]: item["plain"] for key, item in zip(keys, items, strict=True)}}
    return {}
