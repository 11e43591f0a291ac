"""A correct submission, written otherwise than the reference is."""

import torch
from torch import Tensor, einsum


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
    batch, heads, length, d = q.shape
    kv_heads, keys = k.shape[1], k.shape[2]
    q = q.reshape(batch, kv_heads, heads // kv_heads, length, d)
    scores = einsum("bngld,bnkd->bnglk", q, k).reshape(batch, heads, length, keys) * d**-0.5
    allowed = torch.ones(length, keys, dtype=torch.bool)
    if causal:
        allowed = allowed.tril()
    if mask is not None:
        allowed = allowed & mask
    weights = torch.softmax(torch.where(allowed, scores, float("-inf")), dim=-1)
    weights = weights.reshape(batch, kv_heads, heads // kv_heads, length, keys)
    return einsum("bnglk,bnkd->bngld", weights, v).reshape(batch, heads, length, d)


def split_heads(x: Tensor, heads: int) -> Tensor:
    batch, length, width = x.shape
    return x.view(batch, length, heads, width // heads).permute(0, 2, 1, 3)


def merge_heads(x: Tensor) -> Tensor:
    batch, heads, length, d = x.shape
    return x.permute(0, 2, 1, 3).reshape(batch, length, heads * d)


def layer(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int) -> Tensor:
    q, k, v = split_heads(x @ wq, heads), split_heads(x @ wk, heads), split_heads(x @ wv, heads)
    return merge_heads(attention(q, k, v, causal=True)) @ wo
