"""Checks of flash/flash_decoding: parts by themselves, merging without overflow, in any order, empty parts, and how many there should be."""

import math

import torch

from autograder.checks import Budget, Tolerance, case, check, difference, flags, raises, reject
from autograder.lab.kernels import interpreted, launches


def parts(rng, bounds, B=1, H=2, D=4, dtype="float32", loud=1.0):
    S = bounds[-1]
    q, k, v = (rng.normal(B, H, length, D, dtype=dtype) for length in (1, S, S))
    return {"q": q * loud, "k": k, "v": v, "bounds": bounds}


@check(
    points=1,
    inputs=parts,
    lecture="each-part-by-itself",
    public=[
        case("two parts", bounds=[0, 3, 5]),
        case("float64", bounds=[0, 1, 2, 7], dtype="float64"),
        case("float16, converted first", bounds=[0, 3, 5], dtype="float16"),
        case("bfloat16, converted first", bounds=[0, 3, 5], dtype="bfloat16"),
    ],
    hidden=[
        case("one part", bounds=[0, 6], B=2, H=3, D=5),
        case("a part for each key", bounds=[0, 1, 2, 3, 4], B=3, H=1, D=1),
        case("parts of other lengths", bounds=[0, 9, 10, 17, 40], B=2, H=5, D=8),
        case("float16, many keys", bounds=[0, 150, 400], D=6, dtype="float16"),
        case("bfloat16", bounds=[0, 70, 80], B=2, H=3, dtype="bfloat16"),
        case("large scores, float64", bounds=[0, 4, 11], dtype="float64", loud=2000.0),
        case("twenty parts", bounds=list(range(0, 42, 2)), H=1, D=3),
    ],
    fresh=1,
    cites=["over the keys of the part alone", "Both are computed and returned in float32", "with the scores that the softmax takes", "may be views"],
)  # fmt: skip
def each_part_attends_by_itself(student, q, k, v, bounds):
    """Each part gives attention over its own keys and the log-sum-exp of its scaled scores, in float32 or float64."""
    views = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # as caches keep them
    first = student.split_kv_attention(*views, bounds)
    return {"first": first, "other values": student.split_kv_attention(-q, k, v + 1, bounds), "left": flags(*views)}


@check(
    points=1,
    inputs=parts,
    lecture="each-part-by-itself",
    public=[case("an empty part in the middle", bounds=[0, 2, 2, 5])],
    hidden=[
        case("empty parts at both ends", bounds=[0, 0, 4, 4], B=2, H=3),
        case("several", bounds=[0, 0, 0, 1, 1, 6, 6, 6], D=3),
        case("no keys at all", bounds=[0, 0, 0], B=2),
    ],
    cites=["An empty part has o 0", "Other bounds raise ValueError"],
)
def parts_may_be_empty(student, q, k, v, bounds):
    """An empty part has o = 0 and lse = -inf; bounds that do not rise from 0 to S raise ValueError."""
    S = bounds[-1]
    wrong = [[0], [], [0, S + 1], [1, S + 1], [0, S + 2, S], [0, 0, S - 1], [-1, S], [0, 1 + S, 0, S]]
    return {"parts": student.split_kv_attention(q, k, v, bounds),
            "wrong bounds": [raises("ValueError", lambda bad=bad: student.split_kv_attention(q, k, v, bad)) for bad in wrong]}  # fmt: skip


def long_parts(rng, n, length, H=8, D=64, dtype="float16"):
    """A few numbers: what ships stays small, and the experiment makes n · length keys of them."""
    return {"q": rng.normal(1, H, 1, D, dtype=dtype), "few": rng.normal(2, 96, dtype=dtype), "n": n, "length": length}


# Keys and values in float32 have 32 MiB each; those of one part have 1.
@check(
    points=1,
    inputs=long_parts,
    lecture="each-part-by-itself",
    budget=Budget(memory=4),
    public=[case("32 parts of 512 keys, float16", n=32, length=512)],
    hidden=[case("40 parts of 450 keys, bfloat16", n=40, length=450, dtype="bfloat16"), case("fewer heads, longer parts", n=40, length=1500, H=2, D=80)],
    cites=["One part of k and v is converted at a time"],
)
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


