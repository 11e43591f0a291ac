"""Checks of norm/post_ln: rows of layer norm and RMS norm, eps, large means, float64, 16 bits, and the block."""

import torch

from autograder.checks import (
    Tolerance,
    case,
    check,
    flags,
    gradients,
    in_evaluation,
    leaves,
    with_gradients,
    with_weights,
)
from autograder.lab.parts import Feed, Mix


def rows(rng, shape=(3, 4), scale=1.0, offset=0.0, eps=None, dtype="float32", bias=True, values=None):
    """Rows x with a gain and a bias, which may be "zeros". `values`: x itself."""
    x = rng.normal(*shape, scale=scale, dtype=dtype) + offset if values is None else torch.tensor(values)
    C = x.shape[-1]
    w = rng.normal(C, scale=0.5, dtype=dtype) + 1.0
    b = rng.normal(C, dtype=dtype) if bias else None
    b = torch.zeros_like(b) if bias == "zeros" else b
    return {"x": x, "w": w, "b": b, "more": () if eps is None else (eps,)}


def view(x):
    """The same numbers in another order in memory, as where heads were split with `transpose`."""
    return x.movedim(0, -1).contiguous().movedim(-1, 0) if x.ndim > 1 else torch.stack([x, x], -1)[..., 0]


@check(
    points=1,
    inputs=rows,
    lecture="one-row-at-a-time",
    public=[
        case("one row of four, without a bias", values=[[1.0, 2.0, 3.0, 6.0]], bias=False),
        case("two sequences of three tokens", shape=(2, 3, 5)),
    ],
    hidden=[
        case("a single row", shape=(7,)),
        case("heads", shape=(2, 3, 4, 6)),
        case("five dimensions", shape=(2, 1, 3, 2, 5), bias=False),
        case("all sizes alike", shape=(4, 4, 4)),
        case("two features", shape=(5, 2), dtype="float64"),
        case("one feature", shape=(3, 1)),
        case("many features", shape=(2, 300)),
        case("large numbers", shape=(4, 9), scale=1e4),
        case("a bias of zeros", shape=(2, 5), bias="zeros"),
    ],
    fresh=1,
    cites=[
        "and to a b of zeros",
        "A row is the C features of one token",
        "Each row is normalised by itself",
        "x has any number of dimensions",
        "with the mean and the variance of each row",
        "mean of (x - mean)",
        "b = None means",
        "x may be a view",
        "x, w and b are not changed",
        "A call leaves nothing else behind",
        "(…, C). w, b: (C,)",
    ],
)
def each_row_gets_mean_0_and_variance_1(student, x, w, b, more):
    """layer_norm subtracts the mean of each row, divides by √(variance + eps), multiplies by w and adds b."""
    y = with_gradients(student.layer_norm, x=x, w=w, b=b)
    apart = view(x)
    others = [student.layer_norm(apart, w, b), student.layer_norm(x.flip(-1), -w, b), student.layer_norm(x, w, w)]
    return {"y": y, "others": others, "left": flags(apart, w)}


@check(
    points=1,
    inputs=rows,
    lecture="the-small-number-in-the-root",
    public=[case("small numbers, the default eps", scale=1e-3), case("eps = 0.5, one row alike", values=[[1.0, 3.0], [2.0, 2.0]], eps=0.5)],
    hidden=[
        case("a row of zeros", values=[[0.0, 0.0, 0.0], [1e-3, -2e-3, 4e-3]]),
        case("alike, and exactly so", values=[[7.0, 7.0, 7.0, 7.0], [-0.5, -0.5, -0.5, -0.5]]),
        case("tiny numbers", shape=(2, 5), scale=1e-9),
        case("eps = 3", shape=(3, 2, 4), eps=3.0),
        case("eps = 1e-12, as BERT has it", shape=(2, 6), scale=1e-5, eps=1e-12),
        case("the default eps, seven features", shape=(2, 7), scale=2e-3),
    ],
    cites=["eps stands inside the root", "A row whose numbers are all alike", "A row of zeros stays zero"],
)  # fmt: skip
def eps_stands_inside_the_root(student, x, w, b, more):
    """eps is added to the variance (or to the mean of the squares), inside the root; its default is 1e-5 (or 1e-6)."""
    x, w = leaves(x, w)
    y, z = student.layer_norm(x, w, b, *more), student.rms_norm(x, w, *more)
    other = [student.layer_norm(x, w, b, 0.125), student.rms_norm(x, w, 0.125)]
    found = gradients([y, z], {"x": x, "w": w})
    if found["x"] is not None:  # for rows of 1e-5 they are 1e5, and so large are the rounding errors of those that nearly cancel
        found["x"] = found["x"] * (x.detach().square().mean(-1, keepdim=True) + (more[0] if more else 1e-5)).sqrt()
    return {"layer_norm": y, "rms_norm": z, "eps = 0.125": other, "gradients, times the size of the row": found}


