"""Public checks of quant/mixed_precision: run `pytest` on this file, or `autograder check quant/mixed_precision`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from autograder.checks import Tolerance, case, check, flags, raises


def gradients(rng, shapes=((3, 4), (5,)), exponent=0, spread=4, given=None, dtype="float32", **options):
    """Numbers over `spread` powers of ten around 10^exponent, with a few zeros; or the given ones."""
    if given is None:
        given = []
        for shape in shapes:
            size = 10.0 ** rng.uniform(exponent - spread / 2, exponent + spread / 2, *shape, dtype=torch.float64)
            given.append((size * (1 - 2 * rng.mask(*shape).double()) * rng.mask(*shape, p=0.9).double()).to(getattr(torch, dtype)))
    else:
        given = [torch.tensor(each, dtype=getattr(torch, dtype)) for each in given]
    return {"gradients": given, "options": options}


@check(points=1, inputs=gradients, lecture='how-large-a-scale', public=[case('small gradients', exponent=-7), case('as in the docstring', given=[[0.5, -3.0], 0.0]), case('just at the limit', given=[[1.0, 65504.0], [-32752.0]]), case('all are 0', given=[[0.0, 0.0]]), case('half of them get lost', given=[[1e-09, 2.0, 0.0, -3e-09, 1.0]])])
def a_scale_fills_the_range(student, gradients, options):
    """The best scale is the largest power of two without overflow, and the lost share counts what becomes 0 at a scale."""
    torch.manual_seed(5)
    dtype = getattr(torch, options.get("dtype_of", "float16"))
    best = student.best_scale(gradients, dtype)
    views = [torch.stack([g, g], -1)[..., 0] for g in gradients]
    return {
        "best": best,
        "by default": student.best_scale([3 * g for g in gradients]),
        "of the same in bfloat16": student.best_scale(gradients, torch.bfloat16),
        "of views": [student.best_scale(views), student.lost_share(views, 2.0)],
        "of float16": student.best_scale([g.clamp(-60_000, 60_000).half() for g in gradients], dtype=torch.float16),
        "lost": [student.lost_share(gradients, scale) for scale in (0.25, 1.0, 64.0, 4096.0)],
        "lost by default": student.lost_share(gradients),
        "in float64": student.lost_share([g.double() * 1e-3 for g in gradients], scale=2.0, dtype=dtype),
        "lost in bfloat16": student.lost_share(gradients, dtype=torch.bfloat16),
        "left": flags(*gradients),
        "chance": torch.rand(2),
    }


def weights(rng, n, dtype="float32"):
    return [rng.normal(*shape, dtype=dtype) for shape in (((2, 3), (4,), (1,)) * 7)[:n]]


def rounds(rng, pattern="", length=0, p=0.3, bad=("inf",), n=2, **options):
    """`pattern`: x is a round with a bad number. Or `length` rounds, of which a share p is bad."""
    pattern = pattern or "".join("x" if rng.real(0, 1) < p else "." for _ in range(length))
    return {
        "start": weights(rng, n),
        "steps": [[g.tolist() for g in weights(rng, n)] for _ in pattern],
        "bad": [rng.choice(bad) if each == "x" else "" for each in pattern],
        "place": [rng.integer(0, n) for _ in pattern],
        "options": options,
    }


class Optimizer:
    """Like torch's: gradient descent with momentum, or Adam without corrections; it keeps a state for weights that had a gradient."""

    def __init__(self, *groups, momentum=0.0, adam=False):
        self.param_groups = [{"params": params, "lr": lr} for params, lr in groups]
        self.momentum, self.adam, self.state = momentum, adam, {}

    def step(self):
        with torch.no_grad():
            for number, group in enumerate(self.param_groups):
                for place, w in enumerate(group["params"]):
                    if w.grad is None:
                        continue
                    mean, square = self.state.get((number, place), (torch.zeros_like(w), torch.zeros_like(w)))
                    mean = self.momentum * mean + w.grad
                    square = 0.9 * square + w.grad.square()
                    self.state[number, place] = (mean, square)
                    w -= group["lr"] * (mean / square.sqrt().clamp_min(1e-30) if self.adam else mean)


