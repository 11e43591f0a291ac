"""Public checks of flash/fa1_tiled: run `pytest` on this file, or `autograder check flash/fa1_tiled`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from autograder.checks import Budget, Tolerance, case, check, raises


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


def some_sequences(rng, worked=False, **rest):
    """`worked`: the example of the docstring."""
    if not worked:
        return sequences(rng, **rest)
    q, k, v = (torch.tensor(rows).view(1, 1, -1, 1) for rows in ([1.0], [0.0, math.log(3)], [4.0, 8.0]))
    return {"q": q, "k": k, "v": v, "Br": 1, "Bc": 1, "causal": False}


@check(points=2, inputs=sequences, lecture='tiles-and-what-is-left', public=[case('blocks that divide', T=4, S=6, Br=2, Bc=3), case('blocks that do not divide', T=5, S=7, Br=2, Bc=3), case('blocks larger than the sequences', T=3, S=5, Br=16, Bc=16)])
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


@check(points=2, inputs=rising, lecture='when-the-maximum-moves', public=[case('scores that rise slowly', T=4, S=9, Br=2, Bc=2, scale=1.0)])
def earlier_tiles_shrink_when_the_maximum_moves(student, q, k, v, Br, Bc):
    """When a tile brings a larger maximum, what earlier tiles gave to the output is scaled down to it."""
    return student.fa1_forward(q, k, v, Br, Bc)[0]


@check(points=2, inputs=some_sequences, lecture='three-things-to-carry', public=[case('the example of the docstring', worked=True), case('float32', T=4, S=7, Br=2, Bc=3), case('float16', T=3, S=8, Br=2, Bc=3, dtype=torch.float16), case('float16, key by key', T=2, S=200, Br=2, Bc=1, H=1, D=6, dtype=torch.float16)])
def maxima_and_sums_are_kept_in_full_precision(student, q, k, v, Br, Bc, causal):
    """m and l are the maximum and the sum of each row's scaled scores, in float32 (or float64); the output has q's dtype."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o, "m": m, "l": l}


@check(points=1, inputs=sequences, lecture='causal-tiles', public=[case('as many queries as keys', T=5, S=5, Br=2, Bc=2, causal=True), case('the last two queries of six', T=2, S=6, Br=2, Bc=4, causal=True), case('queries before the first key', T=6, S=3, Br=2, Bc=2, causal=True), case('a tile that a query sees nothing of', T=7, S=7, Br=3, Bc=2, causal=True, H=3)])
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


@check(points=1, inputs=poisoned, lecture='causal-tiles', public=[case('two blocks', T=8, Br=4, Bc=4, seen=4), case('tiles of two queries and three keys', T=8, Br=2, Bc=3, seen=3, rows=2)])
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


@check(points=1, inputs=to_be_stretched, lecture='what-is-never-there', budget=Budget(memory=5), public=[case('4096 queries and keys', T=4096, S=4096, Br=256, Bc=256)], tolerance=Tolerance(atol=1e-05, rtol=0.0001))
def the_matrix_of_scores_is_never_there(student, q, k, v, T, S, Br, Bc):
    """It holds a few tiles at a time and never the T×S matrix of scores."""
    o = student.fa1_forward(stretched(q, T), stretched(k, S), stretched(v, S), Br, Bc)[0]
    return o[..., ::113, :].clone()


@check(points=1, lecture='how-often-slow-memory-is-touched', public=[case('a small memory', T=8, D=2, M=32), case('heads of 64, a memory of 1000', T=16, D=64, M=1000), case('heads of 64, a memory of 100 000', T=16, D=64, M=100000), case('blocks that do not divide', T=100, D=16, M=1000)])
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
