"""For each part of the capstone's model, something that does its work by other means: torch's own functions, or another method.

`autograder build` puts them where a student has not written a part yet, and where no reference solution may be shown. They are no
solutions of the exercises: they take what torch has, or a slower way that nobody would hand in, and no submission can import them. What they give is what the
exercises' docstrings ask for, as far as a build calls them; `tests/test_capstone_equivalents.py` holds them to the references.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, parametrize

# ---------------------------------------------------------------- a tokenizer: the longest piece that fits


def _letters() -> dict[int, str]:
    """Visible stand-ins for bytes, so that a vocabulary can be written as JSON: code points from 256 on."""
    return {byte: chr(256 + byte) for byte in range(256)}


def train(corpus: list[str], vocab_size: int) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """A vocabulary of bytes and of the pieces of words that save the most places. There are no merges."""
    letters = _letters()
    worth: Counter[str] = Counter()
    words = Counter(word for text in corpus for word in re.findall(r" ?\S+|\s", text))
    for word, times in words.items():
        name = "".join(letters[byte] for byte in word.encode())
        for start in range(len(name)):
            for end in range(start + 2, min(start + 8, len(name)) + 1):
                worth[name[start:end]] += times * (end - start - 1)
    pieces = sorted(worth, key=lambda piece: (-worth[piece], piece))[: vocab_size - 256]
    return [], {piece: number for number, piece in enumerate([*letters.values(), *pieces])}


class ByteBPE:
    """Encodes by the longest piece of the vocabulary that fits, from left to right."""

    def __init__(
        self, merges: list[tuple[str, str]], vocab: dict[str, int], special: dict[str, int] | None = None
    ) -> None:
        self.vocab, self.special = vocab, special or {}
        self.letters = _letters()
        self.longest = max(map(len, vocab))
        self.names = {number: piece for piece, number in vocab.items()}
        self.texts = {number: text for text, number in self.special.items()}

    def encode(self, text: str, allowed_special: set[str] | frozenset[str] = frozenset()) -> list[int]:
        if allowed_special:
            marks = "|".join(sorted(map(re.escape, allowed_special), key=len, reverse=True))
            parts = re.split(f"({marks})", text)
        else:
            parts = [text]
        ids: list[int] = []
        for part in parts:
            ids += [self.special[part]] if part in allowed_special else self._pieces(part)
        return ids

    def _pieces(self, text: str) -> list[int]:
        name = "".join(self.letters[byte] for byte in text.encode())
        ids, place = [], 0
        while place < len(name):
            end = next(e for e in range(min(place + self.longest, len(name)), place, -1) if name[place:e] in self.vocab)
            ids.append(self.vocab[name[place:end]])
            place = end
        return ids

    def decode(self, ids: list[int], errors: str = "replace") -> str:
        data = b"".join(
            self.texts[number].encode()
            if number in self.texts
            else bytes(ord(letter) - 256 for letter in self.names[number])
            for number in ids
        )
        return data.decode("utf-8", errors)


# ---------------------------------------------------------------- a Llama of torch's functions


def gqa(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    T, S = q.shape[2], k.shape[2]
    seen = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T) if causal else None
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True)


@lru_cache
def _turns(D: int, base: float, dtype: torch.dtype, n: int) -> Tensor:
    """One matrix for each position 0 … n-1: the exponential of the position times the generator of all turns."""
    turn = torch.zeros(D, D, dtype=torch.float64)
    for i in range(D // 2):
        turn[D // 2 + i, i], turn[i, D // 2 + i] = base ** (-2 * i / D), -(base ** (-2 * i / D))
    return torch.matrix_exp(torch.arange(n, dtype=torch.float64)[:, None, None] * turn).to(dtype)


def apply_rope(
    x: Tensor, pos: Tensor, style: str = "half", rotary_dim: int | None = None, base: float = 10000.0
) -> Tensor:
    n = 64 * (int(pos.max()) // 64 + 1) if pos.numel() else 64
    matrices = _turns(x.shape[-1], base, x.dtype, n)[pos]
    return torch.einsum("bhtd,bted->bhte" if pos.ndim == 2 else "bhtd,ted->bhte", x, matrices)


class GrowingCache:
    """Keys and values of one layer; what is new is put behind what is old."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self.k is None else self.k.shape[2]

    def update(self, k: Tensor, v: Tensor, pos: Tensor) -> tuple[Tensor, Tensor]:
        self.k = k if self.k is None else torch.cat([self.k, k], 2)
        self.v = v if self.v is None else torch.cat([self.v, v], 2)
        return self.k, self.v


