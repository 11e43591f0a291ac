"""Right implementations of quant/nf4, done differently."""

import math
import statistics

import torch

from autograder.checks import alternative


@alternative("the published table")
def nf4_codebook():
    return torch.tensor(
        [
            -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
            -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
            0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
        ]
    )  # fmt: skip


@alternative("quantiles from the standard library")
def nf4_codebook():
    normal = statistics.NormalDist()
    p = 0.9677083
    up = [normal.inv_cdf(p + (0.5 - p) * i / 8) for i in range(8)]
    down = [-normal.inv_cdf(p + (0.5 - p) * i / 7) for i in range(7)]
    return torch.tensor(sorted([*up, *down, 0.0])) / up[0]


@alternative("the smallest distance to all sixteen levels")
def quantize_nf4(w, block=64):
    flat = w.reshape(-1).to(torch.float32)
    n = math.ceil(len(flat) / block)
    blocks = torch.zeros(n * block, device=w.device)
    blocks[: len(flat)] = flat
    blocks = blocks.reshape(n, block)
    absmax = blocks.abs().max(dim=1).values
    scaled = (blocks / absmax.unsqueeze(1)).nan_to_num(0.0)
    codes = (scaled.unsqueeze(-1) - nf4_codebook().to(w.device)).abs().argmin(-1).flatten()
    return (codes[0::2] * 16 + codes[1::2]).to(torch.uint8), absmax


@alternative("searchsorted, multiplied by 1 / absmax, one block after another")
def quantize_nf4(w, block=64):
    levels = nf4_codebook().to(w.device)
    bounds = levels[:-1] + (levels[1:] - levels[:-1]) / 2
    packed, scales = [], []
    for part in w.flatten().float().split(block):
        top = part.abs().max()
        scaled = part * (1 / top) if top >= 1e-30 else part / (top if top > 0 else 1)
        codes = torch.full((block,), 7, device=w.device)
        codes[: len(part)] = torch.searchsorted(bounds, scaled)
        packed.append((codes[::2].bitwise_left_shift(4) | codes[1::2]).to(torch.uint8))
        scales.append(top)
    return torch.cat(packed), torch.stack(scales)


@alternative("divisions and remainders, repeated absmaxes")
def dequantize_nf4(packed, absmax, shape, block=64):
    levels = nf4_codebook().to(packed.device)
    values = packed.new_empty(2 * len(packed), dtype=torch.float32)
    values[0::2] = levels[(packed // 16).long()]
    values[1::2] = levels[(packed % 16).long()]
    values *= absmax.repeat_interleave(block)
    return values[: math.prod(shape)].reshape(shape)


@alternative("padded to whole blocks, in rows")
def double_quant(absmax, block=256):
    offset = absmax.double().mean().float()
    n = len(absmax)
    rows = torch.zeros(-(-n // block) * block)
    rows[:n] = absmax - offset
    rows = rows.view(-1, block)
    scales = rows.abs().amax(1) / 127.0
    codes = (rows / scales.unsqueeze(1)).nan_to_num(0.0).round().add(128)
    return codes.flatten()[:n].to(torch.uint8), scales, offset


@alternative("padded to whole blocks, in rows")
def double_dequant(codes, scales, offset, block=256):
    out = [(part.int() - 128) * scale + offset for part, scale in zip(codes.split(block), scales, strict=True)]
    return torch.cat(out)


@alternative("in one fraction")
def bits_per_parameter(block=64, second=None):
    if second is None:
        return (4 * block + 32) / block
    return (4 * block * second + 8 * second + 32) / (block * second)


@alternative("levels in float32 from the start: off by 1e-7, which the docstring accepts")
def nf4_codebook():
    p = 0.9677083
    positive = torch.special.ndtri(torch.linspace(p, 0.5, 9)[:-1])
    negative = -torch.special.ndtri(torch.linspace(p, 0.5, 8)[:-1])
    return torch.cat([negative, torch.zeros(1), positive.flip(0)]) / positive[0]
