"""Wrong implementations of parallel/ddp, and what a student should read about each."""

import torch
from torch import nn

from autograder.checks import mistake


@mistake(
    "Your ring sends the whole tensor in every step, n-1 tensors for each rank. "
    "Cut it into n chunks and send one chunk a step: twice around, that is less than two tensors."
)
def ring_allreduce(x, comm):
    total, moving = x.clone(), x
    for _ in range(comm.size - 1):
        comm.send(moving, (comm.rank + 1) % comm.size)
        moving = comm.recv((comm.rank - 1) % comm.size)
        total = total + moving
    return total


@mistake(
    "All ranks send to rank 0, which adds up and sends the sum back: its link carries everything. "
    "On a ring, each rank sends chunks to its neighbour alone."
)
def ring_allreduce(x, comm):
    if comm.rank:
        comm.send(x, 0)
        return comm.recv(0)
    total = x.clone()
    for src in range(1, comm.size):
        total += comm.recv(src)
    for dst in range(1, comm.size):
        comm.send(total, dst)
    return total


mistake(
    "Your reduce-scatter replaces the chunk by what arrives. Add what arrives to it.",
    edit={"chunks[(r - step - 1) % n] += comm": "chunks[(r - step - 1) % n] = comm"},
)
mistake(
    "Your all-gather starts with the chunk of the own number. After reduce-scatter, the complete chunk of rank r is (r + 1) % n.",
    edit={
        "chunks[(r + 1 - step) % n], (r": "chunks[(r - step) % n], (r",
        "chunks[(r - step) % n] = comm": "chunks[(r - step - 1) % n] = comm",
    },
)
mistake(
    "Your all-gather goes around n times: the last step brings every rank the chunk that it already has. n-1 steps are enough.",
    edit={"for step in range(n - 1):  # all-gather": "for step in range(n):  # all-gather"},
)
mistake(
    "You add into x itself: chunks of a tensor are views of it. Work on copies.",
    edit={"[chunk.clone() for chunk in torch.tensor_split(x.flatten(), n)]": "list(torch.tensor_split(x.view(-1), n))"},
)
mistake(
    "Your result is flat. Give it the shape of x.",
    edit={"torch.cat(chunks).view(x.shape)": "torch.cat(chunks)"},
)
mistake(
    "You count one trip around the ring. Reduce-scatter and all-gather each send (n-1)/n of the tensor.",
    edit={"return 2 * (n - 1) / n * nbytes": "return (n - 1) / n * nbytes"},
)
mistake(
    "You count the whole tensor in each of the 2(n-1) steps. One step sends one chunk, an n-th.",
    edit={"return 2 * (n - 1) / n * nbytes": "return 2.0 * (n - 1) * nbytes"},
)
mistake(
    "Ranks start from different weights: nothing is broadcast at construction, and averaged gradients never bring different weights "
    "together. Broadcast parameters and buffers from rank 0.",
    edit={
        "        for tensor in (*module.parameters(), *module.buffers()):\n            comm.broadcast(tensor, src=0)\n": ""
    },
)
mistake(
    "You broadcast parameters at construction, but not buffers, such as the running statistics of BatchNorm.",
    edit={"in (*module.parameters(), *module.buffers())": "in module.parameters()"},
)
mistake(
    "Your gradients are the sum over ranks. Divide by the number of ranks: the mean is the gradient of the whole batch.",
    edit={"mean = flat / self.comm.size": "mean = flat / 1"},
)
mistake(
    "You send a bucket when its first gradient is ready, so the others in it are missing or old. "
    "Send it when all of its gradients are there.",
    edit={"            missing.discard(p)": "            if p in missing:\n                missing.clear()"},
)
mistake(
    "A bucket with an unused parameter is never sent, and its gradients stay as they were on each rank. "
    "In finalize, send the buckets that are left, with zeros for what has no gradient.",
    edit={
        "        while len(self.launched) < len(self.buckets):  # held up by parameters without a gradient\n"
        "            self._launch()\n": "",
        "zip(self.buckets, self.launched, strict=True)": "zip(self.buckets, self.launched, strict=False)",
    },
)
mistake(
    "You send the buckets in the order in which they become ready. That order can differ from rank to rank, and then one rank's bucket "
    "meets another bucket of its neighbour. Send bucket k only after bucket k-1.",
    edit={
        "        for missing in self.missing:\n            missing.discard(p)\n": "",
        "        while len(self.launched) < len(self.buckets) and not self.missing[len(self.launched)]:\n            self._launch()": ""
        "        for index, missing in enumerate(self.missing):\n"
        "            if p in missing:\n"
        "                missing.discard(p)\n"
        "                if not missing:\n"
        "                    self._launch(index)",
        "    def _launch(self) -> None:\n        bucket = self.buckets[len(self.launched)]": ""
        "    def _launch(self, index) -> None:\n        self.order = (*getattr(self, 'order', ()), index)\n        bucket = self.buckets[index]",
        "        while len(self.launched) < len(self.buckets):  # held up by parameters without a gradient\n            self._launch()": ""
        "        for index, missing in enumerate(self.missing):\n            if missing:\n                self._launch(index)",
        "zip(self.buckets, self.launched, strict=True)": "zip([self.buckets[i] for i in self.order], self.launched, strict=True)",
        "p.grad = grad.view_as(p).clone()\n        self._begin()": "p.grad = grad.view_as(p).clone()\n"
        "        self._begin()\n        self.order = ()",
    },
)


