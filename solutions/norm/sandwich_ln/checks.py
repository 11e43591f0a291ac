"""Checks of norm/sandwich_ln: the block, the bound on what it adds, fresh norms, and weights by PB-Relax in three dtypes."""

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


@check(
    points=2,
    inputs=blocks,
    lecture="a-norm-on-both-sides",
    public=[
        case("three tokens of four features"),
        case("two sequences", B=2, T=2, C=3, dtype="float64"),
        case("norm2 and norm4 give 0", silent=True),
    ],
    hidden=[
        case("one token of many features", B=3, T=1, C=19),
        case("sizes alike", B=4, T=4, C=4, dtype="float64"),
        case("large weights", B=2, T=3, C=7, gain=20.0, dtype="float64"),
        case("a large stream", B=1, T=6, C=8, scale=100.0, dtype="float64"),
        case("eps = 0.25", B=2, T=2, C=3, eps=0.25, dtype="float64"),
        case("a large stream, norm2 and norm4 give 0", B=2, T=2, C=5, scale=1e3, silent=True, dtype="float64"),
        case("a stream larger than float16 can hold", B=1, T=2, C=4, scale=1e6, dtype="float64"),
    ],
    fresh=1,
    cites=[
        "A Pre-LN block in which what a part gives is normalised too",
        "x ← x + norm2(attn(norm1(x))), then",
        "each with weights of its own",
        "No norm touches the stream itself",
        "Each of attn and ffn is called once",
        "gradients flow to all of them and to all parameters",
        "what was returned does not change later",
        "Inputs may be views",
        "Training mode and evaluation mode give",
    ],
)
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


@check(
    points=1,
    inputs=blocks,
    lecture="what-a-layer-may-add",
    public=[case("weights 100 times larger", loud=100.0, dtype="float64")],
    hidden=[
        case("weights 10 000 times larger", B=2, T=4, C=9, loud=1e4, dtype="float64"),
        case("weights as they are", B=1, T=5, C=6, loud=1.0, dtype="float64"),
        case("weights 1000 times smaller: eps counts", B=3, T=2, C=7, loud=1e-3, dtype="float64"),
        case("eps = 0.01 and small weights", B=2, T=3, C=5, loud=0.05, eps=0.01, dtype="float64"),
    ],
)
def each_part_adds_a_bounded_amount(student, x, weights, more):
    """With fresh norms the two parts of a block add rows of length √C each, however large their weights are."""
    block = build(student, x, weights, more)
    stream = [x]
    for _ in range(5):
        stream.append(block(stream[-1]).detach())
    return {"stream": stream, "added": [b - a for a, b in itertools.pairwise(stream)]}


@check(
    points=1,
    inputs=blocks,
    lecture="your-task",
    public=[case("small numbers", scale=1e-3, gain=1e-3)],
    hidden=[
        case("eps = 0.25", C=5, eps=0.25),
        case("eps = 1e-12, tiny numbers", B=2, T=2, C=7, scale=1e-4, gain=1e-4, eps=1e-12, dtype="float64"),
        case("the default eps, many features", C=20, scale=1e-2, gain=1e-2, dtype="float64"),
    ],
    cites=[
        "Its attributes, by which checks load weights",
        "There are no other parameters",
        "at first 1 and 0",
        "They are kept in the mode",
        "eps belongs to all four norms",
        "A call leaves nothing else behind",
    ],
)
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


@check(
    points=1,
    inputs=heads,
    lecture="scores-that-overflow",
    public=[case("three queries, four keys"), case("one query", B=2, H=1, T=1, S=3, D=2, dtype="float64")],
    hidden=[
        case("one key", B=2, H=3, T=4, S=1, D=5),
        case("sizes alike", B=4, H=4, T=4, S=4, D=4, dtype="float64"),
        case("one feature", B=1, H=2, T=5, S=3, D=1, dtype="float64"),
        case("large scores", B=2, H=3, T=2, S=6, D=16, scale=300.0, dtype="float64"),
        case("many keys", B=1, H=2, T=3, S=70, D=8),
    ],
    fresh=1,
    cites=["The attention weights softmax", "the softmax runs over the S keys", "Returns (B, H, T, S)"],
)
def the_weights_are_those_of_softmax(student, q, k):
    """The result is softmax(q kᵀ / √D) over the keys, and gradients flow to q and k."""
    found = with_gradients(student.pb_relax_softmax, q=q, k=k)
    apart = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k)]  # as layers split their heads
    turns = [student.pb_relax_softmax(*apart), student.pb_relax_softmax(-q, k), student.pb_relax_softmax(q, k.flip(-1))]
    return {**found, "turns": turns, "left": flags(*apart)}


@check(
    points=1,
    inputs=heads,
    lecture="scores-that-overflow",
    public=[case("alpha 1, 2 and 100", D=4, alphas=[1.0, 2.0, 100.0], dtype="float64")],
    hidden=[
        case("alpha below 1", B=2, T=2, S=5, D=3, alphas=[0.25, 0.01], dtype="float64"),
        case("large scores", B=1, H=3, T=4, S=6, D=9, scale=1e5, alphas=[32.0, 8.0, 1.0], dtype="float64"),
        case("float32", T=5, S=2, D=7, alphas=[16.0, 64.0]),
    ],
    cites=["For z = (q", "In exact arithmetic"],
)
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


@check(
    points=1,
    inputs=halves,
    lecture="scores-that-overflow",
    public=[
        case("ordinary scores", q_size=6, k_size=2),
        case("q kᵀ is too large for float16", q_size=30, k_size=30, unit=64, T=2, S=3),
    ],
    hidden=[
        case("so is q kᵀ / √D", B=2, H=1, T=5, S=6, q_size=30, k_size=30, unit=64),
        case("queries far below each other", B=1, H=2, T=4, S=5, q_size=10, k_size=60, unit=64, far=True),
        case("sixteen features", B=1, H=3, T=4, S=7, D=16, q_size=8, k_size=20, unit=128),
        case("alpha = 8", B=2, H=2, T=3, S=5, q_size=12, k_size=60, unit=128, alpha=8.0),
        case("alpha = 64, ordinary scores", B=1, H=2, T=6, S=3, q_size=3, k_size=2, alpha=64.0, unit=4),
        case("alpha = 4096, where 32 is not enough", B=2, H=1, T=3, S=6, q_size=7, k_size=40, unit=8192, alpha=4096.0, full=True),
        case("one feature", B=1, H=2, T=3, S=4, D=1, q_size=200, k_size=300, unit=32),
        case("alpha = 1/512, keys larger than queries", B=1, H=3, T=5, S=4, D=1, q_size=1, k_size=800, unit=0.125, alpha=2.0**-9),
    ],
    cites=["In float16, numbers end at", "may be too large below", "Here each query has a maximum of its own", "results have the dtype", "in float16 too"],
)  # fmt: skip
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
