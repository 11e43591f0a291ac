"""Wrong implementations of parallel/dp, and what a student should read about each."""

from autograder.checks import mistake

# --- rows ---
mistake(
    "You cut the batch as tensor_split does, into sizes that differ by one at most. `x.chunk(n)` gives ⌈B/n⌉ rows to each rank while there are any.",
    edit={"    chunks = x.detach().chunk(comm.size)\n": "    chunks = x.detach().tensor_split(comm.size)\n"},
)
mistake(
    "Rows that are left over are dropped: you give ⌊B/n⌉ rows to each rank. Round up; the last chunk may be smaller.",
    edit={"    chunks = x.detach().chunk(comm.size)\n": "    each = max(1, len(x) // comm.size)\n"
          "    chunks = x.detach().split(each)[: comm.size]\n"},
)  # fmt: skip
mistake(
    "You deal rows out in turn, so gather brings them back in another order. Each rank gets rows that follow each other.",
    edit={"    chunks = x.detach().chunk(comm.size)\n": "    chunks = [x.detach()[r :: comm.size] for r in range(comm.size)]\n"},
)
mistake(
    "Where there are fewer rows than ranks, you have no chunk for the last ranks. They get x[:0].",
    edit={"    for dst in range(1, comm.size):": "    for dst in range(1, len(chunks)):"},
    crashes=True,
)
mistake(
    "Ranks for which no row is left get an empty tensor without the other dimensions. x[:0] has them, and the dtype.",
    edit={"if dst < len(chunks) else x[:0], dst)": "if dst < len(chunks) else torch.empty(0), dst)"},
)
mistake(
    "Ranks for which no row is left get the first rows once more, which then count twice.",
    edit={"if dst < len(chunks) else x[:0], dst)": "if dst < len(chunks) else chunks[0], dst)"},
)
mistake(
    "Rank 0's rows are a view of its batch: what is done to them changes the batch. Hand out a copy.",
    edit={"    return chunks[0].clone()": "    return chunks[0]"},
)
mistake(
    "Rank 0's own rows carry the gradient of the batch. No gradient flows through scatter: detach.",
    edit={"    chunks = x.detach().chunk(comm.size)\n": "    chunks = x.chunk(comm.size)\n"},
)
mistake(
    "Every rank is sent the whole batch and cuts its own rows: rank 0 sends n times as much as it has to.",
    edit={
        "        return comm.recv(0)\n    chunks": ""
        "        whole = comm.recv(0)\n        mine = whole.chunk(comm.size)\n"
        "        return mine[comm.rank].clone() if comm.rank < len(mine) else whole[:0]\n    chunks",
        "        comm.send(chunks[dst] if dst < len(chunks) else x[:0], dst)": "        comm.send(x, dst)",
    },
)
mistake(
    "You gather in the opposite order of ranks.",
    edit={"    others = [comm.recv(src) for src in range(1, comm.size)]": "    others = [comm.recv(src) for src in range(comm.size - 1, 0, -1)]"},
)
mistake(
    "You forget rank 0's own rows when you gather.",
    edit={"    return torch.cat([y.detach(), *(each for each in others if each.numel())])": ""
          "    return torch.cat([y.detach()[:0], *(each for each in others if each.numel())])"},
)  # fmt: skip
mistake(
    "Every rank gets all rows back, by an all-gather. Rank 0 alone wants them.",
    edit={
        "    if comm.rank:\n        comm.send(torch.empty(0) if y is None else y, 0)\n        return None\n": ""
        "    comm.all_gather(torch.zeros(1))\n"
        "    if comm.rank:\n        comm.send(torch.empty(0) if y is None else y, 0)\n        return None\n"
    },
)
mistake(
    "Your gather stacks the ranks' rows, or puts them side by side. They stand one below the other.",
    edit={
        "    return torch.cat([y.detach(), *(each for each in others if each.numel())])": ""
        "    parts = [y.detach(), *(each for each in others if each.numel())]\n"
        "    return torch.cat(parts, -1) if len({len(part) for part in parts}) == 1 else torch.cat(parts)"
    },
)
mistake(
    "Your gather returns rank 0's own tensor where there is nothing to add. Return a new one.",
    edit={
        "    return torch.cat([y.detach(), *(each for each in others if each.numel())])": ""
        "    rest = [each for each in others if each.numel()]\n    return torch.cat([y.detach(), *rest]) if rest else y.requires_grad_()"
    },
)

