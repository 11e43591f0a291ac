"""Learned positions: a table with one trained vector for each position ("GPT", "Model specifications"; "BERT", section 3).

Sizes: B sequences, T tokens, C features of the model, M rows of a table. Tables are float32 or float64, and results have the dtype of the table.
Position numbers are int64. Inputs may be views (transposed, sliced). They are not changed, nor is their `requires_grad`. A result
shares no memory with an input nor with the table, and each call depends on its own arguments alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LearnedPositions(nn.Module):
    """A table of vectors, looked up by position: position p has row p + offset.

    Its only parameter is `weight`, (offset + max_len, C); checks load it by this name. An offset other than 0 reserves the first rows for
    something else. (OPT has offset 2. In RoBERTa the numbers themselves begin at 2, so its offset here is 0.)
    """

    def __init__(self, max_len: int, C: int, offset: int = 0, padding_idx: int | None = None) -> None:
        """Positions 0 … max_len-1 of C features. A new table is normal, with mean 0 and standard deviation 0.02.

        padding_idx: the number of a *row* of the table (not of a position), or None. In a new table this row is zero. It never gets a
            gradient, so it stays zero in training. If loaded weights have something else there, the lookup returns that.
        """
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("LearnedPositions.__init__ is not written yet")

    def forward(self, position_ids: Tensor) -> Tensor:
        """The vector of each position.

        position_ids: int64 of any shape, mostly (B, T), but also () or with no position in it. Returns (…, C): one dimension more.

        Positions from -offset to max_len-1 have a row. For any other there is an IndexError: a position past the end is not clamped to
        the last row, a negative one is not counted from the end of the table, and a huge one is not cut to 32 bits. Training mode and
        evaluation mode give the same.
        """
        # YOUR CODE HERE
        raise NotImplementedError("LearnedPositions.forward is not written yet")


def position_ids_from_mask(mask: Tensor) -> Tensor:
    """The position of each token in a padded batch: how many real tokens stand before it in its row.

    mask: (B, T), bool or integer: True or 1 for a real token, False or 0 for padding, which may be on the left, on the right, or between.
    Returns int64 (B, T). So a sequence has the same positions wherever its padding is.

    Padding has position 0, as in Hugging Face's `generate`. (OPT gives padding -1; one check, and no other, looks at padding.)

    >>> position_ids_from_mask(tensor([[0, 0, 1, 1, 1], [1, 1, 0, 0, 0]]))
    tensor([[0, 0, 0, 1, 2], [0, 1, 0, 0, 0]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("position_ids_from_mask is not written yet")


def roberta_position_ids(ids: Tensor, pad: int) -> Tensor:
    """RoBERTa's positions: pad + 1, pad + 2, … for the real tokens of a row, and `pad` for padding.

    ids: (B, T), int64 token numbers. A token is padding where it is `pad`, wherever it stands. pad >= 0. Returns int64 (B, T).

    >>> roberta_position_ids(tensor([[5, 6, 1, 1], [1, 1, 7, 8]]), pad=1)
    tensor([[2, 3, 1, 1], [1, 1, 2, 3]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("roberta_position_ids is not written yet")


def extend_positions(w: Tensor, new_len: int, mode: str, alpha: float = 0.4) -> Tensor:
    """A table for new_len positions from a trained one for M, without training.

    w: (M, C), M >= 1. new_len >= 1. Returns (new_len, C). Gradients flow to w. For new_len = M both modes give w (up to rounding).

    - mode "linear" stretches the table (or shrinks it). Row i of the result is read at the place x = (i + 1/2) · M / new_len - 1/2,
      where x < 0 counts as 0 and x > M - 1 as M - 1. At x = j + f, with 0 <= f < 1, the row is (1 - f) · w[j] + f · w[j + 1].
      Vision models do this in two dimensions. (Others put the first and the last row on each other, x = i · (M - 1) / (new_len - 1),
      which torch calls `align_corners=True`. One check, and no other, tells the difference.)
    - mode "hier" keeps the M rows that exist and composes the others of two. With u[i] = (w[i] - alpha · w[0]) / (1 - alpha), row
      i · M + j is alpha · u[i] + (1 - alpha) · u[j], for 0 <= i, j < M. So there are M² rows at most: more is a ValueError. 0 < alpha < 1.
      new_len < M gives the first new_len rows.

    alpha is for "hier" only. Any other mode is a ValueError.

    >>> extend_positions(tensor([[0.0], [8.0]]), 4, "linear")  # at x = -1/4, 1/4, 3/4, 5/4
    tensor([[0.], [2.], [6.], [8.]])
    >>> extend_positions(tensor([[1.0], [4.0]]), 4, "hier", alpha=0.5)  # u = 1, 7
    tensor([[1.], [4.], [4.], [7.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("extend_positions is not written yet")
