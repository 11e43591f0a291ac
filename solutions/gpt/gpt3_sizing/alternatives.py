"""Right ways to write gpt/gpt3_sizing, done differently."""

import itertools
import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("12 C² + 13 C in each layer")
def gpt_params(L, C, V=50257, n_ctx=2048):
    return L * (12 * C**2 + 13 * C) + C * (V + n_ctx + 2)


@alternative("the shapes of all tensors")
def gpt_params(L, C, V=50257, n_ctx=2048):
    block = [(C,), (C,), (C, 3 * C), (3 * C,), (C, C), (C,), (C,), (C,), (C, 4 * C), (4 * C,), (4 * C, C), (C,)]
    layer = sum(math.prod(shape) for shape in block)
    return sum(math.prod(shape) for shape in [(V, C), (n_ctx, C), (C,), (C,)]) + layer * L


@alternative("modules on the meta device, where they are small")
def gpt_params(L, C, V=50257, n_ctx=2048):
    def count(*layers):
        return sum(p.numel() for layer in layers for p in layer.parameters())

    nn = torch.nn
    with torch.device("meta"):
        norm = count(nn.LayerNorm(C))
        layer = count(nn.Linear(C, 3 * C), nn.Linear(C, C), nn.Linear(C, 4 * C), nn.Linear(4 * C, C))
        tables = count(nn.Embedding(V, C), nn.Embedding(n_ctx, C))
    return tables + norm + L * (layer + 2 * norm)


@alternative("a list of matrix products")
def forward_flops(L, C, V, B, T):
    rows = B * T
    products = [(rows, C, 3 * C), (rows, C, C), (rows, C, 4 * C), (rows, 4 * C, C), (B * T, C, T), (B * T, T, C)]
    return 2 * (L * sum(m * k * n for m, k, n in products) + rows * C * V)


@alternative("a closed form: 24 L C² (1 + T/6C) + 2 V C for each token")
def forward_flops(L, C, V, B, T):
    return B * T * (4 * L * C * (6 * C + T) + 2 * V * C)


@alternative("2, 2 and 2")
def train_flops(n_params, n_tokens):
    forward = 2 * n_params * n_tokens
    inputs = weights = forward
    return float(forward + inputs + weights)


@alternative("seconds first")
def pf_days(flops):
    seconds = flops / 10**15
    return seconds / 86_400


@alternative("two triangles")
def sparse_mask(T, window, layer):
    dense = torch.ones(T, T, dtype=torch.bool).tril()
    return dense.triu(1 - window) if layer & 1 else dense


@alternative("one row after the other")
def sparse_mask(T, window, layer):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        mask[i, max(0, i + 1 - window) if layer % 2 else 0 : i + 1] = True
    return mask


@alternative("distances, in NumPy")
def sparse_mask(T, window, layer):
    distance = np.subtract.outer(np.arange(T), np.arange(T))
    reach = window if layer % 2 else max(T, 1)
    return torch.from_numpy((distance >= 0) & (distance < reach))


@alternative("one text after the other")
def fewshot_prompt(instruction, shots, query, k):
    if k < 0 or k > len(shots):
        raise ValueError("shots")
    text = instruction + "\n" if instruction != "" else ""
    for x, y in itertools.islice(shots, k):
        text += x + " => " + y + "\n"
    return text + query + " =>"


@alternative("the query is one more line")
def fewshot_prompt(instruction, shots, query, k):
    if k not in range(len(shots) + 1):
        raise ValueError(k)
    asked = [*(" => ".join(shot) for shot in shots[:k]), query + " =>"]
    return "\n".join([instruction] * bool(instruction) + asked)
