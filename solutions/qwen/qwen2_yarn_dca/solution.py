"""Qwen 2: rotary frequencies that are stretched where they must be (YaRN), and attention whose distances never grow too large (dual chunks).

Sizes: B sequences of H heads with D features (D even). Arguments are left as they were, may be views, and share nothing with results. A result
depends on the arguments of its own call alone.
"""

import math

import torch
from torch import Tensor


def yarn_freqs(
    D: int, base: float, factor: float, orig: int, beta_fast: float = 32.0, beta_slow: float = 1.0
) -> tuple[Tensor, float]:
    """The rotary frequencies of YaRN for texts factor times as long as in training, and the number mscale that belongs to them.

    D: features of a head. base: of the rotary frequencies. orig: tokens of the texts in training, more than 2π.

    Pair i = 0 … D/2-1 turned by f_i = base^(-2i/D) per position in training. Now:

    1. The pair that turns n times within orig tokens is number d(n) = D · ln(orig / (2π n)) / (2 ln base). This number need not be whole.
    2. low is d(beta_fast), rounded down, and at least 0. high is d(beta_slow), rounded up, and at most D - 1. (Hugging Face's option
       `truncate` is on here.) Where both are the same number, high is 0.001 more.
    3. A ramp r_i = (i - low) / (high - low), limited to 0 … 1, says how much of pair i is stretched. Its new frequency is
       (1 - r_i) · f_i + r_i · f_i / factor. So pairs up to low stay as they are, and pairs from high on turn factor times slower. (Settings in
       which low comes out above high are not asked for.)
    4. mscale = 0.1 · ln(factor) + 1 for a factor above 1, else 1. Attention multiplies both queries and keys by it.

    Returns float64 (D/2,), all of it computed in float64, and mscale. (Hugging Face and vLLM compute frequencies in float32: one check, and no
    other, tells the difference.)

    >>> yarn_freqs(8, 10.0, 4.0, 40, beta_fast=4.0)[0] * 10  # d(4) is 0.8 and d(1) is 3.2: low = 0, high = 4, so r = 0, 1/4, 2/4, 3/4
    tensor([10.0000,  4.5690,  1.9764,  0.7780], dtype=torch.float64)
    >>> yarn_freqs(8, 10.0, 4.0, 40)[1]
    1.1386294
    >>> yarn_freqs(8, 10.0, 1.0, 40)[1]
    1.0
    """
    # BEGIN SOLUTION
    def pair(turns: float) -> float:
        return D * math.log(orig / (2 * math.pi * turns)) / (2 * math.log(base))

    i = torch.arange(D // 2, dtype=torch.float64)
    low, high = max(math.floor(pair(beta_fast)), 0), min(math.ceil(pair(beta_slow)), D - 1)
    ramp = ((i - low) / (high - low if high != low else 0.001)).clamp(0, 1)
    freqs = base ** (-2 * i / D)
    return freqs * (1 - ramp) + freqs / factor * ramp, 0.1 * math.log(max(factor, 1.0)) + 1
    # END SOLUTION


def dca_positions(T: int, chunk: int, local: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The positions with which dual chunk attention rotates T tokens: (q_intra, q_succ, q_inter, k), each int64 (T,).

    A text is cut into chunks of `chunk` tokens; the last one may be shorter. Let r = i mod chunk be the place of token i in its chunk.

    - k: a key has the position r.
    - q_intra: a query has r as well, for keys of its own chunk.
    - q_succ: for keys of the chunk before its own it has chunk + r, but at most chunk + local - 1.
    - q_inter: for keys of all earlier chunks it has chunk + local - 1, wherever it is.

    So no position reaches chunk + local, which is the length in training, and no distance does. The paper calls chunk s, local w, and their
    sum c. (ChunkLlama and vLLM call something else by these names: their chunk_size is chunk + local - 1, and their local_size is local - 1.)

    T is 0 or more. ValueError unless 1 <= local <= chunk.

    The paper's own example has chunks of 6 and a local window of 4:

    >>> dca_positions(8, 6, 4)[0]
    tensor([0, 1, 2, 3, 4, 5, 0, 1])
    >>> dca_positions(8, 6, 4)[1]
    tensor([6, 7, 8, 9, 9, 9, 6, 7])
    >>> dca_positions(8, 6, 4)[2]
    tensor([9, 9, 9, 9, 9, 9, 9, 9])
    >>> dca_positions(8, 6, 7)
    Traceback (most recent call last):
    ValueError: the local window is longer than a chunk
    """
    # BEGIN SOLUTION
    if not 1 <= local <= chunk:
        raise ValueError(f"local is {local}; it must be from 1 to chunk = {chunk}")
    place, last = torch.arange(T) % chunk, chunk + local - 1
    return place, (chunk + place).clamp(max=last), torch.full_like(place, last), place.clone()
    # END SOLUTION


def dca_relative_positions(T: int, chunk: int, local: int) -> Tensor:
    """The distance at which query i sees key j: int64 (T, T), row i, column j. For keys behind the query, j > i, it is -1.

    It is the query's position less the key's, with those positions of `dca_positions` that belong to the two chunks: q_intra for the same chunk,
    q_succ where the key's chunk is the one before, q_inter for earlier ones. Where i - j < local, it is i - j.

    >>> dca_relative_positions(5, 2, 1)
    tensor([[ 0, -1, -1, -1, -1],
            [ 1,  0, -1, -1, -1],
            [ 2,  1,  0, -1, -1],
            [ 2,  1,  1,  0, -1],
            [ 2,  1,  2,  1,  0]])
    """
    # BEGIN SOLUTION
    intra, succ, inter, key = dca_positions(T, chunk, local)
    i = torch.arange(T)
    apart = (i // chunk)[:, None] - i // chunk
    query = torch.where(apart == 0, intra[:, None], torch.where(apart == 1, succ[:, None], inter[:, None]))
    return (query - key).masked_fill(i > i[:, None], -1)
    # END SOLUTION


def dca_attention(
    q: Tensor, k: Tensor, v: Tensor, chunk: int, local: int, inv_freq: Tensor, mscale: float = 1.0
) -> Tensor:
    """Causal attention with rotary positions, in which query i sees key j at the distance that `dca_relative_positions` gives.

    q (B, H, T, D), k and v (B, H, S, D), of one floating dtype, not rotated yet. The text has S tokens. The queries are those of the last T,
    T <= S, so query t stands at token i = S - T + t. It sees the keys j <= i.
    inv_freq (D/2,), of any floating dtype: by how much each pair turns per position. mscale: of YaRN.

    - To rotate by a position p: feature n (n < D/2) and feature n + D/2 are a pair (a, b), which becomes
      (a cos θ - b sin θ, b cos θ + a sin θ) · mscale with θ = p · inv_freq[n]. Both queries and keys are multiplied by mscale, so scores by
      mscale². v is not rotated.
    - Each key is rotated once, by its k of `dca_positions`. So a cache may keep it rotated, however long the text becomes.
    - Each query is rotated in three ways, and its score with a key is that of the way which belongs to the two chunks.
    - Scores are divided by √D. One softmax goes over all keys that a query sees, whatever their chunks, and its weights sum v.

    Returns (B, H, T, D), of the dtype of q and on its device. Everything is computed in that dtype at least, for float64 the angles too.
    Gradients flow to q, k and v. A text of no more than `chunk` tokens gets plain rotary attention. The checks of `dca_positions` hold here too.
    """
    # BEGIN SOLUTION
    (T, D), S = q.shape[-2:], k.shape[-2]
    intra, succ, inter, key = (p.to(q.device) for p in dca_positions(S, chunk, local))
    i = torch.arange(S, device=q.device)
    mine = slice(S - T, S)  # the tokens that ask
    k = rotate(k, key, inv_freq, mscale)
    near, next_, far = (rotate(q, p[mine], inv_freq, mscale) @ k.mT for p in (intra, succ, inter))
    apart = (i[mine] // chunk)[:, None] - i // chunk
    scores = torch.where(apart == 0, near, torch.where(apart == 1, next_, far)) / math.sqrt(D)
    return scores.masked_fill(i > i[mine, None], -torch.inf).softmax(-1) @ v
    # END SOLUTION


# BEGIN SOLUTION
def rotate(x: Tensor, positions: Tensor, inv_freq: Tensor, mscale: float) -> Tensor:
    angles = positions[:, None] * inv_freq.to(x.device).double()
    cos, sin = (mscale * angles.cos()).to(x.dtype), (mscale * angles.sin()).to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


# END SOLUTION
