"""Right implementations of tuning/lora, done differently."""

import math
import re

import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative
from autograder.lab.toys import Conv1D


def _wide(weight):
    return torch.float64 if weight.dtype == torch.float64 else torch.float32


@alternative("ΔW is made first wherever there is no dropout; unmerging puts a copy back")
class LoRALinear(nn.Module):
    def __init__(self, base, r, alpha, dropout=0.0, rslora=False, fan_in_fan_out=False):
        super().__init__()
        self.base, self.p, self.transposed = base, dropout, fan_in_fan_out
        for parameter in base.parameters():
            parameter.requires_grad = False
        rows, columns = base.weight.shape
        n_in, n_out = (rows, columns) if fan_in_fan_out else (columns, rows)
        self.A = nn.Parameter(base.weight.new_empty(r, n_in, dtype=_wide(base.weight)))
        self.B = nn.Parameter(base.weight.new_zeros(n_out, r, dtype=_wide(base.weight)))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.scale = alpha / r**0.5 if rslora else alpha / r
        self.kept = None
        self.training = base.training

    @property
    def merged(self):
        return self.kept is not None

    def delta(self):
        change = torch.matmul(self.B, self.A) * self.scale
        return change.t().contiguous() if self.transposed else change

    def forward(self, x):
        out = self.base(x)
        if self.merged:
            return out
        wide = x.to(self.A.dtype)
        if self.training and self.p:
            change = F.linear(F.linear(F.dropout(wide, self.p), self.A), self.B) * self.scale
        else:
            change = F.linear(wide, self.B @ self.A) * self.scale
        return (out.to(change.dtype) + change).to(out.dtype)

    def merge(self):
        if self.merged:
            return
        self.kept = self.base.weight.detach().clone()
        self.base.weight.data = (self.kept.to(self.A.dtype) + self.delta().detach()).to(self.kept.dtype)

    def unmerge(self):
        if self.merged:
            self.base.weight.data.copy_(self.kept)
            self.kept = None


@alternative("normal values for A, the scale inside the product, a mask of its own")
class LoRALinear(nn.Module):
    def __init__(self, base, r, alpha, dropout=0.0, rslora=False, fan_in_fan_out=False):
        super().__init__()
        self.base = base
        self.base.weight.requires_grad_(False)
        if base.bias is not None:
            self.base.bias.requires_grad_(False)
        shape = tuple(base.weight.shape)[::-1] if fan_in_fan_out else tuple(base.weight.shape)
        dtype, device = _wide(base.weight), base.weight.device
        self.register_parameter("A", nn.Parameter(torch.randn(r, shape[1], dtype=dtype, device=device) / r))
        self.register_parameter("B", nn.Parameter(torch.zeros(shape[0], r, dtype=dtype, device=device)))
        self.r, self.alpha, self.rslora, self.p, self.flip = r, alpha, rslora, dropout, fan_in_fan_out
        self.merged = False
        self.train(base.training)

    def _scale(self):
        return self.alpha / (self.r**0.5 if self.rslora else self.r)

    def delta(self):
        change = torch.einsum("or,ri->oi", self._scale() * self.B, self.A)
        return change.transpose(0, 1) if self.flip else change

    def forward(self, x):
        out = self.base(x)
        if not self.merged:
            h = x.to(self.A.dtype)
            if self.training and self.p > 0:
                h = h * (torch.rand_like(h) >= self.p) / (1 - self.p)
            change = torch.einsum("...i,ri->...r", h, self._scale() * self.A)
            change = torch.einsum("...r,or->...o", change, self.B)
            out = (out + change).to(out.dtype)
        return out

    def merge(self):
        if not self.merged:
            with torch.no_grad():
                self.base.weight.set_((self.base.weight.to(self.A.dtype) + self.delta()).to(self.base.weight.dtype))
        self.merged = True

    def unmerge(self):
        if self.merged:
            with torch.no_grad():
                self.base.weight.set_((self.base.weight.to(self.A.dtype) - self.delta()).to(self.base.weight.dtype))
        self.merged = False


@alternative("parents searched for their children")
def inject(model, pattern, r, alpha, dropout=0.0, rslora=False):
    todo = []
    for name, parent in model.named_modules():
        if isinstance(parent, LoRALinear):
            continue
        for child, layer in parent.named_children():
            full = f"{name}.{child}" if name else child
            if isinstance(layer, nn.Linear | Conv1D) and re.compile(pattern).fullmatch(full):
                todo.append((full, parent, child, layer))
    order = [name for name, _ in model.named_modules()]
    todo.sort(key=lambda each: order.index(each[0]))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for _, parent, child, layer in todo:
        setattr(parent, child, LoRALinear(layer, r, alpha, dropout, rslora, isinstance(layer, Conv1D)))
    for layer in model.modules():
        if isinstance(layer, LoRALinear):
            layer.A.requires_grad = layer.B.requires_grad = True
    return [full for full, *_ in todo]


@alternative("the state of the model, filtered by the names of its adapters")
def adapter_state(model):
    wanted = []
    for name, layer in model.named_modules():
        if isinstance(layer, LoRALinear):
            wanted += [f"{name}.A", f"{name}.B"] if name else ["A", "B"]
    return {name: value.clone() for name, value in model.state_dict().items() if name in wanted}


@alternative("counted layer by layer")
def lora_params(shapes, r):
    total = 0
    for n_out, n_in in shapes:
        total += r * n_in
        total += n_out * r
    return total


@alternative("a sum of r matrices of rank 1, merged by addmm")
class LoRALinear(nn.Module):
    def __init__(self, base, r, alpha, dropout=0.0, rslora=False, fan_in_fan_out=False):
        super().__init__()
        self.base, self.r, self.fan_in_fan_out, self.merged = base, r, fan_in_fan_out, False
        for parameter in base.parameters():
            parameter.requires_grad_(False)
        n_in, n_out = base.weight.shape if fan_in_fan_out else reversed(base.weight.shape)
        made = torch.zeros(r, n_in + n_out, dtype=_wide(base.weight), device=base.weight.device)
        self.A = nn.Parameter(torch.nn.init.normal_(made[:, :n_in].clone(), std=n_in**-0.5))
        self.B = nn.Parameter(made[:, n_in:].T.clone())
        self.drop = dropout
        self.s = alpha * (r**-0.5 if rslora else 1 / r)
        self.train(base.training)

    def delta(self):
        parts = [torch.outer(self.B[:, i], self.A[i]) for i in range(self.r)]
        change = torch.stack(parts).sum(0).mul(self.s)
        return change.mT if self.fan_in_fan_out else change

    def forward(self, x):
        out = self.base(x)
        if self.merged:
            return out
        h = F.dropout(x.to(self.A.dtype), self.drop, self.training)
        wide = out.to(self.A.dtype)
        for i in range(self.r):
            wide = wide + self.s * (h @ self.A[i])[..., None] * self.B[:, i]
        return wide.to(out.dtype)

    def _shift(self, sign):
        with torch.no_grad():
            left, right = (self.A.mT, self.B.mT) if self.fan_in_fan_out else (self.B, self.A)
            weight = self.base.weight
            weight.copy_(torch.addmm(weight.to(self.A.dtype), left, right, alpha=sign * self.s))
        self.merged = sign > 0

    def merge(self):
        if not self.merged:
            self._shift(1)

    def unmerge(self):
        if self.merged:
            self._shift(-1)
