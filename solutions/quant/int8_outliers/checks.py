"""Checks of quant/int8_outliers. Codes decide all results, so what is rounded lies at most 0.4 of a step from a code."""

import torch
from torch import nn

from autograder.checks import Tolerance, case, check, difference, flags, leaves_gradients_off, raises

# Sums of some dozen products of up to 60 · 3 in float32; the next code would be off by 1e-2.
PRODUCT = Tolerance(atol=2e-4, rtol=2e-5)


def by_dtype(seen, want):
    """float32 sums are a little off, float64 ones are not."""
    return difference(seen, want, PRODUCT if want["y"].dtype == torch.float32 else None)


def on_grid(rng, rows, columns, low, high, dtype):
    """Numbers s (k + u) with |u| ≤ 0.4 and one of 127 s in each row, and the scales s."""
    s = rng.uniform(low, high, rows, 1, dtype=torch.float64)
    k = rng.integers(-126, 127, rows, columns).double()
    u = rng.uniform(-0.4, 0.4, rows, columns, dtype=torch.float64) * (k.abs() < 126)
    x = k + u
    for row in x:
        row[rng.integer(0, columns)] = rng.choice([127.0, -127.0])
    return x * s, s


def vectors(rng, shape=None, dtype="float64", given=None, scale=1.0, zeros=()):
    if given is not None:
        return {"x": torch.tensor(given)}
    x, _ = on_grid(rng, torch.Size(shape[:-1]).numel(), shape[-1], 0.001 * scale, 0.05 * scale, dtype)
    x[list(zeros)] = 0
    return {"x": x.reshape(shape).to(getattr(torch, dtype))}


@check(
    points=1,
    inputs=vectors,
    lecture="a-scale-for-each-vector",
    public=[case("two rows", given=[[1.0, -0.7, 0.1], [0.0, 4.0, -3.3]]), case("halves, in quarters: the scale is 1", given=[[508, 2, 6, -10, -2, 14]]), case("a row of zeros", given=[[0.0, 0.0], [-2.0, 0.3]])],
    hidden=[
        case("many rows", shape=(5, 9)),
        case("as many rows as columns, float32", shape=(6, 6), dtype="float32"),
        case("three dimensions, zeros in two rows", shape=(2, 3, 7), zeros=(1, 4)),
        case("one vector", shape=(8,)),
        case("four dimensions", shape=(2, 1, 3, 5)),
        case("one column", shape=(4, 1)),
        case("tiny numbers", shape=(3, 4), scale=1e-15),
        case("large numbers, float32", shape=(3, 4), scale=1e15, dtype="float32"),
        case("near the largest float32", given=[[1e38, 3e37, -2e37]]),
    ],
    fresh=1,
    cites=["the largest x of the vector divided by 127", "A vector of zeros has s 1"],
)
def each_vector_has_its_scale(student, x):
    """quantize_rows divides each vector by its largest |x| / 127 and rounds; a vector of zeros has the scale 1."""
    x = x if x.is_floating_point() else x / 4  # whole numbers stand for quarters
    first = student.quantize_rows(x)
    view = torch.stack([x, x], -1)[..., 0]
    return {
        "first": first,
        "s of -3 x": student.quantize_rows(-3 * x)[1],
        "of a view": student.quantize_rows(view),
        "of a parameter": [each.requires_grad for each in student.quantize_rows(x.clone().requires_grad_())],
    }


def quarters(rng, given=None, shape=None, threshold=None, top=24):
    """Whole numbers that stand for quarters, so that a number at the threshold is exactly there."""
    if given is None:
        x = rng.integers(-top + 1, top, *shape)
        flat = x.view(-1, shape[-1])
        for _ in range(3):
            flat[rng.integer(0, len(flat)), rng.integer(0, shape[-1])] = rng.choice([-1, 1]) * rng.integer(top, 5 * top)
        return {"x": x, "threshold": threshold}
    return {"x": torch.tensor(given), "threshold": threshold}


