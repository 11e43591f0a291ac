r"""Chain of thought and self-consistency: a model reasons several times, its answers are read out of its texts, and they vote
("Self-Consistency Improves Chain of Thought Reasoning in Language Models", Wang et al., 2022).

A **number**, as it stands in a text, is written without white space in it:

- first, if there are any, a minus ("-", or "−", U+2212) and one currency sign ($, €, £ or ¥), in either order;
- then the first of these that fits: a LaTeX fraction of the form \frac{3}{4}, \dfrac{3}{4} or \tfrac{3}{4}; a fraction of the form 3/4; a decimal.

The two parts of a fraction are one or more digits each. A decimal is a whole part, or a point and digits, or both: 12, .5, 12.5. A whole part is
one or more digits; or one to three digits and then groups of a comma and exactly three digits: in "1,234" there is the number 1,234, in "1,23"
or "1,2345" there is the number 1. Digits are 0 to 9. A part takes as many characters as it can. A per cent sign, a unit, or the full stop
of a sentence is no part of a number; neither is a plus sign. Nothing that is passed in is changed.
"""

import math
import re
from collections.abc import Callable
from fractions import Fraction

PHRASES = ("answer is", "answer:", "答案是", "答案为", "答案：")
"""Behind these words a model says its answer. Upper and lower case are the same here: "Answer:" is found, too."""

STEP_BY_STEP = "Let's think step by step."
THEREFORE = "\nTherefore, the answer (arabic numerals) is"
"""The two sentences of zero-shot chain of thought ("Large Language Models are Zero-Shot Reasoners", Kojima et al., 2022)."""


def extract_answer(text: str, style: str) -> str | None:
    r"""What a text gives as its answer, as it stands there; None if it gives none.

    style says how the model was told to answer:

    - "hash": the number behind the first "####". Only white space may stand between the two, a line break too. A "####" that is followed by
      something else (a heading in Markdown) does not count: the first one with a number behind it is taken. (So does the script of GSM8K.)
    - "phrase": one of PHRASES stands anywhere in the text, also as a part of longer words, and behind it, on the same line, a number: the first one
      there. Upper and lower case of a phrase are the same. If this happens several times, the last phrase that has a number behind it on its
      line is taken.
    - "boxed": what stands in the last \boxed{…}, without white space at its ends; it need not be a number. Each { is closed by its own }, so there
      may be braces inside. A \boxed{ that is never closed, or has nothing but white space in it, does not count. "The last" is the one that
      begins last. (So do scripts for MATH.)

    Raises ValueError for another style.

    >>> extract_answer("6 * 7 = 42.\n#### 42", "hash")
    '42'
    >>> extract_answer("She has 3 bags. The answer is $1,250.50, so 50 more.", "phrase")
    '$1,250.50'
    >>> extract_answer(r"So it is \boxed{\frac{1}{2}}.", "boxed")
    '\\frac{1}{2}'
    >>> extract_answer("答案是 7。", "phrase"), extract_answer("The answer is unclear.\n7", "phrase")
    ('7', None)
    """
    # YOUR CODE HERE
    raise NotImplementedError("extract_answer is not written yet")


def normalize_number(s: str) -> str | None:
    r"""One spelling for each number, so that "1,000", "$1000.00" and "1000" vote together; None if s is no number.

    1. Take out, wherever they stand: \text{…} with the words in it (it holds no braces), currency signs and %, also with a backslash before them
       (\$, \%), the LaTeX spaces \! and \, (a backslash and a comma), and ^\circ. Then white space at both ends.
    2. What is left must be one number, from its first to its last character. Else the result is None.
    3. The result is the exact value as a fraction in lowest terms, "p/q", or "p" if q is 1. "-" is its minus sign. A fraction p/0 gives None.

    A per cent sign is taken out like a unit: "50%" is "50". Numbers may have any length up to 1,000 digits; none is rounded.

    >>> normalize_number("$1,000.00"), normalize_number("-0.50"), normalize_number(r"\frac{2}{4}")
    ('1000', '-1/2', '1/2')
    >>> normalize_number(r"18\text{ dollars}"), normalize_number("18 dollars")
    ('18', None)
    """
    # YOUR CODE HERE
    raise NotImplementedError("normalize_number is not written yet")


