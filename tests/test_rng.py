"""The one source of randomness: the same values for a seed on every machine, and after every update of numpy."""

from __future__ import annotations

import pytest
import torch

from autograder.checks import Rng

PINNED = {
    "normal": [0.183509960770607, 0.1435096710920334, -2.4187769889831543, 1.53519606590271],
    "uniform": [-0.529607892036438, -0.851951003074646, -0.43386930227279663],
    "integers": [464, 901, 763, 408, 159, 624],
    "mask": [True, True, False, True, False, True, True, True],
    "permutation": [4, 1, 2, 0, 3, 7, 5, 6],
    "integer": [646, 507, 487, 337],
    "real": 0.8172843011378103,
    "choice": "b",
    "sample": [90, 85, 69, 84],
    "shuffled": ["b", "f", "d", "a", "e", "c"],
    "word": "acbcaac",
    "random": 0.16337452706207056,
    "split": [251, 458, 660, 261],
}


def test_tensors_of_a_seed_are_pinned() -> None:
    rng = Rng(20240)
    assert rng.normal(4).tolist() == PINNED["normal"]
    assert rng.uniform(-1, 1, 3).tolist() == PINNED["uniform"]
    assert rng.integers(0, 1000, 6).tolist() == PINNED["integers"]
    assert rng.mask(8).tolist() == PINNED["mask"]
    assert rng.permutation(8).tolist() == PINNED["permutation"]


def test_python_values_of_a_seed_are_pinned() -> None:
    rng = Rng(20240)
    assert [rng.integer(0, 1000) for _ in range(4)] == PINNED["integer"]
    assert rng.real(0, 1) == PINNED["real"]
    assert rng.choice("abcdef") == PINNED["choice"]
    assert rng.sample(range(100), 4) == PINNED["sample"]
    assert rng.shuffled("abcdef") == PINNED["shuffled"]
    assert rng.word("abc", 5, 9) == PINNED["word"]
    assert rng.python.random() == PINNED["random"]


def test_a_stream_split_off_is_pinned() -> None:
    assert Rng(20240).split("judge").integers(0, 1000, 4).tolist() == PINNED["split"]


def test_seeds_as_large_as_those_of_cases() -> None:
    seed = int("f" * 32, 16)
    assert Rng(seed).normal(2).tolist() == Rng(seed).normal(2).tolist()
    assert Rng(seed).integers(0, 2**40, 4).tolist() != Rng(seed - 1).integers(0, 2**40, 4).tolist()


def test_a_split_depends_on_seed_and_label_only() -> None:
    drawn = Rng(1)
    drawn.normal(100)
    first = Rng(1).split("a").integers(0, 2**40, 3).tolist()
    assert drawn.split("a").integers(0, 2**40, 3).tolist() == first
    assert Rng(1).split("b").integers(0, 2**40, 3).tolist() != first
    assert Rng(2).split("a").integers(0, 2**40, 3).tolist() != first


def test_dtypes_and_shapes() -> None:
    rng = Rng(0)
    assert (rng.normal(2, 3).dtype, rng.normal(2, 3).shape) == (torch.float32, (2, 3))
    assert rng.normal(2, dtype=torch.bfloat16).dtype is torch.bfloat16
    assert rng.uniform(0, 1, 2, dtype=torch.float64).dtype is torch.float64
    assert rng.integers(0, 5, 2).dtype is torch.int64 and rng.permutation(3).dtype is torch.int64
    assert rng.mask(2).dtype is torch.bool
    for scalar in (rng.normal(), rng.uniform(0, 1), rng.integers(0, 2), rng.mask()):
        assert scalar.shape == ()
    assert rng.normal(0, 3).shape == (0, 3)


def test_bounds() -> None:
    rng = Rng(3)
    drawn = rng.integers(2, 5, 1000)
    assert set(drawn.tolist()) == {2, 3, 4}
    assert {rng.integer(2, 5) for _ in range(200)} == {2, 3, 4}
    assert {len(rng.word("ab", 1, 4)) for _ in range(200)} == {1, 2, 3}
    values = rng.uniform(-2.0, 3.0, 1000)
    assert bool(((values >= -2) & (values < 3)).all())
    assert sorted(rng.permutation(50).tolist()) == list(range(50))
    assert sorted(rng.shuffled("hello")) == sorted("hello")
    assert rng.mask(10, p=0.0).sum() == 0 and rng.mask(10, p=1.0).sum() == 10
    assert rng.normal(20_000, scale=3.0).std().item() == pytest.approx(3.0, rel=0.05)


def test_the_streams_do_not_depend_on_the_global_ones() -> None:
    torch.manual_seed(1)
    first = Rng(5).normal(3)
    torch.manual_seed(2)
    assert torch.equal(Rng(5).normal(3), first)