@mistake(
    "You reduce only the parameters that this rank used, so ranks with different unused parameters wait for each other. "
    "Send zeros for a parameter without a gradient: others may have one."
)
class MiniDDP(nn.Module):
    def __init__(self, module, bucket_cap_bytes, comm):
        super().__init__()
        self.module, self.comm = module, comm
        for tensor in (*module.parameters(), *module.buffers()):
            comm.broadcast(tensor, src=0)

    def forward(self, x):
        for buffer in self.module.buffers():
            self.comm.broadcast(buffer, src=0)
        return self.module(x)

    def no_sync(self):
        import contextlib

        return contextlib.nullcontext()

    def finalize(self):
        for p in self.module.parameters():
            if p.grad is not None and p.requires_grad:
                p.grad = self.comm.all_reduce(p.grad.clone()) / self.comm.size


@mistake(
    "Your ranks hand their gradients over in a variable that they share, and send only what came out. "
    "Real ranks are processes on several machines: send every rank's own gradients through `comm`."
)
class MiniDDP(nn.Module):
    board = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, module, bucket_cap_bytes, comm):
        import contextlib

        super().__init__()
        self.module, self.comm, self.no_sync = module, comm, contextlib.nullcontext
        for tensor in (*module.parameters(), *module.buffers()):
            comm.broadcast(tensor, src=0)

    def forward(self, x):
        for buffer in self.module.buffers():
            self.comm.broadcast(buffer, src=0)
        return self.module(x)

    def no_sync(self):
        raise AssertionError("replaced by the instance's own")

    def finalize(self):
        trained = [p for p in self.module.parameters() if p.requires_grad]
        self.board[self.comm.rank] = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in trained]
        self.comm.barrier()
        means = [sum(parts) / self.comm.size for parts in zip(*self.board.values(), strict=True)]
        self.comm.barrier()
        for p, mean in zip(trained, means, strict=True):
            p.grad = self.comm.all_reduce(mean.clone()) / self.comm.size


mistake(
    "You take a bucket apart in the opposite order of that in which you joined it, so gradients end at other parameters.",
    edit={
        "zip(bucket, mean.split([p.numel() for p in bucket]), strict=True)": ""
        "zip(bucket[::-1], mean.split([p.numel() for p in bucket[::-1]]), strict=True)"
    },
)
mistake(
    "You give the means of a bucket back from the end. Parameters of the same shape then get each other's: keep the order.",
    edit={
        "mean.split([p.numel() for p in bucket]), strict": ""
        "sorted(mean.split([p.numel() for p in bucket]), key=lambda part: -part.storage_offset()), strict",
        "grad.view_as(p)": "(grad.view_as(p) if grad.numel() == p.numel() else torch.zeros_like(p))",
    },
)
mistake(
    "A parameter that this rank did not use keeps no gradient. Others may have used it: write the mean into every parameter's grad.",
    edit={"                p.grad = grad": "                if p.grad is not None:\n                    p.grad = grad"},
)
mistake(
    "After no_sync you send only what the last backward gave. Send p.grad, which holds everything that has accumulated.",
    edit={
        "        if not self.synchronised:\n            return\n": "        if not self.synchronised:\n"
        "            self.before = {**getattr(self, 'before', {}), p: p.grad.clone()}\n            return\n",
        "else p.grad for p in bucket]": "else p.grad - getattr(self, 'before', {}).get(p, 0) for p in bucket]",
    },
)
mistake(
    "Under no_sync you still send gradients: the hook has to return at once there.",
    edit={"        if not self.synchronised:\n            return\n": ""},
)
mistake(
    "no_sync stays on for good: switch synchronisation on again when the block ends.",
    edit={"                self.synchronised = before": "                pass"},
)
mistake(
    "When an exception leaves the no_sync block, synchronisation stays off. Switch it on again in `finally`.",
    edit={
        "            try:\n                yield\n            finally:\n                self": "            if True:\n"
        "                yield\n                self"
    },
)
mistake(
    "The end of an inner no_sync block switches synchronisation on although the outer one has not ended. "
    "Restore what was before.",
    edit={"                self.synchronised = before": "                self.synchronised = True"},
)
mistake(
    "A parameter that only a backward under no_sync used is sent as zeros. What it accumulated there counts.",
    edit={
        "if p.grad is None else p.grad for p in bucket]": "if p.grad is None or p in "
        "self.missing[len(self.launched)] else p.grad for p in bucket]"
    },
)
mistake(
    "You forget to begin anew after finalize, so the second step sends nothing.",
    edit={
        "                p.grad = grad.view_as(p).clone()\n        self._begin()": "                p.grad = grad.view_as(p).clone()\n"
        "        self.missing = [set() for _ in self.buckets]"
    },
)
mistake(
    "You read the flat gradients without waiting for the all-reduce, so each rank keeps its own. Call wait on its handle.",
    edit={"            handle.wait()\n": ""},
)
mistake(
    "Buffers are broadcast at construction only, and drift apart with the data. Set them to rank 0's at the start of each forward.",
    edit={"        for buffer in self.module.buffers():\n            self.comm.broadcast(buffer, src=0)\n": ""},
)
mistake(
    "In eval mode you do not set the buffers to rank 0's, so ranks evaluate with different statistics. Every forward starts with it.",
    edit={"in self.module.buffers():\n": "in self.module.buffers() if self.training else ():\n"},
)
mistake(
    "You average the buffers over ranks. The convention here, as in DDP, is that rank 0's are broadcast.",
    edit={
        "            self.comm.broadcast(buffer, src=0)\n        return": "            "
        "buffer.copy_(self.comm.all_reduce(buffer.double()) / self.comm.size)\n        return"
    },
)
mistake(
    "You send gradients of frozen parameters too: they have none, and get one here. Leave parameters without requires_grad alone.",
    edit={
        "reversed([p for p in module.parameters() if p.requires_grad])": "reversed([*module.parameters()])",
        "            p.register_post": "            p.requires_grad and p.register_post",
    },
)
mistake(
    "Your buckets take parameters in the order of the module. Backward reaches the last layer first: reverse it, "
    "or the first bucket is complete only at the end.",
    edit={
        "in reversed([p for p in module.parameters() if p.requires_grad])": "in [p for p in module.parameters() if p.requires_grad]"
    },
)
mistake(
    "You wait for each bucket inside of backward. Start it with async_op=True and wait in finalize.",
    edit={
        "self.launched.append((flat, self.comm.all_reduce(flat, async_op=True)))": ""
        "handle = self.comm.all_reduce(flat, async_op=True)\n        handle.wait()\n        self.launched.append((flat, handle))"
    },
)
mistake(
    "Your buckets grow past the cap: a parameter that does not fit any more begins a new bucket.",
    edit={"p.nbytes > room": "room <= 0"},
)

