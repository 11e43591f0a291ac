"""Checks of qwen/qwen1_ntk_logn: the two formulas for long texts, the feed-forward network, and attention within and beyond the training length."""

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

EXACT = Tolerance(atol=0.0, rtol=1e-12)


@check(
    points=1,
    lecture="how-much-longer",
    public=[
        case("around twice and four times the length", pairs=[[4095, 2048], [4096, 2048], [4097, 2048], [8192, 2048]]),
        case("short texts", pairs=[[2048, 2048], [2049, 2048], [1024, 2048], [1, 2048]]),
    ],
    hidden=[
        case("very long", pairs=[[10**6, 2048], [2**20, 2048], [2**20 + 1, 2048], [32768, 8192], [131072, 8192]]),
        case("no power of two", pairs=[[3000, 1000], [4000, 1000], [4001, 1000], [700, 7], [56, 7], [57, 7]]),
        case("tiny", pairs=[[n, 3] for n in range(1, 50)]),
        case("exactly 4, 8, 16 times as long", pairs=[[n << k, n] for n in (100, 5000, 20000, 3000) for k in (2, 3, 4)]),
    ],
    cites=["and never less than 1", "it grows in steps"],
)
def alpha_grows_in_steps(student, pairs):
    """Your alpha is 1 up to the training length, and grows in steps with each doubling."""
    return [student.ntk_alpha(true, train) for true, train in pairs]


@check(
    points=1,
    tolerance=Tolerance(atol=0.0, rtol=1e-10),
    lecture="a-larger-base",
    public=[case("Qwen 7B at 8192 tokens", calls=[[10000.0, 7.0, 128], [10000.0, 1.0, 128]])],
    hidden=[
        case("few features", calls=[[100.0, 3.0, 4], [100.0, 3.0, 6], [7.0, 15.0, 8]]),
        case("larger", calls=[[1e6, 31.0, 64], [1e4, 2.5, 80], [500000.0, 1.0, 256]]),
    ],
    cites=["The new base is base alpha"],
)
def the_base_becomes_larger(student, calls):
    """The new base slows the last pair down by alpha, for any number of features."""
    return [student.ntk_base(*call) for call in calls]


@check(
    points=1,
    tolerance=EXACT,
    lecture="sharper-queries",
    public=[case("around the training length", pos=[0, 1, 2047, 2048, 4095, 8191], train_len=2048)],
    hidden=[
        case("unordered", pos=[99, 3, 12, 11, 10, 3, 1000000], train_len=11),
        case("short training", pos=[0, 1, 2, 3, 4], train_len=2),
        case("one position", pos=[5000], train_len=4096),
        case("a billion tokens", pos=[10**9, 10**9 + 1, 2**40], train_len=3000),
        case("no positions", pos=[], train_len=7),
    ],
    cites=["log pos 1 log train_len", "the query at pos sees pos 1 keys", "Computed in float64"],
)
def factors_are_logarithms(student, pos, train_len):
    """The factor of the query at position p is log(p + 1) to the base of the training length, and at least 1."""
    pos = torch.tensor(pos, dtype=torch.int64)
    pair = torch.stack([pos, pos + 1], dim=1)
    return [student.logn_scale(pos, train_len), student.logn_scale(pair[:, 1], train_len), student.logn_scale(pos, train_len + 1)]


def network(rng, x, F, dtype="float32", scale=1.0):
    C = x[-1]
    return {
        "x": rng.normal(*x, dtype=dtype, scale=scale),
        "w1": rng.normal(F, C, dtype=dtype),
        "w2": rng.normal(F, C, dtype=dtype),
        "c_proj": rng.normal(C, F, dtype=dtype),
    }


@check(
    points=1,
    inputs=network,
    lecture="the-feed-forward-network",
    public=[case("three tokens", x=[3, 4], F=5)],
    hidden=[
        case("batches", x=[2, 3, 5], F=7),
        case("one vector", x=[6], F=3),
        case("more dimensions", x=[2, 1, 3, 4], F=2),
        case("float64", x=[2, 5], F=3, dtype="float64"),
        case("larger inputs", x=[4, 3], F=5, scale=4.0),
        case("no tokens", x=[0, 3], F=2),
    ],
    fresh=1,
    cites=["c_proj times w1 x silu w2 x", "of which w2 is the gate", "Any number of dimensions"],
)
def w2_is_the_gate(student, x, w1, w2, c_proj):
    """The silu goes around w2, and the product with w1 goes through c_proj."""
    views = [w.mT.contiguous().mT for w in (w1, w2, c_proj)]
    return {
        "first": with_gradients(student.qwen_mlp, x=x, w1=w1, w2=w2, c_proj=c_proj),
        "other values": student.qwen_mlp(x + 1, w1, w2, c_proj),
        "views": student.qwen_mlp(x, *views),
        "other weights": student.qwen_mlp(x, w2, w1, c_proj),
    }


def layer(rng, B=1, T=5, C=8, H=2, train_len=8, dtype="float32", gain=0.8, **options):
    weights = rng.weights({"c_attn.weight": (3 * C, C), "c_attn.bias": (3 * C,), "c_proj.weight": (C, C)}, gain=gain)
    weights = {name: weight.to(getattr(torch, dtype)) for name, weight in weights.items()}
    return {
        "x": rng.normal(B, T, C, dtype=dtype),
        "weights": weights,
        "sizes": {"C": C, "H": H, "train_len": train_len},
        "options": options,
    }


