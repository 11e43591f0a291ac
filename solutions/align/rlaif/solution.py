"""RLAIF: a language model judges pairs of answers in the place of people ("RLAIF vs. RLHF: Scaling Reinforcement Learning from Human Feedback with
AI Feedback", Lee et al., 2023, section 2).

Floating-point tensors are float32 or float64, of any shape unless it is said, and all of one call have the same dtype and shape. Results have the
dtype too, and float64 is exact to nine digits, as Python's floats are. Tensors may be views. Nothing that is passed in is changed, nor what a
function that is passed in returns, and no random number is drawn.
"""

import math
import re
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

ENDING = "\nPreferred answer: "
"""What a prompt ends with, so that the next token of the judge is its verdict: "1" or "2"."""


def preference_from_logprobs(lp1: Tensor, lp2: Tensor) -> Tensor:
    """How probable it is that the judge prefers what it was shown first: the softmax over the two tokens "1" and "2", and its first entry.

    lp1, lp2: the log-probabilities of the two tokens, from -1e4 to 0. All other tokens are left out of the softmax, however probable they are. One of
    the two may be -inf: then the preference is 0 or 1. (What comes of two times -inf is open.)

    >>> preference_from_logprobs(tensor([-1.0, -200.0]), tensor([-1.0, -200.0 - math.log(3)]))
    tensor([0.5000, 0.7500])
    """
    # BEGIN SOLUTION
    return torch.sigmoid(lp1 - lp2)
    # END SOLUTION


def debias(p_ab: Tensor, p_ba: Tensor) -> Tensor:
    """How probable it is that answer A is preferred to answer B, when each pair was judged in both orders.

    p_ab: the preference for what was shown first when A was shown first. p_ba: the preference for what was shown first when *B* was shown first. So
    both are probabilities of position 1, as preference_from_logprobs gives them, and p_ba speaks for B.

    Returns the mean of the two opinions about A. The preference stays soft: nothing is rounded or put to a vote.

    >>> debias(tensor([0.9, 0.8]), tensor([0.2, 0.8]))  # both orders say A; the first position wins in both orders
    tensor([0.8500, 0.5000])
    """
    # BEGIN SOLUTION
    return (p_ab + 1 - p_ba) / 2
    # END SOLUTION


def position_bias_rate(p_ab: Tensor, p_ba: Tensor) -> float:
    """The share of pairs, from 0 to 1, in which the judge prefers the same *position* in both orders, whichever answer stands there.

    p_ab, p_ba: (B,), as for debias, B >= 1. A position is preferred if its probability is above 1/2. Exactly 1/2 prefers none, so such a pair is not
    counted as biased, but it is counted as a pair.

    >>> position_bias_rate(tensor([0.9, 0.8, 0.1, 0.5]), tensor([0.2, 0.8, 0.3, 0.9]))  # the second pair and the third one
    0.5
    """
    # BEGIN SOLUTION
    first = (p_ab > 0.5) & (p_ba > 0.5)
    second = (p_ab < 0.5) & (p_ba < 0.5)
    return (first | second).double().mean().item()
    # END SOLUTION


