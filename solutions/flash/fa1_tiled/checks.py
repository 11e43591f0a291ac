"""Checks of the tiled forward pass: exact for ragged blocks, rescaled, in float32, causal, small in memory."""

import math

import torch

from autograder.checks import Budget, Tolerance, case, check, difference, flags, raises, reject
from autograder.lab.kernels import interpreted, launches


def sequences(rng, T, S, Br, Bc, B=1, H=2, D=4, dtype=torch.float32, causal=False, cancel=False):
    """Random q, k, v. `cancel`: values in pairs of opposite sign with nearly the same weights, so that a rounded weight shows."""
    q, k, v = (rng.normal(B, H, length, D, dtype=dtype) for length in (T, S, S))
    if cancel:
        q, v = q * 0.01, v * 64
        v[..., 1::2, :] = -v[..., : S // 2 * 2 : 2, :]
    return {"q": q, "k": k, "v": v, "Br": Br, "Bc": Bc, "causal": causal}


def heads_inside(x):
    """The same values as they come from a projection: (B, T, H, D) in memory, seen as (B, H, T, D)."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def settings():
    """What a call has to leave as it was."""
    return [str(torch.get_default_dtype()), torch.is_grad_enabled(), torch.rand(2)]


# Largest error of right answers (reference, FA2, float64 and whole-row versions against each other) 6e-7 in float32;
# the smallest of the mistakes is 1e-2. Both are far from the usual tolerance, so it stays.
def some_sequences(rng, worked=False, **rest):
    """`worked`: the example of the docstring."""
    if not worked:
        return sequences(rng, **rest)
    q, k, v = (torch.tensor(rows).view(1, 1, -1, 1) for rows in ([1.0], [0.0, math.log(3)], [4.0, 8.0]))
    return {"q": q, "k": k, "v": v, "Br": 1, "Bc": 1, "causal": False}


@check(
    points=2,
    inputs=sequences,
    lecture="tiles-and-what-is-left",
    public=[
        case("blocks that divide", T=4, S=6, Br=2, Bc=3),
        case("blocks that do not divide", T=5, S=7, Br=2, Bc=3),
        case("blocks larger than the sequences", T=3, S=5, Br=16, Bc=16),
    ],
    hidden=[
        case("one by one", T=6, S=5, Br=1, Bc=1, D=3),
        case("more rows than columns", T=11, S=10, Br=7, Bc=3, B=2, H=3, D=5),
        case("more columns than rows", T=10, S=11, Br=3, Bc=7, D=16),
        case("one query", T=1, S=9, Br=4, Bc=4, D=8),
        case("one key", T=9, S=1, Br=4, Bc=4, D=1),
        case("all at once", T=13, S=13, Br=13, Bc=13),
        case("long", T=70, S=130, Br=16, Bc=32, H=1, D=8),
        case("many heads, wide", T=20, S=33, Br=19, Bc=21, B=3, H=17, D=40),
    ],
    cites=[
        "Attention over tiles of at most",
        "Scores are q k",
        "need not divide T and S",
        "They need not be contiguous",
        "nothing is remembered for the next one",
    ],
)
def any_blocks_give_exact_attention(student, q, k, v, Br, Bc, causal):
    """The output is exact attention, whatever the block sizes, for any layout in memory, and in every call anew."""
    torch.manual_seed(1)
    q, k, v = heads_inside(q), heads_inside(k), heads_inside(v)
    first = student.fa1_forward(q, k, v, Br, Bc, causal=causal)[0]
    left = settings()
    q, v = q.clone(), v.clone()
    student.fa1_forward(q, k, v, Br, Bc)
    q.mul_(-0.5)
    v.add_(1)
    second = student.fa1_forward(q, k, v, Br, Bc)[0]
    return {"o": first, "o for other values": second, "settings": left, "q requires gradients": q.requires_grad}


def rising(rng, T, S, Br, Bc, scale, falling=False, D=4):
    """Scores that grow from key to key (or shrink): the maximum moves in every tile (or never again)."""
    q = torch.ones(1, 2, T, D) + rng.normal(1, 2, T, D, scale=0.1)
    steps = torch.linspace(-1, 1, S) * scale
    k = (-steps if falling else steps)[:, None].expand(1, 2, S, D) + rng.normal(1, 2, S, D, scale=0.1)
    return {"q": q, "k": k.contiguous(), "v": rng.normal(1, 2, S, D), "Br": Br, "Bc": Bc}


@check(
    points=2,
    inputs=rising,
    lecture="when-the-maximum-moves",
    public=[case("scores that rise slowly", T=4, S=9, Br=2, Bc=2, scale=1.0)],
    hidden=[
        case("scores that rise fast", T=5, S=12, Br=3, Bc=4, scale=20.0),
        case("scores that fall", T=5, S=12, Br=3, Bc=4, scale=3.0, falling=True),
        case("scores of ten thousand", T=4, S=10, Br=2, Bc=3, scale=1e4),
        case("scores of minus ten thousand at the end", T=4, S=10, Br=2, Bc=3, scale=1e4, falling=True),
        case("every key its own tile", T=3, S=8, Br=3, Bc=1, scale=4.0),
    ],
)
def earlier_tiles_shrink_when_the_maximum_moves(student, q, k, v, Br, Bc):
    """When a tile brings a larger maximum, what earlier tiles gave to the output is scaled down to it."""
    return student.fa1_forward(q, k, v, Br, Bc)[0]


@check(
    points=2,
    inputs=some_sequences,
    lecture="three-things-to-carry",
    public=[
        case("the example of the docstring", worked=True),
        case("float32", T=4, S=7, Br=2, Bc=3),
        case("float16", T=3, S=8, Br=2, Bc=3, dtype=torch.float16),
        case("float16, key by key", T=2, S=200, Br=2, Bc=1, H=1, D=6, dtype=torch.float16),
    ],
    hidden=[
        case("float16, 512 keys one by one", T=4, S=512, Br=3, Bc=1, H=2, D=7, dtype=torch.float16),
        case("bfloat16, 400 keys, two by two", T=4, S=400, Br=3, Bc=2, H=2, D=7, dtype=torch.bfloat16),
        case("bfloat16, values that cancel", T=5, S=8, Br=2, Bc=8, D=6, dtype=torch.bfloat16, cancel=True),
        case("bfloat16", T=5, S=9, Br=2, Bc=4, dtype=torch.bfloat16),
        case("float16, many keys", T=3, S=300, Br=2, Bc=16, H=1, dtype=torch.float16),
        case("bfloat16, many keys", T=3, S=300, Br=3, Bc=50, H=1, dtype=torch.bfloat16),
        case("float64, more keys", T=9, S=17, Br=4, Bc=5, D=6, dtype=torch.float64),
        case("float16, values that cancel", T=5, S=8, Br=2, Bc=3, D=6, dtype=torch.float16, cancel=True),
        case("float64", T=5, S=6, Br=2, Bc=4, dtype=torch.float64),
        case("float64, causal", T=9, S=9, Br=4, Bc=2, causal=True, D=5, dtype=torch.float64),
        case("float32, more heads", T=7, S=11, Br=3, Bc=4, B=2, H=3, D=9),
    ],
    cites=[
        "Tiles are converted to float32 before",
        "o is rounded once",
        "for each query the maximum",
        "for each query Σ exp",
        "in the dtype of q",
        "Inputs are float16, bfloat16",
    ],
)
def maxima_and_sums_are_kept_in_full_precision(student, q, k, v, Br, Bc, causal):
    """m and l are the maximum and the sum of each row's scaled scores, in float32 (or float64); the output has q's dtype."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o, "m": m, "l": l}


@check(
    points=1,
    inputs=sequences,
    lecture="causal-tiles",
    public=[
        case("as many queries as keys", T=5, S=5, Br=2, Bc=2, causal=True),
        case("the last two queries of six", T=2, S=6, Br=2, Bc=4, causal=True),
        case("queries before the first key", T=6, S=3, Br=2, Bc=2, causal=True),
        case("a tile that a query sees nothing of", T=7, S=7, Br=3, Bc=2, causal=True, H=3),
    ],
    hidden=[
        case("many queries before the first key", T=11, S=2, Br=4, Bc=3, causal=True),
        case("one query of many", T=1, S=7, Br=4, Bc=3, causal=True),
        case("blocks larger than the sequences", T=6, S=8, Br=9, Bc=9, causal=True),
        case("one by one", T=5, S=7, Br=1, Bc=1, causal=True),
        case("one column at a time", T=6, S=6, Br=6, Bc=1, causal=True),
        case("more than a few blocks", T=40, S=45, Br=2, Bc=3, causal=True, H=1),
    ],
    cites=[
        "the sequences are aligned at their ends",
        "For T = S that is",
        "PyTorch's is_causal",
        "A query that may see no key",
    ],
)
def queries_see_no_later_key(student, q, k, v, Br, Bc, causal):
    """With `causal`, query i sees the keys up to i + (S - T); one that sees none gives 0, with m = -inf and l = 0."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o, "m": m, "l": l, "o of a call without it": student.fa1_forward(q, k, v, Br, Bc)[0]}


def poisoned(rng, T, Br, Bc, seen, rows=None):
    """The keys and values from `seen` on are nan: the first `rows` queries (by default `seen` of them) have tiles without any."""
    made = sequences(rng, T, T, Br, Bc)
    for name in ("k", "v"):
        made[name][..., seen:, :] = torch.nan
    return {**made, "causal": True, "rows": seen if rows is None else rows}


@check(
    points=1,
    inputs=poisoned,
    lecture="causal-tiles",
    public=[
        case("two blocks", T=8, Br=4, Bc=4, seen=4),
        case("tiles of two queries and three keys", T=8, Br=2, Bc=3, seen=3, rows=2),
    ],
    hidden=[
        case("many blocks", T=18, Br=3, Bc=3, seen=6),
        case("wide rows", T=12, Br=4, Bc=2, seen=4),
        case("wide columns", T=12, Br=3, Bc=6, seen=6),
        case("tiles of three queries and two keys", T=10, Br=3, Bc=2, seen=4, rows=3),
        case("tiles of four queries and five keys", T=13, Br=4, Bc=5, seen=10, rows=8),
    ],
    cites=[
        "in which no query may see any key is skipped",
    ],
)
def tiles_that_nobody_sees_are_skipped(student, q, k, v, Br, Bc, causal, rows):
    """A tile that lies wholly above the diagonal is skipped: nan in its keys and values does not reach the output."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o[..., :rows, :], "m": m[..., :rows], "l": l[..., :rows]}


def to_be_stretched(rng, T, S, Br, Bc, D=16):
    """32 rows of each: what ships stays small, and the experiment makes long sequences of them."""
    q, k, v = (rng.normal(1, 1, 32, D) for _ in range(3))
    return {"q": q, "k": k, "v": v, "T": T, "S": S, "Br": Br, "Bc": Bc}


def stretched(x, n):
    """n rows, the given ones over and over, each time a little larger."""
    times = -(-n // x.shape[-2])
    return torch.cat([x * (1 + each / times) for each in range(times)], -2)[..., :n, :]


# The matrix of scores has 64 MiB at 4096 (49 MiB at 3600); right answers need 1.3 to 2.2 times the reference's
# memory, the least wasteful mistake 35 times.
@check(
    points=1,
    inputs=to_be_stretched,
    lecture="what-is-never-there",
    budget=Budget(memory=5),
    public=[case("4096 queries and keys", T=4096, S=4096, Br=256, Bc=256)],
    hidden=[case("narrow tiles", T=3600, S=3700, Br=300, Bc=512)],
    tolerance=Tolerance(atol=1e-5, rtol=1e-4),
    cites=[
        "Never hold more than a few tiles",
    ],
)
def the_matrix_of_scores_is_never_there(student, q, k, v, T, S, Br, Bc):
    """It holds a few tiles at a time and never the T×S matrix of scores."""
    o = student.fa1_forward(stretched(q, T), stretched(k, S), stretched(v, S), Br, Bc)[0]
    return o[..., ::113, :].clone()


@check(
    points=1,
    lecture="how-often-slow-memory-is-touched",
    public=[
        case("a small memory", T=8, D=2, M=32),
        case("heads of 64, a memory of 1000", T=16, D=64, M=1000),
        case("heads of 64, a memory of 100 000", T=16, D=64, M=100_000),
        case("blocks that do not divide", T=100, D=16, M=1000),
    ],
    hidden=[
        case("a memory of a hundred million", T=100_003, D=1, M=100_000_003),
        case("an A100's 192 KB in float16", T=1024, D=64, M=98304),
        case("heads wider than blocks", T=77, D=128, M=5000),
        case("one block holds everything", T=10, D=8, M=4096),
        case("a memory that 4D divides", T=64, D=32, M=1280),
        case("the last block has one key", T=65, D=16, M=1024),
        case("one token", T=1, D=64, M=1000),
    ],
    cites=[
        "Another algo raises",
        "for an on chip memory of M",
        "How many elements one head reads",
        "Each of q k v o has",
        "A quarter of M for each",
        "its k and v are read once",
        "o l m are written once",
    ],
)
def blocks_and_accesses_follow_the_algorithm(student, T, D, M):
    """Block sizes and counts of elements read and written follow the two algorithms, the last block included."""
    return {
        "blocks": student.block_sizes(M, D),
        "std": student.hbm_accesses(T, D, M, "std"),
        "flash": student.hbm_accesses(T, D, M, "flash"),
        "other": [
            raises("ValueError", lambda algo=algo: student.hbm_accesses(T, D, M, algo))
            for algo in ("fast", "Flash", "")
        ],
        "with another memory": [student.block_sizes(3 * M, D), student.hbm_accesses(T, D, 3 * M, "flash")],
        "with wider heads": [student.block_sizes(M, 3 * D), student.hbm_accesses(T, 3 * D, M, "flash")],
        "with more tokens": [student.hbm_accesses(3 * T, D, M, algo) for algo in ("std", "flash")],
    }


# --- the kernel in Triton ---


def kernel_inputs(rng, T, S, B=1, H=1, D=16, dtype=torch.float32, causal=False, scale=1.0):
    q, k, v = (rng.normal(B, H, length, D).to(dtype) for length in (T, S, S))
    return {"q": q * scale, "k": k, "v": v, "causal": causal}


# Right kernels differ by 6e-7 in float32 and, the weights rounded to float16 or not, by 1e-3 in float16; the smallest
# mistake (a product in tf32's 10 bits) by 2e-4 in float32, the others by 1e-2 and more.
KERNEL = {torch.float32: Tolerance(atol=1e-5, rtol=1e-4), torch.float16: Tolerance(atol=4e-3, rtol=4e-3)}


def judge_kernel(seen, want):
    """The values of the reference, from a kernel."""
    if not seen["launched"]:
        return reject("fa1_triton launches no kernel of Triton: what it returns was computed without one.")
    tolerance = KERNEL[want["o"].dtype]
    found = difference(seen["o"], want["o"], tolerance)
    found = found or difference(seen.get("of other values"), want.get("of other values"), tolerance)
    found = found or difference(seen.get("with the other mask"), want.get("with the other mask"), tolerance)
    return found or difference(seen.get("left"), want.get("left"))


@check(
    points=2,
    bonus=True,
    needs="triton",
    inputs=kernel_inputs,
    judge=judge_kernel,
    lecture="a-kernel-in-triton",
    hidden=[
        case("lengths that no block divides", T=140, S=150),
        case("one query and one key, one feature", T=1, S=1, D=1),
        case("several heads and batch entries", T=5, S=7, B=2, H=3, D=24),
        case("heads of 80", T=3, S=40, D=80),
        case("causal", T=75, S=75, causal=True, H=2),
        case("causal, fewer queries than keys", T=4, S=70, causal=True),
        case("causal, one query fewer than keys", T=70, S=71, causal=True),
        case("causal, queries before the first key", T=70, S=3, causal=True),
        case("scores of hundreds, at the end", T=3, S=100, scale=100.0),
        case("float16", T=20, S=70, D=32, dtype=torch.float16),
        case("float16, causal", T=66, S=66, D=8, dtype=torch.float16, causal=True),
    ],
    cites=[
        "Block sizes are yours",
        "Masks queries that see no key",
        "Scores m l and the growing output are float32",
    ],
)
def a_kernel_gives_the_same(student, q, k, v, causal):
    """Optional: fa1_triton gives exact attention from a kernel in Triton, whatever the lengths and the width of a head."""
    names = []
    with launches(names):
        given = interpreted(q), interpreted(k), interpreted(v)
        o = student.fa1_triton(*given, **({"causal": True} if causal else {}))  # False by default
    others = student.fa1_triton(*given[:2], -2 * given[2], causal)
    masked = student.fa1_triton(*given, causal=not causal)
    return {
        "o": o.to(q.device),
        "of other values": others.to(q.device),
        "with the other mask": masked.to(q.device),
        "launched": names,
        "left": [*flags(*given), *(torch.equal(mine.to(q.device), theirs) for mine, theirs in zip(given, (q, k, v), strict=True))],
    }


# --- on a GPU; the reference runs on the CPU, interpreted ---


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=sequences,
    lecture="three-things-to-carry",
    tolerance=Tolerance(atol=1e-4, rtol=1e-3),
    hidden=[
        case("blocks that do not divide", T=100, S=130, Br=32, Bc=48, D=16),
        case("causal", T=65, S=65, Br=16, Bc=16, D=16, causal=True),
    ],
)
def tiles_stay_on_the_gpu(student, q, k, v, Br, Bc, causal):
    """On a GPU, fa1_forward computes there and returns o, m and l there."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o.cpu(), "m": m.cpu(), "l": l.cpu(), "same place": [x.device.type == q.device.type for x in (o, m, l)]}


def step_by_step(q, k, v, causal, dtype):
    """Standard attention with every intermediate result in `dtype`."""
    q, k, v = (x.to(dtype) for x in (q, k, v))
    s = q @ k.mT / math.sqrt(q.shape[-1])
    if causal:
        T, S = s.shape[-2:]
        s = s.masked_fill(torch.ones(T, S, dtype=torch.bool).triu(1 + S - T), -math.inf)
    return s.softmax(-1) @ v


def judge_rounding(seen, inputs):
    """The largest error against float64 is at most twice that of standard attention in the same dtype: FlashAttention's own test."""
    if not seen["launched"]:
        return reject("fa1_triton launches no kernel of Triton: what it returns was computed without one.")
    given = inputs["q"], inputs["k"], inputs["v"], inputs["causal"]
    exact = step_by_step(*given, torch.float64)
    if seen["o"].shape != exact.shape:
        return reject("The output has shape {got}; it has that of q.", got=list(seen["o"].shape))
    usual = (step_by_step(*given, inputs["q"].dtype).double() - exact).abs().max().item()
    error = (seen["o"].double() - exact).abs().max().item()
    if not error <= 2 * usual:
        return reject(
            "The largest error is {error}; standard attention in this dtype has {usual}, and twice that is the bound.",
            error=error,
            usual=usual,
        )
    return None


@check(
    points=1,
    bonus=True,
    device="cuda",
    needs="triton",
    inputs=kernel_inputs,
    judge=judge_rounding,
    lecture="a-kernel-in-triton",
    hidden=[
        case("500 tokens, bfloat16", T=500, S=500, D=64, dtype=torch.bfloat16),
        case("500 tokens, float16, causal", T=500, S=500, D=64, dtype=torch.float16, causal=True),
        case("300 tokens, float32", T=300, S=300, D=64),
    ],
    cites=[
        "For the second product the weights may be rounded",
    ],
)
def a_kernel_rounds_no_more_than_standard_attention(student, q, k, v, causal):
    """Optional: on a GPU, the kernel's largest error in each dtype is at most twice that of standard attention in it."""
    names = []
    # The interpreter has no products of bfloat16: on the CPU, where only the reference runs this, float32 stands in.
    work = q.dtype if q.is_cuda else torch.float32
    with launches(names):
        o = student.fa1_triton(q.to(work), k.to(work), v.to(work), causal=causal)
    return {"o": o.to(q.dtype).cpu(), "launched": names}


def repeated(rng, T, H, D, times):
    q, k, v = (rng.normal(1, H, T, D).to(torch.float16) for _ in range(3))
    return {"q": q, "k": k, "v": v, "times": times}


@check(
    points=1,
    bonus=True,
    device="cuda",
    needs="triton",
    inputs=repeated,
    judge=judge_kernel,
    lecture="what-is-never-there",
    hidden=[case("65 536 tokens, 8 heads", T=128, H=8, D=64, times=512)],
    cites=[
        "the scores of 65 536 tokens exist nowhere",
    ],
)
def long_sequences_fit(student, q, k, v, times):
    """Optional: on a GPU, the kernel attends over 65 536 tokens, whose scores would take 64 GiB in float16."""
    # Keys and values that come `times` times have the weights of once, divided: the answer for the short sequence holds.
    times = times if q.is_cuda else 1
    names = []
    with launches(names):
        o = student.fa1_triton(*(x.repeat(1, 1, times, 1) for x in (q, k, v)))
    T = q.shape[2]
    return {"o": torch.cat([o[:, :, :T], o[:, :, -T:]]).cpu(), "launched": names}
