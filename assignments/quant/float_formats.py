"""Floating-point formats of 4 to 19 bits: what each code stands for, and how a number is rounded to a code.

A code is an integer. Its bits are, from the highest to the lowest: one sign bit s (1 is minus), e bits of exponent E, m bits of mantissa M.

- E > 0, a normal number: (-1)^s · 2^(E - bias) · (1 + M / 2^m).
- E = 0, zero and the subnormal numbers: (-1)^s · 2^(1 - bias) · (M / 2^m). So there are two zeros, +0 and -0.

The kinds of a format say what its largest exponents are used for:

- "ieee": the codes with the largest E are no numbers. M = 0 is an infinity (of the sign s), every other M is nan.
- "fn" (finite, and nan): no infinity. Only E and M all ones is nan, with both signs; all other codes are numbers.
- "mx": neither infinity nor nan. Every code is a number.
- "scale": no sign bit and m = 0. A code E stands for 2^(E - bias), and E all ones is nan. There is no zero and nothing is subnormal.

Every function gives the same result each time (but for chance), changes no input, and leaves torch's settings and its random state as they were.
Inputs need not be contiguous. Types of 8 bits and fewer of torch, NumPy's float16, and the library ml_dtypes are not allowed here; float32 and
bfloat16 of torch are.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor


@dataclass(frozen=True)
class Fmt:
    """A format: e bits of exponent, m bits of mantissa (at least 1, but 0 for "scale"), the bias, and the kind (see above)."""

    e: int
    m: int
    bias: int
    kind: str


FORMATS = {
    "fp16": Fmt(5, 10, 15, "ieee"),
    "bf16": Fmt(8, 7, 127, "ieee"),
    "tf32": Fmt(8, 10, 127, "ieee"),
    "fp8_e5m2": Fmt(5, 2, 15, "ieee"),
    "fp8_e4m3": Fmt(4, 3, 7, "fn"),
    "fp6_e3m2": Fmt(3, 2, 3, "mx"),
    "fp6_e2m3": Fmt(2, 3, 1, "mx"),
    "fp4_e2m1": Fmt(2, 1, 1, "mx"),
    "e8m0": Fmt(8, 0, 127, "scale"),
}


def decode(code: int, f: Fmt) -> float:
    """The number that a code stands for, exactly, or inf, -inf, nan. The code of minus zero gives -0.0.

    Raises ValueError for a code below 0, or with more bits than the format has: 1 + e + m, and e for "scale".

    >>> decode(0b0_0111_100, FORMATS["fp8_e4m3"])  # 2^(7 - 7) · (1 + 4 / 8)
    1.5
    >>> decode(0b1_0000_011, FORMATS["fp8_e4m3"])  # subnormal: -2^(1 - 7) · 3 / 8
    -0.005859375
    >>> decode(0b0_1111_111, FORMATS["fp8_e4m3"])
    nan
    >>> decode(0b1_11111_00, FORMATS["fp8_e5m2"])
    -inf
    >>> decode(0b0_11_1, FORMATS["fp4_e2m1"])  # no code is lost here: 2^(3 - 1) · 1.5
    6.0
    >>> decode(128, FORMATS["e8m0"])
    2.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("decode is not written yet")


def encode_rne(x: float, f: Fmt, saturate: bool = True) -> int:
    """The code of the number nearest to x: "round to nearest, ties to even".

    x: any float. It is rounded once, from all of its 53 bits. (Rounding to float32 before would be rounding twice.)
    f: a format with a sign; ValueError for the kind "scale".

    - Nearest: halfway between two neighbours the one with an even code is taken (M ends in 0). A number below half of the smallest subnormal, or
      exactly half of it, becomes a zero. Zeros keep the sign of x: -0.0 and tiny negative numbers have the code of -0.
    - Overflow is decided after rounding, as if the exponents went on. What rounds to more than the largest number, and inf, is out of range.
      With saturate it becomes the largest number, else an infinity ("ieee") or nan ("fn"). Both keep the sign of x, but nan need not.
      "mx" has neither of them: it saturates always.
    - nan becomes nan; which of the nan codes is open. "mx" has none: ValueError.

    Who does what: torch saturates when it casts to float8_e4m3fn, and ml_dtypes gives nan there. For float8_e5m2 and all larger formats both
    give inf.

    >>> encode_rne(1.5, FORMATS["fp8_e4m3"])
    60
    >>> encode_rne(17.0, FORMATS["fp8_e4m3"])  # between 16 (code 88) and 18 (code 89)
    88
    >>> encode_rne(464.0, FORMATS["fp8_e4m3"], saturate=False)  # halfway between 448 and what would be 480: to even, 448
    126
    >>> encode_rne(1e6, FORMATS["fp8_e5m2"]), encode_rne(1e6, FORMATS["fp8_e5m2"], saturate=False)  # 57344, inf
    (123, 124)
    >>> encode_rne(-0.0, FORMATS["fp4_e2m1"])
    8
    >>> encode_rne(math.nan, FORMATS["fp4_e2m1"])
    Traceback (most recent call last):
    ValueError: this format has no nan
    """
    # YOUR CODE HERE
    raise NotImplementedError("encode_rne is not written yet")


def table(f: Fmt) -> dict[str, float]:
    """The limits of a format, as floats: "max" is the largest number, "min_normal" the smallest positive normal one, "min_subnormal" the smallest
    positive one, "eps" is 2^-m: where 1 is a normal number, the distance to the next one (as `torch.finfo` has it). ValueError for the kind "scale".

    It does not go through all codes: a format may have 40 bits.

    >>> table(FORMATS["fp8_e4m3"])
    {'max': 448.0, 'min_normal': 0.015625, 'min_subnormal': 0.001953125, 'eps': 0.125}
    """
    # YOUR CODE HERE
    raise NotImplementedError("table is not written yet")


def bf16_rne_bits(u: np.ndarray) -> np.ndarray:
    """The bits of float32 numbers turned into the bits of the nearest bf16 numbers, with integers alone.

    u: uint32, at least one dimension. Returns uint16 of u's shape: ties to even; what is too large becomes inf; inf and both zeros stay what they
    are.
    nan becomes nan, also where all of its ones lie in the 16 bits that go away; which nan is open.

    A bf16 number is the upper half of a float32. So the trick is to add something to the lower half that carries when it must, and to cut.

    >>> bf16_rne_bits(tensor([1.0, 1.00390625, 1.01171875]).view(torch.uint32).numpy()).tolist()  # 1 and two ties: 0x3F80, 0x3F80, 0x3F82
    [16256, 16256, 16258]
    """
    # YOUR CODE HERE
    raise NotImplementedError("bf16_rne_bits is not written yet")


def stochastic_round_bf16(x: Tensor, gen: Generator) -> Tensor:
    """Round float32 to bfloat16 by chance, so that the mean is right.

    x: float32, any shape; |x| is at most the largest bf16 number, or inf, or nan. Returns bfloat16 of x's shape.

    With lo ≤ x < hi the two bf16 neighbours of x, the result is hi with probability (x - lo) / (hi - lo), else lo. So its expectation is x, for
    negative and subnormal x too. bf16 numbers, inf and -inf come back as they are, nan as nan.
    Each entry has chance of its own. All chance comes from `gen`, none from torch's global generator; a generator with the same seed
    gives the same result again, and the next call with it another one.
    """
    # YOUR CODE HERE
    raise NotImplementedError("stochastic_round_bf16 is not written yet")
