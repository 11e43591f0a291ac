"""embedding/bce_two_stage against scikit-learn, on numbers and on real text, against torch's loss, and against brute force over the definitions."""

import itertools
import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

CORPUS = json.loads((Path(__file__).parents[1] / "bge_m3_hybrid" / "corpus.json").read_text())
PASSAGES = [passage["text"] for passage in CORPUS["passages"]]
QUESTIONS = [question["text"] for question in CORPUS["questions"]]
REL = torch.tensor([[question["pages"].get(passage["page"], 0) for passage in CORPUS["passages"]] for question in CORPUS["questions"]])


def judged(B, N, top=4, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, top, (B, N), generator=draw), torch.randn(B, N, generator=draw, dtype=torch.float64)


SIZES = [(1, 2, 1), (3, 5, 2), (4, 11, 5), (6, 7, 12)]


@pytest.mark.parametrize("B, N, k", SIZES)
def test_ndcg_of_scikit_learn(reference, B, N, k):
    metrics = pytest.importorskip("sklearn.metrics")
    rel, scores = judged(B, N)
    rel[0] = 0
    assert reference.ndcg_at_k(rel, scores, k) == pytest.approx(metrics.ndcg_score(rel.numpy(), scores.numpy(), k=k), abs=1e-12)
    gains = 2 ** rel.numpy() - 1
    assert reference.ndcg_at_k(rel, scores, k, gain="exponential") == pytest.approx(metrics.ndcg_score(gains, scores.numpy(), k=k), abs=1e-12)


@pytest.mark.parametrize("B, N, k", SIZES)
def test_average_precision_of_scikit_learn(reference, B, N, k):
    metrics = pytest.importorskip("sklearn.metrics")
    rel, scores = judged(B, N, top=3, seed=1)
    rel[:, 0] = 1
    one = [metrics.average_precision_score(row.numpy() > 0, s.numpy()) for row, s in zip(rel, scores, strict=True)]
    assert reference.average_precision(rel, scores) == pytest.approx(sum(one) / B, abs=1e-12)
    assert reference.average_precision(rel, scores) == pytest.approx(metrics.label_ranking_average_precision_score(rel.numpy() > 0, scores.numpy()), abs=1e-12)
    if k < N and N > 2:  # top-k accuracy of one right class is recall with one relevant document
        right = torch.arange(B) % N
        want = metrics.top_k_accuracy_score(right.numpy(), scores.numpy(), k=k, labels=range(N))
        assert reference.recall_at_k(F.one_hot(right, N), scores, k) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("B, N, C, k", [(1, 4, 3, 2), (5, 9, 2, 9), (3, 20, 8, 4)])
def test_neighbours_of_scikit_learn(reference, B, N, C, k):
    neighbors = pytest.importorskip("sklearn.neighbors")
    torch.manual_seed(0)
    q, D = torch.randn(B, C, dtype=torch.float64), torch.randn(N, C, dtype=torch.float64)
    distances, indices = neighbors.NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(D.numpy()).kneighbors(q.numpy())
    cosines, found = reference.retrieve(q, D, k)
    torch.testing.assert_close(found, torch.tensor(indices))
    torch.testing.assert_close(cosines, 1 - torch.tensor(distances))


