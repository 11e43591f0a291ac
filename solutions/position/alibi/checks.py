"""Checks of position/alibi: slopes for any number of heads, the bias and where it is aligned, attention and its gradients."""

import torch

from autograder.checks import Tolerance, case, check, flags, gradients

# Slopes are powers of 2 to within a rounding of float32 (6e-8 of themselves).
SLOPES = Tolerance(rtol=1e-6)
# Outputs of size 1. Honest answers, -m·(i-j) and m·j alike, differ by 6e-7 in float32; leaving out the bias of the mildest
# slope here (1/256) moves outputs by 1e-3.
OUTPUT = Tolerance(atol=1e-5, rtol=1e-5)
OUTPUT64 = Tolerance(atol=1e-10, rtol=1e-10)


@check(
    points=1,
    lecture="a-slope-for-each-head",
    tolerance=SLOPES,
    public=[case("8 heads", H=8), case("4 heads", H=4)],
    hidden=[case("1 head", H=1), case("2 heads", H=2), case("16 heads", H=16), case("64 heads", H=64)],
    cites=[
        "H a power of two",
        "They are fixed numbers",
        "number of heads, at least 1",
        "Returns float32 (H,)",
        "The slope of each head",
    ],
)
def slopes_fall_geometrically_to_one_256th(student, H):
    """For a power of two, the slopes are 2^(-8/H), 2^(-16/H), …, 2^(-8)."""
    slopes = student.alibi_slopes(H)
    first = slopes.clone()
    slopes.zero_()  # those of this call only
    return {"slopes": first, "once more": student.alibi_slopes(H)}


@check(
    points=1,
    lecture="numbers-of-heads-that-are-no-power-of-two",
    tolerance=SLOPES,
    public=[case("12 heads", H=12), case("3 heads", H=3)],
    hidden=[
        case("5 heads", H=5),
        case("7 heads: one less than a power of two", H=7),
        case("9 heads: one more", H=9),
        case("20 heads", H=20),
        case("31 heads", H=31),
        case("112 heads, as BLOOM has", H=112),
    ],
    cites=["Else let n be the largest", "The n slopes for n heads come first", "They are appended, not sorted"],
)
def other_head_counts_take_every_other_slope(student, H):
    """For other numbers, the slopes of the power of two below come first, then every other slope of the one above."""
    slopes = student.alibi_slopes(H)
    first = slopes.clone()
    slopes.zero_()  # those of this call only
    return {"slopes": first, "once more": student.alibi_slopes(H)}


@check(
    points=1,
    lecture="a-line-for-each-head",
    public=[case("one head, three tokens", H=1, T=3, S=3), case("two heads, four tokens", H=2, T=4, S=4)],
    hidden=[
        case("one token", H=4, T=1, S=1),
        case("as many tokens as heads", H=5, T=5, S=5),
        case("six heads", H=6, T=9, S=9),
        case("70 tokens", H=3, T=70, S=70),
        case("twenty heads", H=20, T=2, S=2),
    ],
    cites=[
        "What is added to the scores",
        "For a key that is",
        "Returns float32 (H, T, S)",
        "Each call depends on its own arguments",
    ],
)
def bias_falls_with_distance_and_hides_the_future(student, H, T, S):
    """A key d positions back gets -slope · d, the query's own position 0, and a later one -inf."""
    bias = student.alibi_bias(H, T, S)
    first = bias.clone()
    bias.zero_()  # that of this call only
    return {"bias": first, "once more": student.alibi_bias(H, T, S), "one head more": student.alibi_bias(H + 1, T, S)}


@check(
    points=1,
    lecture="queries-are-the-last-positions",
    public=[case("one query, four keys", H=2, T=1, S=4)],
    hidden=[
        case("three queries, five keys", H=2, T=3, S=5),
        case("all but one", H=3, T=7, S=8),
        case("one query, 100 keys", H=8, T=1, S=100),
        case("two queries, 40 keys", H=12, T=2, S=40),
        case("one query, 3000 keys", H=2, T=1, S=3000),
    ],
    cites=["Query t stands at position", "Queries are the *last* T"],
)
def queries_stand_at_the_end(student, H, T, S):
    """With fewer queries than keys, the last query stands at the last key: distances count back from there."""
    return student.alibi_bias(H, T, S)


