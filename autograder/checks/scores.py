"""Large attention scores on which right answers agree to the last digits.

Queries that are multiplied by a hundred give large scores, and rounding errors as large in proportion: where two keys of a query are
nearly equal, their weights hang on the order of a sum, and the gradients are a hundred times as far apart as the weights. With the
secret of some class that refuses right answers. Here the scores are large, and what is random of them is not.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEP = 1 / 8


def large_scores(
    q: Tensor, k: Tensor, v: Tensor, by: float = 128.0, *, rising: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """`q` (…, T, D), `k` (…, S, D) and `v` (…, S, Dv) with scores q·k/√D that are higher by `by` for the queries 0, 2, 4 …, lower by
    it for the others.

    exp overflows without the maximum, and with the maximum of all queries together it is 0 throughout; the weights are those of
    small scores. With `rising`, scores rise by about `by` from each key to the next instead: the last key that a query sees has all
    of its weight, and a key that is hidden with a number which is not low enough has more.

    The first feature is what makes them large, so D is at least 2. The others are rounded to eighths: float32 has q·k exactly, in
    whatever order it is added up, and the scores too, where √D is a power of two. Values are an eighth of what they were: large
    queries are a factor of the keys' gradients, and of the rounding errors where those are sums of nearly opposite terms.

    >>> q, k, v = large_scores(torch.zeros(2, 4), torch.zeros(3, 4), torch.ones(3, 1))
    >>> (q @ k.T / 2).tolist()
    [[128.0, 128.0, 128.0], [-128.0, -128.0, -128.0]]
    >>> q, k, v = large_scores(torch.zeros(1, 4), torch.zeros(3, 4), torch.ones(3, 1), rising=True)
    >>> (q @ k.T / 2).tolist()
    [[0.0, 128.0, 256.0]]
    """
    if q.shape[-1] < 2:
        raise ValueError("one feature is all that makes scores large: give queries and keys two at least")
    root = q.shape[-1] ** 0.5
    q, k = ((each / STEP).round() * STEP for each in (q, k))
    if rising:
        q[..., 0], k[..., 0] = root, by * torch.arange(k.shape[-2])
    else:
        # Small in keys: the gradient of this feature of the queries is 0, and rounding errors as large as what keys have there.
        q[..., 0], k[..., 0] = (1 - 2 * (torch.arange(q.shape[-2]) % 2)) * (by * root / 4), 4.0
    return q, k, v / 8
