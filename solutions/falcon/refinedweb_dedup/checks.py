"""Checks of falcon/refinedweb_dedup: shingles, exact signatures, bands, the curve, clusters, repeated spans, and all of it in a row."""

import numpy as np

from autograder.checks import Tolerance, case, check, raises

M = 2**61 - 1


def texts(rng, lengths=(6,), words=3, n=2, many=False):
    alphabet = [f"w{i}" for i in range(words)]
    docs = [[alphabet[i] for i in rng.integers(0, words, length).tolist()] for length in lengths]
    return {"docs": docs, "n": n}


@check(
    points=1,
    inputs=texts,
    lecture="documents-as-sets",
    public=[case("pairs of words", lengths=[6, 2]), case("fewer words than n, and none", lengths=[2, 1, 0, 3], n=3)],
    hidden=[
        case("five words in a row", lengths=[12, 5, 4, 6], n=5, words=4),
        case("single words", lengths=[7, 1, 0], n=1, words=9),
        case("one word again and again", lengths=[9, 3], n=4, words=1),
        case("a long text", lengths=[300], n=5, words=50),
        case("twenty words in a row", lengths=[30, 20], n=20, words=6),
        case("much shorter than n", lengths=[1, 2, 3], n=20, words=7),
    ],
    fresh=1,
    cites=["The set of hashes", "has one shingle all of its tokens", "An empty document has none"],
)
def a_document_is_the_set_of_its_shingles(student, docs, n):
    """The shingles of a document are the hashes of all n tokens in a row, and of a short document the hash of all that it has."""
    found = [student.shingles(doc, n) for doc in docs]
    found.append(student.shingles(["one", "two", "three", "four", "five", "six"]))  # n = 5
    found.append(student.shingles(docs[0], n + 1))
    return [*found, student.shingles(["The", "the", "the "], 1), student.shingles(["a b", "c"], 2), student.shingles(["a", "b c"], 2)]


