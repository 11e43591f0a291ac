"""Training in 16 bits: a scale that saves small gradients, float32 weights that take small updates, and a sum that remembers what it lost.

float16 has 11 bits of precision and numbers from 6e-8 to 65504. bfloat16 has 8 bits, and float32's range. An *optimizer* is torch's or
like it: it has `param_groups`, a list of dicts with the tensors in "params", and `step()`. *Bad* numbers are inf, -inf and nan.

torch.amp, torch.autocast and torch's clipping of gradients are not allowed here. No call changes torch's default dtype, gradient mode or
random state.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def best_scale(gradients: list[Tensor], dtype: torch.dtype = torch.float16) -> float:
    """The largest power of two by which all gradients can be multiplied so that no |g| · scale is above the largest finite number of `dtype`.

    gradients: tensors of any shapes, float32 or 16 bits, without bad numbers. The scale may be below 1, or beyond float32. 1.0 where all are 0
    or there are none.

    >>> best_scale([tensor([0.5, -3.0]), tensor(0.0)])  # 3 · 16384 = 49152, and twice that is above 65504
    16384.0
    """
    # BEGIN SOLUTION
    largest = max((g.abs().max().item() for g in gradients if g.numel()), default=0.0)
    if largest == 0:
        return 1.0
    m, e = math.frexp(largest)  # m · 2^e, with m from 0.5 to 1
    top, limit = math.frexp(torch.finfo(dtype).max)
    power = limit - e - (m > top)
    return 2.0**power
    # END SOLUTION


def lost_share(gradients: list[Tensor], scale: float = 1.0, dtype: torch.dtype = torch.float16) -> float:
    """Of all numbers that are not 0, the share that becomes 0 in `dtype` after it was multiplied by the scale. 0.0 if there are none.

    gradients: float32 or float64, without bad numbers. A number is multiplied first, and rounded to `dtype` then.

    >>> lost_share([tensor([1.0, 1e-8, 0.0, -1e-9])])  # two of three
    0.666667
    >>> lost_share([tensor([1.0, 1e-8, 0.0, -1e-9])], scale=256.0)
    0.0
    """
    # BEGIN SOLUTION
    alive = sum(int((g != 0).sum()) for g in gradients)
    lost = sum(int(((g != 0) & ((g * scale).to(dtype) == 0)).sum()) for g in gradients)
    return lost / alive if alive else 0.0
    # END SOLUTION


class LossScaler:
    """A loss scale that finds its size by itself, for one optimizer. One round is: scale, backward, perhaps `unscale_`, `step`, `update`.

    Attributes: `value`, the scale now (a float, `init` at first), and `good`, how many rounds in a row were without bad numbers since it
    last changed.

    >>> scaler = LossScaler(init=8.0, interval=2)
    >>> scaler.scale(tensor(0.5))
    tensor(4.)
    >>> scaler.value, scaler.good
    (8.0, 0)
    """

    def __init__(self, init: float = 65536.0, growth: float = 2.0, backoff: float = 0.5, interval: int = 2000) -> None:
        # BEGIN SOLUTION
        self.value, self.good = float(init), 0
        self.growth, self.backoff, self.interval = growth, backoff, interval
        self.found: bool | None = None  # of this round, once it is known
        self.stepped = False
        # END SOLUTION

    def scale(self, loss: Tensor) -> Tensor:
        """loss · value, with its graph; a loss in 16 bits becomes float32 first, any other keeps its dtype."""
        # BEGIN SOLUTION
        return (loss.float() if loss.dtype.itemsize < 4 else loss) * self.value
        # END SOLUTION

    def unscale_(self, parameters: list[Tensor]) -> bool:
        """Divides the gradients of these parameters by the scale, in place (`.grad` stays the same tensor). Those without one are passed over.

        Returns whether there was a bad number in any of them. All are divided, also if one has.

        Raises ValueError, before it changes anything, if a gradient is float16: what is divided there is lost again. Raises RuntimeError if it was
        called before in this round, or after `step`.
        """
        # BEGIN SOLUTION
        gradients = [p.grad for p in parameters if p.grad is not None]
        if any(g.dtype == torch.float16 for g in gradients):
            raise ValueError("gradients in float16 can't be unscaled: copy them to float32 first")
        if self.found is not None:
            raise RuntimeError("gradients were unscaled before in this round")
        self.found = False
        for g in gradients:
            g.div_(self.value)
            self.found = self.found or not bool(torch.isfinite(g).all())
        return self.found
        # END SOLUTION

    def step(self, optimizer: Any) -> bool:
        """Calls optimizer.step(), but not if the gradients have bad numbers. Returns whether it did.

        If `unscale_` was not called in this round, it is now, for all parameters of all groups. If it was, its finding counts, and nothing is
        divided again. Raises RuntimeError if it was called before in this round.
        """
        # BEGIN SOLUTION
        if self.stepped:
            raise RuntimeError("step was called before in this round")
        if self.found is None:
            self.unscale_([p for group in optimizer.param_groups for p in group["params"]])
        self.stepped = True
        if not self.found:
            optimizer.step()
        return not self.found
        # END SOLUTION

    def update(self) -> None:
        """Ends the round. After a bad one, value · backoff. Where `interval` good ones in a row are complete, value · growth; and
        counting begins anew after each change. Raises RuntimeError if nothing was unscaled in this round.
        """
        # BEGIN SOLUTION
        if self.found is None:
            raise RuntimeError("nothing was unscaled in this round")
        self.good = 0 if self.found else self.good + 1
        if self.found:
            self.value *= self.backoff
        elif self.good == self.interval:
            self.value *= self.growth
            self.good = 0
        self.found, self.stepped = None, False
        # END SOLUTION


def train_step(
    loss_fn: Callable[[list[Tensor]], Tensor],
    master: list[Tensor],
    optimizer: Any,
    scaler: LossScaler,
    dtype: torch.dtype = torch.float16,
    clip: float | None = 1.0,
) -> dict[str, Any]:
    """One step of training in mixed precision.

    master: float32 weights, which the optimizer has; they need not be contiguous. loss_fn: called once, with a list of copies of them in `dtype`,
    which require gradients; it returns a loss of one number, in any float dtype. It may change the copies, and they are real ones also where
    `dtype` is float32.

    1. The scaled loss is differentiated by the copies. Their gradients, in float32, become the `.grad` of the masters (None where there is
       none). What the masters had there before is forgotten.
    2. They are unscaled. Then, if clip is not None, their norm is computed, √Σ g² over all of them together. If it is above clip, all are
       multiplied by clip / norm. (torch.nn.utils.clip_grad_norm_ divides by norm + 1e-6.) A clip of 0.0 is a bound like any other. Squares
       may be too large or too small for float32, so add them up in float64.
    3. The scaler steps and is updated. In the end the masters have no gradients (None), and require them or not as before.

    Bad numbers: nothing is clipped, masters and optimizer stay as they were, and the scale goes down.

    Returns {"loss": the loss, not scaled, "norm": before clipping, also if clip is None, and inf if there were bad numbers, "stepped":
    whether the optimizer did, "scale": the scale in this step}: floats and a bool.
    """
    # BEGIN SOLUTION
    scale = scaler.value
    low = [w.detach().to(dtype, copy=True).requires_grad_() for w in master]
    loss = loss_fn(low)
    gradients = torch.autograd.grad(scaler.scale(loss), low, allow_unused=True)
    for w, g in zip(master, gradients, strict=True):
        w.grad = None if g is None else g.float()
    found = scaler.unscale_(master)
    unscaled = [w.grad for w in master if w.grad is not None]
    norm = math.inf if found else math.sqrt(sum(g.double().square().sum().item() for g in unscaled))
    if clip is not None and clip < norm < math.inf:
        for g in unscaled:
            g.mul_(clip / norm)
    stepped = scaler.step(optimizer)
    scaler.update()
    for w in master:
        w.grad = None
    return {"loss": loss.item(), "norm": norm, "stepped": stepped, "scale": scale}
    # END SOLUTION


def kahan_add(total: Tensor, excess: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """total + x in few bits, with a second tensor for what rounding adds: the exact sum is near total - excess (William Kahan, 1965).

    All three have one shape and one float dtype, and so have both results; every operation is rounded to it:

        y      = x - excess           what is to be added, less what was too much
        new    = total + y            rounded: small parts of y are cut off here
        excess = new - total - y      from left to right

    Returns (new, excess) as new tensors. With excess = 0 at first, a long sum is nearly exact. A weight in bfloat16 that is updated so keeps
    what a float32 copy would keep.

    In bfloat16 the neighbour of 256 is 258, so the 1 is lost, and remembered as -1; the second 1 arrives together with it:

    >>> total, excess = kahan_add(tensor([256.0]).bfloat16(), tensor([0.0]).bfloat16(), tensor([1.0]).bfloat16())
    >>> total.tolist(), excess.tolist()
    ([256.0], [-1.0])
    >>> total, excess = kahan_add(total, excess, tensor([1.0]).bfloat16())
    >>> total.tolist(), excess.tolist()
    ([258.0], [0.0])
    """
    # BEGIN SOLUTION
    y = x - excess
    new = total + y
    return new, (new - total) - y
    # END SOLUTION
