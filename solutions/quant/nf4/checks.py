"""Checks of quant/nf4. Codes are compared exactly, so values keep a distance from the middles between two levels."""

import torch

from autograder.checks import Tolerance, case, check, difference, flags, reject

# The levels as published are float32 (1e-7); quantiles by another formula agree to 1e-6; the nearest wrong table differs by 1e-2.
LEVELS = Tolerance(atol=2e-6)

# A table with the levels for making inputs, to four digits: inputs stay away from the middles by far more than that.
ROUGH = [
    -1,
    -0.6962,
    -0.5251,
    -0.3949,
    -0.2844,
    -0.1848,
    -0.0911,
    0,
    0.0796,
    0.1609,
    0.2461,
    0.3379,
    0.4407,
    0.5626,
    0.7230,
    1,
]


@check(
    points=2,
    tolerance=LEVELS,
    lecture="levels-where-the-weights-are",
    public=[case("those of the docstring", some=[0, 6, 7, 8, 15])],
    hidden=[case("all sixteen", some=list(range(16)))],
    cites=[
        "The sixteen levels of NF4",
        "Level 7 is exactly 0",
        "eight positive levels",
        "seven negative ones",
        "So zero is exact",
        "All are divided by the largest",
        "Errors below 2e-6 are accepted",
        "Computed in float64 and rounded",
    ],
)
def levels_are_normal_quantiles(student, some):
    """The sixteen levels are quantiles of a normal distribution, eight above zero and seven below, with an exact zero."""
    changed = student.nf4_codebook()
    changed *= 2  # what was returned is the caller's
    levels = student.nf4_codebook()
    return {"shape": list(levels.shape), "levels": levels[some], "zero": float(levels[7])}


