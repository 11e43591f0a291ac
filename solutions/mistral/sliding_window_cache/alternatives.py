"""Right ways to write mistral/sliding_window_cache, done differently."""

from collections import deque

import numpy as np
import torch

from autograder.checks import alternative

SHIFT = "the tokens stand in order: old ones move to the front, as Hugging Face's cache for windows joins and cuts"
DEQUE = "a deque of tokens, and loops"


@alternative(SHIFT)
class RollingCache:
    def __init__(self, B, G, W, D, dtype=torch.float32):
        self.W = W
        self.k, self.v = torch.empty(B, G, 0, D, dtype=dtype), torch.empty(B, G, 0, D, dtype=dtype)
        self.p = torch.empty(0, dtype=torch.int64)

    def append(self, k, v, pos):
        self.k = torch.cat([self.k, k.detach().to(self.k.dtype)], 2)[:, :, -self.W :].clone()
        self.v = torch.cat([self.v, v.detach().to(self.v.dtype)], 2)[:, :, -self.W :].clone()
        self.p = torch.cat([self.p, pos])[-self.W :].clone()

    def get(self):
        return self.k.clone(), self.v.clone(), self.p.clone()


@alternative(SHIFT)
def attend(q, k, v, pos, cache, W):
    """Keys are sorted by position and repeated for all heads; the mask is the usual one, cut at the lower right."""
    keys, values, where = cache.get()
    cache.append(k, v, pos)
    order = where.argsort()[max(0, len(where) - W) :]
    keys, values = torch.cat([keys[:, :, order], k], 2), torch.cat([values[:, :, order], v], 2)
    S, t = keys.shape[2], q.shape[2]
    rep = q.shape[1] // keys.shape[1]
    keys, values = (x.repeat_interleave(rep, 1) for x in (keys, values))
    mask = torch.ones(S, S).tril().triu(1 - W)[-t:]
    return torch.softmax(q @ keys.transpose(2, 3) / q.shape[-1] ** 0.5 + mask.log().to(q.dtype), -1) @ values


@alternative(DEQUE)
class RollingCache:
    def __init__(self, B, G, W, D, dtype=torch.float32):
        self.empty = torch.zeros(B, G, 0, D, dtype=dtype)
        self.tokens = deque(maxlen=W)

    def append(self, k, v, pos):
        for t, p in enumerate(pos.tolist()):
            if t >= len(pos) - self.tokens.maxlen:
                pair = torch.stack([k[:, :, t], v[:, :, t]]).detach().to(self.empty.dtype).clone()
                self.tokens.append((p, pair))

    def get(self):
        if not self.tokens:
            return self.empty.clone(), self.empty.clone(), torch.zeros(0, dtype=torch.int64)
        both = torch.stack([pair for _, pair in self.tokens], dim=3)
        return both[0], both[1], torch.tensor([p for p, _ in self.tokens])


@alternative(DEQUE)
def swa_mask(T, S, W):
    return torch.tensor([[S - T + t - W < j <= S - T + t for j in range(S)] for t in range(T)])


@alternative(DEQUE)
def chunked_prefill(step, ids, chunk):
    if chunk <= 0:
        raise ValueError(chunk)
    out, start = [], 0
    while start < ids.shape[1]:
        end = min(start + chunk, ids.shape[1])
        out.append(step(ids[:, start:end], torch.arange(start, end, device=ids.device)))
        start = end
    return torch.concat(out, 1)


@alternative(DEQUE)
def attend(q, k, v, pos, cache, W):
    old = cache.get()
    cache.append(k, v, pos)
    keys, values, where = (torch.cat(pair, dim) for pair, dim in zip(zip(old, (k, v, pos), strict=True), (2, 2, 0), strict=True))
    out = []
    for t in range(len(pos)):
        seen = ((where <= pos[t]) & (where + W > pos[t])).nonzero()[:, 0]
        heads = []
        for h in range(q.shape[1]):
            g = h * k.shape[1] // q.shape[1]
            s = torch.einsum("bd,bsd->bs", q[:, h, t], keys[:, g][:, seen]) / q.shape[-1] ** 0.5
            heads.append(torch.einsum("bs,bsd->bd", s.softmax(-1), values[:, g][:, seen]))
        out.append(torch.stack(heads, 1))
    return torch.stack(out, 2)


@alternative("a ring in which a pointer goes around, written token by token, and unrolled when it is read, as in Mistral's first code")
class RollingCache:
    def __init__(self, B, G, W, D, dtype=torch.float32):
        self.ring = torch.zeros(2, B, G, W, D, dtype=dtype)
        self.W, self.end, self.n = W, 0, 0

    @torch.no_grad()
    def append(self, k, v, pos):
        for t in range(max(0, len(pos) - self.W), len(pos)):
            p = int(pos[t])
            self.ring[0, :, :, p % self.W], self.ring[1, :, :, p % self.W] = k[:, :, t], v[:, :, t]
        self.n, self.end = min(self.n + len(pos), self.W), int(pos[-1]) + 1

    def get(self):
        first = self.end - self.n
        ring = torch.roll(self.ring, -(first % self.W), dims=3)[:, :, :, : self.n]
        return ring[0].clone(), ring[1].clone(), torch.arange(first, self.end)


@alternative("attention in einsum, with the mask as a product of two steps, and weights that are put together by exp and a sum")
def attend(q, k, v, pos, cache, W):
    ok, ov, op = cache.get()
    cache.append(k.clone(), v.clone(), pos.clone())
    K, V, P = torch.cat((k, ok), -2), torch.cat((v, ov), -2), torch.cat((pos, op))  # new ones first: the order does not matter
    B, H, t, D = q.shape
    q = q.reshape(B, K.shape[1], H // K.shape[1], t, D) / D**0.5
    distance = pos.unsqueeze(1) - P.unsqueeze(0)
    scores = torch.einsum("bgntd,bgsd->bgnts", q, K).masked_fill((distance < 0) | (distance >= W), float("-inf"))
    e = (scores - scores.amax(-1, keepdim=True).detach()).exp()
    return torch.einsum("bgnts,bgsd->bgntd", e / e.sum(-1, keepdim=True), V).reshape(B, H, t, D)


@alternative("NumPy for the mask and a band of diagonals")
def swa_mask(T, S, W):
    full = np.tri(S, dtype=bool) & ~np.tri(S, k=-W, dtype=bool)
    return torch.from_numpy(full[S - T :].copy())


@alternative("a sum over the layers, and NumPy's way to cut")
def receptive_field(L, W):
    reach = 1
    for _ in range(L):
        reach += W - 1
    return reach


@alternative("a sum over the layers, and NumPy's way to cut")
def chunked_prefill(step, ids, chunk):
    if not chunk >= 1:
        raise ValueError
    cuts = list(range(chunk, ids.shape[1], chunk))
    parts = torch.tensor_split(ids, cuts, dim=1)
    where = torch.tensor_split(torch.arange(ids.shape[1], device=ids.device), cuts)
    first = step(parts[0], where[0])
    whole = first.new_empty(ids.shape[0], ids.shape[1], *first.shape[2:])
    whole[:, : first.shape[1]] = first
    for part, pos in zip(parts[1:], where[1:], strict=True):
        whole[:, pos] = step(part, pos)
    return whole
