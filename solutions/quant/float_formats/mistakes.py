"""Wrong ways to write quant/float_formats, each with the sentence that a student should read."""

import math

import numpy as np
import torch

from autograder.checks import mistake

NORMAL = "return sign * math.ldexp(2**f.m + M, E - f.bias - f.m)"
SUBNORMAL = "return sign * math.ldexp(M, 1 - f.bias - f.m)"
SPECIAL = 'return sign * math.inf if f.kind == "ieee" and M == 0 else math.nan'
LARGEST = '{"ieee": ones - 2**f.m, "fn": ones - 1, "mx": ones}'
SCALE = "return math.nan if code == 2**f.e - 1 else math.ldexp(1.0, code - f.bias)"
RANGE = "if not 0 <= code < 2**bits:"
STEPS = "steps = round(math.ldexp(size, f.m - exponent))"
EXPONENT = "exponent = max(math.frexp(size)[1] - 1, 1 - f.bias) if size else 1 - f.bias"
SIGN = "sign = int(math.copysign(1.0, x) < 0) << (f.e + f.m)"
OVER = 'code = top if saturate or f.kind == "mx" else top + 1'
NAN_CODE = "return 2 ** (f.e + f.m) - 1\n    sign"
REFUSED = 'if f.kind == "scale" or (f.kind == "mx" and math.isnan(x)):'
FLIP = "rounded = (u.astype(np.uint64) + 0x7FFF + odd) >> 16"
WHERE = "np.where(nan, 0x7FC0, rounded)"
NOISE = "noise = torch.randint(0, 2**16, x.shape, generator=gen, dtype=torch.int32, device=x.device)"
CHANCE = "return torch.where(x.isfinite(), moved, x).to(torch.bfloat16)"

# --- what a code stands for ----------------------------------------------------------------------------------------------

mistake("A subnormal number has the exponent 1 - bias, like the smallest normal ones. You take 0 - bias.", edit={SUBNORMAL: "return sign * math.ldexp(M, -f.bias - f.m)"})
mistake("E = 0 is read like every other exponent, with a hidden 1. There the mantissa stands alone, and zero is one of these numbers.", edit={"    if E == 0:\n        " + SUBNORMAL + "\n": ""})
mistake("Numbers with E = 0 become zero. They are the subnormal numbers M / 2^m · 2^(1 - bias).", edit={SUBNORMAL: "return sign * 0.0"})
mistake("The hidden 1 is missing: a normal number is 1 + M / 2^m times its power of two.", edit={NORMAL: "return sign * math.ldexp(M, E - f.bias - f.m)"})
mistake("The bias is 127 for every format. It is a field of the format.", edit={NORMAL: "return sign * math.ldexp(2**f.m + M, E - 127 - f.m)", SUBNORMAL: "return sign * math.ldexp(M, 1 - 127 - f.m)"})
mistake("The bias is always 2^(e-1) - 1. That is the usual one, but the format says which one it has.", edit={NORMAL: "return sign * math.ldexp(2**f.m + M, E - (2 ** (f.e - 1) - 1) - f.m)"})
mistake("The sign bit is ignored.", edit={"sign = -1.0 if code >> (f.e + f.m) else 1.0": "sign = 1.0"})
mistake("-0 comes out as +0: the sign belongs to zeros, too.", edit={SUBNORMAL: "return sign * math.ldexp(M, 1 - f.bias - f.m) if M else 0.0"})
mistake(
    "You treat the largest exponent of E4M3 like IEEE's: 256 to 448 are lost. Only the code with all ones is nan there.",
    edit={LARGEST: '{"ieee": ones - 2**f.m, "fn": ones - 2**f.m, "mx": ones}'},
)
mistake("The formats of kind mx lose their largest code: they have no nan.", edit={LARGEST: '{"ieee": ones - 2**f.m, "fn": ones - 1, "mx": ones - 1}'})
mistake("All codes with the largest exponent are infinities. Only M = 0 is one, the others are nan.", edit={SPECIAL: 'return sign * math.inf if f.kind == "ieee" else math.nan'})
mistake("Negative infinity comes out as a positive one.", edit={SPECIAL: 'return math.inf if f.kind == "ieee" and M == 0 else math.nan'})
mistake("Infinities are nan in your decode.", edit={SPECIAL: "return math.nan"})
mistake("A scale of all ones is nan. You read it as 2^128.", edit={SCALE: "return math.ldexp(1.0, code - f.bias)"})
mistake("The scale 0 is no zero: it stands for 2^-bias.", edit={SCALE: "return math.nan if code == 2**f.e - 1 else math.ldexp(1.0, code - f.bias) if code else 0.0"})
mistake("A scale has no sign bit: codes of 128 and more are larger scales.", edit={SCALE: "return math.nan if code == 2**f.e - 1 else math.ldexp(1.0, code % 2 ** (f.e - 1) - f.bias)"})
mistake("A code with too many bits is decoded. It raises ValueError.", edit={RANGE: "if code < 0:"})
mistake("A negative code is decoded. It raises ValueError.", edit={RANGE: "if code >= 2**bits:"})
mistake("A scale may have nine bits in your decode: it has no sign bit.", edit={"bits = f.e if f.kind == \"scale\" else 1 + f.e + f.m": "bits = 1 + f.e + f.m", SCALE: "return math.nan if code % 2**f.e == 2**f.e - 1 else math.ldexp(1.0, code % 2**f.e - f.bias)"})

