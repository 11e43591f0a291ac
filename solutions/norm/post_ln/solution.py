"""Layer norm, RMS norm, and the block of the first Transformer, which normalises after each sum: Post-LN.

("Layer Normalization", equation 4; "Root Mean Square Layer Normalization", equation 4; "Attention Is All You Need", section 3.1.)

A row is the C features of one token: the last dimension of x. Each row is normalised by itself, whatever stands in the other rows. x has
any number of dimensions: (C,), (T, C), (B, T, C), or the heads (B, H, T, D), of which D is the last.

Dtypes: x is float64, float32, bfloat16 or float16; w and b have the dtype of x, and so has the result. Numbers of 16 bits are turned into
float32 (or wider) first, and only the result is rounded to 16 bits: the square of 300 is already too large for float16. eps is never
rounded. float64 is computed in float64, so it is exact to 1e-10. (Hugging Face's `LlamaRMSNorm` computes in float32 whatever the dtype: one
check, and no other, tells the difference.)

x may be a view (transposed, sliced). x, w and b are not changed, and gradients flow to all of them: for 16 bits too, and to a b of zeros, with
which training begins. Training mode and evaluation mode give the same. A call leaves nothing else behind: `requires_grad`, training modes
and the default dtype stay as they were, and what was returned does not change later.

Write the formulas yourself: torch's own norms (layer, RMS, group, instance, batch), in all their spellings, are not allowed here.
"""

import torch
from torch import Tensor, nn


def layer_norm(x: Tensor, w: Tensor, b: Tensor | None, eps: float = 1e-5) -> Tensor:
    """y = (x - mean) / √(variance + eps) · w + b, with the mean and the variance of each row.

    x: (…, C). w, b: (C,); b = None means that nothing is added. Returns the shape of x.

    The variance is the mean of (x - mean)², over C (not C - 1). eps stands inside the root. A row whose numbers are all alike becomes b.
    The differences from the mean come first: the shorter formula, mean of x² minus mean², loses all digits where the mean is large.

    >>> layer_norm(tensor([1.0, 2.0, 3.0, 6.0]), torch.ones(4), None)  # mean 3, variance 3.5
    tensor([-1.0690, -0.5345,  0.0000,  1.6036])
    >>> layer_norm(tensor([[0.0, 4.0], [5.0, 5.0]]), tensor([1.0, 10.0]), tensor([0.5, 0.0]))
    tensor([[-0.5000, 10.0000],
            [ 0.5000,  0.0000]])
    """
    # BEGIN SOLUTION
    h = x.to(torch.promote_types(x.dtype, torch.float32))
    h = h - h.mean(-1, keepdim=True)
    variance = h.square().mean(-1, keepdim=True)
    y = h * torch.rsqrt(variance + eps) * w
    return y.to(x.dtype) if b is None else (y + b).to(x.dtype)
    # END SOLUTION


def rms_norm(x: Tensor, w: Tensor, eps: float = 1e-6) -> Tensor:
    """y = x / √(mean of x² + eps) · w, with the mean of each row. No mean is subtracted, and nothing is added.

    x: (…, C). w: (C,). Returns the shape of x. A row of zeros stays zero.

    For 16 bits, Llama rounds before it multiplies by w, and PyTorch after it. The last bit differs; either is right here. Gemma's models
    multiply by 1 + w; here it is w.

    >>> rms_norm(tensor([3.0, -4.0]), torch.ones(2))  # mean of the squares: 12.5
    tensor([ 0.8485, -1.1314])
    >>> rms_norm(tensor([300.0, -400.0], dtype=torch.float16), torch.ones(2, dtype=torch.float16))
    tensor([ 0.8486, -1.1318], dtype=torch.float16)
    """
    # BEGIN SOLUTION
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    mean_square = wide.square().mean(-1, keepdim=True)
    return (wide / torch.sqrt(mean_square + eps)).to(x.dtype) * w
    # END SOLUTION


class LayerNorm(nn.Module):
    """`layer_norm` with its two parameters: `weight`, at first 1, and `bias`, at first 0. It is given, and you use it below."""

    def __init__(self, C: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))
        self.bias = nn.Parameter(torch.zeros(C))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.weight, self.bias, self.eps)


class PostLNBlock(nn.Module):
    """The block of the first Transformer: after each of its two parts, input and output are added, and the sum is normalised.

    x ← norm1(x + attn(x)), then x ← norm2(x + ffn(x)).

    Its attributes, by which checks load weights, are `attn` and `ffn` (the modules that were given, not copies of them) and `norm1` and
    `norm2`, two `LayerNorm(C, eps)`, each with weights of its own. There are no other parameters, and no dropout.
    """

    def __init__(self, C: int, attn: nn.Module, ffn: nn.Module, eps: float = 1e-5) -> None:
        """attn and ffn: modules that take one tensor (B, T, C) and return one of that shape. They are kept in the mode that they are in."""
        super().__init__()
        # BEGIN SOLUTION
        self.attn, self.ffn = attn, ffn
        self.norm1, self.norm2 = LayerNorm(C, eps), LayerNorm(C, eps)
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C). Returns (B, T, C). Each of attn and ffn is called once."""
        # BEGIN SOLUTION
        x = self.norm1(x + self.attn(x))
        return self.norm2(x + self.ffn(x))
        # END SOLUTION
