"""A reward model: a language model with one number in the place of its vocabulary, trained on pairs of answers ("Learning to summarize from
human feedback", Stiennon et al., 2020, section 3.4; the margin is that of Llama 2, 2023, equation 2).

Floating-point tensors are float32 or float64, finite, and all of one call have the same dtype. Results have it too, and float64 is exact to nine
digits. Tensors may be views. Nothing that is passed in is changed, and no random number is drawn.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def last_token_reward(h: Tensor, mask: Tensor, w: Tensor, b: float | Tensor = 0.0) -> Tensor:
    """The reward of each sequence of a batch, read at its last token.

    h: (B, T, C), the hidden states of a causal language model: h[:, t] has seen the tokens up to t. So only the last one has seen all.
    mask: (B, T), bool or int64: True or 1 where a token is, False or 0 in the padding. Padding may stand on the right, on the left, on both sides,
        and between tokens: the last token is the last place that is not padding, whatever stands before it.
    w: (C,) and b: a number, or a tensor of shape (). The reward is w · h + b.

    Returns (B,), differentiable with respect to h, w and b, and to h at the last tokens alone: elsewhere the gradient is 0. What stands in h at the
    other places makes no difference. Raises ValueError if a row of mask has no token at all.

    >>> h = tensor([[[1.0, 0.0], [2.0, 1.0], [9.0, 9.0]]])
    >>> last_token_reward(h, tensor([[1, 1, 0]]), tensor([3.0, -1.0]))  # 3 * 2 - 1, read before the padding
    tensor([5.])
    >>> last_token_reward(h, tensor([[0, 0, 1]]), tensor([3.0, -1.0]), b=0.5)
    tensor([18.5000])
    >>> last_token_reward(h, tensor([[0, 0, 0]]), tensor([3.0, -1.0]))
    Traceback (most recent call last):
    ValueError: row 0 has no token
    """
    # YOUR CODE HERE
    raise NotImplementedError("last_token_reward is not written yet")


class RewardHead(nn.Module):
    """The part of a reward model that is new: a vector and a number.

    RewardHead(dim) has two parameters, both zeros in the beginning: w of shape (dim,) and b of shape (). head(h, mask) is
    last_token_reward(h, mask, w, b). dtype is the dtype of the parameters.

    >>> RewardHead(3)(torch.ones(2, 4, 3), torch.ones(2, 4).bool()).tolist()
    [0.0, 0.0]
    """

    def __init__(self, dim: int, dtype: torch.dtype = torch.float32) -> None:
        """Makes w and b, of the dtype that is given."""
        # YOUR CODE HERE
        raise NotImplementedError("RewardHead.__init__ is not written yet")

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """The reward of each sequence, (B,): last_token_reward of h (B, T, dim) and mask (B, T), with w and b."""
        # YOUR CODE HERE
        raise NotImplementedError("RewardHead.forward is not written yet")


def bt_loss(rc: Tensor, rr: Tensor, margin: float | Tensor = 0.0, center_coef: float = 0.0) -> Tensor:
    """The loss of each pair of answers, of which people chose one and rejected the other (Bradley and Terry).

    rc, rr: (B,), the rewards of the chosen and of the rejected answers. B >= 1.
    margin: a number for all pairs, or (B,): how much larger the chosen reward should be at least. Larger where people were more sure. It may be
        negative.
    center_coef: >= 0, the weight of a second term, which pulls the rewards towards 0. The first term sees only their difference.

    Returns (B,), one loss for each pair. Nothing is averaged. The loss of a pair is

        -log σ(rc - rr - margin) + center_coef (rc + rr)²

    It is differentiable with respect to rc and rr. Rewards in size up to 1e4 give finite losses and finite gradients. Raises ValueError if rc and rr
    have different shapes: (B, 1) and (B,) would make a table of B² pairs in silence.

    >>> bt_loss(tensor([math.log(3)]), tensor([0.0]))  # σ(ln 3) = 3/4
    tensor([0.2877])
    >>> bt_loss(tensor([2.0, 0.0]), tensor([2.0, 300.0]))
    tensor([6.9315e-01, 3.0000e+02])
    >>> bt_loss(tensor([3.0]), tensor([1.0]), margin=2.0)
    tensor([0.6931])
    >>> bt_loss(tensor([3.0]), tensor([1.0]), margin=2.0, center_coef=0.01)  # 0.01 * 16 more
    tensor([0.8531])
    """
    # YOUR CODE HERE
    raise NotImplementedError("bt_loss is not written yet")


def pair_accuracy(rc: Tensor, rr: Tensor) -> float:
    """The share of pairs in which the chosen answer has the larger reward, from 0 to 1. Equal rewards are no success.

    rc, rr: (B,), B >= 1. Raises ValueError if they have different shapes. Margins play no part here.

    >>> pair_accuracy(tensor([1.0, 2.0, 0.0, 3.0]), tensor([0.0, 2.0, 1.0, -1.0]))
    0.5
    """
    # YOUR CODE HERE
    raise NotImplementedError("pair_accuracy is not written yet")


def train_rm(
    chosen: tuple[Tensor, Tensor],
    rejected: tuple[Tensor, Tensor],
    steps: int,
    lr: float = 0.5,
    margin: float | Tensor = 0.0,
    center_coef: float = 0.0,
) -> tuple[RewardHead, list[float]]:
    """A new head, trained on all pairs at once by plain gradient descent. The language model below it is frozen.

    chosen, rejected: (h, mask) as last_token_reward has them, for the B chosen and the B rejected answers. Row i of both is one pair. Their T may
        differ. h requires no gradient.
    steps, lr: >= 0. Each step takes lr times the gradient of the *mean* of bt_loss over the B pairs off w and b. No momentum, nothing decays.
    margin, center_coef: handed to bt_loss.

    Returns the head, with the dtype of h, and `steps` numbers: the mean loss before each step. What stands in .grad of the head is open.

    >>> ones = torch.ones(1, 1).bool()
    >>> head, losses = train_rm((tensor([[[1.0]]]), ones), (tensor([[[-1.0]]]), ones), steps=1, lr=2.0)
    >>> losses  # log 2
    [0.693147]
    >>> head.w.detach()  # 2.0 times a slope of σ(0) * 2
    tensor([2.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("train_rm is not written yet")
