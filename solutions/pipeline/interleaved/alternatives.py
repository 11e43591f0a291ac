"""Right implementations of pipeline/interleaved, done differently."""

import numpy as np

from autograder.checks import alternative


@alternative("Megatron's own arithmetic: chunk and micro-batch of the k-th turn")
def interleaved(p, m, v):
    if m % p != 0:
        raise ValueError("m must be divisible by p")
    total = m * v

    def chunk(k, forward):
        c = k % (p * v) // p
        return c if forward else v - 1 - c

    def micro_batch(k):
        return k // (p * v) * p + k % p

    lists = []
    for r in range(p):
        warm_up = min(total, (p - r - 1) * 2 + (v - 1) * p)
        ops = [(chunk(k, True) * p + r, "F", micro_batch(k)) for k in range(warm_up)]
        for k in range(total - warm_up):
            ops.append((chunk(k + warm_up, True) * p + r, "F", micro_batch(k + warm_up)))
            ops.append((chunk(k, False) * p + r, "B", micro_batch(k)))
        ops.extend((chunk(k, False) * p + r, "B", micro_batch(k)) for k in range(total - warm_up, total))
        lists.append(ops)
    return lists


@alternative("one more forward to warm up, then a backward and a forward in turn")
def interleaved(p, m, v):
    if m // p * p < m:
        raise ValueError(m)
    lists = []
    for r in range(p):
        order = [(s, i) for g in range(m // p) for s in range(r, p * v, p) for i in range(g * p, g * p + p)]
        mirror = [(s, i) for g in range(m // p) for s in range(p * v - p + r, -1, -p) for i in range(g * p, g * p + p)]
        ahead = min(m * v, p * (v - 1) + 2 * (p - r) - 1)
        ops = [(s, "F", i) for s, i in order[:ahead]]
        rest = iter(order[ahead:])
        for s, i in mirror:
            ops.append((s, "B", i))
            nxt = next(rest, None)
            if nxt is not None:
                ops.append((nxt[0], "F", nxt[1]))
        lists.append(ops)
    return lists


# Without time for sending, warm-ups that differ by 1 between neighbours are as short, and hold less.
alternative(
    "a shorter warm-up, as in plain 1F1B: one forward less from device to device",
    edit={"2 * (p - 1 - r) + (v - 1) * p)\n        ops": "(p - 1 - r) + (v - 1) * p)\n        ops"},
)


@alternative("by lists of stages, by counting")
def place_layers(n_layers, p, v):
    size = n_layers // (p * v)
    stages = [list(range(n_layers))[k : k + size] for k in range(0, n_layers, size)]
    return [stages[r::p] for r in range(p)]


@alternative("by lists of stages, by counting")
def transfers(p, m, v):
    count = 0
    for s in range(p * v - 1):
        if s % p != (s + 1) % p:
            count += 2
    return count * m


@alternative("by lists of stages, by counting")
def bubble_over_ideal(p, m, v):
    return (p - 1) * (1 / v) / m


@alternative("by lists of stages, by counting")
def peak_chunks(p, m, v):
    peaks = []
    for r in range(p):
        warm_up = 2 * (p - 1 - r) + (v - 1) * p
        peaks.append(warm_up + 1 if warm_up < m * v else m * v)
    return peaks


@alternative("torch's way: a counter for each stage gives the micro-batch")
def interleaved(p, m, v):
    if m % p:
        raise ValueError(f"the number of micro-batches ({m}) must be a multiple of the number of devices ({p})")
    lists = []
    for rank in range(p):
        warm_up = min((v - 1) * p + 2 * (p - 1 - rank), m * v)
        counts = {"F": [0] * (p * v), "B": [0] * (p * v)}
        ops = []
        for step in range(m * v + warm_up):
            todo = [("F", step)] if step < m * v else []
            if step >= warm_up:
                todo.append(("B", step - warm_up))
            for kind, k in todo:
                local = k // p % v
                stage = (local if kind == "F" else v - 1 - local) * p + rank
                ops.append((stage, kind, counts[kind][stage]))
                counts[kind][stage] += 1
        lists.append(ops)
    return lists


@alternative("a table of layers, cut and turned; lists that are sorted")
def place_layers(n_layers, p, v):
    table = np.arange(n_layers).reshape(v, p, n_layers // (p * v))
    return table.transpose(1, 0, 2).tolist()


@alternative("a table of layers, cut and turned; lists that are sorted")
def interleaved(p, m, v):
    if m != m // p * p:
        raise ValueError("groups of p micro-batches: m is no multiple of p")
    lists = []
    for r in range(p):
        every = [(c, i) for c in range(v) for i in range(m)]
        forwards = sorted(every, key=lambda each: (each[1] // p, each[0], each[1]))
        backwards = sorted(every, key=lambda each: (each[1] // p, -each[0], each[1]))
        ahead = min(m * v - 1, (v - 1) * p + 2 * (p - 1 - r))
        place = {(c * p + r, "F", i): (k, 0) for k, (c, i) in enumerate(forwards)}
        place |= {(c * p + r, "B", i): (min(k + ahead, m * v - 1), k + 1) for k, (c, i) in enumerate(backwards)}
        lists.append(sorted(place, key=place.get))
    return lists


@alternative("a table of layers, cut and turned; lists that are sorted")
def transfers(p, m, v):
    return 0 if p == 1 else 2 * m * ((p - 1) * v + v - 1)  # inside of a round, and from round to round