# --- limits ----------------------------------------------------------------------------------------------------------------

mistake("The smallest subnormal number has the code 1. You give the smallest normal one twice.", edit={'"min_subnormal": 1}': '"min_subnormal": 2**f.m}'})
mistake("min_normal is the largest subnormal number: one code too low.", edit={'"min_normal": 2**f.m,': '"min_normal": 2**f.m - 1,'})
mistake("eps is half as large as it should be. It is the step from 1 to the next number; half of it is the largest rounding error.", edit={'{"eps": 2.0**-f.m}': '{"eps": 2.0 ** -(f.m + 1)}'})
mistake("The limits of a scale are asked for, and something comes. It raises ValueError.", edit={'    if f.kind == "scale":\n        raise ValueError("a scale has no limits of this kind")\n': '    if f.kind == "scale":\n        return {}\n'})


@mistake("The largest number has a mantissa of all ones in every format. In E4M3 that code is nan, and the largest number is 448.")
def table(f):
    if f.kind == "scale":
        raise ValueError
    top = 2**f.e - 1 - (f.kind == "ieee")
    return {"max": math.ldexp(2 ** (f.m + 1) - 1, top - f.bias - f.m), "min_normal": 2.0 ** (1 - f.bias), "min_subnormal": 2.0 ** (1 - f.bias - f.m), "eps": 2.0**-f.m}


mistake("min_normal is an integer where the exponent allows it: 2 ** (1 - bias) with two integers. All limits are floats: write 2.0.", edit={'"min_normal": 2**f.m, ': "", '{"eps": 2.0**-f.m}': '{"eps": 2.0**-f.m, "min_normal": 2 ** (1 - f.bias)}'})
mistake("The table turns gradients off for the rest of the program. Leave torch's settings as they are.", edit={'    codes = {"max"': '    torch.set_grad_enabled(False)\n    codes = {"max"'})

# --- to the nearest ----------------------------------------------------------------------------------------------------------

mistake("Bits are cut off. Take the nearest number: add half a step before you cut, with care for ties.", edit={STEPS: "steps = int(math.ldexp(size, f.m - exponent))"})
mistake("Halves are always rounded away from zero. Ties go to the even code.", edit={STEPS: "steps = math.floor(math.ldexp(size, f.m - exponent) + 0.5)"})
mistake("Halves are always rounded towards zero. Ties go to the even code.", edit={STEPS: "steps = math.ceil(math.ldexp(size, f.m - exponent) - 0.5)"})
mistake("x is rounded to float32 first. Then what was just beside a tie can be a tie, and it is rounded twice.", edit={STEPS: "steps = round(math.ldexp(torch.tensor(size, dtype=torch.float64).float().item(), f.m - exponent))"})
mistake("Everything below the smallest normal number becomes zero. There are subnormal numbers.", edit={STEPS: "steps = round(math.ldexp(size, f.m - exponent)) if size >= 2.0 ** (1 - f.bias) else 0"})
mistake("Numbers between two subnormal numbers are measured with a finer step than the format has.", edit={EXPONENT: "exponent = max(math.frexp(size)[1] - 1, -f.bias) if size else -f.bias", "((exponent + f.bias - 1) << f.m)": "(max(exponent + f.bias - 1, 0) << f.m)"})
mistake("-0.0 and tiny negative numbers lose their sign. A zero has one.", edit={"    return sign | code\n": "    return sign | code if code else 0\n"})
mistake("The sign of -0.0 is lost: -0.0 < 0 is false. Ask copysign.", edit={SIGN: "sign = int(x < 0) << (f.e + f.m)"})
mistake("All codes are positive: the sign bit is never set.", edit={"    return sign | code\n": "    return code\n"})
mistake("A mantissa that is rounded up to 2.0 is cut to the mantissa's bits, without a carry into the exponent.", edit={STEPS: "steps = min(round(math.ldexp(size, f.m - exponent)), 2 ** (f.m + 1) - 1)"})
mistake("A small negative number is rounded to -minus infinity: towards the lower number instead of the nearest.", edit={STEPS: "steps = math.ceil(math.ldexp(size, f.m - exponent)) if x < 0 else math.floor(math.ldexp(size, f.m - exponent))"})

