"""Right ways to write falcon/falcon2_block, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F_
from torch import nn

from autograder.checks import alternative


@alternative("head by head")
def unpack_grouped_qkv(w, H, Hkv, D):
    G = H // Hkv
    heads = w.split(D)
    q = [heads[(h // G) * (G + 2) + h % G] for h in range(H)]
    k = [heads[g * (G + 2) + G] for g in range(Hkv)]
    v = [heads[g * (G + 2) + G + 1] for g in range(Hkv)]
    return torch.cat(q), torch.cat(k), torch.cat(v)


@alternative("an index of rows, made with NumPy")
def unpack_grouped_qkv(w, H, Hkv, D):
    rows = np.arange(w.shape[0]).reshape(Hkv, -1, D)
    return tuple(w[torch.from_numpy(part.reshape(-1).copy())] for part in (rows[:, :-2], rows[:, -2], rows[:, -1]))


@alternative("group by group")
def pack_grouped_qkv(q, k, v, Hkv):
    D = len(k) // Hkv
    size = len(q) // Hkv
    return torch.cat([piece for g in range(Hkv) for piece in (q[g * size : (g + 1) * size], k[g * D : (g + 1) * D], v[g * D : (g + 1) * D])])


@alternative("an order of rows")
def pack_grouped_qkv(q, k, v, Hkv):
    n, m = len(q), len(k)
    rows = torch.cat([torch.arange(n).view(Hkv, -1), n + torch.arange(m).view(Hkv, -1), n + m + torch.arange(m).view(Hkv, -1)], dim=1)
    return torch.cat([q, k, v]).index_select(0, rows.reshape(-1))


@alternative("by chunks of groups")
def shard_for_tp(w, Hkv, rank, world):
    if rank < 0 or rank >= world:
        raise ValueError(f"no rank {rank}")
    each, rest = divmod(Hkv, world)
    if rest:
        raise ValueError("a group would be cut")
    groups = w.reshape(Hkv, -1, *w.shape[1:])
    return groups[rank * each : rank * each + each].reshape(-1, *w.shape[1:])


@alternative("chunk")
def shard_for_tp(w, Hkv, rank, world):
    if rank not in range(world) or Hkv // world * world != Hkv:
        raise ValueError((rank, world))
    return torch.chunk(w, world)[rank].clone()


class Parts(nn.Module):
    def __init__(self, C, H, Hkv, *, D=None, F=None, eps=1e-5, base=500042.0):
        super().__init__()
        if D is None:
            D = C // H
        if F is None:
            F = 4 * C
        self.size = (H, Hkv, D, base)
        self.input_layernorm = nn.LayerNorm(C, eps=eps)
        self.self_attention = nn.ModuleDict({"query_key_value": nn.Linear(C, (H + 2 * Hkv) * D, False), "dense": nn.Linear(H * D, C, False)})
        self.mlp = nn.ModuleDict({"dense_h_to_4h": nn.Linear(C, F, False), "dense_4h_to_h": nn.Linear(F, C, False)})


@alternative("torch's own attention, three weights unpacked in each call, rotation by complex numbers")
class Falcon2Block(Parts):
    def forward(self, x, pos=None):
        H, Hkv, D, base = self.size
        B, T, _ = x.shape
        a = self.input_layernorm(x)
        weights = unpack_grouped_qkv(self.self_attention["query_key_value"].weight, H, Hkv, D)
        q, k, v = (F_.linear(a, w).view(B, T, -1, D).transpose(1, 2) for w in weights)
        angles = torch.outer((torch.arange(T) if pos is None else pos).double(), base ** (-torch.arange(0, D, 2).double() / D))
        turn = torch.polar(torch.ones_like(angles), angles)
        q, k = (torch.complex(*z.double().tensor_split(2, -1)) * turn for z in (q, k))
        q, k = (torch.cat([z.real, z.imag], -1).to(x.dtype) for z in (q, k))
        out = F_.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        attn = self.self_attention["dense"](out.transpose(1, 2).flatten(2))
        return attn + self.mlp["dense_4h_to_h"](F_.gelu(self.mlp["dense_h_to_4h"](a))) + x


@alternative("group by group, GELU by the error function")
class Falcon2Block(Parts):
    def forward(self, x, pos=None):
        H, Hkv, D, base = self.size
        G, T = H // Hkv, x.shape[1]
        places = torch.arange(T)
        pos = places if pos is None else pos
        inv = torch.tensor([base ** (-2 * i / D) for i in range(D // 2)], dtype=torch.float64)
        angle = (pos.double()[:, None] * inv).repeat(1, 2)
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        a = self.input_layernorm(x)
        heads = self.self_attention["query_key_value"](a).split(D, dim=-1)

        def turn(z):
            return z * cos + torch.cat([-z[..., D // 2 :], z[..., : D // 2]], -1) * sin

        outs = []
        for g in range(Hkv):
            *queries, key, value = heads[g * (G + 2) : (g + 1) * (G + 2)]
            key = turn(key)
            for query in queries:
                scores = torch.einsum("btd,bsd->bts", turn(query), key) / math.sqrt(D)
                scores = torch.where(places[:, None] >= places, scores, -torch.inf)
                outs.append(scores.softmax(-1) @ value)
        up = self.mlp["dense_h_to_4h"](a)
        down = self.mlp["dense_4h_to_h"](up * (1 + torch.erf(up / math.sqrt(2))) / 2)
        return x + self.self_attention["dense"](torch.cat(outs, -1)) + down
