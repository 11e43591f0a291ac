"""cot/auto_cot against scikit-learn's and scipy's k-means, and against the rules of the paper's code in another style."""

import itertools
import random
import warnings

import pytest
import torch

from autograder.lab.corpora import english


def blobs(seed, n, d, k, spread=8.0):
    generator = torch.Generator().manual_seed(seed)
    places = spread * torch.randn(k, d, generator=generator, dtype=torch.float64)
    return places[torch.randint(0, k, (n,), generator=generator)] + torch.randn(n, d, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("iters", [1, 2, 100])
@pytest.mark.parametrize("seed, n, d, k, spread", [(0, 30, 2, 3, 8.0), (1, 60, 5, 6, 1.0), (2, 9, 1, 2, 0.0), (3, 100, 3, 8, 3.0)])
def test_scikit_learn(reference, seed, n, d, k, spread, iters):
    cluster = pytest.importorskip("sklearn.cluster")
    x = blobs(seed, n, d, k, spread)
    begin = reference.initial_centers(x, k)
    theirs = cluster.KMeans(k, init=begin.numpy(), n_init=1, max_iter=iters, tol=0.0, algorithm="lloyd")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # after one or two rounds it has not converged
        theirs.fit(x.numpy())
    labels, centers = reference.kmeans(x, begin, iters)
    assert labels.tolist() == theirs.labels_.tolist()
    torch.testing.assert_close(centers, torch.from_numpy(theirs.cluster_centers_))


@pytest.mark.parametrize("iters", [1, 5, 40])
def test_scipy(reference, iters):
    vq = pytest.importorskip("scipy.cluster.vq")
    x = blobs(4, 50, 3, 5, 1.0)
    begin = x[:5]
    centers, labels = vq.kmeans2(x.numpy(), begin.numpy(), iter=iters, minit="matrix")
    ours = reference.kmeans(x, begin, iters)
    torch.testing.assert_close(ours[1], torch.from_numpy(centers))
    if iters == 40:  # scipy's labels are those from before the last move
        assert ours[0].tolist() == labels.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_no_round_makes_it_worse(reference, seed):
    x = blobs(seed, 40, 2, 4, 2.0)
    begin = x[torch.randperm(40, generator=torch.Generator().manual_seed(seed))[:6]]
    costs = []
    for iters in range(12):
        labels, centers = reference.kmeans(x, begin, iters)
        assert labels.equal(torch.cdist(x, centers).argmin(1))
        costs.append(float(((x - centers[labels]) ** 2).sum()))
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(costs))


@pytest.mark.parametrize("seed", range(4))
def test_farthest_first_is_at_most_twice_the_best_radius(reference, seed):
    """Gonzalez, 1985: no choice of k points covers all others within less than half of the radius that this one needs."""
    x = blobs(seed, 9, 2, 3)
    radius = lambda centers: torch.cdist(x, centers).amin(1).max().item()  # noqa: E731
    best = min(radius(x[list(chosen)]) for chosen in itertools.combinations(range(9), 3))
    assert radius(reference.initial_centers(x, 3)) <= 2 * best + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_picking_as_the_papers_code_does(reference, seed):
    """The loops of Algorithm 2 on verses: sort each cluster by distance, take the first one that passes."""
    rng = random.Random(seed)
    verses = [line for line in english(8000).split("\n") if line]
    n, k = 40, 5
    x = blobs(seed, n, 3, k)
    labels, centers = reference.kmeans(x, reference.initial_centers(x, k))
    items = []
    for _ in range(n):
        steps = rng.sample(verses, rng.randrange(1, 8))
        rationale = rng.choice(["\n", "\n\n"]).join(steps)
        items.append((" ".join(rng.sample(verses, 3)), rationale + rng.choice(["", ".", " And"]), rng.choice(["", "God", "earth", "xyzzy"])))
    wanted = []
    for cluster in range(k):
        order = sorted((i for i in range(n) if labels[i] == cluster), key=lambda i: (torch.dist(x[i], centers[cluster]).item(), i))
        for i in order:
            question, rationale, answer = items[i]
            lines = rationale.replace("\n\n", "\n").split("\n")
            if len(question.strip().split()) <= 60 and len(lines) <= 5 and rationale[-1] == "." and answer and answer in rationale:
                wanted.append(i)
                break
    assert reference.pick_demos(x, labels, centers, items) == wanted


def test_the_prompt_line_by_line(reference):
    items = [("q1", "a.\nb.", "1"), ("q2", "c.", "2")]
    lines = reference.build_auto_cot(items, "q3").split("\n")
    start = "A: Let's think step by step."
    assert lines == ["Q: q1", f"{start} a. b. The answer is 1.", "", "Q: q2", f"{start} c. The answer is 2.", "", "Q: q3", start]


@pytest.mark.parametrize("n", [0, 1, 3, 8, 11])
def test_a_model_that_counts_what_it_sees(reference, n):
    """Each answer is the number of answers that stand in the prompt: 0, 1, 2 …"""
    calls = []

    def llm(prompt):
        calls.append(prompt)
        return "\n".join(f"{i + 1}. What is {i}?" for i in range(n)) if len(calls) == 1 else f" {prompt.count('A: ')}\nQ: more?\nA: 99"

    answer, smaller = reference.least_to_most(llm, "Given.", "What now?")
    asked = min(n, 8)
    assert (answer, smaller) == (str(asked), [str(i) for i in range(asked)])
    assert len(calls) == asked + 2
    for i, call in enumerate(calls[1:-1]):
        assert calls[i + 2].startswith(f"{call} {i}\n\nQ: ")
