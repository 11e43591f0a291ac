"""Public checks of icl/demo_selection: run `pytest` on this file, or `autograder check icl/demo_selection`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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


FAR = torch.tensor([[1e5], [1e5 + 0.25], [1e5 + 0.5], [1e5 + 2.0]])


SHORT = torch.tensor([[3.0, 4.0], [1e-10, 0.0], [0.0, 1.0]])


LONG = torch.tensor([[3e14, 4e14], [8e14, 0.0], [1e14, 8e14], [4e14, 3e14]])


MANY = 1e5 + 0.25 * torch.arange(30.0)[:, None]


@check(points=1, inputs=vectors, lecture='the-nearest-examples', public=[case('three of four', x=[1.0, 0.0], pool=FOUR, k=3), case('by distance', x=[1.0, 0.0], pool=FOUR, k=3, metric='euclidean'), case('long and short vectors', n=9, d=3, k=4, scales=True), case('random, by distance', n=8, d=3, k=4, metric='euclidean')])
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


@check(points=1, inputs=vectors, lecture='the-nearest-examples', public=[case('the question is in the pool', x=[3.0, 4.0], pool=[[0.0, 1.0], [3.0, 4.0], [4.0, 3.0], [1.0, 0.0]], k=2, exclude=(1,)), case('twins: the smaller number is nearer', x=[1.0, 0.0], pool=[[2.0, 1.0], [0.0, 1.0], [2.0, 1.0], [2.0, 1.0]], k=2), case('a zero vector', x=[1.0, 2.0], pool=[[0.0, 0.0], [-1.0, 0.0], [1.0, 0.0]], k=2)])
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


TWINS = [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [0.0, 0.0, 0.0, -1.0], [2.0, 2.0, 2.0, 2.0], [1.0, 0.0, 0.0, 0.0]]


ASKED = [2.0, 1.0, 0.0, 0.0]


@check(points=2, inputs=vectors, lecture='different-examples', public=[case('twins', x=ASKED, pool=TWINS, k=5), case('only nearness', n=6, d=3, k=4, lam=1.0), case('only difference', n=6, d=3, k=4, lam=0.0), case('random', n=8, d=3, k=5)])
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


@check(points=1, inputs=words, lecture='shared-words', public=[case('pets', docs=PETS), case('one word', docs=PETS, query=['cat']), case('a word twice in the query', docs=PETS, query=['cat', 'red', 'cat']), case('an unknown word', docs=PETS, query=['bird', 'blue'])])
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


@check(points=1, inputs=words, lecture='words-that-everybody-uses', public=[case('a word in all of three', docs=[['a', 'red', 'cat'], ['a', 'blue', 'fish'], ['a', 'dog']], query=['red', 'a']), case('a word in exactly half', docs=[['a', 'x'], ['a', 'y', 'z'], ['u'], ['v', 'w']], query=['a']), case("Lucene's", docs=PETS, query=['a', 'dog'], idf='lucene')])
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


@check(points=1, inputs=judged, lecture='examples-that-helped', public=[case('three candidates', docs=CATS, scores=[0, -1, -2, -3, -4, -5, -6, -7, -8, -9]), case('two good and two bad of five', docs=CATS, i=4, n=5, k=2, scores=[-3, -1, -8, -2, 0, -9, -1, -1, -1, -1]), case('equal scores', docs=CATS, n=4, k=2, scores=[-1] * 10), case('the example counts as a document', docs=[['b', 'f'], ['a', 'c'], ['b', 'f', 'f'], ['b'], ['g', 'b', 'e', 'f'], ['h', 'd', 'h', 'd'], ['e', 'b', 'b'], ['e', 'f']], i=2, n=3, scores=[-3, -5, -6, -2, -9, -7, -4, -1])])
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
