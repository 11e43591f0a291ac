"""Which known mistake a failing submission makes, told by behaviour: its observations equal the mistake's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from autograder.plan import Plan

Key = tuple[str, str]
"""A check and the title of one of its cases."""


def diagnose(plan: Plan, passed: dict[Key, bool], matches: dict[Key, list[int]]) -> dict[str, list[int]]:
    """For each failed check, the mistakes (by index) that explain it; several when they can't be told apart.

    `passed` has each case that ran; `matches` has, for each case that failed with a value, the mistakes that give that value.
    A mistake explains a check when it gives the student's values on every case of the check where it differs from the
    reference, and the student fails no other case there. Of several, likelier than the others are, in this order: those
    that would not fail what the student passes in other checks; those whose values say the most (where one gives only NaN,
    nothing contradicts it); those that agree with everything else that the student's code does; and, since a submission may
    well make two mistakes in two functions, those that explain the most checks.
    """
    if all(passed.values()):
        return {}
    known = _known(plan, passed)
    refuted = {index for index, mistake in enumerate(known) if any(passed[key] for key in mistake.differs)}
    agreeing = {index for index, mistake in enumerate(known) if _agrees(mistake, index, passed, matches)}
    compared = {(check.name, case.title) for check, case in plan.cases() if case.compared}
    explaining: dict[str, list[int]] = {}
    for check in plan.checks:
        fails = {(check.name, case.title) for case in check.cases if not passed.get((check.name, case.title), True)}
        if not fails:
            continue
        evidence = [
            _evidence(mistake.by_check.get(check.name, {}), index, fails & compared, matches)
            for index, mistake in enumerate(known)
        ]
        found = _preferred(
            [index for index in range(len(known)) if evidence[index]], lambda index: index not in refuted
        )
        explaining[check.name] = _preferred(found, evidence.__getitem__)
    count = Counter(index for found in explaining.values() for index in found)
    likely = {
        name: _preferred(_preferred(found, agreeing.__contains__), count.__getitem__)
        for name, found in explaining.items()
    }
    return {name: found for name, found in likely.items() if found}


@dataclass
class _Known:
    """The cases that ran where a mistake differs from the reference → whether equality there is evidence."""

    differs: dict[Key, bool] = field(default_factory=dict)
    by_check: dict[str, dict[Key, bool]] = field(default_factory=dict)


def _known(plan: Plan, ran: dict[Key, bool]) -> list[_Known]:
    """By index of the mistakes."""
    known = [_Known() for _ in plan.mistakes]
    for check, case in plan.cases():
        key = check.name, case.title
        if key in ran:
            for index, values in case.mistakes.items():
                known[index].differs[key] = bool(values)
                known[index].by_check.setdefault(check.name, {})[key] = bool(values)
    return known


def _preferred(mistakes: list[int], by: Callable[[int], int]) -> list[int]:
    """Those of `mistakes` for which `by` is largest."""
    best = max(map(by, mistakes), default=0)
    return [index for index in mistakes if by(index) == best]


def _evidence(differs: dict[Key, bool], index: int, fails: set[Key], matches: dict[Key, list[int]]) -> int:
    """In how many cases equal values say that the mistake explains a check; 0 when it does not.

    `differs` has its cases, `fails` those where mistakes were compared and the student fails. The mistake that was really made has the most:
    where another's values are the student's, they are also its own.
    """
    evidence = [key for key, is_evidence in differs.items() if is_evidence]
    if not all(index in matches.get(key, []) for key in evidence):
        return 0
    return len(evidence) if fails == differs.keys() else 0


def _agrees(mistake: _Known, index: int, passed: dict[Key, bool], matches: dict[Key, list[int]]) -> bool:
    return all(
        index in matches.get(key, []) if is_evidence else not passed[key]
        for key, is_evidence in mistake.differs.items()
    )
