"""One request of a worker: the time that it takes, and what comes of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder.experiment.explain import message_of
from autograder.jail.handle import Lost, Worker
from autograder.jail.layers.base import Profile
from autograder.jail.usage import Spent, Usage
from autograder.jail.zygote import WORKER_FAILED
from autograder.results import Message, Verdict
from autograder.wire.messages import Frame, Observed

if TYPE_CHECKING:
    from autograder.grading.runner import Session

EXERCISE_WALLS = 5.0  # all runs of one exercise together take no longer than so many of its longest cases
MOST_BUSY = 4.0  # times as long, on a machine that is busy with other things


@dataclass(frozen=True)
class Code:
    """An implementation's source, as its author knows it."""

    text: str
    file: str
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunLimits:
    """What one implementation may use; the numbers of `grading.toml`."""

    cpu_seconds: float = 10.0  # of one case
    wall_factor: float = 3.0
    memory_mb: int = 2048
    output_kb: int = 64
    profile: Profile = "default"  # of the jail

    @property
    def wall_seconds(self) -> float:
        return self.cpu_seconds * self.wall_factor


@dataclass
class Clock:
    """The time that the workers of one exercise of one submission may take together, sleeping and re-runs included. It runs
    while one of them is asked something, not while they wait for their turn."""

    left: float

    @property
    def over(self) -> bool:
        return self.left <= 0


@dataclass
class Outcome:
    """What came of loading, or of one case. `verdict` is None when a value was observed, which the twin has to review."""

    verdict: Verdict | None
    message: Message | None = None
    line: int = 0
    function: str = ""
    frames: list[Frame] = field(default_factory=list)  # that led there
    value: bytes = b""
    changed: bytes = b""
    output: str = ""
    seconds: float = 0.0
    used: Usage | None = None  # measured from outside, where it ran in a worker of its own
    repeatable: bool = False  # a new worker would say the same
    device_broken: bool = False  # every later call on the device would raise the same
    slept: bool = False  # it ran out of time and hardly used any: with the machine to itself it would do the same


@dataclass
class Asking:
    """A request that a worker has in hand: the time that it takes, and what comes of it."""

    session: Session
    worker: Worker
    loading: bool
    wall: float
    took: float = 0.0  # seconds in which it was the worker's turn
    began: Spent | None = None  # what the worker had spent when it got its first turn
    waited: float = 0.0  # seconds of these in which it could have run and had no processor

    @property
    def charged(self) -> float:
        """What the request takes from the clock of the exercise: on a busy machine a right answer waits for its turn, and is not to
        blame for it. But an answer's own threads can keep its first one waiting, so a part of the time always counts."""
        return max(self.took - self.waited, self.took / MOST_BUSY)

    @contextmanager
    def running(self) -> Iterator[Worker]:
        """While it is the worker's turn. A rank has thousands of turns in one request: only the clock is read in each."""
        if self.began is None:
            self.began = self.worker.spent()
        began = time.monotonic()
        yield self.worker
        self.took += time.monotonic() - began

    def ended(self, said: Observed | Lost) -> Outcome:
        """What came of it. A worker whose state can't be relied on is ended."""
        session, limits = self.session, self.session.limits
        before, after = self.began or Spent(), self.worker.spent()
        cpu, self.waited = after.cpu - before.cpu, after.waited - before.waited
        if isinstance(said, Lost):
            outcome = of_lost(said, limits)
        else:
            session.remember([each for each in said.noticed if each.kind in ("call", "import")])
            outcome = of_observed(said, session.code.file, limits, loading=self.loading)
        if outcome.verdict == "crashed" and (self.took >= self.wall or cpu >= limits.cpu_seconds):
            # Its time was over: what it did between being told and being ended is not what it is to be blamed for.
            outcome = of_lost(Lost("timeout"), limits)
        if outcome.verdict == "timeout":
            outcome.slept = self.took >= self.wall and cpu + self.waited < self.took / 2
            if self.wall < limits.wall_seconds and self.took >= self.wall:
                outcome.message = too_long(limits).message
        outcome.output = self.worker.output(limits.output_kb * 1024)
        if outcome.verdict in ("timeout", "memory", "crashed") or outcome.device_broken:
            session.drop()
        return outcome


_VERDICTS: dict[str, Verdict | None] = {
    "value": None,
    "loaded": None,
    "timeout": "timeout",
    "memory": "memory",
    "syntax": "error",
    "forbidden": "forbidden",
}
_VERDICTS |= dict.fromkeys(
    ("missing-function", "wrong-signature", "not-written", "wrong-type", "wrong-parameters", "too-big", "raised"),
    "failed",
)
ENDED: frozenset[Verdict] = frozenset({"timeout", "memory", "crashed"})
"""What costs time, or a worker."""
_REPEATABLE = frozenset({"syntax", "forbidden", "missing-function", "wrong-signature", "not-written"})


def too_long(limits: RunLimits) -> Outcome:
    """The clock of the exercise is over."""
    seconds = number(round(limits.wall_seconds * EXERCISE_WALLS, 1))
    return Outcome("timeout", Message(id="run.exercise-time", values={"seconds": seconds}), slept=True)


def gave_up(limits: RunLimits) -> Outcome:
    """Other cases have run out of time."""
    return Outcome("timeout", Message(id="run.gave-up", values={"seconds": number(limits.cpu_seconds)}))


def of_lost(lost: Lost, limits: RunLimits) -> Outcome:
    """What it means that a worker gave no answer."""
    too_slow = Outcome("timeout", Message(id="run.timeout", values={"seconds": number(limits.cpu_seconds)}))
    if lost.why == "timeout":
        return too_slow
    if lost.why == "protocol":
        return Outcome("crashed", Message(id="run.protocol"))
    if os.WIFSIGNALED(lost.status):
        signalled = os.WTERMSIG(lost.status)
        if signalled == signal.SIGXCPU:
            return too_slow
        return Outcome("crashed", Message(id="run.crashed", values={"signal": _signal_name(signalled)}))
    if os.WEXITSTATUS(lost.status) == WORKER_FAILED:
        return Outcome("crashed", Message(id="run.protocol"))
    return Outcome("crashed", Message(id="run.exited", values={"code": os.WEXITSTATUS(lost.status)}))


def of_observed(seen: Observed, file: str, limits: RunLimits, *, loading: bool) -> Outcome:
    """What it means that a worker said `seen` of the implementation in `file`."""
    outcome = Outcome(
        _VERDICTS[seen.kind],
        line=seen.line,
        function=seen.function,
        frames=seen.frames,
        value=seen.value,
        changed=seen.changed,
        seconds=seen.seconds if 0 <= seen.seconds < 1e6 else 0.0,  # the worker's word: NaN would spoil the result
        repeatable=seen.kind in _REPEATABLE,
        device_broken=seen.kind == "raised" and (seen.name == "AcceleratorError" or "CUDA error" in seen.text),
    )
    if outcome.verdict is not None:
        said = {"seconds": number(limits.cpu_seconds), "megabytes": limits.memory_mb}
        outcome.message = message_of(seen, file, loading, **said)
    return outcome


def number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
