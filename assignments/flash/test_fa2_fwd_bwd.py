"""Public checks of flash/fa2_fwd_bwd: run `pytest` on this file, or `autograder check flash/fa2_fwd_bwd`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from autograder.checks import Budget, case, check, difference, flags, gradients, leaves, raises, reject


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


@check(points=2, inputs=sequences, lecture='queries-outside', public=[case('blocks that divide', T=4, S=6), case('blocks that do not divide, two groups', T=5, S=7, H=4, G=2)])
def any_blocks_give_exact_attention(student, q, k, v, Br, Bc, causal, window):
    """The output and its log-sum-exp are exact, whatever the blocks and groups, for any layout in memory, and in every call anew."""
    q, k, v = heads_inside(q), heads_inside(k), heads_inside(v)
    first = student.fa2_forward(q, k, v, Br, Bc)
    second = student.fa2_forward(q * -0.5, k, v + 1, Br, Bc, causal=False)
    return {"first": first, "other values": second, "other blocks": student.fa2_forward(q, k, v, Br + 1, Bc + 2), "left": flags(q, k, v)}


@check(points=1, inputs=sequences, lecture='one-number-to-keep', public=[case('float32', T=4, S=7), case('float16, key by key', T=2, S=100, Br=2, Bc=1, H=1, D=6, dtype='float16'), case('float64, large scores', T=4, S=8, dtype='float64', loud=300.0)])
def tiles_are_computed_in_full_precision(student, q, k, v, Br, Bc, causal, window):
    """Everything in between is float32 (or float64), lse is returned in it, and the output is rounded once, at the end."""
    o, lse = student.fa2_forward(q, k, v, Br, Bc)
    return {"o": o, "lse": lse}


@check(points=2, inputs=sequences, lecture='who-sees-whom', public=[case('causal', T=5, S=5, causal=True), case('causal, a window of two', T=6, S=6, Br=2, Bc=2, causal=True, window=2), case('a window of two to both sides', T=5, S=7, window=2)])
def queries_see_what_they_may(student, q, k, v, Br, Bc, causal, window):
    """`causal` hides later keys, `window` hides far ones, both from the end of the sequences; a query that sees none has o = 0 and lse = -inf."""
    options = {"causal": True} if window is None else {"causal": causal, "window": window}  # defaults are left out
    return [student.fa2_forward(q, k, v, Br, Bc, **options), student.fa2_forward(q, k, v, Br, Bc, causal), student.fa2_forward(q, k, v, Br, Bc)]


@check(points=2, inputs=with_gradient, lecture='backwards', public=[case('one head', T=3, S=4, H=1, D=2), case('two heads, blocks that do not divide', T=5, S=7, H=2, G=2)])
def tiles_are_computed_anew(student, q, k, v, o, lse, do, Br, Bc, causal, window):
    """dq, dk and dv are exact for any blocks, in float32 (or float64) up to the end, from o and lse alone."""
    views = [heads_inside(x) for x in (q, k, v, o)]
    do, level = heads_inside(do), lse.mT.contiguous().mT
    first = student.fa2_backward(*views, level, do, Br, Bc)
    second = student.fa2_backward(q, k, v, o, lse, do * -2, Br + 1, Bc + 2)
    return {"first": first, "another gradient": second, "left": flags(*views, level, do)}


@check(points=1, inputs=with_gradient, lecture='backwards', public=[case('four heads in two groups', T=3, S=4, H=4, G=2)])
def a_group_adds_up(student, q, k, v, o, lse, do, Br, Bc, causal, window):
    """The gradients of a key/value head are the sums over the query heads of its group."""
    return student.fa2_backward(q, k, v, o, lse, do, Br, Bc, causal=False, window=None)


@check(points=2, inputs=with_gradient, lecture='backwards', public=[case('causal', T=5, S=5, causal=True, Br=2, Bc=2), case('causal, a window of two', T=6, S=6, causal=True, window=2), case('queries before the first key', T=6, S=3, Bc=2, causal=True)])
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


@check(points=1, inputs=poisoned, lecture='who-sees-whom', public=[case('the second of two blocks, causal', T=8, Br=4, Bc=4, nan=[4, 8], rows=[0, 4])])
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


@check(points=1, inputs=sequences, judge=judge_saved, lecture='one-operation-of-autograd', public=[case('five tokens', T=5, S=5, H=4, G=2, causal=True)])
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


@check(points=1, inputs=to_be_stretched, lecture='one-number-to-keep', budget=Budget(memory=5), public=[case('3000 queries and 3100 keys', T=3000, S=3100, Br=512, Bc=256)])
def the_matrix_is_never_there(student, q, k, v, T, S, Br, Bc):
    """Neither forwards nor backwards are there more than a few tiles at a time, and never a T×S matrix."""
    q, k, v = leaves(stretched(q, T), stretched(k, S), stretched(v, S))
    o = student.FA2.apply(q, k, v, Br, Bc, False, None)
    o[..., ::37, :].sum().backward()
    return {"o": o.detach()[..., ::97, :].clone(), "dq": q.grad[..., ::111, :].clone(), "dv": v.grad[..., ::97, :].clone()}


@check(points=1, lecture='less-work-outside', public=[case('two queries, three keys', calls=[[2, 3, 4, 2]]), case('blocks of 64 and of 128', calls=[[1024, 1024, 64, 64], [1024, 1024, 64, 128]])])
def work_outside_of_products_is_counted(student, calls):
    """The operations outside of the matrix products are counted for both versions, the last block included."""
    counts = [[student.non_matmul_flops(*call, version) for version in (1, 2)] for call in calls]
    return {"counts": counts, "others": [raises("ValueError", lambda version=version: student.non_matmul_flops(*calls[0], version)) for version in (0, 3)]}
