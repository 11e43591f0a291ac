"""Wrong implementations of pipeline/one_f_one_b, and what a student should read about each."""

from autograder.checks import mistake

WARM_UP = "warm_up = min(m, p - 1 - s)"
STEADY = 'ops += [(s, "F", warm_up + i), (s, "B", i)]'
COOL_DOWN = 'ops += [(s, "B", i) for i in range(m - warm_up, m)]'
WEIGHT = "* (len(targets[i]) / len(y))"

mistake(
    "Your steady phase begins with a backward that has no gradient yet: after min(m, p - 1 - s) forwards comes another F, then B.",
    edit={STEADY: 'ops += [(s, "B", i), (s, "F", warm_up + i)]'},
)
mistake(
    "Your warm-up is p - 1 - s forwards even when there are only m < p micro-batches. It is min(m, p - 1 - s).",
    edit={WARM_UP: "warm_up = p - 1 - s"},
)
mistake(
    "Every device warms up with p - 1 forwards, so all hold p micro-batches. Device s needs min(m, p - 1 - s): the later, the fewer.",
    edit={WARM_UP: "warm_up = min(m, p - 1)"},
)
mistake(
    "Your warm-up grows with the stage. It is the *first* stage that waits longest for its first gradient: p - 1 - s forwards.",
    edit={WARM_UP: "warm_up = min(m, s)"},
)
mistake(
    "Your warm-up is one forward too long, p - s, and then comes F before B: device s holds p - s + 1 micro-batches. With p - s "
    "forwards, begin the steady phase with B.",
    edit={WARM_UP: "warm_up = min(m, p - s)"},
)
mistake(
    "You don't warm up: each device runs F, B, F, B from the start. Then the first one waits for every gradient; that is the naive "
    "pipeline.",
    edit={WARM_UP: "warm_up = 0"},
)
mistake(
    "This is GPipe: all forwards, then all backwards. It is as short, but device s holds m micro-batches. Run a B as soon as it "
    "can run.",
    edit={WARM_UP: "warm_up = m"},
)
mistake(
    "You leave out the backwards at the end. After the steady phase, the micro-batches of the warm-up still have to come back.",
    edit={f"        {COOL_DOWN}\n": ""},
)
mistake(
    "The backwards at the end run in reverse order. Gradients arrive in the order 0, 1, …: the first one sent comes back first.",
    edit={COOL_DOWN: 'ops += [(s, "B", i) for i in reversed(range(m - warm_up, m))]'},
)
mistake(
    "In the steady phase you go back through the micro-batch that has just come forward. On device s the oldest one is due: "
    "B of i beside F of warm_up + i.",
    edit={
        STEADY: 'ops += [(s, "F", warm_up + i), (s, "B", warm_up + i)]',
        COOL_DOWN: 'ops += [(s, "B", i) for i in range(warm_up)]',
    },
)
mistake(
    "Your last forward is missing: the steady phase ends one step too early. It has m - warm_up steps.",
    edit={
        "for i in range(m - warm_up):\n": "for i in range(m - warm_up - 1):\n",
        COOL_DOWN: 'ops += [(s, "B", i) for i in range(max(m - warm_up - 1, 0), m)]',
    },
)
mistake(
    "You give p for every device. Device s holds min(m, p - s): the last one goes back at once.",
    edit={"[min(m, p - s) for s in range(p)]": "[min(m, p)] * p"},
)
mistake(
    "You forget that there are only m micro-batches: the peak is min(m, p - s).",
    edit={"[min(m, p - s) for s in range(p)]": "[p - s for s in range(p)]"},
)
mistake(
    "You give p - 1 - s, the warm-up. In the steady phase one more is held: min(m, p - s).",
    edit={"[min(m, p - s) for s in range(p)]": "[min(m, p - 1 - s) for s in range(p)]"},
)
mistake(
    "You compare with p micro-batches. GPipe holds m on every device.",
    edit={"[peak / m for": "[peak / p for"},
)
mistake(
    "You give GPipe's memory over 1F1B's. Asked is the other way round: a number of at most 1.",
    edit={"[peak / m for": "[m / peak for"},
)
mistake(
    "You give the saving. Asked is what is needed, as a fraction of GPipe's.",
    edit={"[peak / m for": "[1 - peak / m for"},
)
mistake(
    "You add up the mean losses of the micro-batches, so loss and gradients are m times too large. Weigh each by its rows, b/B.",
    edit={WEIGHT: "* 1"},
)
mistake(
    "You cut the graph between stages and never send the gradient back: earlier stages learn nothing. The gradient at the input "
    "of stage s + 1 goes into the backward of stage s.",
    edit={
        "out.backward(gradients.pop((s, i)))": "gradients.pop((s, i))\n                    if s == p - 1:\n                        out.backward()",
    },
)
mistake(
    "Earlier stages go back with a gradient of ones. They need the gradient that arrived at the input of the stage behind.",
    edit={
        "out.backward(gradients.pop((s, i)))": "gradients.pop((s, i))\n                    out.backward(torch.ones_like(out))"
    },
)
mistake(
    "You update the weights after each backward, as PipeDream does without a flush. Then forward and backward of a micro-batch see "
    "different weights. In 1F1B they change once, after the last B.",
    edit={
        "gradients[s - 1, i] = received.grad": "gradients[s - 1, i] = received.grad\n                    with torch.no_grad():\n"
        "                        for w in stages[s].parameters():\n                            w -= 0.01 * w.grad"
    },
)
mistake(
    "You ignore the schedule and run all forwards before all backwards. The memory of GPipe is what 1F1B is there to avoid: run "
    "each device's list in order.",
    edit={
        "todo = [list(ops) for ops in schedule]": "todo = [sorted(ops, key=lambda op: op[1], reverse=True) for ops in schedule]",
    },
)
mistake(
    "You take micro-batches in the order 0, 1, … whatever the schedule says. The third entry of an operation is its micro-batch.",
    edit={
        "todo = [list(ops) for ops in schedule]": "todo = [[(s, k, sum(o[1] == k for o in ops[:n])) for n, (s, k, _) in enumerate(ops)] "
        "for ops in schedule]",
    },
)
mistake(
    "Each backward keeps its graph (`retain_graph=True`), and you go on holding the output: nothing is freed before the end. Let "
    "backward free what it has used.",
    edit={
        "out.backward(gradients.pop((s, i)))": "out.backward(gradients.pop((s, i)), retain_graph=True)",
        "held.pop((s, i))": "held[s, i]",
    },
)
mistake(
    "You set the gradients to zero first. What is in `.grad` before the call has to stay: add to it.",
    edit={
        "    targets = y.tensor_split(m)\n": "    targets = y.tensor_split(m)\n    for stage in stages:\n        stage.zero_grad()\n"
    },
)
mistake(
    "The loss that you return carries its graph, and with it the activations of the last stage. Detach it.",
    edit={"total = total + out.detach()": "total = total + out"},
)
mistake(
    "You return the loss of the last micro-batch. Add up the weighted losses of all.",
    edit={"total = total + out.detach()": "total = loss_fn(stages[s](received), targets[i]).detach()"},
)