@check(
    points=1,
    inputs=parts,
    lecture="merging",
    public=[
        case("two parts", bounds=[0, 3, 5]),
        case("three parts, one of them empty", bounds=[0, 4, 4, 7], B=2, H=3),
        case("float64, large scores", bounds=[0, 2, 9], dtype="float64", loud=400.0),
    ],
    hidden=[
        case("one part", bounds=[0, 6], D=5),
        case("a part for each key", bounds=list(range(8)), B=3, H=1, D=2),
        case("very different lengths", bounds=[0, 1, 60], B=2, H=5, D=8, loud=3.0),
        case("float64", bounds=[0, 9, 10, 17, 40], H=3, D=6, dtype="float64"),
        case("float64, scores of thousands", bounds=[0, 3, 5, 12], dtype="float64", loud=5000.0),
        case("thirty parts", bounds=list(range(0, 62, 2)), H=1, loud=4.0),
    ],
    fresh=1,
    cites=["Part p gets the weight exp lse_p", "Merge the results of n 1 parts"],
)
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


@check(
    points=1,
    inputs=results,
    lecture="merging",
    public=[
        case("around 200, float16", around=200.0, dtype="float16"),
        case("around -300", around=-300.0),
        case("heads far apart", n=3, spread=400.0, shape=(4, 1)),
    ],
    hidden=[
        case("around 200, bfloat16", n=5, around=200.0, dtype="bfloat16", D=6),
        case("far apart", n=4, spread=400.0, shape=(3, 2, 1)),
        case("around 5000, float64", n=6, around=5000.0, dtype="float64", shape=(2,)),
        case("around -1000, float16", n=3, around=-1000.0, dtype="float16", D=3),
        case("two hundred parts in float16", n=200, shape=(1, 2), dtype="float16"),
        case("outputs that cancel, float16", n=4, shape=(3, 2), spread=0.2, dtype="float16", cancel=True),
        case("outputs that cancel, bfloat16", n=6, shape=(5,), spread=0.5, dtype="bfloat16", cancel=True),
        case("many parts in float64", n=50, shape=(3, 1), dtype="float64", spread=0.1),
        case("no dimension in between", n=2, shape=(), D=5),
    ],
    cites=["their exponentials do not overflow", "Both are computed in float32 at least", "in the dtype of o and of lse", "of any dimensions in between"],
)  # fmt: skip
def exponentials_do_not_overflow(student, o, lse):
    """Large and small log-sum-exps merge without overflow, in float32 at least, and results keep their dtype."""
    views = [x.transpose(0, -1).contiguous().transpose(0, -1) for x in (o, lse)]
    return {"merged": student.combine(*views), "louder": student.combine(o * 2, lse + 8), "left": flags(*views)}


@check(
    points=1,
    inputs=seen_as,
    lecture="parts-without-a-say",
    public=[
        case("a part without keys, nan in its output", silent=[1], nan=True),
        case("where is nan?", silent=[1], nan=True, ask="where is nan"),
        case("none has any", n=2, silent=[0, 1]),
    ],
    hidden=[
        case("nan in its output", n=4, silent=[0, 2], nan=True),
        case("infinities in its output", n=4, silent=[1, 3], nan="inf", dtype="float64"),
        case("only the last has keys", n=5, silent=[0, 1, 2, 3], nan=True, shape=(2, 3, 1)),
        case("one part, without keys", n=1, silent=[0], nan=True, shape=(2,)),
        case("all, in float16", n=3, silent=[0, 1, 2], nan=True, dtype="float16", D=3),
        case("far below zero", n=3, silent=[1], around=-400.0, dtype="float64", nan=True),
    ],
    cites=["have no weight what stands in their o", "Where all parts have inf o is 0"],
)
def parts_without_keys_have_no_say(student, o, lse, ask):
    """Parts with lse = -inf change nothing, not even with nan in their output; where all are so, o is 0 and lse is -inf."""
    merged, tree = student.combine(o, lse), student.tree_combine(o, lse)
    if ask == "where is nan":
        return {"nan in merged o": merged[0].isnan(), "nan in a tree's o": tree[0].isnan(), "lse": [merged[1], tree[1]]}
    return {"merged": merged, "in a tree": tree}