mistake("Very small numbers become zero before rounding. The format may have such numbers: round all of them.", edit={"top, size = _largest(f), abs(x)": "top, size = _largest(f), abs(x) if abs(x) > 1e-60 else 0.0"})
mistake("encode_rne draws from torch's generator. It has nothing to draw: leave the random state as it was.", edit={"top, size = _largest(f), abs(x)": "top, size = _largest(f), abs(x) + 0 * torch.rand(1).item()"})

# --- too large ---------------------------------------------------------------------------------------------------------------

mistake("saturate is ignored: you always saturate.", edit={OVER: "code = top"})
mistake("saturate is ignored: you never saturate.", edit={OVER: 'code = top if f.kind == "mx" else top + 1'})
mistake("The default of saturate is not True.", edit={"saturate: bool = True": "saturate: bool = False"})
mistake("A format of kind mx gets a code that it does not have. Without infinity and nan it saturates always.", edit={OVER: "code = top if saturate else top + 1"})
mistake("Infinity stays infinity even with saturate. It becomes the largest number.", edit={OVER: 'code = top if (saturate and math.isfinite(x)) or f.kind == "mx" else top + 1'})
mistake("nan becomes the largest number: only what is too large saturates.", edit={NAN_CODE: "return _largest(f) if saturate else 2 ** (f.e + f.m) - 1\n    sign"})
mistake("nan becomes infinity in an ieee format. An infinity has a mantissa of zeros, a nan has not.", edit={NAN_CODE: "return _largest(f) + 1\n    sign"})
mistake("A format without nan gets nan, and gives some number. It raises ValueError.", edit={REFUSED: 'if f.kind == "scale":'})
mistake("A number is rounded to a scale. encode_rne raises ValueError for the kind scale.", edit={REFUSED: 'if f.kind == "scale":\n        return 128\n    if f.kind == "mx" and math.isnan(x):'})
mistake(
    "You compare with the largest number before rounding: what lies less than half a step above it overflows. First round, then ask.",
    edit={"    if code > top:\n": "    if code > top or size > decode(top, f):\n"},
)
mistake(
    "Everything up to the next power of two counts as in range. The border is half a step above the largest number.",
    edit={"    if code > top:\n": "    if code == top + 1 and size < decode(top, f) * 1.999:\n        code = top\n    if code > top:\n"},
)
mistake("What is too large and negative becomes positive.", edit={"code = top if saturate": "sign, code = 0, top if saturate"})

# --- the trick with bits --------------------------------------------------------------------------------------------------

mistake("The lower half is cut off: rounding towards zero. Half of all numbers come out one too small.", edit={FLIP: "rounded = u >> 16"})
mistake("You add 0x8000 always: ties go up. Add 0x7FFF and the lowest bit that stays.", edit={FLIP: "rounded = (u.astype(np.uint64) + 0x8000) >> 16"})
mistake("You add 0x7FFF only: ties go down. The lowest bit that stays is added, too.", edit={FLIP: "rounded = (u.astype(np.uint64) + 0x7FFF) >> 16"})
mistake("The lowest bit of all is added. It must be the lowest one of the upper half.", edit={"odd = u >> 16 & 1": "odd = u & 1"})
mistake("nan is rounded like a number: it can become infinity, or carry into the sign and become zero.", edit={WHERE: "rounded"})
mistake("nan is cut: one whose ones lie in the lower half becomes infinity.", edit={WHERE: "np.where(nan, u >> 16, rounded)"})
mistake("Infinity is taken for nan: its mantissa is zero.", edit={"> 0x7F800000": ">= 0x7F800000"})
mistake("A negative nan is not seen: the sign is still in the bits that you compare.", edit={"nan = (u & 0x7FFFFFFF) > 0x7F800000": "nan = (u > 0x7F800000) & (u < 0x80000000)"})
mistake("The largest numbers are clamped. They round to infinity.", edit={WHERE: "np.where(nan, 0x7FC0, np.where((rounded == 0x7F80) & (u != 0x7F800000), 0x7F7F, rounded))"})


@mistake("The bits are changed where they are. Nothing that is passed in may change: work on a copy.")
def bf16_rne_bits(u):
    nan = (u & 0x7FFFFFFF) > 0x7F800000
    odd = u >> 16 & 1
    u += np.where(nan, 0, 0x7FFF + odd).astype(np.uint32)
    return np.where(nan, 0x7FC0, u >> 16).astype(np.uint16)