def at(threshold):
    return {} if threshold is None else {"threshold": threshold}


@check(
    points=1,
    inputs=quarters,
    lecture="columns-that-stand-out",
    public=[
        case("in quarters: 7, 5.75 and -6 are seen", given=[[28, 0, 23, 1], [0, 1, 0, -24]]),
        case("none", given=[[1, 2], [3, 4]]),
        case("two in one column", given=[[0, 50], [0, -50], [0, 1]]),
        case("another threshold", given=[[1, 8], [-9, 4], [2, 0]], threshold=2.0),
    ],
    hidden=[
        case("several, by default", shape=(4, 9)),
        case("in three dimensions", shape=(2, 3, 7)),
        case("in four dimensions", shape=(2, 1, 3, 7)),
        case("a threshold of 20", shape=(3, 9), threshold=20.0, top=80),
        case("one vector", shape=(11,)),
        case("as many rows as columns", shape=(6, 6)),
        case("all of them", given=[[30, -30], [1, 2]]),
        case("a small threshold", shape=(3, 5), threshold=3.0, top=12),
        case("no threshold", shape=(3, 5), threshold=float("inf")),
    ],
    fresh=1,
    cites=["The columns in which any x is at least the threshold", "Raises ValueError for 0 and below"],
)
def a_column_with_one_outlier_is_one(student, x, threshold):
    """outlier_columns names every column with an |x| of at least the threshold, in rising order."""
    x = x / 4
    return {
        "columns": student.outlier_columns(x, **at(threshold)),
        "5.99 and 6, by default": student.outlier_columns(torch.tensor([[5.99, -6.0, 6.01, -5.99]])),
        "all but zeros": student.outlier_columns(x, 1e-9),
        "of x / 4, by name": student.outlier_columns(x=x / 4, threshold=1.6),
        "of a view": student.outlier_columns(torch.stack([x, x], -1)[..., 0], **at(threshold)),
        "refused": [raises("ValueError", lambda bad=bad: student.outlier_columns(x, bad)) for bad in (0.0, -1.0)],
    }


def layer(rng, n=4, R=3, C=8, where=(), dtype="float64", shape=None, threshold=None, size=1.0, beside="small", grid=True, largest=False, every=False):
    """Inputs and weights. `where`: the columns with outliers. `beside`: whether their other values are smaller than the row's largest one.
    `grid`: whether their weights lie on the grid. `largest`: whether they hold the largest weights. `every`: all of their values are outliers."""
    x, s = on_grid(rng, n, C, 0.01 * size, 0.03 * size, dtype)
    W, sw = on_grid(rng, R, C, 0.002, 0.02, dtype)
    regular = [c for c in range(C) if c not in where]
    for i, row in enumerate(x):  # the largest regular value of each row
        if regular:
            row[rng.choice(regular)] = 127 * float(s[i]) * rng.choice([1, -1])
    for column in where:
        x[:, column] = s[:, 0] * rng.uniform(-90, 90, n, dtype=torch.float64)
        if beside == "large":
            x[:, column] = size * rng.uniform(4.3, 5.8, n, dtype=torch.float64)
        hit = list(range(n)) if every else [rng.integer(0, n)]
        for i in hit:
            x[i, column] = size * rng.real(7, 60) * rng.choice([1, -1])
        W[:, column] = sw[:, 0] * (rng.integers(-120, 121, R) + (0.0 if grid else 0.37))
        if largest:
            W[:, column] = 127 * sw[:, 0]
    for i, row in enumerate(W):
        if not largest:
            row[rng.choice(regular or list(where))] = 127 * float(sw[i])
        elif regular:
            row[regular] = row[regular].clamp(-100 * float(sw[i]), 100 * float(sw[i]))
            row[regular] = sw[i] * ((row[regular] / sw[i]).round() + 0.2)
    x, W = x.to(getattr(torch, dtype)), W.to(getattr(torch, dtype))
    return {"x": x.reshape(shape or (n, C)), "W": W, "threshold": threshold}