def heads(rng, B=1, H=2, T=4, S=None, D=4, dtype="float32", scale=1.0, still=False, loud=0.0):
    """Queries, keys and values. `still`: queries are 0, so the bias alone decides; `loud`: added to each key's score
    in proportion to its position."""
    S = S or T
    dtype = getattr(torch, dtype)
    q = rng.normal(B, H, T, D, scale=0.0 if still else scale, dtype=dtype)
    k, v = rng.normal(B, H, S, D, scale=scale, dtype=dtype), rng.normal(B, H, S, D, dtype=dtype)
    if loud:
        q[..., 0], k[..., 0] = 1.0, loud * torch.arange(S, dtype=dtype)
    return {"q": q, "k": k, "v": v}


@check(
    points=1,
    inputs=heads,
    lecture="attention",
    tolerance=OUTPUT,
    public=[
        case("equal scores: the bias alone decides", H=2, T=3, still=True),
        case("two heads, five tokens", H=2, T=5, D=4),
    ],
    hidden=[
        case("D = 64", H=4, T=9, D=64, scale=2.0),
        case("six heads, batch of two", B=2, H=6, T=7, D=8),
        case("twelve heads", H=12, T=6, D=10),
        case("one token", B=3, H=4, T=1, D=5),
        case("D = 1", H=3, T=8, D=1),
        case("a long row of equal scores", H=8, T=200, D=2, still=True),
    ],
    fresh=1,
    cites=["Causal attention with ALiBi", "The bias is added *after*", "each head lowers a score in proportion"],
)
def bias_is_added_after_the_scale(student, q, k, v):
    """Scores are divided by √D, then the bias is added, then comes the softmax over the keys."""
    return student.alibi_attention(q, k, v)


@check(
    points=1,
    inputs=heads,
    lecture="attention",
    tolerance=OUTPUT,
    public=[case("scores rise by 20 000 a position", H=2, T=4, D=4, loud=40_000.0)],
    hidden=[
        case("far louder", H=3, T=7, D=4, loud=1e7),
        case("two queries, six keys", H=2, T=2, S=6, D=9, loud=1e6),
        case("all but one", B=2, H=4, T=5, S=6, D=1, loud=3e5),
    ],
    cites=["A key in the future has weight exactly 0"],
)
def the_future_has_no_weight_at_all(student, q, k, v):
    """A later key has weight 0 however large its score is: its bias is -inf, not just some large negative number."""
    return student.alibi_attention(q, k, v)


def cache(rng, lengths, **shape):
    return {**heads(rng, **shape), "lengths": lengths}


@check(
    points=1,
    inputs=cache,
    lecture="queries-are-the-last-positions",
    tolerance=OUTPUT,
    public=[case("the newest token, and the last two", H=2, T=5, lengths=[1, 2])],
    hidden=[
        case("five heads", B=2, H=5, T=9, D=6, lengths=[1, 4, 8]),
        case("equal scores, three heads", H=3, T=33, D=2, still=True, lengths=[1, 32]),
        case("two tokens", H=8, T=2, D=3, lengths=[1]),
    ],
    cites=["One query and its cache"],
)
def a_cached_decode_continues_the_sequence(student, q, k, v, lengths):
    """The last tokens alone, with all keys and values from the cache, get what they get in the whole sequence."""
    return {f"last {n}": student.alibi_attention(q[:, :, -n:], k, v) for n in lengths}


@check(
    points=1,
    inputs=heads,
    lecture="attention",
    tolerance=OUTPUT64,
    public=[case("float64, two heads", H=2, T=3, D=2, dtype="float64")],
    hidden=[
        case("eight heads", H=8, T=6, D=16, dtype="float64"),
        case("scores beyond all numbers of float32", H=2, T=4, D=4, dtype="float64", loud=1e39),
        case("from a cache", B=2, H=4, T=2, S=5, D=3, dtype="float64"),
        case("one token: only the value gets a gradient", H=1, T=1, D=4, dtype="float64"),
    ],
    cites=[
        "in q's dtype",
        "Gradients flow to q, k and v",
        "Slopes are as exact as float32",
        "BLOOM's code computes",
        "Inputs may be views",
        "All of one dtype",
    ],
)
def gradients_reach_queries_keys_and_values(student, q, k, v):
    """In float64 the output is exact and float64, and so are the gradients of q, k and v."""
    leaves = {name: x.clone().requires_grad_() for name, x in (("q", q), ("k", k), ("v", v))}
    output = student.alibi_attention(*leaves.values())
    views = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # as layers split their heads
    return {
        "output": output,
        "of views": [student.alibi_attention(*views), student.alibi_attention(*views[:2], -views[2])],
        "float32 next": str(student.alibi_attention(q.float(), k.float(), v.float()).dtype),
        "left": flags(*views),
        **{f"{name}.grad": grad for name, grad in gradients(output, leaves).items()},
    }
