"""Checks of mistral/sliding_window_cache: masks, how far a token sees, the ring, attention with it, prompts in chunks."""

import torch

from autograder.checks import Budget, again, case, check, difference, flags, leaves, raises, reject, with_gradients
from autograder.lab.pieces import pieces_are_the_whole

# --- masks and sizes -------------------------------------------------------------------------------------------------


def sizes(rng, calls=(), random=0):
    calls = [list(call) for call in calls]
    for _ in range(random):
        S = rng.integer(1, 14)
        calls.append([rng.integer(1, S + 1), S, rng.integer(1, 16)])
    return {"calls": calls}


@check(
    points=2,
    inputs=sizes,
    lecture="the-window",
    public=[case("four tokens, a window of two", calls=[(4, 4, 2)]), case("the last two of five, and a wide window", calls=[(2, 5, 3), (2, 5, 9)])],
    hidden=[
        case("at random", random=5),
        case("each sees itself alone", calls=[(5, 5, 1), (2, 6, 1)]),
        case("the window is as long as the sequence, one less, one more", calls=[(6, 6, n) for n in (5, 6, 7)]),
        case("one new token", calls=[(1, 9, 4), (1, 3, 4), (1, 1, 4), (1, 4, 4), (1, 5, 4)]),
        case("as many of everything", calls=[(3, 3, 3)]),
        case("longer ones", calls=[(21, 40, 17), (33, 34, 18)]),
    ],
    fresh=1,
    cites=["Which keys the last T of S", "Query t has the position", "FlashAttention's"],
)
def a_window_ends_with_the_token_itself(student, calls):
    """Query t of the last T sees the W keys that end with its own, or as many as there are."""
    return [again(student.swa_mask, *call) for call in calls]


@check(
    points=1,
    inputs=sizes,
    lecture="further-than-the-window",
    public=[case("one layer and two", calls=[(1, 4), (2, 4)]), case("Mistral 7B", calls=[(32, 4096)])],
    hidden=[
        case("forty million tokens", calls=[(997, 40_961)]),
        case("windows of one", calls=[(1, 1), (7, 1)]),
        case("one layer", calls=[(1, 9), (1, 2)]),
        case("others", calls=[(3, 5), (24, 128), (5, 3), (60, 1024)]),
    ],
    cites=["From how many tokens the output", "In each layer a token sees W"],
)
def layers_see_further(student, calls):
    """After L layers a token depends on itself and L times the W - 1 tokens before a token."""
    return [student.receptive_field(*call) for call in calls]


# --- the ring --------------------------------------------------------------------------------------------------------


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


@check(
    points=2,
    inputs=tokens,
    judge=in_any_order,
    shapes="any",
    lecture="a-cache-that-rolls",
    public=[
        case("one after the other, a window of two", spans=[[0, 1], [1, 1], [2, 1]], W=2),
        case("three, then two, a window of four", spans=[[0, 3], [3, 2]]),
        case("more than the window at once", spans=[[0, 5], [5, 1]], W=3),
        case("the first position is 3", spans=[[3, 2], [5, 1]]),
    ],
    hidden=[
        case("a prompt, then one at a time, around twice", B=3, G=2, D=5, spans=[[0, 3], *([s, 1] for s in range(3, 13))], dtype="float64", given="float64"),
        case("chunks as long as the window", B=2, W=3, spans=[[0, 3], [3, 3], [6, 3]], G=4),
        case("chunks longer than the window", W=3, spans=[[0, 7], [7, 4], [11, 8]], D=3),
        case("the first position is not 0", W=4, spans=[[5, 2], [7, 1], [8, 4]], B=2),
        case("it begins in the middle, with more than the window", W=5, spans=[[13, 8], [21, 2]], G=2),
        case("a window of one", W=1, spans=[[0, 1], [1, 3], [4, 1]], D=4),
        case("never full", W=20, spans=[[0, 2], [2, 17]]),
        case("many of everything", B=18, G=17, D=19, W=2, spans=[[0, 1], [1, 2]]),
        case("half precision", W=3, spans=[[0, 2], [2, 2]], dtype="float16", given="float64", B=2),
        case("a wider cache, as many of everything", W=3, B=3, G=3, D=3, dtype="float64", spans=[[0, 3], [3, 3]]),
        case("a chunk of the whole window, then one token", W=4, spans=[[0, 4], [4, 1]], B=2),
        case("positions of many millions", W=2, spans=[[16777216, 2], [16777218, 1]]),
        case("positions that bfloat16 does not hold", W=2, spans=[[257, 2], [259, 1]], dtype="bfloat16"),
        case("a window of thirty", W=30, spans=[[0, 25], [25, 20], [45, 31], [76, 1]]),
    ],
    fresh=1,
    cites=[
        "what is older than the newest W", "The first call may begin at any position", "t may be larger than W then", "Numbers of another dtype are converted",
        "it keeps numbers without their graph", "n W or as many as there are", "The tokens stand in any order", "What was returned stays as it is",
        "Arguments are left as they were", "caches share nothing", "An empty cache for B sequences", "in place of position p",
    ],
)  # fmt: skip
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


