"""FlashAttention-3 in numbers, without its GPU: eight bits with a scale for each block, outliers that are spread by a
rotation, and two groups that take turns.

Inputs may be views and are not changed. A result depends on the arguments of its own call alone.
"""

import math

import torch
from torch import Tensor

LARGEST = 448.0  # of float8_e4m3fn


def quantize_fp8_blocks(x: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """x in eight bits, with one scale for each block of tokens: (x8, scale).

    x: (B, H, T, D), float32 or float64, finite. A block is `block` >= 1 consecutive tokens of one head, with all of their features; the last block
    of a head is what is left. With block >= T there is one block for each head.

    scale: (B, H, ⌈T / block⌉), in the dtype of x: the largest absolute value of the block, divided by 448, the largest float8_e4m3fn. A block
    of zeros has the scale 1.
    x8: (B, H, T, D), torch.float8_e4m3fn: x divided by its block's scale, and rounded by `.to(torch.float8_e4m3fn)`, to the nearest, ties to even.
    Where the quotient comes out a little above 448, by rounding, it is 448.

    >>> x = tensor([[[[1.0, -2.0], [0.5, 4.0], [0.0, 0.0]]]])
    >>> quantize_fp8_blocks(x, 2)[1] * 448  # blocks of tokens 0 and 1, and of token 2 alone
    tensor([[[  4., 448.]]])
    >>> quantize_fp8_blocks(x, 2)[0].float()
    tensor([[[[ 112., -224.], [  56.,  448.], [   0.,    0.]]]])
    """
    # BEGIN SOLUTION
    T = x.shape[2]
    largest = torch.stack([part.abs().amax((2, 3)) for part in x.split(block, 2)], -1)
    scale = (largest / LARGEST).masked_fill(largest == 0, 1.0)
    quotient = x / scale.repeat_interleave(block, -1)[..., :T, None]
    return quotient.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scale
    # END SOLUTION


def hadamard_rotate(x: Tensor, signs: Tensor) -> Tensor:
    """Spread every feature over all features: x (…, D) times a random orthogonal matrix, M = diag(signs) · H / √D.

    D is a power of two, 1 included; else ValueError. signs: (D,), each 1 or -1, of any dtype; multiplied with the features first.
    H is the Hadamard matrix in Sylvester's order: H_1 = (1), and H_2n has H_n in three quarters and -H_n in the lower right one. It is
    symmetric, and H · H = D · 1. So M is orthogonal: lengths and products of rotated vectors are those of the vectors.

    Returns (…, D), of x's dtype (float32 or float64). Gradients flow to x.

    >>> hadamard_rotate(tensor([3.0, 0.0, 0.0, 0.0]), tensor([1, 1, 1, 1]))
    tensor([1.5000, 1.5000, 1.5000, 1.5000])
    >>> hadamard_rotate(tensor([3.0, 1.0]), tensor([1, -1])) * math.sqrt(2)  # 3 - 1 and 3 + 1
    tensor([2., 4.])
    >>> hadamard_rotate(tensor([1.0, 2.0, 3.0]), tensor([1, 1, 1]))
    Traceback (most recent call last):
    ValueError: 3 is no power of two
    """
    # BEGIN SOLUTION
    D = x.shape[-1]
    if D < 1 or D & (D - 1):
        raise ValueError(f"{D} is no power of two")
    y, half = x * signs.to(x.dtype), 1
    while half < D:  # butterflies: pairs of features at a distance of half
        a, b = y.unflatten(-1, (D // (2 * half), 2, half)).unbind(-2)
        y = torch.stack([a + b, a - b], dim=-2).flatten(-3)
        half *= 2
    return y / math.sqrt(D)
    # END SOLUTION


def fa3_fp8_attention(
    q: Tensor, k: Tensor, v: Tensor, block: int, incoherent: bool = False, signs: Tensor | None = None
) -> Tensor:
    """What attention gives when q, k and v have eight bits, (B, H, T, D), (B, H, S, D), (B, H, S, D), float32 or float64, without a mask.

    1. With `incoherent`, q and k are rotated by `hadamard_rotate` with signs. v is not. Without it, signs are not looked at.
    2. q, k and v are quantized by `quantize_fp8_blocks`.
    3. Everything else is exact, in the dtype of q: the eight-bit numbers are converted to it and multiplied by their scales, scores are divided by
       √D, and their softmax weighs the values.

    (On a GPU the weights have eight bits too. Here they have not, so that the error shows what q, k and v lose.) `incoherent` without signs
    raises ValueError.

    Returns (B, H, T, D), of the dtype of q.

    >>> q, k, v = tensor([[[[3.0]]]]), tensor([[[[1.0], [1.0]]]]), tensor([[[[3.0], [5.0]]]])
    >>> fa3_fp8_attention(q, k, v, 2)  # the scale of v is 5/448, 3 is 268.8 times that, and 268.8 becomes 256
    tensor([[[[3.9286]]]])
    """
    # BEGIN SOLUTION
    if incoherent:
        if signs is None:
            raise ValueError("incoherent processing needs signs")
        q, k = hadamard_rotate(q, signs), hadamard_rotate(k, signs)
    q, k, v = (dequantized(x, block) for x in (q, k, v))
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1) @ v
    # END SOLUTION


def pingpong_makespan(n_tiles: int, t_gemm: float, t_softmax: float, overlap: bool) -> float:
    """How long two groups of warps need for n_tiles tiles of scores each, when they share one matrix unit.

    A tile needs three steps, one after the other: a product for the scores (t_gemm on the matrix unit), its softmax (t_softmax, on the group's own
    units), and a product with the values (t_gemm on the matrix unit). A group does its tiles one after the other. The matrix unit does one product
    at a time, and does not interrupt it.

    With overlap=False nothing overlaps: while one group does its softmax, the matrix unit waits. All steps of both groups follow each other.

    With overlap=True the groups take turns at the matrix unit, group 0 first. A turn is: the product with the values of the group's tile
    before, if there is one, and then the product for the scores of its next tile, if there is one. A turn begins when the other group's turn has
    ended and the group's own softmax is done. The softmax of a tile begins when the turn that computed its scores has ended. So one
    group's softmax runs during the other's turn.

    Returns the time at which the last step ends; 0.0 for no tiles. Times are 0 or more.

    One tile each, products of 1, softmax of 4: turns of group 0 and 1 end at 1 and 2, their softmax at 5 and 6, and the last turns at 6 and 7:

    >>> pingpong_makespan(1, 1.0, 4.0, overlap=True)
    7.0
    >>> pingpong_makespan(1, 1.0, 4.0, overlap=False)
    12.0
    """
    # BEGIN SOLUTION
    if not overlap:
        return 2.0 * n_tiles * (2 * t_gemm + t_softmax)
    unit, ready = 0.0, [0.0, 0.0]  # when the matrix unit is free, and when each group's softmax is done
    for turn in range(n_tiles + 1 if n_tiles else 0):
        products = 1 if turn in (0, n_tiles) else 2
        for group in range(2):
            unit = max(unit, ready[group]) + products * t_gemm
            ready[group] = unit + t_softmax
    return unit
    # END SOLUTION


# BEGIN SOLUTION
def dequantized(x: Tensor, block: int) -> Tensor:
    x8, scale = quantize_fp8_blocks(x, block)
    return x8.to(x.dtype) * scale.repeat_interleave(block, -1)[..., : x.shape[2], None]


# END SOLUTION
