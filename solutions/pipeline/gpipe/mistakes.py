"""Wrong implementations of pipeline/gpipe, and what a student should read about each."""

from autograder.checks import mistake

SCHEDULE = 'return [[(s, kind, i) for kind in "FB" for i in range(m)] for s in range(p)]'
WEIGHT = "* (len(ys[i]) / len(y))"
CUT = "h = outputs[s][-1].detach().requires_grad_()"
BACK = "out.backward(gradient)"

mistake(
    "Each micro-batch comes back before the next one starts: that is the naive pipeline. Send all forwards first, so that the "
    "devices work at the same time.",
    edit={SCHEDULE: 'return [[(s, kind, i) for i in range(m) for kind in "FB"] for s in range(p)]'},
)
mistake(
    "Your devices send backwards in different orders, so they wait for each other. All need the same order.",
    edit={
        SCHEDULE: 'return [[(s, "F", i) for i in range(m)] + [(s, "B", i) for i in list(range(m))[:: 1 - 2 * (s % 2)]] for s in range(p)]'
    },
)
mistake(
    "This is 1F1B: a backward runs before the last forward. In GPipe all forwards of a device come first.",
    edit={
        SCHEDULE: 'return [[(s, "F", i) for i in range(min(m, p - s))] + [op for i in range(m) for op in ((s, "B", i), (s, "F", i + p - s)) '
        "if op[2] < m] for s in range(p)]"
    },
)
mistake(
    "Only the last device runs backwards. Every stage has one for each micro-batch.",
    edit={
        SCHEDULE: 'return [[(s, kind, i) for kind in ("FB" if s == p - 1 else "F") for i in range(m)] for s in range(p)]'
    },
)
mistake(
    "You return (p - 1)/p: that is the naive pipeline, one micro-batch. With m of them it shrinks.",
    edit={"return (p - 1) / (m + p - 1)": "return (p - 1) / p"},
)
mistake(
    "You divide by m + p. The pipeline takes m + p - 1 steps: the first micro-batch fills the last of p stages after p - 1.",
    edit={"return (p - 1) / (m + p - 1)": "return (p - 1) / (m + p)"},
)
mistake(
    "With recomputation you count the inputs of one micro-batch. All m inputs wait for their backward.",
    edit={"m * boundary + (1 if recompute": "(1 if recompute else m) * boundary + (1 if recompute"},
)
mistake(
    "With recomputation you leave out the micro-batch that is recomputed: its inside is there while its backward runs.",
    edit={"(1 if recompute else m) * inside": "(0 if recompute else m) * inside"},
)
mistake(
    "You count what is inside only. A stage holds its inputs as well.",
    edit={"m * boundary + (1": "(1"},
)
mistake(
    "You add up the mean losses of the micro-batches, so loss and gradients are m times too large. Weigh each by its rows, b/B.",
    edit={WEIGHT: "* 1"},
)
mistake(
    "Your gradients are right, but you return the loss of the last micro-batch. Add up the weighted losses of all.",
    edit={"total = total + out.detach()": "total = loss_fn(outputs[s][i], ys[i]).detach()"},
)
mistake(
    "You return the mean of the micro-batches' means as the loss. Weigh each by its rows, as in the gradients.",
    edit={"total = total + out.detach()": "total = total + loss_fn(outputs[s][i], ys[i]).detach() / m"},
)
mistake(
    "The loss that you return carries its graph, and with it the activations of the last stage. Detach it.",
    edit={"total = total + out.detach()": "total = total + out"},
)
mistake(
    "You cut the graph between stages and never send the gradient back: only the last stage learns. The gradient at the input of "
    "stage s + 1 goes into the backward of stage s.",
    edit={BACK: "if s == len(stages) - 1:\n                out.backward()"},
)
mistake(
    "Earlier stages go back with a gradient of ones. They need the gradient that arrived at the input of the stage behind.",
    edit={BACK: "out.backward(torch.ones_like(out) if gradient is not None else None)"},
)
mistake(
    "Every stage sends back the gradient of the first micro-batch. Each micro-batch has its own.",
    edit={"gradient = inputs[s][i].grad": "gradient = inputs[s][0].grad"},
)
mistake(
    "You set the gradients to zero first. What is in `.grad` before the call has to stay: add to it.",
    edit={
        "    xs, ys = x": "    for stage in stages:\n        stage.zero_grad()\n    xs, ys = x",
    },
)
mistake(
    "Gradients are cleared before each micro-batch, so only the last one counts. They add up over all m.",
    edit={
        "        gradient = None\n": "        gradient = None\n        for stage in stages:\n            stage.zero_grad()\n"
    },
)


