"""Public checks of flash/flash_decoding: run `pytest` on this file, or `autograder check flash/flash_decoding`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from autograder.checks import Budget, case, check, flags, raises


def parts(rng, bounds, B=1, H=2, D=4, dtype="float32", loud=1.0):
    S = bounds[-1]
    q, k, v = (rng.normal(B, H, length, D, dtype=dtype) for length in (1, S, S))
    return {"q": q * loud, "k": k, "v": v, "bounds": bounds}


@check(points=1, inputs=parts, lecture='each-part-by-itself', public=[case('two parts', bounds=[0, 3, 5]), case('float64', bounds=[0, 1, 2, 7], dtype='float64'), case('float16, converted first', bounds=[0, 3, 5], dtype='float16'), case('bfloat16, converted first', bounds=[0, 3, 5], dtype='bfloat16')])
def each_part_attends_by_itself(student, q, k, v, bounds):
    """Each part gives attention over its own keys and the log-sum-exp of its scaled scores, in float32 or float64."""
    views = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # as caches keep them
    first = student.split_kv_attention(*views, bounds)
    return {"first": first, "other values": student.split_kv_attention(-q, k, v + 1, bounds), "left": flags(*views)}


@check(points=1, inputs=parts, lecture='each-part-by-itself', public=[case('an empty part in the middle', bounds=[0, 2, 2, 5])])
def parts_may_be_empty(student, q, k, v, bounds):
    """An empty part has o = 0 and lse = -inf; bounds that do not rise from 0 to S raise ValueError."""
    S = bounds[-1]
    wrong = [[0], [], [0, S + 1], [1, S + 1], [0, S + 2, S], [0, 0, S - 1], [-1, S], [0, 1 + S, 0, S]]
    return {"parts": student.split_kv_attention(q, k, v, bounds),
            "wrong bounds": [raises("ValueError", lambda bad=bad: student.split_kv_attention(q, k, v, bad)) for bad in wrong]}


def long_parts(rng, n, length, H=8, D=64, dtype="float16"):
    """A few numbers: what ships stays small, and the experiment makes n · length keys of them."""
    return {"q": rng.normal(1, H, 1, D, dtype=dtype), "few": rng.normal(2, 96, dtype=dtype), "n": n, "length": length}


@check(points=1, inputs=long_parts, lecture='each-part-by-itself', budget=Budget(memory=4), public=[case('32 parts of 512 keys, float16', n=32, length=512)])
def parts_are_converted_one_at_a_time(student, q, few, n, length):
    """Keys and values in half precision are converted part by part: never is all of a long cache there in float32."""
    (_, H, _, D), S = q.shape, n * length
    caches = []
    for numbers in few:
        times = -(-(8 * S + D) // 96)
        long = torch.cat([numbers * (1 + each / times) for each in range(times)])
        # Each key begins eight numbers behind the one before, for all heads: a long cache as a view of few numbers.
        caches.append(long.unfold(0, D, 8)[:S].expand(1, H, S, D))
    o, lse = student.split_kv_attention(q, *caches, list(range(0, S + 1, length)))
    return {"o": o[::5, ..., ::7].clone(), "lse": lse.clone()}


@check(points=1, inputs=parts, lecture='merging', public=[case('two parts', bounds=[0, 3, 5]), case('three parts, one of them empty', bounds=[0, 4, 4, 7], B=2, H=3), case('float64, large scores', bounds=[0, 2, 9], dtype='float64', loud=400.0)])
def parts_merge_into_the_whole(student, q, k, v, bounds):
    """Merged parts are attention over all keys, with its log-sum-exp, however they were cut."""
    S = bounds[-1]
    merged = student.combine(*student.split_kv_attention(q, k, v, bounds))
    again = student.combine(*student.split_kv_attention(q, k, v, [0, S // 3, S]))
    return {"merged": merged, "cut otherwise": again, "whole": student.split_kv_attention(q, k, v, [0, S])}


def results(rng, n=3, shape=(2, 1), D=4, dtype="float32", around=0.0, spread=1.0, silent=(), nan=False, cancel=False):
    """Results of parts as numbers of their own; those in `silent` have lse = -inf. `cancel`: outputs nearly cancel, so that a rounded weight shows."""
    o, lse = rng.normal(n, *shape, D, dtype=dtype), rng.normal(n, *shape, dtype=dtype, scale=spread) + around
    if cancel:
        o *= 64
        o[1::2] = -o[: n // 2 * 2 : 2]
    for part in silent:
        lse[part] = -math.inf
        o[part] = math.inf if nan == "inf" else math.nan if nan else 0.0
    return {"o": o, "lse": lse}


def seen_as(rng, ask="values", **options):
    return results(rng, **options) | {"ask": ask}


@check(points=1, inputs=results, lecture='merging', public=[case('around 200, float16', around=200.0, dtype='float16'), case('around -300', around=-300.0), case('heads far apart', n=3, spread=400.0, shape=(4, 1))])
def exponentials_do_not_overflow(student, o, lse):
    """Large and small log-sum-exps merge without overflow, in float32 at least, and results keep their dtype."""
    views = [x.transpose(0, -1).contiguous().transpose(0, -1) for x in (o, lse)]
    return {"merged": student.combine(*views), "louder": student.combine(o * 2, lse + 8), "left": flags(*views)}


@check(points=1, inputs=seen_as, lecture='parts-without-a-say', public=[case('a part without keys, nan in its output', silent=[1], nan=True), case('where is nan?', silent=[1], nan=True, ask='where is nan'), case('none has any', n=2, silent=[0, 1])])
def parts_without_keys_have_no_say(student, o, lse, ask):
    """Parts with lse = -inf change nothing, not even with nan in their output; where all are so, o is 0 and lse is -inf."""
    merged, tree = student.combine(o, lse), student.tree_combine(o, lse)
    if ask == "where is nan":
        return {"nan in merged o": merged[0].isnan(), "nan in a tree's o": tree[0].isnan(), "lse": [merged[1], tree[1]]}
    return {"merged": merged, "in a tree": tree}


@check(points=1, inputs=results, lecture='in-any-order', public=[case('three parts', n=3), case('eight parts', n=8, shape=(1,)), case('a part alone', n=1, D=2)])
def order_and_grouping_do_not_matter(student, o, lse):
    """A tree of merges gives the same in ⌈log2 n⌉ rounds, and so do other orders and groupings."""
    cut = (len(o) + 1) // 2
    halves = [student.combine(o[:cut], lse[:cut]), student.combine(o[-cut:], lse[-cut:])]
    backwards = student.combine(o.flip(0), lse.flip(0))
    nested = student.combine(torch.stack([h[0] for h in halves]), torch.stack([h[1] for h in halves]))
    views = [x.transpose(0, -1).contiguous().transpose(0, -1) for x in (o, lse)]
    tree, other = student.tree_combine(o, lse), student.tree_combine(views[0] * 2, views[1])
    tree[0].add_(1)  # the caller's own: o stays
    return {"tree": tree, "views": other, "again": student.tree_combine(*views), "backwards": backwards, "nested": nested, "o": o, "left": flags(o, lse, *views)}


@check(points=1, lecture='how-many-parts', public=[case('48 heads on an A100', calls=[[1, 48, 108, 8192], [8, 32, 108, 8192]]), case('eight heads, longer and longer', calls=[[1, 8, 108, 100], [1, 8, 108, 1000], [1, 8, 108, 8192], [1, 8, 108, 131072]])])
def parts_fill_the_gpu(student, calls):
    """As many parts as fill the GPU well, no more than there are blocks, and none that leaves the longest part as long as before."""
    return [student.choose_splits(*call) for call in calls] + [student.choose_splits(*call[:4], 37) for call in calls]
