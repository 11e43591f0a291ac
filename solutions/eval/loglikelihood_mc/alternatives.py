"""Right ways to write eval/loglikelihood_mc, done differently."""

import math
import re
import statistics
import string
from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("the harness's way: count the spaces")
def encode_pair(encode, ctx, cont, prefix):
    spaces = len(ctx) - len(ctx.rstrip())
    if spaces > 0:
        cont = ctx[-spaces:] + cont
        ctx = ctx[:-spaces]
    if ctx == "":
        return [prefix], list(encode(cont))
    n = len(encode(ctx))
    return encode(ctx), encode(ctx + cont)[n:]


@alternative("a regular expression, and a whole text that is put together first")
def encode_pair(encode, ctx, cont, prefix):
    whole = ctx + cont
    place = re.search(r"\s*\Z", ctx).start()
    head, tokens = encode(whole[:place]), encode(whole)
    return (head, tokens[len(head) :]) if place else ([prefix], tokens)


@alternative("cross_entropy over all places, with the context ignored")
def loglikelihood(model, ctx, cont, max_len=2048):
    if len(ctx) == 0 or len(cont) > max_len:
        raise ValueError
    if len(cont) == 0:
        return 0.0, True
    tokens = (ctx + cont)[-(max_len + 1) :]
    labels = torch.tensor([-100] * (len(tokens) - len(cont)) + cont)[1:]
    with torch.inference_mode():
        logits = model(torch.tensor(tokens[:-1])[None])[0]
        logits = logits.to(torch.float64 if logits.dtype == torch.float64 else torch.float32)
        total = -F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
        greedy = all(row.argmax().item() == label for row, label in zip(logits, labels.tolist(), strict=True) if label >= 0)
    return total.item(), greedy


@alternative("NumPy and a loop, always in float64")
def loglikelihood(model, ctx, cont, max_len=2048):
    if not ctx or len(cont) > max_len:
        raise ValueError
    if not cont:
        return 0.0, True
    with torch.no_grad():
        rows = model(torch.tensor([(ctx + cont)[-max_len - 1 : -1]]))[0].double().numpy()[-len(cont) :]
    total, greedy = 0.0, True
    for row, token in zip(rows, cont, strict=True):
        largest = row.max()
        total += float(row[token] - largest - np.log(np.exp(row - largest).sum()))
        greedy &= int(np.argmax(row)) == token
    return total, bool(greedy)


@alternative("inputs and targets first, then what they have in common is cut off, as the harness does")
def rolling_windows(tokens, prefix, max_len, ctx_len=1):
    if ctx_len < 1 or ctx_len > max_len:
        raise ValueError
    found, predicted = [], 0
    while predicted < len(tokens):
        if predicted == 0:
            count = min(max_len, len(tokens))
            inputs, targets = [prefix, *tokens[: count - 1]], tokens[:count]
        else:
            count = min(len(tokens) - predicted, max_len - ctx_len + 1)
            end = predicted + count
            inputs, targets = tokens[end - max_len - 1 : end - 1], tokens[end - count : end]
        found.append((inputs[: len(inputs) - len(targets) + 1], targets))
        predicted += count
    return found


@alternative("the cuts first, then the pieces between them")
def rolling_windows(tokens, prefix, max_len, ctx_len=1):
    if ctx_len not in range(1, max_len + 1):
        raise ValueError
    n = len(tokens)
    cuts = [0, *range(max_len, n, max_len - ctx_len + 1), n] if n > max_len else [0, n]
    pieces = []
    for start, end in pairwise(cuts):
        if start < end:
            room = max_len + 1 - (end - start)
            pieces.append(([prefix] if start == 0 else tokens[start - room : start], tokens[start:end]))
    return pieces


@alternative("a loop that goes on by itself")
def rolling_loglikelihood(model, tokens, prefix, max_len, ctx_len=1):
    total, start = 0.0, 0
    while start < len(tokens):
        end = min(len(tokens), start + (max_len if start == 0 else max_len - ctx_len + 1))
        read = ([prefix] + tokens)[: end][-max_len:]
        with torch.no_grad():
            logps = model(torch.tensor([read])).double().log_softmax(-1)[0, -(end - start) :]
        total += logps[torch.arange(end - start), torch.tensor(tokens[start:end])].sum().item()
        start = end
    return total


@alternative("argmax of arrays, and statistics.stdev")
def mc_metrics(lls, choices, gold):
    if len(lls) == 0 or len(lls) != len(choices) or len(lls) != len(gold):
        raise ValueError
    hits = {"acc": [], "acc_norm": [], "acc_bytes": []}
    for scores, texts, want in zip(lls, choices, gold, strict=True):
        if len(scores) != len(texts) or want not in range(len(scores)) or not all(texts):
            raise ValueError
        scores = np.array(scores)
        for name, size in (("acc", np.ones(len(texts))), ("acc_norm", np.array([float(len(t)) for t in texts])), ("acc_bytes", np.array([float(len(t.encode("utf-8"))) for t in texts]))):
            hits[name].append(1.0 if np.argmax(scores / size) == want else 0.0)
    result = {}
    for name, values in hits.items():
        result[name] = statistics.fmean(values)
        result[name + "_stderr"] = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else float("nan")
    return result


@alternative("tensors; std has n - 1 by itself, and is nan for one question")
def mc_metrics(lls, choices, gold):
    if not (len(lls) == len(choices) == len(gold)) or not lls:
        raise ValueError
    rows = []
    for scores, texts, want in zip(lls, choices, gold, strict=True):
        if len(scores) != len(texts) or want < 0 or want >= len(texts) or min(map(len, texts)) == 0:
            raise ValueError
        s = torch.tensor(scores, dtype=torch.float64)
        sizes = [torch.ones_like(s), torch.tensor([len(t) for t in texts]), torch.tensor([len(bytes(t, "utf8")) for t in texts])]
        rows.append([(s / size).argmax() == want for size in sizes])
    right = torch.tensor(rows, dtype=torch.float64)
    errors = right.std(0) / len(rows) ** 0.5 if len(rows) > 1 else torch.full((3,), math.nan)
    names = ["acc", "acc_norm", "acc_bytes"]
    return dict(zip(names, right.mean(0).tolist(), strict=True)) | dict(zip([f"{n}_stderr" for n in names], errors.tolist(), strict=True))


def clean(text):
    return "".join(mark for mark in text.lower() if mark not in string.punctuation).split()


@alternative("zip of shifted lists")
def ngram_index(texts, n=13):
    index = set()
    for text in texts:
        words = clean(text)
        index.update(zip(*(words[i:] for i in range(n)), strict=False))
    return index


@alternative("a set of the text's own n-grams, and an intersection")
def contaminated(text, index, n=13):
    words = clean(text)
    return not {tuple(words[i : i + n]) for i in range(max(len(words) - n + 1, 0))}.isdisjoint(index)


@alternative("a window that slides over the words")
def contaminated(text, index, n=13):
    window = []
    for word in clean(text):
        window = [*window, word][-n:]
        if len(window) == n and tuple(window) in index:
            return True
    return False
