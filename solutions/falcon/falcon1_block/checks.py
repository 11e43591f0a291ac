"""Checks of falcon/falcon1_block: the three orders of the fused matrix, the three blocks, ALiBi inside the scale, and what is left behind."""

import torch

from autograder.checks import (
    Tolerance,
    case,
    check,
    flags,
    gradients,
    in_evaluation,
    leaves,
    raises,
    with_gradients,
    with_weights,
)

# Honest gradients of a block in float32 differ by some 1e-5.
GRADIENTS = Tolerance(atol=5e-5, rtol=2e-4)


def fused(rng, kind="mha", H=3, Hkv=2, D=4, B=2, T=3, dtype="float32"):
    n = {"mha": H, "mqa": 1, "gqa": Hkv}[kind]
    return {"fused": rng.normal(B, T, (H + 2 * n) * D, dtype=dtype), "kind": kind, "H": H, "Hkv": Hkv, "D": D}


def split(student, fused, kind, H, Hkv, D):
    far = fused.transpose(0, 2).contiguous().transpose(0, 2)  # a view that is not contiguous
    whole = with_gradients(lambda fused: student.split_qkv(fused, kind, H, Hkv, D), fused=fused)
    others = [student.split_qkv(far, kind, H, Hkv, D), student.split_qkv(-fused, kind, H, Hkv, D)]
    return {"whole": whole, "of a view, of other numbers": others, "left": flags(fused, far)}


@check(
    points=1,
    inputs=fused,
    lecture="three-orders-of-one-matrix",
    public=[case("two heads of two features", H=2, Hkv=2, D=2, B=1, T=2), case("three heads, Hkv is not read", H=3, Hkv=1, D=1, B=2)],
    hidden=[
        case("five heads, float64", H=5, Hkv=5, D=3, dtype="float64"),
        case("one head", H=1, Hkv=1, D=4, T=5),
        case("one token, Hkv = 71", H=6, Hkv=71, D=2, B=3, T=1),
    ],
    fresh=1,
    cites=["Head after head", "Hkv is read for gqa alone", "the other two kinds have H and 1 heads"],
)
def heads_of_mha_are_triples(student, fused, kind, H, Hkv, D):
    """With "mha" each head has its query, its key and its value next to each other."""
    return split(student, fused, kind, H, Hkv, D)


@check(
    points=1,
    inputs=fused,
    lecture="three-orders-of-one-matrix",
    public=[case("two queries", kind="mqa", H=2, Hkv=1, D=2, B=1), case("three queries, Hkv is not read", kind="mqa", H=3, Hkv=3, D=1)],
    hidden=[
        case("seven queries, float64", kind="mqa", H=7, Hkv=71, D=4, dtype="float64"),
        case("one query", kind="mqa", H=1, Hkv=1, D=3, B=3),
        case("as many tokens as heads", kind="mqa", H=4, Hkv=1, D=4, B=4, T=4),
    ],
    fresh=1,
    cites=["First all H queries, then the only key", "heads are not repeated"],
)
def mqa_has_its_key_and_value_at_the_end(student, fused, kind, H, Hkv, D):
    """With "mqa" all queries come first, then one key and one value, which stay one head each."""
    return split(student, fused, kind, H, Hkv, D)


@check(
    points=1,
    inputs=fused,
    lecture="three-orders-of-one-matrix",
    public=[case("two groups of two", kind="gqa", H=4, Hkv=2, D=1, B=1), case("three groups of two", kind="gqa", H=6, Hkv=3, D=2)],
    hidden=[
        case("two groups of three, float64", kind="gqa", H=6, Hkv=2, D=5, dtype="float64"),
        case("groups of one", kind="gqa", H=4, Hkv=4, D=2, B=3, T=5),
        case("one group", kind="gqa", H=5, Hkv=1, D=3),
        case("eight groups, twenty heads each: more than Falcon 40B has", kind="gqa", H=160, Hkv=8, D=2, B=1, T=2),
    ],
    fresh=1,
    cites=["Group after group", "Query head h belongs to the key head", "Another kind is a ValueError"],
)
def groups_end_with_their_key_and_value(student, fused, kind, H, Hkv, D):
    """With "gqa" the queries of a group stand before its key and its value; a kind that is none of the three is refused."""
    refused = [raises("ValueError", lambda word=word: student.split_qkv(fused, word, H, Hkv, D)) for word in ("MHA", "", "gpt2")]
    again = student.split_qkv(fused, "mqa", H + 2 * Hkv - 2, 1, D)  # the same numbers, read as another kind
    return {"split": split(student, fused, kind, H, Hkv, D), "as mqa": again, "other kinds": refused}


