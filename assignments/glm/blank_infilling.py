"""Blank infilling, the objective of GLM: spans are cut out of a text, and the model writes them behind it.

A *span* (start, end) holds the tokens start, start + 1, … end - 1. Arguments are left as they were and share nothing with results. A
result depends on the arguments of its own call alone.
"""

import math
from random import Random

import torch
from torch import Tensor


def make_blocks(
    tokens: list[int], spans: list[tuple[int, int]], order: list[int], MASK: int, SOP: int, EOP: int
) -> dict[str, Tensor | int]:
    """One training example of blank infilling.

    tokens: the ids of the text, at least one; MASK, SOP and EOP are not among them.
    spans: what is cut out. They are in the order of the text, hold at least one token each, and do not overlap. They may touch: then
        two MASK stand side by side. There may be none.
    order: the numbers of the spans in the order in which the model writes them: order[0] is the span that is written first.
    MASK, SOP, EOP: the ids of [MASK], of the start of a piece and of the end of a piece.

    *Part A* is the text with one MASK in place of each span. *Part B* has a piece for each span, in the given order: SOP, and behind it
    the span's tokens. With N tokens in both parts together, returns a dict of

    - "tokens": what the model reads: part A, then part B. EOP is not among them.
    - "targets": what the model should say at each place. In part B that is the token that follows in the same piece, and EOP at its end.
      In part A nothing is asked, and the targets are part A itself (as in GLM's code).
    - "loss_mask": 1 in part B, 0 in part A.
    - "pos1": in part A the place 0, 1, 2, … in part A. All tokens of a piece have the place of their MASK.
    - "pos2": 0 in part A. In each piece it counts 1, 2, 3, …; SOP has 1.
    - "sep": the number of tokens in part A, an int.

    The others are int64 (N,). (Some other implementations number pos2 from 0, at SOP. GLM's code begins with 1.)

    Of the text 11 12 13 14 15 16 the spans 13 and 15 16 are cut out; the second one is written first:

    >>> b = make_blocks([11, 12, 13, 14, 15, 16], [(2, 3), (4, 6)], [1, 0], MASK=1, SOP=2, EOP=3)
    >>> b["tokens"]
    tensor([11, 12,  1, 14,  1,  2, 15, 16,  2, 13])
    >>> b["targets"]
    tensor([11, 12,  1, 14,  1, 15, 16,  3, 13,  3])
    >>> b["loss_mask"]
    tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    >>> b["pos1"]
    tensor([0, 1, 2, 3, 4, 4, 4, 4, 2, 2])
    >>> b["pos2"]
    tensor([0, 0, 0, 0, 0, 1, 2, 3, 1, 2])
    >>> b["sep"]
    5
    """
    # YOUR CODE HERE
    raise NotImplementedError("make_blocks is not written yet")


def glm_mask(sep: int, N: int) -> Tensor:
    """Who may look at whom, for `sep` tokens of part A among N tokens.

    Returns bool (N, N): [t, s] is True if token t may look at token s. Tokens of part A look at all of part A, and at nothing of part B.
    Tokens of part B look at all of part A, at themselves, and at whatever stands before them in part B, in their own piece and in
    earlier ones. sep may be anything from 0 to N.

    >>> glm_mask(2, 4)
    tensor([[ True,  True, False, False],
            [ True,  True, False, False],
            [ True,  True,  True, False],
            [ True,  True,  True,  True]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("glm_mask is not written yet")


def gmask_example(tokens: list[int], prefix_len: int, GMASK: int, SOP: int, EOP: int) -> dict[str, Tensor | int]:
    """One training example of long generation: the model reads a prefix and [gMASK], and writes all the rest.

    The first `prefix_len` tokens (0 or more) stay, and what follows (at least one token) is one single span. Returns the same dict as
    `make_blocks`, with GMASK in place of MASK.

    >>> gmask_example([11, 12, 13, 14], 2, GMASK=9, SOP=2, EOP=3)["tokens"]
    tensor([11, 12,  9,  2, 13, 14])
    """
    # YOUR CODE HERE
    raise NotImplementedError("gmask_example is not written yet")


def sample_spans(n: int, rng: Random, ratio: float = 0.15, lam: float = 3.0) -> list[tuple[int, int]]:
    """Spans to cut out of a text of n tokens, drawn at random. All randomness comes from `rng`; its state goes on.

    1. Lengths are drawn one after the other until they sum to ratio · n or more. (GLM's code rounds ratio · n down first.) Each length is
       a draw from a Poisson distribution of mean lam; a draw of 0 is thrown away and drawn again.
    2. Lengths that cannot stand in n tokens with at least one token between any two spans are all thrown away, and step 1 begins again.
    3. The lengths are shuffled: every order is equally likely.
    4. Then the spans are placed: of all placements of these lengths in this order, with at least one token between any two spans, each is
       equally likely. (GLM's code has another distribution here.) The text may begin or end with a span.

    Returns the spans (start, end) in the order of the text, as a list of tuples of two int. With ratio · n = 0 it is empty. ratio is at
    most 0.5.
    """
    # YOUR CODE HERE
    raise NotImplementedError("sample_spans is not written yet")
