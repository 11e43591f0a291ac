"""Right ways to write embedding/e5_infonce, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import alternative


@alternative("a loop over texts")
def pool(h, mask, mode):
    if mode not in {"mean", "cls", "last", "max"}:
        raise ValueError(mode)
    rows = []
    for vectors, keep in zip(h, mask, strict=True):
        real = vectors[keep != 0]
        rows.append({"mean": lambda r: r.mean(0), "cls": lambda r: r[0], "last": lambda r: r[-1], "max": lambda r: r.max(0)[0]}[mode](real))
    return torch.stack(rows)


@alternative("weights of a matrix product, after zeros are put at padding; cumulative sums find the ends")
def pool(h, mask, mode):
    mask = mask.to(h.dtype)
    if mode == "max":
        return torch.where(mask[..., None] > 0, h, torch.finfo(h.dtype).min).max(dim=1).values
    ends = {"cls": mask.cumsum(1), "last": mask.flip(1).cumsum(1).flip(1)}
    if mode == "mean":
        weights = mask / mask.sum(1, keepdim=True)
    elif mode in ends:
        weights = mask * (ends[mode] == 1)
    else:
        raise ValueError(f"mode {mode}")
    return torch.einsum("bt,btc->bc", weights, torch.where(mask[..., None] > 0, h, 0.0))


@alternative("sentence-transformers' idea: gather at argmax, flip for the last token")
def pool(h, mask, mode):
    B, T, C = h.shape
    mask = mask.to(torch.int32)
    if mode == "mean":
        kept = h.masked_fill((mask == 0).unsqueeze(-1), 0)
        return kept.sum(dim=1) / mask.unsqueeze(-1).to(h.dtype).sum(dim=1).clamp(min=1e-9)
    if mode == "max":
        return h.masked_fill(mask.unsqueeze(-1).expand_as(h) == 0, float("-inf")).max(dim=1)[0]
    if mode == "cls":
        index = mask.argmax(dim=1)
    elif mode == "last":
        _, index = mask.flip(1).max(1)
        index = T - index - 1
    else:
        raise ValueError("unknown pooling mode")
    return torch.gather(h, 1, index.long().view(B, 1, 1).expand(-1, -1, C)).squeeze(1)


@alternative("places times the mask, largest or smallest")
def pool(h, mask, mode):
    real, T = mask > 0, h.size(1)
    places = torch.arange(T)
    if mode == "mean":
        total = torch.zeros_like(h[:, 0])
        for t in range(T):
            total = total + torch.where(real[:, t, None], h[:, t], torch.zeros_like(h[:, t]))
        return total / real.sum(1)[:, None]
    if mode == "max":
        return torch.where(real[..., None], h, -math.inf).amax(dim=-2)
    if mode == "last":
        return h[range(len(h)), torch.where(real, places, -1).amax(1)]
    if mode == "cls":
        return h[range(len(h)), torch.where(real, places, T).amin(1)]
    raise ValueError(mode)


@alternative("cross-entropy with labels 0 … B-1")
def info_nce(q, p, hard=None, temp=0.01):
    documents = F.normalize(p if hard is None else torch.cat((p, hard.reshape(-1, p.size(-1)))), dim=-1)
    logits = F.normalize(q, dim=-1) @ documents.t() / temp
    return F.cross_entropy(logits, torch.arange(len(q)))


@alternative("sentence-transformers' idea: scale = 1 / temp, columns of hard negatives one after the other, logsumexp")
def info_nce(q, p, hard=None, temp=0.01):
    documents = torch.cat([p, *(() if hard is None else hard.unbind(1))])
    scale = 1.0 / temp
    a, b = F.normalize(q, p=2, dim=1), F.normalize(documents, p=2, dim=1)
    scores = torch.mm(a, b.transpose(0, 1)) * scale
    rows = torch.arange(q.size(0))
    return -(scores[rows, rows] - torch.logsumexp(scores, dim=1)).mean()


@alternative("a bound of 1e-8 under each length")
def info_nce(q, p, hard=None, temp=0.01):
    candidates = p if hard is None else torch.cat([p, hard.flatten(0, 1)])
    scores = F.normalize(q, dim=-1, eps=1e-8) @ F.normalize(candidates, dim=-1, eps=1e-8).mT / temp
    return F.nll_loss(scores.log_softmax(-1), torch.arange(len(q)))


@alternative("cosine_similarity of all pairs by broadcasting")
def info_nce(q, p, hard=None, temp=0.01):
    scores = F.cosine_similarity(q[:, None], p[None], dim=-1) / temp
    right = torch.diag(scores)
    if hard is not None and hard.shape[1] > 0:
        wrong = F.cosine_similarity(q[:, None, None], hard[None], dim=-1) / temp
        scores = torch.cat([scores, wrong.flatten(1)], dim=1)
    return (torch.logsumexp(scores, 1) - right).sum() / len(q)


@alternative("one query at a time, with the maximum taken out by hand")
def info_nce(q, p, hard=None, temp=0.01):
    C = q.shape[-1]
    wrong = p.new_zeros(0, C) if hard is None else hard.reshape(-1, C)
    total = 0.0
    for i, query in enumerate(q):
        scores = []
        for d in (*p, *wrong):
            scores.append((query * d).sum() / (query.square().sum() * d.square().sum()).sqrt() / temp)
        scores = torch.stack(scores)
        m = scores.max().detach()
        total = total + m + (scores - m).exp().sum().log() - scores[i]
    return total / len(q)


@alternative("softplus of the distance to all others")
def info_nce(q, p, hard=None, temp=0.01):
    d = p if hard is None else torch.vstack([p, hard.flatten(end_dim=1)])
    s = torch.einsum("ic,jc->ij", q / q.norm(dim=1)[:, None], d / d.norm(dim=1)[:, None]).div(temp)
    if s.shape[1] == 1:
        return (s * 0).sum()
    own = torch.eye(*s.shape, dtype=torch.bool)
    others = s.masked_fill(own, -torch.inf).logsumexp(1)
    return F.softplus(others - s.diagonal(), threshold=700 if s.dtype == torch.float64 else 80).mean()


@alternative("sorted, the own passage first")
def consistency_filter(q, p, pool, top_k=2):
    kept = []
    for i in range(len(q)):
        cosines = F.cosine_similarity(q[i][None], torch.cat([p[i : i + 1], pool]), dim=-1)
        kept.append(0 in torch.sort(cosines, descending=True, stable=True).indices[:top_k])
    return torch.tensor(kept)


@alternative("the top_k-th cosine of the pool is a threshold")
def consistency_filter(q, p, pool, top_k=2):
    if len(pool) < top_k:
        return torch.ones(len(q), dtype=torch.bool)
    q, p, pool = (F.normalize(x, dim=-1) for x in (q, p, pool))
    return torch.einsum("bc,bc->b", q, p) >= torch.einsum("bc,mc->bm", q, pool).topk(top_k).values[:, -1]


@alternative("NumPy")
def consistency_filter(q, p, pool, top_k=2):
    q, p, pool = (x.numpy() / np.linalg.norm(x.numpy(), axis=-1, keepdims=True) for x in (q, p, pool))
    rank = ((q @ pool.T) > (q * p).sum(-1, keepdims=True)).sum(-1)
    return torch.from_numpy(rank < top_k)


@alternative("a dictionary of prefixes, KeyError made a ValueError")
def add_prefix(texts, kind):
    try:
        prefix = {"query": "query: ", "passage": "passage: "}[kind]
    except KeyError:
        raise ValueError(f"unknown kind {kind!r}") from None
    return list(map(prefix.__add__, texts))
