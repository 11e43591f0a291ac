"""Checks of attention/gqa: which head serves whom, values and gradients, the causal triangle, pooling."""

import torch

from autograder.checks import case, check, difference, flags, gradients, large_scores, leaves, reject


def heads(rng, B=1, G=2, S=2, D=2, n_rep=2, dtype="float32", values=None):
    x = rng.normal(B, G, S, D, dtype=dtype)
    return {"x": x if values is None else torch.tensor(values)[None, :, None, None], "n_rep": n_rep}


@check(
    points=2,
    inputs=heads,
    lecture="who-shares-with-whom",
    public=[
        case("heads 0 and 1, twice", values=[0.0, 1.0], n_rep=2),
        case("three heads, three times", G=3, S=2, D=2, n_rep=3),
    ],
    hidden=[
        case("two heads, five times", B=2, G=2, S=3, D=4, n_rep=5, dtype="float64"),
        case("one head", B=3, G=1, S=4, D=2, n_rep=6),
        case("once", B=2, G=4, S=3, D=5, n_rep=1, dtype="float64"),
        case("as many heads as copies, tokens and features", B=3, G=3, S=3, D=3, n_rep=3),
        case("one token of one feature", B=1, G=5, S=1, D=1, n_rep=2),
        case("twenty times", B=1, G=2, S=2, D=1, n_rep=20),
    ],
    cites=["Each head n_rep times, the copies", "head j of the result is", "Inputs may be views"],
)
def copies_stand_side_by_side(student, x, n_rep):
    """Head j of the result is head j // n_rep of x, and the gradient of a head sums over its copies."""
    (x,) = leaves(x)
    y = student.repeat_kv(x, n_rep)
    view = x.detach().transpose(1, 2).contiguous().transpose(1, 2)
    views = [student.repeat_kv(view, n_rep), student.repeat_kv(view, n_rep + 1)]
    return {"y": y, "gradient": gradients(y, {"x": x})["x"], "of a view": views, "left": flags(view)}


def grouped(rng, B=1, H=4, G=2, T=3, S=None, D=4, by=0.0, rising=False, still=False, dtype="float32", **more):
    """Random queries, keys and values; `by`: their scores are so large; `still`: queries are 0, so all scores are."""
    shapes = {"q": (B, H, T, D), "k": (B, G, S or T, D), "v": (B, G, S or T, D)}
    made = {name: rng.normal(*shape, dtype=dtype) for name, shape in shapes.items()}
    if by:
        made["q"], made["k"], made["v"] = large_scores(**made, by=by, rising=rising)
    if still:
        made["q"] = torch.zeros_like(made["q"])
    return made | more


