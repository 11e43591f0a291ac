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
    # YOUR CODE HERE
    raise NotImplementedError("shingles is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("minhash is not written yet")


def lsh_candidates(sigs: np.ndarray, bands: int, rows: int) -> set[tuple[int, int]]:
    """Pairs of documents that agree in at least one whole band.

    sigs: uint64 (n, P), a signature in each row. Band k is the columns k·rows … (k + 1)·rows - 1, for k = 0 … bands - 1. Columns behind the last
    band are not used. If bands · rows is more than P, ValueError is raised.

    Returns the pairs (i, j) with i < j whose signatures are equal in all `rows` columns of one band, or of several.
    """
    # YOUR CODE HERE
    raise NotImplementedError("lsh_candidates is not written yet")


def s_curve(s: float, b: int, r: int) -> float:
    """The probability that two documents with Jaccard similarity s become candidates: 1 - (1 - s^r)^b, for b bands of r rows.

    0 ≤ s ≤ 1; s = 0 gives 0.0 and s = 1 gives 1.0. The relative error is below 1e-9 for small results too: for s = 0.8 with 20 bands of
    450 rows the result is about 5e-43, not 0.

    >>> s_curve(0.5, 2, 1)  # 1 - 0.5 · 0.5
    0.75
    >>> s_curve(0.8, 20, 5)
    0.9996439421094793
    """
    # YOUR CODE HERE
    raise NotImplementedError("s_curve is not written yet")


def dedup_clusters(n: int, pairs: set[tuple[int, int]]) -> list[int]:
    """Which of the documents 0 … n - 1 stay: of each cluster the one with the smallest number.

    pairs: pairs (i, j), in either order, of documents that are duplicates of each other. A cluster is what hangs together through any number
    of pairs. Returns the numbers that stay, in ascending order. A document in no pair stays. Long chains are no problem (10,000 documents in a row).

    >>> dedup_clusters(6, {(1, 4), (4, 2), (5, 3)})
    [0, 1, 3]
    """
    # YOUR CODE HERE
    raise NotImplementedError("dedup_clusters is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("exact_substring_dups is not written yet")
