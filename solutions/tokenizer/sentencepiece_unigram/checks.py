"""Checks of the unigram language model: normalisation, Viterbi, expectation-maximisation, sampling, bytes."""

import math
import random
from collections import Counter

from autograder.checks import again, case, check, difference, reject
from autograder.lab import corpora

# ------------------------------------------------------------------------------------------------------------ normalize


@check(
    points=1,
    lecture="normalisation",
    public=[
        case("full-width letters and a ligature", texts=["  ＡＢＣ  ﬁne "]),
        case("a sentence", texts=["Hello  world"]),
        case("a zero-width space is no whitespace, and stays", texts=["a\u200bb"]),
    ],
    hidden=[
        case(
            "tabs, line breaks, ideographic and no-break spaces",
            texts=[
                "a\x1cb\x1f",
                "a\x85b\x0b\x1dc",
                "a\tb",
                "a \r\n b\n",
                "床前\u3000明月光",
                "\u00a0x\u2003y\u00a0",
                "\u2028p\fq\u1680",
            ],
        ),
        case("nothing but spaces, or nothing", texts=["", " ", "  \t\n ", "\u3000"]),
        case("compatibility characters and accents", texts=["ｶﾞｷﾞ", "①㎏ x² ½", "e\u0301te\u0301", "…", "Ⅳ", "Straße İ"]),
        case("characters whose NFKC form holds a space", texts=["a ´b", "¨", "x\u00af y", "a ﷺ"]),
        case(
            "what is no whitespace, and control characters",
            texts=["a\u200bb", "\ufeffa\u2060", "a\x00b\x07", "\ue000 \u180e"],
        ),
        case("one word; a prefix mark in the text", texts=["a", "▁a ▁", "你好，世界！", "_a_ b"]),
        case("poems", texts=[corpora.chinese(200), "\n\n" + corpora.chinese(77)]),
    ],
    cites=[
        "Unicode normal form NFKC",
        "Every whitespace character",
        "A text that is empty by now",
        "Every space becomes",
        "Nothing else is changed",
        "SentencePiece's own table",
    ],
)
def normalises_and_marks_spaces(student, texts):
    """Text comes into form NFKC, its runs of whitespace become one `▁`, and one `▁` marks its start."""
    return [student.normalize(text) for text in texts]


BARE = {"add_dummy_prefix": False, "remove_extra_ws": False}


@check(
    points=1,
    lecture="normalisation",
    public=[
        case("spaces kept, no prefix", text=" a  b", options=BARE),
        case("spaces removed, no prefix", text=" a  b", options={"add_dummy_prefix": False}),
    ],
    hidden=[
        case("spaces kept, and a prefix", text="  ｘ \t y  ", options={"remove_extra_ws": False}),
        case("spaces kept, no prefix, spaces only", text=" \u3000\n", options=BARE),
        case("spaces kept, and a prefix, one space only", text=" ", options={"remove_extra_ws": False}),
        case("spaces kept, empty text", text="", options={"remove_extra_ws": False}),
        case("a prefix on text that starts with a space", text=" a b", options={"remove_extra_ws": False}),
        case("spaces removed, no prefix, empty text", text=" \n", options={"add_dummy_prefix": False}),
        case("a prefix on text that starts with the mark", text="▁ a", options={"remove_extra_ws": False}),
    ],
    cites=["With `remove_extra_ws`", "With `add_dummy_prefix`"],
)
def keeps_spaces_when_told_to(student, text, options):
    """With `remove_extra_ws=False` every space stays, and `add_dummy_prefix` alone decides about the first `▁`."""
    return student.normalize(text, **options)


# -------------------------------------------------------------------------------------------------------------- viterbi


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
LONG = {
    **dict.fromkeys("▁pneumonoultramicroscopicsilicovolcanoconiosis", -5.0),
    "pneumonoultramicroscopicsilicovolcanoconiosis": -9.0,
    "▁pneumonoultramic": -4.0,
    "silicovolcanoconiosis": -6.0,
}
WHOLE = {"▁": -3.0, "whole": -2.0, "▁whole": -4.5, "▁w": -1.0, "hole": -3.75, **dict.fromkeys("whole", -9.0)}