def sizes(C, H, kind, Hkv=1, parallel=True, bias=False, **_):
    n = {"mha": H, "mqa": 1, "gqa": Hkv}[kind]
    linear = {
        "self_attention.query_key_value": ((H + 2 * n) * (C // H), C), "self_attention.dense": (C, C),
        "mlp.dense_h_to_4h": (4 * C, C), "mlp.dense_4h_to_h": (C, 4 * C),
    }  # fmt: skip
    norms = ["ln_attn", "ln_mlp"] if kind == "gqa" else ["input_layernorm"] + ["post_attention_layernorm"] * (not parallel)
    shapes = {f"{name}.weight": shape for name, shape in linear.items()}
    if bias:
        shapes |= {f"{name}.bias": shape[:1] for name, shape in linear.items()}
    return shapes | {f"{name}.{part}": (C,) for name in norms for part in ("weight", "bias")}


def block(rng, B=2, T=4, C=8, H=2, dtype="float32", scale=1.0, gain=1.5, watch="", **options):
    weights = rng.weights(sizes(C, H, options.get("kind", "mqa"), **{k: v for k, v in options.items() if k != "kind"}), gain=gain, dtype=dtype)
    for name in weights:
        if name.endswith(".bias"):
            weights[name] = rng.normal(*weights[name].shape, scale=0.5, dtype=dtype)
    return {"x": rng.normal(B, T, C, scale=scale, dtype=dtype), "weights": weights, "C": C, "H": H, "watch": [n for n in weights if n.startswith(watch)], "options": options}


def run(student, x, weights, C, H, watch, options):
    layer = with_weights(student.Falcon1Block(C, H, **options), weights)
    (x,) = leaves(x)
    out = layer(x)
    named = dict(layer.named_parameters())
    found = gradients(out, {"x": x, **{name: named[name] for name in watch}})
    far = x.detach().mT.contiguous().mT
    return {"out": out, "gradients": found, "of others": [layer(far.flip(1)), layer(-far), layer(far)]}


@check(
    points=2,
    inputs=block,
    tolerance=GRADIENTS,
    lecture="side-by-side",
    public=[case("one sequence", B=1, T=3, C=4, H=2), case("a head of four", T=3, C=4, H=1, kind="mqa", watch="input")],
    hidden=[
        case("five heads", B=3, T=4, C=10, H=5, Hkv=71),
        case("heads of six", T=6, C=18, H=3),
        case("one token", T=1, C=8, H=4),
        case("one head", T=5, C=6, H=1),
        case("twenty tokens", B=1, T=20, C=4, H=2),
        case("large inputs", T=3, C=8, H=2, scale=30.0),
        case("scores of 100,000", T=5, C=8, H=2, gain=300.0, dtype="float64"),
    ],
    fresh=1,
    cites=[
        "mqa and mha with parallel true", "with the exact gelu", "Attention is causal", "Scores are divided by", "in the half style",
        "Values are not rotated", "Its parameters have the names", "Without it they have none", "gradients flow to the inputs",
    ],
)  # fmt: skip
def falcon_7b_reads_one_norm_twice(student, x, weights, C, H, watch, options):
    """The block of Falcon 7B is x + attention(a) + mlp(a), where both read the same norm a of x."""
    return run(student, x, weights, C, H, watch, options)


RW = {"kind": "mha", "parallel": False, "alibi": True, "bias": True}


@check(
    points=2,
    inputs=block,
    tolerance=GRADIENTS,
    lecture="the-bias-is-divided-too",
    public=[case("two heads of two", B=1, T=4, C=4, H=2, watch="post", **RW)],
    hidden=[
        case("heads of six", B=3, T=7, C=12, H=2, **RW),
        case("eight heads", T=5, C=16, H=8, **RW),
        case("one head", T=6, C=6, H=1, **RW),
        case("three heads: slopes of two, and one of four", T=5, C=6, H=3, **RW),
        case("far keys", B=1, T=24, C=4, H=2, **RW),
        case("the base is not read", T=5, C=8, H=2, base=3.0, **RW),
    ],
    fresh=1,
    cites=[
        "nothing is rotated, and base is not read", "The bias is divided by", "The slopes are those of the paper", "mqa and mha with parallel false",
        "with bias true also the",
    ],
)  # fmt: skip
def falcon_rw_divides_its_bias_too(student, x, weights, C, H, watch, options):
    """Falcon-RW has one part after the other, biases everywhere, and ALiBi inside the division by √D."""
    return run(student, x, weights, C, H, watch, options)


@check(
    points=1,
    inputs=block,
    tolerance=GRADIENTS,
    lecture="side-by-side",
    public=[case("two groups of two", B=1, T=2, C=8, H=4, kind="gqa", Hkv=2, watch="ln_")],
    hidden=[
        case("three groups of two", T=5, C=12, H=6, kind="gqa", Hkv=3),
        case("two groups of three, heads of four", B=3, T=4, C=24, H=6, kind="gqa", Hkv=2),
        case("one group, as is the default", T=4, C=8, H=2, kind="gqa"),
        case("groups of one", T=4, C=6, H=3, kind="gqa", Hkv=3),
        case("with biases", T=3, C=8, H=4, kind="gqa", Hkv=2, bias=True),
        case("side by side, whatever `parallel` says", T=3, C=8, H=4, kind="gqa", Hkv=2, parallel=False),
    ],
    fresh=1,
    cites=["gqa always parallel", "the norms that the kind has"],
)
def falcon_40b_has_two_norms_side_by_side(student, x, weights, C, H, watch, options):
    """The block of Falcon 40B has a norm for attention and another one for the feed-forward network, both of x."""
    return run(student, x, weights, C, H, watch, options)


@check(
    points=1,
    inputs=block,
    lecture="the-bias-is-divided-too",
    public=[case("nine heads: slopes of eight, and one of sixteen", B=1, T=5, C=18, H=9, gain=1.0, **RW)],
    hidden=[
        case("sixteen heads", T=4, C=32, H=16, gain=1.0, **RW),
        case("twelve heads", B=1, T=6, C=24, H=12, gain=1.0, **RW),
        case("nineteen heads", B=1, T=7, C=38, H=19, gain=1.0, **RW),
        case("thirty-two heads, float64", B=1, T=4, C=64, H=32, gain=1.0, dtype="float64", **RW),
    ],
    cites=["one check, and no other, tells the difference"],
)
def slopes_are_not_rounded(student, x, weights, C, H, watch, options):
    """The slopes of many heads are no round numbers, and are kept to the last digit of the dtype."""
    layer = with_weights(student.Falcon1Block(C, H, **options), weights)
    return layer(x)


def exact_block(rng, **options):
    return block(rng, dtype="float64", **options)


@check(
    points=1,
    inputs=exact_block,
    lecture="side-by-side",
    public=[case("a large eps", B=1, T=3, C=4, H=2, eps=0.5), case("one after the other", T=3, C=6, H=3, kind="mqa", parallel=False)],
    hidden=[
        case("a small base", T=6, C=8, H=2, base=7.0),
        case("small numbers: eps counts", T=3, C=8, H=4, eps=1e-3, scale=1e-2),
        case("twenty groups", B=1, T=3, C=40, H=20, kind="gqa", Hkv=20, gain=1.0),
        case("mha side by side, ALiBi", T=4, C=8, H=4, kind="mha", alibi=True),
        case("mha rotated, with biases", T=4, C=12, H=2, kind="mha", bias=True, base=50.0),
        case("groups with ALiBi, eps", T=4, C=8, H=4, kind="gqa", Hkv=2, alibi=True, eps=0.1),
        case("one query head per key, after each other, rotated", T=5, C=12, H=3, kind="mha", parallel=False, eps=0.2, base=20.0),
    ],
    cites=["with eps under the root", "There is no dropout", "training modes", "Inputs may be views", "all of a block is of one dtype", "so float64 is exact", "angles in float32"],
)
def every_option_counts_and_nothing_is_left(student, x, weights, C, H, watch, options):
    """Each option does what it says in every kind, in both modes, and a call leaves the block and its input as they were."""
    layer = with_weights(student.Falcon1Block(C, H, **options), weights)
    other = with_weights(student.Falcon1Block(C, H, **options), {name: w.flip(0) for name, w in weights.items()}).eval()
    layer.mlp.dense_h_to_4h.weight.requires_grad_(False)
    with torch.no_grad():
        outs = [layer(x), other(x), layer.eval()(x), layer(x[:1, :2]), other.train()(x)]
    quiet = in_evaluation(layer, lambda: layer(x))
    return {"outs": outs, "in evaluation mode": quiet, "names": sorted(layer.state_dict()), "left": flags(layer, other, x)}
