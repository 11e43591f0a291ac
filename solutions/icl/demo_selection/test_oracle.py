"""icl/demo_selection against sklearn's neighbours, rank_bm25, a brute force of MMR over all subsets of choices, and counts by rank."""

import math
import random
from itertools import permutations

import numpy as np
import pytest
import torch


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("n, d, k", [(1, 3, 1), (20, 4, 7), (50, 2, 50)])
def test_sklearn_finds_the_same_neighbours(reference, metric, n, d, k):
    neighbors = pytest.importorskip("sklearn.neighbors")
    pool, x = normal(n, d), normal(d, seed=1)
    found = neighbors.NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(pool.numpy()).kneighbors(x[None].numpy(), return_distance=False)
    assert reference.knn_demos(x, pool, k, metric) == found[0][::-1].tolist()
    if n > k:
        without = [i for i in range(n) if i not in (0, 3)]
        found = neighbors.NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(pool[without].numpy()).kneighbors(x[None].numpy())[1]
        assert reference.knn_demos(x, pool, k, metric, exclude=(0, 3)) == [without[i] for i in found[0][::-1]]


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_mmr_by_trying_all_orders(reference, lam):
    """Of all orders of k examples there is one in which each example is the best of those that come after it or are left out."""
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    for seed in range(3):
        pool, x = normal(6, 3, seed=seed).numpy(), normal(3, seed=seed + 50).numpy()
        near, among = pairwise.cosine_similarity(pool, x[None])[:, 0], pairwise.cosine_similarity(pool)

        def is_greedy(order, near=near, among=among):
            for place in range(len(order)):
                chosen = list(order[:place])
                value = near if not chosen else lam * near - (1 - lam) * among[:, chosen].max(1)
                if value[order[place]] < max(value[i] for i in range(6) if i not in chosen) - 1e-12:
                    return False
            return True

        found = [list(order) for order in permutations(range(6), 4) if is_greedy(order)]
        assert found == [reference.mmr(torch.tensor(x), torch.tensor(pool), 4, lam)]


def test_mmr_with_lam_1_is_knn_turned_round(reference):
    pool, x = normal(15, 4), normal(4, seed=9)
    assert reference.mmr(x, pool, 6, 1.0) == reference.knn_demos(x, pool, 6)[::-1]


@pytest.mark.parametrize("seed, vocab, n", [(0, 30, 20), (1, 8, 20), (2, 3, 9), (3, 200, 50)])
@pytest.mark.parametrize("k1, b", [(1.5, 0.75), (0.9, 0.4), (2.0, 0.0)])
def test_rank_bm25_gives_the_same(reference, seed, vocab, n, k1, b):
    rank_bm25 = pytest.importorskip("rank_bm25")
    rng = random.Random(seed)
    docs = [[f"w{min(rng.randrange(vocab), rng.randrange(vocab))}" for _ in range(rng.randint(1, 15))] for _ in range(n)]
    engine = rank_bm25.BM25Okapi(docs, k1=k1, b=b)
    for _ in range(5):
        query = [f"w{rng.randrange(vocab + 2)}" for _ in range(rng.randint(1, 6))]
        np.testing.assert_allclose(reference.bm25(query, docs, k1, b).numpy(), engine.get_scores(query), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_lucene_by_the_formula(reference, seed):
    """From the formula, with counts by list.count; scores fall when a document grows by a word that nobody asked for."""
    rng = random.Random(seed)
    docs = [[rng.choice("abcdef") for _ in range(rng.randint(1, 9))] for _ in range(8)]
    mean = sum(map(len, docs)) / 8
    for query in ("ab", "fcc", "z"):
        want = []
        for doc in docs:
            score = 0.0
            for word in query:
                n = sum(word in other for other in docs)
                score += math.log1p((8 - n + 0.5) / (n + 0.5)) * doc.count(word) * 2.5 / (doc.count(word) + 1.5 * (0.25 + 0.75 * len(doc) / mean))
            want.append(score)
        assert reference.bm25(list(query), docs, idf="lucene").tolist() == pytest.approx(want)
    longer = [[*docs[0], "z"], *docs[1:]]
    assert reference.bm25([docs[0][0]], longer, idf="lucene")[0] < reference.bm25([docs[0][0]], docs, idf="lucene")[0]


@pytest.mark.parametrize("n, k", [(2, 1), (7, 3), (9, 2)])
def test_labels_by_rank(reference, n, k):
    """A candidate is positive if fewer than k are better, or equal with a smaller number; numpy's stable sorts give the same."""
    rng = random.Random(n)
    for _ in range(30):
        scores = [float(rng.randint(-4, 0)) for _ in range(n)]
        positives, negatives = reference.epr_labels(scores, k)
        assert positives == np.argsort(-np.array(scores), kind="stable")[:k].tolist()
        assert negatives == np.argsort(np.array(scores), kind="stable")[:k].tolist()
        assert set(positives) == {i for i in range(n) if sum((-scores[j], j) < (-scores[i], i) for j in range(n)) < k}


def test_pairs_with_rank_bm25_as_the_search(reference):
    rank_bm25 = pytest.importorskip("rank_bm25")
    rng = random.Random(3)
    docs = [[rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(3 + 2 * length)] for length in range(14)]
    scores = [rng.uniform(-9, 0) for _ in docs]
    for i in (0, 5, 13):
        fit = rank_bm25.BM25Okapi(docs).get_scores(docs[i])
        candidates = [j for j in np.argsort(-fit, kind="stable").tolist() if j != i][:6]
        asked = []
        found = reference.epr_pairs(i, docs, lambda j, asked=asked: asked.append(j) or scores[j], n=6, k=2)
        ranked = sorted(candidates, key=lambda j: -scores[j])
        assert found == (ranked[:2], ranked[::-1][:2]) and sorted(asked) == sorted(candidates)