@mistake(
    "Each micro-batch goes back before the next one goes forward. Gradients are right, but a pipeline that runs this way has "
    "one device working at a time: run all forwards first."
)
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    total = 0
    for a, b in zip(x.tensor_split(m), y.tensor_split(m), strict=True):
        out = a
        for stage in stages:
            out = stage(out)
        loss = loss_fn(out, b) * (len(b) / len(y))
        loss.backward()
        total = total + loss.detach()
    return total


@mistake("You send the whole batch through at once and ignore m: then there is one micro-batch, and nothing overlaps.")
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    for stage in stages:
        x = stage(x)
    loss = loss_fn(x, y)
    loss.backward()
    return loss.detach()


@mistake(
    "You add up all losses and call backward once: every stage's graph is held to the very end, and the last micro-batch drops no "
    "earlier than the first. Run one backward for each micro-batch; with recompute, keep no graph at all in the forward."
)
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    outs = []
    for a in x.tensor_split(m):
        for stage in stages:
            a = stage(a)
        outs.append(a)
    total = sum(loss_fn(out, b) * (len(b) / len(y)) for out, b in zip(outs, y.tensor_split(m), strict=True))
    total.backward()
    return total.detach()


mistake(
    "You ignore `recompute`: the forwards keep everything for the backward. Run them without a graph, keep the inputs, and run "
    "each again before its backward.",
    edit={
        "torch.set_grad_enabled(not recompute)": "torch.set_grad_enabled(True)",
        "stages[s](inputs[s][i]) if recompute else outputs[s][i]": "outputs[s][i]",
    },
)
mistake(
    "With recompute your forwards keep their graph all the same, and then run again: that costs both the time and the memory. "
    "Run the first ones under `torch.no_grad()`.",
    edit={"torch.set_grad_enabled(not recompute)": "torch.set_grad_enabled(True)"},
)
mistake(
    "You cut micro-batches of ceil(B / m) rows with `split`, so there may be fewer than m of them. `tensor_split(m)` makes m parts "
    "whose sizes differ by one at most.",
    edit={
        "x.tensor_split(m), y.tensor_split(m)": "x.split(-(-len(x) // m)), y.split(-(-len(y) // m))",
        "for i in range(m):\n        gradient": "for i in range(len(xs)):\n        gradient",
    },
)
mistake(
    "You drop the rows that are left over when m does not divide the batch. They count as well: use `tensor_split(m)`.",
    edit={"x.tensor_split(m), y.tensor_split(m)": "x.split(len(x) // m)[:m], y.split(len(y) // m)[:m]"},
)
mistake(
    "You make the caller's x require a gradient, in place. That fails for ids of tokens, and changes what is not yours. The first "
    "stage sends no gradient on.",
    edit={"h = micro_batch.detach()": "h = micro_batch.requires_grad_()"},
    crashes=True,
)
mistake(
    "You take a step of gradient descent inside. The weights change only after the whole batch, in the optimizer.",
    edit={
        "    return total\n": "    with torch.no_grad():\n        for stage in stages:\n            for w in stage.parameters():\n"
        "                w -= 0.01 * w.grad\n    return total\n"
    },
)

CUTTING = "    xs, ys = x.tensor_split(m), y.tensor_split(m)\n"
END = "    return total\n"
AGAIN = "out = stages[s](inputs[s][i]) if recompute else outputs[s][i]"
BACKWARDS = "    for i in range(m):\n        gradient = None"