class LlamaCfg(SimpleNamespace):
    """The sizes of a model, by the names of `llama/llama1_block`."""

    def __init__(self, **sizes: Any) -> None:
        super().__init__(**{"eps": 1e-6, "base": 10000.0, "max_len": 2048, "tied": False, **sizes})


class _Attention(nn.Module):
    def __init__(self, cfg: Any, attend: Callable[..., Tensor], rotate: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        D = cfg.dim // cfg.n_heads
        self.D, self.attend, self.rotate = D, attend, rotate
        self.q_proj = nn.Linear(cfg.dim, cfg.n_heads * D, bias=False)
        self.k_proj = nn.Linear(cfg.dim, cfg.n_kv_heads * D, bias=False)
        self.v_proj = nn.Linear(cfg.dim, cfg.n_kv_heads * D, bias=False)
        self.o_proj = nn.Linear(cfg.n_heads * D, cfg.dim, bias=False)

    def forward(self, x: Tensor, pos: Tensor, slots: Tensor, cache: Any) -> Tensor:
        def heads(y: Tensor) -> Tensor:
            return y.view(*y.shape[:2], -1, self.D).transpose(1, 2)

        q, k, v = (
            self.rotate(heads(self.q_proj(x)), pos),
            self.rotate(heads(self.k_proj(x)), pos),
            heads(self.v_proj(x)),
        )
        if cache is not None:
            k, v = cache.update(k, v, slots)
        return self.o_proj(self.attend(q, k, v, causal=True).transpose(1, 2).reshape(*x.shape[:2], -1))


class _Norm(nn.Module):
    def __init__(self, cfg: Any, norm: Callable[..., Tensor] | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(cfg.dim))
        self.eps, self.norm = cfg.eps, norm

    def forward(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            return self.norm(x, self.weight, self.eps)
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class _MLP(nn.Module):
    def __init__(self, cfg: Any) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(cfg.dim, cfg.ffn_dim, bias=False)
        self.up_proj = nn.Linear(cfg.dim, cfg.ffn_dim, bias=False)
        self.down_proj = nn.Linear(cfg.ffn_dim, cfg.dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class _Block(nn.Module):
    def __init__(self, cfg: Any, attend: Any, rotate: Any, norm: Any) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = _Norm(cfg, norm), _Norm(cfg, norm)
        self.self_attn, self.mlp = _Attention(cfg, attend, rotate), _MLP(cfg)

    def forward(self, x: Tensor, pos: Tensor, slots: Tensor, cache: Any) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), pos, slots, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """The decoder of `llama/llama1_block`, by its names of parameters, from torch's modules."""

    def __init__(self, cfg: Any, *, attend: Any = None, rotate: Any = None, norm: Any = None) -> None:
        super().__init__()
        rotate = (lambda x, pos: apply_rope(x, pos, base=cfg.base)) if rotate is None else rotate
        attend = gqa if attend is None else attend
        self.model: Any = nn.Module()
        self.model.embed_tokens = nn.Embedding(cfg.vocab, cfg.dim)
        self.model.layers = nn.ModuleList(_Block(cfg, attend, rotate, norm) for _ in range(cfg.n_layers))
        self.model.norm = _Norm(cfg, norm)
        self.lm_head = nn.Linear(cfg.dim, cfg.vocab, bias=False)
        if cfg.tied:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, ids: Tensor, position_ids: Tensor | None = None, cache: Sequence[Any] | None = None) -> Tensor:
        old = 0 if cache is None else len(cache[0])
        slots = torch.arange(old, old + ids.shape[1])
        pos = slots if position_ids is None else position_ids
        h = self.model.embed_tokens(ids)
        for number, layer in enumerate(self.model.layers):
            h = layer(h, pos, slots, None if cache is None else cache[number])
        return self.lm_head(self.model.norm(h))


def rms_norm(x: Tensor, w: Tensor, eps: float = 1e-6) -> Tensor:
    return F.rms_norm(x, w.shape, w, eps)


# ---------------------------------------------------------------- a GPT-2 of torch's functions


def layer_norm(x: Tensor, w: Tensor, b: Tensor | None, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, w.shape, w, b, eps)


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False, scale: float | None = None
) -> tuple[Tensor, Tensor | None]:
    """Without the weights, for which no build asks."""
    T, S = q.shape[2], k.shape[2]
    seen = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T) if causal else mask
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale), None


