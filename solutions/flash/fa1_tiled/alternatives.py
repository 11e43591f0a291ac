"""Right tiled attention, done differently."""

import math

import torch

from autograder.checks import alternative


@alternative("FlashAttention-2: queries outside, an output that is divided once at the end")
def fa1_forward(q, k, v, Br, Bc, causal=False):
    (T, D), S = q.shape[-2:], k.shape[-2]
    dtype = torch.promote_types(q.dtype, torch.float32)
    rows = []
    for i in range(0, T, Br):
        q_i = q[..., i : i + Br, :].to(dtype) / math.sqrt(D)
        n = q_i.shape[-2]
        o = torch.zeros_like(q_i)
        m = q_i.new_full(q_i.shape[:-1], -math.inf)
        l = torch.zeros_like(m)  # noqa: E741
        sees = torch.arange(i, i + n) + S - T
        end = min(S, i + n + S - T) if causal else S
        for j in range(0, end, Bc):
            s = q_i @ k[..., j : j + Bc, :].to(dtype).transpose(-1, -2)
            if causal:
                s = torch.where(torch.arange(j, j + s.shape[-1]) <= sees[:, None], s, -math.inf)
            new = torch.maximum(m, s.max(-1).values)
            safe = torch.where(new.isinf(), torch.zeros_like(new), new)
            scale = torch.exp(m - safe)
            p = torch.exp(s - safe.unsqueeze(-1))
            l = scale * l + p.sum(-1)  # noqa: E741
            o = scale.unsqueeze(-1) * o + p @ v[..., j : j + Bc, :].to(dtype)
            m = new
        rows.append((o / torch.where(l == 0, torch.ones_like(l), l).unsqueeze(-1), m, l))
    o, m, l = (torch.cat([row[n] for row in rows], 2) for n in range(3))  # noqa: E741
    return o.to(q.dtype), m, l


@alternative("einsum, and the log of the sum carried instead of maximum and sum for the output")
def fa1_forward(q, k, v, Br, Bc, causal=False):
    B, H, T, D = q.shape
    S = k.size(2)
    work = torch.float64 if q.dtype == torch.float64 else torch.float32
    o = torch.zeros(B, H, T, D, dtype=work)
    m = torch.full((B, H, T), -math.inf, dtype=work)
    lse = torch.full((B, H, T), -math.inf, dtype=work)
    for j in range(0, S, Bc):
        for i in range(0, T, Br):
            stop = min(i + Br, T)
            if causal and stop - 1 + S - T < j:
                continue
            s = torch.einsum("bhid,bhjd->bhij", q[:, :, i:stop].to(work), k[:, :, j : j + Bc].to(work)) * D**-0.5
            if causal:
                s += torch.full(s.shape[-2:], -math.inf, dtype=work).triu(i - j + S - T + 1)
            new = torch.logaddexp(lse[:, :, i:stop], s.logsumexp(-1))
            safe = torch.where(new == -math.inf, 0.0, new)
            weight = torch.exp(lse[:, :, i:stop] - safe)
            o[:, :, i:stop] = o[:, :, i:stop] * weight[..., None] + torch.einsum(
                "bhij,bhjd->bhid", torch.exp(s - safe[..., None]), v[:, :, j : j + Bc].to(work)
            )
            lse[:, :, i:stop] = new
            m[:, :, i:stop] = torch.maximum(m[:, :, i:stop], s.amax(-1))
    l = torch.exp(lse - torch.where(m == -math.inf, 0.0, m))  # noqa: E741
    return o.to(q.dtype), m, l


@alternative("one head and one batch entry at a time")
def fa1_forward(q, k, v, Br, Bc, causal=False):
    B, H, T, D = q.shape
    S = k.shape[2]
    dtype = torch.promote_types(q.dtype, torch.float32)
    o, m, l = torch.zeros(B, H, T, D, dtype=dtype), torch.full((B, H, T), -math.inf, dtype=dtype), None  # noqa: E741
    l = torch.zeros(B, H, T, dtype=dtype)  # noqa: E741
    for b in range(B):
        for h in range(H):
            for i in range(0, T, Br):
                rows = range(i, min(i + Br, T))
                for j in range(0, S, Bc):
                    if causal and rows[-1] + S - T < j:
                        break
                    s = (q[b, h, i : i + Br].to(dtype) @ k[b, h, j : j + Bc].to(dtype).T) * (1 / math.sqrt(D))
                    if causal:
                        for n, row in enumerate(rows):
                            s[n, max(row + S - T + 1 - j, 0) :] = -math.inf
                    old = m[b, h, i : i + Br].clone()
                    new = torch.maximum(old, s.amax(1))
                    p = torch.nan_to_num(torch.exp(s - new[:, None]), nan=0.0)
                    keep = torch.nan_to_num(torch.exp(old - new), nan=0.0)
                    l[b, h, i : i + Br] = keep * l[b, h, i : i + Br] + p.sum(1)
                    o[b, h, i : i + Br] = keep[:, None] * o[b, h, i : i + Br] + p @ v[b, h, j : j + Bc].to(dtype)
                    m[b, h, i : i + Br] = new
    return (o / l.clamp_min(1e-30)[..., None]).to(q.dtype), m, l


@alternative("block sizes and counts in whole numbers, summed over the loop of Algorithm 1")
def block_sizes(M, D):
    Bc = -(-M // (4 * D))
    return (Bc if Bc < D else D), Bc


@alternative("block sizes and counts in whole numbers, summed over the loop of Algorithm 1")
def hbm_accesses(T, D, M, algo):
    if algo == "std":
        return 2 * T * D + T * T + 2 * T * T + T * T + 2 * T * D
    if algo == "flash":
        Br, Bc = block_sizes(M, D)
        count = T * D + 2 * T
        for j in range(0, T, Bc):
            count += 2 * min(Bc, T - j) * D
            for i in range(0, T, Br):
                rows = min(Br, T - i)
                count += rows * (D + D + 2) + rows * (D + 2)
        return count
    raise ValueError(algo)


alternative(
    "a kernel with other tiles, weights in float32, and powers of two",
    edit={
        "Br, Bc = 64, 32": "Br, Bc = 16, 64",
        "tl.dot(p.to(v_j.dtype), v_j, input_precision": "tl.dot(p, v_j.to(tl.float32), input_precision",
        "p = tl.exp(s - shift)": "p = tl.exp2(1.4426950408889634 * (s - shift))",
        "before = tl.exp(m - shift)": "before = tl.exp2(1.4426950408889634 * (m - shift))",
    },
)
alternative(
    "a kernel that takes the scale into the queries and masks instead of ending early",
    edit={
        'input_precision="ieee") * scale': 'input_precision="ieee")',
        "mask=(i < T) & (d < D), other=0.0)": "mask=(i < T) & (d < D), other=0.0)\n        q_i = (q_i * scale).to(q_i.dtype)",
        "tl.minimum(S, tl.max(last) + 1) if CAUSAL else S": "S",
    },
)


@alternative(
    "no kernel",
    misses=["a_kernel_gives_the_same", "a_kernel_rounds_no_more_than_standard_attention", "long_sequences_fit"],
)
def fa1_triton(q, k, v, causal=False):
    raise NotImplementedError
