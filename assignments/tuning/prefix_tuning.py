"""Prefix tuning: learned keys and values stand before those of the tokens, in every layer of a frozen model (Li and Liang, 2021).

Sizes: B sequences, T tokens, P positions of the prefix, L layers, H query heads, G key/value heads (G divides H), D numbers in a head.

A *prefix* is a list of L pairs (keys, values), for each layer one, of the shape (B, G, P, D) each: as in a key/value cache. It makes no queries:
there
are T outputs, not P + T. Tensors may be views (transposed, sliced); they are not changed. Results have the dtype of the inputs. No call changes a
model, a mode, a `requires_grad` or the default dtype.

Write the attention with matrix products and softmax: torch's own attention is not allowed here.
"""

import torch
from torch import Tensor, nn


def split_prefix(flat: Tensor, B: int, L: int, G: int) -> list[tuple[Tensor, Tensor]]:
    """A prefix for B sequences from a table.

    flat: (P, L·2·G·D), a row for each position. A row holds layer after layer; of a layer first the keys, then the values; of these head after
    head; of
    a head its D numbers (as in PEFT). All sequences get the same. The pairs may share memory with each other and with `flat`. Gradients flow back
    to `flat`.

    >>> split_prefix(tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]), 1, 2, 2)[1]  # P = 1, D = 1: the second layer
    (tensor([[[[5.]],
             [[6.]]]]), tensor([[[[7.]],
             [[8.]]]]))
    """
    # YOUR CODE HERE
    raise NotImplementedError("split_prefix is not written yet")


class PrefixEncoder(nn.Module):
    """What learns. Without `proj_hidden` it is the table itself, with it a smaller table and a network that makes the large one.

    Its parameters have these names and shapes, and there are no others:

    - proj_hidden=None: `embedding.weight`, (P, L·2·G·D).
    - else `embedding.weight`, (P, C), and the network `transform`: a linear layer `transform.0` from C to proj_hidden, tanh, and a linear layer
      `transform.2` from proj_hidden to L·2·G·D, both with biases. C is G·D unless it is given.

    P, L, G and D are from 1. The first numbers are those that torch's layers begin with.
    """

    def __init__(self, P: int, L: int, G: int, D: int, proj_hidden: int | None = None, C: int | None = None) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("PrefixEncoder.__init__ is not written yet")

    def forward(self, B: int) -> list[tuple[Tensor, Tensor]]:
        """The prefix for B sequences, as `split_prefix` makes it of the table. Gradients reach all parameters."""
        # YOUR CODE HERE
        raise NotImplementedError("PrefixEncoder.forward is not written yet")

    def fold(self) -> Tensor:
        """The finished table, (P, L·2·G·D), for use after training: the small table and the network are not needed any more.

        It is a copy and requires no gradient: later steps of training do not change it. `split_prefix(encoder.fold(), B, L, G)` is what
        `encoder(B)` gives.
        """
        # YOUR CODE HERE
        raise NotImplementedError("PrefixEncoder.fold is not written yet")


def attention_with_prefix(
    q: Tensor, k: Tensor, v: Tensor, pk: Tensor, pv: Tensor, key_mask: Tensor | None = None, causal: bool = True
) -> Tensor:
    """Attention over [pk; k] and [pv; v]: one softmax over prefix and tokens together.

    q: (B, H, T, D). k, v: (B, G, S, D), T <= S. pk, pv: (B, G, P, D), P may be 0. Query head h uses key/value head h // (H / G). The scale
    is 1/√D. Returns (B, H, T, D). All are of one dtype, float32 or float64, and the softmax is computed in it (Hugging Face's models compute it in
    float32 whatever the dtype: one check, and no other, tells the difference).

    Every query sees the whole prefix. Of the tokens it sees those that key_mask, (B, S), bool, has as True (None: all of them), and with causal=True
    only the tokens s <= t + S - T: the last query stands beside the last token. Each query sees something: where P = 0, at least one token.

    >>> zero = torch.zeros(1, 1, 2, 1)  # all scores are 0, so the output is the mean of what is seen
    >>> attention_with_prefix(zero, zero, tensor([4.0, 8.0]).view(1, 1, 2, 1), zero[:, :, :1], zero[:, :, :1]).flatten()
    tensor([2., 4.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("attention_with_prefix is not written yet")


def forward_with_prefix(
    model: nn.Module, prefix: list[tuple[Tensor, Tensor]], ids: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Logits (B, T, V) of a model that sees the prefix before its tokens.

    model: as `autograder.lab.frozen.frozen_model()` makes them. `model(ids, mask=…, positions=…, past=…)` takes the prefix as `past`; its mask,
    bool, is
    (B, P + T), the prefix first; its positions, (T,) or (B, T), are 0 … T - 1 unless they are given, whatever `past` is. `model.longest` is how
    many positions it has.

    ids: (B, T), int64. mask: (B, T), bool, False for padding, on either side; None means that all are tokens.

    The prefix can always be seen. The tokens have the positions P … P + T - 1, as if P tokens stood before them, also where the mask has padding.

    Raises `ValueError` when P + T is larger than `model.longest`; exactly as many are allowed.
    """
    # YOUR CODE HERE
    raise NotImplementedError("forward_with_prefix is not written yet")


def prefix_params(P: int, L: int, G: int, D: int, proj_hidden: int | None = None, C: int | None = None) -> int:
    """How many numbers a `PrefixEncoder` with these sizes learns.

    >>> prefix_params(5, 2, 4, 8)
    640
    >>> prefix_params(5, 2, 4, 8, proj_hidden=16)  # more than the table, while it learns
    2864
    """
    # YOUR CODE HERE
    raise NotImplementedError("prefix_params is not written yet")