def weights(rng, shape, block, dtype="float32", scale=1.0, values=None, near=False, turned=False):
    """Random weights near levels, each block with its own absmax at a random place. `near`: see `near_middles`. A block of
    None leaves the default, 64."""
    if block is None:
        return {**weights(rng, shape, 64, dtype, scale, values, near, turned), "block": None}
    more = {"block": block, "dtype": dtype, "turned": turned}
    if values is not None:
        return {"w": torch.tensor(values), **more}
    if near:
        return {"w": near_middles(rng, block, shape[0]), **more}
    size = torch.Size(shape).numel()
    levels = torch.tensor(ROUGH, dtype=torch.float64)
    n = -(-size // block)
    code = rng.integers(0, 16, n, block)
    middle = levels[code]
    up = (torch.cat([levels, torch.tensor([1.0])])[code + 1] - middle).clamp(max=0.2)
    down = (middle - torch.cat([torch.tensor([-1.0]), levels])[code]).clamp(max=0.2)
    u = rng.uniform(-0.4, 0.4, n, block, dtype=torch.float64)
    w = middle + torch.where(u > 0, u * up, u * down)
    for index in range(n):
        used = min(block, size - index * block)
        w[index, rng.integer(0, used)] = rng.choice([1.0, -1.0])
        w[index] *= scale * 2.0 ** rng.integer(-3, 4)
    return {"w": w.flatten()[:size].reshape(shape).to(getattr(torch, dtype)), **more}


def near_middles(rng, block, rows):
    """Rows of one block, of numbers that bfloat16 holds, in float32. Divided in bfloat16 they come to the other side of a middle;
    in float32 they keep 5e-4 of distance from it."""
    middles = (torch.tensor(ROUGH[1:]) + torch.tensor(ROUGH[:-1])) / 2
    found = []
    while len(found) < rows:
        top = rng.uniform(1.0, 4.0, 1).bfloat16()
        w = (rng.uniform(-1.0, 1.0, 4000) * top).bfloat16()
        exact, rounded = w.float() / top.float(), (w / top).float()
        crossed = torch.bucketize(exact, middles) != torch.bucketize(rounded, middles)
        far = [(each[:, None] - middles).abs().amin(1) > gap for each, gap in ((exact, 5e-4), (rounded, 1e-4))]
        row = torch.cat([top, w[crossed & far[0] & far[1]][: block - 1]]).float()
        if len(row) > 1:  # few absmaxes have such weights
            found.append(torch.nn.functional.pad(row, (0, block - len(row)), value=float(row[0]) / 2))
    return torch.stack(found)


def sized(block):
    """The argument `block`, or none where the default is wanted."""
    return {} if block is None else {"block": block}


def prepared(w, dtype, turned):
    """The weights that an implementation gets. Whole numbers stand for quarters: no last bit moves a zero."""
    w = w.to(getattr(torch, dtype)) if w.is_floating_point() else w / 4
    return w.T if turned else w


def the_same_levels(seen, want):
    """By value, not by byte: two levels are in each."""
    found = next(filter(None, (difference(seen[name], want[name]) for name in want if name != "packed")), None)
    if found is not None or seen["packed"].shape != want["packed"].shape:
        return found or difference(seen, want)
    mine, right = (torch.stack([each["packed"] >> 4, each["packed"] & 15], 1) for each in (seen, want))
    if mine.equal(right):
        return None
    if mine.equal(right.flip(1)):
        return reject("The two values of each byte have changed places: the first of them is the high half.")
    i = int((mine != right).flatten().nonzero()[0])
    return reject("Value {i} has level {mine}; it should have {right}. (It is in byte {byte}.)",
                  i=i, byte=i // 2, mine=int(mine.flatten()[i]), right=int(right.flatten()[i]))  # fmt: skip


@check(
    points=2,
    inputs=weights,
    judge=the_same_levels,
    lecture="blocks-and-nibbles",
    public=[
        case("four values", values=[2.0, -2.0, 0.0, 0.1], shape=(4,), block=4),
        case("two blocks", shape=(2, 8), block=8),
    ],
    hidden=[
        case("rows longer than a block, of 64 as by default", shape=(6, 128), block=None),
        case("a block goes over rows", shape=(8, 12), block=32),
        case("three dimensions", shape=(4, 2, 16), block=16),
        case("four dimensions", shape=(2, 2, 3, 16), block=16),
        case(
            "a block of zeros, in quarters", values=[[3, -4, 0, 1], [0, 0, 0, 0], [0, 0, 0, -8]], shape=(3, 4), block=4
        ),
        case("bfloat16", shape=(3, 64), block=64, dtype="bfloat16"),
        case("float16, blocks of two", shape=(6, 4), block=2, dtype="float16"),
        case("bfloat16, near the middles", shape=(8, 16), block=16, dtype="bfloat16", near=True),
        case("a transposed matrix", shape=(5, 12), block=4, turned=True),
        case("tiny weights", shape=(2, 64), block=64, scale=1e-20),
        case("weights of which the reciprocal is infinite", shape=(2, 16), block=16, scale=1e-40),
        case("five thousand blocks", shape=(10_001,), block=2),
    ],
    fresh=2,
    cites=[
        "Weights are flattened in row-major",
        "A block is divided by its absmax",
        "Everything is computed in float32",
        "Inputs are not changed and need not",
        "w: any shape with at least one",
        "absmax: float32 (n,), the largest",
        "packed: uint8 (n · block / 2,)",
        "Each value becomes the number",
        "In a block of zeros",
    ],
)
def nearest_levels_two_in_a_byte(student, w, block, dtype, turned):
    """Each value is the nearest level of its block's absmax, blocks run over the flattened tensor, and the first of two is the high half."""
    w = prepared(w, dtype, turned)
    packed, absmax = student.quantize_nf4(w, **sized(block))
    other = student.quantize_nf4(-0.5 * w, **sized(block))[1]
    pairs = student.quantize_nf4(w, block=2)[1]
    left = [*flags(w), torch.is_grad_enabled()]
    return {"packed": packed, "absmax": absmax, "absmax of -w / 2": other, "absmax of pairs": pairs, "settings": left}


@check(
    points=1,
    inputs=weights,
    lecture="blocks-and-nibbles",
    public=[case("three values in a block of four", values=[2.0, -2.0, 0.1], shape=(3,), block=4)],
    hidden=[
        case("odd rows", shape=(5, 7), block=16),
        case("one weight", shape=(1,), block=64),
        case("one more than a block", shape=(65,), block=64),
        case("a single number", values=-3.0, shape=(), block=8),
        case("blocks of 128", shape=(2, 100), block=128),
    ],
    cites=[
        "The flattened w is padded",
        "Padding is stored too",
        "Returns (packed, absmax)",
    ],
)
def the_end_is_padded_with_zeros(student, w, block, dtype, turned):
    """The last block is filled up with zeros, which are stored, and are gone when the weights come back."""
    packed, absmax = student.quantize_nf4(w, block=block)
    return {
        "packed": packed,
        "absmax": absmax,
        "back": student.dequantize_nf4(packed, absmax, tuple(w.shape), block=block),
    }


def strided(x):
    """The same values, not contiguous."""
    return torch.stack([x, x], -1)[..., 0]


def packed(rng, shape, block, values=None, absmax=None):
    size = block or 64
    n = -(-torch.Size(shape).numel() // size)
    codes = rng.integers(0, 256, n * size // 2) if values is None else torch.tensor(values)
    scales = rng.uniform(0.1, 5.0, n) if absmax is None else torch.tensor(absmax)
    return {"packed": codes.to(torch.uint8), "absmax": scales, "shape": tuple(shape), "block": block}


@check(
    points=1,
    inputs=packed,
    lecture="blocks-and-nibbles",
    public=[case("three of four values", values=[0xF0, 0x78], absmax=[2.0], shape=(3,), block=4)],
    hidden=[
        case("a matrix, blocks of 64 as by default", shape=(6, 32), block=None),
        case("blocks over rows, odd", shape=(5, 9), block=8),
        case("three dimensions", shape=(2, 3, 4), block=2),
        case("one weight of a block", shape=(1, 1), block=64),
        case("blocks of 128", shape=(3, 70), block=128),
    ],
    cites=[
        "The weights that `packed` stands for",
        "packed, absmax, block: as from",
    ],
)
def weights_come_back(student, packed, absmax, shape, block):
    """dequantize_nf4 gives level times absmax in the shape that is asked for, as float32."""
    views = strided(packed), strided(absmax)
    back = student.dequantize_nf4(*views, shape, **sized(block))
    other = student.dequantize_nf4(255 - packed, 2 * absmax, shape, **sized(block))
    return {"weights": back, "other codes and scales": other, "left": flags(*views)}


def scales(rng, sizes, block, values=None, skewed=False, lopsided=False):
    """Absmaxes around a mean: in each block pairs the same distance above and below it, at k ± 0.3 steps.

    `skewed`: the first half of each pair is in one block, the second half in the next. `lopsided`: one number far above the mean for
    two below it, so that the mean is neither the median nor in the middle between the ends."""
    if values is not None:
        return {"absmax": torch.tensor(values), "block": block}
    offset, parts = rng.real(1.0, 3.0), []
    for size in sizes:
        step = offset / 127 * rng.real(0.2, 0.9)
        if lopsided:
            k = 10 * rng.integers(0, 13, size // 3).double() + rng.uniform(-0.3, 0.3, size // 3, dtype=torch.float64)
            k[0] = 127.0
            parts.append((torch.cat([k, -0.3 * k, -0.7 * k]) * step)[rng.permutation(size)])
            continue
        k = rng.integers(0, 127, size // 2).double() + rng.uniform(-0.3, 0.3, size // 2, dtype=torch.float64)
        if size >= 2:
            k[0] = 127.0
        if skewed:
            parts += [k * step, -k * step]
            continue
        part = torch.cat([k, -k, torch.zeros(size % 2, dtype=torch.float64)]) * step
        parts.append(part[rng.permutation(size)])
    return {"absmax": (torch.cat(parts) + offset).float(), "block": block}


@check(
    points=2,
    inputs=scales,
    tolerance=Tolerance(atol=1e-6, rtol=2e-5),
    lecture="scales-of-scales",
    public=[
        case("three", sizes=(), values=[1.0, 2.0, 3.0], block=256),
        case("two blocks", sizes=(4, 4), block=4),
    ],
    hidden=[
        case("256, the default, and some", sizes=(256, 31), block=None),
        case("many short blocks", sizes=(8, 8, 8, 5), block=8),
        case("twenty blocks", sizes=(4,) * 20, block=4),
        case("blocks with means of their own", sizes=(12, 12), block=6, skewed=True),
        case("one far above, two below the mean", sizes=(12, 9), block=12, lopsided=True),
        case("all alike", sizes=(), values=[0.5, 0.5, 0.5, 0.5, 0.5], block=2),
        case("one", sizes=(), values=[0.75], block=256),
        case("tiny ones", sizes=(), values=[1e-7, 2e-7, 3e-7], block=256),
        # Exact in any order of summation: of a difference that is rounding alone, the code would be anything.
        case("one left over", sizes=(), values=[1.0, 2.0, 3.0, 1.5, 2.5, 2.0, 0.5, 3.5], block=7),
    ],
    fresh=1,
    cites=[
        "Quantize the absmaxes to 8 bits each",
        "absmax: float32 (n,), n at least 1",
        "so their mean is taken off first",
        "offset: float32 ()",
        "scales: float32 (ceil(n / block),)",
        "codes: uint8 (n,)",
        "Where a block's scale is 0",
        "The absmaxes that `double_quant` stored",
        "bitsandbytes does the same with another",
    ],
)
def scales_are_quantized_around_their_mean(student, absmax, block):
    """double_quant takes the mean off and quantizes what is left to 8 bits by blocks; double_dequant brings it back."""
    absmax = strided(absmax)
    codes, scales, offset = student.double_quant(absmax, **sized(block))
    views = strided(codes), strided(scales)
    eight = torch.arange(130, 138).to(codes.dtype), torch.tensor([1.0, 2.0])  # the second scale begins at 4, or at 5
    twice = student.double_quant(2 * absmax, **sized(block))
    return {
        "scales of twice": twice[1],
        "offset of twice": twice[2],
        "scales of blocks of 512": student.double_quant(absmax, block=512)[1],
        "eight codes": [student.double_dequant(*eight, offset, block=size) for size in (4, 5)],
        "codes": codes,
        "scales": scales,
        "offset": offset,
        "back": student.double_dequant(*views, offset, **sized(block)),
        "left": flags(absmax, *views, eight[1]),
    }


@check(
    points=1,
    lecture="scales-of-scales",
    public=[case("QLoRA's two", asked=[[64, None], [64, 256]])],
    hidden=[case("others", asked=[[32, None], [128, 256], [64, 1], [16, 64], [4096, 4096], [128], []])],
    cites=[
        "Bits that a weight takes",
        "block: weights that share an absmax",
        "The one offset of the tensor",
    ],
)
def bits_are_counted(student, asked):
    """bits_per_parameter is 4 and the share of the scales, with or without double quantization."""
    return [student.bits_per_parameter(*sizes) for sizes in asked]


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=weights,
    lecture="blocks-and-nibbles",
    hidden=[
        case("a layer", shape=(96, 128), block=64),
        case("bfloat16, padded", shape=(33, 65), block=64, dtype="bfloat16"),
    ],
    cites=[
        "on the device of the input",
    ],
)
def the_same_on_a_gpu(student, w, block, dtype, turned):
    """Codes, scales and weights are the same on a GPU."""
    packed, absmax = student.quantize_nf4(w, block=block)
    return {
        "packed": packed,
        "absmax": absmax,
        "back": student.dequantize_nf4(packed, absmax, tuple(w.shape), block=block),
    }
