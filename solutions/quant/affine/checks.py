"""Checks of quant/affine. Codes are compared exactly, so x / s keeps a distance from halves, or is a half exactly."""

import torch
from hypothesis import strategies as st

from autograder.checks import Tolerance, case, check, difference, flags, raises, reject

# A scale is one division: honest answers differ by 1.2e-7 of it, the nearest wrong one (2^b for 2^b - 1, b = 8) by 4e-3.
# In float64 they differ by 2e-16, and one that goes through float32 by 3e-8.
SCALE = Tolerance(rtol=2e-6)
SCALE64 = Tolerance(rtol=1e-12)
# Exact integers times two scales and a bias: 2e-7 of the largest term.
LINEAR = Tolerance(atol=1e-5, rtol=2e-6)


def spread(rng, shape, bits, symmetric, axis=None, group=None, dtype="float32", sign=0):
    """Random x. Each slice has an extent of its own, with ends that put the zero-point away from halves."""
    x = rng.uniform(-0.7, 0.7, *shape, dtype=torch.float64)
    blocks = x.unflatten(-1, (-1, group)) if group else x
    moved = blocks.movedim(axis, 0).flatten(1) if axis is not None else blocks.reshape(-1, group or blocks.numel())
    steps = 2**bits - 1
    for row in moved:
        scale = rng.real(0.1, 5.0)
        if symmetric:
            row[:] = row * scale
            row[rng.integer(0, len(row))] = scale * (1 if sign > 0 or (not sign and rng.integer(0, 2)) else -1)
            continue
        low = {0: (rng.integer(0, steps) + 0.2) / steps, 1: 0.0, -1: 1.0}[sign]  # how much of the range is below 0
        row[:] = (row + 0.8) / 1.6 * 0.9 + 0.05  # inside (0, 1)
        ends = rng.sample(range(len(row)), 2) if len(row) > 1 else [0]
        row[ends[0]] = 1.0
        if len(row) > 1:
            row[ends[1]] = 0.02 if sign else 0.0
        row[:] = (row - low if sign <= 0 else row) * scale
        if sign < 0:
            row.clamp_(max=-0.02)
    if axis is not None:
        rest = [n for d, n in enumerate(shape) if d != axis % len(shape)]
        x = moved.reshape(shape[axis], *rest).movedim(0, axis)
    else:
        x = moved.reshape(shape)
    return {
        "x": x.to(getattr(torch, dtype)).contiguous(),
        "bits": bits,
        "symmetric": symmetric,
        "axis": axis,
        "group": group,
    }


def given(rng, values, bits, symmetric, axis=None, group=None):
    return {"x": torch.tensor(values), "bits": bits, "symmetric": symmetric, "axis": axis, "group": group}


def some(rng, values=None, **rest):
    return given(rng, values, **rest) if values is not None else spread(rng, **rest)


def as_exact_as_x(seen, want):
    return difference(seen, want, SCALE64 if want["s"].dtype == torch.float64 else SCALE)


