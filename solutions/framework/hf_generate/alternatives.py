"""Right ways to write framework/hf_generate, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative

LOOPS = "loops over rows and tokens"
LIBRARY = "as Hugging Face writes its processors: gather, change, scatter"


@alternative(LOOPS)
class RepetitionPenalty:
    def __init__(self, p):
        self.p = p

    def __call__(self, ids, logits):
        out = logits.clone()
        for b, row in enumerate(ids.tolist()):
            for token in set(row) - {-1}:
                out[b, token] = logits[b, token] * self.p if logits[b, token] < 0 else logits[b, token] / self.p
        return out


@alternative(LOOPS)
class NoRepeatNGram:
    def __init__(self, n):
        self.n = n

    def __call__(self, ids, logits):
        out = logits.clone()
        for b, row in enumerate(ids.tolist()):
            row = [token for token in row if token >= 0]
            begun = row[len(row) - self.n + 1 :] if self.n > 1 else []
            if len(begun) == self.n - 1 and len(row) >= self.n - 1:
                for i in range(len(row) - self.n + 1):
                    if row[i : i + self.n - 1] == begun:
                        out[b, row[i + self.n - 1]] = -math.inf
        return out


@alternative(LOOPS)
class MinLength:
    def __init__(self, n, eos):
        self.n, self.eos = n, eos

    def __call__(self, ids, logits):
        columns = torch.arange(logits.shape[1])
        short = torch.tensor([sum(token != -1 for token in row) < self.n for row in ids.tolist()])
        return torch.where(short[:, None] & (columns == self.eos), -math.inf, logits)


@alternative(LOOPS)
class MinP:
    """The bound as a difference of logits: no softmax."""

    def __init__(self, p):
        self.log_p = math.log(p) if p else -math.inf

    def __call__(self, ids, logits):
        return logits.where(logits >= logits.max(-1, keepdim=True)[0] + self.log_p, -math.inf)


@alternative(LOOPS)
class StopString:
    """Counts all places of a stop, overlapping ones too, in both texts."""

    def __init__(self, stops, decode):
        self.stops, self.decode = stops, decode

    @staticmethod
    def places(stop, text):
        found, at = set(), text.find(stop)
        while at >= 0:
            found.add(at)
            at = text.find(stop, at + 1)
        return found

    def __call__(self, ids):
        rows = [row[row >= 0].tolist() for row in ids]
        return torch.tensor(
            [any(self.places(s, self.decode(row)) - self.places(s, self.decode(row[:-1])) for s in self.stops) for row in rows]
        )


@alternative(LIBRARY)
class RepetitionPenalty:
    def __init__(self, p):
        self.penalty = p

    def __call__(self, input_ids, scores):
        safe = torch.where(input_ids < 0, input_ids.amax(1, keepdim=True), input_ids)  # the largest id is in the row anyway
        score = torch.gather(scores, 1, safe)
        score = torch.where(score < 0, score * self.penalty, score / self.penalty)
        return scores.scatter(1, safe, score)


@alternative(LIBRARY)
class NoRepeatNGram:
    def __init__(self, n):
        self.ngram_size = n

    def __call__(self, input_ids, scores):
        scores = scores.clone()
        for i, row in enumerate(input_ids):
            tokens = row[row >= 0].tolist()
            grams = {}
            for gram in zip(*[tokens[j:] for j in range(self.ngram_size)], strict=False):
                grams.setdefault(gram[:-1], []).append(gram[-1])
            key = tuple(tokens[len(tokens) + 1 - self.ngram_size :]) if len(tokens) + 1 >= self.ngram_size else None
            scores[i, grams.get(key, [])] = -float("inf")
        return scores


@alternative(LIBRARY)
def generate(model, ids, mask, max_new, *, processors=(), stopping=(), do_sample=False, gen=None, eos=None, pad=0, use_cache=True):
    """With `unfinished` as a product of ones and zeros, positions that go on by one, and Gumbel noise for the draws."""
    unfinished = torch.ones(ids.shape[0], dtype=torch.long)
    seen = torch.where(mask, ids, -1)
    out, attention, past = ids, mask, None
    positions = (attention.long().cumsum(-1) - 1).masked_fill(~attention, 1)
    inputs, steps = ids, 0
    while steps < max_new and unfinished.max() > 0:
        with torch.inference_mode():
            logits, past = model(inputs, positions, attention, past if use_cache else None)
        scores = logits[:, -1, :].clone()
        for f in processors:
            scores = f(seen, scores)
        if do_sample:
            u = torch.rand(scores.shape, generator=gen, dtype=torch.float64)
            scores = scores - (-u.clamp_min(1e-300).log()).log()
        token = torch.argmax(scores, dim=-1) * unfinished + pad * (1 - unfinished)
        out, seen = torch.cat([out, token[:, None]], dim=-1), torch.cat([seen, token[:, None]], dim=-1)
        attention = torch.cat([attention, torch.ones_like(attention[:, :1])], dim=-1)
        newest = positions[:, -1:] + 1
        inputs, positions = (token[:, None], newest) if use_cache else (out, torch.cat([positions, newest], 1))
        unfinished = unfinished * (token != (-1 if eos is None else eos)).long()
        for f in stopping:
            unfinished = unfinished * (~f(seen)).long()
        steps += 1
    return out.clone()


@alternative("NumPy, and a table of the whole answer that is filled column by column")
def generate(model, ids, mask, max_new, *, processors=(), stopping=(), do_sample=False, gen=None, eos=None, pad=0, use_cache=True):
    B, T = ids.shape
    table = np.full((B, T + max_new), pad, dtype=np.int64)
    table[:, :T] = ids.numpy()
    real = np.ones((B, T + max_new), dtype=bool)
    real[:, :T] = mask.numpy()
    where = np.maximum(np.cumsum(real, axis=1) - 1, 0)
    alive, cache, start, end = np.ones(B, dtype=bool), None, 0, T
    while end < T + max_new and alive.any():
        part = [torch.from_numpy(x[:, start:end].copy()) for x in (table, where)]
        with torch.no_grad():
            logits, state = model(*part, torch.from_numpy(real[:, :end].copy()), cache)
        if use_cache:
            cache, start = state, end
        logits = logits[:, -1]
        for processor in processors:
            logits = processor(torch.from_numpy(np.where(real, table, -1)[:, :end]), logits)
        if do_sample:
            cumulated = logits.double().softmax(-1).cumsum(-1)
            u = torch.rand(B, 1, generator=gen, dtype=torch.float64) * cumulated[:, -1:]
            choice = torch.searchsorted(cumulated, u, right=True)[:, 0]
        else:
            choice = logits.argmax(-1)
        table[alive, end] = choice.numpy()[alive]
        end += 1
        if eos is not None:
            alive &= table[:, end - 1] != eos
        for stop in stopping:
            alive &= ~stop(torch.from_numpy(np.where(real, table, -1)[:, :end])).numpy()
    return torch.from_numpy(table[:, :end].copy())


@alternative("first which file each tensor is in, then the files")
def shard_state_dict(sd, max_bytes):
    seen, kept = {}, []
    for name, x in sd.items():
        key = (x.data_ptr(), tuple(x.shape), x.stride())
        if key not in seen:
            seen[key] = name
            kept.append(name)
    nbytes = {name: sd[name].nbytes for name in kept}
    closed, open_ = [], []
    for name in kept:
        if nbytes[name] > max_bytes:
            closed.append([name])
        elif sum(nbytes[n] for n in open_) + nbytes[name] > max_bytes:
            closed.append(open_)
            open_ = [name]
        else:
            open_ = [*open_, name]
    closed += [open_] if open_ else []
    label = ["model.safetensors"]
    if len(closed) > 1:
        label = [f"model-{i + 1:0>5}-of-{len(closed):0>5}.safetensors" for i in range(len(closed))]
    index = {"metadata": {"total_size": sum(nbytes.values())}, "weight_map": {}}
    for text, names in zip(label, closed, strict=True):
        index["weight_map"].update(dict.fromkeys(names, text))
    return [{n: sd[n] for n in names} for names in closed], index


COMPARED = "every token compared with every token of the vocabulary"


@alternative(COMPARED)
class RepetitionPenalty:
    def __init__(self, p):
        self.p = p

    def __call__(self, ids, logits):
        seen = (ids[:, :, None] == torch.arange(logits.shape[1])).any(1)
        factor = torch.where(logits > 0, torch.full_like(logits, 1 / self.p), torch.full_like(logits, self.p))
        return torch.where(seen & (logits != 0), logits * factor, logits)


@alternative(COMPARED)
class MinLength:
    def __init__(self, n, eos):
        self.n, self.eos = n, eos

    def __call__(self, ids, logits):
        one_hot = torch.arange(logits.shape[1])[None] == self.eos
        return logits.masked_fill(one_hot & (ids.ge(0).sum(-1, keepdim=True) < self.n), -math.inf)


@alternative(COMPARED)
class MinP:
    def __init__(self, p):
        self.p = p

    def __call__(self, ids, logits):
        weights = torch.exp(logits - logits.max(-1, keepdim=True).values)  # relative to the most probable one
        return torch.where(weights >= self.p, logits, -math.inf)
