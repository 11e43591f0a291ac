"""What a table of counts reaches: the loss to be better than. Unigrams know how often a token comes, bigrams also what came before."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SHARE = 0.9
"""How much a bigram is believed; the rest is left to the unigram, for pairs that were never seen."""


def unigram(train: Tensor, held_out: Tensor, vocab: int) -> float:
    """Nats a token, with one added to every count."""
    return float(-_unigrams(train, vocab)[held_out[1:]].log().mean())


def bigram(train: Tensor, held_out: Tensor, vocab: int) -> float:
    """Nats a token: counts of pairs, mixed with the unigram. A token that was never followed by anything leaves all to it."""
    single = _unigrams(train, vocab)
    pairs = torch.bincount(train[:-1] * vocab + train[1:], minlength=vocab * vocab).view(vocab, vocab).double()
    rows = pairs.sum(1)
    before, after = held_out[:-1], held_out[1:]
    seen = rows[before] > 0
    share = torch.where(seen, SHARE, 0.0)
    likely = pairs[before, after] / rows[before].clamp(min=1)
    return float(-(share * likely + (1 - share) * single[after]).log().mean())


def uniform(vocab: int) -> float:
    return math.log(vocab)


def _unigrams(train: Tensor, vocab: int) -> Tensor:
    counts = torch.bincount(train, minlength=vocab).double() + 1
    return counts / counts.sum()
