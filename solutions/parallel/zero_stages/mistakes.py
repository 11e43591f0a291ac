"""Wrong implementations of parallel/zero_stages, and what a student should read about each."""

import torch
from torch import nn

from autograder.checks import mistake

# --- parts ---
mistake(
    "Your shard is a view: the whole tensor stays in memory. Copy the part.",
    edit={"chunk(comm.size)[comm.rank].clone()": "chunk(comm.size)[comm.rank]"},
)
mistake(
    "Your shard leaves the last numbers out where n does not divide their count. Fill up with zeros to a multiple of n.",
    edit={"    return F.pad(x.detach().flatten(), (0, -x.numel() % n))": "    flat = x.detach().flatten()\n"
          "    return flat[: len(flat) // n * n] if len(flat) >= n else F.pad(flat, (0, n - len(flat)))"},
    crashes=True,
)  # fmt: skip
mistake(
    "Your shard fills up in front. The zeros stand behind the last number.",
    edit={"(0, -x.numel() % n))": "(-x.numel() % n, 0))"},
)
mistake(
    "Your shard deals numbers out in turn: rank r gets r, r + n, r + 2n, … The parts are contiguous.",
    edit={"_filled(x, comm.size).chunk(comm.size)[comm.rank].clone()": "_filled(x, comm.size)[comm.rank :: comm.size].clone()"},
)
mistake(
    "Your reduce_shard gives the sum over ranks. Divide by n.",
    edit={"comm.reduce_scatter(_filled(grad, comm.size)) / comm.size": "comm.reduce_scatter(_filled(grad, comm.size))"},
)
mistake(
    "Your reduce_shard divides twice, before and after. Once is enough.",
    edit={"comm.reduce_scatter(_filled(grad, comm.size)) / comm.size": "comm.reduce_scatter(_filled(grad, comm.size) / comm.size) / comm.size"},
)
mistake(
    "Your reduce_shard takes an all-reduce and cuts its part: that sends twice as much, and every rank has the whole mean for a moment.",
    edit={
        "comm.reduce_scatter(_filled(grad, comm.size)) / comm.size": ""
        "shard(comm.all_reduce(grad.detach().clone()), comm) / comm.size"
    },
)
mistake(
    "Your reduce_shard works in the memory of grad, and changes it. Work on a copy.",
    edit={
        "    return comm.reduce_scatter(_filled(grad, comm.size)) / comm.size": ""
        "    grad.detach().div_(comm.size)\n    return comm.reduce_scatter(_filled(grad, comm.size))"
    },
)
mistake(
    "Your reduce_shard computes in float32 whatever the dtype. float64 stays float64.",
    edit={"comm.reduce_scatter(_filled(grad, comm.size)) / comm.size": ""
          "(comm.reduce_scatter(_filled(grad, comm.size).float()) / comm.size).to(grad.dtype)"},
)  # fmt: skip
mistake(
    "Your parts have the sizes of tensor_split, which differ by one: the ranks then meet with tensors of different shapes. Fill up with zeros.",
    edit={"_filled(x, comm.size).chunk(comm.size)[comm.rank].clone()": "x.detach().flatten().tensor_split(comm.size)[comm.rank].clone()"},
    crashes=True,
)
mistake(
    "Your reduce_shard gives this rank's own gradient, cut: nothing is sent, so each rank trains on its own data.",
    edit={"comm.reduce_scatter(_filled(grad, comm.size)) / comm.size": "shard(grad, comm)"},
)
mistake(
    "Your unshard gives the filling too, or reads it as numbers of the tensor. Cut it off before you restore the shape.",
    edit={"flat[: torch.Size(shape).numel()].view(shape)": "flat[-torch.Size(shape).numel() :].view(shape)"},
)
mistake(
    "Your unshard puts every part into a tensor of zeros and sums by all-reduce: twice the volume of an all-gather.",
    edit={
        "    return consolidate([[each] for each in comm.all_gather(part)], [shape])[0]": ""
        "    whole = part.new_zeros(comm.size, len(part))\n    whole[comm.rank] = part.detach()\n"
        "    return comm.all_reduce(whole).flatten()[: torch.Size(shape).numel()].view(shape)"
    },
)
mistake(
    "Your unshard joins the parts in the opposite order of ranks.",
    edit={"for each in comm.all_gather(part)]": "for each in comm.all_gather(part)[::-1]]"},
)
mistake(
    "Your parts carry a gradient: shard does not detach. What an optimizer keeps would hold the graph.",
    edit={"F.pad(x.detach().flatten(), (0, -x.numel() % n))": "F.pad(x.flatten(), (0, -x.numel() % n))"},
)
mistake(
    "Your shard takes x by `view(-1)`, so it refuses a transposed tensor. Use `flatten` or `reshape`.",
    edit={"x.detach().flatten()": "x.detach().view(-1)"},
    crashes=True,
)
mistake(
    "consolidate takes each rank's parts one after the other, as if a rank had whole tensors. Join the ranks' parts of one tensor.",
    edit={
        "        flat = torch.cat([rank[index] for rank in parts])\n": ""
        "        every = torch.cat([part for rank in parts for part in rank])\n"
        "        start = sum(sum(len(rank[i]) for rank in parts) for i in range(index))\n"
        "        flat = every[start:]\n"
    },
)
mistake(
    "consolidate gives views of what it read, or hands the parts themselves on: changing the result changes the checkpoint.",
    edit={
        "        flat = torch.cat([rank[index] for rank in parts])\n": ""
        "        flat = torch.cat([rank[index] for rank in parts]) if len(parts) > 1 else parts[0][index]\n",
    },
)