@mistake(
    "You send the whole batch through at once and ignore the schedule: then there is one micro-batch, and nothing overlaps."
)
def run_schedule(schedule, stages, x, y, loss_fn):
    for stage in stages:
        x = stage(x)
    loss = loss_fn(x, y)
    loss.backward()
    return loss.detach()


@mistake(
    "Each micro-batch goes through all stages and back before the next one starts, whatever the schedule says. Gradients are right, "
    "but the devices do not run their lists."
)
def run_schedule(schedule, stages, x, y, loss_fn):
    m = len(schedule[0]) // 2
    total = 0
    for a, b in zip(x.tensor_split(m), y.tensor_split(m), strict=True):
        for stage in stages:
            a = stage(a)
        loss = loss_fn(a, b) * (len(b) / len(y))
        loss.backward()
        total = total + loss.detach()
    return total


TARGETS = "    targets = y.tensor_split(m)\n"
END = "    return total\n"
POPPED = "received, out = held.pop((s, i))"
MADE = "out = stages[s](received)\n"

mistake(
    "You hold the inputs of the stages to the end. With a micro-batch's B what its F got is used up: `pop` it from where you keep it.",
    edit={POPPED: "received, out = held[s, i]\n                    held[s, i] = received, None"},
)
mistake(
    "You hold the outputs of the stages to the end, the losses' graphs with them. With a micro-batch's B they are used up: `pop` them from "
    "where you keep them.",
    edit={POPPED: "received, out = held[s, i]"},
)
mistake(
    "You hold what arrived at each stage after its F as well. It is kept with the output until B; drop it from the queue.",
    edit={
        "received = activations.pop((s, i))": "received = activations[s, i]",
    },
)
mistake(
    "You hold every gradient that a stage sent back to the end. When the B that needs it has run it is used up: `pop` it.",
    edit={"gradients.pop((s, i))": "gradients[s, i]"},
)
mistake(
    "Something at the top of your file holds the batch after the call. Keep what a step needs in local variables.",
    edit={TARGETS: TARGETS + "    run_schedule.last = x\n"},
)
mistake(
    "Something at the top of your file holds the loss after the call. Return it, and keep nothing.",
    edit={END: "    run_schedule.losses = [*getattr(run_schedule, 'losses', []), total]\n" + END},
)
mistake(
    "You switch the stages to training mode. They are the caller's: who had them in evaluation mode gets them back in another one.",
    edit={TARGETS: TARGETS + "    for stage in stages:\n        stage.train()\n"},
)
mistake(
    "You switch `requires_grad` on for every parameter. One that the caller has frozen stays frozen.",
    edit={TARGETS: TARGETS + "    for stage in stages:\n        stage.requires_grad_()\n"},
)
mistake(
    "You put new parameters into the stages. They stay the same objects: the optimizer holds them.",
    edit={END: "    for stage in stages:\n        stage.load_state_dict(stage.state_dict(), assign=True)\n" + END},
)
mistake(
    "You add the losses up in float64. The loss that you return has the dtype of the losses.",
    edit={"total = torch.tensor(0)": "total = torch.zeros((), dtype=torch.float64)"},
)
mistake(
    "Your weights b/B are float32 tensors, so a float64 model gets gradients with float32's error. Use Python's numbers.",
    edit={WEIGHT: "* torch.tensor(len(targets[i]) / len(y))"},
)
mistake(
    "Every micro-batch weighs as much as the first one. Weigh each by its own rows, b/B.",
    edit={WEIGHT: "* (len(targets[0]) / len(y))"},
)
mistake(
    "You run each forward twice, once for its output and once for its graph. A stage runs each operation once: keep the output from F to B.",
    edit={MADE: "stages[s](received.detach())\n                    " + MADE},
)
mistake(
    "With fewer micro-batches than devices you run all forwards first. Then device s holds m micro-batches; min(m, p - s) are enough.",
    edit={WARM_UP: "warm_up = min(m, p - 1 - s) if m >= p else m"},
)
mistake(
    "You keep the schedule of earlier calls (`functools.cache`) and hand out the same lists again. Who changes them, as an executor does with "
    "`pop`, changes your next answer: make new lists in each call.",
    edit={"def one_f_one_b(": "import functools\n\n\n@functools.cache\ndef one_f_one_b("},
)
mistake(
    "You switch the stages to training mode, and at the end all back to the mode of the first one. Each stage, and each module in it, has "
    "a mode of its own: leave the modes alone.",
    edit={
        TARGETS: TARGETS + "    training = stages[0].training\n    for stage in stages:\n        stage.train()\n",
        END: "    for stage in stages:\n        stage.train(training)\n" + END,
    },
)
mistake(
    "You give the returned loss the dtype of the parameters. It has the dtype of what `loss_fn` returns, which may be another one.",
    edit={END: "    return total.to(next(stages[0].parameters()).dtype)\n"},
)
mistake(
    "You call `loss_fn` with names for what it takes. It is the caller's, and its names are too: pass output and targets by place.",
    edit={"loss_fn(out, targets[i])": "loss_fn(out, target=targets[i])"},
    crashes=True,
)
mistake(
    "Your executor sends no gradient through a stage whose parameters are all frozen. The stages before it may learn: the gradient has to pass.",
    edit={
        "gradients[s - 1, i] = received.grad": "passes = s == 0 or any(w.requires_grad for w in stages[s].parameters())\n"
        "                    gradients[s - 1, i] = received.grad if passes or len(list(stages[s].parameters())) == 0 else torch.zeros_like(received)"
    },
)


