"""Affine quantization: real numbers as small integers, x ≈ s · (q - z), with a scale s and a zero-point z.

Two grids of b bits (2 ≤ b ≤ 8):

- symmetric: q from -(2^(b-1) - 1) to 2^(b-1) - 1, signed (int8), z = 0. The code -2^(b-1) is not used.
- asymmetric: q from 0 to 2^b - 1, unsigned (uint8), and z is the code of 0.0.

Granularity: s and z are for the whole tensor (shape ()), for each index of one axis (size 1 in all other dimensions), or for each
group of neighbours in the last dimension (last size C / group). Everywhere below, "s fits x" means: it broadcasts against x
after each entry of its last dimension has been repeated for C / s.shape[-1] neighbours. (A last size of 1 serves all C, one of C
serves one each: so broadcasting is the usual one in the first two kinds.)

x is float32 or float64, and finite. Rounding is to the nearest integer, halves to the even one, as `torch.round` does it. Inputs are not
changed and need not be contiguous. Float64 is computed in float64. No call remembers anything for the next one, or changes torch's
default dtype, gradient mode or random state. PyTorch's own quantization functions and torchao are not allowed here.
"""

import torch
from torch import Tensor


def qparams(
    x: Tensor, bits: int, symmetric: bool, axis: int | None = None, group: int | None = None
) -> tuple[Tensor, Tensor]:
    """Scale and zero-point so that the grid covers x from its smallest to its largest entry, and 0.0 exactly.

    x: (…, C), at least one dimension. bits, symmetric: the grid, see above.
    axis: one scale for each index of this dimension (may be negative). group: one for each `group` neighbours in the last
        dimension (it divides C). At most one of them is given; with neither, one scale for all of x.

    Returns (s, z). Shapes: () | size 1 everywhere but in `axis` | (…, C / group). s has x's dtype; z holds whole numbers, in int32
    or in x's dtype (either is right).

    - symmetric: s = max|x| / (2^(b-1) - 1), z = 0.
    - asymmetric: the range is widened to hold 0: lo = min(x, 0), hi = max(x, 0). s = (hi - lo) / (2^b - 1), z = round(-lo / s).
    - Where all x are 0, s = 1.

    >>> s, z = qparams(tensor([-1.0, 0.0, 3.0]), bits=2, symmetric=False)  # 4 / 3; round(1 / 1.3333) = round(0.75)
    >>> s, z.int()
    (tensor(1.3333), tensor(1, dtype=torch.int32))
    >>> s, z = qparams(tensor([-1.0, 0.0, 3.0]), bits=3, symmetric=True)
    >>> s, z.int()
    (tensor(1.), tensor(0, dtype=torch.int32))
    >>> s, z = qparams(torch.zeros(2, 6), 8, True, axis=0)
    >>> s.shape
    torch.Size([2, 1])
    >>> s, z = qparams(torch.zeros(2, 6), 8, True, axis=1)
    >>> s.shape
    torch.Size([1, 6])
    >>> s, z = qparams(torch.zeros(2, 6), 8, True, group=3)
    >>> s.shape
    torch.Size([2, 2])
    """
    # YOUR CODE HERE
    raise NotImplementedError("qparams is not written yet")


def quantize(x: Tensor, s: Tensor, z: Tensor, bits: int, symmetric: bool) -> Tensor:
    """The codes q = clamp(round(x / s) + z) to the ends of the grid.

    x: (…, C). s, z: fit x (see above); z in int32 or in x's dtype.

    Returns x's shape, int8 when symmetric, else uint8. What lies outside of the grid gets its nearest end.

    0.25 / 0.5 = 0.5 rounds to 0 and 1.5 to 2, the even ones; 18 + 3 is beyond 15:

    >>> quantize(tensor([-0.5, 0.25, 0.75, 9.0]), tensor(0.5), tensor(3, dtype=torch.int32), bits=4, symmetric=False)
    tensor([ 2,  3,  5, 15], dtype=torch.uint8)
    """
    # YOUR CODE HERE
    raise NotImplementedError("quantize is not written yet")


def dequantize(q: Tensor, s: Tensor, z: Tensor) -> Tensor:
    """s · (q - z), in s's dtype. q: (…, C), int8 or uint8; s, z: fit q. Mind that uint8 arithmetic wraps around.

    >>> dequantize(tensor([2, 3, 5], dtype=torch.uint8), tensor(0.5), tensor(3, dtype=torch.int32))
    tensor([-0.5, 0.0, 1.0])
    """
    # YOUR CODE HERE
    raise NotImplementedError("dequantize is not written yet")


def fake_quant(x: Tensor, s: Tensor, z: Tensor, bits: int, symmetric: bool) -> Tensor:
    """dequantize(quantize(x)), with a gradient: the straight-through estimator, for training with quantization in the loop.

    Arguments as in `quantize`. Returns x's shape and dtype.

    The derivative of rounding is 0 almost everywhere, which would stop training. Instead, the gradient passes through unchanged
    where round(x / s) + z is on the grid, and is 0 where it was clamped. s and z are constants: no gradient reaches them, even
    if s.requires_grad.
    """
    # YOUR CODE HERE
    raise NotImplementedError("fake_quant is not written yet")


def int8_linear(xq: Tensor, sx: Tensor, zx: Tensor, wq: Tensor, sw: Tensor, bias: Tensor | None) -> Tensor:
    """A linear layer on codes: dequantize(xq) @ dequantize(wq)ᵀ + bias, with all products and sums in integers.

    xq: uint8 (N, C), asymmetric, with sx float32 () and zx int32 () for the whole tensor.
    wq: int8 (O, C), symmetric, with sw float32 (O, 1), one scale for each output (its zero-point is 0).
    bias: float32 (O,), or None.

    Returns float32 (N, O): sx · sw · Σ_c (xq - zx) wq + bias. The sum is exact: integers are summed up in 32 bits (C ≤ 16 384), and
    only the finished sum is turned into a float and scaled. (Sums in float32 are not exact beyond 2^24.)

    Two facts: the zero-point can be taken out, Σ (xq - zx) wq = Σ xq wq - zx Σ wq, and any constant may be moved from xq to zx.
    `torch._int_mm(a, b)` multiplies int8 (N, C) with int8 (C, O) into int32. It is also what a GPU has (there N > 16, and C and O are
    multiples of 8; `@` on integers works on CPUs only).
    """
    # YOUR CODE HERE
    raise NotImplementedError("int8_linear is not written yet")


def calibrate(batches: list[Tensor], method: str, bits: int = 8, percentile: float = 99.0) -> float:
    """A clipping threshold a > 0 for symmetric quantization of activations (s = a / (2^(b-1) - 1)), from samples of them.

    batches: one or more float32 tensors, of any shapes, not all 0; the threshold is that of all their entries together.
    method: how it is chosen:

    - "minmax": the largest |x|. Nothing is clipped.
    - "percentile": the `percentile`-th percentile of |x|, linearly interpolated, as `torch.quantile(|x|, percentile / 100)`. There may
      be more entries than torch.quantile takes (16 million).
    - "mse": of the 100 candidates k / 100 · max|x|, k = 1 … 100, one with the smallest mean squared error of quantizing to
      `bits` bits and back, clipping included.

    Returns a Python float. Raises ValueError for another method. `bits` matters to "mse" only, `percentile` to "percentile" only.
    """
    # YOUR CODE HERE
    raise NotImplementedError("calibrate is not written yet")
