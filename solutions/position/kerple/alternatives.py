"""Right ways to write position/kerple, done differently."""

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


@alternative("the logarithm of 1 + r2·d, distances by a loop, ranges through .data as in the paper's code")
class KerpleLog(nn.Module):
    def __init__(self, H):
        super().__init__()
        self.r1 = nn.Parameter(torch.rand(H) * 2)
        self.r2 = nn.Parameter(torch.rand(H) * 1)

    def forward(self, T, S):
        self.r1.data = self.r1.data.clamp(min=1e-2)
        self.r2.data = self.r2.data.clamp(min=1e-2)
        d = torch.tensor([[float(abs(t + S - T - s)) for s in range(S)] for t in range(T)], dtype=self.r1.dtype)
        return torch.stack([-a * torch.log(1 + b * d) for a, b in zip(self.r1, self.r2, strict=True)])


@alternative("distances as a buffer that is no part of the state, for all distances at once")
class KerpleLog(nn.Module):
    def __init__(self, H):
        super().__init__()
        self.r1 = nn.Parameter(torch.empty(H).uniform_(0, 2))
        self.r2 = nn.Parameter(torch.empty(H).uniform_(0, 1))

    def forward(self, T, S):
        for r in (self.r1, self.r2):
            r.data.masked_fill_(r.data < 0.01, 0.01)
        far = torch.arange(max(S, T), dtype=self.r1.dtype)
        row = torch.einsum("h,hd->hd", -self.r1, torch.log1p(torch.outer(self.r2, far)))  # (H, distances)
        index = (torch.arange(S)[None] - torch.arange(T)[:, None] - (S - T)).abs()
        return row[:, index]


@alternative("the power where distance is not 0, by exp and log")
class KerplePower(nn.Module):
    def __init__(self, H):
        super().__init__()
        self.r1, self.r2 = nn.Parameter(torch.rand(H)), nn.Parameter(torch.rand(H) * 2)

    @torch.no_grad()
    def settle(self):
        self.r1.copy_(torch.maximum(self.r1, torch.tensor(0.01)))
        self.r2.copy_(torch.minimum(torch.maximum(self.r2, torch.tensor(0.01)), torch.tensor(2.0)))

    def forward(self, T, S):
        self.settle()
        d = (torch.arange(S) - torch.arange(S - T, S)[:, None]).abs().to(self.r1.dtype)
        logarithm = d.clamp(min=1).log()
        bias = -self.r1.view(-1, 1, 1) * torch.exp(self.r2.view(-1, 1, 1) * logarithm)
        return bias * (d > 0)


@alternative("torch.pow, head by head")
class KerplePower(nn.Module):
    def __init__(self, H):
        super().__init__()
        self.r1 = nn.Parameter(torch.empty(H).uniform_())
        self.r2 = nn.Parameter(torch.empty(H).uniform_(0.0, 2.0))

    def forward(self, T, S):
        self.r1.data.clamp_(0.01)
        self.r2.data.clamp_(0.01, 2.0)
        distance = torch.cdist(
            torch.arange(S - T, S, dtype=self.r1.dtype)[:, None], torch.arange(S, dtype=self.r1.dtype)[:, None], p=1
        )
        heads = [torch.mul(torch.pow(distance, b), -a) for a, b in zip(self.r1, self.r2, strict=True)]
        return torch.cat([head[None] for head in heads])


@alternative("a basis of the vectors with sum 0")
def is_cpd_matrix(K, tol=1e-8):
    K = K.to(torch.float64)
    n = K.shape[0]
    if (K - K.T).abs().max().item() > tol:
        return False
    if n == 1:
        return True
    ones = torch.ones(n, 1, dtype=torch.float64)
    Q = torch.linalg.qr(torch.cat([ones, torch.eye(n, dtype=torch.float64)[:, : n - 1]], 1)).Q[:, 1:]
    return torch.linalg.eigvalsh(Q.T @ (K + K.T) @ Q / 2)[0].item() >= -tol


@alternative("NumPy, rows and columns centred")
def is_cpd_matrix(K, tol=1e-8):
    k = K.numpy().astype(np.float64)
    if np.abs(k - k.T).max() > tol:
        return False
    k = k - k.mean(0, keepdims=True)
    k = k - k.mean(1, keepdims=True)
    return bool(np.linalg.eigvalsh((k + k.T) / 2).min() >= -tol)
