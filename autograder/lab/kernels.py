"""Kernels in Triton, where they are graded: on a GPU compiled, elsewhere interpreted (`TRITON_INTERPRET=1`).

For experiments with `needs="triton"`. Triton itself is imported inside, so the lab loads without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


@contextmanager
def launches(names: list[str]) -> Iterator[None]:
    """Writes down the names of the kernels that are launched. (By Triton itself, in the jail: a help, no proof.)"""
    from triton.runtime.interpreter import InterpretedFunction
    from triton.runtime.jit import JITFunction

    def watched(run: Any) -> Any:
        def recorded(self: Any, *args: Any, **options: Any) -> Any:
            names.append(self.fn.__name__)
            return run(self, *args, **options)

        return recorded

    kinds: list[Any] = [InterpretedFunction, JITFunction]
    originals = {kind: kind.run for kind in kinds}
    for kind, run in originals.items():
        kind.run = watched(run)
    try:
        yield
    finally:
        for kind, run in originals.items():
            kind.run = run


def interpreted(x: Tensor) -> Tensor:
    """x where kernels run: here, interpreted; or on the GPU, under pytest on a machine that has one. Around it lies nan: what
    is loaded from beyond its end shows."""
    from triton import knobs

    room = torch.full((3, x.numel()), torch.nan, dtype=x.dtype)
    room[1] = x.flatten()
    room = room if knobs.runtime.interpret else room.cuda()
    return room[1].view(x.shape)
