"""embedding/bge_m3_hybrid on real text against scikit-learn, against torch's norms and losses, and against loops over the definitions."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

CORPUS = json.loads((Path(__file__).parent / "corpus.json").read_text())
PASSAGES = [passage["text"] for passage in CORPUS["passages"]]
QUESTIONS = [question["text"] for question in CORPUS["questions"]]
PAGES = [passage["page"] for passage in CORPUS["passages"]]
WORD = re.compile(r"\w\w+")


def words(text):
    return WORD.findall(text.lower())


class Toy:
    """A stand-in for an encoder: a fixed vector for each word, in which the first feature is its rarity, behind CLS and before padding."""

    def __init__(self, C=48):
        everything = sorted({word for text in PASSAGES + QUESTIONS for word in words(text)})
        self.ids = {word: i + 3 for i, word in enumerate(everything)}
        held = [set(words(text)) for text in PASSAGES]
        rarity = [1.0, 1.0, 1.0] + [math.log((1 + len(held)) / (1 + sum(word in texts for texts in held))) + 1 for word in everything]
        self.rarity = torch.tensor(rarity, dtype=torch.float64)
        self.table = torch.randn(len(self.rarity), C, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def __call__(self, texts):
        tokens = [[0, *(self.ids[word] for word in words(text)), 2] for text in texts]
        T = max(map(len, tokens))
        ids = torch.tensor([row + [1] * (T - len(row)) for row in tokens])
        mask = torch.tensor([[1] * len(row) + [0] * (T - len(row)) for row in tokens])
        h = self.table[ids] * self.rarity[ids].unsqueeze(-1)
        h[:, 0] = (h * mask.unsqueeze(-1)).sum(1)  # CLS knows all words
        return torch.cat([self.rarity[ids].unsqueeze(-1), h], -1), ids, mask


@pytest.fixture(scope="module")
def encoded():
    toy = Toy()
    return toy(QUESTIONS), toy(PASSAGES)


def all_scores(reference, encoded):
    (hq, _iq, mq), (hd, _, md) = encoded
    C = hq.shape[-1]
    first = torch.eye(C, dtype=torch.float64)[0]
    zero = torch.zeros((), dtype=torch.float64)
    W = torch.eye(C, dtype=torch.float64)[1:]
    sparse = [reference.sparse_weights(*x[:1], first, zero, *x[1:], {0, 1, 2}) for x in encoded]
    ss = torch.tensor([[reference.sparse_score(a, b) for b in sparse[1]] for a in sparse[0]], dtype=torch.float64)
    sd = reference.dense(hq[..., 1:]) @ reference.dense(hd[..., 1:]).T
    sc = reference.maxsim(*reference.colbert(hq, W, torch.zeros(C - 1, dtype=torch.float64), mq), *reference.colbert(hd, W, torch.zeros(C - 1, dtype=torch.float64), md))
    return sd, ss, sc


def test_words_as_in_scikit_learn(reference, encoded):
    """With the rarity of a word as its weight, a score is the product of scikit-learn's vectors of words that occur, times idf."""
    text = pytest.importorskip("sklearn.feature_extraction.text")
    vectors = text.TfidfVectorizer(norm=None, binary=True)
    d = vectors.fit_transform(PASSAGES)
    q = vectors.transform(QUESTIONS)
    _, ss, _ = all_scores(reference, encoded)
    torch.testing.assert_close(ss, torch.tensor((q @ d.T).toarray()))


def test_cosines_as_in_scikit_learn(reference, encoded):
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    (hq, _, _), (hd, _, _) = encoded
    want = torch.tensor(pairwise.cosine_similarity(hq[:, 0].numpy(), hd[:, 0].numpy()))
    torch.testing.assert_close(reference.dense(hq) @ reference.dense(hd).T, want)