@check(
    points=1,
    inputs=rows,
    lecture="a-large-mean",
    # Rows whose spread is 1. Right answers differ by the last digits of the mean, 1e-4 each at 2000; the short formula by 3e-2 and more.
    tolerance=Tolerance(atol=5e-3, rtol=0),
    public=[case("rows around 1000", shape=(6, 32), offset=1000.0)],
    hidden=[
        case("rows around -1000", shape=(2, 5, 64), offset=-1000.0),
        case("rows around -2000", shape=(8, 24), offset=-2e3),
        case("rows around 2000, no bias", shape=(40, 25), offset=2000.0, bias=False),
    ],
    cites=["The differences from the mean come first"],
)
def a_large_mean_costs_no_digits(student, x, w, b, more):
    """Rows with a large mean keep their digits: differences from the mean are squared, not large numbers subtracted."""
    return student.layer_norm(x, w, b)


@check(
    points=1,
    inputs=rows,
    lecture="rms-norm",
    public=[case("3 and -4", values=[[3.0, -4.0]]), case("two sequences of three tokens", shape=(2, 3, 5))],
    hidden=[
        case("a single row", shape=(6,)),
        case("heads", shape=(2, 3, 5, 4)),
        case("rows with a mean", shape=(3, 8), offset=5.0),
        case("all sizes alike", shape=(3, 3, 3)),
        case("one feature", values=[[2.0], [-0.5], [3.0], [-40.0]]),
        case("many features", shape=(2, 300)),
        case("large numbers", shape=(4, 9), scale=1e4),
    ],
    fresh=1,
    cites=["No mean is subtracted", "with the mean of each row", "here it is w"],
)
def rms_norm_divides_by_the_root_of_the_mean_square(student, x, w, b, more):
    """rms_norm divides each row by √(mean of x² + eps) and multiplies by w; it subtracts and adds nothing."""
    y = with_gradients(student.rms_norm, x=x, w=w)
    apart = view(x)
    others = [student.rms_norm(apart, w), student.rms_norm(-x.flip(-1), w * 2), student.rms_norm(x, w - 1)]
    return {"y": y, "others": others, "left": flags(apart, w)}


@check(
    points=1,
    inputs=rows,
    lecture="sixteen-bits",
    public=[case("float64", shape=(2, 3, 5), dtype="float64")],
    hidden=[
        case("without a bias", shape=(3, 7), dtype="float64", bias=False),
        case("with a mean", shape=(2, 4, 6), offset=100.0, dtype="float64"),
        case("small numbers", shape=(5, 3), scale=1e-4, dtype="float64"),
        case("a single row", shape=(9,), dtype="float64"),
    ],
    cites=["float64 is computed in float64", "one check, and no other, tells"],
)
def float64_is_exact_to_the_end(student, x, w, b, more):
    """For float64 inputs everything is computed in float64."""
    x, w = leaves(x, w)
    y, z = student.layer_norm(x, w, b), student.rms_norm(x, w)
    return {"layer_norm": y, "rms_norm": z, "gradients": gradients([y, z], {"x": x, "w": w})}