# --- stage 1 ---
mistake(
    "Each rank updates its part, but the new parts are not gathered: the ranks' weights differ.",
    edit={"        p.copy_(unshard(part, p.shape, comm))": "        start = comm.rank * len(part)\n"
          "        own = p.flatten()[start : start + len(part)]\n        flat = p.flatten().clone()\n"
          "        flat[start : start + len(part)] = part[: len(own)]\n        p.copy_(flat.view_as(p))"},
)  # fmt: skip
mistake(
    "You gather the parts before the optimizer's step: all ranks get the old weights.",
    edit={
        "    adam(part, grad, state, lr)\n    with torch.no_grad():\n        p.copy_(unshard(part, p.shape, comm))": ""
        "    whole = unshard(part, p.shape, comm)\n    adam(part, grad, state, lr)\n    with torch.no_grad():\n        p.copy_(whole)"
    },
)
mistake(
    "The optimizer's state is new in every step, so m and v begin at 0 each time. Keep one dict for each parameter.",
    edit={"    adam(part, grad, state, lr)\n": "    state.clear()\n    adam(part, grad, state, lr)\n"},
)
mistake(
    "One state serves all parameters: m and v of one are used for the next, and steps are counted once for each.",
    edit={"    adam(part, grad, state, lr)\n": "    kept = {k: v for k, v in state.items() if k != 'step'}\n"
          "    _COUNT[comm.rank] = _COUNT.get(comm.rank, 0) + 1\n"
          "    both = {'step': _COUNT[comm.rank] - 1, **kept} if kept else {}\n"
          "    adam(part, grad, both, lr)\n    state.update(both)\n",
          "def _update(p": "_COUNT = {}\n\n\ndef _update(p"},
)  # fmt: skip


@mistake(
    "Every rank holds the optimizer's state of all weights: you reduce the gradients and step everywhere, as plain data parallelism does. "
    "Keep m and v of this rank's part alone."
)
class Zero1:
    def __init__(self, params, lr, comm):
        self.params, self.lr, self.comm = params, lr, comm
        self.state = [{} for _ in params]

    def step(self):
        for p, state in zip(self.params, self.state, strict=True):
            grad = torch.zeros_like(p) if p.grad is None else p.grad.clone()
            self.comm.all_reduce(grad)
            with torch.no_grad():
                adam(p, grad / self.comm.size, state, self.lr)


@mistake(
    "You give whole parameters to ranks: parameter i belongs to rank i % n, which updates it and broadcasts. "
    "Here each parameter is cut into n parts, so that all ranks hold as much."
)
class Zero1:
    def __init__(self, params, lr, comm):
        self.params, self.lr, self.comm = params, lr, comm
        self.state = [{} for _ in params]

    def step(self):
        for index, (p, state) in enumerate(zip(self.params, self.state, strict=True)):
            grad = torch.zeros_like(p) if p.grad is None else p.grad.clone()
            self.comm.all_reduce(grad)
            with torch.no_grad():
                if self.comm.rank == index % self.comm.size:
                    adam(p, grad / self.comm.size, state, self.lr)
                else:
                    state.update(step=state.get("step", 0) + 1, m=torch.zeros(0), v=torch.zeros(0))
                self.comm.broadcast(p, src=index % self.comm.size)


