"""The smallest input on which a submission fails a check with `given=`: found by shrinking an example that it fails.

The twin says what to try next (`twin.examples.Search`), the reference and the submission are run on it, the twin judges.
A submission decides with its answers which way the search goes, so it is bounded by tries and by the clock, and shown to
its student only where it began at a public example, in a worker that has seen no hidden input.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace

from autograder.grading import hashes
from autograder.grading.asking import ENDED, Code, Outcome
from autograder.grading.runner import Session
from autograder.grading.twins import TwinClient, TwinError
from autograder.jail.host import Zygote
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.twin import messages as twin

TRIES = 100
SECONDS = 10.0  # by the clock; no try begins later
TRY_SECONDS = 2.0  # of CPU time, for one try
TITLE = "the smallest failing input found"


@dataclass
class Found:
    """What the submission does on the smallest input."""

    case: PlannedCase
    outcome: Outcome
    review: twin.Verdict | None


@dataclass
class Shrinker:
    """Looks for smallest inputs of one exercise, one search at a time.

    `client` is a twin for this alone: one that a submission's answers keep busy keeps nobody else waiting.
    """

    client: TwinClient
    trusted: Zygote  # whose workers run the reference
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, plan: Plan, check: PlannedCheck, start: PlannedCase, session: Session) -> Found | None:
        """The smallest input below that of `start` on which the implementation of `session` fails `check`; None where there is none.

        What is found is run once more in a fresh worker, and that run decides.
        """
        limits = replace(session.limits, cpu_seconds=min(session.limits.cpu_seconds, TRY_SECONDS))
        with (
            self._lock,
            Session(self.trusted, plan, Code(plan.reference, "solution.py"), limits, on_cpu=True) as reference,
            replace(session, limits=limits, noticed={}, _worker=None, _loaded=False) as trying,
        ):
            smallest = None
            try:
                smallest = self._search(check, start, reference, trying)
                trying.drop()
                found = None if smallest is None else self._try(check, smallest, reference, trying)
            except TwinError:  # it was kept busy by an answer: what was found is not worth another such wait
                return None
        return found if found is not None and _fails(found) else None

    def _search(
        self, check: PlannedCheck, start: PlannedCase, reference: Session, trying: Session
    ) -> PlannedCase | None:
        smallest = None
        deadline = time.monotonic() + SECONDS
        made = self.client.shrink(check.name, start)
        for _ in range(TRIES):
            if made is None or time.monotonic() > deadline:
                break
            case = _case(start, made)
            tried = self._try(check, case, reference, trying)
            if tried is not None and tried.outcome.verdict in ENDED:
                break  # nor would it come back from others like it
            failed = tried is not None and _fails(tried)
            smallest = case if failed else smallest
            made = self.client.tried(failed)
        return smallest

    def _try(self, check: PlannedCheck, case: PlannedCase, reference: Session, trying: Session) -> Found | None:
        """What the submission does on `case`; None where the reference does not answer, or its judge does not take the answer."""
        wanted = reference.run(check, case)
        if wanted.verdict is not None:
            return None
        case.want = wanted.value
        outcome = trying.run(check, case)
        seen = [twin.Seen(check.name, case, case.want, wanted.changed)]
        if outcome.verdict is None:
            seen.append(twin.Seen(check.name, case, outcome.value, outcome.changed))
        verdicts = self.client.judge(seen)
        case.want_text = verdicts[0].text
        if not verdicts[0].passed or any(verdict.problem for verdict in verdicts):
            return None
        return Found(case, outcome, verdicts[1] if outcome.verdict is None else None)


def _fails(found: Found) -> bool:
    return found.outcome.verdict == "failed" or (found.review is not None and not found.review.passed)


def _case(start: PlannedCase, made: twin.Made) -> PlannedCase:
    return PlannedCase(
        title=TITLE,
        public=start.public,
        drawn=start.drawn,
        example=made.example,
        seed=start.seed,
        fingerprint=hashes.of(start.seed, made.inputs)[:16],
        parameters=made.parameters,
        inputs=made.inputs,
        inputs_text=made.inputs_text,
        lab=made.lab,
    )
