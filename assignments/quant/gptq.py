"""GPTQ: round the weights of a layer column by column, and let the columns that are left make up for each error.

A linear layer computes x Wᵀ with weights W of shape (O, C): O outputs, C inputs (columns). Calibration gives inputs x that occur, and from them
H = 2 · mean of xᵀ x, of shape (C, C). An error E = W - Wq in the weights costs E H Eᵀ in the outputs, so what matters is not how far
off each weight is, but how the errors of a row add up.

Codes have b bits (2 ≤ b ≤ 8) and stand for s · (q - z), with q from 0 to 2^b - 1. A group of columns has one scale s and zero-point z in each row:

    lo = min(0, smallest weight),  hi = max(0, largest weight),  s = (hi - lo) / (2^b - 1),  z = round(-lo / s)

and s = 1, z = 0 where all are 0. A weight w becomes q = clamp(round(w / s) + z, 0, 2^b - 1). All rounding is to the nearest, halves to even.

Tensors are float32 or float64, all of one dtype, finite, and everything is computed in that dtype. Inputs are not changed, need not be contiguous,
and may be parameters that require a gradient; nothing that is returned carries one. No call remembers anything for the next one, or
changes torch's settings or random state.
PyTorch's own quantization functions and torchao are not allowed here.
"""

import torch
from torch import Tensor


def hessian(batches: list[Tensor], damp: float = 0.01) -> Tensor:
    """H = 2 · mean of xᵀ x over all inputs x, and damping on its diagonal.

    batches: one or more tensors (…, C). Each vector in the last dimension is one input; batches may have different numbers of them, and
        every input counts the same. damp: the mean of the diagonal of H times `damp` is added to each number on the diagonal. (So H can be
        inverted, even if there are fewer inputs than columns.)

    Returns (C, C).

    >>> hessian([tensor([[1.0, 2.0]]), tensor([[3.0, 0.0], [0.0, 0.0]])], damp=0.0)  # 2/3 · [[1 + 9, 2], [2, 4]]
    tensor([[6.6667, 1.3333],
            [1.3333, 2.6667]])
    >>> hessian([tensor([1.0, 2.0])], damp=0.1)  # [[2, 4], [4, 8]] and a tenth of 5
    tensor([[2.5000, 4.0000],
            [4.0000, 8.5000]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("hessian is not written yet")


def inverse_factor(H: Tensor) -> Tensor:
    """The upper triangular U with a positive diagonal and Uᵀ U = H⁻¹. H: (C, C), symmetric and positive definite.

    Row j of U has what GPTQ needs when column j is rounded and the columns before j are fixed: with G the inverse of H[j:, j:],
    U[j, j:] = G[0] / √G[0, 0]. (This is not the row of H⁻¹: columns that are fixed cannot make up for anything any more.)

    >>> inverse_factor(tensor([[2.0, 1.0], [1.0, 1.0]]))  # H⁻¹ = [[1, -1], [-1, 2]]
    tensor([[ 1., -1.],
            [ 0.,  1.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("inverse_factor is not written yet")


def proxy_loss(W: Tensor, Wq: Tensor, H: Tensor) -> float:
    """½ · trace of E H Eᵀ with E = W - Wq, both (O, C): the squared error of the outputs, summed over outputs, in the mean over inputs.
    (With H without damping.)

    >>> proxy_loss(tensor([[1.0, 2.0]]), tensor([[0.0, 4.0]]), tensor([[2.0, 1.0], [1.0, 4.0]]))  # E = [1, -2]: (2 - 4 + 16) / 2
    7.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("proxy_loss is not written yet")


def gptq(
    W: Tensor, H: Tensor, bits: int, group: int = -1, blocksize: int = 128, act_order: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The codes of W, rounded in the order of the columns, with each error passed on to the columns that come after it.

    W: (O, C). H: as from `hessian`, positive definite. With U = inverse_factor(H), for each column j in turn:

    1. its weights w become codes, as said above; they stand for wq;
    2. the error e = (w - wq) / U[j, j] (also where w was clamped) changes all later columns k > j: W[:, k] -= e · U[j, k].

    group: so many columns that are rounded one after the other share s and z (the last group may have fewer); -1: all C. The s and z of a group
        come from its weights as they are when its first column is about to be rounded: *with* the errors of all columns before, and
        they stay. (The authors' code leaves out the errors of columns in the same block; "static groups" of libraries use the W that was given.)
    blocksize: columns behind a block of so many are changed once, when the block is done, which is faster: see the lecture. The result does not
        depend on it (but for rounding errors), so it may be ignored.
    act_order: columns are rounded in the order of falling H[j, j], equal ones by their number; H and W are permuted alike, and groups are made of
        neighbours in that order.

    Returns (codes, s, z, perm).

    - codes: uint8 (O, C), in the order of W's columns (with act_order, too).
    - s, z: (O, G), G the number of groups. s has W's dtype, z is of W's dtype or int32.
    - perm: int64 (C,). Column perm[k] was rounded as number k, so its group is k // group. Without act_order it is 0, 1, …

    Raises ValueError for bits outside of 2 … 8, for a group that is neither -1 nor positive, and for blocksize < 1.

    With H = [[2, 1], [1, 1]] the error of column 0 is passed on as it is. 2 bits, s = 1 and z = 0; 1.3 becomes 1, and 1.3 - 1 goes to 1.4:

    >>> W, H = tensor([[1.3, 1.4, 3.0]]), tensor([[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> gptq(W, H, bits=2)[0]
    tensor([[1, 2, 3]], dtype=torch.uint8)
    >>> gptq(W, torch.eye(3), bits=2)[0]  # no inputs that belong together: every weight is rounded by itself
    tensor([[1, 1, 3]], dtype=torch.uint8)
    >>> gptq(W, H * tensor([1.0, 1.0, 4.0]), bits=2, act_order=True)[3]
    tensor([2, 0, 1])
    """
    # YOUR CODE HERE
    raise NotImplementedError("gptq is not written yet")


def dequantize(codes: Tensor, s: Tensor, z: Tensor, perm: Tensor, group: int = -1) -> Tensor:
    """The weights that codes stand for, s · (q - z), (O, C) in s's dtype. All arguments are as `gptq` takes and returns them.

    Column perm[k] has the scale and zero-point of group k // group. z may be int32. (Mind that uint8 arithmetic wraps around.)

    >>> codes = tensor([[0, 1, 2, 3]], dtype=torch.uint8)
    >>> dequantize(codes, tensor([[1.0, 10.0]]), tensor([[1.0, 0.0]]), tensor([3, 0, 1, 2]), group=2)
    tensor([[-1., 10., 20.,  2.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("dequantize is not written yet")
