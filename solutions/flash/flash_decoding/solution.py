"""Flash-Decoding: the keys of one query are split among workers, and their results are merged exactly.

Shapes: q is (B, H, 1, D), one new token for each sequence; k and v are (B, H, S, D). Scores are q·k / √D. Inputs are float16, bfloat16, float32 or
float64, of one dtype, finite, may be views, and are not changed. A result depends on the arguments of its own call alone.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

try:  # for Linux alone, and only decode_triton needs it: keep kernels under `if triton is not None:`
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def split_kv_attention(q: Tensor, k: Tensor, v: Tensor, bounds: list[int]) -> tuple[Tensor, Tensor]:
    """Attention of q over each part of the keys by itself: (o, lse), one entry for each of the n parts.

    bounds: n + 1 integers, 0 = bounds[0] <= bounds[1] <= … <= bounds[n] = S. Part p has the keys from bounds[p] up to,
    not including, bounds[p + 1]. Parts may have different lengths, and may be empty. n is 1 or more. Other bounds raise ValueError.

    o: (n, B, H, 1, D), softmax(scores)·v over the keys of the part alone.
    lse: (n, B, H, 1), log Σ exp(score) over the keys of the part, with the scores that the softmax takes (divided by √D).

    Both are computed and returned in float32 (float64 for float64): q, k and v are converted before anything is computed with them. One part of k and
    v is converted at a time: in float32 a long cache of halves would take twice its memory once more. An empty part has o = 0 and lse = -inf.

    Three keys with scores 0, ln 3 and 0, in parts of two and one:

    >>> q, k = tensor([[[[1.0]]]]), tensor([[[[0.0], [math.log(3)], [0.0]]]])
    >>> v = tensor([[[[4.0], [8.0], [2.0]]]])
    >>> split_kv_attention(q, k, v, [0, 2, 3])[0].flatten()
    tensor([7., 2.])
    >>> split_kv_attention(q, k, v, [0, 2, 3])[1].flatten()  # ln 4 and ln 1
    tensor([1.3863, 0.0000])
    >>> split_kv_attention(q, k, v, [0, 2])
    Traceback (most recent call last):
    ValueError: the bounds end before the keys do
    """
    # BEGIN SOLUTION
    S, D = k.shape[-2:]
    if len(bounds) < 2 or bounds[0] != 0 or bounds[-1] != S or any(a > b for a, b in pairwise(bounds)):
        raise ValueError(f"bounds are {bounds}; they must rise from 0 to {S}")
    dtype = torch.promote_types(q.dtype, torch.float32)
    q, outs, sums = q.to(dtype), [], []
    for first, last in pairwise(bounds):
        s = q @ k[..., first:last, :].to(dtype).mT / math.sqrt(D)  # (B, H, 1, keys of the part)
        outs.append(s.softmax(-1) @ v[..., first:last, :].to(dtype))
        sums.append(s.logsumexp(-1))
    return torch.stack(outs), torch.stack(sums)
    # END SOLUTION


# BEGIN SOLUTION
if triton is not None:

    @triton.jit
    def _decode(
        q, k, v, o, lse, S, keys, scale, D: tl.constexpr, WIDTH: tl.constexpr, Bc: tl.constexpr
    ):  # fmt: skip
        """One query against the keys of one part: `keys` of them, from part · keys on. No product of matrices: there is one row."""
        part, head, heads = tl.program_id(0), tl.program_id(1).to(tl.int64), tl.num_programs(1)
        d = tl.arange(0, WIDTH)
        q_i = tl.load(q + head * D + d, mask=d < D, other=0.0).to(tl.float32)[None, :]
        m, l = -float("inf"), 0.0  # noqa: E741
        acc = tl.zeros([WIDTH], tl.float32)
        first, end = part * keys, tl.minimum(S, (part + 1) * keys)
        for start in range(first, end, Bc):
            j = start + tl.arange(0, Bc)[:, None]
            at = (head * S + j) * D + d[None, :]
            inside = (j < end) & (d[None, :] < D)
            k_j = tl.load(k + at, mask=inside, other=0.0).to(tl.float32)
            v_j = tl.load(v + at, mask=inside, other=0.0).to(tl.float32)
            s = tl.where(j < end, tl.sum(q_i * k_j, 1)[:, None] * scale, -float("inf"))  # (Bc, 1)
            m_new = tl.maximum(m, tl.max(s))
            p, before = tl.exp(s - m_new), tl.exp(m - m_new)
            l = before * l + tl.sum(p)  # noqa: E741
            acc = before * acc + tl.sum(p * v_j, 0)
            m = m_new
        at = part.to(tl.int64) * heads + head
        tl.store(o + at * D + d, acc / tl.where(l == 0, 1.0, l), mask=d < D)
        tl.store(lse + at, tl.where(l == 0, -float("inf"), m + tl.log(tl.where(l == 0, 1.0, l))))


# END SOLUTION


def decode_triton(q: Tensor, k: Tensor, v: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """`split_kv_attention` over n parts from one launch of a kernel in Triton: (o, lse). Optional: bonus points.

    q, k, v: contiguous, with S >= 1 and D <= 128, all on one device; float16, bfloat16 or float32, not float64. n >= 1.

    Each part has ⌈S / n⌉ keys, the last ones what is left, which may be none: bounds[p] = min(S, p · ⌈S / n⌉). o (n, B, H, 1, D) and
    lse (n, B, H, 1) are float32, as `split_kv_attention` has them, and an empty part has o = 0 and lse = -inf.

    All n · B · H programs run at once, so each owns the keys of one part of one head and writes its own row. A query is one row. `tl.dot` wants
    16 at least, so the products are written with `tl.sum`. Merging the n results is a second, small step: `combine` does it.

    With a GPU the kernel is compiled. Without one it is interpreted, slowly, when TRITON_INTERPRET=1 is set before this file is imported. So is
    it graded where there is no GPU, in float32 and float16. Where Triton is not installed, points for it are pending.
    """
    # BEGIN SOLUTION
    (B, H, _, D), S = q.shape, k.shape[2]
    o = torch.empty(n, B, H, 1, D, dtype=torch.float32, device=q.device)
    lse = torch.empty(n, B, H, 1, dtype=torch.float32, device=q.device)
    _decode[n, B * H](q, k, v, o, lse, S, triton.cdiv(S, n), D**-0.5, D, triton.next_power_of_2(D), 32)
    return o, lse
    # END SOLUTION


def combine(o: Tensor, lse: Tensor) -> tuple[Tensor, Tensor]:
    """Merge the results of n >= 1 parts into the result for all of their keys: (o, lse) without the first dimension.

    o (n, …, D), lse (n, …): as `split_kv_attention` returns them, of any dimensions in between, in one dtype.

    Part p gets the weight exp(lse_p) / Σ exp(lse); the merged output is the weighted sum, and the merged lse is log Σ exp(lse). However large
    or small the numbers in lse are, their exponentials do not overflow: in float16 too, where exp(12) does already.

    Parts with lse = -inf have no weight: what stands in their o, even nan, changes nothing. Where all parts have -inf, o is 0 and lse is -inf.

    Both are computed in float32 at least and returned in the dtype of o and of lse. Merged results can be merged again, in any
    order and any grouping.

    >>> combine(tensor([[7.0], [2.0]]), tensor([math.log(4), 0.0]))  # weights 4/5 and 1/5, and ln 5
    (tensor([6.]), tensor(1.6094))
    """
    # BEGIN SOLUTION
    wide, dtype = torch.promote_types(o.dtype, torch.float32), lse.dtype
    top = lse.to(wide).amax(0)
    weights = (lse.to(wide) - top.masked_fill(top == -math.inf, 0.0)).exp()
    total = weights.sum(0)
    heard = o.to(wide).masked_fill((weights == 0)[..., None], 0.0)
    merged = (weights[..., None] * heard).sum(0) / total.masked_fill(total == 0, 1.0)[..., None]
    return merged.to(o.dtype), (top + total.log()).to(dtype)
    # END SOLUTION


def tree_combine(o: Tensor, lse: Tensor) -> tuple[Tensor, Tensor, int]:
    """Merge as `combine` does, but two at a time, in rounds: (o, lse, rounds).

    In each round part 0 is merged with part 1, part 2 with part 3, and so on, all at once; a last one without a partner waits for the next round. The
    rounds end when one is left. So n parts need ⌈log2 n⌉ rounds, and 1 part needs none. The result shares no
    memory with o and lse.

    >>> tree_combine(tensor([[7.0], [2.0], [6.0]]), tensor([math.log(4), 0.0, math.log(5)]))
    (tensor([6.]), tensor(2.3026), 2)
    """
    # BEGIN SOLUTION
    parts, rounds = list(zip(o, lse, strict=True)), 0
    while len(parts) > 1:
        pairs = [parts[p : p + 2] for p in range(0, len(parts), 2)]
        parts = [combine(*map(torch.stack, zip(*pair, strict=True))) if len(pair) == 2 else pair[0] for pair in pairs]
        rounds += 1
    last, own = parts[0]
    return *combine(last[None], own[None]), rounds
    # END SOLUTION


def choose_splits(B: int, H: int, n_sm: int, S: int, block: int = 128) -> int:
    """Into how many parts to split S >= 1 keys, on a GPU with n_sm multiprocessors, of which each does one part of one head at a time.

    The rule of FlashAttention's own code. There are B · H heads, and ⌈S / block⌉ blocks of keys, of which each part has a whole number.

    1. Where B · H >= 0.8 · n_sm, the GPU is busy enough: 1.
    2. Candidates are n = 1, 2, … up to the least of 128, n_sm and the number of blocks. But n > 1 is left out where the longest part,
       ⌈blocks / n⌉ blocks, is no shorter than with n - 1 parts: it would leave a multiprocessor without work and win nothing.
    3. n parts make B · H · n / n_sm waves; the last wave may be half empty. The efficiency is waves / ⌈waves⌉.
    4. The answer is the smallest candidate whose efficiency is at least 0.85 times the best one: each part costs memory and merging.

    With 48 heads and 108 multiprocessors, two parts make 96/108 = 0.89 of a wave, three make 144/108 = 1.33 waves, of which 2 are paid: 0.67.

    >>> choose_splits(1, 48, 108, 8192)
    2
    >>> choose_splits(8, 32, 108, 8192)
    1
    """
    # BEGIN SOLUTION
    heads, blocks = B * H, math.ceil(S / block)
    if heads >= 0.8 * n_sm:
        return 1
    efficiency = {}
    for n in range(1, min(128, n_sm, blocks) + 1):
        if n == 1 or math.ceil(blocks / n) < math.ceil(blocks / (n - 1)):
            waves = heads * n / n_sm
            efficiency[n] = waves / math.ceil(waves)
    best = max(efficiency.values())
    return min(n for n, each in efficiency.items() if each >= 0.85 * best)
    # END SOLUTION
