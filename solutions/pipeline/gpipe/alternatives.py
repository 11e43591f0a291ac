"""Right implementations of pipeline/gpipe, done differently."""

from itertools import pairwise

import torch
from torch.utils.checkpoint import checkpoint

from autograder.checks import alternative


@alternative("backwards in reverse order, boundaries by autograd.grad")
def gpipe_schedule(p, m):
    schedule = []
    for s in range(p):
        ops = []
        for i in range(m):
            ops.append((s, "F", i))
        for i in range(m - 1, -1, -1):
            ops.append((s, "B", i))
        schedule.append(ops)
    return schedule


@alternative("backwards in reverse order, boundaries by autograd.grad")
def bubble(p, m):
    return 1 - m / (m + p - 1)


@alternative("backwards in reverse order, boundaries by autograd.grad")
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    stash, loss_sum = {}, None
    for i, h in enumerate(torch.tensor_split(x, m)):
        for s, stage in enumerate(stages):
            if s:
                h = h.detach()
                h.requires_grad = True
            if recompute:
                with torch.no_grad():
                    out = stage(h)
                stash[s, i] = (h, None)
            else:
                out = stage(h)
                stash[s, i] = (h, out)
            h = out
    for i in reversed(range(m)):
        target = torch.tensor_split(y, m)[i]
        above = None
        for s in range(len(stages) - 1, -1, -1):
            h, out = stash.pop((s, i))
            out = stages[s](h) if out is None else out
            if above is None:
                out = loss_fn(out, target) * target.shape[0] / y.shape[0]
                loss_sum = out.detach() if loss_sum is None else loss_sum + out.detach()
            own = [w for w in stages[s].parameters() if w.requires_grad]
            wanted = ([h] if s else []) + own
            grads = list(torch.autograd.grad(out, wanted, above))
            above = grads.pop(0) if s else None
            for w, g in zip(own, grads, strict=True):
                w.grad = g if w.grad is None else w.grad + g
    return loss_sum


@alternative("one joined graph for each micro-batch; recomputation by torch's own checkpoint")
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    losses = []
    for a, b in zip(x.tensor_split(m), y.tensor_split(m), strict=True):
        for stage in stages:
            a = checkpoint(stage, a, use_reentrant=False) if recompute else stage(a)
        losses.append(loss_fn(a, b) * len(b) / len(x))
    total = sum(loss.detach() for loss in losses)
    while losses:
        losses.pop().backward()
    return total


@alternative("forwards stage by stage, backwards stage by stage")
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    received, made = [list(x.tensor_split(m))], []
    for s, stage in enumerate(stages):
        with torch.set_grad_enabled(not recompute):
            made.append([stage(h) for h in received[s]])
        received.append([out.detach().clone().requires_grad_(True) for out in made[s]])
    targets = y.tensor_split(m)
    losses = [loss_fn(out, t) * (t.size(0) / y.size(0)) for out, t in zip(received[-1], targets, strict=True)]
    for loss in losses:
        loss.backward()
    for s in reversed(range(len(stages))):
        for i in range(m):
            out = stages[s](received[s][i]) if recompute else made[s][i]
            torch.autograd.backward(out, received[s + 1][i].grad)
    return torch.stack([loss.detach() for loss in losses]).sum()


@alternative("the fraction by counting, the bytes by adding")
def bubble(p, m):
    steps = 2 * (m + p - 1)
    return sum(steps - 2 * m for _ in range(p)) / (p * steps)


@alternative("the fraction by counting, the bytes by adding")
def peak_bytes(m, boundary, inside, recompute):
    if recompute:
        return m * boundary + inside
    return m * (boundary + inside)


@alternative("driven by the lists of a schedule, with mail between devices")
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    p = len(stages)
    mail = {("F", 0, i): rows for i, rows in enumerate(torch.tensor_split(x, m))}
    kept, loss = {}, 0.0
    for kind, s, i in [("F", s, i) for s in range(p) for i in range(m)] + [
        ("B", s, i) for s in reversed(range(p)) for i in range(m)
    ]:
        if kind == "F":
            entered = mail.pop(("F", s, i))
            with torch.set_grad_enabled(not recompute):
                left = stages[s](entered)
            kept[s, i] = entered, None if recompute else left
            mail["F", s + 1, i] = left.detach().requires_grad_()
            continue
        if s == p - 1:
            entered, target = mail.pop(("F", p, i)), torch.tensor_split(y, m)[i]
            part = loss_fn(entered, target) * (len(target) / len(y))
            part.backward()
            loss, mail["B", s, i] = loss + part.detach(), entered.grad
        entered, left = kept.pop((s, i))
        left = stages[s](entered) if left is None else left
        left.backward(mail.pop(("B", s, i)))
        mail["B", s - 1, i] = entered.grad
    return loss


@alternative("gradients caught by hooks, rows by slices")
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    base, more = divmod(len(x), m)
    cuts = [i * base + min(i, more) for i in range(m + 1)]
    tapes, parts = [], []
    for start, stop in pairwise(cuts):
        tape, h = [], x[start:stop]
        for stage in stages:
            if recompute:
                with torch.no_grad():
                    tape.append((h, None))
                    h = stage(h)
            else:
                tape.append((h, stage(h)))
                h = tape[-1][1]
            h = h.detach().requires_grad_(True)
        tapes.append((tape, h, start, stop))
    for tape, h, start, stop in tapes:
        caught = []
        h.register_hook(caught.append)
        part = loss_fn(h, y[start:stop]) * ((stop - start) / len(y))
        part.backward()
        parts.append(part.detach())
        for stage, (entered, left) in zip(reversed(stages), reversed(tape), strict=True):
            gradient = caught.pop()
            if entered.requires_grad:
                entered.register_hook(caught.append)
            torch.autograd.backward(stage(entered) if left is None else left, gradient)
    return sum(parts)
