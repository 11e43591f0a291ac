"""Right ways to write qwen/qwen2_yarn_dca, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("frequencies as Hugging Face writes them, in float64")
def yarn_freqs(D, base, factor, orig, beta_fast=32.0, beta_slow=1.0):
    def correction(rotations):
        return (D * math.log(orig / (rotations * 2 * math.pi))) / (2 * math.log(base))

    low, high = max(math.floor(correction(beta_fast)), 0), min(math.ceil(correction(beta_slow)), D - 1)
    if low == high:
        high += 0.001
    pos_freqs = base ** (torch.arange(0, D, 2).double() / D)
    extra = 1 - torch.clamp((torch.arange(D // 2, dtype=torch.float64) - low) / (high - low), 0, 1)
    attention_factor = 1.0 if factor <= 1 else 0.1 * math.log(factor) + 1.0
    return 1.0 / (factor * pos_freqs) * (1 - extra) + 1.0 / pos_freqs * extra, attention_factor


@alternative("positions in loops, distances one by one, attention query by query over rotated differences")
def yarn_freqs(D, base, factor, orig, beta_fast=32.0, beta_slow=1.0):
    first = max(0, math.floor(D / 2 * math.log(orig / 2 / math.pi / beta_fast, base)))
    last = min(D - 1, math.ceil(D / 2 * math.log(orig / 2 / math.pi / beta_slow, base)))
    made = []
    for pair in range(D // 2):
        plain = base ** (-2 * pair / D)
        share = min(1.0, max(0.0, (pair - first) / ((last - first) or 0.001)))
        made.append(plain * (1 - share + share / factor))
    return torch.tensor(made, dtype=torch.float64), 1 + max(0.0, math.log(factor)) / 10


@alternative("positions in loops, distances one by one, attention query by query over rotated differences")
def dca_positions(T, chunk, local):
    if local < 1 or local > chunk:
        raise ValueError("the window must fit into a chunk")
    rows = [(t % chunk, min(chunk + t % chunk, chunk + local - 1), chunk + local - 1, t % chunk) for t in range(T)]
    made = torch.tensor(rows, dtype=torch.int64).reshape(T, 4)
    return tuple(made.T.contiguous())


@alternative("positions in loops, distances one by one, attention query by query over rotated differences")
def dca_relative_positions(T, chunk, local):
    dca_positions(0, chunk, local)  # raises where the window does not fit
    made = torch.full((T, T), -1, dtype=torch.int64)
    for i in range(T):
        for j in range(i + 1):
            chunks = i // chunk - j // chunk
            exact, far = i - j, chunk + local - 1 - j % chunk
            made[i, j] = exact if chunks == 0 else min(exact, far) if chunks == 1 else far
    return made


@alternative("positions in loops, distances one by one, attention query by query over rotated differences")
def dca_attention(q, k, v, chunk, local, inv_freq, mscale=1.0):
    T, S, D = q.shape[2], k.shape[2], q.shape[3]
    distance = dca_relative_positions(S, chunk, local)
    rows = []
    for t in range(T):
        i = S - T + t
        angles = distance[i, : i + 1, None] * inv_freq.double()
        c, s = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
        (qa, qb), (ka, kb) = q[:, :, t : t + 1].split(D // 2, -1), k[:, :, : i + 1].split(D // 2, -1)
        scores = ((qa * ka + qb * kb) * c + (qa * kb - qb * ka) * s).sum(-1) * (mscale**2 / D**0.5)
        rows.append((scores.softmax(-1)[..., None] * v[:, :, : i + 1]).sum(2))
    return torch.stack(rows, 2)


@alternative("chunk by chunk, three attentions merged by their log-sum-exp")
def dca_attention(q, k, v, chunk, local, inv_freq, mscale=1.0):
    T, S, D = q.shape[2], k.shape[2], q.shape[3]
    intra, succ, inter, places = dca_positions(S, chunk, local)

    def turned(x, p):
        turn = torch.polar(torch.full((len(p), D // 2), float(mscale), dtype=torch.float64), p[:, None] * inv_freq.double())
        wide = torch.complex(*x.double().tensor_split(2, -1)) * turn
        return torch.cat([wide.real, wide.imag], -1).to(x.dtype)

    def part(queries, keys, values, mask=None):
        scores = queries @ keys.transpose(-1, -2) * D**-0.5
        scores = scores if mask is None else scores.masked_fill(mask, -torch.inf)
        return scores.softmax(-1) @ values, scores.logsumexp(-1, keepdim=True)

    k, outs = turned(k, places), []
    for begin in range(0, S, chunk):
        end, first = min(begin + chunk, S), max(begin, S - T)
        if first >= end:
            continue
        ask = q[:, :, first - (S - T) : end - (S - T)]
        later = torch.arange(begin, end) > torch.arange(first, end)[:, None]
        parts = [part(turned(ask, intra[first:end]), k[:, :, begin:end], v[:, :, begin:end], later)]
        if begin:
            before = slice(begin - chunk, begin)
            parts.append(part(turned(ask, succ[first:end]), k[:, :, before], v[:, :, before]))
        if begin > chunk:
            parts.append(part(turned(ask, inter[first:end]), k[:, :, : begin - chunk], v[:, :, : begin - chunk]))
        weights = torch.stack([lse for _, lse in parts]).softmax(0)
        outs.append((weights * torch.stack([o for o, _ in parts])).sum(0))
    return torch.cat(outs, 2)


@alternative("with the numbers of ChunkLlama and vLLM: chunk_size and local_size")
def dca_positions(T, chunk, local):
    if not (0 < local <= chunk):
        raise ValueError(local)
    chunk_size, local_size = chunk + local - 1, local - 1
    chunk_len = chunk_size - local_size
    q_t = torch.arange(chunk_len)
    qc_t = (torch.arange(chunk_len) + chunk_len).clamp(max=chunk_size)
    positions = torch.arange(T)
    return q_t[positions % chunk_len], qc_t[positions % chunk_len], qc_t[chunk_len - 1].repeat(T), positions % chunk_len


@alternative("with the numbers of ChunkLlama and vLLM: chunk_size and local_size")
def dca_attention(q, k, v, chunk, local, inv_freq, mscale=1.0):
    T, S = q.shape[2], k.shape[2]
    freqs = torch.cat([inv_freq, inv_freq]).double()

    def emb(x, p):
        cos, sin = (p[:, None] * freqs).cos() * mscale, (p[:, None] * freqs).sin() * mscale
        front, back = x.chunk(2, -1)
        return x * cos.to(x.dtype) + torch.cat([-back, front], -1) * sin.to(x.dtype)

    intra, succ, inter, place = dca_positions(S, chunk, local)
    keys = emb(k, place)
    masks = dca_relative_positions(S, chunk, local)[S - T :] < 0
    number = torch.arange(S) // chunk
    apart = number[S - T :, None] - number
    scores = torch.zeros(())
    for kind, p in ((apart <= 0, intra), (apart == 1, succ), (apart > 1, inter)):
        scores = scores + kind * torch.einsum("bhtd,bhsd->bhts", emb(q, p[S - T :]), keys)
    scores = scores / q.shape[-1] ** 0.5 + torch.zeros(T, S, dtype=q.dtype).masked_fill(masks, torch.finfo(q.dtype).min)
    return torch.einsum("bhts,bhsd->bhtd", scores.softmax(-1), v)


@alternative("NumPy for frequencies, positions and distances")
def yarn_freqs(D, base, factor, orig, beta_fast=32.0, beta_slow=1.0):
    ends = D * np.log(orig / (2 * np.pi * np.array([beta_fast, beta_slow]))) / (2 * np.log(base))
    low, high = max(float(np.floor(ends[0])), 0.0), min(float(np.ceil(ends[1])), D - 1.0)
    ramp = np.interp(np.arange(D // 2), [low, high if high > low else low + 0.001], [0.0, 1.0])
    freqs = np.power(float(base), -np.arange(0, D, 2) / D)
    return torch.from_numpy(freqs - ramp * (freqs - freqs / factor)), float(1 + 0.1 * np.log(max(factor, 1)))


@alternative("NumPy for frequencies, positions and distances")
def dca_positions(T, chunk, local):
    if local not in range(1, chunk + 1):
        raise ValueError(f"no window of {local} in chunks of {chunk}")
    place = np.resize(np.arange(chunk), T)
    made = place, np.minimum(place + chunk, chunk + local - 1), np.full(T, chunk + local - 1), place
    return tuple(torch.from_numpy(each.astype(np.int64)) for each in made)


@alternative("NumPy for frequencies, positions and distances")
def dca_relative_positions(T, chunk, local):
    intra, succ, inter, key = (each.numpy() for each in dca_positions(T, chunk, local))
    number = np.arange(T) // chunk
    apart = np.subtract.outer(number, number)
    made = np.select([apart == 0, apart == 1], [intra[:, None] - key, succ[:, None] - key], inter[:, None] - key)
    return torch.from_numpy(np.where(np.tri(T, dtype=bool), made, -1))
