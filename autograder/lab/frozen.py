"""A tiny Transformer whose weights are frozen, for exercises that change its behaviour without changing them.

It takes token ids or embeddings, a padding mask, positions, and keys and values that stand before its own, as real models do. In a
check's inputs it is used by name, `lab("frozen_model", seed=3)`: every run of an experiment gets a new one with the same weights.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def frozen_model(
    seed: int = 0,
    width: int = 12,
    layers: int = 2,
    heads: int = 3,
    kv_heads: int | None = None,
    vocab: int = 29,
    longest: int = 24,
    causal: bool = True,
    dtype: str = "float32",
) -> FrozenModel:
    """A model with random weights that depend on `seed` alone, in evaluation mode, whose parameters require no gradients.

    `causal=False` makes an encoder, in which every token sees every other. `kv_heads` is the number of key/value heads.

    >>> model = frozen_model()
    >>> model(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 29])
    """
    model = FrozenModel(width, layers, heads, kv_heads or heads, vocab, longest, causal)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.7 if name.startswith(("embed", "position")) else 1.5 * parameter.shape[-1] ** -0.5
            if parameter.dim() == 1:
                spread = 0.1
            noise = torch.randn(parameter.shape, generator=generator) * spread
            parameter.copy_(noise + ("norm.weight" in name))
    return model.to(getattr(torch, dtype)).requires_grad_(False).eval()


class FrozenModel(nn.Module):
    """Embeddings of tokens and of positions, pre-norm layers of attention and an MLP, a last norm, and the output layer.

    Attributes: `embed` and `position` are `nn.Embedding`s, of `vocab` and of `longest` rows. Each of `layers` has `attn` and `mlp`
    (with `nn.Linear`s in them), and a norm before each. `heads`, `kv_heads`, `head_dim` and `width` are the sizes.
    """

    def __init__(
        self, width: int, layers: int, heads: int, kv_heads: int, vocab: int, longest: int, causal: bool
    ) -> None:
        super().__init__()
        self.width, self.heads, self.kv_heads, self.head_dim = width, heads, kv_heads, width // heads
        self.vocab, self.longest, self.causal = vocab, longest, causal
        self.embed, self.position = nn.Embedding(vocab, width), nn.Embedding(longest, width)
        self.layers = nn.ModuleList(_Layer(width, heads, kv_heads, causal) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocab, bias=False)

    def forward(self, ids: Tensor | None = None, **inputs: Any) -> Tensor:
        """Logits (B, T, vocab); the arguments are those of `hidden`."""
        return self.lm_head(self.hidden(ids, **inputs))

    def hidden(
        self,
        ids: Tensor | None = None,
        *,
        embeds: Tensor | None = None,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        past: list[tuple[Tensor, Tensor]] | None = None,
    ) -> Tensor:
        """The states behind the last norm, (B, T, width).

        ids: (B, T) token ids. embeds: (B, T, width), in their place; positions are still added to them.
        past: for each layer the keys and values, (B, kv_heads, P, head_dim) each, that stand before its own. Every token sees all of them.
        mask: (B, P + T), bool, True where a token may be seen: the past first, then the tokens.
        positions: (T,) or (B, T), row numbers of `position`. They are 0 … T-1 unless given, whatever `past` is.
        """
        if (ids is None) == (embeds is None):
            raise ValueError("give either ids or embeds")
        x = self.embed(ids) if embeds is None else embeds
        T = x.shape[1]
        if positions is None:
            positions = torch.arange(T, device=x.device)
        x = x + self.position(positions)
        P = past[0][0].shape[2] if past else 0
        if mask is not None and mask.shape != (x.shape[0], P + T):
            raise ValueError(f"mask has the shape {tuple(mask.shape)}, not {(x.shape[0], P + T)}")
        for number, layer in enumerate(self.layers):
            x = layer(x, mask, past[number] if past else None)
        return self.norm(x)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, kv_heads: int, causal: bool) -> None:
        super().__init__()
        self.attn_norm, self.attn = nn.LayerNorm(width), _Attention(width, heads, kv_heads, causal)
        self.mlp_norm, self.mlp = nn.LayerNorm(width), _MLP(width)

    def forward(self, x: Tensor, mask: Tensor | None, past: tuple[Tensor, Tensor] | None) -> Tensor:
        x = x + self.attn(self.attn_norm(x), mask, past=past)
        return x + self.mlp(self.mlp_norm(x))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, kv_heads: int, causal: bool) -> None:
        super().__init__()
        self.head_dim, self.causal = width // heads, causal
        self.q_proj, self.o_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.k_proj, self.v_proj = (nn.Linear(width, kv_heads * self.head_dim) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor | None, past: tuple[Tensor, Tensor] | None) -> Tensor:
        q, k, v = (
            proj(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        T, S = q.shape[2], k.shape[2]
        seen = torch.ones(1, 1, T, S, dtype=torch.bool, device=x.device)
        if self.causal:
            seen = seen.tril(S - T)
        if mask is not None:
            seen = seen & mask[:, None, None]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True)  # 0 for a row that sees nothing
        return self.o_proj(out.transpose(1, 2).flatten(2))


class _MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up_proj, self.down_proj = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.gelu(self.up_proj(x)))
