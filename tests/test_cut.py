"""Answers larger than was asked for: their types, shapes and first elements are kept, and little else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from autograder.twin.bounded import bounded
from autograder.wire.cut import encode_within
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import LEAST, TIMES, bound
from autograder.wire.values import BadValue, Cut


@pytest.mark.parametrize("value", [[1, 2], {"x": torch.ones(100)}, "short", None, 7])
def test_what_fits_is_sent_as_it_is(value: Any) -> None:
    assert encode_within(value, LEAST) == encode(value) == encode_within(value, 0)


@pytest.mark.parametrize(
    ("value", "kind", "dtype", "shape"),
    [
        (torch.zeros(1_000_000), "Tensor", "float32", (1_000_000,)),
        (torch.zeros(500, 2, 500, dtype=torch.float64), "Tensor", "float64", (500, 2, 500)),
        (np.zeros((1000, 1000), np.int64), "ndarray", "int64", (1000, 1000)),
        (list(range(100_000)), "list", "", (100_000,)),
        (set(range(100_000)), "set", "", (100_000,)),
        ({n: n for n in range(100_000)}, "dict", "", (100_000,)),
        ("x" * 100_000, "str", "", (100_000,)),
        (b"x" * 100_000, "bytes", "", (100_000,)),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else type(value).__name__,
)
def test_of_a_large_answer_its_type_and_shape_are_kept(
    value: Any, kind: str, dtype: str, shape: tuple[int, ...]
) -> None:
    blob = encode_within(value, LEAST)
    cut = decode(blob)
    assert isinstance(cut, Cut) and (cut.kind, cut.dtype, cut.shape) == (kind, dtype, shape)
    assert len(blob) < 4096 and encode(cut) == blob


def test_the_parts_that_may_be_right_are_kept() -> None:
    right = torch.arange(4096.0)
    answer = decode(encode_within({"right": right, "huge": torch.zeros(10**6)}, bound(len(encode(right)))))
    assert torch.equal(answer["right"], right) and answer["huge"].shape == (10**6,)


@pytest.mark.parametrize(
    "value", [[[0] * 100] * 1000, [{"x": torch.zeros(9)}] * 5000, {str(n): "x" * 50 for n in range(9999)}]
)
def test_an_answer_of_many_small_parts_fits_too(value: Any) -> None:
    assert len(encode_within(value, LEAST)) <= LEAST


def test_two_large_answers_are_told_apart() -> None:
    one, other = torch.zeros(10**6), torch.zeros(10**6)
    other[-1] = 1
    assert encode_within(one, LEAST) != encode_within(other, LEAST) and encode_within(one, LEAST) == encode_within(
        one, LEAST
    )


def test_the_bound_follows_what_is_expected() -> None:
    assert bound(0) == LEAST and bound(10**6) == TIMES * 10**6


@pytest.mark.parametrize(
    "value",
    [
        torch.rand(1000, 1000).t(),
        torch.zeros(1).expand(10**6),
        torch.rand(10**6, dtype=torch.complex64).conj(),
        torch.rand(10**6).bfloat16(),
        torch.nn.Parameter(torch.rand(10**6)),
        torch.rand(10**6).bool(),
        np.random.default_rng(1).random((1000, 1000)).T,
        np.ones(10**6, ">f8"),
    ],
    ids=lambda value: str(value.dtype),
)
def test_what_is_cut_before_it_is_sent_is_the_same_as_after(value: Any) -> None:
    """The digest is of the values, however they lie in memory: a mistake's and a submission's are compared by it."""
    whole = decode(encode(value))
    cut, again = decode(encode_within(value, LEAST)), decode(encode_within(whole, LEAST))
    assert isinstance(cut, Cut) and cut.digest == again.digest and cut.shape == tuple(value.shape)
    assert str(cut.head.tolist()) == str(whole.reshape(-1)[:8].tolist())


def test_a_large_tensor_is_not_copied_to_be_cut() -> None:
    """Its worker has it once, and may have no room for it twice."""
    value = {"x": torch.zeros(64 * 2**20)}
    with bounded(0, memory=64 * 2**20):
        assert len(encode_within(value, LEAST)) < 4096
        with pytest.raises((MemoryError, RuntimeError)):
            encode_within(value, 0)


def test_what_could_never_be_sent_is_refused_by_its_size() -> None:
    with pytest.raises(BadValue, match="bytes"):
        encode_within([torch.zeros(1).expand(10**11)], LEAST)
