"""Pre-LN: each part of a layer reads a normalised copy of the stream and adds to the stream itself, which no norm touches.

("On Layer Normalization in the Transformer Architecture", figure 1 and theorem 1; GPT-2, section 2.3.)

Sizes: B sequences, T tokens, C features, L layers. Tensors are float32 or float64; whoever calls a module gives it an x of its
parameters' dtype. x may be a view (transposed, sliced); it is not changed, and gradients flow to it and to all parameters, in training mode
and in evaluation mode: the two give the same. A call leaves nothing else behind: training modes,
`requires_grad`, torch's random numbers and default dtype stay as they were, and what was returned does not change later.

`torch.nn.LayerNorm` may be used here, or the one that you wrote for norm/post_ln.
"""

import torch
from torch import Tensor, nn


class CausalMean(nn.Module):
    """Given. It stands for attention whose scores are all 0: a token gets the mean of the tokens up to it, times a matrix."""

    def __init__(self, out: Tensor) -> None:
        super().__init__()
        self.out = nn.Parameter(out)  # (C, C)

    def forward(self, x: Tensor) -> Tensor:
        n = torch.arange(1, x.shape[-2] + 1, dtype=x.dtype, device=x.device)
        return x.cumsum(-2) / n[:, None] @ self.out.T


class FeedForward(nn.Module):
    """Given. down · relu(up · x), with hidden layers of 4 C."""

    def __init__(self, up: Tensor, down: Tensor) -> None:
        super().__init__()
        self.up, self.down = nn.Parameter(up), nn.Parameter(down)  # (4 C, C), (C, 4 C)

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.up.T).relu() @ self.down.T


def toy_model(L: int, C: int, seed: int) -> tuple[list[tuple[CausalMean, FeedForward]], Tensor, Tensor]:
    """Given. L pairs (attn, ffn) with Xavier's normal weights, inputs x (4, 16, C), and a direction r (4, 16, C). All float64."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int, std: float = 1.0) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64) * std

    def xavier(n_out: int, n_in: int) -> Tensor:
        return normal(n_out, n_in, std=(2 / (n_out + n_in)) ** 0.5)

    sublayers = [(CausalMean(xavier(C, C)), FeedForward(xavier(4 * C, C), xavier(C, 4 * C))) for _ in range(L)]
    return sublayers, normal(4, 16, C), normal(4, 16, C)


class PreLNStack(nn.Module):
    """L layers of Pre-LN, and a norm at their end.

    For each layer in turn: x ← x + attn(norm1(x)), then x ← x + ffn(norm2(x)). After the last layer: norm(x).

    What checks load weights by: `layers.0.norm1`, `layers.0.attn`, `layers.0.norm2`, `layers.0.ffn`, `layers.1.norm1` and so on, and
    `norm` for the one at the end. (An `nn.ModuleList` called `layers` gives such names; its members may be of any kind that holds modules
    by name.) There are no other parameters, and no dropout. Each norm is a layer norm with weights of its own, at first 1 and 0.
    """

    def __init__(self, C: int, sublayers: list[tuple[nn.Module, nn.Module]], eps: float = 1e-5) -> None:
        """sublayers: a pair (attn, ffn) for each layer, from first to last. No pairs are allowed as well: then norm(x) is all.

        attn and ffn take one tensor (B, T, C) and return one of that shape. The modules themselves are kept, not copies of them, and in the
        mode that they are in. eps belongs to every norm, the one at the end too.
        """
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("PreLNStack.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C). Returns (B, T, C). Each of the parts is called once, with what its norm gives.

        Where all parts return 0, x passes through unchanged, and the result is norm(x).
        """
        # YOUR CODE HERE
        raise NotImplementedError("PreLNStack.forward is not written yet")


def grad_profile(kind: str, L: int, C: int = 64, seed: int = 0) -> list[float]:
    """How large is the gradient of each layer's last matrix before the first step of training?

    Take the parts, x and r of `toy_model(L, C, seed)`. With fresh norms (weight 1, bias 0, eps 1e-5) compute y from x:

    - kind "pre": y is what a `PreLNStack` gives, the norm at its end included.
    - kind "post": for each layer in turn x ← norm(x + attn(x)), then x ← norm(x + ffn(x)); y is the last x. No norm is added at the end.

    The loss is the mean over the 4 · 16 tokens of Σ y · r (the sum over the features). Returns L numbers, from the first layer to the last:
    the Frobenius norm (the root of the sum of all squares) of the gradient of the loss with respect to `ffn.down`. Everything is
    computed in float64. Any other kind is a ValueError, also "Pre" and "".

    With small numbers, so that you can try it:

    >>> grad_profile("pre", 2, C=4, seed=1)
    [0.3577, 0.1930]
    >>> grad_profile("post", 2, C=4, seed=1)
    [0.3292, 0.1790]
    >>> grad_profile("between", 2)
    Traceback (most recent call last):
    ValueError: kind is "pre" or "post", not 'between'
    """
    # YOUR CODE HERE
    raise NotImplementedError("grad_profile is not written yet")