@check(
    points=2,
    inputs=layer,
    judge=by_dtype,
    lecture="two-products",
    public=[
        case("no outliers", n=2, R=2, C=4),
        case("one column with an outlier", n=3, R=2, C=5, where=(2,)),
        case("a threshold of 1", n=2, R=2, C=4, where=(1,), threshold=1.0, size=0.2),
    ],
    hidden=[
        case("two columns", n=6, R=4, C=12, where=(0, 11)),
        case("as many of all", n=6, R=6, C=6, where=(3,)),
        case("three dimensions", n=6, R=3, C=8, where=(1, 4), shape=(2, 3, 8)),
        case("one vector", n=1, R=3, C=7, where=(5,), shape=(7,)),
        case("four dimensions", n=6, R=3, C=8, where=(1, 4), shape=(2, 1, 3, 8)),
        case("a threshold of 30, and eighteen outlier columns", n=3, R=2, C=24, where=tuple(range(2, 20)), every=True, threshold=30.0, size=5.0),
        case("outliers all along a column", n=5, R=3, C=9, where=(2, 3), every=True),
        case("outlier columns hold the largest weights", n=4, R=3, C=8, where=(6,), largest=True),
        case("only outliers", n=3, R=2, C=2, where=(0, 1), every=True),
        case("float32", n=4, R=3, C=16, where=(1, 9), dtype="float32"),
        case("all in 8 bits: the threshold is inf", n=4, R=3, C=8, threshold=float("inf")),
        case("an outlier in one part of x only", n=4, R=2, C=6, where=(0,), shape=(4, 1, 6)),
    ],
    fresh=1,
    cites=["W becomes codes and scales by rows from all of its columns", "is multiplied by both scales", "neither of them rounded", "which are found in all of x together"],
)
def outliers_are_multiplied_apart(student, x, W, threshold):
    """llm_int8_matmul adds the product of codes, times both scales, and the exact product of the outlier columns."""
    torch.manual_seed(1)
    y = student.llm_int8_matmul(x, W, **at(threshold))
    views = torch.stack([x, x], -1)[..., 0], W.T.contiguous().T
    parameters = x.clone().requires_grad_(), W.clone().requires_grad_()
    near = torch.tensor([[5.9, 6.2, 2.0, -3.0]], dtype=x.dtype), torch.tensor([[1.0, 48 / 127, -0.6, 0.81]], dtype=x.dtype)
    return {
        "y": y,
        "of views": student.llm_int8_matmul(*views, **at(threshold)),
        "of -W, by name": student.llm_int8_matmul(x=x, W=-W, **at(threshold)),
        "of a parameter": student.llm_int8_matmul(*parameters, **at(threshold)).requires_grad,
        "5.9 and 6.2, by default": student.llm_int8_matmul(*near),
        "refused": [raises("ValueError", lambda bad=bad: student.llm_int8_matmul(x, W, threshold=bad)) for bad in (0.0, -1.0)],
        "left": [*flags(*parameters, x, W), torch.is_grad_enabled(), torch.rand(2)],
    }


@check(
    points=2,
    inputs=layer,
    judge=by_dtype,
    lecture="two-products",
    public=[
        case("values between the largest regular one and the threshold", n=3, R=2, C=5, where=(1,), beside="large"),
        case("weights beside the grid", n=3, R=2, C=5, where=(3,), grid=False),
    ],
    hidden=[
        case("both", n=5, R=3, C=9, where=(0, 4), beside="large", grid=False),
        case("both, float32", n=4, R=3, C=8, where=(2,), beside="large", grid=False, dtype="float32"),
        case("both, in three dimensions", n=6, R=2, C=7, where=(6,), beside="large", grid=False, shape=(3, 2, 7)),
    ],
    fresh=1,
    cites=["x without its outlier columns becomes codes and scales", "Values below the threshold in an outlier column", "the weights that the codes stand for"],
)
def outlier_columns_are_wholly_apart(student, x, W, threshold):
    """All values of an outlier column are left out of the rows' scales, and they meet the weights as they were given."""
    return {"y": student.llm_int8_matmul(x, W, **at(threshold)), "of 2 W": student.llm_int8_matmul(x, 2 * W, **at(threshold))}