@check(
    points=1,
    inputs=grouped,
    lecture="the-layer-in-between",
    public=[case("four heads in two groups", T=2, S=3), case("one group", B=2, H=3, G=1, T=2, S=2)],
    hidden=[
        case("a group for each head", B=2, H=4, G=4, T=3, S=5, D=3),
        case("groups of three", B=1, H=6, G=2, T=1, S=7, D=5),
        case("three groups of four", B=2, H=12, G=3, T=4, S=3, D=2),
        case("eight heads in four groups, D = 1", B=1, H=8, G=4, T=3, S=2, D=1),
        case("all sizes alike", B=4, H=4, G=2, T=4, S=4, D=4),
        case("large scores", B=1, H=4, G=2, T=3, S=5, D=16, by=128.0),
        case("one key", B=3, H=2, G=1, T=2, S=1, D=8),
    ],
    fresh=1,
    cites=[
        "The softmax runs over the keys",
        "Attention in which query head h",
        "G = 1 is multi-query",
        "Inputs may be views",
    ],
)
def groups_attend(student, q, k, v):
    """The output is softmax(q kᵀ/√D) v with each query head's own group, and gradients flow to q, k and v."""
    q, k, v = leaves(q, k, v)
    out = student.gqa(q, k, v)
    apart = [x.detach().transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # as layers split their heads
    views = student.gqa(*apart)
    return {"out": out, "gradients": gradients(out, {"q": q, "k": k, "v": v}), "views": views, "left": flags(*apart)}


@check(
    points=1,
    inputs=grouped,
    lecture="the-layer-in-between",
    public=[
        case("three tokens", H=2, G=1, T=3),
        case("one new token after three", H=4, G=2, T=1, S=4),
        case("queries of zeros: a mean of what they see", H=2, G=1, T=3, D=2, still=True),
    ],
    hidden=[
        case("two new tokens after four", B=2, H=6, G=3, T=2, S=6),
        case("five tokens", B=1, H=8, G=2, T=5, D=3),
        case("one token", B=2, H=4, G=4, T=1),
        case("the sizes of heads, groups and tokens agree", B=2, H=4, G=4, T=4, S=4, D=4),
        case("later keys are loud", B=1, H=4, G=2, T=6, by=128.0, rising=True),
        case("seventy queries", B=1, H=2, G=1, T=70, S=75, D=2),
    ],
    fresh=1,
    cites=["query t sees key s if"],
)
def causal_ends_in_the_lower_right_corner(student, q, k, v):
    """With causal=True, query t sees the keys up to t + S - T."""
    q, k, v = leaves(q, k, v)
    out = student.gqa(q, k, v, causal=True)
    return {"out": out, "gradients": gradients(out, {"q": q, "k": k, "v": v})}


@check(
    points=1,
    inputs=grouped,
    lecture="the-layer-in-between",
    public=[case("two groups, two new tokens after one", H=4, G=2, T=2, S=3, D=2, dtype="float64")],
    hidden=[
        case("three groups", B=2, H=6, G=3, T=3, S=4, D=5, dtype="float64"),
        case("one group", B=1, H=3, G=1, T=4, D=8, dtype="float64"),
        case("a group for each head", B=2, H=2, G=2, T=1, S=6, D=3, dtype="float64"),
        case("large scores", B=1, H=4, G=2, T=6, D=16, by=5e4, dtype="float64"),
    ],
    cites=["The softmax is computed in that dtype", "results have the dtype", "Hugging Face"],
)
def float64_is_exact_to_the_end(student, q, k, v):
    """For float64 inputs everything, the softmax too, is computed in float64, with and without `causal`; float32 ones after them give float32."""
    q, k, v = leaves(q, k, v)
    out, causal = student.gqa(q, k, v), student.gqa(q, k, v, causal=True)
    small = q.detach() / q.detach().abs().amax()  # on which float32 is exact enough
    narrow = student.gqa(*(x.detach().float() for x in (small, k, v)), causal=True)
    found = gradients([out, causal], {"q": q, "k": k, "v": v})
    return {"out": out, "causal": causal, "gradients": found, "causal, of float32 after that": narrow}


def listens_to_its_group(seen, want, inputs):
    """Which query heads answer when a single value head is not zero."""
    H, G = inputs["q"].shape[1], inputs["k"].shape[1]
    for g, out in enumerate(seen):
        if out.shape != want[g].shape:
            break
        answering = [h for h in range(H) if bool((out[:, h] != 0).any())]
        if answering != [h for h in range(H) if h // (H // G) == g]:
            return reject("Value head {g} of {G} reaches the query heads {answering} of {H}.",
                          g=g, G=G, answering=answering, H=H)  # fmt: skip
    return difference(seen, want)


@check(
    points=1,
    inputs=grouped,
    judge=listens_to_its_group,
    lecture="who-shares-with-whom",
    public=[case("four heads, two groups", H=4, G=2, T=1, S=2, D=2)],
    hidden=[
        case("nine heads, three groups", H=9, G=3, T=2, S=3, D=2),
        case("eight heads, two groups", B=2, H=8, G=2, T=1, S=4, D=3),
        case("ten heads, five groups", H=10, G=5, T=2, S=2, D=4),
    ],
    cites=["neighbouring query heads share", "query head h uses"],
)
def a_value_head_reaches_its_group_only(student, q, k, v):
    """When one value head is kept and the others are zero, only the H/G neighbouring query heads of its group answer."""
    outs = []
    for g in range(k.shape[1]):
        alone = torch.zeros_like(v)
        alone[:, g] = v[:, g]
        outs.append(student.gqa(q, k, alone))
    return outs


def weights(rng, H=4, G=2, D=2, C=3, dtype="float32", values=None):
    w = rng.normal(H * D, C, dtype=dtype) if values is None else torch.tensor(values)
    return {"w": w, "H": H, "G": G}


@check(
    points=2,
    inputs=weights,
    lecture="from-a-trained-model",
    public=[
        case("heads of one row", values=[[1.0], [3.0], [10.0], [20.0]], H=4, G=2),
        case("heads of two rows", values=[[1.0], [2.0], [5.0], [8.0], [0.0], [0.0], [6.0], [4.0]], H=4, G=2),
    ],
    hidden=[
        case("groups of three", H=6, G=2, D=3, C=5, dtype="float64"),
        case("one group", H=5, G=1, D=2, C=4),
        case("a group for each head", H=3, G=3, D=4, C=2, dtype="float64"),
        case("as many groups as heads in one, as rows", H=9, G=3, D=3, C=9),
        case("eight heads, four groups", H=8, G=4, D=2, C=1, dtype="float64"),
        case("twenty heads, two groups", H=20, G=2, D=1, C=2),
    ],
    cites=["each is the mean of", "head g is the mean of heads", "head h has rows"],
)
def neighbouring_heads_are_averaged(student, w, H, G):
    """Head g of the result is the mean of the H/G heads of group g, row by row."""
    (w,) = leaves(w)
    pooled = student.mha_to_gqa(w, H, G)
    view = w.detach().T.contiguous().T  # as the weight of a Conv1D, which is stored the other way round
    views = [student.mha_to_gqa(view, H, G), student.mha_to_gqa(-view, H, G), student.mha_to_gqa(view, H, H)]
    return {"pooled": pooled, "gradient": gradients(pooled, {"w": w})["w"], "of a view": views, "left": flags(view)}
