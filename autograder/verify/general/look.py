"""All that a caller can see of a result and of what it passed, as plain values, and whether two of them are alike."""

from __future__ import annotations

import gc
import types
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

DEPTH = 8
_TOLERANCES = {torch.float64: (1e-10, 1e-9), torch.float32: (1e-5, 1e-4)}
_SIMPLE = (bool, int, float, complex, str, bytes, type(None))


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as nested tuples of simple values and tensors, with dtypes, flags and the names of classes."""
    if isinstance(value, _SIMPLE):
        return type(value).__name__, value
    if isinstance(value, torch.Tensor):
        return "tensor", value.dtype, value.requires_grad, value.detach().clone()
    if isinstance(value, np.ndarray):
        return "array", str(value.dtype), value.copy()
    if depth > DEPTH:
        return ("deep",)
    if isinstance(value, dict):
        return "dict", type(value).__name__, [(plain(k, depth + 1), plain(v, depth + 1)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(item, depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(map(repr, value))
    if isinstance(value, torch.nn.Module):
        modes = [each.training for each in value.modules()]
        state = [(name, plain(each)) for name, each in (*value.named_parameters(), *value.named_buffers())]
        gradients = [plain(each.grad) for each in value.parameters()]
        own = [plain(_own(each), depth + 1) for each in value.modules()]  # the rate of a dropout, say
        return "module", type(value).__name__, modes, state, gradients, own
    if callable(value) or isinstance(value, types.ModuleType):
        return "callable", getattr(value, "__name__", "")
    return type(value).__name__, plain(_own(value), depth + 1)


def _own(value: Any) -> dict[str, Any]:
    """The attributes that its author gave it."""
    own = getattr(value, "__dict__", {})
    return {
        name: item for name, item in own.items() if not (isinstance(value, torch.nn.Module) and name.startswith("_"))
    }


def alike(want: Any, seen: Any) -> bool:
    """Whether two plain values are the same, floats up to rounding."""
    if isinstance(want, torch.Tensor) or isinstance(seen, torch.Tensor):
        if not (isinstance(want, torch.Tensor) and isinstance(seen, torch.Tensor)) or want.shape != seen.shape:
            return False
        if want.dtype != seen.dtype:
            return False
        if not want.is_floating_point():
            return torch.equal(want, seen)
        atol, rtol = _TOLERANCES.get(want.dtype, (1e-2, 1e-2))
        return torch.allclose(want.double(), seen.double(), atol=atol, rtol=rtol, equal_nan=True)
    if isinstance(want, np.ndarray):
        same = isinstance(seen, np.ndarray) and want.shape == seen.shape and want.dtype == seen.dtype
        return same and (np.allclose(want, seen, 1e-5, 1e-6, equal_nan=True) if want.dtype.kind == "f" else np.array_equal(want, seen))  # fmt: skip
    if isinstance(want, list | tuple):
        return type(want) is type(seen) and len(want) == len(seen) and all(map(alike, want, seen))
    if isinstance(want, float) and isinstance(seen, float):
        near = abs(want) < np.inf and abs(want - seen) <= 1e-9 + 1e-6 * abs(want)
        return near or want == seen or (want != want and seen != seen)
    return bool(want == seen)


def has_nan(want: Any) -> bool:
    """Whether a plain value has a number in it that is none."""
    if isinstance(want, torch.Tensor):
        return bool(want.isnan().any())
    if isinstance(want, np.ndarray):
        return want.dtype.kind == "f" and bool(np.isnan(want).any())
    if isinstance(want, list | tuple):
        return any(map(has_nan, want))
    return isinstance(want, float) and want != want


def parts(value: Any) -> Iterator[Any]:
    """What lists, tuples, dicts and objects hold, all the way down, each once."""
    waiting, known = [value], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in known:
            continue
        known.add(id(each))
        yield each
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list | tuple | set | frozenset):
            waiting += each
        elif not callable(each) or isinstance(each, torch.nn.Module):
            waiting += vars(each).values() if hasattr(each, "__dict__") and not isinstance(each, type) else []


def identities(value: Any) -> list[int]:
    """Which parameters the modules among the arguments have: a new one with the same values is another."""
    modules = [each for each in parts(value) if isinstance(each, torch.nn.Module)]
    return [id(parameter) for module in modules for parameter in module.parameters()]


def moved(value: Any, module: types.ModuleType) -> Any:
    """`value`, with the objects of the exercise's own classes made ones of `module`'s."""
    for each in parts(value):
        kind = type(each)
        known = getattr(module, kind.__name__, None)
        if isinstance(known, type) and known is not kind and kind.__qualname__ == known.__qualname__:
            try:
                object.__setattr__(each, "__class__", known)
            except TypeError:
                continue
    return value


def let_go(results: list[Any]) -> list[bool]:
    """Whether each tensor of the results is gone when nobody here holds it; empties `results`."""
    watched = [weakref.ref(each) for each in results if isinstance(each, torch.Tensor | np.ndarray)]
    results.clear()
    if any(watch() is not None for watch in watched):
        gc.collect()
    return [watch() is None for watch in watched]
