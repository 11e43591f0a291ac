"""A value on one line, as the examples in docstrings write it: what Python and torch print, with the numbers rounded as there."""

from __future__ import annotations

import math
from typing import Any

import torch

from autograder.feedback.escape import visible
from autograder.wire.values import Raised

LINE = 88
"""Characters of a value that a person reads at a glance."""
_MOST_ELEMENTS = 40
_DEPTH = 4


def printed(value: Any, width: int = LINE) -> str | None:
    """`value` on one line of at most `width` characters; None for what can't be written so, or would not be read.

    >>> printed([1, 2.718281828, torch.tensor([0.5, 1 / 3])])
    '[1, 2.7183, tensor([0.5000, 0.3333])]'
    """
    text = _text(value, width, 0)
    if text is None or len(text) > width or visible(text) != text:
        return None
    return text


def _text(value: Any, room: int, depth: int) -> str | None:
    kind = type(value)
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, Raised):
        return f"raises {value.name}" if value.name else "raises nothing"
    if value is None or kind is bool:
        return repr(value)
    if kind is int:
        return repr(value) if value.bit_length() < 80 else None
    if kind is float:
        return number(value)
    if kind in (str, bytes):
        return repr(value) if len(value) <= room else None
    if depth > _DEPTH or kind not in (list, tuple, set, frozenset, dict) or len(value) > room:
        return None
    if kind is dict:
        pairs = [(_text(key, room, depth + 1), _text(item, room, depth + 1)) for key, item in value.items()]
        if any(key is None or item is None for key, item in pairs):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    parts = [_text(item, room, depth + 1) for item in value]
    if any(part is None for part in parts):
        return None
    texts = [part for part in parts if part is not None]
    if kind in (set, frozenset):
        inner = ", ".join(sorted(texts))
        return ("frozenset({" + inner + "})") if kind is frozenset else ("{" + inner + "}" if texts else "set()")
    start, end = "[]" if kind is list else "()"
    return start + ", ".join(texts) + ("," if kind is tuple and len(texts) == 1 else "") + end


def number(value: float) -> str:
    """A float as docstrings have it: whole where it is short, else to four decimals, or four digits where those would say nothing.

    >>> number(0.5), number(1 / 3), number(1e-7 / 3), number(1e20 / 3)
    ('0.5', '0.3333', '3.333e-08', '3.333e+19')
    """
    exact = repr(value)
    if not math.isfinite(value) or len(exact) <= 7:
        return exact
    return f"{value:.4f}" if 0.01 <= abs(value) < 1e6 else f"{value:.3e}"


def _tensor(value: torch.Tensor) -> str | None:
    """As torch prints it; of those that it would print over many lines nothing."""
    if value.numel() > _MOST_ELEMENTS or (value.element_size() == 1 and value.is_floating_point()):
        return None
    return " ".join(repr(value).split()).replace("[ ", "[")
