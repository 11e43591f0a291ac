"""A judge for what is fed in pieces, each with the cache of the piece before: together they are the whole."""

from __future__ import annotations

from typing import Any

from autograder.checks import difference, reject


def pieces_are_the_whole(seen: dict[str, Any], want: dict[str, Any], inputs: dict[str, Any]) -> Any:
    """The student's own pieces against the student's own whole, and then everything against the reference's.

    `seen` has the outputs for all tokens, `whole` (B, T, …), and those of the `pieces`, (B, tokens of the piece, …) each.
    """
    start = 0
    for number, piece in enumerate(seen["pieces"], 1):
        end = start + piece.shape[1] if piece.ndim == 3 else start
        if seen["whole"].shape == want["whole"].shape:
            found = difference(piece, seen["whole"][:, start:end])
            if found is not None:
                sentence = "Piece {number} (tokens {start} to {end}) differs from one pass over all tokens."
                return reject(sentence, number=number, start=start, end=end - 1)
        start = end
    return difference(seen, want)
