"""Packing: several examples share one row, and no place is filled up. And NEFTune: noise for embeddings while a model is fine-tuned.

A label is the id of its own token where the model is trained on that token, and -100 where it is not. The model shifts labels by itself: the
output at place t is compared with the label at t + 1.

Arguments are left as they were, and results share no memory with them. What a call returns depends on its own arguments alone: what the caller does
to earlier results changes nothing.
"""

from bisect import bisect_left, insort

import torch
from torch import Tensor


def pack_bfd(lengths: list[int], cap: int) -> list[list[int]]:
    """Which examples share a row of cap tokens, by best fit decreasing.

    lengths: of the examples, each 1 or more; perhaps there are none. The longest example comes first, and of equal ones the one that stands first in
    `lengths`. Each goes into the row with the least room of all rows that still have room for it (exactly enough is enough); of rows with equal room,
    into the one that was opened first. Where no row has room, a new one is opened behind the others.

    Returns the rows in the order in which they were opened: the places in `lengths` of their examples, in the order in which these were put in. An
    example that is longer than cap is a ValueError.

    >>> pack_bfd([5, 3, 4, 2], 8)
    [[0, 1], [2, 3]]
    >>> pack_bfd([6, 5, 2, 4], 8)  # 2 goes beside 6, where just enough room is left
    [[0, 2], [1], [3]]
    >>> pack_bfd([9], 8)
    Traceback (most recent call last):
    ValueError: an example of 9 tokens does not fit into 8
    """
    # YOUR CODE HERE
    raise NotImplementedError("pack_bfd is not written yet")


def pack_batch(ex: list[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
    """Examples of one row become tensors, without any filling.

    ex: n >= 1 examples (ids, labels), each of 1 token or more; they stand one behind the other in this order. T is their length together. Returns

    - "input_ids", int64 (1, T);
    - "labels", int64 (1, T): as given, but -100 for the first token of each example, also of the first example. Else the model would predict the
      first token of an example from the example before it;
    - "position_ids", int64 (1, T): 0, 1, 2, … for each example anew;
    - "cu_seqlens", int32 (n + 1,): where examples begin, and T in the end, as FlashAttention wants them.

    >>> batch = pack_batch([([7, 8, 9], [7, 8, 9]), ([5, 6], [-100, 6])])
    >>> batch["labels"], batch["position_ids"]
    (tensor([[-100,    8,    9, -100,    6]]), tensor([[0, 1, 2, 0, 1]]))
    >>> batch["input_ids"], batch["cu_seqlens"]
    (tensor([[7, 8, 9, 5, 6]]), tensor([0, 3, 5], dtype=torch.int32))
    """
    # YOUR CODE HERE
    raise NotImplementedError("pack_batch is not written yet")


def block_causal_mask(cu: Tensor) -> Tensor:
    """Which tokens of a packed row see which: bool (T, T), True where token t (first dimension) may attend to token s.

    cu: int32 or int64 (n + 1,), as `pack_batch` gives it: it begins with 0, ends with T and grows. t sees s if both belong to one example and s <= t.

    >>> block_causal_mask(tensor([0, 2, 3])).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [0, 0, 1]], dtype=torch.int32)
    """
    # YOUR CODE HERE
    raise NotImplementedError("block_causal_mask is not written yet")


def neftune(e: Tensor, mask: Tensor, alpha: float, gen: torch.Generator) -> Tensor:
    """Embeddings with noise, as NEFTune trains on them.

    e: (B, T, C), float32 or float64. mask: bool (B, T), True for tokens and False for places that were filled up; a row may have no token at all.
    alpha: the strength, 0 or more.

    The noise is uniform between -1 and 1, times alpha / √(n · C), where n is the number of tokens of that row *without* filled places. At filled
    places e stays as it is. (The authors' program and Hugging Face take the length of the filled row for n, and add noise to filled places too. One
    check, and no other, tells the difference.)

    All random numbers come from `gen` in one draw of the shape (B, T, C), filled places included, in the dtype of e: `torch.rand` with that generator
    gives u, and the noise is 2u - 1. (Or `uniform_` from -1 to 1: this is the same.) Returns (B, T, C) in the dtype of e. Gradients flow to e.

    >>> e, some = torch.zeros(1, 4, 4), tensor([[True, True, True, True]])
    >>> neftune(e, some, 0.0, torch.Generator()).abs().sum()
    tensor(0.)
    >>> torch.le(neftune(e, some, 8.0, torch.Generator()).abs().max(), 2.0)  # 8 / √16
    tensor(True)
    """
    # YOUR CODE HERE
    raise NotImplementedError("neftune is not written yet")