@check(
    points=1,
    inputs=cut,
    judge=best,
    fresh=2,
    lecture="the-best-segmentation",
    public=[case("the longest piece first loses", s="abc", logp=GREEDY_LOSES)],
    hidden=[
        case("random text and vocabulary", alphabet="ab", length=14, pieces=18),
        case("another one", alphabet="abc", length=23, pieces=40),
        case(
            "more pieces can be better than fewer",
            s="▁aaaa",
            logp={"▁": -1.0, "a": -0.5, "aaaa": -2.5, "▁a": -1.25, "aa": -1.125},
        ),
        case("a piece is longer than the text", s="ab", logp={"abc": -0.1, "a": -1.0, "b": -1.0, "ab": -2.25}),
        case("one character", s="a", logp={"a": -0.5}),
        case("a piece of 45 characters", s="▁pneumonoultramicroscopicsilicovolcanoconiosis", logp=LONG),
        case("the empty text", s="", logp={"a": -0.5}),
        case(
            "twenty-six pieces", s="abcdefghijklmnopqrstuvwxyz", logp=dict.fromkeys("abcdefghijklmnopqrstuvwxyz", -1.0)
        ),
        case("several best ones", s="abab", logp={"a": -1.0, "b": -1.0, "ab": -2.0, "aba": -3.0}),
        case("the whole text is a piece", s="▁whole", logp=WHOLE),
        case("scores above zero", s="abcab", logp={"a": 0.5, "b": -0.25, "c": 1.0, "ab": 0.375, "bca": 1.5}),
        case("Chinese", alphabet="春江潮水", length=30, pieces=60),
    ],
    cites=[
        "The most likely segmentation",
        "A piece of the vocabulary scores",
        "any of them is right",
        "The empty text gives ([], 0.0)",
    ],
)
def finds_the_best_segmentation(student, s, logp, options):
    """Among all segmentations, yours has the highest sum of log-probabilities, and you return that sum."""
    return student.viterbi(s, logp, **options)


@check(
    points=1,
    inputs=cut,
    judge=best,
    lecture="unknown-characters",
    public=[
        case("one unknown character", s="a你b", logp={"a": -1.0, "b": -2.0, "ab": -1.5}),
        case("a longer piece ends with it", s="?!aX", logp={"?!a": -1.0, "aX": -1.0}),
    ],
    hidden=[
        case("two side by side", s="a你好b", logp={"a": -1.0, "b": -2.5}, options={"unk_penalty": 4.0}),
        case("nothing is known", s="你好吗", logp={"a": -1.0, "bc": -7.0}),
        case(
            "a penalty of zero",
            s="xaxbx",
            logp={"a": -1.0, "b": -1.0, "xb": -3.5, "ax": -0.5},
            options={"unk_penalty": 0.0},
        ),
        case("the least likely piece is not in this text", s="你a", logp={"a": -1.0, "zz": -30.0}),
        case("a longer piece covers it", s="你好你", logp={"你好": -20.0, "好": -1.0}, options={"unk_penalty": 2.5}),
        case("a piece begins with it, but the rest is dear", s="xyz", logp={"xy": -20.0, "y": -1.0, "yz": -1.0}),
        case(
            "longer pieces begin and end with it",
            s="xabyabz",
            logp={"xab": -1.0, "ya": -2.0, "aby": -0.5, "bz": -1.0, "b": -4.0},
        ),
        case("a longer piece begins with it", s="Xa!?", logp={"Xa": -1.0, "a!?": -1.0}),
        case("a huge penalty", alphabet="abcde", length=25, pieces=25, missing="ab", options={"unk_penalty": 1000.0}),
        case(
            "a penalty of a million",
            s="a你b好",
            logp={"a": -1.0, "b": -2.0, "你好": -3.0},
            options={"unk_penalty": 1e6},
        ),
        case("a small penalty", alphabet="abcdef", length=25, pieces=25, missing="cde", options={"unk_penalty": 0.25}),
        case("the usual penalty", alphabet="明月光ab", length=30, pieces=20, missing="月a"),
    ],
    cites=["A single character that is not itself", "Unknown characters side by side", "SentencePiece shows them as"],
)
def unknown_characters_cost_the_penalty(student, s, logp, options):
    """A character that is not in the vocabulary may be a piece, at `unk_penalty` below the least likely piece."""
    student.viterbi(s, logp, unk_penalty=77.0)  # what another call was told is forgotten
    return student.viterbi(s, logp, **options)


# -------------------------------------------------------------------------------------------------------------- em_step


def log(**probabilities):
    return {piece: math.log(p) for piece, p in probabilities.items()}


def sentences(rng, sents=None, logp=None, alphabet="abc", count=4, length=9, pieces=15, rounds=1):
    """Given sentences and a given vocabulary, or random ones."""
    sents = [random_text(rng, alphabet, length) for _ in range(count)] if sents is None else sents
    logp = vocabulary(rng, "".join(sents), pieces) if logp is None else logp
    return {"sents": sents, "logp": logp, "rounds": rounds}


# "a" is missing: some positions of a text are never a boundary.
NO_SINGLES = log(ab=0.2, ba=0.3, aba=0.1, bab=0.25, abab=0.05, b=0.1)


