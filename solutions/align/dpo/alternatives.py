"""Right ways to write align/dpo, done differently."""

import math

import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("cross_entropy with ignore_index, row by row")
def sequence_logps(logits, labels, average=False):
    rows = []
    for row, label in zip(logits, labels, strict=True):
        nll = F.cross_entropy(row[:-1], label[1:], ignore_index=-100, reduction="sum")
        count = int((label[1:] != -100).sum())
        rows.append(-nll / max(count, 1) if average else -nll)
    return torch.stack(rows)


@alternative("only the answer's places go through logsumexp, and are added up by row")
def sequence_logps(logits, labels, average=False):
    rows, places = (labels[:, 1:] != -100).nonzero(as_tuple=True)
    chosen = logits[rows, places]
    logps = chosen[torch.arange(len(rows)), labels[rows, places + 1]] - chosen.logsumexp(-1)
    total = (0.0 * logits.flatten(1)[:, :1].detach())[:, 0].index_add(0, rows, logps)
    if average:
        total = total / torch.bincount(rows, minlength=len(labels)).clamp(min=1)
    return total + 0.0 * logits.detach().flatten(1).sum(1).clamp(0, 0)


@alternative("the rewards first, softplus of their difference")
def dpo_loss(pc, pr, rc, rr, beta=0.1, label_smoothing=0.0, loss_type="sigmoid"):
    if loss_type not in {"sigmoid", "hinge", "ipo"}:
        raise ValueError(loss_type)
    if label_smoothing < 0 or label_smoothing >= 0.5:
        raise ValueError(label_smoothing)
    if label_smoothing > 0 and loss_type in {"hinge", "ipo"}:
        raise ValueError(label_smoothing)
    chosen, rejected = beta * (pc - rc.detach()), beta * (pr - rr.detach())
    gap = chosen - rejected
    if loss_type == "hinge":
        found = torch.clamp(1 - gap, min=0)
    elif loss_type == "ipo":
        found = torch.square(gap / beta - 0.5 / beta)
    else:
        found = F.softplus(-gap) + label_smoothing * gap  # -log σ(-x) is -log σ(x) + x
    return found, chosen.detach(), rejected.detach()


@alternative("binary cross-entropy with soft labels; a table of losses")
def dpo_loss(pc, pr, rc, rr, beta=0.1, label_smoothing=0.0, loss_type="sigmoid"):
    kinds = {
        "sigmoid": lambda h: F.binary_cross_entropy_with_logits(beta * h, torch.full_like(h, 1 - label_smoothing), reduction="none"),
        "hinge": lambda h: torch.where(beta * h < 1, 1 - beta * h, torch.zeros_like(h)),
        "ipo": lambda h: h * h - h / beta + 1 / (4 * beta * beta),
    }
    allowed = 0 <= label_smoothing < 0.5 if loss_type == "sigmoid" else label_smoothing == 0
    if loss_type not in kinds or not allowed:
        raise ValueError("loss_type, label_smoothing")
    with torch.no_grad():
        reference = rc - rr
        rewards = beta * (pc - rc), beta * (pr - rr)
    return kinds[loss_type](pc - pr - reference), *rewards


@alternative("a loop in Python")
def implicit_reward_accuracy(chosen_rewards, rejected_rewards):
    won = [c > r for c, r in zip(chosen_rewards.tolist(), rejected_rewards.tolist(), strict=True)]
    return sum(won) / len(won)


@alternative("the largest reward is taken off, then weights and their sum")
def optimal_policy(ref, reward, beta):
    possible = torch.where(ref > 0, reward, torch.full_like(reward, -math.inf))
    weights = ref * ((reward - possible.amax(-1, keepdim=True)) / beta).clamp(max=0).exp()
    return weights / weights.sum(-1, keepdim=True)


@alternative("logarithms and logsumexp")
def optimal_policy(ref, reward, beta):
    score = torch.log(ref) + reward / beta
    return torch.exp(score - torch.logsumexp(score, dim=-1, keepdim=True))
