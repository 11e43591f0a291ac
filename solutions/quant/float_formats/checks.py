"""Checks of quant/float_formats. Numbers to be rounded are given as whole numbers k and exponents, k · 2^e, so that ties are exact."""

import math

import numpy as np
import torch

from autograder.checks import Tolerance, case, check, difference, flags, implausible, raises, reject

# Numbers of a format are exact in float64: nothing is rounded on the way.
EXACT = Tolerance(atol=0.0, rtol=0.0)
NAMED = {
    "fp16": (5, 10, 15, "ieee"),
    "bf16": (8, 7, 127, "ieee"),
    "tf32": (8, 10, 127, "ieee"),
    "fp8_e5m2": (5, 2, 15, "ieee"),
    "fp8_e4m3": (4, 3, 7, "fn"),
    "fp6_e3m2": (3, 2, 3, "mx"),
    "fp6_e2m3": (2, 3, 1, "mx"),
    "fp4_e2m1": (2, 1, 1, "mx"),
    "e8m0": (8, 0, 127, "scale"),
}


def fields(fmt):
    return NAMED[fmt] if isinstance(fmt, str) else tuple(fmt)


def build(student, fmt):
    """One of the formats by its name, or a new one from its four fields."""
    return student.FORMATS[fmt] if isinstance(fmt, str) else student.Fmt(*fmt)


def some_codes(rng, fmt, codes=None, n=None):
    """The codes given, or all of them, or `n` at random and those around each end of the format."""
    e, m, _, kind = fields(fmt)
    bits = e if kind == "scale" else 1 + e + m
    if codes is None and n is None:
        codes = list(range(2**bits))
    if codes is None:
        ones = 2 ** (e + m) - 1
        ends = [0, 1, 2**m - 1, 2**m, 2**m + 1, ones - 2**m - 1, ones - 2**m, ones - 2**m + 1, ones - 2**m + 2, ones - 1, ones]
        codes = [each + sign for each in ends for sign in (0, ones + 1)] + [rng.integer(0, 2**bits) for _ in range(n)]
    return {"fmt": fmt, "codes": codes, "outside": [-1, 2**bits, 2**bits + 5]}


@check(
    points=2,
    inputs=some_codes,
    tolerance=EXACT,
    lecture="what-a-code-stands-for",
    public=[
        case("all codes of four bits", fmt="fp4_e2m1"),
        case("some of E4M3: normal, subnormal, nan", fmt="fp8_e4m3", codes=[0, 1, 7, 8, 0x3C, 0x78, 0x7E, 0x7F, 0x80, 0x83, 0xFE, 0xFF]),
        case("some of E5M2: normal, subnormal, inf, nan", fmt="fp8_e5m2", codes=[0, 1, 3, 4, 0x3C, 0x7B, 0x7C, 0x7D, 0x7F, 0x80, 0x81, 0xFC, 0xFE]),
        case("scales", fmt="e8m0", codes=[0, 1, 126, 127, 128, 254, 255]),
    ],
    hidden=[
        case("all of E4M3", fmt="fp8_e4m3"),
        case("all of E5M2", fmt="fp8_e5m2"),
        case("all of E3M2", fmt="fp6_e3m2"),
        case("all of E2M3", fmt="fp6_e2m3"),
        case("all scales", fmt="e8m0"),
        case("fp16", fmt="fp16", n=400),
        case("bf16", fmt="bf16", n=400),
        case("tf32", fmt="tf32", n=400),
        case("a format of its own", fmt=[3, 4, 2, "ieee"]),
        case("a format of its own, with one nan", fmt=[5, 1, 20, "fn"]),
        case("a format of its own, all numbers", fmt=[1, 5, 0, "mx"]),
        case("a scale of four bits", fmt=[4, 0, 3, "scale"]),
    ],
    cites=[
        "1 s 2 E bias 1 M 2 m",
        "1 s 2 1 bias M 2 m",
        "every other M is nan",
        "Only E and M all ones is nan",
        "Every code is a number",
        "A code E stands for 2 E bias",
        "Raises ValueError for a code below 0",
        "The code of minus zero gives 0 0",
    ],
)
def codes_stand_for_numbers(student, fmt, codes, outside):
    """decode gives the number of each code exactly: normal, subnormal, both zeros, infinities and nan where the format has them."""
    f = build(student, fmt)
    torch.manual_seed(5)
    values = [student.decode(code, f) for code in codes]
    return {
        "values": values,
        "signs of zeros": [math.copysign(1.0, value) for value in values if value == 0],
        "refused": [raises("ValueError", lambda code=code: student.decode(code, f)) for code in outside],
        "by name": student.decode(code=codes[1], f=f),
        "settings": [torch.rand(2), torch.is_grad_enabled()],
    }


