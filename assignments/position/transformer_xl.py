"""Transformer-XL: attention over a memory of the segment before, with relative positions ("Transformer-XL", section 3).

Sizes: B sequences, T new tokens, M tokens of memory (M = 0: none yet), S = M + T, C features of the model (an even number), H heads of D features.
H·D need not be C. Tensors are float32 or float64, all of one dtype; results have that dtype. The softmax is computed in it, so float64 is
exact to 1e-10. Inputs may be views (transposed, sliced). They are not changed, nor is their `requires_grad`. Each call depends on its own
arguments alone.

Write it with matrix products and softmax: torch's own attention, in all its spellings, is not allowed here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def sinusoids(distances: Tensor, C: int) -> Tensor:
    """R: the vector of each distance, (n, C), float64. It is given; use it as it is.

    First the C/2 sines, then the C/2 cosines of distance · 10000^(-2i/C), as in the paper's code. (The paper's text refers to sines and
    cosines in turn. The columns of a trained Wkr are in another order then.)

    >>> sinusoids(tensor([0, 1]), 2)
    tensor([[0.0000, 1.0000], [0.8415, 0.5403]], dtype=torch.float64)
    """
    frequencies = 10000.0 ** (-torch.arange(0, C, 2, dtype=torch.float64, device=distances.device) / C)
    angles = distances.double()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def rel_shift(x: Tensor) -> Tensor:
    """Put the products of queries and distances where their keys are.

    x: (B, H, T, S) with T <= S. Column c of every row belongs to the distance S - 1 - c: the farthest first, 0 last.
    Returns (B, H, T, S), where column s belongs to key s. Query t has position S - T + t, so for each key that is not after it

        result[…, t, s] = x[…, t, s + T - 1 - t]    for s <= t + S - T.

    What stands at later keys is open: nobody looks at it, since attention hides them.

    >>> x = tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]])
    >>> rel_shift(x).tril()
    tensor([[[[3., 0., 0.], [5., 6., 0.], [7., 8., 9.]]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("rel_shift is not written yet")


def txl_attention(h: Tensor, mem: Tensor, W: dict[str, Tensor], u: Tensor, v: Tensor, H: int) -> Tensor:
    """Causal attention from new tokens to the memory and themselves.

    h: (B, T, C), T >= 1. mem: (B, M, C), the tokens directly before them.
    W: weights of linear layers without bias, as `nn.Linear` has them (out, in). Head a has rows a·D … (a+1)·D - 1 of the first four.

    - "q", "ke", "v": (H·D, C), for queries, keys and values. Queries come from h alone, keys and values from memory and h together.
    - "kr": (H·D, C), for the vectors of distances.
    - "o": (C, H·D), from the outputs of the heads side by side.

    u, v: (H, D), added to all queries of a head, u before the product with keys, v before the product with distances. (In
    the paper's code u is `r_w_bias` and v is `r_r_bias`.)

    Returns (B, T, C). In each head, for query t at position i = M + t and key j <= i, with q = W["q"] h[t], k = W["ke"] x[j] and
    R = sinusoids:

    - the score is ((q + u) · k + (q + v) · W["kr"] R[i - j]) / √D: the position's term is divided by √D too;
    - keys after the query have weight 0, the others the softmax of their scores;
    - the output is the weighted sum of the values W["v"] x[j], put through W["o"].

    There is no residual connection and no norm. Gradients flow to h, W, u and v. No gradient reaches `mem`, even if it requires one.

    With W["q"] = 0 and u = v = 0 all scores are 0, so the output is the mean of the visible values:

    >>> W = {"q": torch.zeros(2, 2), "ke": torch.eye(2), "kr": torch.eye(2), "v": torch.eye(2), "o": torch.eye(2)}
    >>> h, mem = tensor([[[0.0, 6.0], [3.0, 0.0]]]), tensor([[[9.0, 0.0]]])
    >>> txl_attention(h, mem, W, torch.zeros(1, 2), torch.zeros(1, 2), H=1)
    tensor([[[4.5000, 3.0000], [4.0000, 2.0000]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("txl_attention is not written yet")


def update_mem(mem: Tensor, h: Tensor, mem_len: int) -> Tensor:
    """The memory for the next segment: the last mem_len tokens of memory and h together, or all of them if there are fewer.

    mem: (B, M, C). h: (B, T, C), the input of the layer. mem_len >= 0. Returns (B, min(mem_len, M + T), C), old tokens first.
    It requires no gradient and has none behind it. It shares no memory with `mem` and `h`.

    >>> update_mem(tensor([[[1.0], [2.0]]]), tensor([[[3.0]]]), 2)
    tensor([[[2.], [3.]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("update_mem is not written yet")
