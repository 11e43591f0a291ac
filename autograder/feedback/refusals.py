"""An error in the words of the person who reads it."""

from __future__ import annotations

from autograder.feedback.escape import visible
from autograder.refusals import Refusal


def explain(error: Exception) -> str | None:
    """The sentences for an error that can happen in good order, fit to be shown; None for a fault of ours."""
    if isinstance(error, Refusal):
        return visible(error.sentences(), lines=True)  # it may name what a student called their file
    if isinstance(error, OSError) and error.filename:
        return visible(f"{error.filename}: {error.strerror}", lines=True)
    return None
