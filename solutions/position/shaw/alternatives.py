"""Right ways to write position/shaw, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import alternative


@alternative("the index by minimum and maximum")
def relative_index(T, S, K):
    t = torch.arange(T).unsqueeze(1) + (S - T)
    s = torch.arange(S).unsqueeze(0)
    return torch.minimum(torch.maximum(s - t, torch.tensor(-K)), torch.tensor(K)).add(K)


@alternative("the index entry by entry")
def relative_index(T, S, K):
    return torch.tensor([[min(max(s - (t + S - T), -K), K) + K for s in range(S)] for t in range(T)])


@alternative("a (T, S, D) table that all sequences and heads share, as in the paper's section 3.3")
def shaw_attention(q, k, v, rk, rv=None, causal=False):
    T, S, D = q.shape[2], k.shape[2], q.shape[3]
    index = relative_index(T, S, rk.shape[0] // 2)
    scores = (torch.einsum("bhtd,bhsd->bhts", q, k) + torch.einsum("bhtd,tsd->bhts", q, rk[index])) / math.sqrt(D)
    if causal:
        scores = scores.masked_fill(torch.arange(S) > torch.arange(T)[:, None] + S - T, float("-inf"))
    p = torch.softmax(scores, dim=-1)
    out = torch.einsum("bhts,bhsd->bhtd", p, v)
    return out if rv is None else out + torch.einsum("bhts,tsd->bhtd", p, rv[index])


@alternative("the skew trick: products with all distances, moved into place by reshaping")
def shaw_attention(q, k, v, rk, rv=None, causal=False):
    B, H, T, D = q.shape
    S, K = k.shape[2], rk.shape[0] // 2
    n = T + S - 1  # distances -(S-1) … T-1
    far = (torch.arange(n) - (S - 1)).clamp(-K, K) + K

    def skew(x):  # (B, H, T, n) to (B, H, T, S): row t begins one column earlier than row t - 1
        flat = F.pad(x.reshape(B, H, T * n)[..., T - 1 :], (0, T + 1))
        return flat.as_strided((B, H, T, S), (flat.stride(0), flat.stride(1), n - 1, 1))

    scores = (q @ k.transpose(-1, -2) + skew(q @ rk[far].transpose(0, 1))) * D**-0.5
    if causal:
        scores = torch.where(torch.ones(T, S, dtype=torch.bool).triu(S - T + 1), -torch.inf, scores)
    p = scores.softmax(-1)
    out = p @ v
    if rv is not None:
        index = relative_index(T, S, K)
        for r in range(rv.shape[0]):
            out = out + (p * (index == r)).sum(-1, keepdim=True) * rv[r]
    return out


@alternative("one distance at a time")
def shaw_attention(q, k, v, rk, rv=None, causal=False):
    T, S, D = q.shape[-2], k.shape[-2], q.shape[-1]
    K = (len(rk) - 1) // 2
    distance = torch.arange(S)[None] - (torch.arange(T)[:, None] + S - T)
    scores = q @ k.mT
    for r, row in enumerate(rk):
        place = distance.clamp(min=-K, max=K) == r - K
        scores = scores + (q @ row)[..., None] * place
    scores = scores / D**0.5
    if causal:
        scores[..., distance > 0] = -torch.inf
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    p = e / e.sum(-1, keepdim=True)
    out = p @ v
    if rv is not None:
        shares = [p.masked_fill(distance.clamp(-K, K) != r - K, 0).sum(-1) for r in range(len(rv))]
        out = out + torch.stack(shares, -1) @ rv
    return out


@alternative("one query at a time, keys and values with their vectors added")
def shaw_attention(q, k, v, rk, rv=None, causal=False):
    T, S, D = q.shape[2], k.shape[2], q.shape[3]
    index = relative_index(T, S, len(rk) // 2)
    outs = []
    for t in range(T):
        n = t + S - T + 1 if causal else S
        keys = k[:, :, :n] + rk[index[t, :n]]
        values = v[:, :, :n] if rv is None else v[:, :, :n] + rv[index[t, :n]]
        p = torch.softmax((keys @ q[:, :, t, :, None])[..., 0] * D**-0.5, dim=-1)
        outs.append((p[..., None] * values).sum(2))
    return torch.stack(outs, dim=2)


@alternative("unit rows: the index as a (T, S, 2K+1) table of zeros and ones")
def shaw_attention(q, k, v, rk, rv=None, causal=False):
    T, S = q.shape[2], k.shape[2]
    places = np.clip(np.arange(S) - np.arange(S - T, S)[:, None], -(len(rk) // 2), len(rk) // 2) + len(rk) // 2
    one = F.one_hot(torch.from_numpy(places), len(rk)).to(q.dtype)  # (T, S, 2K+1)
    q = q * q.shape[-1] ** -0.5
    scores = q @ k.mT + torch.einsum("bhtr,tsr->bhts", q @ rk.T, one)
    if causal:
        scores = scores + torch.full((T, S), -torch.inf, dtype=q.dtype).triu(S - T + 1)
    p = scores.softmax(-1)
    if rv is None:
        return p @ v
    return p @ v + torch.einsum("bhts,tsr->bhtr", p, one) @ rv