def test_two_stages_on_real_text(reference):
    """Vectors of letters find candidates, shared rare words sort them again: all measures rise, and scikit-learn agrees with them."""
    text = pytest.importorskip("sklearn.feature_extraction.text")
    metrics = pytest.importorskip("sklearn.metrics")
    letters = text.CountVectorizer(analyzer="char", ngram_range=(2, 2)).fit(PASSAGES)
    q, D = (torch.tensor(letters.transform(x).toarray(), dtype=torch.float64) for x in (QUESTIONS, PASSAGES))
    words = text.TfidfVectorizer(stop_words="english").fit(PASSAGES)

    def read(batch):
        a, b = words.transform([" ".join(query) for query, _ in batch]), words.transform([" ".join(window) for _, window in batch])
        return torch.tensor(a.multiply(b).sum(1)).flatten() * 9 - 1

    cosines, found = reference.retrieve(q, D, 12)
    first = torch.full(REL.shape, -1.0, dtype=torch.float64).scatter(1, found, cosines)
    second = torch.full_like(first, -1.0)
    for b, question in enumerate(QUESTIONS):
        pairs = [(question.split(), reference.split_passage(PASSAGES[i].split(), 30, 5)) for i in found[b]]
        for i, score in reference.rerank(pairs, read, threshold=0.0):
            second[b, found[b, i]] = score - i * 1e-9  # no ties
    small = torch.arange(REL.shape[1]) * 1e-9
    for scores in (first - small, second - small):
        assert reference.ndcg_at_k(REL, scores, 5) == pytest.approx(metrics.ndcg_score(REL.numpy(), scores.numpy(), k=5), abs=1e-12)
    assert reference.mrr_at_k(REL, second, 5) > reference.mrr_at_k(REL, first, 5) + 0.05
    assert reference.ndcg_at_k(REL, second, 5) > reference.ndcg_at_k(REL, first, 5) + 0.05
    assert reference.recall_at_k(REL, second, 12) <= reference.recall_at_k(REL, first, 12)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 6])
def test_best_and_worst_of_all_orders(reference, k):
    """Brute force over all orders of four documents: the definitions, 1 for the best order, and more when a better document moves up."""
    rel = [3, 0, 1, 2]
    found = {}
    for order in itertools.permutations(range(4)):
        scores = torch.tensor([[-float(order.index(i)) for i in range(4)]])
        row = [rel[i] for i in order]
        args = torch.tensor([rel]), scores
        dcg = [sum(g / math.log(i + 2, 2) for i, g in enumerate(x[:k])) for x in (row, sorted(rel)[::-1])]
        found[order] = reference.ndcg_at_k(*args, k)
        assert found[order] == pytest.approx(dcg[0] / dcg[1], abs=1e-12)
        assert reference.mrr_at_k(*args, k) == max([1 / (i + 1) for i, r in enumerate(row[:k]) if r] or [0])
        assert reference.recall_at_k(*args, k) == pytest.approx(sum(r > 0 for r in row[:k]) / 3)
        places = [i + 1 for i, r in enumerate(row) if r]
        assert reference.average_precision(*args) == pytest.approx(sum((n + 1) / place for n, place in enumerate(places)) / 3)
    assert max(found.values()) == pytest.approx(1) and found[0, 3, 2, 1] == pytest.approx(1)
    for order, value in found.items():
        for i in range(3):
            up = list(order)
            up[i], up[i + 1] = up[i + 1], up[i]
            if rel[up[i]] > rel[up[i + 1]]:
                assert found[tuple(up)] >= value - 1e-12


@pytest.mark.parametrize("max_len, overlap", [(1, 0), (4, 1), (8, 2), (12, 3), (5, 9)])
def test_windows_cover_everything_once_more_than_needed(reference, max_len, overlap):
    overlap_found = min(overlap, max_len // 4)
    for n in range(40):
        tokens = list(range(100, 100 + n))
        windows = reference.split_passage(tokens, max_len, overlap)
        rest = [window[overlap_found:] for window in windows[1:]]
        assert [*itertools.chain(*windows[:1], *rest)] == tokens
        assert all(rest) and all(len(window) == max_len for window in windows[:-1])
        assert all(a[len(a) - overlap_found :] == b[:overlap_found] for a, b in itertools.pairwise(windows))


@pytest.mark.parametrize("B, N, scale", [(1, 2, 1.0), (4, 3, 0.1), (3, 7, 3000.0)])
def test_the_loss_of_torch(reference, B, N, scale):
    torch.manual_seed(0)
    logits = (torch.randn(B, N, dtype=torch.float64) * scale).requires_grad_()
    positive = torch.randint(0, N, (B,))
    want, found = F.cross_entropy(logits, positive), reference.cross_entropy_rerank(logits, positive)
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(torch.autograd.grad(found, logits), torch.autograd.grad(want, logits))
