"""The authoring API: what an exercise's `checks.py`, `mistakes.py` and `alternatives.py` import.

    from autograder.checks import case, check, raises, reject

Importing this does not import torch. The guide with worked examples is `autograder/README.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograder.checks.authoring import alternative, case, cheat, check, convention, mistake, reject
from autograder.checks.declared import Alternative, Budget, Case, Check, Mistake, Rejection, Tolerance

if TYPE_CHECKING:
    from autograder.checks.chance import implausible, surprise
    from autograder.checks.modules import flags, gradients, leaves, with_gradients, with_weights
    from autograder.checks.rng import Rng
    from autograder.checks.scores import large_scores
    from autograder.checks.values import lab, operate, raises
    from autograder.twin.compare import difference

__all__ = [
    "Alternative",
    "Budget",
    "Case",
    "Check",
    "Mistake",
    "Rejection",
    "Rng",
    "Tolerance",
    "again",
    "alternative",
    "case",
    "cheat",
    "check",
    "convention",
    "difference",
    "flags",
    "gradients",
    "implausible",
    "in_evaluation",
    "lab",
    "large_scores",
    "leaves",
    "leaves_gradients_off",
    "mistake",
    "operate",
    "raises",
    "reject",
    "surprise",
    "with_gradients",
    "with_weights",
]

_LAZY = {
    "difference": "autograder.twin.compare",
    "flags": "autograder.checks.modules",
    "gradients": "autograder.checks.modules",
    "again": "autograder.checks.results",
    "implausible": "autograder.checks.chance",
    "in_evaluation": "autograder.checks.modules",
    "surprise": "autograder.checks.chance",
    "leaves": "autograder.checks.modules",
    "leaves_gradients_off": "autograder.checks.modules",
    "with_gradients": "autograder.checks.modules",
    "with_weights": "autograder.checks.modules",
    "Rng": "autograder.checks.rng",
    "large_scores": "autograder.checks.scores",
    "lab": "autograder.checks.values",
    "operate": "autograder.checks.values",
    "raises": "autograder.checks.values",
}


def __getattr__(name: str) -> Any:
    """The names that need torch are imported when they are first used."""
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'autograder.checks' has no attribute {name!r}")
