"""The layers of isolation, one file each. A worker applies them in this order, before it sees any of the student's code.

A layer is a module with NAME, GUARANTEES, `probe() -> Probe` (can it be had here, and if not why) and `apply(settings)`.
Landlock and seccomp (L2) and namespaces with another uid (L3) take their places in `ORDER` when they come.
"""

from __future__ import annotations

from types import ModuleType

from autograder.jail.layers import limits, process
from autograder.jail.layers.base import Probe, Settings

ORDER: tuple[ModuleType, ...] = (process, limits)

__all__ = ["ORDER", "Probe", "Settings", "apply_all", "probe_all"]


def probe_all() -> list[Probe]:
    """What each layer can do on this machine."""
    return [layer.probe() for layer in ORDER]


def apply_all(settings: Settings) -> None:
    """Put the calling process behind every layer that this machine has. There is no way back."""
    for layer in ORDER:
        if layer.probe().available:
            layer.apply(settings)
