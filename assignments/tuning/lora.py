"""LoRA: a frozen linear layer learns a change of low rank, W + (α/r) · B A, with few weights and nothing to pay afterwards.

No call changes torch's default dtype or gradient mode, seeds its random numbers, or remembers anything for other layers and models.
"""

import math
import re

import torch
from torch import Tensor, nn

from autograder.lab.toys import Conv1D  # GPT-2's linear layer: y = x W + b, with W of shape (in, out)


class LoRALinear(nn.Module):
    """A linear layer with an adapter: y = base(x) + s · B A x, where only A and B learn.

    base: `nn.Linear` (or a subclass of it), whose weight is (out, in), or `Conv1D`, whose weight is (in, out); with or
        without a bias; its weight is float32, float64, bfloat16 or float16. It is kept and used as it is, not copied, and
        frozen (none of its parameters requires gradients; they stay the same `nn.Parameter` objects).
    r: rank, from 1. alpha: the scale is s = alpha / r, or alpha / √r with rslora=True.
    dropout: in training mode, the probability with which each feature of x is dropped (set to 0, the others divided by
        1 - dropout) on its way into A. base sees the whole x.
    fan_in_fan_out: True when base's weight is (in, out), as Conv1D's is.

    Attributes, so that others find them:

    - `base`: the layer. `A` (r, in) and `B` (out, r): `nn.Parameter`s, and the only parameters beside base's. They are
      float32, or float64 for a float64 base, and on base's device. A bfloat16 base has float32 adapters.
      (PEFT's names: `base_layer`, `lora_A["default"].weight`, `lora_B["default"].weight`; `scaling` and `merged` there too.)
    - At the start B is 0 and A is random with mean 0 (Kaiming's uniform of ±1/√in, or normal values), another one for
      each layer; so a fresh layer gives exactly what base gives. (0 for A and a random B would do as well; here, as in the
      paper, it is B.)
    - `merged`: bool, False at the start.
    - The layer is in training mode if base was, else in evaluation mode.
    """

    def __init__(
        self,
        base: nn.Module,
        r: int,
        alpha: float,
        dropout: float = 0.0,
        rslora: bool = False,
        fan_in_fan_out: bool = False,
    ) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("LoRALinear.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (…, in), of base's dtype, contiguous or not; it is not changed. Returns (…, out), in the dtype of base(x).

        The adapter's part is computed in the dtype of A and B and added before the result is rounded to base's dtype. When
        merged, base alone gives the answer, without dropout, also in training mode. Gradients reach x, A and B.
        """
        # YOUR CODE HERE
        raise NotImplementedError("LoRALinear.forward is not written yet")

    def delta(self) -> Tensor:
        """ΔW = s · B A, in the layout of base.weight: (out, in), or (in, out) with fan_in_fan_out. In A's dtype.

        As in `forward`, flags (modes, `requires_grad`) are left as they were."""
        # YOUR CODE HERE
        raise NotImplementedError("LoRALinear.delta is not written yet")

    def merge(self) -> None:
        """Add ΔW to base.weight, in place: the Parameter stays the same object, so that a tied layer or an optimizer sees the change.

        The sum is computed in A's dtype and rounded once to the weight's. Sets `merged`. Merging a merged layer changes nothing. No
        gradient is recorded. A, B, their `requires_grad`, and the mode (training or evaluation) stay as they are.
        """
        # YOUR CODE HERE
        raise NotImplementedError("LoRALinear.merge is not written yet")

    def unmerge(self) -> None:
        """Take ΔW out of base.weight again (up to rounding: subtracting it is enough). The inverse of `merge`, and in place as well.

        Unmerging a layer that is not merged changes nothing.
        """
        # YOUR CODE HERE
        raise NotImplementedError("LoRALinear.unmerge is not written yet")


def inject(
    model: nn.Module, pattern: str, r: int, alpha: float, dropout: float = 0.0, rslora: bool = False
) -> list[str]:
    """Replace linear layers of `model` by `LoRALinear`s around them, in place, and freeze everything else.

    pattern: a regular expression for whole names, as `named_modules()` gives them (`re.fullmatch`): r".*\\.[qv]_proj" matches
        "layers.0.attn.q_proj". Of the modules it matches, every `nn.Linear` and every `Conv1D` (with its
        fan_in_fan_out) is replaced, instances of subclasses as well; others, embeddings and norms say, are left alone.

    Returns the names of the replaced layers, in the order of `named_modules()`; [] when there are none.

    - Afterwards, the A and B of all LoRALinears of the model require gradients, also of those from an earlier call, and
      nothing else does.
    - A layer inside a LoRALinear (its base) is never wrapped again. Modes (training or evaluation) stay as they are.
    """
    # YOUR CODE HERE
    raise NotImplementedError("inject is not written yet")


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """What has to be saved: A and B of every LoRALinear in `model`, and nothing else.

    The names are those of `model.state_dict()` ("layers.0.attn.q_proj.A"; "A" if the model is itself a LoRALinear), so
    that `load_state_dict(state, strict=False)` of a model that was injected alike reads them. (PEFT saves the same as
    "base_model.model.layers.0.attn.q_proj.lora_A.weight".) The tensors are copies without gradients: training on does not
    change them. The model is left as it is: its modes, its parameters, what requires gradients.
    """
    # YOUR CODE HERE
    raise NotImplementedError("adapter_state is not written yet")


def lora_params(shapes: list[tuple[int, int]], r: int) -> int:
    """How many weights the adapters of rank r have, for layers with weights of these shapes.

    >>> lora_params([(8, 8), (8, 2)], 1)
    26
    >>> lora_params([(12288, 12288)] * 192, 1)  # W_q and W_v in the 96 layers of GPT-3 175B
    4718592
    """
    # YOUR CODE HERE
    raise NotImplementedError("lora_params is not written yet")
