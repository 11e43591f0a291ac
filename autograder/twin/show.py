"""Short texts for plain values: what a person reads of an input or an observation. Bounded in size and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from autograder.wire.values import Cut, Drawn, Lab, Raised, Unsupported

LIMIT = 300
DEPTH = 8
DIGITS = (6, 9, 17)  # of the numbers of tensors: as many as are needed, where two values are told from each other

_digits: ContextVar[int] = ContextVar("digits", default=DIGITS[0])


def show(value: Any, limit: int = LIMIT) -> str:
    """`value` in at most about `limit` characters.

    >>> show([1, "a", None])
    "[1, 'a', None]"
    """
    text = _text(value, limit, 0)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def show_apart(value: Any, other: Any, limit: int = LIMIT) -> tuple[str, str]:
    """Two different values, in as many digits as it takes to see that they are.

    >>> show_apart(torch.tensor([0.4999998]), torch.tensor([0.5]))
    ('tensor([0.499999791], float32)', 'tensor([0.5], float32)')
    """
    texts = show(value, limit), show(other, limit)
    for digits in DIGITS[1:]:
        if texts[0] != texts[1]:
            break
        token = _digits.set(digits)
        try:
            texts = show(value, limit), show(other, limit)
        finally:
            _digits.reset(token)
    return texts


def _text(value: Any, room: int, depth: int) -> str:
    if isinstance(value, torch.Tensor):
        return _tensor(value, room)
    if isinstance(value, np.ndarray):
        head = value if value.size <= room and max(value.shape, default=0) <= room else value.reshape(-1)[: room + 1]
        return f"array({_inner(head.tolist(), room, depth)}, {value.dtype}, shape {tuple(value.shape)})"
    if isinstance(value, _Argument):
        return f"{str(value.key)[:room] if type(value.key) is str else '?'}={_text(value.value, room, depth)}"
    if isinstance(value, _More):
        return f"… {value.count} more"
    if isinstance(value, _Pair):
        return f"{_text(value.key, room, depth)}: {_text(value.value, room, depth)}"
    if isinstance(value, Cut):
        return _cut(value, room, depth)
    if isinstance(value, Unsupported):
        return f"<{value.type_name}>"
    if isinstance(value, Raised):
        return f"raised {value.name}" if value.name else "raised nothing"
    if isinstance(value, Lab):
        arguments = value.arguments if isinstance(value.arguments, dict) else {}
        shown = _joined(", ", "", (_Argument(k, v) for k, v in arguments.items()), len(arguments), room, depth)
        return f"lab({_inner(value.name, room, depth)}{shown if arguments else ''})"
    return _inner(value, room, depth)


def _inner(value: Any, room: int, depth: int) -> str:
    if isinstance(value, str):
        shown = repr(value[: room + 1])
        return shown if len(value) <= room + 1 else shown[:-1] + "…" + shown[-1]
    if type(value) is int:
        return repr(value) if value.bit_length() < 400 else f"<an integer of {value.bit_length()} bits>"
    if isinstance(value, bytes):
        return repr(value[: room + 1])
    if isinstance(value, dict):
        return _joined("{", "}", (_Pair(k, v) for k, v in value.items()), len(value), room, depth)
    if isinstance(value, Drawn):
        return "iterator of " + _joined("[", "]", iter(value), len(value), room, depth)
    if isinstance(value, list):
        return _joined("[", "]", iter(value), len(value), room, depth)
    if isinstance(value, tuple):
        return _joined("(", ",)" if len(value) == 1 else ")", iter(value), len(value), room, depth)
    if isinstance(value, set | frozenset):
        if not value:
            return "set()"
        return _joined("{", "}", iter(in_order(value) if depth < DEPTH else value), len(value), room, depth)
    return repr(value)


def in_order(values: Iterable[Any]) -> list[Any]:
    """The elements of a set in one order, whatever they are: `repr` of some is endless, of others it raises."""
    return sorted(values, key=lambda value: _text(value, 40, DEPTH))


def _joined(start: str, end: str, values: Any, count: int, room: int, depth: int) -> str:
    if depth > DEPTH:
        return f"{start}…{end}"
    parts: list[str] = []
    used = 0
    for value in values:
        if used > room:
            parts.append(f"… {count - len(parts)} more")
            break
        parts.append(_text(value, max(room - used, 8), depth + 1))
        used += len(parts[-1]) + 2
    return start + ", ".join(parts) + end


class _Pair:
    """An item of a dict, shown as `key: value`."""

    def __init__(self, key: Any, value: Any) -> None:
        self.key, self.value = key, value


class _Argument(_Pair):
    """An argument of a lab value, shown as `key=value`."""


def _tensor(value: torch.Tensor, room: int) -> str:
    dtype = str(value.dtype).removeprefix("torch.")
    if value.numel() == 1 and value.ndim == 0:
        return f"tensor({_item(value.item())}, {dtype})"
    if value.numel() <= 16 and value.ndim <= 2 and max(value.shape) <= 16:
        return f"tensor({_rows(value.tolist())}, {dtype})"
    head = ", ".join(_item(item) for item in value.flatten()[:6].tolist())
    return f"tensor(shape {tuple(value.shape)}, {dtype}: {head}, …)"[: max(room, 40)]


def _cut(value: Cut, room: int, depth: int) -> str:
    """The beginning of what was cut, as it would be shown of the whole."""
    length = value.shape[0] if value.shape else 0
    if value.dtype:
        items = value.head.tolist() if isinstance(value.head, torch.Tensor | np.ndarray) else []
        head = ", ".join(_item(item) for item in items[:6])
        if value.kind == "Tensor":
            return f"tensor(shape {value.shape}, {value.dtype}: {head}, …)"[: max(room, 40)]
        return f"array([{head}, …], {value.dtype}, shape {value.shape})"[: max(room, 40)]
    if isinstance(value.head, str | bytes):
        return _inner(value.head, min(room, max(len(value.head) - 1, 0)), depth)
    if not isinstance(value.head, list):
        return f"<a {value.kind} of {length:,} items>"
    start, end = {"list": "[]", "tuple": "()", "iterator": "[]"}.get(value.kind, "{}")
    prefix = "iterator of " if value.kind == "iterator" else ""
    return prefix + _joined(start, end, _and_more(value.head, length), length, room, depth)


def _and_more(head: list[Any], length: int) -> Iterator[Any]:
    """The items of `head`, then something for the others: `_joined` says how many there are when it has no room."""
    yield from head
    if length > len(head):
        yield _More(length - len(head))


class _More:
    """Items that were not kept."""

    def __init__(self, count: int) -> None:
        self.count = count


def _rows(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_rows(item) for item in value) + "]"
    return _item(value)


def _item(value: Any) -> str:
    return f"{value:.{_digits.get()}g}" if isinstance(value, float) else repr(value)
