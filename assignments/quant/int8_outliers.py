"""Outliers in 8 bits: LLM.int8() multiplies a few columns of inputs apart, and SmoothQuant moves their size into the weights.

A linear layer gives x Wᵀ: x of shape (…, C), W of shape (O, C). Codes are int8 from -127 to 127 and stand for s · q. Rounding is to the nearest,
halves to even.

Tensors are float32 or float64, all of one dtype, finite, and everything but codes has this dtype. Inputs need not be contiguous, may be parameters,
and are not changed (but for the modules that `apply_smooth` gets); what is returned carries no gradient. No call remembers anything for the next one,
or changes torch's settings or random state.
PyTorch's own quantization functions, torchao and bitsandbytes are not allowed here.
"""

import torch
from torch import Tensor, nn


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit codes with a scale for each vector in the last dimension ("vector-wise").

    x: (…, C). Returns (codes, s): int8 (…, C) and (…, 1). s is the largest |x| of the vector, divided by 127, and codes are x / s, rounded.
    A vector of zeros has s = 1.

    >>> quantize_rows(tensor([[1.0, -0.7, 0.1], [0.0, 0.0, 0.0]]))
    (tensor([[127, -89,  13],
            [  0,   0,   0]], dtype=torch.int8), tensor([[0.0079],
            [1.0000]]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("quantize_rows is not written yet")


def outlier_columns(x: Tensor, threshold: float = 6.0) -> Tensor:
    """The columns in which any |x| is at least the threshold: int64, rising.

    x: (…, C). threshold: positive, may be inf (then no column is one). Raises ValueError for 0 and below; bitsandbytes says "none" with 0.

    >>> outlier_columns(tensor([[0.1, -7.0, 5.9, 0.0], [0.2, 0.3, 0.1, 6.0]]))
    tensor([1, 3])
    """
    # YOUR CODE HERE
    raise NotImplementedError("outlier_columns is not written yet")


def llm_int8_matmul(x: Tensor, W: Tensor, threshold: float = 6.0) -> Tensor:
    """x Wᵀ in 8 bits, but for the columns with outliers, which are multiplied as they are. Returns (…, O).

    x: (…, C), W: (O, C). threshold: as for `outlier_columns`, which are found in all of x together.

    - W becomes codes and scales by rows, from *all* of its columns: it is stored before any input is known.
    - x without its outlier columns becomes codes and scales, one for each vector.
    - The product of the codes, without the outlier columns, is multiplied by both scales. (It may be summed in integers or in floats.)
    - To it comes the product of the outlier columns of x with those of W, neither of them rounded.

    bitsandbytes differs in two things. Values below the threshold in an outlier column still count for the largest |x| of their row. And
    once W is stored as codes, outliers are multiplied with the weights that the codes stand for.

    >>> W = tensor([[1.0, -1.0, 0.6]])
    >>> llm_int8_matmul(tensor([[1.0, 100.0, 0.004]]), W)  # 127 · 127 / 127² - 100, and 0.004 gets the code 1: 76 / 127² = 0.0047
    tensor([[-98.9953]])
    >>> llm_int8_matmul(tensor([[1.0, 100.0, 0.004]]), W, threshold=1000.0)  # the codes of x are 1, 127, 0
    tensor([[-99.2126]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("llm_int8_matmul is not written yet")


def smoothquant_scales(ax: Tensor, aw: Tensor, alpha: float = 0.5) -> Tensor:
    """How much of a column's size goes from the inputs into the weights: s = ax^α / aw^(1 - α), all of shape (C,).

    ax: the largest |x| of each column, at least 0. aw: the largest |W| of each column, at least 0; where it is less than 1e-5, it counts as 1e-5.
    The same holds for s: what is less than 1e-5 becomes 1e-5. alpha: from 0 to 1, else ValueError. Inputs will be divided by s, and
    weights multiplied.

    >>> smoothquant_scales(tensor([16.0, 1.0, 0.0]), tensor([1.0, 0.25, 1.0]))
    tensor([4.0000e+00, 2.0000e+00, 1.0000e-05])
    >>> smoothquant_scales(tensor([16.0, 1.0]), tensor([1.0, 0.25]), alpha=1.0)  # the inputs get the size 1
    tensor([16.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("smoothquant_scales is not written yet")


def apply_smooth(norm: nn.Module, linears: list[nn.Linear], batches: list[Tensor], alpha: float = 0.5) -> Tensor:
    """Smooth the inputs of layers that all read what `norm` gives, without changing what the model computes. Returns the s that was used.

    norm: nn.LayerNorm or nn.RMSNorm with a `weight` of (C,), and maybe a `bias`. linears: one or more, with weights (O, C).
    batches: one or more tensors (…, C), what `norm` gave on calibration inputs, before it is changed.

    ax is the largest |x| of each column over all batches, aw the largest |W| of each column over all of `linears` together, s as in
    `smoothquant_scales`. Then weight and bias of the norm are divided by s, and the weights of the linears multiplied. The modules are changed in
    place; their parameters stay the same objects, with the requires_grad that they had. Modes (training or evaluation) and biases of `linears` stay.
    An alpha that is refused leaves everything as it was.
    """
    # YOUR CODE HERE
    raise NotImplementedError("apply_smooth is not written yet")