@check(
    points=2,
    inputs=some,
    judge=as_exact_as_x,
    lecture="scale-and-zero-point",
    public=[
        case("two bits, asymmetric", values=[-1.0, 0.0, 3.0], bits=2, symmetric=False),
        case("three bits, symmetric", values=[-1.0, 0.0, 3.0], bits=3, symmetric=True),
        case("all above 0", values=[2.0, 3.0, 5.0], bits=4, symmetric=False),
    ],
    hidden=[
        case("eight bits", shape=(4, 6), bits=8, symmetric=False),
        case("eight bits, symmetric, float64", shape=(2, 3, 5), bits=8, symmetric=True, dtype="float64"),
        case("the largest is negative", shape=(7,), bits=4, symmetric=True, sign=-1),
        case("all above 0, five bits", shape=(3, 5), bits=5, symmetric=False, sign=1),
        case("all below 0", shape=(3, 5), bits=8, symmetric=False, sign=-1),
        case("zeros, asymmetric", values=[[0.0, 0.0], [0.0, 0.0]], bits=8, symmetric=False),
        case("zeros, symmetric", values=[0.0, 0.0, 0.0], bits=4, symmetric=True),
        case("a group of zeros beside another", values=[[0.0, 0.0, 1.0, -2.0]], bits=4, symmetric=False, group=2),
        case("groups of a cube, float64", shape=(2, 2, 8), bits=4, symmetric=True, group=4, dtype="float64"),
        case("one number", values=[-2.5], bits=8, symmetric=False),
        case("a constant", values=[3.0, 3.0, 3.0], bits=8, symmetric=False),
        case("tiny numbers", values=[-1e-12, 3e-12], bits=8, symmetric=False),
    ],
    fresh=2,
    cites=[
        "symmetric: q from -(2^(b-1) - 1)",
        "asymmetric: q from 0 to 2^b - 1",
        "Scale and zero-point so that the grid",
        "with neither, one scale for all",
        "symmetric: s = max|x|",
        "asymmetric: the range is widened",
        "Where all x are 0",
        "s has x's dtype",
        "No call remembers anything",
        "x is float32 or float64",
    ],
)
def the_grid_covers_the_range_and_zero(student, x, bits, symmetric, axis, group):
    """The scale stretches the grid from the smallest to the largest entry, with 0.0 on it; the zero-point is the code of 0.0."""
    which = {name: value for name, value in (("axis", axis), ("group", group)) if value is not None}
    s, z = student.qparams(x, bits, symmetric, **which)
    torch.manual_seed(1)
    other_s, other_z = student.qparams(2 * x, bits, symmetric, **which)
    left = [str(torch.get_default_dtype()), torch.is_grad_enabled(), torch.rand(2)]
    return {"s": s, "z": z.double(), "s of 2x": other_s, "z of 2x": other_z.double(), "settings": left}


@check(
    points=1,
    inputs=some,
    judge=as_exact_as_x,
    lecture="granularity",
    given=dict(
        shape=st.lists(st.integers(1, 4), min_size=2, max_size=3),
        axis=st.integers(-2, 1),
        bits=st.integers(2, 8),
        symmetric=st.booleans(),
    ),
    public=[
        case("for each row", values=[[1.0, -3.0], [0.5, 0.25]], bits=3, symmetric=True, axis=0),
        case("for groups of two", values=[[1.0, -3.0, 0.5, 0.25]], bits=3, symmetric=True, group=2),
    ],
    hidden=[
        case("for each column", shape=(4, 4), bits=8, symmetric=False, axis=1),
        case("for each row, asymmetric", shape=(5, 4), bits=4, symmetric=False, axis=0),
        case("the middle axis, from the end", shape=(3, 2, 4), bits=8, symmetric=True, axis=-2),
        case("the last axis of three", shape=(3, 2, 4), bits=8, symmetric=False, axis=2),
        case("the third axis of four", shape=(2, 3, 5, 4), bits=8, symmetric=True, axis=2),
        case("the only axis", values=[1.5, -3.0, 0.5], bits=3, symmetric=True, axis=0),
        case("groups, asymmetric", shape=(4, 12), bits=4, symmetric=False, group=4),
        case("groups of a cube", shape=(2, 4, 8), bits=4, symmetric=True, group=4),
        case("one group", shape=(3, 6), bits=8, symmetric=False, group=6),
    ],
    fresh=1,
    cites=[
        "Granularity: s and z are",
        "axis: one scale for each index",
        "size 1 everywhere but in",
        "Everywhere below",
    ],
)
def a_scale_for_each_slice(student, x, bits, symmetric, axis, group):
    """With `axis` or `group`, each slice has the scale and zero-point of its own entries, in the shape that was promised."""
    turned = x.mT.contiguous().mT if x.ndim > 1 else x  # the same x, not contiguous
    of_all = student.qparams(turned, bits, symmetric)[0]
    s, z = student.qparams(turned, bits, symmetric, axis=axis, group=group)
    return {"s": s, "z": z.double(), "s of all": of_all}


