"""Right ways to write gpt/gpt1_finetune, done differently."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative

CODE = "as OpenAI's code: matrices by x @ w, queries, keys and values split, gather by flat places"


class _Conv(nn.Module):
    """A linear layer whose product is written out."""

    def __init__(self, nx, nf):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(nf, nx) * 0.02), nn.Parameter(torch.zeros(nf))

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1]) @ self.weight.t() + self.bias
        return flat.view(*x.shape[:-1], -1)


class _Norm(nn.Module):
    def __init__(self, C, eps):
        super().__init__()
        self.weight, self.bias, self.e = nn.Parameter(torch.ones(C)), nn.Parameter(torch.zeros(C)), eps

    def forward(self, x):
        u = x.mean(-1, keepdim=True)
        s = (x - u).pow(2).mean(-1, keepdim=True)
        return self.weight * ((x - u) / torch.sqrt(s + self.e)) + self.bias


class _Attn(nn.Module):
    def __init__(self, C, n_head):
        super().__init__()
        self.n_head = n_head
        self.c_attn, self.c_proj = _Conv(C, 3 * C), _Conv(C, C)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.c_attn(x).split(C, dim=2)
        q, v = (each.reshape(B, T, self.n_head, -1).permute(0, 2, 1, 3) for each in (q, v))
        k = k.reshape(B, T, self.n_head, -1).permute(0, 2, 3, 1)
        w = torch.matmul(q, k) / math.sqrt(v.size(-1))
        b = torch.tril(torch.ones(T, T, dtype=torch.bool))
        w = torch.where(b, w, torch.tensor(-torch.inf, dtype=w.dtype))
        a = torch.matmul(F.softmax(w, dim=-1), v)
        return self.c_proj(a.permute(0, 2, 1, 3).reshape(B, T, C))


class _Mlp(nn.Module):
    def __init__(self, C, act):
        super().__init__()
        self.c_fc, self.c_proj = _Conv(C, 4 * C), _Conv(4 * C, C)
        self.act = act

    def forward(self, x):
        return self.c_proj(self.act(self.c_fc(x)))


@alternative(CODE)
class GPT1Block(nn.Module):
    def __init__(self, C, H, eps=1e-5, act=None):
        super().__init__()
        self.attn, self.mlp = _Attn(C, H), _Mlp(C, nn.GELU(approximate="tanh") if act is None else act)
        self.ln_1, self.ln_2 = _Norm(C, eps), _Norm(C, eps)

    def forward(self, x):
        n = self.ln_1(x + self.attn(x))
        return self.ln_2(n + self.mlp(n))


@alternative(CODE)
def format_task(kind, fields, S, DLM, E):
    names = {"cls": ("text",), "entail": ("premise", "hypothesis"), "sim": ("a", "b"), "mcq": ("context", "question")}
    if kind not in names:
        raise ValueError(kind)
    texts = [fields[name] for name in names[kind]]
    if kind == "cls":
        return [[S] + texts[0] + [E]]
    if kind == "mcq":
        return [[S] + texts[0] + texts[1] + [DLM] + answer + [E] for answer in fields["answers"]]
    both = [[S] + texts[0] + [DLM] + texts[1] + [E], [S] + texts[1] + [DLM] + texts[0] + [E]]
    return both if kind == "sim" else both[:1]


@alternative(CODE)
def clf_readout(h, ids, extract_id):
    B, T, C = h.shape
    at = torch.argmax((ids == extract_id).float(), dim=1)
    if (ids.gather(1, at[:, None]) != extract_id).any():
        raise ValueError("no end token")
    return h.reshape(-1, C)[torch.arange(B) * T + at]


@alternative(CODE)
def gpt1_loss(lm_logits, ids, lm_mask, clf_logits, y, lam=0.5):
    V, M = lm_logits.shape[-1], lm_mask.to(lm_logits.dtype)
    lm_losses = F.cross_entropy(lm_logits[:, :-1].reshape(-1, V), ids[:, 1:].reshape(-1), reduction="none")
    lm_losses = lm_losses.view(len(ids), -1)
    lm_losses = (lm_losses * M[:, 1:]).sum(1) / M[:, 1:].sum(1)
    clf_losses = F.cross_entropy(clf_logits, y, reduction="none")
    loss = clf_losses.mean()
    return loss + lam * lm_losses.mean() if lam else loss


class _Fused(nn.Module):
    """Attention by torch's own function, and parameters in a tree of bare modules."""

    def __init__(self, C, H):
        super().__init__()
        self.H = H
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C), nn.Linear(C, C)

    def forward(self, x):
        q, k, v = self.c_attn(x).reshape(*x.shape[:2], 3, self.H, -1).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(out.permute(0, 2, 1, 3).reshape(x.shape))


