"""Multi-query attention: many query heads, one head of keys and values ("Fast Transformer Decoding", section 3).

Sizes: B sequences, H query heads of D = C / H features each, C features of the model, T new tokens, S older ones whose keys and
values are in a cache. Tensors are float32 or float64; results have the dtype of the inputs. The softmax is computed in that dtype, so
float64 is exact to 1e-10. (Hugging Face's models compute it in float32 whatever the dtype: one check, and no other, tells the
difference.) Inputs may be views (transposed, sliced). They (a cache too) are not changed, and gradients flow to x and to all parameters.
A call leaves nothing else behind: flags (`requires_grad`, training mode) are as they were, and layers share nothing.

Write it with matrix products and softmax: torch's own attention, in all its spellings, is not allowed here.
"""

import torch
from torch import Tensor, nn


class MultiQueryAttention(nn.Module):
    """Causal self-attention in which all H query heads share one key head and one value head.

    Its parameters are those of two linear layers with bias, and no others. Checks load weights by these names:

    - `qkv`: `nn.Linear(C, C + 2 * D)`. Of its output, features 0 … C-1 are the queries (head h has h·D … (h+1)·D - 1), the next D
      are the key, the last D the value;
    - `o_proj`: `nn.Linear(C, C)`, from the heads' outputs side by side, in the order of the heads.
    """

    def __init__(self, C: int, H: int) -> None:
        """C features of the model, H query heads; H divides C."""
        super().__init__()
        # BEGIN SOLUTION
        self.H, self.D = H, C // H
        self.qkv = nn.Linear(C, C + 2 * self.D)
        self.o_proj = nn.Linear(C, C)
        # END SOLUTION

    def forward(self, x: Tensor, cache: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Attend from T new tokens to all S + T.

        x: (B, T, C), the new tokens, T >= 1.
        cache: (k, v), each (B, 1, S, D): what an earlier call returned for the S tokens before these, S >= 0. None: there are
            none, so S = 0. It may also come from elsewhere.

        Returns (out, (k, v)): out (B, T, C), and keys and values of all S + T tokens, old ones first, each (B, 1, S + T, D): one
        head, not H copies. The scale is 1/√D. New token t sees the S old ones and the new ones up to t, itself included.

        So a sequence that is fed in pieces, each with the cache of the piece before, gives the outputs of all at once. The layer keeps
        nothing between calls: all that it knows of old tokens is in `cache`, so several sequences can be decoded in turn with one
        layer, and a cache can be continued twice. What was returned does not change later.
        """
        # BEGIN SOLUTION
        B, T, C = x.shape
        q, k, v = self.qkv(x).split([C, self.D, self.D], dim=-1)
        q = q.view(B, T, self.H, self.D).transpose(1, 2)  # (B, H, T, D)
        k, v = k.unsqueeze(1), v.unsqueeze(1)  # (B, 1, T, D)
        if cache is not None:
            k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)  # (B, 1, S + T, D)
        scores = q @ k.mT * self.D**-0.5  # (B, H, T, S + T): the one key head is broadcast over H
        visible = torch.ones_like(scores, dtype=torch.bool).tril(k.shape[2] - T)
        out = scores.masked_fill(~visible, -torch.inf).softmax(-1) @ v  # (B, H, T, D)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, C)), (k, v)
        # END SOLUTION


def kv_cache_bytes(B: int, S: int, L: int, Hkv: int, D: int, itemsize: int) -> int:
    """Bytes of the keys *and* values that a model keeps: B sequences of S tokens, L layers, Hkv key/value heads of D features.

    itemsize: bytes of one number (2 for float16).

    >>> kv_cache_bytes(1, 1, 32, 32, 128, 2)  # Llama 2 7B: half a MiB for each token
    524288
    >>> kv_cache_bytes(1, 1, 32, 1, 128, 2)  # the same with one key/value head
    16384
    """
    # BEGIN SOLUTION
    return 2 * B * S * L * Hkv * D * itemsize
    # END SOLUTION


def mqa_from_mha(wk: Tensor, wv: Tensor, H: int) -> tuple[Tensor, Tensor]:
    """One key head and one value head from those of a trained multi-head layer: the mean over its H heads ("mean pooling").

    wk, wv: (H·D, C), weights of `nn.Linear(C, H·D)`; head h has rows h·D … (h+1)·D - 1.

    Returns (wk, wv), each (D, C): row d is the mean of row d of all heads.

    >>> wk, wv = tensor([[1.0], [2.0], [5.0], [8.0]]), tensor([[0.0], [4.0], [2.0], [6.0]])
    >>> mqa_from_mha(wk, wv, H=2)  # (1 + 5) / 2, (2 + 8) / 2
    (tensor([[3.], [5.]]), tensor([[1.], [5.]]))
    """
    # BEGIN SOLUTION
    wk, wv = (w.unflatten(0, (H, -1)).mean(0) for w in (wk, wv))  # (H, D, C) -> (D, C)
    return wk, wv
    # END SOLUTION
