"""Right implementations of warmup/softmax_lse, done differently."""

import functools
import math

import torch

from autograder.checks import alternative


@alternative("maximum detached, divisor clamped")
def logsumexp(x, dim):
    m = x.detach().max(dim=dim, keepdim=True).values
    m = torch.where(torch.isinf(m), torch.zeros_like(m), m)
    return torch.log(torch.exp(x - m).sum(dim=dim)) + m.squeeze(dim)


@alternative("maximum detached, divisor clamped")
def softmax(x, dim, mask=None):
    if mask is not None:
        x = torch.where(mask, x, float("-inf"))
    m = x.detach().max(dim=dim, keepdim=True).values
    e = torch.exp(x - torch.where(torch.isinf(m), torch.zeros_like(m), m))
    return e / e.sum(dim=dim, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)


@alternative("two passes in Python: a sum over the slices along dim")
def softmax(x, dim, mask=None):
    if mask is not None:
        x = x + torch.zeros_like(x).masked_fill(~mask, -math.inf)
    columns = x.unbind(dim)
    m = functools.reduce(torch.maximum, columns)
    m = torch.where(m == -math.inf, 0.0, m)
    e = [torch.exp(column - m) for column in columns]
    total = sum(e)
    total = torch.where(total > 0, total, 1.0)
    return torch.stack([weight / total for weight in e], dim)


@alternative("one pass, online, over the slices along dim")
def softmax(x, dim, mask=None):
    if mask is not None:
        x = x.masked_fill(mask.logical_not(), -math.inf)
    columns = x.unbind(dim)
    m = torch.full_like(columns[0], -math.inf)
    total = torch.zeros_like(m)
    for column in columns:
        new = torch.maximum(m, column).detach()
        shift = new.masked_fill(new == -math.inf, 0.0)
        total = total * torch.exp(m - shift) + torch.exp(column - shift)
        m = new
    shift = m.masked_fill(m == -math.inf, 0.0)
    total = total.masked_fill(total == 0, 1.0)
    return torch.exp(x - shift.unsqueeze(dim)) / total.unsqueeze(dim)


@alternative("the lowest float for masked scores, and their weights cleared before the sum")
def softmax(x, dim, mask=None):
    keep = x > -math.inf if mask is None else (x > -math.inf) & mask
    x = x.masked_fill(~keep, torch.finfo(x.dtype).min)
    e = (x - x.max(dim, keepdim=True)[0]).exp() * keep
    total = e.sum(dim, keepdim=True)
    return e / (total + (total == 0))


@alternative("log of softmax first: shift, subtract the log of the sum, exp")
def softmax(x, dim, mask=None):
    keep = (x != -math.inf) if mask is None else (x != -math.inf) & mask
    keep = keep | ~keep.any(dim, keepdim=True)
    some = (x != -math.inf) if mask is None else (x != -math.inf) & mask
    x = torch.where(some, x, 0.0).masked_fill(~keep, -math.inf)
    x = x - x.amax(dim, keepdim=True).detach()
    log_weight = x - x.exp().sum(dim, keepdim=True).log()
    return torch.where(some, log_weight.exp(), 0.0)


@alternative("dim moved to the end and the rest flattened")
def logsumexp(x, dim):
    x = x.movedim(dim, -1)
    rows = x.reshape(-1, x.shape[-1])
    out = []
    for row in rows:
        m = row.max()
        out.append(m + torch.log(torch.exp(row - m).sum()) if m > -math.inf else m)
    return torch.stack(out).reshape(x.shape[:-1])


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        m = x.amax(dim, keepdim=True)
        m[m == -math.inf] = 0
        y = (x - m).exp().sum(dim, keepdim=True).log() + m
        ctx.save_for_backward(x, y)
        ctx.dim = dim
        return y.squeeze(dim)

    @staticmethod
    def backward(ctx, grad):
        x, y = ctx.saved_tensors
        return grad.unsqueeze(ctx.dim) * (x - y).exp(), None


@alternative("a backward of one's own")
def logsumexp(x, dim):
    return _LogSumExp.apply(x, dim)


@alternative("one score at a time")
def online_softmax(chunks):
    m = l = None  # noqa: E741
    for chunk in chunks:
        for score in chunk.clone():
            if m is None:
                m, l = score, (score > -math.inf).to(score.dtype)  # noqa: E741
            elif score > m:
                l, m = l * torch.exp(m - score) + 1, score  # noqa: E741
            elif score > -math.inf:
                l = l + torch.exp(score - m)  # noqa: E741
    return m, l


@alternative("pairs (m, l), merged two by two")
def online_softmax(chunks):
    def pair(chunk):
        m = chunk.max()
        return m, torch.where(chunk == -math.inf, 0.0, torch.exp(chunk - m)).sum()

    def merge(a, b):
        if a[0] == -math.inf:
            return b
        if b[0] == -math.inf:
            return a
        m = torch.maximum(a[0], b[0])
        return m, a[1] * torch.exp(a[0] - m) + b[1] * torch.exp(b[0] - m)

    return functools.reduce(merge, map(pair, chunks))


@alternative("running numbers as Python floats")
def online_softmax(chunks):
    m, total = -math.inf, 0.0
    for chunk in chunks:
        new = max(m, chunk.max().item())
        if new > -math.inf:
            total = total * math.exp(m - new) + sum(math.exp(score - new) for score in chunk.tolist())
        m = new
    return torch.tensor(m, dtype=chunk.dtype), torch.tensor(total, dtype=chunk.dtype)
