"""PPO for language models: the policy writes answers, a reward model scores them, and small steps make better answers more probable ("Proximal
Policy Optimization Algorithms", Schulman et al., 2017; "High-Dimensional Continuous Control Using Generalized Advantage Estimation", Schulman et
al., 2015; used for language models as in InstructGPT, 2022).

B answers of up to T tokens are one batch. mask, (B, T) bool, is True where a token of the answer is. In each row these places stand together, with
padding on either side; a row may have none. What stands in padding matters nowhere, even if it is nan: it changes no result, and its gradient is 0.
Results of shape (B, T) have 0 there.

Floating-point tensors are float32 or float64, and all of one call have the same dtype. Results have it too, and float64 is exact to nine digits.
Tensors may be views. Nothing that is passed in is changed, and no random number is drawn. B, T >= 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def kl_estimators(logr: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Three estimates of KL(p ‖ q) from one sample each (J. Schulman, "Approximating KL Divergence", 2020).

    logr: any shape: log q(x) - log p(x), where x was drawn from p. (Mind the order: the one that was drawn from is taken off.)

    Returns k1, k2, k3, each of the same shape and differentiable. With r = exp(logr):

    - k1 = -log r. Its mean is KL(p ‖ q), but single values may be negative.
    - k2 = (log r)² / 2. Never negative; its mean is a little off.
    - k3 = (r - 1) - log r. Never negative, and its mean is KL(p ‖ q).

    Near 0, k3 is exact to nine places after the point, not to nine digits.

    >>> kl_estimators(tensor([0.0, math.log(2)]))
    (tensor([-0.0000, -0.6931]), tensor([0.0000, 0.2402]), tensor([0.0000, 0.3069]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("kl_estimators is not written yet")


def kl_rewards(score: Tensor, logp: Tensor, ref_logp: Tensor, mask: Tensor, beta: float) -> Tensor:
    """The reward of each token: what it costs to leave the reference, and at the end the score of the whole answer.

    score: (B,): what the reward model says of each answer.
    logp, ref_logp: (B, T): log-probabilities of the answer's tokens under the policy that wrote them, and under the reference.
    beta: >= 0.

    Returns (B, T): -beta (logp - ref_logp) at each token of the answer; at its last token the score is added. The score of a row without a token
    is lost, even if it is nan. No gradient flows through the result.

    >>> logp, ref_logp = tensor([[-1.0, -2.0, 0.0]]), tensor([[-2.0, -1.5, 0.0]])
    >>> kl_rewards(tensor([3.0]), logp, ref_logp, tensor([[True, True, False]]), beta=0.5)
    tensor([[-0.5000,  3.2500,  0.0000]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("kl_rewards is not written yet")


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """How much better each token was than expected: generalized advantage estimation.

    rewards: (B, T). values: (B, T): what the value model expects, before token t is written, of all rewards from t on. gamma, lam: from 0 to 1.

    With δ_t = r_t + gamma V_{t+1} - V_t the advantage is A_t = δ_t + (gamma lam) δ_{t+1} + (gamma lam)² δ_{t+2} + …, over the tokens of the answer.
    Behind the last token of an answer the value is 0, whatever the value model says there: nothing follows.

    Returns (advantages, returns), each (B, T). The returns are advantages + values: what the value model should have said. No gradient flows
    through them.

    >>> rewards, values = tensor([[1.0, 0.0, 2.0, 1.0]]), tensor([[0.5, 0.2, 0.1, 0.4]])
    >>> gae(rewards, values, tensor([[True, True, True, True]]), gamma=0.99, lam=0.95)[0]
    tensor([[3.1331, 2.5891, 2.8603, 0.6000]])
    >>> gae(rewards, values, tensor([[True, True, False, False]]), gamma=1.0, lam=1.0)  # 1 + 0 - 0.5 and 0 - 0.2
    (tensor([[ 0.5000, -0.2000,  0.0000,  0.0000]]), tensor([[1., 0., 0., 0.]]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("gae is not written yet")


def masked_whiten(x: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
    """x with mean 0 and variance 1 over all answers' tokens of the whole batch together.

    x: (B, T). Returns (x - mean) / sqrt(variance + 1e-8), and 0 in padding. The variance is the sum of squared distances divided by N - 1, where N
    is the number of the answers' tokens. (That is what trl and verl do; others divide by N.) If N is 1, the variance is 0. If N is 0, all is 0.
    shift_mean: False adds the mean again after the division, so that only the spread changes.

    >>> masked_whiten(tensor([[1.0, 2.0], [3.0, 100.0]]), tensor([[True, True], [True, False]]))
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    >>> masked_whiten(tensor([[10.0, 30.0]]), tensor([[True, True]]), shift_mean=False)  # the standard deviation is 14.1
    tensor([[19.2929, 20.7071]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("masked_whiten is not written yet")


def ppo_loss(logp: Tensor, old: Tensor, adv: Tensor, mask: Tensor, clip: float = 0.2) -> tuple[Tensor, dict[str, float]]:
    """The clipped loss of the policy (equation 7 of the PPO paper, with a minus).

    logp: (B, T): log-probabilities of the answers' tokens under the policy as it is now. old: (B, T): the same under the policy that wrote them.
        logp - old is at most 50 in size.
    adv: (B, T): the advantages. Only logp gets a gradient, even if old and adv require one.
    clip: > 0 and < 1.

    With the ratio ρ = exp(logp - old) a token's loss is -min(ρ A, clamp(ρ, 1 - clip, 1 + clip) A). The loss is the mean over all answers'
    tokens of the batch, of shape (). Without any token it is 0, and so is the gradient. (Where ρ is exactly 1 - clip or 1 + clip, any gradient
    between both sides is right.)

    Returns (loss, statistics). The statistics are Python floats, means over the same tokens, 0.0 without any:

    - "clip_fraction": the share of the tokens where clamp(ρ, …) A is smaller than ρ A, so that no gradient comes from them.
    - "approx_kl": the mean of k3 of `kl_estimators`: how far the policy is from the one that wrote the tokens.

    >>> mask = tensor([[True, True, False]])
    >>> logp, old = tensor([[math.log(0.75), math.log(0.75), 0.0]]), tensor([[math.log(0.5), math.log(0.5), 0.0]])
    >>> ppo_loss(logp, old, tensor([[1.0, -1.0, 9.0]]), mask)[0]  # ρ = 1.5: -1.2 and 1.5
    tensor(0.1500)
    >>> ppo_loss(logp, old, tensor([[1.0, -1.0, 9.0]]), mask)[1]
    {'clip_fraction': 0.5, 'approx_kl': 0.094535}
    """
    # YOUR CODE HERE
    raise NotImplementedError("ppo_loss is not written yet")


def value_loss(v: Tensor, v_old: Tensor, ret: Tensor, mask: Tensor, clip: float = 0.2) -> Tensor:
    """The clipped loss of the value model, as in OpenAI's and trl's code.

    v: (B, T): what the value model says now. v_old: (B, T): what it said when the answers were written. ret: (B, T): the returns.
    clip: > 0. Only v gets a gradient.

    A token's loss is 1/2 max((v - ret)², (v' - ret)²), where v' is v, clamped to [v_old - clip, v_old + clip]. The result is the mean over all
    answers' tokens, of shape (); without any token it is 0.

    >>> mask = tensor([[True, True]])
    >>> value_loss(tensor([[1.0, 3.0]]), tensor([[1.0, 1.0]]), tensor([[2.0, 3.0]]), mask, clip=0.5)  # 1 and (1.5 - 3)², the half of their mean
    tensor(0.8125)
    """
    # YOUR CODE HERE
    raise NotImplementedError("value_loss is not written yet")


def ppo_update(
    policy: Callable[[], Tensor],
    critic: Callable[[], Tensor],
    optimizer: torch.optim.Optimizer,
    score: Tensor,
    ref_logp: Tensor,
    mask: Tensor,
    beta: float = 0.05,
    gamma: float = 1.0,
    lam: float = 0.95,
    clip: float = 0.2,
    value_clip: float = 0.2,
    value_weight: float = 0.1,
    epochs: int = 4,
) -> list[dict[str, float]]:
    """Learn from one batch of answers, `epochs` times.

    policy(): (B, T): the log-probabilities of the batch's tokens under the policy as it is at the moment of the call, with gradients. Each call
        gives a new tensor.
    critic(): (B, T): the values as the value model gives them at the moment of the call, with gradients, in a new tensor, too.
    optimizer: has the parameters of both. Its zero_grad() and step() are all that is needed. Gradients that are there at the beginning don't count.
    score, ref_logp, mask: of the batch, as in `kl_rewards`.

    The policy that wrote the answers is the policy at the beginning. So first, once: the old log-probabilities and values, the rewards of the tokens
    (beta), advantages and returns (gamma, lam), and the advantages whitened. The returns are not whitened. Then each epoch is one step of the
    optimizer, also for a batch without any token, on `ppo_loss` (clip) + value_weight · `value_loss` (value_clip), over the whole batch. Nothing
    else is done to rewards, gradients or losses. policy and critic are called epochs + 1 times each.

    Returns one dict for each epoch, with the floats "policy_loss", "value_loss", "clip_fraction" and "approx_kl", as they were before the step of
    this epoch. epochs = 0 gives [], and changes no parameter.
    """
    # YOUR CODE HERE
    raise NotImplementedError("ppo_update is not written yet")
