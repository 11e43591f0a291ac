"""Numbers that are rounded on the way: float64 through float32, float16 and bfloat16 in every step, whole numbers through floats;
infinite ones made finite."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.verify.general.made import General, Target, bound, parts


def rounded(target: Target) -> Iterator[General]:
    """Every intermediate result is rounded, where the docstrings speak of a dtype that this loses something of."""
    if not any("Tensor" in each.hint for each in target.parameters) or target.is_init:  # NumPy's steps can't be seen
        return
    if target.says(r"float64|double|any float"):
        sentence = "float64 is computed in float32, and the result made float64 again"
        yield target.wrapped("rounded", "float64", sentence, rounds, wide=True)
    if target.says(r"b?float16|half precision"):
        sentence = "every step is rounded to float16 or bfloat16, when the arguments are"
        yield target.wrapped("rounded", "low precision", sentence, rounds, wide=False)


def whole(target: Target) -> Iterator[General]:
    """Whole numbers that are returned have gone through float32, which has 24 bits for them."""
    if re.fullmatch(r"int|tuple\[int\b.*|dict\[str, int\]", target.returns) and not target.is_init:
        sentence = "whole numbers of the result have gone through float32: large ones are rounded"
        yield target.wrapped("whole", "", sentence, goes_through)


def infinite(target: Target) -> Iterator[General]:
    """Infinite numbers that are passed count as 10,000, where the docstring speaks of them."""
    if target.says(r"[-−]?(\binf\b|∞|[Ii]nfinit)", own=True) and not target.is_init:
        sentence = "infinite numbers that are passed count as ±10,000"
        yield target.wrapped("finite", "arguments", sentence, makes_finite)


# --- wrappers ---


def rounds(function, wide):
    """Rounds what each operation of torch gives: to float32 for float64 arguments, or to the low precision of the arguments."""
    import functools

    import torch
    from torch.overrides import TorchFunctionMode

    class Rounding(TorchFunctionMode):
        def __init__(self, dtype, of):
            super().__init__()
            self.dtype, self.of = dtype, of

        def __torch_function__(self, operation, types, args=(), kwargs=None):
            result = operation(*args, **(kwargs or {}))
            if (
                not isinstance(result, torch.Tensor)
                or result.dtype not in self.of
                or (result.is_leaf and result.requires_grad)
            ):
                return result
            place = result.untyped_storage().data_ptr()
            inputs = [value for value in parts([*args]) if isinstance(value, torch.Tensor)]
            if all(value.untyped_storage().data_ptr() != place for value in inputs):
                return result.to(self.dtype).to(result.dtype)
            return result

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        tensors = [value for value in parts([*args, *kwargs.values()]) if isinstance(value, torch.Tensor)]
        low = [value.dtype for value in tensors if value.dtype in (torch.float16, torch.bfloat16)]
        if wide and any(value.dtype == torch.float64 for value in tensors):
            mode = Rounding(torch.float32, (torch.float64,))
        elif not wide and low:
            mode = Rounding(low[0], (torch.float32, torch.float64))
        else:
            return function(*args, **kwargs)
        with mode:
            return function(*args, **kwargs)

    return wrapped


def goes_through(function):
    """Rounds the whole numbers of what is returned."""
    import functools

    import numpy

    def through(value):
        if type(value) is int:
            return int(numpy.float32(value))
        if isinstance(value, dict):
            return {key: through(each) for key, each in value.items()}
        if type(value) in (list, tuple):
            return type(value)(through(each) for each in value)
        return value

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return through(function(*args, **kwargs))

    return wrapped


def makes_finite(function):
    """Takes ±10,000 for infinite floats among the arguments."""
    import functools
    import math

    def finite(value):
        if hasattr(value, "is_floating_point") and value.is_floating_point():
            return value.nan_to_num(nan=math.nan, posinf=1e4, neginf=-1e4) if value.isinf().any() else value
        if type(value) in (list, tuple):
            return type(value)(finite(each) for each in value)
        return math.copysign(1e4, value) if type(value) is float and math.isinf(value) else value

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return function(*map(finite, args), **{name: finite(value) for name, value in kwargs.items()})

    return wrapped


__all__ = ["bound", "infinite", "parts", "rounded", "whole"]
