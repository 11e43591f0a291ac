"""Wrong answers that several submissions share although no known mistake explains them: a mistake that nobody has written down.

Two answers are the same when they were observed to be: the same structure, the same discrete values, and floating-point numbers that
differ by no more than rounding does. Cases that are drawn anew for a run are left out, since nobody else was given the same inputs, and
so is what raised: an exception says too little about why.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from autograder.results import PENDING, CaseResult, CheckResult, ExerciseResult, Result
from autograder.wire import tree

LEAST = 2
"""Fewer share nothing."""
NEAR = 1e-4
"""Relative to the largest number of the answer: what rounding and another order of sums come to in float32, and no mistake does."""
LARGEST = 4 * 2**20
"""Bytes of an observation that is looked into; a larger one is compared as a whole."""
_FLOATS = {"float64": "<f8", "float32": "<f4", "float16": "<f2"}


@dataclass(frozen=True)
class Cluster:
    """A wrong answer to one exercise and who gave it."""

    exercise: str
    submissions: list[str]
    checks: list[str]  # that fail without a diagnosis, in the same way for all of them
    sample: CaseResult  # of the first submission: a public case where there is one


@dataclass
class _Answer:
    """What one case gave: `form` is everything but floating-point numbers, `numbers` are these."""

    form: bytes
    numbers: list[np.ndarray] = field(default_factory=list)

    def like(self, other: _Answer) -> bool:
        return self.form == other.form and all(map(_near, self.numbers, other.numbers))


def clusters(results: Sequence[Result], observation: Callable[[str], bytes | None]) -> list[Cluster]:
    """Every cluster of every exercise, the largest first; `observation` gives what is stored under a key."""
    unexplained: dict[str, list[tuple[Result, list[CheckResult]]]] = {}
    for result in results:
        for exercise in result.exercises:
            if checks := _unexplained(exercise):
                unexplained.setdefault(exercise.exercise, []).append((result, checks))
    found = [each for name, answers in unexplained.items() for each in _clusters(name, answers, observation)]
    return sorted(found, key=lambda each: -len(each.submissions))


def explained(
    exercise: ExerciseResult,
    given: Callable[[str], bytes | None],
    results: Sequence[Result],
    observation: Callable[[str], bytes | None],
) -> tuple[list[str], dict[str, list[str]]]:
    """Who gave the very answers that `exercise` did (an implementation that was tried) wherever nothing explains theirs; and of the
    others what they answered differently, as check and case. `given` and `observation` have what it and they returned, by key.
    """
    mine = {(check.name, case.title): case.observation for check in exercise.checks for case in check.cases}
    same: list[str] = []
    others: dict[str, list[str]] = {}
    for result in results:
        checks = [each for one in result.exercises if one.exercise == exercise.exercise for each in _unexplained(one)]
        differing = []
        for name, case in ((check.name, case) for check in checks for case in check.cases if _observed(case)):
            key = mine.get((name, case.title), "")
            told = _answer(given(key) if key else None, "mine"), _answer(observation(case.observation), "theirs")
            if not told[0].like(told[1]):
                differing.append(f"{name}, case “{case.title}”")
        if checks and not differing:
            same.append(result.submission)
        elif checks:
            others[result.submission] = differing
    return same, others


def _unexplained(exercise: ExerciseResult) -> list[CheckResult]:
    """The checks that fail with an answer that no known mistake gives."""
    return [
        check
        for check in exercise.checks
        if check.verdict == "failed" and not check.diagnosis and any(_observed(case) for case in check.cases)
    ]


def _observed(case: CaseResult) -> bool:
    return bool(case.observation) and not case.fresh and case.verdict == "failed"


def _clusters(
    exercise: str, answers: list[tuple[Result, list[CheckResult]]], observation: Callable[[str], bytes | None]
) -> list[Cluster]:
    kinds: dict[tuple[str, str], _Kinds] = {}
    groups: dict[tuple[object, ...], list[tuple[Result, list[CheckResult]]]] = {}
    for result, checks in answers:
        signature: list[object] = []
        for check in checks:
            for case in check.cases:
                if _observed(case):
                    known = kinds.setdefault((check.name, case.title), _Kinds(observation))
                    signature.append((check.name, case.title, known.number(case.observation)))
                elif case.verdict not in PENDING and not case.fresh:
                    signature.append((check.name, case.title, case.verdict))
        groups.setdefault(tuple(signature), []).append((result, checks))
    return [
        Cluster(
            exercise,
            [result.submission for result, _ in group],
            [check.name for check in group[0][1]],
            _sample(group[0][1]),
        )
        for group in groups.values()
        if len(group) >= LEAST
    ]


def _sample(checks: list[CheckResult]) -> CaseResult:
    cases = [case for check in checks for case in check.cases if _observed(case)]
    return min(cases, key=lambda case: not case.public)


class _Kinds:
    """The different answers to one case, numbered as they come."""

    def __init__(self, observation: Callable[[str], bytes | None]) -> None:
        self._observation = observation
        self._by_key: dict[str, int] = {}
        self._leaders: list[_Answer] = []

    def number(self, key: str) -> int:
        """Of the first answer that this one is like."""
        if key not in self._by_key:
            answer = _answer(self._observation(key), key)
            alike = (number for number, leader in enumerate(self._leaders) if leader.like(answer))
            number = next(alike, len(self._leaders))
            if number == len(self._leaders):
                self._leaders.append(answer)
            self._by_key[key] = number
        return self._by_key[key]


def _answer(blob: bytes | None, key: str) -> _Answer:
    """An observation taken apart; one that is not there, or that does not decode, is like none but itself."""
    if blob is None or len(blob) > LARGEST:
        return _Answer(key.encode())
    try:
        _, size, _ = tree.HEADER.unpack_from(blob)
        body, raw = blob[tree.HEADER.size :][:size], blob[tree.HEADER.size + size :]
        answer = _Answer(b"")
        answer.form = msgspec.msgpack.encode(_taken_apart(msgspec.msgpack.decode(body), raw, answer.numbers))
    except (ValueError, TypeError, IndexError, RecursionError, OverflowError, msgspec.MsgspecError, struct.error):
        return _Answer(key.encode())
    return answer


def _taken_apart(node: object, raw: bytes, numbers: list[np.ndarray]) -> object:
    """The tree without its floating-point numbers, which go into `numbers`."""
    if isinstance(node, float):
        numbers.append(np.array([node]))
        return "float"
    if not isinstance(node, list):
        return node
    if node and node[0] in ("T", "A"):
        kind, dtype, shape, offset, size = node
        data = raw[offset : offset + size]
        if dtype in _FLOATS:
            numbers.append(np.frombuffer(data, _FLOATS[dtype]).astype(np.float64))
            return [kind, dtype, shape]
        return [kind, dtype, shape, data]
    return [_taken_apart(each, raw, numbers) for each in node]


def _near(mine: np.ndarray, theirs: np.ndarray) -> bool:
    if mine.shape != theirs.shape:
        return False
    finite = np.isfinite(mine)
    if not np.array_equal(finite, np.isfinite(theirs)) or not np.array_equal(mine[~finite], theirs[~finite], True):
        return False
    largest = float(np.abs(mine[finite]).max(initial=0.0))
    if not math.isfinite(largest):
        return False
    return bool(np.all(np.abs(mine[finite] - theirs[finite]) <= NEAR * largest))
