"""Mistral 7B: attention to a window of tokens, a cache that rolls, and prompts in chunks ("Mistral 7B", section 2).

Sizes: B sequences, t new tokens, W tokens in the window, H query heads and G key/value heads of D features (G divides H). The query heads that
share a key/value head are neighbours: head h uses h // (H / G). Positions count from 0 at the beginning of the sequence.

Tensors are float32 or float64 (caches of any floating dtype). Arguments are left as they were, may be views (sliced, transposed), and share
nothing with results. A call leaves nothing behind but what it puts into its cache, and caches share nothing.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


def swa_mask(T: int, S: int, W: int) -> Tensor:
    """Which keys the last T of S tokens see: bool (T, S), True where a query may attend.

    1 <= T <= S, W >= 1. Query t has the position i = S - T + t, and sees the keys at the positions j with i - W < j <= i: W of them,
    itself included, or all that there are. (FlashAttention's `window_size=(W, 0)` sees W tokens *before* itself, so W + 1 in all; in its
    terms this is W - 1.)

    >>> swa_mask(4, 4, 2).int()
    tensor([[1, 0, 0, 0],
            [1, 1, 0, 0],
            [0, 1, 1, 0],
            [0, 0, 1, 1]], dtype=torch.int32)
    >>> swa_mask(2, 5, 3).int()
    tensor([[0, 1, 1, 1, 0],
            [0, 0, 1, 1, 1]], dtype=torch.int32)
    """
    # BEGIN SOLUTION
    i, j = torch.arange(S - T, S)[:, None], torch.arange(S)
    return (j > i - W) & (j <= i)
    # END SOLUTION


def receptive_field(L: int, W: int) -> int:
    """From how many tokens the output for one token depends, after L >= 1 layers with a window of W >= 1: itself included.

    In each layer a token sees W - 1 tokens before itself. The sequence is long enough.

    >>> receptive_field(1, 4), receptive_field(2, 4)
    (4, 7)
    """
    # BEGIN SOLUTION
    return L * (W - 1) + 1
    # END SOLUTION


class RollingCache:
    """Keys and values of the newest W tokens of one layer, in memory for W tokens that is taken once.

    >>> cache = RollingCache(1, 1, 2, 1)
    >>> x = tensor([[[[5.0], [6.0], [7.0]]]])
    >>> done = cache.append(x, -x, tensor([0, 1, 2]))
    >>> cache.get()[2].sort()[0]  # of position 0 nothing is left
    tensor([1, 2])
    >>> cache.get()[1].sum()
    tensor(-13.)
    """

    def __init__(self, B: int, G: int, W: int, D: int, dtype: torch.dtype = torch.float32) -> None:
        """An empty cache for B sequences, with room for W >= 1 tokens of each."""
        # BEGIN SOLUTION
        self.k, self.v = (torch.zeros(B, G, W, D, dtype=dtype) for _ in "kv")
        self.positions = torch.full((W,), -1)
        # END SOLUTION

    def append(self, k: Tensor, v: Tensor, pos: Tensor) -> None:
        """Keep k and v, (B, G, t, D), of t >= 1 new tokens; what is older than the newest W tokens is forgotten.

        pos: int64 (t,), their positions, which follow each other. The first call may begin at any position >= 0, and each later call
        begins behind the
            newest token of the call before. t may be larger than W: then the last W of the new tokens are kept.

        Position p goes into the slot p mod W, in place of position p - W: nothing else is moved. (You may also keep the tokens in another
        way, if the memory stays the same.) Numbers of another dtype are converted to the cache's. The cache is for generation: it keeps
        numbers without their graph.
        """
        # BEGIN SOLUTION
        W = len(self.positions)
        pos = pos[-W:]
        slots = pos % W
        self.k[:, :, slots] = k[:, :, -W:].detach().to(self.k.dtype)
        self.v[:, :, slots] = v[:, :, -W:].detach().to(self.v.dtype)
        self.positions[slots] = pos
        # END SOLUTION

    def get(self) -> tuple[Tensor, Tensor, Tensor]:
        """What is kept: (k, v, positions) of the n newest tokens, n = W or as many as there are, also n = 0.

        k, v: (B, G, n, D), in the dtype of the cache. positions: int64 (n,). The tokens stand in any order, the same in all three: positions says
        which is which. What was returned stays as it is when more is appended.
        """
        # BEGIN SOLUTION
        used = self.positions >= 0
        return self.k[:, :, used], self.v[:, :, used], self.positions[used]
        # END SOLUTION


class Cache(Protocol):
    """What `attend` may ask of a cache. Nothing to write here: `RollingCache` is one, and so is any other object with these two methods."""

    def append(self, k: Tensor, v: Tensor, pos: Tensor) -> None:
        """As `RollingCache.append`. Others may keep more than W tokens."""

    def get(self) -> tuple[Tensor, Tensor, Tensor]:
        """As `RollingCache.get`: tokens in any order, and perhaps more of them than a window has."""


def attend(q: Tensor, k: Tensor, v: Tensor, pos: Tensor, cache: Cache, W: int) -> Tensor:
    """Attention of t new tokens to a window of W tokens: to new ones, and to older ones that are in the cache.

    q: (B, H, t, D), k and v: (B, G, t, D), of the new tokens; queries and keys are rotated already. pos: int64 (t,), their positions,
    which follow each other and those in the cache; t may be larger than W.

    The token at position i sees the keys, old or new, at the positions j with i - W < j <= i. Scores are q · k / √D. The first of the new
    tokens still sees W - 1 old ones, and the last one perhaps none: so the cache is asked *before* new tokens push old ones out. `get` and
    `append` are called once each, `append` with k, v and pos as they are. So tokens that are fed in pieces get the result of all at once.

    Returns (B, H, t, D), in the dtype of q, k and v, which the cache has too, and everything is computed in that dtype: float64 is exact
    to 1e-10. (Hugging Face computes the softmax in float32: one check, and no other, tells the difference.) Gradients flow to q, k and v.

    >>> one = torch.ones(1, 1, 3, 1)
    >>> attend(one, one, tensor([[[[2.0], [4.0], [8.0]]]]), tensor([0, 1, 2]), RollingCache(1, 1, 2, 1), 2).flatten()
    tensor([2., 3., 6.])
    """
    # BEGIN SOLUTION
    old_k, old_v, old = cache.get()
    cache.append(k, v, pos)
    k, v, j = torch.cat([old_k, k], dim=2), torch.cat([old_v, v], dim=2), torch.cat([old, pos])
    visible = (j > pos[:, None] - W) & (j <= pos[:, None])  # (t, n + t)
    groups = q.unflatten(1, (k.shape[1], -1))  # (B, G, H/G, t, D): the heads of a group share keys that are not copied
    scores = groups @ k[:, :, None].mT * q.shape[-1] ** -0.5  # (B, G, H/G, t, n + t)
    weights = scores.masked_fill(~visible, -torch.inf).softmax(-1)
    return (weights @ v[:, :, None]).flatten(1, 2)
    # END SOLUTION


def chunked_prefill(step: Callable[[Tensor, Tensor], Tensor], ids: Tensor, chunk: int) -> Tensor:
    """Feed a prompt in chunks, so that no more than `chunk` tokens are worked on at once.

    step(ids, pos): a model with caches: takes (B, t) tokens and their positions, int64 (t,), and gives (B, t, …) outputs. It is called for
    one chunk after the
        other, in order.
    ids: int64 (B, T), T >= 1. chunk: all chunks have this many tokens, only the last one may have fewer. ValueError if it is less than 1, and
        then step is not called.

    Returns the outputs for all tokens, (B, T, …).

    >>> chunked_prefill(lambda ids, pos: ids * 10 + pos, tensor([[7, 8, 9]]), 2)
    tensor([[70, 81, 92]])
    >>> chunked_prefill(lambda ids, pos: ids, tensor([[7, 8, 9]]), 0)
    Traceback (most recent call last):
    ValueError: a chunk has at least one token
    """
    # BEGIN SOLUTION
    if chunk < 1:
        raise ValueError("a chunk has at least one token")
    positions = torch.arange(ids.shape[1], device=ids.device)
    pieces = [step(*piece) for piece in zip(ids.split(chunk, dim=1), positions.split(chunk), strict=True)]
    return torch.cat(pieces, dim=1)
    # END SOLUTION
