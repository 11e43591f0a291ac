"""ZeRO: data parallelism in which no rank holds everything. Stage 1 shares the optimizer's state, stage 2 the gradients too, stage 3 the weights too.

Every rank runs the same program on data of its own. What it knows of the others goes through `comm`, its end of a simulated world
(`autograder/lab/world.py`): `comm.rank`, `comm.size` (called n here), `comm.all_gather(x)` (a list of all ranks' x),
`comm.reduce_scatter(x)` (part `rank` of the sum of all ranks' x, cut into n equal parts along dimension 0) and others. All ranks
must call the same collectives in the same order. `torch.distributed` is not allowed.

Here each tensor is shared by itself: flattened, filled up with zeros to a multiple of n, and cut into n equal parts. (DeepSpeed
joins all tensors of a group into one flat buffer before it cuts; PyTorch's FSDP2 cuts each along its first dimension.) With Ψ for
the numbers in all parameters, filled up, a step of training may send no more than this, where a reduce-scatter or an all-gather of
V numbers counts V, and an all-reduce 2V:

    stage 1    2Ψ    reduce-scatter of gradients, all-gather of new weights
    stage 2    2Ψ    the same, but each reduce-scatter during backward
    stage 3    3Ψ    all-gather of weights in forward, and again in backward; reduce-scatter of gradients in backward

All ranks begin with the same weights, and every rank uses every parameter in each backward, in the same order. All of it works
in float32 and in float64. What a rank keeps of a tensor has memory of its own: a view would keep the whole tensor.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.lab.world import Comm


def adam(p: Tensor, grad: Tensor, state: dict, lr: float) -> None:
    """One step of Adam on p, in place. `state` begins as an empty dict; afterwards it holds `step`, `m` and `v`. This is given."""
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    state["step"] += 1
    state["m"].mul_(0.9).add_(grad, alpha=0.1)
    state["v"].mul_(0.999).addcmul_(grad, grad, value=0.001)
    m, v = state["m"] / (1 - 0.9 ** state["step"]), state["v"] / (1 - 0.999 ** state["step"])
    p.sub_(lr * m / (v.sqrt() + 1e-8))


# BEGIN SOLUTION


def _filled(x: Tensor, n: int) -> Tensor:
    return F.pad(x.detach().flatten(), (0, -x.numel() % n))


# END SOLUTION


def shard(x: Tensor, comm: Comm) -> Tensor:
    """This rank's part of x: a flat tensor of ⌈numel/n⌉ numbers, without gradient, in memory of its own; zeros fill up behind the last one.

    x: any shape but not empty, the same on every rank; it may be a view. It is not changed. Nothing is sent. With fewer numbers
    than ranks, some ranks have zeros only.

    x = [1, 2, 3] on two ranks: rank 0 has [1, 2], rank 1 has [3, 0].
    """
    # BEGIN SOLUTION
    return _filled(x, comm.size).chunk(comm.size)[comm.rank].clone()
    # END SOLUTION


def unshard(part: Tensor, shape: tuple[int, ...], comm: Comm) -> Tensor:
    """The whole tensor of this shape from the parts that `shard` gave all ranks, on every rank, by one all-gather; without gradient.

    It is a new tensor, with one rank as well. part: this rank's own; it is not changed.
    """
    # BEGIN SOLUTION
    return consolidate([[each] for each in comm.all_gather(part)], [shape])[0]
    # END SOLUTION


def reduce_shard(grad: Tensor, comm: Comm) -> Tensor:
    """This rank's part, as `shard` cuts, of the *mean over ranks* of grad: by one reduce-scatter, so no rank ever has the whole mean.

    grad: another one on each rank, of the same shape; it may be a view. It is not changed.

    grad = [1, 2, 3] on rank 0 and [3, 6, 5] on rank 1: rank 0 gets [2, 4], rank 1 gets [4, 0].
    """
    # BEGIN SOLUTION
    return comm.reduce_scatter(_filled(grad, comm.size)) / comm.size
    # END SOLUTION


def consolidate(parts: list[list[Tensor]], shapes: list[tuple[int, ...]]) -> list[Tensor]:
    """Whole tensors from a checkpoint in shards, in which each rank has saved its part of each tensor; nothing is sent.

    parts: for each rank the list of its parts, as `shard` gives them. They may be views. shapes: of the whole
        tensors, in the same order.

    Returns new tensors of these shapes.

    >>> consolidate([[tensor([1.0, 2.0]), tensor([5.0])], [tensor([3.0, 0.0]), tensor([6.0])]], [(3,), (2, 1)])
    [tensor([1., 2., 3.]), tensor([[5.],
            [6.]])]
    """
    # BEGIN SOLUTION
    whole = []
    for index, shape in enumerate(shapes):
        flat = torch.cat([rank[index] for rank in parts])
        whole.append(flat[: torch.Size(shape).numel()].view(shape))
    return whole
    # END SOLUTION


# BEGIN SOLUTION


def _update(p: nn.Parameter, grad: Tensor, state: dict, lr: float, comm: Comm) -> None:
    part = shard(p, comm)
    adam(part, grad, state, lr)
    with torch.no_grad():
        p.copy_(unshard(part, p.shape, comm))


# END SOLUTION


class Zero1:
    """Stage 1: every rank has all weights and gradients, and the optimizer's state of its part alone.

        optimizer = Zero1(list(model.parameters()), lr=1e-3, comm=comm)
        loss(model(x)).backward()        # this rank's own gradients, all of them
        optimizer.step()

    state: a list with one dict for each parameter, as `adam` keeps it for this rank's part: `m` and `v` have ⌈numel/n⌉ numbers.
    """

    def __init__(self, params: list[nn.Parameter], lr: float, comm: Comm) -> None:
        """params: trained in place; they stay the same objects. All require gradients. Nothing is sent here."""
        # BEGIN SOLUTION
        self.params, self.lr, self.comm = params, lr, comm
        self.state: list[dict] = [{} for _ in params]
        # END SOLUTION

    def step(self) -> None:
        """One step of `adam` with the mean over ranks of the gradients; afterwards all ranks have the same new weights.

        A parameter whose `.grad` is None on this rank counts with 0. `.grad` is left as it is; clearing it is the caller's business.
        Parameter by parameter: reduce-scatter the gradient, update the own part of the weights, all-gather the new parts.
        """
        # BEGIN SOLUTION
        for p, state in zip(self.params, self.state, strict=True):
            grad = torch.zeros_like(p) if p.grad is None else p.grad
            _update(p, reduce_shard(grad, self.comm), state, self.lr, self.comm)
        # END SOLUTION


class Zero2:
    """Stage 2: as stage 1, but a gradient is reduced as soon as backward has it, and then only the own part is kept.

    state: as in `Zero1`. grads: a list with this rank's part of each parameter's mean gradient, or None where there was no backward yet.
    """

    def __init__(self, params: list[nn.Parameter], lr: float, comm: Comm) -> None:
        """params: as in `Zero1`.

        From now on, each backward reduces the gradient of a parameter at once (`register_post_accumulate_grad_hook`), by a
        reduce-scatter, and sets its `.grad` to None, before the next parameter's gradient is accumulated. The part is kept in `grads`.
        Several backwards before a step add up there, as they do in `.grad`.
        """
        # BEGIN SOLUTION
        self.params, self.lr, self.comm = params, lr, comm
        self.state: list[dict] = [{} for _ in params]
        self.grads: list[Tensor | None] = [None] * len(params)
        for index, p in enumerate(params):
            p.register_post_accumulate_grad_hook(lambda p, index=index: self._reduce(p, index))
        # END SOLUTION

    # BEGIN SOLUTION
    def _reduce(self, p: Tensor, index: int) -> None:
        part, before = reduce_shard(p.grad, self.comm), self.grads[index]
        p.grad, self.grads[index] = None, part if before is None else before + part

    # END SOLUTION

    def step(self) -> None:
        """One step of `adam` with what `grads` holds. Afterwards all ranks have the same new weights, and `grads` holds None again.

        It is called only after a backward, so that no entry is None.
        """
        # BEGIN SOLUTION
        for index, p in enumerate(self.params):
            _update(p, self.grads[index], self.state[index], self.lr, self.comm)
            self.grads[index] = None
        # END SOLUTION


# BEGIN SOLUTION


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layer, x, *shards):
        ctx.layer = layer
        ctx.save_for_backward(x, *shards)
        return layer.function(x, layer._whole(shards))

    @staticmethod
    def backward(ctx, grad):
        x, *shards = ctx.saved_tensors
        layer, wants_x = ctx.layer, ctx.needs_input_grad[1]
        with torch.enable_grad():
            x = x.detach().requires_grad_(wants_x)
            whole = [each.requires_grad_() for each in layer._whole(shards)]
            y = layer.function(x, whole)
        grads = torch.autograd.grad(y, [*whole, x] if wants_x else whole, grad)
        parts = [reduce_shard(each, layer.comm) for each in grads[: len(whole)]]
        return None, grads[-1] if wants_x else None, *parts


# END SOLUTION


class Zero3Layer(nn.Module):
    """Stage 3: a layer whose weights are whole only while it computes.

        layer = Zero3Layer(lambda x, w: torch.tanh(F.linear(x, w[0], w[1])), [weight, bias], comm)
        loss(layer(x)).backward()
        for p in layer.shards: ...        # an optimizer updates the own parts with p.grad, and sends nothing

    shards: an `nn.ParameterList` with this rank's part of each of `params`, as `shard` gives it, in the same order.
    """

    def __init__(self, function: Callable[[Tensor, list[Tensor]], Tensor], params: list[Tensor], comm: Comm) -> None:
        """function(x, whole) computes the layer from its input and the list of its whole weights: one tensor from one tensor.

        The input may be of integers, such as ids; it requires no gradient then.

        It uses all weights, and gives the same whenever it is called with the same; it may be called more than once.
        params: the whole weights, the same on every rank; they may be views. They are not changed, and not kept. Nothing is sent here.
        """
        # BEGIN SOLUTION
        super().__init__()
        self.function, self.comm = function, comm
        self.shapes = [p.shape for p in params]
        self.shards = nn.ParameterList([shard(p, comm) for p in params])
        # END SOLUTION

    # BEGIN SOLUTION
    def _whole(self, shards: list[Tensor]) -> list[Tensor]:
        return [unshard(part, shape, self.comm) for part, shape in zip(shards, self.shapes, strict=True)]

    # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """function(x, whole weights), where the weights are gathered for this call and let go before it returns.

        Backward gathers them once more, computes what it needs from x (function may be called again), and lets them go. Each rank's own
        gradients are whole there; each is reduced over the ranks at once, so that `shards[i].grad` is this rank's part of the mean over
        ranks. The gradient of x, where x requires one, is this rank's own. Backwards add up in `.grad` as usual: the layer
        may be called several times before them, and one graph may be gone through twice (`retain_graph=True`). After forward, and
        after backward, no memory of a whole weight is held; after backward, the layer holds neither x nor what it returned. Under
        `torch.no_grad()` the forward works as well, and it is the same in training and in evaluation mode.
        """
        # BEGIN SOLUTION
        return _Layer.apply(self, x, *self.shards)
        # END SOLUTION