@check(
    points=2,
    inputs=sentences,
    fresh=2,
    lecture="expectation-maximisation",
    public=[case("one sentence with two segmentations", sents=["ab"], logp=log(a=0.25, b=0.25, ab=0.5, ba=0.125))],
    hidden=[
        case("random sentences"),
        case(
            "a piece that occurs several times in a segmentation",
            sents=["aaaa", "aaa"],
            logp=log(a=0.5, aa=0.3, aaa=0.2),
        ),
        case("the same sentence twice", sents=["ab", "abb", "ab"], logp=log(a=0.25, b=0.25, ab=0.375, bb=0.125)),
        case("single characters are missing", sents=["abab", "bababa", "babab"], logp=NO_SINGLES),
        case("a piece after which nothing fits", sents=["abc"], logp=log(a=0.5, ab=0.25, bc=0.125, ca=0.125)),
        case("a piece before which nothing fits", sents=["abc"], logp=log(ab=0.5, c=0.2, abc=0.2, bc=0.1)),
        case(
            "pieces of 12, 17 and 32 characters",
            sents=["a" * 33, "a" * 40],
            logp={"a": -3.0, "a" * 12: -4.0, "a" * 17: -5.0, "a" * 32: -6.0},
        ),
        case("an empty sentence among others", sents=["", "ba", ""], logp=log(a=0.5, b=0.25, ba=0.25)),
        case("one character", sents=["a"], logp=log(a=0.125, b=0.5)),
        case("twenty sentences", sents=["ab"] * 17 + ["ba", "bba", "b"], logp=log(a=0.25, b=0.25, ab=0.375, bb=0.125)),
        case(
            "probabilities that do not sum to one",
            sents=["abcab", "cab"],
            logp={"a": 0.5, "b": -0.25, "c": 1.0, "ab": 0.375, "bc": 1.5, "cab": -3.0},
        ),
        case("random sentences, three steps", alphabet="ab", count=6, length=11, pieces=16, rounds=3),
        case("Chinese, two steps", alphabet="春江花月夜", count=5, length=14, pieces=30, rounds=2),
    ],
    cites=[
        "the expected count of piece v",
        "stands twice in the list counts twice",
        "new p(v) = c(v)",
        "is left out of the new vocabulary",
        "The log-likelihood is",
        "new logp, log-likelihood",
        "though perhaps none with a boundary",
        "`logp` itself is not changed",
    ],
)
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


@check(
    points=1,
    inputs=long_sentences,
    lecture="work-with-logarithms",
    public=[case("forty characters, pieces of probability near exp(-60)", length=40, pieces=45, shift=-60.0)],
    hidden=[
        case("four hundred characters", length=400, pieces=120, start=5000),
        case("four hundred characters, high scores", length=400, pieces=60, shift=8.0, start=9000),
        case("four hundred characters, rare pieces", length=400, pieces=90, shift=-30.0, start=777),
        case("a sentence near exp(-20000)", length=120, pieces=45, shift=-300.0, start=3000),
        case("poems, twice", length=250, pieces=300, corpus="chinese", start=1000, copies=2),
    ],
    cites=["Sentences can be so long"],
)
def em_works_with_logarithms(student, sents, logp):
    """Sentences whose probability is too small (or too large) for a float give finite, exact results."""
    new, loglik = student.em_step(sents, logp)
    return {"logp": dict(new), "loglik": loglik}


# --------------------------------------------------------------------------------------------------------------- sample


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


HUGS = log(h=0.1, u=0.1, g=0.15, s=0.15, hu=0.1, ug=0.15, hug=0.15, ugs=0.05, gs=0.05)


