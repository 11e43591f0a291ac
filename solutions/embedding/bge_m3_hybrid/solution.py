"""BGE-M3: three ways to search with the hidden states of one encoder, a score of all three, and how they teach each other.

Sizes: B texts, T tokens of each, C features of a hidden state, Cc features of a token's vector. Token 0 of each text is the special token
CLS. A mask is bool or int64, (B, T), with True or 1 for real tokens and False or 0 for padding; CLS is real, and padding may stand
anywhere behind it and hold anything, nan too.

Tensors are float32 or float64, and so are the results: everything is computed in the dtype of the inputs. Inputs may be views (transposed,
sliced). They are not changed, and what a call returns does not depend on earlier calls. Gradients flow to all floating tensors where a
tensor is returned.
"""

import torch
from torch import Tensor


def dense(h: Tensor) -> Tensor:
    """One vector for each text: the hidden state of its CLS token, with length 1. (B, T, C) to (B, C). It is not zero.

    >>> dense(tensor([[[3.0, 4.0], [9.0, 9.0]]]))
    tensor([[0.6000, 0.8000]])
    """
    # BEGIN SOLUTION
    return h[:, 0] / h[:, 0].norm(dim=-1, keepdim=True)
    # END SOLUTION


def sparse_weights(h: Tensor, w: Tensor, b: Tensor, ids: Tensor, mask: Tensor, special: set[int]) -> list[dict[int, float]]:
    """How much each word of a text matters: for each text a dict from token ids to weights.

    h: (B, T, C). w: (C,). b: shape (). ids: int64 (B, T), the token at each place. The weight of a place is max(0, h · w + b). An id that
    occurs several times has the *largest* of its weights. Left out are padding, the ids in `special` (CLS and others), and ids whose
    weight is 0. Ids are ints and weights are floats of Python; the order in a dict does not matter.

    >>> h = tensor([[[8.0], [2.0], [-1.0], [3.0], [4.0]]])
    >>> ids, mask = tensor([[0, 7, 5, 7, 1]]), tensor([[1, 1, 1, 1, 0]])
    >>> sparse_weights(h, tensor([2.0]), tensor(1.0), ids, mask, {0, 2})  # 5 has max(0, -1)
    [{7: 7.0}]
    """
    # BEGIN SOLUTION
    weights = (h.masked_fill(mask.unsqueeze(-1) == 0, 0.0) @ w + b).relu()
    texts = []
    for row in zip(ids.tolist(), weights.tolist(), mask.tolist(), strict=True):
        best: dict[int, float] = {}
        for token, weight, real in zip(*row, strict=True):
            if real and token not in special and weight > best.get(token, 0.0):
                best[token] = weight
        texts.append(best)
    return texts
    # END SOLUTION


def sparse_score(a: dict[int, float], b: dict[int, float]) -> float:
    """Σ a[i] · b[i] over the ids that both texts have; 0.0 if there are none.

    >>> sparse_score({7: 0.5, 5: 2.0}, {5: 3.0, 1: 9.0})
    6.0
    """
    # BEGIN SOLUTION
    return float(sum(weight * b[token] for token, weight in a.items() if token in b))
    # END SOLUTION


