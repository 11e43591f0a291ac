"""Checks of embedding/bce_two_stage: cosines, windows, a second reading, its loss, and measures of a ranking."""

import torch

from autograder.checks import case, check, flags, leaves_gradients_off, raises, with_gradients


def vectors(rng, B=2, N=5, C=3, k=2, dtype="float64", lengths=1.0):
    return {"q": rng.normal(B, C, dtype=dtype) * lengths, "D": rng.normal(N, C, dtype=dtype) / lengths, "k": k}


@check(
    points=1,
    inputs=vectors,
    lecture="the-first-stage",
    public=[case("two queries, five documents")],
    hidden=[
        case("all documents", B=3, N=4, C=5, k=4),
        case("more than there are", B=2, N=3, C=6, k=7),
        case("the best one", B=4, N=9, C=2, k=1),
        case("long queries, short documents", B=3, N=6, C=4, lengths=1e5, k=3),
        case("float32", B=2, N=7, C=4, dtype="float32", k=3),
        case("as many of everything", B=3, N=3, C=3, k=3),
        case("one query", B=1, N=8, C=5, k=4),
        case("short queries, long documents", B=2, N=5, C=3, lengths=1e-9, k=2),
    ],
    fresh=1,
    cites=["the k documents with the largest cosine", "none needs to have length 1", "Gradients flow from the cosines", "Inputs may be views", "the cosines in the dtype of q", "Tensors are float32 or float64"],
)
def the_nearest_come_first(student, q, D, k):
    """The k largest cosines and the indices of their documents, best first."""
    views = q.mT.contiguous().mT * 2, D.flip(0).mT.contiguous().mT - 0.1 * D
    cosines = with_gradients(lambda q, D: student.retrieve(q, D, k)[0], q=q, D=D)
    return {"cosines": cosines, "found": student.retrieve(q, D, k), "of views": student.retrieve(*views, k), "exchanged": student.retrieve(D, q, 2), "left": flags(q, D, *views)}


@check(
    points=1,
    lecture="windows",
    public=[case("nine tokens, and an overlap of more than a quarter", calls=[[9, 4, 1], [4, 4, 1], [7, 4, 3], [0, 3, 0]], bad=[[5, 0, 0]])],
    hidden=[
        case("every length", calls=[[n, 4, 1] for n in range(12)], bad=[[0, 0, 0]]),
        case("no overlap", calls=[[n, m, 0] for n in (5, 6, 7) for m in (1, 2, 3, 6)], bad=[[5, -2, 0]]),
        case("larger windows", calls=[[n, 12, v] for n in (11, 12, 13, 21, 22, 37) for v in (1, 2, 3)], bad=[[5, 3, -1]]),
        case("overlaps beyond a quarter", calls=[[23, m, v] for m in (1, 2, 3, 5, 8, 11) for v in (1, 2, 4, 50)], bad=[[0, 3, -1]]),
        case("as BCEmbedding does it", calls=[[1200, 490, 80], [900, 490, 80], [901, 490, 80]], bad=[[2, 0, 3]]),
    ],
    cites=["each begins with the last overlap tokens of the one before", "the first one that reaches the end", "no tokens make no window", "never more than a quarter of a window", "Windows are new lists", "ValueError if max_len 1"],
)  # fmt: skip
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


@check(
    points=1,
    inputs=passages,
    lecture="the-second-stage",
    public=[case("three passages, one without windows", counts=[2, 1, 0, 3], threshold=0.3), case("the default threshold", counts=[1, 2, 1, 1]), case("a score of just the threshold", counts=[1, 1], logits=[0.0, -0.01], threshold=0.5)],
    hidden=[
        case("many", counts=[3, 1, 4, 2, 1, 5, 2], threshold=0.6),
        case("all are kept", counts=[2, 2, 1, 2], logits=[-3.0, -1.5, -2.0, -4.0, 0.5, -1.0, -2.5], threshold=0.0),
        case("none has windows", counts=[0, 0], threshold=-1.0),
        case("no passage", counts=[]),
        case("the threshold is reached", counts=[1, 2], logits=[0.0, -0.001, 0.3], threshold=0.5),
        case("logits that cancel", counts=[2, 1, 2], logits=[4.0, -4.0, 0.5, 3.0, -9.0], threshold=0.1),
        case("bad passages and the default threshold", counts=[1] * 6, logits=[-0.7, -0.6, -0.65, -0.5, 0.1, 0.4]),
        case("float32", counts=[2, 3, 1], dtype="float32", threshold=0.2),
        case("a threshold below all", counts=[0, 1, 0, 2], threshold=-1.0),
        case("logits of thousands", counts=[1, 2, 1], logits=[-1000.0, -3000.0, 2000.0, -0.5], threshold=0.0),
    ],
    fresh=1,
    cites=["It is called once with all windows of all passages", "with gradients off", "Queries may differ", "is the sigmoid of its logit", "the largest score of its windows", "is at least the threshold", "without windows is left out", "if there is no window at all"],
)  # fmt: skip
def the_best_window_counts(student, pairs, logits, dtype, options):
    """A passage has the sigmoid of its best window, is left out below the threshold, and the best come first; the model is called once."""
    reader = Reader(logits, dtype) if logits else Reader([0.0], dtype)
    found = student.rerank(pairs, reader, **options)
    higher = student.rerank(pairs, reader, threshold=0.55)
    again = student.rerank(pairs[::-1], reader, threshold=0.45)
    return {"found": found, "above 0.55": higher, "the other way round": again, "read": list(reader.calls), "gradients stay off": leaves_gradients_off(student.rerank, pairs, reader), "left": [pairs, torch.is_grad_enabled()]}


