"""Attention that knows distances: relative position representations ("Self-Attention with Relative Position Representations", section 3).

Sizes: B sequences, H heads, T queries, S keys, D features of a head. K is the largest distance that is told apart; tables have 2K + 1 rows.
Tensors are float32 or float64, all of one dtype; results have that dtype. The softmax is computed in it, so float64 is exact
to 1e-10. (Hugging Face's models compute it in float32 whatever the dtype: one check, and no other, tells the difference.)
Inputs may be views (transposed, sliced); they are not changed, and gradients flow to all of them, also to tables of zeros.
Each call depends on its own arguments alone.

Write it with matrix products and softmax: torch's own attention, in all its spellings, is not allowed here.
"""

import torch
from torch import Tensor


def relative_index(T: int, S: int, K: int) -> Tensor:
    """The row of the table for each query and key: their distance, clipped to -K … K, plus K.

    The last query stands beside the last key, so query t has position t + S - T, and key s has position s. The distance is
    *key minus query*: negative for a key before the query. (BERT's "relative_key" takes query minus key. Its table is upside down.)

    T, S >= 1 (T may be larger than S) and K >= 0. Returns int64 (T, S), with values from 0 to 2K.

    >>> relative_index(3, 3, 1)
    tensor([[1, 2, 2], [0, 1, 2], [0, 0, 1]])
    >>> relative_index(1, 4, 2)  # one query after three older keys: distances -3, -2, -1, 0
    tensor([[0, 0, 1, 2]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("relative_index is not written yet")


def shaw_attention(
    q: Tensor, k: Tensor, v: Tensor, rk: Tensor, rv: Tensor | None = None, causal: bool = False
) -> Tensor:
    """Attention in which a key and a value have a vector added that depends on the distance from the query.

    q: (B, H, T, D). k, v: (B, H, S, D). rk, rv: (2K + 1, D), one row for each distance, the same for all heads. K follows from rk.
    rv None: nothing is added to the values. Returns (B, H, T, D).

    With r = relative_index(T, S, K)[t, s]:

    - the score of query t and key s is q[t] · (k[s] + rk[r]) / √D: the new term is divided by √D too;
    - the softmax runs over the keys and gives the weights p[t, s];
    - the output of query t is the sum over s of p[t, s] · (v[s] + rv[r]).

    causal: query t sees key s if s <= t + S - T: none after its own position (T <= S then). Its weights for other keys are 0.

    Memory: no tensor of B·H·T·S·D numbers (a vector for each pair in each sequence and head) is made, nor anything as large. A check
    measures it.

    Two keys with equal scores, at the distances -1 and 0 from the one query. What is added to the values is 4 and 8:

    >>> one = torch.zeros(1, 1, 1, 1)
    >>> two, rv = torch.zeros(1, 1, 2, 1), tensor([[4.0], [8.0], [100.0]])
    >>> shaw_attention(one, two, two, torch.zeros(3, 1), rv)
    tensor([[[[6.]]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("shaw_attention is not written yet")
