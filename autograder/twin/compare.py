"""Comparing an observation with the expected one: type → length or keys → shape → dtype → non-finite → values.

Says where the first difference is, by how much, and how many elements differ. The observation may be hostile: it is made
of plain types (`wire.decode`), and nothing of it is called.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.checks.declared import Tolerance
from autograder.results import Difference
from autograder.twin.larger import cut_difference, same_cut, too_large
from autograder.twin.show import in_order, show
from autograder.twin.tolerances import PYTHON_FLOAT, TOLERANCES, looseness, recording
from autograder.twin.types import as_number, dtype_name, is_discrete, type_name
from autograder.wire.values import Cut, Raised, Unsupported


@dataclass(frozen=True)
class Comparison:
    """The first difference, if any, and how near to its bound the worst float came (0 exact, 1 at the bound)."""

    difference: Difference | None
    margin: float | None
    untold: bool = False  # the answer was cut (`wire.cut`) and what is left of it agrees


def difference(seen: Any, want: Any, tolerance: Tolerance | None = None) -> Difference | None:
    """The first difference between two plain values, or None when they are equal within the tolerance.

    >>> difference([1, 2], [1, 3]).path
    '[1]'
    """
    return compare(seen, want, tolerance).difference


def compare(seen: Any, want: Any, tolerance: Tolerance | None = None) -> Comparison:
    """Compare an observation with the expected one, from types down to values."""
    comparer = _Comparer(tolerance)
    found = comparer.first(seen, want, "")
    untold = found is None and comparer.untold
    return Comparison(too_large(seen, want) if untold else found, comparer.margin, untold)


class _Comparer:
    def __init__(self, tolerance: Tolerance | None) -> None:
        self.tolerance = tolerance
        self.margin: float | None = None
        self.untold = False  # something was cut that may differ from what was expected

    def first(self, seen: Any, want: Any, path: str) -> Difference | None:
        if type(want) in _PLAIN and type(seen) is type(want) and seen == want:  # most of what a record is made of
            return None
        if isinstance(want, Raised):
            return self._raised(seen, want, path)
        if isinstance(seen, Cut):
            return self._cut(seen, want, path)
        seen = as_number(seen, want)
        if type(seen) is not type(want):
            return Difference(kind="type", path=path, got=type_name(seen), want=type_name(want))
        if self.tolerance is not None and (record := recording.get()) is not None:
            record.append((self.tolerance, looseness(self.tolerance, want)))
        if isinstance(want, torch.Tensor):
            return self._tensor(seen, want, path)
        if isinstance(want, np.ndarray):
            return self._array(seen, want, path)
        if isinstance(want, dict):
            return self._dict(seen, want, path)
        if isinstance(want, list | tuple):
            return self._sequence(seen, want, path)
        if isinstance(want, set | frozenset):
            return self._set(seen, want, path)
        if isinstance(want, float | np.floating):
            return self._float(float(seen), float(want), path)
        if isinstance(want, Unsupported) or seen != want:
            return Difference(kind="value", path=path, got=show(seen), want=show(want))
        return None

    def _cut(self, seen: Cut, want: Any, path: str) -> Difference | None:
        if same_cut(seen, want):
            return None
        found = cut_difference(seen, want, type_name(want), path, self.first)
        self.untold |= found is None
        return found

    def _raised(self, seen: Any, want: Raised, path: str) -> Difference | None:
        if isinstance(seen, Raised) and seen.name == want.name:
            return None
        got = (seen.name or "no exception") if isinstance(seen, Raised) else type_name(seen)
        return Difference(kind="raised", path=path, got=got, want=want.name or "no exception")

    def _sequence(self, seen: Any, want: Any, path: str) -> Difference | None:
        # Elements before lengths: "the third merge is another" says more than "5 merges instead of 7".
        for index, (a, b) in enumerate(zip(seen, want, strict=False)):
            found = self.first(a, b, f"{path}[{index}]")
            if found is not None:
                return _with_count(found, seen, want, path)
        if len(seen) != len(want):
            index = min(len(seen), len(want))
            return Difference(
                kind="length",
                path=path,
                index=[index],
                got=f"length {len(seen)}" + (f", then {show(seen[index], 80)}" if len(seen) > index else ""),
                want=f"length {len(want)}" + (f", then {show(want[index], 80)}" if len(want) > index else ""),
            )
        return None

    def _dict(self, seen: dict[Any, Any], want: dict[Any, Any], path: str) -> Difference | None:
        theirs = {key: key for key in seen}
        for key in want:  # 1, 1.0 and True are one key to Python
            if key in theirs and (found := self.first(theirs[key], key, f"{path} (a key)")) is not None:
                return found
        missing = [key for key in want if key not in seen]
        extra = [key for key in seen if key not in want]
        if missing or extra:
            return Difference(
                kind="keys",
                path=path,
                got=f"extra: {show(extra, 160)}" if extra else "no extra keys",
                want=f"missing: {show(missing, 160)}" if missing else "no missing keys",
                wrong=len(missing) + len(extra),
                total=len(want),
            )
        for key in want:
            found = self.first(seen[key], want[key], f"{path}[{_shown_key(key)}]")
            if found is not None:
                return found
        return None

    def _set(self, seen: Any, want: Any, path: str) -> Difference | None:
        missing, extra = want - seen, seen - want
        if not missing and not extra:
            theirs = {each: each for each in seen}
            differ = (self.first(theirs[each], each, f"{path} (an element)") for each in want)
            return next((found for found in differ if found is not None), None)
        return Difference(
            kind="keys",
            path=path,
            got=f"extra: {show(in_order(extra), 160)}" if extra else "no extra elements",
            want=f"missing: {show(in_order(missing), 160)}" if missing else "no missing elements",
            wrong=len(missing) + len(extra),
            total=len(want),
        )

    def _float(self, seen: float, want: float, path: str) -> Difference | None:
        if math.isnan(want) or math.isinf(want) or math.isnan(seen) or math.isinf(seen):
            same = seen == want or (math.isnan(seen) and math.isnan(want))
            if same:
                return None
            kinds = _kinds_of_nonfinite(*(torch.tensor([each], dtype=torch.float64) for each in (seen, want)))
            return Difference(kind="nonfinite", path=path, got=repr(seen), want=repr(want), nonfinite=kinds)
        tolerance = self.tolerance or PYTHON_FLOAT
        bound = tolerance.atol + tolerance.rtol * abs(want)
        error = abs(seen - want)
        self._note(error, bound)
        if error <= bound:
            return None
        return Difference(kind="value", path=path, got=repr(seen), want=repr(want), error=error, tolerance=bound)

    def _array(self, seen: np.ndarray, want: np.ndarray, path: str) -> Difference | None:
        if seen.shape != want.shape:
            return Difference(kind="shape", path=path, got=str(seen.shape), want=str(want.shape))
        if seen.dtype != want.dtype:
            return Difference(kind="dtype", path=path, got=str(seen.dtype), want=str(want.dtype))
        if want.dtype in (np.uint16, np.uint32, np.uint64):  # torch lacks their comparisons
            wrong = torch.from_numpy(np.asarray(seen != want))
            return self._elements(seen, want, wrong, path)
        return self._tensor(torch.from_numpy(np.array(seen)), torch.from_numpy(np.array(want)), path)

    def _tensor(self, seen: torch.Tensor, want: torch.Tensor, path: str) -> Difference | None:
        if seen.shape != want.shape:
            return Difference(kind="shape", path=path, got=str(tuple(seen.shape)), want=str(tuple(want.shape)))
        if seen.dtype != want.dtype:
            return Difference(kind="dtype", path=path, got=dtype_name(seen), want=dtype_name(want))
        if not want.numel():
            return None
        if want.element_size() > 1 and torch.equal(seen, want):  # as a right answer often is, to the bit
            if want.is_floating_point() or want.is_complex():
                self._note(0.0, 1.0)
            return None
        if not (want.is_floating_point() or want.is_complex()):
            return self._elements(seen, want, seen.ne(want), path)
        if want.element_size() == 1:  # float8 has no arithmetic
            seen, want = seen.float(), want.float()
        tolerance = self.tolerance or TOLERANCES.get(want.dtype, Tolerance(atol=1e-5, rtol=1e-4))
        wide = torch.complex128 if want.is_complex() else torch.float64
        a, b = seen.to(wide), want.to(wide)
        error = (a - b).abs()
        bound = tolerance.atol + tolerance.rtol * b.abs()
        if not math.isfinite(error.max()):  # else both are finite throughout: the usual case, without looking at each
            nonfinite = self._nonfinite(seen, want, error > bound, path)
            if nonfinite is not None:
                return nonfinite
            finite = b.isfinite()
            error = torch.where(finite, error, torch.zeros((), dtype=torch.float64))
            bound = torch.where(finite, bound, torch.ones((), dtype=torch.float64))
        wrong = error > bound
        worst = torch.where(bound > 0, error / bound.clamp_min(1e-300), torch.zeros((), dtype=torch.float64))
        self._note(float(worst.max()), 1.0)
        if not wrong.any():
            return None
        return self._elements(seen, want, wrong, path, error, bound)

    def _nonfinite(self, seen: torch.Tensor, want: torch.Tensor, beyond: torch.Tensor, path: str) -> Difference | None:
        """Where one of the two alone is NaN or infinite. `beyond`: finite ones that differ, of which the first may come before."""
        same = seen.isfinite() & want.isfinite()
        same |= (seen == want) | (seen.isnan() & want.isnan())
        if same.all():
            return None
        found = self._elements(seen, want, ~same | beyond, path)
        if found is not None:
            found.kind, found.wrong = "nonfinite", int((~same).sum())
            found.nonfinite = _kinds_of_nonfinite(seen[~same], want[~same])
        return found

    def _elements(
        self,
        seen: torch.Tensor | np.ndarray,
        want: torch.Tensor | np.ndarray,
        wrong: torch.Tensor,
        path: str,
        error: torch.Tensor | None = None,
        bound: torch.Tensor | None = None,
    ) -> Difference | None:
        count = int(wrong.sum())
        if not count:
            return None
        index = [int(i) for i in wrong.nonzero()[0]]
        at = tuple(index)
        if error is not None and bound is not None:
            # In units of its own tolerance: where values differ in size, the largest error may be one that is allowed.
            worst = int(torch.where(wrong, error / bound.clamp_min(1e-300), -1.0).flatten().argmax())
            size, allowed = float(error.flatten()[worst]), float(bound.flatten()[worst])
        else:
            size = allowed = None
        return Difference(
            kind="value",
            path=path,
            index=index or None,  # a single number has no index
            got=_number(seen[at]),
            want=_number(want[at]),
            error=size,
            tolerance=allowed,
            wrong=count,
            total=wrong.numel(),
            part=path,
        )

    def _note(self, error: float, bound: float) -> None:
        ratio = error / bound if bound > 0 else 0.0
        self.margin = ratio if self.margin is None else max(self.margin, ratio)


_PLAIN = frozenset({bool, int, str, bytes, type(None)})
"""Types for which `==` says it all."""


def _number(value: torch.Tensor | np.generic) -> str:
    """A number of a tensor or array, in the digits that tell it from its neighbours in its dtype."""
    if isinstance(value, torch.Tensor) and value.is_floating_point() and value.element_size() < 8:
        return str(np.float32(value.item()))
    if isinstance(value, torch.Tensor) and value.dtype == torch.complex64:
        return str(np.complex64(value.item()))
    return show(value.item())


def _kinds_of_nonfinite(seen: torch.Tensor, want: torch.Tensor) -> dict[str, int]:
    """What stands in an answer at places where one of the two alone is NaN or infinite: how many of each kind."""
    infinite = seen.isinf() & want.isfinite()
    above = infinite if seen.is_complex() else infinite & (seen > 0)
    kinds = {
        "nan": seen.isnan(),
        "infinite" if seen.is_complex() else "inf": above,
        "-inf": infinite & ~above,
        "finite": seen.isfinite() & want.isinf(),
        "number": seen.isfinite() & want.isnan(),
        "other": seen.isinf() & ~want.isfinite(),
    }
    return {name: count for name, which in kinds.items() if (count := int(which.sum()))}


def _shown_key(key: Any) -> str:
    return _shown_text(key) if type(key) is str else show(key, 60)


@functools.lru_cache(maxsize=1024)
def _shown_text(key: str) -> str:
    return show(key, 60)


def differing_part(value: Any, want: Any, path: str) -> tuple[Any, Any]:
    """Of dicts, what stands in both at the keys with which the `path` of a difference begins; else the two themselves."""
    while type(value) is dict and type(want) is dict:
        key = next((key for key in want if key in value and path.startswith(f"[{_shown_key(key)}]")), None)
        if key is None:
            break
        path = path.removeprefix(f"[{_shown_key(key)}]")
        value, want = value[key], want[key]
    return value, want


def _with_count(found: Difference, seen: Any, want: Any, path: str) -> Difference:
    """For a plain sequence of discrete items, say how many differ: of the outermost one, which is what a student returned."""
    counted = found.index is not None and found.kind != "length"  # a tensor has counted its elements
    if not counted and isinstance(want, list | tuple) and all(map(is_discrete, want)):
        pairs = list(zip(seen, want, strict=False))
        differ = sum(type(a) is not type(b) or not is_discrete(a) or a != b for a, b in pairs)
        found.wrong = differ + abs(len(seen) - len(want))
        found.total = max(len(seen), len(want))
        found.part = path
    return found


def different_keys(seen: dict[Any, Any], want: dict[Any, Any], path: str) -> Difference | None:
    """What a record has that it should not have, or lacks."""
    return _Comparer(None)._dict(seen, want, path)
