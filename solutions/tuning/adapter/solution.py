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
        # BEGIN SOLUTION
        if act not in ("gelu", "relu", "tanh"):
            raise ValueError(f"act is {act!r}")
        self.act = getattr(F, act)
        self.down, self.up = nn.Linear(C, m), nn.Linear(m, C)
        for layer in (self.down, self.up):
            nn.init.normal_(layer.weight, std=init_std)
            nn.init.zeros_(layer.bias)
        # END SOLUTION

    def change(self, x: Tensor) -> Tensor:
        """up(act(down(x))), (…, C) → (…, C), without x itself."""
        # BEGIN SOLUTION
        return self.up(self.act(self.down(x)))
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x + change(x)."""
        # BEGIN SOLUTION
        return x + self.change(x)
        # END SOLUTION


# BEGIN SOLUTION
def _behind(part: nn.Module, args: tuple, out: Tensor) -> Tensor:
    return part.adapter(out)


def _beside(part: nn.Module, args: tuple, out: Tensor) -> Tensor:
    return out + part.adapter.change(args[0])


HOOKS = {"houlsby": {"attn": _behind, "mlp": _behind}, "pfeiffer": {"mlp": _behind}, "parallel": {"mlp": _beside}}


# END SOLUTION
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
    # BEGIN SOLUTION
    if style not in HOOKS:
        raise ValueError(f"style is {style!r}")
    if any(isinstance(module, Bottleneck) for module in model.modules()):
        raise ValueError("the model has adapters already")
    like = next(model.parameters())
    C = model.layers[0].mlp_norm.weight.shape[0]
    made = [{name: Bottleneck(C, m, act).to(like) for name in HOOKS[style]} for _ in model.layers]
    model.requires_grad_(False)
    if norms:
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                module.requires_grad_()
    for layer, adapters in zip(model.layers, made, strict=True):
        for name, adapter in adapters.items():
            part = getattr(layer, name)
            part.adapter = adapter.train(part.training)
            part.adapter_hook = part.register_forward_hook(HOOKS[style][name])
    return model
    # END SOLUTION


def remove_adapters(model: nn.Module) -> None:
    """Take all adapters out again, in place, so that the model gives what it gave before they were inserted, to the last bit.

    Its parameters are the same objects as before `insert_adapters`, under the same names, and its parts have no adapter. What requires gradients
    stays as it is. Afterwards adapters can be inserted anew. A model without adapters stays as it is.
    """
    # BEGIN SOLUTION
    for layer in model.layers:
        for part in (layer.attn, layer.mlp):
            if hasattr(part, "adapter"):
                # A copy of the model has the hook, but not the handle that removes it: so remove it by what it is.
                for key, hook in list(part._forward_hooks.items()):
                    if hook in (_behind, _beside):
                        del part._forward_hooks[key]
                del part.adapter, part.adapter_hook
    # END SOLUTION


def adapter_params(L: int, C: int, m: int, style: str = "houlsby") -> int:
    """How many numbers the adapters have, in a model of L layers. Norms are not counted. Another style raises `ValueError`.

    >>> adapter_params(2, 16, 4)
    592
    >>> adapter_params(2, 16, 4, "pfeiffer")
    296
    """
    # BEGIN SOLUTION
    if style not in HOOKS:
        raise ValueError(f"style is {style!r}")
    return L * len(HOOKS[style]) * (2 * C * m + m + C)
    # END SOLUTION