@check(
    points=1,
    inputs=results,
    lecture="in-any-order",
    public=[case("three parts", n=3), case("eight parts", n=8, shape=(1,)), case("a part alone", n=1, D=2)],
    hidden=[
        case("one part", n=1, shape=(3, 1)),
        case("two parts", n=2, D=3),
        case("two parts that cancel, bfloat16", n=2, shape=(4, 3), spread=0.5, dtype="bfloat16", cancel=True),
        case("two parts that cancel, float16", n=2, shape=(5,), spread=0.2, dtype="float16", cancel=True),
        case("five parts", n=5, shape=(2, 3, 1), spread=20.0),
        case("nine parts, float64", n=9, dtype="float64", around=900.0),
        case("seventeen parts", n=17, shape=(), D=2),
        case("thirty-three parts", n=33, shape=(2,), D=1),
        case("six parts, two of them empty", n=6, silent=[4, 5]),
    ],
    fresh=1,
    cites=["Merged results can be merged again", "So n parts need", "a last one without a partner", "two at a time in rounds", "The result shares no memory"],
)
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


@check(
    points=1,
    lecture="how-many-parts",
    public=[
        case("48 heads on an A100", calls=[[1, 48, 108, 8192], [8, 32, 108, 8192]]),
        case("eight heads, longer and longer", calls=[[1, 8, 108, 100], [1, 8, 108, 1000], [1, 8, 108, 8192], [1, 8, 108, 131072]]),
    ],
    hidden=[
        case("an H100", calls=[[1, 8, 132, 65536], [2, 8, 132, 65536], [4, 8, 132, 65536], [1, 40, 132, 5000], [3, 7, 132, 9999]]),
        case("exactly busy enough", calls=[[1, 80, 100, 5000], [1, 79, 100, 5000], [20, 4, 100, 5000]]),
        case("one block, two blocks", calls=[[1, 1, 108, 1], [1, 1, 108, 128], [1, 1, 108, 129], [1, 1, 108, 257]]),
        case("one head", calls=[[1, 1, 108, 10**6], [1, 1, 200, 10**6], [1, 1, 7, 10**6], [1, 3, 1000, 10**6]]),
        case("other blocks", calls=[[1, 4, 132, 65536, 64], [1, 4, 132, 65536, 256], [1, 5, 108, 1000, 1], [2, 9, 108, 4097, 1000]]),
        case("more blocks than multiprocessors", calls=[[1, 2, 5, 1536], [1, 5, 9, 2048]]),
        case("one multiprocessor", calls=[[1, 1, 1, 5000], [1, 1, 2, 5000]]),
    ],
    cites=["the GPU is busy enough 1", "least of 128 n_sm and the number of blocks", "is left out where the longest part", "smallest candidate whose efficiency"],
)  # fmt: skip
def parts_fill_the_gpu(student, calls):
    """As many parts as fill the GPU well, no more than there are blocks, and none that leaves the longest part as long as before."""
    return [student.choose_splits(*call) for call in calls] + [student.choose_splits(*call[:4], 37) for call in calls]


# --- the kernel in Triton ---


def kernel_inputs(rng, S, n, B=1, H=2, D=16, dtype=torch.float32, scale=1.0, below=0.0):
    """`below`: what is taken off all scores. Where scores are large, float32 has them exactly, in whatever order they are added up:
    what a rounded score of 300 changes in its weight is more than a tolerance that a wrong kernel would miss."""
    q, k, v = (rng.normal(B, H, length, D).to(dtype) for length in (1, S, S))
    if scale != 1.0 or below:
        q, k = q.sign() if below else (q * scale).round(), (8 * k).round() / 8
        k = k - below / math.sqrt(D) * q
    return {"q": q, "k": k, "v": v, "n": n}