def numbers(rng, n, large=True):
    """Numbers below M, as uint64."""
    if not large:
        return rng.integers(0, 2**20, n).numpy().astype(np.uint64)
    return rng.integers(M // 2, M, n).numpy().astype(np.uint64)


def functions(rng, m=3, P=4, large=True):
    return {"h": numbers(rng, m, large), "a": numbers(rng, P, large), "b": numbers(rng, P, large)}


@check(
    points=2,
    inputs=functions,
    lecture="one-number-for-a-set",
    public=[case("numbers of 60 bits", m=3, P=2), case("small numbers", m=4, P=3, large=False), case("an empty set", m=0, P=2)],
    hidden=[
        case("one number", m=1, P=5),
        case("one function", m=7, P=1),
        case("as many numbers as functions", m=6, P=6),
        case("a thousand numbers", m=1000, P=9),
        case("hundreds of functions", m=5, P=450),
        case("an empty set, many functions", m=0, P=7),
        case("small numbers, many", m=50, P=20, large=False),
    ],
    fresh=1,
    cites=[
        "for each of P hash functions the smallest value", "the result is exact", "The signature of an empty set is", "what was returned does not change later",
        "returns uint64 p",
    ],
)  # fmt: skip
def signatures_are_exact(student, h, a, b):
    """Each entry of a signature is the smallest (a·x + b) mod (2^61 - 1) on the set, to the last bit."""
    edges = np.array([0, 1, M - 1], dtype=np.uint64)
    wide = np.stack([h, h], 1)[:, 0]  # a view that is not contiguous
    found = [student.minhash(h, a, b), student.minhash(h[::-1], a, b), student.minhash(wide, b, a), student.minhash(edges, a, b)]
    found.append(student.minhash(h, edges, edges[::-1]))
    return {"signatures": found, "dtypes": [str(each.dtype) for each in found]}


def signatures(rng, n=4, bands=2, rows=2, spare=0, values=2):
    return {"sigs": rng.integers(0, values, n, bands * rows + spare).numpy().astype(np.uint64) + np.uint64(2**60), "bands": bands, "rows": rows}


@check(
    points=1,
    inputs=signatures,
    lecture="bands",
    public=[case("two bands of two", n=5), case("one band, columns that are left", n=4, bands=1, rows=2, spare=3)],
    hidden=[
        case("three bands of two", n=12, bands=3, rows=2, values=3),
        case("rows of three", n=9, bands=2, rows=3),
        case("one row in each band", n=6, bands=3, rows=1, values=5),
        case("many alike", n=7, bands=2, rows=2, values=1),
        case("one document", n=1, bands=2, rows=2),
        case("nobody alike", n=5, bands=4, rows=3, values=2**30),
        case("columns that are left", n=20, bands=3, rows=3, spare=2),
    ],
    fresh=1,
    cites=["Columns behind the last band", "ValueError is raised", "Returns the pairs i j with i < j"],
)
def whole_bands_have_to_agree(student, sigs, bands, rows):
    """Two documents are a pair when all rows of at least one band agree, and the bands stand next to each other."""
    pairs = student.lsh_candidates(sigs, bands, rows)
    again = student.lsh_candidates(sigs[::-1], bands, rows)
    width = sigs.shape[1]
    refused = [raises("ValueError", lambda b=b, r=r: student.lsh_candidates(sigs, b, r)) for b, r in ((width + 1, 1), (2, width // 2 + 1))]
    refused.append(raises("ValueError", lambda: student.lsh_candidates(sigs[:0], width + 1, 1)))
    fits = student.lsh_candidates(sigs, width, 1)
    return {"pairs": pairs, "of others": again, "too many": refused, "just fits": fits}


@check(
    points=1,
    tolerance=Tolerance(atol=0.0, rtol=1e-9),
    lecture="the-curve",
    public=[
        case("two bands", calls=[[0.5, 2, 1], [0.25, 2, 2]]),
        case("RefinedWeb's 20 bands of 450", calls=[[0.99, 20, 450], [0.8, 20, 450]]),
    ],
    hidden=[
        case("nothing and everything alike", calls=[[0.0, 5, 3], [1.0, 5, 3], [0.0, 1, 1], [1.0, 20, 450]]),
        case("one band", calls=[[0.3, 1, 4], [0.9, 1, 1]]),
        case("smaller than any spacing of floats at 1", calls=[[0.1, 3, 20], [0.5, 14, 100], [0.7, 9000, 400]]),
        case("14 bands of 8", calls=[[0.75, 14, 8], [0.85, 14, 8]]),
        case("near 1", calls=[[0.999, 20, 450], [0.9999, 100, 3]]),
        case("many bands that rarely agree", calls=[[0.48, 1000, 20], [0.3, 50_000, 11]]),
    ],
    cites=["The probability that two documents", "s 0 gives 0 0 and s 1 gives 1 0", "The relative error is below"],
)
def the_curve_is_right_where_it_is_small(student, calls):
    """The probability is 1 - (1 - s^r)^b, with all of its digits where it is tiny."""
    return [student.s_curve(*call) for call in calls]


def graph(rng, n=8, edges=4, chain=0):
    pairs = [tuple(pair) for pair in rng.integers(0, n, edges, 2).tolist() if pair[0] != pair[1]] if edges else []
    pairs += [(i, i + 1) if i % 2 else (i + 1, i) for i in range(n - chain, n - 1)] if chain else []
    return {"n": n, "pairs": [list(pair) for pair in dict.fromkeys(pairs)]}


@check(
    points=1,
    inputs=graph,
    lecture="clusters",
    public=[case("eight documents"), case("a chain", n=7, edges=0, chain=4)],
    hidden=[
        case("many pairs", n=30, edges=25),
        case("four hundred documents", n=400, edges=300),
        case("no pair", n=4, edges=0),
        case("no document", n=0, edges=0),
        case("twelve documents, half of them tied", n=12, edges=6),
        case("all in one", n=20, edges=5, chain=20),
        case("a chain of 10,000", n=10_000, edges=0, chain=9_998),
    ],
    fresh=1,
    cites=["of each cluster the one with the smallest number", "A document in no pair stays", "Long chains are no problem", "in either order", "in ascending order"],
)  # fmt: skip
def one_of_each_cluster_stays(student, n, pairs):
    """Of everything that hangs together through pairs, the document with the smallest number stays, and nothing else."""
    given = {tuple(pair) for pair in pairs}
    once = student.dedup_clusters(n, given)
    turned = student.dedup_clusters(n, {tuple(pair[::-1]) for pair in reversed(pairs)})
    return {"stays": once, "pairs that were given": sorted(given), "with pairs turned round": turned, "more of them": student.dedup_clusters(n + 2, {tuple(pair) for pair in pairs})}


def crawl(rng, lengths=(12, 9), min_len=3, copies=2, vocab=50, span=5):
    """Documents of random tokens, into which spans of other places are copied."""
    docs = [rng.integers(0, vocab, length).tolist() for length in lengths]
    long = [d for d, doc in enumerate(docs) if len(doc) >= span]
    for _ in range(copies):
        source, target = rng.choice(long), rng.choice(long)
        i, j = rng.integer(0, len(docs[source]) - span + 1), rng.integer(0, len(docs[target]) - span + 1)
        docs[target][j : j + span] = docs[source][i : i + span]
    return {"docs": docs, "min_len": min_len}


@check(
    points=2,
    inputs=crawl,
    lecture="spans-that-come-twice",
    public=[case("two documents", lengths=[9, 7], copies=1, span=4), case("few kinds of tokens", lengths=[12, 8], vocab=2, min_len=4)],
    hidden=[
        case("three documents, some too short", lengths=[20, 2, 15, 0, 11], copies=3, span=6),
        case("a single document", lengths=[30], copies=2, span=7),
        case("windows of one token", lengths=[9, 5], min_len=1, vocab=12, span=2, copies=1),
        case("overlaps with itself", lengths=[14], vocab=1, min_len=5, copies=0, span=2),
        case("nothing comes twice", lengths=[10, 10], vocab=10**9, copies=0, span=3),
        case("two kinds of tokens", lengths=[25, 30, 20], vocab=2, min_len=6, copies=2),
        case("exactly min_len, and one token less", lengths=[20, 18], min_len=6, span=5, copies=2, vocab=1000),
        case("twenty-four documents, much in common", lengths=[5] * 24, vocab=2, min_len=3, copies=0, span=3),
        case("2000 tokens", lengths=[1200, 500, 300], min_len=50, span=70, copies=5, vocab=30_000),
        case("three kinds of tokens, many documents", lengths=[8, 9, 7, 3, 10, 6], vocab=3, min_len=4, copies=1, span=4),
    ],
    fresh=2,
    cites=[
        "A window is repeated if the same tokens also begin at another place", "the two may overlap", "the longest runs of covered tokens",
        "Every occurrence counts", "Runs do not reach from one document", "Equal hashes are no proof",
    ],
)  # fmt: skip
def repeated_spans_are_found_wherever_they_stand(student, docs, min_len):
    """All tokens in windows that come twice are found, in longest runs, in every document and at every occurrence."""
    collisions = [[-1, 5, 6, 7], [-2, 5, 6, 7]]  # in Python hash(-1) == hash(-2)
    touching = [[1, 2, 3, 4, 9], [1, 2, 8, 3, 4]]  # 1 2 and 3 4 touch in the first document alone
    return {
        "spans": student.exact_substring_dups(docs, min_len),
        "of others": student.exact_substring_dups([doc[::-1] for doc in docs[::-1]], min_len),
        "one token longer": student.exact_substring_dups(docs, min_len + 1),
        "thirty alike": student.exact_substring_dups([[5, 6, 7]] * 30, 3),
        "equal hashes": student.exact_substring_dups(collisions, 4),
        "digits alike": student.exact_substring_dups([[1, 12, 3], [11, 2, 3]], 2),
        "touching": student.exact_substring_dups(touching, 2),
        "by default": student.exact_substring_dups([list(range(51)), list(range(1, 50)), list(range(1, 51))]),
    }


def archive(rng, docs=6, length=30, edits=(0, 1, 15), words=40, P=24, n=3):
    """Documents; behind each original come copies of it with some words changed."""
    texts = []
    while len(texts) < docs:
        text = rng.integers(0, words, length).tolist()
        for edit in edits:
            changed = list(text)
            for place in rng.sample(range(length), edit):
                changed[place] = words + rng.integer(0, 99)
            texts.append([str(token) for token in changed])
    return {"texts": texts[:docs], "a": numbers(rng, P), "b": numbers(rng, P), "n": n}


@check(
    points=1,
    inputs=archive,
    lecture="all-of-it-in-a-row",
    public=[case("six documents")],
    hidden=[
        case("twelve documents, pairs of words", docs=12, n=2, edits=(0, 2, 3, 20)),
        case("single words", docs=9, n=1, length=20),
        case("short documents", docs=8, length=4, edits=(0, 1), n=5),
    ],
    fresh=1,
    cites=["Removing duplicates from a crawl"],
)
def near_copies_leave_one_document_each(student, texts, a, b, n):
    """Shingles, signatures, bands and clusters together keep one of each group of near copies; more rows in a band keep more documents."""
    sigs = np.stack([student.minhash(np.array(sorted(student.shingles(text, n)), dtype=np.uint64), a, b) for text in texts])
    kept = {}
    for rows in (1, 2, 4, 12):
        pairs = student.lsh_candidates(sigs, len(a) // rows, rows)
        kept[f"{rows} rows"] = student.dedup_clusters(len(texts), pairs)
    return {"signatures": sigs, "kept": kept}