class GPT2Cfg(SimpleNamespace):
    """The sizes of a model, by the names of `gpt/gpt2_model`."""

    def __init__(self, **sizes: Any) -> None:
        super().__init__(**{"eps": 1e-5, **sizes})


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


class _LayerNorm(nn.LayerNorm):
    def __init__(self, cfg: Any, norm: Callable[..., Tensor] | None) -> None:
        super().__init__(cfg.n_embd, cfg.eps)
        self.exchanged = norm

    def forward(self, input: Tensor) -> Tensor:
        if self.exchanged is None:
            return super().forward(input)
        return self.exchanged(input, self.weight, self.bias, self.eps)


class _Layer(nn.Module):
    def __init__(self, cfg: Any, attend: Any, norm: Any, act: Any) -> None:
        super().__init__()
        C, self.heads, self.attend, self.act = cfg.n_embd, cfg.n_head, attend, act
        self.ln_1, self.ln_2 = _LayerNorm(cfg, norm), _LayerNorm(cfg, norm)
        self.attn = nn.ModuleDict({"c_attn": nn.Linear(C, 3 * C), "c_proj": nn.Linear(C, C)})
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(C, 4 * C), "c_proj": nn.Linear(4 * C, C)})

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        B, T, C = x.shape
        q, k, v = self.attn["c_attn"](self.ln_1(x)).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        heard = self.attend(q, k, v, causal=True).transpose(1, 2).reshape(B, T, C)
        x = x + self.attn["c_proj"](heard)
        return x + self.mlp["c_proj"](self.act(self.mlp["c_fc"](self.ln_2(x)))), (k, v)


class GPT2(nn.Module):
    """The decoder of `gpt/gpt2_model`, by its names of parameters, from torch's modules."""

    def __init__(self, cfg: Any, *, attend: Any = None, norm: Any = None, act: Any = None) -> None:
        super().__init__()
        attend = (lambda q, k, v, causal: attention(q, k, v, causal=causal)[0]) if attend is None else attend
        act = gelu if act is None else act
        self.transformer: Any = nn.Module()
        self.transformer.wte = nn.Embedding(cfg.vocab, cfg.n_embd)
        self.transformer.wpe = nn.Embedding(cfg.n_ctx, cfg.n_embd)
        self.transformer.h = nn.ModuleList(_Layer(cfg, attend, norm, act) for _ in range(cfg.n_layer))
        self.transformer.ln_f = _LayerNorm(cfg, norm)
        self.lm_head = nn.Linear(cfg.n_embd, cfg.vocab, bias=False)
        self.lm_head.weight = self.transformer.wte.weight

    def forward(self, ids: Tensor, past: Any = None) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        old = 0 if past is None else past[0][0].shape[2]
        x = self.transformer.wte(ids) + self.transformer.wpe(torch.arange(old, old + ids.shape[1]))
        present = []
        for number, layer in enumerate(self.transformer.h):
            x, kept = layer(x, None if past is None else past[number])
            present.append(kept)
        return self.lm_head(self.transformer.ln_f(x)), present


# ---------------------------------------------------------------- learning


def causal_lm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100, num_items: int | None = None) -> Tensor:
    targets = labels[:, 1:].reshape(-1)
    total = F.cross_entropy(logits[:, :-1].flatten(0, 1), targets, ignore_index=ignore_index, reduction="sum")
    return total / (max(int((targets != ignore_index).sum()), 1) if num_items is None else num_items)


