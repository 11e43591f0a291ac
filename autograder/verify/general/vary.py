"""Other calls, made from one that a check makes: again, on views, longer, larger, with another option, with what is not allowed."""

from __future__ import annotations

import copy
import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from autograder.verify.general import look

Named = dict[str, Any]
LONG = 40  # more than any bound that a hurried look at examples suggests
OTHERS = 3


class Once(list[Any]):
    """The items of a generator that was passed; passed on as an iterator, so that a function goes through it once."""


class Calls(list[Named]):
    """Calls that follow one another."""

    grad = True  # whether the caller has gradients on
    spoiled = False  # whether the caller changes each result before the next call
    one_object = False  # whether all get the very same modules, whose weights change between two calls


def call(function: Callable[..., Any], named: Named) -> Any:
    """`function` with its arguments by name; by position where it takes `self`, or as many as come."""
    positional: list[Any] = []
    by_name = {name: iter(value) if isinstance(value, Once) else value for name, value in named.items()}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in by_name:
            break
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += by_name.pop(name)
        elif parameter.kind is parameter.VAR_KEYWORD:
            by_name |= by_name.pop(name)
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(by_name.pop(name))
    return function(*positional, **by_name)


def sequences(kind: str, named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, Calls]]:
    """What to call, and how to say it: what could show a mistake of this kind, and no two alike."""
    yield "the same call twice", Calls([named, named])
    for ways in _WAYS.get(kind, (_second_calls, _other_options, _changed, _resized)):
        for label, calls in ways(named, every, signature):
            yield label, calls if isinstance(calls, Calls) else Calls(calls)


