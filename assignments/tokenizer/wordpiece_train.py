"""WordPiece, the training half: which two tokens become one? (Schuster and Nakajima, 2012)

BPE merges the pair that occurs most often. WordPiece merges the pair that raises the likelihood of the corpus the
most, under a model in which tokens are independent of each other. You write the training loop, and the gain in
log-likelihood that its score stands for.
"""

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise


def train_wordpiece(word_counts: dict[str, int], num_merges: int) -> tuple[list[tuple[str, str]], set[str]]:
    """Learn `num_merges` merges from a corpus, given as its distinct words and how often each of them occurs.

    The tokens of a word are its characters at first. The first one stands as it is, every other one carries the
    prefix `##`, "not at the start of a word": "hug" is `h ##u ##g`. Then, `num_merges` times:

    1. Count over the whole corpus, *as it is split now*. A word that occurs c times adds c for each of its tokens and
       c for each two neighbours in it, also where they overlap: `a ##a ##a ##a`, once, has count(##a) = 3 and
       count(##a ##a) = 2. Pairs never reach across two words. A word of one token adds to the count of that token.
    2. Give every pair its score = count(ab) / (count(a) · count(b)), also where a and b are the same token, and choose the
       highest. Where scores are equal, choose the higher count(ab); where these are equal too, the pair (a, b) that is
       smallest as Python compares tuples of strings. (The Hugging Face course takes the pair that it met first.)
       *Equal* means equal as fractions: 15/(15 · 36) is 17/(17 · 36). (The float `count_ab / (count_a * count_b)` does
       that; after more than one rounding, as in `count_ab / count_a / count_b` or in a sum of logarithms, equal scores
       may come out different in the last bit. The checks keep clear of that.)
    3. Merge it in every word, from left to right and without overlap: `a ##a ##a ##a` with (##a, ##a) becomes
       `a ##aa ##a`. The new token is a followed by b without the first two characters of b, its `##`: and nothing
       else of b, for the text may hold a `#` of its own (the second character of "c#" is the token `###`).

    Stop early when no word has two tokens left.

    Args:
        word_counts: word -> how often it occurs, a positive integer. Words have no spaces in them and don't start with
            `##`. An empty word adds nothing.
        num_merges: at least 0.
    Returns:
        merges: the chosen pairs (a, b), in order, both as they were before merging (b with its `##`).
        vocabulary: the tokens of step 0 and the token that each merge made, whether or not they are still in use.
            No special tokens.

    >>> merges, vocabulary = train_wordpiece({"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}, 1)
    >>> merges  # 5/(20·5) = 1/20
    [('##g', '##s')]
    >>> vocabulary
    {'##g', '##gs', '##n', '##s', '##u', 'b', 'h', 'p'}

    A second merge would be (p, ##u): then six pairs have 1/36, and it occurs most often of these.
    """
    # YOUR CODE HERE
    raise NotImplementedError("train_wordpiece is not written yet")


def unigram_loglik_gain(a: str, b: str, token_counts: dict[str, int], pair_counts: dict[tuple[str, str], int]) -> float:
    """The change in log-likelihood, for each place where a, b is replaced by one token z.

    A unigram model takes tokens to be independent: log P(t_1 … t_n) = Σ_i log P(t_i). Replacing one a, b by z changes
    this sum by

        log P(z) - (log P(a) + log P(b)),     P(z) = count(ab)/N,  P(a) = count(a)/N,  P(b) = count(b)/N,

    with the natural logarithm and the same N, the number of tokens in the corpus *before* the merge, in all three.

    Args:
        a, b: two tokens.
        token_counts: token -> how often it occurs; N is their sum. It holds a and b, if they occur side by side.
        pair_counts: (left, right) -> how often they occur side by side.
    Returns:
        The gain of one replacement, a float. Minus infinity if a, b never occurs: it is not in `pair_counts`, or there
        with 0. Then the two tokens need not be in `token_counts` either.

    >>> token_counts = {"x": 2, "##y": 4, "##z": 10}
    >>> unigram_loglik_gain("x", "##y", token_counts, {("x", "##y"): 2, ("##y", "##z"): 3})  # log 4: 2/16 is 4 · 2/16 · 4/16
    1.386294
    """
    # YOUR CODE HERE
    raise NotImplementedError("unigram_loglik_gain is not written yet")
