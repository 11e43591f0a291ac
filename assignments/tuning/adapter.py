"""Adapters: small bottlenecks put into the layers of a frozen model, which learn while the model does not (Houlsby et al., 2019).

Sizes: C numbers for each token, m numbers in the bottleneck, L layers.

A model here is one as `autograder.lab.frozen.frozen_model()` makes them. It has a list `model.layers`. A layer has two parts, `layer.attn` and
`layer.mlp`, and computes x + attn(norm(x), …), then x + mlp(norm(x)). A part is a module; its first positional argument is a tensor (B, T, C),
it may get
others, and it gives a tensor (B, T, C).

No call changes torch's default dtype, seeds its random numbers, or remembers anything for other models. Tensors may be views (transposed,
sliced); they
are not changed.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """x + up(act(down(x))): from C numbers to m, and back to C.

    `down` and `up` are `nn.Linear`s with biases, from C to m and from m to C; they hold its only parameters. act: "gelu" (the exact one, with the
    error function), "relu" or "tanh". Another one raises `ValueError`.

    At the start both weights are normal numbers with the mean 0 and the standard deviation init_std, another one for each, and both biases are
    0. So a
    fresh adapter gives nearly x.
    """

    def __init__(self, C: int, m: int, act: str = "gelu", init_std: float = 1e-3) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("Bottleneck.__init__ is not written yet")

    def change(self, x: Tensor) -> Tensor:
        """up(act(down(x))), (…, C) → (…, C), without x itself."""
        # YOUR CODE HERE
        raise NotImplementedError("Bottleneck.change is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x + change(x)."""
        # YOUR CODE HERE
        raise NotImplementedError("Bottleneck.forward is not written yet")


def insert_adapters(model: nn.Module, m: int, style: str = "houlsby", act: str = "gelu", norms: bool = False) -> nn.Module:
    """Put a fresh `Bottleneck` (with the usual init_std) into each layer of `model`, in place, and freeze the rest. Returns `model` itself.

    - style="houlsby": two in each layer. What `attn` gives goes through the first one, what `mlp` gives through the second one, before it is
      added to x:
      x + adapter(attn(norm(x), …)), then x + adapter(mlp(norm(x))).
    - style="pfeiffer": only the second one.
    - style="parallel": one in each layer, beside `mlp`. It reads what `mlp` reads: x + mlp(norm(x)) + adapter.change(norm(x)).

    Afterwards the adapters are found as `layer.attn.adapter` and `layer.mlp.adapter`; a part without one has no such attribute, or None. How they are
    called is left open: `layer.attn` may be the same module with a forward hook, or another module around it.

    - The parameters of the adapters require gradients, and with norms=True also those of all `nn.LayerNorm`s of the model, as in the paper. Nothing
      else does.
    - Adapters have the dtype and the device of the model's parameters, and the mode (training or evaluation) of their part. Modes stay as they are.
    - A copy of the model (`copy.deepcopy`) has adapters of its own.

    Raises `ValueError`, and changes nothing, for another style or act, and for a model that has adapters already.
    """
    # YOUR CODE HERE
    raise NotImplementedError("insert_adapters is not written yet")


def remove_adapters(model: nn.Module) -> None:
    """Take all adapters out again, in place, so that the model gives what it gave before they were inserted, to the last bit.

    Its parameters are the same objects as before `insert_adapters`, under the same names, and its parts have no adapter. What requires gradients
    stays as it is. Afterwards adapters can be inserted anew. A model without adapters stays as it is.
    """
    # YOUR CODE HERE
    raise NotImplementedError("remove_adapters is not written yet")


def adapter_params(L: int, C: int, m: int, style: str = "houlsby") -> int:
    """How many numbers the adapters have, in a model of L layers. Norms are not counted. Another style raises `ValueError`.

    >>> adapter_params(2, 16, 4)
    592
    >>> adapter_params(2, 16, 4, "pfeiffer")
    296
    """
    # YOUR CODE HERE
    raise NotImplementedError("adapter_params is not written yet")
