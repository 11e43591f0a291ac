"""Checks of gpt/codex_nucleus: which tokens are kept, how often they are drawn, what a beam search finds."""

from math import inf

import torch

from autograder.checks import Tolerance, case, check, difference, flags, implausible, lab, reject

# --- filters ---------------------------------------------------------------------------------------------------------


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


@check(
    points=2,
    inputs=rows,
    lecture="the-nucleus",
    public=[
        case(".5, .3, .15, .05 with p = .7: two", shares=FOUR, p=0.7),
        case("the same with p = .9: three", shares=FOUR, p=0.9),
        case("p is less than the largest", shares=FOUR, p=0.4),
        case("another order in each row", shares=[[0.05, 0.5, 0.3, 0.15], [0.4, 0.1, 0.2, 0.3]], p=0.79),
    ],
    hidden=[
        case("float64, many rows", B=7, V=11, p=0.6, dtype="float64"),  # the first: fresh cases draw others like it
        case("p = .81 and .3 is not enough", shares=[[0.3, 0.05, 0.5, 0.15]], p=0.81),
        case("p = 0", shares=[[0.1, 0.3, 0.6]], p=0.0),
        case("p = 1", B=2, V=6, p=1.0),
        case("p = 1 and rare tokens", shares=[[0.00004, 0.9999, 0.00006]], p=1.0),
        case("one token", B=3, V=1, p=0.5),
        case("logits far from 0", B=2, V=7, shift=500.0, p=0.7),
        case("all logits are negative", B=3, V=5, shift=-40.0, p=0.55, dtype="float64"),
        case("as many rows as tokens", B=6, V=6, p=0.5),
        case("some are -inf already", B=4, V=9, hidden=4, p=0.8),
        case("rows of all kinds", shares=[[0.9, 0.06, 0.04], [0.35, 0.33, 0.32], [0.02, 0.03, 0.95]], p=0.65),
    ],
    fresh=1,
    cites=[
        "Keep the nucleus of each row",
        "in any order",
        "At least one token is kept",
        "kept logits as they are and where they are",
        "Each row by itself",
        "Logits are float32 or float64",
        "Inputs may be views",
        "They are not changed",
        "No two logits of a row",
    ],
)
def keeps_the_smallest_set_of_mass_p(student, logits, p):
    """The kept tokens are the fewest most probable ones that sum to p or more, and they stay where they are."""
    view = logits.mT.contiguous().mT
    turned = logits.flip(-1)
    outs = [student.top_p_filter(view, p), student.top_p_filter(turned, p)]  # the first stays what it is
    turned.zero_()  # and the second, whatever becomes of what was passed
    return {"kept": outs[0], "the other way round": outs[1], "left": flags(view)}


@check(
    points=1,
    inputs=rows,
    lecture="top-k-and-temperature",
    public=[case("two of three", shares=[[0.1, 0.6, 0.3]], k=2), case("one of four", shares=FOUR, k=1)],
    hidden=[
        case("many rows", B=5, V=9, k=4, dtype="float64"),
        case("all of them", B=2, V=6, k=6),
        case("more than there are", B=2, V=4, k=50),
        case("logits far from 0", B=3, V=8, shift=-300.0, k=3),
        case("as many rows as tokens", B=5, V=5, k=2),
        case("some are -inf already", B=3, V=8, hidden=3, k=4, dtype="float64"),
        case("all but one", B=4, V=7, k=6),
        case("20 of 40", B=2, V=40, k=20),
    ],
    fresh=1,
    cites=["Keep the k largest logits", "from V on, all are kept", "kept logits as they are, all others"],
)
def keeps_the_k_largest(student, logits, k):
    """The k largest logits of each row stay as they are, the others become -inf."""
    view = logits.mT.contiguous().mT
    turned = logits.flip(-1)
    outs = [student.top_k_filter(view, k), student.top_k_filter(turned, k), student.top_k_filter(view, 1)]
    turned.zero_()  # what was returned does not change with it
    return {"kept": outs[0], "the other way round": outs[1], "one": outs[2], "left": flags(view)}


# --- sampling --------------------------------------------------------------------------------------------------------

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


