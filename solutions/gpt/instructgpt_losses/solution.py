"""InstructGPT: how rankings become rewards, and what is maximised with them ("Training language models to follow instructions with
human feedback", 2022; section 3.5, equations 1 and 2, and appendix C).

Floating-point tensors are float32 or float64, finite, and all of one call have the same dtype; results have it too, and float64 is exact to
nine digits. Tensors may be views (transposed, sliced, expanded). Nothing that is passed in is changed, and no random number is drawn.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def rm_ranking_loss(r: Tensor, ranks: Tensor | None = None) -> Tensor:
    """The loss of a reward model on prompts whose responses were ranked by people (equation 1).

    r: (B, K): the rewards that the model gives the K responses of each of B prompts. B, K >= 1.
    ranks: (B, K), int64: the place that the labeler gave each response. Smaller is better, whatever int64 numbers they are (1, 2, 3 or -5, 0,
        40). Equal numbers are a tie. None means that the responses of every prompt stand in order, from the best to the worst, without ties.

    A comparison is a pair of responses of one prompt, of which the labeler preferred one. Each pair counts once, and costs

        -log σ(reward of the preferred one - reward of the other one)

    Ties are dropped: two responses with equal ranks are no comparison. Responses of different prompts are never compared.

    All comparisons of one prompt are one element of the batch: the loss of a prompt is the mean over its own comparisons (without ties
    there are C(K, 2) = K (K - 1) / 2). The result is the mean over the prompts, and each prompt weighs the same, however many ties it has. Prompts
    without a single comparison (all responses tie, or K = 1) are left out of this mean. If there is no other prompt, the result is
    0.0, and its backward() gives r a gradient of zeros, not nan. (trl's RewardTrainer gets its pairs one by one and takes the mean over
    all of them. That differs from this loss only where ties make the numbers of pairs unequal.)

    Returns a tensor of shape (), differentiable with respect to r. Rewards in size up to 1e4 give a finite loss and finite gradients: a
    pair in the wrong order costs its whole distance.

    >>> rm_ranking_loss(torch.zeros(1, 3))  # ln 2
    tensor(0.6931)
    >>> rm_ranking_loss(tensor([[math.log(3), 0.0]]))  # σ(ln 3) = 3/4, so ln 4/3; the other way round ln 4
    tensor(0.2877)
    >>> rm_ranking_loss(tensor([[0.0, math.log(3)]]))
    tensor(1.3863)
    >>> rm_ranking_loss(tensor([[0.0, math.log(3)]]), tensor([[2, 1]]))
    tensor(0.2877)

    The first and the second response tie, which leaves two comparisons with the third one, at distances of 100 and 200:

    >>> rm_ranking_loss(tensor([[0.0, 100.0, 200.0]]), tensor([[1, 1, 2]]))
    tensor(150.)
    """
    # BEGIN SOLUTION
    if ranks is None:
        ranks = torch.arange(r.shape[1], device=r.device).expand(r.shape)
    preferred = ranks[:, :, None] < ranks[:, None, :]  # (B, K, K): i is better than j
    nll = -F.logsigmoid(r[:, :, None] - r[:, None, :])  # (B, K, K)
    pairs = preferred.sum((1, 2))  # (B,)
    losses = (nll * preferred).sum((1, 2)) / pairs.clamp(min=1)  # (B,): 0 where there is no pair
    return losses.sum() / (pairs > 0).sum().clamp(min=1)
    # END SOLUTION


def normalize_bias(r: Tensor, demo_r: Tensor) -> Tensor:
    """The rewards `r`, shifted by one bias so that the demonstrations have a mean reward of 0.

    r: rewards of any shape.
    demo_r: the rewards that the same reward model gives the demonstrations (answers written by people), of any shape with at least
        one element. All of them have the same weight.

    Only differences of rewards were trained, so their zero point is arbitrary. Now 0 means: as good as a person's answer on average.
    All rewards move by the same number, also those of different prompts. Distances between them stay, so nothing is
    scaled. Returns a new tensor of the shape of r, also where the bias is 0; its gradient with respect to r is 1 for each element. (Whether a
    gradient flows to demo_r is open: nobody trains through the bias.)

    >>> normalize_bias(tensor([5.0, 2.0]), tensor([1.0, 2.0, 6.0]))  # the bias is -3
    tensor([ 2., -1.])
    """
    # BEGIN SOLUTION
    return r - demo_r.mean()
    # END SOLUTION


def ppo_ptx_objective(
    reward: Tensor, logp: Tensor, logp_sft: Tensor, lm_nll: Tensor, beta: float = 0.02, gamma: float = 27.8
) -> Tensor:
    """What PPO-ptx maximises, estimated from samples (equation 2).

    reward: (B,): the rewards of B responses, which the model that is being trained has written itself. B >= 1.
    logp: (B,): log π(y | x) of these responses under the model that is being trained.
    logp_sft: (B,): log π_SFT(y | x) of the same responses under the supervised model from which the training began.
    lm_nll: (M,): the negative log-likelihoods (>= 0, each as causal_lm_loss gives it) of M pieces of pretraining text under the model that is
        being trained. M >= 1 has nothing to do with B.

    From each reward beta times the logarithm of π / π_SFT is taken off. Over responses of π its mean is KL(π ‖ π_SFT), although for
    a single response it may be negative. The mean over the responses is one part, and gamma times the mean log-likelihood of the pretraining texts
    is added to it:

        mean(reward - beta (logp - logp_sft)) + gamma mean(-lm_nll)

    Nothing is clipped, detached or squared. Returns a tensor of shape (), which is to be *maximised* (a loss would be its negative), and which is
    differentiable with respect to all four tensors. beta and gamma are >= 0; gamma = 0 is the paper's plain "PPO". (A term with the factor 0 may
    be left out of the sum: no gradient at all is then as good as one of zeros.)

    >>> ppo_ptx_objective(tensor([3.0, 1.0]), tensor([-4.0, -9.0]), tensor([-6.0, -8.0]), tensor([2.0]), beta=0.5, gamma=0.25)
    tensor(1.2500)
    >>> ppo_ptx_objective(tensor([1.0]), tensor([-5.0]), tensor([-55.0]), tensor([0.0, 0.0]))  # 50 nats cost a reward of 1
    tensor(0.)
    """
    # BEGIN SOLUTION
    return (reward - beta * (logp - logp_sft)).mean() - gamma * lm_nll.mean()
    # END SOLUTION