def largest(rng, C=None, alpha=None, dtype="float64", given=None, zeros=0):
    if given is not None:
        ax, aw = (torch.tensor(each, dtype=torch.float64) for each in given)
    else:
        ax, aw = (torch.exp(2 * rng.normal(C, dtype="float64")) for _ in range(2))
        ax[:zeros] = 0
    return {"ax": ax.to(getattr(torch, dtype)), "aw": aw.to(getattr(torch, dtype)), "alpha": alpha}


def share(alpha):
    return {} if alpha is None else {"alpha": alpha}


@check(
    points=1,
    inputs=largest,
    lecture="half-of-the-size-goes-over",
    public=[
        case("a half, by default", given=[[16.0, 1.0], [1.0, 0.25]]),
        case("three quarters", given=[[16.0, 1.0], [1.0, 0.0625]], alpha=0.75),
        case("inputs of 0, weights of 0", given=[[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]]),
    ],
    hidden=[
        case("many columns", C=7, alpha=0.3),
        case("by default, float32", C=5, dtype="float32"),
        case("all of it", C=6, alpha=1.0, zeros=2),
        case("none of it", C=6, alpha=0.0, zeros=2),
        case("0.8, inputs of 0", C=5, alpha=0.8, zeros=1),
        case("tiny inputs", given=[[1e-12, 1e-13, 1.0], [1.0, 0.5, 2.0]]),
        case("tiny weights", given=[[1.0, 1e-9, 3.0], [1e-7, 1e-9, 2e-5]], alpha=0.5),
    ],
    fresh=1,
    cites=["s ax α aw 1 α", "where it is less than 1e 5 it counts as 1e 5", "from 0 to 1 else ValueError"],
)
def alpha_shares_the_size(student, ax, aw, alpha):
    """smoothquant_scales is ax^α / aw^(1 - α), with aw and the result at least 1e-5."""
    torch.manual_seed(1)
    parameters = ax.clone().requires_grad_(), aw.clone().requires_grad_()
    return {
        "s": student.smoothquant_scales(ax, aw, **share(alpha)),
        "of parameters": [student.smoothquant_scales(*each, **share(alpha)).requires_grad for each in ((parameters[0], aw), (ax, parameters[1]))],
        "exchanged": student.smoothquant_scales(ax=aw, aw=ax, **share(alpha)),
        "of views": student.smoothquant_scales(torch.stack([ax, ax], 1)[:, 0], torch.stack([aw, aw], 1)[:, 0], **share(alpha)),
        "refused": [raises("ValueError", lambda bad=bad: student.smoothquant_scales(ax, aw, bad)) for bad in (-0.1, 1.1)],
        "left": [*flags(ax, aw), torch.is_grad_enabled(), torch.rand(2)],
    }


def block(rng, kind="layer", C=4, outs=(3,), sizes=((5,),), bias=True, alpha=None, dtype="float64", frozen=False, last=1.0):
    """Weights of a norm and of the layers behind it, and what the norm gave: the last batch is `last` times as large."""
    norm = {"weight": rng.normal(C, dtype=dtype)}
    if bias:
        norm["bias"] = rng.normal(C, dtype=dtype)
    linears = [{"weight": rng.normal(out, C, dtype=dtype), "bias": rng.normal(out, dtype=dtype)} for out in outs]
    scale = torch.exp(rng.normal(C, dtype="float64"))
    batches = [(rng.normal(*size, C, dtype="float64") * scale).to(getattr(torch, dtype)) for size in sizes]
    batches[-1] *= last
    return {"kind": kind, "norm": norm, "linears": linears, "batches": batches, "h": rng.normal(3, C, dtype=dtype), "alpha": alpha, "frozen": frozen}


