"""Llama 1, 2 and 3 from parts: a model whose attention, rotary positions and norm can be exchanged, and its weights from two formats.

Sizes: B sequences of T tokens, V tokens in the vocabulary, C features of the model, H query heads and G key/value heads of D = C / H
features (G divides H), F features inside the feed-forward network, L layers, S older tokens in a cache. D is even. No linear
layer has a bias.

Tensors are float32 or float64; all of a model is of one dtype, and so is what it returns. Everything is computed in that dtype, so float64
is exact to 1e-10. (Hugging Face's model computes norm and softmax in float32 whatever the dtype: one check, and no other, tells the
difference.) Inputs may be views and are not changed; gradients flow to all parameters. A call leaves nothing behind but new keys and
values in a cache that it was given, and models share nothing.

Parts that you wrote in other exercises (attention/gqa, position/rope) are welcome here: copy them into this file.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn


@dataclass
class LlamaCfg:
    """What one needs to know to build a Llama. Nothing to write here."""

    vocab: int
    dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    ffn_dim: int
    eps: float = 1e-6  # 1e-5 since Llama 2
    base: float = 10000.0  # of the rotary frequencies: 500000 in Llama 3
    max_len: int = 2048  # what the model was trained for; nothing here depends on it
    tied: bool = False  # whether the output layer uses the matrix of the embedding


class Cache(Protocol):
    """Keys and values of one layer. Nothing to write here: this says what a model may ask of any cache."""

    def __len__(self) -> int:
        """The number of old tokens."""

    def update(self, k: Tensor, v: Tensor, pos: Tensor) -> tuple[Tensor, Tensor]:
        """Keep k and v, (B, G, T, D), at the places pos, int64 (T,). Returns keys and values of all tokens, (B, G, S + T, D)."""


class GrowingCache:
    """The simplest cache: what is new is put behind what is old. Nothing to write here."""

    def __init__(self) -> None:
        self.kept: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return 0 if self.kept is None else self.kept[0].shape[2]

    def update(self, k: Tensor, v: Tensor, pos: Tensor) -> tuple[Tensor, Tensor]:
        if self.kept is not None:
            k, v = torch.cat([self.kept[0], k], dim=2), torch.cat([self.kept[1], v], dim=2)
        self.kept = k, v
        return k, v


def swiglu(x: Tensor, Wg: Tensor, Wu: Tensor, Wd: Tensor) -> Tensor:
    """The feed-forward network of Llama: Wd (silu(Wg x) ⊙ Wu x), with silu(z) = z · σ(z).

    x: (…, C), any number of dimensions. Wg, Wu: (F, C), the gate and the way up. Wd: (C, F), the way down; all as `nn.Linear` keeps
    its weight. Returns (…, C). Only the gate goes through silu. Large inputs give finite results and gradients.

    >>> one = tensor([[1.0]])
    >>> swiglu(tensor([1.0, 2.0]).view(2, 1), one, 3 * one, one)  # 3 · 1 · σ(1) · 1 and 6 · 2 · σ(2)
    tensor([[ 2.1932],
            [10.5696]])
    """
    # BEGIN SOLUTION
    gate = x @ Wg.T
    return (gate * torch.sigmoid(gate) * (x @ Wu.T)) @ Wd.T
    # END SOLUTION


def ffn_dim(C: int, multiple_of: int = 256, mult: float | None = None) -> int:
    """F of Meta's models: two thirds of 4 C, cut to an integer; times `mult`, if there is one, cut again; then rounded *up* to the next
    multiple of `multiple_of` (a number that is one already stays).

    >>> ffn_dim(4096)  # Llama 7B: 10922, rounded up
    11008
    >>> ffn_dim(4096, 1024, 1.3)  # Llama 3 8B: 10922, then 14198, rounded up
    14336
    """
    # BEGIN SOLUTION
    F = 2 * 4 * C // 3
    if mult is not None:
        F = int(mult * F)
    return (F + multiple_of - 1) // multiple_of * multiple_of
    # END SOLUTION


# BEGIN SOLUTION
def rms_norm(x: Tensor, w: Tensor, eps: float) -> Tensor:
    return x * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * w


def apply_rope(x: Tensor, pos: Tensor, base: float) -> Tensor:
    D = x.shape[-1]
    freqs = base ** (-torch.arange(0, D, 2, dtype=torch.float64, device=x.device) / D)
    angles = pos[..., None] * freqs  # (T, D/2) or (B, T, D/2)
    if pos.ndim == 2:
        angles = angles[:, None]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def gqa(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
    scores = q @ k.mT * q.shape[-1] ** -0.5
    if causal:
        T, S = scores.shape[-2:]
        hidden = torch.ones(T, S, dtype=torch.bool, device=q.device).triu(S - T + 1)
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores.softmax(-1) @ v


class Norm(nn.Module):
    def __init__(self, C: int, eps: float, norm: Callable[[Tensor, Tensor, float], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))
        self.eps, self.norm = eps, norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x, self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, cfg: LlamaCfg, attend: Callable, rotate: Callable) -> None:
        super().__init__()
        self.D = cfg.dim // cfg.n_heads
        self.attend, self.rotate = attend, rotate
        self.q_proj = nn.Linear(cfg.dim, cfg.n_heads * self.D, bias=False)
        self.k_proj = nn.Linear(cfg.dim, cfg.n_kv_heads * self.D, bias=False)
        self.v_proj = nn.Linear(cfg.dim, cfg.n_kv_heads * self.D, bias=False)
        self.o_proj = nn.Linear(cfg.n_heads * self.D, cfg.dim, bias=False)

    def forward(self, x: Tensor, position_ids: Tensor, slots: Tensor, cache: Cache | None) -> Tensor:
        q, k, v = (
            project(x).unflatten(-1, (-1, self.D)).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = self.rotate(q, position_ids), self.rotate(k, position_ids)
        if cache is not None:
            k, v = cache.update(k, v, slots)
        return self.o_proj(self.attend(q, k, v, causal=True).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, cfg: LlamaCfg) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(cfg.dim, cfg.ffn_dim, bias=False)
        self.up_proj = nn.Linear(cfg.dim, cfg.ffn_dim, bias=False)
        self.down_proj = nn.Linear(cfg.ffn_dim, cfg.dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


class LlamaBlock(nn.Module):
    def __init__(self, cfg: LlamaCfg, attend: Callable, rotate: Callable, norm: Callable) -> None:
        super().__init__()
        self.input_layernorm = Norm(cfg.dim, cfg.eps, norm)
        self.self_attn = Attention(cfg, attend, rotate)
        self.post_attention_layernorm = Norm(cfg.dim, cfg.eps, norm)
        self.mlp = MLP(cfg)

    def forward(self, x: Tensor, position_ids: Tensor, slots: Tensor, cache: Cache | None) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), position_ids, slots, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


# END SOLUTION


class Llama(nn.Module):
    """A decoder of L equal blocks. With h the features of all tokens, (B, T, C), a block computes

        h = h + o_proj(attention(norm(h)))        h = h + mlp(norm(h))

    with a norm of its own before each of the two; after the last block comes one more norm, then the output layer.

    Its parameters have the names of Hugging Face's LlamaForCausalLM. There are no others. For the layers i = 0 … L-1:

    - `model.embed_tokens.weight` (V, C);
    - `model.layers.i.input_layernorm.weight` and `model.layers.i.post_attention_layernorm.weight` (C,);
    - `model.layers.i.self_attn.q_proj.weight` (C, C), `….k_proj.weight` and `….v_proj.weight` (G·D, C), `….o_proj.weight` (C, C);
    - `model.layers.i.mlp.gate_proj.weight` and `….up_proj.weight` (F, C), `….down_proj.weight` (C, F);
    - `model.norm.weight` (C,), and `lm_head.weight` (V, C). If `cfg.tied`, this is the same parameter as that of the embedding, under two names.

    What new parameters hold is open, since checks load weights. (Ones for norms, and what `nn.Linear` and `nn.Embedding` draw, can be trained.)
    """

    def __init__(
        self,
        cfg: LlamaCfg,
        *,
        attend: Callable[..., Tensor] | None = None,
        rotate: Callable[[Tensor, Tensor], Tensor] | None = None,
        norm: Callable[[Tensor, Tensor, float], Tensor] | None = None,
    ) -> None:
        """Build a model of the sizes in cfg. Three parts may be given; None means your own code in this file.

        attend(q, k, v, causal=True): attention of q (B, H, T, D) to k and v (B, G, S + T, D), as attention/gqa has it: scores are
            divided by √D. It gets the G heads once (sharing them is its business), and it is always called with causal=True.
        rotate(x, pos): turns queries or keys x, (B, H, T, D) or (B, G, T, D), by their positions, as position/rope has it. pos are the
            `position_ids` of `forward`. Your own one is the "half" style with `cfg.base`: features (i, D/2 + i) of a head are turned
            by the angle pos · base^(-2i/D). Values are not rotated.
        norm(x, w, eps): x divided by its root mean square over the last dimension (eps is added to the mean of squares, under the root),
            times the weight w. It is called for every norm of the model, with `cfg.eps`.
        """
        super().__init__()
        # BEGIN SOLUTION
        attend = gqa if attend is None else attend
        rotate = (lambda x, pos: apply_rope(x, pos, cfg.base)) if rotate is None else rotate
        norm = rms_norm if norm is None else norm
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(cfg.vocab, cfg.dim)
        self.model.layers = nn.ModuleList(LlamaBlock(cfg, attend, rotate, norm) for _ in range(cfg.n_layers))
        self.model.norm = Norm(cfg.dim, cfg.eps, norm)
        self.lm_head = nn.Linear(cfg.dim, cfg.vocab, bias=False)
        if cfg.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        # END SOLUTION

    def forward(
        self, ids: Tensor, position_ids: Tensor | None = None, cache: Sequence[Cache] | None = None
    ) -> Tensor:
        """The scores of each next token: logits (B, T, V).

        ids: int64 (B, T), the new tokens.
        position_ids: int64, (T,) for all sequences alike or (B, T) for each its own: what `rotate` gets. None: 0 … T-1 without a
            cache, S … S+T-1 with one.
        cache: one `Cache` for each layer. Layer i hands its T new keys (rotated) and values to `cache[i].update`, with the places
            S … S+T-1 as `pos`, int64 (T,), whatever `position_ids` are, and attends to all that comes back. S is `len(cache[0])`
            before the call. None: there are no old tokens, and nothing is kept.

        Token t sees the S old tokens and the new ones up to itself. So a sequence that is fed in pieces gives the logits of all at once.
        """
        # BEGIN SOLUTION
        S = 0 if cache is None else len(cache[0])
        slots = torch.arange(S, S + ids.shape[1], device=ids.device)
        if position_ids is None:
            position_ids = slots
        h = self.model.embed_tokens(ids)
        for i, layer in enumerate(self.model.layers):
            h = layer(h, position_ids, slots, None if cache is None else cache[i])
        return self.lm_head(self.model.norm(h))
        # END SOLUTION

    def load_hf(self, sd: dict[str, Tensor]) -> None:
        """Copy the weights of a checkpoint that Hugging Face's LlamaForCausalLM has written into this model, in the model's dtype.

        sd: tensors by name, as read from the checkpoint's files. It is not changed, and shares nothing with the model afterwards.

        The names are those above, but for two things that such files have or lack. Old ones also hold
        `model.layers.i.self_attn.rotary_emb.inv_freq` (of any i), which is no weight: it is passed over. Those of tied models have no
        `lm_head.weight`. Where else a name is missing, is not known, or has another shape, RuntimeError is raised, as by `load_state_dict`.
        """
        # BEGIN SOLUTION
        weights = {name: weight for name, weight in sd.items() if not name.endswith(".rotary_emb.inv_freq")}
        if self.lm_head.weight is self.model.embed_tokens.weight and "model.embed_tokens.weight" in weights:
            weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        self.load_state_dict(weights)
        # END SOLUTION


def meta_to_hf(sd: dict[str, Tensor], H: int, G: int) -> dict[str, Tensor]:
    """The weights of Meta's own files by Hugging Face's names, and for its rotary style.

    sd: tensors by Meta's names: `tok_embeddings.weight`, `norm.weight`, `output.weight`; in each layer `layers.i.attention.wq.weight`,
        `wk`, `wv`, `wo`; `layers.i.feed_forward.w1.weight` (the gate), `w2` (the way down), `w3` (the way up);
        `layers.i.attention_norm.weight` (before attention) and `layers.i.ffn_norm.weight`. Some files also hold
        `rope.freqs`, which is no weight. sd is not changed.
    H, G: the numbers of query and key/value heads.

    Returns a dict with the names of `Llama` above, without `rope.freqs`. Meta rotates pairs of neighbours (2i, 2i+1), the model here
    pairs of halves (i, D/2+i). So in each head of wq and wk, the D rows are put in the order 0, 2, 4, …, D-2, 1, 3, 5, …, D-1. All other
    tensors stay as they are. dtypes stay.

    >>> meta_to_hf({"layers.3.attention.wk.weight": tensor([[0.0], [1.0], [2.0], [3.0]])}, H=2, G=1)
    {'model.layers.3.self_attn.k_proj.weight': tensor([[0.], [2.], [1.], [3.]])}
    """
    # BEGIN SOLUTION
    names = {
        "tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head",
        "attention.wq": "self_attn.q_proj", "attention.wk": "self_attn.k_proj",
        "attention.wv": "self_attn.v_proj", "attention.wo": "self_attn.o_proj",
        "feed_forward.w1": "mlp.gate_proj", "feed_forward.w2": "mlp.down_proj", "feed_forward.w3": "mlp.up_proj",
        "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    }  # fmt: skip
    heads = {"attention.wq": H, "attention.wk": G}
    found = {}
    for name, weight in sd.items():
        if name == "rope.freqs":
            continue
        layer, part = re.fullmatch(r"(layers\.\d+\.)?(.*)\.weight", name).groups()
        if part in heads:
            weight = weight.unflatten(0, (heads[part], -1, 2)).transpose(1, 2).flatten(0, 2)
        found[("model." + layer if layer else "") + names[part] + ".weight"] = weight
    return found
    # END SOLUTION


def n_params(cfg: LlamaCfg) -> int:
    """The number of parameters of `Llama(cfg)`, without building it. A matrix that is used twice counts once.

    >>> n_params(LlamaCfg(32000, 4096, 32, 32, 32, 11008))  # Llama 7B
    6738415616
    """
    # BEGIN SOLUTION
    C, D = cfg.dim, cfg.dim // cfg.n_heads
    attention = 2 * C * C + 2 * C * cfg.n_kv_heads * D
    block = attention + 3 * C * cfg.ffn_dim + 2 * C
    return cfg.vocab * C * (1 if cfg.tied else 2) + cfg.n_layers * block + C
    # END SOLUTION
