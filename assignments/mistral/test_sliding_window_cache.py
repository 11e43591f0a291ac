"""Public checks of mistral/sliding_window_cache: run `pytest` on this file, or `autograder check mistral/sliding_window_cache`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Budget, again, case, check, difference, flags, leaves, raises, reject, with_gradients
from autograder.lab.pieces import pieces_are_the_whole


def sizes(rng, calls=(), random=0):
    calls = [list(call) for call in calls]
    for _ in range(random):
        S = rng.integer(1, 14)
        calls.append([rng.integer(1, S + 1), S, rng.integer(1, 16)])
    return {"calls": calls}


@check(points=2, inputs=sizes, lecture='the-window', public=[case('four tokens, a window of two', calls=[(4, 4, 2)]), case('the last two of five, and a wide window', calls=[(2, 5, 3), (2, 5, 9)])])
def a_window_ends_with_the_token_itself(student, calls):
    """Query t of the last T sees the W keys that end with its own, or as many as there are."""
    return [again(student.swa_mask, *call) for call in calls]


@check(points=1, inputs=sizes, lecture='further-than-the-window', public=[case('one layer and two', calls=[(1, 4), (2, 4)]), case('Mistral 7B', calls=[(32, 4096)])])
def layers_see_further(student, calls):
    """After L layers a token depends on itself and L times the W - 1 tokens before a token."""
    return [student.receptive_field(*call) for call in calls]


def tokens(rng, spans, B=1, G=1, W=4, D=2, dtype="float32", given="float32"):
    """For each span (s, t) keys and values of t tokens from position s on."""
    steps = [[*(rng.normal(B, G, t, D, dtype=given) for _ in "kv"), torch.arange(s, s + t)] for s, t in spans]
    return {"sizes": [B, G, W, D], "dtype": dtype, "steps": steps}


def in_any_order(seen, want, rng):
    """Each `get` may list its tokens in any order: both are sorted by their positions."""
    for number, (mine, theirs) in enumerate(zip(seen["got"], want["got"], strict=True)):
        mine, theirs = list(mine), list(theirs)
        if mine[2].dtype != theirs[2].dtype:
            return difference(mine[2], theirs[2])
        if mine[2].shape[0] != theirs[2].shape[0] or mine[2].sort()[0].tolist() != theirs[2].sort()[0].tolist():
            return reject("After call {number} the cache has other positions than the newest {n}.", number=number, n=theirs[2].shape[0])
        for part in (0, 1):
            ordered = [got[part].index_select(2, got[2].argsort()) if got[part].shape[2] == len(got[2]) else got[part] for got in (mine, theirs)]
            found = difference(*ordered)
            if found is not None:
                return found
    return difference(seen["left"], want["left"])


@check(points=2, inputs=tokens, judge=in_any_order, shapes='any', lecture='a-cache-that-rolls', public=[case('one after the other, a window of two', spans=[[0, 1], [1, 1], [2, 1]], W=2), case('three, then two, a window of four', spans=[[0, 3], [3, 2]]), case('more than the window at once', spans=[[0, 5], [5, 1]], W=3), case('the first position is 3', spans=[[3, 2], [5, 1]])])
def the_newest_tokens_are_kept(student, sizes, dtype, steps):
    """After each call the cache has the newest W tokens and no others, each with its own position."""
    one, other = (student.RollingCache(*sizes, getattr(torch, dtype)) for _ in "12")
    got, left = [one.get()], []
    for k, v, pos in steps:
        keys, values = leaves(k * 2, v * 3)  # as if they came from a layer that is trained
        copies = (keys * 1, values * 1, pos.clone())
        one.append(*copies)
        other.append(k.mT.contiguous().mT.neg(), v.flip(0), pos)
        got += [one.get(), other.get()]
        left.append(flags(k, v, pos, *got[-2]))
        with torch.no_grad():
            for copy in copies:
                copy.zero_()  # arguments share nothing with the cache
    default = student.RollingCache(*sizes)
    default.append(*steps[0])
    return {"got": [*got, default.get()], "left": left}


@check(points=1, budget=Budget(memory=3), lecture='a-cache-that-rolls', public=[case('32 pieces of 512 tokens', W=512, t=512, calls=32, layers=1)])
def memory_does_not_grow(student, W, t, calls, layers):
    """However many tokens are appended, the memory is that of W tokens."""
    caches = [student.RollingCache(1, 8, W, 128) for _ in range(layers)]
    for cache in caches:
        for call in range(calls):
            x = torch.full((1, 8, t, 128), float(call))
            cache.append(x, -x, torch.arange(call * t, call * t + t))
    k, v, positions = caches[0].get()
    return {"shapes": [list(k.shape), list(v.shape)], "positions": positions.sort()[0], "sums": [k.sum().double(), v.sum().double()]}


class Ledger:
    """A cache that keeps everything, gives it in reversed order, and writes down what it is asked. It is not the student's."""

    def __init__(self, B, G, D, dtype):
        self.kept = torch.zeros(B, G, 0, D, dtype=dtype), torch.zeros(B, G, 0, D, dtype=dtype), torch.arange(0)
        self.events = []

    def append(self, k, v, pos):
        self.events.append([k.clone(), v.clone(), pos.clone()])
        self.in_graph = [k.requires_grad, v.requires_grad]
        self.kept = torch.cat([self.kept[0], k], 2), torch.cat([self.kept[1], v], 2), torch.cat([self.kept[2], pos])

    def get(self):
        self.events.append("get")
        return self.kept[0].flip(2), self.kept[1].flip(2), self.kept[2].flip(0)


