"""Budgets: what an answer used, as a multiple of what the reference uses for the same case.

Both run alone in workers of their own and are measured from outside (`jail.usage`). A worker that does nothing but read a file
and answer takes a few MB and milliseconds: what is below `UNIT` counts as that much, for the reference too.
"""

from __future__ import annotations

import math

from autograder.jail.usage import Usage
from autograder.plan import PlannedCheck
from autograder.results import Message

UNIT = {"memory": 4 * 2**20, "cpu": 0.02}
"""The least that a reference's need counts as: bytes, seconds."""
REPEATS = 2
"""How often a broken budget is measured again before it stands."""


def needs(used: Usage | None) -> dict[str, float]:
    """What a run of the reference says it needs; nothing where nothing can be measured."""
    return {} if used is None else {"memory": used.memory, "cpu": round(used.cpu, 6)}


def spent(check: PlannedCheck, used: Usage, reference: dict[str, float]) -> dict[str, float]:
    """How many times what the reference needs `used` is, for whatever the check bounds."""
    amounts = {"memory": used.memory, "cpu": used.cpu}
    return {
        name: amounts[name] / max(reference[name], UNIT[name]) for name in sorted(check.budget) if name in reference
    }


def excess(check: PlannedCheck, spent: dict[str, float]) -> float:
    """How near it comes to its bounds: 1 at the nearest one."""
    return max((spent[name] / bound for name, bound in check.budget.items() if name in spent), default=0.0)


def broken(check: PlannedCheck, spent: dict[str, float]) -> str:
    """The bound that is broken ("memory" before "cpu"), or ""."""
    over = [name for name, bound in check.budget.items() if spent.get(name, 0.0) > bound]
    return max(over, default="")


def message(check: PlannedCheck, spent: dict[str, float]) -> Message:
    """The sentence for a broken budget."""
    name = broken(check, spent)
    return Message(id=f"budget.{name}", values={"times": _short(spent[name]), "bound": _short(check.budget[name])})


def megabytes(check: PlannedCheck, reference: dict[str, float]) -> int:
    """The memory budget of a case as a limit."""
    return math.ceil(check.budget["memory"] * max(reference.get("memory", 0), UNIT["memory"]) / 2**20)


def _short(number: float) -> float | int:
    rounded = float(f"{number:.3g}")
    return int(rounded) if rounded.is_integer() else rounded
