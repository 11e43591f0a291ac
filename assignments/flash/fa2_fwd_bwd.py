"""FlashAttention-2: queries outside, keys inside, one division at the end, and a backward pass that computes the tiles anew.

Shapes: q is (B, H, T, D), k and v are (B, G, S, D). G divides H, and query head h uses key/value head h // (H/G). T and S are 0 or more and
may differ. Scores are q·k / √D. Inputs are float16, bfloat16, float32 or float64, of one dtype, and need not be contiguous. They are
not changed, and a result depends on the arguments of its own call alone.

Who sees whom: the sequences are aligned at their ends, so query i stands at position p = i + (S - T). Without options it sees all keys. With `causal`
it sees the keys j <= p. With a `window` W >= 1 it sees the keys with |p - j| < W, its own position among them. With both it sees what both allow.

A tile is a block of at most Br queries and at most Bc keys, counted from 0; the last blocks are what is left. Tiles are converted to float32 before
anything is computed with them (to float64 when q is float64), and everything up to the results is computed in that dtype. A tile in which no query
sees any key is skipped: what it would read may be anything, even nan. Never hold more than a few tiles beside arguments and results.
"""

import math
from typing import Any

import torch
from torch import Tensor

try:  # for Linux alone, and only fa2_triton needs it: keep kernels under `if triton is not None:`
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def fa2_forward(
    q: Tensor, k: Tensor, v: Tensor, Br: int, Bc: int, causal: bool = False, window: int | None = None
) -> tuple[Tensor, Tensor]:
    """Attention tile by tile (Algorithm 1 of the paper): (o, lse).

    o: (B, H, T, D), softmax(q·kᵀ / √D)·v over the keys that a query sees, in the dtype of q. It is rounded once, at the end.
    lse: (B, H, T), for each query the logarithm of Σ exp(score) over the keys that it sees, in float32 (float64 for float64).

    The blocks of queries are the outer loop. While the keys pass by, the output is not divided: it is Σ exp(score - m)·v for the maximum m so far.
    At the end it is divided by l = Σ exp(score - m), and lse = m + log l is all that is kept of m and l.

    A query that sees no key has o = 0 and lse = -inf.

    One head with D = 1 and tiles of one key. The scores are 0 and ln 3, so the sum is 1 + 3, and o = (1·4 + 3·8) / 4:

    >>> q, k, v = tensor([[[[1.0]]]]), tensor([[[[0.0], [math.log(3)]]]]), tensor([[[[4.0], [8.0]]]])
    >>> fa2_forward(q, k, v, 1, 1)
    (tensor([[[[7.]]]]), tensor([[[1.3863]]]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("fa2_forward is not written yet")


def fa2_backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    o: Tensor,
    lse: Tensor,
    do: Tensor,
    Br: int,
    Bc: int,
    causal: bool = False,
    window: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of a loss by q, k and v, from its gradient by the output (Algorithm 2 of the paper): (dq, dk, dv).

    o and lse are what `fa2_forward` returned for these arguments, and do (B, H, T, D) is the gradient by o, in the dtype of q.

    For each tile that is not skipped, with the scores s as before:

    - p = exp(s - lse): the weights, already divided. There is no maximum to look for.
    - dv += pᵀ·do, and dp = do·vᵀ.
    - ds = p ∘ (dp - Δ), with Δ = Σ do ∘ o over the features of a query, computed once for each query.
    - dq += ds·k / √D, and dk += dsᵀ·q / √D.

    dq (B, H, T, D), dk and dv (B, G, S, D), in the dtype of q, k and v, each rounded once, at the end. All query heads of a group add to dk and dv.
    A query that sees no key has dq = 0 and adds nothing; a key that nobody sees has dk = dv = 0.

    One query with the two keys from above, and do = 1. The weights are 1/4 and 3/4, and Δ = 7. So ds is 1/4·(4 - 7) and 3/4·(8 - 7):

    >>> q, k, v = tensor([[[[1.0]]]]), tensor([[[[0.0], [math.log(3)]]]]), tensor([[[[4.0], [8.0]]]])
    >>> fa2_backward(q, k, v, tensor([[[[7.0]]]]), tensor([[[math.log(4)]]]), tensor([[[[1.0]]]]), 1, 1)
    (tensor([[[[0.8240]]]]), tensor([[[[-0.7500], [0.7500]]]]), tensor([[[[0.2500], [0.7500]]]]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("fa2_backward is not written yet")


class FA2(torch.autograd.Function):
    """Both passes as one operation of autograd: FA2.apply(q, k, v, Br, Bc, causal, window) gives the output o, with a gradient for q, k and v.

    From forward to backward it keeps q, k, v, o and lse (`ctx.save_for_backward`), and nothing else that grows with T or S. The other four arguments
    get no gradient (None). A gradient that arrives for o may be a view of any kind. Gradients of gradients are not asked for.

    >>> q, k, v = tensor([[[[1.0]]]]), tensor([[[[0.0], [math.log(3)]]]]), tensor([[[[4.0], [8.0]]]])
    >>> FA2.apply(q, k, v, 1, 1, False, None)
    tensor([[[[7.]]]])
    """

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, Br: int, Bc: int, causal: bool, window: int | None
    ) -> Tensor:
        """q, k, v, Br, Bc, causal and window as for `fa2_forward`; ctx is autograd's. Returns o (B, H, T, D)."""
        # YOUR CODE HERE
        raise NotImplementedError("FA2.forward is not written yet")

    @staticmethod
    def backward(ctx: Any, do: Tensor) -> tuple[Any, ...]:
        """do: the gradient by o. Returns (dq, dk, dv, None, None, None, None): one for each argument of forward."""
        # YOUR CODE HERE
        raise NotImplementedError("FA2.backward is not written yet")


