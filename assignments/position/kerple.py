"""KERPLE: biases for attention that learn how fast a head forgets ("KERPLE", Chi and others 2022, sections 3 and 4).

Sizes: H heads, T queries, S keys, all at least 1. The last query stands beside the last key: query t has position t + S - T, key s has position
s, and their distance is d = |t + S - T - s|. A bias is added to the scores after these are divided by √D. It hides nothing: keys after the query
get a bias as well, and masks are somebody else's business.

Both modules have two parameters and nothing else in their state: `r1` and `r2`, each (H,), one number for each head. Checks load them by
these names. The result has their dtype (float32 or float64); gradients flow to both. A call depends on T, S and the parameters as they are now.
"""

import torch
from torch import Tensor, nn


class KerpleLog(nn.Module):
    """The logarithmic kernel: the bias is -r1 · ln(1 + r2 · d), with r1 >= 0.01 and r2 >= 0.01.

    A call first puts parameters that are out of range on the nearest bound, *in place* and without a gradient, as the paper's code
    does: in training and in evaluation mode, and under `torch.no_grad()` too. Then it computes with them, so a parameter on the bound
    has an ordinary gradient and can come back. (Clamping inside the formula instead would give it the gradient 0 for ever. One check, and
    no other, has parameters out of range.)
    """

    def __init__(self, H: int) -> None:
        """New parameters are random: r1 uniform from 0 to 2, r2 uniform from 0 to 1, each number on its own."""
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("KerpleLog.__init__ is not written yet")

    def forward(self, T: int, S: int) -> Tensor:
        """The bias of each head, query and key: (H, T, S). It is 0 at distance 0."""
        # YOUR CODE HERE
        raise NotImplementedError("KerpleLog.forward is not written yet")


class KerplePower(nn.Module):
    """The power kernel: the bias is -r1 · d^r2, with r1 >= 0.01 and 0.01 <= r2 <= 2. Parameters out of range: as in `KerpleLog`.

    At distance 0 the bias is 0, and so is what the parameters get as a gradient from there: never nan. r2 = 1 is ALiBi with
    slopes r1 that are learned.
    """

    def __init__(self, H: int) -> None:
        """New parameters are random: r1 uniform from 0 to 1, r2 uniform from 0 to 2, each number on its own."""
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("KerplePower.__init__ is not written yet")

    def forward(self, T: int, S: int) -> Tensor:
        """The bias of each head, query and key: (H, T, S)."""
        # YOUR CODE HERE
        raise NotImplementedError("KerplePower.forward is not written yet")


def is_cpd_matrix(K: Tensor, tol: float = 1e-8) -> bool:
    """Whether a matrix is symmetric and conditionally positive definite.

    K: (n, n), n >= 1, float32 or float64. True if both hold, computed in float64:

    - no two entries K[i, j] and K[j, i] differ by more than tol;
    - cᵀ K c >= -tol for *every* vector c of length 1 (Σ c² = 1) whose sum Σ c is 0.

    So only directions with sum 0 count, and both halves of K do, where they differ by tol or less. (Without the condition on the sum it
    would be "positive definite"; others call -K "conditionally negative definite".) Trying some random vectors is not
    enough: decide it for all of them. Returns a bool of Python.

    >>> is_cpd_matrix(tensor([[0.0, -1.0], [-1.0, 0.0]]))  # c = (1, -1)/√2 gives 1
    True
    >>> is_cpd_matrix(tensor([[0.0, 1.0], [1.0, 0.0]]))  # the same c gives -1
    False
    """
    # YOUR CODE HERE
    raise NotImplementedError("is_cpd_matrix is not written yet")
