"""Checks of tuning/prefix_tuning: the order of the table, what learns, the attention, positions and masks, and the count."""

import torch

from autograder.checks import case, check, flags, gradients, lab, large_scores, leaves, raises, with_weights


def tables(rng, B=2, P=3, L=2, G=2, D=2, dtype="float32", values=None):
    flat = rng.normal(P, L * 2 * G * D, dtype=dtype) if values is None else torch.tensor(values)
    return {"flat": flat, "B": B, "L": L, "G": G}


def pairs(prefix):
    return [(keys.detach().clone(), values.detach().clone()) for keys, values in prefix]


@check(
    points=1,
    inputs=tables,
    lecture="one-row-of-the-table",
    public=[
        case("one position, one number in a head", values=[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]], B=1, L=2, G=2),
        case("three positions, heads of two", L=1, G=3),
    ],
    hidden=[
        case("all sizes differ", B=2, P=5, L=3, G=4, D=6),
        case("one head", B=3, P=2, L=4, G=1, D=3, dtype="float64"),
        case("eighteen sequences", B=18, P=2, L=1, G=1, D=1),
        case("one layer, one position", B=4, P=1, L=1, G=5, D=2),
        case("as many heads as numbers, layers and positions", B=1, P=2, L=2, G=2, D=2),
        case("twelve layers", B=1, P=2, L=12, G=2, D=1, dtype="float64"),
    ],
    cites=["A row holds layer after layer", "All sequences get the same", "Gradients flow back to"],
)
def a_row_holds_layer_after_layer(student, flat, B, L, G):
    """A row of the table holds layers, in them keys and values, in them heads; all sequences get the same prefix."""
    (leaf,) = leaves(flat)
    prefix = student.split_prefix(leaf, B, L, G)
    view = flat.T.contiguous().T
    again = [student.split_prefix(each, B + 1, L, G) for each in (view, -view)]
    grads = gradients([part for pair in prefix for part in pair], {"flat": leaf})
    return {"prefix": pairs(prefix), "gradient": grads, "again": [pairs(each)[-1] for each in again], "left": flags(view)}


def encoders(rng, B=2, P=3, L=2, G=2, D=3, proj=None, C=None, dtype="float32"):
    width, inner = L * 2 * G * D, C or G * D
    shapes = {"embedding.weight": (P, width)}
    if proj:
        shapes = {
            "embedding.weight": (P, inner),
            "transform.0.weight": (proj, inner),
            "transform.0.bias": (proj,),
            "transform.2.weight": (width, proj),
            "transform.2.bias": (width,),
        }
    weights = rng.weights(shapes, gain=2.0, dtype=dtype)
    weights["embedding.weight"] = rng.normal(*shapes["embedding.weight"], dtype=dtype)
    sizes = (P, L, G, D) if not proj else (P, L, G, D, proj) if C is None else (P, L, G, D, proj, C)
    return {"weights": weights, "sizes": sizes, "B": B}


@check(
    points=2,
    inputs=encoders,
    lecture="a-network-that-is-thrown-away",
    public=[case("a table"), case("a network with four tanh", proj=4)],
    hidden=[
        case("a network of another width, float64", P=2, L=3, G=1, D=4, proj=5, C=7, dtype="float64"),
        case("one hidden number", P=4, L=1, G=2, D=2, proj=1),
        case("one sequence, one position", B=1, P=1, L=2, G=3, D=1),
        case("a narrow small table", B=3, P=5, L=2, G=2, D=3, proj=6, C=1),
        case("float64 table", P=4, L=2, G=3, D=2, dtype="float64"),
    ],
    cites=[
        "`embedding.weight`, (P, C), and the network",
        "C is G·D unless it is given",
        "Gradients reach all parameters",
        "It is a copy and requires no gradient",
        "No call changes a model",
    ],
)
def the_network_makes_the_table(student, weights, sizes, B):
    """The encoder gives its table, or the one its network makes with tanh; fold() is a copy of it that stays."""
    encoder = with_weights(student.PrefixEncoder(*sizes), weights)
    prefix = encoder(B)
    grads = gradients([part for pair in prefix for part in pair], encoder)
    encoder.eval()
    table = encoder.fold()
    seen = {"prefix": pairs(prefix), "gradients": grads, "table": table.clone(), "requires": bool(table.requires_grad)}
    encoder.train()
    seen["folded"] = pairs(student.split_prefix(table, B, *sizes[1:3]))[-1]
    with torch.no_grad():
        old = pairs(encoder(B))[0]
        for parameter in encoder.parameters():
            parameter.mul_(-0.5)
        seen["without gradients"] = [old, pairs(encoder(B))[0]]
    begun = student.PrefixEncoder(50, 2, 2, 4).embedding.weight.detach()
    seen["begins with a deviation of 1"] = bool(abs(begun.std() - 1) < 0.15)
    seen |= {"table after a step": table.clone(), "the next table": encoder.fold(), "left": flags(encoder)}
    encoder.eval().requires_grad_(False)
    seen |= {"in evaluation mode": pairs(encoder(B + 1))[0], "left then": flags(encoder)}
    return seen


