"""Right ways to write quant/float_formats, done differently."""

import math
from bisect import bisect_left
from fractions import Fraction

import numpy as np
import torch

from autograder.checks import alternative


@alternative("text of ones and zeros; the value as a sum of powers of two")
def decode(code, f):
    width = f.e if f.kind == "scale" else f.e + f.m + 1
    if code < 0 or code.bit_length() > width:
        raise ValueError(code)
    text = format(code, f"0{width}b")
    if f.kind == "scale":
        return float("nan") if "0" not in text else 2.0 ** (code - f.bias)
    sign, exponent, mantissa = text[0], text[1 : 1 + f.e], text[1 + f.e :]
    if "0" not in exponent:
        if f.kind == "ieee":
            return float("nan") if "1" in mantissa else float("-inf" if sign == "1" else "inf")
        if f.kind == "fn" and "0" not in mantissa:
            return float("nan")
    E = int(exponent, 2)
    digits = ("1" if E else "0") + mantissa
    value = sum(2.0 ** (max(E, 1) - f.bias - place) for place, digit in enumerate(digits) if digit == "1")
    return math.copysign(value, -1.0 if sign == "1" else 1.0)


@alternative("fractions, exactly")
def decode(code, f):
    if f.kind == "scale":
        if not 0 <= code < 1 << f.e:
            raise ValueError(code)
        return math.nan if code + 1 == 1 << f.e else float(Fraction(2) ** (code - f.bias))
    sign, size = divmod(code, 1 << (f.e + f.m))
    if sign not in (0, 1):
        raise ValueError(code)
    E, M = divmod(size, 1 << f.m)
    last = 2**f.e - 1 == E
    if last and f.kind == "ieee":
        return math.nan if M else (-math.inf if sign else math.inf)
    if last and f.kind == "fn" and 2**f.m - 1 == M:
        return math.nan
    value = Fraction(2) ** (max(E, 1) - f.bias) * ((E > 0) + Fraction(M, 1 << f.m))
    return -float(value) if sign else float(value)


class _Positive:
    """The positive codes of a format as a sequence that rises; one code beyond the largest is what would come next."""

    def __init__(self, f, top):
        self.f, self.top = f, top

    def __len__(self):
        return self.top + 2

    def __getitem__(self, code):
        E, M = code >> self.f.m, code % 2**self.f.m
        return math.ldexp(M + (2**self.f.m if E else 0), max(E, 1) - self.f.bias - self.f.m)


@alternative("a search in the sorted numbers, and exact distances")
def encode_rne(x, f, saturate=True):
    ones = 2 ** (f.e + f.m) - 1
    if f.kind == "scale" or (x != x and f.kind == "mx"):
        raise ValueError(f)
    if x != x:
        return ones
    top = ones - (2**f.m if f.kind == "ieee" else 1 if f.kind == "fn" else 0)
    values, size = _Positive(f, top), abs(x)
    above = bisect_left(values, size)
    if above <= top + 1 and size != math.inf:
        below = max(above - 1, 0)
        up, down = Fraction(values[above]) - Fraction(size), Fraction(size) - Fraction(values[below])
        code = above if up < down or (up == down and above % 2 == 0) else below
    else:
        code = top + 1
    if code > top and (saturate or f.kind == "mx"):
        code = top
    return code + (2 ** (f.e + f.m) if str(x).startswith("-") else 0)


@alternative("the bits of float64, with a shift, a remainder, and a half; nan is another code")
def encode_rne(x, f, saturate=True):
    word = int(np.float64(x).view(np.uint64))
    sign, size = word >> 63, word & (2**63 - 1)
    if f.kind == "scale":
        raise ValueError("scale")
    if size > 0x7FF << 52:
        if f.kind == "mx":
            raise ValueError("nan")
        return ((2**f.e - 1) << f.m) | ((1 << (f.m - 1)) if f.kind == "ieee" else 2**f.m - 1)
    top = 2 ** (f.e + f.m) - 1
    top -= {"ieee": 2**f.m, "fn": 1}.get(f.kind, 0)
    E, M = size >> 52, size & (2**52 - 1)
    M, E = (M | 2**52, E) if E else (M, 1)  # M · 2^(E - 1075)
    if size == 0x7FF << 52:
        code = top + 1
    else:
        new = max(E - 1023 + f.bias, 1) if M >= 2**52 else 1
        shift = 52 - f.m + (new - (E - 1023 + f.bias))  # bits of M that go away
        if shift > 60:
            code = 0
        else:
            kept, rest = M >> shift, M & ((1 << shift) - 1)
            half = 1 << (shift - 1)
            kept += rest > half or (rest == half and kept & 1)
            code = ((new - 1) << f.m) + kept
    if code > top:
        code = top if saturate or f.kind == "mx" else top + 1
    return int(code | sign << (f.e + f.m))


@alternative("formulas of the fields")
def table(f):
    if f.kind == "scale":
        raise ValueError("scale")
    last = 2**f.e - (2 if f.kind == "ieee" else 1) - f.bias
    missing = 2 if f.kind == "fn" else 1
    smallest = 2.0 ** (1 - f.bias)
    return {
        "eps": 1 / 2**f.m,
        "max": 2.0**last * (2 - missing / 2**f.m),
        "min_subnormal": smallest / 2**f.m,
        "min_normal": smallest,
    }


@alternative("the remainder is compared with a half; nan is kept quiet with its sign")
def bf16_rne_bits(u):
    high, low = (u >> np.uint32(16)).astype(np.int64), (u & np.uint32(0xFFFF)).astype(np.int64)
    up = (low > 0x8000) | ((low == 0x8000) & (high % 2 == 1))
    nan = ((high & 0x7F80) == 0x7F80) & (((high & 0x7F) | low) != 0)
    return np.where(nan, high | 0x40, high + up).astype(np.uint16)


@alternative("one number after the other")
def bf16_rne_bits(u):
    out = np.empty(u.shape, dtype=np.uint16)
    for place, value in np.ndenumerate(u):
        word = int(value)
        if word & 0x7FFFFFFF > 0x7F800000:
            out[place] = 0xFFFF
        else:
            quarter = word + 0x8000
            tie = word % 2**16 == 0x8000
            out[place] = (quarter >> 16) & ~1 if tie else quarter >> 16
    return out


@alternative("torch casts the float32")
def bf16_rne_bits(u):
    floats = torch.from_numpy(np.ascontiguousarray(u).view(np.int32).copy()).view(torch.float32)
    return floats.to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)


@alternative("a uniform number is compared with the share, in float64")
def stochastic_round_bf16(x, gen):
    finite = torch.where(x.isfinite(), x, 0.0)
    bits = finite.contiguous().view(torch.int32)
    near = torch.bitwise_and(bits, torch.tensor(-65536, dtype=torch.int32)).view(torch.float32)
    share = (bits & 65535).double() / 65536
    away = torch.rand(x.shape, generator=gen, dtype=torch.float64) < share
    far = ((bits & -65536) + away.int() * 65536).view(torch.float32)
    out = torch.where(away, far, near)
    return torch.where(x.isfinite(), out, x).bfloat16()


@alternative("integers of 64 bits, and a flat loop over blocks of chance")
def stochastic_round_bf16(x, gen):
    flat = x.reshape(-1).clone().view(torch.int32).long()
    draws = torch.empty(len(flat), dtype=torch.int64).random_(0, 65536, generator=gen)
    special = (flat & 0x7F800000) == 0x7F800000
    moved = torch.where(special, flat, (flat + draws) >> 16 << 16)
    return moved.int().view(torch.float32).view(x.shape).to(torch.bfloat16)
