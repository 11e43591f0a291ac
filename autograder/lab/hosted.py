"""What a hosted value is, and what it can say to a rank."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Hosted(Protocol):
    """What a hosted value can do."""

    def ends(self) -> list[dict[str, Any]]:
        """For each rank, what its end is made from."""
        ...

    def call(self, rank: int, method: str, arguments: Sequence[Any]) -> Any:
        """Do what a rank asks for: the answer, or a `Waits`. Raises what the rank is to see."""
        ...

    def stuck(self) -> Exception:
        """What a rank is to see when all wait and none can go on."""
        ...

    def finish(self) -> None:
        """All ranks have ended. Raises when they left something undone."""
        ...

    def record(self) -> list[dict[str, Any]]:
        """All that happened, in order, as plain data."""
        ...


@dataclass
class Waits:
    """An answer that depends on other ranks."""

    ready: Callable[[], bool]
    result: Callable[[], Any]


class Refused(RuntimeError):
    """More was asked for than one run may."""


class Deadlock(RuntimeError):
    """Every rank that has not finished waits for another one."""


class Mismatch(RuntimeError):
    """Ranks met in different collectives: the k-th call of one rank meets the k-th call of every other."""


def loaded(place: str) -> Any:
    """What `place` (`module:name`) names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