@check(
    points=1,
    tolerance=EXACT,
    lecture="the-limits-of-a-format",
    public=[case("E4M3 and E5M2", fmts=["fp8_e4m3", "fp8_e5m2"]), case("four and six bits", fmts=["fp4_e2m1", "fp6_e2m3"])],
    hidden=[
        case("sixteen bits and more", fmts=["fp16", "bf16", "tf32", "fp6_e3m2"]),
        case("of their own", fmts=[[3, 4, 2, "ieee"], [5, 1, 20, "fn"], [1, 5, 1, "mx"], [2, 6, 3, "fn"]]),
        case("40 bits", fmts=[[8, 31, 127, "ieee"], [9, 30, 200, "fn"], [10, 29, 400, "mx"]]),
    ],
    cites=["the limits of a format as floats", "It does not go through all codes"],
)
def limits_follow_from_the_fields(student, fmts):
    """table gives the largest number, the smallest normal and subnormal one, and the step at 1."""
    torch.manual_seed(5)
    limits = [student.table(build(student, fmt)) for fmt in fmts]
    return {
        "limits": limits,
        "floats": [isinstance(value, float) for each in limits for value in each.values()],
        "refused": raises("ValueError", lambda: student.table(student.FORMATS["e8m0"])),
        "settings": [torch.rand(2), torch.is_grad_enabled()],
    }


def number(k, exponent):
    """k · 2^exponent, exactly; an exponent of None is for the words inf, -inf, nan, -0."""
    return float(k) if exponent is None else math.ldexp(k, exponent)


def parts(code, e, m, bias):
    """The number of a positive code as k · 2^exponent."""
    E, M = code >> m, code % 2**m
    return (M, 1 - bias - m) if E == 0 else (2**m + M, E - bias - m)


def numbers(rng, fmt, n=None, given=None):
    """Ties between neighbours, numbers just beside ties, numbers of the format and others, of both signs."""
    if given is not None:
        return {"fmt": fmt, "numbers": given}
    e, m, bias, kind = fields(fmt)
    top = 2 ** (e + m) - 1 - {"ieee": 2**m, "fn": 1, "mx": 0}[kind]
    found = [("-0", None), (0, 0)]
    for i in range(n):
        small = i % 5 == 0
        k, exponent = parts(rng.integer(0, 2**m if small else top), e, m, bias)
        sign = rng.choice([1, -1])
        found += [
            (sign * (2 * k + 1), exponent - 1),  # a tie
            (sign * (((2 * k + 1) << 30) + 1), exponent - 31),  # beside a tie, in a bit that float32 has not
            (sign * (((2 * k + 1) << 30) - 1), exponent - 31),
            (sign * k, exponent),
            (sign * ((k << 20) + rng.integer(1, 2**20)), exponent - 20),
        ]
    smallest = 1 - bias - m
    found += [(1, smallest - 1), (-1, smallest - 1), (3, smallest - 3), (5, smallest - 3), (-1, smallest - 40)]  # around half of the smallest
    found += [(2 ** (m + 1) - 1, 1 - bias - m - 1)]  # the tie between the largest subnormal and the smallest normal number
    return {"fmt": fmt, "numbers": [list(each) for each in found]}


