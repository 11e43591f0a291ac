"""E5: one vector for each text, trained on pairs of texts that belong together (L. Wang and others, 2022).

Sizes: B texts or pairs, T tokens, C features of a vector, K hard negatives for each query, M passages in a pool; all are at least 1
where nothing else is said. Tensors are float32 or float64, and so are the results: everything is computed in the dtype of the inputs.
Inputs may be views (transposed, sliced). They are not changed. What a call returns does not depend on earlier calls.

The cosine of two vectors is q · p / (|q| |p|). Vectors need not have length 1: the length of those whose cosine is asked for is between 1e-7 and
1e7. (So the bound of 1e-8 that torch's `cosine_similarity` puts under a length never matters.)
"""

import torch
from torch import Tensor


def add_prefix(texts: list[str], kind: str) -> list[str]:
    """The texts as E5 wants to read them: "query: " or "passage: " stands before each one.

    kind: "query" or "passage"; ValueError for everything else, even if there are no texts.

    Each text itself stays as it is: white space is not removed, and one that begins with a prefix already gets another one. The
    result is a new list.

    >>> add_prefix(["how high is K2", ""], "query")
    ['query: how high is K2', 'query: ']
    >>> add_prefix(["passage: 8611 m"], "passage")
    ['passage: passage: 8611 m']
    >>> add_prefix([], "document")
    Traceback (most recent call last):
    ValueError: kind is "query" or "passage"
    """
    # YOUR CODE HERE
    raise NotImplementedError("add_prefix is not written yet")


def pool(h: Tensor, mask: Tensor, mode: str) -> Tensor:
    """One vector for each text, from the vectors of its tokens.

    h: (B, T, C), the last layer of an encoder. mask: (B, T), int64 or bool: 1 (True) for a token of the text, 0 (False) for padding.
    Each row has a 1 in it. Returns (B, C).

    mode: which vector, where only the tokens of the text count:

    - "mean": the mean of their vectors, which E5 takes;
    - "cls": the vector of the first one;
    - "last": the vector of the last one;
    - "max": for each feature the largest value of them. (If several tokens have it, it is open to which of them the gradient goes.)

    ValueError for every other mode.

    The ones of a row may stand anywhere. Mostly the padding is on the right, some tokenizers put it on the left, and a mask may also leave
    out tokens in between. What h holds at padding never matters, not even nan or inf, and its gradient there is 0. A nan or inf in a token of
    the text is a fault of the encoder, which the mean does not hide: it is nan or inf there too. (Two habits of others
    differ here, and cost one check: E5's own code takes position 0 for "cls", which is the same if no padding is on the left;
    sentence-transformers multiplies by the mask, and 0 · nan is nan.)

    >>> h = tensor([[[1.0, -2.0], [3.0, -4.0], [9.0, 9.0]]])
    >>> pool(h, tensor([[1, 1, 0]]), "mean")
    tensor([[ 2., -3.]])
    >>> pool(h, tensor([[1, 1, 0]]), "max")
    tensor([[ 3., -2.]])
    >>> pool(h, tensor([[1, 1, 0]]), "last")
    tensor([[ 3., -4.]])
    >>> pool(h, tensor([[0, 1, 1]]), "cls")
    tensor([[ 3., -4.]])
    >>> pool(h, tensor([[1, 1, 0]]), "sum")
    Traceback (most recent call last):
    ValueError: no such mode
    """
    # YOUR CODE HERE
    raise NotImplementedError("pool is not written yet")


def info_nce(q: Tensor, p: Tensor, hard: Tensor | None = None, temp: float = 0.01) -> Tensor:
    """The loss with which E5 is trained: each query has to find its own passage among all passages of the batch.

    q: (B, C), the vectors of queries. p: (B, C), the vectors of their passages: p[i] belongs to q[i].
    hard: None, or (B, K, C) with K >= 0: hard[i] are K passages that look right for query i and are wrong.
    temp: the temperature, > 0. A cosine divided by it is a score.

    The candidates of every query are all B passages and all B · K hard negatives: those of the other queries as well as its own. (That is
    what sentence-transformers does. Others compare a query with its own hard negatives only.) With scores s(i, d) = cos(q_i, d) / temp:

        loss = -1/B Σ_i log( exp s(i, p_i) / Σ_d exp s(i, d) )

    The sum over d runs over the candidates, each of which counts once for every time that it occurs: a passage that stands in the batch
    twice is not left out. Queries choose among passages, passages do not choose among queries. With one candidate the loss is 0.

    Returns a tensor of shape (); gradients flow to q, p and hard. It is right for small temperatures too, where exp of a score is larger
    than the largest float, or 0.

    Each query has the cosine 0.6 to its own passage and 0.8 to the other one, so the scores are 3 and 4, and the loss is ln(1 + e):

    >>> q = tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> info_nce(q, tensor([[3.0, 4.0], [0.8, 0.6]]), temp=0.2)
    tensor(1.3133)

    The cosines of the first query are 0.6 and 0, then -1 and 0 to the hard negatives; those of the second one 0.8 and 1, then 0 and -1.

    >>> p, hard = tensor([[3.0, 4.0], [0.0, 5.0]]), tensor([[[-1.0, 0.0]], [[0.0, -7.0]]])
    >>> info_nce(q, p, temp=1.0)
    tensor(0.5178)
    >>> info_nce(q, p, hard, temp=1.0)
    tensor(0.8376)
    """
    # YOUR CODE HERE
    raise NotImplementedError("info_nce is not written yet")


def consistency_filter(q: Tensor, p: Tensor, pool: Tensor, top_k: int = 2) -> Tensor:
    """Which pairs to keep: those whose passage a first model finds among the top_k for its query.

    q, p: (B, C), the vectors of B pairs, from a model that has been trained on all pairs, the noisy ones too.
    pool: (M, C), the vectors of random passages, the same for all pairs; M >= 0. top_k: >= 1.

    For each pair, its own passage and the M passages of the pool are ranked by their cosine to the query. The pair is kept if its own
    passage is among the first top_k: if fewer than top_k passages of the pool have a *larger* cosine. One that is exactly as close
    does not stand before it, since the pool may hold the passage itself. (The checks have ties only where nothing is rounded.) One that
    the pool holds twice takes two places. The passages of the other pairs play no part.

    Returns a bool tensor of shape (B,): True for the pairs that are kept.

    >>> q, p = tensor([[1.0, 0.0], [1.0, 0.0]]), tensor([[3.0, 4.0], [0.0, 2.0]])  # cosines 0.6 and 0
    >>> consistency_filter(q, p, tensor([[9.0, 1.0], [1.0, 9.0], [1.0, 2.0]]))  # cosines 0.99, 0.11 and 0.45
    tensor([ True, False])
    >>> consistency_filter(q, p, tensor([[9.0, 1.0], [1.0, 9.0], [1.0, 2.0]]), top_k=1)
    tensor([False, False])
    """
    # YOUR CODE HERE
    raise NotImplementedError("consistency_filter is not written yet")