@check(
    points=1,
    inputs=rows,
    lecture="sixteen-bits",
    public=[
        case("float16: 300 squared is too large", values=[[300.0, -400.0, 100.0, 7.0]], shape=(1, 4), dtype="float16"),
        case("bfloat16", shape=(2, 3, 24), dtype="bfloat16"),
    ],
    hidden=[
        case("float16 with a mean", shape=(3, 33), offset=20.0, dtype="float16"),
        case("float16, large", shape=(5, 40), scale=2000.0, dtype="float16"),
        case("float16, small", shape=(4, 9), scale=2e-3, dtype="float16"),
        case("bfloat16, a wide row", shape=(2, 513), dtype="bfloat16", offset=3.0),
        case("bfloat16 without a bias", shape=(2, 4, 7), scale=50.0, dtype="bfloat16", bias=False),
        case("bfloat16, larger than float16 can hold", shape=(3, 8), scale=1e8, dtype="bfloat16"),
        case("float16, a row of zeros, eps = 1e-12", values=[[0.0, 0.0, 0.0], [0.5, -1.0, 2.0]], eps=1e-12, dtype="float16"),
    ],
    cites=["eps is never rounded", "for 16 bits too", "Numbers of 16 bits are turned into", "w and b have the dtype of x", "Llama rounds before"],
)
def sixteen_bits_are_computed_in_float32(student, x, w, b, more):
    """bfloat16 and float16 are computed in float32 and rounded at the end; the result has the dtype of x."""
    x = x.to(w.dtype)
    x_leaf, w_leaf = leaves(x, w)
    pairs = [(x_leaf, w), (x, w_leaf)]
    return {
        "layer_norm": student.layer_norm(x, w, b, *more),
        "rms_norm": student.rms_norm(x, w, *more),
        "layer_norm: a gradient flows to x, to w": [student.layer_norm(*each, b).requires_grad for each in pairs],
        "rms_norm: a gradient flows to x, to w": [student.rms_norm(*each).requires_grad for each in pairs],
    }


def blocks(rng, B=1, T=3, C=4, eps=None, scale=1.0, gain=1.0, dtype="float32"):
    names = {"attn.out": (C, C), "ffn.out": (C, C), "norm1": (C,), "norm2": (C,)}
    shapes = {f"{name}.weight": shape for name, shape in names.items()} | {f"{name}.bias": (C,) for name in names}
    return {
        "x": rng.normal(B, T, C, scale=scale, dtype=dtype),
        "weights": rng.weights(shapes, gain=gain, dtype=dtype),
        "more": () if eps is None else (eps,),
    }


@check(
    points=1,
    inputs=blocks,
    lecture="where-the-norm-stands",
    public=[case("three tokens of four features"), case("two sequences", B=2, T=2, C=3, dtype="float64")],
    hidden=[
        case("one token of many features", B=3, T=1, C=19),
        case("sizes alike", B=4, T=4, C=4, dtype="float64"),
        case("large weights", B=2, T=3, C=7, gain=20.0, dtype="float64"),
        case("large numbers go in", B=1, T=6, C=8, scale=100.0, dtype="float64"),
        case("eps = 0.25", B=2, T=2, C=3, eps=0.25, dtype="float64"),
    ],
    fresh=1,
    cites=[
        "after each of its two parts",
        "x ← norm1(x + attn(x)), then",
        "Its attributes",
        "each with weights of its own",
        "There are no other parameters",
        "They are kept in the mode",
        "Each of attn and ffn is called once",
        "Training mode and evaluation mode give",
        "what was returned does not change later",
    ],
)
def the_block_normalises_after_each_sum(student, x, weights, more):
    """x ← norm1(x + attn(x)), then x ← norm2(x + ffn(x)), with the modules that were given and a norm for each."""
    C = x.shape[-1]
    attn, ffn = Mix(C).eval(), Feed(C)
    attn.out.bias.requires_grad_(False)
    block = student.PostLNBlock(C, attn, ffn, *more)
    fresh = {name: part.detach().clone() for name, part in block.named_parameters() if name.startswith("norm")}
    kept = [block.attn is attn, block.ffn is ffn, attn.training, ffn.training]
    block.to(x.dtype)
    other = with_weights(student.PostLNBlock(C, Mix(C), Feed(C), *more), {k: -2 * w for k, w in weights.items()})
    with_weights(block, weights)
    (leaf,) = leaves(x)
    out = block(leaf)
    found = gradients(out, {"x": leaf, **dict(block.named_parameters())})
    turns = [other(x), block(-x), block(x.mT.contiguous().mT)]
    result = {"out": out, "gradients": found, "turns": turns, "fresh": fresh, "kept": kept, "left": flags(block, x)}
    result |= {"attn sees": list(attn.seen), "ffn sees": list(ffn.seen)}
    quiet = in_evaluation(block, lambda: block(leaf))
    return result | {"in evaluation mode": quiet | {"gradient": gradients(block.eval()(leaf), {"x": leaf})["x"]}}