def run(student, start, steps, bad, place, options, explicit=False):
    masters = [w.clone() for w in start]
    optimizer = Optimizer((masters[:1], 0.25), (masters[1:], 0.5), momentum=0.5)
    scaler = student.LossScaler(**options)
    trace = []
    for step, what, where in zip(steps, bad, place, strict=True):
        for w, g in zip(masters, step, strict=True):
            w.grad = torch.tensor(g) * scaler.value
        if what:
            numbers = masters[where].grad.view(-1)
            numbers[-1 if not math.isfinite(float(what)) else slice(None)] = float(what)
        found = scaler.unscale_(masters) if explicit else None
        before = scaler.value
        stepped = scaler.step(optimizer)
        scaler.update()
        trace.append({"before": before, "value": scaler.value, "good": scaler.good, "found": found, "stepped": stepped, "w": [w.clone() for w in masters]})
    return trace


@check(points=1, inputs=rounds, lecture='a-scale-that-finds-its-size', public=[case('inf in the second round', pattern='.x..', init=4.0, interval=2), case('five good rounds', pattern='.....', init=8.0, interval=2, n=1), case('two bad ones in a row', pattern='xx.', init=1024.0, interval=1)])
def the_scale_follows_the_rounds(student, start, steps, bad, place, options):
    """The scale falls after a bad round, grows after `interval` good ones in a row, and counts anew after each change."""
    alone = student.LossScaler(**options)
    first = run(student, start, steps, bad, place, options)
    again = run(student, start, steps[:2], bad[:2], place[:2], options)
    patient = student.LossScaler(init=3.0)
    for _ in range(0 if options else 1999):
        patient.unscale_([])
        patient.update()
    waiting = [patient.value, patient.good, patient.unscale_([]), patient.update()]
    return {"trace": first, "at first": [alone.value, alone.good], "again": again, "by default": [*waiting, patient.value, patient.good]}


@check(points=1, inputs=rounds, lecture='unscale-look-step', public=[case('two rounds', pattern='.x', init=8.0, interval=2), case('in nan', pattern='x.', bad=('nan',), init=16.0, interval=2)])
def gradients_are_divided_once(student, start, steps, bad, place, options):
    """unscale_ divides each gradient in place, says whether one is bad, and step does not divide again."""
    trace = run(student, start, steps, bad, place, options, explicit=True)
    scaler = student.LossScaler(**options)
    ws = [w.clone() for w in start] + [torch.ones(2), torch.ones(3, dtype=torch.float64), torch.ones(2).bfloat16()]
    for w, g in zip(ws, steps[-1], strict=False):
        w.grad = torch.tensor(g) * scaler.value
    ws[-2].grad, ws[-1].grad = torch.arange(3.0).double() * scaler.value, torch.tensor([1.0, -2.0]).bfloat16() * scaler.value
    views = [None if w.grad is None else w.grad.view(-1) for w in ws]
    if bad[0]:
        ws[place[0]].grad.view(-1)[0] = float(bad[0])
    found = scaler.unscale_(ws)
    empty = student.LossScaler(**options)
    nothing = [empty.unscale_([torch.ones(2)]), raises("RuntimeError", lambda: empty.unscale_([torch.ones(2)])), empty.update(), empty.good, empty.unscale_([])]
    turned = torch.ones(3, 2)
    turned.grad = torch.arange(6.0).view(2, 3).mT * scaler.value
    other = student.LossScaler(**options)
    half, full = torch.ones(2).half(), torch.ones(2)
    half.grad, full.grad = torch.ones(2).half(), torch.ones(2)
    refused = raises("ValueError", lambda: other.unscale_([full, half]))
    unchanged = full.grad.clone()
    return {
        "trace": trace,
        "found": found,
        "gradients": [w.grad for w in ws],
        "seen through views": views,
        "without a gradient": nothing,
        "of a view": [student.LossScaler(init=scaler.value).unscale_([turned]), turned.grad],
        "float16": refused,
        "unchanged": unchanged,
        "and afterwards": raises("RuntimeError", lambda: other.unscale_([full])),
        "divided": full.grad,
    }


class Recorder:
    """An optimizer that is not torch's."""

    def __init__(self, *groups):
        self.param_groups = [{"params": group} for group in groups]
        self.seen = []

    def step(self):
        self.seen.append([None if w.grad is None else w.grad.clone() for group in self.param_groups for w in group["params"]])


