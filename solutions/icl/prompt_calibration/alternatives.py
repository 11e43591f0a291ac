"""Right ways to write icl/prompt_calibration, done differently."""

import math
import re

import numpy as np
import torch

from autograder.checks import alternative


@alternative("a regular expression finds the five parts of the template")
def build_prompt(instruction, demos, x, template, sep="\n\n"):
    found = re.fullmatch(r"(?s)((?:(?!\{[xy]\}).)*)\{x\}((?:(?!\{[xy]\}).)*?)(\s*)\{y\}((?:(?!\{[xy]\}).)*)", template)
    if not found:
        raise ValueError("template")
    head, middle, space, tail = found.groups()
    prompt = instruction + sep if instruction else ""
    for given, label in demos:
        prompt += head + given + middle + space + label + tail + sep
    return prompt + head + x + middle


@alternative("the places are found once; each example is cut together from the template")
def build_prompt(instruction, demos, x, template, sep="\n\n"):
    i, j = template.find("{x}"), template.find("{y}")
    if i < 0 or j < i or "{x}" in template[i + 3 :] or "{y}" in template[j + 3 :]:
        raise ValueError("template")

    def filled(given, label):
        return "".join([template[:i], given, template[i + 3 : j], label, template[j + 3 :]])

    query = template[:j].rstrip()
    blocks = [instruction] * bool(instruction) + [filled(*demo) for demo in demos] + [query[:i] + x + query[i + 3 :]]
    return sep.join(blocks)


@alternative("Python's floats, the largest score taken off")
def label_probs(logprob_fn, prompt, verbalizers, normalize=False):
    scores = []
    for words in verbalizers:
        for word in words:
            tokens = list(logprob_fn(prompt, f" {word}"))
            scores.append(math.fsum(tokens) / (len(tokens) if normalize else 1) if -math.inf not in tokens else -math.inf)
    top = max(scores)
    if top == -math.inf:
        raise ValueError("impossible")
    weights = iter([math.exp(score - top) for score in scores])
    totals = [sum(next(weights) for _ in words) for words in verbalizers]
    return torch.tensor([each / sum(totals) for each in totals], dtype=torch.float64)


@alternative("one softmax over all words, then index_add by label")
def label_probs(logprob_fn, prompt, verbalizers, normalize=False):
    owner = torch.tensor([k for k, words in enumerate(verbalizers) for _ in words])
    lists = [logprob_fn(prompt, " " + word) for words in verbalizers for word in words]
    lengths = torch.tensor([len(each) for each in lists])
    scores = torch.stack([torch.tensor(each, dtype=torch.float64).sum() for each in lists])
    if normalize:
        scores = scores / lengths
    if torch.isinf(scores).all():
        raise ValueError("impossible")
    return torch.zeros(len(verbalizers), dtype=torch.float64).index_add(0, owner, scores.softmax(0))


@alternative("a diagonal matrix, as the paper writes it")
def contextual_calibration(p, p_cf):
    mean = p_cf.sum(0) / len(p_cf)
    if not mean.all():
        raise ValueError("0")
    q = p @ torch.linalg.inv(torch.diag(mean.double())).to(p.dtype)
    return q / q.sum(1)[:, None]


@alternative("logarithms and a softmax of their difference")
def contextual_calibration(p, p_cf):
    mean = p_cf.mean(0)
    if mean.min() <= 0:
        raise ValueError("0")
    return torch.softmax(torch.log(p) - torch.log(mean), dim=-1)


@alternative("in NumPy, text by text")
def contextual_calibration(p, p_cf):
    mean = p_cf.numpy().mean(axis=0)
    if (mean == 0).any():
        raise ValueError("0")
    rows = [row / mean for row in p.numpy()]
    return torch.from_numpy(np.stack([row / row.sum() for row in rows]))


@alternative("bincount for each prompt")
def global_entropy(p):
    out = []
    for prompt in p:
        counts = torch.bincount(prompt.argmax(-1), minlength=p.shape[-1])
        shares = counts[counts > 0].to(p.dtype) / p.shape[1]
        out.append(-(shares * shares.log()).sum())
    return torch.stack(out)


@alternative("torch.distributions, sure of what it counts")
def global_entropy(p):
    first = (p == p.amax(-1, keepdim=True)).to(p.dtype)
    first = first * (first.cumsum(-1) == 1)
    return torch.distributions.Categorical(probs=first.mean(1)).entropy().clamp(min=0) if p.shape[-1] > 1 else p.new_zeros(len(p))


@alternative("xlogy, all texts at once")
def local_entropy(p):
    return -torch.xlogy(p, p).sum((1, 2)) / p.shape[1]


@alternative("loops in Python")
def local_entropy(p):
    out = [[-sum(x * math.log(x) for x in text if x > 0) for text in prompt] for prompt in p.tolist()]
    return torch.tensor([math.fsum(each) / len(each) for each in out], dtype=p.dtype)


@alternative("each content-free prompt first, then the texts in a loop")
def classify(logprob_fn, instruction, demos, texts, template, verbalizers, content_free=("N/A", "[MASK]", "")):
    weight = torch.ones(len(verbalizers), dtype=torch.float64)
    free = [label_probs(logprob_fn, build_prompt(instruction, demos, x, template), verbalizers) for x in content_free]
    if free:
        weight = 1 / (sum(free) / len(free))
    rows = []
    for text in texts:
        row = weight * label_probs(logprob_fn, build_prompt(instruction, demos, text, template), verbalizers)
        rows.append(row / row.sum())
    return torch.tensor([int(row.argmax()) for row in rows]), torch.stack(rows)
