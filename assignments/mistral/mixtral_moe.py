"""Mixtral: in place of one feed-forward network each layer has E of them, and each token goes through k ("Mixtral of Experts", section 2).

Sizes: N tokens (N >= 1), C features, E experts, k of them for each token (1 <= k <= E), F features inside an expert.

Tensors are float32 or float64, and so are the results: everything is computed in the dtype of the inputs, so float64 is exact to 1e-10.
Inputs may be views (transposed, sliced). They are not changed, and what a call returns does not depend on earlier calls. Gradients flow to
all floating tensors.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


def route(x: Tensor, Wg: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Choose k experts for each token, and how much each of them counts.

    x: (N, C). Wg: (E, C), the weight of the router, a linear layer without bias: the logit of expert e is x · Wg[e].

    Returns (weights, idx), each (N, k). idx, int64: the k experts with the largest logits, the largest one first. Of equal logits any may
    be chosen. weights: the softmax over these k logits alone, in the order of idx, so a row adds up to 1. (That is the same as the softmax
    over all E, divided by the sum of the chosen ones, as Hugging Face has it. Hugging Face computes it in float32: one check, and no
    other, tells the difference.)

    >>> weights, idx = route(tensor([[1.0]]), tensor([[0.0], [math.log(3)], [-1.0]]), 2)
    >>> weights, idx
    (tensor([[0.7500, 0.2500]]), tensor([[1, 0]]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("route is not written yet")


def moe_forward(x: Tensor, Wg: Tensor, W13: Tensor, W2: Tensor, k: int) -> Tensor:
    """The layer: each token goes through its k experts, and their outputs are added with the weights of `route`.

    x: (N, C). Wg: (E, C). W13: (E, 2F, C), of expert e two matrices, one above the other: the gate W13[e, :F] and the up-projection W13[e, F:].
    W2: (E, C, F). An expert is a SwiGLU: W2 (silu(gate x) * (up x)), with silu(z) = z / (1 + e^-z), without bias.
    Results and gradients are finite also where a gate is in the thousands.

    Returns (N, C). An expert sees the tokens that chose it, and no others: per chosen expert and token there are products of 3 · C · F
    numbers, and an expert that nobody chose is not computed. So the layer costs k / E of what all experts would cost. An expert without
    tokens gets a gradient of zeros. A token with nan or infinity in it spoils its own row only.

    >>> x = tensor([[2.0]])
    >>> W13 = tensor([[[0.0], [9.0]], [[50.0], [3.0]]])  # expert 1: silu(100) = 100, times 6
    >>> moe_forward(x, tensor([[0.0], [1.0]]), W13, tensor([[[1.0]], [[0.5]]]), 1)
    tensor([[300.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("moe_forward is not written yet")


def aux_loss(router_logits: Tensor, k: int) -> Tensor:
    """How unevenly the experts are used: E Σ_e f_e P_e, a loss that keeps the router from sending all tokens to the same few experts.

    router_logits: (N, E). f_e: the number of tokens that have expert e among their k largest logits, divided by N. So Σ f = k. P_e: the
    mean over the tokens of the softmax over *all* E logits. Σ P = 1. Returns a tensor of shape (). If all experts are chosen equally
    often, it is k. (The Switch Transformer has k = 1. Megablocks divides f by k, so that it is 1: one check, and no other, tells the difference.)

    f is a count, and has no gradient: gradients flow through P.

    >>> aux_loss(tensor([[0.0, -1000.0], [-1000.0, 0.0]]), 1)  # evenly
    tensor(1.)
    >>> aux_loss(tensor([[0.0, -1000.0], [0.0, -1000.0]]), 1)  # all to one
    tensor(2.)
    """
    # YOUR CODE HERE
    raise NotImplementedError("aux_loss is not written yet")


@dataclass
class MoECfg:
    """The sizes of a model: nothing to write here. The defaults are Mixtral 8x7B's."""

    vocab: int = 32_000
    C: int = 4096  # features
    L: int = 32  # layers
    H: int = 32  # query heads
    G: int = 8  # key/value heads
    D: int = 128  # features of a head
    F: int = 14_336  # features inside an expert
    E: int = 8  # experts in a layer
    k: int = 2  # experts for a token


def total_params(cfg: MoECfg) -> int:
    """The numbers that have to be in memory.

    The model: an embedding (vocab, C); in each layer two norms of C numbers, four projections of attention without bias (queries C to H·D,
    keys and values C to G·D each, output H·D to C), a router (E, C), and E experts of three matrices; a last norm of C numbers; an output
    layer (vocab, C) of its own.

    >>> total_params(MoECfg())
    46702792704
    """
    # YOUR CODE HERE
    raise NotImplementedError("total_params is not written yet")


def active_params(cfg: MoECfg) -> int:
    """The numbers that one token meets: all of `total_params` but the experts that it does not choose. (The whole embedding counts.)

    >>> active_params(MoECfg())
    12879925248
    """
    # YOUR CODE HERE
    raise NotImplementedError("active_params is not written yet")
