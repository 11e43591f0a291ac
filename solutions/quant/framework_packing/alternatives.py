"""Right implementations of quant/framework_packing, done differently."""

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


@alternative("NumPy's unsigned words, one code after the other")
def pack_int32(codes, bits=4, order=None):
    values = codes.cpu().numpy().astype(np.int64)
    if bits not in {2, 4, 8} or values.shape[-1] % (32 // bits):
        raise ValueError("no whole words")
    if ((values < 0) | (values > (1 << bits) - 1)).any():
        raise ValueError("no such code")
    per = 32 // bits
    order = tuple(range(per)) if order is None else order
    words = np.zeros((*values.shape[:-1], values.shape[-1] // per), np.uint32)
    for i in range(per):
        words |= values[..., order[i] :: per].astype(np.uint32) << np.uint32(bits * i)
    return torch.from_numpy(words.view(np.int32)).to(codes.device)


@alternative("through the bytes of a word")
def unpack_int32(words, bits=4, order=None):
    if bits not in {2, 4, 8}:
        raise ValueError(bits)
    each = words.clone(memory_format=torch.contiguous_format).view(torch.uint8).to(torch.int32)  # four bytes a word, the lowest first
    parts = torch.stack([each // 2**k % 2**bits for k in range(0, 8, bits)], -1)
    parts = parts.reshape(*words.shape, 32 // bits)
    if order is not None:
        result = torch.empty_like(parts)
        for i, place in enumerate(order):
            result[..., place] = parts[..., i]
        parts = result
    return parts.reshape(*words.shape[:-1], -1)


@alternative("rows of bits with or")
def pack_gptq(q, zeros, bits=4, v2=False):
    per = 32 // bits if bits in (2, 4, 8) else 1
    for codes in (q, zeros):
        wide = codes.to(torch.int64)
        if bits not in (2, 4, 8) or ((wide < 0) | (wide > 2**bits - 1)).any() or codes.shape[-1] % per:
            raise ValueError("out of range")
    columns = q.to(torch.int64).T
    rows = torch.zeros(columns.shape[0] // per, columns.shape[1], dtype=torch.int64, device=q.device)
    for i in range(per):
        rows |= columns[i::per] << bits * i
    stored = zeros.to(torch.int64)
    if not v2:
        stored = torch.where(stored == 0, 2**bits - 1, stored - 1)
    words = torch.zeros(len(stored), stored.shape[1] // per, dtype=torch.int64, device=q.device)
    for i in range(per):
        words |= stored[:, i::per] << bits * i
    return tuple(torch.where(each >= 2**31, each - 2**32, each).to(torch.int32) for each in (rows, words))


@alternative("one shift after the other into an empty tensor")
def unpack_gptq(qweight, qzeros, bits=4, v2=False):
    per, mask = 32 // bits, 2**bits - 1
    q = torch.empty(qweight.shape[1], qweight.shape[0] * per, dtype=torch.int32, device=qweight.device)
    zeros = torch.empty(qzeros.shape[0], qzeros.shape[1] * per, dtype=torch.int32, device=qweight.device)
    for i in range(per):
        q[:, i::per] = ((qweight >> (bits * i)) & mask).T
        zeros[:, i::per] = ((qzeros >> (bits * i)) + (0 if v2 else 1)) & mask
    return q, zeros


@alternative("even outputs low, odd outputs high")
def pack_awq(q, zeros):
    def words(codes):
        wide = codes.long()
        if wide.shape[-1] % 8 or wide.min() < 0 or wide.max() > 15:
            raise ValueError("AWQ")
        even, odd = wide[..., ::2].unflatten(-1, (-1, 4)), wide[..., 1::2].unflatten(-1, (-1, 4))
        weights = torch.tensor([1, 16, 256, 4096], device=codes.device)
        low, high = (even * weights).sum(-1), (odd * weights).sum(-1)
        return (low + ((high + 2**15) % 2**16 - 2**15) * 2**16).to(torch.int32)

    return words(q.mT), words(zeros)


@alternative("the reading order 0 4 1 5 2 6 3 7")
def unpack_awq(qweight, qzeros):
    reading = torch.tensor([0, 4, 1, 5, 2, 6, 3, 7], device=qweight.device)

    def codes(words):
        return ((words[..., None] >> (4 * reading).to(torch.int32)) & 15).reshape(len(words), -1)

    return codes(qweight).mT.contiguous(), codes(qzeros)


@alternative("the groups looked at one by one")
def gptq_to_awq(qweight, qzeros, g_idx=None, v2=False):
    size = 8 * qweight.shape[0] // qzeros.shape[0]
    if g_idx is not None and any(g != c // size for c, g in enumerate(g_idx.tolist())):
        raise ValueError("act_order")
    q, z = unpack_gptq(qweight=qweight, qzeros=qzeros, bits=4, v2=v2)
    return pack_awq(q=q, zeros=z)


@alternative("a weight of (inputs, outputs), and a product without F.linear")
class W4A16Linear(nn.Module):
    def __init__(self, qweight, qzeros, scales, g_idx=None, bias=None, bits=4, layout="gptq", v2=False):
        super().__init__()
        self.read = {"gptq": lambda: unpack_gptq(self.qweight, self.qzeros, bits, v2), "awq": lambda: unpack_awq(self.qweight, self.qzeros)}.get(layout)
        if self.read is None:
            raise ValueError(layout)
        for name, value in dict(qweight=qweight, qzeros=qzeros, scales=scales, bias=bias).items():
            self.register_buffer(name, value)
        if layout == "gptq":
            if g_idx is None:
                c = len(qweight) * 32 // bits
                g_idx = torch.arange(len(scales), dtype=torch.int32, device=scales.device).repeat_interleave(c // len(scales))
            self.register_buffer("g_idx", g_idx)
        else:
            self.g_idx = None

    def forward(self, x):
        q, zeros = self.read()
        scales = self.scales.to(x.dtype)
        if self.g_idx is None:
            repeat = q.shape[1] // len(scales)
            zeros, scales = zeros.repeat_interleave(repeat, 0), scales.repeat_interleave(repeat, 0)
        else:
            zeros, scales = zeros.index_select(0, self.g_idx.int()), scales.index_select(0, self.g_idx.int())
        y = x @ (scales * (q.mT - zeros).to(x.dtype))
        return y if self.bias is None else y + self.bias.to(x.dtype)


@alternative("group by group, never the whole weight")
class W4A16Linear(nn.Module):
    def __init__(self, qweight, qzeros, scales, g_idx=None, bias=None, bits=4, layout="gptq", v2=False):
        super().__init__()
        if layout != "gptq" and layout != "awq":
            raise ValueError(layout)
        self.how = layout, bits, v2
        self.register_buffer("qweight", qweight)
        self.register_buffer("qzeros", qzeros)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", bias)
        if layout == "gptq":
            c = qweight.shape[0] * (32 // bits)
            default = torch.div(torch.arange(c, device=scales.device), c // scales.shape[0], rounding_mode="floor").int()
            self.register_buffer("g_idx", default if g_idx is None else g_idx)

    def forward(self, x):
        layout, bits, v2 = self.how
        q, zeros = unpack_awq(self.qweight, self.qzeros) if layout == "awq" else unpack_gptq(self.qweight, self.qzeros, bits, v2)
        groups = len(self.scales)
        index = self.g_idx if layout == "gptq" else torch.arange(q.shape[1], device=x.device) // (q.shape[1] // groups)
        y = x.new_zeros(*x.shape[:-1], q.shape[0]) if self.bias is None else self.bias.to(x.dtype).expand(*x.shape[:-1], q.shape[0])
        for g in range(groups):
            mine = index == g
            part = x[..., mine] @ (q[:, mine] - zeros[g][:, None]).to(x.dtype).T
            y = y + part * self.scales[g].to(x.dtype)
        return y
