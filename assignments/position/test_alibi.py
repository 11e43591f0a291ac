"""Public checks of position/alibi: run `pytest` on this file, or `autograder check position/alibi`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, gradients


SLOPES = Tolerance(rtol=1e-6)


OUTPUT = Tolerance(atol=1e-5, rtol=1e-5)


OUTPUT64 = Tolerance(atol=1e-10, rtol=1e-10)


@check(points=1, lecture='a-slope-for-each-head', tolerance=SLOPES, public=[case('8 heads', H=8), case('4 heads', H=4)])
def slopes_fall_geometrically_to_one_256th(student, H):
    """For a power of two, the slopes are 2^(-8/H), 2^(-16/H), …, 2^(-8)."""
    slopes = student.alibi_slopes(H)
    first = slopes.clone()
    slopes.zero_()  # those of this call only
    return {"slopes": first, "once more": student.alibi_slopes(H)}


@check(points=1, lecture='numbers-of-heads-that-are-no-power-of-two', tolerance=SLOPES, public=[case('12 heads', H=12), case('3 heads', H=3)])
def other_head_counts_take_every_other_slope(student, H):
    """For other numbers, the slopes of the power of two below come first, then every other slope of the one above."""
    slopes = student.alibi_slopes(H)
    first = slopes.clone()
    slopes.zero_()  # those of this call only
    return {"slopes": first, "once more": student.alibi_slopes(H)}


@check(points=1, lecture='a-line-for-each-head', public=[case('one head, three tokens', H=1, T=3, S=3), case('two heads, four tokens', H=2, T=4, S=4)])
def bias_falls_with_distance_and_hides_the_future(student, H, T, S):
    """A key d positions back gets -slope · d, the query's own position 0, and a later one -inf."""
    bias = student.alibi_bias(H, T, S)
    first = bias.clone()
    bias.zero_()  # that of this call only
    return {"bias": first, "once more": student.alibi_bias(H, T, S), "one head more": student.alibi_bias(H + 1, T, S)}


@check(points=1, lecture='queries-are-the-last-positions', public=[case('one query, four keys', H=2, T=1, S=4)])
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


@check(points=1, inputs=heads, lecture='attention', tolerance=OUTPUT, public=[case('equal scores: the bias alone decides', H=2, T=3, still=True), case('two heads, five tokens', H=2, T=5, D=4)])
def bias_is_added_after_the_scale(student, q, k, v):
    """Scores are divided by √D, then the bias is added, then comes the softmax over the keys."""
    return student.alibi_attention(q, k, v)


@check(points=1, inputs=heads, lecture='attention', tolerance=OUTPUT, public=[case('scores rise by 20 000 a position', H=2, T=4, D=4, loud=40000.0)])
def the_future_has_no_weight_at_all(student, q, k, v):
    """A later key has weight 0 however large its score is: its bias is -inf, not just some large negative number."""
    return student.alibi_attention(q, k, v)


def cache(rng, lengths, **shape):
    return {**heads(rng, **shape), "lengths": lengths}


@check(points=1, inputs=cache, lecture='queries-are-the-last-positions', tolerance=OUTPUT, public=[case('the newest token, and the last two', H=2, T=5, lengths=[1, 2])])
def a_cached_decode_continues_the_sequence(student, q, k, v, lengths):
    """The last tokens alone, with all keys and values from the cache, get what they get in the whole sequence."""
    return {f"last {n}": student.alibi_attention(q[:, :, -n:], k, v) for n in lengths}


@check(points=1, inputs=heads, lecture='attention', tolerance=OUTPUT64, public=[case('float64, two heads', H=2, T=3, D=2, dtype='float64')])
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
