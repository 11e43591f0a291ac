"""Small parts for blocks of a Transformer: what stands in the place of attention and of the feed-forward network.

Experiments import them. Each part has one linear layer, `out`, and keeps what it was called with in `seen`, so that an experiment
can return what a block let its parts read. They are cheap, and the two differ: one that is called for the other shows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Mix(nn.Module):
    """In the place of attention: a token gets the mean of the tokens up to it, times a matrix. It keeps what it was called with.

    attn = Mix(4)
    attn(x)                            # (…, T, 4) → (…, T, 4)
    attn.seen                          # [x], without its graph
    """

    def __init__(self, C: int) -> None:
        super().__init__()
        self.out = nn.Linear(C, C)
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach())
        return self.out(x.cumsum(-2) / torch.arange(1, x.shape[-2] + 1, dtype=x.dtype)[:, None])


class Feed(Mix):
    """In the place of a feed-forward network: each token by itself, through a matrix and a tanh."""

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach())
        return self.out(x).tanh() * 2
