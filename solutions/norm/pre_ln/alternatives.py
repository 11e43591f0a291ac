"""Right ways to write norm/pre_ln, done differently."""

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


class _Norm(nn.Module):
    """A layer norm written by hand."""

    def __init__(self, C, eps):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(C))
        self.weight = nn.Parameter(torch.ones(C))
        self.eps = eps

    def forward(self, x):
        variance, mean = torch.var_mean(x, -1, correction=0, keepdim=True)
        return (x - mean) / (variance + self.eps).sqrt() * self.weight + self.bias


class _Layer(nn.Module):
    def __init__(self, C, attn, ffn, eps):
        super().__init__()
        self.norm1, self.norm2 = _Norm(C, eps), _Norm(C, eps)
        self.ffn, self.attn = ffn, attn

    def forward(self, x):
        h = self.attn(self.norm1(x)) + x
        return self.ffn(self.norm2(h)) + h


@alternative("layers as a class of their own, the norm by hand")
class PreLNStack(nn.Module):
    def __init__(self, C, sublayers, eps=1e-5):
        super().__init__()
        self.norm = _Norm(C, eps)
        self.layers = nn.Sequential(*(_Layer(C, attn, ffn, eps) for attn, ffn in sublayers))

    def forward(self, x):
        return self.norm(self.layers(x))


@alternative("what the parts give is collected, and the stream is their sum")
class PreLNStack(nn.Module):
    def __init__(self, C, sublayers, eps=1e-5):
        super().__init__()
        self.layers = nn.ModuleList()
        for attn, ffn in sublayers:
            layer = nn.Module()
            layer.attn, layer.ffn = attn, ffn
            layer.norm1, layer.norm2 = nn.LayerNorm(C, eps=eps), nn.LayerNorm(C, eps=eps)
            self.layers.append(layer)
        self.norm = nn.LayerNorm(C, eps=eps)

    def forward(self, x):
        written = [x]
        for layer in self.layers:
            for norm, part in ((layer.norm1, layer.attn), (layer.norm2, layer.ffn)):
                written.append(part(norm(torch.stack(written).sum(0))))
        return self.norm(sum(written[1:], written[0]))


@alternative("a list of pairs that is walked through, norms applied by the functional form")
class PreLNStack(nn.Module):
    def __init__(self, C, sublayers, eps=1e-5):
        super().__init__()
        self.order, self.layers = [], nn.ModuleList()
        for attn, ffn in sublayers:
            parts = nn.ModuleDict({"attn": attn, "ffn": ffn, "norm1": nn.LayerNorm(C), "norm2": nn.LayerNorm(C)})
            self.layers.append(parts)
            self.order += [(parts.norm1, attn), (parts.norm2, ffn)]
        self.norm, self.eps = nn.LayerNorm(C), eps

    def normalised(self, norm, x):
        return nn.functional.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, self.eps)

    def forward(self, x):
        for norm, part in self.order:
            x = torch.add(x, part(self.normalised(norm, x)))
        return self.normalised(self.norm, x)


@alternative("backward and .grad, with one function for both kinds")
def grad_profile(kind, L, C=64, seed=0):
    if kind != "pre" and kind != "post":
        raise ValueError(kind)
    sublayers, x, r = toy_model(L, C, seed)

    def norm(h):
        h = h - h.mean(-1, keepdim=True)
        return h / torch.sqrt((h**2).mean(-1, keepdim=True) + 1e-5)

    for pair in sublayers:
        for part in pair:
            x = x + part(norm(x)) if kind == "pre" else norm(x + part(x))
    y = norm(x) if kind == "pre" else x
    (torch.einsum("btc,btc->", y, r) / (r.shape[0] * r.shape[1])).backward()
    return [ffn.down.grad.square().sum().sqrt().item() for _, ffn in sublayers]


@alternative("hooks keep the gradient at what each ffn gives, the rest by NumPy")
def grad_profile(kind, L, C=64, seed=0):
    if kind not in {"pre", "post"}:
        raise ValueError("no such kind")
    sublayers, x, r = toy_model(L, C, seed)
    hidden, arriving = {}, {}

    def watch(i, ffn):
        def hook(module, args, out):
            hidden[i] = np.maximum(args[0].detach().numpy() @ ffn.up.detach().numpy().T, 0)
            out.register_hook(lambda gradient: arriving.__setitem__(i, gradient.numpy().copy()))

        return hook

    for i, (_, ffn) in enumerate(sublayers):
        ffn.register_forward_hook(watch(i, ffn))
    if kind == "pre":
        y = PreLNStack(C, sublayers).double()(x)
    else:
        y, norm = x, nn.LayerNorm(C, dtype=torch.float64)
        for attn, ffn in sublayers:
            y = norm(y + attn(y))
            y = norm(y + ffn(y))
    torch.sum(y * r).div(y.shape[0] * y.shape[1]).backward()
    products = [np.einsum("btc,bth->ch", arriving[i], hidden[i]) for i in range(L)]
    return [float(np.linalg.norm(product)) for product in products]


@alternative("one layer's gradient at a time, through torch.func")
def grad_profile(kind, L, C=64, seed=0):
    if kind not in ["post", "pre"]:
        raise ValueError(kind)
    sublayers, x, r = toy_model(L, C, seed)
    downs = [ffn.down.detach() for _, ffn in sublayers]
    shape = (C,)

    def feed(ffn, down, z):
        return torch.relu(z @ ffn.up.detach().T) @ down.T

    def loss(*downs):
        h = x
        for (attn, ffn), down in zip(sublayers, downs, strict=True):
            if kind == "pre":
                h = h + attn(nn.functional.layer_norm(h, shape))
                h = h + feed(ffn, down, nn.functional.layer_norm(h, shape))
            else:
                h = nn.functional.layer_norm(h + attn(h), shape)
                h = nn.functional.layer_norm(h + feed(ffn, down, h), shape)
        if kind == "pre":
            h = nn.functional.layer_norm(h, shape)
        return (h * r).sum() / h[..., 0].numel()

    found = torch.func.grad(loss, argnums=tuple(range(L)))(*downs)
    return [torch.linalg.matrix_norm(each).item() for each in found]