def fa2_triton(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> tuple[Tensor, Tensor]:
    """What `fa2_forward` gives without a window, (o, lse), from a kernel in Triton. Optional: bonus points.

    q, k, v: as for `fa2_forward`, contiguous, with D <= 128, all on one device, T >= 1 and S >= 1; float16, bfloat16 or float32, not float64.

    - Block sizes are yours. T, S and D are any: mask what lies outside of them when it is loaded, in the scores, and when it is stored.
      `tl.arange` gives powers of two, and `tl.dot` wants 16 or more in each direction.
    - A program owns a block of queries of one query head. Its keys and values are those of the group's head: read them where they are. A copy
      of k and v for each query head would be what grouped heads are there to avoid.
    - Scores, m, l, lse and the growing output are float32; o is rounded to q's dtype at the end. For the second product the weights may be
      rounded to v's dtype. For float32 give `tl.dot` the argument input_precision="ieee".

    With a GPU the kernel is compiled. Without one it is interpreted, slowly, when TRITON_INTERPRET=1 is set before this file is imported. So is
    it graded where there is no GPU, in float32 and float16. Where Triton is not installed, points for it are pending.
    """
    # YOUR CODE HERE
    raise NotImplementedError("fa2_triton is not written yet")


def non_matmul_flops(T: int, S: int, D: int, Bc: int, version: int) -> int:
    """How many operations one head spends outside of its two matrix products, going forwards without a mask, in FlashAttention version 1 or 2.

    Both versions, for each score: scale it, compare it with the maximum, subtract the maximum, exp, add to the sum: 5.
    Both, for each query and each block of keys: subtract the new maximum from the old one, exp, multiply the sum by that: 3.
    Version 1, for each query and each block of keys: multiply D outputs, and divide D outputs.
    Version 2, for each query and each block of keys: multiply D outputs. Once for each query, at the end: divide D outputs, a log, and an addition.

    Adding a tile's product to the output is free: the matrix unit does it. Blocks have Bc keys, the last one what is left. Another version
    raises ValueError.

    Example: T = 2, S = 3, D = 4, Bc = 2, so 6 scores, and two blocks. Version 1: 6·5 + 2·2·(3 + 8) = 74.
    Version 2: 6·5 + 2·2·(3 + 4) + 2·(4 + 2) = 70.

    >>> non_matmul_flops(2, 3, 4, 2, 1)
    74
    >>> non_matmul_flops(2, 3, 4, 2, 2)
    70
    """
    # YOUR CODE HERE
    raise NotImplementedError("non_matmul_flops is not written yet")