mistake(
    "A parameter without a gradient on this rank is left out, so the ranks meet in different collectives. Others may have one: send zeros.",
    edit={
        "            grad = torch.zeros_like(p) if p.grad is None else p.grad\n            _update": ""
        "            if p.grad is None:\n                continue\n            grad = p.grad\n            _update"
    },
    crashes=True,
)
mistake(
    "Your step clears the gradients. In stage 1 that is the caller's business.",
    edit={
        "            _update(p, reduce_shard(grad, self.comm), state, self.lr, self.comm)\n": ""
        "            _update(p, reduce_shard(grad, self.comm), state, self.lr, self.comm)\n            p.grad = None\n"
    },
)
mistake(
    "Your step puts new tensors in the place of the parameters. They stay the same objects: the model holds them.",
    edit={
        "        for p, state in zip(self.params, self.state, strict=True):\n": ""
        "        for i, (p, state) in enumerate(zip(self.params, self.state, strict=True)):\n",
        "            _update(p, reduce_shard(grad, self.comm), state, self.lr, self.comm)\n": ""
        "            new = nn.Parameter(p.detach().clone())\n            new.grad = p.grad\n"
        "            _update(new, reduce_shard(grad, self.comm), state, self.lr, self.comm)\n            self.params[i] = new\n",
    },
)
mistake(
    "The learning rate is divided by the number of ranks. The mean of the gradients needs no other learning rate.",
    edit={"    adam(part, grad, state, lr)\n": "    adam(part, grad, state, lr / comm.size)\n"},
)

# --- stage 2 ---
mistake(
    "Zero2 reduces the gradients, but leaves the whole ones in `.grad`: nothing is saved. Set it to None.",
    edit={"        p.grad, self.grads[index] = None, part": "        self.grads[index] = part"},
)
mistake(
    "A second backward before the step replaces what is in `grads`. Add to it.",
    edit={"part if before is None else before + part": "part"},
)
mistake(
    "Your Zero2 takes the mean over the backwards of one step. They add up, as they do in `.grad`.",
    edit={"part if before is None else before + part": "part if before is None else (before + part) / 2"},
)
mistake(
    "Your step leaves `grads` as they are, so the next backward adds to old gradients. Set them to None.",
    edit={"            self.grads[index] = None\n": ""},
)


@mistake(
    "Your Zero2 reduces the gradients in step, when backward has long ended: all of them were in memory together. Use a hook."
)
class Zero2:
    def __init__(self, params, lr, comm):
        self.params, self.lr, self.comm = params, lr, comm
        self.state = [{} for _ in params]
        self.grads = [None] * len(params)

    def step(self):
        for index, p in enumerate(self.params):
            part = reduce_shard(p.grad, self.comm)
            p.grad = None
            _update(p, part, self.state[index], self.lr, self.comm)


@mistake(
    "Your Zero2 reduces all gradients when the last one has come: until then all of them are in memory. Reduce each at once."
)
class Zero2:
    def __init__(self, params, lr, comm):
        self.params, self.lr, self.comm = params, lr, comm
        self.state = [{} for _ in params]
        self.grads = [None] * len(params)
        for p in params:
            p.register_post_accumulate_grad_hook(lambda p: self.hook())

    def hook(self):
        if any(p.grad is None for p in self.params):
            return
        for index, p in enumerate(self.params):
            part = reduce_shard(p.grad, self.comm)
            p.grad = None
            self.grads[index] = part if self.grads[index] is None else self.grads[index] + part

    def step(self):
        for index, p in enumerate(self.params):
            _update(p, self.grads[index], self.state[index], self.lr, self.comm)
            self.grads[index] = None


mistake(
    "Your `grads` hold parts that are views of whole gradients, so these stay in memory.",
    edit={
        "        part, before = reduce_shard(p.grad, self.comm), self.grads[index]": ""
        "        part, before = reduce_shard(p.grad, self.comm), self.grads[index]\n"
        "        part = torch.cat([part] * self.comm.size)[: len(part)]",
        "part if before is None else before + part": "part if before is None else torch.cat([before + part, part])[: len(part)]",
    },
)
mistake(
    "In the hook you reduce the gradient of the last parameter each time: the loop's variable is read when the hook runs. "
    "Bind the index when you make the hook.",
    edit={"lambda p, index=index: self._reduce(p, index)": "lambda p: self._reduce(p, index)"},
    crashes=True,
)

