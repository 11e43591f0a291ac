"""Short texts of values: bounded in size and in time, whatever the value is."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from vocabulary import quick, vocabulary

from autograder.twin.show import LIMIT, in_order, show
from autograder.wire.values import Drawn, Lab, Raised, Unsupported


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        ("a'b", '"a\'b"'),
        (b"\x00x", "b'\\x00x'"),
        ([1, "a", None], "[1, 'a', None]"),
        ((1,), "(1,)"),
        ((1, 2), "(1, 2)"),
        ((), "()"),
        ({}, "{}"),
        ({"a": [1], 2: ()}, "{'a': [1], 2: ()}"),
        (set(), "set()"),
        ({3, 1, 2}, "{1, 2, 3}"),
        (Drawn([1, 2]), "iterator of [1, 2]"),
        (Raised("ValueError"), "raised ValueError"),
        (Raised(None), "raised nothing"),
        (Unsupported("Foo"), "<Foo>"),
        (Lab("english", {"limit": 10, "start": 2}), "lab('english', limit=10, start=2)"),
        (Lab("english"), "lab('english')"),
        (torch.tensor(2.0), "tensor(2, float32)"),
        (torch.tensor([[1, 2], [3, 4]]), "tensor([[1, 2], [3, 4]], int64)"),
        (torch.tensor([0.1234567891, float("nan")]), "tensor([0.123457, nan], float32)"),
        (torch.tensor([True, False]), "tensor([True, False], bool)"),
        (torch.zeros(3, 4, 5), "tensor(shape (3, 4, 5), float32: 0, 0, 0, 0, 0, 0, …)"),
        (np.array([1.0, 2.0]), "array([1.0, 2.0], float64, shape (2,))"),
        (np.array(3, np.int32), "array(3, int32, shape ())"),
        (10**200, f"<an integer of {(10**200).bit_length()} bits>"),
    ],
    ids=str,
)
def test_what_people_read(value: Any, text: str) -> None:
    assert show(value) == text


def nested(kind: type, depth: int) -> Any:
    value = kind()
    for _ in range(depth):
        value = kind([value])
    return value


WIDE = {frozenset({frozenset({frozenset({(a, b)})})}) for a in range(100) for b in range(100)}

ENORMOUS: dict[str, Any] = {
    "a string": "x" * 10**7,
    "bytes": bytes(10**7),
    "an integer of 10^6 digits": 1 << 3_000_000,
    "such an integer in a set": {1 << 3_000_000, 2},
    "such an integer as a key": {1 << 3_000_000: 1},
    "such an integer in a tuple in a set": {(1 << 3_000_000, 2)},
    "such an integer in a lab value": Lab("english", {"limit": 1 << 3_000_000}),
    "a list": list(range(10**6)),
    "a list of lists": [[["x" * 1000] * 1000] * 100] * 100,
    "a dict": {n: "x" * 100 for n in range(10**5)},
    "a set": set(range(30_000)),
    "a set of sets of sets": WIDE,
    "lists in lists": nested(list, 60),
    "tuples in tuples": nested(tuple, 60),
    "sets in sets": nested(frozenset, 60),
    "a tensor": torch.zeros(10**7),
    "a tensor without elements, of a huge shape": torch.empty(2**39, 0),
    "a tensor with many dimensions": torch.zeros([1] * 16),
    "an array": np.zeros((3000, 3000)),
    "an array without elements, of a huge shape": np.empty((2**39, 0)),
    "an array with many dimensions": np.zeros([1] * 16),
    "a lab value with a long name": Lab("x" * 10**6),
    "a lab value with many arguments": Lab("x", {str(n): n for n in range(10**5)}),
    "a lab value whose arguments are none": Lab("x", 5),  # type: ignore[arg-type]
    "a lab value with odd arguments": Lab("x", {(1, 2): 3, "": Lab("y", {"z": [1]})}),
    "a long type name": Unsupported("x" * 200),
}


@pytest.mark.parametrize("name", ENORMOUS)
@pytest.mark.parametrize("limit", [20, LIMIT])
def test_texts_are_bounded(name: str, limit: int) -> None:
    for value in (ENORMOUS[name], [ENORMOUS[name]], {"key": ENORMOUS[name]}):
        steps = 0

        def count(*_: Any) -> None:
            nonlocal steps
            steps += 1

        sys.setprofile(count)  # calls, not seconds: what is bounded here is work
        try:
            text = show(value, limit)
        finally:
            sys.setprofile(None)
        assert 0 < len(text) <= limit
        assert steps < 2_000_000


def test_a_long_value_says_that_it_goes_on() -> None:
    assert show("x" * 1000).endswith("…") and show([0] * 1000).endswith("…")


def test_the_order_of_a_set_does_not_depend_on_hashes() -> None:
    assert in_order({"b", "a", 3, None}) == in_order({None, 3, "a", "b"})


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.complex64])
def test_odd_dtypes(dtype: torch.dtype) -> None:
    assert str(dtype).removeprefix("torch.") in show(torch.ones(3).to(dtype))
    assert str(dtype).removeprefix("torch.") in show(torch.ones(300).to(dtype))


@settings(quick)
@given(vocabulary)
def test_any_value_of_the_vocabulary(value: Any) -> None:
    for limit in (1, 30, LIMIT):
        assert len(show(value, limit)) <= limit
