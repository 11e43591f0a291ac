"""Scaled dot-product attention, and the multi-head layer around it ("Attention Is All You Need", section 3.2).

Sizes: B sequences, H heads, T queries, S keys and values, D features of a query or key, Dv of a value, C = H·D of the model.
Tensors are float32 or float64; results have the dtype of the inputs and are as exact as it allows: the softmax is computed in that
dtype. (Hugging Face's models compute it in float32 whatever the dtype: one check, and no other, tells the difference.) A boolean mask
says what may be seen: True = may attend, False = hidden. Inputs may be views (transposed, sliced); they are not changed, and gradients
flow to all of them. A call leaves nothing else behind: flags (`requires_grad`, training mode) are as they were, layers share nothing, and
what was returned does not change later.

Write it with matrix products and softmax: torch's own attention, in all its spellings, is not allowed here.
"""

import torch
from torch import Tensor, nn


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    """softmax(q kᵀ · scale) v, for each sequence and head by itself.

    q: (B, H, T, D) queries. k: (B, H, S, D) keys. v: (B, H, S, Dv) values. T and S may differ, and so may D and Dv.
    mask: bool, broadcastable to (B, H, T, S), with any number of dimensions; True = query t may attend to key s. Three dimensions
        are (H, T, S), not (B, T, S): shapes are aligned at their ends, as everywhere in torch. None hides nothing.
    causal: a query sees no later key. The *last* query stands beside the last key (as when the newest T tokens are decoded
        after S - T older ones): query t sees key s if s <= t + S - T. The triangle ends in the lower right corner; for
        T = S that is the usual one. With a mask as well, both must allow it.
    scale: what the products are multiplied by. None means 1/√D; a number, 0.0 too, is used as it is.

    Returns (out, probs):

    - probs (B, H, T, S): the softmax over the keys that a query may see; exactly 0 for a key that is hidden, whatever its
      score. Scores may be large (±10⁵): nothing overflows.
    - out (B, H, T, Dv): probs @ v.
    - A query that may see nothing (a row of the mask is all False, or T > S and t < T - S under `causal`) gets probs 0 and out
      0, and no gradient flows from it: no nan, forwards or backwards.

    D = 4, so 1/√D = 1/2 and the scores are [ln 3, 0]:

    >>> q = tensor([[[[2 * math.log(3), 0, 0, 0]]]])
    >>> k = tensor([[[[1.0, 0, 0, 0], [0, 1, 0, 0]]]])
    >>> attention(q, k, tensor([[[[4.0], [8.0]]]]))
    (tensor([[[[5.]]]]), tensor([[[[0.75, 0.25]]]]))
    """
    # BEGIN SOLUTION
    T, S, D = q.shape[-2], k.shape[-2], q.shape[-1]
    scores = q @ k.mT * (D**-0.5 if scale is None else scale)  # (B, H, T, S)
    allowed = torch.ones(T, S, dtype=torch.bool, device=q.device)
    if causal:
        allowed = allowed.tril(S - T)  # the diagonal moved to the lower right corner
    if mask is not None:
        allowed = allowed & mask
    sees = allowed.any(-1, keepdim=True)  # a row of nothing but -inf would make nan: such a row keeps its scores
    probs = scores.masked_fill(~allowed & sees, -torch.inf).softmax(-1)  # over the keys
    probs = probs.masked_fill(~allowed, 0.0)
    return probs @ v, probs
    # END SOLUTION


class MultiHeadAttention(nn.Module):
    """Self-attention with H heads of D = C / H features each.

    Its parameters are those of four `nn.Linear(C, C)`: `q_proj`, `k_proj`, `v_proj`, `o_proj`, and no others. Checks load weights
    by these names.
    """

    def __init__(self, C: int, H: int, bias: bool = True) -> None:
        """C features of the model, H heads (H divides C). `bias` says whether the four projections have one."""
        super().__init__()
        # BEGIN SOLUTION
        self.H = H
        self.q_proj = nn.Linear(C, C, bias=bias)
        self.k_proj = nn.Linear(C, C, bias=bias)
        self.v_proj = nn.Linear(C, C, bias=bias)
        self.o_proj = nn.Linear(C, C, bias=bias)
        # END SOLUTION

    def forward(self, x: Tensor, key_padding_mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """Queries, keys and values are projections of x; the heads attend, and `o_proj` mixes what they found.

        x: (B, T, C). Returns (B, T, C).
        key_padding_mask: bool (B, T), True = a token, False = padding, which no query sees. (nn.MultiheadAttention's is the
            other way round.) The outputs at padded places are computed like all others: padding is hidden as a key only.
        causal: token t sees the tokens up to t, itself included.

        Head h has the features h·D … (h+1)·D - 1 of each projection, and its output takes the same places in what goes
        into `o_proj`. The scale is 1/√D, of a head. Where a token may see nothing, `o_proj` gets zeros (and gives its bias).
        """
        # BEGIN SOLUTION
        B, T, C = x.shape
        q, k, v = (
            projected.view(B, T, self.H, C // self.H).transpose(1, 2)  # (B, H, T, D)
            for projected in (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        )
        mask = None if key_padding_mask is None else key_padding_mask[:, None, None, :]  # (B, 1, 1, T)
        out, _ = attention(q, k, v, mask, causal)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, C))  # the heads side by side again
        # END SOLUTION
