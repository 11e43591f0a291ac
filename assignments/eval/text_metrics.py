"""How good is a text that a model wrote? Four ways to put a number on it, and two ways to rank models by comparing them.

BLEU, ROUGE-L and SQuAD's exact match and F1 compare a text with what people wrote ("references"). Elo and Bradley-Terry need no
reference: somebody says which of two models has answered better, and from many such matches each model gets a rating.

Everything is plain Python: strings, lists and floats. No argument is changed, and nothing is remembered between calls.
"""

import math
import re
import string
from collections import Counter

import torch


def corpus_bleu(hyps: list[str], refs: list[list[str]], max_n: int = 4, smooth: bool = False) -> float:
    """BLEU of a whole corpus, from 0 to 100 ("BLEU: a Method for Automatic Evaluation of Machine Translation", Papineni et al., 2002).

    hyps: the texts to be judged, at least one. Each is split into tokens at whitespace, as `str.split` does, and nothing else is done to it:
        "so," and "So" are two tokens that differ. (sacrebleu does the same with tokenize="none"; by default it splits off punctuation.)
    refs: for each hypothesis the list of its references, at least one each. (sacrebleu has the lists the other way round.)
    max_n: n-grams of 1 to max_n tokens count.
    smooth: what happens to an n without any match, see below.

    1. The precision of n is matches / n-grams of the hypotheses. Both are added up over the corpus before the one division. An n-gram that a
       hypothesis has c times has min(c, m) matches, where m is how often it occurs in the one of its references that has it most often.
    2. The brevity penalty is min(1, exp(1 - r / c)). Here c is the number of tokens of all hypotheses, and r adds up one reference length for each
       hypothesis: the one closest to the hypothesis's own length. Of two that are equally close it is the shorter one.
    3. BLEU is 100 · penalty · the geometric mean of the max_n precisions, all of the same weight.

    If some n has no match, BLEU is 0. With smooth=True the first such n, from 1 upwards, counts as if it had 1/2 of a match, the second one 1/4,
    the third 1/8 and so on (sacrebleu's "exp"). It is 0 all the same if no n has a match, or if the hypotheses have no n-gram at all of some n.

    Raises ValueError if there are no hypotheses, if hyps and refs differ in length, or if a hypothesis has no reference.

    >>> corpus_bleu(["the cat is on the mat"], [["the cat is on the mat"]])
    100.0
    >>> corpus_bleu(["the the the the"], [["the cat is on the mat", "a mat"]], max_n=1)  # 2 of 4; of the lengths 6 and 2 the shorter one
    50.0
    >>> corpus_bleu(["a b c x e f"], [["a b c d e f"]])  # no 4-gram
    0.0
    >>> corpus_bleu(["a b c x e f"], [["a b c d e f"]], smooth=True)  # 5/6, 3/5, 1/4 and (1/2)/3
    37.9918
    """
    # YOUR CODE HERE
    raise NotImplementedError("corpus_bleu is not written yet")


def rouge_l(hyp: str, ref: str) -> tuple[float, float, float]:
    """ROUGE-L of one text: (precision, recall, F1), each from 0 to 1 ("ROUGE", Lin, 2004).

    A token is a run of the letters a to z and the digits 0 to 9, after lower(): everything else separates tokens and is dropped. There is no
    stemming.
    L is the length of the longest common subsequence of both lists of tokens: the most tokens that stand in both texts in the same order. Other
    tokens may stand between them.

    The precision is L / tokens of hyp, the recall is L / tokens of ref, and F1 is their harmonic mean. All three are 0 if L is 0, so also if one
    text, or both, have no token. (Lin's formula has a weight β for the recall. Here β = 1, as in the package rouge_score.)

    >>> rouge_l("The cat sat.", "the cat has sat down")
    (1.0, 0.6, 0.75)
    >>> rouge_l("down sat the cat", "the cat sat down")
    (0.5, 0.5, 0.5)
    >>> rouge_l("?!", "what")
    (0.0, 0.0, 0.0)
    """
    # YOUR CODE HERE
    raise NotImplementedError("rouge_l is not written yet")


def squad_em_f1(prediction: str, golds: list[str]) -> tuple[float, float]:
    """Exact match and F1 of a short answer, each from 0 to 1 ("SQuAD", Rajpurkar et al., 2016; the rules of version 2.0).

    Prediction and golds are normalised first, in this order: lower(); each of the 32 marks of `string.punctuation` is deleted, with no space in
    its place ("well-known" becomes "wellknown"); the words a, an and the are dropped; the rest is split at whitespace.

    - Exact match is 1.0 if both have the same words in the same order, and 0.0 otherwise.
    - F1 is 2 · common / (words of the prediction + words of the gold answer). A word that one of them has c times and the other one m times counts
      min(c, m) times in `common`; the order of the words does not matter. If both have no words left, F1 is 1.0. (Version 1.1 gives 0 there.)

    golds: one or several right answers. The best exact match and the best F1 count, each by itself. Raises ValueError if there are none.

    >>> squad_em_f1("The Tower of London!", ["tower of  London", "London"])
    (1.0, 1.0)
    >>> squad_em_f1("in 1889", ["1889", "the year 1889"])  # 2 · 1 / (2 + 1)
    (0.0, 0.6667)
    >>> squad_em_f1("the", [""])
    (1.0, 1.0)
    """
    # YOUR CODE HERE
    raise NotImplementedError("squad_em_f1 is not written yet")


def elo(matches: list[tuple[int, int, float]], n: int, k: float = 4.0) -> list[float]:
    """The Elo ratings of n models after these matches, one after the other.

    matches: (a, b, score): model a played against model b, from 0 to n - 1; score is 1.0 if a won, 0.0 if b won, and 0.5 for a draw.

    All begin at 1000. A match was expected to end with E = 1 / (1 + 10^((R_b - R_a) / 400)) for a, by the ratings before the match. After it, a has
    gained k (score - E), and b has lost as much. So the ratings depend on the order of the matches.

    >>> elo([(0, 1, 1.0)], n=2)
    [1002.0, 998.0]
    >>> elo([(1, 0, 0.5)], n=3, k=32.0)
    [1000.0, 1000.0, 1000.0]
    """
    # YOUR CODE HERE
    raise NotImplementedError("elo is not written yet")


def bradley_terry(matches: list[tuple[int, int, float]], n: int) -> list[float]:
    """The Bradley-Terry ratings of n >= 1 models: those under which all matches together are most probable. Their order does not matter.

    matches: as in `elo`. A draw counts as half a win for each of both.

    Under the model a beats b with probability 1 / (1 + 10^((R_b - R_a) / 400)), the same formula as Elo's. Only differences matter in it, so the
    mean of all ratings is set to 1000. The result is exact to 1e-3.

    There are finite ratings of one kind only if everybody can be reached from everybody by steps from a winner to one whom it has beaten (a draw
    is a step in both directions). Otherwise it raises ValueError: a model that has won all its matches would be infinitely good.

    >>> bradley_terry([(0, 1, 1.0)] * 10 + [(0, 1, 0.0)], n=2)  # 10 to 1: 400 apart
    [1200.0, 800.0]
    >>> bradley_terry([(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0)], n=3)
    [1000.0, 1000.0, 1000.0]
    >>> bradley_terry([(0, 1, 1.0)], n=2)
    Traceback (most recent call last):
    ValueError: no match was won by model 1
    """
    # YOUR CODE HERE
    raise NotImplementedError("bradley_terry is not written yet")
