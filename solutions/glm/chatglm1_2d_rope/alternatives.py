"""Right ways to write glm/chatglm1_2d_rope, done differently."""

import numpy as np
import torch

from autograder.checks import alternative


@alternative("as SwissArmyTransformer: a triangle with columns filled, row by row; halves by chunk, rotate_half, cosines twice as wide")
def chatglm1_inputs(ids, bos, mask_pos, pad_len):
    B, T = ids.shape
    starts = [row.index(bos) for row in ids.tolist()]
    mask = torch.ones(B, T, T).tril()
    position = []
    for i, (start, pad) in enumerate(zip(starts, pad_len, strict=True)):
        mask[i, :, :start] = 1
        mask[i, :, :pad] = 0
        mask[i, :pad, :] = 0
        mask[i].fill_diagonal_(1)
        one = torch.arange(T - pad)
        one[start - pad :] = mask_pos[i] - pad
        two = torch.cat([torch.zeros(start, dtype=torch.long), torch.arange(T - start) + 1])
        position.append(torch.stack([torch.cat([torch.zeros(pad, dtype=torch.long), one]), two]))
    return mask.unsqueeze(1) > 0.5, torch.stack(position)


def rotate_half(x):
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


@alternative("as SwissArmyTransformer: a triangle with columns filled, row by row; halves by chunk, rotate_half, cosines twice as wide")
def rope_2d(x, pos):
    parts = []
    for k, part in enumerate(x.chunk(2, dim=-1)):
        dim = part.shape[-1]
        inv_freq = 1.0 / (10000 ** (torch.arange(0, dim, 2).to(x.dtype) / dim))
        freqs = pos[:, k, None, :, None].to(x.dtype) * inv_freq
        emb = torch.cat((freqs, freqs), dim=-1)
        parts.append(part * emb.cos() + rotate_half(part) * emb.sin())
    return torch.cat(parts, dim=-1)


@alternative("as ChatGLM-6B's tokenizer: each row alone, then padded, in NumPy; rotation by complex numbers")
def chatglm1_inputs(ids, bos, mask_pos, pad_len):
    masks, positions = [], []
    for row, at, pad in zip(ids.numpy(), mask_pos, pad_len, strict=True):
        alone = row[pad:]
        n, context = len(alone), int(np.flatnonzero(alone == bos)[0])
        mask = np.tril(np.ones((n, n), dtype=bool))
        mask[:, :context] = True
        one = np.arange(n)
        one[context:] = at - pad
        two = np.concatenate([np.zeros(context, dtype=np.int64), np.arange(1, n - context + 1)])
        masks.append(np.pad(mask, [(pad, 0), (pad, 0)]) | np.eye(len(row), dtype=bool))
        positions.append(np.pad(np.stack([one, two]), [(0, 0), (pad, 0)]))
    return torch.from_numpy(np.stack(masks))[:, None], torch.from_numpy(np.stack(positions))


@alternative("as ChatGLM-6B's tokenizer: each row alone, then padded, in NumPy; rotation by complex numbers")
def rope_2d(x, pos):
    half = x.shape[-1] // 2
    frequencies = torch.tensor([10000 ** (-2 * i / half) for i in range(half // 2)], dtype=torch.float64)
    out = []
    for k in range(2):
        a, b = x[..., k * half : (k + 1) * half].double().tensor_split(2, -1)
        angle = pos[:, k].double()[:, None, :, None] * frequencies
        turned = torch.complex(a, b) * torch.polar(torch.ones_like(angle), angle)
        out += [turned.real, turned.imag]
    return torch.cat(out, -1).to(x.dtype)


@alternative("pair by pair from what each token is: padding, context or answer")
def chatglm1_inputs(ids, bos, mask_pos, pad_len):
    B, T = ids.shape
    mask, pos = torch.zeros(B, 1, T, T, dtype=torch.bool), torch.zeros(B, 2, T, dtype=torch.int64)
    for b, row in enumerate(ids.tolist()):
        start = row.index(bos)
        for t in range(T):
            mask[b, 0, t, t] = True
            if t < pad_len[b]:
                continue
            pos[b, 0, t] = (t if t < start else mask_pos[b]) - pad_len[b]
            pos[b, 1, t] = max(t - start + 1, 0)
            for s in range(pad_len[b], T):
                mask[b, 0, t, s] |= s < start or s <= t
    return mask, pos


@alternative("positions by cumulative sums")
def chatglm1_inputs(ids, bos, mask_pos, pad_len):
    T = ids.shape[1]
    real = torch.arange(T)[None] >= torch.tensor(pad_len)[:, None]
    answer = (ids == bos).long().cumsum(1) > 0
    two = answer.long().cumsum(1)
    one = (real.long().cumsum(1) - 1).clamp(min=0)
    kept = one.gather(1, torch.tensor(mask_pos)[:, None])
    one = one * ~answer + kept * answer
    both = real[:, None, :] & real[:, :, None]
    mask = both & (two[:, None, :] <= two[:, :, None])
    return (mask | torch.eye(T).bool())[:, None], torch.stack([one, two], 1)


@alternative("two by two matrices")
def rope_2d(x, pos):
    B, H, T, D = x.shape
    theta = 10000.0 ** (-torch.arange(D // 4, dtype=torch.float64) * 4 / D)
    angle = torch.einsum("bkt,f->bktf", pos.double(), theta)
    matrix = torch.stack([torch.stack([angle.cos(), -angle.sin()], -1), torch.stack([angle.sin(), angle.cos()], -1)], -2)
    parts = x.double().view(B, H, T, 2, 2, D // 4) if x.is_contiguous() else x.double().reshape(B, H, T, 2, 2, D // 4)
    return torch.einsum("bktfij,bhtkjf->bhtkif", matrix, parts).reshape(B, H, T, D).to(x.dtype)
