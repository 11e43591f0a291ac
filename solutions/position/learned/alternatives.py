"""Right ways to write position/learned, done differently."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative


@alternative("a kind of nn.Embedding, as OPT has it")
class LearnedPositions(nn.Embedding):
    def __init__(self, max_len, C, offset=0, padding_idx=None):
        super().__init__(max_len + offset, C, padding_idx)
        nn.init.normal_(self.weight, 0.0, 0.02)
        if padding_idx is not None:
            self.weight.data[padding_idx].zero_()
        self.offset = offset

    def forward(self, position_ids):
        return super().forward(position_ids + self.offset)


@alternative("a product with rows of the unit matrix")
class LearnedPositions(nn.Module):
    def __init__(self, max_len, C, offset=0, padding_idx=None):
        super().__init__()
        self.first, self.pad = offset, padding_idx
        start = torch.randn(max_len + offset, C) / 50
        if padding_idx is not None:
            start[padding_idx, :] = 0.0
        self.weight = nn.Parameter(start)

    def forward(self, position_ids):
        rows = position_ids + self.first
        n = self.weight.shape[0]
        if bool(((rows < 0) | (rows >= n)).any()):
            raise IndexError("no such position")
        weight = self.weight
        if self.pad is not None:
            fixed = torch.zeros(n, 1, dtype=torch.bool)
            fixed[self.pad] = True
            weight = torch.where(fixed, weight.detach(), weight)
        return torch.eye(n, dtype=weight.dtype)[rows] @ weight


@alternative("index_select, with the rows checked first and a hook for the padding row")
class LearnedPositions(nn.Module):
    def __init__(self, max_len, C, offset=0, padding_idx=None):
        super().__init__()
        self.offset, self.rows = offset, max_len + offset
        self.weight = nn.Parameter(torch.normal(0.0, 0.02, (self.rows, C)))
        self.keep = torch.ones(self.rows, 1)
        if padding_idx is not None:
            self.weight.data[padding_idx] = 0
            self.keep[padding_idx] = 0

    def forward(self, position_ids):
        flat = position_ids.reshape(-1) + self.offset
        if len(flat) and not 0 <= int(flat.min()) <= int(flat.max()) < self.rows:
            raise IndexError(f"positions go from {-self.offset} to {self.rows - self.offset - 1}")
        keep = self.keep.to(self.weight.dtype)
        weight = self.weight * keep + self.weight.detach() * (1 - keep)
        return weight.index_select(0, flat).reshape(*position_ids.shape, self.weight.shape[1])


@alternative("a loop over tokens")
def position_ids_from_mask(mask):
    result = torch.zeros(mask.shape, dtype=torch.int64)
    for b, row in enumerate(mask.tolist()):
        n = 0
        for t, real in enumerate(row):
            if real:
                result[b, t] = n
                n += 1
    return result


@alternative("as Hugging Face's generate does it")
def position_ids_from_mask(mask):
    position_ids = mask.long().cumsum(-1) - 1
    return position_ids.masked_fill(mask == 0, 0)


@alternative("a product with a triangle of ones, and NumPy")
def position_ids_from_mask(mask):
    real = mask.numpy().astype(np.int64)
    before = real @ np.triu(np.ones((real.shape[1],) * 2, dtype=np.int64), 1)
    return torch.from_numpy(before * real)


@alternative("as fairseq and transformers do it")
def roberta_position_ids(ids, pad):
    mask = ids.ne(pad).int()
    return (torch.cumsum(mask, dim=1).type_as(mask) * mask).long() + pad


@alternative("scattered to the places of real tokens")
def roberta_position_ids(ids, pad):
    result = torch.full_like(ids, pad, dtype=torch.int64)
    for b in range(ids.shape[0]):
        (places,) = torch.nonzero(ids[b] != pad, as_tuple=True)
        result[b, places] = torch.arange(1, len(places) + 1) + pad
    return result


@alternative("F.interpolate, and a table of pairs")
def extend_positions(w, new_len, mode, alpha=0.4):
    if mode == "linear":
        return F.interpolate(w.T[None], size=new_len, mode="linear", align_corners=False)[0].T.clone()
    if mode != "hier":
        raise ValueError(mode)
    M = w.shape[0]
    if new_len > M**2:
        raise ValueError(new_len)
    u = (w - alpha * w[:1]) / (1 - alpha)
    return (alpha * u[:, None] + (1 - alpha) * u[None]).reshape(M * M, -1)[:new_len].clone()


@alternative("row by row")
def extend_positions(w, new_len, mode, alpha=0.4):
    M, rows = w.shape[0], []
    if mode not in ("linear", "hier") or (mode == "hier" and new_len > M * M):
        raise ValueError("no such table")
    for n in range(new_len):
        if mode == "linear":
            x = min(max((2 * n + 1) * M / (2 * new_len) - 0.5, 0.0), M - 1.0)
            j = int(x)
            right = w[j + 1] if j + 1 < M else w[j]
            rows.append(torch.lerp(w[j], right, x - j))
        elif n < M:
            rows.append(w[n].clone())  # row 0 · M + n is w[n]
        else:
            i, j = divmod(n, M)
            rows.append((alpha * w[i] + (1 - alpha) * w[j] - alpha * w[0]) / (1 - alpha))
    return torch.stack(rows)


@alternative("a matrix of shares")
def extend_positions(w, new_len, mode, alpha=0.4):
    M = w.shape[0]
    shares = np.zeros((new_len, M))
    if mode == "linear":
        x = (np.arange(new_len) + 0.5) * M / new_len - 0.5
        for m in range(M):
            shares[:, m] = np.interp(x, np.arange(M), np.eye(M)[m])
    elif mode == "hier" and new_len <= M * M:
        n = np.arange(new_len)
        np.add.at(shares, (n, n // M), alpha / (1 - alpha))
        np.add.at(shares, (n, n % M), 1.0)
        shares[:, 0] -= alpha / (1 - alpha)
    else:
        raise ValueError(f"{mode}, {new_len}")
    return torch.from_numpy(shares).to(w.dtype) @ w
