"""Right ways to write norm/post_ln, done differently."""

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


@alternative("var_mean of torch, with the biased variance")
def layer_norm(x, w, b, eps=1e-5):
    h = x if x.dtype == torch.float64 else x.float()
    variance, mean = torch.var_mean(h, dim=-1, correction=0, keepdim=True)
    y = (h - mean) / (variance + eps) ** 0.5 * w.to(h.dtype)
    if b is not None:
        y = y + b.to(h.dtype)
    return y.type_as(x)


@alternative("float64 inside, whatever comes in")
def layer_norm(x, w, b, eps=1e-5):
    h = x.double()
    mean = h.sum(-1, keepdim=True) / h.shape[-1]
    scale = (((h - mean) ** 2).sum(-1, keepdim=True) / h.shape[-1] + eps).pow(-0.5)
    b = 0.0 if b is None else b.double()
    return torch.addcmul(torch.as_tensor(b, dtype=torch.float64), (h - mean) * scale, w.double()).to(x.dtype)


@alternative("float64 inside, whatever comes in")
def rms_norm(x, w, eps=1e-6):
    h = x.double()
    return (h * w.double() / (h.pow(2).mean(-1, keepdim=True) + eps).sqrt()).to(x.dtype)


@alternative("one row at a time, in a loop")
def layer_norm(x, w, b, eps=1e-5):
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    done = []
    for row in x.reshape(-1, x.shape[-1]).to(wide):
        away = row - row.mean()
        row = away / torch.sqrt(away.dot(away) / len(away) + eps) * w
        done.append(row if b is None else row + b)
    return torch.stack(done).reshape(x.shape).to(x.dtype)


@alternative("one row at a time, in a loop")
def rms_norm(x, w, eps=1e-6):
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    done = []
    for row in x.reshape(-1, x.shape[-1]).to(wide):
        done.append(row * w / torch.sqrt(row.dot(row) / len(row) + eps))
    return torch.stack(done).reshape(x.shape).to(x.dtype)


class _Norm(torch.autograd.Function):
    """With a backward of its own, as fused kernels have it."""

    @staticmethod
    def forward(ctx, h, eps, centre):
        if centre:
            h = h - h.mean(-1, keepdim=True)
        r = torch.rsqrt(h.square().mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(h * r, r)
        ctx.centre = centre
        return h * r

    @staticmethod
    def backward(ctx, g):
        y, r = ctx.saved_tensors
        g = g - y * (g * y).mean(-1, keepdim=True)
        if ctx.centre:
            g = g - g.mean(-1, keepdim=True)
        return g * r, None, None


@alternative("an autograd function with a backward of its own")
def layer_norm(x, w, b, eps=1e-5):
    wide = torch.promote_types(x.dtype, torch.float32)
    y = _Norm.apply(x.to(wide), eps, True) * w.to(wide)
    return (y if b is None else y + b.to(wide)).to(x.dtype)


@alternative("an autograd function with a backward of its own")
def rms_norm(x, w, eps=1e-6):
    return _Norm.apply(x.to(torch.promote_types(x.dtype, torch.float32)), eps, False).to(x.dtype) * w


@alternative("Welford's running mean and variance, in float32 or wider")
def layer_norm(x, w, b, eps=1e-5):
    h = x.to(torch.promote_types(x.dtype, torch.float32))
    mean, squares = torch.zeros_like(h[..., 0]), torch.zeros_like(h[..., 0])
    for n, feature in enumerate(h.unbind(-1), 1):
        away = feature - mean
        mean = mean + away / n
        squares = squares + away * (feature - mean)
    y = (h - mean[..., None]) * torch.rsqrt(squares[..., None] / h.shape[-1] + eps) * w
    return y.to(x.dtype) if b is None else (y + b).to(x.dtype)


@alternative("RMS norm as PyTorch rounds it: times w before the result is rounded")
def rms_norm(x, w, eps=1e-6):
    h = x.to(torch.promote_types(x.dtype, torch.float32))
    norm = torch.linalg.vector_norm(h, dim=-1, keepdim=True)
    return (h * torch.rsqrt(norm * norm / h.shape[-1] + eps) * w.to(h.dtype)).to(x.dtype)


@alternative("means as products with a matrix, roots by NumPy where nothing is learnt")
def layer_norm(x, w, b, eps=1e-5):
    C = x.shape[-1]
    h = x.to(torch.promote_types(x.dtype, torch.float32))
    centre = torch.eye(C, dtype=h.dtype) - 1 / C
    if not (x.requires_grad or w.requires_grad or (b is not None and b.requires_grad)):
        a = h.double().numpy()
        a = a - a.mean(-1, keepdims=True)
        a = a / np.sqrt((a * a).mean(-1, keepdims=True) + eps) * w.double().numpy()
        return torch.from_numpy(np.asarray(a if b is None else a + b.double().numpy())).to(x.dtype)
    h = (h.double() @ centre.double()).to(h.dtype)
    y = torch.einsum("...c,...,c->...c", h, (torch.einsum("...c,...c->...", h, h) / C + eps) ** -0.5, w.to(h.dtype))
    return (y if b is None else y + b).to(x.dtype)


@alternative("the block as two pairs in a list, with norms in the places that checks look for")
class PostLNBlock(nn.Module):
    def __init__(self, C, attn, ffn, eps=1e-5):
        super().__init__()
        for name, part in {"attn": attn, "ffn": ffn, "norm1": LayerNorm(C, eps), "norm2": LayerNorm(C, eps)}.items():
            self.add_module(name, part)

    def forward(self, x):
        for norm, part in ((self.norm1, self.attn), (self.norm2, self.ffn)):
            x = norm(torch.add(part(x), x))
        return x