def protocol(rng, calls, bad="", n=3, init=32.0, dtype="float32"):
    return {"calls": calls, "bad": bad, "gradients": weights(rng, n), "init": init, "dtype": dtype, "loss": rng.normal(dtype=dtype)}


@check(points=1, inputs=protocol, lecture='unscale-look-step', public=[case('step alone', calls=['step', 'update']), case('unscaled twice', calls=['unscale', 'unscale', 'step', 'update']), case('two steps in one round', calls=['step', 'step', 'update', 'step', 'update']), case('an update without anything', calls=['update'])])
def a_round_has_an_order(student, calls, bad, gradients, init, dtype, loss):
    """A round is unscaled once and stepped once, all groups together; a call out of order raises RuntimeError and changes nothing."""
    scaler = student.LossScaler(init, 2.0, 0.5, 3)
    ws = [torch.zeros_like(g) for g in gradients] + [torch.zeros(2)]
    for w, g in zip(ws, gradients, strict=False):
        w.grad = g * init
    if bad:
        ws[0].grad.view(-1)[0] = float(bad)
    optimizer = Recorder(ws[:1], ws[1:])
    methods = {"unscale": lambda: scaler.unscale_(parameters=ws), "step": lambda: scaler.step(optimizer), "update": scaler.update}
    order, results = {"round": 0, "unscaled": False, "stepped": False}, []
    for name in calls:
        wrong = {"unscale": order["unscaled"], "step": order["stepped"], "update": not order["unscaled"]}[name]
        results.append(raises("RuntimeError", methods[name]) if wrong else methods[name]())
        if not wrong:
            order = {"unscaled": name != "update", "stepped": name == "step" or (order["stepped"] and name != "update")}
        if name == "unscale" and bad:
            ws[0].grad.nan_to_num_(0.0, 0.0, 0.0)  # what was found is known all the same
        results.append([scaler.value, scaler.good])
    if len(ws) > 16:  # now each in a group of its own
        results.append(student.LossScaler(init).step(Recorder(*([w] for w in ws))))
    leaf = loss.clone().requires_grad_()
    scaled = scaler.scale(leaf * 2)
    scaled.backward()
    return {"results": results, "steps": optimizer.seen, "gradients": [w.grad for w in ws], "scaled": scaled.detach(), "slope": leaf.grad}


def training(rng, steps=3, kind="linear", n=4, m=3, more=0, optimizer="sgd", dtype="float16", size=1.0, overflow=(), clip="default", init=1024.0, interval=2):
    return {
        "masters": [0.3 * rng.normal(m, n), 0.1 * rng.normal(m), rng.normal(2), *(rng.normal(1) for _ in range(more))],
        "batches": [[rng.normal(5, n), rng.normal(5, m)] for _ in range(steps)],
        "kind": kind,
        "make": optimizer,
        "dtype": dtype,
        "size": size,
        "overflow": list(overflow),
        "clip": clip,
        "scaler": [init, interval],
    }


def loss_of(kind, low, x, y, size):
    w, b, unused, *more = low
    if kind in ("noise", "far", "farther"):
        if kind == "noise":  # the copies are the loss's own
            with torch.no_grad():
                w += 0.25
        loss = loss_of("linear", low, x, y, size)
        return {"noise": loss, "far": loss + 1e36, "farther": loss.double() + 1e50}[kind]
    if kind == "linear":  # in 16 bits, all of it
        return ((x.to(w.dtype) @ w.mT + b - y.to(w.dtype)).float().square().mean() + 0.5 * sum(v.float().square().sum() for v in (unused, *more))) * size
    if kind == "nan":
        return loss_of("tiny", low, x, y, size) * math.nan
    if kind == "tiny":  # gradients of 1e-8: they are 0 in float16 without a scale
        return ((x @ w.float().mT + b.float()).sin().mean() + unused.float().square().mean()) * size
    if kind in ("unused", "turned"):
        return (x @ w.float().mT).square().mean() * size
    raise KeyError(kind)


