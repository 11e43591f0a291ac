"""Sandwich-LN and PB-Relax: two remedies with which CogView was trained in float16 ("CogView", section 2.4).

Sizes: B sequences, T queries or tokens, S keys, C features, H heads of D features. Tensors are float32 or float64, and in pb_relax_softmax also
float16; results have the dtype of the inputs. Inputs may be views (transposed, sliced); they are not changed, and gradients flow to all of them
and to all parameters, in float16 too. Training mode and evaluation mode give the same. A call leaves nothing else behind: training modes,
`requires_grad` and the default dtype stay as they were, and what was returned does not change later.

`torch.nn.LayerNorm` may be used here, or the one that you wrote for norm/post_ln.
"""

from torch import Tensor, nn


class SandwichBlock(nn.Module):
    """A Pre-LN block in which what a part gives is normalised too, before it is added to the stream.

    x ← x + norm2(attn(norm1(x))), then x ← x + norm4(ffn(norm3(x))).

    Its attributes, by which checks load weights, are `attn` and `ffn` (the modules that were given, not copies of them) and `norm1`, `norm2`,
    `norm3` and `norm4`: four layer norms over the C features, each with weights of its own, at first 1 and 0. There are no other parameters,
    and no dropout. No norm touches the stream itself: where norm2 and norm4 give 0, x comes out as it went in.

    CogView has layer norms here. Gemma 2 and GLM-4 have RMS norms in the same four places.
    """

    def __init__(self, C: int, attn: nn.Module, ffn: nn.Module, eps: float = 1e-5) -> None:
        """attn and ffn: modules that take one tensor (B, T, C) and return one of that shape. They are kept in the mode that they are in.

        eps belongs to all four norms.
        """
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("SandwichBlock.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C). Returns (B, T, C). Each of attn and ffn is called once."""
        # YOUR CODE HERE
        raise NotImplementedError("SandwichBlock.forward is not written yet")


def pb_relax_softmax(q: Tensor, k: Tensor, alpha: float = 32.0) -> Tensor:
    """The attention weights softmax(q kᵀ / √D), so computed that float16 does not overflow ("precision bottleneck relaxation").

    q: (B, H, T, D). k: (B, H, S, D). Returns (B, H, T, S); the softmax runs over the S keys. No mask.

    For z = (q / (α √D)) kᵀ the result is softmax((z - max z) · α), with the maximum over the keys of each query. The division comes before the
    product. In exact arithmetic α (> 0) changes nothing: it is divided out and multiplied back in.

    In float16, numbers end at 65504. The result must be right, and never nan, as long as all of z and of q / (α √D) is in that range, even if
    q kᵀ, q kᵀ / √D or k / (α √D) are not. (z itself may be rounded to float16.) (z - max z) · α may be too large below:
    -inf has the weight 0. A wider dtype inside is allowed.
    Some code takes one maximum for each head; then a query whose scores are all far below another's has no weights left. Here each query has
    a maximum of its own, as in LayoutLMv3.

    >>> q, k = tensor([[[[0.0, 2.0]]]]), tensor([[[[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]]]])
    >>> pb_relax_softmax(q, k)  # the scores are 0, 0 and √2
    tensor([[[[0.1636, 0.1636, 0.6728]]]])
    >>> pb_relax_softmax(400 * q.half(), 400 * k.half())  # q kᵀ is 320000
    tensor([[[[0., 0., 1.]]]], dtype=torch.float16)
    """
    # YOUR CODE HERE
    raise NotImplementedError("pb_relax_softmax is not written yet")
