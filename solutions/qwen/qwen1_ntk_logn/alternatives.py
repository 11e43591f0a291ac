"""Right ways to write qwen/qwen1_ntk_logn, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative


@alternative("as the published code: a table of factors, rotate_half, a mask with the smallest number")
def ntk_alpha(true_len, train_len):
    context_value = math.log(true_len / train_len, 2) + 1
    return float(max(2 ** math.ceil(context_value) - 1, 1))


@alternative("as the published code: a table of factors, rotate_half, a mask with the smallest number")
class Qwen1Attention(nn.Module):
    def __init__(self, C, H, train_len, base=10000.0, use_ntk=True, use_logn=True):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C, bias=True), nn.Linear(C, C, bias=False)
        self.heads, self.size = H, C // H
        self.seq_length, self.rotary_base = train_len, base
        self.use_dynamic_ntk, self.use_logn_attn = use_ntk, use_logn
        table = [math.log(i, train_len) if i > train_len else 1 for i in range(1, 200)]
        self.register_buffer("logn_tensor", torch.tensor(table, dtype=torch.float64)[None, :, None, None], persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        query, key, value = self.c_attn(x).split(C, dim=2)
        query, key, value = (each.view(B, T, self.heads, self.size) for each in (query, key, value))
        base = self.rotary_base
        if self.use_dynamic_ntk and not self.training:
            base = base * ntk_alpha(T, self.seq_length) ** (self.size / (self.size - 2))
        inv_freq = base ** (torch.arange(0, self.size, 2, dtype=torch.float64) / -self.size)
        emb = torch.outer(torch.arange(T, dtype=torch.float64), inv_freq).repeat(1, 2)[None, :, None]
        cos, sin = emb.cos().to(x.dtype), emb.sin().to(x.dtype)

        def turned(t):
            front, back = t.chunk(2, -1)
            return t * cos + torch.cat([-back, front], -1) * sin

        query, key = turned(query), turned(key)
        if self.seq_length < T and self.use_logn_attn and not self.training:
            query = query * self.logn_tensor[:, :T].type_as(query)
        query, key, value = (each.permute(0, 2, 1, 3) for each in (query, key, value))
        scores = query @ key.transpose(-1, -2) / self.size**0.5
        scores = torch.where(torch.ones(T, T, dtype=torch.bool).tril(), scores, torch.finfo(scores.dtype).min)
        return self.c_proj((F.softmax(scores, -1) @ value).transpose(1, 2).reshape(B, T, C))


@alternative("torch's own attention, rotation by complex numbers, torch's silu")
class Qwen1Attention(nn.Module):
    def __init__(self, C, H, train_len, base=10000.0, use_ntk=True, use_logn=True):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C), nn.Linear(C, C, bias=False)
        self.config = H, train_len, base, use_ntk, use_logn

    def forward(self, x):
        H, train_len, base, use_ntk, use_logn = self.config
        B, T, C = x.shape
        D = C // H
        q, k, v = self.c_attn(x).reshape(B, T, 3, H, D).permute(2, 0, 3, 1, 4)
        if use_ntk and not self.training:
            base = ntk_base(base, ntk_alpha(T, train_len), D)
        pos = torch.arange(T)
        angles = pos.double().outer(base ** -(torch.arange(D // 2).double() * 2 / D))
        turn = torch.polar(torch.ones_like(angles), angles)

        def turned(t):
            wide = torch.complex(*t.double().tensor_split(2, -1)) * turn
            return torch.cat([wide.real, wide.imag], -1).to(t.dtype)

        q, k = turned(q), turned(k)
        if use_logn and not self.training:
            q = q * logn_scale(pos, train_len).to(q.dtype).unsqueeze(-1)
        return self.c_proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, C))


@alternative("torch's own attention, rotation by complex numbers, torch's silu")
def qwen_mlp(x, w1, w2, c_proj):
    return F.linear(F.linear(x, w1) * F.silu(F.linear(x, w2)), c_proj)


@alternative("query by query: the factor goes onto the scores, the rotation onto the difference of positions")
class Qwen1Attention(nn.Module):
    def __init__(self, C, H, train_len, base=10000.0, use_ntk=True, use_logn=True):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C), nn.Linear(C, C, bias=False)
        self.H, self.L, self.base, self.ntk, self.logn = H, train_len, base, use_ntk, use_logn

    def forward(self, x):
        T = x.shape[1]
        D = x.shape[2] // self.H
        q, k, v = self.c_attn(x).unflatten(-1, (3, self.H, D)).unbind(2)
        base = self.base if self.training or not self.ntk else ntk_base(self.base, ntk_alpha(T, self.L), D)
        f = torch.pow(base, -2 * torch.arange(D // 2, dtype=torch.float64) / D)
        rows = []
        for t in range(T):
            angle = torch.arange(t, -1, -1).double()[:, None] * f
            c, s = angle.cos().to(x.dtype)[:, None], angle.sin().to(x.dtype)[:, None]
            (qa, qb), (ka, kb) = q[:, t : t + 1].chunk(2, -1), k[:, : t + 1].chunk(2, -1)
            scores = ((qa * ka + qb * kb) * c + (qa * kb - qb * ka) * s).sum(-1) / D**0.5
            if self.logn and not self.training and t >= self.L:
                scores = scores * math.log(t + 1, self.L)
            rows.append((scores.softmax(1)[..., None] * v[:, : t + 1]).sum(1).flatten(1))
        return self.c_proj(torch.stack(rows, 1))


@alternative("loops and integers: steps counted by doubling, factors one by one")
def ntk_alpha(true_len, train_len):
    alpha = 1.0
    while train_len < true_len:
        train_len, alpha = 2 * train_len, 2 * alpha + 1
    return alpha


@alternative("loops and integers: steps counted by doubling, factors one by one")
def logn_scale(pos, train_len):
    factors = [max(1.0, math.log(p + 1) / math.log(train_len)) for p in pos.tolist()]
    return torch.tensor(factors, dtype=torch.float64)


@alternative("loops and integers: steps counted by doubling, factors one by one")
def ntk_base(base, alpha, D):
    return math.exp(math.log(base) + math.log(alpha) * D / (D - 2))


@alternative("NumPy for the factors, einsum for the network")
def logn_scale(pos, train_len):
    n = pos.numpy().astype(np.float64) + 1
    return torch.from_numpy(np.where(n > train_len, np.log2(n) / np.log2(float(train_len)), 1.0))


@alternative("NumPy for the factors, einsum for the network")
def qwen_mlp(x, w1, w2, c_proj):
    both = torch.einsum("...c,fc->...f", x, torch.cat([w1, w2]))
    up, gate = both[..., : len(w1)], both[..., len(w1) :]
    return torch.einsum("...f,cf->...c", up * (gate / (1 + (-gate).exp())), c_proj)