def test_three_ways_find_real_passages(reference, encoded):
    """The ranking quality of each way on the corpus, by scikit-learn: all far above chance, and the mean of three above the worst."""
    metrics = pytest.importorskip("sklearn.metrics")
    gains = torch.tensor([[question["pages"].get(page, 0) for page in PAGES] for question in CORPUS["questions"]])
    sd, ss, sc = all_scores(reference, encoded)
    found = {name: metrics.ndcg_score(gains.numpy(), s.numpy(), k=5) for name, s in (("dense", sd), ("sparse", ss), ("tokens", sc), ("all", reference.hybrid(sd, ss / ss.max(), sc)))}
    chance = metrics.ndcg_score(gains.numpy(), torch.rand(gains.shape, generator=torch.Generator().manual_seed(0)).numpy(), k=5)
    assert chance < 0.25 and min(found.values()) > 0.5 and found["all"] > min(found[name] for name in ("dense", "sparse", "tokens"))


@pytest.mark.parametrize("lengths", [([2, 4], [3, 5, 1]), ([1], [1, 7]), ([6, 3, 2], [4])])
def test_late_interaction_by_its_definition(reference, lengths):
    torch.manual_seed(0)
    made = []
    for of in lengths:
        x = torch.randn(len(of), max(of), 5, dtype=torch.float64, requires_grad=True)
        made += [x, torch.tensor([[i < n for i in range(max(of))] for n in of])]
    q, qm, d, dm = made
    want = torch.stack([torch.stack([(a[am] @ b[bm].T).amax(1).mean() for b, bm in zip(d, dm, strict=True)]) for a, am in zip(q, qm, strict=True)])
    found = reference.maxsim(*made)
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), (q, d)), torch.autograd.grad(want.sum(), (q, d)))


def test_limits_of_late_interaction(reference, encoded):
    """A document that holds the query has the score 1, no score is above 1, and the order of a document's tokens is nothing."""
    (hq, _, mq), _ = encoded
    C = hq.shape[-1]
    x, real = reference.colbert(hq, torch.eye(C, dtype=torch.float64), torch.zeros(C, dtype=torch.float64), mq)
    scores = reference.maxsim(x, real, x, real)
    torch.testing.assert_close(scores.diagonal(), torch.ones(len(x), dtype=torch.float64))
    assert scores.max() <= 1 + 1e-12
    order = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(reference.maxsim(x, real, x[:, order], real[:, order]), scores)


@pytest.mark.parametrize("B, N, scale", [(1, 2, 1.0), (4, 3, 0.1), (3, 7, 50.0), (2, 5, 3000.0)])
def test_losses_of_torch(reference, B, N, scale):
    torch.manual_seed(0)
    s = [(torch.randn(B, N, dtype=torch.float64) * scale).requires_grad_() for _ in range(3)]
    teacher = F.softmax((s[0] + 0.3 * s[1] + s[2]).detach(), -1)
    want = sum(f * F.cross_entropy(x, teacher) for f, x in zip((1, 0.1, 1), s, strict=True)) / 3
    found = reference.self_distill_loss(*s)
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(torch.autograd.grad(found, s), torch.autograd.grad(want, s))


@pytest.mark.slow  # every night only: FlagEmbedding comes with the extra `trainers`
def test_flag_embedding(reference):
    """Its scores of tokens (with no padding) and its vectors."""
    modeling = pytest.importorskip("FlagEmbedding.finetune.embedder.encoder_only.m3.modeling")
    theirs = object.__new__(modeling.EncoderOnlyEmbedderM3Model)
    torch.nn.Module.__init__(theirs)
    theirs.temperature, theirs.colbert_linear = 1.0, torch.nn.Linear(4, 3).double()
    h, mask = torch.randn(3, 6, 4, dtype=torch.float64), torch.ones(3, 6, dtype=torch.int64)
    want = F.normalize(theirs._colbert_embedding(h, mask), dim=-1)
    x, real = reference.colbert(h, theirs.colbert_linear.weight, theirs.colbert_linear.bias, mask)
    torch.testing.assert_close(x, want)
    torch.testing.assert_close(reference.maxsim(x, real, x, real), theirs.compute_colbert_score(want, want, mask))
