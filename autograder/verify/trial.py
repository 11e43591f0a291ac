"""What came of trying one implementation against the checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.plan import PlannedCase, PlannedCheck

Pairs = list[tuple[PlannedCheck, PlannedCase]]

FAR = 100.0
"""Times the tolerance: how near a wrong answer that is farther off comes in other cases need not be known."""


@dataclass
class Trial:
    """One implementation tried against the checks."""

    kind: str  # "stub", "reference", "mistake", "alternative", "forger"
    name: str
    verdicts: dict[str, str] = field(default_factory=dict)  # by check
    earned: int = 0
    reasons: dict[str, str] = field(default_factory=dict)  # of failing checks, for people
    margins: dict[str, float] = field(default_factory=dict)
    spent: dict[str, dict[str, float]] = field(default_factory=dict)  # of checks with a budget, the most of its cases
    seconds: float = 0.0
    expected: list[str] = field(default_factory=list)  # checks that a mistake must fail, or an alternative may miss
    crashed: dict[str, str] = field(
        default_factory=dict
    )  # failing checks of which no case gave a value, and the exception
    public: bool = False  # whether some public case rejects it
    crashes: bool = False  # of a mistake: that it raises is what is wrong with it
    used_by: str = ""  # of a convention: whose it is

    def failing(self) -> list[str]:
        return [name for name, verdict in self.verdicts.items() if verdict not in ("passed", "skipped")]

    def passed(self) -> list[str]:
        return [name for name, verdict in self.verdicts.items() if verdict == "passed"]

    def accepted(self) -> bool:
        """Of an alternative: whether it fails no check but those it may miss, such as a bonus for doing it another way."""
        return not set(self.failing()) - set(self.expected)