def heads(rng, B=2, H=4, G=2, T=3, S=None, P=2, D=3, masked=None, by=0.0, causal=True, zero=False, dtype="float32"):
    """`by`: the scores are so large."""
    S = S or T
    made = {"q": rng.normal(B, H, T, D, dtype=dtype)}
    for name, n in (("k", S), ("v", S), ("pk", P), ("pv", P)):
        made[name] = rng.normal(B, G, n, D, dtype=dtype)
    if zero:
        made["pk"], made["pv"] = torch.zeros_like(made["pk"]), torch.zeros_like(made["pv"])
    if by:
        keys, values = (torch.cat([made[f"p{name}"], made[name]], 2) for name in "kv")
        made["q"], keys, values = large_scores(made["q"], keys, values, by)
        (made["pk"], made["k"]), (made["pv"], made["v"]) = (each.split([P, S], 2) for each in (keys, values))
    mask = None
    if masked is not None:
        mask = torch.arange(S) < (S - torch.tensor(masked)[:, None])
        mask = mask.flip(1) if masked[0] < masked[-1] else mask
    return made | {"key_mask": mask, "causal": causal}


@check(
    points=2,
    inputs=heads,
    lecture="one-softmax-over-both",
    public=[
        case("two positions before three tokens"),
        case("zeros, which take their share of the softmax", H=1, G=1, P=1, T=2, zero=True),
        case("padding on the right", masked=(2, 0), T=3, P=1),
    ],
    hidden=[
        case("without causal", causal=False, H=6, G=3, T=4, P=3),
        case("two new tokens after three", B=1, H=6, G=2, T=2, S=5, P=4, D=5),
        case("padding on the left: the first queries see the prefix alone", masked=(0, 3), T=4, P=2, H=2, G=1),
        case("no prefix", P=0, T=4, H=3, G=3),
        case("a prefix longer than the text", P=9, T=2, H=8, G=2, D=2),
        case("all is padding but the prefix", masked=(3, 3), T=3, P=2, causal=False),
        case("large scores", by=100.0, T=5, P=3, D=16),
        case("zeros, in groups, masked", zero=True, masked=(2, 1), B=2, H=4, G=2, T=4, P=3),
        case("all sizes alike", B=2, H=2, G=2, T=2, P=2, D=2),
    ],
    fresh=1,
    cites=["Every query sees the whole prefix", "only the tokens s", "one softmax over prefix and tokens", "It makes no queries", "The scale is 1 d"],
)
def every_query_sees_the_prefix(student, q, k, v, pk, pv, key_mask, causal):
    """One softmax runs over prefix and tokens, every query sees the whole prefix, and gradients reach all five."""
    parts = leaves(q, k, v, pk, pv)
    out = student.attention_with_prefix(*parts, key_mask, causal)
    grads = gradients(out, dict(zip(("q", "k", "v", "pk", "pv"), parts, strict=True)))
    views = [each.transpose(1, 2).contiguous().transpose(1, 2) for each in (q, k, v, pk, pv)]
    again = [student.attention_with_prefix(*views), student.attention_with_prefix(*views[:3], views[3], -views[4])]
    alone = student.attention_with_prefix(*(each[:1] for each in views), None, causal=False)
    return {"out": out.detach(), "gradients": grads, "again": again, "alone": alone, "left": flags(*views)}


@check(
    points=1,
    inputs=heads,
    lecture="one-softmax-over-both",
    public=[case("two positions before two tokens", T=2, dtype="float64")],
    hidden=[
        case("masked", masked=(2, 1), T=3, P=4, dtype="float64"),
        case("large scores", by=5e4, D=16, T=4, H=3, G=1, dtype="float64"),
        case("two new tokens", B=1, T=2, S=6, P=1, D=7, dtype="float64"),
    ],
    cites=["the softmax is computed in it", "Hugging Face", "Results have the dtype of the inputs"],
)
def float64_is_exact(student, q, k, v, pk, pv, key_mask, causal):
    """For float64 inputs everything, the softmax too, is computed in float64."""
    return student.attention_with_prefix(q, k, v, pk, pv, key_mask, causal)