mistake(
    "With one rank, your gather returns rank 0's own tensor. Return a new one.",
    edit={"    others = [comm.recv": "    if comm.size == 1:\n        return y.detach()\n    others = [comm.recv"},
)
mistake(
    "Rank 0's own part is left out where it has no rows, and there may be nothing else to put together.",
    edit={"torch.cat([y.detach(), *(each for each in others if each.numel())])": "torch.cat([each for each in (y.detach(), *others) if len(each)])"},
    crashes=True,
)

# --- forward ---
mistake(
    "The weights are broadcast once, at construction. Rank 0 changes them in every step: broadcast in every forward.",
    edit={
        "        self.module, self.comm = module, comm\n": ""
        "        self.module, self.comm = module, comm\n"
        "        for each in (*module.parameters(), *module.buffers()):\n            comm.broadcast(each, src=0)\n",
        "        for each in (*self.module.parameters(), *self.module.buffers()):\n            self.comm.broadcast(each, src=0)\n": "",
    },
)
mistake(
    "You broadcast parameters, but not buffers: in evaluation mode, ranks use running statistics of their own.",
    edit={"(*self.module.parameters(), *self.module.buffers())": "self.module.parameters()"},
)
mistake(
    "You broadcast only the parameters that are trained. A frozen layer differs from rank to rank then.",
    edit={
        "(*self.module.parameters(), *self.module.buffers())": ""
        "(*(p for p in self.module.parameters() if p.requires_grad), *self.module.buffers())"
    },
)
mistake(
    "The last rank's weights are broadcast. Rank 0 is the master.",
    edit={"self.comm.broadcast(each, src=0)": "self.comm.broadcast(each, src=self.comm.size - 1)"},
)
mistake(
    "Ranks without rows call their module with an empty batch. BatchNorm raises then; leave it out.",
    edit={"self.module(rows) if len(rows) else None": "self.module(rows)"},
)
mistake(
    "Rank 0 computes the whole batch itself, and the others nothing.",
    edit={
        "        rows = scatter(x, self.comm)\n": ""
        "        rows = scatter(x, self.comm)\n        rows = x.clone() if x is not None else rows[:0]\n"
    },
)
mistake(
    "The outputs on rank 0 require no gradient, so the loss's backward has nothing to write to. Make them a leaf with `requires_grad_()`.",
    edit={"return None if y is None else y.requires_grad_()": "return y"},
)
mistake(
    "The outputs on rank 0 hang on its own part of the graph, and are no leaf: `.grad` stays None. Detach what you gather.",
    edit={"return None if y is None else y.requires_grad_()": "return None if y is None else y.requires_grad_() * 1"},
)
mistake(
    "Your forward switches the module to training mode. Modes are the caller's.",
    edit={"        rows = scatter(x, self.comm)\n": "        self.module.train()\n        rows = scatter(x, self.comm)\n"},
)
mistake(
    "Your wrapper copies the module, so that the caller's own one is never trained.",
    edit={"        self.module, self.comm = module, comm\n": "        import copy\n\n        self.module, self.comm = copy.deepcopy(module), comm\n"},
)
mistake(
    "Every rank's running statistics are averaged into rank 0's. The convention here, as in nn.DataParallel, is that rank 0 keeps its own.",
    edit={
        "        y = gather(self.output, self.comm)\n": ""
        "        for each in self.module.buffers():\n"
        "            if self.comm.rank:\n                self.comm.send(each, 0)\n"
        "            elif each.is_floating_point():\n"
        "                parts = [each, *(self.comm.recv(src) for src in range(1, self.comm.size))]\n"
        "                each.copy_(torch.stack(parts).mean(0))\n"
        "            else:\n                [self.comm.recv(src) for src in range(1, self.comm.size)]\n"
        "        y = gather(self.output, self.comm)\n"
    },
)

