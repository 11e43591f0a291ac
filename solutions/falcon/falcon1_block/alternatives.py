"""Right ways to write falcon/falcon1_block, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative


@alternative("head by head, from a list of places")
def split_qkv(fused, kind, H, Hkv, D):
    if kind == "mha":
        n = H
    elif kind == "mqa":
        n = 1
    elif kind == "gqa":
        n = Hkv
    else:
        raise ValueError("kind must be mha, mqa or gqa")
    G = H // n
    boxes = fused.split(D, dim=-1)
    q = [boxes[(h // G) * (G + 2) + h % G] for h in range(H)]
    k = [boxes[g * (G + 2) + G] for g in range(n)]
    v = [boxes[g * (G + 2) + G + 1] for g in range(n)]
    return torch.stack(q, 1), torch.stack(k, 1), torch.stack(v, 1)


@alternative("an index over the last dimension, made with NumPy")
def split_qkv(fused, kind, H, Hkv, D):
    groups = dict(mha=H, mqa=1, gqa=Hkv)
    if kind not in groups:
        raise ValueError(kind)
    n = groups[kind]
    places = np.arange((H + 2 * n) * D).reshape(n, -1, D)

    def take(where):
        found = fused[..., torch.from_numpy(where.reshape(-1).copy())]
        return found.reshape(*fused.shape[:2], -1, D).permute(0, 2, 1, 3)

    return take(places[:, :-2]), take(places[:, -2]), take(places[:, -1])


@alternative("three branches, as Hugging Face's _split_heads")
def split_qkv(fused, kind, H, Hkv, D):
    B, T, _ = fused.shape
    if kind == "gqa":
        qkv = fused.reshape(B, T, Hkv, H // Hkv + 2, D)
        q, k, v = qkv[:, :, :, :-2].flatten(2, 3), qkv[:, :, :, -2], qkv[:, :, :, -1]
    elif kind == "mha":
        qkv = fused.reshape(B, T, H, 3, D)
        q, k, v = qkv[..., 0, :], qkv[..., 1, :], qkv[..., 2, :]
    elif kind == "mqa":
        qkv = fused.reshape(B, T, H + 2, D)
        q, k, v = qkv[..., :-2, :], qkv[..., [-2], :], qkv[..., [-1], :]
    else:
        raise ValueError(f"unknown kind {kind!r}")
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


class Parts(nn.Module):
    def __init__(self, C, H, kind="mqa", Hkv=1, *, parallel=True, alibi=False, bias=False, eps=1e-5, base=10000.0):
        super().__init__()
        self.o = dict(H=H, kind=kind, Hkv=Hkv, D=C // H, parallel=parallel, alibi=alibi, base=base)
        n = {"mha": H, "mqa": 1, "gqa": Hkv}[kind]
        self.self_attention = nn.ModuleDict({"query_key_value": nn.Linear(C, C + 2 * n * C // H, bias), "dense": nn.Linear(C, C, bias)})
        self.mlp = nn.ModuleDict({"dense_h_to_4h": nn.Linear(C, 4 * C, bias), "dense_4h_to_h": nn.Linear(4 * C, C, bias)})
        names = ["ln_attn", "ln_mlp"] if kind == "gqa" else ["input_layernorm"] if parallel else ["input_layernorm", "post_attention_layernorm"]
        for name in names:
            self.add_module(name, nn.LayerNorm(C, eps=eps))


def slopes_of(H):
    def power(n):
        start = 2 ** (-(2 ** -(math.log2(n) - 3)))
        return [start ** (i + 1) for i in range(n)]

    n = 2 ** math.floor(math.log2(H))
    return power(n) if n == H else power(n) + power(2 * n)[0::2][: H - n]


@alternative("torch's own attention with a mask of floats, rotation by complex numbers")
class Falcon1Block(Parts):
    def forward(self, x):
        o, T = self.o, x.shape[1]
        first = self.ln_attn if o["kind"] == "gqa" else self.input_layernorm
        a = first(x)
        q, k, v = split_qkv(self.self_attention["query_key_value"](a), o["kind"], o["H"], o["Hkv"], o["D"])
        mask = torch.full((T, T), -torch.inf, dtype=x.dtype).triu(1).expand(o["H"], T, T)
        if o["alibi"]:
            far = torch.arange(T, dtype=x.dtype)
            mask = mask + torch.tensor(slopes_of(o["H"]), dtype=x.dtype)[:, None, None] * (far - far[:, None]) / math.sqrt(o["D"])
        else:
            angles = torch.outer(torch.arange(T).double(), o["base"] ** (-torch.arange(0, o["D"], 2).double() / o["D"]))
            turn = torch.polar(torch.ones_like(angles), angles)

            def rotated(z):
                w = torch.complex(*z.double().tensor_split(2, -1)) * turn
                return torch.cat([w.real, w.imag], -1).to(z.dtype)

            q, k = rotated(q), rotated(k)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        attn = self.self_attention["dense"](out.transpose(1, 2).reshape(x.shape))
        if o["kind"] == "gqa":
            m = self.ln_mlp(x)
        elif o["parallel"]:
            m = a
        else:
            x, attn = x + attn, 0
            m = self.post_attention_layernorm(x)
        up = self.mlp["dense_h_to_4h"](m)
        return x + attn + self.mlp["dense_4h_to_h"](0.5 * up * (1 + torch.erf(up / 2**0.5)))


@alternative("attention and feed-forward network leave through one product")
class Falcon1Block(Parts):
    def attend(self, a):
        o, T = self.o, a.shape[1]
        q, k, v = split_qkv(self.self_attention["query_key_value"](a), o["kind"], o["H"], o["Hkv"], o["D"])
        n = k.shape[1]
        q = q.unflatten(1, (n, -1))
        if not o["alibi"]:
            inv = 1.0 / o["base"] ** (torch.arange(0, o["D"], 2, dtype=torch.float64) / o["D"])
            angle = torch.arange(T)[:, None] * inv.repeat(2)

            def rope(z):
                half = torch.cat([-z[..., o["D"] // 2 :], z[..., : o["D"] // 2]], -1)
                return z * angle.cos().to(z.dtype) + half * angle.sin().to(z.dtype)

            q, k = rope(q), rope(k)
        scores = torch.einsum("bnghd,bnsd->bnghs".replace("h", "t"), q, k)
        if o["alibi"]:
            scores = scores + torch.tensor(slopes_of(o["H"]), dtype=a.dtype).view(n, -1, 1, 1) * torch.arange(T)
        scores = scores / math.sqrt(o["D"])
        scores = torch.where(torch.ones(T, T, dtype=torch.bool).tril(), scores, -torch.inf)
        return torch.einsum("bngts,bnsd->btngd", scores.softmax(-1), v).flatten(2)

    def forward(self, x):
        two = self.o["kind"] == "gqa"
        a = (self.ln_attn if two else self.input_layernorm)(x)
        out, down = self.self_attention["dense"], self.mlp["dense_4h_to_h"]
        inner = self.attend(a)
        if not two and not self.o["parallel"]:
            x = x + out(inner)
            return x + down(F.gelu(self.mlp["dense_h_to_4h"](self.post_attention_layernorm(x))))
        up = F.gelu(self.mlp["dense_h_to_4h"](self.ln_mlp(x) if two else a))
        both = torch.cat([out.weight, down.weight], 1)
        bias = 0 if out.bias is None else out.bias + down.bias
        return x + torch.cat([inner, up], -1) @ both.T + bias
