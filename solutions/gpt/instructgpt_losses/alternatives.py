"""Right ways to write gpt/instructgpt_losses, done differently."""

import itertools
import math

import numpy as np
import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("a loop over prompts and pairs, softplus for each")
def rm_ranking_loss(r, ranks=None):
    prompts = []
    for b in range(len(r)):
        place = list(range(r.shape[1])) if ranks is None else ranks[b].tolist()
        pairs = [(i, j) for i, j in itertools.permutations(range(r.shape[1]), 2) if place[i] < place[j]]
        if pairs:
            prompts.append(torch.stack([F.softplus(r[b, j] - r[b, i]) for i, j in pairs]).mean())
    return torch.stack(prompts).mean() if prompts else 0 * r.sum()


@alternative("the upper triangle of the sorted rewards, weights for ties")
def rm_ranking_loss(r, ranks=None):
    b, k = r.shape
    i, j = torch.triu_indices(k, k, offset=1)
    if k < 2:
        return 0.0 * r.sum()
    weights = r.new_ones(b, len(i))
    if ranks is not None:
        ranks, order = ranks.sort(1)
        r = r.gather(1, order)
        weights = (ranks[:, i] != ranks[:, j]).to(r.dtype)
    nll = F.binary_cross_entropy_with_logits(r[:, i] - r[:, j], torch.ones_like(weights), reduction="none")
    counted = weights.sum(1)
    if not counted.any():
        return 0.0 * r.sum()
    each = (nll * weights).sum(1)[counted > 0] / counted[counted > 0]
    return each.mean()


@alternative("logsumexp of the two rewards minus the better one")
def rm_ranking_loss(r, ranks=None):
    if ranks is None:
        ranks = torch.arange(r.shape[1]).repeat(len(r), 1)
    prompt, better, worse = (ranks.unsqueeze(2) < ranks.unsqueeze(1)).nonzero(as_tuple=True)
    nll = torch.logaddexp(r[prompt, better], r[prompt, worse]) - r[prompt, better]
    number = torch.bincount(prompt, minlength=len(r))
    totals = torch.zeros_like(r[:, 0]).index_add(0, prompt, nll)
    heard = number > 0
    return (totals / number.clamp(min=1)).sum() / max(int(heard.sum()), 1)


class _Ranking(torch.autograd.Function):
    @staticmethod
    def forward(ctx, r, ranks):
        x, places = r.detach().double().numpy(), ranks.numpy()
        won = places[:, :, None] < places[:, None, :]
        gap = x[:, :, None] - x[:, None, :]
        number = won.sum((1, 2), keepdims=True)
        weight = won / np.maximum(number, 1) / max(int((number > 0).sum()), 1)
        wrong = np.exp(-np.logaddexp(0, gap)) * weight  # σ(-gap)
        ctx.save_for_backward(torch.from_numpy(wrong.sum(1) - wrong.sum(2)).to(r.dtype))
        return torch.tensor((np.logaddexp(0, -gap) * weight).sum(), dtype=r.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0], None


@alternative("NumPy in float64, with a gradient of its own")
def rm_ranking_loss(r, ranks=None):
    return _Ranking.apply(r, torch.arange(r.shape[1]).expand_as(r) if ranks is None else ranks)


@alternative("trl's pairwise loss, prompt by prompt")
def rm_ranking_loss(r, ranks=None):
    losses = []
    for rewards, places in zip(r, torch.arange(r.size(1)).expand(r.shape) if ranks is None else ranks, strict=True):
        chosen, rejected = torch.where(places[:, None] < places)
        if len(chosen):
            losses.append(-F.logsigmoid(rewards[chosen] - rewards[rejected]).mean())
    return sum(losses) / len(losses) if losses else r.sum() * 0


@alternative("an einsum, and a cross-entropy over two classes")
def rm_ranking_loss(r, ranks=None):
    b, k = r.shape
    place = torch.arange(k).expand(b, k) if ranks is None else ranks
    won = (place[:, :, None] < place[:, None, :]).to(r.dtype)
    two = torch.stack(torch.broadcast_tensors(r[:, :, None], r[:, None, :]), -1)
    nll = F.cross_entropy(two.reshape(-1, 2), torch.zeros(b * k * k, dtype=torch.int64), reduction="none").view(b, k, k)
    n = torch.einsum("bij->b", won)
    weights = torch.where(n > 0, 1 / n.clamp(min=1), 0.0) / (n > 0).sum().clamp(min=1)
    return torch.einsum("bij,bij,b->", nll, won, weights)


@alternative("a running sum of the demonstrations")
def normalize_bias(r, demo_r):
    return r - torch.sum(demo_r) / demo_r.numel()


@alternative("a bias that is added, from a list of numbers")
def normalize_bias(r, demo_r):
    numbers = demo_r.detach().double().flatten().tolist()
    return r + r.new_tensor(-math.fsum(numbers) / len(numbers))


@alternative("three means, each with its weight")
def ppo_ptx_objective(reward, logp, logp_sft, lm_nll, beta=0.02, gamma=27.8):
    kl = logp.mean() - logp_sft.mean()
    return reward.mean() - beta * kl + gamma * (-lm_nll).mean()


@alternative("the negative of a loss, by scalar products")
def ppo_ptx_objective(reward, logp, logp_sft, lm_nll, beta=0.02, gamma=27.8):
    share = torch.full_like(reward, 1 / reward.numel())
    loss = gamma * F.l1_loss(lm_nll, torch.zeros_like(lm_nll)) if bool((lm_nll > 0).all()) else gamma * lm_nll.mean()
    return -(loss - share @ (reward + beta * logp_sft - beta * logp))


@alternative("terms with the factor 0 are left out")
def ppo_ptx_objective(reward, logp, logp_sft, lm_nll, beta=0.02, gamma=27.8):
    total = reward.mean()
    if beta:
        total = total - beta * (logp - logp_sft).mean()
    return total - gamma * lm_nll.mean() if gamma else total
