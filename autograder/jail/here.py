"""A zygote on a person's own machine, for their own code. Light to import: torch is on its way while everything else is read."""

from __future__ import annotations

import os
import sys
from typing import Any


def forks_safely() -> bool:
    """Whether workers can be forked from a process that has imported torch."""
    return hasattr(os, "fork") and sys.platform != "darwin"


def make_zygote(in_process: bool = False) -> Any:
    """A zygote where forking is safe, else its stand-in. Importing torch starts at once, in the background."""
    if in_process or not forks_safely():
        from autograder.jail.inprocess import InProcess

        return InProcess()
    from autograder.jail.host import Zygote

    return Zygote().start()
