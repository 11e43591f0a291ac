"""ALiBi: attention with linear biases. No position vectors: each head lowers a score in proportion to the distance.

H heads, T queries, S keys, D features for each head. Queries are the *last* T of S positions (1 <= T <= S): with T = S
the whole sequence, with T = 1 the newest token of a cached decode. Each call depends on its own arguments alone and returns a new
tensor, which the caller may change. Inputs may be views (transposed, sliced) and are not changed, nor is their `requires_grad`.
"""

import math

import torch
from torch import Tensor


def alibi_slopes(H: int) -> Tensor:
    """The slope of each head, as in ALiBi's paper and code. They are fixed numbers; nothing is learned.

    H: number of heads, at least 1. Returns float32 (H,), all positive.

    - H a power of two: 2^(-8/H), 2^(-16/H), …, 2^(-8), in this order.
    - Else let n be the largest power of two below H. The n slopes for n heads come first; then the first H-n of
      every other slope for 2n heads, which begin with its first one: 2^(-8/2n), 2^(-24/2n), 2^(-40/2n), … They are
      appended, not sorted in.

    >>> alibi_slopes(2)  # 2^-4, 2^-8
    tensor([0.0625, 0.0039])
    >>> alibi_slopes(3)  # those, then 2^-2 from 4 heads
    tensor([0.0625, 0.0039, 0.2500])
    >>> alibi_slopes(6)  # 4 heads', then 2^-1 and 2^-3 from 8
    tensor([0.2500, 0.0625, 0.0156, 0.0039, 0.5000, 0.1250])
    """
    # YOUR CODE HERE
    raise NotImplementedError("alibi_slopes is not written yet")


def alibi_bias(H: int, T: int, S: int) -> Tensor:
    """What is added to the scores of T queries and S keys: -slope · distance, and -inf for keys in the future.

    Query t stands at position S - T + t, key s at position s. For a key that is d = (S - T + t) - s positions back,
    the bias is -slope · d if d >= 0 (so 0 for the query's own position), and -inf if d < 0.

    1 <= T <= S. Returns float32 (H, T, S).

    >>> alibi_bias(1, 3, 3) * 256  # the slope is 1/256
    tensor([[[0., -inf, -inf], [-1., 0., -inf], [-2., -1., 0.]]])
    >>> alibi_bias(1, 1, 3) * 256  # its last row
    tensor([[[-2., -1., 0.]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("alibi_bias is not written yet")


def alibi_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention with ALiBi: softmax(q kᵀ / √D + bias) v for each head.

    q: (B, H, T, D); k, v: (B, H, S, D), with 1 <= T <= S. All of one dtype, float32 or float64, and on one device.

    Returns (B, H, T, D) in q's dtype. Gradients flow to q, k and v.

    - The bias is added *after* the scores are divided by √D; it is not divided itself.
    - A key in the future has weight exactly 0, however large its score.
    - One query and its cache (T = 1) give the last row of what the whole sequence gives.
    - Slopes are as exact as float32 (no check asks for more of their digits, or for fewer); the rest is computed in q's dtype, the
      softmax too. (BLOOM's code computes it in float32: one check, and no other, tells the difference.) torch's softmax may be used.

    With q = 0 all scores are equal and the bias alone decides. For one head and S = 2, the last query has the
    weights softmax([-1/256, 0]) = [0.4990, 0.5010]:

    >>> v = tensor([[1.0, 0.0], [0.0, 1.0]]).view(1, 1, 2, 2)
    >>> alibi_attention(torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 2, 2), v)
    tensor([[[[0.4990, 0.5010]]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("alibi_attention is not written yet")
