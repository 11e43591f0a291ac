"""Public checks of gpt/codex_nucleus: run `pytest` on this file, or `autograder check gpt/codex_nucleus`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from math import inf
import torch
from autograder.checks import Tolerance, case, check, difference, flags, implausible, lab, reject


def rows(rng, shares=None, B=1, V=5, scale=1.5, shift=0.0, hidden=0, dtype="float32", **more):
    """Logits of given probabilities (in the given order), or random ones whose probabilities are not near each other's."""
    dtype = getattr(torch, dtype)
    if shares is not None:
        return {"logits": torch.tensor(shares, dtype=dtype).log() + shift} | more
    # Evenly spread and shuffled: no two are so close that rounding could order them.
    ladder = torch.linspace(-scale, scale, V, dtype=torch.float64)
    logits = torch.stack([ladder[rng.permutation(V)] * rng.real(0.7, 1.3) for _ in range(B)])
    for b in range(B):
        logits[b, rng.permutation(V)[:hidden]] = -inf
    return {"logits": (logits + shift).to(dtype)} | more


FOUR = [[0.5, 0.3, 0.15, 0.05]]


@check(points=2, inputs=rows, lecture='the-nucleus', public=[case('.5, .3, .15, .05 with p = .7: two', shares=FOUR, p=0.7), case('the same with p = .9: three', shares=FOUR, p=0.9), case('p is less than the largest', shares=FOUR, p=0.4), case('another order in each row', shares=[[0.05, 0.5, 0.3, 0.15], [0.4, 0.1, 0.2, 0.3]], p=0.79)])
def keeps_the_smallest_set_of_mass_p(student, logits, p):
    """The kept tokens are the fewest most probable ones that sum to p or more, and they stay where they are."""
    view = logits.mT.contiguous().mT
    turned = logits.flip(-1)
    outs = [student.top_p_filter(view, p), student.top_p_filter(turned, p)]  # the first stays what it is
    turned.zero_()  # and the second, whatever becomes of what was passed
    return {"kept": outs[0], "the other way round": outs[1], "left": flags(view)}


@check(points=1, inputs=rows, lecture='top-k-and-temperature', public=[case('two of three', shares=[[0.1, 0.6, 0.3]], k=2), case('one of four', shares=FOUR, k=1)])
def keeps_the_k_largest(student, logits, k):
    """The k largest logits of each row stay as they are, the others become -inf."""
    view = logits.mT.contiguous().mT
    turned = logits.flip(-1)
    outs = [student.top_k_filter(view, k), student.top_k_filter(turned, k), student.top_k_filter(view, 1)]
    turned.zero_()  # what was returned does not change with it
    return {"kept": outs[0], "the other way round": outs[1], "one": outs[2], "left": flags(view)}


DRAWS = 10_000


def settings(rng, shares, expected, temperature=None, top_p=None, top_k=None, shift=0.0, dtype="float32"):
    """`expected`: the probabilities with which tokens have to come, worked out by hand; the judge takes them from the case."""
    given = {"temperature": temperature, "top_p": top_p, "top_k": top_k}
    return {
        "logits": torch.tensor(shares, dtype=getattr(torch, dtype)).log() + shift,
        "options": {name: value for name, value in given.items() if value is not None},
        "seed": rng.integer(0, 2**31),
    }


def come_as_often_as_they_should(seen, case):
    """One row: how often each token came. Two rows: how often each pair, which also shows whether rows are independent."""
    expected = torch.tensor(case["expected"], dtype=torch.float64)
    V = expected.shape[1]
    if seen.shape != (DRAWS,) or not bool(((seen >= 0) & (seen < V)).all()):
        return reject("One call should give a token id for each of {rows} rows; yours has the shape {shape}.",
                      rows=DRAWS, shape=tuple(seen.shape))  # fmt: skip
    for i, probabilities in enumerate(expected):
        counts = seen[i :: len(expected)].bincount(minlength=V)
        if implausible(counts, probabilities / probabilities.sum()):
            shares = [round(share, 3) for share in (counts / counts.sum()).tolist()]
            return reject("Tokens are drawn with the shares {shares}; they should come with {expected}.",
                          shares=shares, expected=[round(p, 3) for p in probabilities.tolist()])  # fmt: skip
    if len(expected) == 2:
        pairs = (seen[0::2] * V + seen[1::2]).bincount(minlength=V * V)
        together = torch.outer(*expected).flatten()
        if implausible(pairs, together / together.sum()):
            return reject("The tokens of neighbouring rows are not independent of each other.")
    return None


