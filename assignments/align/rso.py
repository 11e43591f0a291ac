"""RSO: pairs of answers from the best policy itself, by rejection sampling ("Statistical Rejection Sampling Improves Preference Optimization",
Liu et al., 2023; equations 4 and 7 to 10, algorithm 1).

A supervised model writes N answers to one prompt, the *candidates*. A few of them are accepted, so that they look as if the best policy had
written them. The accepted ones are put into pairs, a reward model says which answer of a pair is better, and the policy learns from the pairs.

Floating-point tensors are float32 or float64, and all of one call have the same dtype. Tensors may be views. Nothing that is passed in is
changed. No function draws random numbers by itself.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import functional as F


def pairwise_rewards(wins: Tensor) -> Tensor:
    """The rewards of answers of which is known how often each one beats the same baseline (equation 7).

    wins: any shape: for each answer the probability, in [0, 1], that it is better than the baseline, an answer whose reward is set to 0.

    By the Bradley-Terry model that probability is σ(r), so the reward is r = log(p / (1 - p)). Returns a new tensor of the same shape and dtype;
    float64 is exact to nine digits, also for a probability of 1e-20. A probability of 0 gives -inf, and 1 gives inf.

    >>> pairwise_rewards(tensor([0.5, 0.75, 0.1]))  # 0, ln 3, -ln 9
    tensor([ 0.0000,  1.0986, -2.1972])
    """
    # YOUR CODE HERE
    raise NotImplementedError("pairwise_rewards is not written yet")


def acceptance_rate(rewards: Tensor, beta: float) -> float:
    """The share of the candidates that the first sweep of `rejection_sample` accepts on average, if it is not ended early: from 1/N to 1.

    rewards: (N,), finite, N >= 1, in size up to 1e6. beta: > 0.

    It is the mean of exp((r - the largest r) / beta) over all candidates.

    >>> acceptance_rate(tensor([math.log(2), 0.0, math.log(2), 0.0]), beta=1.0)  # the mean of 1, 1/2, 1, 1/2
    0.75
    >>> acceptance_rate(tensor([math.log(2), 0.0, math.log(2), 0.0]), beta=0.5)  # 1, 1/4, 1, 1/4
    0.625
    """
    # YOUR CODE HERE
    raise NotImplementedError("acceptance_rate is not written yet")


def rejection_sample(rewards: Tensor, n: int, beta: float, uniforms: Iterable[float]) -> list[int]:
    """Which n of the N candidates are accepted: their places, in the order of acceptance (algorithm 1).

    rewards: (N,), finite, in size up to 1e6: the reward of each candidate. Candidates may have equal rewards. Each place is a candidate of its own,
        also where two answers have the same text. (The paper's listing keeps candidates in a dict by their text, where equal texts are one.)
    beta: > 0, as in the best policy, π(y) ∝ π_SFT(y) exp(r(y) / beta).
    uniforms: random numbers from [0, 1), as many as one likes, perhaps without an end. They are read once, from the first one on. Each time
        that a candidate is looked at, the next number is taken. No number is taken that is not used: a caller who passes an iterator finds
        the next one in it.

    The candidates are gone through in *sweeps*. At the beginning of a sweep m is the largest reward of those that are not accepted yet; m stays
    the same until the sweep ends. The sweep looks at each of them once, by growing place, and accepts a candidate with reward r if its number is
    smaller than exp((r - m) / beta). As soon as n are accepted, all is done, also in the middle of a sweep. Nothing is accepted twice. n = 0
    gives [] and takes no number.

    Raises ValueError if n is negative or larger than N, if beta is not positive, and if `uniforms` ends too early.

    In the first example the largest reward is ln 4. The chances are 1/4, 1, 1/2: place 0 is rejected (0.3), place 1 accepted (0.9), place 2
    rejected (0.6). The second sweep has the chances 1/2 and 1, for the places 0 and 2, and accepts place 0 (0.4).

    >>> rejection_sample(tensor([0.0, math.log(4), math.log(2)]), 2, 1.0, [0.3, 0.9, 0.6, 0.4])
    [1, 0]
    >>> rejection_sample(tensor([0.0, math.log(4), math.log(2)]), 3, 2.0, [0.3, 0.9, 0.6])  # 1/2, 1, 0.71: all in one sweep
    [0, 1, 2]
    >>> rejection_sample(tensor([0.0, 2.0]), 3, 1.0, [0.5, 0.5, 0.5, 0.5])
    Traceback (most recent call last):
    ValueError: 3 of 2 candidates
    """
    # YOUR CODE HERE
    raise NotImplementedError("rejection_sample is not written yet")


def rso_pairs(ids: list[int], rm: Callable[[int, int], float], kind: str = "first-round") -> list[tuple[int, int]]:
    """Pairs (better answer, worse answer), in the order in which they were judged.

    ids: the accepted answers, all different, in any order. Their numbers say nothing about how good they are.
    rm: rm(a, b) is the probability that answer a is better than answer b. It is asked once for each pair, where a stands before b. a is the
        better one if that is 1/2 or more, and b otherwise.
    kind:

    - "first-round": the first answer against the second, the third against the fourth, and so on: n // 2 pairs. The last one of an odd number is
      left out.
    - "tournament": the winners of a round play the next round, in the order of their games, until one answer is left: n - 1 pairs. The last one
      of an odd number goes into the next round without a game, behind the winners.

    Fewer than two answers give []. Raises ValueError for another kind.

    >>> rso_pairs([7, 4, 9, 2], lambda a, b: 1.0)  # who stands first wins
    [(7, 4), (9, 2)]
    >>> rso_pairs([7, 4, 9], lambda a, b: 0.0, kind="tournament")  # who stands second wins
    [(4, 7), (9, 4)]
    """
    # YOUR CODE HERE
    raise NotImplementedError("rso_pairs is not written yet")


def rso_loss(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, gamma: float = 0.05, kind: str = "sigmoid-norm") -> Tensor:
    """The loss of each pair of answers (equations 8 to 10).

    pc, pr: (B,): log π(y | x) of the better and of the worse answer under the policy that is being trained.
    rc, rr: (B,): the same under the supervised model. It is not trained: no gradient reaches rc and rr.
    gamma: > 0, the slope of the loss. In DPO it is the same number as beta, here it is one of its own.
    kind:

    - "sigmoid-norm": -log σ(γ h), where h = (pc - rc) - (pr - rr).
    - "hinge-norm": max(0, 1 - γ h).
    - "hinge": max(0, 1 - γ (pc - pr)), the loss of SLiC, which does not know the supervised model.

    Returns (B,), differentiable with respect to pc and pr; γ h in size up to 1e4 gives finite losses and gradients. Where γ h is exactly 1, any
    slope of the hinge from -γ to 0 is right. Raises ValueError for another kind.

    >>> chosen, rejected = tensor([-4.0]), tensor([-9.0])
    >>> rso_loss(chosen, rejected, tensor([-6.0]), tensor([-8.0]), gamma=0.5)  # h = 3: log(1 + exp(-1.5))
    tensor([0.2014])
    >>> rso_loss(chosen, rejected, tensor([-6.0]), tensor([-8.0]), gamma=0.25, kind="hinge-norm")
    tensor([0.2500])
    >>> rso_loss(chosen, rejected, tensor([-6.0]), tensor([-8.0]), gamma=0.125, kind="hinge")
    tensor([0.3750])
    """
    # YOUR CODE HERE
    raise NotImplementedError("rso_loss is not written yet")
