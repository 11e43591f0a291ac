"""Prompt tuning: a few learned vectors stand before the embedded tokens, and nothing else of the model learns (Lester et al., 2021).

Sizes: B sequences, T tokens, P vectors of the prompt, C numbers in a vector, V tokens in the vocabulary.

`model` is one as `autograder.lab.frozen.frozen_model()` makes them: `model.embed` is its `nn.Embedding`, `model(embeds=…, mask=…)` takes
embeddings (B, n, C) and a bool mask (B, n), True for tokens that may be seen, and gives logits (B, n, V). It has no more than
`model.longest` positions, and it gives the vectors the positions 0 … n - 1 by itself.

Tensors may be views (transposed, sliced); they are not changed. No call changes the model, a mode, a `requires_grad` or the default dtype,
or seeds torch's random numbers.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SoftPrompt(nn.Module):
    """A prompt of P learned vectors. Its only parameter is `weight`, (P, C), which requires gradients.

    P: from 1. init says how the vectors begin:

    - "random": random numbers with the mean 0, drawn one by one, whose standard deviation is between 0.1 and 1.1. (The paper takes uniform
      numbers between -0.5 and 0.5, PEFT normal numbers of deviation 1.) The dtype is torch's default dtype.
    - "vocab": each vector is a copy of one row of `table`, drawn at random. P may be larger than the number of rows.
    - "text": vector i is a copy of the row `ids[i]` of `table`. When there are more than P ids, the first P are used. When there are fewer, they are
      used again from the start until there are P vectors.

    table: (V, C), the embeddings of the model. With "vocab" and "text" the prompt has its dtype. It is copied: training the prompt never changes the
        table, and a table that changes later does not change the prompt. It may itself require gradients; no gradient reaches it.
    ids: (n,), int64, n >= 1, the tokens of a text.

    Raises `ValueError` for another `init`, for "vocab" or "text" without a table or with one that has not C columns, and for "text" without
    ids or with no id in them.

    >>> table = tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]])
    >>> SoftPrompt(3, 2, "text", table, tensor([2, 0])).weight.detach()
    tensor([[2.0000, 2.5000],
            [0.0000, 0.5000],
            [2.0000, 2.5000]])
    >>> SoftPrompt(3, 2, "text", table)
    Traceback (most recent call last):
    ValueError: "text" needs ids
    """

    def __init__(self, P: int, C: int, init: str = "random", table: Tensor | None = None, ids: Tensor | None = None) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("SoftPrompt.__init__ is not written yet")

    def forward(self, embeds: Tensor) -> Tensor:
        """The prompt before each sequence. embeds: (B, T, C). Returns (B, P + T, C), in the dtype of embeds.

        >>> prompt = SoftPrompt(1, 2, "text", tensor([[7.0, 8.0]]), tensor([0]))
        >>> prompt(torch.zeros(1, 2, 2)).detach()
        tensor([[[7., 8.],
                 [0., 0.],
                 [0., 0.]]])
        """
        # YOUR CODE HERE
        raise NotImplementedError("SoftPrompt.forward is not written yet")


def forward_with_prompt(
    model: nn.Module, prompt: SoftPrompt, ids: Tensor, mask: Tensor | None = None, labels: Tensor | None = None
) -> dict[str, Tensor]:
    """Run the model on the prompt and the tokens behind it.

    ids: (B, T), int64. mask: (B, T), bool, False for padding, which may stand on either side; None means that all are tokens.
    labels: (B, T), int64, usually the ids themselves, and -100 where nothing is to be learned.

    The prompt stands before everything, before padding on the left too (as in PEFT), and can always be seen. Returns a dict:

    - "logits": (B, P + T, V): those of the prompt come first.
    - "mask": (B, P + T), bool: the mask that the model was given (all True when `mask` is None).
    - with labels, "labels": (B, P + T): -100 for the prompt, then the labels; and
    - "loss": the mean of the cross-entropies, over all labels that are not -100 and have a logit before them, all sequences together. As in every
      language model, the logits at position j predict the label at position j + 1. So the prompt's last logits predict the first token. At
      least one such label is there. Labels decide what counts, the mask does not.

    Without labels the dict has neither of the two. Gradients reach `prompt.weight`.

    Raises `ValueError` when P + T is larger than `model.longest`; exactly as many are allowed.
    """
    # YOUR CODE HERE
    raise NotImplementedError("forward_with_prompt is not written yet")


def prompt_ensemble(logits: list[Tensor]) -> Tensor:
    """The classes that most prompts vote for.

    logits: for each prompt a tensor (B, K) with a number for each of K classes. A prompt's vote is the class with its largest number (the first
    one of
    several). Returns (B,), int64: the class with the most votes, and of several with equally many the smallest. How large the numbers are counts
    for nothing else.

    >>> prompt_ensemble([tensor([[0.1, 0.0]]), tensor([[0.2, 0.1]]), tensor([[0.0, 9.0]])])
    tensor([0])
    """
    # YOUR CODE HERE
    raise NotImplementedError("prompt_ensemble is not written yet")