@check(points=1, inputs=settings, judge=come_as_often_as_they_should, lecture='drawing', public=[case('as the logits say', shares=[[0.2, 0.5, 0.3]], expected=[[0.2, 0.5, 0.3]]), case('a nucleus of .75', shares=FOUR, top_p=0.75, expected=[[0.625, 0.375, 0, 0]]), case('temperature 0.5 squares probabilities', shares=[[0.6, 0.3, 0.1]], temperature=0.5, expected=[[36 / 46, 9 / 46, 1 / 46]]), case('temperature 0', shares=[[0.3, 0.4, 0.2, 0.1]], temperature=0.0, expected=[[0, 1.0, 0, 0]])])
def tokens_come_as_often_as_they_should(student, logits, options, seed):
    """10 000 draws show the probabilities that temperature, top-k and nucleus leave, and rows are independent."""
    many = logits.repeat(10_000 // len(logits), 1)
    return student.sample(many, torch.Generator().manual_seed(seed), **options)


def generators(rng, B=1, V=64, options=None):
    return {
        "logits": rng.normal(B, V, scale=0.1),
        "seeds": [rng.integer(0, 2**31) for _ in range(3)],
        "options": options or {},
    }


def the_generator_decides(seen, want):
    calls = len(want["first"])
    draws = {name: each for name, each in seen.items() if name not in ("global", "left", "logits")}
    wrong = [
        each for each in draws.values() if len(each) != calls or any(a.shape != want["first"][0].shape for a in each)
    ]
    if wrong:
        return difference(draws, {name: want[name] for name in draws})
    if seen["left"] != want["left"]:
        return difference(seen["left"], want["left"])
    if difference(seen["logits"], want["logits"]) is not None:
        return reject("`logits` are changed by a call. They are the caller's.")
    if difference(seen["global"], want["global"]) is not None:
        return reject(
            "torch's global generator is not as it was: it was used or seeded. All randomness comes from `gen`."
        )
    if difference(seen["first"], seen["again"]) is not None:
        return reject(
            "Two generators in the same state give different tokens: some randomness does not come from `gen`."
        )
    if all(bool((each == seen["first"][0]).all()) for each in seen["first"][1:]):
        return reject("Every call gives the same tokens: the generator is set back, or not used.")
    if difference(seen["first"], seen["other"]) is None:
        return reject("Generators with different seeds give the same tokens.")
    if difference(seen["first"], seen["after temperature 0"]) is not None:
        return reject("A call with temperature 0 changes `gen`. Nothing is drawn then.")
    return None


@check(points=1, inputs=generators, judge=the_generator_decides, lecture='drawing', public=[case('three rows', B=3), case('one row', B=1)])
def the_generator_decides_alone(student, logits, seeds, options):
    """The same state of `gen` gives the same tokens, (B,) int64, and each call goes on where the last one stopped."""

    logits = logits.mT.contiguous().mT  # a view that is not contiguous

    def draw(seed, global_seed, greedy=False):
        torch.manual_seed(global_seed)
        gen = torch.Generator().manual_seed(seed)
        if greedy:
            student.sample(logits, gen, 0.0)
        return [student.sample(logits, gen, **options) for _ in range(8)]

    draws = {"first": draw(seeds[0], 1), "again": draw(seeds[0], 2), "other": draw(seeds[1], 1)}
    untouched = torch.rand(3)
    left = flags(logits)
    draws["after temperature 0"] = draw(seeds[0], 3, greedy=True)
    return draws | {"left": left, "logits": logits, "global": untouched}


SCORES = Tolerance(atol=1e-5, rtol=1e-5)


def log_table(*shares):
    return [[float(x) for x in torch.tensor(row, dtype=torch.float64).log()] for row in shares]


def search(rng, shares=None, vocab=None, scale=2.0, bos=0, eos=1, beams=1, max_len=4, **more):
    """A table of what follows each token, or a toy model that looks at the whole prefix."""
    step = lab("markov", logits=log_table(*shares)) if shares else None
    step = step or lab("toy_lm", seed=rng.integer(0, 2**31), vocab=vocab, scale=scale)
    return {"step": step, "bos": bos, "eos": eos, "beams": beams, "max_len": max_len, "options": more}


TRAP = [[0.01, 0.04, 0.55, 0.4], [0.25] * 4, [0.3, 0.35, 0.2, 0.15], [0.02, 0.95, 0.02, 0.01]]


@check(points=1, inputs=search, tolerance=SCORES, lecture='beam-search', public=[case('the trap', shares=TRAP, max_len=3)])
def one_beam_is_greedy(student, step, bos, eos, beams, max_len, options):
    """With beams=1 the search takes the most probable token each time, until eos or max_len tokens."""
    return student.beam_search(step, bos, eos, beams, max_len, **options)


EARLY = [[0.1, 0.5, 0.25, 0.15], [0.25] * 4, [0.1, 0.2, 0.05, 0.65], [0.05, 0.3, 0.4, 0.25]]


TWO_AT_ONCE = [[0.01, 0.02, 0.5, 0.47], [0.25] * 4, [0.1, 0.7, 0.08, 0.12], [0.07, 0.75, 0.1, 0.08]]


@check(points=2, inputs=search, tolerance=SCORES, lecture='beam-search', public=[case('two beams see through the trap', shares=TRAP, beams=2, max_len=3), case('three beams, three tokens', vocab=4, beams=3, max_len=3), case('two finish in one round', shares=TWO_AT_ONCE, beams=2, max_len=4), case('eos comes early', shares=EARLY, beams=2, max_len=4)])
def finds_what_beam_search_finds(student, step, bos, eos, beams, max_len, options):
    """The finished hypotheses come out best first, with their tokens and their log-probability / length ** penalty."""
    return student.beam_search(step, bos, eos, beams, max_len, **options)