mistake("A positive number below the smallest subnormal one becomes zero always. From half of it on, the smallest one is nearer.", edit={"    if code > top:\n": "    if size < decode(1, f):\n        code = 0\n    if code > top:\n"})
mistake("nan is refused for a format of kind mx only with saturate. It has none in either case.", edit={REFUSED: 'if f.kind == "scale" or (f.kind == "mx" and math.isnan(x) and saturate):'})

mistake("An array that is turned comes back in the order of its memory. Keep the place of each number, however the array lies in memory.", edit={WHERE: 'np.where(nan, 0x7FC0, rounded).ravel(order="K").reshape(u.shape)'})

# --- by chance --------------------------------------------------------------------------------------------------------------

mistake("Chance makes no difference: this is the nearest number, and small parts are lost always.", edit={CHANCE: "return x.to(torch.bfloat16)"})
mistake("Up and down are equally probable. The nearer neighbour must come more often.", edit={NOISE: "noise = torch.randint(0, 2, x.shape, generator=gen, dtype=torch.int32) * 0xFFFF"})
mistake("Your noise has 15 bits, so half of all chances are missing.", edit={NOISE: "noise = torch.randint(0, 2**15, x.shape, generator=gen, dtype=torch.int32)"})
mistake("The noise is added and then rounded to the nearest instead of cut: everything is too large by half a step.", edit={"moved = ((bits + noise) & -(2**16)).view(torch.float32)": "moved = (bits + noise).view(torch.float32)"})
mistake("Only 8 bits of noise are drawn, for the upper half of what goes away. Small distances count, too: draw 16 bits.", edit={NOISE: "noise = torch.randint(0, 2**8, x.shape, generator=gen, dtype=torch.int32) * 2**8"})
mistake("Chance comes from torch's global generator. It comes from gen.", edit={NOISE: "noise = torch.randint(0, 2**16, x.shape, dtype=torch.int32)"})
mistake("One random number serves all entries. Each has its own.", edit={NOISE: "noise = torch.randint(0, 2**16, (), generator=gen, dtype=torch.int32)"})
mistake("One random number serves a whole row. Each entry has its own.", edit={NOISE: "noise = torch.randint(0, 2**16, (*x.shape[:1], *(1 for _ in x.shape[1:])), generator=gen, dtype=torch.int32)"})
mistake("The generator is copied, so that every call draws the same.", edit={NOISE: "noise = torch.randint(0, 2**16, x.shape, generator=gen.clone_state(), dtype=torch.int32)"})
mistake("Your noise goes from 1 to 2^16: now and then a number that bf16 has is moved.", edit={NOISE: "noise = torch.randint(1, 2**16 + 1, x.shape, generator=gen, dtype=torch.int32)"})
mistake("Subnormal numbers become zero. They have neighbours like all others.", edit={CHANCE: "return torch.where(x.isfinite(), torch.where(x.abs() < 2.0**-126, 0.0, moved), x).to(torch.bfloat16)"})
mistake("The generator is started again from its seed in each call. Draw from it as it is.", edit={NOISE: "noise = torch.randint(0, 2**16, x.shape, generator=torch.Generator().manual_seed(gen.initial_seed()), dtype=torch.int32)"})
mistake("nan with ones in its lower half becomes infinity, or something else.", edit={CHANCE: "return moved.to(torch.bfloat16)"})
mistake("The result has bf16's values, but is a float32.", edit={CHANCE: "return torch.where(x.isfinite(), moved, x)"})


@mistake("The probability is measured from the neighbour nearer to zero for positive numbers, but from the wrong one for negative ones: they are biased.")
def stochastic_round_bf16(x, gen):
    bits = x.contiguous().view(torch.int32)
    near = bits & -(2**16)
    share = (bits & 0xFFFF).double() / 2**16
    share = torch.where(x < 0, 1 - share, share)
    up = torch.rand(x.shape, generator=gen, dtype=torch.float64) < share
    moved = (near + up.int() * 2**16).view(torch.float32)
    exact = (bits & 0xFFFF) == 0
    return torch.where(x.isfinite() & ~exact, moved, x).bfloat16()


@mistake("Noise of one size is added to every x. The distance of neighbours doubles with each power of two.")
def stochastic_round_bf16(x, gen):
    noise = (torch.rand(x.shape, generator=gen) - 0.5) * 2**-7
    exact = x.bfloat16().float() == x
    return torch.where(x.isfinite() & ~exact, x + noise, x).bfloat16()
mistake("You multiply by a power of two that is beyond float64, and raise an error: a format may have as many bits of exponent as float64. Use math.ldexp.", edit={"math.ldexp(size, f.m - exponent)": "size * 2.0 ** (f.m - exponent)"}, crashes=True)