def ask_judge(
    judge: Callable[[str], dict[str, float]],
    template: str,
    a: str,
    b: str,
    think: Callable[[str], str] | None = None,
    samples: int = 1,
) -> tuple[float, float]:
    """Lets a judge compare two answers in both orders, and gives p_ab and p_ba, as debias has them.

    template: a text in which "{1}" stands once, and behind it "{2}" once: the places of the answer that is shown first and of the second one. Answers
        may hold any text, also "{1}", "{2}" or other braces, and are put in as they are. Other braces of the template stay as they are, too.
    judge: gives for a text the log-probabilities of some next tokens. "1" and "2" count, nothing else does ("1 " and " 1" are other tokens). A token
        that is missing has the log-probability -inf.
    think: None, or a function that continues a text by a rationale (chain of thought). It may give another one at each call.
    samples: >= 1, how many rationales are drawn for each order (self-consistency). It must be 1 if think is None.

    Without think the judge is called once for each order, with the filled template and ENDING behind it. With think there are two stages, `samples`
    times for each order: think is called with the filled template, then the judge with the filled template, the rationale and ENDING, joined without
    anything between them. The preference of an order is the mean of its samples' preferences (not of log-probabilities, and no vote).

    Raises ValueError, if possible before judge or think is called: for a template without exactly one "{1}" and then exactly one "{2}", for samples
    below 1, and for other samples than 1 without think; and if the judge gives neither token a probability (both missing or -inf).

    >>> likes_long = lambda text: {"1": -1.0, "2": -1.0 - math.log(3), "It": -0.1}
    >>> ask_judge(likes_long, "First: {1} Second: {2}", "yes", "no")  # this judge likes position 1
    (0.75, 0.75)
    >>> ask_judge(likes_long, "First: {1}", "yes", "no")
    Traceback (most recent call last):
    ValueError: the template needs {1} and {2}
    """
    # BEGIN SOLUTION
    if re.findall(r"\{[12]\}", template) != ["{1}", "{2}"]:
        raise ValueError("the template needs {1} once, and then {2} once")
    if samples < 1 or (think is None and samples != 1):
        raise ValueError(f"samples is at least 1, and 1 without think; it is {samples}")
    before, between, after = re.split(r"\{[12]\}", template)
    found = []
    for first, second in ((a, b), (b, a)):
        text = before + first + between + second + after
        preferences = []
        for _ in range(samples):
            rationale = "" if think is None else think(text)
            tokens = judge(text + rationale + ENDING)
            lp1, lp2 = (torch.tensor(tokens.get(token, -math.inf), dtype=torch.float64) for token in "12")
            if max(lp1, lp2) == -math.inf:
                raise ValueError("the judge gives neither 1 nor 2 a probability")
            preferences.append(preference_from_logprobs(lp1, lp2).item())
        found.append(sum(preferences) / samples)
    return found[0], found[1]
    # END SOLUTION


def soft_label_rm_loss(r1: Tensor, r2: Tensor, p: Tensor) -> Tensor:
    """The loss of a reward model on pairs whose labels are probabilities: cross-entropy with (p, 1 - p).

    r1, r2: (B,), the rewards of the two answers. p: (B,), how probable it is that the first one is preferred, from 0 to 1. It is a label: no gradient
        reaches it, even if it requires one.

    Returns (B,), one loss for each pair, nothing is averaged: -p log σ(r1 - r2) - (1 - p) log σ(r2 - r1). With p = 1 it is the usual loss of a pair.
    It is differentiable with respect to r1 and r2, and finite for rewards in size up to 1e4. Raises ValueError if some p is below 0, above 1 or nan.

    >>> soft_label_rm_loss(tensor([math.log(3), math.log(3)]), tensor([0.0, 0.0]), tensor([1.0, 0.75]))  # -log 3/4; the entropy of (3/4, 1/4)
    tensor([0.2877, 0.5623])
    """
    # BEGIN SOLUTION
    p = p.detach()
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("labels are probabilities, from 0 to 1")
    gap = r1 - r2
    return -p * F.logsigmoid(gap) - (1 - p) * F.logsigmoid(-gap)
    # END SOLUTION


def direct_score(lp: Tensor) -> Tensor:
    """The reward of an answer straight from the judge (d-RLAIF): it is asked for a grade from 1 to 10, and no reward model is trained.

    lp: (..., 10), the log-probabilities of the ten tokens "1" to "10", from -1e4 to 0, or -inf for some of them (not for all ten). They need not sum
    to 1: the softmax over these ten takes care of it.

    Returns (...): the mean grade under these probabilities (not the most probable grade), moved and scaled so that grade 1 is -1 and grade 10 is 1.

    >>> direct_score(torch.zeros(10))  # all grades alike: 5.5
    tensor(0.)
    >>> direct_score(tensor([-math.inf] * 9 + [-3.0]))  # surely 10
    tensor(1.)
    >>> direct_score(tensor([-3.0] + [-math.inf] * 8 + [-3.0 - math.log(3)]))  # 1 three times out of four
    tensor(-0.5000)
    """
    # BEGIN SOLUTION
    grades = torch.arange(1, 11, dtype=lp.dtype, device=lp.device)
    return ((lp.softmax(-1) * grades).sum(-1) - 5.5) / 4.5
    # END SOLUTION
