"""What is left changed after a call: flags, parameters, torch's own state, memory."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autograder.verify.general.made import General, Target, bound, parts

_OF_MODULES = {
    "train": "modules are left in training mode",
    "eval": "modules are left in evaluation mode",
    "frozen": "parameters are left without `requires_grad`",
    "thawed": "all parameters are left with `requires_grad`",
    "replaced": "parameters are replaced by new ones with the same values: who holds the old ones holds nothing",
}


def modules(target: Target) -> Iterator[General]:
    """Modules that come in, or the module itself, are not what they were."""
    if not target.is_init and (target.is_module or any(each.is_module for each in target.parameters)):
        for change, sentence in _OF_MODULES.items():
            yield target.wrapped("left", change, sentence, leaves_modules, change=change)


def tensors(target: Target) -> Iterator[General]:
    """`requires_grad` of an argument is left on, where the docstring speaks of gradients or of leaving arguments alone."""
    if (
        target.tensors
        and not target.is_init
        and target.says(r"[Gg]radient|autograd|differentia|requires_grad|not changed")
    ):
        sentence = "`requires_grad` of tensors that are passed is left on"
        yield target.wrapped("left", "requires_grad", sentence, leaves_requires_grad)


def arguments(target: Target) -> Iterator[General]:
    """A list, dict, set or tensor that is passed is changed after the call, one at a time."""
    for each in target.parameters:
        held = each.is_tensor and not re.match(r"Callable|Iterator|Iterable", each.hint)
        if held or re.match(r"(list|dict|set|Sequence)\b", each.hint):
            yield target.wrapped("changed", each.name, f"`{each.name}` is changed", changes, name=each.name)


def grad_mode(target: Target) -> Iterator[General]:
    """Gradients are on after the call, whatever the caller had, in a function that switches them itself."""
    switches = re.search(r"no_grad|enable_grad|inference_mode|set_grad_enabled", ast.unparse(target.node))
    if switches and not target.is_init:
        sentence = "gradients are switched on after the call, also for a caller who had them off"
        yield target.wrapped("left", "grad mode", sentence, switches_on)


def seeds(target: Target) -> Iterator[General]:
    """Random numbers are seeded anew in each call of a function that draws some."""
    if target.says(r"\b(random|sample|draw)", own=True) and not target.is_init and not target.says(r"without random"):
        sentence = "random numbers are seeded anew in each call: all calls draw the same"
        yield target.wrapped("left", "seed", sentence, reseeds)


def memory(target: Target) -> Iterator[General]:
    """Arguments and results are held to the end: a mistake only where the docstring says what is let go."""
    if target.says(r"\b(freed|kept alive|let go|not held)\b", own=True) and not target.is_init:
        yield target.wrapped("held", "", "all arguments and results are held in memory to the end", holds)


# --- wrappers ---


def leaves_modules(function, change):
    """Changes the modules among the arguments after the call."""
    import functools

    import torch

    def spoil(module):
        if change in ("train", "eval"):
            module.train(change == "train")
        elif change in ("frozen", "thawed"):
            module.requires_grad_(change == "thawed")
        else:
            for inner in module.modules():
                for name, parameter in list(inner._parameters.items()):
                    if parameter is not None:
                        new = torch.nn.Parameter(parameter.detach().clone(), parameter.requires_grad)
                        new.grad = parameter.grad
                        inner._parameters[name] = new

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        for value in parts([*args, *kwargs.values()]):
            inside = (
                [value]
                if isinstance(value, torch.nn.Module)
                else list(vars(value).values())
                if hasattr(value, "__dict__")
                else []
            )
            for each in inside:
                if isinstance(each, torch.nn.Module):
                    spoil(each)
        return result

    return wrapped


def leaves_requires_grad(function):
    """Leaves `requires_grad` on, for float tensors among the arguments."""
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        for value in parts([*args, *kwargs.values()]):
            if (
                hasattr(value, "requires_grad_")
                and hasattr(value, "dtype")
                and value.is_leaf
                and value.dtype.is_floating_point
            ):
                value.requires_grad_()
        return result

    return wrapped


def changes(function, name):
    """Changes one argument in place after the call, where that can be done."""
    import functools

    import torch

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        value = bound(function, args, kwargs).arguments[name]
        result = function(*args, **kwargs)
        if isinstance(value, torch.Tensor) and value.numel():
            try:
                with torch.no_grad():
                    value.logical_not_() if value.dtype == torch.bool else value.add_(1)
            except RuntimeError:  # an expanded one, or one of inference
                pass
        elif type(value).__name__ == "ndarray" and value.size:
            value.flat[0] = not value.flat[0] if value.dtype == bool else value.flat[0] + 1
        elif isinstance(value, list) and value:
            value.append(value[0])
        elif isinstance(value, dict) and value:
            value.popitem()
        elif isinstance(value, set) and value:
            value.pop()
        return result

    return wrapped


def switches_on(function):
    """Switches gradients on after the call."""
    import functools

    import torch

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        torch.set_grad_enabled(True)
        return result

    return wrapped


def reseeds(function):
    """Seeds every source of random numbers in each call."""
    import functools
    import random

    import torch

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        torch.manual_seed(0)
        random.seed(0)
        for value in parts([*args, *kwargs.values()]):
            if isinstance(value, random.Random):
                value.seed(0)
            elif isinstance(value, torch.Generator):
                value.manual_seed(0)
        return function(*args, **kwargs)

    return wrapped


def holds(function):
    """Holds all arguments and results in a list."""
    import functools

    held = []

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        held.append((args, kwargs, result))
        return result

    return wrapped


__all__ = ["arguments", "bound", "grad_mode", "memory", "modules", "parts", "seeds", "tensors"]
