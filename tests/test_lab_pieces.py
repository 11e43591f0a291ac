"""Pieces and the whole: what the judge of the lab says of each way to differ."""

import pytest
import torch

from autograder.lab.pieces import pieces_are_the_whole

WHOLE = torch.arange(24.0).reshape(2, 4, 3)
CUT = [WHOLE[:, :1], WHOLE[:, 1:3], WHOLE[:, 3:]]


def judged(pieces, whole=WHOLE):
    return pieces_are_the_whole({"whole": whole, "pieces": pieces}, {"whole": WHOLE, "pieces": CUT}, {})


def test_pieces_that_are_the_whole():
    assert judged(CUT) is None


def test_the_first_piece_that_differs_is_named_with_its_tokens():
    said = judged([CUT[0], CUT[1] + 1, CUT[2] + 1])
    assert said.sentence == "Piece {number} (tokens {start} to {end}) differs from one pass over all tokens."
    assert said.values == {"number": 2, "start": 1, "end": 2}


@pytest.mark.parametrize("pieces", [CUT[:2], [piece + 1 for piece in CUT]], ids=["one is missing", "all are moved"])
def test_who_differs_from_the_reference_alike_is_told_by_comparison(pieces):
    moved = WHOLE if len(pieces) == 2 else WHOLE + 1
    assert judged(pieces, moved).path in ("pieces", "['pieces']", "whole", "['whole']")


def test_pieces_of_another_form_and_a_whole_of_another_shape_are_compared_and_raise_nothing():
    assert judged([CUT[0][0], *CUT[1:]]) is not None
    assert judged(CUT, WHOLE[:, :3]) is not None
