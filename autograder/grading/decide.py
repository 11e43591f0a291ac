"""What equal runs decide together: a check that failed is run again, and one that comes out differently needs more than luck.

The rule: what fails twice has failed. A check that failed once and passed once is run until it has failed twice or passed three
times of four, and a person is told.

Why three of four: an answer that does not depend on chance is the same in each run, so the rule changes nothing for it but what
the machine did to one run. An answer that is guessed anew each time, right with probability p, passes with p + (1 - p)·p³: at
most 0.11 above the p that one run gives it, where one lucky second run would give up to 0.25. Code that chooses between two
answers by whatever changes over time, and can't tell which run it is in, sees a stationary sequence: "one, then the other three
times" is at most every third window of it, so that it passes with 2/3 at most, and each such pass is flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from autograder.grading.record import Judged, Key

NEEDED = 3
"""Passes that a check needs that has failed once."""

Run = Callable[[set[str]], dict[Key, Judged]]
"""A run equal to the first one, far enough that it has all cases of these checks."""


@dataclass
class Decided:
    """What stands: the cases of the run that each check is judged by, and the checks whose runs differed."""

    cases: dict[Key, Judged]
    differing: set[str] = field(default_factory=set)


def failing(cases: dict[Key, Judged]) -> set[str]:
    """Checks that a run has to be repeated for: not those whose failure a new worker would only repeat, which took too long
    (`timeout`, tried alone), or that only cost too much (a budget, measured again)."""
    found = set()
    for name, mine in _by_check(cases).items():
        bad = [case for case in mine.values() if case.verdict != "passed" and not case.only_broken]
        timed_out = any(case.verdict == "timeout" for case in bad)
        if bad and not timed_out and not all(case.outcome.repeatable for case in bad):
            found.add(name)
    return found


def decide(first: dict[Key, Judged], run: Run, lost: Collection[str] = ()) -> Decided:
    """Repeat the `first` run until no check is in doubt. Those of `lost` have failed already."""
    history = {name: [mine] for name, mine in _by_check(first).items()}
    doubtful = failing(first).difference(lost)
    decided = Decided(dict(first))
    while doubtful:
        before = {name: len(history[name]) for name in doubtful}
        for name, mine in _by_check(run(doubtful)).items():
            if name in history and history[name][0].keys() == mine.keys() and name not in failing_for_good(history):
                history[name].append(mine)
        stuck = {name for name in doubtful if len(history[name]) == before[name]}  # there was no time to run it again
        doubtful = {name for name, runs in history.items() if _in_doubt(runs)}.difference(stuck, lost)
        decided.differing |= {name for name in doubtful if not _only_died(history[name])}
    for runs in history.values():
        decided.cases |= _standing(runs)
    return decided


def failing_for_good(history: dict[str, list[dict[Key, Judged]]]) -> set[str]:
    """The checks that have failed twice."""
    return {name for name, runs in history.items() if len(runs) - _passes(runs) >= 2}


def _in_doubt(runs: list[dict[Key, Judged]]) -> bool:
    passes = _passes(runs)
    return len(runs) - passes == 1 and 0 < passes < NEEDED and len(runs) > 1


def _only_died(runs: list[dict[Key, Judged]]) -> bool:
    """Whether all that went wrong is that a worker died: something else may have killed it, which is nothing to blame code for, and
    code that ends itself gains nothing by it."""
    wrong = [case for run in runs for case in run.values() if case.verdict != "passed" and not case.only_broken]
    return all(case.verdict == "crashed" for case in wrong)


def _standing(runs: list[dict[Key, Judged]]) -> dict[Key, Judged]:
    """The first run that came out as was decided: what is stored is what decided."""
    passed = len(runs) == _passes(runs) or _passes(runs) >= NEEDED
    found = [run for run in runs if _right(run.values()) == passed] or runs
    # Of two failures the one that says more: a worker may have been killed by something else.
    return min(found, key=lambda run: any(case.verdict == "crashed" for case in run.values()))


def _passes(runs: list[dict[Key, Judged]]) -> int:
    return sum(_right(run.values()) for run in runs)


def _right(cases: Iterable[Judged]) -> bool:
    return all(case.verdict == "passed" or case.only_broken for case in cases)


def _by_check(cases: dict[Key, Judged]) -> dict[str, dict[Key, Judged]]:
    found: dict[str, dict[Key, Judged]] = {}
    for key, case in cases.items():
        found.setdefault(key[0], {})[key] = case
    return found
