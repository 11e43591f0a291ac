"""GPT-2 from parts: a model whose attention, norm and activation can be exchanged, its first weights, and the weights of published checkpoints.

Sizes: B sequences of T new tokens, V tokens in the vocabulary, C features of the model, H heads of D = C / H features, L layers, S older
tokens in a cache. `n_ctx` is the number of positions that the model knows.

Tensors are float32 or float64; all of a model is of one dtype, and so is what it returns. Everything is computed in that dtype, so float64 is exact
to 1e-10, also where features lie ten thousand away from 0. There is no dropout. Inputs may be views and are not changed; gradients flow to
all parameters, through `past` too. A call leaves nothing behind: it changes no flag, no mode and no random state, and models share nothing.

Parts that you wrote in other exercises (attention/self_attention, norm/post_ln) are welcome here: copy them into this file.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class GPT2Cfg:
    """What one needs to know to build a GPT-2. Nothing to write here."""

    vocab: int
    n_ctx: int
    n_layer: int
    n_head: int
    n_embd: int
    eps: float = 1e-5


def gelu(x: Tensor) -> Tensor:
    """The activation of GPT-2, for x of any shape: x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).

    This is an approximation of the exact GELU, x · Φ(x), with Φ the normal distribution. Both differ by up to 0.0005. (Hugging Face calls the one
    here "gelu_new", and the exact one "gelu"; Cerebras-GPT uses the exact one. One check, and no other, tells the difference.)

    >>> gelu(tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1588,  0.0000,  1.9546])
    """
    # BEGIN SOLUTION
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    # END SOLUTION


# BEGIN SOLUTION
def layer_norm(x: Tensor, w: Tensor, b: Tensor, eps: float) -> Tensor:
    centered = x - x.mean(-1, keepdim=True)
    return centered * (centered.square().mean(-1, keepdim=True) + eps).rsqrt() * w + b


def attention(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, H, T, S + T)
    if causal:
        T, S = scores.shape[-2:]
        hidden = torch.ones(T, S, dtype=torch.bool, device=q.device).triu(S - T + 1)
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores.softmax(-1) @ v


class Norm(nn.Module):
    def __init__(self, C: int, eps: float, norm: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(C)), nn.Parameter(torch.zeros(C))
        self.eps, self.norm = eps, norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x, self.weight, self.bias, self.eps)


class Attention(nn.Module):
    def __init__(self, cfg: GPT2Cfg, attend: Callable[..., Tensor]) -> None:
        super().__init__()
        self.H, self.attend = cfg.n_head, attend
        self.c_attn = nn.Linear(cfg.n_embd, 3 * cfg.n_embd)
        self.c_proj = nn.Linear(cfg.n_embd, cfg.n_embd)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        q, k, v = (each.unflatten(-1, (self.H, -1)).transpose(1, 2) for each in self.c_attn(x).chunk(3, dim=-1))
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        out = self.attend(q, k, v, causal=True)  # (B, H, T, D)
        return self.c_proj(out.transpose(1, 2).flatten(2)), (k, v)


class MLP(nn.Module):
    def __init__(self, cfg: GPT2Cfg, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.act = act
        self.c_fc = nn.Linear(cfg.n_embd, 4 * cfg.n_embd)
        self.c_proj = nn.Linear(4 * cfg.n_embd, cfg.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(self.act(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, cfg: GPT2Cfg, attend: Callable, norm: Callable, act: Callable) -> None:
        super().__init__()
        self.ln_1 = Norm(cfg.n_embd, cfg.eps, norm)
        self.attn = Attention(cfg, attend)
        self.ln_2 = Norm(cfg.n_embd, cfg.eps, norm)
        self.mlp = MLP(cfg, act)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        out, present = self.attn(self.ln_1(x), past)
        x = x + out
        return x + self.mlp(self.ln_2(x)), present


# END SOLUTION


class GPT2(nn.Module):
    """A decoder of L equal blocks. A token's features h are the sum of two rows: that of the token in `wte`, that of its position in `wpe`. Then
    each block computes, in this order,

        h = h + attn(ln_1(h))        h = h + mlp(ln_2(h))

    and `ln_f` comes after the last block. The logits are the products of the result with each row of `wte`.

    The names of the parameters are those of Hugging Face's GPT2LMHeadModel. There are no others. Matrices are kept as `nn.Linear` keeps them:
    (features out, features in). For the layers i = 0 … L-1:

    - `transformer.wte.weight` (V, C) and `transformer.wpe.weight` (n_ctx, C);
    - `transformer.h.i.ln_1` and `transformer.h.i.ln_2`: `….weight` (C,) and `….bias` (C,), at first 1 and 0;
    - `transformer.h.i.attn.c_attn`: `….weight` (3 C, C) and `….bias` (3 C,). The first C features that come out are the queries, then come
        the keys, then the values. Of the C features of each, the first D belong to head 0, the next D to head 1, and so on;
    - `transformer.h.i.attn.c_proj`: `….weight` (C, C) and `….bias` (C,), for what the heads give, head 0 first;
    - `transformer.h.i.mlp.c_fc`: `….weight` (4 C, C) and `….bias` (4 C,). Then comes the activation, then
        `transformer.h.i.mlp.c_proj`: `….weight` (C, 4 C) and `….bias` (C,);
    - `transformer.ln_f.weight` and `transformer.ln_f.bias` (C,);
    - `lm_head.weight` (V, C): the same parameter as `transformer.wte.weight`, under a second name.
    """

    def __init__(
        self,
        cfg: GPT2Cfg,
        *,
        attend: Callable[..., Tensor] | None = None,
        norm: Callable[[Tensor, Tensor, Tensor, float], Tensor] | None = None,
        act: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Build a model of the sizes in cfg. Three parts may be given; None means your own code in this file.

        attend(q, k, v, causal=True): attention of q (B, H, T, D) to k and v (B, H, S + T, D); returns (B, H, T, D). It is always called with
            causal=True. New token t sees the keys 0 … S + t: the last query stands beside the last key. Your own one scales the scores by 1/√D.
        norm(x, w, b, eps): your own one is layer norm over the last dimension: x minus its mean, divided by the root of (variance + eps),
            times w, plus b. The variance is the mean of the squares (not n - 1). It is called for every norm of the model, with `cfg.eps`.
        act(x): called once in each layer, with what `c_fc` gives, (B, T, 4 C). Your own one is `gelu`. Where it is an
            `nn.Module` with parameters, it is open whether these become parameters of the model.
        """
        super().__init__()
        # BEGIN SOLUTION
        attend = attention if attend is None else attend
        norm = layer_norm if norm is None else norm
        act = gelu if act is None else act
        self.transformer = nn.Module()
        self.transformer.wte = nn.Embedding(cfg.vocab, cfg.n_embd)
        self.transformer.wpe = nn.Embedding(cfg.n_ctx, cfg.n_embd)
        self.transformer.h = nn.ModuleList(Block(cfg, attend, norm, act) for _ in range(cfg.n_layer))
        self.transformer.ln_f = Norm(cfg.n_embd, cfg.eps, norm)
        self.lm_head = nn.Linear(cfg.n_embd, cfg.vocab, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        # END SOLUTION

    def forward(
        self, ids: Tensor, past: list[tuple[Tensor, Tensor]] | None = None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The scores of each next token, and what a later call needs to go on: (logits, present).

        ids: int64 (B, T), the new tokens.
        past: None, or the `present` of an earlier call: a list with one pair (keys, values) for each layer, each (B, H, S, D). Neither the
            list nor its tensors are changed, so one `past` can be continued several times.

        logits: (B, T, V), for the new tokens only. present: a list with one tuple (keys, values) for each layer, each (B, H, S + T, D): the old
        ones, then the new ones.

        New token t stands at position S + t. It sees the S old tokens and the new ones up to itself, so a sequence that is fed in pieces gives the
        logits of all at once. Where S + T is larger than `n_ctx`, IndexError is raised: there are no such positions. S + T = n_ctx is fine.
        """
        # BEGIN SOLUTION
        S, T = 0 if past is None else past[0][0].shape[2], ids.shape[1]
        n_ctx = self.transformer.wpe.num_embeddings
        if n_ctx < S + T:
            raise IndexError(f"{S} old and {T} new tokens are more than {n_ctx} positions")
        h = self.transformer.wte(ids) + self.transformer.wpe(torch.arange(S, S + T, device=ids.device))
        present = []
        for i, block in enumerate(self.transformer.h):
            h, kept = block(h, None if past is None else past[i])
            present.append(kept)
        return self.lm_head(self.transformer.ln_f(h)), present
        # END SOLUTION

    def load_hf(self, sd: dict[str, Tensor]) -> None:
        """Copy the weights of a checkpoint of Hugging Face's GPT-2 into this model, in the model's dtype.

        sd: tensors by name, as read from the checkpoint's files. It is not changed, and shares nothing with the model afterwards.

        The names are those of the class, but these files differ from the model in four ways:

        - Four matrices in each layer, `attn.c_attn.weight`, `attn.c_proj.weight`, `mlp.c_fc.weight` and `mlp.c_proj.weight`, are written
          as (features in, features out), the other way round than here: GPT-2's code has a class Conv1D of its own for them.
          `wte` and `wpe` are written as here.
        - In some files no name begins with `transformer.` (`h.0.ln_1.weight`; so is the file of "gpt2" on the hub), in others all but that of
          the head do. Both are accepted.
        - Old files also hold `….attn.bias` and `….attn.masked_bias` of each layer (`h.0.attn.bias`). These are masks and no weights: they are
          passed over. Elsewhere (`h.0.mlp.masked_bias`) they are unknown names. (Masks of layers that the model lacks: both are accepted.)
        - `lm_head.weight` may be there or not. Where it is there, it repeats `wte.weight`, which has to be there all the same.

        Where else a name is missing, is not known, or has another shape, RuntimeError is raised, as by `load_state_dict`.
        """
        # BEGIN SOLUTION
        weights = {}
        for name, weight in sd.items():
            if name.endswith((".attn.bias", ".attn.masked_bias")):
                continue
            if name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
                weight = weight.mT
            bare = name.removeprefix("transformer.")
            weights[bare if bare == "lm_head.weight" else "transformer." + bare] = weight
        if "transformer.wte.weight" in weights:
            weights.setdefault("lm_head.weight", weights["transformer.wte.weight"])
        self.load_state_dict(weights)
        # END SOLUTION


@torch.no_grad()
def init_weights(m: GPT2, std: float = 0.02, seed: int = 0) -> None:
    """Draw the first weights of m anew, in place, as GPT-2 is trained from: m keeps its parameters, only their values change.

    - All matrices, and both embeddings, are drawn from a normal distribution of mean 0 and standard deviation `std`;
    - but `attn.c_proj.weight` and `mlp.c_proj.weight` of each layer, whose results are added to h, with std / √(2 L): there are two such sums
      in each of the L layers;
    - all biases become 0, and the weights of norms become 1.

    Each number is drawn by itself: no two tensors hold the same draws. The tied matrix is drawn with `std`, as `wte` is. (OpenAI's own code draws
    `wpe` with 0.01 instead; nanoGPT and Hugging Face draw it as here. One check, and no other, tells the difference.)

    seed: the same seed gives the same weights, another one others. torch's global random state is neither used nor changed.
    """
    # BEGIN SOLUTION
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in m.named_parameters():
        if name.endswith(".bias"):
            parameter.zero_()
        elif parameter.ndim == 1:
            parameter.fill_(1.0)
        else:
            scale = (2 * len(m.transformer.h)) ** -0.5 if name.endswith(".c_proj.weight") else 1.0
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * std * scale)
    # END SOLUTION


def param_count(cfg: GPT2Cfg) -> int:
    """The number of parameters of `GPT2(cfg)`, without building it. A matrix that is used twice counts once.

    >>> param_count(GPT2Cfg(vocab=50257, n_ctx=1024, n_layer=12, n_head=12, n_embd=768))  # the smallest GPT-2
    124439808
    """
    # BEGIN SOLUTION
    C = cfg.n_embd
    block = 12 * C * C + 13 * C  # c_attn 3 C² + 3 C, c_proj C² + C, c_fc 4 C² + 4 C, c_proj 4 C² + C, norms 4 C
    return (cfg.vocab + cfg.n_ctx) * C + cfg.n_layer * block + 2 * C
    # END SOLUTION
