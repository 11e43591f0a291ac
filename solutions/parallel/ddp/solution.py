"""Data parallelism as `DistributedDataParallel` does it: ring all-reduce, gradient buckets, and communication that overlaps backward.

Every rank runs the same program on data of its own. What it knows of the others goes through `comm`, its end of a simulated
world (`autograder/lab/world.py`, made after `torch.distributed`): `comm.rank` and `comm.size`; `send` and `recv`; `broadcast`,
`all_reduce` and other collectives. The k-th collective that one rank calls meets the k-th of every other rank, so all ranks must
make the same calls in the same order: else you read `Mismatch`, or `Deadlock` where real machines would hang. Ranks share no
memory: module-level variables and class attributes are no way to pass anything. `torch.distributed` is not allowed here.
"""

from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from autograder.lab.world import Comm


def ring_allreduce(x: Tensor, comm: Comm) -> Tensor:
    """The sum of all ranks' x, by sending chunks around a ring with `comm.send` and `comm.recv` alone.

    x: any shape and dtype, the same on every rank, contiguous or not. It is not changed, nor is its `requires_grad`.
    comm: this rank's end; every rank calls this function. `comm.send(t, dst)` does not wait, `comm.recv(src)` does.

    Returns a new tensor of x's shape and dtype: on every rank the sum over ranks.

    - x, flattened, is cut into n = comm.size chunks as `torch.tensor_split(x.flatten(), n)` cuts it. A chunk may be empty when
      x has fewer than n elements; an empty chunk may be sent or left out.
    - In each of 2(n-1) steps a rank sends one chunk to the next rank on the ring, (rank + 1) % n, and receives one from the
      previous rank. (The other direction round the ring is as good, if all ranks go the same way.)
    - Reduce-scatter, n-1 steps: what arrives is added to the own chunk and passed on, until each chunk is complete somewhere.
    - All-gather, n-1 steps: the complete chunks go once more around.
    - With n = 1 nothing is sent.

    n = 2, x = [1, 2, 3] on rank 0 and [10, 20, 30] on rank 1: the chunks have 2 and 1 elements.
        Reduce-scatter: rank 0 sends [1, 2], rank 1 sends [30]. Now rank 1 has [11, 22] complete, and rank 0 has [33].
        All-gather: rank 0 sends [33], rank 1 sends [11, 22]. Both return [11, 22, 33].
    """
    # BEGIN SOLUTION
    n, r = comm.size, comm.rank
    chunks = [chunk.clone() for chunk in torch.tensor_split(x.flatten(), n)]
    for step in range(n - 1):  # reduce-scatter: afterwards chunk (r + 1) % n is complete here
        comm.send(chunks[(r - step) % n], (r + 1) % n)
        chunks[(r - step - 1) % n] += comm.recv((r - 1) % n)
    for step in range(n - 1):  # all-gather: pass on what was completed, or arrived, last
        comm.send(chunks[(r + 1 - step) % n], (r + 1) % n)
        chunks[(r - step) % n] = comm.recv((r - 1) % n)
    return torch.cat(chunks).view(x.shape)
    # END SOLUTION


def allreduce_bytes(n: int, nbytes: int) -> float:
    """Bytes that each of n ranks sends in a ring all-reduce of `nbytes` bytes, if the chunks are equal: 2 (n-1)/n · nbytes.

    n: number of ranks, at least 1. nbytes: size of the whole tensor in bytes, at least 0.

    Returns bytes sent by one rank (it receives as many). One rank alone sends nothing.

    >>> allreduce_bytes(4, 100)  # 6 chunks of 25
    150.0
    """
    # BEGIN SOLUTION
    return 2 * (n - 1) / n * nbytes
    # END SOLUTION


