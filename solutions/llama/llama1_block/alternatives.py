"""Right ways to write llama/llama1_block, done differently."""

import math
import re

import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative


@alternative("torch's own silu, norm and attention, rotation by complex numbers")
def swiglu(x, Wg, Wu, Wd):
    return F.linear(F.silu(F.linear(x, Wg)) * F.linear(x, Wu), Wd)


@alternative("torch's own silu, norm and attention, rotation by complex numbers")
def rms_norm(x, w, eps):
    return F.rms_norm(x, (x.shape[-1],), w, eps)


@alternative("torch's own silu, norm and attention, rotation by complex numbers")
def apply_rope(x, pos, base):
    D = x.shape[-1]
    angles = pos.double().unsqueeze(-1) / base ** (torch.arange(0, D, 2).double() / D)
    turn = torch.polar(torch.ones_like(angles), angles)
    if pos.ndim == 2:
        turn = turn.unsqueeze(1)
    wide = torch.complex(*x.double().tensor_split(2, -1)) * turn
    return torch.cat([wide.real, wide.imag], -1).to(x.dtype)


@alternative("torch's own silu, norm and attention, rotation by complex numbers")
def gqa(q, k, v, causal=False):
    T, S = q.shape[2], k.shape[2]
    mask = torch.arange(S) <= torch.arange(T)[:, None] + S - T if causal else None
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)


@alternative("gate and way up in one product")
def swiglu(x, Wg, Wu, Wd):
    gate, up = torch.einsum("...c,fc->...f", x, torch.cat([Wg, Wu])).chunk(2, -1)
    return torch.einsum("...f,cf->...c", gate * gate.sigmoid() * up, Wd)


