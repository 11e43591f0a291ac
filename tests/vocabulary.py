"""Hypothesis strategies for the plain data that crosses between the grader and a worker."""

from __future__ import annotations

import math

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from autograder.wire import values
from autograder.wire.values import Raised

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**300), 2**300) | st.floats() | st.binary(max_size=20)
    | st.text(st.characters(), max_size=20) | st.text(st.characters(categories=["Cs", "Cc", "Lo"]), max_size=4)
)  # fmt: skip
keys = (
    st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.none()
    | st.tuples(st.integers(0, 3), st.text(max_size=2))
)
dtypes = st.sampled_from(sorted(values.TENSOR_DTYPES))
shapes = st.lists(st.integers(0, 3), max_size=4)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype, shape = values.TENSOR_DTYPES[draw(dtypes)], draw(shapes)
    size = math.prod(shape) * dtype.itemsize
    raw = torch.tensor(list(draw(st.binary(min_size=size, max_size=size))), dtype=torch.uint8)
    return (raw.remainder(2).bool() if dtype is torch.bool else raw.view(dtype)).reshape(shape)


arrays = tensors().filter(lambda t: str(t.dtype).removeprefix("torch.") in values.ARRAY_DTYPES).map(lambda t: t.numpy())
leaves = scalars | tensors() | arrays | st.builds(Raised, st.none() | st.text(max_size=5))
vocabulary = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
    ),
    max_leaves=15,
)
