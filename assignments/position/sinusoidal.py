"""Sinusoidal positions: a table that says where each token stands, and the matrix that moves it along.

C, the number of features, is even and at least 2: it holds C/2 pairs (sine, cosine), one for each frequency. Both results are
float32 and exact to about 1e-7: compute angles in float64 and round at the end, for float32 is off by 0.004 at an angle of
100 000. Each call depends on its own arguments alone and returns a new tensor, which the caller may change.
"""

import torch
from torch import Tensor


def sinusoidal(n: int, C: int, layout: str = "interleaved", base: float = 10000.0) -> Tensor:
    """The position table PE of "Attention Is All You Need", section 3.5, for the positions t = 0 … n-1.

    n: number of positions, at least 1. C: features, even.
    layout: where the sine and the cosine of pair i stand, for i = 0 … C/2-1:
        "interleaved": features 2i and 2i+1, as in the paper;
        "concat": features i and C/2+i, so all sines come before all cosines, as in Marian and Pegasus.
    base: pair i turns by base^(-2i/C) radians with each step.

    Returns float32 (n, C).

    - The two features of a pair have the same frequency, the sine comes first, and position 0 is sin 0 = 0, cos 0 = 1.
    - The frequencies fall from 1 (pair 0) to base^(-(C-2)/C), whatever the layout. (The authors' library Tensor2Tensor, FSMT and
      Whisper let them fall to 1/base: that is another table.)
    - Rows far down are exact too: all of `sinusoidal(100_000, 8)`. (Most programs compute the angles in float32, as PyTorch's
      tutorial does: one check, and no other, tells the difference.)

    >>> sinusoidal(1, 4)
    tensor([[0., 1., 0., 1.]])
    >>> sinusoidal(2, 4)[1]  # sin 1, cos 1, sin 0.01, cos 0.01
    tensor([0.8415, 0.5403, 0.0100, 0.9999])
    >>> sinusoidal(2, 4, "concat")[1]
    tensor([0.8415, 0.0100, 0.5403, 0.9999])
    """
    # YOUR CODE HERE
    raise NotImplementedError("sinusoidal is not written yet")


def shift_matrix(k: int, C: int, base: float = 10000.0) -> Tensor:
    """The matrix M that moves every row of the interleaved table k positions on: PE(t + k) = PE(t) @ M, for all t.

    k: steps, of any sign and size: 0 gives the identity, and -k the inverse of k. C, base: as in `sinusoidal`.

    Returns float32 (C, C). M does not depend on t. Each pair only mixes with itself, so M is zero outside C/2 blocks of 2 × 2
    on its diagonal. Rows stand on the left of M: mind which of the two sines has the minus sign.

    >>> shift_matrix(0, 2)
    tensor([[1., 0.], [0., 1.]])
    >>> tensor([[0.0, 1.0]]) @ shift_matrix(1, 2)  # position 0 moved to position 1
    tensor([[0.8415, 0.5403]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("shift_matrix is not written yet")
