"""Log-sum-exp and softmax that do not overflow, and the one-pass version that attention kernels are built on.

Scores are float32 or float64, finite (as large as ±1e30) or -inf, which is a weight of exp(-inf) = 0; never nan or +inf.
Results have the dtype of the scores and are as exact as it allows (no epsilon is added anywhere). Inputs may be views (transposed,
sliced); they are not changed. A result depends on the arguments of its own call alone and does not change later.
Write them with exp, log, sum and max: torch's own softmax and logsumexp, in all their spellings, are not allowed here.
"""

from collections.abc import Iterable

import torch
from torch import Tensor


def logsumexp(x: Tensor, dim: int) -> Tensor:
    """log Σ exp(x) over the dimension `dim`, for scores of any finite size.

    x: scores of any shape with at least one dimension, `x.shape[dim] >= 1`.
    dim: the dimension to sum over; a negative one counts from the end.

    Returns x's shape without `dim`: shape (2, 3, 4) and dim=1 give (2, 4).

    - A slice (the entries that are summed into one number) of only -inf gives -inf, not nan.
    - Gradients flow to x: dy/dx_i = exp(x_i) / Σ exp(x_j). (They are not asked for where a slice is only -inf.)

    >>> logsumexp(tensor([0, math.log(2), math.log(5)]), dim=0)  # ln(1 + 2 + 5) = ln 8
    tensor(2.0794)
    >>> logsumexp(tensor([[1000.0, 1000.0], [-1000.0, -1000.0]]), dim=1)
    tensor([1000.6932, -999.3068])
    >>> logsumexp(tensor([[0.0, 1.0], [0.0, -math.inf]]), dim=0)
    tensor([0.6931, 1.0000])
    """
    # YOUR CODE HERE
    raise NotImplementedError("logsumexp is not written yet")


def softmax(x: Tensor, dim: int, mask: Tensor | None = None) -> Tensor:
    """exp(x) / Σ exp(x) over the dimension `dim`, among the entries that `mask` keeps.

    x: scores of any shape with at least one dimension, `x.shape[dim] >= 1`.
    dim: the dimension that sums to 1; a negative one counts from the end.
    mask: bool, broadcastable to x's shape (it may have fewer dimensions, or size 1 in any of them, `dim` included).
        True = keep. None keeps everything.

    Returns a tensor of x's shape. Masking an entry is the same as setting its score to -inf:

    - Its weight is exactly 0, it gets no gradient, and the kept entries of its slice sum to 1. Its score has no
      influence, not even when it is far larger than the kept ones.
    - A slice with nothing left (every entry is masked or -inf) gives 0 everywhere, and the gradient of its scores is 0:
      no nan, forwards or backwards. (torch.softmax gives nan there, and Hugging Face's attention, which masks with the lowest
      number of the dtype, gives equal weights: one check, and no other, tells the difference.)
    - Gradients flow to x. Equal scores get equal weights, however large they are.

    >>> softmax(tensor([0, math.log(2), math.log(5)]), dim=0)
    tensor([0.1250, 0.2500, 0.6250])
    >>> softmax(tensor([0, math.log(3), 99.0]), dim=0, mask=tensor([True, True, False]))
    tensor([0.2500, 0.7500, 0.0000])
    >>> softmax(tensor([[0, math.log(3)], [5.0, 6.0]]), dim=1, mask=tensor([[True], [False]]))
    tensor([[0.25, 0.75], [0, 0]])
    >>> softmax(tensor([1e30, 1e30]), dim=0)
    tensor([0.5000, 0.5000])
    """
    # YOUR CODE HERE
    raise NotImplementedError("softmax is not written yet")


def online_softmax(chunks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """The maximum m and the sum l = Σ exp(x - m) over all scores, which arrive in chunks: one pass, two running numbers.

    chunks: yields one or more chunks, each of shape (n,) with n >= 1; the n differ. It can be gone through only once, and
        the chunks share one piece of memory: the values of a chunk are overwritten when the next one is asked for, as
        tiles are in a chip's fast memory. Use each chunk when it comes; a list of them would be worthless.

    Returns (m, l), both of shape () and of the chunks' dtype. They do not depend on how the scores are cut into chunks,
    nor on the order, and m + log(l) is the logsumexp of all of them. (No gradients are asked for here.)

    - Chunks may hold -inf, or be -inf throughout, the first one too. If all scores are -inf, m is -inf and l is 0.

    m = ln 8 and l = (1 + 2 + 8 + 4) / 8; after the first chunk they were ln 2 and (1 + 2) / 2:

    >>> online_softmax([tensor([0, math.log(2)]), tensor([math.log(8), math.log(4)])])
    (tensor(2.0794), tensor(1.8750))
    >>> online_softmax([tensor([-math.inf]), tensor([3.0, -math.inf])])
    (tensor(3.), tensor(1.))
    """
    # YOUR CODE HERE
    raise NotImplementedError("online_softmax is not written yet")
