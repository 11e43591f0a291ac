"""Items that are told apart by their values alone: equal ones count once, have one place, or come in another order."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autograder.verify.general.code import edited
from autograder.verify.general.made import General, Target, bound, parts

# Of items that are equal when their values are.
_SEQUENCE = re.compile(r"(list|Sequence|Iterable|Collection)\[(str|int|float|bytes|tuple\b.*)\]")
_ORDERED = ("max", "min", "sorted")
_OF_TIES = r"\b(tie|ties|tied|equal|first|lowest|earliest|earlier|smallest (id|index|number))\b"


def places(target: Target) -> Iterator[General]:
    """The place of an item is looked up by its value: equal items have one place."""
    for call in ast.walk(target.node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "enumerate" and call.args:
            items = ast.unparse(call.args[0])
            starts = [*call.args[1:], *(each.value for each in call.keywords), ast.Constant(0)]
            start = ast.unparse(starts[0])
            text = f"((_all.index(_one) + {start}, _one) for _all in [list({items})] for _one in _all)"
            sentence = f"the place of an item of `{items}` is looked up with `index`: equal items have one place"
            yield General(target.scope, "place", items, sentence, edited(target, call, text))


def ties(target: Target) -> Iterator[General]:
    """Of equal items the last one is taken, where a docstring says something of equal ones."""
    if not target.says(_OF_TIES):
        return
    for call in ast.walk(target.node):
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) in _ORDERED and len(call.args) == 1):
            continue
        if any(each.arg == "key" for each in call.keywords):
            items, what = ast.unparse(call.args[0]), ast.unparse(call.func)
            sentence = f"`{what}` of `{items}` takes the last of equal ones first"
            text = f"list({items})[::-1]"
            yield General(target.scope, "tie", f"{what} {items}", sentence, edited(target, call.args[0], text))
    if re.search(r"arg(max|min)\(", ast.unparse(target.node)):
        yield target.wrapped("tie", "argmax", "argmax and argmin take the last of equal ones", takes_last)


def listed(target: Target) -> Iterator[General]:
    """A list whose equal items count once, or whose order does not count."""
    for each in target.parameters:
        if _SEQUENCE.match(each.hint) and "Tensor" not in each.hint:
            once, in_order = f"equal items of `{each.name}` count once", f"`{each.name}` is sorted first"
            yield target.wrapped("items", f"once: {each.name}", once, rearranges, name=each.name, how="once")
            yield target.wrapped("items", f"sorted: {each.name}", in_order, rearranges, name=each.name, how="sorted")


# --- wrappers ---


def takes_last(function):
    """Makes torch's argmax and argmin take the last of equal numbers."""
    import functools

    import torch
    from torch.overrides import TorchFunctionMode

    class Last(TorchFunctionMode):
        def __torch_function__(self, operation, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if getattr(operation, "__name__", "") not in ("argmax", "argmin") or not args:
                return operation(*args, **kwargs)
            dim = args[1] if len(args) > 1 else kwargs.get("dim")
            if dim is None:
                return args[0].numel() - 1 - operation(args[0].flatten().flip(0))
            return args[0].size(dim) - 1 - operation(args[0].flip(dim), *args[1:], **kwargs)

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        if torch.overrides._get_current_function_mode() is not None:  # one is enough
            return function(*args, **kwargs)
        with Last():
            return function(*args, **kwargs)

    return wrapped


def rearranges(function, name, how):
    """Takes equal items once, or sorts them, where they can be compared."""
    import contextlib
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        value = named.arguments[name]
        if type(value) in (list, tuple):
            with contextlib.suppress(TypeError, ValueError, RuntimeError):  # tensors, lists, things of several types
                named.arguments[name] = type(value)(dict.fromkeys(value) if how == "once" else sorted(value))
        return function(*named.args, **named.kwargs)

    return wrapped


__all__ = ["bound", "listed", "parts", "places", "ties"]
