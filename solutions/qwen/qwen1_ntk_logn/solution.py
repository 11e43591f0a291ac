"""Qwen 1: attention that goes on working beyond the length it was trained on, and a gated feed-forward network with names of its own.

Sizes: B sequences of T tokens, C features, H heads of D = C/H features (D even, more than 2), F features inside the feed-forward network.
Arguments are left as they were, may be views (sliced, transposed), and share nothing with results. A result depends on the arguments of
its own call alone (and, for a layer, on its weights and its mode).
"""

import math

import torch
from torch import Tensor, nn


def ntk_alpha(true_len: int, train_len: int) -> float:
    """By how much the slowest pair of features is slowed down, for a text of true_len tokens and a model trained on train_len.

    alpha = 2^ceil(log2(true_len / train_len) + 1) - 1, and never less than 1. So it is 1 up to train_len, 3 up to 2 train_len, 7 up to 4
    train_len, and so on: it grows in steps, and at exactly 4 train_len it is still 7. (Hugging Face's rope type "dynamic" has another alpha, which
    grows with every token: factor · true_len / train_len - (factor - 1).)

    >>> ntk_alpha(8192, 2048)
    7.0
    >>> ntk_alpha(8193, 2048)
    15.0
    >>> ntk_alpha(100, 2048)
    1.0
    """
    # BEGIN SOLUTION
    steps = max(0, math.ceil(math.log2(true_len / train_len)))
    return 2.0 ** (steps + 1) - 1
    # END SOLUTION


def ntk_base(base: float, alpha: float, D: int) -> float:
    """The base of the rotary frequencies that slows the slowest pair down by alpha, and leaves the fastest as it is.

    Pair i = 0 … D/2-1 turns by base^(-2i/D) per position. The new base is base · alpha^(D / (D-2)). Then the last pair, i = D/2-1, turns
    alpha times slower, pair 0 turns as before, and those between lie between.

    >>> ntk_base(10.0, 4.0, 4)  # 10 · 4²
    160.0
    """
    # BEGIN SOLUTION
    return base * alpha ** (D / (D - 2))
    # END SOLUTION


def logn_scale(pos: Tensor, train_len: int) -> Tensor:
    """The factors that keep attention as sharp as it was in training, when there is more to look at.

    pos: int64 (T,), positions of queries. The first token of a text has position 0, so the query at pos sees pos + 1 keys.
    train_len: how many tokens the model was trained on, 2 or more.

    Returns float64 (T,), on the device of pos: log(pos + 1) / log(train_len), which is the logarithm to the base train_len, where that is more
    than 1, else 1. Computed in float64.

    >>> logn_scale(tensor([0, 7, 8, 63]), 8)  # log 1, 8, 9 and 64, to the base 8
    tensor([1.0000, 1.0000, 1.0566, 2.0000], dtype=torch.float64)
    """
    # BEGIN SOLUTION
    return ((pos.double() + 1).log() / math.log(train_len)).clamp(min=1)
    # END SOLUTION


def qwen_mlp(x: Tensor, w1: Tensor, w2: Tensor, c_proj: Tensor) -> Tensor:
    """The feed-forward network of Qwen 1: a product of two ways in, of which w2 is the gate, and a way out. There are no biases.

    x (…, C), w1 (F, C), w2 (F, C), c_proj (C, F), all of one floating dtype. Any number of dimensions may stand before C.

    Returns (…, C): c_proj times (w1 x · silu(w2 x)), with silu(z) = z / (1 + exp(-z)) and products feature by feature. (In Llama's own
    files w1 is the gate. Qwen 1 has it the other way round.)

    >>> x = tensor([1.0])
    >>> qwen_mlp(x, tensor([[2.0]]), tensor([[0.0]]), tensor([[1.0]]))  # silu(0) = 0: the gate w2 is closed
    tensor([0.])
    """
    # BEGIN SOLUTION
    up, gate = x @ w1.mT, x @ w2.mT
    return (up * gate * gate.sigmoid()) @ c_proj.mT
    # END SOLUTION


class Qwen1Attention(nn.Module):
    """Causal attention with rotary positions, for texts longer than train_len.

    C, H: features and heads. H divides C.
    train_len: how many tokens the model was trained on.
    base: of the rotary frequencies, within train_len.
    use_ntk, use_logn: whether the layer changes its base, and scales its queries, for longer texts.

    Parameters: `c_attn.weight` (3C, C) and `c_attn.bias` (3C,), the queries' C rows first, then those of the keys, then those of the values; within
    each, head 0 has the first D rows. `c_proj.weight` (C, C), without a bias. `nn.Linear`s with these names have all of that. There are no other
    parameters. How they begin is open.

    >>> layer = Qwen1Attention(8, 2, train_len=4)
    >>> layer.c_attn.weight.shape
    torch.Size([24, 8])
    >>> layer.c_attn.bias.shape
    torch.Size([24])
    """

    def __init__(
        self, C: int, H: int, train_len: int, base: float = 10000.0, use_ntk: bool = True, use_logn: bool = True
    ) -> None:
        super().__init__()
        # BEGIN SOLUTION
        self.c_attn = nn.Linear(C, 3 * C)
        self.c_proj = nn.Linear(C, C, bias=False)
        self.H, self.train_len, self.base = H, train_len, base
        self.use_ntk, self.use_logn = use_ntk, use_logn
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C), of the dtype of the parameters: whole texts, whose tokens have the positions 0 … T-1. Returns (B, T, C), of the same dtype.

        1. q, k, v come from c_attn, H heads each.
        2. q and k are rotated. Feature i of a head (i < D/2) and feature i + D/2 are a pair (a, b), which becomes
           (a cos θ - b sin θ, b cos θ + a sin θ) with θ = pos · base^(-2i/D). v is not rotated.
        3. Each query is multiplied by its `logn_scale`. Keys are not.
        4. Scores are q · k / √D. A token sees itself and earlier ones. The softmax of the scores weighs v.
        5. The heads are put side by side again, head 0 first, and go through c_proj.

        In training mode (`self.training`) the base is `base` and there is no step 3, however long the texts. In evaluation mode, with use_ntk, the
        base is `ntk_base(base, ntk_alpha(T, train_len), D)`, the same for all positions; with use_logn, there is step 3. One of the two may be
        switched off. So up to train_len tokens both modes give the same.

        For float64 everything is float64, the angles too. (The published code and Hugging Face compute angles in float32: one check, and no other,
        tells the difference.)
        """
        # BEGIN SOLUTION
        T, C = x.shape[1:]
        D = C // self.H
        long = not self.training
        q, k, v = (each.unflatten(-1, (self.H, D)).transpose(1, 2) for each in self.c_attn(x).chunk(3, dim=-1))
        base = ntk_base(self.base, ntk_alpha(T, self.train_len), D) if long and self.use_ntk else self.base
        pos = torch.arange(T, device=x.device)
        q, k = rotate(q, pos, base), rotate(k, pos, base)
        if long and self.use_logn:
            q = q * logn_scale(pos, self.train_len).to(q.dtype)[:, None]
        scores = q @ k.mT / math.sqrt(D)
        scores = scores.masked_fill(pos > pos[:, None], -torch.inf)
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
        # END SOLUTION


# BEGIN SOLUTION
def rotate(x: Tensor, pos: Tensor, base: float) -> Tensor:
    D = x.shape[-1]
    angles = pos[:, None] * base ** (-torch.arange(0, D, 2, dtype=torch.float64, device=x.device) / D)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


# END SOLUTION
