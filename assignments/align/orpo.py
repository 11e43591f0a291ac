"""ORPO: fine-tuning and preferences in one loss, without a reference model ("ORPO: Monolithic Preference Optimization without Reference Model",
Hong, Lee and Thorne, 2024, section 4).

Floating-point tensors are float32 or float64, and all of one call have the same dtype. Results have it too, and float64 is exact to nine places after
the point, or to nine digits where numbers are larger than 1. Tensors may be views. Nothing that is passed in is changed, and no random number is
drawn.

P(y | x) is here, as in the paper, the *length-normalised* probability of an answer: lp = log P is the mean of its tokens' log-probabilities. So lp is
between -1e4 and -1e-9, and results and gradients are finite everywhere in this range, in float32 too. (What comes of lp = 0 is open.)
"""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100
"""The label of a place whose token is not to be predicted: the prompt and the padding."""


def log1mexp(x: Tensor) -> Tensor:
    """log(1 - exp(x)), element by element, for x from -1e4 to -1e-9, of any shape. Differentiable, with the slope -1 / (exp(-x) - 1).

    >>> log1mexp(tensor([-math.log(2), -1e-9]))  # log 1/2, and log 1e-9: in float32 exp(-1e-9) is exactly 1
    tensor([ -0.6931, -20.7233])
    """
    # YOUR CODE HERE
    raise NotImplementedError("log1mexp is not written yet")


def log_odds(lp_c: Tensor, lp_r: Tensor) -> Tensor:
    """The logarithm of the odds ratio: how much larger the odds of the chosen answer are than those of the rejected one. Odds are P / (1 - P).

    lp_c, lp_r: tensors of one shape, log P of the chosen and of the rejected answers.

    Returns log(odds_c / odds_r), of their shape, differentiable with respect to both.

    >>> log_odds(tensor([math.log(0.75)]), tensor([math.log(0.5)]))  # 3 to 1 against 1 to 1: log 3
    tensor([1.0986])
    >>> log_odds(tensor([-1e-9, -50.0]), tensor([-50.0, -50.0]))
    tensor([70.7233,  0.0000])
    """
    # YOUR CODE HERE
    raise NotImplementedError("log_odds is not written yet")


def orpo_loss(nll: Tensor, lp_c: Tensor, lp_r: Tensor, lam: float = 0.1) -> Tensor:
    """The loss of each pair: nll + lam L_OR, with L_OR = -log σ(log odds ratio).

    nll: (B,), the loss of fine-tuning on the chosen answers. lp_c, lp_r: (B,). lam: >= 0, the weight λ of the second term. (trl calls it beta, and
        its odds_ratio_loss returns the negative of lam L_OR.)

    Returns (B,), one loss for each pair, nothing is averaged. It is differentiable with respect to all three tensors. No reference model has a part
    in it, and nothing is detached.

    >>> half = tensor([math.log(0.5)])
    >>> orpo_loss(tensor([2.0]), half, half)  # 2 + 0.1 log 2
    tensor([2.0693])
    >>> orpo_loss(tensor([2.0]), tensor([math.log(0.75)]), half, lam=1.0)  # σ(log 3) = 3/4
    tensor([2.2877])
    """
    # YOUR CODE HERE
    raise NotImplementedError("orpo_loss is not written yet")


def odds_ratio_slopes(lp_c: Tensor, lp_r: Tensor) -> tuple[Tensor, Tensor]:
    """The slopes of L_OR, element by element, with respect to lp_c and to lp_r, as a formula (the paper's section 4.3, without autograd).

    With δ = 1 / (1 + odds_c / odds_r), they are -δ / (1 - P_c) and δ / (1 - P_r). lp_c, lp_r: tensors of one shape; the two results have it too, and
    carry no gradient.

    >>> odds_ratio_slopes(tensor([math.log(0.75)]), tensor([math.log(0.5)]))  # δ = 1/4
    (tensor([-1.]), tensor([0.5000]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("odds_ratio_slopes is not written yet")


def orpo_from_logits(logits: Tensor, labels: Tensor, lam: float = 0.1) -> Tensor:
    """The mean loss of a batch of pairs, from one forward pass over all answers.

    logits: (2 B, T, V), what a causal language model gives: logits[:, t] are about the token at t + 1. Rows 0 to B - 1 are chosen answers, and row
        B + i is the answer that was rejected for row i. B, V >= 1, T >= 2.
    labels: (2 B, T), int64: the model's input tokens where the answer is, and -100 in the prompt and in padding, on either side. A token is
        predicted from the place before it. The label at place 0 is ignored.

    lp of an answer is the mean over its own tokens, and nll of a pair is -lp_c: the prompt counts in neither. (trl's nll counts the prompt too, and
    divides by the number of tokens in the whole batch. The authors' code has a switch for the prompt.)

    Returns a tensor of shape (), the mean of orpo_loss over the B pairs, differentiable with respect to logits. Raises ValueError if the number of
    rows is odd, or if a row has no token of an answer.

    >>> logits = torch.zeros(2, 4, 2)  # each token has probability 1/2
    >>> orpo_from_logits(logits, tensor([[-100, 0, 1, 1], [-100, 1, 0, -100]]))  # log 2 + 0.1 log 2
    tensor(0.7625)
    >>> orpo_from_logits(logits, tensor([[-100, 0, 1, 1], [1, -100, -100, -100]]))
    Traceback (most recent call last):
    ValueError: row 1 has no answer
    """
    # YOUR CODE HERE
    raise NotImplementedError("orpo_from_logits is not written yet")


def odds_policy(reward: Tensor) -> Tensor:
    """The policy at which L_OR is smallest, where all answers can be listed and people prefer i to j with probability σ(r_i - r_j).

    reward: (..., N), N >= 2: for each prompt the rewards of its N answers, in size up to 100.

    Where L_OR is smallest every log odds ratio equals the difference of the rewards. So the probabilities are σ(r_i + c), with the one number c for
    each prompt at which they sum to 1. There is no formula for c if N > 2. The sum grows with c, and c lies between -max r - log(N - 1) and minus the
    second largest r: halve this interval until c is found.

    Returns (..., N), which sums to 1 over the last dimension. No gradient is needed.

    >>> odds_policy(tensor([1.0, 0.0]))  # c = -1/2: σ(1/2) and σ(-1/2)
    tensor([0.6225, 0.3775])
    >>> odds_policy(tensor([[7.0, 7.0, 7.0], [math.log(4), 0.0, 0.0]]))  # c = -7 - log 2; and odds of 1, 1/4 and 1/4 would sum to 0.9
    tensor([[0.3333, 0.3333, 0.3333],
            [0.5426, 0.2287, 0.2287]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("odds_policy is not written yet")
