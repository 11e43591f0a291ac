"""How far a float may be from the expected one, by its dtype; and a record of the tolerances that a check gave instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from autograder.checks.declared import Tolerance

TOLERANCES: dict[torch.dtype, Tolerance] = {
    torch.float64: Tolerance(atol=1e-10, rtol=1e-10),
    torch.float32: Tolerance(atol=1e-5, rtol=1e-4),
    torch.bfloat16: Tolerance(atol=2**-14, rtol=2 * 2**-7),  # two units in the last place
    torch.float16: Tolerance(atol=2**-14, rtol=2 * 2**-10),
    torch.complex64: Tolerance(atol=1e-5, rtol=1e-4),
    torch.complex128: Tolerance(atol=1e-10, rtol=1e-10),
}
PYTHON_FLOAT = Tolerance(atol=1e-9, rtol=1e-6)

# What `recorded` collects: each tolerance that was given, and how many times as loose as the usual one it was where that is most.
recording: ContextVar[list[tuple[Tolerance, float]] | None] = ContextVar("record", default=None)


@contextmanager
def recorded() -> Iterator[list[tuple[Tolerance, float]]]:
    """Collect the tolerances that comparisons inside the block are given."""
    found: list[tuple[Tolerance, float]] = []
    token = recording.set(found)
    try:
        yield found
    finally:
        recording.reset(token)


def looseness(tolerance: Tolerance, want: Any) -> float:
    """How many times as much as usual `tolerance` allows of `want`, where that is most; 0 where it allows nothing."""
    if isinstance(want, float):
        want, usual = torch.tensor(want, dtype=torch.float64), PYTHON_FLOAT
    elif isinstance(want, torch.Tensor) and (want.is_floating_point() or want.is_complex()):
        usual = TOLERANCES.get(want.dtype, Tolerance(atol=1e-5, rtol=1e-4))
    elif isinstance(want, np.ndarray) and want.dtype.kind == "f":
        return looseness(tolerance, torch.from_numpy(np.array(want)))
    else:
        return 0.0
    size = want.detach().abs().double()
    size = size[size.isfinite()]
    ratio = (tolerance.atol + tolerance.rtol * size) / (usual.atol + usual.rtol * size)
    return float(ratio.max()) if ratio.numel() else 0.0
