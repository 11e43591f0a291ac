"""Which known mistake a failing submission makes, told by behaviour: its observations equal the mistake's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from autograder.plan import Plan

Key = tuple[str, str]


def diagnose(plan: Plan, passed: dict[Key, bool], matches: dict[Key, list[int]]) -> dict[str, list[int]]:
    """For each failed check, the mistakes (by index) that explain it; several when they can't be told apart.

    `passed` has each case that ran; `matches` has, for each case that failed with a value, the mistakes that give that value.
    A mistake explains a check when it gives the student's values on every case of the check where it differs from the
    reference, and the student fails no other case there. Of several, likelier than the others are, in this order: those
    that would not fail what the student passes in other checks; those whose values say the most (where one gives only NaN,
    nothing contradicts it); those that agree with everything else that the student's code does; and, since a submission may
    well make two mistakes in two functions, those that explain the most checks.
    """
    every = range(len(plan.mistakes))
    refuted = {index for index in every if any(passed.get(key) for key in _differs(plan, None, index))}
    agreeing = {index for index in every if _agrees(plan, index, passed, matches)}
    explaining: dict[str, list[int]] = {}
    for check in plan.checks:
        if all(passed.get((check.name, case.title), True) for case in check.cases):
            continue
        evidence = {index: _evidence(plan, index, check.name, passed, matches) for index in every}
        found = _preferred([index for index in every if evidence[index]], lambda index: index not in refuted)
        explaining[check.name] = _preferred(found, evidence.__getitem__)
    count = Counter(index for found in explaining.values() for index in found)
    likely = {
        name: _preferred(_preferred(found, agreeing.__contains__), count.__getitem__)
        for name, found in explaining.items()
    }
    return {name: found for name, found in likely.items() if found}


def _preferred(mistakes: list[int], by: Callable[[int], int]) -> list[int]:
    """Those of `mistakes` for which `by` is largest."""
    best = max(map(by, mistakes), default=0)
    return [index for index in mistakes if by(index) == best]


def _differs(plan: Plan, check: str | None, index: int) -> dict[Key, bool]:
    """The cases (of one check, or of all) where a mistake differs from the reference → whether equality there is evidence."""
    return {
        (each.name, case.title): bool(case.mistakes[index])
        for each, case in plan.cases()
        if index in case.mistakes and (check is None or each.name == check)
    }


def _evidence(plan: Plan, index: int, check: str, passed: dict[Key, bool], matches: dict[Key, list[int]]) -> int:
    """In how many cases equal values say that the mistake explains the check; 0 when it does not.

    The mistake that was really made has the most: where another's values are the student's, they are also its own.
    """
    differs = {key: evidence for key, evidence in _differs(plan, check, index).items() if key in passed}
    evidence = [key for key, is_evidence in differs.items() if is_evidence]
    if not all(index in matches.get(key, []) for key in evidence):
        return 0
    compared = {(each.name, case.title) for each, case in plan.cases() if case.compared}
    fails = {key for key, good in passed.items() if key[0] == check and not good and key in compared}
    return len(evidence) if fails <= set(differs) and all(key in fails for key in differs) else 0


def _agrees(plan: Plan, index: int, passed: dict[Key, bool], matches: dict[Key, list[int]]) -> bool:
    differs = {key: evidence for key, evidence in _differs(plan, None, index).items() if key in passed}
    return all(
        index in matches.get(key, []) if is_evidence else not passed[key] for key, is_evidence in differs.items()
    )
