"""Right ways to write gpt/gpt2_model, done differently."""

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative


@alternative("torch's own activation, norm and attention")
def gelu(x):
    return F.gelu(x, approximate="tanh")


@alternative("torch's own activation, norm and attention")
def layer_norm(x, w, b, eps):
    return F.layer_norm(x, (x.shape[-1],), w, b, eps)


@alternative("torch's own activation, norm and attention")
def attention(q, k, v, causal=False):
    T, S = q.shape[2], k.shape[2]
    mask = torch.arange(S) <= torch.arange(T)[:, None] + S - T if causal else None
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@alternative("nanoGPT's style: nn.LayerNorm, a mask as a buffer that is not saved, contiguous views")
class Attention(nn.Module):
    def __init__(self, cfg, attend):
        super().__init__()
        self.c_attn = nn.Linear(cfg.n_embd, 3 * cfg.n_embd)
        self.c_proj = nn.Linear(cfg.n_embd, cfg.n_embd)
        self.cfg, self.attend = cfg, attend
        self.register_buffer("mask", torch.ones(cfg.n_ctx, cfg.n_ctx, dtype=torch.bool).tril(), persistent=False)

    def forward(self, x, past):
        B, T, C = x.size()
        H = self.cfg.n_head
        q, k, v = (y.view(B, T, H, C // H).transpose(1, 2) for y in self.c_attn(x).split(C, dim=2))
        if past is not None:
            k, v = (torch.cat(pair, dim=-2) for pair in zip(past, (k, v), strict=True))
        if self.attend is attention:
            S = k.size(-2) - T
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            y = F.softmax(att.masked_fill(~self.mask[S : S + T, : S + T], float("-inf")), dim=-1) @ v
        else:
            y = self.attend(q, k, v, causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C)), (k, v)


@alternative("one token after the other, one head after the other")
def attention(q, k, v, causal=False):
    out = torch.empty_like(q)
    T, S = q.shape[2], k.shape[2]
    heads = []
    for h in range(q.shape[1]):
        rows = []
        for t in range(T):
            end = S - T + t + 1 if causal else S
            weights = torch.einsum("bd,bsd->bs", q[:, h, t], k[:, h, :end]) / math.sqrt(q.shape[-1])
            rows.append(torch.einsum("bs,bsd->bd", weights.softmax(1), v[:, h, :end]))
        heads.append(torch.stack(rows, 1))
    return torch.stack(heads, 1).to(out.dtype)


@alternative("GELU by a sigmoid: ½ (1 + tanh z) = σ(2 z); layer norm by torch.var")
def gelu(x):
    return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x))


@alternative("GELU by a sigmoid: ½ (1 + tanh z) = σ(2 z); layer norm by torch.var")
def layer_norm(x, w, b, eps):
    return torch.addcmul(b, (x - x.mean(-1, True)) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + eps), w)


@alternative("scores by einsum, the mask added as numbers")
def attention(q, k, v, causal=False):
    T, S = q.shape[2], k.shape[2]
    scores = torch.einsum("bhtd,bhsd->bhts", q, k) / q.shape[-1] ** 0.5
    if causal:
        scores = scores + torch.full((T, S), -torch.inf, dtype=q.dtype).triu(S - T + 1)
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    return torch.einsum("bhts,bhsd->bhtd", weights / weights.sum(-1, keepdim=True), v)


@alternative("every shape listed and multiplied out")
def param_count(cfg):
    C = cfg.n_embd
    shapes = [(cfg.vocab, C), (cfg.n_ctx, C), (C,), (C,)]
    for _ in range(cfg.n_layer):
        shapes += [(C,)] * 4 + [(3 * C, C), (3 * C,), (C, C), (C,), (4 * C, C), (4 * C,), (C, 4 * C), (C,)]
    return sum(math.prod(shape) for shape in shapes)


@alternative("module by module, with nn.init; numbers from NumPy")
def init_weights(m, std=0.02, seed=0):
    numbers = np.random.default_rng(seed)
    for name, p in reversed(list(m.named_parameters())):
        kind = name.split(".")[-2]
        if p.dim() == 1:
            nn.init.constant_(p, float(kind.startswith("ln_") and name.endswith("weight")))
            continue
        spread = std / math.sqrt(2 * len(m.transformer.h)) if kind == "c_proj" else std
        with torch.no_grad():
            p.copy_(torch.from_numpy(numbers.normal(0.0, spread, tuple(p.shape))))


