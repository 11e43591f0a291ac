"""Right ways to write position/transformer_xl, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("the shift by an index")
def rel_shift(x):
    T, S = x.shape[-2:]
    column = torch.arange(S)[None] + T - 1 - torch.arange(T)[:, None]
    return x.gather(-1, column.clamp(max=S - 1).expand(x.shape))


@alternative("the shift row by row, zeros behind")
def rel_shift(x):
    T = x.shape[2]
    rows = []
    for t in range(T):
        cut = T - 1 - t
        rows.append(torch.cat([x[:, :, t, cut:], x.new_zeros(*x.shape[:2], cut)], dim=-1))
    return torch.stack(rows, dim=2)


@alternative("the shift as the paper's code does it, with the sequence first")
def rel_shift(x):
    y = x.permute(2, 3, 0, 1)
    padded = torch.cat([y.new_zeros(y.shape[0], 1, *y.shape[2:]), y], dim=1).reshape(
        y.shape[1] + 1, y.shape[0], *y.shape[2:]
    )
    return padded[1:].reshape(y.shape).permute(2, 3, 0, 1)


@alternative("a vector for each pair, as the formula has it")
def txl_attention(h, mem, W, u, v, H):
    (T, C), M, D = h.shape[1:], mem.shape[1], u.shape[1]
    x = torch.cat([mem.detach(), h], 1)
    i, j = torch.arange(M, M + T)[:, None], torch.arange(M + T)[None]
    pairs = sinusoids((i - j).clamp(min=0).flatten(), C).to(h.dtype).view(T, M + T, C)
    q = torch.einsum("btc,hdc->bhtd", h, W["q"].view(H, D, C) if W["q"].is_contiguous() else W["q"].reshape(H, D, C))
    k = torch.einsum("bsc,hdc->bhsd", x, W["ke"].reshape(H, D, C))
    r = torch.einsum("tsc,hdc->htsd", pairs, W["kr"].reshape(H, D, C))
    values = torch.einsum("bsc,hdc->bhsd", x, W["v"].reshape(H, D, C))
    content = torch.einsum("bhtd,bhsd->bhts", q + u.unsqueeze(1), k)
    position = torch.einsum("bhtd,htsd->bhts", q + v.unsqueeze(1), r)
    scores = torch.where(j > i, -torch.inf, (content + position) / math.sqrt(D))
    out = torch.einsum("bhts,bhsd->bthd", torch.softmax(scores, -1), values)
    return torch.einsum("bthd,chd->btc", out, W["o"].reshape(C, H, D))


@alternative("the four terms one by one, head by head")
def txl_attention(h, mem, W, u, v, H):
    C, T, S = h.shape[2], h.shape[1], h.shape[1] + mem.shape[1]
    x = torch.cat((mem.detach(), h), 1)
    R = sinusoids(torch.arange(S), C).to(h.dtype).flip(0)
    heads = []
    for a, (wq, wk, wr, wv) in enumerate(zip(*(W[name].chunk(H) for name in ("q", "ke", "kr", "v")), strict=True)):
        q, k, r, values = h @ wq.T, x @ wk.T, R @ wr.T, x @ wv.T
        by_distance = (q @ r.T + v[a] @ r.T)[:, None]
        scores = q @ k.mT + (k @ u[a])[:, None] + rel_shift(by_distance)[:, 0]
        scores = scores / r.shape[1] ** 0.5 + torch.full((T, S), -torch.inf, dtype=h.dtype).triu(S - T + 1)
        heads.append(scores.softmax(-1) @ values)
    return torch.cat(heads, -1) @ W["o"].T


@alternative("one query at a time")
def txl_attention(h, mem, W, u, v, H):
    B, T, C = h.shape
    D = u.shape[1]
    x = torch.cat([mem.detach(), h], dim=1)
    M = mem.shape[1]
    outs = []
    for t in range(T):
        n = M + t + 1
        R = sinusoids(n - 1 - torch.arange(n), C).to(h.dtype)
        q = torch.nn.functional.linear(h[:, t], W["q"]).reshape(B, H, 1, D)
        k = torch.nn.functional.linear(x[:, :n], W["ke"]).reshape(B, n, H, D).transpose(1, 2)
        values = torch.nn.functional.linear(x[:, :n], W["v"]).reshape(B, n, H, D).transpose(1, 2)
        r = torch.nn.functional.linear(R, W["kr"]).reshape(n, H, D).transpose(0, 1)
        scores = ((q + u[:, None]) * k).sum(-1) + ((q + v[:, None]) * r).sum(-1)
        p = torch.softmax(scores * D**-0.5, -1)
        outs.append((p[..., None] * values).sum(2).reshape(B, H * D))
    return torch.stack(outs, 1) @ W["o"].T


@alternative("a new tensor that is filled from behind")
def update_mem(mem, h, mem_len):
    n = min(mem_len, mem.shape[1] + h.shape[1])
    new = torch.empty(h.shape[0], n, h.shape[2], dtype=h.dtype)
    tokens = [*mem.unbind(1), *h.unbind(1)]
    with torch.no_grad():
        for i, token in enumerate(tokens[len(tokens) - n :]):
            new[:, i] = token
    return new


@alternative("NumPy")
def update_mem(mem, h, mem_len):
    both = np.concatenate([mem.detach().numpy(), h.detach().numpy()], axis=1)
    return torch.from_numpy(both[:, both.shape[1] - min(mem_len, both.shape[1]) :].copy())