def build(student, x, weights, sizes, options):
    made = student.Qwen1Attention(sizes["C"], sizes["H"], sizes["train_len"], **options)
    return with_weights(made.to(x.dtype), weights)


def observe(attention, x):
    (leaf,) = leaves(x)
    out = attention(leaf)
    return {"output": out, "gradients": gradients([out], {"x": leaf, "bias": attention.c_attn.bias, "out": attention.c_proj.weight})}


@check(
    points=2,
    inputs=layer,
    lecture="the-layer",
    public=[case("five tokens, two heads"), case("one token", T=1)],
    hidden=[
        case("three heads", B=3, T=7, C=12, H=3),
        case("two texts", B=2, T=5, C=12, H=2),
        case("nineteen heads", T=3, C=76, H=19),
        case("one head", B=1, T=4, C=6, H=1),
        case("another base", B=1, T=8, C=8, H=2, base=50.0),
        case("exactly the training length", B=2, T=6, C=16, H=2, train_len=6),
        case("a long training", T=11, train_len=4096, base=1e6),
    ],
    fresh=1,
    cites=["q and k are rotated", "v is not rotated", "A token sees itself and earlier ones", "the queries C rows first", "The heads are put side by side", "up to train_len tokens both modes"],
)  # fmt: skip
def within_the_training_length(student, x, weights, sizes, options):
    """Within the training length your layer is causal attention with rotary positions, in both modes."""
    attention = build(student, x, weights, sizes, options)
    return {"training": observe(attention.train(), x), "evaluation": observe(attention.eval(), x)}


@check(
    points=2,
    inputs=layer,
    lecture="the-layer",
    public=[
        case("both, nine tokens instead of four", T=9, train_len=4),
        case("NTK alone", T=9, train_len=4, use_logn=False),
        case("LogN alone", T=9, train_len=4, use_ntk=False),
    ],
    hidden=[
        case("one token more", B=1, T=5, train_len=4),
        case("a longer training", T=25, C=6, H=1, train_len=23),
        case("twice as long", B=3, T=10, C=12, H=3, train_len=5),
        case("seven times as long", B=1, T=14, C=8, H=2, train_len=2, base=100.0),
        case("another base, NTK alone", T=7, C=16, H=2, train_len=3, base=30.0, use_logn=False),
        case("LogN alone, three heads", T=7, C=18, H=3, train_len=3, use_ntk=False),
        case("neither", T=9, train_len=3, use_ntk=False, use_logn=False),
    ],
    fresh=1,
    cites=["In evaluation mode with use_ntk the base is", "Each query is multiplied by its", "Keys are not", "One of the two may be", "the same for all positions"],
)  # fmt: skip
def beyond_the_training_length(student, x, weights, sizes, options):
    """Beyond the training length, in evaluation mode, the base grows and queries are scaled, each if it is wanted."""
    return observe(build(student, x, weights, sizes, options).eval(), x)


@check(
    points=1,
    inputs=layer,
    lecture="the-layer",
    public=[case("nine tokens instead of four", T=9, train_len=4)],
    hidden=[
        case("much longer, one head", B=1, T=17, C=6, H=1, train_len=2, base=100.0),
        case("one token more, three heads", T=6, C=12, H=3, train_len=5),
    ],
    cites=["In training mode self training the base"],
)
def training_knows_no_long_texts(student, x, weights, sizes, options):
    """In training mode neither the base nor the queries change, and modes may come in any order."""
    attention = build(student, x, weights, sizes, options)
    seen = [observe(attention.train(), x)]
    for mode in (False, True, False):
        seen.append(attention.train(mode)(x))
    return seen


@check(
    points=1,
    inputs=layer,
    lecture="the-layer",
    public=[case("float64", T=6, train_len=4, dtype="float64")],
    hidden=[
        case("three heads, much longer", B=1, T=21, C=18, H=3, train_len=2, dtype="float64"),
        case("another base, one text", B=1, T=12, C=8, H=1, train_len=5, dtype="float64", base=77.0),
        case("scores of 100,000", T=6, train_len=6, dtype="float64", gain=300.0),
    ],
    cites=["For float64 everything is float64", "A result depends on the arguments", "Arguments are left as they were"],
)
def float64_and_nothing_remembered(student, x, weights, sizes, options):
    """Your layer is exact in float64, remembers nothing of earlier calls, and leaves everything as it was."""
    attention = build(student, x, weights, sizes, options).eval()
    frozen = build(student, x, weights, sizes, options).requires_grad_(False).train()
    other = build(student, x, weights, sizes | {"train_len": sizes["train_len"] + 2}, options | {"base": 9.0}).eval()
    short = sizes["train_len"]
    view = x.mT.contiguous().mT
    seen = [attention(x), attention(x.flip(1)), attention(x[:, :short]), attention(x[:1]), other(x), attention(view), attention(x)]
    quiet = in_evaluation(attention, lambda: attention(x[:1, :2]))
    quiet = {"with other weights": quiet["with other weights"], "have gradients": [name for name, grad in quiet["gradients"].items() if grad is not None]}
    return {"outputs": seen, "in evaluation mode": quiet, "frozen": frozen(x), "left": flags(x, attention, frozen)}