def judge_kernel(seen, want, inputs, reference):
    """What split_kv_attention gives, from one launch of a kernel, and so that they can be merged."""
    if not seen["launched"]:
        return reject("decode_triton launches no kernel of Triton: what it returns was computed without one.")
    if len(seen["launched"]) > 1:
        return reject("decode_triton launches {n} kernels. One launch has a program for each part of each head.", n=len(seen["launched"]))
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    S, n = k.shape[2], inputs["n"]
    bounds = [min(S, p * math.ceil(S / n)) for p in range(n + 1)]
    for name, values in (("parts", v), ("of other values", -2 * v)):
        wrong = difference(seen[name], list(reference.split_kv_attention(q, k, values, bounds)), Tolerance(atol=1e-5, rtol=1e-4))
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
        case("three parts of 100 keys", S=100, n=3),
        case("one part", S=70, n=1, H=3),
        case("batch entries, 24 features", S=41, n=4, B=2, H=3, D=24),
        case("one key, one feature", S=1, n=1, D=1),
        case("more parts than keys", S=3, n=5, D=8),
        case("eighteen parts", S=40, n=18, H=1, D=8),
        case("a last part without keys", S=9, n=4, D=8, B=2),
        case("scores of hundreds", S=90, n=2, scale=100.0),
        case("scores around -200", S=60, n=2, below=200.0),
        case("float16", S=77, n=3, D=32, dtype=torch.float16),
    ],
    cites=["from one launch of a kernel in Triton", "Each part has S n keys"],
)
def a_kernel_does_every_part(student, q, k, v, n):
    """Optional: decode_triton gives each part's output and log of the sum from one launch of a kernel in Triton."""
    names = []
    with launches(names):
        given = interpreted(q), interpreted(k), interpreted(v)
        o, lse = student.decode_triton(*given, n)
    others = student.decode_triton(*given[:2], -2 * given[2], n)
    return {
        "parts": [o.to(q.device), lse.to(q.device)],
        "of other values": [each.to(q.device) for each in others],
        "launched": names,
        "left": flags(*given),
    }


# --- on a GPU; the reference runs on the CPU, its kernel interpreted ---


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=parts,
    lecture="each-part-by-itself",
    tolerance=Tolerance(atol=1e-4, rtol=1e-3, why="a GPU adds up in another order"),
    hidden=[
        case("parts of other lengths", bounds=[0, 200, 201, 500], B=2, H=4, D=32),
        case("an empty part", bounds=[0, 40, 40, 90], H=3, D=16),
    ],
)
def parts_stay_on_the_gpu(student, q, k, v, bounds):
    """On a GPU, parts are computed and merged there, and returned there."""
    o, lse = student.split_kv_attention(q, k, v, bounds)
    found = {"o": o, "lse": lse, "merged": student.combine(o, lse), "as a tree": student.tree_combine(o, lse)}
    tensors = [o, lse, *found["merged"], *found["as a tree"][:2]]
    return {name: _on_the_cpu(each) for name, each in found.items()} | {"same place": [each.device.type == q.device.type for each in tensors]}


def _on_the_cpu(value):
    if isinstance(value, torch.Tensor):
        return value.cpu()
    return [_on_the_cpu(each) for each in value] if isinstance(value, tuple | list) else value


@check(
    points=1,
    bonus=True,
    device="cuda",
    needs="triton",
    inputs=kernel_inputs,
    judge=judge_kernel,
    lecture="a-kernel-in-triton",
    hidden=[
        case("900 keys in sixteen parts", S=900, n=16, D=64),
        case("float16, 500 keys in seven parts", S=500, n=7, D=64, dtype=torch.float16),
        case("lengths that nothing divides", S=333, n=5, H=3, D=40),
    ],
)
def a_compiled_kernel_does_every_part(student, q, k, v, n):
    """Optional: on a GPU, the compiled kernel gives each part's output and log of the sum from one launch."""
    names = []
    with launches(names):
        o, lse = student.decode_triton(q, k, v, n)
    others = student.decode_triton(q, k, -2 * v, n)
    return {"parts": [o.cpu(), lse.cpu()], "of other values": [each.cpu() for each in others], "launched": names, "left": flags(q, k, v)}
