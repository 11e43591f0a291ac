"""Data parallelism with a master, as in `torch.nn.DataParallel`: rank 0 has the data, the loss and the optimizer; the others compute for it.

Every rank runs the same program. What it knows of the others goes through `comm`, its end of a simulated world
(`autograder/lab/world.py`): `comm.rank`; `comm.size`, called n here; `comm.send(x, dst)`, which takes a tensor of any shape and does not
wait; `comm.recv(src)`, which does, and returns a tensor of the shape and dtype that was sent; and `comm.broadcast(x, src=0)`, which
writes rank 0's x into every rank's x and is called by all ranks. Nothing else of `comm` is needed, and no other collective may be used:
they give all ranks a result that the master alone wants. Nothing that is sent carries a gradient: `comm` detaches it.
`torch.distributed` is not allowed.
"""

import torch
from torch import Tensor, nn

from autograder.lab.world import Comm


def scatter(x: Tensor | None, comm: Comm) -> Tensor:
    """Rank 0 hands out its batch: each rank gets its rows.

    x: (B, …) with B ≥ 1 on rank 0, any dtype; None on the other ranks. It is not changed.

    Returns this rank's rows, as `x.chunk(n)` cuts them: ⌈B/n⌉ rows for each rank, in order, while there are any. So the last chunk
    may be smaller, and ranks for which nothing is left get x[:0], which has no rows. (`torch.nn.DataParallel` cuts in this way, and leaves
    such devices out; `torch.tensor_split` would give sizes that differ by one at most.)

    The rows are a copy and require no gradient, on rank 0 as on the others.

    x = [1, 2, 3, 4, 5] and n = 4: the ranks get [1, 2], [3, 4], [5] and [].
    """
    # YOUR CODE HERE
    raise NotImplementedError("scatter is not written yet")


def gather(y: Tensor | None, comm: Comm) -> Tensor | None:
    """Rank 0 collects rows: what all ranks have, one below the other, in the order of ranks.

    y: (rows, …), any number of rows; or None on a rank that has none, though not on rank 0. It is not changed.

    Returns a new tensor on rank 0, and None on the others.
    """
    # YOUR CODE HERE
    raise NotImplementedError("gather is not written yet")


class DataParallelSim:
    """One module on n ranks; rank 0's is the master.

        dp = DataParallelSim(module, comm)          # on every rank
        y = dp.forward(x if comm.rank == 0 else None)
        if comm.rank == 0:
            loss(y, target).backward()              # the loss of the whole batch, on rank 0 alone
        dp.backward(y.grad if comm.rank == 0 else None)
        if comm.rank == 0:
            optimizer.step()                        # the others get the new weights in the next forward
    """

    def __init__(self, module: nn.Module, comm: Comm) -> None:
        """module: of the same structure on every rank; its weights and buffers may differ until the first forward. It is not copied.
        A program may make several objects: each object has a module of its own.

        Modes (training or evaluation, of each part) and `requires_grad` are the caller's: they are the same on all ranks, and left as they
        are. The caller may change them between two steps.
        """
        # YOUR CODE HERE
        raise NotImplementedError("DataParallelSim.__init__ is not written yet")

    def forward(self, x: Tensor | None) -> Tensor | None:
        """Broadcast rank 0's parameters and buffers (all of them, each once), scatter x, compute, gather the outputs.

        x: (B, …) on rank 0, None on the others. It may be a view, and is left as it was. module(rows) gives one row of output for each row.

        Returns on rank 0 the outputs of all rows in order: a leaf that requires gradients. On the others None.

        - A rank without rows does not call its module.
        - Buffers that the module updates (BatchNorm's running statistics): rank 0 keeps what its own rows made of them. Those of other
          ranks are overwritten in the next forward.
        - With one rank it computes what the module alone would.
        """
        # YOUR CODE HERE
        raise NotImplementedError("DataParallelSim.forward is not written yet")

    def backward(self, grad: Tensor | None) -> None:
        """Bring the gradients of the whole batch to rank 0: the backward of the latest forward.

        grad: on rank 0 the gradient of the loss by the outputs, (B, …); None on the others. It may be a view, and is left as it was.
            Every rank with rows used at least one parameter that is trained.

        Scatter grad, let each rank with rows compute the gradients of its rows, send them to rank 0 and *sum* them there.

        - On rank 0 the sum is added to what `.grad` of each parameter holds, as `backward` does; the very first one is set.
        - On the other ranks `.grad` of every parameter stays as it was.
        - A parameter that a rank did not use counts with 0 there. If no rank used it, its `.grad` stays as it was; a None may
          become zeros.
        - Parameters with `requires_grad=False` are left alone, and nothing is sent for them. A rank without rows sends no gradients.
        """
        # YOUR CODE HERE
        raise NotImplementedError("DataParallelSim.backward is not written yet")


def combine_means(means: list[Tensor], sizes: list[int]) -> Tensor:
    """The mean over a whole batch from the means over its chunks, differentiable.

    (Some models return their loss, so each device has the mean loss of its own rows.)

    means: one number for each chunk, at least one. sizes: how many rows each chunk has, at least 1.

    >>> combine_means([tensor(1.0), tensor(4.0)], [2, 1])
    tensor(2.)
    """
    # YOUR CODE HERE
    raise NotImplementedError("combine_means is not written yet")


def dp_traffic(param_bytes: int, input_bytes: int, output_bytes: int, batch: int, n: int) -> dict[str, int]:
    """Bytes that rank 0 sends and receives in one forward and backward of `DataParallelSim`, over its own link.

    param_bytes: of all parameters together (all are trained; there are no buffers). input_bytes, output_bytes: of one row.
    batch: rows, at least 1. n: ranks.

    A broadcast sends one copy to each other rank, also to those without rows. Nothing is sent from rank 0 to itself.

    >>> dp_traffic(100, 1, 2, batch=5, n=4)  # rows: 2, 2, 1, 0
    {'sent': 309, 'received': 206}
    """
    # YOUR CODE HERE
    raise NotImplementedError("dp_traffic is not written yet")
