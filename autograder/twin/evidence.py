"""Which values say something about where they come from: nearly everybody's zeros are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from autograder.wire.values import Cut, Raised, Unsupported


def is_evidence(value: Any) -> bool:
    """Whether equality with `value` says something: it is no exception, has no NaN, and is not all zeros or empty."""
    if value is None or isinstance(value, Raised | Unsupported | bool):
        return False
    if isinstance(value, Cut):  # the same mistake gives the same digest; what it begins with tells zeros
        return is_evidence(value.head)
    if isinstance(value, torch.Tensor):
        return bool(value.numel()) and not bool(value.isnan().any()) and bool((value != 0).any())
    if isinstance(value, np.ndarray):
        return bool((value != 0).any()) and not _has_nan(value)
    if isinstance(value, float | np.generic):
        return bool(value == value and value != 0) and not isinstance(value, np.bool_)
    if isinstance(value, dict):
        return bool(value) and any(is_evidence(item) for item in value.values()) and not _has_nan(value)
    if isinstance(value, list | tuple | set | frozenset):
        return any(is_evidence(item) for item in value) and not _has_nan(value)
    return bool(value)


def _has_nan(value: Any) -> bool:
    if isinstance(value, Cut):
        return _has_nan(value.head)
    if isinstance(value, torch.Tensor):
        return bool(value.isnan().any())
    if isinstance(value, np.ndarray):
        return bool((value != value).any())
    if isinstance(value, float | np.generic):
        return bool(value != value)
    if isinstance(value, dict):
        return any(_has_nan(item) for item in value.values())
    return isinstance(value, list | tuple | set | frozenset) and any(_has_nan(item) for item in value)
