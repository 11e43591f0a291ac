"""A zygote on a person's own machine, for their own code. Light to import: torch is on its way while everything else is read."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from typing import Any

_begun: list[Any] = []
"""The zygote that `begin` has started, until somebody takes it."""


def forks_safely() -> bool:
    """Whether workers can be forked from a process that has imported torch."""
    return hasattr(os, "fork") and sys.platform != "darwin"


def is_wanted_by(arguments: Sequence[str]) -> bool:
    """Whether the command with these arguments will ask for a zygote, as far as that can be told without reading it."""
    others = {"--help", "-h", "--in-process"}
    return list(arguments[:1]) == ["check"] and others.isdisjoint(arguments) and forks_safely()


def begin() -> None:
    """Start the zygote that `make_zygote` will give: what the command still imports takes a tenth of a second."""
    from autograder.jail.host import Zygote

    zygote = Zygote().start()
    _begun.append(zygote)
    atexit.register(zygote.close)  # a command that is refused takes none


def make_zygote(in_process: bool = False) -> Any:
    """A zygote where forking is safe, else its stand-in. Importing torch starts at once, in the background."""
    if in_process or not forks_safely():
        from autograder.jail.inprocess import InProcess

        return InProcess()
    if _begun:
        return _begun.pop()
    from autograder.jail.host import Zygote

    return Zygote().start()
