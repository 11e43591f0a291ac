"""The grader's side of the twin: a trusted worker for each exercise, forked when it is first needed."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from autograder.jail.handle import Lost, Worker
from autograder.jail.host import Limits, Zygote
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.refusals import Refusal
from autograder.results import Message
from autograder.twin import messages as twin

SECONDS = 120.0
REVIEW_SECONDS = 20.0
BATCH = 8 * 2**20
"""Bytes of one message to the twin: what it decodes, and what is copied here, is not more at a time."""


class TwinError(Refusal):
    """The trusted process failed: our fault, or an exercise whose files break it."""


class TwinClient:
    """One exercise's twin. Thread-safe: one request at a time."""

    def __init__(self, zygote: Zygote, opening: twin.Open) -> None:
        self._zygote = zygote
        self._opening = opening
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._described: twin.Described | None = None

    def describe(self) -> twin.Described:
        """What the exercise's files say."""
        with self._lock:
            self._open()
            assert self._described is not None
            return self._described

    def make(self, check: str, index: int, seed: str, drawn: int = 0) -> twin.Made:
        return self._ask(twin.Make(check, index, seed, drawn))

    def weigh(self, check: str, want: bytes, values: list[bytes]) -> list[str]:
        return self._ask(twin.Evidence(check, want, values)).kinds if values else []

    def perturb(self, inputs: bytes) -> bytes:
        return self._ask(twin.Perturb(inputs)).inputs

    def discrete_difference(self, want: bytes, value: bytes) -> str:
        return self._ask(twin.Discrete(want, value)).text

    def examine(self, checks: list[PlannedCheck], forbid: tuple[str, ...]) -> twin.Examined:
        """What is wrong with the exercise that no implementation shows."""
        return self._ask(twin.Examine(checks, list(forbid)))

    def shrink(self, check: str, case: PlannedCase) -> twin.Made | None:
        """Begin to look for a smaller example than `case`, on which an answer fails: the first to try."""
        return self._ask(twin.Shrink(check, case), REVIEW_SECONDS).made

    def tried(self, failed: bool) -> twin.Made | None:
        """Say what came of it: the next to try, None when there is nothing smaller."""
        return self._ask(twin.Tried(failed), REVIEW_SECONDS).made

    def review(self, seen: list[twin.Seen]) -> list[twin.Verdict]:
        """Verdicts on observations of one submission. One that takes the twin down, or forever, fails alone."""
        verdicts: list[twin.Verdict] = []
        lost: set[str] = set()  # checks: of each, one loss is enough
        for batch in _batches(seen):
            try:
                verdicts += self.judge(batch)
            except TwinError:
                verdicts += [self._review_alone(each, lost) for each in batch]
        return verdicts

    def _review_alone(self, seen: twin.Seen, lost: set[str]) -> twin.Verdict:
        """A verdict on one of several observations that lost us the twin. It is at fault where the reference's own is none."""
        if seen.check in lost:
            return twin.Verdict(False, message=Message(id="judge.not-asked", values={}))
        began = time.monotonic()
        try:
            return self.judge([seen])[0]
        except TwinError as error:
            lost.add(seen.check)
            took, said = time.monotonic() - began, str(error)
        try:
            if self.judge([twin.Seen(seen.check, seen.case, seen.case.want)])[0].passed:
                values = {"seconds": REVIEW_SECONDS}
                return twin.Verdict(False, message=Message(id="judge.time", values=values), seconds=took)
        except TwinError as error:
            said = str(error)
        return twin.Verdict(False, problem=f"the reference's own answer can't be looked at: {said}")

    def judge(self, seen: list[twin.Seen]) -> list[twin.Verdict]:
        """The same, or a `TwinError`."""
        return self._ask(twin.Review(seen), REVIEW_SECONDS).verdicts

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _ask(self, request: Any, seconds: float = SECONDS) -> Any:
        with self._lock:
            self._open()
            assert self._worker is not None
            try:
                return self._worker.exchange(request, seconds, twin.Reply)
            except Lost as lost:
                self._drop()
                raise TwinError(f"the trusted process of {self._opening.name} was lost ({lost.why})") from lost

    def _open(self) -> None:
        if self._worker is not None:
            return
        self._worker = self._zygote.fork("twin", Limits())
        try:
            self._described = self._worker.exchange(self._opening, SECONDS, twin.Reply)
        except Lost as lost:
            self._drop()
            raise TwinError(f"reading the files of {self._opening.name} took the process down ({lost.why})") from lost

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _batches(seen: list[twin.Seen]) -> Iterator[list[twin.Seen]]:
    """Observations in messages of about `BATCH` bytes."""
    batch: list[twin.Seen] = []
    size = 0
    for each in seen:
        case = each.case
        mine = len(each.value) + len(each.changed) + len(case.want) + len(case.inputs)
        mine += sum(map(len, case.mistakes.values()))
        if batch and size + mine > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += mine
    if batch:
        yield batch