def module(kind, weights):
    """A module of torch's with these weights."""
    dtype, shape = weights["weight"].dtype, weights["weight"].shape
    if kind == "linear":
        made = nn.Linear(shape[1], shape[0], dtype=dtype)
    elif kind == "rms":
        made = nn.RMSNorm(shape[0], dtype=dtype, eps=1e-6)
    else:
        made = nn.LayerNorm(shape[0], bias="bias" in weights, dtype=dtype)
    made.load_state_dict(weights)
    return made


@check(
    points=2,
    inputs=block,
    lecture="into-the-norm",
    public=[
        case("one linear", C=3, sizes=((4,),)),
        case("two linears, an RMS norm, two batches", kind="rms", C=4, outs=(2, 3), sizes=((3,), (2,)), bias=False),
    ],
    hidden=[
        case("three linears, batches of two shapes", C=6, outs=(2, 6, 3), sizes=((2, 3), (4,)), alpha=0.7),
        case("a norm without a bias, one vector", C=5, bias=False, sizes=((),)),
        case("seventeen linears, eighteen batches, the first of four dimensions", C=3, outs=(1,) * 17, sizes=((2, 1, 2),) + ((2,),) * 17, last=8.0),
        case("a frozen norm, and the first linear frozen", C=4, outs=(4, 1), frozen=True, alpha=0.4),
        case("float32", C=5, outs=(5,), dtype="float32"),
        case("as many of all", C=4, outs=(4, 4), sizes=((4,), (4,)), alpha=0.25),
    ],
    fresh=1,
    cites=["the largest x of each column over all batches", "over all of linears together", "parameters stay the same objects", "An alpha that is refused leaves everything as it was"],
)
def smoothing_keeps_the_function(student, kind, norm, linears, batches, h, alpha, frozen):
    """apply_smooth finds s from all batches and all linears, divides the norm and multiplies the weights, in place; outputs stay."""
    before, layers = module(kind, norm), [module("linear", each) for each in linears]
    before.weight.requires_grad_(not frozen)
    before.train(not frozen)
    for each in layers[1:]:
        each.eval()
    layers[0].weight.requires_grad_(not frozen)
    torch.manual_seed(1)
    modules = [before, *layers]
    objects = [parameter for each in modules for parameter in each.parameters()]
    refused = raises("ValueError", lambda: student.apply_smooth(before, layers, batches, 1.5))
    untouched = [parameter.detach().clone() for parameter in objects]
    s = student.apply_smooth(before, layers, batches, **share(alpha))
    now = [parameter for each in modules for parameter in each.parameters()]
    once = [parameter.detach().clone() for parameter in now]
    outputs = [each(before(h)).detach() for each in layers]
    view = torch.stack([0.5 * batches[0], batches[0]], -1)[..., 0]
    again = student.apply_smooth(norm=before, linears=layers[:1], batches=[view], **share(alpha))
    with_another = student.apply_smooth(before, layers, batches, alpha=0.8)
    off = leaves_gradients_off(student.apply_smooth, before, layers, batches, alpha=0.4)
    return {
        "s": s,
        "outputs": outputs,
        "parameters": once,
        "the same objects": [a is b for a, b in zip(objects, now, strict=True)],
        "refused": refused,
        "after the refusal": untouched,
        "s of the first linear, afterwards": again,
        "s with another alpha, afterwards": with_another,
        "gradients stay off": off,
        "afterwards": [parameter.detach() for parameter in now],
        "left": [*flags(*modules, *now, *batches), s.requires_grad, torch.is_grad_enabled(), torch.rand(2)],
    }
