"""DPO: a language model learns from preferences, without a reward model and without samples ("Direct Preference Optimization: Your Language
Model is Secretly a Reward Model", Rafailov et al., 2023; equations 4 to 7).

Floating-point tensors are float32 or float64, and all of one call have the same dtype. Results have it too, and float64 is exact to nine digits.
Tensors may be views. Nothing that is passed in is changed, and no random number is drawn.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100
"""The label of a place whose token is not to be predicted: the prompt and the padding."""


def sequence_logps(logits: Tensor, labels: Tensor, average: bool = False) -> Tensor:
    """log π(y | x) of each sequence of a batch: the sum of the log-probabilities of its answer's tokens.

    logits: (B, T, V), what a causal language model gives: logits[:, t] are about the token at t + 1. B, V >= 1, T >= 2.
    labels: (B, T), int64: the same tokens as the model's input where the answer is, and -100 in the prompt and in padding, on either side.
        A token of the answer is predicted from the place before it. The label at place 0 is ignored, since nothing stands before it.
    average: the mean over the answer's tokens instead of their sum.

    Returns (B,), differentiable with respect to logits. A sequence without any token of an answer has 0, also with average=True, and no nan
    reaches the gradient. Logits in size up to 1e4 give finite results.

    >>> logits = torch.zeros(1, 4, 2)  # two tokens, each with probability 1/2
    >>> sequence_logps(logits, tensor([[-100, -100, 0, 1]]))  # 2 log 1/2
    tensor([-1.3863])
    >>> sequence_logps(logits, tensor([[-100, -100, 0, 1]]), average=True)
    tensor([-0.6931])
    """
    # BEGIN SOLUTION
    labels = labels[:, 1:]
    answer = labels != IGNORED
    logps = logits[:, :-1].log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]  # (B, T - 1)
    total = torch.where(answer, logps, 0.0).sum(1)
    return total / answer.sum(1).clamp(min=1) if average else total
    # END SOLUTION


def dpo_loss(
    pc: Tensor,
    pr: Tensor,
    rc: Tensor,
    rr: Tensor,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    loss_type: str = "sigmoid",
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of each pair of answers, and the rewards that the policy gives them without ever having been told a reward.

    pc, pr: (B,): log π(y | x) of the chosen and of the rejected answer under the policy that is being trained.
    rc, rr: (B,): the same under the reference, the model from which the training began. The reference is not trained: no gradient reaches
        rc and rr, even if they require one.
    beta: > 0, what it costs to leave the reference.

    With the margin h = (pc - pr) - (rc - rr), the losses are

    - "sigmoid": -log σ(β h), equation 7. With label_smoothing ε a share ε of the labels is taken to be the wrong way round:
      -(1 - ε) log σ(β h) - ε log σ(-β h). 0 <= ε < 1/2. (Nothing is divided by 1 - 2 ε, as the "robust" loss of others does.)
    - "hinge": max(0, 1 - β h), of RSO and SLiC. Where β h is exactly 1, any slope from -β to 0 is right.
    - "ipo": (h - 1 / (2 β))². Here h is used as it is, whether pc, pr, rc and rr are sums or means over tokens. (Libraries that take means for
      this loss do that before.)

    Raises ValueError for another loss_type, and for a label_smoothing outside of [0, 1/2); with "hinge" and "ipo" it must be 0.

    Returns (losses, chosen_rewards, rejected_rewards), each (B,). The rewards are β (pc - rc) and β (pr - rr), to look at: no gradient flows
    through them. The losses are one for each pair: nothing is averaged. β h in size up to 1e4 gives finite losses and finite gradients.

    >>> one = tensor([-5.0])
    >>> dpo_loss(one, one, one, one)[0]  # nothing learned yet: log 2
    tensor([0.6931])
    >>> losses, chosen, rejected = dpo_loss(tensor([-4.0]), tensor([-9.0]), tensor([-6.0]), tensor([-8.0]), beta=0.5)
    >>> chosen, rejected
    (tensor([1.]), tensor([-0.5000]))
    >>> losses  # log(1 + exp(-1.5))
    tensor([0.2014])
    >>> dpo_loss(one, one, one, one, beta=0.5, loss_type="ipo")[0]
    tensor([1.])
    """
    # BEGIN SOLUTION
    if loss_type not in ("sigmoid", "hinge", "ipo"):
        raise ValueError(f"loss_type is sigmoid, hinge or ipo, not {loss_type!r}")
    if not 0 <= label_smoothing < 0.5 or (label_smoothing and loss_type != "sigmoid"):
        raise ValueError(f"label_smoothing is from 0 to below 1/2, and 0 unless loss_type is sigmoid; it is {label_smoothing}")
    rc, rr = rc.detach(), rr.detach()
    h = (pc - pr) - (rc - rr)
    if loss_type == "sigmoid":
        losses = -(1 - label_smoothing) * F.logsigmoid(beta * h) - label_smoothing * F.logsigmoid(-beta * h)
    elif loss_type == "hinge":
        losses = (1 - beta * h).relu()
    else:
        losses = (h - 1 / (2 * beta)) ** 2
    return losses, beta * (pc - rc).detach(), beta * (pr - rr).detach()
    # END SOLUTION


def implicit_reward_accuracy(chosen_rewards: Tensor, rejected_rewards: Tensor) -> float:
    """The share of pairs in which the chosen answer has the larger reward, from 0 to 1. Equal rewards are no success.

    chosen_rewards, rejected_rewards: (B,), B >= 1.

    >>> implicit_reward_accuracy(tensor([1.0, 2.0, 0.0, 3.0]), tensor([0.0, 2.0, 1.0, -1.0]))
    0.5
    """
    # BEGIN SOLUTION
    return (chosen_rewards > rejected_rewards).double().mean().item()
    # END SOLUTION


def optimal_policy(ref: Tensor, reward: Tensor, beta: float) -> Tensor:
    """The policy that is best for mean reward - β KL(π ‖ π_ref), where all answers can be listed: equation 4.

    ref: (..., N): for each prompt the probabilities of its N answers under the reference. Rows sum to 1; a probability may be 0.
    reward: (..., N): the reward of each answer, finite, in size up to 1e6.
    beta: > 0.

    Returns (..., N), π(y | x) = π_ref(y | x) exp(r(x, y) / β) / Z(x): each row sums to 1, and an answer that the reference never gives has 0. It
    is finite for any beta down to 1e-3.

    >>> optimal_policy(tensor([0.5, 0.5]), tensor([math.log(3), 0.0]), beta=1.0)
    tensor([0.7500, 0.2500])
    >>> optimal_policy(tensor([0.9, 0.1]), tensor([0.0, 1000.0]), beta=1.0)
    tensor([0., 1.])
    """
    # BEGIN SOLUTION
    return (ref.log() + reward / beta).softmax(-1)
    # END SOLUTION
