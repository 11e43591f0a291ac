"""Which failing checks fail for one reason, and which of them to mend first. One cause is told once.

`Asked` is what a check asks, in the few lines that its author wrote; where the student's own file is at hand, `Code` also knows which
of its functions call which. Both are optional: without them nothing is left out but an order and a few lines.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.feedback import messages
from autograder.results import CaseResult, CheckResult

NOT_RUN = ("run.not-run", "run.gave-up", "run.exercise-time")
"""Messages of cases that were not waited for: something else is the reason."""
_KINDS = frozenset({"compare.dtype", "compare.type"})
_GRADIENTS = frozenset({"compare.no-gradient", "compare.stray-gradient"})


@dataclass(frozen=True)
class Asked:
    """What a check asks of an implementation."""

    code: str = ""  # the lines of its experiment
    functions: frozenset[str] = frozenset()  # of the stub, that it calls


@dataclass(frozen=True)
class Code:
    """What is known of an exercise beside its result: its checks by name, and what each function of the student's file comes to."""

    asked: Mapping[str, Asked] = field(default_factory=dict)
    reaches: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def asked_by(self, check: str) -> Asked:
        return self.asked.get(check, Asked())

    def under(self, check: str, other: str) -> bool:
        """Whether what `other` asks is a part of what `check` asks, by the functions that the student's file calls."""
        above, below = self.asked_by(check).functions, self.asked_by(other).functions
        if not above or not below or above & below:
            return False
        return below <= self._reached(above) and not above & self._reached(below)

    def _reached(self, functions: frozenset[str]) -> frozenset[str]:
        return frozenset().union(*(self.reaches.get(name, frozenset()) for name in functions))


def first_case(check: CheckResult) -> CaseResult | None:
    """The failing case that says most: one that ran, and a public one."""
    failing = [case for case in check.cases if case.verdict != "passed"]
    return min(failing, key=lambda case: (_unrun(case), not case.public), default=None)


def cause(check: CheckResult) -> Hashable:
    """Equal for checks of one exercise that fail for one reason, as far as that is plain; else the check's own name."""
    if check.diagnosis is not None:
        return ("diagnosis", *check.diagnosis.sentences)
    case = first_case(check)
    message = messages.case_message(case) if case else None
    if case is None or message is None or not case.public:
        return check.name
    values = message.values
    if message.id == "run.timeout" or message.id in NOT_RUN:
        return message.id
    if message.id in _GRADIENTS:
        return message.id, str(values.get("position", "")).rpartition("[")[2]
    if message.id in _KINDS:
        return message.id, str(values.get("got")), str(values.get("want")), str(values.get("position", ""))
    if not message.id.startswith("run."):
        return check.name
    if case.place is not None:
        return message.id, str(values.get("exception")), case.place.file, case.place.line
    if message.id in ("run.mutated", "run.grader-error", "run.hidden-failed"):
        return check.name
    return message.id, *sorted((name, str(value)) for name, value in values.items())


def was_waited_for(check: CheckResult) -> bool:
    """Whether any of its failing cases ran."""
    case = first_case(check)
    return case is None or not _unrun(case)


def in_order(failing: Sequence[CheckResult], code: Code | None) -> list[CheckResult]:
    """What to read first: what ran before what was not waited for, a function before those that call it; else the author's order."""

    def place(check: CheckResult) -> tuple[bool, bool, bool, int]:
        under = sum(code.under(check.name, other.name) for other in failing) if code else 0
        return check.bonus, _unwritten(check), not was_waited_for(check), under

    return sorted(failing, key=place)


def to_mend_first(check: CheckResult, failing: Sequence[CheckResult], code: Code | None) -> tuple[str, str] | None:
    """(a function that this check calls, one below it whose own check fails too), when there is such a one."""
    if code is None or _unwritten(check):
        return None
    for other in failing:
        if code.under(check.name, other.name) and not _unwritten(other):
            below = min(code.asked_by(other.name).functions)
            above = next(f for f in sorted(code.asked_by(check.name).functions) if below in code.reaches.get(f, ()))
            return above, below
    return None


def _unrun(case: CaseResult) -> bool:
    return case.message is not None and case.message.id in NOT_RUN


def _unwritten(check: CheckResult) -> bool:
    """The stub is still there: mend what is written and wrong before."""
    failing = [case for case in check.cases if case.verdict != "passed"]
    return bool(failing) and all(case.message is not None and case.message.id == "run.not-written" for case in failing)
