"""Right implementations of quant/mixed_precision, done differently."""

import math
from itertools import chain

import torch

from autograder.checks import alternative


@alternative("a logarithm, and its neighbours")
def best_scale(gradients, dtype=torch.float16):
    flat = [g.double().flatten() for g in gradients]
    largest = float(torch.cat(flat).abs().max()) if sum(f.numel() for f in flat) else 0.0
    if not largest:
        return 1.0
    top = torch.finfo(dtype).max
    near = math.floor(math.log2(top) - math.log2(largest))
    return max(2.0**k for k in (near - 1, near, near + 1) if largest * 2.0**k <= top)


@alternative("doubling and halving")
def best_scale(gradients, dtype=torch.float16):
    limit, scale = torch.finfo(dtype).max, 1.0
    numbers = [abs(v) for g in gradients for v in g.double().flatten().tolist()]
    largest = max([0.0, *numbers])
    if largest == 0:
        return scale
    while largest * scale > limit:
        scale /= 2
    while largest * scale * 2 <= limit:
        scale *= 2
    return scale


@alternative("over one flat tensor")
def lost_share(gradients, scale=1.0, dtype=torch.float16):
    numbers = [g[g != 0].flatten() for g in gradients]
    count = sum(len(n) for n in numbers)
    if count == 0:
        return 0.0
    kept = sum(torch.count_nonzero(n.mul(scale).to(dtype)).item() for n in numbers)
    return 1 - kept / count


@alternative("the scale as an exponent of a list of events")
class LossScaler:
    def __init__(self, init=65536.0, growth=2.0, backoff=0.5, interval=2000):
        self.value = init * 1.0
        self.good = 0
        self.settings = growth, backoff, interval
        self.events = []
        self.bad = False

    def scale(self, loss):
        wide = torch.promote_types(loss.dtype, torch.float32)
        return loss.to(wide).mul(self.value)

    def unscale_(self, parameters):
        grads = [p.grad for p in parameters]
        for g in grads:
            if g is not None and g.dtype is torch.half:
                raise ValueError("half")
        if self.events:
            raise RuntimeError("out of order")
        self.events.append("unscale")
        self.bad = False
        for g in filter(lambda g: g is not None, grads):
            g.copy_((g.double() / self.value).to(g.dtype))
            self.bad |= bool((g - g).isnan().any())
        return self.bad

    def step(self, optimizer):
        if "step" in self.events:
            raise RuntimeError("out of order")
        if not self.events:
            self.unscale_(list(chain.from_iterable(group["params"] for group in optimizer.param_groups)))
        self.events.append("step")
        if self.bad:
            return False
        optimizer.step()
        return True

    def update(self):
        if not self.events:
            raise RuntimeError("out of order")
        growth, backoff, interval = self.settings
        self.events.clear()
        if self.bad:
            self.value, self.good = self.value * backoff, 0
            return
        self.good = (self.good + 1) % interval
        if self.good == 0:
            self.value = self.value * growth




@alternative("backward, with a norm of norms")
def train_step(loss_fn, master, optimizer, scaler, dtype=torch.float16, clip=1.0):
    low = []
    for w in master:
        copy = torch.empty_like(w, dtype=dtype, requires_grad=False)
        copy.copy_(w.detach())
        low.append(copy.requires_grad_(True))
        w.grad = None
    used = scaler.value
    loss = loss_fn(low)
    scaler.scale(loss).backward()
    for w, copy in zip(master, low, strict=True):
        if copy.grad is not None:
            w.grad = copy.grad.to(torch.float32)
    bad = scaler.unscale_(master)
    norm = math.inf
    if not bad:
        norm = math.hypot(*(w.grad.double().norm().item() for w in master if w.grad is not None))
        if clip is not None:
            factor = min(1.0, clip / norm) if norm else 1.0
            for w in master:
                if w.grad is not None:
                    w.grad = w.grad * factor
    done = scaler.step(optimizer)
    scaler.update()
    for w in master:
        w.grad = None
    return dict(scale=used, stepped=done, norm=norm, loss=loss.item())


@alternative("float32 for each operation, rounded after each")
def kahan_add(total, excess, x):
    wide = torch.float64 if total.dtype == torch.float64 else torch.float32 if total.dtype != torch.float32 else torch.float64

    def rounded(value):
        return value.to(total.dtype).to(wide)

    t, c = total.to(wide), excess.to(wide)
    y = rounded(x.to(wide) - c)
    new = rounded(t + y)
    rest = rounded(rounded(new - t) - y)
    return new.to(total.dtype), rest.to(total.dtype)


@alternative("torch's functions, and a minus in front of everything")
def kahan_add(total, excess, x):
    y = torch.sub(x, excess)
    new = torch.add(y, total)
    return new, -torch.sub(torch.neg(torch.sub(total, new)), y).neg()
