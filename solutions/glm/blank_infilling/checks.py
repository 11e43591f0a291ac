"""Checks of glm/blank_infilling: both parts, targets, positions, the mask, the long span, and how spans are drawn."""

import random
from functools import cache
from itertools import combinations, pairwise, permutations
from math import exp, factorial

import torch

from autograder.checks import case, check, difference, implausible, reject

IDS = {"MASK": 1, "SOP": 2, "EOP": 3}


def text(rng, n=6, k=2, spans=None, order=None, touch=False, V=40, ids=None):
    """A text of n tokens with k spans: given ones, ones that touch, or any."""
    tokens = (rng.integers(0, V, n) + 10).tolist()
    if spans is None:
        cuts = sorted(rng.permutation(n + 1)[: k + 1 if touch else 2 * k].tolist())
        spans = list(pairwise(cuts)) if touch else list(zip(cuts[::2], cuts[1::2], strict=True))
    order = rng.permutation(len(spans)).tolist() if order is None else order
    return {"tokens": tokens, "spans": [tuple(span) for span in spans], "order": order, "ids": ids or IDS}


def blocks(student, tokens, spans, order, ids, keys):
    """Of two calls, the first results are looked at after the second."""
    given = ids["MASK"], ids["SOP"], ids["EOP"]
    made = [
        student.make_blocks(tokens, spans, order, *given),
        student.make_blocks([each + 1 for each in tokens], spans, order[::-1], *given),
        student.make_blocks(tokens, spans, order, MASK=ids["MASK"] + 4, SOP=ids["SOP"] + 4, EOP=ids["EOP"] + 4),
    ]
    return [{key: each[key] for key in keys} for each in made]


PUBLIC = [
    case("two spans, the second one first", spans=[(2, 3), (4, 6)], order=[1, 0]),
    case("three spans, the first one last", n=9, spans=[(0, 2), (3, 4), (6, 8)], order=[1, 2, 0]),
]
HIDDEN = [
    case("nine spans of sixty tokens", n=60, k=9),  # the first: fresh cases draw others like it
    case("three spans that touch", n=12, k=3, touch=True),
    case("the first and the last token", n=9, spans=[(0, 1), (8, 9)], order=[1, 0]),
    case("one span in the middle", n=5, spans=[(1, 3)], order=[0]),
    case("the whole text", n=4, spans=[(0, 4)], order=[0]),
    case("no span", n=4, spans=[], order=[]),
    case("five spans in a circle", n=20, spans=[(1, 2), (4, 7), (8, 9), (12, 17), (18, 19)], order=[2, 3, 4, 0, 1]),
    case("one token three times", n=30, k=5, V=1),
    case("large ids", n=14, k=3, V=2**26, ids={"MASK": 150000, "SOP": 150004, "EOP": 150005}),
    case("twenty spans of one token", n=40, spans=[(i, i + 1) for i in range(0, 40, 2)]),
]


@check(
    points=3,
    inputs=text,
    lecture="two-parts",
    public=PUBLIC,
    hidden=HIDDEN,
    fresh=1,
    cites=["Part A is the text with one MASK", "has a piece for each span in the given order", "what the model reads part A then part B", "the number of tokens in part A", "They may touch", "There may be none"],
)  # fmt: skip
def the_spans_stand_behind_the_text(student, tokens, spans, order, ids):
    """The model reads the text with one MASK in place of each span, and behind it the spans in the given order, each after SOP."""
    return blocks(student, tokens, spans, order, ids, ["tokens", "sep"])


@check(
    points=2,
    inputs=text,
    lecture="what-is-asked-at-each-place",
    public=PUBLIC,
    hidden=HIDDEN,
    cites=["In part B that is the token that follows in the same piece", "In part A nothing is asked", "1 in part B 0 in part A"],
)
def each_place_of_part_b_asks_for_the_next_token(student, tokens, spans, order, ids):
    """In part B the target is the next token of the piece, and EOP at its end; part A has no loss."""
    return blocks(student, tokens, spans, order, ids, ["targets", "loss_mask"])


@check(
    points=1,
    inputs=text,
    lecture="two-positions",
    public=PUBLIC,
    hidden=HIDDEN,
    cites=["in part A the place 0 1 2", "All tokens of a piece have the place of their MASK"],
)
def a_piece_has_the_place_of_its_mask(student, tokens, spans, order, ids):
    """pos1 counts in part A, and all tokens of a piece have the place of their MASK there."""
    return blocks(student, tokens, spans, order, ids, ["pos1"])


