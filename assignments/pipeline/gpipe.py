"""GPipe: micro-batches follow each other through the pipeline, all forwards first, then all backwards.

A model is cut into p stages, one on each device; a batch of rows is cut into m micro-batches. An operation of a schedule is
(stage, "F" or "B", micro-batch), all numbered from 0, and device s runs stage s. F of a stage needs the output of the stage
before; B needs its own F and, but for the last stage, B of the stage behind.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Op = tuple[int, str, int]
Schedule = list[list[Op]]


def gpipe_schedule(p: int, m: int) -> Schedule:
    """GPipe's schedule: each device runs the forwards of all micro-batches, then their backwards.

    p: number of devices and stages, >= 1.
    m: number of micro-batches, >= 1.

    Returns p lists: entry s is what device s runs, one after the other, in this order. The order among the forwards and among
    the backwards is yours, as long as the whole takes no longer than it must: with a forward of tf and a backward of tb on each
    device, (m + p - 1) · (tf + tb).

    One of them, for p = m = 2:

        [[(0, "F", 0), (0, "F", 1), (0, "B", 0), (0, "B", 1)],
         [(1, "F", 0), (1, "F", 1), (1, "B", 0), (1, "B", 1)]]

    >>> gpipe_schedule(1, 1)
    [[(0, 'F', 0), (0, 'B', 0)]]
    """
    # YOUR CODE HERE
    raise NotImplementedError("gpipe_schedule is not written yet")


def bubble(p: int, m: int) -> float:
    """The share of all devices' time that is idle in GPipe's schedule (of the total, not of the busy time).

    >>> bubble(4, 8)  # 3/11
    0.2727
    """
    # YOUR CODE HERE
    raise NotImplementedError("bubble is not written yet")


def peak_bytes(m: int, boundary: int, inside: int, recompute: bool) -> int:
    """The most bytes of activations that one stage holds at once, in GPipe's schedule.

    m: number of micro-batches.
    boundary: bytes of the stage's input, for one micro-batch. It is held from F to B, always.
    inside: bytes of what the stage's layers save for the backward beside it, for one micro-batch. Held from F to B; with
        `recompute`, it is dropped after F, made again by a second forward just before B, for that micro-batch alone, and
        dropped after B. (It does not count while F runs without saving.)

    >>> peak_bytes(8, 10, 100, recompute=False)
    880
    >>> peak_bytes(8, 10, 100, recompute=True)
    180
    """
    # YOUR CODE HERE
    raise NotImplementedError("peak_bytes is not written yet")


def run_gpipe(
    stages: Sequence[nn.Module],
    x: Tensor,
    y: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    m: int,
    recompute: bool = False,
) -> Tensor:
    """One training step's gradients, computed the way GPipe does, on real modules (here all in one process).

    stages: p >= 1 modules. Each takes one tensor and returns one, with the same number of rows; the output of one is the input of
        the next. The first has parameters that require gradients; others may have none. They have no randomness, no state but their
        parameters, and share none.
    x: the input of the first stage, B >= 1 rows: floats, or int64 ids of tokens.
    y: the targets, B rows.
    loss_fn: loss_fn(output, targets) is the *mean* loss over the rows that it is given, of shape ().
    m: number of micro-batches, 1 <= m <= B. They are those of `x.tensor_split(m)`: when m does not divide B, the first ones have
        one row more.

    Each stage runs F for every micro-batch before its first B, as in `gpipe_schedule`: m forwards, then m backwards, once each.

    - Afterwards `.grad` of each parameter has *grown* by the gradient of the mean loss over the whole batch, whatever m is. (It
      may hold something before the call, as in gradient accumulation: leave that in.) PyTorch's schedules weigh every micro-batch
      by 1/m instead, which is the same when m divides B; the example below shows the difference.
    - Returns the mean loss over the batch: shape (), the dtype of the losses, without a graph (`requires_grad` is False).
    - Weights do not change. x, y and the stages are as before (but for `.grad`): their parameters are the same objects, their modes and
      what requires gradients stay, and so does torch's own gradient mode. A parameter that requires no gradient gets none.
    - recompute=True: F of a stage saves its input alone, and nothing for the backward (say, under `torch.no_grad()`); B runs the
      stage's forward again. A stage then runs forwards 2m times, and holds what a backward needs for one micro-batch at a time.

    A cut graph has two sides: the gradient that arrives at the input of stage s + 1 goes into the backward of stage s.

    (4 + 16 + 36) / 3; micro-batches of 2 and 1 rows have losses 10 and 36, which weigh 2/3 and 1/3:

    >>> lin = torch.nn.Linear(1, 1, bias=False)
    >>> weight = torch.nn.init.constant_(lin.weight, 2.0)
    >>> x, y = tensor([[1.0], [2.0], [3.0]]), torch.zeros(3, 1)
    >>> run_gpipe([lin], x, y, torch.nn.functional.mse_loss, m=2)
    tensor(18.6667)
    """
    # YOUR CODE HERE
    raise NotImplementedError("run_gpipe is not written yet")