def models(rng, lengths=(4, 2), T=4, P=3, side="right", masked=True, dtype="float32", layers=2, heads=3, kv_heads=None, **more):
    real = torch.arange(T) < torch.tensor(lengths)[:, None]
    G, D = kv_heads or heads, more.get("width", 12) // heads
    model = {"layers": layers, "heads": heads, "kv_heads": kv_heads, "dtype": dtype, **more}
    return {
        "model": lab("frozen_model", seed=rng.integer(0, 10**6), **model),
        "prefix": [tuple(rng.normal(len(lengths), G, P, D, dtype=dtype) for _ in range(2)) for _ in range(layers)],
        "ids": rng.integers(0, 29, len(lengths), T),
        "mask": (real.flip(1) if side == "left" else real) if masked else None,
    }


@check(
    points=2,
    inputs=models,
    lecture="positions-and-masks",
    public=[case("two sequences, one padded"), case("no mask", masked=False, lengths=(3,), T=3, P=2)],
    hidden=[
        case("padding on the left", side="left", lengths=(2, 5, 1), T=5, P=2),
        case("one key/value head, three layers", lengths=(3, 4), T=4, P=1, kv_heads=1, layers=3),
        case("one token", lengths=(1,), T=1, P=6),
        case("float64, sizes that differ", lengths=(3, 1, 2, 3, 2), T=3, P=4, heads=2, width=6, layers=1, dtype="float64"),
        case("an encoder", lengths=(4, 3), T=4, P=2, causal=False),
        case("exactly as many positions as there are", lengths=(5, 6), T=6, P=4, longest=10),
    ],
    fresh=1,
    cites=[
        "The prefix can always be seen",
        "The tokens have the positions P",
        "Raises `ValueError` when P + T",
        "exactly as many are allowed",
    ],
)
def tokens_stand_behind_the_prefix(student, model, prefix, ids, mask):
    """Tokens have the positions P … P+T-1, the mask lets the prefix be seen, and too many positions are refused."""
    P = prefix[0][0].shape[2]
    learned = [tuple(leaves(*pair)) for pair in prefix]
    logits = student.forward_with_prefix(model, learned, ids, mask)
    views = [x if x is None else x.T.contiguous().T for x in (ids, mask)]
    plain = student.forward_with_prefix(model, prefix, ids, mask)
    other = student.forward_with_prefix(model, [(-keys, values) for keys, values in prefix], ids, mask)
    model.train()
    model.layers[0].eval()
    held = list(model.parameters())
    again = student.forward_with_prefix(model, [(-keys, values) for keys, values in prefix], *views)
    one = [tuple(part[:1, :, :1] for part in pair) for pair in prefix]
    long = ids[:, :1].expand(-1, model.longest - P + 1)
    wide = {f"{i}{name}": part for i, pair in enumerate(learned) for name, part in zip("kv", pair, strict=True)}
    return {
        "logits": logits.detach(),
        "gradients": gradients(logits, wide),
        "again": [again[..., ::5], other[..., ::7], plain[..., ::11]],
        "the model": [flags(model)[0]["training"], model.layers[0].training, [a is b for a, b in zip(held, model.parameters(), strict=True)]],
        "without a mask": student.forward_with_prefix(model, learned, ids)[..., ::7].detach(),
        "shorter": student.forward_with_prefix(model, one, ids[:1, :1])[..., ::5],
        "too long": raises("ValueError", lambda: student.forward_with_prefix(model, prefix, long)),
        "left": [flags(*views, *(part for pair in prefix for part in pair)) if mask is not None else flags(ids), sorted({p.requires_grad for p in model.parameters()})],
    }


@check(
    points=1,
    lecture="what-it-costs",
    public=[
        case("a table and a network", sizes=[(5, 2, 4, 8), (5, 2, 4, 8, 16), (5, 2, 2, 8)]),
        case("another width of the small table", sizes=[(3, 1, 2, 2, 4, 7)]),
    ],
    hidden=[
        case("odd ones", sizes=[(1009, 97, 13, 131), (1009, 97, 13, 131, 4097)]),
        case("one of each", sizes=[(1, 1, 1, 1), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1)]),
        case("GPT-2 medium", sizes=[(10, 24, 16, 64), (10, 24, 16, 64, 800), (10, 24, 16, 64, 512, 1024)]),
        case("grouped heads", sizes=[(20, 80, 8, 128), (20, 80, 8, 128, 512, 8192), (7, 3, 5, 11, 13, 2), (2, 3, 21, 5)]),
    ],
    cites=["How many numbers a `PrefixEncoder`"],
)
def the_prefix_is_counted(student, sizes):
    """prefix_params counts the table, or the small table and both layers of the network with their biases."""
    return [student.prefix_params(*each) for each in sizes]
