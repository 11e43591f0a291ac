"""Calls that are made again, after what the first one returned was changed: what is handed out belongs to the caller."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def again(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a call returns after the result of an equal one was changed, as far as it can be. A function under `functools.lru_cache`
    gives what was changed.

    >>> again(lambda n: [*range(n)], 2)
    [0, 1]
    >>> import functools
    >>> again(functools.cache(lambda n: [*range(n)]), 2)
    []
    """
    spoil(function(*args, **kwargs))
    return function(*args, **kwargs)


def spoil(value: Any) -> None:
    """Changes what can be changed in a result: numbers of tensors and arrays, items of lists, dicts and sets, all the way down.

    A tensor whose places share memory (`expand`), or one of inference mode, can't be written to, and is right all the same.

    >>> spoil(torch.ones(1).expand(3))
    """
    waiting = [value]
    for each in waiting:
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
    for each in waiting:
        if isinstance(each, torch.Tensor) and each.numel():
            with torch.no_grad(), contextlib.suppress(RuntimeError):
                each.copy_(torch.zeros_like(each) if each.any() else torch.ones_like(each))
        elif isinstance(each, np.ndarray) and each.size and each.flags.writeable:
            each.fill(0 if each.any() else 1)
        elif isinstance(each, list | dict | set):
            each.clear()
