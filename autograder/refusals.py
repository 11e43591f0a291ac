"""What can go wrong in good order: every error that a person should read inherits from `Refusal`, and its text is written for them.

An exception that does not is a fault of ours, and is shown with its place.
"""

from __future__ import annotations


class Refusal(Exception):
    """Something that can't be done. The text says what happened, where, and what to do."""

    def sentences(self) -> str:
        """The text as it is shown: it begins with a capital letter, unless it begins with a file's name."""
        text = str(self)
        return text[:1].upper() + text[1:] if text.partition(" ")[0].isalpha() else text


class Refused(Refusal):
    """A command can't do what was asked."""

    def sentences(self) -> str:
        return str(self)