def _second_calls(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    yield "a second call on other values", [named, _mapped(named, _other_values), named]
    others = [each for each in every if each is not named][:OTHERS]
    for number, other in enumerate(others):
        yield f"two calls that the checks make, one after the other ({number})", [named, other, named]
    for name in named:
        for number, other in enumerate(others):
            if name in other:
                yield f"a second call with another `{name}` ({number})", [named, named | {name: other[name]}]
        changed = _mapped(named[name], _other_values)
        if changed is not named[name]:
            yield f"a second call with other values of `{name}`", [named, named | {name: changed}, named]
        else:
            for label, other in itertools.islice(_sizes(named[name]), 3):
                yield f"a second call with `{name}`: {label}", [named, named | {name: other}, named]
    for name, value in _optional(named, signature):
        yield f"a second call with {name}={value!r}", [named, named | {name: value}, named]
    for name, parameter in signature.parameters.items():
        if parameter.default is None and named.get(name) is None:
            for other, value in named.items():
                if isinstance(value, torch.Tensor):
                    yield f"a second call with `{name}` like `{other}`", [named, named | {name: 3 * value.detach()}]


def _other_options(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name, value in _optional(named, signature):
        yield f"{name}={value!r}", [named | {name: value}]
    for name in named:
        left_out = {key: value for key, value in named.items() if key != name}
        yield f"no `{name}`", [left_out]


def _optional(named: Named, signature: inspect.Signature) -> Iterator[tuple[str, Any]]:
    for name, parameter in signature.parameters.items():
        for value in _options(named.get(name, parameter.default), parameter.default):
            yield name, value


def _changed(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for label, change in _CHANGES.items():
        yield label, [_mapped(named, change)]
        for name in named:
            changed = _mapped(named[name], change)
            if changed is not named[name]:
                yield f"`{name}`: {label}", [named | {name: changed}]


def _resized(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name, value in named.items():
        for label, other in _sizes(value):
            yield f"`{name}`: {label}", [named | {name: other}]


def _not_allowed(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name, value in named.items():
        for other in (None, -1, 0, "", [], [-1], "?", 3.5):
            if type(other) is not type(value):
                yield f"{name}={other!r}", [named | {name: other}]


def _other_mode(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name, value in named.items():
        if isinstance(value, torch.nn.Module):
            mode = "evaluation" if value.training else "training"
            yield f"`{name}` in {mode} mode", [named | {name: copy.deepcopy(value).train(not value.training)}]


def _weights_changed(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, Calls]]:
    for training in (True, False):
        calls = Calls([_mapped(named, _copied(_mode(training)))] * 2)
        calls.one_object = True
        yield f"weights that change between two calls in {'training' if training else 'evaluation'} mode", calls


def _spoiled(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, Calls]]:
    calls = Calls([named, named])
    calls.spoiled = True
    yield "a caller who changes a result and asks again", calls


def _without_gradients(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, Calls]]:
    calls = Calls([named])
    calls.grad = False
    yield "a caller who has gradients off", calls


def _nothing(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name, parameter in signature.parameters.items():
        hint = str(parameter.annotation)
        for word, value in (("int", 0), ("float", 0.0), ("str", ""), ("list", []), ("Sequence", []), ("dict", {})):
            if parameter.default is not parameter.empty and re.search(rf"\b{word}\b", hint):
                yield f"{name}={value!r}", [named | {name: value}]
    for name, value in named.items():
        changed = _mapped(value, lambda each: type(each)() if type(each) in (int, float, str) else each)
        if changed is not value:
            yield f"`{name}`: nothing but 0 and what is empty", [named | {name: changed}]
        if type(value) is list and value and type(value[0]) in (int, float, str):
            yield f"`{name}`: 0, or what is empty, comes first", [named | {name: [type(value[0])(), *value[1:]]}]


def _more_rows(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    yield "more rows, with other values", [_mapped(named, _with_more_rows)]
    for name in named:
        yield f"`{name}`: more rows, with other values", [named | {name: _mapped(named[name], _with_more_rows)}]


def _with_more_rows(value: Any) -> Any:
    return torch.cat([value, _other_values(value)]) if isinstance(value, torch.Tensor) and value.ndim else value


def _large(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for label, change in (("large numbers", _times(30_000.0)), ("numbers far below 0", _added(-3e9))):
        yield label, [_mapped(named, change)]
        for name in named:
            changed = _mapped(named[name], change)
            if changed is not named[name]:
                yield f"`{name}`: {label}", [named | {name: changed}]


def _infinite(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name in named:
        changed = _mapped(named[name], _some_infinite)
        if changed is not named[name]:
            yield f"`{name}`: some are -inf", [named | {name: changed}]


def _counts(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for times in (10_007, 100_000_007):
        for name, value in named.items():
            if type(value) is int or (isinstance(value, torch.Tensor) and value.dtype == torch.int64):
                yield f"`{name}`: {times} times as large", [named | {name: value * times}]
        all_larger = {name: value * times if type(value) is int else value for name, value in named.items()}
        yield f"all numbers {times} times as large", [all_larger]


def _equal_items(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name, value in named.items():
        if isinstance(value, list | tuple) and value:
            yield f"`{name}`: each item twice", [named | {name: type(value)(each for each in value for _ in range(2))}]
            yield f"`{name}`: all items like the first", [named | {name: type(value)([value[0]] * len(value))}]
            yield f"`{name}`: all of it twice", [named | {name: value * 2}]
            yield f"`{name}`: the other way round", [named | {name: value[::-1]}]
        elif isinstance(value, torch.Tensor) and value.numel() > 1 and value.is_floating_point():
            yield f"`{name}`: all numbers equal", [named | {name: value.detach() * 0 + 1}]
            yield f"`{name}`: whole numbers", [named | {name: value.detach().round()}]


def _texts(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for label, change in _OF_TEXTS.items():
        for name in named:
            changed = _mapped(named[name], _of_text(change))
            if changed is not named[name]:
                yield f"`{name}`: {label}", [named | {name: changed}]


def _of_text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: change(value) if type(value) is str else value


_OF_TEXTS: dict[str, Callable[[str], str]] = {
    "a space before it": lambda text: f" {text}",
    "a space behind it": lambda text: f"{text} ",
    "a line's end behind it": lambda text: f"{text}\n",
    "in capitals": str.upper,
}


def _empty(named: Named, every: list[Named], signature: inspect.Signature) -> Iterator[tuple[str, list[Named]]]:
    for name, value in named.items():
        if isinstance(value, str | bytes | list | tuple) or (isinstance(value, torch.Tensor) and value.ndim):
            yield f"`{name}`: empty", [named | {name: value[:0]}]
        elif isinstance(value, dict | set):
            yield f"`{name}`: empty", [named | {name: type(value)()}]


_WAYS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("memo", "first options", "own cache", "one result", "class state", "accumulates"), (_second_calls,)
    ),
    **dict.fromkeys(("clamped", "truncated", "short loop"), (_resized,)),
    **dict.fromkeys(("exchange", "ignored", "default"), (_other_options, _second_calls, _resized)),
    "dimensions": (_changed, _resized),
    **dict.fromkeys(("view", "rounded", "exact type"), (_changed, _second_calls)),
    "mode": (_other_mode, _weights_changed),
    "given out": (_spoiled,),
    "left": (_changed, _second_calls, _without_gradients),
    "falsy": (_nothing, _other_options),
    "truth": (_nothing, _resized, _second_calls, _other_options),
    "finite": (_large, _infinite),
    "whole": (_counts,),
    **dict.fromkeys(("place", "tie", "items"), (_equal_items, _resized)),
    "text": (_texts,),
    "empty": (_empty,),
    "first row": (_more_rows, _changed, _second_calls),
    "changed": (_changed, _resized),
    "exception": (_not_allowed, _resized, _other_options),
}


def _options(value: Any, default: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if default is inspect.Parameter.empty:
        return []
    found = [] if value is default else [default]
    if isinstance(default, float):
        found += [0.5, 2.0, 0.0]
    elif isinstance(default, int):
        found += [default + 1, 1, 2]
    return found


def _sizes(value: Any) -> Iterator[tuple[str, Any]]:
    """Larger and smaller ones of a kind."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        for other in (value + 17, 2 * value, 20, 32, 0, -1, 1):
            yield f"{other}", other
    elif isinstance(value, float):
        for other in (2 * value, -value, 0.0):
            yield f"{other}", other
    elif isinstance(value, str | bytes | list | tuple) and len(value):
        times = -(-LONG // len(value))
        yield "longer", value * times
        if isinstance(value, str):
            yield "longer, in words", " ".join([value] * times)
            yield "one long word", "".join(value.split()) * times
        yield "one item", value[:1]
        yield "none", value[:0]
        yield "the other way round", value[::-1]
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield "many different", [f"{item}{item[:1]}{'abcdefgh'[number % 8]}" for number, item in enumerate(value * times)]  # fmt: skip
    elif isinstance(value, torch.Tensor) and value.ndim:
        for axis in range(value.ndim):
            yield f"longer in axis {axis}", torch.cat([value] * (1 + LONG // max(1, value.shape[axis])), axis)
        yield "one row less", value[0]
        yield "one axis more", value[None]
        yield "two axes more", value[None, None]


# --- changes of tensors, arrays, lists and modules among the arguments ---


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    changed = change(value)
    if changed is not value:
        return changed
    if type(value) is dict:
        return {key: _mapped(item, change) for key, item in value.items()}
    if type(value) in (list, tuple, Once):
        return type(value)(_mapped(item, change) for item in value)
    return value


def _other_values(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.dtype == torch.bool:
        return value.flatten().flip(0).reshape(value.shape)
    if isinstance(value, torch.Tensor) and value.numel() > 1 and not value.requires_grad:
        return value.flatten().roll(1).flip(0).reshape(value.shape) * (0.75 if value.is_floating_point() else 1)
    if isinstance(value, np.ndarray) and value.size > 1:
        return np.roll(value.reshape(-1), 1)[::-1].reshape(value.shape).copy()
    return value


def _strided(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.ndim and value.numel():
        wide = torch.stack([value.detach(), value.detach()], -1)[..., 0]
        return wide.requires_grad_(value.requires_grad)
    if isinstance(value, np.ndarray) and value.ndim:
        return np.stack([value, value], -1)[..., 0]
    return value


def _dtype(dtype: torch.dtype, times: float = 1.0) -> Callable[[Any], Any]:
    """Float tensors in another dtype; `times` a number that has no short form, so that a rounded one shows."""

    def change(value: Any) -> Any:
        if isinstance(value, torch.nn.Module):
            return copy.deepcopy(value).to(dtype)
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return (value.detach().to(dtype) * times).requires_grad_(value.requires_grad)
        return value

    return change


def _wants_gradients(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.detach().clone().requires_grad_()
    return value


def _times(factor: float) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return (value.detach() * factor).requires_grad_(value.requires_grad)
        return value * factor if type(value) is float else value

    return change


def _added(number: float) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return (value.detach() + number).requires_grad_(value.requires_grad)
        return value + number if type(value) is float else value

    return change


def _some_infinite(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel() > 1:
        return torch.where(torch.arange(value.numel()).reshape(value.shape) % 3 == 1, -torch.inf, value.detach())
    if type(value) is list and len(value) > 1 and all(type(each) is float for each in value):
        return [value[0], float("-inf"), *value[2:]]
    return value


def _axes(value: Any) -> Any:
    return value[None] if isinstance(value, torch.Tensor) and value.ndim else value


def _mode(training: bool) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        for each in look.parts(value):
            if isinstance(each, torch.nn.Module):
                each.train(training)
        return value

    return change


def _subclass(value: Any) -> Any:
    """Objects of a class derived from theirs."""
    if type(value) in (list, dict, int, float, str):
        return type("Derived", (type(value),), {})(value)
    return value


def _subclassed_modules(value: Any) -> Any:
    if isinstance(value, torch.nn.Module):
        for inner in list(value.modules()):
            inner.__class__ = type(f"Derived{type(inner).__name__}", (type(inner),), {})
    return value


def _copied(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: change(copy.deepcopy(value)) if isinstance(value, torch.nn.Module) else value


_CHANGES: dict[str, Callable[[Any], Any]] = {
    "views that are not contiguous": _strided,
    "float64": _dtype(torch.float64),
    "other numbers in float64": _dtype(torch.float64, 0.7310585786300049),
    "bfloat16": _dtype(torch.bfloat16),
    "tensors that require gradients": _wants_gradients,
    "one axis more": _axes,
    "modules in training mode": _copied(_mode(True)),
    "modules in evaluation mode": _copied(_mode(False)),
    "frozen modules": _copied(lambda value: value.requires_grad_(False)),
    "modules of derived classes": _copied(_subclassed_modules),
    "derived classes": _subclass,
}