@check(
    points=2,
    inputs=numbers,
    lecture="the-nearest-and-ties",
    public=[
        case("ties and others, four bits: the numbers are k · 2^e", fmt="fp4_e2m1",
             given=[[1, -2], [3, -2], [5, -2], [7, -2], [5, -1], [7, -1], [5, 0], [-5, 0], [1, 0], [9, -3], [11, -3], [-1, -3], ["-0", None]]),
        case("E4M3", fmt="fp8_e4m3", given=[[17, 0], [19, 0], [-17, 0], [1, -10], [3, -10], [1, -11], [3, -11], [15, -10], [31, -5], [1000, -3], [-1, -30]]),
        case("rounded once: 1 + 2^-11 + 2^-40 in fp16", fmt="fp16", given=[[2**11 + 1, -11], [2**40 + 2**29 + 1, -40], [2**40 + 2**29 - 1, -40]]),
    ],
    hidden=[
        case("E4M3, many", fmt="fp8_e4m3", n=30),
        case("E5M2, many", fmt="fp8_e5m2", n=30),
        case("fp16, many", fmt="fp16", n=50),
        case("bf16, many", fmt="bf16", n=50),
        case("tf32, many", fmt="tf32", n=50),
        case("E3M2, many", fmt="fp6_e3m2", n=20),
        case("E2M3, many", fmt="fp6_e2m3", n=20),
        case("E2M1, many", fmt="fp4_e2m1", n=10),
        case("a format of its own", fmt=[3, 4, 2, "ieee"], n=20),
        case("one bit of exponent", fmt=[1, 5, 0, "mx"], n=20),
        case("far from 1", fmt=[4, 3, 60, "fn"], n=20),
        case("33 bits", fmt=[8, 24, 127, "ieee"], n=20),
        case("ten bits of exponent", fmt=[10, 8, 511, "ieee"], n=20),
        case("as many bits of exponent as float64", fmt=[11, 20, 1023, "ieee"], n=20),
    ],
    fresh=1,
    cites=["halfway between two neighbours the one with an even code is taken", "It is rounded once", "Zeros keep the sign of x", "exactly half of it becomes a zero"],
)
def numbers_go_to_the_nearest_code(student, fmt, numbers):
    """encode_rne takes the nearest number of the format, halfway the even code, rounded once from float64, and zeros keep their sign."""
    f = build(student, fmt)
    values = [number(*each) for each in numbers]
    torch.manual_seed(5)
    return {
        "codes": [student.encode_rne(value, f) for value in values],
        "codes without saturation": [student.encode_rne(x=value, f=f, saturate=False) for value in values],
        "settings": [torch.rand(2), torch.is_grad_enabled()],
    }


def beyond(rng, fmt, more=True):
    """Numbers around the largest one: below and above the border, at it, far beyond, and infinite."""
    e, m, bias, kind = fields(fmt)
    top = 2 ** (e + m) - 1 - {"ieee": 2**m, "fn": 1, "mx": 0}[kind]
    k, exponent = parts(top, e, m, bias)
    found = [(k, exponent), (4 * k + 1, exponent - 2), (2 * k + 1, exponent - 1), (4 * k + 3, exponent - 2), (k + 1, exponent)]
    found += [(((2 * k + 1) << 30) + d, exponent - 31) for d in (-1, 1)]
    found += [(k, exponent + 1), (rng.integer(5, 100) * k, exponent), (1, 1000)] if more else []
    found += [(-each, power) for each, power in found]
    return {"fmt": fmt, "numbers": [list(each) for each in found] + [["inf", None], ["-inf", None]]}


