"""Judging random draws so that an honest answer practically never fails: a bound that holds for every number of draws.

The χ² test's tail is an approximation, worst where it matters here (far out, with rare outcomes). The bound below is exact
mathematics: see `surprise`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

HONEST_FAILURE = 1e-10  # an honest answer is called implausible less often than this


def surprise(counts: Tensor, probabilities: Tensor) -> float:
    """A bound on log P, where P is the chance that honest draws lie as far from `probabilities` as these.

    counts: how often each of k outcomes was drawn, (k,), n in all. probabilities: (k,), which sum to 1.

    The distance is D = KL(counts / n ‖ probabilities). For independent draws and D > (k-1)/n,

        P(KL >= D) <= e^(-nD) · (e·n·D / (k-1))^(k-1)

    (R. Agrawal, *Finite-sample concentration of the multinomial in relative entropy*, 2020, arXiv:1904.02291).
    An outcome of probability 0 that was drawn gives -inf; draws that are no farther than chance would have them give 0.

    >>> surprise(torch.tensor([505, 495]), torch.tensor([0.5, 0.5]))
    0.0
    >>> surprise(torch.tensor([700, 300]), torch.tensor([0.5, 0.5])) < -70
    True
    """
    n = int(counts.sum())
    possible = probabilities > 0
    if bool((counts[~possible] > 0).any()):
        return -math.inf
    counts, expected = counts[possible].double(), n * probabilities[possible].double()
    freedom = len(counts) - 1
    distance = float(torch.xlogy(counts, counts / expected).sum())  # n·D
    if freedom == 0 or distance <= freedom:
        return 0.0
    return min(0.0, -distance + freedom * (1 + math.log(distance / freedom)))


def implausible(counts: Tensor, probabilities: Tensor) -> bool:
    """Whether honest draws would look like this less than once in 10¹⁰ times.

    With 20 000 draws among 8 outcomes that is a distance (KL) of 0.0022 or more: one outcome of probability 0.2 that is
    drawn with 0.23, for example.

    >>> implausible(torch.tensor([9_900, 10_100]), torch.tensor([0.5, 0.5]))
    False
    >>> implausible(torch.tensor([9_400, 10_600]), torch.tensor([0.5, 0.5]))
    True
    """
    return surprise(counts, probabilities) < math.log(HONEST_FAILURE)
