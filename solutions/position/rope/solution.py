"""Rotary position embedding (RoPE): queries and keys are turned, pair by pair, by an angle that grows with the position.

B sequences, H heads, T tokens, D features for each head. D is even, and so is every `rotary_dim`. Inputs may be views (transposed,
sliced: not contiguous in any dimension). A result depends on the arguments of its own call alone
and does not change later; arguments are left as they were, with their `requires_grad`.
"""

import torch
from torch import Tensor


def rope_freqs(D: int, base: float = 10000.0) -> Tensor:
    """θ_i = base^(-2i/D) for i = 0 … D/2-1: the angle by which pair i turns with each position, in radians.

    Returns float64 (D/2,): angles are position times frequency, and that product needs the digits.

    >>> rope_freqs(4)
    tensor([1.0000, 0.0100], dtype=torch.float64)
    """
    # BEGIN SOLUTION
    return base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    # END SOLUTION


def apply_rope(
    x: Tensor, pos: Tensor, style: str = "half", rotary_dim: int | None = None, base: float = 10000.0
) -> Tensor:
    """Turn the pairs of x by their angles: pair i of a token at position p by p · θ_i.

    x: queries or keys, (B, H, T, D); float32, float64, bfloat16 or float16. It is not changed.
    pos: int64 positions, (T,) for all sequences alike or (B, T) for each its own. Any numbers from 0 on, in any order.
    style: which features make pair i, for i = 0 … R/2-1 (R is the number of rotated features):
        "half": features i and R/2+i, as in Hugging Face's Llama;
        "interleaved": features 2i and 2i+1, as in the paper, Meta's Llama and GLM.
    rotary_dim: R; only the first R features of a head are rotated, with the frequencies `rope_freqs(R, base)`, and
        the others come back unchanged. None rotates all D, and 0 none.

    Returns a tensor of x's shape and dtype, on its device. A pair (a, b) turned by φ is
    (a cos φ - b sin φ, a sin φ + b cos φ): counterclockwise. Every head is turned alike. Gradients flow to x.

    - Angles are computed in float64 for float64 x, and at least in float32 for the others.
    - bfloat16 and float16 are rotated in float32, with cosines and sines in float32, and rounded once at the end. (Hugging Face's
      models round cosines and sines to x's dtype first, and rotate in it: one check, and no other, tells the difference.)

    At position 1: cos 1 and sin 1 for D = 2; with D = 4, θ = (1, 0.01), and "half" has the pairs (1, 0) and (0, 1), "interleaved"
    the same pairs elsewhere:

    >>> apply_rope(tensor([[[[1.0, 0.0]]]]), tensor([1]))
    tensor([[[[0.5403, 0.8415]]]])
    >>> apply_rope(tensor([[[[1.0, 0.0, 0.0, 1.0]]]]), tensor([1]), "half")
    tensor([[[[ 0.5403, -0.0100,  0.8415,  0.9999]]]])
    >>> apply_rope(tensor([[[[1.0, 0.0, 0.0, 1.0]]]]), tensor([1]), "interleaved")
    tensor([[[[ 0.5403,  0.8415, -0.0100,  0.9999]]]])
    """
    # BEGIN SOLUTION
    R = x.shape[-1] if rotary_dim is None else rotary_dim
    angles = pos[..., None] * rope_freqs(R, base).to(x.device)  # (T, R/2) or (B, T, R/2)
    if pos.ndim == 2:
        angles = angles[:, None]  # (B, 1, T, R/2): all heads alike
    wide = torch.promote_types(x.dtype, torch.float32)
    cos, sin = angles.cos().to(wide), angles.sin().to(wide)
    turning, rest = x[..., :R], x[..., R:]
    if style == "half":
        a, b = turning.chunk(2, dim=-1)
    else:
        a, b = turning[..., ::2], turning[..., 1::2]
    turned = a * cos - b * sin, a * sin + b * cos  # each (B, H, T, R/2), in the dtype of the tables
    joined = torch.cat(turned, dim=-1) if style == "half" else torch.stack(turned, dim=-1).flatten(-2)
    return torch.cat([joined.to(x.dtype), rest], dim=-1)
    # END SOLUTION


def permute_weights(w: Tensor, H: int, to: str) -> Tensor:
    """Reorder the rows of a query or key projection, so that a model trained with one style runs with the other.

    w: (H·D, C), the weight of a linear layer: row h·D + d makes feature d of head h. Any dtype. It is not changed.
    to: "half": w was made for "interleaved" (Meta's files) and is wanted for "half" (Hugging Face's);
        "interleaved": the other way back.

    Returns (H·D, C): the same rows in another order, heads staying apart. Rotating the heads of x @ w'ᵀ in the new style
    gives the same pairs of numbers as rotating those of x @ wᵀ in the old one, so all dot products of queries and keys stay.

    >>> permute_weights(tensor([[0.0], [1.0], [2.0], [3.0]]), 1, "half")
    tensor([[0.], [2.], [1.], [3.]])
    >>> permute_weights(tensor([[0.0], [1.0], [2.0], [3.0]]), 2, "half")  # with D = 2 the styles are the same
    tensor([[0.], [1.], [2.], [3.]])
    """
    # BEGIN SOLUTION
    pairs = (H, -1, 2) if to == "half" else (H, 2, -1)  # rows as (head, pair, which of two) or (head, which, pair)
    return w.unflatten(0, pairs).transpose(1, 2).flatten(0, 2)
    # END SOLUTION


def decay_bound(D: int, max_dist: int, base: float = 10000.0) -> Tensor:
    """The curve of the paper's long-term decay: how large scores can be, as a function of the distance.

    With the partial sums S_j(m) = Σ_{i<j} exp(1j · m · θ_i), the bound at distance m is the mean of |S_j(m)| over
    j = 1 … D/2.

    Returns float64 (max_dist,), for the distances 0 … max_dist-1. At distance 0 it is (D/2 + 1) / 2.

    >>> decay_bound(4, 2)  # |e^i| = 1 and |e^i + e^0.01i| = 1.7600
    tensor([1.5000, 1.3800], dtype=torch.float64)
    """
    # BEGIN SOLUTION
    angles = torch.arange(max_dist)[:, None] * rope_freqs(D, base)  # (max_dist, D/2)
    partial = torch.polar(torch.ones_like(angles), angles).cumsum(-1)
    return partial.abs().mean(-1)
    # END SOLUTION