def codes(rng, shape, scale_shape, bits, symmetric, beyond=0.0, dtype="float32", z_dtype="int32", fine=False):
    """x = s (k + u - z): k a code, or somewhat outside of the grid, and |u| ≤ 0.4. `fine`: so near to halves that float32 takes
    them for halves."""
    dtype = getattr(torch, dtype)
    low, high = (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if symmetric else (0, 2**bits - 1)
    s = rng.uniform(0.01, 2.0, *scale_shape, dtype=torch.float64)
    z = torch.zeros(scale_shape) if symmetric else rng.integers(1, high, *scale_shape).double()
    out = int(beyond * 2**bits)
    u = (rng.mask(*shape).double() - 0.5) * (1 - 1e-9) if fine else rng.uniform(-0.4, 0.4, *shape, dtype=torch.float64)
    k = rng.integers(low - out, high + out + 1, *shape) + u
    repeat = shape[-1] // scale_shape[-1] if scale_shape else 1
    wide = [each.repeat_interleave(repeat, -1) if scale_shape else each for each in (s, z)]
    return {
        "x": ((k - wide[1]) * wide[0]).to(dtype),
        "s": s.to(dtype),
        "z": z.to(getattr(torch, z_dtype)),
        "bits": bits,
        "symmetric": symmetric,
    }


def halves(rng, values, s, z, bits, symmetric):
    """Multiples of 1/4, as whole numbers of quarters: x / s is a half exactly, and has no last bit that could move it."""
    quarters = [round(4 * each) for each in torch.tensor(values).flatten().tolist()]
    x = torch.tensor(quarters).reshape(torch.tensor(values).shape)
    return {
        "x": x,
        "s": torch.tensor(round(4 * s)),
        "z": torch.tensor(z, dtype=torch.int32),
        "bits": bits,
        "symmetric": symmetric,
    }


def real(t):
    """Whole numbers stand for quarters."""
    return t if t.is_floating_point() else t / 4


def some_codes(rng, values=None, **rest):
    return halves(rng, values, **rest) if values is not None else codes(rng, **rest)


@check(
    points=2,
    inputs=some_codes,
    lecture="codes",
    public=[
        case(
            "halves and one beyond the grid, x and s in quarters",
            values=[-0.5, 0.25, 0.75, 9.0],
            s=0.5,
            z=3,
            bits=4,
            symmetric=False,
        ),
        case("for each row, symmetric", shape=(2, 3), scale_shape=(2, 1), bits=4, symmetric=True),
        case("beyond a grid of three bits", shape=(12,), scale_shape=(), bits=3, symmetric=True, beyond=4.0),
    ],
    hidden=[
        case("eight bits", shape=(5, 7), scale_shape=(), bits=8, symmetric=False),
        case(
            "halves of both signs, z is odd",
            values=[-1.75, -1.25, -0.75, -0.25, 0.25, 0.75, 1.25, 1.75],
            s=0.5,
            z=7,
            bits=8,
            symmetric=False,
        ),
        case("halves, symmetric", values=[[-5.0, -3.0, -1.0], [1.0, 3.0, 5.0]], s=2.0, z=0, bits=8, symmetric=True),
        case(
            "the most negative code is not used",
            values=[-128.0, -127.0, 127.0, 128.0],
            s=1.0,
            z=0,
            bits=8,
            symmetric=True,
        ),
        case("beyond both ends", shape=(5, 7), scale_shape=(1, 7), bits=4, symmetric=True, beyond=0.5),
        case("beyond both ends, unsigned", shape=(40,), scale_shape=(1,), bits=8, symmetric=False, beyond=2.0),
        case("groups", shape=(3, 12), scale_shape=(3, 4), bits=4, symmetric=False),
        case(
            "groups, float64, a float zero-point",
            shape=(2, 3, 8),
            scale_shape=(2, 3, 2),
            bits=8,
            symmetric=False,
            dtype="float64",
            z_dtype="float64",
        ),
        case("groups, the same for all rows", shape=(3, 8), scale_shape=(2,), bits=4, symmetric=False),
        case("far beyond both ends", values=[-1e10, 1.0, 1e10], s=1.0, z=0, bits=8, symmetric=True),
        case("two bits", shape=(4, 5), scale_shape=(4, 1), bits=2, symmetric=True, beyond=0.3),
        case("four dimensions", shape=(2, 3, 2, 4), scale_shape=(2, 3, 2, 2), bits=8, symmetric=False),
        case("float64, one scale", shape=(3, 7), scale_shape=(), bits=8, symmetric=True, dtype="float64"),
        case(
            "float64, 1e-9 from halves",
            shape=(40,),
            scale_shape=(1,),
            bits=8,
            symmetric=False,
            dtype="float64",
            fine=True,
        ),
    ],
    fresh=2,
    cites=[
        "The code -2^(b-1) is not used",
        "Rounding is to the nearest integer",
        "Inputs are not changed",
        "Float64 is computed in float64",
        "The codes q = clamp",
        "s, z: fit x (see above)",
        "Returns x's shape, int8",
        "What lies outside of the grid",
        "s · (q - z), in s's dtype",
        "Mind that uint8 arithmetic",
        "(A last size of 1 serves all",
    ],
)
def codes_are_rounded_and_clamped(student, x, s, z, bits, symmetric):
    """quantize rounds to the nearest code (halves to even), shifts by z, and clamps to the grid; dequantize undoes it up to rounding."""
    x, s = real(x), real(s)
    turned = x.mT.contiguous().mT if x.ndim > 1 else x  # the same x, not contiguous
    q = student.quantize(turned, s, z, bits, symmetric)
    back = student.dequantize(q.mT.contiguous().mT if q.ndim > 1 else q, s, z)
    other = student.quantize(-x, s, z, bits, symmetric)
    double = 2 * s
    back_from_those = student.dequantize(other, double, z)
    student.qparams(turned, bits, symmetric)
    left = flags(turned, s, double)
    return {"codes": q, "back": back, "codes of -x": other, "back from those": back_from_those, "left": left}


def gradients_as_exact_as_x(seen, want):
    float32 = want["output"].dtype == torch.float32
    return difference(seen, want, Tolerance(atol=1e-6, rtol=2e-6) if float32 else None)


@check(
    points=1,
    inputs=some_codes,
    judge=gradients_as_exact_as_x,
    lecture="training-through-a-staircase",
    public=[
        case(
            "two beyond the grid, x and s in quarters",
            values=[-9.0, 0.25, 1.0, 9.0],
            s=0.5,
            z=3,
            bits=4,
            symmetric=False,
        ),
    ],
    hidden=[
        case("all inside", shape=(4, 6), scale_shape=(4, 1), bits=8, symmetric=True),
        case("many outside", shape=(5, 8), scale_shape=(), bits=4, symmetric=False, beyond=1.0),
        case(
            "many outside, symmetric, by groups",
            shape=(2, 15),
            scale_shape=(2, 5),
            bits=3,
            symmetric=True,
            beyond=0.5,
            dtype="float64",
        ),
        case("two groups of three", shape=(5, 6), scale_shape=(5, 2), bits=4, symmetric=False, beyond=0.3),
        case("groups in three dimensions", shape=(3, 2, 8), scale_shape=(3, 2, 4), bits=8, symmetric=False),
        case("far beyond both ends", values=[-1e8, 1.0, 1e8], s=0.5, z=3, bits=4, symmetric=False),
        case("the last half step", values=[-1.75, -1.25, 5.75, 6.25, 6.75], s=1.0, z=1, bits=3, symmetric=False),
    ],
    fresh=1,
    cites=[
        "dequantize(quantize(x)), with a gradient",
        "Arguments as in `quantize`",
        "Returns x's shape and dtype",
        "the gradient passes through unchanged",
    ],
)
def the_gradient_passes_where_nothing_was_clamped(student, x, s, z, bits, symmetric):
    """fake_quant gives the quantized values, and a gradient of 1 on the grid and 0 where x was clamped."""
    x, s = leaf, scale = real(x).clone().requires_grad_(), real(s).clone().requires_grad_()
    y = student.fake_quant(x, s, z, bits, symmetric)
    weights = torch.arange(1, y.numel() + 1, dtype=y.dtype).cos().reshape(y.shape)
    if y.requires_grad:
        (y * weights).sum().backward()
    x, s = x.detach(), s.detach()
    turned = x.mT.contiguous().mT if x.ndim > 1 else x  # the same x, not contiguous
    others = [student.fake_quant(turned, times * s, z, bits, symmetric) for times in (1, 4)]
    return {
        "output": y,
        "gradient": leaf.grad,
        "gradient of s": scale.grad,
        "with other scales": others,
        "left": flags(turned),
    }


def layer(rng, n, c, o, bias=True, zero_point=None, period=None, unit=False):
    """Codes of a layer's input and weights. With `period`, products are as large as they get, and runs of as many positive ones
    cancel as many negative ones: the sum is small, but not on the way."""
    xq = rng.integers(0 if period is None else 250, 256, n, c).to(torch.uint8)
    wq = rng.integers(-127, 128, o, c).to(torch.int8)
    if period is not None:
        sign = 1 - 2 * (torch.arange(c) // period % 2)
        wq = (sign * rng.integers(126, 128, o, c)).to(torch.int8)
    return {
        "xq": xq,
        "sx": torch.tensor(1.0) if unit else rng.uniform(0.01, 0.05),
        "zx": torch.tensor(rng.integer(1, 255) if zero_point is None else zero_point, dtype=torch.int32),
        "wq": wq,
        "sw": torch.ones(o, 1) if unit else rng.uniform(0.001, 0.02, o, 1),
        "bias": rng.normal(o) if bias else None,
    }


@check(
    points=2,
    inputs=layer,
    tolerance=LINEAR,
    lecture="a-layer-in-integers",
    public=[
        case("two by three by two", n=2, c=3, o=2),
        case("no bias", n=2, c=8, o=3, bias=False, zero_point=128),
    ],
    hidden=[
        case("odd sizes", n=5, c=37, o=11),
        case("a zero-point of 0", n=3, c=16, o=4, zero_point=0),
        case("a zero-point of 255", n=3, c=16, o=4, zero_point=255),
        case("as many inputs as outputs", n=6, c=6, o=6),
        case("sums beyond 2^24 on the way", n=2, c=16384, o=3, period=8192, zero_point=0, unit=True, bias=False),
        case("sums beyond 2^24, in another order", n=2, c=16384, o=2, period=1, zero_point=1, unit=True),
        case("a long sum", n=1, c=16384, o=2, period=1024, zero_point=3, unit=True),
        case("one by one", n=1, c=1, o=1),
        case("five thousand inputs", n=2, c=5000, o=3),
    ],
    fresh=1,
    cites=[
        "A linear layer on codes",
        "xq: uint8 (N, C)",
        "wq: int8 (O, C)",
        "bias: float32 (O,), or None",
        "Returns float32 (N, O)",
        "The sum is exact",
        "the zero-point can be taken out",
        "Sums in float32 are not exact",
    ],
)
def sums_are_exact_integers(student, xq, sx, zx, wq, sw, bias):
    """int8_linear is the product of the dequantized tensors, with sums that are exact."""
    views = xq.mT.contiguous().mT, wq.mT.contiguous().mT  # the same codes, not contiguous
    y = student.int8_linear(views[0], sx, zx, views[1], sw, bias)
    other = student.int8_linear(xq, sx, zx, -wq, sw, bias)  # y stays what it is
    return {"y": y, "y of -wq": other, "left": flags(sx, sw)}


def samples(rng, sizes, method, outlier=0.0, all_at=None, **options):
    """Normal samples, the last batch with one outlier; or `all_at` so much of the outlier but for it."""
    batches = [rng.normal(*size, scale=rng.real(0.5, 2.0)) for size in sizes]
    if all_at is not None:
        batches = [torch.full(size, all_at * outlier) for size in sizes]
    if outlier:
        batches[-1].view(-1)[0] = -outlier
    return {"batches": batches, "method": method, "options": options}


def judge_threshold(seen, want, inputs, reference):
    """The percentile and the maximum are what they are; of thresholds, one with the smallest error."""
    if inputs["method"] != "mse":  # or an error that was raised
        return difference(seen, want, Tolerance(rtol=1e-5))
    if seen["left"] != want["left"]:
        return difference(seen["left"], want["left"])
    seen, twice = seen["threshold"], seen["of twice the samples"]
    x = torch.cat([batch.flatten() for batch in inputs["batches"]])
    largest = x.abs().max().item()
    step = seen / largest * 100
    if not abs(step - round(step)) < 1e-3 or not 1 <= round(step) <= 100:
        return reject("The threshold {threshold} is none of the 100 candidates.", threshold=seen)
    errors = [_error(x, k / 100 * largest, inputs["options"].get("bits", 8)) for k in range(1, 101)]
    mine = errors[round(step) - 1]
    if mine > min(errors) * (1 + 1e-4):
        return reject(
            "The threshold {threshold} gives a mean squared error of {mine}; another one gives {best}.",
            threshold=seen,
            mine=mine,
            best=min(errors),
        )
    return difference(twice, 2 * seen, Tolerance(rtol=1e-5))


def _error(x, threshold, bits):
    s = threshold / (2 ** (bits - 1) - 1)
    return (
        ((x.double() / s).round().clamp(1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) * s - x.double())
        .square()
        .mean()
        .item()
    )


@check(
    points=1,
    inputs=samples,
    judge=judge_threshold,
    lecture="where-to-clip",
    public=[
        case("the maximum", sizes=[(3,), (2, 2)], method="minmax"),
        case("a percentile", sizes=[(50,)], method="percentile", percentile=90.0),
        case("the smallest error, with an outlier", sizes=[(200,)], method="mse", bits=4, outlier=30.0),
        case("another method", sizes=[(3,)], method="max"),
    ],
    hidden=[
        case("the maximum is negative", sizes=[(5, 4), (7,), (2, 3, 2)], method="minmax", outlier=20.0),
        case("a percentile of several batches", sizes=[(40,), (9, 3), (130,)], method="percentile", percentile=97.5),
        case("the hundredth", sizes=[(31,), (5,)], method="percentile", percentile=100.0, outlier=9.0),
        case("three bits", sizes=[(100,), (30, 7)], method="mse", bits=3),
        case("eight bits, the default", sizes=[(150,)], method="mse", outlier=12.0),
        case("the 99th, the default", sizes=[(150,), (25, 2)], method="percentile"),
        case("two bits", sizes=[(60, 3)], method="mse", bits=2),
        # At a hundredth of the outlier the many are exact; at two or more they become 0, which costs 1.2 squared outliers.
        case("the first candidate is the best", sizes=[(12_000,)], method="mse", bits=2, outlier=8.0, all_at=0.01),
        # 101 hundredths would put the many on the grid, a third of it each; but candidates end at 100.
        case(
            "the last candidate is the best", sizes=[(20,), (4, 3)], method="mse", bits=3, outlier=8.0, all_at=1.01 / 3
        ),
        case("an empty batch", sizes=[(0, 2), (5,)], method="minmax"),
        case("no method", sizes=[(2, 2)], method=""),
    ],
    cites=[
        "A clipping threshold a > 0",
        "batches: one or more",
        "the largest |x|",
        "Nothing is clipped",
        "the `percentile`-th percentile",
        "of the 100 candidates",
        "Returns a Python float",
        "Raises ValueError for another",
        "`bits` matters to",
    ],
)
def thresholds_follow_the_method(student, batches, method, options):
    """calibrate returns the maximum, the percentile, or a threshold with the smallest error, over all batches; another method is refused."""
    if method not in ("minmax", "percentile", "mse"):
        return raises("ValueError", lambda: student.calibrate(batches, method, **options))
    views = [torch.stack([batch, -batch], -1)[..., 0] for batch in batches]  # not contiguous
    threshold = student.calibrate(views, method, **options)
    twice = student.calibrate([2 * batch for batch in batches], method, **options)
    return {"threshold": threshold, "of twice the samples": twice, "left": flags(*views)}


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=layer,
    tolerance=LINEAR,
    lecture="a-layer-in-integers",
    hidden=[
        case("a small layer", n=32, c=64, o=48),
        case("sums beyond 2^24", n=24, c=16384, o=16, period=1, zero_point=0, unit=True),
    ],
    cites=[
        "It is also what a GPU has",
        "multiplies int8 (N, C) with int8 (C, O)",
    ],
)
def integers_on_the_gpu(student, xq, sx, zx, wq, sw, bias):
    """int8_linear gives the same exact sums on a GPU, from torch._int_mm."""
    return student.int8_linear(xq, sx, zx, wq, sw, bias)
