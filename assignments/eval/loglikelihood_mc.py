"""How a language model takes an exam: no answer is sampled, but each possible answer is scored by its probability.

This is what EleutherAI's lm-evaluation-harness does ("the harness" below), and the numbers of most leaderboards come from it: which tokens belong
to the answer, what the model reads, how long texts are cut, how scores become an accuracy with an error, and whether the exam was in the training
data.

A *model* here is a callable: it takes token ids, int64 of shape (1, T), and gives logits of shape (1, T, V). logits[0, t] are about the token at
t + 1. Nothing that is passed in is changed, and nothing is remembered between calls.
"""

import math
import string
from collections.abc import Callable

import torch
from torch import Tensor


def encode_pair(encode: Callable[[str], list[int]], ctx: str, cont: str, prefix: int) -> tuple[list[int], list[int]]:
    """The tokens of a context and of its continuation, such as a question and one of its answers.

    encode: from a text to its tokens, e.g. a BPE tokenizer. It adds no special tokens, and encode("") is [].
    prefix: a token that stands for an empty context, such as <|endoftext|>.

    1. White space at the end of ctx moves to the beginning of cont: tokens such as " Paris" begin with their space, and hardly one ends with it.
    2. Both are encoded together, as the model has seen such texts in its training. The context's tokens are encode(ctx), by itself. The
       continuation's tokens are what is left of encode(ctx + cont) behind the first len(encode(ctx)) tokens, even if those differ from encode(ctx).
    3. If ctx is empty after step 1, the context is [prefix], and the continuation is encode(cont).

    Returns (context's tokens, continuation's tokens). The second list may be empty.

    >>> encode = {"one": [3], "one two": [3, 5], "two": [8]}.get  # "two" and " two" are different tokens
    >>> encode_pair(encode, "one ", "two", prefix=0)
    ([3], [5])
    >>> encode_pair(encode, "", "two", prefix=0)
    ([0], [8])
    """
    # YOUR CODE HERE
    raise NotImplementedError("encode_pair is not written yet")


def loglikelihood(model: Callable[[Tensor], Tensor], ctx: list[int], cont: list[int], max_len: int = 2048) -> tuple[float, bool]:
    """log P(cont | ctx), and whether greedy decoding would write cont: (sum of the log-probabilities of cont's tokens, greedy).

    The model is called once, without gradients, and reads the tokens of ctx + cont but for the last one, which predicts nothing that is asked. If
    those are more than max_len, it reads the last max_len of them. With an empty cont the answer is (0.0, True), and the model is not called.

    The log-probabilities are computed in float64 if the logits are float64, and else in float32. greedy is True if each token of cont has the largest
    logit of its place; of several that are equally large the one with the smallest id counts. Logits up to 1e4 in size give finite results.

    Raises ValueError if ctx is empty, even if cont is empty too, or if cont has more than max_len tokens.

    >>> model = lambda ids: torch.eye(4)[ids] * math.log(2)  # the token that was read last has probability 2/5, the others have 1/5
    >>> loglikelihood(model, [3], [3, 3])  # 2 log 2/5
    (-1.8326, True)
    >>> loglikelihood(model, [0, 3], [1])
    (-1.6094, False)
    """
    # YOUR CODE HERE
    raise NotImplementedError("loglikelihood is not written yet")


def rolling_windows(tokens: list[int], prefix: int, max_len: int, ctx_len: int = 1) -> list[tuple[list[int], list[int]]]:
    """Pieces of a long text, each a (context, continuation), such that every token of the text is in exactly one continuation, in order.

    The model that will read them takes max_len tokens at a time, that is context + continuation without its last token.

    - The first piece is ([prefix], the first max_len tokens), or all of them if there are fewer.
    - Each further continuation has the next max_len - ctx_len + 1 tokens, and the last one has those that are left. Its context is as long as
      fits: it has the tokens before it, max_len + 1 tokens together with the continuation. So it has ctx_len tokens, in the last piece often more.

    An empty text has no pieces. Raises ValueError unless 1 <= ctx_len <= max_len.

    >>> rolling_windows([1, 2, 3, 4, 5, 6, 7, 8], prefix=0, max_len=3)
    [([0], [1, 2, 3]), ([3], [4, 5, 6]), ([5, 6], [7, 8])]
    >>> rolling_windows([1, 2, 3, 4, 5, 6], prefix=0, max_len=3, ctx_len=2)
    [([0], [1, 2, 3]), ([2, 3], [4, 5]), ([3, 4, 5], [6])]
    """
    # YOUR CODE HERE
    raise NotImplementedError("rolling_windows is not written yet")


