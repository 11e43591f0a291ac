"""What people decided about grades: adjustments of a student's points or time, and what has been published.

Nothing here touches a result, so a regrade loses none of it. Both are append-only: who takes an adjustment back adds a record
that says so, and every record has who made it, when, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from autograder.store.database import Store, StoreError

Kind = Literal[
    "points",  # the score is set to the value
    "add",  # the value is added to the score
    "excuse",  # it does not count, neither the points nor what they are out of
    "extend",  # more time: a span or a date and time
]


@dataclass(frozen=True)
class Adjustment:
    """A person's override."""

    number: int
    made_at: str  # ISO 8601, UTC
    by: str
    student: str
    scope: str  # an exercise, a module, or "" for the whole course
    kind: Kind
    value: str
    why: str
    until: str = ""  # ISO 8601: counts up to this moment, "" for good
    was: int | None = None  # points of the verdict when it was made

    def holds(self, now: datetime) -> bool:
        return not self.until or now <= datetime.fromisoformat(self.until)


class Ledger:
    """The decisions in a results file."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def adjust(
        self,
        student: str,
        scope: str,
        kind: Kind,
        value: str = "",
        *,
        by: str,
        why: str,
        until: str = "",
        was: int | None = None,
    ) -> Adjustment:
        """Write one down."""
        made_at = _now()
        with self.store.transaction() as db:
            row = (made_at, by, student, scope, kind, value, why, until, was)
            number = db.execute(
                "INSERT INTO adjustment (made_at, by, student, scope, kind, value, why, until, was)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            ).lastrowid
        assert number is not None
        return Adjustment(number, made_at, by, student, scope, kind, value, why, until, was)

    def take_back(self, number: int, *, by: str, why: str) -> Adjustment:
        """End an adjustment; raises `StoreError` when there is none of that number."""
        found = next((each for each in self.adjustments() if each.number == number), None)
        if found is None:
            raise StoreError(
                f"there is no adjustment number {number}, or it was taken back; `autograder adjust` lists them"
            )
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO adjustment (made_at, by, student, scope, kind, value, why, until) VALUES (?,?,?,?,?,?,?,'')",
                (_now(), by, found.student, found.scope, "back", str(number), why),
            )
        return found

    def adjustments(self, student: str | None = None) -> list[Adjustment]:
        """All that were not taken back, the oldest first."""
        rows = self.store.rows(
            "SELECT number, made_at, by, student, scope, kind, value, why, until, was FROM adjustment ORDER BY made_at, number"
        )
        back = {int(row[6]) for row in rows if row[5] == "back"}
        found = [Adjustment(*row) for row in rows if row[5] != "back" and row[0] not in back]
        return [each for each in found if student in (None, each.student)]

    def publish(self, module: str, *, by: str, shown: bool = True) -> None:
        """Say that students may see the feedback on `module` now, or (`shown=False`) no longer."""
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO publication (made_at, by, module, shown) VALUES (?, ?, ?, ?)", (_now(), by, module, shown)
            )

    def published(self) -> set[str]:
        """The modules whose feedback is published."""
        rows = self.store.rows("SELECT module, shown FROM publication ORDER BY made_at, number")
        return {module for module, shown in dict(rows).items() if shown}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
