"""P-tuning: a network makes the vectors of a prompt, and they stand between the words of a template (Liu et al., 2021).

Sizes: B sequences, T tokens, P vectors of the prompt, C numbers in a vector, h hidden numbers of the network.

Tensors may be views (transposed, sliced); they are not changed. No call changes a mode, a `requires_grad` or the default dtype.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PromptEncoder(nn.Module):
    """P vectors that learn, and a network that makes the P vectors of the prompt of them.

    The parameters have the names and shapes of PEFT's `PromptEncoder`, and there are no others:

    - `embedding.weight`, (P, C).
    - kind="lstm": `lstm_head`, an LSTM of two layers that reads the P vectors in their order, in both directions, from C numbers to h in each
      direction;
      and `mlp_head`: a linear layer `mlp_head.0` from 2h to 2h, ReLU, and a linear layer `mlp_head.2` from 2h to C.
    - kind="mlp": `mlp_head` alone: `mlp_head.0` from C to h, ReLU, `mlp_head.2` from h to h, ReLU, `mlp_head.4` from h to C. Each vector by itself.

    All layers have biases; the first numbers are those that torch's layers begin with. P, C and h are from 1. Another kind raises `ValueError`.
    dropout: in training mode, the probability with which numbers are dropped between the two layers of the LSTM (as `nn.LSTM(dropout=…)` does it);
    never in evaluation mode, and never with kind="mlp".
    """

    def __init__(self, P: int, C: int, h: int, kind: str = "lstm", dropout: float = 0.0) -> None:
        super().__init__()
        # BEGIN SOLUTION
        if kind not in ("lstm", "mlp"):
            raise ValueError(f"kind is {kind!r}")
        self.embedding = nn.Embedding(P, C)
        self.lstm_head = None
        if kind == "lstm":
            self.lstm_head = nn.LSTM(C, h, num_layers=2, dropout=dropout, bidirectional=True, batch_first=True)
            sizes = [2 * h, 2 * h, C]
        else:
            sizes = [C, h, h, C]
        layers = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        self.mlp_head = nn.Sequential(*layers[:-1])
        # END SOLUTION

    def forward(self) -> Tensor:
        """The prompt, (P, C). Gradients reach all parameters."""
        # BEGIN SOLUTION
        x = self.embedding.weight[None]  # (1, P, C): one sequence of P steps
        if self.lstm_head is not None:
            x, _ = self.lstm_head(x)
        return self.mlp_head(x)[0]
        # END SOLUTION


def bake(encoder: PromptEncoder) -> Tensor:
    """The finished prompt, (P, C), for use after training: the network is not needed any more.

    It is what the encoder gives in evaluation mode, without dropout, whatever mode it is in. Its modes stay as they are. The result is a copy that
    requires no gradient: later steps of training do not change it.
    """
    # BEGIN SOLUTION
    modes = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    with torch.no_grad():
        prompt = encoder().clone()
    for module, mode in modes:
        module.training = mode
    return prompt
    # END SOLUTION


def fill_template(
    template: Sequence[int | str], word_emb: nn.Embedding, prompt: PromptEncoder | Tensor, x_ids: Tensor
) -> tuple[Tensor, list[int]]:
    """The vectors that a model reads for a template, and the places of the learned ones.

    template: what stands one after the other, a list or a tuple. An int is the id of a token that stands there as it is, an *anchor* or
    [MASK]; "P" is the next
    vector of
    the prompt; "x" is the whole input. Each of them may stand anywhere and any number of times, "x" too, but there are exactly as many "P" as
    the prompt has vectors.
    word_emb: the vectors of the model's words. They may be frozen or not; gradients flow to them as to any parameter.
    prompt: a `PromptEncoder`, which is then called once, in the mode that it is in; or its baked tensor, (P, C).
    x_ids: (B, T), int64.

    Returns

    - the vectors, (B, n, C), in the dtype of word_emb's. n is the number of items, where each "x" counts T. The prompt is the same for all sequences.
    - the places of the "P"s in 0 … n - 1, in their order, as a list of ints.

    Raises `ValueError` for another number of "P" than the prompt has vectors, and for another string.

    >>> words = torch.nn.Embedding.from_pretrained(tensor([[0.0], [1.0], [2.0], [3.0]]))
    >>> fill_template(["P", "x", 3, "P"], words, tensor([[7.0], [8.0]]), tensor([[1, 2]]))[0].flatten()
    tensor([7., 1., 2., 3., 8.])
    >>> fill_template(["P", "x", 3, "P"], words, tensor([[7.0], [8.0]]), tensor([[1, 2]]))[1]
    [0, 4]
    """
    # BEGIN SOLUTION
    vectors = prompt if isinstance(prompt, Tensor) else prompt()
    strings = [item for item in template if isinstance(item, str)]
    if strings.count("P") != len(vectors):
        raise ValueError(f'{strings.count("P")} "P" for a prompt of {len(vectors)} vectors')
    if set(strings) - {"P", "x"}:
        raise ValueError('a template has ids, "P" and "x"')
    B, _T = x_ids.shape
    parts, places, at = [], [], 0
    for item in template:
        if item == "P":
            part = vectors[len(places)].to(word_emb.weight.dtype).expand(B, 1, -1)
            places.append(at)
        elif item == "x":
            part = word_emb(x_ids)
        else:
            part = word_emb(torch.full((B, 1), item, device=x_ids.device))
        parts.append(part)
        at += part.shape[1]
    return torch.cat(parts, dim=1), places
    # END SOLUTION


def encoder_params(P: int, C: int, h: int, kind: str = "lstm") -> int:
    """How many numbers a `PromptEncoder` learns; P · C of them are needed afterwards. Another kind raises `ValueError`.

    An LSTM layer has 4h rows in each direction, each with a number for each input, for each of its h states, and two biases.

    >>> encoder_params(5, 32, 16, "mlp")
    1504
    >>> encoder_params(5, 32, 16)
    15072
    """
    # BEGIN SOLUTION
    if kind == "mlp":
        return P * C + (C + 1) * h + (h + 1) * h + (h + 1) * C
    if kind != "lstm":
        raise ValueError(f"kind is {kind!r}")
    lstm = sum(2 * 4 * h * (n_in + h + 2) for n_in in (C, 2 * h))
    return P * C + lstm + (2 * h + 1) * 2 * h + (2 * h + 1) * C
    # END SOLUTION
