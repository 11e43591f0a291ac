"""The types of what was observed: their names as students know them, and which number passes for which."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch

from autograder.wire.values import Cut, Drawn, Raised, Unsupported


def is_discrete(value: Any) -> bool:
    """Whether `==` says it all: a tuple may hold tensors or floats."""
    return type(value) in (int, str, bytes) or (type(value) is tuple and all(map(is_discrete, value)))


def as_number(seen: Any, want: Any) -> Any:
    """A NumPy number passes for a Python one of its kind, an int for a float; never a bool for a number."""
    if isinstance(want, float) and type(seen) is int:
        try:
            return float(seen)
        except OverflowError:
            return sys.float_info.max if seen > 0 else -sys.float_info.max  # large, but not infinite
    if isinstance(seen, np.generic) and not isinstance(want, np.generic):
        item = seen.item()
        if type(want) in (bool, int, float, complex) and type(item) is type(want):
            return item
        if isinstance(want, float) and type(item) is int:
            return float(item)
    return seen


def type_name(value: Any) -> str:
    """The name of a value's type, as a student knows it.

    >>> type_name(None), type_name([1])
    ('None', 'list')
    """
    if value is None:
        return "None"
    if isinstance(value, Unsupported):
        return value.type_name
    if isinstance(value, Cut):
        return value.kind
    if isinstance(value, Drawn):
        return "iterator"
    if isinstance(value, Raised):
        return f"{value.name} raised" if value.name else "no exception"
    if isinstance(value, torch.Tensor):
        return "Tensor"
    return type(value).__name__


def dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
