"""Right ways to write framework/vllm_paged_attention, done differently."""

import math
from collections import Counter, deque

import numpy as np
import torch

from autograder.checks import alternative


@alternative("a queue of free blocks from the front, as vLLM's, and a counter of users")
class BlockAllocator:
    def __init__(self, n):
        self.queue, self.n, self.refs = deque(range(n)), n, Counter()

    @property
    def n_free(self):
        return len(self.queue)

    def _check(self, b):
        if self.refs[b] < 1:
            raise ValueError(f"{b} is not in use")

    def alloc(self):
        if not self.queue:
            raise MemoryError
        b = self.queue.popleft()
        self.refs[b] += 1
        return b

    def free(self, b):
        self._check(b)
        self.refs[b] -= 1
        if self.refs[b] == 0:
            self.queue.append(b)

    def fork(self, blocks):
        for b in blocks:
            self._check(b)
        self.refs.update(blocks)
        return [*blocks]

    def cow(self, b):
        self._check(b)
        if self.refs[b] > 1:
            new = self.alloc()
            self.free(b)
            return new, True
        return b, False


@alternative("no list of free blocks: the smallest one with no user is looked for")
class BlockAllocator:
    def __init__(self, n):
        self.users = np.zeros(n, dtype=np.int64)

    @property
    def n_free(self):
        return int((self.users == 0).sum())

    def alloc(self):
        empty = np.flatnonzero(self.users == 0)
        if not len(empty):
            raise MemoryError
        self.users[empty[0]] = 1
        return int(empty[0])

    def free(self, b):
        if b not in range(len(self.users)) or self.users[b] == 0:
            raise ValueError
        self.users[b] -= 1

    def fork(self, blocks):
        if not all(b in range(len(self.users)) and self.users[b] for b in blocks):
            raise ValueError
        np.add.at(self.users, blocks, 1)
        return blocks[:]

    def cow(self, b):
        self.fork([b])
        self.free(b)
        if self.users[b] == 1:
            return b, False
        new = self.alloc()
        self.free(b)
        return new, True


@alternative("token by token, with divmod")
def write_kv(kc, vc, k, v, slots):
    for t, slot in enumerate(slots.tolist()):
        if slot != -1:
            b, i = divmod(slot, kc.shape[1])
            kc[b, i].copy_(k[t])
            vc[b, i].copy_(v[t])


@alternative("index_put_")
def write_kv(kc, vc, k, v, slots):
    keep = (slots != -1).nonzero().squeeze(1)
    where = (torch.div(slots[keep], kc.size(1), rounding_mode="floor"), slots[keep].remainder(kc.size(1)))
    kc.index_put_(where, k.index_select(0, keep))
    vc.index_put_(where, v.index_select(0, keep))


@alternative("all requests at once: gathered, masked before the softmax, values cleared")
def paged_attention(q, kc, vc, block_tables, ctx_lens, scale):
    _R, H, _D = q.shape
    _nb, bs, G, _ = kc.shape
    length = torch.arange(block_tables.shape[1] * bs)
    real = length < ctx_lens[:, None]  # (R, m bs)
    tables = block_tables.masked_fill(~real[:, ::bs], 0)
    hole = ~real[..., None, None]
    k = kc[tables].flatten(1, 2).masked_fill(hole, 0).repeat_interleave(H // G, 2)  # (R, m bs, H, D)
    v = vc[tables].flatten(1, 2).masked_fill(hole, 0).repeat_interleave(H // G, 2)
    scores = torch.einsum("rhd,rshd->rhs", q * scale, k).masked_fill(~real[:, None], -math.inf)
    return torch.einsum("rhs,rshd->rhd", torch.softmax(scores, -1), v)


@alternative("block by block with a running maximum, as the kernel does it")
def paged_attention(q, kc, vc, block_tables, ctx_lens, scale):
    R, H, D = q.shape
    bs, G = kc.shape[1], kc.shape[2]
    out = torch.zeros(R, H, D, dtype=q.dtype)
    head = torch.arange(H) // (H // G)
    for r in range(R):
        top = torch.full((H,), -math.inf, dtype=q.dtype)
        total, acc = torch.zeros(H, dtype=q.dtype), torch.zeros(H, D, dtype=q.dtype)
        left = ctx_lens[r].item()
        for b in block_tables[r].tolist():
            n = min(bs, left)
            if n <= 0:
                break
            s = (q[r, None] * kc[b, :n][:, head]).sum(-1) * scale  # (n, H)
            new = torch.maximum(top, s.amax(0))
            p, shrink = torch.exp(s - new), torch.exp(top - new)
            total = total * shrink + p.sum(0)
            acc = acc * shrink[:, None] + (p[..., None] * vc[b, :n][:, head]).sum(0)
            top, left = new, left - n
        out[r] = acc / total[:, None]
    return out


@alternative("slot by slot in NumPy")
def paged_attention(q, kc, vc, block_tables, ctx_lens, scale):
    k, v, Q, tables = (x.numpy() for x in (kc, vc, q, block_tables))
    bs, size = k.shape[1], Q.shape[1] // k.shape[2]
    out = np.empty(Q.shape, dtype=Q.dtype)
    for r, n in enumerate(ctx_lens.tolist()):
        where = [(tables[r, j // bs], j % bs) for j in range(n)]
        for h in range(Q.shape[1]):
            keys, values = (np.stack([x[b, i, h // size] for b, i in where]) for x in (k, v))
            s = keys @ Q[r, h] * Q.dtype.type(scale)
            w = np.exp(s - s.max())
            out[r, h] = (w / w.sum()) @ values
    return torch.from_numpy(out)


@alternative("blocks times their size, less the tokens")
def waste(ctx_lens, bs):
    return sum(math.ceil(n / bs) * bs for n in ctx_lens) - sum(ctx_lens)


@alternative("counted slot by slot")
def waste(ctx_lens, bs):
    empty = 0
    for n in ctx_lens:
        while n % bs:
            n, empty = n + 1, empty + 1
    return empty


alternative(
    "a kernel with powers of two, the scale in the query, and heads before requests",
    edit={
        "p, before = tl.exp(s - top_new), tl.exp(top - top_new)": "p, before = tl.exp2(1.4426950408889634 * (s - top_new)), tl.exp2(1.4426950408889634 * (top - top_new))",
        "other=0.0).to(tl.float32)  # (1, WIDTH)": "other=0.0).to(tl.float32) * scale",
        "tl.sum(q_r * k_j, 1)[:, None] * scale": "tl.sum(q_r * k_j, 1)[:, None]",
        "tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)": "tl.program_id(1).to(tl.int64), tl.program_id(0), tl.num_programs(0)",
        "_paged[R, H](": "_paged[H, R](",
    },
)


@alternative("no kernel", misses=["a_kernel_walks_over_the_blocks", "a_compiled_kernel_walks_over_the_blocks"])
def paged_attention_triton(q, kc, vc, block_tables, ctx_lens, scale):
    raise NotImplementedError
