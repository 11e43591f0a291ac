"""Right ways to write glm/chatglm2_block, done differently."""

import itertools

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


@alternative("complex numbers")
def rotate_half_of(x, pos, base=10000.0):
    D = x.shape[-1]
    angles = pos.double().unsqueeze(-1) * base ** (-torch.arange(D // 4).double() * 4 / D)
    turn = torch.polar(torch.ones_like(angles), angles)
    if pos.dim() == 2:
        turn = turn.unsqueeze(1)
    pairs = torch.view_as_complex(x[..., : D // 2].double().unflatten(-1, (-1, 2)).contiguous())
    return torch.cat([torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype), x[..., D // 2 :]], -1)


@alternative("as ChatGLM2's own code: a cache of cos and sin, stacked")
def rotate_half_of(x, pos, base=10000.0):
    B, N, T, D = x.shape
    rot = D // 2
    theta = 1.0 / base ** (torch.arange(0, rot, 2, dtype=torch.float64) / rot)
    table = pos.expand(B, T)[..., None].double() * theta
    cache = torch.stack([table.cos(), table.sin()], -1).to(x.dtype).view(B, 1, T, rot // 2, 2)
    turning, rest = x[..., :rot], x[..., rot:]
    shaped = turning.reshape(B, N, T, rot // 2, 2)
    first = shaped[..., 0] * cache[..., 0] - shaped[..., 1] * cache[..., 1]
    second = shaped[..., 1] * cache[..., 0] + shaped[..., 0] * cache[..., 1]
    return torch.cat([torch.stack([first, second], -1).flatten(3), rest], dim=-1)


@alternative("one matrix for each position")
def rotate_half_of(x, pos, base=10000.0):
    D = x.shape[-1]
    p = pos.numpy()
    M = np.zeros((*p.shape, D, D))
    M[..., range(D // 2, D), range(D // 2, D)] = 1.0
    for i in range(D // 4):
        angle = p * base ** (-4 * i / D)
        M[..., 2 * i, 2 * i] = M[..., 2 * i + 1, 2 * i + 1] = np.cos(angle)
        M[..., 2 * i + 1, 2 * i], M[..., 2 * i, 2 * i + 1] = np.sin(angle), -np.sin(angle)
    turn = torch.from_numpy(M).to(x.dtype)
    if p.ndim == 2:
        turn = turn[:, None]
    return (turn @ x.unsqueeze(-1)).squeeze(-1)


class Parts(nn.Module):
    def __init__(self, C, H, G, F, D, eps=1e-5, base=10000.0):
        super().__init__()
        self.o = (H, G, F, D, base)
        self.input_layernorm, self.post_attention_layernorm = nn.RMSNorm(C, eps=eps), nn.RMSNorm(C, eps=eps)
        self.self_attention = nn.ModuleDict({"query_key_value": nn.Linear(C, (H + G + G) * D), "dense": nn.Linear(H * D, C, False)})
        self.mlp = nn.ModuleDict({"dense_h_to_4h": nn.Linear(C, F + F, False), "dense_4h_to_h": nn.Linear(F, C, False)})


@alternative("three linear layers out of one, torch's own norm, attention and silu")
class ChatGLM2Block(Parts):
    def forward(self, x, pos):
        H, G, F, D, base = self.o
        fused = self.self_attention["query_key_value"]
        a = self.input_layernorm(x)
        starts = [0, H * D, (H + G) * D, (H + 2 * G) * D]
        q, k, v = (
            nn.functional.linear(a, fused.weight[s:e], fused.bias[s:e]).view(*x.shape[:2], -1, D).transpose(1, 2)
            for s, e in itertools.pairwise(starts)
        )
        q, k = rotate_half_of(q, pos, base), rotate_half_of(k, pos, base)
        out = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.self_attention["dense"](out.transpose(1, 2).flatten(2))
        both = self.mlp["dense_h_to_4h"](self.post_attention_layernorm(x))
        return x + self.mlp["dense_4h_to_h"](nn.functional.silu(both[..., :F]) * both[..., F:])


@alternative("groups as a dimension of their own, by einsum")
class ChatGLM2Block(Parts):
    def forward(self, x, pos):
        H, G, F, D, base = self.o
        B, T, _ = x.shape
        heads = self.self_attention["query_key_value"](self.input_layernorm(x)).view(B, T, H + 2 * G, D).permute(0, 2, 1, 3)
        turned = rotate_half_of(heads[:, : H + G], pos, base)
        q, k, v = turned[:, :H].reshape(B, G, H // G, T, D), turned[:, H:], heads[:, H + G :]
        scores = torch.einsum("bgntd,bgsd->bgnts", q, k) / D**0.5
        scores = torch.where(torch.arange(T)[:, None] >= torch.arange(T), scores, -torch.inf)
        mixed = torch.einsum("bgnts,bgsd->btgnd", scores.softmax(-1), v).reshape(B, T, H * D)
        h = x + self.self_attention["dense"](mixed)
        both = self.mlp["dense_h_to_4h"](self.post_attention_layernorm(h)).view(B, T, 2, F)
        gate, up = both.unbind(2)
        return h + self.mlp["dense_4h_to_h"](torch.sigmoid(gate) * gate * up)
