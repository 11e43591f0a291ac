"""FlashAttention, first version: exact attention, tile by tile, without the T×S matrix of scores.

Shapes: q is (B, H, T, D), k and v are (B, H, S, D); T, S, D >= 1, and T and S may differ. Scores are q·k / √D.
Inputs are float16, bfloat16, float32 or float64, and finite. They need not be contiguous ((B, T, H, D) in memory, say), and are not changed.
A call leaves no trace: nothing is remembered for the next one, and torch's default dtype, gradient mode and random state are as before.
"""

import math

import torch
from torch import Tensor

try:  # for Linux alone, and only fa1_triton needs it: keep kernels under `if triton is not None:`
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def fa1_forward(
    q: Tensor, k: Tensor, v: Tensor, Br: int, Bc: int, causal: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention over tiles of at most Br queries × Bc keys (Algorithm 1 of the paper): (o, m, l).

    o: (B, H, T, D), softmax(q·kᵀ / √D)·v, in the dtype of q.
    m: (B, H, T), for each query the maximum of the (scaled) scores that it may see.
    l: (B, H, T), for each query Σ exp(score - m) over the scores that it may see.

    - Br, Bc >= 1 need not divide T and S, and may be larger: the last blocks are what is left.
    - Tiles are converted to float32 before anything is computed with them (to float64 when q is float64); scores, m, l,
      the weights and the output while it grows have that dtype, and m and l are returned in it. o is rounded once, at the end.
    - With `causal`, the sequences are aligned at their ends, as flash-attn has it: query i may see key j if j <= i + (S - T). For
      T = S that is j <= i. (PyTorch's `is_causal=True` aligns their starts instead, j <= i for any T and S.) A tile (Br queries ×
      Bc keys, counted from 0) in which no query may see any key is skipped: what it would read may be anything, even nan.
    - A query that may see no key (causal, T > S) has o = 0, m = -inf, l = 0.
    - Never hold more than a few tiles beside q, k, v and the results: at T = S = 4096 the matrix of scores alone has 64 MiB.

    One head with D = 1, so that scores are q·k, and tiles of one key. After key 0: m = 0, l = 1, o = 4. Key 1 has the score
    ln 3: the maximum becomes m = ln 3, what was there shrinks by exp(0 - ln 3) = 1/3, and l = 1/3 + 1 = 4/3,
    o = (1/3·4 + 8) / (4/3) = 7:

    >>> q, k, v = tensor([[[[1.0]]]]), tensor([[[[0.0], [math.log(3)]]]]), tensor([[[[4.0], [8.0]]]])
    >>> fa1_forward(q, k, v, Br=1, Bc=1)
    (tensor([[[[7.]]]]), tensor([[[1.0986]]]), tensor([[[1.3333]]]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("fa1_forward is not written yet")


def fa1_triton(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    """The output of `fa1_forward`, o, from a kernel in Triton. Optional: bonus points.

    q, k, v: as for `fa1_forward`, contiguous, with D <= 128, all on one device; float16, bfloat16 or float32, not float64.

    - Block sizes are yours. T, S and D are any: what lies outside of them is masked when it is loaded and when it is stored, for
      `tl.arange` gives powers of two, and `tl.dot` wants 16 or more in each direction.
    - The programs of one launch run in any order and all at once, so none may add to what another has written. Let a program own a
      block of queries of one head, keep its m, l and o, and go over the keys' tiles: queries outside, keys inside. (Algorithm 1 has it
      the other way round.)
    - Scores, m, l and the growing output are float32; o is rounded to q's dtype at the end. For the second product the weights may be rounded to
      v's dtype, as GPUs want it. For float32 give `tl.dot` the argument input_precision="ieee": its default rounds to 10 bits.
    - Masks, queries that see no key, and memory as in `fa1_forward`: the scores of 65 536 tokens exist nowhere.

    With a GPU the kernel is compiled. Without one it is interpreted, slowly, on tensors of the CPU, when the environment variable
    TRITON_INTERPRET=1 is set before this file is imported; so is it graded where there is no GPU, in float32 and float16 (products of
    bfloat16 are not to be had there). Where Triton is not installed, points for it are pending.
    """
    # YOUR CODE HERE
    raise NotImplementedError("fa1_triton is not written yet")


def block_sizes(M: int, D: int) -> tuple[int, int]:
    """(Br, Bc) for an on-chip memory of M elements (not bytes) and heads of D: Bc = ⌈M / 4D⌉, Br = min(Bc, D).

    A quarter of M for each of the tiles of q, k, v and o; and Br × Bc is at most about M / 4 as well.

    >>> block_sizes(1000, 64)  # ⌈1000 / 256⌉ = 4
    (4, 4)
    >>> block_sizes(100_000, 64)
    (64, 391)
    """
    # YOUR CODE HERE
    raise NotImplementedError("block_sizes is not written yet")


def hbm_accesses(T: int, D: int, M: int, algo: str) -> int:
    """How many elements one head reads from and writes to the slow memory (HBM), for T queries and T keys, no mask.

    algo "std" (Algorithm 0): read q, k, write s · read s, write p = softmax(s) · read p, v, write o.
    algo "flash" (Algorithm 1, with Bc from `block_sizes(M, D)`): o, l, m are written once to initialise them. Then for each
    block of keys: its k and v are read once, and *all* of q, o, l, m is read, and all of o, l, m written.

    Each of q, k, v, o has T·D elements, s and p have T², l and m have T. Another `algo` raises `ValueError`.

    Example: T = 8, D = 2, M = 32 give Bc = 4, so two blocks of keys. "std": (2·16 + 64) + 2·64 + (64 + 2·16) = 320.
    "flash": (16 + 16) to initialise, 2·16 for k and v, and 2 · (16 + 2·(16 + 16)) for the two passes: 224.

    >>> hbm_accesses(8, 2, 32, "std")
    320
    >>> hbm_accesses(8, 2, 32, "flash")
    224
    """
    # YOUR CODE HERE
    raise NotImplementedError("hbm_accesses is not written yet")
