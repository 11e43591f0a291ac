"""Search in two stages, as with the models of BCEmbedding: find candidates by vectors, read them again with the query, measure the ranking.

Sizes: B queries, N documents, C features of a vector. Tensors are float32 or float64. Inputs may be views (transposed, sliced). They are not changed,
and what a call returns does not depend on earlier calls.

Everywhere in this exercise the larger score comes first, and of *equal* scores the one with the smaller index comes first. (BCEmbedding reverses
numpy.argsort, which promises no order of equal scores, and often puts the larger index first. scikit-learn's ndcg_score takes the mean over all
orders of equal scores. One check, and no other, tells the difference.)
"""

from collections.abc import Callable

import torch
from torch import Tensor


def retrieve(q: Tensor, D: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The first stage: the k documents with the largest cosine to each query.

    q: (B, C) and D: (N, C), floating, of one dtype. No row is zero, and none needs to have length 1. Returns (cosines, indices), both (B, min(k, N)),
    best first, the cosines in the dtype of q and the indices in int64. k >= 1. Gradients flow from the cosines to q and D.

    >>> retrieve(tensor([[3.0, 4.0]]), tensor([[0.0, 2.0], [4.0, 3.0], [-3.0, -4.0]]), 2)
    (tensor([[0.9600, 0.8000]]), tensor([[1, 0]]))
    """
    # BEGIN SOLUTION
    cosines = (q / q.norm(dim=-1, keepdim=True)) @ (D / D.norm(dim=-1, keepdim=True)).T
    best, indices = cosines.sort(dim=-1, descending=True, stable=True)
    return best[:, :k], indices[:, :k]
    # END SOLUTION


def split_passage(tokens: list[int], max_len: int, overlap: int) -> list[list[int]]:
    """Windows of a passage that is too long for a model.

    Each window has max_len tokens, the last one may have fewer, and each begins with the last `overlap` tokens of the one before. The last window is
    the first one that reaches the end of the passage, so a passage of at most max_len tokens is one window, and no tokens make no window. As in
    BCEmbedding, the overlap is never more than a quarter of a window: it is min(overlap, max_len // 4).

    Windows are new lists. ValueError if max_len < 1 or overlap < 0.

    >>> split_passage([0, 1, 2, 3, 4, 5, 6, 7, 8], max_len=4, overlap=1)
    [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8]]
    >>> split_passage([0, 1, 2, 3, 4, 5, 6], max_len=4, overlap=3)  # a quarter of 4 is 1
    [[0, 1, 2, 3], [3, 4, 5, 6]]
    """
    # BEGIN SOLUTION
    if max_len < 1 or overlap < 0:
        raise ValueError("max_len is at least 1, and overlap at least 0")
    step = max_len - min(overlap, max_len // 4)
    last = max(0, -(-(len(tokens) - max_len) // step))  # the number of the last window, if there is a token
    return [tokens[i * step : i * step + max_len] for i in range(last + 1)] if tokens else []
    # END SOLUTION


def rerank(pairs: list[tuple[list[int], list[list[int]]]], score_fn: Callable, threshold: float = 0.35) -> list[tuple[int, float]]:
    """The second stage: a model reads each query together with each window of a passage.

    pairs: for each passage (query, windows), its query and the windows of the passage, as many as there are, or none. Queries may differ.

    score_fn takes a list of (query, window) and returns a floating tensor of shape (n,), a logit for each. It is called once, with all windows of all
    passages in their order, and with gradients off; if there is no window at all, it is not called.

    The score of a window is the sigmoid of its logit. The score of a passage is the *largest* score of its windows. Returns (index of the passage,
    score) for each passage whose score is at least the threshold, best first; scores are floats of Python. A passage without windows is left out,
    whatever the threshold.
    """
    # BEGIN SOLUTION
    batch = [(query, window) for query, windows in pairs for window in windows]
    if not batch:
        return []
    with torch.no_grad():
        scores = iter(score_fn(batch).sigmoid().tolist())
    passages = [(i, max(next(scores) for _ in windows)) for i, (_, windows) in enumerate(pairs) if windows]
    return sorted([(i, score) for i, score in passages if score >= threshold], key=lambda passage: -passage[1])
    # END SOLUTION


def cross_entropy_rerank(logits: Tensor, positive: Tensor) -> Tensor:
    """A loss for training the model of the second stage, as FlagEmbedding does: the right document competes with the others of its query.

    logits: (B, N), of N documents for each query. positive: int64 (B,), the index of the right one. Returns the mean over the queries of -log
    softmax(logits)[positive], a tensor of shape (), in the dtype of the logits. Logits of thousands give a finite loss, and gradients flow to them.

    >>> cross_entropy_rerank(tensor([[0.0, 0.0]]), tensor([1]))  # ln 2
    tensor(0.6931)
    """
    # BEGIN SOLUTION
    right = logits.gather(-1, positive.unsqueeze(-1)).squeeze(-1)
    return (logits.logsumexp(-1) - right).mean()
    # END SOLUTION


def ranked(rel: Tensor, scores: Tensor) -> Tensor:
    """How relevant the documents are, in the order of their scores, best first. The four measures below begin with it.

    rel: (B, N), int64 or floating, at least 0: how well a document answers a query; it is *relevant* if this is more than 0. scores: (B, N),
    floating. Returns (B, N), in the dtype of rel.

    >>> ranked(tensor([[0, 2, 1]]), tensor([[0.1, 0.8, 0.9]]))
    tensor([[1, 2, 0]])
    """
    # BEGIN SOLUTION
    return rel.gather(-1, scores.sort(dim=-1, descending=True, stable=True).indices)
    # END SOLUTION


def ndcg_at_k(rel: Tensor, scores: Tensor, k: int, gain: str = "linear") -> float:
    """Normalized discounted cumulative gain of the first k documents.

    rel and scores as in `ranked`. k >= 1, and may be larger than N, here and below. The gain of a document is rel if gain is "linear" (as in
    scikit-learn), and 2^rel - 1 if it is "exponential"; ValueError for others. DCG is the sum over the ranks i = 1 … k of gain_i / log2(i + 1). It is
    divided by the DCG of the best possible order of all N documents. A query without relevant documents has 0. Returns the mean over the queries, a
    float of Python, computed in float64, here and below, so that 2^rel is finite for a rel of hundreds, too.

    >>> ndcg_at_k(tensor([[0, 2, 1]]), tensor([[0.9, 0.8, 0.1]]), k=3)  # (2 / log2(3) + 1 / 2) / (2 + 1 / log2(3))
    0.669672
    >>> ndcg_at_k(tensor([[0, 2, 1]]), tensor([[0.9, 0.8, 0.1]]), k=3, gain="exponential")
    0.659002
    """
    # BEGIN SOLUTION
    if gain not in ("linear", "exponential"):
        raise ValueError(f"gain is 'linear' or 'exponential', and not {gain!r}")
    gains = rel.double() if gain == "linear" else 2 ** rel.double() - 1
    discount = 1 / torch.arange(2, rel.shape[1] + 2, dtype=torch.float64, device=rel.device).log2()
    dcg = (ranked(gains, scores) * discount)[:, :k].sum(-1)
    ideal = (gains.sort(dim=-1, descending=True).values * discount)[:, :k].sum(-1)
    return torch.where(ideal > 0, dcg / ideal.clamp(min=1e-300), 0.0).mean().item()
    # END SOLUTION


def mrr_at_k(rel: Tensor, scores: Tensor, k: int) -> float:
    """Mean reciprocal rank: 1 / the rank of the first relevant document, or 0 if none is among the first k. Mean over the queries.

    >>> mrr_at_k(tensor([[0, 2, 1], [1, 0, 0]]), tensor([[0.9, 0.8, 0.1], [0.3, 0.2, 0.1]]), k=2)  # (1 / 2 + 1) / 2
    0.75
    """
    # BEGIN SOLUTION
    hits = (ranked(rel, scores) > 0)[:, :k].double()
    ranks = torch.arange(1, hits.shape[1] + 1, dtype=torch.float64, device=rel.device)
    return (hits / ranks).amax(-1).mean().item()
    # END SOLUTION


def recall_at_k(rel: Tensor, scores: Tensor, k: int) -> float:
    """How many of a query's relevant documents are among the first k, divided by the number of *all* its relevant documents.

    A query without relevant documents has 0. Mean over the queries.

    >>> recall_at_k(tensor([[0, 2, 1]]), tensor([[0.9, 0.8, 0.1]]), k=2)
    0.5
    """
    # BEGIN SOLUTION
    hits = (ranked(rel, scores) > 0).double()
    return (hits[:, :k].sum(-1) / hits.sum(-1).clamp(min=1)).mean().item()
    # END SOLUTION


def average_precision(rel: Tensor, scores: Tensor) -> float:
    """Mean average precision over the whole ranking.

    The precision at rank i is the share of relevant documents among the first i. Take it at the rank of each relevant document, and divide the sum by
    the number of relevant documents; 0 if there are none. Mean over the queries.

    >>> average_precision(tensor([[0, 2, 1]]), tensor([[0.9, 0.8, 0.1]]))  # (1 / 2 + 2 / 3) / 2
    0.583333
    """
    # BEGIN SOLUTION
    hits = (ranked(rel, scores) > 0).double()
    precision = hits.cumsum(-1) / torch.arange(1, hits.shape[1] + 1, dtype=torch.float64, device=rel.device)
    return ((precision * hits).sum(-1) / hits.sum(-1).clamp(min=1)).mean().item()
    # END SOLUTION
