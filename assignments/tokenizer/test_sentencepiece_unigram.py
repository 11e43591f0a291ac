"""Public checks of tokenizer/sentencepiece_unigram: run `pytest` on this file, or `autograder check tokenizer/sentencepiece_unigram`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import random
from collections import Counter
from autograder.checks import again, case, check, difference, reject
from autograder.lab import corpora


@check(points=1, lecture='normalisation', public=[case('full-width letters and a ligature', texts=['  ＡＢＣ  ﬁne ']), case('a sentence', texts=['Hello  world']), case('a zero-width space is no whitespace, and stays', texts=['a\u200bb'])])
def normalises_and_marks_spaces(student, texts):
    """Text comes into form NFKC, its runs of whitespace become one `▁`, and one `▁` marks its start."""
    return [student.normalize(text) for text in texts]


BARE = {"add_dummy_prefix": False, "remove_extra_ws": False}


@check(points=1, lecture='normalisation', public=[case('spaces kept, no prefix', text=' a  b', options=BARE), case('spaces removed, no prefix', text=' a  b', options={'add_dummy_prefix': False})])
def keeps_spaces_when_told_to(student, text, options):
    """With `remove_extra_ws=False` every space stays, and `add_dummy_prefix` alone decides about the first `▁`."""
    return student.normalize(text, **options)


def random_text(rng, alphabet, length):
    return "".join(rng.choice(alphabet) for _ in range(length))


def vocabulary(rng, text, pieces, longest=5, missing=""):
    """Every character of the text (but the `missing` ones) and some of its substrings; long pieces cost a bit more."""
    found = dict.fromkeys(sorted(set(text) - set(missing)))
    for _ in range(50 * pieces):
        begin = rng.integer(0, len(text))
        piece = text[begin : begin + rng.integer(2, longest + 1)]
        if len(piece) > 1 and len(found) < pieces:
            found[piece] = None
    return {piece: -rng.real(1.5, 6.0) * (1 + 0.35 * (len(piece) - 1)) for piece in rng.shuffled(list(found))}


def cut(rng, s=None, logp=None, alphabet="abcd", length=12, pieces=20, missing="", options=None):
    """A given text and vocabulary, or random ones."""
    s = random_text(rng, alphabet, length) if s is None else s
    logp = vocabulary(rng, s, pieces, missing=missing) if logp is None else logp
    return {"s": s, "logp": logp, "options": options or {}}


def best(seen, want, inputs):
    """Any segmentation with the best score is right."""
    (pieces, score), s, logp = seen, inputs["s"], inputs["logp"]
    if not all(isinstance(piece, str) and piece for piece in pieces) or "".join(pieces) != s:
        return reject("Your pieces do not join to the text again.")
    if any(piece not in logp and len(piece) > 1 for piece in pieces):
        return reject("You use a piece of several characters that is not in the vocabulary.")
    unknown = min(logp.values()) - inputs["options"].get("unk_penalty", 10.0)
    total = math.fsum(logp.get(piece, unknown) for piece in pieces)
    if total < want[1] - 1e-9 - 1e-9 * abs(want[1]):  # honest sums of a few dozen scores differ by 1e-14 of it
        return reject(
            "Your segmentation is valid, but it scores {total} and another one scores {best}.",
            total=f"{total:.6g}",
            best=f"{want[1]:.6g}",
        )
    return difference(score, want[1])


GREEDY_LOSES = {"a": -1.0, "b": -2.0, "c": -2.0, "ab": -2.5, "bc": -3.0}


@check(points=1, inputs=cut, judge=best, lecture='the-best-segmentation', public=[case('the longest piece first loses', s='abc', logp=GREEDY_LOSES)])
def finds_the_best_segmentation(student, s, logp, options):
    """Among all segmentations, yours has the highest sum of log-probabilities, and you return that sum."""
    return student.viterbi(s, logp, **options)


@check(points=1, inputs=cut, judge=best, lecture='unknown-characters', public=[case('one unknown character', s='a你b', logp={'a': -1.0, 'b': -2.0, 'ab': -1.5}), case('a longer piece ends with it', s='?!aX', logp={'?!a': -1.0, 'aX': -1.0})])
def unknown_characters_cost_the_penalty(student, s, logp, options):
    """A character that is not in the vocabulary may be a piece, at `unk_penalty` below the least likely piece."""
    student.viterbi(s, logp, unk_penalty=77.0)  # what another call was told is forgotten
    return student.viterbi(s, logp, **options)


def log(**probabilities):
    return {piece: math.log(p) for piece, p in probabilities.items()}


def sentences(rng, sents=None, logp=None, alphabet="abc", count=4, length=9, pieces=15, rounds=1):
    """Given sentences and a given vocabulary, or random ones."""
    sents = [random_text(rng, alphabet, length) for _ in range(count)] if sents is None else sents
    logp = vocabulary(rng, "".join(sents), pieces) if logp is None else logp
    return {"sents": sents, "logp": logp, "rounds": rounds}


@check(points=2, inputs=sentences, lecture='expectation-maximisation', public=[case('one sentence with two segmentations', sents=['ab'], logp=log(a=0.25, b=0.25, ab=0.5, ba=0.125))])
def em_counts_every_segmentation(student, sents, logp, rounds):
    """Expected counts are over all segmentations, each with its posterior probability, then scaled to sum to one."""
    logliks = []
    for _ in range(rounds):
        logp, loglik = student.em_step(sents, logp)
        logliks.append(loglik)
    return {"logp": dict(logp), "loglik": logliks}


def long_sentences(rng, length, pieces, shift=0.0, corpus="english", start=0, copies=1):
    text = {"english": corpora.english, "chinese": corpora.chinese}[corpus]()[start : start + length]
    s = "▁" + "▁".join(text.split())
    logp = vocabulary(rng, s, pieces, longest=6)
    return {"sents": [s] * copies, "logp": {piece: score + shift for piece, score in logp.items()}}


@check(points=1, inputs=long_sentences, lecture='work-with-logarithms', public=[case('forty characters, pieces of probability near exp(-60)', length=40, pieces=45, shift=-60.0)])
def em_works_with_logarithms(student, sents, logp):
    """Sentences whose probability is too small (or too large) for a float give finite, exact results."""
    new, loglik = student.em_step(sents, logp)
    return {"logp": dict(new), "loglik": loglik}


def segmentations(s, logp):
    """All segmentations of a short text, each a tuple of pieces."""
    if not s:
        return [()]
    ends = [end for end in range(1, len(s) + 1) if s[:end] in logp]
    return [(s[:end], *rest) for end in ends for rest in segmentations(s[end:], logp)]


def divergence(q, p):
    """KL(q‖p) of two coins that show heads with probability q and p."""
    pairs = [(q, p), (1.0 - q, 1.0 - p)]
    return sum(a * math.log(a / b) if b > 0.0 else math.inf for a, b in pairs if a > 0.0)


def follows_the_posterior(seen, inputs):
    """Each segmentation comes about as often as its probability says.

    In n draws, a segmentation of probability p has a share of q or more (q > p; or of q or less, q < p) with
    probability at most exp(-n·KL(q‖p)): Chernoff's bound. A case has at most 16 segmentations, so 32 such bounds, and
    the check has 10 cases: with n·KL up to log(32 · 10 · 1e9) = 26.5 allowed, an honest answer fails less than once in
    1e9. We allow 27.
    """
    s, logp, alpha, n = inputs["s"], inputs["logp"], inputs["alpha"], inputs["draws"]
    draws, again = seen["draws"], seen["again"]
    scores = {x: alpha * math.fsum(logp[piece] for piece in x) for x in segmentations(s, logp)}
    top = max(scores.values())
    z = math.fsum(math.exp(score - top) for score in scores.values())
    if not all(isinstance(piece, str) for x in draws for piece in x) or not all(tuple(x) in scores for x in draws):
        return reject("A sample is not a segmentation of the text into pieces of the vocabulary.")
    if len(draws) != n or not again or draws[: len(again)] != again:
        return reject("The same state of the generator gave two different segmentations: draw from `rng` alone.")
    counts = Counter(tuple(x) for x in draws)
    for x, score in scores.items():
        p, q = math.exp(score - top) / z, counts[x] / n
        if n * divergence(q, p) > 27.0:
            return reject(
                "The segmentation {x} should come in {p} of the draws. It came in {q}.",
                x=" ".join(x),
                p=f"{p:.1%}",
                q=f"{q:.1%}",
            )
    return None


def chances(rng, s, logp, alpha, draws=1000):
    return {"s": s, "logp": logp, "alpha": alpha, "seed": rng.integer(0, 2**31), "draws": draws}


@check(points=1, inputs=chances, judge=follows_the_posterior, lecture='sampling', public=[case('two segmentations', s='ab', logp=log(a=0.25, b=0.25, ab=0.5), alpha=1.0)])
def samples_whole_segmentations(student, s, logp, alpha, seed, draws):
    """Each segmentation is drawn in proportion to its probability to the power alpha, by the given `rng` alone."""
    rng, twin = random.Random(seed), random.Random(seed)
    return {
        "draws": [student.sample(s, logp, alpha, rng) for _ in range(draws)],
        "again": [student.sample(s, logp, alpha, twin) for _ in range(min(draws, 50))],
    }


@check(points=1, lecture='bytes', public=[case('a Chinese character', text='你', pieces=['▁he', 'llo', '▁', '<0xE4>', '<0xBD>', '<0xA0>', '!'])])
def characters_become_bytes_and_come_back(student, text, pieces):
    """A character without a piece becomes its UTF-8 bytes, and decoding puts neighbouring bytes together first."""
    return {"byte_fallback": again(student.byte_fallback, text), "decode": student.decode(pieces)}


@check(points=1, lecture='decoding', public=[case('a sentence', pieces=['▁hel', 'lo', '▁wor', 'ld'])])
def decoding_drops_one_leading_space(student, pieces):
    """Every `▁` becomes a space, and of the spaces only one at the very start is dropped."""
    return student.decode(pieces)
