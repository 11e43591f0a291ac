"""Checks of icl/demo_selection: nearest neighbours, diverse ones, shared words, and labels for a retriever."""

import math

import torch

from autograder.checks import case, check, flags, raises


def vectors(rng, n=1, d=2, k=1, dtype="float64", x=None, pool=None, scales=False, **options):
    """A question and a pool, random or given; `scales`: the lengths of the vectors differ by far."""
    if pool is None:
        x, pool = rng.normal(d, dtype="float64"), rng.normal(n, d, dtype="float64")
        if scales:
            pool = pool * torch.tensor([10.0 ** rng.integer(-2, 3) for _ in range(n)], dtype=torch.float64)[:, None]
    else:
        x, pool = torch.tensor(x, dtype=torch.float64), torch.tensor(pool, dtype=torch.float64)
    if "exclude" in options:
        options["exclude"] = tuple(options["exclude"])
    return {"x": x.to(getattr(torch, dtype)), "pool": pool.to(getattr(torch, dtype)), "k": k, "options": options}


FOUR = [[1.0, 0.0], [3.0, 3.0], [0.0, 1.0], [8.0, 1.0]]


# a distance by squares and products loses all digits of the first; a cosine with 1e-8 below it makes the second vector the last
FAR = torch.tensor([[1e5], [1e5 + 0.25], [1e5 + 0.5], [1e5 + 2.0]])
SHORT = torch.tensor([[3.0, 4.0], [1e-10, 0.0], [0.0, 1.0]])
# a product of four such lengths is beyond float32, and cdist takes products from 26 rows on
LONG = torch.tensor([[3e14, 4e14], [8e14, 0.0], [1e14, 8e14], [4e14, 3e14]])
MANY = 1e5 + 0.25 * torch.arange(30.0)[:, None]


@check(
    points=1,
    inputs=vectors,
    lecture="the-nearest-examples",
    public=[
        case("three of four", x=[1.0, 0.0], pool=FOUR, k=3),
        case("by distance", x=[1.0, 0.0], pool=FOUR, k=3, metric="euclidean"),
        case("long and short vectors", n=9, d=3, k=4, scales=True),
        case("random, by distance", n=8, d=3, k=4, metric="euclidean"),
    ],
    hidden=[
        case("many", n=60, d=8, k=19, scales=True),
        case("one of one", n=1, d=3, k=1),
        case("all", n=7, d=2, k=7),
        case("as many as dimensions", n=5, d=5, k=5),
        case("float32", n=12, d=4, k=5, dtype="float32"),
        case("float32, by distance", n=12, d=4, k=5, dtype="float32", metric="euclidean"),
        case("many, by distance", n=60, d=8, k=21, scales=True, metric="euclidean"),
        case("one dimension, by distance", n=9, d=1, k=6, metric="euclidean"),
        case("by name", n=6, d=3, k=2, metric="cosine"),
        case("equal in float32, and not in float64", x=[1.0, 0.0], pool=[[3.0, 4.0], [3.0, 4.000000001], [9.0, 1.0], [3.0, 3.999999999]], k=4, metric="euclidean"),
    ],
    fresh=2,
    cites=["the nearest one is the last", "the nearest has the largest cosine", "the nearest has the smallest distance", "as Python ints", "may be views", "Nothing that is passed in is changed"],
)
def the_nearest_example_is_the_last(student, x, pool, k, options):
    """The k examples with the largest cosine, or the smallest distance, are chosen, and the nearest one stands last."""
    other = "euclidean" if options.get("metric", "cosine") == "cosine" else "cosine"
    if pool.shape[1] == 1:  # all cosines are 1 or -1, and the last digit would decide
        other = "euclidean"
    return {
        "chosen": student.knn_demos(x, pool, k, **options),
        "by the other metric": student.knn_demos(x, pool, k, metric=other),
        "by name, of views": student.knn_demos(k=1, pool=pool.T.contiguous().T, x=x.repeat_interleave(2)[::2], **options),
        "once more": student.knn_demos(-x, pool, k, **options),
        "the other way round": student.knn_demos(x, pool.flip(0), k, **options),
        "far from the origin": student.knn_demos(FAR[2] + 0, FAR + 0, 4, metric="euclidean"),
        "far from the origin, thirty": student.knn_demos(MANY[11] + 0.1, MANY + 0, 5, metric="euclidean"),
        "short vectors": student.knn_demos(torch.tensor([1.0, 0.0]), SHORT + 0, 3),
        "long vectors": [student.knn_demos(sign * LONG[0], LONG + 0, 4) for sign in (1.0, -1.0)],
        "left": flags(x, pool),
    }