class RememberingReviewer:
    """A twin's reviews, each asked for once: equal observations of a case have the same verdict, and most are equal.

    A verdict names the known mistakes that give the same. Where `plan` does not know yet what they give, `observe_mistakes` is
    called with the first answer that fails where they are compared: once, whichever thread comes first.
    """

    def __init__(
        self,
        review: Callable[[list[twin.Seen]], list[twin.Verdict]],
        plan: Plan | None = None,
        observe_mistakes: Callable[[], None] = lambda: None,
    ) -> None:
        self._review = review
        self._plan = plan
        self._observe_mistakes = observe_mistakes
        self._observing = threading.Lock()
        self._known: dict[bool, dict[bytes, twin.Verdict]] = {False: {}, True: {}}  # by whether mistakes were known

    def __call__(self, seen: list[twin.Seen]) -> list[twin.Verdict]:
        if self._plan is None or self._plan.complete:
            return self._remembered(seen, True)
        verdicts = self._remembered(seen, False)
        if all(verdict.passed or not each.case.compared for each, verdict in zip(seen, verdicts, strict=True)):
            return verdicts
        with self._observing:
            if not self._plan.complete:
                self._observe_mistakes()
        return self._remembered(seen, True)

    def _remembered(self, seen: list[twin.Seen], complete: bool) -> list[twin.Verdict]:
        known = self._known[complete]
        keys = [_digest(each) for each in seen]
        # Of a check that is known to take too long to look at, no other answer of this submission is looked at either.
        dear = {
            each.check for key, each in zip(keys, seen, strict=True) if key in known and twin.took_too_long(known[key])
        }
        asked = zip(keys, seen, strict=True)
        new = {key: each for key, each in asked if key not in known and each.check not in dear}
        found = dict(zip(new, self._review(list(new.values())), strict=True))
        again = {key: msgspec.structs.replace(known[key], seconds=0.0) for key in keys if key in known}
        # One that failed for our reasons may do better the next time.
        known |= {key: verdict for key, verdict in found.items() if _is_final(verdict)}
        not_asked = twin.Verdict(False, message=Message(id="judge.not-asked", values={}))
        return [found.get(key) or again.get(key) or not_asked for key in keys]


def _is_final(verdict: twin.Verdict) -> bool:
    said = verdict.message is not None and verdict.message.id in _SAID_FOR_GOOD
    return verdict.passed or verdict.difference is not None or said


_SAID_FOR_GOOD = frozenset({"judge.rejected", "judge.raised", "judge.memory", "judge.time", "run.too-big"})


def _digest(seen: twin.Seen) -> bytes:
    digest = hashlib.sha256()
    for part in (seen.check.encode(), seen.case.title.encode(), seen.value, seen.changed):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def seen(plan: Plan, observations: Iterable[tuple[str, str, bytes]]) -> list[twin.Seen]:
    """Observations (check, case title, blob) as the twin takes them."""
    return [twin.Seen(check, plan.find(check, case)[1], value) for check, case, value in observations]
