"""Which examples go into the prompt? The nearest ones, different ones, those that share words, and those that helped a language model.

"What Makes Good In-Context Examples for GPT-3?", Liu et al., 2021 (KATE); "The Use of MMR", Carbonell and Goldstein, 1998; BM25 of Robertson and
others; "Learning To Retrieve Prompts for In-Context Learning", Rubin et al., 2021 (EPR).

A pool of N examples is numbered from 0, and functions return lists of such numbers, as Python ints. Vectors are float32 or float64 and may be
views; one that is not zero has a length from 1e-15 to 1e15. Logarithms are natural ones. Nothing that is passed in is changed.
"""

import math
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor


def knn_demos(x: Tensor, pool: Tensor, k: int, metric: str = "cosine", exclude: tuple[int, ...] = ()) -> list[int]:
    """The k nearest examples, in the order in which they stand in the prompt: the nearest one is the last, next to the question.

    x: (D,), the question's vector. pool: (N, D), the examples' vectors.
    metric: "cosine": the nearest has the largest cosine; a zero vector has the cosine 0 with everything. (torch's cosine_similarity makes the cosine
        of other short vectors smaller, too.) "euclidean": the nearest has the smallest distance.
    exclude: examples that must not be chosen, such as the question itself, if it is in the pool. All numbers are from 0 to N - 1.

    Of examples that are equally near, the one with the smaller number counts as nearer.

    Raises ValueError for another metric, and unless 1 <= k <= the number of examples that are left. (Algorithm 1 of Liu et al. has the nearest one
    first.)

    >>> pool = tensor([[1.0, 0.0], [3.0, 3.0], [0.0, 1.0], [0.9, 0.1]])
    >>> knn_demos(tensor([1.0, 0.0]), pool, 3)
    [1, 3, 0]
    >>> knn_demos(tensor([1.0, 0.0]), pool, 2, exclude=(0,))
    [1, 3]
    >>> knn_demos(tensor([1.0, 0.0]), pool, 3, metric="euclidean")
    [2, 3, 0]
    """
    # YOUR CODE HERE
    raise NotImplementedError("knn_demos is not written yet")


def mmr(x: Tensor, pool: Tensor, k: int, lam: float = 0.5) -> list[int]:
    """k examples that are near the question and not near each other: maximal marginal relevance.

    x: (D,). pool: (N, D). Similar means: a large cosine, as in knn_demos. lam: from 0 to 1, how much nearness counts.

    The first one is the most similar to x, whatever lam is. Then, one after the other, the example that is not yet chosen with the largest

        lam * cosine(x, i) - (1 - lam) * (the largest cosine of i with one that is chosen).

    Of several with the same value, the one with the smallest number. Returns them in the order in which they were chosen.

    Raises ValueError unless 1 <= k <= N and 0 <= lam <= 1.

    >>> pool = tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> mmr(tensor([2.0, 1.0]), pool, 3, lam=1.0)
    [0, 1, 2]
    >>> mmr(tensor([2.0, 1.0]), pool, 3)  # 1 says the same as 0
    [0, 2, 1]
    """
    # YOUR CODE HERE
    raise NotImplementedError("mmr is not written yet")


def bm25(query: list[str], docs: list[list[str]], k1: float = 1.5, b: float = 0.75, idf: str = "okapi") -> Tensor:
    """How well each document fits a query by the words that they share.

    query: words, compared as they are; a word that stands there twice counts twice. docs: N >= 1 lists of words, each may be empty. k1 >= 0,
    0 <= b <= 1.

    For a word w let n be the number of documents that have it, and f how often one document has it. Length is a document's number of words, and mean
    length the mean over the N documents. The score of a document is the sum over the words w of the query that it has of

        idf(w) * f * (k1 + 1) / (f + k1 * (1 - b + b * length / mean length)).

    idf says how rare a word is:

    - "okapi": ln((N - n + 0.5) / (n + 0.5)). It is negative for a word that more than half of the documents have. All negative ones are replaced by
      0.25 times the mean of the idf over all different words of the documents, the negative ones as they were. (So does the package rank_bm25. If
      most words are frequent, this mean may be negative itself; then so are these idf.)
    - "lucene": ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative.

    Returns (N,), float64. Raises ValueError for another idf.

    >>> docs = [["a", "red", "cat"], ["a", "blue", "fish"], ["a", "dog"]]
    >>> bm25(["red", "a"], docs)  # "a" is in all three: its idf is negative, and becomes 0.25 times the mean of five
    tensor([0.5076, 0.0240, 0.0286], dtype=torch.float64)
    >>> bm25(["red", "a"], docs, idf="lucene")
    tensor([1.0550, 0.1264, 0.1505], dtype=torch.float64)
    """
    # YOUR CODE HERE
    raise NotImplementedError("bm25 is not written yet")


def epr_labels(scores: list[float], k: int) -> tuple[list[int], list[int]]:
    """Good and bad examples for a retriever to learn from: those that helped most and those that helped least.

    scores: for each candidate the log-probability that a language model gave to the right answer, with this candidate as its example. It may be -inf.

    Returns (positives, negatives): the k candidates with the largest scores, the largest first; and the k with the smallest scores, the smallest
    first. Of equal scores the candidate with the smaller number comes first, in both lists. Raises ValueError unless k >= 1 and there are at
    least 2 k candidates: none may be in both lists.

    >>> epr_labels([-1.0, -5.0, -0.5, -3.0, -5.0], 2)
    ([2, 0], [1, 4])
    """
    # YOUR CODE HERE
    raise NotImplementedError("epr_labels is not written yet")


def epr_pairs(i: int, docs: list[list[str]], score: Callable[[int], float], n: int, k: int) -> tuple[list[int], list[int]]:
    """The labels for example i of a training set, in two steps: a cheap search, then a language model.

    docs: the words of all N examples. The candidates are the n examples that fit docs[i] best by bm25 (with its defaults), without i itself; of
    equal scores the one with the smaller number. If there are fewer than n others, all of them are.
    score(j): the log-probability of the right answer of example i, with example j in the prompt. It is expensive: called once for each
        candidate, and for no other example.

    All N documents count in bm25, also docs[i]. Returns (positives, negatives) as epr_labels does, k of each, as numbers of examples. Of candidates
    with equal scores of the language model the one with the smaller number comes first. Raises ValueError as epr_labels does.

    >>> docs = [["red", "cat"], ["red", "fish"], ["blue", "fish"], ["big", "cat"], ["red", "cat", "big"], ["old"], ["new"], ["sea"]]
    >>> epr_pairs(0, docs, lambda j: -1.0 * j, n=3, k=1)  # the candidates are 4, 1 and 3
    ([1], [4])
    """
    # YOUR CODE HERE
    raise NotImplementedError("epr_pairs is not written yet")
