"""RRHF: several answers to one prompt are ranked by a reward, and the model learns to find them probable in the same order ("RRHF: Rank Responses
to Align Language Models with Human Feedback without tears", Yuan et al., 2023, section 3).

Floating-point tensors are float32 or float64, and all numbers are finite. Results have the dtype of the logits, or of the scores p, and float64 is
exact to nine digits. Tensors may be views. Nothing that is passed in is changed, and no random number is drawn. Leading dimensions `...` are
prompts: there may be none, one or several, and each prompt is by itself. K >= 1 answers to a prompt, T >= 2 places, V >= 1 tokens.
"""

import torch
from torch import Tensor

IGNORED = -100
"""The label of a place whose token is not to be predicted: the prompt and the padding."""


def length_norm_scores(logits: Tensor, labels: Tensor, alpha: float = 1.0) -> Tensor:
    """The score p of each answer: the sum of its tokens' log-probabilities, divided by (number of its tokens) to the power alpha.

    logits: (..., T, V), what a causal language model gives: logits[..., t, :] are about the token at t + 1.
    labels: (..., T), int64: the model's input tokens where the answer is, and -100 in the prompt and in padding, on either side. A token of the
        answer is predicted from the place before it. The label at place 0 is ignored, since nothing stands before it, and is not counted.
    alpha: >= 0. 1 is the paper's mean over tokens, 0 the plain sum, and values above 1 favour long answers.

    Returns (...), differentiable with respect to logits. An answer without any token has the score 0, whatever alpha is, and no nan reaches the
    gradient. Logits in size up to 1e4 give finite results.

    >>> logits = torch.zeros(2, 5, 2)  # two tokens, each with probability 1/2
    >>> labels = tensor([[-100, 0, 1, 1, 1], [-100, -100, 1, 0, -100]])
    >>> length_norm_scores(logits, labels)  # both log 1/2
    tensor([-0.6931, -0.6931])
    >>> length_norm_scores(logits, labels, alpha=0.0)
    tensor([-2.7726, -1.3863])
    >>> length_norm_scores(logits, labels, alpha=2.0)
    tensor([-0.1733, -0.3466])
    """
    # YOUR CODE HERE
    raise NotImplementedError("length_norm_scores is not written yet")


def rank_loss(p: Tensor, r: Tensor) -> Tensor:
    """How far the scores are from the order of the rewards.

    p: (..., K): the model's scores of the K answers to a prompt.
    r: (..., K), floating point of any dtype, or int64: the answers' rewards. Only their order counts: equal rewards say nothing about a pair. The
        difference of two rewards fits into their dtype.

    Returns (...): for each prompt the sum over all pairs of its answers with r_i < r_j of

        max(0, p_i - p_j)

    Each pair counts once, and nothing is divided by the number of pairs. The sum is 0 if there is no such pair. There is no margin: a pair in the
    right order costs nothing, however near. The result is differentiable with respect to p. Where p_i equals p_j and r_i < r_j, any slope from 0 to
    1 for p_i, and its negative for p_j, is right.

    >>> rank_loss(tensor([-1.0, -2.0]), tensor([0.0, 1.0]))  # the better answer is less probable
    tensor(1.)
    >>> rank_loss(tensor([-1.0, -2.0]), tensor([1.0, 0.0]))
    tensor(0.)
    >>> rank_loss(tensor([[-1.0, -2.0, -4.0], [-1.0, -2.0, -4.0]]), tensor([[1, 2, 3], [5, 5, 7]]))  # 1 + 3 + 2, and 3 + 2
    tensor([6., 5.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("rank_loss is not written yet")


def sft_on_best(logits: Tensor, labels: Tensor, r: Tensor) -> Tensor:
    """The usual loss on the answer with the largest reward: minus the sum of its tokens' log-probabilities.

    logits (..., K, T, V), labels (..., K, T), r (..., K): as above. Of equal rewards the first answer is taken. If the best answer has no
        token, the loss is 0.

    Returns (...), differentiable with respect to logits; the other answers' logits have the gradient 0. It is a sum, whatever the answer's length.
    (The authors' code takes the mean over the padded row in its place, so that padding makes the loss smaller.)

    >>> logits = torch.zeros(2, 4, 2)
    >>> labels = tensor([[-100, 0, -100, -100], [-100, 1, 1, 0]])
    >>> sft_on_best(logits, labels, tensor([1.0, 3.0]))  # 3 log 2
    tensor(2.0794)
    >>> sft_on_best(logits, labels, tensor([1.0, 1.0]))
    tensor(0.6931)
    """
    # YOUR CODE HERE
    raise NotImplementedError("sft_on_best is not written yet")


def rrhf_loss(logits: Tensor, labels: Tensor, r: Tensor, alpha: float = 1.0, w: float = 1.0) -> Tensor:
    """The loss of RRHF: w times rank_loss of the scores with this alpha, plus sft_on_best.

    logits (..., K, T, V), labels (..., K, T), r (..., K): as above. w >= 0.

    Returns (...), one loss for each prompt, differentiable with respect to logits.

    >>> rrhf_loss(torch.zeros(2, 3, 2), tensor([[-100, 0, -100], [-100, 1, 1]]), tensor([0.0, 1.0]), alpha=0.0)
    tensor(2.0794)
    """
    # YOUR CODE HERE
    raise NotImplementedError("rrhf_loss is not written yet")
