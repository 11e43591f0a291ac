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
    # BEGIN SOLUTION
    if not hyps or len(hyps) != len(refs) or not all(refs):
        raise ValueError("each hypothesis has at least one reference, and there is at least one hypothesis")
    matches, totals, c, r = [0] * max_n, [0] * max_n, 0, 0
    for hyp, its_refs in zip(hyps, refs, strict=True):
        tokens, others = hyp.split(), [ref.split() for ref in its_refs]
        c += len(tokens)
        r += min((abs(len(other) - len(tokens)), len(other)) for other in others)[1]
        for n in range(1, max_n + 1):
            most: Counter[tuple[str, ...]] = Counter()
            for other in others:
                most |= _ngrams(other, n)
            mine = _ngrams(tokens, n)
            matches[n - 1] += (mine & most).total()
            totals[n - 1] += mine.total()
    if not any(matches) or not all(totals) or (not smooth and not all(matches)):
        return 0.0
    logs, counted = 0.0, 1.0
    for found, total in zip(matches, totals, strict=True):
        if not found:
            counted /= 2
        logs += math.log((found or counted) / total)
    return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(logs / max_n)
    # END SOLUTION


# BEGIN SOLUTION
def _ngrams(tokens: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


# END SOLUTION


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
    # BEGIN SOLUTION
    mine, other = (re.findall(r"[a-z0-9]+", text.lower()) for text in (hyp, ref))
    best = [0] * (len(other) + 1)  # best[j]: the LCS of what was read of `mine`, and of other[:j]
    for token in mine:
        before = best
        best = [0]
        for j, word in enumerate(other):
            best.append(before[j] + 1 if word == token else max(before[j + 1], best[j]))
    if not best[-1]:
        return 0.0, 0.0, 0.0
    precision, recall = best[-1] / len(mine), best[-1] / len(other)
    return precision, recall, 2 * precision * recall / (precision + recall)
    # END SOLUTION


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
    # BEGIN SOLUTION
    if not golds:
        raise ValueError("there is no right answer")
    mine = _normalised(prediction)
    exact, f1 = 0.0, 0.0
    for gold in map(_normalised, golds):
        exact = max(exact, float(mine == gold))
        common = (Counter(mine) & Counter(gold)).total()
        f1 = max(f1, 2 * common / (len(mine) + len(gold)) if mine or gold else 1.0)
    return exact, f1
    # END SOLUTION


# BEGIN SOLUTION
def _normalised(text: str) -> list[str]:
    bare = "".join(mark for mark in text.lower() if mark not in string.punctuation)
    return [word for word in bare.split() if word not in ("a", "an", "the")]


# END SOLUTION


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
    # BEGIN SOLUTION
    ratings = [1000.0] * n
    for a, b, score in matches:
        gain = k * (score - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400)))
        ratings[a] += gain
        ratings[b] -= gain
    return ratings
    # END SOLUTION


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
    # BEGIN SOLUTION
    wins = torch.zeros(n, n, dtype=torch.float64)
    for a, b, score in matches:
        wins[a, b] += score
        wins[b, a] += 1 - score
    reached = (wins > 0) | torch.eye(n, dtype=torch.bool)
    for _ in range(n):
        reached = reached.double() @ reached.double() > 0
    if not reached.all():
        raise ValueError("some models have never beaten any of the others, even over several steps")
    games, s = wins + wins.T, torch.zeros(n, dtype=torch.float64)
    for _ in range(200):  # Newton's method; s are natural logarithms
        p = torch.sigmoid(s[:, None] - s)
        slope = (wins - games * p).sum(1)
        bend = games * p * (1 - p)
        step = torch.linalg.solve(bend.sum(1).diag() - bend + 1 / n, slope)  # + 1/n: the sum of all steps is 0
        s = s + step / step.abs().max().clamp(min=1)
        if step.abs().max() < 1e-12:
            break
    return (1000 + 400 / math.log(10) * (s - s.mean())).tolist()
    # END SOLUTION
