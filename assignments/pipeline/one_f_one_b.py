"""1F1B: as short as GPipe, with far fewer activations in memory.

A model is cut into p stages, one on each device; a batch of rows is cut into m micro-batches. An operation of a schedule is
(stage, "F" or "B", micro-batch), all numbered from 0, and device s runs stage s. F of a stage needs the output of the stage
before; B needs its own F and, but for the last stage, B of the stage behind. A device holds the activations of a micro-batch from
its F to its B.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Op = tuple[int, str, int]
Schedule = list[list[Op]]


def one_f_one_b(p: int, m: int) -> Schedule:
    """The 1F1B schedule (PipeDream-flush): a few forwards to warm up, then one forward and one backward in turn, then the
    backwards that are left.

    p: number of devices and stages, >= 1.
    m: number of micro-batches, >= 1; it may be smaller than p.

    Returns p lists: entry s is what device s runs, one after the other, in this order. Any schedule is right that

    - has each F and each B once, on its device, and never comes to a deadlock;
    - takes no longer than GPipe's: (m + p - 1) · (tf + tb), for a forward of tf and a backward of tb on each device;
    - and holds the activations of at most min(m, p - s) micro-batches on device s, at any time.

    One of them, for p = 2 and m = 3:

        [[(0, "F", 0), (0, "F", 1), (0, "B", 0), (0, "F", 2), (0, "B", 1), (0, "B", 2)],
         [(1, "F", 0), (1, "B", 0), (1, "F", 1), (1, "B", 1), (1, "F", 2), (1, "B", 2)]]

    >>> one_f_one_b(1, 1)
    [[(0, 'F', 0), (0, 'B', 0)]]
    """
    # YOUR CODE HERE
    raise NotImplementedError("one_f_one_b is not written yet")


def peak_activations(p: int, m: int) -> list[int]:
    """For each device, the most micro-batches whose activations it holds at once in 1F1B.

    >>> peak_activations(4, 8)
    [4, 3, 2, 1]
    """
    # YOUR CODE HERE
    raise NotImplementedError("peak_activations is not written yet")


def memory_vs_gpipe(p: int, m: int) -> list[float]:
    """For each device, the memory for activations in 1F1B as a fraction of what GPipe needs on it (no recomputation in either).

    >>> memory_vs_gpipe(2, 8)
    [0.25, 0.125]
    """
    # YOUR CODE HERE
    raise NotImplementedError("memory_vs_gpipe is not written yet")


def run_schedule(
    schedule: Schedule,
    stages: Sequence[nn.Module],
    x: Tensor,
    y: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Execute a schedule: one training step's gradients, on real modules (here all in one process).

    schedule: any valid schedule, not 1F1B alone: p lists, each with the F and B of all m micro-batches, without a deadlock. So
        m = len(schedule[0]) // 2.
    stages: p modules. Each takes one tensor and returns one, with the same number of rows; the output of one is the input of
        the next. The first has parameters that require gradients; others may have none. They have no randomness, no state but their
        parameters, and share none.
    x: the input of the first stage, B >= m rows: floats, or int64 ids of tokens.
    y: the targets, B rows.
    loss_fn: loss_fn(output, targets) is the *mean* loss over the rows that it is given, of shape ().

    Micro-batches are those of `x.tensor_split(m)`: when m does not divide B, the first ones have one row more.

    Stage s runs the operations of `schedule[s]`, each once, in exactly that order. How the devices take turns is yours: go round,
    and let each run on until it has to wait.

    - Afterwards `.grad` of each parameter has *grown* by the gradient of the mean loss over the whole batch. (It may hold
      something before the call: leave that in.) PyTorch's schedules weigh every micro-batch by 1/m instead, which is the same when
      m divides B; the example below shows the difference.
    - Returns the mean loss over the batch: shape (), the dtype of the losses, without a graph (`requires_grad` is False).
    - The weights stay as they are until the last B has run, and after it: updating them is the optimizer's. x, y and the stages
      are as before (but for `.grad`): their parameters are the same objects, their modes and what requires gradients stay. A
      parameter that requires no gradient gets none.
    - A stage keeps what the backward of a micro-batch needs from its F to its B, and no longer: what B has used is freed
      at once, so the memory is what the schedule promises. When the call has returned, nothing of it is held: not x, y, or the loss.

    With B = 3 rows and a schedule of 2 micro-batches, these have 2 rows and 1; their mean losses 10 and 36 weigh 2/3 and 1/3:

    >>> lin = torch.nn.Linear(1, 1, bias=False)
    >>> weight = torch.nn.init.constant_(lin.weight, 2.0)
    >>> x, y = tensor([[1.0], [2.0], [3.0]]), torch.zeros(3, 1)
    >>> schedule = [[(0, "F", 0), (0, "B", 0), (0, "F", 1), (0, "B", 1)]]
    >>> run_schedule(schedule, [lin], x, y, torch.nn.functional.mse_loss)
    tensor(18.6667)
    """
    # YOUR CODE HERE
    raise NotImplementedError("run_schedule is not written yet")