mistake(
    "You leave out buffers that are not floating point, such as an index or a mask. All buffers are broadcast.",
    edit={"            self.comm.broadcast(each, src=0)\n": "            if each.is_floating_point():\n                self.comm.broadcast(each, src=0)\n"},
)
mistake(
    "You broadcast what is in state_dict(): buffers that are not persistent are not there. Take `buffers()`.",
    edit={"*self.module.buffers())": "*(b for name, b in self.module.named_buffers() if name in self.module.state_dict()))"},
)
mistake(
    "The tensors to broadcast are listed once, at construction. A module may put a new tensor in a buffer's place: list them in every forward.",
    edit={
        "        self.module, self.comm = module, comm\n": ""
        "        self.module, self.comm = module, comm\n        self.state = [*module.parameters(), *module.buffers()]\n",
        "(*self.module.parameters(), *self.module.buffers())": "self.state",
    },
)
mistake(
    "A weight that stands in two places is broadcast twice. `parameters()` lists it once.",
    edit={"(*self.module.parameters(),": "(*(p for _, p in self.module.named_parameters(remove_duplicate=False)),"},
)
mistake(
    "Your wrapper puts the whole module into the mode of its outermost part. A BatchNorm that the caller set to evaluation trains again.",
    edit={"        self.module, self.comm = module, comm\n": "        self.module, self.comm = module.train(module.training), comm\n"},
)
mistake(
    "Where all parameters are frozen, your outputs require no gradient. They are a leaf that does, whatever the module.",
    edit={"return None if y is None else y.requires_grad_()": "return None if y is None else y.requires_grad_(self.output.requires_grad)"},
)
mistake(
    "You call module.forward, which leaves out the module's hooks. Call the module.",
    edit={"self.module(rows) if len(rows) else None": "self.module.forward(rows) if len(rows) else None"},
)

# --- backward ---
mistake(
    "You take the mean of the ranks' gradients. The loss is that of the whole batch already, so each rank has a part of a sum.",
    edit={
        "        for p, each in zip(trained, grads, strict=True):\n": ""
        "        grads = [each / len(grad.chunk(self.comm.size)) for each in grads]\n        for p, each in zip(trained, grads, strict=True):\n"
    },
)
mistake(
    "A second backward replaces the gradients of the first one. Add to `.grad`.",
    edit={"p.grad = each if p.grad is None else p.grad + each": "p.grad = each"},
)
mistake(
    "Rank 0's own gradients are left out of the sum.",
    edit={"            grads = [each + self.comm.recv(src) for each in grads]": ""
          "            grads = [self.comm.recv(src) + (each if src > 1 else 0) for each in grads]"},
)  # fmt: skip
mistake(
    "The gradients of the other ranks never reach rank 0: it has those of its own rows alone.",
    edit={"            grads = [each + self.comm.recv(src) for each in grads]": "            [self.comm.recv(src) for each in grads]"},
)
mistake(
    "The sum is right on every rank, by an all-reduce: that is what DDP does. Here only the master needs gradients.",
    edit={
        "        if self.comm.rank:\n            for each in grads:\n                self.comm.send(each, 0)\n            return\n": "",
        "        if not len(part):\n            return\n        grads = torch.autograd.grad(self.output, trained, part, allow_unused=True)\n": ""
        "        grads = torch.autograd.grad(self.output, trained, part, allow_unused=True) if len(part) else [None] * len(trained)\n",
        "        for src in range(1, len(grad.chunk(self.comm.size))):\n            grads = [each + self.comm.recv(src) for each in grads]\n": ""
        "        grads = [self.comm.all_reduce(each.clone()) for each in grads]\n        if self.comm.rank:\n            return\n",
    },
)
mistake(
    "The other ranks keep their gradients in `.grad`, and add to them in every step. Compute them with torch.autograd.grad and send them.",
    edit={
        "            for each in grads:\n                self.comm.send(each, 0)\n": ""
        "            for p, each in zip(trained, grads, strict=True):\n                self.comm.send(each, 0)\n"
        "                p.grad = each if p.grad is None else p.grad + each\n"
    },
)
mistake(
    "The other ranks clear their `.grad`. It is the caller's: leave it as it was.",
    edit={"                self.comm.send(each, 0)\n            return\n": "                self.comm.send(each, 0)\n"
          "            for p in trained:\n                p.grad = None\n            return\n"},
)  # fmt: skip
mistake(
    "A rank that has no rows in this step still has the output of an earlier one, and sends it. Forget it at the start of forward.",
    edit={"self.module(rows) if len(rows) else None": "self.module(rows) if len(rows) else self.output"},
)
mistake(
    "Ranks without rows send zeros for every parameter. They have nothing to say: rank 0 need not wait for them.",
    edit={
        "        if not len(part):\n            return\n        grads = torch.autograd.grad(self.output, trained, part, allow_unused=True)\n": ""
        "        grads = torch.autograd.grad(self.output, trained, part, allow_unused=True) if len(part) else [None] * len(trained)\n",
        "        for src in range(1, len(grad.chunk(self.comm.size))):\n": "        for src in range(1, self.comm.size):\n",
    },
)
mistake(
    "A rank leaves out the parameters that it did not use, so rank 0 takes the next one's gradient for it. Send zeros.",
    edit={
        "                self.comm.send(each, 0)\n            return\n": ""
        "                if each.count_nonzero():\n                    self.comm.send(each, 0)\n            return\n"
    },
    crashes=True,
)
mistake(
    "A parameter that a rank did not use has no gradient there, and autograd raises. Say allow_unused=True, and take zeros.",
    edit={"part, allow_unused=True)": "part)"},
    crashes=True,
)
mistake(
    "Gradients of frozen parameters are sent and written as well. Leave them out.",
    edit={
        "        trained = [p for p in self.module.parameters() if p.requires_grad]\n": "        trained = list(self.module.parameters())\n",
        "        grads = torch.autograd.grad(self.output, trained, part, allow_unused=True)\n": ""
        "        used = [p for p in trained if p.requires_grad]\n"
        "        found = dict(zip(used, torch.autograd.grad(self.output, used, part, allow_unused=True), strict=True))\n"
        "        grads = [found.get(p) for p in trained]\n",
    },
)