@check(
    points=1,
    inputs=text,
    lecture="two-positions",
    public=PUBLIC,
    hidden=HIDDEN,
    cites=["In each piece it counts 1 2 3", "Some other implementations number pos2 from 0"],
)
def pos2_counts_inside_of_a_piece(student, tokens, spans, order, ids):
    """pos2 is 0 in part A, and counts from 1 in each piece."""
    long = student.gmask_example(tokens, len(tokens) // 2, *ids.values())["pos2"]
    return {"blocks": blocks(student, tokens, spans, order, ids, ["pos2"]), "of a long span": long}


@check(
    points=2,
    lecture="who-may-look-at-whom",
    public=[case("two of four", calls=[[2, 4]]), case("three of five, one of five", calls=[[3, 5], [1, 5]])],
    hidden=[
        case("part A alone", calls=[[4, 4], [1, 1]]),
        case("part B alone: causal", calls=[[0, 5], [0, 1]]),
        case("nothing", calls=[[0, 0]]),
        case("a long one", calls=[[23, 41], [17, 41]]),
        case("one token in part B", calls=[[6, 7]]),
        case("every sep", calls=[[sep, 6] for sep in range(7)]),
    ],
    cites=["t s is True if token t may look at token s", "Tokens of part A look at all of part A", "at whatever stands before them in part B", "sep may be anything from 0 to N"],
)  # fmt: skip
def part_b_is_causal_and_part_a_sees_itself(student, calls):
    """Part A looks at part A; part B looks at part A and at part B up to itself."""
    masks = [student.glm_mask(sep, N) for sep, N in calls]
    found = [mask.clone() for mask in masks]
    for mask in masks:
        mask.logical_not_()  # it is the caller's
    return [found, [student.glm_mask(sep, N) for sep, N in calls]]


def prefix(rng, n=4, prefix_len=2, V=50):
    return {"tokens": (rng.integers(0, V, n) + 20).tolist(), "prefix_len": prefix_len}


@check(
    points=1,
    inputs=prefix,
    lecture="one-long-span",
    public=[case("two of four tokens stay", n=4, prefix_len=2)],
    hidden=[
        case("a long rest", n=31, prefix_len=4),
        case("one token is written", n=7, prefix_len=6),
        case("no prefix", n=3, prefix_len=0),
        case("equal tokens", n=20, prefix_len=9, V=1),
    ],
    cites=["what follows at least one token is one single span", "with GMASK in place of MASK"],
)
def the_rest_is_one_span(student, tokens, prefix_len):
    """All that follows the prefix is one span behind [gMASK]."""
    first = student.gmask_example(tokens, prefix_len, GMASK=9, SOP=2, EOP=3)
    made = [first, student.gmask_example(tokens[::-1], prefix_len, 150001, 150004, 150005)]
    return [{key: each[key] for key in ("tokens", "targets", "loss_mask", "pos1", "sep")} for each in made]


def valid(seen, want, inputs):
    """Whether spans stand in the text, apart from each other, and are as many as are needed and no more."""
    for name in ("drawn", "again", "then"):
        for (n, ratio), spans in zip(inputs["calls"], seen[name], strict=False):
            end = -1  # of the span before
            for span in spans:
                if len(span) != 2:
                    return reject("A span has {k} numbers; it has two: start and end.", k=len(span))
                if span[0] <= end or (span[0] < 0):
                    return reject("Spans overlap or touch, or are not in the order of the text.")
                if span[1] <= span[0] or span[1] > n:
                    return reject("A span is empty, or ends behind the text.")
                end = span[1]
            lengths = [stop - start for start, stop in spans]
            gaps = [after[0] - before[1] for before, after in pairwise(spans)]
            if len(gaps) > 20 and max(gaps) - min(gaps) < 3:
                return reject("Your spans stand at equal distances. Every placement is equally likely.")
            if sum(lengths) < ratio * n:
                return reject("For n = {n} and ratio {ratio} too few tokens are cut out.", n=n, ratio=ratio)
            if lengths and sum(lengths) - max(lengths) >= ratio * n:
                return reject("For n = {n} and ratio {ratio} there is a span more than needed.", n=n, ratio=ratio)
    if seen["drawn"] != seen["again"]:
        return reject("Two generators with the same seed give other spans: all randomness comes from rng.")
    if seen["drawn"] == seen["then"]:
        return reject("A generator that is used again gives the same spans again: its state does not go on.")
    return difference(
        {key: seen[key] for key in ("global", "kinds")}, {key: want[key] for key in ("global", "kinds")}
    ) or (None if len(seen["drawn"]) == len(want["drawn"]) else difference(seen, want))


@check(
    points=1,
    judge=valid,
    lecture="which-spans",
    public=[case("the defaults", calls=[[100, 0.15], [40, 0.15]], seed=1)],
    hidden=[
        case("long texts", calls=[[1000, 0.15], [700, 0.31]], seed=2),
        case("short texts", calls=[[n, 0.15] for n in [1] * 40 + list(range(1, 30))], seed=3),
        case("half of the text", calls=[[30, 0.5], [90, 0.45]], seed=4),
        case("nothing to cut", calls=[[0, 0.15], [50, 0.0], [60, 0.2]], seed=5),
        case("one third", calls=[[99, 0.33], [7, 0.3], [13, 0.25]], seed=6),
        case("ratio n is not whole", calls=[[20, 0.12], [20, 0.17], [9, 0.3], [33, 0.1]] * 4, seed=7),
    ],
    cites=["All randomness comes from rng", "until they sum to ratio", "in the order of the text as a list of tuples", "With ratio n 0 it is empty"],
)  # fmt: skip
def spans_stand_apart_and_are_enough(student, calls, seed):
    """Spans stand in the text, in its order, with a token between them, and no more of them than are needed."""
    rng = random.Random(seed)
    random.seed(seed)

    def draw(rng):
        return [student.sample_spans(n, rng) if ratio == 0.15 else student.sample_spans(n, rng, ratio) for n, ratio in calls]

    drawn, then = draw(rng), draw(rng)
    kinds = sorted({type(part).__name__ for spans in drawn for span in spans for part in (span, *span)})
    return {"drawn": drawn, "then": then, "again": draw(random.Random(seed)), "global": random.random(), "kinds": kinds}


@cache
def chances(n, ratio, lam):
    """The probability of each set of spans, by counting all of them."""
    outcomes = {}

    def draw(lengths, weight):
        if sum(lengths) >= ratio * n:
            if sum(lengths) + len(lengths) - 1 <= n:
                orders = list(permutations(lengths))
                for order in orders:
                    places = list(combinations(range(n - sum(order) + 1), len(order)))
                    for place in places:
                        flat, before = [], 0
                        for gap, length in zip(place, order, strict=True):
                            flat += [gap + before, gap + before + length]
                            before += length
                        key = tuple(flat)
                        outcomes[key] = outcomes.get(key, 0.0) + weight / len(orders) / len(places)
            return
        for length in range(1, n + 1):
            draw([*lengths, length], weight * lam**length / factorial(length) / (exp(lam) - 1))

    draw([], 1.0)
    total = sum(outcomes.values())
    return {key: weight / total for key, weight in outcomes.items()}


def as_likely_as_said(seen, inputs):
    expected = chances(inputs["n"], inputs["ratio"], 3.0 if inputs["lam"] is None else inputs["lam"])
    common = {key: i for i, key in enumerate(key for key in expected if expected[key] >= 0.01)}
    counts, probabilities = torch.zeros(2, len(common) + 1, dtype=torch.float64)  # rare sets are counted together, at the end
    for key, weight in expected.items():
        probabilities[common.get(key, -1)] += weight
    for row in seen.tolist():
        key = tuple(each for each in row if each >= 0)
        if key not in expected:
            return reject("Spans were drawn that cannot come out.")
        counts[common.get(key, -1)] += 1
    if implausible(counts, probabilities):
        return reject("Some sets of spans come out too often and others too seldom.")
    return None


def drawing(rng, n, ratio, draws, seed, lam=None):
    return {"n": n, "ratio": ratio, "lam": lam, "draws": draws, "seed": seed}


@check(
    points=1,
    inputs=drawing,
    judge=as_likely_as_said,
    lecture="which-spans",
    public=[case("one span of ten tokens", n=10, ratio=0.1, draws=900, seed=11)],
    hidden=[
        case("one or two spans", n=5, ratio=0.4, lam=1.0, draws=1200, seed=12),
        case("many do not fit", n=4, ratio=0.5, draws=900, seed=13),
        case("long spans", n=12, ratio=0.1, lam=12.0, draws=900, seed=16),
        case("three tokens, one by one", n=8, ratio=0.375, lam=0.1, draws=1200, seed=15),
        case("one to four spans", n=10, ratio=0.4, lam=1.5, draws=1500, seed=14),
        case("lengths of about the whole text", n=26, ratio=0.04, lam=26.0, draws=900, seed=17),
    ],
    cites=["a draw from a Poisson distribution of mean lam", "are all thrown away", "every order is equally likely", "each is equally likely"],
)  # fmt: skip
def every_set_of_spans_has_its_chance(student, n, ratio, lam, draws, seed):
    """Lengths come from a Poisson distribution without 0, in any order, and every placement is equally likely."""
    rng = random.Random(seed)
    more = () if lam is None else (lam,)
    rows = [[each for span in student.sample_spans(n, rng, ratio, *more) for each in span] for _ in range(draws)]
    return torch.tensor([(row + [-1] * 2 * n)[: 2 * n] for row in rows])