# --- stage 3 ---
mistake(
    "Your layer keeps the whole weights from forward to backward: that is the memory of stage 2. Let them go and gather them again.",
    edit={
        "        return layer.function(x, layer._whole(shards))": "        ctx.whole = layer._whole(shards)\n"
        "        return layer.function(x, ctx.whole)",
        "            whole = [each.requires_grad_() for each in layer._whole(shards)]": ""
        "            whole = [each.requires_grad_() for each in ctx.whole]",
    },
)
mistake(
    "Your layer keeps the whole weights in an attribute after forward. Hold them in a local variable only.",
    edit={
        "        return [unshard(part, shape, self.comm) for part, shape in zip(shards, self.shapes, strict=True)]": ""
        "        self.latest = [unshard(part, shape, self.comm) for part, shape in zip(shards, self.shapes, strict=True)]\n"
        "        return self.latest"
    },
)
mistake(
    "Your layer keeps the whole weights that it was made from.",
    edit={"        self.function, self.comm = function, comm\n": "        self.function, self.comm, self.params = function, comm, params\n"},
)
mistake(
    "Your layer sums the gradients over ranks by an all-reduce and cuts: stage 3 then sends 4Ψ. Use a reduce-scatter.",
    edit={
        "parts = [reduce_shard(each, layer.comm) for each in grads[: len(whole)]]": ""
        "parts = [shard(layer.comm.all_reduce(each.clone()), layer.comm) / layer.comm.size for each in grads[: len(whole)]]"
    },
)
mistake(
    "Your layer's gradients are this rank's own, cut, and not the mean over ranks.",
    edit={
        "parts = [reduce_shard(each, layer.comm) for each in grads[: len(whole)]]": ""
        "parts = [shard(each, layer.comm) for each in grads[: len(whole)]]"
    },
)
mistake(
    "Your layer puts the new gradient in the place of the one that is there. Backwards add up in `.grad`: return it from backward.",
    edit={"        return None, grads[-1] if wants_x else None, *parts": ""
          "        for p, part in zip(layer.shards, parts, strict=True):\n            p.grad = part\n"
          "        return None, grads[-1] if wants_x else None, *(None for _ in parts)"},
)  # fmt: skip
mistake(
    "Your layer averages the gradient of x over ranks. x is this rank's own data, and so is its gradient.",
    edit={
        "        return None, grads[-1] if wants_x else None, *parts": ""
        "        if wants_x:\n            grads = (*grads[:-1], layer.comm.all_reduce(grads[-1].clone()) / layer.comm.size)\n"
        "        return None, grads[-1] if wants_x else None, *parts"
    },
)
mistake(
    "Your layer gives x no gradient: layers before it are not trained.",
    edit={"        return None, grads[-1] if wants_x else None, *parts": "        return None, None, *parts"},
    crashes=True,
)
mistake(
    "Your layer gathers with gradients lost: the whole weights are computed from `.data`, so the parts get no gradient.",
    edit={"        return None, grads[-1] if wants_x else None, *parts": ""
          "        return None, grads[-1] if wants_x else None, *(torch.zeros_like(each) for each in parts)"},
)  # fmt: skip
mistake(
    "Your layer always wants a gradient of x, and raises for an input that requires none.",
    edit={
        "            x = x.detach().requires_grad_(wants_x)\n": "",
        "[*whole, x] if wants_x else whole, grad)": "[*whole, x], grad)",
    },
    crashes=True,
)
mistake(
    "Your layer makes every input require a gradient. Ids are integers and can't.",
    edit={"            x = x.detach().requires_grad_(wants_x)\n": "            x = x.detach().requires_grad_()\n"},
    crashes=True,
)
mistake(
    "Your layer multiplies the gradient that arrives in once more after the function has used it.",
    edit={"[*whole, x] if wants_x else whole, grad)": "[*whole, x] if wants_x else whole, grad * grad)"},
)
mistake(
    "In backward your layer takes the sum of the output for the loss: hand on the gradient that arrives.",
    edit={"[*whole, x] if wants_x else whole, grad)": "[*whole, x] if wants_x else whole, torch.ones_like(grad))"},
)


