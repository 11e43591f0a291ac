"""Right ways to write glm/glm130b_block, done differently."""

import math

import torch
from torch import nn

from autograder.checks import alternative


@alternative("an autograd function that scales the gradient")
def embedding_gradient_shrink(e, a=0.1):
    return _Shrink.apply(e, a)


class _Shrink(torch.autograd.Function):
    @staticmethod
    def forward(ctx, e, a):
        ctx.a = a
        return e.clone()

    @staticmethod
    def backward(ctx, gradient):
        return ctx.a * gradient, None


@alternative("the detached part corrects the value")
def embedding_gradient_shrink(e, a=0.1):
    small = e * a
    return small + (e - small).detach()


@alternative("gelu by the error function, halves by slices, scores by hand")
def geglu(x):
    F = x.shape[-1] // 2
    gate = x[..., F:]
    return x[..., :F] * gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2)))


@alternative("gelu by the error function, halves by slices, scores by hand")
class GLM130BAttention(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.heads, self.D = H, C // H
        self.query_key_value, self.dense = nn.Linear(C, 3 * C), nn.Linear(C, C)

    def forward(self, x, pos, mask=None):
        B, T, C = x.shape
        D = self.D
        mixed = self.query_key_value(x).view(B, T, self.heads, 3, D)
        q, k, v = mixed.unbind(3)  # (B, T, H, D)
        inv = torch.tensor([10000 ** (-2 * i / D) for i in range(D // 2)], dtype=torch.float64)
        turn = torch.polar(torch.ones(B, T, 1, D // 2, dtype=torch.float64), pos[..., None, None] * inv)
        q, k = (self.turned(each, turn) for each in (q, k))
        scores = torch.einsum("bthd,bshd->bhts", q, k) / math.sqrt(D)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        out = torch.einsum("bhts,bshd->bthd", scores.softmax(-1), v)
        return self.dense(out.reshape(B, T, C))

    def turned(self, x, turn):
        wide = torch.complex(*x.double().tensor_split(2, -1)) * turn
        return torch.cat([wide.real, wide.imag], -1).to(x.dtype)


@alternative("as SwissArmyTransformer writes it: cosines twice as wide, rotate_half, a mask that is subtracted")
class GLM130BAttention(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.np, self.hn = H, C // H
        self.query_key_value = nn.Linear(C, 3 * C)
        self.dense = nn.Linear(C, C)

    def forward(self, x, pos, mask=None):
        mixed = self.query_key_value(x)
        mixed = mixed.view(*mixed.shape[:-1], self.np, 3 * self.hn)
        q, k, v = (each.permute(0, 2, 1, 3) for each in mixed.split(self.hn, dim=-1))
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        inv_freq = 1.0 / (10000 ** (torch.arange(0, self.hn, 2).to(wide) / self.hn))
        freqs = pos.to(wide)[:, None, :, None] * inv_freq
        emb = torch.cat((freqs, freqs), dim=-1)
        cos, sin = emb.cos().to(x.dtype), emb.sin().to(x.dtype)
        half = self.hn // 2
        q, k = (each * cos + torch.cat((-each[..., half:], each[..., :half]), -1) * sin for each in (q, k))
        scores = q / math.sqrt(self.hn) @ k.mT
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return self.dense((scores.softmax(-1) @ v).permute(0, 2, 1, 3).reshape(x.shape))


@alternative("norms by hand, and the constants inside")
class GLM130BLayer(nn.Module):
    def __init__(self, C, n_layers, attn, mlp):
        super().__init__()
        for name in ("input_layernorm", "post_attention_layernorm"):
            place = nn.Module()
            place.weight, place.bias = nn.Parameter(torch.ones(C)), nn.Parameter(torch.zeros(C))
            self.add_module(name, place)
        self.attn, self.mlp, self.n_layers = attn, mlp, n_layers

    def norm(self, x, place):
        x = x - x.mean(-1, keepdim=True)
        return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * place.weight + place.bias

    def forward(self, x, pos=None, mask=None):
        stream = x
        for place, part, more in ((self.input_layernorm, self.attn, (pos, mask)), (self.post_attention_layernorm, self.mlp, ())):
            stream = self.norm(stream, place)
            stream = part(stream, *more) + stream * math.sqrt(2 * self.n_layers)
        return stream


@alternative("roots by logarithms")
def glm130b_constants(n_layers):
    gain = math.exp(-math.log(2 * n_layers) / 2)
    return 1 / gain, gain
