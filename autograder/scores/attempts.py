"""A student's answers to one exercise, each with what it came to: which there are, when each was handed in, which one counts.

An answer is told from another by its text. The same text handed in or graded again is the same attempt: it was handed in when it
was first seen, and its newest verdict holds (or the best one, where the course says that a regrade never lowers a score).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from autograder.store.database import Mark


@dataclass(frozen=True)
class Attempt:
    """One answer. `mark` is what it came to, `newest` what the last grading of it came to."""

    mark: Mark
    newest: Mark
    handed_in: datetime | None
    clock: str


def attempts(marks: Iterable[Mark], never_lower: bool) -> list[Attempt]:
    """The answers in `marks` (all of one exercise, the oldest first), in the order in which they were handed in."""
    by_text: dict[str, list[Mark]] = {}
    for mark in marks:
        by_text.setdefault(mark.file_hash, []).append(mark)
    if len(by_text) > 1:
        by_text.pop("", None)  # a hand-in without this exercise takes no answer back
    found = []
    for same in by_text.values():
        newest = same[-1]
        best = max(same, key=lambda mark: (mark.earned, mark.number)) if never_lower else newest
        # Points still open in the newest verdict may come to more than an older verdict's.
        mark = newest if newest.earned + newest.pending >= best.earned else best
        dated = [(moment, mark.clock) for mark in same if (moment := moment_of(mark.handed_in)) is not None]
        handed_in, clock = min(dated, default=(None, "unknown"), key=lambda pair: pair[0])
        found.append((datetime.fromisoformat(same[0].graded_at), Attempt(mark, newest, handed_in, clock)))
    return [
        attempt for _, attempt in sorted(found, key=lambda pair: (pair[1].handed_in or pair[0], pair[1].mark.number))
    ]


def moment_of(text: str) -> datetime | None:
    """A stored moment; None when there is none, or none that can be compared."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