def trained(student, masters, batches, kind, make, dtype, size, overflow, clip, scaler):
    masters = [w.clone() for w in masters]
    if kind == "turned":
        masters[0] = masters[0].mT.contiguous().mT
    for number, w in enumerate(masters):
        w.requires_grad_(number != 1)
    for w in masters:
        w.grad = torch.full_like(w, 77.0)  # of some other step
    optimizer = {
        "sgd": lambda: Optimizer((masters, 0.25 / size)),
        "momentum": lambda: Optimizer((masters[:2], 0.125 / size), (masters[2:], 0.125 / size), momentum=0.5),
        "adam": lambda: Optimizer((masters, 0.05), adam=True),
    }[make]()
    scaler = student.LossScaler(init=scaler[0], interval=scaler[1])
    options = {} if clip == "default" else {"clip": clip}
    options |= {} if dtype == "float16" else {"dtype": getattr(torch, dtype)}
    given, log = [], []
    for number, (x, y) in enumerate(batches):

        def loss_fn(low, x=x, y=y, number=number):
            given.append([[str(w.dtype), w.requires_grad, w.is_leaf, w.grad is None, w.detach().double().sum().item()] for w in low])
            loss = loss_of(kind, low, x, y, size)
            return loss * math.inf if number in overflow else loss

        log.append(student.train_step(loss_fn, masters, optimizer, scaler, **options))
        log.append([scaler.value, scaler.good, [w.detach().clone() for w in masters], [w.grad is None for w in masters], flags(*masters)])
    states = [[list(key), *value] for key, value in optimizer.state.items()]
    return {"given": given, "log": log, "states": states}


@check(points=2, inputs=training, lecture='a-whole-step', public=[case('three steps in float16'), case('gradients of 1e-8', kind='tiny', size=1e-07, init=65536.0, optimizer='adam', clip=None), case('clipped', size=64.0, clip=0.5, init=16.0)])
def small_gradients_arrive(student, masters, batches, kind, make, dtype, size, overflow, clip, scaler):
    """A step computes in 16 bits, unscales in float32, clips the real gradient, and updates the float32 weights."""
    torch.manual_seed(5)
    first = trained(student, masters, batches, kind, make, dtype, size, overflow, clip, scaler)
    return [first, trained(student, masters, batches[:1], kind, make, dtype, size, overflow, clip, scaler), torch.rand(2)]


@check(points=1, inputs=training, lecture='a-step-that-is-not-done', public=[case('the second step overflows', overflow=[1]), case('too large a scale', init=2.0 ** 24, steps=4, clip=None)])
def a_bad_step_changes_nothing(student, masters, batches, kind, make, dtype, size, overflow, clip, scaler):
    """Where gradients overflow, weights and optimizer stay as they were, and the scale falls for the next step."""
    return trained(student, masters, batches, kind, make, dtype, size, overflow, clip, scaler)


def summands(rng, n=1, steps=10, start=0.0, size=1.0, sign=False, dtype="bfloat16", shape=None, given=None):
    kind = getattr(torch, dtype)
    shape = shape or (n,)
    if given is not None:
        xs = torch.tensor(given).reshape(len(given), *shape)
    else:
        xs = size * rng.uniform(0.5, 1.5, steps, *shape)
        if sign:
            xs = xs * (1 - 2 * rng.mask(steps, *shape).float())
    return {"start": torch.full(shape, start).to(kind), "xs": xs.to(kind)}


@check(points=1, inputs=summands, tolerance=Tolerance(atol=1e-30, rtol=1e-12), lecture='a-sum-that-remembers', public=[case('256 and ones', given=[1.0, 1.0, 1.0, 1.0], start=256.0), case('small updates of a weight', n=3, steps=8, start=1.0, size=0.001), case('of both signs', n=2, steps=6, start=-3.0, size=0.5, sign=True)])
def nothing_small_is_lost(student, start, xs):
    """The compensated sum keeps in a second tensor what rounding took, and gives it back with the next summand."""
    total, excess = start.clone(), torch.zeros_like(start)
    seen = []
    for x in xs:
        new = student.kahan_add(total, excess, x)
        seen.append([total.clone(), excess.clone(), *new])
        total, excess = new
    views = [torch.stack([each, each], -1)[..., 0] for each in (total, excess, xs[0])]
    return {"on the way": seen, "type": [len(new), str(total.dtype)], "of views": student.kahan_add(*views), "left": flags(*views)}
