"""Softmax three ways."""

import torch
from torch import Tensor


def logsumexp(x: Tensor, dim: int) -> Tensor:
    return torch.exp(x).sum(dim).log()


def softmax(x: Tensor, dim: int, mask: Tensor | None = None) -> Tensor:
    e = torch.exp(x)
    if mask is not None:
        e = torch.where(mask, e, torch.zeros_like(e))
    s = e.sum(dim, keepdim=True)
    return e / torch.where(s == 0, torch.ones_like(s), s)


def online_softmax(chunks):
    m, l = None, None
    for chunk in chunks:
        for x in chunk.clone():
            if m is None:
                m, l = x, torch.zeros_like(x) if x == float("-inf") else torch.ones_like(x)
            elif x > m:
                m, l = x, l * torch.exp(m - x) + 1
            elif x > float("-inf"):
                l = l + torch.exp(x - m)
    return m, l
