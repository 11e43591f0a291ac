"""Public checks of norm/sandwich_ln: run `pytest` on this file, or `autograder check norm/sandwich_ln`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import itertools
import torch
from autograder.checks import case, check, flags, gradients, leaves, with_gradients, with_weights
from autograder.lab.parts import Feed, Mix


NORMS = ("norm1", "norm2", "norm3", "norm4")


def blocks(rng, B=1, T=3, C=4, eps=None, scale=1.0, gain=1.0, dtype="float32", silent=False, loud=None):
    """`silent`: norm2 and norm4 give 0. `loud`: norms as they are at first, and the parts' weights so many times larger."""
    names = {"attn.out": (C, C), "ffn.out": (C, C)} | dict.fromkeys(NORMS, (C,))
    shapes = {f"{name}.weight": shape for name, shape in names.items()} | {f"{name}.bias": (C,) for name in names}
    weights = rng.weights(shapes, gain=gain, dtype=dtype)
    for name in weights:
        if silent and name.startswith(("norm2", "norm4")):
            weights[name] = torch.zeros_like(weights[name])
        if loud is not None:
            fixed = torch.full_like(weights[name], float(name.endswith("weight")))
            weights[name] = fixed if name.startswith("norm") else weights[name] * loud
    x = rng.normal(B, T, C, scale=scale, dtype=dtype)
    return {"x": x, "weights": weights, "more": () if eps is None else (eps,)}


def build(student, x, weights, more):
    C = x.shape[-1]
    return with_weights(student.SandwichBlock(C, Mix(C), Feed(C), *more), weights)


@check(points=2, inputs=blocks, lecture='a-norm-on-both-sides', public=[case('three tokens of four features'), case('two sequences', B=2, T=2, C=3, dtype='float64'), case('norm2 and norm4 give 0', silent=True)])
def what_a_part_gives_is_normalised_before_it_is_added(student, x, weights, more):
    """x ← x + norm2(attn(norm1(x))), then x ← x + norm4(ffn(norm3(x))), with four norms."""
    block = build(student, x, weights, more)
    other = build(student, x, {name: -2 * weight for name, weight in weights.items()}, more)
    (leaf,) = leaves(x)
    out = block(leaf)
    seen = {"attn reads": list(block.attn.seen), "ffn reads": list(block.ffn.seen)}
    found = gradients(out, {"x": leaf, **dict(block.named_parameters())})
    turns = [other(x), block(-x), block(x.mT.contiguous().mT), block(x)]
    quiet = block.eval()(leaf)
    evaluation = {"out": quiet, "gradient": gradients(quiet, {"x": leaf})["x"]}
    return {"out": out, "gradients": found, "turns": turns, **seen, "in evaluation mode": evaluation, "left": flags(x)}


@check(points=1, inputs=blocks, lecture='what-a-layer-may-add', public=[case('weights 100 times larger', loud=100.0, dtype='float64')])
def each_part_adds_a_bounded_amount(student, x, weights, more):
    """With fresh norms the two parts of a block add rows of length √C each, however large their weights are."""
    block = build(student, x, weights, more)
    stream = [x]
    for _ in range(5):
        stream.append(block(stream[-1]).detach())
    return {"stream": stream, "added": [b - a for a, b in itertools.pairwise(stream)]}


@check(points=1, inputs=blocks, lecture='your-task', public=[case('small numbers', scale=0.001, gain=0.001)])
def a_fresh_block_keeps_the_parts_as_they_are(student, x, weights, more):
    """The parts are kept, in their modes; the four norms are new, with weight 1, bias 0, and the eps that was given."""
    C = x.shape[-1]
    attn, ffn = Mix(C).eval(), Feed(C)
    attn.out.bias.requires_grad_(False)
    for part, name in ((attn, "attn"), (ffn, "ffn")):
        with_weights(part, {k: weights[f"{name}.{k}"] * 0.01 for k in ("out.weight", "out.bias")})
    block = student.SandwichBlock(C, attn, ffn, *more)
    norms = {name: part.detach().clone() for name, part in block.named_parameters() if name.startswith("norm")}
    kept = [block.attn is attn, block.ffn is ffn, attn.training, ffn.training]
    block.to(x.dtype)
    return {"out": block(x), "norms": norms, "kept": kept, "left": flags(block, x)}