mistake(
    "The gradient of a weight that stands in two places is added twice. `parameters()` lists it once.",
    edit={"[p for p in self.module.parameters() if p.requires_grad]": ""
          "[p for _, p in self.module.named_parameters(remove_duplicate=False) if p.requires_grad]"},
)  # fmt: skip
mistake(
    "The parameters that are trained are listed once, at construction. The caller may freeze some later: look at requires_grad in every backward.",
    edit={
        "        self.module, self.comm = module, comm\n": ""
        "        self.module, self.comm = module, comm\n        self.trained = [p for p in module.parameters() if p.requires_grad]\n",
        "        trained = [p for p in self.module.parameters() if p.requires_grad]\n": "        trained = self.trained\n",
    },
    crashes=True,
)
mistake(
    "A parameter that nobody used loses its earlier gradient: zeros take its place. Add zeros to it.",
    edit={"p.grad = each if p.grad is None else p.grad + each": "p.grad = each if p.grad is None or not each.any() else p.grad + each"},
)
mistake(
    "The module is put into the mode of its outermost part in backward. Modes are the caller's.",
    edit={"        part = scatter(grad, self.comm)\n": "        self.module.train(self.module.training)\n        part = scatter(grad, self.comm)\n"},
)

# --- numbers ---
mistake(
    "You take the plain mean of the chunks' means: a row of a small chunk counts more. Weigh each mean by its rows.",
    edit={"    return sum(mean * size for mean, size in zip(means, sizes, strict=True)) / sum(sizes)": "    return sum(means) / len(means)"},
)
mistake(
    "You weigh by rows, but don't divide by the number of all rows.",
    edit={"zip(means, sizes, strict=True)) / sum(sizes)": "zip(means, sizes, strict=True))"},
)
mistake(
    "Your combined mean is made of plain numbers, so no gradient flows. Work with the tensors.",
    edit={
        "    return sum(mean * size for mean, size in zip(means, sizes, strict=True)) / sum(sizes)": ""
        "    total = sum(mean.detach() * size for mean, size in zip(means, sizes, strict=True)) / sum(sizes)\n"
        "    return total + 0 * sum(means)"
    },
)
mistake(
    "You count copies of the weights for all n ranks. Rank 0 sends none to itself: n - 1.",
    edit={'"sent": (n - 1) * param_bytes': '"sent": n * param_bytes'},
)
mistake(
    "You count a ring: 2(n-1)/n of the gradients. With a master, all of them go over one link, n - 1 times.",
    edit={'"received": (busy - 1) * param_bytes': '"received": 2 * (n - 1) * param_bytes // n'},
)
mistake(
    "You count gradients from ranks without rows. They send none.",
    edit={'"received": (busy - 1) * param_bytes': '"received": (n - 1) * param_bytes'},
)
mistake(
    "You count no weights for ranks without rows. A broadcast reaches all of them.",
    edit={'"sent": (n - 1) * param_bytes': '"sent": (busy - 1) * param_bytes'},
)
mistake(
    "You count all rows as sent. Rank 0 keeps its own, ⌈B/n⌉ of them.",
    edit={"batch - largest  #": "batch  #"},
)
mistake(
    "You forget that the gradients of the outputs are sent out for backward.",
    edit={"away * (input_bytes + output_bytes)": "away * input_bytes"},
)
mistake(
    "You take ⌊B/n⌋ rows for rank 0's own. Its chunk is rounded up.",
    edit={"    largest = -(-batch // n)\n": "    largest = max(1, batch // n)\n"},
)
mistake(
    "Your numbers of rows go through float32, which has no 16,777,217.",
    edit={"mean * size for mean": "mean * torch.tensor(size, dtype=torch.float32).item() for mean"},
)
