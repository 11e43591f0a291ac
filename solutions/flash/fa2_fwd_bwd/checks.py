"""Checks of flash/fa2_fwd_bwd: forwards for any blocks and masks, gradients by hand, one operation of autograd, and what is never in memory."""

import math

import torch

from autograder.checks import Budget, Tolerance, case, check, difference, flags, gradients, leaves, raises, reject
from autograder.lab.kernels import interpreted, launches


def sequences(rng, T, S, Br=2, Bc=3, B=1, H=2, G=1, D=4, dtype="float32", causal=False, window=None, loud=1.0, far=False):
    q, k, v = (rng.normal(B, heads, length, D, dtype=dtype) for heads, length in ((H, T), (G, S), (G, S)))
    if far:  # all scores of a row are below -10,000, which is no minus infinity
        q, k = q.abs() + 200, -k.abs() - 200
    return {"q": q * loud, "k": k, "v": v, "Br": Br, "Bc": Bc, "causal": causal, "window": window}


def heads_inside(x):
    """The same values as they come from a projection: (B, T, H, D) in memory, seen as (B, H, T, D)."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def with_gradient(rng, **rest):
    """q, k, v, what fa2_forward returns for them, and a gradient of the output. (Whole rows, in float64: inputs may be made in any way.)"""
    made = sequences(rng, **rest)
    q, k, v = (made[name].double() for name in "qkv")
    group, (T, S) = q.shape[1] // k.shape[1], (q.shape[2], k.shape[2])
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    ahead = torch.arange(S) - (torch.arange(T)[:, None] + S - T)
    hidden = torch.zeros(T, S, dtype=torch.bool)
    if made["causal"]:
        hidden |= ahead > 0
    if made["window"]:
        hidden |= ahead.abs() >= made["window"]
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(hidden, -math.inf)
    lse = s.logsumexp(-1)
    o = (s - lse.masked_fill(lse == -math.inf, 0.0)[..., None]).exp() @ v
    dtype = made["q"].dtype
    wide = torch.promote_types(dtype, torch.float32)
    return {**made, "o": o.to(dtype), "lse": lse.to(wide), "do": rng.normal(*o.shape, dtype=str(dtype).removeprefix("torch."))}


@check(
    points=2,
    inputs=sequences,
    lecture="queries-outside",
    public=[
        case("blocks that divide", T=4, S=6),
        case("blocks that do not divide, two groups", T=5, S=7, H=4, G=2),
    ],
    hidden=[
        case("one by one", T=6, S=5, Br=1, Bc=1, D=3),
        case("more rows than columns", T=11, S=10, Br=7, Bc=3, B=2, H=3, D=5, G=3),
        case("groups of three", T=10, S=11, Br=3, Bc=7, B=2, H=6, G=2, D=16),
        case("one query", T=1, S=9, Br=4, Bc=4, D=8),
        case("one key", T=9, S=1, Br=4, Bc=4, D=1),
        case("blocks larger than the sequences", T=5, S=8, Br=16, Bc=20, B=3),
        case("no queries", T=0, S=4),
        case("no keys", T=3, S=0),
        case("scores far below 0", T=4, S=7, D=2, far=True, dtype="float64"),
        case("many heads", T=20, S=33, Br=19, Bc=21, H=18, G=6, D=3),
    ],
    fresh=1,
    cites=["the last blocks are what is left", "need not be contiguous", "a result depends on the arguments", "query head h uses"],
)  # fmt: skip
def any_blocks_give_exact_attention(student, q, k, v, Br, Bc, causal, window):
    """The output and its log-sum-exp are exact, whatever the blocks and groups, for any layout in memory, and in every call anew."""
    q, k, v = heads_inside(q), heads_inside(k), heads_inside(v)
    first = student.fa2_forward(q, k, v, Br, Bc)
    second = student.fa2_forward(q * -0.5, k, v + 1, Br, Bc, causal=False)
    return {"first": first, "other values": second, "other blocks": student.fa2_forward(q, k, v, Br + 1, Bc + 2), "left": flags(q, k, v)}


@check(
    points=1,
    inputs=sequences,
    lecture="one-number-to-keep",
    public=[
        case("float32", T=4, S=7),
        case("float16, key by key", T=2, S=100, Br=2, Bc=1, H=1, D=6, dtype="float16"),
        case("float64, large scores", T=4, S=8, dtype="float64", loud=300.0),
    ],
    hidden=[
        case("float16, 400 keys one by one", T=4, S=400, Br=3, Bc=1, D=7, dtype="float16"),
        case("bfloat16, 300 keys", T=4, S=300, Br=3, Bc=2, D=7, dtype="bfloat16"),
        case("bfloat16, many keys in wide tiles", T=3, S=300, Br=3, Bc=50, H=1, dtype="bfloat16"),
        case("float64", T=5, S=9, D=5, dtype="float64"),
        case("float64, larger scores", T=6, S=12, Br=3, Bc=4, H=4, G=2, dtype="float64", loud=5000.0),
    ],
    cites=["is computed in that dtype", "It is rounded once at the end", "in float32 float64 for float64"],
)
def tiles_are_computed_in_full_precision(student, q, k, v, Br, Bc, causal, window):
    """Everything in between is float32 (or float64), lse is returned in it, and the output is rounded once, at the end."""
    o, lse = student.fa2_forward(q, k, v, Br, Bc)
    return {"o": o, "lse": lse}


@check(
    points=2,
    inputs=sequences,
    lecture="who-sees-whom",
    public=[
        case("causal", T=5, S=5, causal=True),
        case("causal, a window of two", T=6, S=6, Br=2, Bc=2, causal=True, window=2),
        case("a window of two to both sides", T=5, S=7, window=2),
    ],
    hidden=[
        case("the last two queries of six", T=2, S=6, Bc=4, causal=True),
        case("queries before the first key", T=6, S=3, Bc=2, causal=True, H=4, G=2),
        case("a window of itself", T=7, S=7, Br=3, Bc=2, causal=True, window=1),
        case("a window before the first key", T=8, S=4, Br=3, Bc=2, window=3),
        case("a window, fewer queries than keys", T=4, S=11, Br=3, Bc=2, causal=True, window=4, B=2, H=6, G=3),
        case("a window larger than all", T=5, S=6, causal=True, window=50),
        case("a window to both sides, long", T=40, S=44, Br=2, Bc=2, H=1, window=20),
        case("one by one", T=5, S=7, Br=1, Bc=1, causal=True, window=3),
        case("blocks larger than the sequences", T=6, S=8, Br=9, Bc=9, causal=True, window=3),
        case("float64", T=9, S=9, Br=4, Bc=2, causal=True, dtype="float64"),
    ],
    cites=["With causal it sees the keys", "With a window", "With both it sees what both allow", "A query that sees no key has o 0"],
)
def queries_see_what_they_may(student, q, k, v, Br, Bc, causal, window):
    """`causal` hides later keys, `window` hides far ones, both from the end of the sequences; a query that sees none has o = 0 and lse = -inf."""
    options = {"causal": True} if window is None else {"causal": causal, "window": window}  # defaults are left out
    return [student.fa2_forward(q, k, v, Br, Bc, **options), student.fa2_forward(q, k, v, Br, Bc, causal), student.fa2_forward(q, k, v, Br, Bc)]


@check(
    points=2,
    inputs=with_gradient,
    lecture="backwards",
    public=[
        case("one head", T=3, S=4, H=1, D=2),
        case("two heads, blocks that do not divide", T=5, S=7, H=2, G=2),
    ],
    hidden=[
        case("one by one", T=6, S=5, Br=1, Bc=1, D=3),
        case("more rows than columns", T=11, S=10, Br=7, Bc=3, B=2, H=3, D=5, G=3),
        case("one query", T=1, S=9, Br=4, Bc=4, D=8, B=2),
        case("one key", T=9, S=1, Br=4, Bc=4, D=1),
        case("blocks larger than the sequences", T=6, S=5, Br=16, Bc=20, B=3),
        case("float64, large scores", T=5, S=8, Br=3, dtype="float64", loud=300.0),
        case("float64", T=9, S=11, Br=4, D=6, dtype="float64", H=3, G=3, B=2),
        case("float16", T=30, S=20, Br=1, Bc=1, D=5, dtype="float16"),
        case("bfloat16", T=12, S=50, Br=3, Bc=2, D=5, dtype="bfloat16", G=2),
        case("no queries", T=0, S=4),
        case("no keys", T=3, S=0),
    ],
    fresh=1,
    cites=["p exp s lse the weights", "ds p dp", "dq ds k", "each rounded once at the end"],
)
def tiles_are_computed_anew(student, q, k, v, o, lse, do, Br, Bc, causal, window):
    """dq, dk and dv are exact for any blocks, in float32 (or float64) up to the end, from o and lse alone."""
    views = [heads_inside(x) for x in (q, k, v, o)]
    do, level = heads_inside(do), lse.mT.contiguous().mT
    first = student.fa2_backward(*views, level, do, Br, Bc)
    second = student.fa2_backward(q, k, v, o, lse, do * -2, Br + 1, Bc + 2)
    return {"first": first, "another gradient": second, "left": flags(*views, level, do)}


@check(
    points=1,
    inputs=with_gradient,
    lecture="backwards",
    public=[case("four heads in two groups", T=3, S=4, H=4, G=2)],
    hidden=[
        case("one group", T=5, S=4, H=5, G=1, B=2, D=3),
        case("three groups of two", T=7, S=6, H=6, G=3, B=2, D=5, dtype="float64"),
        case("a group for each head", T=4, S=5, H=3, G=3),
        case("two groups of nine", T=3, S=4, H=18, G=2, D=2),
    ],
    cites=["All query heads of a group add to dk and dv"],
)
def a_group_adds_up(student, q, k, v, o, lse, do, Br, Bc, causal, window):
    """The gradients of a key/value head are the sums over the query heads of its group."""
    return student.fa2_backward(q, k, v, o, lse, do, Br, Bc, causal=False, window=None)


@check(
    points=2,
    inputs=with_gradient,
    lecture="backwards",
    public=[
        case("causal", T=5, S=5, causal=True, Br=2, Bc=2),
        case("causal, a window of two", T=6, S=6, causal=True, window=2),
        case("queries before the first key", T=6, S=3, Bc=2, causal=True),
    ],
    hidden=[
        case("the last two queries of six", T=2, S=6, Bc=4, causal=True, B=2),
        case("a window to both sides", T=9, S=10, Br=4, Bc=2, window=3, H=4, G=2),
        case("keys that nobody sees", T=3, S=12, causal=True, window=2),
        case("a window before the first key", T=8, S=4, Br=3, window=2, causal=True),
        case("one by one", T=5, S=7, Br=1, Bc=1, causal=True, H=3, G=3),
        case("blocks larger than the sequences", T=6, S=8, Br=9, Bc=9, causal=True, window=3),
        case("float64", T=11, S=13, Br=4, Bc=5, causal=True, window=6, dtype="float64", H=6, G=2, D=3),
    ],
    cites=["a key that nobody sees has dk dv 0", "has dq 0 and adds nothing"],
)
def nothing_flows_where_nobody_looks(student, q, k, v, o, lse, do, Br, Bc, causal, window):
    """Gradients flow along pairs that see each other, and nowhere else; without any they are 0, not nan."""
    options = {"causal": True} if window is None else {"causal": causal, "window": window}
    masked = student.fa2_backward(q, k, v, o, lse, do, Br, Bc, **options)
    seen = lse.masked_fill(lse == -math.inf, 5.0)  # any number above the scores will do for other options
    return [masked, student.fa2_backward(q, k, v, o, seen, do, Br, Bc), student.fa2_backward(q, k, v, o, seen, do, Br, Bc, True, 1)]


def poisoned(rng, T, Br, Bc, nan, rows, causal=True, window=None):
    """The keys and values in `nan` are nan: the queries in `rows` have tiles without any of them."""
    made = with_gradient(rng, T=T, S=T, Br=Br, Bc=Bc, causal=causal, window=window, H=2, G=1)
    for name in ("k", "v"):
        made[name][..., nan[0] : nan[1], :] = torch.nan
    return {**made, "rows": rows}


@check(
    points=1,
    inputs=poisoned,
    lecture="who-sees-whom",
    public=[case("the second of two blocks, causal", T=8, Br=4, Bc=4, nan=[4, 8], rows=[0, 4])],
    hidden=[
        case("the first block, behind a window", T=12, Br=3, Bc=3, nan=[0, 3], rows=[6, 12], window=2),
        case("tiles of two queries and three keys", T=8, Br=2, Bc=3, nan=[6, 8], rows=[0, 6]),
        case("the last block, ahead of a window", T=14, Br=2, Bc=4, nan=[12, 14], rows=[0, 10], causal=False, window=2),
    ],
    cites=["A tile in which no query sees any key is skipped"],
)
def tiles_that_nobody_sees_are_skipped(student, q, k, v, o, lse, do, Br, Bc, causal, window, rows):
    """A tile in which no query sees any key is skipped in both directions: nan in it reaches nothing."""
    rows = slice(*rows)
    got, sums = student.fa2_forward(q, k, v, Br, Bc, causal, window)
    dq = student.fa2_backward(q, k, v, o, lse, do, Br, Bc, causal, window)[0]
    return {"o": got[:, :, rows], "lse": sums[:, :, rows], "dq": dq[:, :, rows]}


def judge_saved(seen, want):
    """No more is kept than q, k, v, o and lse."""
    if seen["kept"] > want["kept"]:
        return reject("From forward to backward {kept} elements are kept; q, k, v, o and lse have {enough}.", kept=seen["kept"], enough=want["kept"])
    return difference({**seen, "kept": 0}, {**want, "kept": 0})


@check(
    points=1,
    inputs=sequences,
    judge=judge_saved,
    lecture="one-operation-of-autograd",
    public=[case("five tokens", T=5, S=5, H=4, G=2, causal=True)],
    hidden=[
        case("a window", T=7, S=9, B=2, H=3, G=1, D=6, window=3, causal=True),
        case("neither", T=12, S=8, Br=4, Bc=5, D=2),
        case("float64, queries before the first key", T=6, S=4, H=6, G=2, causal=True, dtype="float64"),
    ],
    cites=["it keeps q k v o and lse", "get no gradient None", "may be a view of any kind"],
)
def both_passes_are_one_operation(student, q, k, v, Br, Bc, causal, window):
    """FA2.apply gives the output and its gradients, and keeps nothing but q, k, v, o and lse in between."""
    q, k, v = leaves(q, k, v)
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (sizes.append(x.numel()), x)[1], lambda x: x):
        o = student.FA2.apply(q, k, v, Br, Bc, causal, window)
    student.FA2.apply(q.detach(), k.detach(), v.detach(), Br + 1, Bc + 2, not causal, None)  # before the first one's backward pass
    seen = {"o": o, "kept": sum(sizes), "gradients": gradients(o, {"q": q, "k": k, "v": v})}
    seen["of a sum"] = torch.autograd.grad(student.FA2.apply(q, k, v, Br, Bc, causal, window).sum(), [q, k, v])  # an expanded gradient
    seen["of keys alone"] = torch.autograd.grad(student.FA2.apply(q.detach(), k, v.detach(), Br, Bc, causal, window).square().sum(), [k])
    return seen


def to_be_stretched(rng, T, S, Br, Bc, D=16):
    """64 rows of each: what ships stays small, and the experiment makes long sequences of them."""
    q, k, v = (rng.normal(1, 1, 64, D) for _ in range(3))
    return {"q": q, "k": k, "v": v, "T": T, "S": S, "Br": Br, "Bc": Bc}


def stretched(x, n):
    """n rows, the given ones over and over, each time a little larger."""
    times = -(-n // x.shape[-2])
    return torch.cat([x * (1 + each / times) for each in range(times)], -2)[..., :n, :]


# A matrix of scores has 35 MiB; a few tiles have 2.
@check(
    points=1,
    inputs=to_be_stretched,
    lecture="one-number-to-keep",
    budget=Budget(memory=5),
    public=[case("3000 queries and 3100 keys", T=3000, S=3100, Br=512, Bc=256)],
    hidden=[case("narrow tiles", T=3200, S=2900, Br=300, Bc=512)],
    cites=["Never hold more than a few tiles"],
)
def the_matrix_is_never_there(student, q, k, v, T, S, Br, Bc):
    """Neither forwards nor backwards are there more than a few tiles at a time, and never a T×S matrix."""
    q, k, v = leaves(stretched(q, T), stretched(k, S), stretched(v, S))
    o = student.FA2.apply(q, k, v, Br, Bc, False, None)
    o[..., ::37, :].sum().backward()
    return {"o": o.detach()[..., ::97, :].clone(), "dq": q.grad[..., ::111, :].clone(), "dv": v.grad[..., ::97, :].clone()}


@check(
    points=1,
    lecture="less-work-outside",
    public=[
        case("two queries, three keys", calls=[[2, 3, 4, 2]]),
        case("blocks of 64 and of 128", calls=[[1024, 1024, 64, 64], [1024, 1024, 64, 128]]),
    ],
    hidden=[
        case("blocks that do not divide", calls=[[10, 65, 128, 64], [65, 10, 32, 64], [7, 7, 7, 7]]),
        case("one key", calls=[[5, 1, 8, 16], [1, 1, 1, 1]]),
        case("no keys or no queries", calls=[[4, 0, 8, 2], [0, 4, 8, 2]]),
        case("long", calls=[[100000, 131072, 128, 128], [4096, 4097, 256, 48]]),
    ],
    cites=["Version 1 for each query", "Version 2 for each query", "Another version raises ValueError"],
)
def work_outside_of_products_is_counted(student, calls):
    """The operations outside of the matrix products are counted for both versions, the last block included."""
    counts = [[student.non_matmul_flops(*call, version) for version in (1, 2)] for call in calls]
    return {"counts": counts, "others": [raises("ValueError", lambda version=version: student.non_matmul_flops(*calls[0], version)) for version in (0, 3)]}


# --- the kernel in Triton ---


def kernel_inputs(rng, T, S, B=1, H=2, G=1, D=16, dtype=torch.float32, causal=False, scale=1.0):
    q, k, v = (rng.normal(B, heads, length, D).to(dtype) for heads, length in ((H, T), (G, S), (G, S)))
    if scale != 1.0:  # exact in float32, in whatever order it adds up: a rounded score of 300 changes its weight by more than the tolerance
        q, k = (q * scale).round(), (8 * k).round() / 8
    return {"q": q, "k": k, "v": v, "causal": causal}


# As in flash/fa1_tiled: right kernels differ by 6e-7 in float32 and by 1e-3 in float16; the smallest mistake by 2e-4 in float32.
KERNEL = {torch.float32: Tolerance(atol=1e-5, rtol=1e-4), torch.float16: Tolerance(atol=4e-3, rtol=4e-3)}


def judge_kernel(seen, want, inputs, reference):
    """What fa2_forward gives, from a kernel."""
    if not seen["launched"]:
        return reject("fa2_triton launches no kernel of Triton: what it returns was computed without one.")
    q, k, v, causal = (inputs[name] for name in ("q", "k", "v", "causal"))
    for name, values, masked in (("first", v, causal), ("of other values", -2 * v, causal), ("with the other mask", v, not causal)):
        o, lse = reference.fa2_forward(q, k, values, 64, 64, masked)
        wrong = difference(seen[name], [o, lse], KERNEL[o.dtype])
        if wrong:
            return wrong
    return difference(seen["left"], want["left"])


@check(
    points=2,
    bonus=True,
    needs="triton",
    inputs=kernel_inputs,
    judge=judge_kernel,
    lecture="a-kernel-in-triton",
    hidden=[
        case("lengths that no block divides, four heads in two groups", T=70, S=75, H=4, G=2),
        case("one query and one key, one feature", T=1, S=1, H=3, G=3, D=1),
        case("batch entries, three heads for one group", T=5, S=7, B=2, H=3, D=24),
        case("batch entries and groups", T=3, S=40, B=2, H=4, G=2, D=40),
        case("causal", T=66, S=66, causal=True),
        case("causal, fewer queries than keys", T=4, S=70, H=4, G=2, causal=True),
        case("causal, one more key than queries", T=64, S=65, H=1, causal=True),
        case("causal, queries before the first key", T=70, S=3, causal=True),
        case("scores of hundreds", T=3, S=100, scale=100.0),
        case("float16, causal", T=20, S=40, H=4, G=2, D=8, dtype=torch.float16, causal=True),
    ],
    cites=["from a kernel in Triton"],
)
def a_kernel_gives_both(student, q, k, v, causal):
    """Optional: fa2_triton gives exact attention and the log of the sum for grouped heads, from a kernel in Triton."""
    names = []
    with launches(names):
        given = interpreted(q), interpreted(k), interpreted(v)
        first = student.fa2_triton(*given, **({"causal": True} if causal else {}))  # False by default
    others = student.fa2_triton(*given[:2], -2 * given[2], causal)
    masked = student.fa2_triton(*given, causal=not causal)
    found = {"first": first, "of other values": others, "with the other mask": masked}
    return {name: [each.to(q.device) for each in both] for name, both in found.items()} | {"launched": names, "left": flags(*given)}


# --- on a GPU; the reference runs on the CPU ---


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=sequences,
    lecture="one-operation-of-autograd",
    tolerance=Tolerance(atol=1e-4, rtol=1e-3, why="a GPU adds up in another order"),
    hidden=[
        case("blocks that do not divide", T=100, S=130, Br=32, Bc=48, H=4, G=2, D=16),
        case("causal, with a window", T=65, S=65, Br=16, Bc=16, D=16, causal=True, window=20),
    ],
)
def tiles_stay_on_the_gpu(student, q, k, v, Br, Bc, causal, window):
    """On a GPU, both passes compute there and return their results there."""
    q, k, v = leaves(q, k, v)
    o = student.FA2.apply(q, k, v, Br, Bc, causal, window)
    grads = torch.autograd.grad(o.square().sum(), [q, k, v])
    return {"o": o.detach().cpu(), "gradients": [x.cpu() for x in grads], "same place": [x.device.type == q.device.type for x in (o, *grads)]}
