"""Public checks of embedding/bce_two_stage: run `pytest` on this file, or `autograder check embedding/bce_two_stage`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, leaves_gradients_off, raises, with_gradients


def vectors(rng, B=2, N=5, C=3, k=2, dtype="float64", lengths=1.0):
    return {"q": rng.normal(B, C, dtype=dtype) * lengths, "D": rng.normal(N, C, dtype=dtype) / lengths, "k": k}


@check(points=1, inputs=vectors, lecture='the-first-stage', public=[case('two queries, five documents')])
def the_nearest_come_first(student, q, D, k):
    """The k largest cosines and the indices of their documents, best first."""
    views = q.mT.contiguous().mT * 2, D.flip(0).mT.contiguous().mT - 0.1 * D
    cosines = with_gradients(lambda q, D: student.retrieve(q, D, k)[0], q=q, D=D)
    return {"cosines": cosines, "found": student.retrieve(q, D, k), "of views": student.retrieve(*views, k), "exchanged": student.retrieve(D, q, 2), "left": flags(q, D, *views)}


@check(points=1, lecture='windows', public=[case('nine tokens, and an overlap of more than a quarter', calls=[[9, 4, 1], [4, 4, 1], [7, 4, 3], [0, 3, 0]], bad=[[5, 0, 0]])])
def windows_cover_the_passage(student, calls, bad):
    """Windows overlap, reach the end, and stop there; the overlap is at most a quarter of a window."""
    found = []
    for n, max_len, overlap in calls:
        tokens = [(7 * i + 3) % 97 for i in range(n)]
        windows = student.split_passage(tokens, max_len, overlap)
        kept = [list(window) for window in windows]
        for window in windows:
            window.append(-1)
        found.append([kept, tokens == [(7 * i + 3) % 97 for i in range(n)]])
    return {"windows": found, "refused": [raises("ValueError", lambda call=call: student.split_passage(list(range(call[0])), *call[1:])) for call in bad]}


class Reader:
    """A model that gives the logits which stand in a table; it writes down what it has read."""

    def __init__(self, logits, dtype):
        self.logits = torch.tensor(logits, dtype=getattr(torch, dtype), requires_grad=True)
        self.calls = []

    def __call__(self, batch):
        self.calls.append([[list(query), list(window)] for query, window in batch])
        self.calls.append(torch.is_grad_enabled())
        return torch.stack([self.logits[window[0]] * (1 + 0.0 * len(query)) for query, window in batch])


def passages(rng, counts, logits=None, dtype="float64", scale=2.0, **options):
    total = sum(counts)
    logits = logits or [rng.real(-scale, scale) for _ in range(total)]
    order, pairs = rng.sample(range(total), total) if total else [], []
    for n in counts:
        windows = [[order.pop(), rng.integer(0, 9)] for _ in range(n)]
        pairs.append(([rng.integer(0, 99), len(pairs)], windows))
    return {"pairs": pairs, "logits": logits, "dtype": dtype, "options": options}


@check(points=1, inputs=passages, lecture='the-second-stage', public=[case('three passages, one without windows', counts=[2, 1, 0, 3], threshold=0.3), case('the default threshold', counts=[1, 2, 1, 1]), case('a score of just the threshold', counts=[1, 1], logits=[0.0, -0.01], threshold=0.5)])
def the_best_window_counts(student, pairs, logits, dtype, options):
    """A passage has the sigmoid of its best window, is left out below the threshold, and the best come first; the model is called once."""
    reader = Reader(logits, dtype) if logits else Reader([0.0], dtype)
    found = student.rerank(pairs, reader, **options)
    higher = student.rerank(pairs, reader, threshold=0.55)
    again = student.rerank(pairs[::-1], reader, threshold=0.45)
    return {"found": found, "above 0.55": higher, "the other way round": again, "read": list(reader.calls), "gradients stay off": leaves_gradients_off(student.rerank, pairs, reader), "left": [pairs, torch.is_grad_enabled()]}


def groups(rng, B=2, N=3, scale=2.0, dtype="float64"):
    return {"logits": rng.normal(B, N, scale=scale, dtype=dtype), "positive": rng.integers(0, N, B)}


@check(points=1, inputs=groups, lecture='a-loss-for-the-second-stage', public=[case('two queries, three documents'), case('one document', N=1)])
def the_right_one_competes(student, logits, positive):
    """The loss is the mean of -log softmax at the right document."""
    view = -logits.mT.contiguous().mT
    loss = with_gradients(lambda logits: student.cross_entropy_rerank(logits, positive), logits=logits)
    of_others = [student.cross_entropy_rerank(logits, right) for right in (positive, (positive + 1) % logits.shape[1])]
    return {"loss": loss, "of others": of_others, "of a view": student.cross_entropy_rerank(view, positive.flip(0)), "left": flags(logits, view)}


def judged(rng, B=2, N=5, k=3, top=4, dtype="float64", empty=(), fractions=False, rel=None, perfect=False):
    """Relevance and scores without ties. `empty`: queries that have no relevant document."""
    rel = rng.integers(0, top, B, N) if rel is None else torch.tensor(rel)
    for i in empty:
        rel[i] = 0
    if fractions:
        rel = rel.double() / 8
    scores = rng.normal(len(rel), rel.shape[1], dtype=dtype)
    return {"rel": rel, "scores": scores * 0.01 + rel if perfect else scores, "k": k}


def others(rel, scores):
    """Other values of the same shapes, as views."""
    return rel.flip(1).mT.contiguous().mT, (scores.flip(0) * 3).mT.contiguous().mT


PUBLIC = [
    case("two queries, five documents"),
    case("a query has no relevant document", B=2, N=4, k=2, empty=[1]),
    case("relevance of eighths", B=2, N=3, k=2, fractions=True),
]


@check(points=1, inputs=judged, lecture='how-good-is-a-ranking', public=PUBLIC)
def later_ranks_count_less(student, rel, scores, k):
    """NDCG divides gains by log2(rank + 1), and by what the best order would have; both gains."""
    measure, other = student.ndcg_at_k, others(rel, scores)
    found = [[measure(rel, scores, n), measure(rel, scores, n, gain="exponential"), measure(*other, n, gain="linear")] for n in (k, 1, 2, rel.shape[1] + 2)]
    return {"found": found, "of floats": measure(rel.float(), scores, k), "refused": raises("ValueError", lambda: measure(rel, scores, k, gain="log")), "left": flags(rel, scores, *other)}


@check(points=1, inputs=judged, lecture='how-good-is-a-ranking', public=PUBLIC)
def the_first_one_and_all_of_them(student, rel, scores, k):
    """MRR looks for the first relevant document among k, recall counts all that are there."""
    other = others(rel, scores)
    measures = student.mrr_at_k, student.recall_at_k
    return {
        "found": [[measure(rel, scores, n), measure(*other, n)] for n in (k, 1, 2, rel.shape[1] + 2) for measure in measures],
        "of floats": [measure(rel.float(), scores, k) for measure in measures],
        "left": flags(rel, scores, *other),
    }


@check(points=1, inputs=judged, lecture='how-good-is-a-ranking', public=PUBLIC)
def precision_at_each_relevant_one(student, rel, scores, k):
    """Average precision is the mean of the precisions at the relevant documents."""
    other = others(rel, scores)
    return {
        "found": [student.average_precision(rel, scores), student.average_precision(*other), student.average_precision(rel, -scores), student.average_precision(rel.float(), -scores)],
        "in order": [student.ranked(rel, scores), student.ranked(rel, -scores), student.ranked(rel.double() / 3, -scores), student.ranked(*other)],
        "left": flags(rel, scores, *other),
    }


SIGNS = [[1, 1, 1, 1], [1, 1, 1, -1], [1, 1, -1, 1], [1, -1, 1, 1], [1, 1, -1, -1]]


def alike(rng, N=6, B=2, levels=2):
    """Scores of few different values, in quarters, and vectors with few different cosines: whole numbers, since one bit would undo equality."""
    rows = torch.tensor(SIGNS)
    D = rows[rng.integers(0, len(SIGNS), N)] * 2 ** rng.integers(0, 4, N, 1)
    return {"q": rows[:B], "D": D, "quarters": rng.integers(0, levels, B, N), "rel": rng.integers(0, 3, B, N)}


@check(points=1, inputs=alike, lecture='equal-scores', public=[case('six documents', N=6), case('all scores are equal', N=4, levels=1)])
def equal_scores_keep_their_order(student, q, D, quarters, rel):
    """Of equal scores, the smaller index comes first: in both stages and in all measures."""
    q, D, scores = q.double(), D.double(), quarters.double() / 4
    row = scores[0].tolist()
    pairs = [([1], [[i], [i]]) for i in range(len(row))]
    measures = {k: [student.ndcg_at_k(rel, scores, k), student.mrr_at_k(rel, scores, k), student.recall_at_k(rel, scores, k)] for k in (1, 3)}
    return {
        "retrieved": [student.retrieve(q, D, k)[1] for k in (2, len(D))],
        "reranked": student.rerank(pairs, Reader(row, "float64")),
        "a passage twice": student.rerank([pairs[1], pairs[0], pairs[1]], Reader(row, "float64")),
        "saturated": student.rerank(pairs[:3], Reader([40.0, 50.0, 45.0], "float64")),  # the sigmoid of all is 1.0
        "ranked": student.ranked(rel, scores),
        "measures": [measures, student.average_precision(rel, scores)],
    }