def the_same_numbers(seen, want, inputs, reference):
    """Codes are compared, but every code of a nan is right where one is wanted."""
    f = reference.FORMATS[inputs["fmt"]] if isinstance(inputs["fmt"], str) else reference.Fmt(*inputs["fmt"])
    bits = 1 + f.e + f.m

    def plain(codes):
        return [-1 if 0 <= code < 2**bits and math.isnan(reference.decode(code, f)) else code for code in codes]

    for name in want:
        mine, right = seen[name], want[name]
        if name in ("saturated", "by default", "not saturated", "nan") and isinstance(mine, list):
            mine, right = plain(mine), plain(right)
        found = difference(mine, right)
        if found is not None:
            return found
    return None


@check(
    points=2,
    inputs=beyond,
    judge=the_same_numbers,
    lecture="too-large",
    public=[
        case("E4M3 has no infinity", fmt="fp8_e4m3"),
        case("E5M2 has one", fmt="fp8_e5m2"),
        case("E2M1 has neither infinity nor nan", fmt="fp4_e2m1"),
    ],
    hidden=[
        case("fp16", fmt="fp16"),
        case("bf16", fmt="bf16"),
        case("tf32", fmt="tf32"),
        case("E3M2", fmt="fp6_e3m2"),
        case("E2M3", fmt="fp6_e2m3"),
        case("one bit of mantissa, one nan", fmt=[5, 1, 20, "fn"]),
        case("of its own", fmt=[3, 4, 2, "ieee"]),
        case("one bit of exponent", fmt=[1, 5, 0, "mx"]),
    ],
    fresh=1,
    cites=["Overflow is decided after rounding", "With saturate it becomes the largest number", "it saturates always", "nan becomes nan", "ValueError for the kind scale"],
)
def overflow_saturates_or_not(student, fmt, numbers):
    """What rounds to more than the largest number becomes it with saturate, else inf or nan; "mx" saturates always, and refuses nan."""
    f = build(student, fmt)
    values = [number(*each) for each in numbers]
    seen = {
        "saturated": [student.encode_rne(value, f, True) for value in values],
        "not saturated": [student.encode_rne(value, f, False) for value in values],
        "by default": [student.encode_rne(value, f) for value in values],
        "a scale": raises("ValueError", lambda: student.encode_rne(2.0, student.FORMATS["e8m0"])),
        "a negative number": student.encode_rne(-1.0, f),
    }
    if f.kind == "mx":
        seen["nan refused"] = [raises("ValueError", lambda saturate=saturate: student.encode_rne(math.nan, f, saturate)) for saturate in (True, False)]
    else:
        seen["nan"] = [student.encode_rne(math.nan, f, saturate) for saturate in (True, False)]
    return seen


def patterns(rng, n=0, given=None, shape=None):
    """Bits of float32 numbers: ties, beside ties, the ends of the range, nan whose ones lie low, and any."""
    if given is not None:
        return {"u": np.array(given, dtype=np.uint32)}
    any_bits = [rng.integer(0, 2**32) for _ in range(n)]
    ties = [each & 0xFFFF0000 | 0x8000 for each in any_bits]
    low = [0, 1, 0x8000, 0x8001, 0x18000, 0x7FFFFF, 0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F800000, 0x7F800001, 0x7F80FFFF, 0x7FFFFFFF, 0x7FC00000, 0x7FFF8000]
    ends = [each | sign for each in low for sign in (0, 0x80000000)]
    all_of_them = rng.shuffled(any_bits + ties + [each + 1 for each in ties] + [each - 1 for each in ties] + ends)
    u = np.array(all_of_them, dtype=np.uint32)
    return {"u": u[: math.prod(shape)].reshape(shape) if shape else u}


