"""Right ways to write warmup/training_loop, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("as PyTorch's single-tensor AdamW: in place, step size and denominator apart")
def adamw_update(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    with torch.no_grad():
        p, m, v = p.clone(), m.clone(), v.clone()
        p.mul_(1 - lr * weight_decay)
        m.lerp_(g, 1 - betas[0])
        v.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
        denom = (v.sqrt() / math.sqrt(1 - betas[1] ** t)).add_(eps)
        p.addcdiv_(m, denom, value=-lr / (1 - betas[0] ** t))
        return p, m, v


@alternative("NumPy in float64, rounded at the end")
def adamw_update(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    x, d, a, b = (np.array(each.detach().numpy(), dtype=np.float64) for each in (p, g, m, v))
    a += (1 - betas[0]) * (d - a)
    b += (1 - betas[1]) * (d * d - b)
    step = (a / -math.expm1(t * math.log(betas[0])) if betas[0] else a) / (np.sqrt(b / (1 - betas[1] ** t)) + eps)
    x -= lr * (step + weight_decay * x)
    return tuple(torch.from_numpy(each).to(p.dtype) for each in (x, a, b))


@alternative("state in a dictionary by parameter, everything under no_grad")
class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.group = {"params": [*params], "betas": betas, "eps": eps, "weight_decay": weight_decay}
        self.lr, self.state = lr, {}

    @torch.no_grad()
    def step(self):
        (b1, b2), eps = self.group["betas"], self.group["eps"]
        for p in filter(lambda p: p.grad is not None, self.group["params"]):
            s = self.state.setdefault(p, {"t": 0, "m": torch.zeros_like(p), "v": torch.zeros_like(p)})
            s["t"] += 1
            s["m"].mul_(b1).add_((1 - b1) * p.grad)
            s["v"].mul_(b2).add_((1 - b2) * p.grad.square())
            p -= self.lr * self.group["weight_decay"] * p
            step = s["m"] / (1 - b1 ** s["t"])
            step /= (s["v"] / (1 - b2 ** s["t"])).sqrt() + eps
            p -= self.lr * step

    def zero_grad(self):
        for p in self.group["params"]:
            p.grad = None


class _Slot:
    def __init__(self, p):
        self.p, self.m, self.v, self.t = p, torch.zeros_like(p.data), torch.zeros_like(p.data), 0


@alternative("an object for each parameter, numbers written through .data")
class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.slots, self.lr, self.options = [_Slot(p) for p in params], lr, (betas, eps, weight_decay)

    def step(self):
        for slot in self.slots:
            if slot.p.grad is not None:
                slot.t += 1
                new, slot.m, slot.v = adamw_update(slot.p.data, slot.p.grad, slot.m, slot.v, slot.t, self.lr, *self.options)
                slot.p.data[...] = new

    def zero_grad(self):
        for slot in self.slots:
            slot.p.grad = None


@alternative("as transformers' schedule: max(1, …), progress, max(0, …)")
def cosine_with_warmup(step, warmup, total, floor=0.0):
    if step < warmup:
        return float(step) / float(max(1, warmup))
    progress = float(step - warmup) / float(max(1, total - warmup))
    factor = 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * progress))
    return max(0, factor * (1 - floor) + floor)


@alternative("the square of a cosine of half the angle")
def cosine_with_warmup(step, warmup, total, floor=0.0):
    done = max(step - warmup, 0) / (total - warmup)
    wave = math.cos(math.pi / 2 * done) ** 2
    return wave + floor * (1 - wave) if step >= warmup else 1 - (warmup - step) / warmup


@alternative("as PyTorch's clip_grad_norm_: the norm of norms")
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in list(params) if p.grad is not None]
    if len(grads) == 0:
        return torch.tensor(0.0)
    total = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))
    coefficient = torch.clamp(max_norm / (total + 1e-6), max=1.0)
    for g in grads:
        g.mul_(coefficient)
    return total


@alternative("one long vector, cut back into gradients only if it is too long")
def clip_grad_norm(params, max_norm):
    params = [p for p in params if p.grad is not None]
    long = torch.cat([p.grad.flatten() for p in params]) if params else torch.zeros(1)
    norm = long.norm()
    if norm + 1e-6 > max_norm:
        for p in params:
            p.grad.copy_(p.grad * (max_norm / (norm + 1e-6)))
    return norm


@alternative("gradients of sums, added up apart and divided at the end")
def accumulate(loss_sum, micro_batches, n_items):
    losses = []
    for batch in micro_batches:
        loss = loss_sum(batch)
        loss.backward(torch.full_like(loss, 1 / n_items))
        losses.append(loss.detach())
        del loss
    return float(torch.stack(losses).sum() / n_items)


@alternative("a loop of its own, with the schedule made before")
def train(params, loss_sum, batches, lr, warmup, floor=0.0, max_norm=1.0, weight_decay=0.01):
    params = tuple(params)
    rates = [lr * cosine_with_warmup(i, warmup, len(batches), floor) for i in range(len(batches))]
    optimizer = AdamW(params, weight_decay=weight_decay)
    for p in params:
        p.grad = None
    log = []
    for (parts, n), rate in zip(batches, rates, strict=True):
        total = 0.0
        for part in parts:
            loss = loss_sum(part)
            (loss / n).backward()
            total += float(loss)
        norm = float(torch.cat([p.grad.reshape(-1) for p in params]).norm())
        for p in params:
            p.grad *= min(1.0, max_norm / (norm + 1e-6))
        optimizer.lr = rate
        optimizer.step()
        optimizer.zero_grad()
        log.append({"loss": total / n, "norm": norm, "lr": rate})
    return log