@check(
    points=1,
    inputs=settings,
    judge=come_as_often_as_they_should,
    lecture="drawing",
    public=[
        case("as the logits say", shares=[[0.2, 0.5, 0.3]], expected=[[0.2, 0.5, 0.3]]),
        case("a nucleus of .75", shares=FOUR, top_p=0.75, expected=[[0.625, 0.375, 0, 0]]),
        case("temperature 0.5 squares probabilities", shares=[[0.6, 0.3, 0.1]], temperature=0.5,
             expected=[[36 / 46, 9 / 46, 1 / 46]]),
        case("temperature 0", shares=[[0.3, 0.4, 0.2, 0.1]], temperature=0.0, expected=[[0, 1.0, 0, 0]]),
    ],
    hidden=[
        case("two of four", shares=[[0.1, 0.4, 0.2, 0.3]], top_k=2, expected=[[0, 4 / 7, 0, 3 / 7]]),
        case("two rows", shares=[[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]], expected=[[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]],
             dtype="float64"),
        case("two equal rows", shares=[[0.25] * 4] * 2, expected=[[0.25] * 4] * 2),
        # At temperature 2 the probabilities are 4 : 3 : 2 : 1 and the nucleus has three; at 1 they are 16 : 9 : 4 : 1, and two.
        case("temperature before the nucleus", shares=[[1 / 30, 9 / 30, 16 / 30, 4 / 30]], temperature=2.0, top_p=0.75,
             expected=[[0, 3 / 9, 4 / 9, 2 / 9]]),
        case("a low temperature leaves one", shares=[[0.3, 0.6, 0.1]], temperature=0.25, top_p=0.9, expected=[[0, 1.0, 0]]),
        # Of the three largest, .4 is 4/9 and .3 a third: together .78. Of all, .4 and .3 have .7 only, and .2 would be kept as well.
        case("top-k before the nucleus", shares=[[0.2, 0.1, 0.3, 0.4]], top_k=3, top_p=0.75,
             expected=[[0, 0, 3 / 7, 4 / 7]]),
        case("all three", shares=[[1 / 30, 9 / 30, 16 / 30, 4 / 30]], temperature=2.0, top_k=3, top_p=0.75,
             expected=[[0, 3 / 7, 4 / 7, 0]], dtype="float64"),
        case("logits far from 0", shares=[[0.7, 0.1, 0.2]], shift=200.0, expected=[[0.7, 0.1, 0.2]], dtype="float64"),
        case("rows with nuclei of their own", shares=[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], top_p=0.6,
             expected=[[5 / 8, 3 / 8, 0], [0, 0, 1.0]]),
        # Logits that differ by 1e-6 (ten steps of float32) are drawn alike at a temperature of 1e-5, and 500 / 1e-38 is infinite.
        case("temperature 0 and nearly equal logits", shares=[[0.4, 0.4000004, 0.2]], temperature=0.0, expected=[[0, 1.0, 0]]),
        # (.501 / .499) ** 250 is e: a temperature that is kept above .01 gives .6 and .4.
        case("a temperature near 0", shares=[[0.501, 0.499]], temperature=0.004, expected=[[0.7311, 0.2689]], dtype="float64"),
        case("top_p 0 leaves one", shares=[[0.2, 0.35, 0.45]], top_p=0.0, expected=[[0, 0, 1.0]]),
        case("more than there are", shares=[[0.2, 0.5, 0.3]], top_k=50, expected=[[0.2, 0.5, 0.3]]),
        case("20 of 24", shares=[[0.048] * 20 + [0.01] * 4], top_k=20, expected=[[0.05] * 20 + [0.0] * 4]),
        case("temperature 0, logits far from 0", shares=[[0.2, 0.35, 0.45]], temperature=0.0, shift=-500.0,
             expected=[[0, 0, 1.0]]),
    ],
    cites=["Draw the next token of each row", "0 is allowed and means the largest", "0 means all", "Of these, keep the nucleus",
           "Draw from the softmax of what is left", "divides by the temperature last"],
)  # fmt: skip
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


@check(
    points=1,
    inputs=generators,
    judge=the_generator_decides,
    lecture="drawing",
    public=[case("three rows", B=3), case("one row", B=1)],
    hidden=[
        case("one row, 200 tokens", B=1, V=200),
        case("with all settings", B=4, options={"temperature": 1.3, "top_p": 0.95, "top_k": 50}),
    ],
    cites=["All randomness comes from", "How it is used is up to you", "Returns (B,) int64"],
)
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


# --- beam search -----------------------------------------------------------------------------------------------------

SCORES = Tolerance(atol=1e-5, rtol=1e-5)  # of sums of float32 log-probabilities; a wrong length is off by 10 % or more


def log_table(*shares):
    return [[float(x) for x in torch.tensor(row, dtype=torch.float64).log()] for row in shares]


def search(rng, shares=None, vocab=None, scale=2.0, bos=0, eos=1, beams=1, max_len=4, **more):
    """A table of what follows each token, or a toy model that looks at the whole prefix."""
    step = lab("markov", logits=log_table(*shares)) if shares else None
    step = step or lab("toy_lm", seed=rng.integer(0, 2**31), vocab=vocab, scale=scale)
    return {"step": step, "bos": bos, "eos": eos, "beams": beams, "max_len": max_len, "options": more}


