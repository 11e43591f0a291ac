"""How an answer that is much larger than the expected one differs from it, as far as what was kept of it tells (`wire.cut`).

No right answer is cut, so a part that was is wrong or lies in an answer that is. What is said is what would be said of the whole:
its type, its shape, the first element that differs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.results import Difference
from autograder.twin.show import show
from autograder.wire.values import Cut

First = Callable[[Any, Any, str], Difference | None]
"""The first difference between two parts of answers at a place, None where they are the same."""


def is_cut(value: Any) -> bool:
    """Whether `value` is, or holds, a part that was cut."""
    if isinstance(value, Cut):
        return True
    if isinstance(value, dict):
        return any(is_cut(item) for item in value.values())
    return isinstance(value, list | tuple) and any(is_cut(item) for item in value)


def same_cut(seen: Cut, want: Any) -> bool:
    """Whether two parts that were cut are the same, to the last byte."""
    if not isinstance(want, Cut):
        return False
    return (seen.kind, seen.dtype, seen.shape, seen.digest) == (want.kind, want.dtype, want.shape, want.digest)


def cut_difference(seen: Cut, want: Any, kind: str, path: str, first: First | None = None) -> Difference | None:
    """How the part `seen` differs from `want`, a value whose type is called `kind`; None where what is left does not tell.

    `first` compares elements: of a list, the first that differs says more than its length. Without it only kinds are compared.
    """
    if seen.kind != kind:
        return Difference(kind="type", path=path, got=seen.kind, want=kind)
    if isinstance(want, torch.Tensor | np.ndarray):
        return _of_arrays(seen, want, path)
    length = seen.shape[0] if seen.shape else 0
    head = seen.head if isinstance(seen.head, list) else []
    if isinstance(want, list | tuple):
        if first is not None:
            for index, (a, b) in enumerate(zip(head, want, strict=False)):
                found = first(a, b, f"{path}[{index}]")
                if found is not None:
                    return found
        return None if length == len(want) else _of_lengths(length, len(want), path, [min(length, len(want))])
    if isinstance(want, dict | set | frozenset):
        extra = [key for key in head if type(key) in (int, float, str, bytes) and key not in want]
        if extra and first is not None:
            got = f"extra: {show(extra, 160)}"
            return Difference(kind="keys", path=path, got=got, want="no missing keys", total=len(want))
        return None if length == len(want) else _of_lengths(length, len(want), path)
    if isinstance(want, str | bytes) and length != len(want):
        return Difference(kind="value", path=path, got=show(seen), want=show(want))
    return None


def too_large(seen: Any, want: Any) -> Difference:
    """What is said of an answer that was cut where nothing that is left of it differs."""
    return Difference(kind="value", got=show(seen), want=show(want))


def _of_arrays(seen: Cut, want: torch.Tensor | np.ndarray, path: str) -> Difference | None:
    shape, dtype = tuple(want.shape), str(want.dtype).removeprefix("torch.")
    if seen.shape != shape:
        return Difference(kind="shape", path=path, got=str(seen.shape), want=str(shape))
    if seen.dtype != dtype:
        return Difference(kind="dtype", path=path, got=seen.dtype, want=dtype)
    return None


def _of_lengths(got: int, want: int, path: str, index: list[int] | None = None) -> Difference:
    return Difference(kind="length", path=path, index=index, got=f"length {got}", want=f"length {want}")
