"""What of a call is still in memory when its caller has let it go."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import torch
from torch import Tensor


class Held:
    """Watches tensors without holding them.

    held = Held()
    x = held.copy("x", x)              # hand this one in
    held.watch("the loss", f(x))
    del x
    held.names()                       # [] when nobody holds either of them
    """

    def __init__(self) -> None:
        self._watched: dict[str, Callable[[], object | None]] = {}

    def copy(self, name: str, x: Tensor) -> Tensor:
        """The same numbers in memory of their own, which is watched: a part of it holds all of it."""
        numbers = x.numpy().copy()
        self._watched[name] = weakref.ref(numbers)
        return torch.from_numpy(numbers)

    def watch(self, name: str, x: Tensor) -> None:
        self._watched[name] = weakref.ref(x)

    def memory(self, name: str, x: Tensor) -> None:
        """Watches the memory of x, whoever made it: x itself, a view of x, and a graph that has saved one of them hold it."""
        self._watched[name] = weakref.ref(x.untyped_storage())

    def names(self) -> list[str]:
        """Those that are still there."""
        if any(each() is not None for each in self._watched.values()):
            gc.collect()  # functions that name each other go then
        return [name for name, each in self._watched.items() if each() is not None]
