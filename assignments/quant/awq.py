"""AWQ: make the important columns of a weight matrix larger before rounding, and their inputs smaller by as much.

A linear layer gives x Wᵀ, with W of shape (O, C): O outputs, C inputs (columns). For any positive s of shape (C,) the product
(x / s) (W · s)ᵀ is the same. But rounded weights differ: a column with a large s is rounded on a finer grid, relative to its size.
The columns that matter are those with large *inputs*, whatever their weights are.

Tensors are float32 or float64, all of one dtype, finite, and everything is computed in it. Inputs need not be contiguous, may be parameters, and
are not changed (but for the modules that `apply_awq` gets); what is returned carries no gradient. No call remembers anything for the next one,
or changes torch's settings or random state.
PyTorch's own quantization functions and torchao are not allowed here. `fake_quantize` is given.
"""

import torch
from torch import Tensor, nn


def fake_quantize(W: Tensor, bits: int, group: int) -> Tensor:
    """W (O, C) rounded to `bits` bits and back. Each `group` neighbours of a row have a scale and a zero-point of their own (group divides C).

    >>> fake_quantize(tensor([[0.0, 1.1, 3.0, 0.0, -2.1, 6.0]]), bits=2, group=3)
    tensor([[ 0.0000,  1.0000,  3.0000,  0.0000, -2.7000,  5.4000]])
    """
    w = W.detach().unflatten(-1, (-1, group))
    lo, hi = w.amin(-1, keepdim=True).clamp(max=0), w.amax(-1, keepdim=True).clamp(min=0)
    s = (hi - lo) / (2**bits - 1)
    s = torch.where(s == 0, 1.0, s)
    z = torch.round(-lo / s)
    q = (torch.round(w / s) + z).clamp(0, 2**bits - 1)
    return ((q - z) * s).flatten(-2)


def importance(batches: list[Tensor]) -> Tensor:
    """The mean of |x| of each column, over all inputs of all batches together.

    batches: one or more tensors (…, C); they may have different numbers of inputs, and every input counts the same. Returns (C,).

    >>> importance([tensor([[1.0, -2.0]]), tensor([[-3.0, 0.0], [2.0, 1.0]])])
    tensor([2., 1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("importance is not written yet")


def candidates(a: Tensor, n_grid: int = 20) -> Tensor:
    """The scales to try, one row for each α = k / n_grid with k = 0, 1, … n_grid - 1 (so 1 is not among them).

    a: (C,), the importance of each column, at least 0. Returns (n_grid, C):

    1. s = a^α; where this is less than 1e-4, 1e-4.
    2. Each row is divided by √(its largest · its smallest), so that neither W nor x grows on the whole.

    >>> candidates(tensor([4.0, 1.0, 0.25]), n_grid=2)
    tensor([[1.0000, 1.0000, 1.0000],
            [2.0000, 1.0000, 0.5000]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("candidates is not written yet")


def awq_search(W: Tensor, x: Tensor, bits: int, group: int, n_grid: int = 20) -> tuple[Tensor, float]:
    """The scales with which the rounded layer gives the nearest outputs.

    W: (O, C). x: (…, C), inputs that occur. bits, group: as for `fake_quantize`, which rounds W · s.

    Of candidates(importance([x]), n_grid) the one is taken for which the mean of (x Wᵀ - (x / s) · fake_quantize(W · s)ᵀ)² over all
    outputs is smallest; of several, the first. α = 0 is the layer without scales, so the result is never worse than that (on x).

    Returns (s, α): (C,) and a float.

    >>> W = tensor([[0.5, 0.45, 3.0], [0.6, -0.3, 3.0]])
    >>> awq_search(W, tensor([[9.0, 1.0, 1.0], [-9.0, 1.0, 1.0]]), bits=2, group=3, n_grid=4)  # 9^α: 1, 1.73, 3, 5.20
    (tensor([1.3161, 0.7598, 0.7598]), 0.25)
    """
    # YOUR CODE HERE
    raise NotImplementedError("awq_search is not written yet")


def apply_awq(prev: nn.Module, linears: list[nn.Linear], s: Tensor) -> None:
    """Write the scales into a model, so that it computes the same as before: `prev` gives outputs divided by s, and `linears`, which all read
    these outputs, have weights multiplied by s.

    prev: an nn.Linear (the rows of its weight, and its bias), or a normalisation whose `weight` is (C,), and maybe `bias` (nn.LayerNorm,
        nn.RMSNorm and others of their kind). linears: no two of them share a weight. s: (C,), positive.

    The modules are changed in place. Their parameters stay the same objects, with the requires_grad that they had, and the modules' modes
    (training or evaluation) stay. Biases of `linears` stay as they are.
    Raises ValueError where prev has no weight (nn.GELU, or a norm without parameters); then nothing has been changed.
    """
    # YOUR CODE HERE
    raise NotImplementedError("apply_awq is not written yet")


def clip_search(W: Tensor, x: Tensor, bits: int, group: int, n_grid: int = 20, max_shrink: float = 0.5) -> Tensor:
    """For each row and group a threshold: weights are clamped to ± threshold before rounding, which makes the grid of the group finer.

    W, x, bits, group: as above. The thresholds that are tried are (1 - k / n_grid) times the largest |w| of the group, with
    k = 0, 1, … int(max_shrink · n_grid) - 1. max_shrink · n_grid is at least 1, so there is one to try.

    Each row and group is looked at alone: with its own part of the inputs, x_g, the smallest mean over inputs of
    (x_g · w_g - x_g · rounded w_g)² wins; of several, the largest threshold. Returns (O, C / group).

    A group without a large weight keeps all of its range. In the second one 9 is an outlier with a small input:

    >>> W, x = tensor([[0.0, 1.0, 3.0, 2.0, 1.2, 9.0]]), tensor([[1.0, 1.0, 1.0, 1.0, 1.0, 0.1], [1.0, 2.0, 1.0, 2.0, -1.0, 0.1]])
    >>> clip_search(W, x, bits=2, group=3)
    tensor([[3.0000, 6.3000]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("clip_search is not written yet")
