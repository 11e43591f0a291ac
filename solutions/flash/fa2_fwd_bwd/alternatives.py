"""Right ways to write flash/fa2_fwd_bwd, done differently."""

import math

import torch

from autograder.checks import alternative


def may_see(rows, columns, T, S, causal, window):
    at, j = torch.tensor([*rows])[:, None] + (S - T), torch.tensor([*columns])
    near = (at - j).abs() < (T + S + 1 if window is None else window)
    return near & (j <= at) if causal else near


@alternative("one head at a time, the log-sum-exp itself carried from tile to tile")
def fa2_forward(q, k, v, Br, Bc, causal=False, window=None):
    (B, H, T, D), (G, S) = q.shape, k.shape[1:3]
    work = torch.promote_types(q.dtype, torch.float32)
    o, lse = torch.zeros(B, H, T, D, dtype=work), torch.full((B, H, T), -math.inf, dtype=work)
    for b in range(B):
        for h in range(H):
            for i in range(0, T, Br):
                rows = range(i, min(i + Br, T))
                out, total = o[b, h, i : i + Br], lse[b, h, i : i + Br]
                for j in range(0, S, Bc):
                    columns = range(j, min(j + Bc, S))
                    sees = may_see(rows, columns, T, S, causal, window)
                    if not bool(sees.any()):
                        continue
                    g = h * G // H
                    s = q[b, h, i : i + Br].to(work) @ k[b, g, j : j + Bc].to(work).T * D**-0.5
                    s[~sees] = -math.inf
                    tile = torch.logsumexp(s, 1)
                    new = torch.logaddexp(total, tile)
                    safe = torch.where(new == -math.inf, 0.0, new)
                    out = out * torch.exp(total - safe)[:, None] + torch.exp(s - safe[:, None]) @ v[b, g, j : j + Bc].to(work)
                    total = new
                o[b, h, i : i + Br], lse[b, h, i : i + Br] = out, total
    return o.to(q.dtype), lse


