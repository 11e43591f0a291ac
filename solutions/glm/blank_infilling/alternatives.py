"""Right ways to write glm/blank_infilling, done differently."""

import itertools
import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("as GLM's own code: positions by a cumulative sum over the text, pieces first, then the source, in NumPy")
def make_blocks(tokens, spans, order, MASK, SOP, EOP):
    position = np.ones(len(tokens), dtype=np.int64)
    for start, end in spans:
        position[start + 1 : end] = 0
    position = np.cumsum(position) - 1
    b_tokens, b_targets, b_pos1, b_pos2 = [], [], [], []
    for start, end in [spans[i] for i in order]:
        b_tokens += [[SOP], tokens[start:end]]
        b_targets += [tokens[start:end], [EOP]]
        b_pos1 += [position[start:end], [position[start]]]
        b_pos2.append(np.arange(1, end - start + 2))
    a_tokens, a_pos, last = [], [], 0
    for start, end in spans:
        a_tokens += [tokens[last:start], [MASK]]
        a_pos += [position[last:start], [position[start]]]
        last = end
    a_tokens.append(tokens[last:])
    a_pos.append(position[last:])
    sep = sum(map(len, a_tokens))
    parts = {"tokens": a_tokens + b_tokens, "targets": a_tokens + b_targets, "pos1": a_pos + b_pos1, "pos2": [np.zeros(sep), *b_pos2]}
    made = {name: torch.from_numpy(np.concatenate(part).astype(np.int64)) for name, part in parts.items()}
    made["loss_mask"] = (torch.arange(len(made["tokens"])) >= sep).long()
    return made | {"sep": sep}


@alternative("the places of the MASKs are looked up in part A, where nothing else has that id")
def make_blocks(tokens, spans, order, MASK, SOP, EOP):
    part_a = list(tokens)
    for start, end in reversed(spans):
        part_a[start:end] = [MASK]
    places = [i for i, token in enumerate(part_a) if token == MASK]
    pieces = [(places[number], [SOP, *tokens[spans[number][0] : spans[number][1]]]) for number in order]
    sep = len(part_a)
    rows = {
        "tokens": part_a + [token for _, piece in pieces for token in piece],
        "targets": part_a + [token for _, piece in pieces for token in [*piece[1:], EOP]],
        "loss_mask": [0] * sep + [1 for _, piece in pieces for _ in piece],
        "pos1": [*range(sep), *(place for place, piece in pieces for _ in piece)],
        "pos2": [0] * sep + [n for _, piece in pieces for n in range(1, len(piece) + 1)],
    }
    return {name: torch.tensor(row) for name, row in rows.items()} | {"sep": sep}


class _Writer:
    def __init__(self):
        self.rows = {name: [] for name in ("tokens", "targets", "loss_mask", "pos1", "pos2")}

    def write(self, *values):
        for row, value in zip(self.rows.values(), values, strict=True):
            row.append(value)


@alternative("a class that walks over the text once, token by token")
def make_blocks(tokens, spans, order, MASK, SOP, EOP):
    writer, starts, inside, place, where = _Writer(), {start: i for i, (start, _) in enumerate(spans)}, set(), 0, {}
    for start, end in spans:
        inside.update(range(start, end))
    for i, token in enumerate(tokens):
        if i in starts:
            where[starts[i]] = place
        if i in starts or i not in inside:
            token = MASK if i in starts else token
            writer.write(token, token, 0, place, 0)
            place += 1
    for number in order:
        start, end = spans[number]
        for step, (said, asked) in enumerate(itertools.pairwise([SOP, *tokens[start:end], EOP]), 1):
            writer.write(said, asked, 1, where[number], step)
    return {name: torch.tensor(row, dtype=torch.long) for name, row in writer.rows.items()} | {"sep": place}


