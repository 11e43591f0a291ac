"""Attention with masks, grouped heads and a layer around it: the exercise that the benchmark grades.

It is part of no course; its folder is laid out as one of `solutions/` is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
    """softmax(q kᵀ / √d) v for q (batch, heads, length, d) and k, v (batch, kv_heads, keys, d).

    mask: True where a query may look, of a shape that broadcasts to (batch, heads, length, keys).
    causal: query i looks at keys 0 … i only.
    Query head h uses key and value head h // (heads // kv_heads).
    """
    # BEGIN SOLUTION
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if causal:
        below = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~below, -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v
    # END SOLUTION


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(batch, length, heads · d) → (batch, heads, length, d)."""
    # BEGIN SOLUTION
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)
    # END SOLUTION


def merge_heads(x: Tensor) -> Tensor:
    """(batch, heads, length, d) → (batch, length, heads · d)."""
    # BEGIN SOLUTION
    return x.transpose(1, 2).flatten(-2)
    # END SOLUTION


def layer(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int) -> Tensor:
    """Causal multi-head self-attention of x (batch, length, width), with weights of shape (width, width)."""
    # BEGIN SOLUTION
    q, k, v = (split_heads(x @ w, heads) for w in (wq, wk, wv))
    return merge_heads(attention(q, k, v, causal=True)) @ wo
    # END SOLUTION