@check(
    points=1,
    inputs=chances,
    judge=follows_the_posterior,
    lecture="sampling",
    public=[case("two segmentations", s="ab", logp=log(a=0.25, b=0.25, ab=0.5), alpha=1.0)],
    hidden=[
        case("several segmentations", s="hugs", logp=HUGS, alpha=1.0),
        case("alpha = 0: all equally likely", s="hugs", logp=HUGS, alpha=0.0),
        case("alpha = 0.3", s="hugs", logp=HUGS, alpha=0.3),
        case("alpha = 4", s="hugs", logp=HUGS, alpha=4.0),
        case("some positions are never a boundary", s="babab", logp=NO_SINGLES, alpha=0.5),
        case(
            "a likely first piece with an unlikely rest",
            s="abc",
            alpha=1.0,
            logp=log(a=0.3, ab=0.65, bc=0.049, c=0.001),
        ),
        case(
            "a piece of twenty characters",
            s="b" + "a" * 20,
            logp=log(b=0.5, **{"a" * 20: 0.1, "b" + "a" * 20: 0.1, "a" * 10: 0.2}),
            alpha=1.0,
        ),
        case("rare pieces", s="aaaaa", logp={"a": -300.0, "aa": -600.5, "aaa": -899.0}, alpha=1.0),
        case("the empty text", s="", logp={"a": -1.0}, alpha=1.0, draws=5),
        case(
            "seventeen or eighteen pieces",
            s="a" * 17 + "b",
            logp={"a": -1.0, "b": -3.0, "ab": -3.5},
            alpha=0.5,
        ),
    ],
    cites=[
        "Draw one segmentation",
        "All randomness comes from",
        "alpha = 0 makes every segmentation",
        "comes in 8 of 9 draws",
        "P(x) can be far below",
    ],
)
def samples_whole_segmentations(student, s, logp, alpha, seed, draws):
    """Each segmentation is drawn in proportion to its probability to the power alpha, by the given `rng` alone."""
    rng, twin = random.Random(seed), random.Random(seed)
    return {
        "draws": [student.sample(s, logp, alpha, rng) for _ in range(draws)],
        "again": [student.sample(s, logp, alpha, twin) for _ in range(min(draws, 50))],
    }


# --------------------------------------------------------------------------------------------- byte_fallback and decode


@check(
    points=1,
    lecture="bytes",
    public=[case("a Chinese character", text="你", pieces=["▁he", "llo", "▁", "<0xE4>", "<0xBD>", "<0xA0>", "!"])],
    hidden=[
        case(
            "one, two, three and four bytes",
            text="zé€😀",
            pieces=["<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0xC3>", "<0xA9>"],
        ),
        case("a leading zero; a line break", text="\x00\n\t\x7f", pieces=["a", "<0x0A>", "<0x00>", "b"]),
        case("nothing", text="", pieces=[]),
        case(
            "several characters",
            text="床前明月光",
            pieces=["▁", "<0xE5>", "<0xBA>", "<0x8A>", "<0xE5>", "<0x89>", "<0x8D>", "▁明"],
        ),
        case(
            "bytes that are not UTF-8",
            text="\ufffd",
            pieces=["▁a", "<0xFF>", "b", "<0xE4>", "<0xBD>", "c", "<0xA0>", "<0x41>"],
        ),
        case("a character cut in two by a piece", text="<", pieces=["<0xC3>", "x", "<0xA9>"]),
        case("twenty characters, twenty pieces", text="你" * 20, pieces=["▁"] + ["<0xE5>", "<0x8A>", "a"] * 6 + ["b"]),
        case(
            "pieces that only look like bytes",
            text="<0xE4>",
            pieces=["▁<0xZZ>", "<0xe4>", "<0x4>", "<0xE4BD>", "<0x41>", "x<0x41>", "<0x42>y", "<0x", ">"],
        ),
        case(
            "more that only look like bytes",
            text="<0X41>",
            pieces=["<0x41>\n", "<0x+1>", "<0x_1>", "<0x 1>", "<0X41>", "<0x４１>", "<0x٣1>"],
        ),
    ],
    cites=[
        "for each byte of its UTF-8 form",
        "NN is two",
        "A longer string gives",
        "Neighbouring byte pieces",
        "A byte piece is exactly",
    ],
)
def characters_become_bytes_and_come_back(student, text, pieces):
    """A character without a piece becomes its UTF-8 bytes, and decoding puts neighbouring bytes together first."""
    return {"byte_fallback": again(student.byte_fallback, text), "decode": student.decode(pieces)}


@check(
    points=1,
    lecture="decoding",
    public=[case("a sentence", pieces=["▁hel", "lo", "▁wor", "ld"])],
    hidden=[
        case("a second space at the start stays", pieces=["▁", "▁", "▁a"]),
        case("spaces at the end stay", pieces=["▁a", "▁", "▁"]),
        case("no prefix to drop", pieces=["a", "▁b▁", "c"]),
        case("runs of spaces stay", pieces=["▁a▁▁", "▁b"]),
        case("only the prefix", pieces=["▁"]),
        case("nothing", pieces=[]),
        case("other whitespace stays", pieces=["\ta", "\n", "\u3000"]),
        case("an underscore is no space", pieces=["▁_a", "_b_"]),
        case("Chinese", pieces=["▁春", "江▁花", "月", "夜▁"]),
    ],
    cites=["Everything is joined", "that one space", "No other space is"],
)
def decoding_drops_one_leading_space(student, pieces):
    """Every `▁` becomes a space, and of the spaces only one at the very start is dropped."""
    return student.decode(pieces)
