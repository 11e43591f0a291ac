"""Public checks of falcon/refinedweb_dedup: run `pytest` on this file, or `autograder check falcon/refinedweb_dedup`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import numpy as np
from autograder.checks import Tolerance, case, check, raises


M = 2**61 - 1


def texts(rng, lengths=(6,), words=3, n=2, many=False):
    alphabet = [f"w{i}" for i in range(words)]
    docs = [[alphabet[i] for i in rng.integers(0, words, length).tolist()] for length in lengths]
    return {"docs": docs, "n": n}


@check(points=1, inputs=texts, lecture='documents-as-sets', public=[case('pairs of words', lengths=[6, 2]), case('fewer words than n, and none', lengths=[2, 1, 0, 3], n=3)])
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


@check(points=2, inputs=functions, lecture='one-number-for-a-set', public=[case('numbers of 60 bits', m=3, P=2), case('small numbers', m=4, P=3, large=False), case('an empty set', m=0, P=2)])
def signatures_are_exact(student, h, a, b):
    """Each entry of a signature is the smallest (a·x + b) mod (2^61 - 1) on the set, to the last bit."""
    edges = np.array([0, 1, M - 1], dtype=np.uint64)
    wide = np.stack([h, h], 1)[:, 0]  # a view that is not contiguous
    found = [student.minhash(h, a, b), student.minhash(h[::-1], a, b), student.minhash(wide, b, a), student.minhash(edges, a, b)]
    found.append(student.minhash(h, edges, edges[::-1]))
    return {"signatures": found, "dtypes": [str(each.dtype) for each in found]}


def signatures(rng, n=4, bands=2, rows=2, spare=0, values=2):
    return {"sigs": rng.integers(0, values, n, bands * rows + spare).numpy().astype(np.uint64) + np.uint64(2**60), "bands": bands, "rows": rows}


@check(points=1, inputs=signatures, lecture='bands', public=[case('two bands of two', n=5), case('one band, columns that are left', n=4, bands=1, rows=2, spare=3)])
def whole_bands_have_to_agree(student, sigs, bands, rows):
    """Two documents are a pair when all rows of at least one band agree, and the bands stand next to each other."""
    pairs = student.lsh_candidates(sigs, bands, rows)
    again = student.lsh_candidates(sigs[::-1], bands, rows)
    width = sigs.shape[1]
    refused = [raises("ValueError", lambda b=b, r=r: student.lsh_candidates(sigs, b, r)) for b, r in ((width + 1, 1), (2, width // 2 + 1))]
    refused.append(raises("ValueError", lambda: student.lsh_candidates(sigs[:0], width + 1, 1)))
    fits = student.lsh_candidates(sigs, width, 1)
    return {"pairs": pairs, "of others": again, "too many": refused, "just fits": fits}


@check(points=1, tolerance=Tolerance(atol=0.0, rtol=1e-09), lecture='the-curve', public=[case('two bands', calls=[[0.5, 2, 1], [0.25, 2, 2]]), case("RefinedWeb's 20 bands of 450", calls=[[0.99, 20, 450], [0.8, 20, 450]])])
def the_curve_is_right_where_it_is_small(student, calls):
    """The probability is 1 - (1 - s^r)^b, with all of its digits where it is tiny."""
    return [student.s_curve(*call) for call in calls]


def graph(rng, n=8, edges=4, chain=0):
    pairs = [tuple(pair) for pair in rng.integers(0, n, edges, 2).tolist() if pair[0] != pair[1]] if edges else []
    pairs += [(i, i + 1) if i % 2 else (i + 1, i) for i in range(n - chain, n - 1)] if chain else []
    return {"n": n, "pairs": [list(pair) for pair in dict.fromkeys(pairs)]}


@check(points=1, inputs=graph, lecture='clusters', public=[case('eight documents'), case('a chain', n=7, edges=0, chain=4)])
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


@check(points=2, inputs=crawl, lecture='spans-that-come-twice', public=[case('two documents', lengths=[9, 7], copies=1, span=4), case('few kinds of tokens', lengths=[12, 8], vocab=2, min_len=4)])
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


@check(points=1, inputs=archive, lecture='all-of-it-in-a-row', public=[case('six documents')])
def near_copies_leave_one_document_each(student, texts, a, b, n):
    """Shingles, signatures, bands and clusters together keep one of each group of near copies; more rows in a band keep more documents."""
    sigs = np.stack([student.minhash(np.array(sorted(student.shingles(text, n)), dtype=np.uint64), a, b) for text in texts])
    kept = {}
    for rows in (1, 2, 4, 12):
        pairs = student.lsh_candidates(sigs, len(a) // rows, rows)
        kept[f"{rows} rows"] = student.dedup_clusters(len(texts), pairs)
    return {"signatures": sigs, "kept": kept}
