"""Whether an answer is made of what the expected one is made of: looked at before any judge sees values."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from autograder.results import Difference
from autograder.twin.compare import different_keys
from autograder.twin.larger import cut_difference
from autograder.twin.show import show
from autograder.twin.types import as_number, type_name
from autograder.wire.values import Cut, Raised


def same_kind(seen: Any, want: Any, path: str = "", shapes: bool = True) -> Difference | None:
    """Whether an answer is made of the same kinds of things as the expected one, whatever its lengths and values:
    what a judge may rely on. With `shapes`, tensors and arrays have the same shapes, else as many dimensions."""
    if isinstance(seen, Cut):
        return cut_difference(seen, want, type_name(want), path)
    seen = as_number(seen, want)
    if isinstance(want, Raised) or isinstance(seen, Raised):
        if isinstance(want, Raised) and isinstance(seen, Raised):
            return None
        return Difference(kind="raised", path=path, got=type_name(seen), want=type_name(want))
    if type(seen) is not type(want):
        return Difference(kind="type", path=path, got=type_name(seen), want=type_name(want))
    if isinstance(want, torch.Tensor | np.ndarray):
        if seen.dtype != want.dtype:
            return Difference(kind="dtype", path=path, got=str(seen.dtype), want=str(want.dtype))
        if (seen.shape != want.shape) if shapes else (seen.ndim != want.ndim):
            return Difference(kind="shape", path=path, got=str(tuple(seen.shape)), want=str(tuple(want.shape)))
    elif isinstance(want, dict):
        if want and all(type(key) is str for key in want) and set(seen) != set(want) and _is_record(want):
            return different_keys(seen, want, path)
        for key in seen:
            if key in want:
                found = same_kind(seen[key], want[key], f"{path}[{show(key, 60)}]", shapes)
            else:
                found = _like_one_of(key, list(want), f"{path} (a key)", shapes) or _like_one_of(
                    seen[key], list(want.values()), f"{path}[{show(key, 60)}]", shapes
                )
            if found is not None:
                return found
    elif isinstance(want, tuple):
        if len(seen) == len(want):
            for index, (a, b) in enumerate(zip(seen, want, strict=True)):
                found = same_kind(a, b, f"{path}[{index}]", shapes)
                if found is not None:
                    return found
        else:
            return Difference(kind="length", path=path, got=f"length {len(seen)}", want=f"length {len(want)}")
    elif isinstance(want, list | set | frozenset):
        models = list(want)
        for index, each in enumerate(seen):
            # The one at its own place first: a long list may hold a few of one kind.
            found = _like_one_of(each, models[index : index + 1] + models, f"{path}[{index}]", shapes)
            if found is not None:
                return found
    return None


def _is_record(want: dict[Any, Any]) -> bool:
    """A dict that an experiment made of several observations: a few keys that are identifiers or attribute paths."""
    return len(want) <= 12 and all(key.replace(".", "_").replace(" ", "_").isidentifier() for key in want)


def _like_one_of(value: Any, models: list[Any], path: str, shapes: bool) -> Difference | None:
    """None when `value` is of the kind of one of `models` (or there is no model to tell)."""
    first = None
    for model in models[:50]:
        found = same_kind(value, model, path, shapes)
        if found is None:
            return None
        first = first or found
    return first
