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
    # YOUR CODE HERE
    raise NotImplementedError("rotate_half_of is not written yet")


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
        # YOUR CODE HERE
        raise NotImplementedError("ChatGLM2Block.__init__ is not written yet")

    def forward(self, x: Tensor, pos: Tensor) -> Tensor:
        """x: (B, T, C). pos: int64 (T,) or (B, T). Returns (B, T, C)."""
        # YOUR CODE HERE
        raise NotImplementedError("ChatGLM2Block.forward is not written yet")
