"""Right ways to write quant/int8_outliers, done differently."""

import torch

from autograder.checks import alternative


@alternative("multiplied by 127 / absmax; loops over vectors")
def quantize_rows(x):
    flat = x.detach().reshape(-1, x.shape[-1])
    codes, scales = [], []
    for row in flat:
        top = row.abs().max()
        codes.append((row * (127 / top)).round().to(torch.int8) if top > 0 else torch.zeros(len(row), dtype=torch.int8))
        scales.append(top / 127 if top > 0 else torch.ones((), dtype=x.dtype))
    return torch.stack(codes).reshape(x.shape), torch.stack(scales).reshape(*x.shape[:-1], 1)


@alternative("norms, clamped codes")
def quantize_rows(x):
    with torch.no_grad():
        top = torch.linalg.vector_norm(x, float("inf"), dim=-1, keepdim=True)
        s = (top / 127).masked_fill(top == 0, 1)
        return (x / s).round().clamp(-127, 127).char(), s


@alternative("a set of columns, in Python")
def outlier_columns(x, threshold=6.0):
    if not threshold > 0:
        raise ValueError(threshold)
    found = {c for row in x.detach().reshape(-1, x.shape[-1]).tolist() for c, value in enumerate(row) if value >= threshold or value <= -threshold}
    return torch.tensor(sorted(found), dtype=torch.int64)


@alternative("the largest |x| of each column")
def outlier_columns(x, threshold=6.0):
    if threshold <= 0.0:
        raise ValueError("threshold")
    top = x.detach().abs()
    while top.ndim > 1:
        top = top.amax(0)
    return torch.where(top >= threshold)[0]


@alternative("regular columns are cut out; integers of 32 bits")
def llm_int8_matmul(x, W, threshold=6.0):
    with torch.no_grad():
        flat = x.reshape(-1, x.shape[-1])
        apart = set(outlier_columns(flat, threshold).tolist())
        keep = [c for c in range(flat.shape[1]) if c not in apart]
        wq, sw = quantize_rows(W)
        out = torch.zeros(len(flat), len(W), dtype=x.dtype)
        if keep:
            xq, sx = quantize_rows(flat[:, keep])
            out = (xq.int() @ wq[:, keep].int().T).to(x.dtype) * (sx * sw.T)
        for c in apart:
            out = out + flat[:, c : c + 1] * W[:, c]
        return out.reshape(*x.shape[:-1], -1)


@alternative("scales into the codes first; a mask and einsum")
def llm_int8_matmul(x, W, threshold=6.0):
    x, W = x.detach(), W.detach()
    mask = torch.zeros(x.shape[-1], dtype=x.dtype)
    mask[outlier_columns(x, threshold)] = 1
    xq, sx = quantize_rows(x * (1 - mask))
    wq, sw = quantize_rows(W)
    return torch.einsum("...c,oc->...o", xq * sx, wq * sw) + torch.nn.functional.linear(x * mask, W)


@alternative("logarithms")
def smoothquant_scales(ax, aw, alpha=0.5):
    if alpha < 0 or alpha > 1:
        raise ValueError(alpha)
    up, down = ax.detach().double(), aw.detach().double().clamp(min=1e-5)
    up = torch.ones_like(up) if alpha == 0 else (alpha * up.log()).exp()
    return torch.maximum(up * ((alpha - 1) * down.log()).exp(), torch.tensor(1e-5, dtype=torch.float64)).to(ax.dtype)


@alternative("one batch and one linear after the other; new values copied in")
def apply_smooth(norm, linears, batches, alpha=0.5):
    with torch.no_grad():
        ax = torch.zeros_like(norm.weight)
        for batch in batches:
            ax = torch.maximum(ax, batch.abs().reshape(-1, len(ax)).max(0).values)
        aw = linears[0].weight.abs().max(0).values
        for linear in linears[1:]:
            aw = torch.maximum(aw, linear.weight.abs().max(0).values)
        s = smoothquant_scales(ax, aw, alpha)
        for parameter in norm.parameters():
            parameter.copy_(parameter / s)
        for linear in linears:
            linear.weight.copy_(linear.weight * s[None])
    return s


@alternative("through .data")
def apply_smooth(norm, linears, batches, alpha=0.5):
    rows = torch.cat([batch.detach().flatten(0, -2) if batch.ndim > 1 else batch.detach()[None] for batch in batches])
    weights = torch.cat([linear.weight.data for linear in linears])
    s = smoothquant_scales(rows.abs().amax(0), weights.abs().amax(0), alpha)
    norm.weight.data = norm.weight.data / s
    if getattr(norm, "bias", None) is not None:
        norm.bias.data = norm.bias.data / s
    for linear in linears:
        linear.weight.data = torch.einsum("oc,c->oc", linear.weight.data, s)
    return s
