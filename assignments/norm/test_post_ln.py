"""Public checks of norm/post_ln: run `pytest` on this file, or `autograder check norm/post_ln`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, gradients, in_evaluation, leaves, with_gradients, with_weights
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


@check(points=1, inputs=rows, lecture='one-row-at-a-time', public=[case('one row of four, without a bias', values=[[1.0, 2.0, 3.0, 6.0]], bias=False), case('two sequences of three tokens', shape=(2, 3, 5))])
def each_row_gets_mean_0_and_variance_1(student, x, w, b, more):
    """layer_norm subtracts the mean of each row, divides by √(variance + eps), multiplies by w and adds b."""
    y = with_gradients(student.layer_norm, x=x, w=w, b=b)
    apart = view(x)
    others = [student.layer_norm(apart, w, b), student.layer_norm(x.flip(-1), -w, b), student.layer_norm(x, w, w)]
    return {"y": y, "others": others, "left": flags(apart, w)}


@check(points=1, inputs=rows, lecture='the-small-number-in-the-root', public=[case('small numbers, the default eps', scale=0.001), case('eps = 0.5, one row alike', values=[[1.0, 3.0], [2.0, 2.0]], eps=0.5)])
def eps_stands_inside_the_root(student, x, w, b, more):
    """eps is added to the variance (or to the mean of the squares), inside the root; its default is 1e-5 (or 1e-6)."""
    x, w = leaves(x, w)
    y, z = student.layer_norm(x, w, b, *more), student.rms_norm(x, w, *more)
    other = [student.layer_norm(x, w, b, 0.125), student.rms_norm(x, w, 0.125)]
    found = gradients([y, z], {"x": x, "w": w})
    if found["x"] is not None:  # for rows of 1e-5 they are 1e5, and so large are the rounding errors of those that nearly cancel
        found["x"] = found["x"] * (x.detach().square().mean(-1, keepdim=True) + (more[0] if more else 1e-5)).sqrt()
    return {"layer_norm": y, "rms_norm": z, "eps = 0.125": other, "gradients, times the size of the row": found}


@check(points=1, inputs=rows, lecture='a-large-mean', tolerance=Tolerance(atol=0.005, rtol=0), public=[case('rows around 1000', shape=(6, 32), offset=1000.0)])
def a_large_mean_costs_no_digits(student, x, w, b, more):
    """Rows with a large mean keep their digits: differences from the mean are squared, not large numbers subtracted."""
    return student.layer_norm(x, w, b)


@check(points=1, inputs=rows, lecture='rms-norm', public=[case('3 and -4', values=[[3.0, -4.0]]), case('two sequences of three tokens', shape=(2, 3, 5))])
def rms_norm_divides_by_the_root_of_the_mean_square(student, x, w, b, more):
    """rms_norm divides each row by √(mean of x² + eps) and multiplies by w; it subtracts and adds nothing."""
    y = with_gradients(student.rms_norm, x=x, w=w)
    apart = view(x)
    others = [student.rms_norm(apart, w), student.rms_norm(-x.flip(-1), w * 2), student.rms_norm(x, w - 1)]
    return {"y": y, "others": others, "left": flags(apart, w)}


@check(points=1, inputs=rows, lecture='sixteen-bits', public=[case('float64', shape=(2, 3, 5), dtype='float64')])
def float64_is_exact_to_the_end(student, x, w, b, more):
    """For float64 inputs everything is computed in float64."""
    x, w = leaves(x, w)
    y, z = student.layer_norm(x, w, b), student.rms_norm(x, w)
    return {"layer_norm": y, "rms_norm": z, "gradients": gradients([y, z], {"x": x, "w": w})}


@check(points=1, inputs=rows, lecture='sixteen-bits', public=[case('float16: 300 squared is too large', values=[[300.0, -400.0, 100.0, 7.0]], shape=(1, 4), dtype='float16'), case('bfloat16', shape=(2, 3, 24), dtype='bfloat16')])
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


@check(points=1, inputs=blocks, lecture='where-the-norm-stands', public=[case('three tokens of four features'), case('two sequences', B=2, T=2, C=3, dtype='float64')])
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
