"""One block of ChatGLM2 (and, with other numbers, of ChatGLM3 and GLM-4).

Sizes: B sequences of T tokens, C features of the model, H query heads and G heads of keys and values (G divides H) of D features, F features inside
the feed-forward network. D is a multiple of 4; H·D need not be C.

Tensors are float32 or float64; all of a block is of one dtype, and so is what it returns. Everything is computed in that dtype, angles in
float64, so float64 is exact to 1e-10. (Hugging Face's GLM computes norm, angles and softmax in float32: one check, and no other, tells the
difference.) Inputs may be views and are not changed; gradients flow to x and to all parameters. A call leaves nothing behind: training modes,
`requires_grad` and the default dtype stay as they were. There is no dropout, so both modes give the same.
"""

import torch
from torch import Tensor, nn


def rotate_half_of(x: Tensor, pos: Tensor, base: float = 10000.0) -> Tensor:
    """Turn the first half of each head's features by its token's position; the second half stays as it is.

    x: (B, heads, T, D). pos: int64, (T,), or (B, T) where each sequence has positions of its own. Features 2i and 2i+1, *neighbours*, are a pair,
    for i = 0 … D/4 - 1. It is turned by the angle pos · base^(-4i/D). With the cos and sin of this angle

        (a, b)  ↦  (a cos - b sin, a sin + b cos)

    So the D/2 features that turn have the frequencies that a whole head of D/2 features has. (Llama in Hugging Face's order pairs features that
    are half a head apart, and turns all of them.)

    >>> rotate_half_of(tensor([1.0, 0.0, 3.0, 4.0]).view(1, 1, 1, 4), tensor([2])).flatten()  # cos 2, sin 2
    tensor([-0.4161,  0.9093,  3.0000,  4.0000])
    """
    # BEGIN SOLUTION
    D = x.shape[-1]
    freqs = base ** (-torch.arange(0, D, 4, dtype=torch.float64, device=x.device) / D)
    angles = pos[..., None] * freqs
    if pos.ndim == 2:
        angles = angles[:, None]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turned, kept = x.chunk(2, dim=-1)
    a, b = turned[..., ::2], turned[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
    return torch.cat([turned, kept], dim=-1)
    # END SOLUTION


# BEGIN SOLUTION
class RMSNorm(nn.Module):
    def __init__(self, C: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight


# END SOLUTION


class ChatGLM2Block(nn.Module):
    """One layer: h = x + attention(input_layernorm(x)), then y = h + mlp(post_attention_layernorm(h)).

    Its parameters have the names that ChatGLM2 gives them. There are no others:

    - `input_layernorm.weight` and `post_attention_layernorm.weight` (C,): RMS norms, x / √(mean of squares + eps) · weight;
    - `self_attention.query_key_value.weight` ((H + 2·G)·D, C) and `.bias`: first the rows of all H query heads, then of all G keys, then of all G
      values. (Falcon has them in groups.) This is the only layer with a bias;
    - `self_attention.dense.weight` (C, H·D), the way out of attention;
    - `mlp.dense_h_to_4h.weight` (2·F, C): the gate in the first F rows, the way up in the last F;
    - `mlp.dense_4h_to_h.weight` (C, F), the way down.

    Queries and keys are turned by `rotate_half_of` with `base`. Query head h uses the key and the value h // (H / G): neighbours share. Scores are
    q · k / √D, with all D features. A token sees itself and those before it in x, whatever their positions are. mlp is
    down(silu(gate) ⊙ up), with silu(z) = z · σ(z). Large inputs give finite results and gradients.

    What new parameters hold is open, since checks load weights.
    """

    def __init__(self, C: int, H: int, G: int, F: int, D: int, eps: float = 1e-5, base: float = 10000.0) -> None:
        super().__init__()
        # BEGIN SOLUTION
        self.sizes, self.D, self.base = [H * D, G * D, G * D], D, base
        self.input_layernorm = RMSNorm(C, eps)
        self.self_attention = nn.Module()
        self.self_attention.query_key_value = nn.Linear(C, (H + 2 * G) * D)
        self.self_attention.dense = nn.Linear(H * D, C, bias=False)
        self.post_attention_layernorm = RMSNorm(C, eps)
        self.mlp = nn.Module()
        self.mlp.dense_h_to_4h = nn.Linear(C, 2 * F, bias=False)
        self.mlp.dense_4h_to_h = nn.Linear(F, C, bias=False)
        # END SOLUTION

    # BEGIN SOLUTION
    def attention(self, x: Tensor, pos: Tensor) -> Tensor:
        fused = self.self_attention.query_key_value(x)
        q, k, v = (part.unflatten(-1, (-1, self.D)).transpose(1, 2) for part in fused.split(self.sizes, dim=-1))
        q, k = rotate_half_of(q, pos, self.base), rotate_half_of(k, pos, self.base)
        k, v = (part.repeat_interleave(q.shape[1] // part.shape[1], dim=1) for part in (k, v))
        later = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=x.device).triu(1)
        scores = (q @ k.mT * self.D**-0.5).masked_fill(later, -torch.inf)
        return self.self_attention.dense((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    # END SOLUTION

    def forward(self, x: Tensor, pos: Tensor) -> Tensor:
        """x: (B, T, C). pos: int64 (T,) or (B, T). Returns (B, T, C)."""
        # BEGIN SOLUTION
        h = x + self.attention(self.input_layernorm(x), pos)
        gate, up = self.mlp.dense_h_to_4h(self.post_attention_layernorm(h)).chunk(2, dim=-1)
        return h + self.mlp.dense_4h_to_h(gate * gate.sigmoid() * up)
        # END SOLUTION
