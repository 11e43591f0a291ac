"""falcon/refinedweb_dedup against datasketch (where it is installed), exact Jaccard similarities, and a naive search for repeated spans."""

import itertools
import math
import random

import numpy as np
import pytest

M = 2**61 - 1


def draw(rng, P):
    a, b = (np.array([rng.randrange(1, M) for _ in range(P)], dtype=np.uint64) for _ in range(2))
    return a, b


@pytest.mark.parametrize("m, P", [(1, 1), (30, 64), (400, 16)])
def test_signatures_are_those_of_datasketch_where_nothing_overflows(reference, m, P):
    """Its old scheme is (a·x + b) mod (2^61 - 1), cut to 32 bits: the same for factors below 2^15."""
    datasketch = pytest.importorskip("datasketch")
    rng = random.Random(m)
    h = [rng.randrange(2**15) for _ in range(m)]
    a, b = (np.array([rng.randrange(1, 2**15) for _ in range(P)], dtype=np.uint64) for _ in range(2))
    try:
        theirs = datasketch.MinHash(num_perm=P, hashfunc=lambda x: x, permutations=(a, b), scheme="legacy")
    except TypeError:  # before version 2 there was no other scheme
        theirs = datasketch.MinHash(num_perm=P, hashfunc=lambda x: x, permutations=(a, b))
    for x in h:
        theirs.update(x)
    assert reference.minhash(np.array(h, dtype=np.uint64), a, b).tolist() == theirs.hashvalues.tolist()


@pytest.mark.parametrize("bands, rows, spare", [(5, 2, 0), (2, 5, 3), (8, 1, 0), (2, 4, 2)])
def test_candidates_are_those_of_datasketch(reference, bands, rows, spare):
    datasketch = pytest.importorskip("datasketch")
    P = bands * rows + spare
    sigs = np.random.default_rng(rows).integers(0, 3, (40, P)).astype(np.uint64)
    index = datasketch.MinHashLSH(num_perm=P, params=(bands, rows))
    options = {"scheme": "legacy"} if hasattr(datasketch.MinHash(num_perm=2), "scheme") else {}
    documents = [datasketch.MinHash(num_perm=P, hashvalues=sig, **options) for sig in sigs]
    for i, each in enumerate(documents):
        index.insert(i, each)
    want = {tuple(sorted((i, j))) for i, each in enumerate(documents) for j in index.query(each) if i != j}
    assert reference.lsh_candidates(sigs, bands, rows) == want


@pytest.mark.parametrize("shared, own", [(50, 50), (20, 5), (1, 40), (30, 0)])
def test_signatures_agree_as_often_as_the_sets_are_alike(reference, shared, own):
    """The share of equal places has the mean J and the deviation √(J (1 - J) / P); and datasketch sees the same on the same sets."""
    rng = random.Random(shared)
    numbers = rng.sample(range(M), shared + 2 * own)
    A, B = numbers[: shared + own], numbers[:shared] + numbers[shared + own :]
    J, P = shared / (shared + 2 * own), 2000
    a, b = draw(rng, P)
    x, y = (reference.minhash(np.array(each, dtype=np.uint64), a, b) for each in (A, B))
    assert abs((x == y).mean() - J) <= 4 * math.sqrt(J * (1 - J) / P)


@pytest.mark.parametrize("bands, rows, J", [(10, 3, 0.5), (20, 2, 0.2), (3, 6, 0.8)])
def test_candidates_come_as_often_as_the_curve_says(reference, bands, rows, J):
    rng = random.Random(bands)
    shared = round(100 * J)
    own = (100 - shared) // 2
    runs, hits = 400, 0
    for _ in range(runs):
        numbers = [rng.randrange(M) for _ in range(shared + 2 * own)]
        sets = numbers[: shared + own], numbers[:shared] + numbers[shared + own :]
        a, b = draw(rng, bands * rows)
        sigs = np.stack([reference.minhash(np.array(each, dtype=np.uint64), a, b) for each in sets])
        hits += len(reference.lsh_candidates(sigs, bands, rows))
    p = reference.s_curve(shared / (shared + 2 * own), bands, rows)
    assert abs(hits / runs - p) <= 4.5 * math.sqrt(p * (1 - p) / runs)


def test_the_curve_of_datasketch(reference):
    """Its false positives below a threshold are the integral of the curve."""
    lsh = pytest.importorskip("datasketch.lsh")
    for threshold, b, r in ((0.5, 16, 8), (0.8, 9, 13), (0.3, 4, 2)):
        steps = 4000
        area = sum(reference.s_curve((i + 0.5) * threshold / steps, b, r) for i in range(steps)) * threshold / steps
        assert area == pytest.approx(lsh._false_positive_probability(threshold, b, r), rel=0.05, abs=1e-3)


def test_refinedwebs_threshold(reference):
    """20 bands of 450 rows: half of all pairs are found at a similarity of 0.9925, and hardly any at 0.97."""
    assert 0.45 < reference.s_curve(0.9925, 20, 450) < 0.55
    assert reference.s_curve(0.97, 20, 450) < 1e-4
    exact = 1 - (1 - 0.8**450) ** 20
    assert exact == 0.0 and reference.s_curve(0.8, 20, 450) == pytest.approx(20 * 0.8**450)


def naive(docs, min_len):
    places = [(d, i) for d, doc in enumerate(docs) for i in range(len(doc) - min_len + 1)]
    covered = set()
    for d, i in places:
        if any((e, j) != (d, i) and docs[e][j : j + min_len] == docs[d][i : i + min_len] for e, j in places):
            covered |= {(d, t) for t in range(i, i + min_len)}
    return sorted(covered)


@pytest.mark.parametrize("seed", range(30))
def test_repeated_spans_against_a_naive_search(reference, seed):
    rng = random.Random(seed)
    docs = [[rng.randrange(1 + seed % 4) for _ in range(rng.randrange(14))] for _ in range(4)]
    min_len = 1 + seed % 6
    spans = reference.exact_substring_dups(docs, min_len)
    assert [(d, t) for d, start, end in spans for t in range(start, end)] == naive(docs, min_len)
    for (d, _, end), (e, start, _) in itertools.pairwise(spans):
        assert d < e or end < start


@pytest.mark.parametrize("seed", range(10))
def test_clusters_against_scipy(reference, seed):
    csgraph = pytest.importorskip("scipy.sparse.csgraph")
    sparse = pytest.importorskip("scipy.sparse")
    rng = random.Random(seed)
    n = 40
    pairs = {(rng.randrange(n), rng.randrange(n)) for _ in range(5 * seed)}
    rows, columns = [i for i, _ in pairs], [j for _, j in pairs]
    _, label = csgraph.connected_components(sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (n, n)), directed=False)
    want = sorted({each: i for i, each in reversed(list(enumerate(label)))}.values())
    assert reference.dedup_clusters(n, pairs) == want
