"""What became of the mutants of an exercise: killed, by which checks; survived; equivalent."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # libcst is imported only where mutants are made
    from autograder.verify.mutation import Mutant


SHARE = 0.98
"""Of the mutants of an exercise that are not equivalent, how many must be killed: each that is left is shown, as a case to write."""


@dataclass
class Said:
    """What one check said of one mutant."""

    verdict: str
    margin: float | None = None  # largest error / tolerance; None where no float was compared
    exact: bool = False  # rejected for something that no tolerance would let through
    note: str = ""


@dataclass
class Tried:
    """A mutant and what came of it."""

    mutant: Mutant
    said: dict[str, Said] = field(default_factory=dict)  # by check, as far as it was run
    total: int = 0  # checks of the exercise
    equivalent: str = ""  # the reason, where it is recorded as one

    @property
    def killed_by(self) -> list[str]:
        return [check for check, said in self.said.items() if said.verdict != "passed"]

    @property
    def survived(self) -> bool:
        return not self.killed_by

    @property
    def only_by(self) -> str:
        """The check that alone kills it, or ""."""
        killers = self.killed_by
        return killers[0] if len(killers) == 1 and len(self.said) == self.total else ""

    @property
    def nearest(self) -> tuple[str, float] | None:
        """Of a survivor: the check whose tolerance it comes nearest to, and how near (1 is at the bound)."""
        margins = [(check, said.margin) for check, said in self.said.items() if said.margin]
        return max(margins, key=lambda pair: pair[1]) if margins else None


@dataclass
class MutantReport:
    """What became of the mutants of one exercise."""

    exercise: str
    file: str = ""  # of the reference, as people name it
    reference: str = ""
    tried: list[Tried] = field(default_factory=list)
    made: int = 0  # mutants that there are; more than were tried when they were sampled
    stale: list[str] = field(default_factory=list)  # entries of equivalent.toml that are no survivor's

    @property
    def killed(self) -> list[Tried]:
        return [each for each in self.tried if not each.survived]

    @property
    def equivalent(self) -> list[Tried]:
        return [each for each in self.tried if each.survived and each.equivalent]

    @property
    def survivors(self) -> list[Tried]:
        return [each for each in self.tried if each.survived and not each.equivalent]

    @property
    def share(self) -> float:
        """Of the mutants that are not equivalent, how many are killed."""
        return len(self.killed) / (len(self.tried) - len(self.equivalent) or 1)

    @property
    def problems(self) -> list[str]:
        found = []
        if self.share < SHARE:
            lines = ", ".join(sorted({str(each.mutant.line) for each in self.survivors}, key=int))
            count = len(self.survivors)
            found.append(
                f"{count} mutant{'s' * (count > 1)} of solution.py survive{'s' * (count == 1)} all checks (lines {lines}): "
                f"fewer than {SHARE:.0%} are killed"
            )
        return found + self.stale

    def only_killer(self) -> dict[str, int]:
        """How many mutants each check alone kills."""
        return Counter(each.only_by for each in self.tried if each.only_by)

    def smallest_error(self, check: str) -> float | None:
        """The smallest error / tolerance among mutants that `check` rejects for nothing but their numbers."""
        said = (each.said[check] for each in self.killed if check in each.said)
        margins = [s.margin for s in said if s.verdict != "passed" and not s.exact and s.margin and s.margin > 1]
        return min(margins, default=None)

    def diff(self, each: Tried) -> str:
        """What the mutant changes, as a unified difference."""
        lines = difflib.unified_diff(
            self.reference.splitlines(), each.mutant.source.splitlines(), self.file, self.file, n=1, lineterm=""
        )
        return "\n".join(lines)