def colbert(h: Tensor, W: Tensor, b: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """A vector for each token but CLS.

    h: (B, T, C), T >= 2. W: (Cc, C) and b: (Cc,), of a linear layer, W h + b. mask: (B, T).

    Returns (vectors, mask): vectors (B, T - 1, Cc), each with length 1, or zeros at padding; mask (B, T - 1), bool. No vector of a real
    token is zero before it is scaled.

    >>> h = tensor([[[9.0, 9.0], [3.0, 4.0], [1.0, 0.0]]])
    >>> colbert(h, torch.eye(2), torch.zeros(2), tensor([[1, 1, 0]]))
    (tensor([[[0.6000, 0.8000], [0.0000, 0.0000]]]), tensor([[True, False]]))
    """
    # BEGIN SOLUTION
    real = mask[:, 1:] != 0
    rows = h[:, 1:][real] @ W.T + b  # (number of real tokens, Cc)
    vectors = h.new_zeros(*real.shape, len(W))
    vectors[real] = rows / rows.norm(dim=-1, keepdim=True)
    return vectors, real
    # END SOLUTION


def maxsim(q: Tensor, q_mask: Tensor, d: Tensor, d_mask: Tensor) -> Tensor:
    """How well each document answers each query, token by token ("late interaction").

    q: (Bq, Tq, Cc), d: (Bd, Td, Cc), the vectors of tokens. q_mask: (Bq, Tq), d_mask: (Bd, Td), as above; each query and each document has
    at least one real token.

    The score of a query and a document: each real token of the query takes its largest dot product with a *real* token of the document,
    and these are averaged over the real tokens of the query. Returns (Bq, Bd). (ColBERT takes the sum, so long queries have larger scores.
    FlagEmbedding lets padding of the document take part with the product 0, which wins where all others are negative: one check, and no
    other, tells the difference.)

    >>> q, d = tensor([[[1.0, 0.0], [0.0, 1.0]]]), tensor([[[0.6, 0.8]], [[-1.0, 0.0]]])
    >>> one = torch.ones(2, 1)
    >>> maxsim(q, torch.ones(1, 2), d, one)  # (0.6 + 0.8) / 2, (-1 + 0) / 2
    tensor([[ 0.7000, -0.5000]])
    """
    # BEGIN SOLUTION
    q_real, d_real = q_mask != 0, d_mask != 0
    q, d = q.masked_fill(~q_real.unsqueeze(-1), 0.0), d.masked_fill(~d_real.unsqueeze(-1), 0.0)
    products = torch.einsum("qic,djc->qdij", q, d).masked_fill(~d_real[:, None], -torch.inf)
    best = products.amax(-1).masked_fill(~q_real[:, None], 0.0)  # (Bq, Bd, Tq)
    return best.sum(-1) / q_real.sum(-1, keepdim=True)
    # END SOLUTION


def hybrid(sd: Tensor, ss: Tensor, sc: Tensor, w: tuple[float, float, float] = (0.4, 0.2, 0.4)) -> Tensor:
    """One score out of three: the mean of the dense, sparse and token-by-token scores with the weights w, in this order.

    All have the same shape. The weights are at least 0, and are divided by their sum, which is not 0: (4, 2, 4) is the same as (0.4, 0.2, 0.4).

    >>> hybrid(tensor([1.0]), tensor([2.0]), tensor([4.0]))
    tensor([2.4000])
    >>> hybrid(tensor([1.0]), tensor([2.0]), tensor([4.0]), w=(1.0, 0.0, 1.0))
    tensor([2.5000])
    """
    # BEGIN SOLUTION
    return (w[0] * sd + w[1] * ss + w[2] * sc) / sum(w)
    # END SOLUTION


def self_distill_loss(sd: Tensor, ss: Tensor, sc: Tensor) -> Tensor:
    """Each way of searching learns from all three together.

    sd, ss, sc: (B, N), the scores of N documents for each of B queries, divided by the temperature already.

    The teacher is t = softmax over the documents of sd + 0.3 ss + sc, a constant: no gradient flows through it. The loss of one way with
    the scores s is the cross entropy -Σ t log softmax(s), summed over the documents and averaged over the queries. Returns (L(sd) + 0.1
    L(ss) + L(sc)) / 3, a tensor of shape (). Scores of thousands give finite losses.

    >>> zero = torch.zeros(1, 2)
    >>> self_distill_loss(zero, zero, zero)  # 2.1 / 3 · ln 2
    tensor(0.4852)
    """
    # BEGIN SOLUTION
    teacher = (sd + 0.3 * ss + sc).detach().softmax(-1)
    dense_loss, sparse_loss, token_loss = (-(teacher * s.log_softmax(-1)).sum(-1).mean() for s in (sd, ss, sc))
    return (dense_loss + 0.1 * sparse_loss + token_loss) / 3
    # END SOLUTION
