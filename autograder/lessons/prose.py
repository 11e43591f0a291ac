"""What can be measured of a page's English: the length of its lines and sentences, and the school grade that reads it.

That a pronoun has its noun and that an order of words is English can't be measured: read the page aloud.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.lessons.page import Page

LONGEST_LINE = 150
LONGEST_SENTENCE = 36
HIGHEST_GRADE = 10.0

_WORD = re.compile(r"[^\W_][\w'’-]*")


def problems(page: Page) -> Iterator[str]:
    """What is too long or too hard; sources are not counted, since titles are as they are."""
    for number, line in enumerate(page.lines, 1):
        if len(line) > LONGEST_LINE and not _may_be_long(line, number, page):
            yield f"line {number} has {len(line)} characters; write at most {LONGEST_LINE}"
    end = next((section.line for section in page.sections if section.title == "Sources"), len(page.lines) + 1)
    sentences = [(text, line) for text, line in page.sentences() if line < end]
    for text, line in sentences:
        words = _WORD.findall(text)
        if len(words) > LONGEST_SENTENCE:
            yield f"line {line}: a sentence of {len(words)} words (“{' '.join(text.split()[:6])} …”); one idea a sentence"
    grade = reading_grade(text for text, _ in sentences)
    if grade > HIGHEST_GRADE:
        yield f"it reads like school grade {grade:.1f}; write shorter sentences and plainer words, for {HIGHEST_GRADE:g}"


def reading_grade(sentences: Iterator[str] | list[str]) -> float:
    """The automated readability index: the school grade (in the United States) that reads the text with ease.

    4.71 characters/words + 0.5 words/sentences - 21.43 (Senter and Smith, 1967, AMRL-TR-66-220). Sentences of fewer than
    four words are labels, and are left out.

    >>> round(reading_grade(["The softmax runs over the keys.", "Each head has weights of its own."]), 1)
    0.4
    """
    texts = [words for words in map(_WORD.findall, sentences) if len(words) >= 4]
    words = [word for text in texts for word in text]
    if not words:
        return 0.0
    return 4.71 * sum(map(len, words)) / len(words) + 0.5 * len(words) / len(texts) - 21.43


def _may_be_long(line: str, number: int, page: Page) -> bool:
    """Tables, pictures and the head can't be broken; code has its own rules; a link may be one long word."""
    in_block = any(block.line <= number < block.line + block.text.count("\n") for block in page.blocks)
    return in_block or line.lstrip().startswith(("|", "![", "<", "> **")) or len(line.split()) <= 3 or "](http" in line