class AdamW(torch.optim.AdamW):
    """torch's own, with the attribute `lr` that the exercise asks for."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.01) -> None:  # fmt: skip
        super().__init__(list(params), lr, betas, eps, weight_decay)

    @property
    def lr(self) -> float:
        return float(self.param_groups[0]["lr"])

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.param_groups:
            group["lr"] = value


def cosine_with_warmup(step: int, warmup: int, total: int, floor: float = 0.0) -> float:
    if step <= warmup and warmup:
        return step / warmup
    x = torch.nn.Parameter(torch.zeros(()))
    scheduled = torch.optim.SGD([x], lr=1.0)
    wave = torch.optim.lr_scheduler.CosineAnnealingLR(scheduled, total - warmup, eta_min=floor)
    wave.last_epoch = step - warmup
    return float(wave._get_closed_form_lr()[0])


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> Tensor:
    return clip_grad_norm_(list(params), max_norm)


def accumulate(loss_sum: Callable[[Any], Tensor], micro_batches: Iterable[Any], n_items: int) -> float:
    total = 0.0
    for batch in micro_batches:
        loss = loss_sum(batch) / n_items
        loss.backward()
        total += loss.item()
    return total


def sample(
    logits: Tensor, gen: torch.Generator, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0
) -> Tensor:
    """By the race of exponential clocks: token i rings after E / p_i. The nucleus is found by counting what comes before each token."""
    if temperature == 0:
        return logits.argmax(-1)
    probs = (logits / temperature).softmax(-1)
    before = (probs[:, None, :] > probs[:, :, None]) * probs[:, None, :]
    if top_k:
        rank = (before > 0).sum(-1)
        probs = probs * (rank < top_k)
        before = before * (rank < top_k)[:, None, :]
        whole = probs.sum(-1, keepdim=True)
        probs, before = probs / whole, before / whole[..., None]
    probs = torch.where(before.sum(-1) < max(top_p, 1e-12), probs, 0.0)
    clocks = torch.empty_like(probs).exponential_(generator=gen)
    return (probs / clocks).argmax(-1)


# ---------------------------------------------------------------- instructions, preferences


def alpaca_prompt(instruction: str, input: str = "") -> str:
    more, given = (
        ("", "") if not input else (", paired with an input that provides further context", f"### Input:\n{input}\n\n")
    )
    first = f"Below is an instruction that describes a task{more}."
    return f"{first} Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n{given}### Response:"


def build_example(
    messages: list[dict[str, str]],
    encode: Callable[[str], list[int]],
    template: dict[str, tuple[str, str]],
    train_on: str = "assistant",
) -> tuple[list[int], list[int]]:
    ids, labels = [], []
    for message in messages:
        head, tail = template[message["role"]]
        for text, learns in ((head, False), (message["content"] + "\0" + tail, message["role"] == "assistant")):
            piece = [number for part in text.split("\0") for number in encode(part)]
            ids.extend(piece)
            labels.extend(piece if learns else [-100] * len(piece))
    return ids, labels


def collate(
    batch: list[tuple[list[int], list[int]]], pad: int, side: str = "right", max_len: int | None = None
) -> dict[str, Tensor]:
    def filled(rows: list[list[int]], value: int) -> Tensor:
        rows = [row[:max_len] for row in rows]
        return nn.utils.rnn.pad_sequence([torch.tensor(row, dtype=torch.int64) for row in rows], True, value, side)

    return {
        "input_ids": filled([ids for ids, _ in batch], pad),
        "labels": filled([labels for _, labels in batch], -100),
        "attention_mask": filled([[1] * len(ids) for ids, _ in batch], 0),
    }


class _LowRank(nn.Module):
    """A parametrization of a weight: W + s · B A."""

    def __init__(self, weight: Tensor, r: int, scale: float) -> None:
        super().__init__()
        bound = weight.shape[1] ** -0.5
        self.A = nn.Parameter(torch.empty(r, weight.shape[1], dtype=weight.dtype).uniform_(-bound, bound))
        self.B = nn.Parameter(torch.zeros(weight.shape[0], r, dtype=weight.dtype))
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * self.B @ self.A


class LoRALinear(nn.Module):
    """A linear layer whose weight is parametrized. `base` is the layer that it is when merged."""

    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        low = _LowRank(base.weight, r, alpha / r)
        self.A, self.B = low.A, low.B
        parametrize.register_parametrization(base, "weight", low)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x)

    def merge(self) -> None:
        if parametrize.is_parametrized(self.base):
            with torch.no_grad():
                parametrize.remove_parametrizations(self.base, "weight", leave_parametrized=True)


def inject(
    model: nn.Module, pattern: str, r: int, alpha: float, dropout: float = 0.0, rslora: bool = False
) -> list[str]:
    model.requires_grad_(False)
    found = [name for name, layer in model.named_modules() if type(layer) is nn.Linear and re.fullmatch(pattern, name)]
    for name in found:
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, LoRALinear(model.get_submodule(name), r, alpha))  # pyright: ignore[reportArgumentType]
    return found


def sequence_logps(logits: Tensor, labels: Tensor, average: bool = False) -> Tensor:
    each = F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none")
    total = -each.sum(1)
    return total / (labels[:, 1:] != -100).sum(1).clamp(min=1) if average else total


def dpo_loss(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, beta: float = 0.1, label_smoothing: float = 0.0,
             loss_type: str = "sigmoid") -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    chosen, rejected = beta * (pc - rc.detach()), beta * (pr - rr.detach())
    losses = F.binary_cross_entropy_with_logits(chosen - rejected, torch.ones_like(pc), reduction="none")
    return losses, chosen.detach(), rejected.detach()


# ---------------------------------------------------------------- smaller numbers, and a server


def qparams(
    x: Tensor, bits: int, symmetric: bool, axis: int | None = None, group: int | None = None
) -> tuple[Tensor, Tensor]:
    """Symmetric scales of rows: what a build asks for."""
    if not symmetric or axis != 0 or group is not None:
        raise NotImplementedError("the lab quantizes rows to symmetric grids only")
    largest = torch.linalg.vector_norm(x, math.inf, dim=tuple(range(1, x.ndim)), keepdim=True)
    s = largest / (2 ** (bits - 1) - 1)
    s = torch.where(s == 0, torch.ones_like(s), s)
    return s, torch.zeros_like(s, dtype=torch.int32)


def quantize(x: Tensor, s: Tensor, z: Tensor, bits: int, symmetric: bool) -> Tensor:
    """The codes are read from what torch's fake quantization gives."""
    top = 2 ** (bits - 1) - 1
    rows = x.detach().float().flatten(1)
    scales = s.float().flatten()
    near = torch.fake_quantize_per_channel_affine(rows, scales, torch.zeros(len(x), dtype=torch.int32), 0, -top, top)
    return (near / scales[:, None]).round().to(torch.int8).view(x.shape)


