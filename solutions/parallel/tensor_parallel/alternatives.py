"""Right implementations of parallel/tensor_parallel, done differently."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative


def _ring_sum(x, comm):
    """Reduce-scatter and all-gather of the flat tensor, padded to n equal parts."""
    flat = F.pad(x.reshape(-1), (0, -x.numel() % comm.size))
    part = comm.reduce_scatter(flat)
    return torch.cat(comm.all_gather(part))[: x.numel()].view(x.shape)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.reduce_scatter(x.expand(comm.size, *x.shape).contiguous())[0]

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class _Fan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return _ring_sum(grad, ctx.comm), None


@alternative("f with a hook on the gradient, no autograd function")
def copy_to_ranks(x, comm):
    y = x.view_as(x)
    if y.requires_grad:
        y.register_hook(lambda grad: comm.all_reduce(grad.clone()))
    return y


@alternative("g as x plus a constant: the other ranks' part")
def reduce_from_ranks(x, comm):
    others = comm.all_reduce(x.detach().clone()) - x.detach()
    return x + others


@alternative("f with reduce-scatter and all-gather")
def copy_to_ranks(x, comm):
    return _Fan.apply(x, comm)


class _RingReduce(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        if comm.size == 1:
            return x.clone()
        parts = list(x.flatten().clone().tensor_split(comm.size))
        n, r = comm.size, comm.rank
        for step in range(2 * n - 2):
            out, into = (r - step) % n, (r - step - 1) % n
            comm.send(parts[out], (r + 1) % n)
            got = comm.recv((r - 1) % n)
            parts[into] = parts[into] + got if step < n - 1 else got
        return torch.cat(parts).view(x.shape)

    @staticmethod
    def backward(ctx, grad):
        return grad.clone(), None


@alternative("g from messages around a ring; empty tensors are not sent")
def reduce_from_ranks(x, comm):
    return _RingReduce.apply(x, comm) if x.numel() else x + 0


@alternative("shard by narrow")
def shard(x, dim, rank, n):
    size, rest = divmod(x.size(dim), n)
    if rest:
        raise ValueError("unequal parts")
    return x.narrow(dim, rank * size, size).contiguous().clone()


@alternative("heads by index, one head at a time")
def shard_qkv(weight, n_heads, n_kv_heads, rank, n):
    if n_heads % n != 0 or n_heads % n_kv_heads != 0 or len(weight) % (n_heads + 2 * n_kv_heads) != 0:
        raise ValueError
    if max(n, n_kv_heads) % min(n, n_kv_heads) != 0:
        raise ValueError
    heads = weight.reshape(n_heads + 2 * n_kv_heads, -1, weight.shape[1])
    mine = list(range(rank * n_heads // n, (rank + 1) * n_heads // n))
    used = sorted({h * n_kv_heads // n_heads for h in mine})
    chosen = [*mine, *(n_heads + h for h in used), *(n_heads + n_kv_heads + h for h in used)]
    return heads[chosen].flatten(0, 1)


@alternative("attention with a loop over heads and an explicit softmax; three linear layers of one copied x")
class ParallelAttention(nn.Module):
    def __init__(self, qkv, out, n_heads, n_kv_heads, comm):
        super().__init__()
        if n_kv_heads % comm.size:
            raise ValueError("key heads")
        self.comm, self.h, self.kv = comm, n_heads // comm.size, n_kv_heads // comm.size
        self.qkv = nn.Parameter(shard_qkv(qkv, n_heads, n_kv_heads, comm.rank, comm.size))
        self.out = RowParallelLinear(out, None, comm)

    def forward(self, x):
        x = copy_to_ranks(x, self.comm)
        rows = list(self.qkv.chunk(self.h + 2 * self.kv))
        mask = torch.ones(x.shape[1], x.shape[1]).tril().log().to(x.dtype)
        outputs = []
        for head in range(self.h):
            group = head * self.kv // self.h
            q, k, v = (x @ rows[i].T for i in (head, self.h + group, self.h + self.kv + group))
            outputs.append((q @ k.mT / q.shape[-1] ** 0.5 + mask).softmax(-1) @ v)
        return self.out(torch.cat(outputs, -1))


@alternative("the embedding with a table that has one row of zeros more")
class VocabParallelEmbedding(nn.Module):
    def __init__(self, weight, comm):
        super().__init__()
        self.comm = comm
        if len(weight) < comm.size:
            raise ValueError("too few tokens")
        parts = weight.tensor_split(comm.size)
        self.weight = nn.Parameter(parts[comm.rank].clone())
        self.start = sum(len(part) for part in parts[: comm.rank])

    def forward(self, ids):
        table = torch.cat([self.weight, self.weight.new_zeros(1, self.weight.shape[1])])
        local = ids - self.start
        local = torch.where((local < 0) | (local >= len(self.weight)), len(self.weight), local)
        return reduce_from_ranks(table[local], self.comm)


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, target, start, comm):
        largest = comm.all_reduce(logits.amax(-1), op="max")
        p = (logits - largest[..., None]).exp()
        local = target - start
        here = (local >= 0) & (local < logits.shape[-1])
        local = local.clamp(0, logits.shape[-1] - 1)
        own = torch.where(here, logits.gather(-1, local[..., None])[..., 0] - largest, 0.0)
        both = comm.all_reduce(torch.stack([p.sum(-1), own.to(p.dtype)]))
        p = p / both[0][..., None]
        ctx.save_for_backward(p, local, here)
        return both[0].log() - both[1]

    @staticmethod
    def backward(ctx, grad):
        p, local, here = ctx.saved_tensors
        p = p.scatter_add(-1, local[..., None], -here[..., None].to(p.dtype))
        return p * grad[..., None], None, None, None


@alternative("the loss with its own backward, two all-reduces: as Megatron-LM writes it")
def vocab_parallel_cross_entropy(logits, target, vocab_size, comm):
    return _Loss.apply(logits, target, vocab_range(vocab_size, comm.rank, comm.size)[0], comm)


@alternative("each rank's log Σ exp and the target's logit are gathered: two numbers a token")
def vocab_parallel_cross_entropy(logits, target, vocab_size, comm):
    start = sum(len(part) for part in torch.arange(vocab_size).tensor_split(comm.size)[: comm.rank])
    local = target - start
    here = (local >= 0) & (local < logits.shape[-1])
    own = logits.gather(-1, local.clamp(0, logits.shape[-1] - 1)[..., None])[..., 0]
    own = torch.where(here, own, torch.zeros_like(own))
    lse = logits.detach().logsumexp(-1)
    gathered = comm.all_gather(torch.stack([lse, own.detach()]))
    whole = torch.stack([each[0] for each in gathered]).logsumexp(0)
    wanted = torch.stack([each[1] for each in gathered]).sum(0)
    p = (logits.detach() - whole[..., None]).exp()
    carrier = (p * torch.where(p > 0, logits, torch.zeros_like(logits))).sum(-1) - own  # has the gradient, and no value
    return whole - wanted + (carrier - carrier.detach())