@alternative("torch's own attention, the feed-forward network written out, both losses by gathering log-probabilities")
class GPT1Block(nn.Module):
    def __init__(self, C, H, eps=1e-5, act=None):
        super().__init__()
        self.attn = _Fused(C, H)
        self.ln_1 = nn.LayerNorm(C, eps=eps)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(C, 4 * C), "c_proj": nn.Linear(4 * C, C)})
        self.ln_2 = nn.LayerNorm(C, eps=eps)
        self.act = act if act is not None else lambda x: F.gelu(x, approximate="tanh")

    def forward(self, x):
        x = self.ln_1(x.add(self.attn(x)))
        return self.ln_2(x + self.mlp["c_proj"](self.act(self.mlp["c_fc"](x))))


@alternative("torch's own attention, the feed-forward network written out, both losses by gathering log-probabilities")
def gpt1_loss(lm_logits, ids, lm_mask, clf_logits, y, lam=0.5):
    logp = lm_logits.log_softmax(-1)[:, :-1].gather(2, ids[:, 1:].unsqueeze(2)).squeeze(2)
    share = lm_mask[:, 1:].to(logp.dtype) / lm_mask[:, 1:].sum(1, keepdim=True) / len(ids)
    task = clf_logits.log_softmax(-1)[torch.arange(len(y)), y].mean()
    return -(task + lam * (logp * share).sum())


@alternative("sequence by sequence")
def gpt1_loss(lm_logits, ids, lm_mask, clf_logits, y, lam=0.5):
    total = sum(torch.logsumexp(row, 0) - row[label] for row, label in zip(clf_logits, y.tolist(), strict=True)) / len(y)
    for logits, tokens, mask in zip(lm_logits, ids.tolist(), lm_mask.tolist(), strict=True):
        losses = [torch.logsumexp(logits[t - 1], 0) - logits[t - 1, tokens[t]] for t in range(1, len(tokens)) if mask[t]]
        total = total + lam * sum(losses) / len(losses) / len(ids)
    return total


@alternative("row by row")
def clf_readout(h, ids, extract_id):
    return torch.stack([row[tokens.index(extract_id)] for row, tokens in zip(h, ids.tolist(), strict=True)])  # index raises ValueError


@alternative("a sum behind a mask that has a single one in each row")
def clf_readout(h, ids, extract_id):
    found = (ids == extract_id).long()
    once = found * (found.cumsum(1) == 1)
    if (once.sum(1) != 1).any():
        raise ValueError("each row needs an end token")
    return h.masked_fill(once[..., None] == 0, 0).sum(1)  # a product would make nan of nan behind the end


@alternative("NumPy looks for the end, gather reads")
def clf_readout(h, ids, extract_id):
    hits = ids.numpy() == extract_id
    if not hits.any(axis=1).all():
        raise ValueError(f"token {extract_id} is missing")
    at = torch.from_numpy(np.argmax(hits, axis=1))[:, None, None].expand(-1, 1, h.shape[2])
    return h.gather(1, at).squeeze(1)


@alternative("a linear layer of torch's, case by case")
def task_logits(kind, reads, w, b):
    match kind:
        case "cls" | "entail":
            return F.linear(reads[:, 0], w, b)
        case "sim":
            return F.linear(reads[:, 0] + reads[:, 1], w, b)
        case "mcq":
            return F.linear(reads, w, b)[..., 0]
    raise ValueError(kind)


@alternative("einsum")
def task_logits(kind, reads, w, b):
    forms = {"cls": "nrc,kc->nk", "entail": "nrc,kc->nk", "sim": "nrc,kc->nk", "mcq": "nrc,kc->nr"}
    if kind not in forms:
        raise ValueError(kind)
    return torch.einsum(forms[kind], reads, w) + b


@alternative("a template of names")
def format_task(kind, fields, S, DLM, E):
    templates = {
        "cls": ["S text E"], "entail": ["S premise DLM hypothesis E"], "sim": ["S a DLM b E", "S b DLM a E"],
        "mcq": ["S context question DLM answer E"] * len(fields.get("answers", [])),
    }  # fmt: skip
    if kind not in templates:
        raise ValueError(f"unknown: {kind}")
    found = []
    for i, template in enumerate(templates[kind]):
        known = {"S": [S], "DLM": [DLM], "E": [E]} | fields
        if kind == "mcq":
            known["answer"] = fields["answers"][i]
        found.append([token for name in template.split() for token in known[name]])
    return found
