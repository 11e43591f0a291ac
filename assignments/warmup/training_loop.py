"""The training loop: one AdamW step, the learning rate's schedule, clipping by the global norm, gradient accumulation.

Parameters are leaf tensors, float32 or float64, that require gradients; a gradient is in `.grad`, or None where none has arrived. Gradients
are finite. Wherever `params` is asked for, any iterable will do, also one that can be walked through only once, as `model.parameters()`
is. Tensors may be views (transposed, sliced). No function changes torch's default dtype, or what requires gradients; nothing is shared
by two optimizers, and what was returned does not change later.

Write the formulas yourself: `torch.optim` and `torch.nn.utils` are not allowed here.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


def adamw_update(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    t: int,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of AdamW for one parameter ("Decoupled Weight Decay Regularization", algorithm 2), as PyTorch computes it.

    p, g, m, v: the parameter, its gradient, the running mean of the gradients and the running mean of their squares: one shape,
        one dtype. They are not changed, and no gradient is recorded.
    t: the number of this step, from 1.

    Returns the new (p, m, v), three new tensors of that dtype. With betas = (β1, β2) and λ = weight_decay:

        m = β1 m + (1 - β1) g                  v = β2 v + (1 - β2) g²
        m̂ = m / (1 - β1^t)                     v̂ = v / (1 - β2^t)
        p = p - lr λ p - lr m̂ / (√v̂ + eps)     with the old p on the right

    The decay takes the share lr λ off the old parameter. The gradient knows nothing of it: λ p is not added to g. eps stands
    outside of the root, beside the corrected √v̂. At t = 1, with m = v = 0, each number moves by about lr, however large its gradient is:

    >>> zero = tensor([0.0, 0.0])
    >>> adamw_update(tensor([1.0, 1.0]), tensor([4.0, -0.5]), zero, zero, 1, 0.25, weight_decay=0.0)[0]
    tensor([0.7500, 1.2500])
    >>> adamw_update(tensor([1.0, 1.0]), tensor([4.0, -0.5]), zero, zero, 1, 0.25, weight_decay=0.5)[0]  # less 0.25 · 0.5 · 1
    tensor([0.6250, 1.1250])
    """
    # YOUR CODE HERE
    raise NotImplementedError("adamw_update is not written yet")


class AdamW:
    """AdamW for all parameters of a model, with the settings of `adamw_update`.

    It has an attribute `lr`, which may be changed between two steps: a step uses the value that `lr` has then.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        # YOUR CODE HERE
        raise NotImplementedError("AdamW.__init__ is not written yet")

    def step(self) -> None:
        """Update every parameter that has a gradient, by `adamw_update` with its own m and v, which begin with zeros.

        Parameters are changed in place: other names of the same tensor, and views of it, see the new numbers. They stay leaves that
        require gradients, and their gradients stay as they are.

        A parameter whose `.grad` is None is left out altogether: it does not move or decay, its m and v stay, and its t does not
        count this step. So t counts the steps of one parameter, not of the optimizer. A gradient of zeros is a gradient: the parameter moves.
        """
        # YOUR CODE HERE
        raise NotImplementedError("AdamW.step is not written yet")

    def zero_grad(self) -> None:
        """Set the `.grad` of every parameter to None."""
        # YOUR CODE HERE
        raise NotImplementedError("AdamW.zero_grad is not written yet")


def cosine_with_warmup(step: int, warmup: int, total: int, floor: float = 0.0) -> float:
    """What the highest learning rate is multiplied by in step `step` = 0, 1, … total.

    In the first `warmup` steps the factor is step / warmup: it rises in a straight line from 0, and reaches 1 in step `warmup`. From
    there it follows half a cosine wave from 1 down to `floor`, which it reaches in step `total`:

        floor + (1 - floor) · (1 + cos(π · (step - warmup) / (total - warmup))) / 2

    0 <= warmup < total, 0 <= floor <= 1. With warmup = 0 it begins with 1.

    >>> cosine_with_warmup(1, 4, 10)
    0.25
    >>> cosine_with_warmup(7, 4, 10, floor=0.5)  # halfway between 1 and 0.5
    0.75
    """
    # YOUR CODE HERE
    raise NotImplementedError("cosine_with_warmup is not written yet")


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> Tensor:
    """Shorten all gradients together, in place, so that their common length is at most `max_norm`.

    The norm is the square root of the sum of the squares of all numbers in all gradients (the *global norm*): as if all gradients were
    one long vector. Every gradient is multiplied by the same factor

        min(1, max_norm / (norm + 1e-6))

    so the direction of that vector stays. Parameters without a gradient are passed over.

    Returns the norm before clipping, a tensor of shape () and of the gradients' dtype; tensor(0.) if there is no gradient at all.
    """
    # YOUR CODE HERE
    raise NotImplementedError("clip_grad_norm is not written yet")


def accumulate(loss_sum: Callable[[Any], Tensor], micro_batches: Iterable[Any], n_items: int) -> float:
    """The gradients of one large batch, from several small ones that are looked at one after the other.

    loss_sum: gives the loss of a micro-batch, *summed* over its items (the tokens that count): a tensor of shape ().
    micro_batches: the parts of the batch. They may hold different numbers of items.
    n_items: the number of items in all of them together.

    Afterwards the parameters' `.grad` has grown by the gradient of the mean loss over all `n_items` items, each item with the same
    weight. (A mean of the micro-batches' means is something else as soon as they differ in size.) What was in `.grad` before is kept
    and added to, as `backward` does it.

    Only one micro-batch is in memory at a time: `loss_sum` is called once for each, and the backward pass of one is done before the
    next call.

    Returns that mean loss as a Python float.
    """
    # YOUR CODE HERE
    raise NotImplementedError("accumulate is not written yet")


def train(
    params: Iterable[Tensor],
    loss_sum: Callable[[Any], Tensor],
    batches: Sequence[tuple[Sequence[Any], int]],
    lr: float,
    warmup: int,
    floor: float = 0.0,
    max_norm: float = 1.0,
    weight_decay: float = 0.01,
) -> list[dict[str, float]]:
    """Train by one AdamW step for each batch, with everything above.

    batches: pairs (micro_batches, n_items), as for `accumulate`. Their number is the number of steps, `total`.

    Step number i = 0, 1, … total-1 has the learning rate lr · cosine_with_warmup(i, warmup, total, floor); the optimizer is a fresh
    `AdamW` with this `weight_decay`, the usual betas and eps. In each step the gradients are those of this batch alone (older ones,
    from before the call too, are dropped). They are accumulated first, then all of them clipped to `max_norm` together, then used.

    Returns for each step {"loss": …, "norm": …, "lr": …}, Python floats: the mean loss before the update, the norm before clipping,
    and the learning rate that was used.
    """
    # YOUR CODE HERE
    raise NotImplementedError("train is not written yet")
