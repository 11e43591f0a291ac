"""Right ways to write flash/flash_decoding, done differently."""

import math
from fractions import Fraction

import numpy as np
import torch

from autograder.checks import alternative


@alternative("scores of all keys, hidden outside of each part: right, but all keys are converted at once", misses=["parts_are_converted_one_at_a_time"])
def split_kv_attention(q, k, v, bounds):
    S, D = k.shape[2:]
    if list(bounds) != sorted(bounds) or bounds[:1] != [0] or bounds[1:][-1:] != [S]:
        raise ValueError("bounds")
    wide = torch.float64 if q.dtype == torch.float64 else torch.float32
    scores = torch.einsum("bhtd,bhsd->bhts", q.to(wide), k.to(wide)) * D**-0.5
    at, cuts = torch.arange(S), torch.tensor(bounds)
    inside = (at >= cuts[:-1, None]) & (at < cuts[1:, None])  # (n, S)
    s = scores.masked_fill(~inside[:, None, None, None], -math.inf)
    lse = s.logsumexp(-1)
    p = (s - torch.where(lse == -math.inf, 0.0, lse)[..., None]).exp()
    return torch.einsum("nbhts,bhsd->nbhtd", p, v.to(wide)), lse


@alternative("scores of all keys, hidden outside of each part; merged by a softmax over the parts")
def combine(o, lse):
    wide = torch.promote_types(o.dtype, torch.float32)
    level = lse.to(wide)
    weights = torch.where(torch.isneginf(level).all(0), 0.0, level.softmax(0))
    parts = torch.where(torch.isneginf(level)[..., None], 0.0, o.to(wide))
    return torch.einsum("n...,n...d->...d", weights, parts).to(o.dtype), torch.logsumexp(level, 0).to(lse.dtype)


@alternative("online: one part after the other, with a maximum that rises")
def combine(o, lse):
    wide = torch.promote_types(o.dtype, torch.float32)
    acc, level, mass = torch.zeros_like(o[0], dtype=wide), torch.full_like(lse[0], -math.inf, dtype=wide), torch.zeros_like(lse[0], dtype=wide)
    for part, own in zip(o.to(wide), lse.to(wide), strict=True):
        new = torch.maximum(level, own)
        safe = torch.where(new == -math.inf, 0.0, new)
        part = torch.where((own == -math.inf)[..., None], 0.0, part)
        keep, add = (level - safe).exp(), (own - safe).exp()
        acc, mass, level = keep[..., None] * acc + add[..., None] * part, keep * mass + add, new
    return (acc / mass.clamp_min(1e-30)[..., None]).to(o.dtype), (level + mass.log()).to(lse.dtype)


@alternative("as ring attention merges two at a time: logaddexp and sigmoid; a tree by recursion")
def combine(o, lse):
    wide = torch.promote_types(o.dtype, torch.float32)
    out, level = o[0].to(wide), lse[0].to(wide)
    out = torch.where((level == -math.inf)[..., None], 0.0, out)
    for i in range(1, len(o)):
        other = lse[i].to(wide)
        gap = torch.where((level == -math.inf) & (other == -math.inf), 0.0, other - level)
        share = torch.sigmoid(gap)[..., None]
        fresh = torch.where((other == -math.inf)[..., None], 0.0, o[i].to(wide))
        out, level = out * (1 - share) + fresh * share, torch.logaddexp(level, other)
    return out.to(o.dtype), level.to(lse.dtype)


@alternative("as ring attention merges two at a time: logaddexp and sigmoid; a tree by recursion")
def tree_combine(o, lse):
    n = len(o)
    if n == 1:
        return *combine(o, lse), 0
    half = 1 << ((n - 1).bit_length() - 1)  # the largest power of two below n
    left, right = tree_combine(o[:half], lse[:half]), tree_combine(o[half:], lse[half:])
    merged = combine(torch.stack([left[0], right[0]]), torch.stack([left[1], right[1]]))
    return *merged, 1 + max(left[2], right[2])


@alternative("padded to a power of two, half and half; splits with fractions")
def tree_combine(o, lse):
    rounds = (len(o) - 1).bit_length()
    missing = 2**rounds - len(o)
    o = torch.cat([o, o.new_zeros(missing, *o.shape[1:])])
    lse = torch.cat([lse, lse.new_full((missing, *lse.shape[1:]), -math.inf)])
    o = torch.where((lse == -math.inf)[..., None], torch.zeros_like(o), o)
    for _ in range(rounds):
        o, lse = combine(o.unflatten(0, (-1, 2)).transpose(0, 1), lse.unflatten(0, (-1, 2)).transpose(0, 1))
    return o[0].clone(), lse[0].clone(), rounds


@alternative("padded to a power of two, half and half; splits with fractions")
def choose_splits(B, H, n_sm, S, block=128):
    blocks = (S + block - 1) // block
    if 8 * n_sm <= 10 * B * H:
        return 1
    longest, found = None, []
    for n in range(1, 1 + min([128, n_sm, blocks])):
        length = (blocks + n - 1) // n
        if length != longest:
            waves = Fraction(B * H * n, n_sm)
            found.append((n, waves / math.ceil(waves)))
        longest = length
    enough = max(each for _, each in found) * Fraction(85, 100)
    return next(n for n, each in found if each >= enough)


@alternative("NumPy in float64, head by head")
def split_kv_attention(q, k, v, bounds):
    B, H, S, D = k.shape
    if len(bounds) <= 1 or bounds[0] or bounds[-1] - S or min(np.diff(bounds)) < 0:
        raise ValueError(str(bounds))
    wide = torch.promote_types(q.dtype, torch.float32)
    n = len(bounds) - 1
    outs, sums = np.zeros((n, B, H, 1, D)), np.full((n, B, H, 1), -np.inf)
    for p in range(n):
        part = slice(bounds[p], bounds[p + 1])
        for b in range(B):
            for h in range(H):
                own = k[b, h, part].double().numpy(), v[b, h, part].double().numpy()
                s = own[0] @ q[b, h, 0].double().numpy() / math.sqrt(D)
                if len(s):
                    e = np.exp(s - s.max())
                    outs[p, b, h, 0], sums[p, b, h, 0] = e @ own[1] / e.sum(), s.max() + np.log(e.sum())
    return torch.from_numpy(outs).to(wide), torch.from_numpy(sums).to(wide)


alternative(
    "a kernel with blocks of 64 keys, powers of two, and the scale in the query",
    edit={
        "triton.next_power_of_2(D), 32)": "max(16, triton.next_power_of_2(D)), 64)",
        "p, before = tl.exp(s - m_new), tl.exp(m - m_new)": "p, before = tl.exp2(1.4426950408889634 * (s - m_new)), tl.exp2(1.4426950408889634 * (m - m_new))",
        "other=0.0).to(tl.float32)[None, :]": "other=0.0).to(tl.float32)[None, :] * scale",
        "tl.sum(q_i * k_j, 1)[:, None] * scale": "tl.sum(q_i * k_j, 1)[:, None]",
    },
)
alternative(
    "a kernel whose grid has heads before parts",
    edit={
        "tl.program_id(0), tl.program_id(1).to(tl.int64), tl.num_programs(1)": "tl.program_id(1), tl.program_id(0).to(tl.int64), tl.num_programs(0)",
        "_decode[n, B * H]": "_decode[B * H, n]",
    },
)


@alternative("no kernel", misses=["a_kernel_does_every_part", "a_compiled_kernel_does_every_part"])
def decode_triton(q, k, v, n):
    raise NotImplementedError