def the_same_bits(seen, want):
    """Bits are compared, but every nan is right where one is wanted."""
    for name in want:
        mine, right = seen[name], want[name]
        if name == "settings":
            return difference(mine, right)
        if mine.shape != right.shape:
            return difference(mine, right)
        wanted = (right & 0x7FFF) > 0x7F80
        if (((mine & 0x7FFF) > 0x7F80) != wanted).any():
            at = int((((mine & 0x7FFF) > 0x7F80) != wanted).ravel().argmax())
            return reject("Result {i} is {mine}; is it nan or not? Right would be {right}.", i=at, mine=hex(mine.ravel()[at]), right=hex(right.ravel()[at]))
        found = difference(np.where(wanted, 0, mine).astype(np.int64), np.where(wanted, 0, right).astype(np.int64))
        if found is not None:
            return found
    return None


@check(
    points=1,
    inputs=patterns,
    judge=the_same_bits,
    lecture="a-trick-with-bits",
    public=[
        case("1, two ties, beside a tie", given=[0x3F800000, 0x3F808000, 0x3F818000, 0x3F808001, 0x3F817FFF, 0xBF818000]),
        case("inf, the largest float32, a nan with one low bit", given=[0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x7F800001, 0xFFFFFFFF, 0x80000000]),
    ],
    hidden=[
        case("many", n=300),
        case("a matrix", n=20, shape=(4, 9)),
        case("three dimensions", n=20, shape=(2, 3, 5)),
        case("four dimensions", n=20, shape=(2, 3, 2, 5)),
    ],
    fresh=1,
    cites=["the bits of the nearest bf16 numbers", "also where all of its ones lie in the 16 bits", "inf and both zeros stay"],
)
def integers_round_to_bf16(student, u):
    """bf16_rne_bits rounds to the nearest, ties to even; carries go into the exponent; inf stays inf, and nan stays nan."""
    wide = np.stack([u, u], -1)[..., 0]  # a view that is not contiguous
    torch.manual_seed(5)
    first = student.bf16_rne_bits(u)
    return {
        "bits": first,
        "of a view": student.bf16_rne_bits(wide),
        "transposed": student.bf16_rne_bits(u.T),
        "of other bits": student.bf16_rne_bits(u ^ np.uint32(0x80000000)),
        "settings": [torch.rand(2), torch.is_grad_enabled()],
    }


def to_round(rng, x=None, n=4, rows=4000):
    """Numbers between bf16 neighbours, each many times; the first two are equal."""
    if x is None:
        bits = [rng.integer(0x3F00, 0x4100) * 2**16 + rng.integer(2000, 2**16 - 2000) for _ in range(n)]
        x = np.array([bits[0], *bits], dtype=np.uint32).view(np.float32).tolist()
        x = [value * rng.choice([1.0, -1.0]) for value in x]
        x[1] = x[0]
    return {"x": torch.tensor(x), "rows": rows, "seed": rng.integer(0, 2**31)}


RARE = 100_000


def the_mean_is_right(seen, want, inputs):
    """Each number comes as one of its two neighbours, as often as its distance from the other says, and each entry by itself."""
    fixed = ("exact", "shape", "settings", "one")
    found = difference({name: seen[name] for name in fixed}, {name: want[name] for name in fixed})
    if found is not None:
        return found
    x, drawn = inputs["x"], seen["drawn"].double()
    bits = x.view(torch.int32)
    near = (bits & -(2**16)).view(torch.float32).double()  # the neighbour nearer to 0
    far = ((bits & -(2**16)) + 2**16).view(torch.float32).double()
    p = (bits & 0xFFFF).double() / 2**16
    for i in range(len(x)):
        away = drawn[:, i] == far[i]
        if not bool((away | (drawn[:, i] == near[i])).all()):
            return reject("{x} came as something else than its neighbours {near} and {far}.", x=float(x[i]), near=float(near[i]), far=float(far[i]))
        counts = torch.stack([(~away).sum(), away.sum()])
        if 0 < p[i] < 1 and not counts.all():
            return reject("All {n} copies of {x} came as {only}. Each entry has chance of its own.", n=len(away), x=float(x[i]), only=float(drawn[0, i]))
        if implausible(counts, torch.stack([1 - p[i], p[i]])):
            return reject("{x} came as {far} with a share of {share}; it should be {p}.", x=float(x[i]), far=float(far[i]), share=round(float(counts[1] / counts.sum()), 3), p=round(float(p[i]), 3))
    pairs = ((drawn[:, 0] == far[0]).long() * 2 + (drawn[:, 1] == far[1]).long()).bincount(minlength=4)
    both = torch.outer(torch.stack([1 - p[0], p[0]]), torch.stack([1 - p[1], p[1]])).flatten()
    if implausible(pairs, both):
        return reject("Two entries are not rounded independently of each other.")
    n, up = RARE, seen["rarely up"]
    if implausible(torch.tensor([n - up, up]), torch.tensor([511 / 512, 1 / 512])):
        return reject("Of {n} entries 1 + 2^-16, {up} went up to 1 + 2^-7. One in 512 should.", n=n, up=up)
    if not torch.equal(seen["drawn"], seen["the same seed"]):
        return reject("A generator with the same seed gives another result.")
    if torch.equal(seen["drawn"], seen["the next call"]):
        return reject("The next call with the generator gives the same result: nothing was drawn from it.")
    return None