@check(
    points=1,
    inputs=vectors,
    lecture="the-nearest-examples",
    public=[
        case("the question is in the pool", x=[3.0, 4.0], pool=[[0.0, 1.0], [3.0, 4.0], [4.0, 3.0], [1.0, 0.0]], k=2, exclude=(1,)),
        case("twins: the smaller number is nearer", x=[1.0, 0.0], pool=[[2.0, 1.0], [0.0, 1.0], [2.0, 1.0], [2.0, 1.0]], k=2),
        case("a zero vector", x=[1.0, 2.0], pool=[[0.0, 0.0], [-1.0, 0.0], [1.0, 0.0]], k=2),
    ],
    hidden=[
        case("several are excluded", n=9, d=3, k=4, exclude=(0, 8, 3)),
        case("all that are left", n=6, d=2, k=4, exclude=(5, 1), metric="euclidean"),
        case("excluded twice", n=5, d=2, k=3, exclude=(2, 2)),
        case("twins by distance", x=[0.0, 0.0], pool=[[3.0, 4.0], [0.0, 5.5], [3.0, 4.0], [3.0, 4.0], [1.0, 0.0]], k=3, metric="euclidean"),
        case("twins in a row, and one is excluded", x=[1.0, 0.0], pool=[[2.0, 1.0], [2.0, 1.0], [2.0, 1.0], [2.0, 1.0], [1.0, 3.0]], k=3, exclude=(0,)),
        case("the question is zero", x=[0.0, 0.0, 0.0], pool=[[1.0, 0.0, 2.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [5.0, 5.0, 1.0]], k=3),
        case("a vector of length 1e-14", x=[1.0, 0.0], pool=[[3.0, 4.0], [1e-14, 0.0], [0.0, 1.0]], k=3),
        case("all point away", x=[1.0, 0.0], pool=[[-1.0, 2.0], [0.0, 0.0], [-3.0, 1.0], [0.0, 0.0]], k=3),
        case("twins, all, float32", x=[2.0, 0.0], pool=[[1.0, 2.0], [1.0, -3.0], [1.0, 2.0], [3.0, 0.0]], k=4, dtype="float32"),
    ],
    fresh=1,
    cites=["examples that must not be chosen", "the one with the smaller number counts as nearer", "a zero vector has the cosine 0 with everything", "unless 1 k the number of examples that are left"],
)
def excluded_examples_and_twins(student, x, pool, k, options):
    """What is excluded is never chosen, of equally near examples the smaller number is nearer, and impossible requests are refused."""
    left = len(pool) - len(set(options.get("exclude", ())))

    def refused(**others):
        return raises("ValueError", lambda: student.knn_demos(**{"x": x, "pool": pool, "k": k, **options, **others}))

    return {
        "chosen": student.knn_demos(x, pool, k, **options),
        "all": student.knn_demos(x, pool, left, **options),
        "without the first": student.knn_demos(x, pool, 1, exclude=(0,)),
        "refused": [refused(k=0), refused(k=-1), refused(k=left + 1), refused(metric="dot"), refused(metric="Cosine"), refused(exclude=tuple(range(len(pool))))],
    }


# cosines with the question below are exact up to one rounding, so that twins are twins in every way to compute them
TWINS = [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [0.0, 0.0, 0.0, -1.0], [2.0, 2.0, 2.0, 2.0], [1.0, 0.0, 0.0, 0.0]]
ASKED = [2.0, 1.0, 0.0, 0.0]


@check(
    points=2,
    inputs=vectors,
    lecture="different-examples",
    public=[
        case("twins", x=ASKED, pool=TWINS, k=5),
        case("only nearness", n=6, d=3, k=4, lam=1.0),
        case("only difference", n=6, d=3, k=4, lam=0.0),
        case("random", n=8, d=3, k=5),
    ],
    hidden=[
        case("many, more nearness", n=40, d=5, k=19, lam=0.8, scales=True),
        case("one of one", n=1, d=2, k=1, lam=0.5),
        case("all", n=9, d=4, k=9, lam=0.5),
        case("many, more difference", n=40, d=5, k=12, lam=0.2, scales=True),
        case("float32", n=20, d=6, k=7, dtype="float32", lam=0.6),
        case("as many as dimensions", n=4, d=4, k=4, lam=0.4),
        case("all twins", x=ASKED, pool=TWINS, k=6, lam=0.25),
        case("twins, only nearness", x=ASKED, pool=TWINS, k=6, lam=1.0),
        case("two clusters", x=[1.0, 0.25], pool=[[8.0, 1.0], [8.0, 2.0], [8.0, 3.0], [1.0, 8.0], [2.0, 8.0]], k=3, lam=0.4),
        case("nearly equal", x=[1.0, 0.0], pool=[[8.0, 1.0], [3.0, 1.0], [3.000001, 1.0], [-1.0, 2.0]], k=4, lam=0.9),
        case("a zero vector", x=[1.0, 2.0], pool=[[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [-1.0, 3.0]], k=4, lam=0.5),
        case("opposite vectors", x=[1.0, 0.0], pool=[[4.0, 1.0], [-4.0, 1.0], [4.0, -3.0], [-1.0, -9.0], [-4.0, 3.5]], k=5, lam=0.3),
        case("the question is zero", x=[0.0, 0.0], pool=[[1.0, 3.0], [-1.0, 2.0], [5.0, 1.0], [-2.0, -1.0]], k=4, lam=0.7),
        case("equal in float32, and not in float64", x=[1.0, 0.0], pool=[[3.0, 4.0], [3.0, 3.999999999], [-5.0, 1.0], [3.0, 4.000000001]], k=4, lam=0.75),
    ],
    fresh=2,
    cites=["The first one is the most similar to x whatever lam is", "the example that is not yet chosen with the largest", "the one with the smallest number", "in the order in which they were chosen", "Raises ValueError unless 1 k N and 0 lam 1"],
)
def similar_but_not_twice_the_same(student, x, pool, k, options):
    """The first is the most similar one; each next one weighs its nearness to the question against its nearness to what is chosen."""
    bad = [{"k": 0}, {"k": len(pool) + 1}, {"lam": -0.1}, {"lam": 1.1}]
    return {
        "chosen": student.mmr(x, pool, k, **options),
        "by default": student.mmr(x, pool, k),
        "fewer": student.mmr(x, pool, max(1, k - 1), **options),
        "short vectors": student.mmr(torch.tensor([1.0, 0.25]), SHORT + 0, 3),
        "long vectors": student.mmr(LONG[0] + 0, LONG + 0, 4, lam=0.4),
        "by name, of a view": student.mmr(lam=0.75, k=k, pool=pool.T.contiguous().T, x=x),
        "refused": [raises("ValueError", lambda each=each: student.mmr(**{"x": x, "pool": pool, "k": k, **options, **each})) for each in bad],
        "left": flags(x, pool),
    }


PETS = [["a", "red", "cat"], ["a", "blue", "fish", "Cat"], ["a", "dog"], ["cat", "cat", "cat", "and", "dog"], []]


def words(rng, query=("cat", "dog"), docs=None, n=0, vocab=12, longest=9, **options):
    if docs is None:
        # some words are frequent
        alphabet = [chr(97 + i) for i in range(vocab)]
        docs = [[alphabet[min(rng.integer(0, vocab), rng.integer(0, vocab))] for _ in range(rng.integer(0, longest + 1))] for _ in range(n)]
        query = [rng.choice([*alphabet, "?"]) for _ in range(rng.integer(2, 6))]
    return {"query": list(query), "docs": [list(each) for each in docs], "options": options}


@check(
    points=1,
    inputs=words,
    lecture="shared-words",
    public=[
        case("pets", docs=PETS),
        case("one word", docs=PETS, query=["cat"]),
        case("a word twice in the query", docs=PETS, query=["cat", "red", "cat"]),
        case("an unknown word", docs=PETS, query=["bird", "blue"]),
    ],
    hidden=[
        case("twenty documents", n=20, vocab=25),
        case("other parameters", n=15, vocab=20, k1=0.5, b=0.25),
        case("no saturation and no length", n=12, vocab=15, k1=0.0),
        case("length counts nothing", n=12, vocab=15, b=0.0),
        case("length counts wholly", n=12, vocab=15, b=1.0, k1=2.5),
        case("length counts wholly, and a document is empty", docs=PETS, query=["cat", "red"], b=1.0),
        case("no words in the query", docs=PETS, query=[]),
        case("k1 = 0, a document without the word", docs=PETS, query=["red"], k1=0.0),
        case("Chinese", docs=[["红", "猫"], ["蓝", "鱼", "鱼"], ["大", "狗"], ["小", "猫", "猫"], ["天"]], query=["猫", "鱼"]),
        case("a word fifty times, a long question", docs=[["a"] * 50 + ["b"], ["a", "c"], ["b"], ["d"], ["e", "c"]], query=["a", "b", "?", "c"] * 5),
        case("as many words as documents", docs=[["a"], ["b"], ["c"]], query=["a", "b", "c"]),
    ],
    fresh=2,
    cites=["compared as they are", "a word that stands there twice counts twice", "the sum over the words w of the query that it has", "each may be empty", "mean length the mean over the N documents", "the number of documents that have it"],
)
def shared_rare_words_count(student, query, docs, options):
    """A document's score adds up, over the query's words that it has, their rarity times how often it has them, less and less, by its length."""
    return {
        "scores": student.bm25(query, docs, **options),
        "the other way round": student.bm25(query[::-1], docs[::-1], **options),
        "by default": student.bm25(query, docs),
        "lucene": student.bm25(query, docs, idf="lucene"),
        "of a document": student.bm25(docs=docs, query=docs[-1] + docs[0], **options),
        "left": [query, docs],
    }


@check(
    points=1,
    inputs=words,
    lecture="words-that-everybody-uses",
    public=[
        case("a word in all of three", docs=[["a", "red", "cat"], ["a", "blue", "fish"], ["a", "dog"]], query=["red", "a"]),
        case("a word in exactly half", docs=[["a", "x"], ["a", "y", "z"], ["u"], ["v", "w"]], query=["a"]),
        case("Lucene's", docs=PETS, query=["a", "dog"], idf="lucene"),
    ],
    hidden=[
        case("frequent words, long documents", n=14, vocab=4, longest=12),
        case("most words are frequent", docs=[["a", "b"], ["a", "b", "c"], ["a", "b", "c"], ["c", "a", "b"]], query=["a", "c"]),
        case("two documents", docs=[["a", "b"], ["a", "c", "c"]], query=["a", "c"]),
        case("one document", docs=[["a", "b", "b"]], query=["b"]),
        case("one document, Lucene's", docs=[["a", "b", "b"]], query=["b", "a"], idf="lucene"),
        case("frequent words, Lucene's", n=14, vocab=4, longest=12, idf="lucene"),
        case("only the frequent word is asked", docs=[["the", *"abc"], ["the", *"de"], ["the", "the", *"fg"], [*"hi"]], query=["the"]),
        case("Lucene's with other parameters", n=11, vocab=8, idf="lucene", k1=1.2, b=0.5),
        case("no document has a word", docs=[[], [], []], query=["a"]),
        case("one empty document", docs=[[]], query=["a"], idf="lucene"),
    ],
    fresh=1,
    cites=["It is negative for a word that more than half of the documents have", "0 25 times the mean of the idf", "which is never negative", "Raises ValueError for another idf", "this mean may be negative itself", "Logarithms are natural ones"],
)
def frequent_words_count_little(student, query, docs, options):
    """A word in more than half of the documents gets 0.25 times the mean idf of all words, or Lucene's idf, and never counts more than a rare one."""
    every = sorted({word for doc in docs for word in doc})
    return {
        "scores": student.bm25(query, docs, **options),
        "each word": [student.bm25([word], docs, **options) for word in every],
        "all words": student.bm25(every, docs),
        "refused": [raises("ValueError", lambda other=other: student.bm25(query, docs, idf=other)) for other in ("bm25+", "Okapi", "")],
    }


def judged(rng, i=0, n=3, k=1, docs=None, scores=None, size=0, ties=False, lowest=0):
    """A training set of word lists, and what the language model says of each example. Lengths differ, so that no two documents fit almost equally."""
    if docs is None:
        lengths = rng.sample(list(range(3, 3 + 2 * size)), size)
        docs = [[f"w{rng.integer(0, 70)}" for _ in range(length)] for length in lengths]  # many words: few are frequent
    if scores is None:
        scores = [float(rng.integer(-3, 0)) if ties else rng.real(-9.0, 0.0) for _ in docs]
        for j in rng.sample(list(range(len(docs))), lowest):
            scores[j] = -math.inf
    return {"i": i, "n": n, "k": k, "docs": [list(each) for each in docs], "scores": [float(each) for each in scores]}


CATS = [["red", "cat"], ["red", "fish"], ["blue", "fish"], ["big", "cat", "too"], ["red", "cat", "big", "now"], ["old"], ["new"], ["sea"], ["sky", "sky"], ["oak"]]


@check(
    points=1,
    inputs=judged,
    lecture="examples-that-helped",
    public=[
        case("three candidates", docs=CATS, scores=[0, -1, -2, -3, -4, -5, -6, -7, -8, -9]),
        case("two good and two bad of five", docs=CATS, i=4, n=5, k=2, scores=[-3, -1, -8, -2, 0, -9, -1, -1, -1, -1]),
        case("equal scores", docs=CATS, n=4, k=2, scores=[-1] * 10),
        case("the example counts as a document", docs=[["b", "f"], ["a", "c"], ["b", "f", "f"], ["b"], ["g", "b", "e", "f"], ["h", "d", "h", "d"], ["e", "b", "b"], ["e", "f"]], i=2, n=3, scores=[-3, -5, -6, -2, -9, -7, -4, -1]),
    ],
    hidden=[
        case("twenty documents", size=20, i=17, n=7, k=2),
        case("thirty-six candidates", size=40, i=5, n=36, k=17),
        case("all others", size=8, i=0, n=7, k=3),
        case("more candidates than others", size=7, i=6, n=50, k=3),
        case("the model cannot tell", size=12, i=3, n=8, k=3, ties=True),
        case("impossible for some", size=12, i=2, n=9, k=4, lowest=4),
        case("twins of the example", docs=[["a", "b"], ["c"], ["a", "b"], ["d"], ["a", "b"], ["e", "f"], ["g"], ["h"], ["i", "j"]], i=2, n=2, k=1, scores=[-2, 0, 0, 0, -1, 0, 0, 0, 0]),
        case("most words are frequent, so that who shares some fits badly", docs=[["a", "b"], ["a", "b", "a"], ["a"], ["b"] * 4 + ["a"] * 3, ["b"] * 3, [], ["a"] * 9, ["b", "b", "a", "a"]], i=0, n=3, k=1, scores=[-1, -2, -3, -4, -5, -6, -7, -8]),
        case("nobody shares a word", docs=[["a"], ["b"], ["c"], ["d"], ["e"], ["f"]], i=1, n=4, k=2, scores=[-1, -9, -2, -5, -3, -4]),
        case("scores that differ in the tenth digit", docs=[["a"], ["b"], ["c"], ["d"], ["e"], ["f"]], i=5, n=5, k=2, scores=[-7.0, -7.000000001, -6.999999999, -7.000000002, -6.999999998, -7.000000003]),
    ],
    fresh=1,
    cites=[
        "the k candidates with the largest scores the largest first",
        "the k with the smallest scores the smallest first",
        "the candidate with the smaller number comes first",
        "without i itself",
        "called once for each candidate",
        "All N documents count in bm25",
        "Raises ValueError unless k 1",
        "Raises ValueError as epr_labels does", "of candidates with equal scores of the language model", "If there are fewer than n others all of them are", "It may be inf", "k of each as numbers of examples",
    ],
)
def helpful_and_useless_examples(student, i, n, k, docs, scores):
    """Of the n candidates that share most words with the example, the language model's best k and worst k are returned, and it is asked once for each."""
    calls = []

    def score(j):
        calls.append(j)
        return scores[j]

    pairs = student.epr_pairs(i, docs, score, n, k)
    asked, calls[:] = sorted(calls), []
    many = min(n, len(docs) - 1)
    half = len(scores) // 2
    return {
        "pairs": pairs,
        "asked": asked,
        "labels": student.epr_labels(scores, k),
        "halves": student.epr_labels(k=half, scores=scores),
        "refused": [
            raises("ValueError", lambda: student.epr_labels(scores, half + 1)),
            raises("ValueError", lambda: student.epr_labels(scores, 0)),
            raises("ValueError", lambda: student.epr_labels([], 1)),
            raises("ValueError", lambda: student.epr_pairs(i, docs, score, n, many // 2 + 1)),
            raises("ValueError", lambda: student.epr_pairs(i, docs, score, n, -1)),
            raises("ValueError", lambda: student.epr_pairs(i, docs, score, 0, 1)),
        ],
        "very bad ones": student.epr_labels([-1e7, -math.inf, 0.0, -1e8], 2),
        "the first one twice": student.epr_pairs(0, [docs[0], *docs], lambda j: -float(j), len(docs), 1),
        "another": student.epr_pairs(len(docs) - 1, docs[::-1], lambda j: scores[j], 3, 1),
        "left": [docs, scores],
    }
