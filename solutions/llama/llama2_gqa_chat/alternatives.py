"""Right ways to write llama/llama2_gqa_chat, done differently."""

import re

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import alternative

META = "as Meta's code: (B, tokens, G, D) in memory, keys repeated for all heads, pairs of messages, an `assert` made a ValueError"


@alternative(META)
class KVCache:
    def __init__(self, B, G, max_len, D, dtype=torch.float32):
        self.cache_k = torch.zeros(B, max_len, G, D, dtype=dtype)
        self.cache_v = torch.zeros_like(self.cache_k)
        self.n = 0

    def __len__(self):
        return self.n

    @property
    def nbytes(self):
        return 2 * self.cache_k.numel() * self.cache_k.element_size()

    @torch.no_grad()
    def update(self, k, v, pos):
        start, length = pos.min().item(), k.shape[2]
        if start > self.n or start + length > self.cache_k.shape[1]:
            raise IndexError("does not fit")
        self.cache_k[:, start : start + length] = k.transpose(1, 2)
        self.cache_v[:, start : start + length] = v.transpose(1, 2)
        self.n = start + length
        return self.cache_k[:, : self.n].transpose(1, 2), self.cache_v[:, : self.n].transpose(1, 2)


@alternative(META)
def cached_gqa(q, k, v, pos, cache, rotate):
    keys, values = cache.update(rotate(k, pos), v, pos)
    n_rep = q.shape[1] // keys.shape[1]
    keys, values = (torch.repeat_interleave(x, n_rep, dim=1) for x in (keys, values))
    scores = torch.matmul(rotate(q, pos), keys.transpose(2, 3)) / q.shape[-1] ** 0.5
    start = keys.shape[2] - len(pos)
    mask = torch.hstack([torch.zeros(len(pos), start), torch.full((len(pos), len(pos)), float("-inf")).triu(1)]).to(q.dtype)
    return torch.softmax(scores + mask, dim=-1) @ values


