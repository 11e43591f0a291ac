"""Right implementations of parallel/ddp, done differently."""

import contextlib

import torch
from torch import nn

from autograder.checks import alternative


@alternative("the other way around the ring, with slices of one buffer")
def ring_allreduce(x, comm):
    n, r = comm.size, comm.rank
    out = x.clone().reshape(-1)
    ends = [0]
    for i in range(n):
        ends.append(ends[-1] + len(out) // n + (i < len(out) % n))

    def part(i):
        return out[ends[i % n] : ends[i % n + 1]]

    for step in range(n - 1):
        comm.send(part(r + step), (r - 1) % n)
        part(r + step + 1).add_(comm.recv((r + 1) % n))
    for step in range(n - 1):
        comm.send(part(r - 1 + step), (r - 1) % n)
        part(r + step).copy_(comm.recv((r + 1) % n))
    return out.reshape(x.shape)


@alternative("2(n-1) steps in one loop; empty chunks are not sent")
def ring_allreduce(x, comm):
    n, r = comm.size, comm.rank
    chunks = list(x.flatten().tensor_split(n))
    for step in range(2 * n - 2):
        out, into = (r - step) % n, (r - step - 1) % n
        if chunks[out].numel():
            comm.send(chunks[out], (r + 1) % n)
        if chunks[into].numel():
            got = comm.recv((r - 1) % n)
            chunks[into] = chunks[into] + got if step < n - 1 else got
    return torch.cat(chunks).reshape(x.shape)


@alternative("steps times chunk")
def allreduce_bytes(n, nbytes):
    return 2 * (n - 1) * (nbytes / n)


class _Start(nn.Module):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__()
        self.module, self.comm, self.cap = module, comm, bucket_cap_bytes
        self.depth = 0
        for value in module.state_dict(keep_vars=True).values():
            comm.broadcast(value.data, src=0)
        self.trained = [p for p in module.parameters() if p.requires_grad]
        self.setup()

    def setup(self):
        pass

    def forward(self, x):
        if not self.depth:
            for buffer in self.module.buffers():
                self.comm.broadcast(buffer, 0)
        return self.module(x)

    @contextlib.contextmanager
    def no_sync(self):
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


@alternative("one all-reduce for each parameter, after backward", misses=["buckets_overlap_backward"])
class MiniDDP(_Start):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__(module, bucket_cap_bytes, comm)

    def forward(self, x):
        return super().forward(x)

    def no_sync(self):
        return super().no_sync()

    def finalize(self):
        for p in self.trained:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
            p.grad /= self.comm.size
            self.comm.all_reduce(p.grad)


@alternative("one flat buffer of all gradients, from the ring", misses=["buckets_overlap_backward"])
class MiniDDP(_Start):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__(module, bucket_cap_bytes, comm)

    def forward(self, x):
        return super().forward(x)

    def no_sync(self):
        return super().no_sync()

    def finalize(self):
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).view(-1) for p in self.trained])
        flat = ring_allreduce(flat, self.comm) / self.comm.size
        for p in self.trained:
            p.grad, flat = flat[: p.numel()].view_as(p).clone(), flat[p.numel() :]


@alternative("flags say which parameters were used, and only those are sent", misses=["buckets_overlap_backward"])
class MiniDDP(_Start):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__(module, bucket_cap_bytes, comm)

    def forward(self, x):
        return super().forward(x)

    def no_sync(self):
        return super().no_sync()

    def finalize(self):
        used = torch.tensor([float(p.grad is not None) for p in self.trained], dtype=self.trained[0].dtype)
        self.comm.all_reduce(used, op="max")
        work = []
        for p, anyone in zip(self.trained, used.tolist(), strict=True):
            if anyone:
                p.grad = torch.zeros_like(p) if p.grad is None else p.grad
                work.append((p, self.comm.all_reduce(p.grad, async_op=True)))
        for p, handle in work:
            handle.wait()
            p.grad.div_(self.comm.size)


@alternative("gradients are views into flat bucket buffers, counted down, divided before they are sent")
class MiniDDP(_Start):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__(module, bucket_cap_bytes, comm)

    def setup(self):
        self.groups = []
        for p in self.trained[::-1]:
            size = p.numel() * p.element_size()
            if not self.groups or sum(q.numel() * q.element_size() for q in self.groups[-1]) + size > self.cap:
                self.groups.append([])
            self.groups[-1].append(p)
        self.place = {p: i for i, group in enumerate(self.groups) for p in group}
        for p in self.trained:
            p.register_post_accumulate_grad_hook(self.hook)
        self.reset()

    def reset(self):
        self.left = [len(group) for group in self.groups]
        self.handles = []

    def hook(self, p):
        if self.depth:
            return
        self.left[self.place[p]] -= 1
        while len(self.handles) < len(self.groups) and self.left[len(self.handles)] == 0:
            self.send()

    def send(self):
        group = self.groups[len(self.handles)]
        flat = torch.zeros(sum(p.numel() for p in group), dtype=group[0].dtype, device=group[0].device)
        start = 0
        for p in group:
            if p.grad is not None:
                flat[start : start + p.numel()] = p.grad.reshape(-1) / self.comm.size
            start += p.numel()
        self.handles.append((group, flat, self.comm.all_reduce(flat, async_op=True)))

    def forward(self, x):
        return super().forward(x)

    def no_sync(self):
        return super().no_sync()

    def finalize(self):
        for _ in range(len(self.groups) - len(self.handles)):
            self.send()
        for group, flat, handle in self.handles:
            handle.wait()
            start = 0
            for p in group:
                p.grad = flat[start : start + p.numel()].view(p.shape)
                start += p.numel()
        self.reset()


@alternative("every rank gathers the gradients of all and takes their mean", misses=["buckets_overlap_backward"])
class MiniDDP(_Start):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__(module, bucket_cap_bytes, comm)

    def forward(self, x):
        return super().forward(x)

    def no_sync(self):
        return super().no_sync()

    def finalize(self):
        for p in self.trained:
            grad = torch.zeros_like(p) if p.grad is None else p.grad
            p.grad = torch.stack(self.comm.all_gather(grad)).mean(0)


@alternative("every rank sends its gradients to every other", misses=["buckets_overlap_backward"])
class MiniDDP(_Start):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__(module, bucket_cap_bytes, comm)

    def forward(self, x):
        return super().forward(x)

    def no_sync(self):
        return super().no_sync()

    def finalize(self):
        others = [rank for rank in range(self.comm.size) if rank != self.comm.rank]
        for p in self.trained:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
            for rank in others:
                self.comm.send(p.grad, rank)
        for p in self.trained:
            p.grad = sum((self.comm.recv(rank) for rank in others), start=p.grad) / self.comm.size


@alternative("rank 0 collects, averages and broadcasts", misses=["buckets_overlap_backward"])
class MiniDDP(_Start):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__(module, bucket_cap_bytes, comm)

    def forward(self, x):
        return super().forward(x)

    def no_sync(self):
        return super().no_sync()

    def finalize(self):
        for p in self.trained:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
            if self.comm.rank:
                self.comm.send(p.grad, 0)
            else:
                for rank in range(1, self.comm.size):
                    p.grad += self.comm.recv(rank)
                p.grad /= self.comm.size
            self.comm.broadcast(p.grad, 0)
