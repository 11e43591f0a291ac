"""Right ways to write embedding/bge_m3_hybrid, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import alternative

FLAG = "as FlagEmbedding: scatter_reduce over the vocabulary, normalize, and padding out of the maximum"
LOOPS = "loops over texts and tokens"


@alternative(FLAG)
def dense(h):
    return F.normalize(h[:, 0], dim=-1)


@alternative(FLAG)
def sparse_weights(h, w, b, ids, mask, special):
    weights = torch.relu(F.linear(torch.where(mask[..., None].bool(), h, torch.zeros_like(h)), w[None], b[None]))[..., 0]
    weights = torch.where(mask.bool(), weights, torch.zeros_like(weights))
    table = torch.zeros(len(ids), int(ids.max()) + 1, dtype=h.dtype)
    table = table.scatter_reduce(-1, ids, weights, reduce="amax")
    for token in special:
        if token < table.shape[1]:
            table[:, token] *= 0.0
    return [{int(i): float(row[i]) for i in row.nonzero()[:, 0]} for row in table]


@alternative(FLAG)
def colbert(h, W, b, mask):
    real = mask[:, 1:].bool()
    clean = torch.where(real[..., None], h[:, 1:], torch.ones_like(h[:, 1:]))
    vectors = F.normalize(F.linear(clean, W, b), dim=-1)
    return torch.where(real[..., None], vectors, torch.zeros_like(vectors)), real


@alternative(FLAG)
def maxsim(q, q_mask, d, d_mask):
    q, d = (torch.where(m[..., None].bool(), x, torch.zeros_like(x)) for x, m in ((q, q_mask), (d, d_mask)))
    scores = torch.einsum("qin,pjn->qipj", q, d)
    scores = torch.where(d_mask.bool()[None, None], scores, scores.new_tensor(-1e30)).max(-1).values
    return (scores * q_mask.bool()[..., None]).sum(1) / q_mask.bool().sum(-1, keepdim=True)


@alternative(FLAG)
def self_distill_loss(sd, ss, sc):
    with torch.no_grad():
        teacher = torch.softmax(sd + 0.3 * ss + sc, dim=-1)
    return sum(f * F.cross_entropy(s, teacher) for f, s in ((1, sd), (0.1, ss), (1, sc))) / 3


@alternative(LOOPS)
def sparse_weights(h, w, b, ids, mask, special):
    out = []
    for i in range(ids.shape[0]):
        found = {}
        for t in range(ids.shape[1]):
            token = ids[i, t].item()
            if mask[i, t] and token not in special:
                found.setdefault(token, []).append(max(0.0, (torch.dot(h[i, t], w) + b).item()))
        out.append({token: max(values) for token, values in found.items() if max(values) > 0})
    return out


@alternative(LOOPS)
def sparse_score(a, b):
    total = 0.0
    for token in set(a) & set(b):
        total += a[token] * b[token]
    return total


@alternative(LOOPS)
def colbert(h, W, b, mask):
    rows = []
    for i in range(len(h)):
        row = []
        for t in range(1, h.shape[1]):
            x = W @ h[i, t] + b if mask[i, t] else None
            row.append(h.new_zeros(len(W)) if x is None else x / (x * x).sum().sqrt())
        rows.append(torch.stack(row))
    return torch.stack(rows), mask[:, 1:].bool()


@alternative(LOOPS)
def maxsim(q, q_mask, d, d_mask):
    table = []
    for x, xm in zip(q, q_mask.bool(), strict=True):
        table.append(torch.stack([(x[xm] @ y[ym].T).max(1)[0].mean() for y, ym in zip(d, d_mask.bool(), strict=True)]))
    return torch.stack(table)


@alternative(LOOPS)
def self_distill_loss(sd, ss, sc):
    loss = sd.new_zeros(())
    for a, b, c in zip(sd, ss, sc, strict=True):
        t = (a + b * 0.3 + c).detach()
        t = (t - t.logsumexp(0)).exp()
        for factor, s in ((1.0, a), (0.1, b), (1.0, c)):
            loss = loss + factor * (t * (s.logsumexp(0) - s)).sum()
    return loss / (3 * len(sd))


@alternative("weights and scores in NumPy and plain Python")
def sparse_weights(h, w, b, ids, mask, special):
    x, v = h.detach().numpy(), w.detach().numpy()
    out = []
    for states, tokens, real in zip(x, ids.numpy(), mask.numpy().astype(bool), strict=True):
        keep = real & ~np.isin(tokens, list(special))
        weights, tokens = np.maximum(states[keep] @ v + b.detach().numpy(), 0), tokens[keep]
        order = np.argsort(weights, kind="stable")
        found = dict(zip(tokens[order].tolist(), weights[order].tolist(), strict=True))  # the last one of a token is its largest
        out.append({token: weight for token, weight in found.items() if weight > 0})
    return out


@alternative("weights and scores in NumPy and plain Python")
def sparse_score(a, b):
    return math.fsum(a[token] * b.get(token, 0.0) for token in a)


@alternative("weights and scores in NumPy and plain Python")
def hybrid(sd, ss, sc, w=(0.4, 0.2, 0.4)):
    weights = torch.tensor(w, dtype=sd.dtype)
    return torch.einsum("w,w...->...", weights / weights.sum(), torch.stack([sd, ss, sc]))


@alternative("a matrix product of all tokens with all tokens, then the maximum by scatter")
def maxsim(q, q_mask, d, d_mask):
    qi, di = q_mask.bool(), d_mask.bool()
    x, y = q[qi], d[di]
    to_q = torch.arange(len(q)).repeat_interleave(qi.sum(1))
    to_d = torch.arange(len(d)).repeat_interleave(di.sum(1))
    best = x.new_full((len(x), len(d)), -torch.inf).index_reduce(1, to_d, x @ y.T, "amax")
    return x.new_zeros(len(q), len(d)).index_add(0, to_q, best) / qi.sum(1)[:, None]


@alternative("the norm by a dot product, and all three losses in one stack")
def dense(h):
    first = h.select(1, 0)
    return first / torch.einsum("bc,bc->b", first, first).sqrt().unsqueeze(1)


@alternative("the norm by a dot product, and all three losses in one stack")
def self_distill_loss(sd, ss, sc):
    s = torch.stack([sd, ss, sc])
    factors = s.new_tensor([1.0, 0.3, 1.0])
    teacher = torch.einsum("w,wbn->bn", factors, s.detach()).softmax(1)
    losses = -torch.einsum("bn,wbn->w", teacher, F.log_softmax(s, 2)) / s.shape[1]
    return (losses * s.new_tensor([1.0, 0.1, 1.0])).sum() / 3
