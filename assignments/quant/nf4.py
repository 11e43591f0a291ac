"""NF4, the 4-bit data type of QLoRA: sixteen levels at quantiles of the normal distribution, a scale for each block, scales quantized again.

Weights are flattened in row-major order and cut into blocks of `block` neighbours (an even number). A block is divided by
its absmax, the largest |w| in it, so that it lies in [-1, 1]; each value is stored as the number of the nearest level, in
4 bits. Everything is computed in float32, on the device of the input. Inputs are not changed and need not be contiguous;
no call remembers anything for the next one, changes torch's settings, or returns a tensor that a later call changes.
bitsandbytes and torchao are not allowed here.
"""

import torch
from torch import Tensor


def nf4_codebook() -> Tensor:
    """The sixteen levels of NF4, rising from -1 to 1, float32 (16,). Level 7 is exactly 0.

    With Q the quantile function of the standard normal distribution (`torch.special.ndtri`) and p = 0.9677083:

    - eight positive levels: Q at the first eight of nine evenly spaced probabilities from p down to 0.5;
    - seven negative ones: -Q at the first seven of eight evenly spaced probabilities from p down to 0.5;
    - and 0. (So zero is exact, and the two halves differ.)

    All are divided by the largest, Q(p). Computed in float64 and rounded to float32, they are within 2e-7 of the table in
    the paper and in bitsandbytes, which was computed in float32. Errors below 2e-6 are accepted, so that table is right too.

    >>> nf4_codebook()[[0, 6, 7, 8, 15]]
    tensor([-1.0000, -0.0910,  0.0000,  0.0796,  1.0000])
    """
    # YOUR CODE HERE
    raise NotImplementedError("nf4_codebook is not written yet")


def quantize_nf4(w: Tensor, block: int = 64) -> tuple[Tensor, Tensor]:
    """Quantize w by blocks.

    w: any shape with at least one element, float32, float16 or bfloat16. block: an even number.

    Returns (packed, absmax). The flattened w is padded with zeros at its end to whole blocks, n of them.

    - absmax: float32 (n,), the largest |w| of each block.
    - packed: uint8 (n · block / 2,). Each value becomes the number of the level nearest to w / absmax; two neighbours share a byte,
      the first of them in the high four bits. In a block of zeros (absmax 0) every value is level 7. Padding is stored too.

    Levels 15, 0, 7, and 0.05 is nearer to level 8 (0.0796) than to 7: 15·16 + 0, 7·16 + 8:

    >>> quantize_nf4(tensor([2.0, -2.0, 0.0, 0.1]), block=4)
    (tensor([240, 120], dtype=torch.uint8), tensor([2.]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("quantize_nf4 is not written yet")


def dequantize_nf4(packed: Tensor, absmax: Tensor, shape: tuple[int, ...], block: int = 64) -> Tensor:
    """The weights that `packed` stands for: level times absmax of its block, float32, in `shape` (padding is dropped).

    packed, absmax, block: as from `quantize_nf4`.

    >>> dequantize_nf4(tensor([0xF0, 0x78], dtype=torch.uint8), tensor([2.0]), (3,), block=4)
    tensor([ 2., -2.,  0.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("dequantize_nf4 is not written yet")


def double_quant(absmax: Tensor, block: int = 256) -> tuple[Tensor, Tensor, Tensor]:
    """Quantize the absmaxes to 8 bits each, in blocks of `block` of them (the last one may be shorter).

    absmax: float32 (n,), n at least 1, all at least 0. They are all positive, so their mean is taken off first: that halves what is to be covered.
    (bitsandbytes does the same with another 8-bit grid; this one is even.)

    Returns (codes, scales, offset), with c = absmax - offset:

    - offset: float32 (), the mean of all absmaxes.
    - scales: float32 (ceil(n / block),), of each block the largest |c|, divided by 127.
    - codes: uint8 (n,): round(c / scale) + 128, from 1 to 255. Where a block's scale is 0, 128.

    >>> double_quant(tensor([1.0, 2.0, 3.0]))  # 1 / 127
    (tensor([  1, 128, 255], dtype=torch.uint8), tensor([0.0079]), tensor(2.))
    """
    # YOUR CODE HERE
    raise NotImplementedError("double_quant is not written yet")


def double_dequant(codes: Tensor, scales: Tensor, offset: Tensor, block: int = 256) -> Tensor:
    """The absmaxes that `double_quant` stored: (codes - 128) · scale of the block + offset, float32 (n,).

    >>> double_dequant(tensor([1, 128, 255], dtype=torch.uint8), tensor([1 / 127]), tensor(2.0))
    tensor([1., 2., 3.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("double_dequant is not written yet")


def bits_per_parameter(block: int = 64, second: int | None = None) -> float:
    """Bits that a weight takes: 4, and its share of the scales.

    block: weights that share an absmax. second: None for an absmax in float32 (32 bits); else absmaxes are in 8 bits, and `second` of them
    share one scale in float32. (The one offset of the tensor is not counted.)

    >>> bits_per_parameter(64)
    4.5
    >>> bits_per_parameter(64, 256)
    4.126953125
    """
    # YOUR CODE HERE
    raise NotImplementedError("bits_per_parameter is not written yet")
