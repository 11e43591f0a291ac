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
    # BEGIN SOLUTION
    parts = flat.unflatten(1, (L, 2, G, -1)).permute(1, 2, 3, 0, 4)  # (L, 2, G, P, D)
    parts = parts.unsqueeze(2).expand(-1, -1, B, -1, -1, -1)  # (L, 2, B, G, P, D)
    return [(keys, values) for keys, values in parts]
    # END SOLUTION


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
        # BEGIN SOLUTION
        self.L, self.G = L, G
        width = L * 2 * G * D
        if proj_hidden is None:
            self.embedding, self.transform = nn.Embedding(P, width), nn.Identity()
        else:
            C = G * D if C is None else C
            self.embedding = nn.Embedding(P, C)
            self.transform = nn.Sequential(nn.Linear(C, proj_hidden), nn.Tanh(), nn.Linear(proj_hidden, width))
        # END SOLUTION

    def forward(self, B: int) -> list[tuple[Tensor, Tensor]]:
        """The prefix for B sequences, as `split_prefix` makes it of the table. Gradients reach all parameters."""
        # BEGIN SOLUTION
        return split_prefix(self.transform(self.embedding.weight), B, self.L, self.G)
        # END SOLUTION

    def fold(self) -> Tensor:
        """The finished table, (P, L·2·G·D), for use after training: the small table and the network are not needed any more.

        It is a copy and requires no gradient: later steps of training do not change it. `split_prefix(encoder.fold(), B, L, G)` is what
        `encoder(B)` gives.
        """
        # BEGIN SOLUTION
        return self.transform(self.embedding.weight).detach().clone()
        # END SOLUTION


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
    # BEGIN SOLUTION
    T, S, P = q.shape[2], k.shape[2], pk.shape[2]
    group = q.shape[1] // k.shape[1]
    k, v = (torch.cat(pair, dim=2).repeat_interleave(group, dim=1) for pair in ((pk, k), (pv, v)))
    scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, H, T, P + S)
    seen = torch.ones(1, 1, T, P + S, dtype=torch.bool, device=q.device)
    if causal:
        seen = seen.tril(P + S - T)
    if key_mask is not None:
        prefix = key_mask.new_ones(len(key_mask), P)
        seen = seen & torch.cat([prefix, key_mask], dim=1)[:, None, None]
    return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ v
    # END SOLUTION


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
    # BEGIN SOLUTION
    (B, T), P = ids.shape, prefix[0][0].shape[2]
    if model.longest < P + T:
        raise ValueError(f"{P} + {T} positions, and the model has {model.longest}")
    if mask is not None:
        mask = torch.cat([mask.new_ones(B, P), mask], dim=1)
    return model(ids, mask=mask, positions=torch.arange(P, P + T, device=ids.device), past=prefix)
    # END SOLUTION


def prefix_params(P: int, L: int, G: int, D: int, proj_hidden: int | None = None, C: int | None = None) -> int:
    """How many numbers a `PrefixEncoder` with these sizes learns.

    >>> prefix_params(5, 2, 4, 8)
    640
    >>> prefix_params(5, 2, 4, 8, proj_hidden=16)  # more than the table, while it learns
    2864
    """
    # BEGIN SOLUTION
    width = L * 2 * G * D
    if proj_hidden is None:
        return P * width
    C = G * D if C is None else C
    return P * C + (C + 1) * proj_hidden + (proj_hidden + 1) * width
    # END SOLUTION
