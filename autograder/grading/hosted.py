"""Running a case whose inputs name a hosted value: a worker for each rank, and the trusted process that has the value and its record.

Every message between them passes here, and one rank has the turn at a time (`converse`): so the grader knows whose time it is, and the same
happens in every run. See `autograder.lab.hosting` for what is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from autograder.grading.asking import Outcome, of_observed
from autograder.jail.handle import Lost, Worker
from autograder.jail.host import JailError, Limits
from autograder.jail.warm import LATER
from autograder.results import Message
from autograder.wire.channel import MAX_MESSAGE
from autograder.wire.converse import converse
from autograder.wire.messages import TEXTS, Answer, Ask, Begin, Begun, Finish, Finished, Load, Observed, Run, bound

if TYPE_CHECKING:
    from autograder.grading.runner import Session

GRACE_SECONDS = 0.5  # between the soft limit, which tells the line, and the hard one
MAX_BYTES = 16 * 2**20  # of one thing that is asked
SECONDS = 20.0
"""For one answer of the host. An honest one takes less than a thousandth of it."""


@dataclass
class Hosting:
    """The host and the other ranks of a session, made when they are first needed."""

    host: Worker | None = None
    others: list[Session] = field(default_factory=list)

    def drop(self) -> None:
        """End them all."""
        if self.host is not None:
            self.host.close()
            self.host = None
        for each in self.others:
            each.drop()


def run(session: Session, request: Run) -> Outcome:
    """What came of a case: of the first rank that failed, or of all together. The session is loaded."""
    hosting = session.hosting
    if hosting.host is None:
        hosting.host = session.zygote.fork("host", Limits(), [LATER])
    try:
        begun: Begun = hosting.host.exchange(Begin(request.inputs), SECONDS, Begun)
    except Lost as lost:
        hosting.host = None
        raise JailError(f"the process that has the case's values was lost ({lost.why})") from lost
    while len(hosting.others) < len(begun.inputs) - 1:
        hosting.others.append(session.another())
    sessions = [session, *hosting.others[: len(begun.inputs) - 1]]
    for each in sessions[1:]:
        problem = each.load()
        if problem is not None:
            return problem
    if session.clock is not None:
        request.wall_seconds = max(min(request.wall_seconds, session.clock.left), 0.05)
    began = time.monotonic()
    try:
        with session.turn():
            return _together(hosting.host, sessions, request, begun.inputs)
    except Lost:  # the host, by what it was asked to do
        hosting.drop()
        session.drop()
        return Outcome(
            "failed", Message(id="run.too-big", values={"what": "what it asked for could not be done", "limit": ""})
        )
    finally:
        if session.clock is not None:
            session.clock.left -= time.monotonic() - began


def _together(host: Worker, sessions: Sequence[Session], request: Run, inputs: Sequence[bytes]) -> Outcome:
    deadline = time.monotonic() + request.wall_seconds
    ranks = [
        _Rank(session, _with_inputs(request, blob), deadline) for session, blob in zip(sessions, inputs, strict=True)
    ]
    ended = converse(
        ranks, lambda step: host.exchange(step, SECONDS, Answer), lambda outcome: outcome.verdict is not None
    )
    for rank, each in enumerate(ranks):
        if rank not in ended and each.begun:
            each.session.drop()  # it waits for an answer that will not come
    outcome = next((each for each in ended.values() if each.verdict is not None), None)
    if outcome is None:
        outcome = ended[0]
        values, changed = ([getattr(ended[rank], name) for rank in range(len(ranks))] for name in ("value", "changed"))
        finished: Finished = host.exchange(Finish(values, changed), SECONDS, Finished, most(request))
        if finished.error:
            said = Observed(kind="raised", name=finished.error, text=finished.text)
            return of_observed(said, sessions[0].code.file, sessions[0].limits, loading=False)
        outcome.value, outcome.changed = finished.value, finished.changed
    outcome.output = "".join(each.output for each in ended.values())
    outcome.seconds = sum(each.seconds for each in ended.values())
    return outcome


def _with_inputs(request: Run, inputs: bytes) -> Run:
    return msgspec.structs.replace(request, inputs=inputs)


class _Rank:
    """One rank's worker in the middle of its run."""

    def __init__(self, session: Session, request: Run, deadline: float) -> None:
        self.session, self.request, self.deadline = session, request, deadline
        self.begun = False
        self.size = max(most(request), MAX_BYTES)

    def resume(self, answer: Answer | None) -> Ask | Outcome:
        session = self.session
        if not self.begun:
            self.begun = True
            self._asking = session.asking(self.request)
            return self._hear(lambda worker: worker.begin(self.request, self.deadline))
        assert answer is not None
        return self._hear(lambda worker: worker.tell(answer, self.deadline))

    def _hear(self, say: Callable[[Worker], None]) -> Ask | Outcome:
        with self._asking.running() as worker:
            try:
                say(worker)
                said: Ask | Observed | Lost = worker.hear(self.deadline + GRACE_SECONDS, Ask | Observed, self.size)
            except Lost as lost:
                said = lost
        return said if isinstance(said, Ask) else self._asking.ended(said)


def most(request: Load | Run) -> int:
    """How many bytes an answer to `request` has at most: what is longer is not read, whatever the worker was told."""
    if isinstance(request, Load):
        return TEXTS
    if not request.answer_bytes:
        return MAX_MESSAGE
    return request.answer_bytes + bound(len(request.inputs)) + TEXTS