mistake(
    "Your ring takes x with `view`, so it refuses a transposed or sliced x. Use `flatten` or `reshape`.",
    edit={"torch.tensor_split(x.flatten(), n)]": "torch.tensor_split(x.view(-1), n)]"},
    crashes=True,
)
mistake(
    "Your ring switches `requires_grad` of x on. x is the caller's: leave it as it is.",
    edit={
        "    return torch.cat(chunks).view(x.shape)": "    result = torch.cat(chunks).view(x.shape)\n"
        "    if x.is_floating_point():\n        x.requires_grad_()\n    return result"
    },
)
mistake(
    "Your ring remembers results by the shape of x. Another x of that shape has another sum: send it.",
    edit={
        "    return torch.cat(chunks).view(x.shape)": "    known = ring_allreduce.__dict__.setdefault('known', {})\n"
        "    return known.setdefault((x.shape, comm.rank), torch.cat(chunks).view(x.shape))"
    },
)
mistake(
    "Your ring adds up in float32 although x is float64: digits are lost. Keep the dtype of x.",
    edit={
        "[chunk.clone() for chunk in": "[chunk.float() if chunk.dtype == torch.float64 else chunk.clone() for chunk in",
        "torch.cat(chunks).view(x.shape)": "torch.cat(chunks).view(x.shape).to(x.dtype)",
    },
)
mistake(
    "A MiniDDP switches the module to training mode in each forward. The caller sets modes: leave them.",
    edit={"        return self.module(x)\n": "        self.module.train()\n        return self.module(x)\n"},
)
mistake(
    "Your no_sync switches `requires_grad` of every parameter on at its end. A frozen parameter stays frozen.",
    edit={
        "                self.synchronised = before\n": "                self.synchronised = before\n                self.module.requires_grad_()\n"
    },
)
mistake(
    "Your MiniDDPs share one module, in a class attribute: the latest one's counts. Keep it in the object.",
    edit={
        "        return self.module(x)\n": "        return MiniDDP.latest(x)\n",
        "        super().__init__()\n": "        super().__init__()\n        MiniDDP.latest = module\n",
    },
)
mistake(
    "finalize puts new parameters into the module. They stay the same objects, since the optimizer and your hooks hold them.",
    edit={
        "grad.view_as(p).clone()\n        self._begin()": "grad.view_as(p).clone()\n        self._begin()\n"
        "        for part in self.module.modules():\n"
        "            for name, p in list(part._parameters.items()):\n"
        "                new = nn.Parameter(p.detach().clone(), p.requires_grad)\n"
        "                new.grad = p.grad\n"
        "                part._parameters[name] = new"
    },
)