def majority(answers: list[str | None]) -> str | None:
    """The answer that occurs most often. Of several that occur equally often, the one that came first in the list.

    None stands for a text without an answer, and has no vote. Without any vote the result is None. Answers are compared as they are.

    >>> majority(["18", None, "20", None, "20", None])
    '20'
    >>> majority(["3", "5", "5", "3"])
    '3'
    """
    # YOUR CODE HERE
    raise NotImplementedError("majority is not written yet")


def self_consistency(texts: list[str], style: str) -> tuple[str | None, float]:
    """The answer of several texts to one question, and how sure they are of it.

    Each text's answer is extracted, and its normalized form votes. Where normalize_number gives None ("B" in a box), the answer votes as it stands.
    The majority is the result.

    Returns (answer, agreement). The agreement is the share of all texts that gave this answer: texts without an answer count in it, too. Without
    any answer the result is (None, 0.0).

    >>> self_consistency(["The answer is 18.", "I think the answer is $18.00", "The answer is 26", "No idea."], "phrase")
    ('18', 0.5)
    """
    # YOUR CODE HERE
    raise NotImplementedError("self_consistency is not written yet")


def weighted_vote(answers: list[str | None], logps: list[list[float]], normalize: bool = True) -> tuple[str | None, float]:
    """A vote in which each text counts as much as the model believes in it.

    answers: as in majority. logps: for each text the log-probabilities of all its tokens, at least one, finite.
    normalize: the weight of a text is exp(mean of its log-probabilities), as in equation 1 of Wang et al. With False it is the probability of the
        text, exp(sum of its log-probabilities).

    The answer with the largest sum of weights wins; of equal ones the one that came first in the list. A text without an answer (None) has no vote.

    Returns (answer, share): the winner, and its share in the weights of all texts that have an answer; (None, 0.0) if none has. A text may have
    thousands of tokens, and its sum may be -10,000: shares are right although exp(-10000) is 0 in floats.

    Raises ValueError if answers and logps have different lengths.

    >>> weighted_vote(["1", "2", "2"], [[-0.5, -0.5], [-2.0, -2.0], [-2.0]])  # e^-0.5 against 2 e^-2
    ('1', 0.6914)
    """
    # YOUR CODE HERE
    raise NotImplementedError("weighted_vote is not written yet")


def complexity_vote(paths: list[tuple[str, str | None]], k: int) -> str | None:
    """A vote of the k most complex texts only ("Complexity-Based Prompting for Multi-Step Reasoning", Fu et al., 2022).

    paths: pairs of a text and its answer (None: it has none). How complex a text is, is the number of its steps: its lines that hold more than
    white space.

    Texts without an answer are left out first. Of the others the k with the most steps vote; of texts with equally many steps the earlier ones in
    the list come first. If there are fewer than k, all vote. The majority decides; of answers with equally many votes, the one wins that comes
    first among those that vote, in the order of the list. Without any vote the result is None. Raises ValueError if k is less than 1.

    >>> complexity_vote([("It is 7.", "7"), ("2 + 3 = 5.\\nTwice that is 10.", "10"), ("Surely 7.", "7")], k=1)
    '10'
    """
    # YOUR CODE HERE
    raise NotImplementedError("complexity_vote is not written yet")


def zero_shot_cot(llm: Callable[[str], str], question: str) -> str | None:
    r"""Two calls without any example: the model thinks, then it is asked for the number.

    llm takes a prompt and returns how the model goes on. It is called two times.

    1. with "Q: ", the question, a line break, "A: " and STEP_BY_STEP;
    2. with all of the first prompt, a space, the first reply, and THEREFORE.

    Of the second reply the first number is the answer, in its normalized form; None if there is none. The question and the first reply are used
    as they are, whatever white space they have at their ends.

    >>> zero_shot_cot(lambda prompt: " 1,200 apples, not 12.", "How many are 3 times 400 apples?")
    '1200'
    """
    # YOUR CODE HERE
    raise NotImplementedError("zero_shot_cot is not written yet")