def heads(rng, cuts, W, B=1, H=2, G=1, D=2, dtype="float32", loud=1.0, start=0):
    made = {"q": rng.normal(B, H, cuts[-1], D, dtype=dtype), "k": rng.normal(B, G, cuts[-1], D, dtype=dtype)}
    return {"q": loud * made["q"], "k": made["k"], "v": rng.normal(B, G, cuts[-1], D, dtype=dtype), "cuts": cuts, "W": W, "start": start}


def fed(student, cache, q, k, v, cuts, W, start=0):
    """The outputs of the pieces, each (B, t, H D)."""
    found, begin = [], 0
    for end in cuts:
        new = (x[:, :, begin:end] for x in (q, k, v))
        found.append(student.attend(*new, torch.arange(begin, end) + start, cache, W).transpose(1, 2).flatten(2))
        begin = end
    return found


def ledger_for(k):
    return Ledger(k.shape[0], k.shape[1], k.shape[3], k.dtype)


@check(points=2, inputs=heads, judge=pieces_are_the_whole, lecture='attention-in-pieces', public=[case('two tokens, then one, a window of two', cuts=[2, 3], W=2), case('a chunk that is longer than the window', cuts=[3, 7], W=3, H=4, G=2)])
def pieces_give_the_result_of_all_at_once(student, q, k, v, cuts, W, start):
    """Tokens fed in pieces get the result of all at once, from any cache that says which position is where."""
    pos = torch.arange(cuts[-1]) + start
    whole = student.attend(q, k, v, pos, ledger_for(k), W).transpose(1, 2).flatten(2)
    ledger, other = ledger_for(k), ledger_for(k)
    pieces = fed(student, ledger, q, k, v, cuts, W, start)
    others = fed(student, other, *(x.mT.contiguous().mT.flip(2) for x in (q, k, v)), cuts, W, start)
    training = ledger_for(k)
    student.attend(*leaves(q, k, v), pos, training, W)
    return {"whole": whole, "pieces": pieces, "others": others, "events": ledger.events, "positions": pos, "left": flags(q, k, v),
            "in training k and v come with their graph": training.in_graph}


@check(points=1, inputs=heads, lecture='attention-in-pieces', public=[case('two tokens, then two, a window of three', cuts=[2, 4], W=3, dtype='float64')])
def float64_is_exact_and_gradients_flow(student, q, k, v, cuts, W, start):
    """Everything is computed in float64 for float64 tensors, and gradients reach queries, keys and values of new tokens."""
    begin = ([0] + cuts)[-2]

    def last(q_, k_, v_):
        ledger = ledger_for(k)
        if begin:
            fed(student, ledger, q, k, v, cuts[:-1], W)
        return student.attend(q_, k_, v_, torch.arange(begin, cuts[-1]), ledger, W)

    own = student.RollingCache(k.shape[0], k.shape[1], W, k.shape[3], k.dtype)
    by_own = fed(student, own, q, k, v, cuts, W)
    return {"last": with_gradients(last, q_=q[:, :, begin:], k_=k[:, :, begin:], v_=v[:, :, begin:]), "with the cache of this file": by_own}


def prompts(rng, T, chunk, B=1, V=5, W=3, layers=2, D=4):
    table = rng.normal(V, D)
    return {"ids": rng.integers(0, V, B, T), "table": table, "chunk": chunk, "W": W, "layers": layers}


@check(points=1, inputs=prompts, lecture='prompts-in-chunks', public=[case('five tokens, two at a time', T=5, chunk=2), case('six tokens, three at a time', T=6, chunk=3, B=2)])
def chunks_follow_each_other(student, ids, table, chunk, W, layers):
    """Each chunk goes through the model once, in order, with its own positions, and the outputs are joined."""

    def model(calls):
        caches = [student.RollingCache(len(ids), 1, W, table.shape[1]) for _ in range(layers)]

        def step(new, pos):
            calls.append([new.clone(), pos.clone()])
            x = table[new][:, None]
            for cache in caches:
                x = x + student.attend(x, x.flip(-1), x, pos, cache, W)
            return x[:, 0]

        return step

    calls, others, none = [], [], []
    found = student.chunked_prefill(model(calls), ids, chunk)
    other = student.chunked_prefill(model(others), ids.flip(1).T.contiguous().T, chunk)
    plain = student.chunked_prefill(lambda new, pos: new * 100 + pos, ids, chunk)
    exact = student.chunked_prefill(lambda new, pos: (new + pos).double()[..., None] / torch.tensor([3, 7]), ids, chunk)
    wide = student.chunked_prefill(lambda new, pos: (new + pos)[..., None, None] * torch.ones(2, 3), ids, chunk)
    refused = [raises("ValueError", lambda wrong=wrong: student.chunked_prefill(model(none), ids, wrong)) for wrong in (0, -2)]
    return {"outputs": found, "calls": calls, "of others": other, "whole numbers": plain, "in float64": exact, "of four dimensions": wide, "refused": refused, "calls then": none}
