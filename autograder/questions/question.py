"""A question with its choices, and what its key rests on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from autograder.questions.changes import Change

CHOICES, LEAST = 4, 3
LETTERS = "abcd"

Kind = Literal["returns", "another", "same", "becomes", "which", "happens", "times", "shape", "holds"]


Sentence = tuple[tuple[Literal["text", "code"], str], ...]
"""A sentence with code in it, taken apart: nothing of the code is ever read as markup."""


def sentence(text: str, *codes: str) -> Sentence:
    """`text`, with a code in the place of each `{}`."""
    parts: list[tuple[Literal["text", "code"], str]] = []
    for number, part in enumerate(text.split("{}")):
        if number:
            parts.append(("code", codes[number - 1]))
        if part:
            parts.append(("text", part))
    return tuple(parts)


Needs = tuple[tuple[Change | None, str], ...]
"""The runs that a key rests on: of the file (None), or of a change of it; each with the key of the call."""


@dataclass(frozen=True)
class Choice:
    """What can be chosen: a text, or lines of code."""

    text: str
    code: bool = True
    why: str = ""  # what was computed, for the key


@dataclass(frozen=True)
class Question:
    """`answer` is the index of the one right choice."""

    kind: Kind
    asks: Sentence
    code: tuple[str, ...]  # the call that it is about
    choices: tuple[Choice, ...]
    answer: int
    family: str = ""  # of the calls that it is about
    line: int = 0  # of the file that it is about
    old: str = ""  # that line
    new: str = ""  # what it becomes
    needs: Needs = ()

    @property
    def letter(self) -> str:
        return LETTERS[self.answer]

    @property
    def changes(self) -> set[tuple[int, str]]:
        """The changes of a line that its key is about."""
        if self.kind == "which":
            return {(change.line, change.new) for change, _ in self.needs[1:2] if change is not None}
        return {(self.line, self.new)} if self.new else set()


def arranged(right: Choice, wrong: Sequence[Choice], draw: random.Random) -> tuple[tuple[Choice, ...], int] | None:
    """The choices in drawn order and the place of the right one; None where there are too few different ones."""
    found: list[Choice] = []
    for choice in wrong:
        if choice.text != right.text and choice.text not in {each.text for each in found}:
            found.append(choice)
    if len(found) < LEAST - 1:
        return None
    choices = [right, *found[: CHOICES - 1]]
    draw.shuffle(choices)
    return tuple(choices), choices.index(right)
