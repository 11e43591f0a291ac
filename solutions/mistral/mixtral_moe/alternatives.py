"""Right ways to write mistral/mixtral_moe, done differently."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import alternative

HUGGING = "as Hugging Face: softmax over all, renormalised, a one-hot mask of experts, histograms"
SORTED = "choices sorted by expert, and one slice for each"


@alternative(HUGGING)
def route(x, Wg, k):
    logits = F.linear(x, Wg)
    probabilities = F.softmax(logits, dim=-1)
    idx = torch.topk(logits, k, dim=-1).indices
    values = probabilities.gather(-1, idx)
    tiny = values.sum(dim=-1, keepdim=True)
    return values / tiny, idx


@alternative(HUGGING)
def moe_forward(x, Wg, W13, W2, k):
    weights, idx = route(x, Wg, k)
    final = torch.zeros_like(x)
    mask = F.one_hot(idx, num_classes=len(Wg)).permute(2, 1, 0)  # (E, k, N)
    for e in (mask.sum((1, 2)) > 0).nonzero()[:, 0].tolist():
        place, token = torch.where(mask[e])
        gate, up = F.linear(x[token], W13[e]).chunk(2, dim=-1)
        y = F.linear(F.silu(gate) * up, W2[e]) * weights[token, place, None]
        final = final.index_add(0, token, y)
    return final


@alternative(HUGGING)
def aux_loss(router_logits, k):
    probabilities = torch.softmax(router_logits, -1)
    chosen = F.one_hot(torch.topk(router_logits, k, -1).indices, router_logits.shape[1]).to(router_logits.dtype)  # (N, k, E)
    return torch.sum(chosen.mean(0) * probabilities.mean(0).unsqueeze(0)) * router_logits.shape[1]


@alternative(SORTED)
def moe_forward(x, Wg, W13, W2, k):
    weights, idx = route(x, Wg, k)
    order = idx.flatten().argsort(stable=True)
    token = order // k
    counts = torch.bincount(idx.flatten(), minlength=len(Wg)).tolist()
    pieces, start = [], 0
    for e, n in enumerate(counts):
        if n == 0:
            continue
        rows = x[token[start : start + n]]
        half = W13.shape[1] // 2
        a, b = rows @ W13[e, :half].T, rows @ W13[e, half:].T
        pieces.append((a * torch.sigmoid(a) * b) @ W2[e].T)
        start += n
    y = torch.cat(pieces) * weights.flatten()[order, None]
    return torch.zeros_like(x).index_add(0, token, y)


@alternative(SORTED)
def aux_loss(router_logits, k):
    N, E = router_logits.shape
    order = router_logits.argsort(dim=1, descending=True)[:, :k]
    counts = torch.tensor([(order == e).sum().item() for e in range(E)], dtype=router_logits.dtype)
    return E / N**2 * (counts * F.softmax(router_logits, 1).sum(0)).sum()


@alternative("a loop over tokens and their experts")
def moe_forward(x, Wg, W13, W2, k):
    weights, idx = route(x, Wg, k)
    order, out = idx.flatten().argsort().tolist(), [[] for _ in x]
    groups = {}
    for at in order:
        groups.setdefault(int(idx.view(-1)[at]), []).append(at)
    for e, places in groups.items():
        gate, up = torch.einsum("nc,hfc->hnf", x[[at // k for at in places]], W13[e].unflatten(0, (2, -1)))
        y = torch.einsum("nf,cf->nc", F.silu(gate) * up, W2[e])
        for at, row in zip(places, y, strict=True):
            out[at // k].append(row * weights.view(-1)[at])
    return torch.stack([torch.stack(rows).sum(0) for rows in out])


@alternative("a mask of minus infinity over all logits, as the paper writes it: softmax of the top k")
def route(x, Wg, k):
    logits = torch.einsum("nc,ec->ne", x, Wg)
    order = logits.sort(dim=-1, descending=True).indices[:, :k]
    masked = torch.full_like(logits, -torch.inf).scatter(1, order, 0.0) + logits
    return masked.softmax(-1).gather(1, order), order


@alternative("groups of equal length in a batch of matrix products, for the experts that have tokens")
def moe_forward(x, Wg, W13, W2, k):
    weights, idx = route(x, Wg, k)
    used = idx.unique()
    places = [torch.where(idx.flatten() == e)[0] for e in used]
    longest = max(len(p) for p in places)
    if longest * len(used) > 2 * k * len(x) + 64:  # too uneven to pad: one after the other
        pad = [(e, p) for e, p in zip(used, places, strict=True)]
        out = torch.zeros_like(x)
        for e, p in pad:
            gate, up = (x[p // k] @ W13[e].T).tensor_split(2, -1)
            out = out.index_add(0, p // k, (F.silu(gate) * up) @ W2[e].T * weights.flatten()[p, None])
        return out
    rows = torch.stack([F.pad(x[p // k], (0, 0, 0, longest - len(p))) for p in places])
    gate, up = torch.bmm(rows, W13[used].mT).chunk(2, -1)
    y = torch.bmm(F.silu(gate) * up, W2[used].mT)
    out = torch.zeros_like(x)
    for group, p in zip(y, places, strict=True):
        out = out.index_add(0, p // k, group[: len(p)] * weights.flatten()[p, None])
    return out


@alternative("a table of all matrices, and NumPy's integers made Python's")
def total_params(cfg):
    shapes = [(cfg.vocab, cfg.C)] * 2 + [(cfg.C,)]
    for _ in range(cfg.L):
        shapes += [(cfg.C,)] * 2 + [(cfg.H * cfg.D, cfg.C)] * 2 + [(cfg.G * cfg.D, cfg.C)] * 2 + [(cfg.E, cfg.C)] + [(cfg.F, cfg.C)] * 3 * cfg.E
    return sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes)


@alternative("a table of all matrices, and NumPy's integers made Python's")
def active_params(cfg):
    return total_params(replace(cfg, E=cfg.k)) + cfg.L * (cfg.E - cfg.k) * cfg.C
