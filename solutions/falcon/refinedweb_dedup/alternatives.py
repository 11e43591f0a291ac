"""Right ways to write falcon/refinedweb_dedup, done differently."""

import math
from collections import Counter, deque
from itertools import combinations, pairwise

import numpy as np

from autograder.checks import alternative

M = 2**61 - 1


@alternative("a window that slides")
def shingles(tokens, n=5):
    window, found = deque(maxlen=n), set()
    for token in tokens:
        window.append(token)
        if len(window) == n:
            found.add(shingle_hash(list(window)))
    if tokens and len(tokens) < n:
        found.add(shingle_hash(tokens))
    return found


@alternative("Python's integers in a loop")
def minhash(h, a, b):
    numbers = [int(x) for x in h]
    found = [min(((int(c) * x + int(d)) % M for x in numbers), default=M) for c, d in zip(a, b, strict=True)]
    return np.array(found, dtype=np.uint64)


@alternative("products of 32-bit halves in uint64, folded by the Mersenne prime")
def minhash(h, a, b):
    if h.size == 0:
        return np.zeros(len(a), dtype=np.uint64) + np.uint64(M)
    low, shift, mask = np.uint64(2**32 - 1), np.uint64(32), np.uint64(M)

    def fold(x):
        x = (x & mask) + (x >> np.uint64(61))
        return np.where(x >= mask, x - mask, x)

    def times(x, k):  # x · 2^k mod M, for x below M
        return fold(((x << np.uint64(k)) & mask) + (x >> np.uint64(61 - k)))

    a, b, x = a[:, None], b[:, None], h[None]
    ah, al, xh, xl = a >> shift, a & low, x >> shift, x & low
    middle = fold(fold(ah * xl) + fold(al * xh))
    total = fold(times(fold(ah * xh), 3) + times(middle, 32))  # 2^64 = 8 mod M
    return fold(fold(total + fold(al * xl)) + b).min(axis=1)


@alternative("all pairs, band by band")
def lsh_candidates(sigs, bands, rows):
    n, P = sigs.shape
    if bands * rows > P:
        raise ValueError(P)
    cut = sigs[:, : bands * rows].reshape(n, bands, rows)
    return {(i, j) for i, j in combinations(range(n), 2) if (cut[i] == cut[j]).all(-1).any()}


@alternative("bytes as keys")
def lsh_candidates(sigs, bands, rows):
    if bands * rows > sigs.shape[1]:
        raise ValueError("too short")
    found, seen = set(), {}
    for j in range(len(sigs)):
        for k in range(bands):
            bucket = seen.setdefault((k, np.ascontiguousarray(sigs[j, k * rows : k * rows + rows]).tobytes()), [])
            found.update((i, j) for i in bucket)
            bucket.append(j)
    return found


@alternative("the sum of the binomial series where s^r is small")
def s_curve(s, b, r):
    q = s**r
    if b * q < 1e-4:
        return float(sum((-1) ** (k + 1) * math.comb(b, k) * q**k for k in range(1, min(b, 6) + 1)))
    return 1 - math.exp(b * math.log(1 - q)) if q < 1 else 1.0


@alternative("breadth first")
def dedup_clusters(n, pairs):
    near = {i: [] for i in range(n)}
    for i, j in pairs:
        near[i].append(j)
        near[j].append(i)
    seen, kept = set(), []
    for start in range(n):
        if start in seen:
            continue
        kept.append(start)
        queue = deque([start])
        while queue:
            i = queue.popleft()
            if i not in seen:
                seen.add(i)
                queue.extend(near[i])
    return kept


@alternative("a suffix array by sorting, and a mask of covered tokens")
def exact_substring_dups(docs, min_len=50):
    starts = [(d, i) for d, doc in enumerate(docs) for i in range(len(doc) - min_len + 1)]
    starts.sort(key=lambda place: docs[place[0]][place[1] : place[1] + min_len])
    covered = [[False] * len(doc) for doc in docs]
    for (d, i), (e, j) in pairwise(starts):
        if docs[d][i : i + min_len] == docs[e][j : j + min_len]:
            for doc, at in ((d, i), (e, j)):
                covered[doc][at : at + min_len] = [True] * min_len
    found = []
    for d, mask in enumerate(covered):
        start = None
        for t, yes in enumerate([*mask, False]):
            if yes and start is None:
                start = t
            elif not yes and start is not None:
                found.append((d, start, t))
                start = None
    return found


@alternative("counted windows, then a sweep of each document")
def exact_substring_dups(docs, min_len=50):
    count = Counter(tuple(doc[i : i + min_len]) for doc in docs for i in range(len(doc) - min_len + 1))
    out = []
    for d, doc in enumerate(docs):
        end = -1
        for i in range(len(doc) - min_len + 1):
            if count[tuple(doc[i : i + min_len])] < 2:
                continue
            if i <= end:
                out[-1] = (d, out[-1][1], i + min_len)
            else:
                out.append((d, i, i + min_len))
            end = i + min_len
    return out
