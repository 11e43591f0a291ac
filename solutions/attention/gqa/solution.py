"""Grouped-query attention: neighbouring query heads share a head of keys and values ("GQA", sections 2.1 and 2.2).

Sizes: B sequences, H query heads, G key/value heads (G divides H; a group has H / G query heads), T queries, S keys, D features of a
head. G = 1 is multi-query attention, G = H ordinary multi-head attention. Tensors are float32 or float64; results have the dtype
of the inputs. The softmax is computed in that dtype, so float64 is exact to 1e-10. (Hugging Face's models compute it in float32
whatever the dtype: one check, and no other, tells the difference.) Inputs may be views (transposed, sliced); they are not changed, and
gradients flow to all of them. A call leaves nothing else behind: `requires_grad` is as it was, and what was returned does not change later.

Write it with matrix products and softmax: torch's own attention, in all its spellings, is not allowed here.
"""

import torch
from torch import Tensor


def repeat_kv(x: Tensor, n_rep: int) -> Tensor:
    """Each head n_rep times, the copies side by side.

    x: (B, G, S, D). Returns (B, G · n_rep, S, D): head j of the result is head j // n_rep of x. n_rep >= 1.

    >>> repeat_kv(tensor([4.0, 7.0]).view(1, 2, 1, 1), 3).flatten()
    tensor([4., 4., 4., 7., 7., 7.])
    """
    # BEGIN SOLUTION
    B, G, S, D = x.shape
    return x.unsqueeze(2).expand(B, G, n_rep, S, D).reshape(B, G * n_rep, S, D)
    # END SOLUTION


def gqa(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    """Attention in which query head h uses key/value head h // (H / G).

    q: (B, H, T, D). k, v: (B, G, S, D). Returns (B, H, T, D). The softmax runs over the keys, the scale is 1/√D.
    causal: query t sees key s if s <= t + S - T: the last query stands beside the last key (T <= S then).

    With one key, each head gives its group's value:

    >>> k, v = torch.ones(1, 2, 1, 1), tensor([5.0, 7.0]).view(1, 2, 1, 1)
    >>> gqa(torch.zeros(1, 4, 1, 1), k, v).flatten()
    tensor([5., 5., 7., 7.])
    """
    # BEGIN SOLUTION
    n_rep = q.shape[1] // k.shape[1]
    k, v = repeat_kv(k, n_rep), repeat_kv(v, n_rep)  # (B, H, S, D)
    scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, H, T, S)
    if causal:
        T, S = scores.shape[-2:]
        visible = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)
        scores = scores.masked_fill(~visible, -torch.inf)
    return scores.softmax(-1) @ v
    # END SOLUTION


def mha_to_gqa(w: Tensor, H: int, G: int) -> Tensor:
    """The key (or value) weights of G heads from those of H heads: each is the mean of H / G neighbouring ones.

    w: (H·D, C), the weight of `nn.Linear(C, H·D)`; head h has rows h·D … (h+1)·D - 1.

    Returns (G·D, C): head g is the mean of heads g·(H/G) … (g+1)·(H/G) - 1, row by row.

    >>> mha_to_gqa(tensor([[1.0], [3.0], [10.0], [20.0]]), 4, 2)  # D = 1
    tensor([[ 2.], [15.]])
    """
    # BEGIN SOLUTION
    heads = w.unflatten(0, (G, H // G, -1))  # (G, H/G, D, C)
    return heads.mean(1).flatten(0, 1)
    # END SOLUTION
