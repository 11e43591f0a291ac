"""Right implementations of position/alibi, done differently."""

import math

import torch
import torch.nn.functional as F

from autograder.checks import alternative


@alternative("slopes by recursion, as in the paper's code")
def alibi_slopes(H):
    def slopes(n):
        if math.log2(n).is_integer():
            start = 2 ** (-(2 ** -(math.log2(n) - 3)))
            return [start * start**i for i in range(n)]
        near = 2 ** math.floor(math.log2(n))
        return slopes(near) + slopes(2 * near)[0::2][: n - near]

    return torch.tensor(slopes(H), dtype=torch.float32)


@alternative("slopes as powers of one base, as in BLOOM")
def alibi_slopes(H):
    near = 2 ** math.floor(math.log2(H))
    base = torch.tensor(2 ** (-(2 ** -(math.log2(near) - 3))))
    slopes = torch.pow(base, torch.arange(1, 1 + near))
    if near != H:
        between = torch.tensor(2 ** (-(2 ** -(math.log2(2 * near) - 3))))
        slopes = torch.cat([slopes, torch.pow(between, torch.arange(1, 1 + 2 * (H - near), 2))])
    return slopes


@alternative("exponents in a tensor")
def alibi_slopes(H):
    n = 1
    while 2 * n <= H:
        n *= 2
    own, more = torch.arange(1, n + 1) / n, (2 * torch.arange(H - n) + 1) / (2 * n)
    return torch.exp2(-8 * torch.cat([own, more]).double()).float()


@alternative("the last rows of the whole square")
def alibi_bias(H, T, S):
    place = torch.arange(S, dtype=torch.float32)
    square = -(place[:, None] - place[None, :]).abs().expand(H, S, S) * _slopes(H).view(H, 1, 1)
    square = square.masked_fill(torch.ones(S, S, dtype=torch.bool).triu(1), -math.inf)
    return square[:, S - T :].contiguous()


@alternative("entry by entry")
def alibi_bias(H, T, S):
    slopes = _slopes(H).tolist()
    rows = [
        [[m * (s - (S - T + t)) if s <= S - T + t else -math.inf for s in range(S)] for t in range(T)] for m in slopes
    ]
    return torch.tensor(rows)


@alternative("slope times (j - i), and a mask that is added")
def alibi_bias(H, T, S):
    i, j = torch.arange(T).view(1, T, 1) + (S - T), torch.arange(S).view(1, 1, S)
    hidden = torch.full((T, S), -math.inf).triu(S - T + 1)
    return _slopes(H).view(H, 1, 1) * (j - i) + hidden


def _slopes(H):
    n = 2 ** (H.bit_length() - 1)
    first = [2 ** (-8 * h / n) for h in range(1, n + 1)]
    return torch.tensor(first + [2 ** (-4 * h / n) for h in range(1, 2 * n + 1, 2)][: H - n])


@alternative("BLOOM's form: slope times the key's position, and a boolean mask")
def alibi_attention(q, k, v):
    (H, T, D), S = q.shape[1:], k.shape[2]
    scores = q @ k.transpose(-1, -2) * D**-0.5 + (_slopes(H)[:, None, None] * torch.arange(S)).to(q)
    keep = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return torch.softmax(scores.masked_fill(~keep, -math.inf), dim=-1) @ v


@alternative("scaled_dot_product_attention with the bias as its mask")
def alibi_attention(q, k, v):
    (H, T), S = q.shape[1:3], k.shape[2]
    distance = torch.arange(S - T, S)[:, None] - torch.arange(S)
    bias = torch.where(distance < 0, -math.inf, -_slopes(H)[:, None, None] * distance)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))


@alternative("the bias as two more features of queries and keys")
def alibi_attention(q, k, v):
    (B, H, T, D), S = q.shape, k.shape[2]
    slopes = _slopes(H).to(q).view(1, H, 1, 1).expand(B, H, 1, 1)
    here, there = torch.arange(S - T, S).to(q).view(T, 1), torch.arange(S).to(q).view(S, 1)
    q = torch.cat([q / math.sqrt(D), -slopes * here, slopes.expand(B, H, T, 1)], dim=-1)
    k = torch.cat([k, torch.ones_like(k[..., :1]), there.expand(B, H, S, 1)], dim=-1)
    scores = torch.einsum("bhtd,bhsd->bhts", q, k).masked_fill(here < there.T, -math.inf)
    return torch.einsum("bhts,bhsd->bhtd", scores.softmax(dim=-1), v)


@alternative("query by query, over the keys that it may see")
def alibi_attention(q, k, v):
    (H, T, D), S = q.shape[1:], k.shape[2]
    rows = []
    for t in range(T):
        seen = S - T + t + 1
        bias = _slopes(H)[:, None].to(q) * torch.arange(1 - seen, 1).to(q)
        scores = (k[:, :, :seen] * q[:, :, t, None]).sum(-1) / math.sqrt(D) + bias
        rows.append((scores.softmax(-1)[..., None] * v[:, :, :seen]).sum(-2))
    return torch.stack(rows, dim=2)