# bos 0, eos 1. After bos, 2 is the more probable one, but what follows 3 is nearly certain: 2 is a trap for greedy search.
TRAP = [[0.01, 0.04, 0.55, 0.4], [0.25] * 4, [0.3, 0.35, 0.2, 0.15], [0.02, 0.95, 0.02, 0.01]]


@check(
    points=1,
    inputs=search,
    tolerance=SCORES,
    lecture="beam-search",
    public=[case("the trap", shares=TRAP, max_len=3)],
    hidden=[
        case("a toy model", vocab=6, max_len=7),
        case("one token at most", vocab=5, max_len=1),
        case("eos is 0, bos is 4", vocab=5, bos=4, eos=0, max_len=9),
        case("another toy model, without a penalty", vocab=4, max_len=6, length_penalty=0.0),
    ],
    fresh=2,
    cites=["the most tokens of a sequence", "It begins with one live hypothesis"],
)
def one_beam_is_greedy(student, step, bos, eos, beams, max_len, options):
    """With beams=1 the search takes the most probable token each time, until eos or max_len tokens."""
    return student.beam_search(step, bos, eos, beams, max_len, **options)


# eos is the best first token; two others go on beside it.
EARLY = [[0.1, 0.5, 0.25, 0.15], [0.25] * 4, [0.1, 0.2, 0.05, 0.65], [0.05, 0.3, 0.4, 0.25]]
# After bos come 2 and 3, and both end then: the second round finishes two hypotheses, and the search is over.
TWO_AT_ONCE = [[0.01, 0.02, 0.5, 0.47], [0.25] * 4, [0.1, 0.7, 0.08, 0.12], [0.07, 0.75, 0.1, 0.08]]


@check(
    points=2,
    inputs=search,
    tolerance=SCORES,
    lecture="beam-search",
    public=[
        case("two beams see through the trap", shares=TRAP, beams=2, max_len=3),
        case("three beams, three tokens", vocab=4, beams=3, max_len=3),
        case("two finish in one round", shares=TWO_AT_ONCE, beams=2, max_len=4),
        case("eos comes early", shares=EARLY, beams=2, max_len=4),
    ],
    hidden=[
        case("length_penalty 0: probabilities as they are", vocab=5, beams=3, max_len=6, length_penalty=0.0),
        case("length_penalty 2: long ones are favoured", vocab=5, beams=3, max_len=6, length_penalty=2.0),
        case("a penalty below 1", vocab=6, beams=4, max_len=8, length_penalty=0.6),
        case("every sequence of three tokens", vocab=4, beams=64, max_len=3),
        case("more beams than there are sequences", vocab=3, beams=50, max_len=2),
        case("more beams than tokens", vocab=3, beams=5, max_len=5),
        case("other ids of bos and eos", vocab=5, bos=3, eos=4, beams=2, max_len=6),
        case("bos is eos, as in GPT-2", shares=[[0.4, 0.35, 0.25], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], bos=0, eos=0, beams=2, max_len=4),
        case("one token at most", vocab=6, beams=4, max_len=1),
        case("forty tokens", shares=[[0.2, 1e-9, 0.45, 0.35], [0.25] * 4, [0.5, 1e-9, 0.2, 0.3], [0.15, 1e-9, 0.6, 0.25]],
             beams=2, max_len=40),
        case("twenty beams", vocab=5, beams=20, max_len=6),
        case("a sure model", vocab=6, scale=6.0, beams=3, max_len=10),
        case("an unsure model", vocab=8, scale=0.5, beams=5, max_len=5, length_penalty=1.5),
        case("eos is likely", shares=[[0.1, 0.5, 0.25, 0.15], [0.25] * 4, [0.1, 0.65, 0.05, 0.2], [0.05, 0.35, 0.4, 0.2]],
             beams=3, max_len=8),
        case("nothing ever ends", shares=[[0.2, 1e-9, 0.45, 0.35], [0.25] * 4, [0.5, 1e-9, 0.2, 0.3], [0.15, 1e-9, 0.6, 0.25]],
             beams=3, max_len=5),
    ],
    fresh=4,
    cites=["The best sequences that a search", "It takes prefixes", "It may be called with all hypotheses", "In each round every live one",
           "those among the best", "that do not end in eos are live", "The search ends when", "Returns the best", "Hugging Face's formula",
           "Google's translation system"],
)  # fmt: skip
def finds_what_beam_search_finds(student, step, bos, eos, beams, max_len, options):
    """The finished hypotheses come out best first, with their tokens and their log-probability / length ** penalty."""
    return student.beam_search(step, bos, eos, beams, max_len, **options)
