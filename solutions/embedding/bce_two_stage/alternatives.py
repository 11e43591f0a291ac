"""Right ways to write embedding/bce_two_stage, done differently."""

import heapq
import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.checks import alternative

LOOPS = "loops and plain Python"
NUMPY = "NumPy: argsort of the negative scores"
BCE = "as BCEmbedding: a loop over starts, ids of passages, and a table of the largest scores"
TORCH = "functions of torch: cosine_similarity, cross_entropy, cumulative sums"


def order(scores):
    return sorted(range(len(scores)), key=lambda i: -scores[i])


@alternative(LOOPS)
def retrieve(q, D, k):
    rows = [torch.stack([torch.dot(a, b) / (torch.dot(a, a).sqrt() * torch.dot(b, b).sqrt()) for b in D]) for a in q]
    found = torch.tensor([order(row.tolist())[:k] for row in rows])
    return torch.stack(rows).gather(1, found), found


@alternative(LOOPS)
def ranked(rel, scores):
    return torch.stack([torch.stack([row[i] for i in order(s.tolist())]) for row, s in zip(rel, scores, strict=True)])


@alternative(LOOPS)
def ndcg_at_k(rel, scores, k, gain="linear"):
    gains = {"linear": lambda r: r, "exponential": lambda r: 2.0**r - 1}
    if gain not in gains:
        raise ValueError(gain)
    total = 0.0
    for row, s in zip(rel.tolist(), scores.tolist(), strict=True):
        row = [gains[gain](r) for r in row]
        dcg = sum(row[j] / math.log2(i + 2) for i, j in enumerate(order(s)[:k]))
        ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(row, reverse=True)[:k]))
        total += dcg / ideal if ideal else 0.0
    return total / len(rel)


@alternative(LOOPS)
def mrr_at_k(rel, scores, k):
    total = 0.0
    for row, s in zip(rel.tolist(), scores.tolist(), strict=True):
        total += next((1 / (i + 1) for i, j in enumerate(order(s)[:k]) if row[j] > 0), 0.0)
    return total / len(rel)


@alternative(LOOPS)
def recall_at_k(rel, scores, k):
    total = 0.0
    for row, s in zip(rel.tolist(), scores.tolist(), strict=True):
        relevant = {j for j, r in enumerate(row) if r > 0}
        total += len(relevant & set(order(s)[:k])) / len(relevant) if relevant else 0.0
    return total / len(rel)


@alternative(LOOPS)
def average_precision(rel, scores):
    total = 0.0
    for row, s in zip(rel.tolist(), scores.tolist(), strict=True):
        found, precisions = 0, []
        for i, j in enumerate(order(s), 1):
            if row[j] > 0:
                found += 1
                precisions.append(found / i)
        total += sum(precisions) / len(precisions) if precisions else 0.0
    return total / len(rel)


@alternative(NUMPY)
def ranked(rel, scores):
    places = np.argsort(-scores.detach().numpy(), axis=1, kind="stable")
    return torch.from_numpy(np.take_along_axis(rel.numpy(), places, axis=1))


@alternative(NUMPY)
def average_precision(rel, scores):
    results = []
    for row, s in zip(rel.numpy(), scores.numpy(), strict=True):
        places = np.flatnonzero(row[np.argsort(-s, kind="stable")] > 0) + 1
        results.append(np.mean(np.arange(1, len(places) + 1) / places) if len(places) else 0.0)
    return float(np.mean(results))


@alternative(NUMPY)
def mrr_at_k(rel, scores, k):
    hits = np.take_along_axis(rel.numpy(), np.argsort(-scores.numpy(), axis=1, kind="stable"), axis=1)[:, :k] > 0
    return float(np.where(hits.any(1), 1 / (hits.argmax(1) + 1), 0.0).mean())


@alternative(BCE)
def split_passage(tokens, max_len, overlap):
    if max_len < 1 or overlap < 0:
        raise ValueError("no such windows")
    overlap, start, windows = min(overlap, max_len // 4), 0, []
    while start < len(tokens):
        end = start + max_len
        windows.append(tokens[start:end])
        start = end - overlap if end < len(tokens) else end
    return windows


@alternative(BCE)
def rerank(pairs, score_fn, threshold=0.35):
    batch, ids = [], []
    for i, (query, windows) in enumerate(pairs):
        for window in windows:
            batch.append((query, window))
            ids.append(i)
    if not batch:
        return []
    with torch.no_grad():
        scores = torch.sigmoid(score_fn(batch)).numpy().tolist()
    best = {}
    for i, score in zip(ids, scores, strict=True):
        best[i] = max(best.get(i, 0.0), score)
    return [(i, best[i]) for i in sorted(best, key=lambda i: (-best[i], i)) if not best[i] < threshold]


@alternative(TORCH)
def retrieve(q, D, k):
    cosines = F.cosine_similarity(q[:, None], D[None], dim=-1, eps=1e-12)
    indices = torch.argsort(-cosines, dim=1, stable=True)[:, :k]
    return torch.take_along_dim(cosines, indices, 1), indices


@alternative(TORCH)
def cross_entropy_rerank(logits, positive):
    return F.cross_entropy(logits, positive)


@alternative(TORCH)
def recall_at_k(rel, scores, k):
    hits = torch.take_along_dim(rel, torch.argsort(-scores, dim=1, stable=True), 1).gt(0).to(torch.float64).cumsum(1)
    return float(torch.nan_to_num(hits[:, min(k, rel.shape[1]) - 1] / hits[:, -1]).mean())


@alternative("a heap, and one-hot targets")
def rerank(pairs, score_fn, threshold=0.35):
    batch = [(query, window) for query, windows in pairs for window in windows]
    heap = []
    if batch:
        with torch.inference_mode(False), torch.no_grad():
            logits = score_fn(batch).split([len(windows) for _, windows in pairs])
        for i, part in enumerate(logits):
            if len(part):
                heapq.heappush(heap, (-part.amax().sigmoid().item(), i))
    found = [heapq.heappop(heap) for _ in range(len(heap))]
    return [(i, -score) for score, i in found if -score >= threshold]


@alternative("a heap, and one-hot targets")
def cross_entropy_rerank(logits, positive):
    target = F.one_hot(positive, logits.shape[1]).to(logits.dtype)
    return -torch.einsum("bn,bn->", target, logits.log_softmax(1)) / len(logits)