mistake(
    "You switch the stages to training mode. They are the caller's: who had them in evaluation mode gets them back in another one.",
    edit={CUTTING: "    for stage in stages:\n        stage.train()\n" + CUTTING},
)
mistake(
    "You switch the stages to evaluation mode. They are the caller's: leave their modes alone.",
    edit={CUTTING: "    for stage in stages:\n        stage.eval()\n" + CUTTING},
)
mistake(
    "You put new parameters into the stages. They stay the same objects: the optimizer holds them.",
    edit={END: "    for stage in stages:\n        stage.load_state_dict(stage.state_dict(), assign=True)\n" + END},
)
mistake(
    "You give the parameters new memory (`w.data = …`). Who shares the weights does not see them any more: leave them where they are.",
    edit={
        END: "    for stage in stages:\n        for w in stage.parameters():\n            w.data = w.data.clone()\n"
        + END
    },
)
mistake(
    "You switch `requires_grad` on for every parameter. One that the caller has frozen stays frozen.",
    edit={CUTTING: "    for stage in stages:\n        stage.requires_grad_()\n" + CUTTING},
)
mistake(
    "You switch gradients off for the forwards and never on again. Use `with torch.no_grad():`, which ends by itself.",
    edit={END: "    torch.set_grad_enabled(not recompute)\n" + END},
)
mistake(
    "You add the losses up in float64. The loss that you return has the dtype of the losses.",
    edit={"total = torch.tensor(0)": "total = torch.zeros((), dtype=torch.float64)"},
)
mistake(
    "Your weights b/B are float32 tensors, so a float64 model gets gradients with float32's error. Use Python's numbers.",
    edit={WEIGHT: "* torch.tensor(len(ys[i]) / len(y))"},
)
mistake(
    "Gradients go from stage to stage in low precision. Send them as they are.",
    edit={
        "gradient = inputs[s][i].grad": "gradient = None if inputs[s][i].grad is None else inputs[s][i].grad.bfloat16().to(out.dtype)"
    },
)
mistake(
    "Every micro-batch weighs as much as the first one. Weigh each by its own rows, b/B.",
    edit={WEIGHT: "* (len(ys[0]) / len(y))"},
)
mistake(
    "With recompute you run all second forwards before the first backward, so that everything is held after all. Run each one just before "
    "its own backward.",
    edit={
        BACKWARDS: "    if recompute:\n        outputs = [[stage(h) for h in given] for stage, given in zip(stages, inputs, strict=True)]\n"
        + BACKWARDS,
        AGAIN: "out = outputs[s][i]",
    },
)
mistake(
    "With recompute you run a micro-batch from x through all stages again for each stage. A stage's own input is kept: run that stage alone.",
    edit={
        AGAIN: "for before in range(s if recompute else 0):\n                stages[before](inputs[before][i].detach())\n            "
        + AGAIN
    },
)
mistake(
    "Your micro-batches take every m-th row. Those of `tensor_split` lie next to each other.",
    edit={"x.tensor_split(m), y.tensor_split(m)": "[x[i::m] for i in range(m)], [y[i::m] for i in range(m)]"},
)
mistake(
    "You clip the gradients. That is between the backward and the optimizer, and the caller's.",
    edit={
        END: "    for stage in stages:\n        for w in stage.parameters():\n            w.grad is None or w.grad.clamp_(-1, 1)\n"
        + END
    },
)
mistake(
    "You keep the schedule of earlier calls (`functools.cache`) and hand out the same lists again. Who changes them, as an executor does with "
    "`pop`, changes your next answer: make new lists in each call.",
    edit={"def gpipe_schedule(": "import functools\n\n\n@functools.cache\ndef gpipe_schedule("},
)
mistake(
    "With recomputation you take a share 1/m of the inside, which Python rounds, and `int` cuts a byte off. Count in whole numbers: "
    "m inputs and one inside.",
    edit={
        "return m * boundary + (1 if recompute else m) * inside": "return int(m * (boundary + (1 / m if recompute else 1) * inside))"
    },
)
mistake(
    "You switch the stages to training mode, and at the end each back as a whole. Modules in a stage have modes of their own, such as a "
    "frozen layer in evaluation mode: leave the modes alone.",
    edit={
        CUTTING: "    modes = [stage.training for stage in stages]\n    for stage in stages:\n        stage.train()\n" + CUTTING,
        END: "    for stage, mode in zip(stages, modes, strict=True):\n        stage.train(mode)\n" + END,
    },
)
mistake(
    "You end the way back at a stage whose parameters are all frozen. The stages before it may learn: the gradient has to pass through it.",
    edit={
        "            out.backward(gradient)\n": "            if s > 0 and any(True for _ in stages[s].parameters()) and not any(w.requires_grad for w in stages[s].parameters()):\n"
        "                break\n            out.backward(gradient)\n"
    },
)
mistake(
    "You give the returned loss the dtype of the parameters. It has the dtype of what `loss_fn` returns, which may be another one.",
    edit={END: "    return total.to(next(stages[0].parameters()).dtype)\n"},
)
mistake(
    "You call `loss_fn` with names for what it takes. It is the caller's, and its names are too: pass output and targets by place.",
    edit={"loss_fn(out, ys[i])": "loss_fn(out, target=ys[i])"},
    crashes=True,
)
mistake(
    "Your sum of losses begins with a zero of float32, so losses in bfloat16 come back as float32. Begin with the first loss, or with a whole "
    "number: the loss that you return has the dtype of the losses.",
    edit={"total = torch.tensor(0)": "total = torch.zeros(())"},
)
