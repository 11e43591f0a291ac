"""Comparison of an observation with the expected one: in which order, how strictly, and what it says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabulary import quick, vocabulary

from autograder.checks import Tolerance, difference
from autograder.twin.compare import compare
from autograder.twin.kinds import same_kind
from autograder.twin.larger import is_cut
from autograder.twin.show import show
from autograder.twin.tolerances import PYTHON_FLOAT, TOLERANCES
from autograder.twin.types import type_name
from autograder.wire.cut import encode_within
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import LEAST
from autograder.wire.values import Drawn, Lab, Raised, Unsupported

NAN, INF = math.nan, math.inf
f32 = torch.float32


def kind(seen: Any, want: Any, tolerance: Tolerance | None = None) -> str | None:
    found = difference(seen, want, tolerance)
    return found.kind if found else None


# --- equal -----------------------------------------------------------------------------------------------------------


@settings(quick)
@given(vocabulary)
def test_a_value_equals_its_copy(value: Any) -> None:
    blob = encode(value)
    found = compare(decode(blob), decode(blob))
    assert found.difference is None or (has_nan(value) and found.difference.kind == "keys")
    assert found.margin in (None, 0.0)


def has_nan(value: Any) -> bool:
    """NaN is no key that can be found again."""
    return "nan" in repr(value)


@pytest.mark.parametrize(
    ("seen", "want"),
    [
        (1, 1.0),
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.int64(3), 3.0),
        (np.bool_(True), True),
        (NAN, NAN),
        (-INF, -INF),
        (1.0 + 1e-10, 1.0),
        ([1, 2.0], [1.0, 2.0]),
        (torch.tensor([1.0, NAN, INF]), torch.tensor([1.0, NAN, INF])),
        (torch.empty(0, 3), torch.empty(0, 3)),
        ({1: "a", 2: "b"}, {2: "b", 1: "a"}),
        (Raised("ValueError"), Raised("ValueError")),
        (Drawn([1]), Drawn([1])),
    ],
    ids=repr,
)
def test_what_passes_for_what(seen: Any, want: Any) -> None:
    assert difference(seen, want) is None


@pytest.mark.parametrize(
    ("seen", "want", "reason"),
    [
        # types are exact: but for an int where a float is wanted
        (1.0, 1, "type"),
        (True, 1, "type"),
        (True, 1.0, "type"),
        (1, True, "type"),
        (np.bool_(True), 1, "type"),
        (np.bool_(True), 1.0, "type"),
        (np.float64(1.0), 1, "type"),
        (1, np.int64(1), "type"),
        ("1", 1, "type"),
        (b"a", "a", "type"),
        (None, 0, "type"),
        (0, None, "type"),
        ([1], (1,), "type"),
        ((1,), [1], "type"),
        ([1], Drawn([1]), "type"),
        (Drawn([1]), [1], "type"),
        ({1}, frozenset({1}), "type"),
        ({}, set(), "type"),
        (torch.tensor(1.0), 1.0, "type"),
        (1.0, torch.tensor(1.0), "type"),
        (np.ones(2), torch.ones(2), "type"),
        (torch.ones(2), np.ones(2, np.float32), "type"),
        ([torch.ones(1)], torch.ones(1), "type"),
        (Unsupported("Foo"), 1, "type"),
        (Unsupported("Foo"), Unsupported("Foo"), "value"),
        (Raised("ValueError"), 1, "type"),
        (Lab("english"), "x", "type"),
        # then exceptions
        (1, Raised("ValueError"), "raised"),
        (Raised("TypeError"), Raised("ValueError"), "raised"),
        (Raised(None), Raised("ValueError"), "raised"),
        (Raised("ValueError"), Raised(None), "raised"),
        # lengths and keys
        ([1], [1, 2], "length"),
        ([1, 2], [1], "length"),
        ([], [1], "length"),
        ((1,), (1, 2), "length"),
        ({"a": 1}, {"b": 1}, "keys"),
        ({"a": 1}, {"a": 1, "b": 2}, "keys"),
        ({"a": 1, "b": 2}, {"a": 1}, "keys"),
        ({1, 2}, {1, 3}, "keys"),
        (frozenset(), frozenset({1}), "keys"),
        # shape, then dtype, then what is not finite, then values
        (torch.ones(2, dtype=torch.float64), torch.ones(3), "shape"),
        (torch.ones(1), torch.ones(()), "shape"),
        (torch.ones(1, 2), torch.ones(2), "shape"),
        (torch.ones(2, dtype=torch.float64), torch.zeros(2), "dtype"),
        (torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.bool), "dtype"),
        (torch.tensor([NAN, 9.0]), torch.tensor([1.0, 1.0]), "nonfinite"),
        (torch.tensor([1.0, 9.0]), torch.tensor([NAN, 1.0]), "nonfinite"),
        (torch.tensor([INF]), torch.tensor([-INF]), "nonfinite"),
        (torch.tensor([INF]), torch.tensor([NAN]), "nonfinite"),
        (torch.tensor([INF]), torch.tensor([3e38]), "nonfinite"),
        (torch.tensor([1.0, 9.0]), torch.tensor([1.0, 1.0]), "value"),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), "value"),
        (torch.tensor([True]), torch.tensor([False]), "value"),
        (torch.tensor([complex(1, NAN)]), torch.tensor([1 + 1j]), "nonfinite"),
        (torch.tensor([1 + 1j]), torch.tensor([1 + 2j]), "value"),
        (np.ones(2), np.ones(3, np.float32), "shape"),
        (np.ones(2), np.ones(2, np.float32), "dtype"),
        (np.array([1], np.uint32), np.array([2], np.uint32), "value"),
        (np.ones((1, 2), np.uint64), np.ones(2, np.uint64), "shape"),
        (NAN, 1.0, "nonfinite"),
        (1.0, NAN, "nonfinite"),
        (INF, -INF, "nonfinite"),
        (10**400, INF, "nonfinite"),
        (-(10**400), 1.0, "value"),
        (1, 2, "value"),
        ("a", "b", "value"),
        (False, True, "value"),
        (0.1, 0.2, "value"),
        # types inside containers, also of keys and elements that Python takes for equal
        ([1, True], [1, 1], "type"),
        ({"a": [1]}, {"a": (1,)}, "type"),
        ({True: "x"}, {1: "x"}, "type"),
        ({1.0: "x"}, {1: "x"}, "type"),
        ({(1, True): "x"}, {(1, 1): "x"}, "type"),
        ({True, 2}, {1, 2}, "type"),
        (frozenset({(1.0,)}), frozenset({(1,)}), "type"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_differs_and_what_is_named_first(seen: Any, want: Any, reason: str) -> None:
    assert kind(seen, want) == reason


def test_every_difference_is_symmetric_enough() -> None:
    """What is not equal one way round is not equal the other way, but for an int that passes for a float."""
    values = [
        None,
        True,
        1,
        1.5,
        "a",
        b"a",
        [1],
        (1,),
        {1},
        {1: 1},
        torch.ones(2),
        torch.zeros(2),
        np.ones(2),
        Raised(None),
    ]
    for a in values:
        for b in values:
            assert (difference(a, b) is None) == (a is b)


# --- tolerances ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", sorted(TOLERANCES, key=str), ids=str)
def test_the_bound_of_every_dtype(dtype: torch.dtype) -> None:
    tolerance = TOLERANCES[dtype]
    want = torch.tensor([1.0, 100.0, -1000.0], dtype=torch.float64)
    bound = tolerance.atol + tolerance.rtol * want.abs()
    small, large = want + 0.4 * bound, want + 2.1 * bound
    assert kind(small.to(dtype), want.to(dtype)) is None
    found = difference(large.to(dtype), want.to(dtype))
    assert found is not None and found.kind == "value" and found.wrong == 3
    assert found.error is not None and found.tolerance is not None and found.error > found.tolerance


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_two_units_in_the_last_place_of_half_precision(dtype: torch.dtype) -> None:
    for number in (1.0, 1.5, 3.0, 1000.0):
        want = torch.tensor([number], dtype=dtype)
        one = torch.nextafter(want, torch.tensor([INF], dtype=dtype))
        assert kind(one, want) is None
        far = want
        for _ in range(8):
            far = torch.nextafter(far, torch.tensor([INF], dtype=dtype))
        assert kind(far, want) == "value"


def test_float8_is_compared_as_what_it_shows() -> None:
    want = torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn)
    assert kind(want.clone(), want) is None
    assert kind(torch.tensor([1.0, 2.25]).to(torch.float8_e4m3fn), want) == "value"
    assert kind(torch.tensor([1.0, NAN]).to(torch.float8_e4m3fn), want) == "nonfinite"


def test_python_floats() -> None:
    assert kind(1.0 + 0.9 * (PYTHON_FLOAT.atol + PYTHON_FLOAT.rtol), 1.0) is None
    assert kind(1.0 + 1.1 * (PYTHON_FLOAT.atol + PYTHON_FLOAT.rtol), 1.0) == "value"
    assert kind(1e-10, 0.0) is None and kind(1e-8, 0.0) == "value"
    assert kind(1e308, -1e308) == "value"  # an error beyond floats


def test_a_tolerance_of_the_checks_own() -> None:
    want = torch.tensor([1.0, 2.0])
    assert kind(want + 0.05, want, Tolerance(atol=0.1)) is None
    assert kind(want + 0.05, want, Tolerance(rtol=0.01)) == "value"
    assert kind(1.05, 1.0, Tolerance(atol=0.1)) is None
    assert kind(want + 1e-7, want, Tolerance()) == "value"  # zero: exactly
    assert kind(2, 1, Tolerance(atol=5)) == "value"  # discrete values are never near
    assert kind(torch.tensor([2]), torch.tensor([1]), Tolerance(atol=5)) == "value"
    assert kind(torch.tensor([NAN]), torch.tensor([1.0]), Tolerance(atol=INF)) == "nonfinite"


def test_values_beyond_float32_do_not_pass_by_overflow() -> None:
    big = torch.tensor([3e38])
    assert kind(-big, big) == "value"
    assert kind(torch.tensor([1e308], dtype=torch.float64), torch.tensor([-1e308], dtype=torch.float64)) == "value"


# --- margins ---------------------------------------------------------------------------------------------------------


def test_the_margin_is_the_worst_error_over_its_bound() -> None:
    tolerance = Tolerance(atol=1.0)
    want = torch.zeros(3, dtype=torch.float64)
    assert compare(want + torch.tensor([0.25, -0.75, 0.5]), want, tolerance).margin == 0.75
    assert compare({"a": 0.5, "b": [0.1]}, {"a": 0.0, "b": [0.0]}, tolerance).margin == 0.5
    assert compare(want, want).margin == 0.0
    assert compare(1.0, 0.0, tolerance).margin == 1.0
    assert compare(torch.tensor([INF]), torch.tensor([INF])).margin == 0.0


def test_discrete_values_have_no_margin() -> None:
    for value in (1, "a", None, [1, 2], torch.tensor([1]), torch.tensor([True]), {1}, Raised("ValueError")):
        assert compare(value, value).margin is None


def test_a_margin_with_zero_tolerance() -> None:
    assert compare(torch.ones(1), torch.ones(1), Tolerance()).margin == 0.0
    assert compare(1.0, 1.0, Tolerance()).margin == 0.0


# --- what a difference says ------------------------------------------------------------------------------------------


def test_the_first_index_the_worst_error_and_the_count() -> None:
    want = torch.zeros(2, 3)
    seen = torch.tensor([[0.0, 0.0, 0.5], [0.0, -2.0, 0.0]])
    found = difference(seen, want)
    assert found is not None
    assert (found.index, found.wrong, found.total) == ([0, 2], 2, 6)
    assert (found.got, found.want) == ("0.5", "0.0")
    assert found.error == 2.0 and found.tolerance == pytest.approx(1e-5)


def test_a_difference_of_a_0_dim_tensor() -> None:
    found = difference(torch.tensor(1.0), torch.tensor(2.0))
    assert found is not None and (found.index, found.wrong, found.total) == (None, 1, 1)


def test_paths() -> None:
    cases = [
        ([1, [2, 3]], [1, [2, 4]], "[1][1]"),
        ({"x.grad": 1}, {"x.grad": 2}, "['x.grad']"),
        ({"a": [{"b": (1, 2)}]}, {"a": [{"b": (1, 3)}]}, "['a'][0]['b'][1]"),
        ({3: 1}, {3: 2}, "[3]"),
        (1, 2, ""),
    ]
    for seen, want, path in cases:
        found = difference(seen, want)
        assert found is not None and found.path == path


def test_elements_come_before_the_length() -> None:
    found = difference([1, 9, 3], [1, 2, 3, 4])
    assert found is not None and (found.kind, found.path) == ("value", "[1]")
    assert (found.wrong, found.total) == (2, 4)
    found = difference([1, 2], [1, 2, 3, 4])
    assert found is not None and (found.kind, found.index) == ("length", [2])
    assert found.got == "length 2" and found.want == "length 4, then 3"


def test_how_many_items_of_a_discrete_sequence_differ() -> None:
    found = difference(["a", "x", 5], ["a", "b", "c"])
    assert found is not None and (found.wrong, found.total) == (2, 3)
    found = difference([("a", 1), ("b", 2)], [("a", 1), ("b", 3)])
    assert found is not None and (found.wrong, found.total) == (1, 2)


@pytest.mark.parametrize(
    ("seen", "want", "part", "counted"),
    [
        ([["a", "b"], ["c"]], [["a", "x"], ["c"]], "[0]", (1, 2)),
        ([["a"], ["c", "d", "e"]], [["a"], ["x", "d"]], "[1]", (2, 3)),
        ([("a", 1), ("b", 2)], [("a", 1), ("b", 3)], "", (1, 2)),  # what is counted are the tuples
        ({"words": [["a"], ["b"]]}, {"words": [["a"], ["c"]]}, "['words'][1]", (1, 1)),
        ({"o": torch.zeros(3), "x": torch.zeros(9)}, {"o": torch.ones(3), "x": torch.ones(9)}, "['o']", (3, 3)),
        (torch.zeros(2, 2), torch.eye(2), "", (2, 4)),
    ],
)
def test_what_is_counted_is_named(seen: Any, want: Any, part: str, counted: tuple[int, int]) -> None:
    found = difference(seen, want)
    assert found is not None and (found.part, (found.wrong, found.total)) == (part, counted)


@pytest.mark.parametrize(
    ("seen", "want", "index", "kinds"),
    [
        ([-0.0, -INF, -INF], [-2.0, -1.0, -0.0], [0], {"-inf": 2}),  # the first is finite, and differs as well
        ([1.0 + 1e-7, 2.0, NAN], [1.0, 2.0, 3.0], [2], {"nan": 1}),  # within the tolerance is no difference
        ([1.0, INF, NAN, 5.0], [1.0, 2.0, 3.0, 4.0], [1], {"nan": 1, "inf": 1}),
        ([-3e38, 1.0], [-INF, 1.0], [0], {"finite": 1}),
        ([3.0, INF, -INF], [NAN, NAN, INF], [0], {"number": 1, "other": 2}),
        ([INF, NAN, 1.0], [INF, NAN, INF], [2], {"finite": 1}),
    ],
)
def test_the_first_place_where_one_is_not_finite_or_differs(
    seen: list[float], want: list[float], index: list[int], kinds: dict[str, int]
) -> None:
    found = difference(torch.tensor(seen), torch.tensor(want))
    assert found is not None and found.kind == "nonfinite"
    assert (found.index, found.nonfinite, found.wrong, found.total) == (index, kinds, sum(kinds.values()), len(want))
    assert (found.got, found.want) == tuple(str(np.float32(each[index[0]])) for each in (seen, want))


def test_a_single_number_and_complex_ones_that_are_not_finite() -> None:
    for seen, want, name in ((NAN, 1.0, "nan"), (-INF, 1.0, "-inf"), (1.0, INF, "finite"), (1.0, NAN, "number")):
        found = difference([seen], [want])
        assert found is not None and (found.kind, found.nonfinite) == ("nonfinite", {name: 1})
    found = difference(torch.tensor([complex(-INF, 0)]), torch.tensor([1 + 1j]))
    assert found is not None and found.nonfinite == {"infinite": 1}


@pytest.mark.parametrize(
    ("dtype", "number", "text"),
    [
        (torch.float32, -1.2040, "-1.204"),
        (torch.bfloat16, 1.7578125, "1.7578125"),
        (torch.float16, 0.1, "0.099975586"),
        (torch.float64, 0.1, "0.1"),
        (torch.complex64, 0.1 + 2j, "(0.1+2j)"),
        (torch.int64, 3, "3"),
    ],
)
def test_numbers_are_shown_in_the_digits_of_their_dtype(dtype: torch.dtype, number: Any, text: str) -> None:
    found = difference(torch.tensor([7], dtype=dtype), torch.tensor([number], dtype=dtype))
    assert found is not None and found.want == text


def test_counting_does_not_trip_over_tensors_in_tuples() -> None:
    pair = torch.ones(2)
    for seen, want in (
        ([(pair, 3)], [(pair.clone(), 4)]),
        ([(pair, 3)], [(1, 3)]),
        ([(np.ones(2), 3)], [(np.ones(2), 4)]),
        ([((pair, 1), 3)], [((1, 1), 3)]),
    ):
        assert difference(seen, want) is not None


def test_missing_and_extra_keys() -> None:
    found = difference({"a": 1, "z": 2}, {"a": 1, "b": 2, "c": 3})
    assert found is not None and (found.wrong, found.total) == (3, 3)
    assert found.got == "extra: ['z']" and found.want == "missing: ['b', 'c']"
    found = difference({1, 5}, {1, 2})
    assert found is not None and (found.got, found.want) == ("extra: [5]", "missing: [2]")


def test_unsigned_arrays_say_where() -> None:
    found = difference(np.array([[1, 2], [3, 5]], np.uint16), np.array([[1, 2], [3, 4]], np.uint16))
    assert found is not None and (found.index, found.got, found.want, found.wrong) == ([1, 1], "5", "4", 1)


def test_names_of_types() -> None:
    named = {
        "None": None, "list": [1], "tuple": (1,), "Tensor": torch.ones(1), "ndarray": np.ones(1), "iterator": Drawn(),
        "Foo": Unsupported("Foo"), "int": 1, "ValueError raised": Raised("ValueError"), "no exception": Raised(None),
    }  # fmt: skip
    assert {type_name(value): value for value in named.values()}.keys() == named.keys()


# --- hostile answers -------------------------------------------------------------------------------------------------

HOSTILE: list[Any] = [
    {1 << 100_000},
    {1 << 100_000: 1},
    frozenset({(1 << 100_000, frozenset())}),
    [1 << 100_000],
    1 << 100_000,
    {NAN, 1},
    {NAN: NAN},
    torch.empty(2**39, 0),
    np.empty((2**39, 0)),
    torch.empty(0),
    torch.tensor([complex(NAN, INF)]),
    torch.full((2,), NAN).to(torch.float8_e5m2),
    torch.full([1] * 16, -INF),
    np.array(NAN),
    np.float16(NAN),
    np.complex64(NAN),
    {torch_key: 1 for torch_key in [(1, "x"), None, b"x", ()]},
    "\ud800\x1b[31m",
    Lab("x", {"y": torch.ones(2)}),
    Lab("x", [1]),  # type: ignore[arg-type]
    Raised("x" * 200),
    Unsupported("\x1b[31m"),
    Drawn([Drawn([None])]),
    [[]] * 1000,
]
WANTED: list[Any] = [
    None, 1, 1.0, INF, "a", b"a", True, [], [1], [1.0, 2.0], [(1, "a")], [[1]], (), (1, (2.0, "x")), {"a": 1}, {1: [2]},
    {(1, "a"): 3}, {1, 2}, frozenset({"a"}), {(1, 2)}, torch.ones(2), torch.ones(2, dtype=torch.int64), torch.ones(()),
    torch.ones(2, dtype=torch.complex64), torch.ones(2).to(torch.float8_e5m2), np.ones(2), np.ones(2, np.uint16),
    np.float32(1), np.complex64(1), Raised("ValueError"), Drawn([1]), {"output": torch.ones(2), "x.grad": None},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_answers_are_compared_without_a_fault(number: int) -> None:
    for hostile in (HOSTILE[number], [HOSTILE[number]], (1, HOSTILE[number]), {"output": HOSTILE[number], "x.grad": 1}):
        for want in WANTED:
            found = difference(hostile, want)
            assert found is not None and len(found.got) < 1000 and len(found.path) < 1000
            same_kind(hostile, want)


@settings(quick, max_examples=300)
@given(vocabulary, vocabulary)
def test_any_two_values_are_compared_without_a_fault(seen: Any, want: Any) -> None:
    for found in (compare(seen, want), compare(seen, want, Tolerance(atol=INF))):
        assert found.difference is None or found.difference.kind


@settings(quick, max_examples=300)
@given(vocabulary, st.sampled_from(WANTED) | vocabulary)
def test_same_kind_never_raises(seen: Any, want: Any) -> None:
    found = same_kind(seen, want)
    if found is not None:
        assert found.kind in ("type", "keys", "dtype", "shape", "raised", "length")


@settings(quick)
@given(vocabulary)
def test_a_value_is_of_its_own_kind(value: Any) -> None:
    assert same_kind(decode(encode(value)), value) is None


@pytest.mark.parametrize(
    ("seen", "want", "reason"),
    [
        ([], [1, 2], None),
        ([5] * 100, [1], None),
        ([1, "a"], [1], "type"),
        ([True], [1], "type"),
        ([1, "a"], [1, "b"], None),
        ([[1], []], [[2]], None),
        ([["x"]], [[2]], "type"),
        ((1, 2), (1, 2, 3), "length"),
        ((1, "x"), (2, "y"), None),
        ({5: "a"}, {1: "b", 2: "c"}, None),
        ({"x": "a"}, {1: "b"}, "type"),
        ({5: 1}, {1: "b"}, "type"),
        ({"output": 1}, {"output": 2, "grad": 3}, "keys"),
        ({"output": 1, "grad": 9}, {"output": 2, "grad": 3}, None),
        ({9}, {1, 2}, None),
        ({"a"}, {1, 2}, "type"),
        (torch.ones(5), torch.ones(2), "shape"),
        (torch.ones(5, 1), torch.ones(2), "shape"),
        ([torch.ones(2), torch.ones(3)], [torch.ones(3), torch.ones(2), torch.ones(2)], None),
        ([torch.ones(2, 1)], [torch.ones(1, 2)], "shape"),
        ({"x": (torch.ones(5), 1)}, {"x": (torch.ones(2), 1)}, "shape"),
        (torch.ones(5).double(), torch.ones(2), "dtype"),
        (np.ones(3), np.ones(2), "shape"),
        (Raised("TypeError"), Raised("ValueError"), None),
        (1, Raised("ValueError"), "raised"),
        (Raised("ValueError"), 1, "raised"),
        ([Unsupported("Foo")], [1], "type"),
        (3, 1.5, None),
    ],
    ids=repr,
)
def test_what_a_judge_may_rely_on(seen: Any, want: Any, reason: str | None) -> None:
    found = same_kind(seen, want)
    assert (found.kind if found else None) == reason


@pytest.mark.parametrize(
    ("seen", "want", "reason"),
    [
        (torch.ones(5), torch.ones(2), None),
        (torch.ones(5, 1), torch.ones(2), "shape"),
        (np.ones(3), np.ones(2), None),
        ({5: torch.ones(3)}, {1: torch.ones(2)}, None),
        ([{"x": (torch.ones(5), 1)}], [{"x": (torch.ones(2), 1)}], None),
        ([{"x": (torch.ones(5, 1), 1)}], [{"x": (torch.ones(2), 1)}], "shape"),
        (decode(encode_within(torch.ones(10**6), LEAST)), torch.ones(2), "shape"),
    ],
    ids=repr,
)
def test_a_judge_may_ask_for_any_shapes(seen: Any, want: Any, reason: str | None) -> None:
    found = same_kind(seen, want, shapes=False)
    assert (found.kind if found else None) == reason


LARGE = [
    (torch.zeros(1_000_000), torch.zeros(2, 3)),
    (torch.zeros(1_000_000, dtype=torch.float64), torch.zeros(1_000_000)),
    (torch.zeros(1_000_000), [1.0]),
    (np.zeros((1000, 1000)), np.zeros(3)),
    (list(range(10**5)), [0, 1, 3]),
    (list(range(10**5)), [0, 1]),
    ([torch.zeros(10**5), 1], [torch.zeros(3), 1]),
    ("x" * 10**5, "xy"),
    (b"x" * 10**5, b"xy"),
    (set(range(10**5)), {1}),
    ({n: n for n in range(10**5)}, {1: 2}),
    ({"y": torch.zeros(10**6), "loss": 1.0}, {"y": torch.zeros(3), "loss": 1.0}),
    ({"y": torch.zeros(3), "loss": torch.zeros(10**6)}, {"y": torch.ones(3), "loss": 1.0}),
    ({"y": "x" * 10**5, "z": 1}, {"y": "x" * 10**5, "z": 2}),
    ([[0] * 100] * 1000, [[0] * 100]),
    ((n for n in range(10**5)), [1]),
]


@pytest.mark.parametrize(("answer", "want"), LARGE, ids=lambda value: type(value).__name__)
def test_of_an_answer_that_was_cut_the_same_is_said(answer: Any, want: Any) -> None:
    whole = decode(encode(answer)) if not isinstance(answer, Iterator) else Drawn(range(10_000))
    seen = decode(encode_within(answer if not isinstance(answer, Iterator) else whole, LEAST // 4))
    assert is_cut(seen) and not is_cut(whole)
    cut, full = compare(seen, want).difference, compare(whole, want).difference
    assert cut is not None and full is not None
    assert (cut.kind, cut.path, cut.index) == (full.kind, full.path, full.index)
    assert cut.want == full.want or full.kind in ("keys", "length")
    assert show(seen, 60)[:20] == show(whole, 60)[:20] or isinstance(whole, set | dict | np.ndarray)


def test_what_was_cut_is_never_right() -> None:
    """Also where it has the shape that is expected: what is kept of a large answer can't be held against the expected values."""
    for want in ({"y": torch.zeros(10**6)}, torch.ones(10**5), [1] * 10**5, {"a": "x" * 10**5}):
        seen = decode(encode_within(want, LEAST))
        assert is_cut(seen) and compare(seen, want).difference is not None


def test_a_mistake_that_was_cut_is_told_by_all_of_its_values() -> None:
    one, other = torch.zeros(10**6), torch.zeros(10**6)
    other[-1] = 1
    seen, same, different = (decode(encode_within({"y": each}, LEAST)) for each in (one, one, other))
    assert compare(seen, same).difference is None and compare(seen, different).difference is not None


def test_the_error_that_is_told_is_one_that_is_not_allowed() -> None:
    """Where values differ in size, the largest error may be within its tolerance; what is told is the worst by its own tolerance."""
    want = torch.tensor([1e9, 1e-3, 1.0], dtype=torch.float64)
    seen = want + torch.tensor([1.0, 1e-4, 0.0], dtype=torch.float64)
    found = compare(seen, want, Tolerance(atol=1e-9, rtol=1e-8)).difference
    assert found is not None and found.index == [1] and found.wrong == 1
    assert found.error is not None and found.tolerance is not None
    assert found.error == pytest.approx(1e-4) and found.error > found.tolerance
