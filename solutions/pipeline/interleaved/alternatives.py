"""Right implementations of pipeline/interleaved, done differently."""

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
