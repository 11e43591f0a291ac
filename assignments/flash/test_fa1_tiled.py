"""Public checks of flash/fa1_tiled: run `pytest` on this file, or `autograder check flash/fa1_tiled`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Budget, Tolerance, case, check, raises


def sequences(rng, T, S, Br, Bc, B=1, H=2, D=4, dtype=torch.float32, causal=False):
    q, k, v = (rng.normal(B, H, length, D, dtype=dtype) for length in (T, S, S))
    return {"q": q, "k": k, "v": v, "Br": Br, "Bc": Bc, "causal": causal}


@check(points=2, inputs=sequences, lecture='tiles-and-what-is-left', public=[case('blocks that divide', T=4, S=6, Br=2, Bc=3), case('blocks that do not divide', T=5, S=7, Br=2, Bc=3), case('blocks larger than the sequences', T=3, S=5, Br=16, Bc=16)])
def any_blocks_give_exact_attention(student, q, k, v, Br, Bc, causal):
    """The output is exact attention, whatever the block sizes, also where they do not divide the lengths."""
    return student.fa1_forward(q, k, v, Br, Bc, causal=causal)[0]


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


@check(points=2, inputs=sequences, lecture='three-things-to-carry', public=[case('float32', T=4, S=7, Br=2, Bc=3), case('float16', T=3, S=8, Br=2, Bc=3, dtype=torch.float16)])
def maxima_and_sums_are_kept_in_full_precision(student, q, k, v, Br, Bc, causal):
    """m and l are the maximum and the sum of each row's scaled scores, in float32 (or float64); the output has q's dtype."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o, "m": m, "l": l}


@check(points=1, inputs=sequences, lecture='causal-tiles', public=[case('as many queries as keys', T=5, S=5, Br=2, Bc=2, causal=True), case('the last two queries of six', T=2, S=6, Br=2, Bc=4, causal=True)])
def queries_see_no_later_key(student, q, k, v, Br, Bc, causal):
    """With `causal`, query i sees the keys up to i + (S - T); one that sees none gives 0, with m = -inf and l = 0."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o, "m": m, "l": l}


def poisoned(rng, T, Br, Bc, seen):
    """The keys and values from `seen` on are nan: the queries before the first of them have tiles without any."""
    made = sequences(rng, T, T, Br, Bc)
    for name in ("k", "v"):
        made[name][..., seen:, :] = torch.nan
    return {**made, "causal": True, "rows": seen}


@check(points=1, inputs=poisoned, lecture='causal-tiles', public=[case('two blocks', T=8, Br=4, Bc=4, seen=4)])
def tiles_that_nobody_sees_are_skipped(student, q, k, v, Br, Bc, causal, rows):
    """A tile that lies wholly above the diagonal is skipped: nan in its keys and values does not reach the output."""
    o, m, l = student.fa1_forward(q, k, v, Br, Bc, causal=causal)  # noqa: E741
    return {"o": o[..., :rows, :], "m": m[..., :rows], "l": l[..., :rows]}


@check(points=1, inputs=sequences, lecture='what-is-never-there', budget=Budget(memory=5), public=[case('4096 queries and keys', T=4096, S=4096, Br=256, Bc=256, H=1, D=16)], tolerance=Tolerance(atol=1e-05, rtol=0.0001))
def the_matrix_of_scores_is_never_there(student, q, k, v, Br, Bc, causal):
    """It holds a few tiles at a time and never the T×S matrix of scores."""
    return student.fa1_forward(q, k, v, Br, Bc, causal=causal)[0][..., ::16, :].clone()


@check(points=1, lecture='how-often-slow-memory-is-touched', public=[case('a small memory', T=8, D=2, M=32), case('blocks that do not divide', T=100, D=16, M=1000)])
def blocks_and_accesses_follow_the_algorithm(student, T, D, M):
    """Block sizes and counts of elements read and written follow the two algorithms, the last block included."""
    return {
        "blocks": student.block_sizes(M, D),
        "std": student.hbm_accesses(T, D, M, "std"),
        "flash": student.hbm_accesses(T, D, M, "flash"),
        "other": raises("ValueError", lambda: student.hbm_accesses(T, D, M, "fast")),
    }
