"""Right ways to write embedding/gte_contrastive, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import alternative


@alternative("as sentence-transformers does it: tables by direction, an eye that is repeated for each column of negatives")
def gte_loss(q, d, hard=None, temp=0.01):
    columns = [] if hard is None else list(hard.unbind(1))
    q, d, docs = F.normalize(q, dim=-1), F.normalize(d, dim=-1), F.normalize(torch.cat([d, *columns]), dim=-1)
    eye = torch.eye(len(q), dtype=torch.bool)
    tables = {"qd": q @ docs.T, "qq": q @ q.T, "dq": (q @ d.T).T, "dd": (docs @ d.T).T}
    tables["qq"] = tables["qq"].masked_fill(eye, -torch.inf)
    tables["dd"] = tables["dd"].masked_fill(eye.repeat(1, 1 + len(columns)), -torch.inf)
    tables = {name: table / temp for name, table in tables.items()}
    right = tables["qd"].diagonal()
    return -(right - torch.logsumexp(torch.cat(list(tables.values()), 1), 1)).mean()


@alternative("one pair after the other, with lists")
def gte_loss(q, d, hard=None, temp=0.01):
    def s(x, y):
        return (x * y).sum() / (x.norm() * y.norm()) / temp

    B, K, total = len(q), 0 if hard is None else hard.shape[1], 0.0
    for i in range(B):
        scores = [s(q[i], d[j]) for j in range(B)] + [s(d[i], q[j]) for j in range(B)]
        scores += [s(q[i], q[j]) for j in range(B) if j != i] + [s(d[i], d[j]) for j in range(B) if j != i]
        for j in range(B):
            for k in range(K):
                scores.append(s(q[i], hard[j, k]))
                if j != i:
                    scores.append(s(d[i], hard[j, k]))
        total = total + torch.stack(scores).logsumexp(0) - s(q[i], d[i])
    return total / B


@alternative("one table of all against all, cross-entropy with logaddexp for the right pair")
def gte_loss(q, d, hard=None, temp=0.01):
    B = len(q)
    rest = q.new_zeros(0, q.shape[1]) if hard is None else hard.reshape(-1, q.shape[1])
    x = F.normalize(torch.cat([q, d, rest]), dim=1)
    whose = torch.cat([torch.arange(B), torch.arange(B), torch.arange(len(rest)) // max(len(rest) // B, 1)])
    table = x[: 2 * B] @ x.T / temp  # rows: queries, then documents
    mine = whose[None] == torch.arange(B)[:, None]
    kind = torch.arange(len(x))
    from_q = table[:B].masked_fill(mine & (kind < B), -torch.inf)
    from_d = table[B:].masked_fill(mine & (kind >= B), -torch.inf)
    right = table[torch.arange(B), B + torch.arange(B)]
    return torch.logaddexp(from_q.logsumexp(1), from_d.logsumexp(1)).sub(right).mean()


@alternative("the maximum taken out by hand, in einsum")
def gte_loss(q, d, hard=None, temp=0.01):
    u, v = q / q.square().sum(1, keepdim=True).sqrt(), d / d.square().sum(1, keepdim=True).sqrt()
    off = 1 - torch.eye(len(q), dtype=q.dtype)
    parts = [(torch.einsum("ic,jc->ij", u, v), None), (torch.einsum("ic,jc->ij", v, u), None), (u @ u.mT, off), (v @ v.mT, off)]
    if hard is not None and hard.shape[1]:
        w = hard / hard.square().sum(2, keepdim=True).sqrt()
        K = w.shape[1]
        parts += [(torch.einsum("ic,jkc->ijk", u, w).flatten(1), None)]
        parts += [(torch.einsum("ic,jkc->ijk", v, w).flatten(1), off.repeat_interleave(K, 1))]
    m = 1 / temp
    total = sum(((x / temp - m).exp() * (1 if keep is None else keep)).sum(1) for x, keep in parts) if temp > 0.1 else None
    if total is None:
        s = torch.cat([x / temp if keep is None else torch.where(keep > 0, x / temp, -torch.inf) for x, keep in parts], 1)
        top = s.amax(1, keepdim=True).detach()
        return ((s - top).exp().sum(1).log() + top[:, 0] - (u * v).sum(1) / temp).mean()
    return (total.log() + m - (u * v).sum(1) / temp).mean()


@alternative("by logarithms")
def source_probs(sizes, alpha=0.5):
    if sum(sizes) == 0:
        raise ValueError("nothing to draw from")
    logs = torch.tensor([alpha * math.log(n) if n else -math.inf for n in sizes], dtype=torch.float64)
    return logs.softmax(0)


@alternative("NumPy")
def source_probs(sizes, alpha=0.5):
    n = np.asarray(sizes, dtype=float)
    if n.size == 0 or n.max() <= 0:
        raise ValueError
    p = np.where(n > 0, np.power(n, alpha), 0)
    return torch.from_numpy(p / p.sum())


@alternative("backward of the cached loss, leaves that are kept in a list")
def grad_cache_step(encoder, chunks, loss_fn):
    kept = []
    for chunk in chunks:
        with torch.no_grad():
            kept.append(encoder(chunk))
    kept = [each.detach().requires_grad_() for each in kept]
    loss = loss_fn(torch.vstack(kept))
    loss.backward()
    for chunk, leaf in zip(chunks, kept, strict=True):
        out = encoder(chunk)
        torch.autograd.backward(out, leaf.grad)
    return loss.detach()


@alternative("the surrogate: vectors times their cached gradients")
def grad_cache_step(encoder, chunks, loss_fn):
    previous = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    whole = torch.cat(list(map(encoder, chunks)))
    torch.set_grad_enabled(previous)
    whole.requires_grad = True
    loss = loss_fn(whole)
    loss.backward()
    start = 0
    for chunk in chunks:
        part = whole.grad[start : start + len(chunk)]
        start += len(chunk)
        (encoder(chunk) * part).sum().backward()
    return loss.detach().clone()
