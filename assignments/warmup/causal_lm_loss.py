"""The loss of a causal language model, and the two numbers that papers report instead: perplexity and bits per byte."""

import math

import torch
from torch import Tensor


def causal_lm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100, num_items: int | None = None) -> Tensor:
    """Cross-entropy (in nats) of predicting each next token, over the targets that are not ignored.

    Inputs may be views (transposed, sliced). The loss of float64 logits is float64 and as exact. (Hugging Face's models compute it in
    float32 whatever the dtype: one check, and no other, tells the difference.)

    logits: (B, T, V), float32 or float64, finite, in size up to 1e4. logits[b, t] are the scores of what comes after
        position t.
    labels: (B, T), int64: the token at each position (usually input_ids itself, not shifted), in [0, V) or ignore_index.
        B, T >= 1.
    ignore_index: a label that is not a target: prompt, padding. It may be any integer, also one in [0, V).
    num_items: None for the mean over this batch's targets; or the number (>= 1) to divide the sum by, when this batch is
        one of several whose gradients are added up: the number of targets in all of them.

    The shift happens here: the target of logits[b, t] is labels[b, t + 1]. So labels[:, 0] is never a target and
    logits[:, -1] is never used (its gradient is 0). With N the number of targets that are not ignored in the whole batch:

        loss = -Σ log softmax(logits[b, t])[labels[b, t + 1]] / (N if num_items is None else num_items)

    Returns a tensor of shape (), in the dtype of logits, differentiable with respect to them. If N is 0 (all ignored,
    or T = 1) it is 0.0, and its backward() gives logits a gradient of zeros, not nan. (torch's F.cross_entropy gives nan there, and
    Hugging Face's models with it: one check, and no other, tells the difference.) Inputs are not changed.

    >>> causal_lm_loss(torch.zeros(1, 3, 8), tensor([[5, 0, 7]]))  # ln 8
    tensor(2.0794)
    >>> causal_lm_loss(torch.zeros(1, 3, 8), tensor([[5, 0, 7]]), num_items=4)  # 2 ln 8 / 4
    tensor(1.0397)

    Position 0 gives token 1 probability 3/4, position 1 gives token 0 probability 1/10: (ln 4/3 + ln 10) / 2, and ln 4/3 alone.

    >>> logits = tensor([[[0, math.log(3)], [0, math.log(9)], [0, 0]]])
    >>> causal_lm_loss(logits, tensor([[0, 1, 0]]))
    tensor(1.2951)
    >>> causal_lm_loss(logits, tensor([[0, 1, -100]]))
    tensor(0.2877)
    """
    # YOUR CODE HERE
    raise NotImplementedError("causal_lm_loss is not written yet")


def perplexity(nll_sum: float, n_tokens: int) -> float:
    """e to the mean negative log-likelihood of a token: the number of equally likely tokens that would be as hard.

    nll_sum: summed over the tokens, in nats (as causal_lm_loss has them), >= 0.
    n_tokens: how many tokens it was summed over, >= 1.

    If the result is too large for a float, it is math.inf (no OverflowError).

    >>> perplexity(2 * math.log(8), 2)
    8.0
    >>> perplexity(0.0, 5)
    1.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("perplexity is not written yet")


def bits_per_byte(nll_sum: float, n_bytes: int) -> float:
    """The same loss as the number of bits for each byte of the text: it does not depend on how a tokenizer cuts it.

    nll_sum: summed over all tokens of the text, in nats, >= 0.
    n_bytes: the length of the text in UTF-8 bytes (not characters, not tokens), >= 1.

    One nat is 1 / ln 2 = 1.4427 bits.

    >>> bits_per_byte(2 * math.log(8), 3)  # 2 tokens of 3 bits each, 3 bytes
    2.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("bits_per_byte is not written yet")