@check(
    points=1,
    budget=Budget(memory=3),
    lecture="a-cache-that-rolls",
    public=[case("32 pieces of 512 tokens", W=512, t=512, calls=32, layers=1)],
    hidden=[
        case("100 pieces of 40 tokens", W=400, t=40, calls=100, layers=1),
        case("pieces longer than the window", W=300, t=900, calls=20, layers=1),
        case("one long piece in each of 32 layers", W=4, t=256, calls=1, layers=32),
    ],
    cites=["in memory for W tokens that is taken once"],
)  # fmt: skip
def memory_does_not_grow(student, W, t, calls, layers):
    """However many tokens are appended, the memory is that of W tokens."""
    caches = [student.RollingCache(1, 8, W, 128) for _ in range(layers)]
    for cache in caches:
        for call in range(calls):
            x = torch.full((1, 8, t, 128), float(call))
            cache.append(x, -x, torch.arange(call * t, call * t + t))
    k, v, positions = caches[0].get()
    return {"shapes": [list(k.shape), list(v.shape)], "positions": positions.sort()[0], "sums": [k.sum().double(), v.sum().double()]}


# --- attention -------------------------------------------------------------------------------------------------------


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


@check(
    points=2,
    inputs=heads,
    judge=pieces_are_the_whole,
    lecture="attention-in-pieces",
    public=[
        case("two tokens, then one, a window of two", cuts=[2, 3], W=2),
        case("a chunk that is longer than the window", cuts=[3, 7], W=3, H=4, G=2),
    ],
    hidden=[
        case("a prompt, then one at a time", cuts=[5, 6, 7, 8], W=4, B=3, H=6, G=2, D=4),
        case("chunks as long as the window", cuts=[3, 6, 9, 10], W=3, B=2, H=6, G=3, D=8),
        case("a window of one", cuts=[2, 4], W=1, B=2, H=3, G=3, D=4),
        case("a window that is never full", cuts=[1, 4, 5], W=50, H=5, B=2, D=6),
        case("one at a time", cuts=[1, 2, 3, 4, 5, 6, 7], W=3, B=4, H=4, G=4, D=4),
        case("as many of everything", cuts=[2, 4, 8], W=4, B=4, H=4, G=4, D=4),
        case("it begins in the middle", cuts=[2, 5, 6], W=3, H=2, D=6, start=11),
        case("one head, a long chunk", cuts=[1, 21, 23], W=6, H=1, D=10, B=2),
    ],
    fresh=1,
    cites=[
        "Attention of t new tokens", "The token at position i sees", "Scores are q k D", "The first of the new tokens still sees", "get and append are called once", "So tokens that are fed in pieces",
        "queries and keys are rotated already", "and so is any other object with these two", "head h uses", "tokens in any order and perhaps more",
    ],
)  # fmt: skip
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
            "in training k and v come with their graph": training.in_graph}  # fmt: skip


@check(
    points=1,
    inputs=heads,
    lecture="attention-in-pieces",
    public=[case("two tokens, then two, a window of three", cuts=[2, 4], W=3, dtype="float64")],
    hidden=[
        case("several pieces", cuts=[4, 5, 9], W=4, B=2, H=6, G=3, D=4, dtype="float64"),
        case("all at once", cuts=[5], W=2, H=4, G=2, D=6, dtype="float64"),
        case("large scores", cuts=[4, 6], W=5, H=2, D=4, loud=300.0, B=3, dtype="float64"),
        case("very large scores", cuts=[3, 5], W=2, H=4, G=2, D=4, loud=3e4, dtype="float64"),
    ],
    cites=["and everything is computed in that dtype", "Gradients flow to q k and v", "Hugging Face computes"],
)  # fmt: skip
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


# --- prompts in chunks -----------------------------------------------------------------------------------------------


def prompts(rng, T, chunk, B=1, V=5, W=3, layers=2, D=4):
    table = rng.normal(V, D)
    return {"ids": rng.integers(0, V, B, T), "table": table, "chunk": chunk, "W": W, "layers": layers}


@check(
    points=1,
    inputs=prompts,
    lecture="prompts-in-chunks",
    public=[case("five tokens, two at a time", T=5, chunk=2), case("six tokens, three at a time", T=6, chunk=3, B=2)],
    hidden=[
        case("one at a time", T=4, chunk=1, B=3),
        case("all at once", T=7, chunk=7, V=9),
        case("a chunk longer than the prompt", T=3, chunk=50, B=2),
        case("chunks longer than the window", T=11, chunk=5, W=2, layers=3),
        case("one token", T=1, chunk=1, layers=1),
        case("twenty-one tokens, twenty at a time", T=21, chunk=20, W=4, B=2),
        case("many chunks", T=20, chunk=1, W=4),
        case("chunks of three, a window of four", T=10, chunk=3, W=4, B=2, D=6),
    ],
    cites=["It is called for one chunk after the other", "all chunks have this many tokens", "ValueError if it is less than 1", "Returns the outputs for all tokens"],
)  # fmt: skip
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
