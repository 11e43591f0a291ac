"""Right ways to write attention/self_attention, done differently."""

import math

import torch
from torch import nn

from autograder.checks import alternative


@alternative("einsum, and a triangle from indices")
def attention(q, k, v, mask=None, causal=False, scale=None):
    scale = 1 / math.sqrt(q.size(-1)) if scale is None else scale
    T, S = q.size(2), k.size(2)
    scores = torch.einsum("bhtd,bhsd->bhts", q * scale, k)
    keep = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.expand_as(scores)
    if causal:
        t, s = torch.arange(T, device=q.device), torch.arange(S, device=q.device)
        keep = keep & (s[None, :] <= t[:, None] + S - T)
    scores = torch.where(keep, scores, float("-inf"))
    probs = torch.where(keep, torch.softmax(scores, dim=-1), 0.0)
    return torch.einsum("bhts,bhsd->bhtd", probs, v), probs


@alternative("baddbmm with a bias of 0 and the lowest float")
def attention(q, k, v, mask=None, causal=False, scale=None):
    B, H, T, D = q.shape
    S = k.shape[2]
    keep = torch.ones(B, H, T, S, dtype=torch.bool, device=q.device)
    if mask is not None:
        keep = keep & mask
    if causal:
        keep = keep & ~torch.ones_like(keep).triu(S - T + 1)
    bias = q.new_zeros(B, H, T, S).masked_fill(~keep, torch.finfo(q.dtype).min)
    alpha = D**-0.5 if scale is None else scale
    products = torch.bmm(q.reshape(B * H, T, D), k.reshape(B * H, S, D).transpose(1, 2))
    scores = torch.where(keep, alpha * products.view(B, H, T, S), bias)
    some = keep.any(-1, keepdim=True)
    probs = torch.softmax(scores, -1) * some
    return torch.bmm(probs.view(B * H, T, S), v.reshape(B * H, S, -1)).view(B, H, T, -1), probs


@alternative("one head of one sequence at a time")
def attention(q, k, v, mask=None, causal=False, scale=None):
    B, H, T, D = q.shape
    S = k.shape[2]
    full = torch.ones((B, H, T, S), dtype=torch.bool, device=q.device)
    if mask is not None:
        full = full & mask
    if causal:
        full = torch.tril(full, diagonal=S - T)
    outs, weights = [], []
    for b in range(B):
        for h in range(H):
            scores = q[b, h] @ k[b, h].T
            scores = scores / D**0.5 if scale is None else scores * scale
            scores = scores.masked_fill(~full[b, h], float("-inf"))
            p = torch.nan_to_num(scores.softmax(dim=1), nan=0.0)
            outs.append(p @ v[b, h])
            weights.append(p)
    return torch.stack(outs).view(B, H, T, -1), torch.stack(weights).view(B, H, T, S)


@alternative("one query at a time, over the keys that it sees")
def attention(q, k, v, mask=None, causal=False, scale=None):
    B, H, T, D = q.shape
    S = k.shape[2]
    scale = D**-0.5 if scale is None else scale
    rows = []
    for t in range(T):
        n = max(0, t + S - T + 1) if causal else S
        scores = (q[:, :, t : t + 1] * k[:, :, :n]).sum(-1) * scale  # (B, H, n)
        keep = torch.ones_like(scores, dtype=torch.bool)
        if mask is not None:
            keep = torch.broadcast_to(mask, (B, H, T, S))[:, :, t, :n]
        if n:
            scores = scores.masked_fill(~keep, -torch.inf)
            top = scores.amax(-1, keepdim=True).detach()
            e = torch.exp(scores - top.masked_fill(top == -torch.inf, 0.0))
            scores = e / e.sum(-1, keepdim=True).clamp_min(torch.finfo(e.dtype).tiny)
        rows.append(torch.cat([scores, scores.new_zeros(B, H, S - n)], -1))
    probs = torch.stack(rows, 2)
    return (probs[..., None] * v[:, :, None]).sum(-2), probs


@alternative("keys scaled first, the softmax in float64")
def attention(q, k, v, mask=None, causal=False, scale=None):
    if scale is None:
        scale = float(k.size(-1)) ** -0.5
    scores = torch.matmul(q, (k * scale).transpose(-2, -1)).double()
    hide = torch.zeros_like(scores[0, 0], dtype=torch.bool)
    if causal:
        hide = torch.ones_like(hide).triu(1 + scores.shape[-1] - scores.shape[-2])
    if mask is not None:
        hide = hide | mask.logical_not()
    scores = scores.masked_fill(hide, -math.inf)
    empty = hide.all(-1, keepdim=True).expand(scores.shape)
    probs = scores.masked_fill(empty, 0.0).softmax(-1).masked_fill(empty, 0.0).to(q.dtype)
    return torch.matmul(probs, v), probs


@alternative("three weights as one matrix, heads by unflatten and flatten")
class MultiHeadAttention(nn.Module):
    def __init__(self, C, H, bias=True):
        super().__init__()
        self.heads = H
        for name in ("o_proj", "v_proj", "k_proj", "q_proj"):
            setattr(self, name, nn.Linear(C, C, bias))

    def forward(self, x, key_padding_mask=None, causal=False):
        layers = (self.q_proj, self.k_proj, self.v_proj)
        bias = None if self.q_proj.bias is None else torch.cat([each.bias for each in layers])
        qkv = nn.functional.linear(x, torch.cat([each.weight for each in layers]), bias)
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = key_padding_mask
        if mask is not None:
            mask = mask.unsqueeze(1).unsqueeze(2).expand(-1, self.heads, x.size(1), -1)
        return self.o_proj(attention(q, k, v, mask=mask, causal=causal)[0].transpose(1, 2).flatten(2))


@alternative("each head has its slice of the weights, and a causal mask in a buffer")
class MultiHeadAttention(nn.Module):
    def __init__(self, C, H, bias=True):
        super().__init__()
        self.H = H
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(C, C, bias=bias) for _ in range(4))
        self.register_buffer("triangle", torch.ones(256, 256, dtype=torch.bool).tril())

    def forward(self, x, key_padding_mask=None, causal=False):
        B, T, C = x.shape
        D = C // self.H
        keep = self.triangle.to(x.device)[:T, :T] | (not causal)
        keep = keep.expand(B, 1, T, T)
        if key_padding_mask is not None:
            keep = keep & key_padding_mask.view(B, 1, 1, T)
        y = torch.zeros_like(x) if self.o_proj.bias is None else self.o_proj.bias.expand(B, T, C)
        for h in range(self.H):
            own = slice(h * D, (h + 1) * D)
            q, k, v = (
                nn.functional.linear(x, p.weight[own], None if p.bias is None else p.bias[own]).unsqueeze(1)
                for p in (self.q_proj, self.k_proj, self.v_proj)
            )
            y = y + attention(q, k, v, keep)[0][:, 0] @ self.o_proj.weight[:, own].T
        return y