class MiniDDP(nn.Module):
    """Wraps a module so that every rank's backward ends with the gradients averaged over ranks.

        ddp = MiniDDP(module, bucket_cap_bytes=25 * 2**20, comm=comm)
        with ddp.no_sync():                       # some micro-batches that only accumulate
            loss(ddp(x1)).backward()
        loss(ddp(x2)).backward()                  # gradients are averaged while this runs
        ddp.finalize()                            # … and are there after this
        optimizer.step()

    Ranks have modules of the same structure: the same parameters and buffers in the same order. All parameters have one dtype.
    There may be several MiniDDPs, each with a module of its own. But for buffers and gradients, every call leaves the module and
    what is passed as they are: modes (training or evaluation), `requires_grad`, the parameters as objects, x.
    """

    def __init__(self, module: nn.Module, bucket_cap_bytes: int, comm: Comm) -> None:
        """Make all ranks start alike, form the buckets, and register hooks.

        module: wrapped as it is (no copy), and kept as `self.module`. Its parameters and buffers differ from rank to rank when
            they come here; afterwards every rank has those of rank 0, parameters and buffers alike (integer buffers too).
        bucket_cap_bytes: size of a bucket. Buckets are formed from the parameters with `requires_grad`, in *reverse* order of
            `module.parameters()` (backward reaches the last layers first): a parameter goes into the current bucket, unless that
            is not empty and would then be larger than `bucket_cap_bytes`; then it begins the next one. A parameter larger
            than the cap has a bucket of its own.
        comm: this rank's end of the world.

        Full marks need right gradients only, also from one all-reduce for each parameter, or after backward has ended. The
        bonus asks for DDP's way: one all-reduce for each bucket, of its gradients joined into one flat tensor; started with
        `async_op=True` from the hook (`register_post_accumulate_grad_hook`) of the bucket's last gradient, while backward
        goes on; waited for in `finalize` only.
        """
        # BEGIN SOLUTION
        super().__init__()
        self.module, self.comm, self.synchronised = module, comm, True
        for tensor in (*module.parameters(), *module.buffers()):
            comm.broadcast(tensor, src=0)
        self.buckets: list[list[nn.Parameter]] = []
        room = 0
        for p in reversed([p for p in module.parameters() if p.requires_grad]):
            if not self.buckets or p.nbytes > room:
                self.buckets.append([])
                room = bucket_cap_bytes
            self.buckets[-1].append(p)
            room -= p.nbytes
            p.register_post_accumulate_grad_hook(self._gradient_is_ready)
        self._begin()
        # END SOLUTION

    # BEGIN SOLUTION
    def _begin(self) -> None:
        self.missing = [set(bucket) for bucket in self.buckets]  # gradients that have not come yet
        self.launched = []  # (flat gradients, handle) of the first buckets

    def _gradient_is_ready(self, p: Tensor) -> None:
        if not self.synchronised:
            return
        for missing in self.missing:
            missing.discard(p)
        # In order, and so in the same order on every rank, whatever order the gradients come in.
        while len(self.launched) < len(self.buckets) and not self.missing[len(self.launched)]:
            self._launch()

    def _launch(self) -> None:
        bucket = self.buckets[len(self.launched)]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
        flat = torch.cat([grad.flatten() for grad in grads])
        self.launched.append((flat, self.comm.all_reduce(flat, async_op=True)))

    # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """`module(x)`, after every buffer has been set to that of rank 0 (running statistics drift apart on different data).

        Buffers are set at the start of every forward, in training and in eval mode alike. (Under `no_sync` it makes no
        difference here: nobody looks.)
        """
        # BEGIN SOLUTION
        for buffer in self.module.buffers():
            self.comm.broadcast(buffer, src=0)
        return self.module(x)
        # END SOLUTION

    def no_sync(self) -> AbstractContextManager:
        """A block in which backward only accumulates gradients on this rank: no gradient is sent.

        The first backward outside of it sends everything that has accumulated since the gradients were cleared, once. The block
        ends also when an exception leaves it, and blocks can be nested: inside the outer one nothing is sent.
        """

        # BEGIN SOLUTION
        @contextmanager
        def accumulating():
            before, self.synchronised = self.synchronised, False
            try:
                yield
            finally:
                self.synchronised = before

        return accumulating()
        # END SOLUTION

    def finalize(self) -> None:
        """End the communication of the backward before it; called once after each backward outside of `no_sync`, on every rank.

        Afterwards every parameter's `.grad` is, on every rank, the mean over ranks of what the ranks had accumulated: the sum
        divided by `comm.size`.

        - A parameter that this rank did not use has no gradient here and counts as 0 in the mean. Which parameters are used may
          differ from rank to rank and from step to step, and so may the order in which gradients become ready; no rank
          knows what another one used.
        - A parameter that no rank used may keep `.grad` None, or get zeros: both are right.
        - A parameter that only a backward under `no_sync` used counts with what it accumulated there.
        - Parameters with `requires_grad=False` are left alone.

        The next step begins anew: forward, backward and finalize can be repeated.
        """
        # BEGIN SOLUTION
        while len(self.launched) < len(self.buckets):  # held up by parameters without a gradient
            self._launch()
        for bucket, (flat, handle) in zip(self.buckets, self.launched, strict=True):
            handle.wait()
            mean = flat / self.comm.size
            for p, grad in zip(bucket, mean.split([p.numel() for p in bucket]), strict=True):
                p.grad = grad.view_as(p).clone()
        self._begin()
        # END SOLUTION
