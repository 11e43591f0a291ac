"""How many hints of each exercise somebody asked for, remembered where they work.

Where the course reports it (`hints = "reported"`), the file lies in `assignments/`, and is handed in with the rest. It is the student's
own word: they can change the file, so nothing but a conversation should rest on it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from autograder.course.hints_asked import HANDED_IN, read

PRIVATE = ".autograder/hints.json"


class Asked:
    """The counts in the repository at `root`; `handed_in` says which of the two places is theirs."""

    def __init__(self, root: Path, *, handed_in: bool) -> None:
        self.path = root / (HANDED_IN if handed_in else PRIVATE)

    def counts(self, exercises: Iterable[str]) -> dict[str, int]:
        """What was asked for, of these exercises; {} when nothing was, or the file can't be read."""
        try:
            return read(self.path.read_bytes(), exercises)
        except OSError:
            return {}

    def remember(self, exercise: str, count: int, exercises: Iterable[str]) -> bool:
        """Write down that `count` hints were given; False where nothing can be written."""
        counts = {**self.counts(exercises), exercise: count}
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            part.replace(self.path)
        except OSError:
            return False
        return True