def rolling_loglikelihood(model: Callable[[Tensor], Tensor], tokens: list[int], prefix: int, max_len: int, ctx_len: int = 1) -> float:
    """log P(tokens) by a model that reads at most max_len tokens: the sum over all pieces of `rolling_windows`.

    The model is called once for each piece, from first to last, and never reads more than max_len tokens. An empty text has 0.0.

    >>> uniform = lambda ids: torch.zeros(5, 5)[ids]
    >>> rolling_loglikelihood(uniform, [1, 2, 3, 4], prefix=0, max_len=3)  # 4 log 1/5
    -6.4378
    """
    # YOUR CODE HERE
    raise NotImplementedError("rolling_loglikelihood is not written yet")


def mc_metrics(lls: list[list[float]], choices: list[list[str]], gold: list[int]) -> dict[str, float]:
    """Accuracies on questions with several answers, and their standard errors.

    lls: for each question the log-likelihood of each of its answers; -inf is possible. choices: the answers' texts. gold: which one is right, from 0.
    Questions may have different numbers of answers.

    Returns a dict with the keys

    - "acc": the share of questions whose right answer has the largest log-likelihood.
    - "acc_norm": the same with log-likelihood / number of characters of the answer, as the harness has it.
    - "acc_bytes": the same with log-likelihood / number of bytes of the answer in UTF-8.
    - "acc_stderr", "acc_norm_stderr", "acc_bytes_stderr": the standard error of each, s / √n. s is the standard deviation of the n zeros and ones,
      with n - 1 in its denominator. With one question it is nan.

    Of several answers with the same largest value the first one is the model's answer.

    Raises ValueError if there is no question, if the lists differ in length (those of a question, too), if a gold is not from 0 to the number of
    answers - 1, or if an answer is empty. (One of white space alone is not empty.)

    >>> mc_metrics([[-4.0, -5.0], [-3.0, -2.0]], [["no", "maybe"], ["ab", "a"]], [1, 1])["acc"]
    0.5
    >>> mc_metrics([[-4.0, -5.0], [-3.0, -2.0]], [["no", "maybe"], ["ab", "a"]], [1, 1])["acc_norm"]  # -1 > -2, and -1.5 > -2
    0.5
    >>> mc_metrics([[-4.0, -5.0], [-3.0, -2.0]], [["no", "maybe"], ["ab", "a"]], [1, 1])["acc_stderr"]  # √(1/2) / √2
    0.5
    """
    # YOUR CODE HERE
    raise NotImplementedError("mc_metrics is not written yet")


def ngram_index(texts: list[str], n: int = 13) -> set[tuple[str, ...]]:
    """All n-grams of words of these texts, to look others up in.

    Words: the text after lower(), without the 32 marks of `string.punctuation` (deleted, with no space in their place), split at white space. An
    n-gram is a tuple of n words that follow each other in one text. A text of fewer than n words has none.

    >>> ngram_index(["To be, or not"], n=3)
    {('to', 'be', 'or'), ('be', 'or', 'not')}
    """
    # YOUR CODE HERE
    raise NotImplementedError("ngram_index is not written yet")


def contaminated(text: str, index: set[tuple[str, ...]], n: int = 13) -> bool:
    """Whether some n-gram of the text is in `index`, which `ngram_index` has made of the training data with the same n.

    A text of fewer than n words never is. (GPT-3 looks such a text up as a whole.)

    >>> index = ngram_index(["To be, or not to be: that is the question."], n=4)
    >>> contaminated("He asked: \\"Or not to BE?\\"", index, n=4)
    True
    >>> contaminated("or not to ask", index, n=4)
    False
    """
    # YOUR CODE HERE
    raise NotImplementedError("contaminated is not written yet")