def heads(rng, B=1, H=2, T=3, S=4, D=5, scale=1.0, alphas=None, dtype="float32"):
    made = {"q": rng.normal(B, H, T, D, scale=scale, dtype=dtype), "k": rng.normal(B, H, S, D, dtype=dtype)}
    return made if alphas is None else made | {"alphas": alphas}


@check(points=1, inputs=heads, lecture='scores-that-overflow', public=[case('three queries, four keys'), case('one query', B=2, H=1, T=1, S=3, D=2, dtype='float64')])
def the_weights_are_those_of_softmax(student, q, k):
    """The result is softmax(q kᵀ / √D) over the keys, and gradients flow to q and k."""
    found = with_gradients(student.pb_relax_softmax, q=q, k=k)
    apart = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k)]  # as layers split their heads
    turns = [student.pb_relax_softmax(*apart), student.pb_relax_softmax(-q, k), student.pb_relax_softmax(q, k.flip(-1))]
    return {**found, "turns": turns, "left": flags(*apart)}


@check(points=1, inputs=heads, lecture='scores-that-overflow', public=[case('alpha 1, 2 and 100', D=4, alphas=[1.0, 2.0, 100.0], dtype='float64')])
def alpha_changes_nothing(student, q, k, alphas):
    """alpha is divided out before the product and multiplied back in before the softmax: the weights do not depend on it."""
    q, k = leaves(q, k)
    outs = [student.pb_relax_softmax(q, k, alpha) for alpha in alphas]
    found = [student.pb_relax_softmax(q, k, alpha=alphas[0])]
    return {"with each alpha": outs, "by name": found, "gradients": gradients(outs, {"q": q, "k": k})}


def halves(rng, B=1, H=2, T=3, S=4, D=4, q_size=1, k_size=1, unit=2, alpha=None, shift=0, far=False, full=False):
    """float16 numbers that make every z exact: q has multiples of `unit`, k has integers, √D is a power of two.

    `far`: the scores of each query lie far below those of the query before it. `full`: every query, up to its sign, and the first key
    have the largest number in all features, so that the products of one pair all add up, whatever else is drawn.
    """
    q = rng.integers(-q_size, q_size + 1, B, H, T, D) * unit
    k = rng.integers(-k_size, k_size + 1, B, H, S, D)
    if full:
        q = q[..., :1].sign().clamp(min=0) * 2 - 1  # 1 or -1
        q, k[:, :, 0] = (q * q_size * unit).expand(B, H, T, D), k_size
    if far:  # all keys have the same first feature, and the queries have ever less of it
        k[..., 0] = k_size
        q[..., 0] = torch.arange(T).mul(-2).add(T - 1).mul(unit * q_size)[:T]
    return {"q": q.to(torch.float16), "k": k.to(torch.float16) + shift, "more": () if alpha is None else (alpha,)}


@check(points=1, inputs=halves, lecture='scores-that-overflow', public=[case('ordinary scores', q_size=6, k_size=2), case('q kᵀ is too large for float16', q_size=30, k_size=30, unit=64, T=2, S=3)])
def float16_does_not_overflow(student, q, k, more):
    """In float16 the weights are right where q kᵀ is far above 65504: the division comes before the product."""
    even = student.pb_relax_softmax(0 * q, k)
    (q_leaf, k_leaf), views = leaves(q, k), [x.mT.contiguous().mT for x in (q, k)]
    return {
        "weights": [even, student.pb_relax_softmax(q, k, *more), student.pb_relax_softmax(-q, k, *more)],
        "of views": student.pb_relax_softmax(*views, *more),
        "a gradient flows to q": student.pb_relax_softmax(q_leaf, k, *more).requires_grad,
        "a gradient flows to k": student.pb_relax_softmax(q, k_leaf, *more).requires_grad,
    }