@alternative("one class, names made of empty modules, everything else by hand")
class GPT2(nn.Module):
    def __init__(self, cfg, *, attend=None, norm=None, act=None):
        super().__init__()
        self.cfg = cfg
        self.attend = attention if attend is None else attend
        self.norm = layer_norm if norm is None else norm
        self.act = gelu if act is None else act
        C = cfg.n_embd
        self._put("transformer.wte.weight", cfg.vocab, C)
        self._put("transformer.wpe.weight", cfg.n_ctx, C)
        self._put("transformer.h")
        for i in range(cfg.n_layer):
            for name, out, into in (("attn.c_attn", 3 * C, C), ("attn.c_proj", C, C), ("mlp.c_fc", 4 * C, C), ("mlp.c_proj", C, 4 * C)):
                self._put(f"transformer.h.{i}.{name}.weight", out, into)
                self._put(f"transformer.h.{i}.{name}.bias", out)
            for name in ("ln_1", "ln_2"):
                self._put(f"transformer.h.{i}.{name}.weight", C)
                self._put(f"transformer.h.{i}.{name}.bias", C)
        self._put("transformer.ln_f.weight", C)
        self._put("transformer.ln_f.bias", C)
        self._put("lm_head")
        self.lm_head.weight = self.transformer.wte.weight
        self.transformer.h.__class__ = type("Blocks", (nn.Module,), {"__len__": lambda blocks: cfg.n_layer})

    def _put(self, name, *shape):
        place, parts = self, name.split(".")
        for part in parts if not shape else parts[:-1]:
            if not hasattr(place, part):
                place.add_module(part, nn.Module())
            place = getattr(place, part)
        if shape:
            first = torch.randn(shape) * 0.02 if len(shape) > 1 else torch.full(shape, float(parts[-1] == "weight"))
            place.register_parameter(parts[-1], nn.Parameter(first))

    def _two(self, name):
        return self.get_parameter(name + ".weight"), self.get_parameter(name + ".bias")

    def forward(self, ids, past=None):
        (B, T), C = ids.shape, self.cfg.n_embd
        S = past[0][0].size(-2) if past else 0
        if self.cfg.n_ctx < S + T:
            raise IndexError("too long")
        h, present = self.transformer.wte.weight[ids] + self.transformer.wpe.weight[S : S + T], []
        for i in range(self.cfg.n_layer):
            at = f"transformer.h.{i}."
            x = F.linear(self.norm(h, *self._two(at + "ln_1"), self.cfg.eps), *self._two(at + "attn.c_attn"))
            q, k, v = x.view(B, T, 3, self.cfg.n_head, -1).permute(2, 0, 3, 1, 4)
            if past:
                k, v = torch.cat((past[i][0], k), -2), torch.cat((past[i][1], v), -2)
            present.append((k, v))
            x = self.attend(q, k, v, causal=True).movedim(1, 2).reshape(B, T, C)
            h = h + F.linear(x, *self._two(at + "attn.c_proj"))
            x = self.act(F.linear(self.norm(h, *self._two(at + "ln_2"), self.cfg.eps), *self._two(at + "mlp.c_fc")))
            h = h + F.linear(x, *self._two(at + "mlp.c_proj"))
        return self.norm(h, *self._two("transformer.ln_f"), self.cfg.eps) @ self.transformer.wte.weight.T, present

    def load_hf(self, sd):
        own, seen = dict(self.named_parameters()), set()
        with torch.no_grad():
            for name, weight in sd.items():
                mask = re.search(r"h\.(\d+)\.attn\.(masked_)?bias$", name)
                if name == "lm_head.weight" or (mask and int(mask[1]) < self.cfg.n_layer):  # those of other layers are refused
                    continue
                name = name if name.startswith("transformer.") else f"transformer.{name}"
                if re.search(r"\.c_\w+\.weight$", name):
                    weight = weight.t()
                if name not in own or own[name].shape != weight.shape:
                    raise RuntimeError(name)
                own[name].copy_(weight)
                seen.add(name)
        if own.keys() - seen:
            raise RuntimeError("something is missing")
