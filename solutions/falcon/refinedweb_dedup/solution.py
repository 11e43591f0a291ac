"""Removing duplicates from a crawl of the web, as RefinedWeb does it: MinHash for whole documents, exact matches for spans of tokens.

Arrays are NumPy arrays of uint64. Inputs are not changed; what was returned does not change later. Nothing here is random: who wants random hash
functions draws `a` and `b`.
"""

import hashlib
import math
from collections import defaultdict

import numpy as np

M = 2**61 - 1  # a Mersenne prime


def shingle_hash(tokens: list[str]) -> int:
    """A number from 0 to M - 1 for a list of tokens, the same in every run. Nothing to write here."""
    text = "".join(f"{len(token)}:{token}" for token in tokens)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") % M


def shingles(tokens: list[str], n: int = 5) -> set[int]:
    """The set of hashes (by `shingle_hash`) of all n tokens in a row.

    A document with fewer than n tokens, but at least one, has one shingle: all of its tokens. An empty document has none. n is at least 1.

    >>> shingle_hash(["a", "b"])
    636302508995698245
    >>> shingles(["a", "b"], 5)
    {636302508995698245}
    >>> shingles(["a", "a", "a"], 2)  # twice the same
    {528389885776682924}
    """
    # BEGIN SOLUTION
    starts = range(max(len(tokens) - n + 1, min(len(tokens), 1)))
    return {shingle_hash(tokens[i : i + n]) for i in starts}
    # END SOLUTION


def minhash(h: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The signature of a set of hashes: for each of P hash functions the smallest value that it takes on the set.

    h: uint64 (m,), the set's numbers, each below M, in any order. a, b: uint64 (P,), each below M; hash function p is

        x ↦ (a[p] · x + b[p]) mod M,        M = 2^61 - 1.

    Returns uint64 (P,). The products have up to 122 bits, and the result is exact: uint64 alone overflows. The signature of an empty set is
    M at all places, which is more than any value. (datasketch up to version 1 lets the product overflow, and keeps 32 bits.)

    >>> h = torch.tensor([1, 2]).numpy().astype("uint64")
    >>> minhash(h, h, h).tolist()  # 1·1 + 1 and 2·1 + 2
    [2, 4]
    """
    # BEGIN SOLUTION
    if len(h) == 0:
        return np.full(len(a), M, dtype=np.uint64)
    h, a, b = (x.astype(object) for x in (h, a, b))  # Python's integers do not overflow
    return ((a[:, None] * h + b[:, None]) % M).min(axis=1).astype(np.uint64)
    # END SOLUTION


def lsh_candidates(sigs: np.ndarray, bands: int, rows: int) -> set[tuple[int, int]]:
    """Pairs of documents that agree in at least one whole band.

    sigs: uint64 (n, P), a signature in each row. Band k is the columns k·rows … (k + 1)·rows - 1, for k = 0 … bands - 1. Columns behind the last
    band are not used. If bands · rows is more than P, ValueError is raised.

    Returns the pairs (i, j) with i < j whose signatures are equal in all `rows` columns of one band, or of several.
    """
    # BEGIN SOLUTION
    if bands * rows > sigs.shape[1]:
        raise ValueError("the signatures are too short for so many bands")
    pairs = set()
    for k in range(bands):
        buckets = defaultdict(list)
        for i, band in enumerate(sigs[:, k * rows : (k + 1) * rows].tolist()):
            buckets[tuple(band)].append(i)
        for bucket in buckets.values():
            pairs |= {(i, j) for place, i in enumerate(bucket) for j in bucket[place + 1 :]}
    return pairs
    # END SOLUTION


def s_curve(s: float, b: int, r: int) -> float:
    """The probability that two documents with Jaccard similarity s become candidates: 1 - (1 - s^r)^b, for b bands of r rows.

    0 ≤ s ≤ 1; s = 0 gives 0.0 and s = 1 gives 1.0. The relative error is below 1e-9 for small results too: for s = 0.8 with 20 bands of
    450 rows the result is about 5e-43, not 0.

    >>> s_curve(0.5, 2, 1)  # 1 - 0.5 · 0.5
    0.75
    >>> s_curve(0.8, 20, 5)
    0.9996439421094793
    """
    # BEGIN SOLUTION
    one_band = s**r
    return 1.0 if one_band == 1 else -math.expm1(b * math.log1p(-one_band))
    # END SOLUTION


def dedup_clusters(n: int, pairs: set[tuple[int, int]]) -> list[int]:
    """Which of the documents 0 … n - 1 stay: of each cluster the one with the smallest number.

    pairs: pairs (i, j), in either order, of documents that are duplicates of each other. A cluster is what hangs together through any number
    of pairs. Returns the numbers that stay, in ascending order. A document in no pair stays. Long chains are no problem (10,000 documents in a row).

    >>> dedup_clusters(6, {(1, 4), (4, 2), (5, 3)})
    [0, 1, 3]
    """
    # BEGIN SOLUTION
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        low, high = sorted((root(i), root(j)))
        parent[high] = low
    return [i for i in range(n) if parent[i] == i]
    # END SOLUTION


def exact_substring_dups(docs: list[list[int]], min_len: int = 50) -> list[tuple[int, int, int]]:
    """All spans of tokens that occur more than once, as (document, start, end); the token at `end` is the first one behind the span.

    Take every window: min_len tokens in a row, within one document. A window is repeated if the same tokens also begin at another place, in
    another document or in the same one; the two may overlap. A token is covered if some repeated window holds it. The result is the longest
    runs of covered tokens in each document, sorted. Every occurrence counts, the first one too. Runs do not reach from one document into the
    next. Equal hashes are no proof: tokens are compared. min_len is at least 1.

    >>> exact_substring_dups([[1, 2, 3, 4], [9, 2, 3, 4], [3, 4, 1]], min_len=3)
    [(0, 1, 4), (1, 1, 4)]
    >>> exact_substring_dups([[7, 7, 7, 7]], min_len=3)  # the windows at 0 and 1
    [(0, 0, 4)]
    """
    # BEGIN SOLUTION
    places = defaultdict(list)
    for d, doc in enumerate(docs):
        for i in range(len(doc) - min_len + 1):
            places[tuple(doc[i : i + min_len])].append((d, i))
    spans = []
    for d, i in sorted(place for group in places.values() if len(group) > 1 for place in group):
        if spans and spans[-1][0] == d and i <= spans[-1][2]:
            spans[-1] = (d, spans[-1][1], i + min_len)
        else:
            spans.append((d, i, i + min_len))
    return spans
    # END SOLUTION