@alternative(META)
def render_llama2_chat(messages):
    dialog = [dict(m) for m in messages]
    if any(tag in m["content"] for m in dialog for tag in ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>")):
        raise ValueError("special tags are not allowed as part of the prompt")
    if dialog and dialog[0]["role"] == "system":
        if len(dialog) == 1:
            raise ValueError("a system message alone")
        content = "<<SYS>>\n" + dialog[0]["content"] + "\n<</SYS>>\n\n" + dialog[1]["content"]
        dialog = [{"role": dialog[1]["role"], "content": content}, *dialog[2:]]
    sound = all(m["role"] == "user" for m in dialog[::2]) and all(m["role"] == "assistant" for m in dialog[1::2])
    if not dialog or not sound:
        raise ValueError("roles must alternate")
    units = [f"<s>[INST] {p['content'].strip()} [/INST] {a['content'].strip()} </s>" for p, a in zip(dialog[::2], dialog[1::2], strict=False)]
    if dialog[-1]["role"] == "user":
        units.append(f"<s>[INST] {dialog[-1]['content'].strip()} [/INST]")
    return "".join(units)


@alternative("one block of memory for keys and values, written by index; torch's attention with a mask; a regular expression for the order")
class KVCache:
    def __init__(self, B, G, max_len, D, dtype=torch.float32):
        self.memory = torch.full((2, B, G, max_len, D), torch.nan, dtype=dtype)
        self.nbytes = self.memory.numel() * self.memory.element_size()
        self.places = range(0)

    def __len__(self):
        return len(self.places)

    def update(self, k, v, pos):
        new = range(int(pos[-1]) + 1)
        if new[-1] >= self.memory.shape[3] or new[: int(pos[0])] != self.places[: int(pos[0])]:
            raise IndexError(f"{pos.tolist()} with {len(self)} of {self.memory.shape[3]} places in use")
        both = torch.stack([k, v]).detach().to(self.memory.dtype)
        self.memory.index_copy_(3, pos, both)
        self.places = new
        keys, values = self.memory.narrow(3, 0, len(new)).unbind()
        return keys, values


@alternative("one block of memory for keys and values, written by index; torch's attention with a mask; a regular expression for the order")
def cached_gqa(q, k, v, pos, cache, rotate):
    keys, values = cache.update(rotate(k, pos), v, pos)
    mask = torch.arange(keys.shape[2])[None, :].le(pos[:, None])
    return F.scaled_dot_product_attention(rotate(q, pos), keys, values, attn_mask=mask, enable_gqa=True)


@alternative("one block of memory for keys and values, written by index; torch's attention with a mask; a regular expression for the order")
def render_llama2_chat(messages):
    order = " ".join(m["role"] for m in messages)
    if not re.fullmatch(r"(system )?user( assistant user)*( assistant)?", order):
        raise ValueError(order)
    if any(re.search(r"\[/?INST\]|<</?SYS>>|</?s>", m["content"]) for m in messages):
        raise ValueError("a tag")
    contents = [m["content"] for m in messages]
    if order.startswith("system"):
        system = contents.pop(0)
        contents[0] = "\n".join(["<<SYS>>", system, "<</SYS>>", "", contents[0]])
    forms = ["<s>[INST] {} [/INST]", " {} </s>"]
    return "".join(forms[i % 2].format(content.strip()) for i, content in enumerate(contents))


@alternative("head by head and token by token")
def cached_gqa(q, k, v, pos, cache, rotate):
    q = rotate(q, pos)
    keys, values = cache.update(rotate(k, pos), v, pos)
    H, D = q.shape[1], q.shape[-1]
    out = []
    for h in range(H):
        g = h * keys.shape[1] // H
        rows = []
        for i, end in enumerate((pos + 1).tolist()):
            weights = (keys[:, g, :end] @ q[:, h, i, :, None] / D**0.5).softmax(1)  # (B, end, 1)
            rows.append((weights * values[:, g, :end]).sum(1))
        out.append(torch.stack(rows, 1))
    return torch.stack(out, 1)


@alternative("einsum over groups")
def cached_gqa(q, k, v, pos, cache, rotate):
    keys, values = cache.update(rotate(k, pos), v, pos)
    B, H, t, D = q.shape
    grouped = rotate(q, pos).reshape(B, keys.shape[1], -1, t, D)
    scores = torch.einsum("bgntd,bgsd->bgnts", grouped, keys) / D**0.5
    scores = torch.where(torch.arange(scores.shape[-1]) <= pos[:, None], scores, -torch.inf)
    return torch.einsum("bgnts,bgsd->bgntd", scores.softmax(-1), values).reshape(B, H, t, D)


@alternative("softplus of minus the difference")
def rm_margin_loss(rc, rr, margin):
    return F.softplus(margin + rr - rc).mean()


@alternative("logaddexp")
def rm_margin_loss(rc, rr, margin):
    z = rc - rr - margin
    return torch.logaddexp(torch.zeros_like(z), -z).sum() / z.numel()


@alternative("as a classifier with two classes whose logits are the scores")
def rm_margin_loss(rc, rr, margin):
    logits = torch.stack([rc - margin, rr], dim=1)
    return F.cross_entropy(logits, torch.zeros(len(rc), dtype=torch.int64))


@alternative("loops that build lists")
def ghost_prompts(dialog, instruction):
    found = []
    for i, message in enumerate(dialog):
        message = dict(message)
        if i % 2 == 0:
            message["content"] = instruction + "\n" + message["content"]
        found.append(message)
    return found


@alternative("loops that build lists")
def ghost_attention(dialog, instruction):
    with_it, loss = ghost_prompts(dialog, instruction), []
    messages = []
    for i, (long, short) in enumerate(zip(with_it, dialog, strict=True)):
        messages.append(long if i == 0 else short.copy())
        loss.append(i + 1 == len(dialog))
    return messages, loss


@alternative("NumPy's comparison for what counts, a deep copy")
def ghost_attention(dialog, instruction):
    messages = [{**message} for message in dialog]
    messages[0]["content"] = "\n".join((instruction, messages[0]["content"]))
    return messages, (np.arange(len(dialog)) == len(dialog) - 1).tolist()