@mistake(
    "Your layer gathers by a differentiable operation without a second gathering: autograd saves the whole weights until backward."
)
class Zero3Layer(nn.Module):
    def __init__(self, function, params, comm):
        super().__init__()
        self.function, self.comm = function, comm
        self.shapes = [tuple(p.shape) for p in params]
        self.shards = nn.ParameterList([nn.Parameter(shard(p, comm)) for p in params])

    def forward(self, x):
        return self.function(x, [_Once.apply(p, shape, self.comm) for p, shape in zip(self.shards, self.shapes, strict=True)])


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, part, shape, comm):
        ctx.comm = comm
        return unshard(part, shape, comm)

    @staticmethod
    def backward(ctx, grad):
        return reduce_shard(grad, ctx.comm), None, None


@mistake(
    "Your layer holds whole weights as its parameters: only a computation in shards saves memory. Keep `shard(p, comm)` of each."
)
class Zero3Layer(nn.Module):
    def __init__(self, function, params, comm):
        super().__init__()
        self.function = function
        self.shards = nn.ParameterList([nn.Parameter(p.clone()) for p in params])

    def forward(self, x):
        return self.function(x, list(self.shards))


mistake(
    "Your layer keeps its input in an attribute. Where it is called twice before backward, both use the last one: save it in ctx.",
    edit={"        x, *shards = ctx.saved_tensors\n        layer, wants_x = ctx.layer, ctx.needs_input_grad[1]": ""
          "        _, *shards = ctx.saved_tensors\n        layer, wants_x = ctx.layer, ctx.needs_input_grad[1]\n        x = layer.x",
          "        return layer.function(x, layer._whole(shards))": "        layer.x = x\n        return layer.function(x, layer._whole(shards))"},
)  # fmt: skip
mistake(
    "Your backward throws away what forward saved, so that a second backward through the same graph fails. `save_for_backward` does it well.",
    edit={"        ctx.save_for_backward(x, *shards)\n": "        ctx.kept = (x, *shards)\n",
          "        x, *shards = ctx.saved_tensors\n": "        x, *shards = ctx.kept\n        ctx.kept = ()\n"},
    crashes=True,
)  # fmt: skip
mistake(
    "With one rank your unshard gives back a view of the part. The whole is a new tensor.",
    edit={
        "    return consolidate([[each] for each in comm.all_gather(part)], [shape])[0]": ""
        "    if comm.size == 1:\n        return part.detach().view(shape)\n"
        "    return consolidate([[each] for each in comm.all_gather(part)], [shape])[0]"
    },
)
mistake(
    "You write new weights into `p.flatten()`. Where the numbers of a parameter do not lie in order, that is a copy, and the parameter stays "
    "as it was. Copy a tensor of its shape into it.",
    edit={"        p.copy_(unshard(part, p.shape, comm))": "        p.flatten().copy_(unshard(part, (p.numel(),), comm))"},
)
mistake(
    "Your consolidate joins all parts of a rank before it cuts them. Then float32 beside float64 becomes float64: join each tensor by "
    "itself, so that it keeps its dtype.",
    edit={
        "    whole = []\n    for index": "    sizes = [len(part) for part in parts[0]]\n"
        "    parts = [list(torch.cat(rank).split(sizes)) if rank else [] for rank in parts]\n    whole = []\n    for index"
    },
)
mistake(
    "Without gradients your layer keeps the whole weights for the next call. Nobody may hold them after forward, whatever torch's gradient "
    "mode is: gather them again.",
    edit={
        "        return _Layer.apply(self, x, *self.shards)": "        if not torch.is_grad_enabled():\n"
        "            versions = [part._version for part in self.shards]\n"
        '            if getattr(self, "versions", None) != versions:\n'
        "                self.kept, self.versions = self._whole(self.shards), versions\n"
        "            return self.function(x, self.kept)\n"
        "        return _Layer.apply(self, x, *self.shards)"
    },
)
mistake(
    "The states of all your Zero2 optimizers lie in one list of the class. Each optimizer has a list of its own: make it in `__init__`.",
    edit={
        "        self.state: list[dict] = [{} for _ in params]\n        self.grads": "        self.state.extend({} for _ in params)\n        self.grads",
        "    # BEGIN SOLUTION\n    def _reduce(": "    # BEGIN SOLUTION\n    state: list = []\n\n    def _reduce(",
    },
)
