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
    # YOUR CODE HERE
    raise NotImplementedError("ring_allreduce is not written yet")


def allreduce_bytes(n: int, nbytes: int) -> float:
    """Bytes that each of n ranks sends in a ring all-reduce of `nbytes` bytes, if the chunks are equal: 2 (n-1)/n · nbytes.

    n: number of ranks, at least 1. nbytes: size of the whole tensor in bytes, at least 0.

    Returns bytes sent by one rank (it receives as many). One rank alone sends nothing.

    >>> allreduce_bytes(4, 100)  # 6 chunks of 25
    150.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("allreduce_bytes is not written yet")


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
        # YOUR CODE HERE
        raise NotImplementedError("MiniDDP.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """`module(x)`, after every buffer has been set to that of rank 0 (running statistics drift apart on different data).

        Buffers are set at the start of every forward, in training and in eval mode alike. (Under `no_sync` it makes no
        difference here: nobody looks.)
        """
        # YOUR CODE HERE
        raise NotImplementedError("MiniDDP.forward is not written yet")

    def no_sync(self) -> AbstractContextManager:
        """A block in which backward only accumulates gradients on this rank: no gradient is sent.

        The first backward outside of it sends everything that has accumulated since the gradients were cleared, once. The block
        ends also when an exception leaves it, and blocks can be nested: inside the outer one nothing is sent.
        """

        # YOUR CODE HERE
        raise NotImplementedError("MiniDDP.no_sync is not written yet")

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
        # YOUR CODE HERE
        raise NotImplementedError("MiniDDP.finalize is not written yet")
