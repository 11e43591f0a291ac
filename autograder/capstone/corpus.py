"""The text that the model reads, and what is made of it.

The book of Genesis in the King James Version (`autograder.lab.corpora`) is cut once: the model learns from the first nine tenths and is
measured on the last one, which no stage learns from. Instructions ask for a verse with a word in it. Preferences are between two verses: the one that
does not begin with "And" is liked. (Most verses of Genesis do, so that a change shows.)
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from autograder.lab.corpora import english

LIKED_NOT = "And"


@dataclass(frozen=True)
class Corpus:
    """The two parts of the text."""

    train: str
    held_out: str


@dataclass(frozen=True)
class Instruction:
    """A verse, and what one says to get it."""

    instruction: str
    answer: str
    word: str


@dataclass(frozen=True)
class Preference:
    """Two answers to one instruction, of which the first is liked."""

    instruction: str
    chosen: str
    rejected: str


def corpus() -> Corpus:
    text = english()
    cut = text.rindex("\nGenesis ", 0, len(text) * 9 // 10) + 1
    return Corpus(text[:cut], text[cut:])


def verses(text: str, longest: int = 160) -> list[str]:
    """The lines that are whole verses of a moderate length."""
    lines = [line.strip() for line in text.split("\n")]
    return [line for line in lines if 20 <= len(line) <= longest and not re.match(r"Genesis \d+$", line)]


def instructions(text: str, seed: int) -> list[Instruction]:
    """One for each verse, in an order of the seed's. The word is the longest one of the verse, the first of several."""
    found = []
    for verse in verses(text):
        word = max(re.findall(r"[A-Za-z]+", verse), key=len)
        found.append(Instruction(f"Write a verse about {word}.", verse, word))
    random.Random(seed).shuffle(found)
    return found


def preferences(text: str, seed: int) -> list[Preference]:
    """Pairs of verses, one that begins with "And" and one that does not, about the same word where there is such a pair."""
    asked = instructions(text, seed)
    plain = [each for each in asked if not each.answer.startswith(LIKED_NOT)]
    begun = [each for each in asked if each.answer.startswith(LIKED_NOT)]
    return [Preference(like.instruction, like.answer, other.answer) for like, other in zip(plain, begun, strict=False)]
