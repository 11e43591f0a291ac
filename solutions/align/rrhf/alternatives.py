"""Right ways to write align/rrhf, done differently."""

import itertools

import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("cross_entropy with ignore_index on a flat batch")
def length_norm_scores(logits, labels, alpha=1.0):
    *shape, t = labels.shape
    flat = logits[..., :-1, :].reshape(-1, logits.shape[-1])
    target = labels[..., 1:].reshape(-1)
    nll = F.cross_entropy(flat, target, ignore_index=-100, reduction="none").view(*shape, t - 1)
    count = (labels[..., 1:] >= 0).sum(-1)
    return -nll.sum(-1) / torch.where(count > 0, count, torch.ones_like(count)).to(logits.dtype).pow(alpha)


@alternative("row by row, with logsumexp")
def length_norm_scores(logits, labels, alpha=1.0):
    rows = logits.reshape(-1, *logits.shape[-2:])
    marks = labels.reshape(-1, labels.shape[-1])
    scores = []
    for row, mark in zip(rows, marks, strict=True):
        places = [t for t in range(1, len(mark)) if mark[t] != -100]
        total = row.sum() * 0
        for t in places:
            total = total + row[t - 1, mark[t]] - torch.logsumexp(row[t - 1], 0)
        scores.append(total / len(places) ** alpha if places else total)
    return torch.stack(scores).reshape(labels.shape[:-1])


@alternative("pairs in a double loop")
def rank_loss(p, r):
    total = p.sum(-1) * 0
    for i, j in itertools.permutations(range(p.shape[-1]), 2):
        total = total + torch.where(r[..., i] < r[..., j], (p[..., i] - p[..., j]).clamp(min=0), torch.zeros_like(total))
    return total


@alternative("pairs above the diagonal, turned by the sign of the difference of ranks")
def rank_loss(p, r):
    k = p.shape[-1]
    i, j = torch.triu_indices(k, k, offset=1)
    sign = (r[..., j] > r[..., i]).to(p.dtype) - (r[..., j] < r[..., i]).to(p.dtype)
    return torch.maximum(sign * (p[..., i] - p[..., j]), torch.zeros(())).sum(-1) if k > 1 else p.sum(-1) * 0


@alternative("the authors' way: the differences that are negative where rewards rise")
def rank_loss(p, r):
    diff = p.unsqueeze(-2) - p.unsqueeze(-1)
    rises = (r.unsqueeze(-2) - r.unsqueeze(-1)) > 0
    return -torch.where(rises & (diff < 0), diff, torch.zeros_like(diff)).flatten(-2).sum(-1)


@alternative("the best answer's logits are taken out first")
def sft_on_best(logits, labels, r):
    best = r.max(-1).indices
    one_hot = F.one_hot(best, r.shape[-1]).to(logits.dtype)
    nll = -logits[..., :-1, :].log_softmax(-1).gather(-1, labels[..., 1:].clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return (nll.masked_fill(labels[..., 1:] == -100, 0).sum(-1) * one_hot).sum(-1)


@alternative("prompt by prompt")
def sft_on_best(logits, labels, r):
    losses = []
    for x, y, s in zip(logits.flatten(0, -4), labels.flatten(0, -3), r.flatten(0, -2), strict=True) if r.ndim > 1 else [(logits, labels, r)]:
        rewards = s.tolist()
        best = rewards.index(max(rewards))
        losses.append(F.cross_entropy(x[best, :-1], y[best, 1:], ignore_index=-100, reduction="sum"))
    return torch.stack(losses).reshape(r.shape[:-1])


@alternative("scores from the sums, by one pass")
def rrhf_loss(logits, labels, r, alpha=1.0, w=1.0):
    sums = length_norm_scores(logits, labels, 0.0)
    lengths = (labels[..., 1:] != -100).sum(-1).clamp(min=1)
    loss = rank_loss(sums * lengths.to(sums.dtype) ** -alpha, r) * w
    return loss - torch.take_along_dim(sums, r.argmax(-1)[..., None], -1).squeeze(-1)
