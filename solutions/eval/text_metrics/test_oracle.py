"""eval/text_metrics against sacrebleu, rouge_score, scikit-learn and scipy, on verses that were changed in many ways."""

import math
import random
import re
import string
from collections import Counter

import pytest

from autograder.lab.corpora import english


def verses(seed, count):
    return random.Random(seed).sample([line for line in english().split("\n") if len(line.split()) > 6], count)


def changed(rng, text, wrong):
    words = text.split()
    for _ in range(wrong):
        at = rng.randrange(len(words))
        kind = rng.randrange(4)
        if kind == 0 and len(words) > 2:
            del words[at]
        elif kind == 1:
            words.insert(at, rng.choice(words))
        elif kind == 2:
            words[at] = rng.choice(["and", "the", "LORD", "earth;", "was"])
        else:
            rng.shuffle(words)
    return " ".join(words)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("max_n", [1, 2, 4, 5])
@pytest.mark.parametrize("texts, each, wrong", [(1, 1, 3), (1, 3, 9), (8, 1, 2), (20, 2, 5), (30, 4, 8), (3, 1, 60)])
def test_sacrebleu(reference, smooth, max_n, texts, each, wrong):
    bleu = pytest.importorskip("sacrebleu.metrics").BLEU
    rng = random.Random(texts * 100 + wrong)
    lines = verses(wrong, texts)
    hyps = [changed(rng, line, wrong) for line in lines]
    refs = [[changed(rng, line, rng.randrange(wrong)) for _ in range(each)] for line in lines]
    if texts > 5:
        hyps[2] = ""
    theirs = bleu(tokenize="none", smooth_method="exp" if smooth else "none", max_ngram_order=max_n, force=True)
    want = theirs.corpus_score(hyps, [list(row) for row in zip(*refs, strict=True)]).score
    assert reference.corpus_bleu(hyps, refs, max_n=max_n, smooth=smooth) == pytest.approx(want, abs=1e-9)


def test_the_paper(reference):
    """Papineni et al., section 2.1: example 2 has a modified unigram precision of 2/7, and the paper's candidates 1 and 2 17/18 and 8/14."""
    refs = ["It is a guide to action that ensures that the military will forever heed Party commands".lower(),
            "It is the guiding principle which guarantees the military forces always being under the command of the Party".lower(),
            "It is the practical guide for the army always to heed the directions of the party".lower()]
    one = "It is a guide to action which ensures that the military always obeys the commands of the party".lower()
    two = "It is to insure the troops forever hearing the activity guidebook that party direct".lower()
    assert reference.corpus_bleu([one], [refs], max_n=1) == pytest.approx(100 * 17 / 18)
    assert reference.corpus_bleu([two], [refs], max_n=1) == pytest.approx(100 * 8 / 14 * math.exp(1 - 16 / 14))
    sevens = [["the cat is on the mat", "there is a cat on the mat"]]
    assert reference.corpus_bleu(["the the the the the the the"], sevens, max_n=1) == pytest.approx(100 * 2 / 7)


@pytest.mark.parametrize("seed", range(6))
def test_rouge_score(reference, seed):
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    rng = random.Random(seed)
    for line in verses(seed, 12):
        hyp, ref = changed(rng, line, rng.randrange(12)), changed(rng, line, rng.randrange(5)).replace(" ", rng.choice([" ", "-", "_", " é "]))
        want = scorer.score(ref, hyp)["rougeL"]
        assert reference.rouge_l(hyp, ref) == pytest.approx((want.precision, want.recall, want.fmeasure))


@pytest.mark.parametrize("seed", range(4))
def test_f1_of_words_as_labels(reference, seed):
    """Each copy of a word is a label: the k-th 'and' of one text is the k-th 'and' of the other one. The F1 of the labels is scikit-learn's."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = random.Random(seed)
    for line in verses(seed, 10):
        gold, guess = (changed(rng, line, rng.randrange(9)) for _ in range(2))
        sides = []
        for text in (gold, guess):
            words = re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(str.maketrans("", "", string.punctuation))).split()
            sides.append({(word, i) for word, count in Counter(words).items() for i in range(count)})
        labels = sorted(sides[0] | sides[1])
        want = metrics.f1_score([label in sides[0] for label in labels], [label in sides[1] for label in labels])
        assert reference.squad_em_f1(guess, [gold])[1] == pytest.approx(want)


def drawn(seed, n, each, draws=0.2):
    rng = random.Random(seed)
    matches = [(a, (a + 1) % n, 1.0) for a in range(n)]
    for a in range(n):
        for b in range(n):
            if a != b:
                matches += [(a, b, 0.5 if rng.random() < draws else float(rng.random() < (a + 1) / (a + b + 2))) for _ in range(each)]
    rng.shuffle(matches)
    return matches


@pytest.mark.parametrize("n, each", [(2, 5), (4, 3), (7, 10), (12, 1)])
def test_scipy_finds_no_better_ratings(reference, n, each):
    optimize = pytest.importorskip("scipy.optimize")
    matches = drawn(n, n, each)

    def cost(r):
        return sum(score * math.log1p(10 ** ((r[b] - r[a]) / 400)) + (1 - score) * math.log1p(10 ** ((r[a] - r[b]) / 400)) for a, b, score in matches)

    found = optimize.minimize(lambda s: cost([0.0, *(400 * s)]), [0.0] * (n - 1), tol=1e-10)
    want = [0.0, *(400 * found.x)]
    assert reference.bradley_terry(matches, n) == pytest.approx([1000 + r - sum(want) / n for r in want], abs=0.05)
    assert cost(reference.bradley_terry(matches, n)) <= found.fun + 1e-9


@pytest.mark.parametrize("n, each", [(3, 4), (6, 6)])
def test_logistic_regression(reference, n, each):
    """scikit-learn's, on +1 and -1 for both models of a match, without an intercept: what Chatbot Arena does. Draws are two half matches there."""
    linear = pytest.importorskip("sklearn.linear_model")
    matches = drawn(10 * n, n, each)
    x, y, weight = [], [], []
    for a, b, score in matches:
        for won, share in ((1, score), (0, 1 - score)):
            if share:
                row = [0.0] * n
                row[a], row[b] = 1.0, -1.0
                x.append(row), y.append(won), weight.append(share)
    fitted = linear.LogisticRegression(fit_intercept=False, C=1e9, tol=1e-12, max_iter=3000).fit(x, y, sample_weight=weight)
    s = fitted.coef_[0]
    assert reference.bradley_terry(matches, n) == pytest.approx((1000 + 400 / math.log(10) * (s - s.mean())).tolist(), abs=0.05)


def test_elo_keeps_the_sum_and_depends_on_the_order(reference):
    matches = drawn(1, 5, 4)
    ratings = reference.elo(matches, 5, k=24.0)
    assert sum(ratings) == pytest.approx(5000)
    assert ratings != pytest.approx(reference.elo(matches[::-1], 5, k=24.0), abs=1.0)
    slow = reference.elo(matches * 3000, 5, k=0.05)  # a tiny k, many rounds: Elo settles where Bradley-Terry is
    assert slow == pytest.approx(reference.bradley_terry(matches, 5), abs=2.0)