@mistake(
    "Your executor calls itself for each operation before the one that it wants, so Python's stack ends at about a thousand of them. "
    "Go round the devices in a loop.",
    crashes=True,
)
def run_schedule(schedule, stages, x, y, loss_fn):
    p, m = len(schedule), len(schedule[0]) // 2
    xs, ys = x.tensor_split(m), y.tensor_split(m)
    sent, back, held, done, losses = {}, {}, {}, [0] * p, []

    def up_to(s, kind, i):
        place = schedule[s].index((s, kind, i))
        if done[s] > place:
            return
        if place > 0:
            up_to(*schedule[s][place - 1])
        if kind == "F":
            if s > 0:
                up_to(s - 1, "F", i)
            received = sent.pop((s - 1, i)) if s > 0 else xs[i]
            out = stages[s](received)
            if s < p - 1:
                sent[s, i] = out.detach().requires_grad_()
            else:
                out = loss_fn(out, ys[i]) * (len(ys[i]) / len(y))
                losses.append(out.detach())
            held[s, i] = received, out
        else:
            if s < p - 1:
                up_to(s + 1, "B", i)
            received, out = held.pop((s, i))
            out.backward(back.pop((s + 1, i)) if s < p - 1 else None)
            if s > 0:
                back[s, i] = received.grad
        done[s] = place + 1

    for ops in schedule:
        up_to(*ops[-1])
    return sum(losses)
mistake(
    "Your sum of losses begins with a zero of float32, so losses in bfloat16 come back as float32. Begin with the first loss, or with a whole "
    "number: the loss that you return has the dtype of the losses.",
    edit={"total = torch.tensor(0)": "total = torch.zeros(())"},
)
