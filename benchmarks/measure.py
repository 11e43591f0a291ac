"""Rows of times, what they come to, and the targets that they are held to."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Once = Callable[[], float]
"""Does the thing one time, and returns the seconds that it took."""


@dataclass
class Row:
    """One way of grading the exercise, measured several times."""

    key: str
    title: str
    seconds: list[float] = field(default_factory=list)
    skipped: str = ""  # why there are no times

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.seconds) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Target:
    """A bound, and the figure that it bounds."""

    text: str
    value: float
    bound: float
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def in_turn(
    rows: Sequence[tuple[Row, Once]], times: int, warm_up: int = 0, done: Callable[[], None] = lambda: None
) -> None:
    """Measure the rows in turn, so that whatever else the machine does falls on all of them alike; each round begins with
    another one, for what comes next pays a little for what went before."""
    for number in range(warm_up + times):
        first = number % len(rows)
        for row, once in [*rows[first:], *rows[:first]]:
            seconds = once()
            if number >= warm_up:
                row.seconds.append(seconds)
        done()


def targets(rows: dict[str, Row]) -> list[Target]:
    """What the measured rows can be held to."""

    def measured(*keys: str) -> bool:
        return all(key in rows and rows[key].seconds for key in keys)

    found = []
    if measured("floor", "project"):
        ratio = rows["project"].median / rows["floor"].median
        found.append(Target("this project, over a bare fork", ratio, 5, unit="×"))
    if measured("pytest", "project"):
        ratio = rows["pytest"].median / rows["project"].median
        found.append(Target("cold pytest, over this project", ratio, 50, at_least=True, unit="×"))
    if measured("unisolated", "project"):
        # The two are measured one right after the other: the median of their differences is steadier than the
        # difference of their medians.
        pairs = zip(rows["project"].seconds, rows["unisolated"].seconds, strict=True)
        cost = statistics.median(isolated - bare for isolated, bare in pairs)
        found.append(Target("cost of the isolation layers", cost * 1000, 15, unit=" ms"))
    if measured("class"):
        found.append(Target("the example class, from a cold start, on 2 cores", rows["class"].median, 60, unit=" s"))
    return found


def machine() -> dict[str, Any]:
    """What the times depend on, as far as it may be told."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": platform.system(), "architecture": platform.machine(), "cores": cores}


def load() -> float | None:
    """The load average of the last minute: above the number of cores, times say little and ratios a little more."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