@check(
    points=2,
    inputs=to_round,
    judge=the_mean_is_right,
    lecture="rounding-by-chance",
    public=[
        case("1 + 2^-9 goes up one time in four", x=[1.001953125, 1.001953125, 2.5], rows=1200),
        case("negative numbers", x=[-1.001953125, -1.001953125, -3.0, -0.30078125], rows=1000),
    ],
    hidden=[
        case("several", n=4),
        case("subnormal", x=[3e-40, 3e-40, -1e-40, 5e-41, 0.0], rows=3000),
        case("large and small", x=[1e38, 1e38, -7e30, 1e-30, 3.14159], rows=3000),
        case("rarely up, rarely down", x=[1.0001, 1.0001, 1.0077, -1.0001], rows=5000),
        case("just below a power of two", x=[1.998, 1.998, -0.4999], rows=4000),
    ],
    fresh=1,
    cites=["the result is hi with probability", "bf16 numbers inf and inf come back as they are", "Each entry has chance of its own", "All chance comes from gen"],
)
def chance_keeps_the_mean(student, x, rows, seed):
    """stochastic_round_bf16 takes the upper neighbour as often as x is near to it, with chance from `gen` alone; bf16 numbers stay."""
    many = torch.stack([x, x], -1).repeat(rows, 1, 1)[..., 0]  # not contiguous
    torch.manual_seed(5)
    gen = torch.Generator().manual_seed(seed)
    drawn, following = (student.stochastic_round_bf16(many, gen) for _ in range(2))
    again = student.stochastic_round_bf16(many, torch.Generator().manual_seed(seed))
    bits = torch.tensor([0x7F800001, 0x7FFFFFFF, -1], dtype=torch.int32)
    own = torch.tensor([[1.0, -2.5, math.inf, -math.inf], [0.0, 2.0**-133, -3.389531389251535e38, 3.140625]])
    exact = [student.stochastic_round_bf16(own.mT, gen), student.stochastic_round_bf16(bits.view(torch.float32), gen)]
    sure = student.stochastic_round_bf16(torch.full((300_000,), 1.5), gen).float()  # one in 65,536 would show
    rarely = student.stochastic_round_bf16(torch.full((RARE,), 1 + 2.0**-16), gen)
    return {
        "drawn": drawn,
        "rarely up": int((rarely > 1).sum()),
        "the next call": following,
        "the same seed": again,
        "exact": [*exact, sure.min(), sure.max()],
        "one": student.stochastic_round_bf16(torch.tensor(-0.75), gen),
        "shape": list(student.stochastic_round_bf16(torch.zeros(2, 1, 3, 2), gen).shape),
        "settings": [torch.rand(2), torch.is_grad_enabled(), *flags(many)],
    }
