"""Public checks of framework/hf_generate: run `pytest` on this file, or `autograder check framework/hf_generate`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from math import inf
import torch
from autograder.checks import case, check, difference, flags, implausible, leaves_gradients_off, reject


def rows(rng, setting, ids=None, B=2, t=5, V=6, few=None, pads=(), hidden=0, logits=None, dtype="float32"):
    """Ids from the first `few` tokens; the first pads[b] places of row b hold none. Logits are never near each other or 0."""
    ids = torch.tensor(ids) if ids is not None else rng.integers(0, few or V, B, t)
    B = len(ids)
    for b, n in enumerate(pads):
        ids[b, :n] = -1
    if logits is not None:
        return {"ids": ids, "logits": torch.tensor(logits, dtype=getattr(torch, dtype)), "setting": setting}
    ladder = torch.linspace(-2.1, 1.7, V, dtype=torch.float64)
    made = torch.stack([ladder[rng.permutation(V)] * rng.real(0.7, 1.3) for _ in range(B)])
    for b in range(B):
        made[b, rng.permutation(V)[:hidden]] = -inf
    return {"ids": ids, "logits": made.to(getattr(torch, dtype)), "setting": setting}


def apply(processor, ids, logits):
    """Twice with values of the same shapes, and once with views; every result is kept to the end."""
    view, turned = logits.mT.contiguous().mT, ids.mT.contiguous().mT
    outs = [processor(turned, view), processor(turned, logits.flip(1)), processor(ids[:, 1:], logits * 2)]
    return {"outs": outs, "left": flags(view, turned)}


@check(points=1, inputs=rows, lecture='processors', public=[case('a logit above and one below 0', ids=[[0, 1, 1]], logits=[[2.0, -2.0, 3.0]], setting=2.0), case('two rows', t=3, V=4, setting=1.5)])
def seen_tokens_become_less_likely(student, ids, logits, setting):
    """The logit of each token that the row has is divided by p once, or multiplied where it is below 0."""
    return apply(student.RepetitionPenalty(setting), ids, logits)


@check(points=1, inputs=rows, lecture='processors', public=[case('0 1 was there', ids=[[0, 1, 2, 0]], V=3, setting=2), case('no token twice', t=3, V=5, setting=1), case('three tokens in a row', ids=[[1, 2, 3, 1, 2], [1, 2, 3, 2, 1]], V=4, setting=3)])
def no_ngram_comes_twice(student, ids, logits, setting):
    """Exactly those tokens are forbidden that would complete an n-gram which the row already has."""
    return apply(student.NoRepeatNGram(setting), ids, logits)


def several(rng, settings, **more):
    return rows(rng, None, **more) | {"setting": settings}


@check(points=1, inputs=several, lecture='processors', public=[case('the bound is .18', ids=[[0]], logits=[[-0.5108, -2.3026, -1.204]], settings={'p': [0.3], 'n': [[1, 0], [2, 0]]}), case('rows of three tokens', t=3, V=4, settings={'p': [0.5], 'n': [[3, 1], [4, 1]]})])
def short_rows_go_on_and_rare_tokens_go(student, ids, logits, setting):
    """MinLength forbids eos below n tokens, MinP forbids what has less than p times the largest probability."""
    found = {f"p = {p}": apply(student.MinP(p), ids, logits) for p in setting["p"]}
    return found | {f"n = {n}": apply(student.MinLength(n, eos), ids, logits) for n, eos in setting["n"]}


def texts(rng, pieces, ids, stops, pads=()):
    ids = torch.tensor(ids)
    for b, n in enumerate(pads):
        ids[b, :n] = -1
    return {"pieces": [list(piece.encode()) if isinstance(piece, str) else piece for piece in pieces], "ids": ids, "stops": stops}


OPERA = ["st", "op", "opera", "sto", "pper", "las", "topper", "s", "to", "pped", "at", "tion"]


@check(points=1, inputs=texts, lecture='stops', public=[case('stop, opera', pieces=OPERA, ids=[[7, 0, 1], [7, 0, 2], [7, 7, 0], [0, 1, 10]], stops=['stop']), case('complete before', pieces=['a', 'b', 'c'], ids=[[0, 1, 2], [2, 0, 1]], stops=['ab'])])
def the_last_token_completes_a_stop(student, pieces, ids, stops):
    """A row is finished if a stop stands where it did not stand before the last token."""

    text_of = dict(enumerate(map(bytes, pieces)))  # by numbers: a tensor is none of its keys

    def decode(tokens):
        return b"".join(text_of[token] for token in tokens).decode("utf-8", "replace")

    stop = student.StopString(stops, decode)
    view = ids.mT.contiguous().mT
    turned = ids.flip(0 if (ids < 0).any() else 1)
    return {"outs": [stop(view), stop(turned), stop(ids[:1])], "left": flags(view)}


class Model:
    """Logits depend on each real token, on its position, and on the position of the newest. What it is asked is written down."""

    def __init__(self, seed, V, likes=None):
        gen = torch.Generator().manual_seed(seed)
        self.effect = torch.randn(64, V, V, generator=gen, dtype=torch.float64)
        self.place = torch.randn(64, V, generator=gen, dtype=torch.float64)
        self.likes = torch.zeros(V, dtype=torch.float64) if likes is None else torch.tensor(likes, dtype=torch.float64)
        self.weight = torch.ones((), dtype=torch.float64, requires_grad=True)
        self.calls = []

    def __call__(self, new, positions, mask, cache):
        if mask.dtype != torch.bool or new.dtype != torch.int64 or positions.dtype != torch.int64:
            raise TypeError("the model takes int64 tokens, int64 positions and a mask of bool")
        if not bool(((new >= 0) & (new < self.effect.shape[1])).all()):
            raise ValueError("the model takes token ids from 0 to V - 1, also at places without a token")
        real = mask[:, mask.shape[1] - new.shape[1] :]
        seen = positions.masked_fill(~real, -1)  # what places without a token have is open
        if not bool(((positions >= 0) & (positions < 64))[real].all()):
            raise ValueError("positions of tokens go from 0 to 63")
        effects = self.effect[positions.clamp(0, 63), new] * real[..., None]
        if cache is not None:
            effects = torch.cat([cache, effects], 1)
        if effects.shape[:2] != mask.shape:
            raise ValueError("the mask has to cover the tokens of the cache and the new ones, no more and no less")
        below = bool((positions < 0).any())
        self.calls.append({"new": new.shape[1], "positions": seen, "positions below 0": below, "grad": torch.is_grad_enabled()})
        total = (effects * mask[..., None]).cumsum(1)[:, -new.shape[1] :]
        count = mask.cumsum(1)[:, -new.shape[1] :, None].clamp_min(1)
        logits = total / count**0.5 + self.place[positions.clamp(0, 63)] + self.likes
        return logits * self.weight, effects


def prompts(rng, B=2, T=3, V=7, max_new=5, pads=None, seed=None, likes=None, **options):
    """pads: how many places of each row are filled up; at random, where it is not said."""
    ids = rng.integers(0, V, B, T)
    pads = pads if pads is not None else [rng.integer(0, T) for _ in range(B)]
    mask = torch.arange(T) >= torch.tensor(pads)[:, None]
    model = {"seed": rng.integer(0, 2**31) if seed is None else seed, "V": V, "likes": likes}
    return {"ids": ids, "mask": mask, "max_new": max_new, "model": model, "options": options}


def as_specified(seen, want):
    """Tokens, and what the model was asked; of finished rows, whatever came behind their end is open."""
    if len(seen["calls"]) == len(want["calls"]):
        for number, (mine, theirs) in enumerate(zip(seen["calls"], want["calls"], strict=True), 1):
            if mine["new"] != theirs["new"]:
                return reject("Call {number} of the model gets {mine} tokens of each row; {theirs} are right.",
                              number=number, mine=mine["new"], theirs=theirs["new"])  # fmt: skip
            if mine["positions"].shape == theirs["positions"].shape and bool((mine["positions"] != theirs["positions"]).any()):
                return reject("In call {number} of the model a token has a wrong position. Count the tokens before it in its row.", number=number)
    return difference(seen, want)


@check(points=2, inputs=prompts, judge=as_specified, shapes='any', lecture='what-the-model-is-fed', public=[case('one row, nothing filled up', B=1, pads=[0], max_new=4), case('rows of three and of one', pads=[0, 2], max_new=4), case('without a cache', pads=[1, 0], max_new=3, use_cache=False)])
def the_model_is_fed_what_is_new(student, ids, mask, max_new, model, options):
    """The model gets the new tokens alone with their positions, mask and cache; the tokens with the largest logits come out."""
    asked = Model(**model)
    view = ids.mT.contiguous().mT
    out = student.generate(asked, view, mask, max_new, **options)
    other = student.generate(Model(**model), (ids + 1) % model["V"], mask.clone(), max_new, **options)
    widths, dtypes = [], []

    def without(new, positions, mask, cache):  # what it keeps is its own affair: the cache that it returns is None
        widths.append(new.shape[1])
        return torch.tensor([1.0, 1.0 + 1e-12, 0.0], dtype=torch.float64).expand(*new.shape, 3), None

    def look(ids, logits):
        dtypes.append(str(logits.dtype))
        return logits

    processors = [look, look]
    nearly = student.generate(without, ids % 3, mask, max_new, processors=processors, **options)
    return {"out": out, "other": other, "calls": asked.calls, "left": flags(view, mask), "grad": torch.is_grad_enabled(),
            "by a model without a cache": nearly, "what it gets of each row": widths, "dtype of logits": dtypes,
            "processors are left": [each is look for each in processors]}


EOS = [0.0, 2.5, 0.0, 0.0, 0.0, 0.0, 0.0]


@check(points=1, inputs=prompts, lecture='the-end', public=[case('rows that end at different times', B=6, T=3, likes=EOS, max_new=7, eos=1, pad=0), case('eos is in a prompt', B=6, T=4, likes=[9.0, 0, 0, 0, 0, 0, 0], max_new=3, eos=1, pads=[0] * 6)])
def rows_end_each_by_itself(student, ids, mask, max_new, model, options):
    """A row ends with eos or a stop and is padded; the others go on, and the call ends with the last of them."""
    asked = Model(**model)
    out = student.generate(asked, ids, mask, max_new, **options)

    def stop(ids):  # a token below the one before it; -1 is below everything
        return (ids[:, -1] < ids[:, -2]) & (ids[:, -1] != ids[:, -2] - 1)

    def late(ids):  # the fourth new token
        return torch.tensor([ids.shape[1] >= mask.shape[1] + 4]).expand(len(ids))

    long = torch.cat([ids, ids], 1), torch.cat([mask, torch.ones_like(mask)], 1)
    lists = [stop], [stop, late], [late, stop]
    stopped = [student.generate(Model(**model), *long, max_new, stopping=stops, **options) for stops in lists]
    return {"out": out, "calls": len(asked.calls), "stopped": stopped, "stops that were given": [len(stops) for stops in lists],
            "gradients stay off": leaves_gradients_off(student.generate, Model(**model), ids, mask, 1, **options)}


@check(points=1, inputs=prompts, lecture='what-the-model-is-fed', public=[case('rows of three, one and two', B=3, T=3, pads=[0, 2, 1], max_new=5, pad=2)])
def a_row_does_not_depend_on_its_padding(student, ids, mask, max_new, model, options):
    """With processors and stops, a row comes out as if it were alone, and all of them act in their order."""

    def decode(tokens):
        return "".join("abcdefg"[token] for token in tokens)

    def swap(ids, logits):  # turns the order of the two most probable tokens around, so that the place among the processors shows
        top = logits.topk(2).indices
        return logits.scatter(1, top, logits.gather(1, top.flip(1)))

    def full(ids):  # two tokens more than the shortest prompt has
        return (ids >= 0).sum(1) >= mask.sum(1).min() + 2

    def run(ids, mask, kind):
        processors = {
            "penalty": [student.RepetitionPenalty(1.9), swap],
            "ngrams": [swap, student.NoRepeatNGram(3)],
            "pairs": [student.NoRepeatNGram(2), student.MinP(0.2)],
            "once": [student.NoRepeatNGram(1)],
            "length": [student.MinLength(mask.shape[1], 1), swap, student.RepetitionPenalty(0.6)],
        }[kind]
        stops = {"length": [student.StopString(["ab", "ba", "cc", "dde"], decode)], "pairs": [full]}.get(kind, [])
        return student.generate(Model(**model), ids, mask, max_new if kind != "once" else 1, processors=processors, stopping=stops, **options)

    found = {}
    for kind in ("penalty", "ngrams", "pairs", "length", "once"):
        found[kind] = run(ids, mask, kind)[:, ids.shape[1] :]
        found[kind + ", filled with others"] = run(torch.where(mask, ids, 3), mask, kind)[:, ids.shape[1] :]  # other ids where there is no token
    return found


ROWS = 2000


def shares(rng, table, expected, min_p=0.0):
    return {"table": table, "seed": rng.integer(0, 2**31), "min_p": min_p}


def drawn_as_they_should(seen, want, case):
    if seen["draws"].shape != want["draws"].shape:
        return difference(seen["draws"], want["draws"])
    V = len(case["table"])
    pairs = torch.tensor(case["expected"], dtype=torch.float64).flatten()
    inside = bool(((seen["draws"] >= 0) & (seen["draws"] < V)).all())
    if not inside or implausible((seen["draws"][:, 1] * V + seen["draws"][:, 2]).bincount(minlength=V * V), pairs / pairs.sum()):
        return reject("The two new tokens of {rows} rows do not come as often as the processed logits say.", rows=ROWS)
    following = (seen["draws"][0::2, 1] * V + seen["draws"][1::2, 1]).bincount(minlength=V * V)
    first = pairs.view(V, V).sum(1)
    if implausible(following, torch.outer(first, first).flatten() / first.sum() ** 2):
        return reject("The tokens of neighbouring rows are not independent of each other.")
    draws = seen["draws"][:60]
    if difference(draws, seen["again"]) is not None:
        return reject("Two generators in the same state give different tokens: some randomness does not come from `gen`.")
    if difference(draws, seen["next"]) is None:
        return reject("The second call with the same generator gives the tokens of the first: it is set back, or not used.")
    if difference(seen["global"], seen["global again"]) is not None or difference(draws, seen["global"]) is None:
        return reject("Without `gen`, the tokens do not come from torch's global generator.")
    if bool((seen["global"] == seen["global"][:1]).all()):
        return reject("Without `gen`, all rows get the same tokens: nothing is drawn.")
    return difference({name: seen[name] for name in ("left", "greedy")}, {name: want[name] for name in ("left", "greedy")})


@check(points=1, inputs=shares, judge=drawn_as_they_should, lecture='the-end', public=[case('three tokens', table=[[0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.7, 0.2, 0.1]], expected=[[0.04, 0.1, 0.06], [0.05, 0.15, 0.3], [0.21, 0.06, 0.03]])])
def tokens_are_drawn_with_their_probabilities(student, table, seed, min_p):
    """With do_sample tokens come as often as the softmax says, with randomness from the generator alone."""
    logits = torch.tensor(table, dtype=torch.float64).log()
    ids, mask = torch.zeros(2000, 1, dtype=torch.int64), torch.ones(2000, 1, dtype=torch.bool)

    def model(new, positions, mask, cache):
        return logits[new], ()

    def cut(ids, logits):
        probs = logits.softmax(-1)
        return logits.masked_fill(probs < min_p * probs.amax(-1, keepdim=True), float("-inf"))

    def run(gen, do_sample=True):
        return student.generate(model, ids, mask, 2, do_sample=do_sample, gen=gen, processors=[cut])

    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed)
    greedy = run(gen, do_sample=False)[:1]
    found = {"draws": run(gen), "next": run(gen)[:60]}
    greedy_too = run(None, do_sample=False)[:1]
    left = torch.rand(3)  # of torch's generator, which nothing has used so far
    found["again"] = run(torch.Generator().manual_seed(seed))[:60]
    torch.manual_seed(seed + 1)
    found["global"] = run(None)[:60]
    torch.manual_seed(seed + 1)
    found["global again"] = run(None)[:60]
    return found | {"left": left, "greedy": [greedy, greedy_too]}


def weights(rng, sizes, max_bytes, tied=(), dtypes=("float32",), slices=(), behind=0):
    """Tensors of so many elements, named out of alphabetical order. tied: a second name for the tensor of this number, behind the last.
    behind: how many of the tensors come behind these second names."""
    names = [f"{'zmbkap'[i % 6]}.{i}" for i in range(len(sizes))]
    tensors = [rng.integers(-9, 9, n).to(getattr(torch, dtypes[i % len(dtypes)])) for i, n in enumerate(sizes)]
    return {"names": names, "tensors": tensors, "max_bytes": max_bytes, "tied": list(tied), "slices": list(slices), "behind": behind}


@check(points=1, inputs=weights, lecture='files-of-weights', public=[case('a, b and a again', sizes=[3, 2], max_bytes=16, tied=[0]), case('exactly full', sizes=[2, 2, 1, 3], max_bytes=16), case('one file', sizes=[2, 5], max_bytes=100), case('one that is too large', sizes=[1, 9, 2, 3], max_bytes=16)])
def weights_are_spread_over_files(student, names, tensors, max_bytes, tied, slices, behind):
    """Files are filled in order up to max_bytes, tied weights are saved once, and the index says where everything is."""
    sd = {name: tensor.clone() for name, tensor in zip(names, tensors, strict=True)}
    for i in slices:
        whole = sd.pop(names[i])
        sd["slice.b"], sd["slice.a"] = whole[: len(whole) // 2], whole[len(whole) // 2 :]
        sd["slice.c"] = whole[: len(whole) // 2].view(1, -1)
        sd["turned"] = whole.repeat(2, 1).mT
        sd["square"] = whole[:1].repeat(4).view(2, 2)
        sd["square on its side"] = sd["square"].mT
    for number, i in enumerate(tied):
        sd[f"tied.{number}"] = sd[names[i]].view(-1)
    for name in names[len(names) - behind :]:
        sd[name] = sd.pop(name)
    files, index = student.shard_state_dict(sd, max_bytes)
    files_again, _ = student.shard_state_dict(sd, 2 * max_bytes + 1)
    for tensor in sd.values():
        tensor.zero_()  # what is in the files is not a copy
    return {"files": files, "index": index, "again": files_again, "names": list(sd), "order": [list(file) for file in files]}