@alternative("backwards in two passes: blocks of queries for dq, then blocks of keys for dk and dv")
def fa2_backward(q, k, v, o, lse, do, Br, Bc, causal=False, window=None):
    (B, H, T, D), (G, S) = q.shape, k.shape[1:3]
    work = torch.promote_types(q.dtype, torch.float32)
    delta = torch.stack([(do[:, :, t].to(work) * o[:, :, t].to(work)).sum(-1) for t in range(T)], -1) if T else lse
    level = torch.where(torch.isinf(lse), torch.zeros_like(lse), lse)

    def tile(i, j):
        sees = may_see(range(i, min(i + Br, T)), range(j, min(j + Bc, S)), T, S, causal, window)
        if not bool(sees.any()):
            return None
        q_i, do_i = q[:, :, i : i + Br].to(work), do[:, :, i : i + Br].to(work)
        k_j, v_j = (x[:, :, j : j + Bc].to(work).repeat_interleave(H // G, 1) for x in (k, v))
        s = torch.einsum("bhid,bhjd->bhij", q_i, k_j) / D**0.5
        p = torch.where(sees, torch.exp(s - level[:, :, i : i + Br, None]), 0.0)
        ds = p * (torch.einsum("bhid,bhjd->bhij", do_i, v_j) - delta[:, :, i : i + Br, None]) / D**0.5
        return q_i, k_j, do_i, p, ds

    dq = torch.zeros(B, H, T, D, dtype=work)
    for i in range(0, T, Br):
        for j in range(0, S, Bc):
            found = tile(i, j)
            if found:
                dq[:, :, i : i + Br] += torch.einsum("bhij,bhjd->bhid", found[4], found[1])
    dk, dv = torch.zeros(B, H, S, D, dtype=work), torch.zeros(B, H, S, D, dtype=work)
    for j in range(0, S, Bc):
        for i in range(0, T, Br):
            found = tile(i, j)
            if found:
                dk[:, :, j : j + Bc] += torch.einsum("bhij,bhid->bhjd", found[4], found[0])
                dv[:, :, j : j + Bc] += torch.einsum("bhij,bhid->bhjd", found[3], found[2])
    dk, dv = (x.unflatten(1, (G, H // G)).sum(2) for x in (dk, dv))
    return dq.to(q.dtype), dk.to(k.dtype), dv.to(v.dtype)


@alternative("keys outside as in version 1, dividing in every tile")
def fa2_forward(q, k, v, Br, Bc, causal=False, window=None):
    (B, H, T, D), (G, S) = q.shape, k.shape[1:3]
    work = torch.promote_types(q.dtype, torch.float32)
    o, lse = torch.zeros(B, H, T, D, dtype=work), torch.full((B, H, T), -math.inf, dtype=work)
    for j in range(0, S, Bc):
        for i in range(0, T, Br):
            sees = may_see(range(i, min(i + Br, T)), range(j, min(j + Bc, S)), T, S, causal, window)
            if not bool(sees.any()):
                continue
            k_j, v_j = (x[:, :, j : j + Bc].to(work).repeat_interleave(H // G, 1) for x in (k, v))
            s = q[:, :, i : i + Br].to(work) @ k_j.transpose(2, 3) / math.sqrt(D)
            s = torch.where(sees, s, -math.inf)
            old = lse[:, :, i : i + Br]
            new = torch.logaddexp(old, s.logsumexp(-1))
            safe = new.clamp_min(torch.finfo(work).min)
            o[:, :, i : i + Br] = (old - safe).exp()[..., None] * o[:, :, i : i + Br] + (s - safe[..., None]).exp() @ v_j
            lse[:, :, i : i + Br] = new
    return o.to(q.dtype), lse


@alternative("gradients of each tile from autograd, summed")
def fa2_backward(q, k, v, o, lse, do, Br, Bc, causal=False, window=None):
    (H, T, D), (G, S) = q.shape[1:], k.shape[1:3]
    work = torch.promote_types(q.dtype, torch.float32)
    sums = [torch.zeros(x.shape, dtype=work) for x in (q, k, v)]
    for i in range(0, T, Br):
        rows = slice(i, i + Br)
        delta = (do[:, :, rows].to(work) * o[:, :, rows].to(work)).sum(-1, keepdim=True)
        for j in range(0, S, Bc):
            sees = may_see(range(i, min(i + Br, T)), range(j, min(j + Bc, S)), T, S, causal, window)
            if not bool(sees.any()):
                continue
            columns = slice(j, j + Bc)
            with torch.enable_grad():
                tiles = [x.detach().to(work).requires_grad_() for x in (q[:, :, rows], k[:, :, columns], v[:, :, columns])]
                k_j, v_j = (x.repeat_interleave(H // G, 1) for x in tiles[1:])
                s = (tiles[0] @ k_j.mT / D**0.5).masked_fill(~sees, -math.inf)
                level = lse[:, :, rows, None].masked_fill(lse[:, :, rows, None] == -math.inf, 0.0)
                p = (s - level).exp()  # a weight moves by p · (its own score - what all scores do to lse), which is in delta
                value = (p * (do[:, :, rows].to(work) @ v_j.mT - delta)).sum()
                given = torch.autograd.grad(value, tiles)
            for total, part, where in zip(sums, given, (rows, columns, columns), strict=True):
                total[:, :, where] += part
    return tuple(total.to(x.dtype) for total, x in zip(sums, (q, k, v), strict=True))


@alternative("the context is set up apart, and everything smaller than float64 is computed in float64")
def fa2_forward(q, k, v, Br, Bc, causal=False, window=None):
    (B, H, T, D), (G, S) = q.shape, k.shape[1:3]
    outs, sums = [], []
    for i in range(0, T, Br):
        rows = torch.arange(i, min(i + Br, T))[:, None] + (S - T)
        q_i = q[:, :, i : i + Br].double()
        num, m = torch.zeros_like(q_i), torch.full(q_i.shape[:-1], -1e300, dtype=torch.float64)
        den = torch.zeros_like(m)
        for j in range(0, S, Bc):
            ahead = torch.arange(j, min(j + Bc, S)) - rows
            hidden = (causal & (ahead > 0)) | (ahead.abs() >= (window or T + S + 1))
            if bool(hidden.all()):
                continue
            k_j, v_j = (x[:, :, j : j + Bc].double().repeat_interleave(H // G, 1) for x in (k, v))
            s = (q_i @ k_j.mT / D**0.5).masked_fill(hidden, -math.inf)
            new = torch.maximum(m, s.amax(-1))
            shrink, p = (m - new).exp(), (s - new[..., None]).exp()
            num, den, m = num * shrink[..., None] + p @ v_j, den * shrink + p.sum(-1), new
        outs.append(num / den.clamp_min(1e-300)[..., None])
        sums.append(torch.where(den > 0, m + den.log(), -math.inf))
    wide = torch.promote_types(q.dtype, torch.float32)
    if not outs:
        return torch.zeros_like(q, memory_format=torch.contiguous_format), torch.zeros(B, H, 0, dtype=wide)
    return torch.cat(outs, 2).to(q.dtype), torch.cat(sums, 2).to(wide)


@alternative("the context is set up apart, and everything smaller than float64 is computed in float64")
class FA2(torch.autograd.Function):
    @staticmethod
    def forward(q, k, v, Br, Bc, causal, window):
        return fa2_forward(q, k, v, Br, Bc, causal=causal, window=window)[0]

    @staticmethod
    def setup_context(ctx, inputs, output):
        q, k, v, *ctx.rest = inputs
        ctx.save_for_backward(q, k, v)

    @staticmethod
    def backward(ctx, do):
        q, k, v = ctx.saved_tensors
        o, lse = fa2_forward(q, k, v, *ctx.rest)
        return *fa2_backward(q, k, v, o, lse, do, *ctx.rest), None, None, None, None


@alternative("counted tile by tile")
def non_matmul_flops(T, S, D, Bc, version):
    count = 0
    for j in range(0, S, Bc):
        width = min(Bc, S - j)
        count += T * (5 * width + 3 + D * {1: 2, 2: 1}.get(version, 0))
    if version == 2:
        count += T * D + 2 * T
    elif version != 1:
        raise ValueError("version 1 or 2")
    return count


alternative(
    "a kernel with other tiles, weights in float32, powers of two, and one index of the group's head",
    edit={
        "Br, Bc = 64, 32": "Br, Bc = 16, 64",
        "tl.dot(p.to(v_j.dtype), v_j, input_precision": "tl.dot(p, v_j.to(tl.float32), input_precision",
        "p, before = tl.exp(s - shift), tl.exp(m - shift)": "p, before = tl.exp2(1.4426950408889634 * (s - shift)), tl.exp2(1.4426950408889634 * (m - shift))",
        "head // H * G + head % H // (H // G)": "head // (H // G)",
    },
)
alternative(
    "a kernel that masks instead of ending early, and writes o = 0 and lse = -inf in cases of their own",
    edit={
        "tl.minimum(S, tl.max(last) + 1) if CAUSAL else S": "S",
        "m + tl.where(l == 0, 0.0, tl.log(tl.where(l == 0, 1.0, l)))": 'tl.where(l == 0, -float("inf"), m + tl.log(tl.maximum(l, 1e-30)))',
    },
)


@alternative("no kernel", misses=["a_kernel_gives_both"])
def fa2_triton(q, k, v, causal=False):
    raise NotImplementedError
