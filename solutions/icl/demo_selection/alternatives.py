"""Right ways to write icl/demo_selection, done differently."""

import heapq
import math
from collections import defaultdict

import numpy as np
import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("normalized vectors and a stable argsort")
def knn_demos(x, pool, k, metric="cosine", exclude=()):
    if metric == "cosine":
        far = -(F.normalize(pool, dim=1, eps=1e-30) @ F.normalize(x, dim=0, eps=1e-30))
    elif metric == "euclidean":
        far = ((pool - x) ** 2).sum(1)
    else:
        raise ValueError("metric")
    order = [i for i in torch.argsort(far, stable=True).tolist() if i not in set(exclude)]
    if k < 1 or k > len(order):
        raise ValueError("k")
    return order[:k][::-1]


@alternative("in NumPy, with a heap")
def knn_demos(x, pool, k, metric="cosine", exclude=()):
    q, rows = x.numpy().astype(float), pool.numpy().astype(float)

    def distance(row):
        if metric == "euclidean":
            return math.sqrt(((row - q) ** 2).sum())
        size = math.sqrt((row @ row) * (q @ q))
        return -(row @ q) / size if size else 0.0

    if metric not in {"cosine", "euclidean"}:
        raise ValueError("metric")
    able = [(distance(row), i) for i, row in enumerate(rows) if i not in exclude]
    if not 0 < k <= len(able):
        raise ValueError("k")
    return [i for _, i in heapq.nsmallest(k, able)][::-1]


@alternative("cosine_similarity and cdist, the excluded set to infinity")
def knn_demos(x, pool, k, metric="cosine", exclude=()):
    if metric not in ("cosine", "euclidean"):
        raise ValueError("metric")
    far = -F.cosine_similarity(pool, x[None], eps=1e-30) if metric == "cosine" else torch.cdist(x[None], pool, compute_mode="donot_use_mm_for_euclid_dist")[0]
    gone = list(set(exclude))
    if k < 1 or k > len(pool) - len(gone):
        raise ValueError("k")
    far[gone] = math.inf
    return far.sort(stable=True).indices[:k].flip(0).tolist()


@alternative("the whole matrix of cosines first, -inf where an example is taken")
def mmr(x, pool, k, lam=0.5):
    if k < 1 or k > len(pool) or lam < 0 or lam > 1:
        raise ValueError("k, lam")
    unit = F.normalize(pool, dim=1, eps=1e-30)
    near, among = unit @ F.normalize(x, dim=0, eps=1e-30), unit @ unit.T
    chosen = [near.tolist().index(near.max().item())]
    while len(chosen) < k:
        value = lam * near - (1 - lam) * among[:, chosen].amax(1)
        value[chosen] = -math.inf
        chosen.append(value.tolist().index(value.max().item()))
    return chosen


@alternative("from the definition, in Python's floats")
def mmr(x, pool, k, lam=0.5):
    if not (0 < k <= len(pool)) or not (0 <= lam <= 1):
        raise ValueError("k, lam")
    rows, q = pool.tolist(), x.tolist()

    def cosine(a, b):
        size = math.sqrt(math.fsum(u * u for u in a)) * math.sqrt(math.fsum(v * v for v in b))
        return math.fsum(u * v for u, v in zip(a, b, strict=True)) / size if size else 0.0

    chosen = []
    for _ in range(k):
        best, value = None, -math.inf
        for i, row in enumerate(rows):
            if i in chosen:
                continue
            score = lam * cosine(q, row) - (1 - lam) * max(cosine(row, rows[j]) for j in chosen) if chosen else cosine(q, row)
            if score > value:
                best, value = i, score
        chosen.append(best)
    return chosen


@alternative("an inverted index, word by word")
def bm25(query, docs, k1=1.5, b=0.75, idf="okapi"):
    if idf != "okapi" and idf != "lucene":
        raise ValueError("idf")
    index = defaultdict(dict)
    for i, doc in enumerate(docs):
        for word in doc:
            index[word][i] = index[word].get(i, 0) + 1
    rarity = {}
    for word, places in index.items():
        odds = math.log(len(docs) - len(places) + 0.5) - math.log(len(places) + 0.5)
        rarity[word] = odds if idf == "okapi" else math.log1p(math.exp(odds))
    mean = sum(rarity.values()) / max(len(rarity), 1)
    scores, words = [0.0] * len(docs), sum(len(doc) for doc in docs)
    for word in query:
        for i, f in index.get(word, {}).items():
            weight = 0.25 * mean if rarity[word] < 0 and idf == "okapi" else rarity[word]
            scores[i] += weight * f * (k1 + 1) / (f + k1 * ((1 - b) + b * len(docs[i]) * len(docs) / words))
    return torch.tensor(scores, dtype=torch.float64)


@alternative("matrices of counts")
def bm25(query, docs, k1=1.5, b=0.75, idf="okapi"):
    if idf not in {"okapi", "lucene"}:
        raise ValueError("idf")
    vocab = sorted({word for doc in docs for word in doc})
    if not vocab:
        return torch.zeros(len(docs), dtype=torch.float64)
    place = {word: i for i, word in enumerate(vocab)}
    counts = np.zeros((len(docs), len(vocab)))
    for i, doc in enumerate(docs):
        for word in doc:
            counts[i, place[word]] += 1
    n = (counts > 0).sum(0)
    weight = np.log((len(docs) - n + 0.5) / (n + 0.5)) if idf == "okapi" else np.log((len(docs) + 1) / (n + 0.5))
    if idf == "okapi":
        weight = np.where(weight < 0, 0.25 * weight.mean(), weight)
    length = counts.sum(1, keepdims=True)
    below = counts + k1 * (1 - b + b * length / length.mean())
    parts = np.divide(counts * (k1 + 1), below, out=np.zeros_like(counts), where=counts > 0) * weight
    asked = [place[word] for word in query if word in place]
    return torch.from_numpy(parts[:, asked].sum(1))


@alternative("stable sorts, reversed with care")
def epr_labels(scores, k):
    n = len(scores)
    if k < 1 or n < 2 * k:
        raise ValueError("k")
    up = sorted(range(n), key=scores.__getitem__)
    down = sorted(range(n), key=scores.__getitem__, reverse=True)  # a stable sort keeps equal ones in their order
    return down[:k], up[:k]


@alternative("torch.sort, stable both times")
def epr_labels(scores, k):
    if not 0 < 2 * k <= len(scores):
        raise ValueError("k")
    values = torch.tensor(scores, dtype=torch.float64)
    positives, negatives = (values.sort(descending=down, stable=True).indices[:k].tolist() for down in (True, False))
    return positives, negatives


@alternative("the candidates as a set, asked in the order of their numbers, labels by sorting pairs")
def epr_pairs(i, docs, score, n, k):
    fit = bm25(docs[i], docs)
    fit[i] = -math.inf
    ranked = fit.sort(descending=True, stable=True).indices.tolist()
    candidates = set(ranked[: min(n, len(docs) - 1)])
    if k < 1 or 2 * k > len(candidates):
        raise ValueError("k")
    judged = [(score(j), j) for j in sorted(candidates, reverse=True)]
    best = heapq.nsmallest(k, [(-value, j) for value, j in judged])
    return [j for _, j in best], [j for _, j in heapq.nsmallest(k, judged)]
