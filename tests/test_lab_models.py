"""Toy language models of the lab: what they depend on, and what they say to a caller who is wrong."""

from __future__ import annotations

import doctest

import pytest
import torch

from autograder.checks import lab
from autograder.lab import VALUES, models, preload, resolve


def test_examples():
    assert doctest.testmod(models).failed == 0


def test_by_name():
    step = resolve(lab("toy_lm", seed=3, vocab=5))
    assert torch.equal(step(torch.tensor([[1, 2]])), models.toy_lm(3, 5)(torch.tensor([[1, 2]])))
    for name in VALUES:
        preload(name)


def test_every_token_of_the_prefix_counts_and_rows_do_not_mix():
    step = models.toy_lm(seed=1, vocab=4)
    prefixes = torch.tensor([[0, 1, 2], [3, 1, 2], [0, 2, 2], [0, 1, 3], [1, 0, 2]])
    logits = step(prefixes)
    assert logits.dtype == torch.float64
    assert len({tuple(row) for row in logits.tolist()}) == 5
    for row, alone in zip(prefixes, logits, strict=True):
        assert torch.equal(step(row[None])[0], alone)
    assert not torch.equal(models.toy_lm(seed=2, vocab=4)(prefixes), logits)


def test_a_table_can_not_be_spoilt_through_what_it_gave():
    step = models.markov([[0.0, 1.0], [2.0, 0.0]])
    step(torch.tensor([[0]])).fill_(9.0)
    assert step(torch.tensor([[0]])).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    "prefixes, said",
    [
        ([[0, 1]], "it got <class 'list'>"),
        (torch.tensor([0, 1]), "torch.int64 of shape (2,)"),
        (torch.tensor([[0.0]]), "torch.float32"),
        (torch.empty(2, 0, dtype=torch.int64), "it got 0"),
        (torch.tensor([[0, 7]]), "it got 0 to 7"),
    ],
)
@pytest.mark.parametrize("step", [models.toy_lm(0, 4), models.markov([[0.0] * 4] * 4)])
def test_what_is_no_prefix_is_refused_in_words(step, prefixes, said):
    with pytest.raises(ValueError) as error:
        step(prefixes)
    assert said in str(error.value)
