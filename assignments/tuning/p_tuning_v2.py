"""P-tuning v2: learned keys and values in every layer of a frozen encoder, and a linear layer that reads the answer (Liu et al., 2022).

Sizes: B sequences, T tokens, P positions of the prompt, L layers, H heads, D numbers in a head, C = H · D, n labels.

`backbone` is an encoder as `autograder.lab.frozen.frozen_model(causal=False)` makes them. `backbone.hidden(ids, mask=…, positions=…, past=…)`
gives the
states of the tokens, (B, T, C). past: a list of L pairs (keys, values), (B, H, P, D) each, that stand before those of the tokens and make no
states of
their own. mask: (B, P + T), bool, those of the past first. positions: (T,) or (B, T), 0 … T - 1 unless they are given, whatever `past` is. It has
the attributes `layers` (L of them), `heads`, `head_dim`, `width` (C) and `longest`, the number of its positions.

Tensors may be views (transposed, sliced); they are not changed. No call changes a mode or the default dtype, or remembers anything for other models.
"""

import torch
from torch import Tensor, nn


class PTuningV2(nn.Module):
    """A frozen encoder with a prompt in every layer, and a head for n labels in the place of words.

    task: "cls" for one answer to each sequence, "tag" for one to each token. Another one raises `ValueError`. P may be 0.

    - `backbone` is kept as it is, not copied, and frozen: none of its parameters requires gradients.
    - `prefix` holds the prompt. With reparam=False its only parameter is `embedding.weight`, (P, L·2·C). A row holds layer after layer; of a layer
      first the keys, then the values; of these head after head (as in PEFT and in `tuning/prefix_tuning`). With reparam=True it has
      `embedding.weight`, (P, C), and a network that makes the large table of it: a linear layer `transform.0` from C to C, tanh, and a linear layer
      `transform.2` from C to L·2·C.
    - `head` is an `nn.Linear` from C to n, with a bias.

    Prefix and head require gradients, have the dtype of the backbone, and begin as torch's layers do.

    shared: another PTuningV2 with the same backbone. The prompt is then *its* `prefix`, the same module, so that several tasks train one prompt;
    each has its own head, and its own task. P and reparam have to be those of `shared`, or `ValueError` is raised.
    """

    def __init__(
        self,
        backbone: nn.Module,
        P: int,
        n_labels: int,
        task: str = "cls",
        reparam: bool = False,
        shared: "PTuningV2 | None" = None,
    ) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("PTuningV2.__init__ is not written yet")

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """The logits: (B, n) for "cls", read from the state of the first token; (B, T, n) for "tag", one row for each token, none for the prompt.

        ids: (B, T), int64. mask: (B, T), bool, False for padding on the right; None means that all are tokens. The prompt can always be seen. The
        tokens have the positions P … P + T - 1. Gradients reach prefix and head.

        Raises `ValueError` when P + T is larger than `backbone.longest`; exactly as many are allowed.
        """
        # YOUR CODE HERE
        raise NotImplementedError("PTuningV2.forward is not written yet")


def trainable_count(P: int, L: int, C: int, n_labels: int, task: str = "cls", reparam: bool = False) -> int:
    """How many numbers a `PTuningV2` learns: its prompt, with its network if there is one, and its head. Another task raises `ValueError`.

    >>> trainable_count(5, 2, 12, 3)
    279
    >>> trainable_count(5, 2, 12, 3, reparam=True)
    879
    """
    # YOUR CODE HERE
    raise NotImplementedError("trainable_count is not written yet")


def trainable_fraction(model: nn.Module) -> float:
    """Which part of the numbers of all parameters of `model` requires gradients, from 0 to 1; a parameter that occurs twice counts once.

    A model without parameters gives 0.

    >>> trainable_fraction(torch.nn.Linear(3, 2))
    1.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("trainable_fraction is not written yet")