@alternative("Hugging Face's rotate_half, in the dtype of x")
def apply_rope(x, pos, base):
    D = x.shape[-1]
    inv_freq = 1.0 / (base ** (torch.arange(0, D, 2, dtype=x.dtype) / D))
    if pos.ndim == 1:
        pos = pos[None]
    freqs = pos[:, :, None].to(x.dtype) * inv_freq
    emb = torch.cat((freqs, freqs), dim=-1)[:, None]
    rotated = torch.cat((-x[..., D // 2 :], x[..., : D // 2]), dim=-1)
    return x * emb.cos() + rotated * emb.sin()


@alternative("ceilings and floats")
def ffn_dim(C, multiple_of=256, mult=None):
    hidden = int(2 * (4 * C) / 3)
    if mult is not None:
        hidden = int(mult * hidden)
    return multiple_of * math.ceil(hidden / multiple_of)


@alternative("every shape listed and multiplied out")
def n_params(cfg):
    D = cfg.dim // cfg.n_heads
    shapes = [(cfg.vocab, cfg.dim)] * (2 - cfg.tied) + [(cfg.dim,)]
    for _ in range(cfg.n_layers):
        shapes += [(cfg.n_heads * D, cfg.dim), (cfg.n_kv_heads * D, cfg.dim), (cfg.n_kv_heads * D, cfg.dim), (cfg.dim, cfg.n_heads * D)]
        shapes += [(cfg.ffn_dim, cfg.dim), (cfg.ffn_dim, cfg.dim), (cfg.dim, cfg.ffn_dim), (cfg.dim,), (cfg.dim,)]
    return sum(math.prod(shape) for shape in shapes)


@alternative("name by name, row by row")
def meta_to_hf(sd, H, G):
    found = {}
    for name, weight in sd.items():
        if name.startswith("rope"):
            continue
        name = name.replace("tok_embeddings", "model.embed_tokens").replace("output.", "lm_head.")
        name = re.sub(r"^layers\.", "model.layers.", re.sub(r"^norm\.", "model.norm.", name))
        name = name.replace("attention_norm", "input_layernorm").replace("ffn_norm", "post_attention_layernorm")
        for old, new in {"w1": "gate", "w2": "down", "w3": "up"}.items():
            name = name.replace(f"feed_forward.{old}.", f"mlp.{new}_proj.")
        name = re.sub(r"attention\.w([qkvo])\.", r"self_attn.\1_proj.", name)
        heads = H if ".q_proj" in name else G if ".k_proj" in name else 0
        if heads:
            D = len(weight) // heads
            rows = [h * D + d for h in range(heads) for d in [*range(0, D, 2), *range(1, D, 2)]]
            weight = weight[rows]
        found[name] = weight
    return found


@alternative("one class, names made of empty modules, everything else by hand")
class Llama(nn.Module):
    def __init__(self, cfg, *, attend=None, rotate=None, norm=None):
        super().__init__()
        self.cfg = cfg
        self.attend = attend if attend is not None else gqa
        self.rotate = rotate if rotate is not None else lambda x, pos: apply_rope(x, pos, cfg.base)
        self.norm = norm if norm is not None else rms_norm
        C, kv = cfg.dim, cfg.dim * cfg.n_kv_heads // cfg.n_heads
        self._put("model.embed_tokens", cfg.vocab, C)
        for i in range(cfg.n_layers):
            shapes = {"self_attn.q_proj": (C, C), "self_attn.k_proj": (kv, C), "self_attn.v_proj": (kv, C), "self_attn.o_proj": (C, C),
                      "mlp.gate_proj": (cfg.ffn_dim, C), "mlp.up_proj": (cfg.ffn_dim, C), "mlp.down_proj": (C, cfg.ffn_dim),
                      "input_layernorm": (C,), "post_attention_layernorm": (C,)}  # fmt: skip
            for name, shape in shapes.items():
                self._put(f"model.layers.{i}.{name}", *shape)
        self._put("model.norm", C)
        self._put("lm_head", cfg.vocab, C)
        if cfg.tied:
            self.lm_head.weight = self.model.embed_tokens.weight

    def _put(self, name, *shape):
        place = self
        for part in name.split("."):
            if not hasattr(place, part):
                place.add_module(part, nn.Module())
            place = getattr(place, part)
        place.weight = nn.Parameter(torch.randn(shape) * 0.02 if len(shape) > 1 else torch.ones(shape))

    def _w(self, name):
        return self.get_parameter(name + ".weight")

    def forward(self, ids, position_ids=None, cache=None):
        B, T = ids.shape
        cfg, S = self.cfg, 0 if cache is None else len(cache[0])
        D = cfg.dim // cfg.n_heads
        places = torch.arange(T) + S
        pos = places if position_ids is None else position_ids
        h = self._w("model.embed_tokens")[ids]
        for i in range(cfg.n_layers):
            at = f"model.layers.{i}."
            x = self.norm(h, self._w(at + "input_layernorm"), cfg.eps)
            q, k, v = ((x @ self._w(f"{at}self_attn.{c}_proj").T).view(B, T, -1, D).movedim(2, 1) for c in "qkv")
            q, k = self.rotate(q, pos), self.rotate(k, pos)
            if cache is not None:
                k, v = cache[i].update(k, v, places)
            out = self.attend(q, k, v, True)
            h = h + out.movedim(1, 2).reshape(B, T, cfg.dim) @ self._w(at + "self_attn.o_proj").T
            x = self.norm(h, self._w(at + "post_attention_layernorm"), cfg.eps)
            h = h + swiglu(x, *(self._w(f"{at}mlp.{part}_proj") for part in ("gate", "up", "down")))
        return self.norm(h, self._w("model.norm"), cfg.eps) @ self._w("lm_head").T

    def load_hf(self, sd):
        own = dict(self.named_parameters(remove_duplicate=False))
        given = {name: w for name, w in sd.items() if "rotary_emb.inv_freq" not in name}
        missing = own.keys() - given.keys() - ({"lm_head.weight"} if self.cfg.tied else set())
        if missing or given.keys() - own.keys() or any(own[name].shape != w.shape for name, w in given.items()):
            raise RuntimeError("this checkpoint does not fit")
        with torch.no_grad():
            for name, w in given.items():
                own[name].copy_(w)
