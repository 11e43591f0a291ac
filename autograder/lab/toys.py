"""Toy networks: decoders of a few hundred weights whose modules are called as in real ones, to be changed and trained.

In a check's inputs they are used by name, `lab("toy_decoder", kind="gpt2", seed=3)`: every run of an experiment gets a new
one with the same weights. `Conv1D`, GPT-2's linear layer, can also be imported by students and experiments.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv1D(nn.Module):
    """GPT-2's linear layer: y = x W + b, with the weight stored as (in, out), the transpose of `nn.Linear`'s.

    >>> Conv1D(3, 5).weight.shape
    torch.Size([3, 5])
    """

    def __init__(self, n_in: int, n_out: int, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_in, n_out, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out)."""
        return x @ self.weight + self.bias


def toy_decoder(
    kind: Literal["llama", "gpt2"] = "llama", seed: int = 0, width: int = 8, layers: int = 2, vocab: int = 11
) -> ToyDecoder:
    """A decoder with random weights that depend on `seed` alone: token ids (B, T) → logits (B, T, vocab), float32.

    "llama" has separate projections, `nn.Linear` without biases; "gpt2" has `Conv1D`, with queries, keys and values in one.

    >>> [name for name, _ in toy_decoder("gpt2", layers=1).named_modules() if "attn." in name]
    ['layers.0.attn.c_attn', 'layers.0.attn.c_proj']
    """
    model = ToyDecoder(kind, width, layers, vocab)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 1.0 if name.startswith("embed") else max(parameter.shape) ** -0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return model


class ToyDecoder(nn.Module):
    """Token embedding, pre-norm layers of causal attention (two heads) and an MLP, a last norm, and the output layer.

    `A` is a parameter of its own, as state-space models have one: nothing that adapts linear layers should take it for theirs.
    """

    def __init__(self, kind: str, width: int, layers: int, vocab: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.A = nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(_Layer(kind, width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocab, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens) + self.A
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm(x))


class _Layer(nn.Module):
    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        attention, mlp = {"llama": (_Attention, _MLP), "gpt2": (_FusedAttention, _ConvMLP)}[kind]
        self.attn_norm, self.attn = nn.LayerNorm(width), attention(width)
        self.mlp_norm, self.mlp = nn.LayerNorm(width), mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.attn_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.o_proj(_attend(self.q_proj(x), self.k_proj(x), self.v_proj(x)))


class _FusedAttention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_attn, self.c_proj = Conv1D(width, 3 * width), Conv1D(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(_attend(*self.c_attn(x).chunk(3, dim=-1)))


class _MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up_proj, self.down_proj = nn.Linear(width, 2 * width, bias=False), nn.Linear(2 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.up_proj(x)))


class _ConvMLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc, self.c_proj = Conv1D(width, 2 * width), Conv1D(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x)))


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of two heads, (B, T, C) → (B, T, C)."""
    q, k, v = (x.unflatten(-1, (2, -1)).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