@alternative("tensors of part A by a mask over the text, pieces padded to one another")
def make_blocks(tokens, spans, order, MASK, SOP, EOP):
    x = torch.tensor(tokens)
    head, cut = torch.zeros(len(tokens), dtype=torch.bool), torch.zeros(len(tokens), dtype=torch.bool)
    for start, end in spans:
        head[start] = True
        cut[start + 1 : end] = True
    a = torch.where(head, MASK, x)[~cut]
    place = (~cut).cumsum(0) - 1
    pieces = [x[slice(*spans[i])] for i in order]
    one = torch.ones(1, dtype=torch.long)
    tokens_b = [torch.cat([SOP * one, piece]) for piece in pieces]
    targets_b = [torch.cat([piece, EOP * one]) for piece in pieces]
    pos1_b = [place[spans[i][0]].expand(len(b)) for i, b in zip(order, tokens_b, strict=True)]
    pos2_b = [torch.arange(len(b)) + 1 for b in tokens_b]
    zero, sep = torch.zeros(len(a), dtype=torch.long), len(a)
    loss_mask = torch.cat([zero, *[torch.ones_like(b) for b in tokens_b]])
    return {
        "tokens": torch.cat([a, *tokens_b]), "targets": torch.cat([a, *targets_b]), "loss_mask": loss_mask,
        "pos1": torch.cat([torch.arange(sep), *pos1_b]), "pos2": torch.cat([zero, *pos2_b]), "sep": sep,
    }  # fmt: skip


@alternative("masks: a triangle with some columns filled")
def glm_mask(sep, N):
    mask = torch.ones(N, N).tril().bool()
    mask[:, :sep] = True
    return mask


@alternative("masks: pair by pair")
def glm_mask(sep, N):
    rows = [[s < sep or (t >= sep and s <= t) for s in range(N)] for t in range(N)]
    return torch.tensor(rows, dtype=torch.bool).reshape(N, N)


@alternative("a long span without make_blocks")
def gmask_example(tokens, prefix_len, GMASK, SOP, EOP):
    prefix, rest = tokens[:prefix_len] + [GMASK], tokens[prefix_len:]
    p, r = len(prefix), len(rest) + 1
    return {
        "tokens": torch.tensor([*prefix, SOP, *rest]), "targets": torch.tensor([*prefix, *rest, EOP]), "loss_mask": torch.tensor([0] * p + [1] * r),
        "pos1": torch.arange(p + r).clamp(max=prefix_len), "pos2": (torch.arange(p + r) - p + 1).clamp(min=0), "sep": p,
    }  # fmt: skip


@alternative("lengths from a table of weights; every placement listed where there are few")
def sample_spans(n, rng, ratio=0.15, lam=3.0):
    weights = [lam**k / math.factorial(k) for k in range(1, 60)]
    lengths = [n + 1]
    while sum(lengths) + len(lengths) - 1 > n:
        lengths = []
        while sum(lengths) < ratio * n:
            lengths += rng.choices(range(1, 60), weights)
        if not lengths:
            return []
    lengths = rng.sample(lengths, len(lengths))
    gaps = n - sum(lengths) + 1
    chosen = rng.choice(list(itertools.combinations(range(gaps), len(lengths)))) if gaps < 13 else sorted(rng.sample(range(gaps), len(lengths)))
    starts = [gap + sum(lengths[:i]) for i, gap in enumerate(chosen)]
    return [(start, start + length) for start, length in zip(starts, lengths, strict=True)]


@alternative("Poisson by inversion; gaps taken one by one, each with the chance that is left to it")
def sample_spans(n, rng, ratio=0.15, lam=3.0):
    def draw():
        while True:
            u, k, p = rng.random(), 0, math.exp(-lam)
            while u >= p and k < 200:
                u, k = u - p, k + 1
                p *= lam / k
            if k:
                return k

    while True:
        lengths = []
        while sum(lengths) < ratio * n:
            lengths.append(draw())
        if sum(lengths) + len(lengths) - 1 <= n:
            break
    rng.shuffle(lengths)
    stay = n - sum(lengths)
    spans, i, at = [], 0, 0
    for gap in range(stay + 1):
        if rng.random() * (stay + 1 - gap) < len(lengths) - i:
            spans.append((at, at + lengths[i]))
            at, i = at + lengths[i], i + 1
        at += 1
    return spans
