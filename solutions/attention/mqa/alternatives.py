"""Right ways to write attention/mqa, done differently."""

import math

import torch
from torch import nn
from torch.nn.functional import linear

from autograder.checks import alternative


class _Layers(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.H = H
        self.o_proj = nn.Linear(C, C)
        self.qkv = nn.Linear(C, C + 2 * (C // H))


@alternative("einsum without a head dimension for keys and values")
class MultiQueryAttention(_Layers):
    def __init__(self, C, H):
        super().__init__(C, H)

    def forward(self, x, cache=None):
        T, C = x.shape[1:]
        D = C // self.H
        fused = self.qkv(x)
        q = fused[..., :C].unflatten(-1, (self.H, D))
        k, v = fused[..., C : C + D], fused[..., C + D :]
        if cache is not None:
            k, v = (torch.cat((old.squeeze(1), new), 1) for old, new in zip(cache, (k, v), strict=True))
        scores = torch.einsum("bthd,bsd->bhts", q / math.sqrt(D), k)
        t, s = torch.arange(T), torch.arange(k.shape[1])
        hidden = s > t[:, None] + k.shape[1] - T
        probs = torch.softmax(scores + torch.zeros(hidden.shape, dtype=x.dtype).masked_fill(hidden, -torch.inf), -1)
        out = torch.einsum("bhts,bsd->bthd", probs, v).flatten(2)
        return self.o_proj(out), (k[:, None], v[:, None])


@alternative("heads folded into the queries: one matrix product for all")
class MultiQueryAttention(_Layers):
    def __init__(self, C, H):
        super().__init__(C, H)

    def forward(self, x, cache=None):
        B, T, C = x.shape
        H, D = self.H, C // self.H
        q = linear(x, self.qkv.weight[:C], self.qkv.bias[:C]).reshape(B, T * H, D)
        k = linear(x, self.qkv.weight[C : C + D], self.qkv.bias[C : C + D])
        v = linear(x, self.qkv.weight[-D:], self.qkv.bias[-D:])
        S = 0
        if cache is not None:
            S = cache[0].size(2)
            k, v = torch.cat([cache[0][:, 0], k], 1), torch.cat([cache[1][:, 0], v], 1)
        scores = torch.bmm(q, k.transpose(1, 2)).view(B, T, H, S + T) / D**0.5
        keep = (torch.arange(S + T) <= torch.arange(S, S + T)[:, None])[:, None, :]
        probs = torch.where(keep, scores, torch.finfo(x.dtype).min).softmax(-1)
        out = torch.bmm(probs.view(B, T * H, S + T), v)
        return self.o_proj(out.view(B, T, C)), (k.unsqueeze(1), v.unsqueeze(1))


@alternative("multi-head attention on a head that is expanded H times")
class MultiQueryAttention(_Layers):
    def __init__(self, C, H):
        super().__init__(C, H)

    def forward(self, x, cache=None):
        B, T, C = x.shape
        H, D = self.H, C // self.H
        heads = self.qkv(x).view(B, T, H + 2, D).transpose(1, 2)
        q, k, v = heads[:, :H], heads[:, H : H + 1], heads[:, H + 1 :]
        if cache is None:
            cache = (k[:, :, :0], v[:, :, :0])
        k, v = torch.cat([cache[0], k], -2), torch.cat([cache[1], v], -2)
        keys, values = k.repeat(1, H, 1, 1), v.expand(-1, H, -1, -1)
        rows = []
        for t in range(T):
            n = k.shape[2] - T + t + 1
            p = ((q[:, :, t : t + 1] * keys[:, :, :n]).sum(-1) * D**-0.5).softmax(-1)  # (B, H, n)
            rows.append((p.unsqueeze(-1) * values[:, :, :n]).sum(2).reshape(B, C))
        return self.o_proj(torch.stack(rows, 1)), (k.clone(), v.clone())


@alternative("a product over all sizes, heads averaged in a loop")
def kv_cache_bytes(B, S, L, Hkv, D, itemsize):
    return math.prod((B, S, L, Hkv, D, itemsize)) * 2


@alternative("a product over all sizes, heads averaged in a loop")
def mqa_from_mha(wk, wv, H):
    D = wk.shape[0] // H
    k = sum(wk[h * D : (h + 1) * D] for h in range(H)) / H
    v = torch.stack(wv.chunk(H)).mean(dim=0)
    return k, v


@alternative("averaging as a product with a matrix")
def mqa_from_mha(wk, wv, H):
    D = wk.size(0) // H
    mean = torch.eye(D, dtype=wk.dtype).repeat(1, H) / H
    return mean @ wk, mean @ wv


@alternative("one key after the other with a running maximum and sum, as FlashAttention carries them")
class MultiQueryAttention(_Layers):
    def __init__(self, C, H):
        super().__init__(C, H)

    def forward(self, x, cache=None):
        B, T, C = x.shape
        q, k, v = torch.tensor_split(self.qkv(x), (C, C + C // self.H), dim=-1)
        q = q.reshape(B, T, self.H, -1) / math.sqrt(C // self.H)
        S = 0 if cache is None else cache[0].shape[-2]
        if cache is not None:
            k, v = (torch.cat((old[:, 0], new), 1) for old, new in zip(cache, (k, v), strict=True))
        top = x.new_full((B, T, self.H), -1e30)
        total, out = torch.zeros_like(top), torch.zeros_like(q)
        for s in range(S + T):
            first = max(0, s - S)  # the first query that sees this key
            scores = (q[:, first:] * k[:, s, None, None]).sum(-1)
            higher = torch.maximum(top[:, first:], scores)
            old, new = torch.exp(top[:, first:] - higher), torch.exp(scores - higher)
            total = torch.cat((total[:, :first], total[:, first:] * old + new), 1)
            step = out[:, first:] * old[..., None] + new[..., None] * v[:, s, None, None]
            out = torch.cat((out[:, :first], step), 1)
            top = torch.cat((top[:, :first], higher), 1)
        return self.o_proj((out / total[..., None]).flatten(2)), (k[:, None], v[:, None])


@alternative(
    "a grouped layer with one group: the head repeated beside the queries, and a mask that is added, as Llama's code does it"
)
class MultiQueryAttention(_Layers):
    def __init__(self, C, H):
        super().__init__(C, H)

    def forward(self, x, cache=None):
        B, T, C = x.shape
        D = C // self.H
        heads = self.qkv(x).unflatten(-1, (-1, D)).transpose(1, 2)  # (B, H + 2, T, D)
        q, k, v = heads.split([self.H, 1, 1], dim=1)
        if cache is not None:
            k, v = torch.cat((cache[0], k), -2), torch.cat((cache[1], v), -2)
        mask = torch.full((T, k.size(2)), float("-inf"), dtype=x.dtype).triu(k.size(2) - T + 1)
        weights = (q @ k.repeat_interleave(self.H, 1).mT / D**0.5 + mask).softmax(dim=-1)
        out = weights @ v.repeat_interleave(self.H, 1)
        return self.o_proj(out.transpose(1, 2).contiguous().view(B, T, C)), (k, v)
