"""What experiments on `nn.Module`s share: a module with given weights, and the gradients of what it returns.

Both run where the experiment runs. They hand on tensors and judge nothing; a module that can't take the weights ends the run
with a message in the student's terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


class WrongParameters(Exception):
    """A module whose parameters are not those that the exercise names. `found` says what differs."""

    def __init__(self, module: str, found: str) -> None:
        super().__init__(f"{module}: {found}")
        self.module, self.found = module, found


def with_weights(module: Module, weights: Mapping[str, Tensor]) -> Module:
    """`module` itself, with copies of `weights` in its parameters (and buffers), in their dtype and on their device.

    `weights` is what `state_dict()` of a right module gives. The module's parameters must have exactly these names and
    shapes, else the student reads which of them are missing, not asked for, or of another shape. Buffers that `weights` does
    not name (a causal mask made once, say) are the module's own business. What requires gradients goes on to do so.

    >>> with_weights(nn.Linear(2, 1), {"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.zeros(1)})(torch.ones(2)).item()
    3.0
    """
    name = type(module).__name__
    if not isinstance(module, nn.Module):
        raise WrongParameters(name, "it is no nn.Module")
    example = next((weight for weight in weights.values() if weight.is_floating_point()), None)
    if example is not None:
        module.to(example.device, example.dtype)
    parameters = dict(module.named_parameters(remove_duplicate=False))
    places = {**dict(module.named_buffers(remove_duplicate=False)), **parameters}
    said = [f"`{missing}` is missing" for missing in weights if missing not in places]
    said += [f"`{extra}` is not asked for" for extra in parameters if extra not in weights]
    said += [
        f"`{key}` has the shape {tuple(places[key].shape)}, not {tuple(weight.shape)}"
        for key, weight in weights.items()
        if key in places and places[key].shape != weight.shape
    ]
    if said:
        raise WrongParameters(name, "; ".join(said[:6]) + ("; …" if len(said) > 6 else ""))
    with torch.no_grad():
        for key, weight in weights.items():
            places[key].copy_(weight)
    return module


def gradients(output: Tensor | Sequence[Tensor], wanted: Mapping[str, Tensor] | nn.Module) -> dict[str, Tensor | None]:
    """The gradients of a fixed weighted sum of `output`, by the names of `wanted`; None where none arrives.

    `output` is a tensor or several; `wanted` holds leaves by name, or is a module, whose parameters are meant. The weights of
    the sum differ from element to element, since a plain sum hides much (that of a softmax has no gradient).

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> gradients(3 * x, {"x": x})["x"].tolist() == (3 * torch.arange(1.0, 3.0).cos()).tolist()
    True
    """
    leaves = dict(wanted.named_parameters()) if isinstance(wanted, nn.Module) else dict(wanted)
    outputs = [output] if isinstance(output, Tensor) else list(output)
    flowing = [each for each in outputs if each.requires_grad]
    needed = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    found: dict[str, Any] = dict.fromkeys(leaves)
    if flowing and needed:
        total = torch.stack([(each * _weights(each)).sum() for each in flowing]).sum()
        grads = torch.autograd.grad(total, list(needed.values()), retain_graph=True, allow_unused=True)
        found |= dict(zip(needed, grads, strict=True))
    return found


def leaves_gradients_off(function: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    """Whether gradients are still off after a call, for a caller who has them off.

    >>> leaves_gradients_off(torch.ones, 1)
    True
    >>> leaves_gradients_off(torch.set_grad_enabled, True)
    False
    """
    with torch.no_grad():
        function(*args, **kwargs)
        return not torch.is_grad_enabled()


def in_evaluation(module: nn.Module, call: Callable[[], Tensor]) -> dict[str, Any]:
    """What `call()` gives of `module` in evaluation mode: its result, the gradients of the parameters, and the result once the
    parameters are half as large. Modes and numbers are as they were afterwards.

    >>> layer = with_weights(nn.Linear(1, 1, bias=False), {"weight": torch.tensor([[6.0]])})
    >>> seen = in_evaluation(layer, lambda: layer(torch.ones(1, 1)))
    >>> seen["value"].item(), seen["with other weights"].item(), layer.weight.item()
    (6.0, 3.0, 6.0)
    """
    modes = [(each, each.training) for each in module.modules()]
    held = [(parameter, parameter.data) for parameter in module.parameters()]
    module.eval()
    try:
        output = call()
        found = {"value": output.detach(), "gradients": gradients(output, module)}
        for parameter, numbers in held:
            parameter.data = numbers * 0.5  # not in place: graphs of earlier calls need these numbers
        return found | {"with other weights": call().detach()}
    finally:
        for parameter, numbers in held:
            parameter.data = numbers
        for each, training in modes:
            each.training = training


def leaves(*tensors: Tensor) -> list[Tensor]:
    """Copies of `tensors` that require gradients, so that the experiment's own inputs stay as they are.

    >>> [x.requires_grad for x in leaves(torch.ones(1), torch.zeros(2))]
    [True, True]
    """
    return [tensor.detach().clone().requires_grad_() for tensor in tensors]


def with_gradients(function: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """What `function(**arguments)` returns, and the gradients (as `gradients` has them) of every floating-point tensor among the
    arguments. For a tuple or a list, the gradients are those of all floating-point tensors in it.

    >>> with_gradients(torch.mul, input=torch.tensor([2.0]), other=3)["value"].tolist()
    [6.0]
    """
    floating = {
        name: leaves(value)[0]
        for name, value in arguments.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }
    value = function(**{**arguments, **floating})
    several = value if isinstance(value, (tuple, list)) else [value]
    outputs = [each for each in several if isinstance(each, Tensor) and each.is_floating_point()]
    return {"value": value, "gradients": gradients(outputs, floating)}


def flags(*values: Any) -> list[Any]:
    """What a call could have left changed in tensors and modules besides their values: one entry for each of `values`, and torch's
    default dtype at the end.

    Of a tensor its `requires_grad`; of a module the modes that occur in it (of its parts, which are its author's business), and by
    name whether each parameter requires gradients. Pass modules in which both occur, and tensors that require none.

    >>> flags(torch.ones(2), nn.Linear(1, 1).eval())[:2]
    [False, {'training': [False], 'requires_grad': {'weight': True, 'bias': True}}]
    """
    found: list[Any] = []
    for value in values:
        if isinstance(value, nn.Module):
            training = sorted({part.training for part in value.modules()})
            wanted = {name: parameter.requires_grad for name, parameter in value.named_parameters()}
            found.append({"training": training, "requires_grad": wanted})
        else:
            found.append(value.requires_grad)
    return [*found, str(torch.get_default_dtype())]


def _weights(like: Tensor) -> Tensor:
    return torch.arange(1, like.numel() + 1, dtype=like.dtype, device=like.device).cos().reshape(like.shape)
