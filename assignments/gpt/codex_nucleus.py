"""From the logits of the next token to text: top-p (nucleus) and top-k, temperature, sampling, and beam search.

Sizes: B rows (sequences), V tokens. Logits are float32 or float64, finite or -inf (a token of probability 0), at least one of each
row finite. Inputs may be views (transposed, sliced). They are not changed, their `requires_grad` neither, and what was returned does not
change later. No two logits of a row that compete for a last place are equal, and no mass falls on p.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    """Keep the nucleus of each row: the smallest set of most probable tokens whose probabilities sum to p or more.

    logits: (B, V), in any order. p: 0 <= p <= 1. At least one token is kept, so p = 0 keeps the most probable one; p = 1 keeps all
    (of tokens that are less than a rounding error, either is fine).

    Returns (B, V): kept logits as they are and where they are, all others -inf. Each row by itself.

    Of .5, .3, .15 and .05, p = .4 keeps one token, .7 two (.5 does not reach .7, .5 + .3 does), .9 three:

    >>> top_p_filter(tensor([[0.5, 0.3, 0.15, 0.05]]).log(), 0.4)
    tensor([[-0.6931, -inf, -inf, -inf]])
    >>> top_p_filter(tensor([[0.5, 0.3, 0.15, 0.05]]).log(), 0.7)
    tensor([[-0.6931, -1.2040, -inf, -inf]])
    >>> top_p_filter(tensor([[0.5, 0.3, 0.15, 0.05]]).log(), 0.9)
    tensor([[-0.6931, -1.2040, -1.8971, -inf]])
    >>> top_p_filter(tensor([[1.0, 3.0, 2.0]]), 0.7)  # probabilities .090, .665, .245
    tensor([[-inf, 3., 2.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("top_p_filter is not written yet")


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    """Keep the k largest logits of each row.

    logits: (B, V). k >= 1; from V on, all are kept. Returns (B, V): kept logits as they are, all others -inf.

    >>> top_k_filter(tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[-inf, 3., 2.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("top_k_filter is not written yet")


def sample(
    logits: Tensor, gen: torch.Generator, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0
) -> Tensor:
    """Draw the next token of each row.

    logits: (B, V). Returns (B,) int64.

    1. Divide the logits by `temperature`. 0 is allowed and means the largest logit: nothing is drawn then.
    2. Keep the `top_k` largest; 0 means all.
    3. Of these, keep the nucleus of mass `top_p` (their probabilities sum to 1 again before it is measured).
    4. Draw from the softmax of what is left, each row independently of the others.

    (llama.cpp divides by the temperature last, after the filters: one check, and no other, tells the difference.)

    All randomness comes from `gen`: a generator in the same state gives the same tokens, and the next call gives others. How it
    is used is up to you, but torch's global generator stays as it is, and at temperature 0 so does `gen`.
    """
    # YOUR CODE HERE
    raise NotImplementedError("sample is not written yet")


def beam_search(
    step: Callable[[Tensor], Tensor], bos: int, eos: int, beams: int, max_len: int, length_penalty: float = 1.0
) -> list[tuple[list[int], float]]:
    """The best sequences that a search with `beams` hypotheses finds.

    step: the model. It takes prefixes, int64 (n, t) with `bos` in front, and gives the logits of the next token, (n, V). It may be
        called with all hypotheses at once or one by one; V >= 2 is known from its first answer.
    beams: how many hypotheses are kept. max_len >= 1: the most tokens of a sequence, eos included, bos not.

    It begins with one live hypothesis, [bos] with log-probability 0. In each round every live one is extended by every token;
    the log-probability of an extension is that of its parent plus the log-softmax of the logits. All extensions are ranked by it:

    - those among the best `beams` that end in eos are finished (eos beyond the best `beams` is lost);
    - the best `beams` that do not end in eos are live in the next round (fewer, if there are fewer).

    The search ends when `beams` hypotheses or more are finished (live ones are dropped), or after max_len rounds: then live ones
    count as finished, too.

    Returns the best `beams` finished ones (fewer, if there are fewer), the best first, as (tokens, score). tokens: a list of ints
    without bos, with eos if it came. score: log-probability / len(tokens) ** length_penalty, a float. (This is Hugging Face's formula.
    Google's translation system divides by ((5 + len(tokens)) / 6) ** length_penalty.)

    A model that always says a: .6, b: .3, eos: .1 (ids 1, 2, 0). The score is ln(.36) / 2:

    >>> step = lambda prefixes: tensor([[0.1, 0.6, 0.3]]).log().expand(prefixes.shape[0], 3)
    >>> beam_search(step, bos=3, eos=0, beams=1, max_len=2)
    [([1, 1], -0.5108)]
    """
    # YOUR CODE HERE
    raise NotImplementedError("beam_search is not written yet")
