"""GTE: a loss with negatives in four directions, sources of unequal size in one training, and batches larger than the memory.

Sizes: B pairs, K hard negatives for each query, C features of a vector. Tensors are float32 or float64, and the loss has their dtype. Inputs may be
views (transposed, sliced). They are not changed, and what a call returns does not depend on earlier calls.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def gte_loss(q: Tensor, d: Tensor, hard: Tensor | None = None, temp: float = 0.01) -> Tensor:
    """InfoNCE in which not only documents are negatives for a query: four kinds of wrong pairs share one softmax.

    q, d: (B, C), the vectors of queries and of their documents: d[i] belongs to q[i]. hard: None, or (B, K, C) with K >= 0, documents that
    look right for query i and are wrong. temp: > 0. No vector is zero, and none needs to have length 1: with s(x, y) = cos(x, y) / temp,

        loss = 1/B Σ_i ( log Z_i - s(q_i, d_i) )

    and Z_i is the sum of exp over these scores:

    - query to document: s(q_i, x) for all B documents x and all B · K hard negatives x;
    - query to query: s(q_i, q_j) for all j except i;
    - document to query: s(d_i, q_j) for all j, i too: so the right pair stands in Z_i twice, as it does in sentence-transformers;
    - document to document: s(d_i, d_j) for all j except i, and s(d_i, x) for the hard negatives x of the other queries. Those of query i
      are left out.

    There is one logarithm of one sum for each i, not four. Returns a tensor of shape (); gradients flow to q, d and hard. It is right for
    small temperatures too, where exp of a score is larger than the largest float, or 0.

    One pair: the right pair stands in Z twice, so the loss is ln 2 at any temperature.

    >>> gte_loss(tensor([[3.0, 4.0]]), tensor([[1.0, 0.0]]))
    tensor(0.6931)

    Two pairs with the cosines 1 and 0: Z has 2 e from the right pair, and e^0 four times. ln(2 e + 4) - 1:

    >>> x = tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> gte_loss(x, 3 * x, temp=1.0)
    tensor(1.2446)

    With a hard negative each: three scores more for each i, s(q_i, x) for both and s(d_i, x) for that of the other query.

    >>> gte_loss(x, 3 * x, tensor([[[0.0, 5.0]], [[-1.0, 0.0]]]), temp=1.0)
    tensor(1.5890)
    """
    # BEGIN SOLUTION
    q, d = (x / x.norm(dim=-1, keepdim=True) for x in (q, d))
    own = torch.ones_like(q[:, 0]).diag().bool()  # (B, B)
    everything, given = d, own
    if hard is not None:
        hard = hard / hard.norm(dim=-1, keepdim=True)
        everything = torch.cat([d, hard.flatten(0, 1)])  # (B + B·K, C)
        given = torch.cat([own, own.repeat_interleave(hard.shape[1], 1)], 1)  # (B, B + B·K): given for query i
    scores = [
        q @ everything.T / temp,
        (q @ q.T / temp).masked_fill(own, -torch.inf),
        d @ q.T / temp,
        (d @ everything.T / temp).masked_fill(given, -torch.inf),
    ]
    return (torch.cat(scores, dim=1).logsumexp(1) - scores[0].diagonal()).mean()
    # END SOLUTION


def source_probs(sizes: list[int], alpha: float = 0.5) -> Tensor:
    """How likely the next batch comes from each source: p_i = n_i^alpha / Σ_j n_j^alpha.

    sizes: the number of texts of each source, at least 0. alpha: 0 <= alpha <= 1. A source without texts has the probability 0, for
    alpha = 0 too. Returns a float64 tensor with a probability for each source. ValueError if no source has a text.

    >>> source_probs([900, 100])  # 30 : 10, where alpha = 1 gives 0.9 and 0.1
    tensor([0.7500, 0.2500], dtype=torch.float64)
    >>> source_probs([900, 0, 100], alpha=0.0)
    tensor([0.5000, 0.0000, 0.5000], dtype=torch.float64)
    """
    # BEGIN SOLUTION
    n = torch.tensor(sizes, dtype=torch.float64)
    if not (n > 0).any():
        raise ValueError("no source has a text")
    weights = torch.where(n > 0, n**alpha, 0.0)
    return weights / weights.sum()
    # END SOLUTION


def grad_cache_step(encoder: nn.Module, chunks: list[Tensor], loss_fn: Callable[[Tensor], Tensor]) -> Tensor:
    """The gradients of a large batch, with the memory of a small one.

    encoder: a module that gives one vector for each row of its input, (n, …) to (n, C), without anything random. chunks: the batch, cut
    into pieces, at least one; the pieces may have different lengths. loss_fn: takes the vectors of all pieces, one below the other (N, C),
    and gives the loss, a tensor of shape ().

    1. Encode each chunk in order under `torch.no_grad()`: only the vectors are kept.
    2. Compute the loss from all vectors, once, and its gradient for each vector.
    3. Encode each chunk in order once more, now with gradients, and send the gradient of its own vectors back through it, before the next
       chunk is encoded.

    So the encoder is called twice for each chunk, also for one whose vectors do not matter to the loss, and with no two chunks at once. Afterwards
    the parameters of the encoder have the gradients in `.grad` that `loss_fn(encoder(torch.cat(chunks))).backward()` would leave there; they
    are *added* to what stood there before, as `backward` does. Frozen parameters get none. (A parameter of `loss_fn` itself, such as a learned
    temperature, is none of the encoder's: whether it gets a gradient too is open.) Returns the loss, detached. Modes and `requires_grad`
    stay as they were.
    """
    # BEGIN SOLUTION
    with torch.no_grad():
        vectors = [encoder(chunk) for chunk in chunks]
    cached = torch.cat(vectors).requires_grad_()
    loss = loss_fn(cached)
    (gradient,) = torch.autograd.grad(loss, cached)
    for chunk, part in zip(chunks, gradient.split([len(each) for each in vectors]), strict=True):
        encoder(chunk).backward(part)
    return loss.detach()
    # END SOLUTION