def groups(rng, B=2, N=3, scale=2.0, dtype="float64"):
    return {"logits": rng.normal(B, N, scale=scale, dtype=dtype), "positive": rng.integers(0, N, B)}


@check(
    points=1,
    inputs=groups,
    lecture="a-loss-for-the-second-stage",
    public=[case("two queries, three documents"), case("one document", N=1)],
    hidden=[
        case("many", B=6, N=9),
        case("one query", B=1, N=5),
        case("as many of both", B=4, N=4),
        case("logits of thousands", B=3, N=5, scale=4000.0),
        case("float32", B=5, N=4, dtype="float32"),
    ],
    fresh=1,
    cites=["the mean over the queries of log softmax logits positive", "Logits of thousands give a finite loss"],
)
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


HIDDEN = [
    case("many", B=6, N=11, k=4),
    case("the first one", B=7, N=6, k=1),
    case("k is larger than N", B=3, N=4, k=9),
    case("queries without relevant documents", B=4, N=5, k=2, empty=[0, 2]),
    case("few are relevant", B=5, N=20, k=10, top=2, rel=[[0] * 19 + [1], [0, 1] * 10, [1] * 20, [3] + [0] * 19, [0] * 10 + [2] * 10]),
    case("parts of one", B=3, N=7, k=4, fractions=True),
    case("relevance of hundreds", B=3, N=6, k=3, top=300),
    case("perfect", B=3, N=6, k=4, perfect=True),
    case("as many of everything", B=3, N=3, k=3),
    case("float32, one query", B=1, N=8, k=5, dtype="float32"),
    case("one document", B=3, N=1, k=1, top=2),
]
PUBLIC = [
    case("two queries, five documents"),
    case("a query has no relevant document", B=2, N=4, k=2, empty=[1]),
    case("relevance of eighths", B=2, N=3, k=2, fractions=True),
]


@check(
    points=1,
    inputs=judged,
    lecture="how-good-is-a-ranking",
    public=PUBLIC,
    hidden=HIDDEN,
    fresh=1,
    cites=["The gain of a document is rel", "ValueError for others", "the sum over the ranks", "the best possible order of all N documents", "relevant documents has 0", "may be larger than N", "computed in float64", "is finite for a rel of hundreds"],
)  # fmt: skip
def later_ranks_count_less(student, rel, scores, k):
    """NDCG divides gains by log2(rank + 1), and by what the best order would have; both gains."""
    measure, other = student.ndcg_at_k, others(rel, scores)
    found = [[measure(rel, scores, n), measure(rel, scores, n, gain="exponential"), measure(*other, n, gain="linear")] for n in (k, 1, 2, rel.shape[1] + 2)]
    return {"found": found, "of floats": measure(rel.float(), scores, k), "refused": raises("ValueError", lambda: measure(rel, scores, k, gain="log")), "left": flags(rel, scores, *other)}


@check(
    points=1,
    inputs=judged,
    lecture="how-good-is-a-ranking",
    public=PUBLIC,
    hidden=HIDDEN,
    fresh=1,
    cites=["the rank of the first relevant document", "0 if none is among the first k", "the number of all its relevant documents", "it is relevant if this is more than 0"],
)  # fmt: skip
def the_first_one_and_all_of_them(student, rel, scores, k):
    """MRR looks for the first relevant document among k, recall counts all that are there."""
    other = others(rel, scores)
    measures = student.mrr_at_k, student.recall_at_k
    return {
        "found": [[measure(rel, scores, n), measure(*other, n)] for n in (k, 1, 2, rel.shape[1] + 2) for measure in measures],
        "of floats": [measure(rel.float(), scores, k) for measure in measures],
        "left": flags(rel, scores, *other),
    }


@check(
    points=1,
    inputs=judged,
    lecture="how-good-is-a-ranking",
    public=PUBLIC,
    hidden=HIDDEN,
    fresh=1,
    cites=["The precision at rank i is", "divide the sum by the number of relevant documents", "in the order of their scores", "in the dtype of rel", "They are not changed"],
)
def precision_at_each_relevant_one(student, rel, scores, k):
    """Average precision is the mean of the precisions at the relevant documents."""
    other = others(rel, scores)
    return {
        "found": [student.average_precision(rel, scores), student.average_precision(*other), student.average_precision(rel, -scores), student.average_precision(rel.float(), -scores)],
        "in order": [student.ranked(rel, scores), student.ranked(rel, -scores), student.ranked(rel.double() / 3, -scores), student.ranked(*other)],
        "left": flags(rel, scores, *other),
    }


SIGNS = [[1, 1, 1, 1], [1, 1, 1, -1], [1, 1, -1, 1], [1, -1, 1, 1], [1, 1, -1, -1]]  # of length 2, so that cosines are exact


def alike(rng, N=6, B=2, levels=2):
    """Scores of few different values, in quarters, and vectors with few different cosines: whole numbers, since one bit would undo equality."""
    rows = torch.tensor(SIGNS)
    D = rows[rng.integers(0, len(SIGNS), N)] * 2 ** rng.integers(0, 4, N, 1)
    return {"q": rows[:B], "D": D, "quarters": rng.integers(0, levels, B, N), "rel": rng.integers(0, 3, B, N)}


@check(
    points=1,
    inputs=alike,
    lecture="equal-scores",
    public=[case("six documents", N=6), case("all scores are equal", N=4, levels=1)],
    hidden=[case("forty documents", N=40, B=3, levels=3), case("a hundred", N=100, B=1, levels=2), case("nine, all equal", N=9, B=5, levels=1)],
    fresh=1,
    cites=["the one with the smaller index comes first", "often puts the larger index first", "One check and no other"],
)
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
