"""The names of `forbid`, looked up: each must be there, and not under another spelling that is allowed."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Sequence
from importlib import metadata
from types import ModuleType
from typing import Any

import torch

from autograder.experiment.forbidden import is_forbidden

_SPELLINGS = ("torch", "torch.special", "torch.nn.functional", "torch.linalg", "torch.fft")
"""Where torch has a function under one name more than once, beside the methods of its tensors."""


def unknown(forbid: Sequence[str]) -> list[str]:
    """What is wrong with the names of `forbid`, one sentence each."""
    problems = []
    for pattern in forbid:
        package, _, rest = pattern.partition(".")
        if pattern.startswith("Tensor."):
            problems += _missing(pattern, torch.Tensor, pattern.removeprefix("Tensor."))
        elif importlib.util.find_spec(package) is None:
            near = difflib.get_close_matches(package, _packages() - {package}, 1, 0.85)
            if near and near[0] not in forbid:
                problems.append(f"`forbid` names {pattern}, which is not installed; do you mean {near[0]}?")
        elif rest:
            problems += _missing(pattern, importlib.import_module(package), rest)
    return problems + other_spellings(forbid)


def other_spellings(forbid: Sequence[str]) -> list[str]:
    """Functions of torch that are forbidden under one name and allowed under another."""
    problems = []
    for pattern in forbid:
        owner, _, name = pattern.rpartition(".")
        if not (owner in _SPELLINGS or owner in ("Tensor", "torch.Tensor")) or not name.islower():
            continue
        places = {f"{module}.{name}": getattr(importlib.import_module(module), name, None) for module in _SPELLINGS}
        places[f"Tensor.{name}"] = getattr(torch.Tensor, name, None)
        allowed = [
            place
            for place, found in places.items()
            if callable(found) and not isinstance(found, type) and not is_forbidden(place, forbid)
        ]
        if allowed:
            problems.append(f"`forbid` names {pattern}, but not {', '.join(allowed)}, which is another name of it")
    return problems


def _missing(pattern: str, place: Any, rest: str) -> list[str]:
    """Follow `rest` from `place`, importing as little as it takes."""
    path = getattr(place, "__name__", "Tensor")
    for part in rest.split("."):
        found = getattr(place, part, None)
        is_package = isinstance(place, ModuleType) and hasattr(place, "__path__")
        if found is None and is_package and importlib.util.find_spec(f"{path}.{part}") is not None:
            found = importlib.import_module(f"{path}.{part}")
        if found is None:
            near = difflib.get_close_matches(part, dir(place), 1)
            hint = f"; do you mean {pattern.removesuffix(rest)}{rest.replace(part, near[0])}?" if near else ""
            return [f"`forbid` names {pattern}, but {path} has no {part}{hint}"]
        place, path = found, f"{path}.{part}"
    return []


def _packages() -> set[str]:
    return set(metadata.packages_distributions())