def dequantize(q: Tensor, s: Tensor, z: Tensor) -> Tensor:
    return torch.mul(q - z.to(q.dtype), s).to(s.dtype)


class App:
    """Whole answers to /api/generate, without streams, options but num_predict and temperature 0, and memory of its own."""

    def __init__(self, models: dict[str, Callable[[], Any]], max_loaded: int = 1, clock: Any = None) -> None:
        self.models = models
        self.loaded: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/api/tags":
            return self._answer(
                start_response, "200 OK", {"models": [{"name": name, "model": name} for name in self.models]}
            )
        body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        name = body.get("model", "")
        if name not in self.models or environ["PATH_INFO"] != "/api/generate":
            return self._answer(
                start_response, "404 Not Found", {"error": f"there is no {name or environ['PATH_INFO']!r} here"}
            )
        model = self.loaded.setdefault(name, None) or self.models[name]()
        self.loaded[name] = model
        tokens, new = model.encode(body["prompt"]), []
        why = "length"
        for _ in range(body.get("options", {}).get("num_predict", 128)):
            token = int(model.logits(tokens + new).argmax())
            if token == model.eos:
                why = "stop"
                break
            new.append(token)
        text = b"".join(map(model.piece, new)).decode("utf-8", "replace")
        counts = {"prompt_eval_count": len(tokens), "eval_count": len(new)}
        return self._answer(
            start_response, "200 OK", {"model": name, "response": text, "done": True, "done_reason": why, **counts}
        )

    @staticmethod
    def _answer(start_response: Callable[..., Any], status: str, value: dict[str, Any]) -> list[bytes]:
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(value).encode()]
