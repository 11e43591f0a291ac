"""Right ways to write llama/llama3_rope_docmask, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("as Meta's code: pair by pair, three cases; documents token by token; a class for the chat")
def llama3_rope_freqs(D, base=500000.0, factor=8.0, low=1.0, high=4.0, orig=8192):
    new = []
    for i in range(D // 2):
        freq = base ** (-2 * i / D)
        wavelen = 2 * math.pi / freq
        if wavelen < orig / high:
            new.append(freq)
        elif wavelen > orig / low:
            new.append(freq / factor)
        else:
            smooth = (orig / wavelen - low) / (high - low)
            new.append((1 - smooth) * freq / factor + smooth * freq)
    return torch.tensor(new, dtype=torch.float64)


@alternative("as Meta's code: pair by pair, three cases; documents token by token; a class for the chat")
def document_mask(doc_ids):
    B, T = doc_ids.shape
    mask = torch.zeros(B, T, T, dtype=torch.bool)
    for b, row in enumerate(doc_ids.tolist()):
        for t in range(T):
            for s in range(t + 1):
                mask[b, t, s] = s == t or (row[s] == row[t] and row[t] >= 0)
    return mask


class _ChatFormat:
    def __init__(self, encode, special):
        self.encode, self.special = encode, special

    def encode_header(self, message):
        ids = [self.special["<|start_header_id|>"]]
        ids.extend(self.encode(message["role"]))
        ids.append(self.special["<|end_header_id|>"])
        ids.extend(self.encode("\n\n"))
        return ids

    def encode_message(self, message):
        return self.encode_header(message) + self.encode(message["content"].strip()) + [self.special["<|eot_id|>"]]


@alternative("as Meta's code: pair by pair, three cases; documents token by token; a class for the chat")
def encode_llama3(messages, encode, special, add_generation_prompt=True):
    form = _ChatFormat(encode, special)
    ids = sum((form.encode_message(message) for message in messages), [special["<|begin_of_text|>"]])
    return ids + form.encode_header({"role": "assistant"}) * add_generation_prompt


@alternative("as Hugging Face's code, in float64; masks by a triangle; a list of pieces, some of them control tokens")
def llama3_rope_freqs(D, base=500000.0, factor=8.0, low=1.0, high=4.0, orig=8192):
    inv_freq = 1.0 / base ** (torch.arange(0, D, 2).double() / D)
    wavelen = 2 * math.pi / inv_freq
    new = torch.where(wavelen > orig / low, inv_freq / factor, inv_freq)
    smooth = (orig / wavelen - low) / (high - low)
    medium = ~(wavelen < orig / high) * ~(wavelen > orig / low)
    return torch.where(medium, (1 - smooth) * new / factor + smooth * new, new)


@alternative("as Hugging Face's code, in float64; masks by a triangle; a list of pieces, some of them control tokens")
def document_mask(doc_ids):
    B, T = doc_ids.shape
    alone = torch.arange(T).add(1).neg().expand(B, T)  # each padding token is a document of its own
    ids = torch.where(doc_ids < 0, alone, doc_ids)
    return (ids.unsqueeze(2) == ids.unsqueeze(1)).tril()


@alternative("as Hugging Face's code, in float64; masks by a triangle; a list of pieces, some of them control tokens")
def render_llama3(messages, add_generation_prompt=True):
    form = "<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>"
    parts = ["<|begin_of_text|>", *(form.format(m["role"], m["content"].strip()) for m in messages)]
    if add_generation_prompt:
        parts.append(form.format("assistant", "").removesuffix("<|eot_id|>"))
    return "".join(parts)


@alternative("as Hugging Face's code, in float64; masks by a triangle; a list of pieces, some of them control tokens")
def encode_llama3(messages, encode, special, add_generation_prompt=True):
    pieces = ["begin_of_text"]
    for m in messages:
        pieces += ["start_header_id", (m["role"],), "end_header_id", ("\n\n" + m["content"].strip(),), "eot_id"]
    if add_generation_prompt:
        pieces += ["start_header_id", ("assistant",), "end_header_id", ("\n\n",)]
    ids = []
    for piece in pieces:
        ids.extend(encode(piece[0]) if isinstance(piece, tuple) else [special[f"<|{piece}|>"]])
    return ids


@alternative("NumPy")
def llama3_rope_freqs(D, base=500000.0, factor=8.0, low=1.0, high=4.0, orig=8192):
    f = np.power(float(base), -np.arange(0, D, 2) / D)
    scale = np.interp(orig * f / (2 * np.pi), [low, high], [1 / factor, 1.0])
    return torch.from_numpy(f * scale)


@alternative("NumPy")
def document_mask(doc_ids):
    ids = doc_ids.numpy()
    same = np.equal.outer(ids, ids)[np.arange(len(ids)), :, np.arange(len(ids))]
    seen = np.tril(same & (ids >= 0)[:, None])
    seen[:, np.arange(ids.shape[1]), np.arange(ids.shape[1])] = True
    return torch.from_numpy(seen)


@alternative("render with marks of one's own, which no message holds")
def encode_llama3(messages, encode, special, add_generation_prompt=True):
    out = [special["<|begin_of_text|>"]]
    turns = [(m["role"], m["content"].strip(), True) for m in messages]
    if add_generation_prompt:
        turns.append(("assistant", "", False))
    for role, content, ended in turns:
        out.append(special["<|start_header_id|>"])
        out += encode(role)
        out.append(special["<|end_header_id|>"])
        out += encode(f"\n\n{content}")
        if ended:
            out.append(special["<|eot_id|>"])
    return out


@alternative("blocks on the diagonal, one document after the other")
def document_mask(doc_ids):
    B, T = doc_ids.shape
    seen = torch.eye(T, dtype=torch.bool).repeat(B, 1, 1)
    for number in doc_ids.unique().tolist():
        if number >= 0:
            member = (doc_ids == number).long()
            seen |= torch.einsum("bt,bs->bts", member, member).bool() & torch.ones(T, T, dtype=torch.bool).tril()
    return seen
