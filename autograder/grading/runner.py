"""Running one implementation through a plan: a worker for it, a new one after a crash, an outcome for every case.

The same code runs a submission in the jail and, when a plan is made or verified, the reference, mistakes and alternatives.
It makes no judgement beyond what the worker's end says; values are reviewed by the twin.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

from autograder.experiment.explain import message_of
from autograder.grading import hosted
from autograder.grading.hosted import GRACE_SECONDS, Hosting, most
from autograder.jail.handle import Lost, Worker
from autograder.jail.host import JailError, Limits, Zygote
from autograder.jail.layers.base import Profile, has_device
from autograder.jail.usage import Spent, Usage
from autograder.jail.zygote import LATER, WORKER_FAILED
from autograder.lab import is_hosted
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.results import Message, Verdict
from autograder.wire.messages import TEXTS, Inspect, Inspected, Load, Noticed, Observed, Run, Warm, Warmed, bound

_GIVES_A_GRADIENT = re.compile(r"\bbackward\((?!\s*\))|\bgrad_outputs\b")
MAX_TIMEOUTS = 2  # of one implementation: after that nothing more is waited for
EXERCISE_WALLS = 5.0  # all runs of one exercise together take no longer than so many of its longest cases
MOST_BUSY = 4.0  # times as long, on a machine that is busy with other things
DEVICE_SECONDS = 60  # for a device's context and libraries, before any code is loaded
COMPILE_SECONDS = 10  # of CPU, more for a case in which a kernel may be compiled


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
    value: bytes = b""
    changed: bytes = b""
    output: str = ""
    seconds: float = 0.0
    used: Usage | None = None  # measured from outside, where it ran in a worker of its own
    repeatable: bool = False  # a new worker would say the same
    device_broken: bool = False  # every later call on the device would raise the same
    slept: bool = False  # it ran out of time and hardly used any: with the machine to itself it would do the same


@dataclass
class Session:
    """One implementation in workers of its own. Use as a context manager."""

    zygote: Zygote
    plan: Plan
    code: Code
    limits: RunLimits = field(default_factory=RunLimits)
    torch_seed: int = 0
    on_cpu: bool = False  # GPU checks as well: that is where the reference's values come from
    timeouts: int = 0
    noticed: dict[tuple[str, str], int] = field(default_factory=dict)  # kind and name → line
    turn: Callable[[], AbstractContextManager[None]] = nullcontext  # held for one case
    clock: Clock | None = None  # None: no bound on all cases together
    hosting: Hosting = field(default_factory=Hosting)
    _worker: Worker | None = None
    _loaded: bool = False
    _measured: bool = False  # whether what its worker uses is held against a budget of memory

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    @property
    def is_new(self) -> bool:
        """Whether the next case will be the first of its worker."""
        return not self._loaded

    def drop(self) -> None:
        """End the worker; the next run gets a new one."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self._loaded = False
        self.hosting.drop()

    def another(self) -> Session:
        """The same implementation with workers of its own: another rank."""
        return replace(self, hosting=Hosting(), turn=nullcontext, clock=None, _worker=None, _loaded=False)

    def _fork(self) -> None:
        cases = sum(len(check.cases) for check in self.plan.checks)
        cpu = int(self.limits.cpu_seconds * (min(cases, 10) + 1)) + 2
        cpu += DEVICE_SECONDS if has_device(self.limits.profile) else 0
        file_mb = max(1, self.limits.output_kb // 1024, 1 if self._measured else 16)
        packages = tuple(sorted(name for name in self.code.forbidden if "." not in name))
        limits = Limits(
            cpu, self.limits.memory_mb, file_mb, self.limits.profile, packages, tuple(self.plan.imports), self._measured
        )
        later = [LATER] if _GIVES_A_GRADIENT.search(self.plan.experiments + self.code.text) else []
        self._worker = self.zygote.fork("jail", limits, [*self.plan.lab, *later])
        if has_device(self.limits.profile) and not self.on_cpu:
            self._warm()

    def _warm(self) -> None:
        """Get the device ready. What fails here is the machine's fault, and costs nobody a point."""
        assert self._worker is not None
        try:
            problem = self._worker.exchange(Warm("cuda"), DEVICE_SECONDS, Warmed).problem
        except Lost as lost:
            problem = f"getting it ready ended with {lost.why}"
        if problem:
            self.drop()
            raise JailError(
                f"a worker can't use the GPU: {problem}. `autograder doctor` shows what works on this machine"
            )

    def load(self) -> Outcome | None:
        """Load the implementation into a worker, if none has it yet. Returns what went wrong, or None."""
        if self._loaded:
            return None
        if self._worker is None:
            self._fork()
        request = Load(
            module=self.plan.exercise.replace("/", "."),
            file=self.code.file,
            source=self.code.text,
            stub=self.plan.stub,
            experiments=self.plan.experiments,
            seconds=self.limits.cpu_seconds,
            wall_seconds=self.limits.wall_seconds,
            forbidden=list(self.code.forbidden),
            torch_seed=self.torch_seed,
            output_bytes=self.limits.output_kb * 1024,
        )
        outcome = self._ask(request)
        if outcome.verdict is None:
            self._loaded = True
            return None
        self.drop()
        if outcome.verdict in ("failed", "passed"):
            outcome.verdict = "error"  # raised, unfinished: while it was loaded
        return outcome

    def inspect(self) -> None:
        """Let a worker that has run nothing yet look at the source for what a person should see."""
        if self._worker is None:
            self._fork()
        assert self._worker is not None
        try:
            seen: Inspected = self._worker.exchange(
                Inspect(self.code.text, list(self.code.forbidden), self.plan.stub),
                self.limits.wall_seconds + GRACE_SECONDS,
                Inspected,
                TEXTS,
            )
        except Lost:
            self.drop()  # a source that takes down Python's own parser: loading it tells that
            return
        self.remember(seen.noticed)

    def remember(self, noticed: list[Noticed]) -> None:
        """What a worker says is bounded here: no more than a name of `forbid`, or a trick that the source was seen to have."""
        for each in noticed:
            if each.kind not in ("call", "import") or each.name in self.code.forbidden:
                self.noticed.setdefault((each.kind, each.name), each.line)

    def run(self, check: PlannedCheck, case: PlannedCase) -> Outcome:
        """Run one case; the implementation is loaded first when it has no worker."""
        if self.timeouts >= MAX_TIMEOUTS:
            return Outcome("timeout", self.message("run.gave-up", seconds=_number(self.limits.cpu_seconds)))
        if self.clock is not None and self.clock.over:
            return self.too_long()
        problem = self.load()
        if problem is not None:
            return problem
        request = Run(
            experiment=check.name,
            inputs=case.inputs,
            seconds=self.limits.cpu_seconds,
            wall_seconds=self.limits.wall_seconds,
            # The reference's answer is not known before it ran.
            answer_bytes=bound(len(case.want)) if case.want else 0,
            device="cpu" if self.on_cpu else check.device,
            torch_seed=self.torch_seed,
        )
        elsewhere = is_hosted(case.lab) and self.zygote.isolates
        outcome = hosted.run(self, request) if elsewhere else self._ask(request)
        if outcome.verdict == "timeout":
            self.timeouts += 1
        return outcome

    def run_apart(self, check: PlannedCheck, case: PlannedCase) -> Outcome:
        """The same in a worker of its own, which is measured: nothing was computed before and nothing is left to use."""
        with replace(self, hosting=Hosting(), _worker=None, _loaded=False, _measured="memory" in check.budget) as own:
            outcome = own.run(check, case)
            self.timeouts = own.timeouts
            worker = own._worker
            if outcome.verdict is None and worker is not None:
                outcome.used = worker.used()
                if outcome.used is None and worker.can_be_measured:  # it answered and ended: nobody can tell any more
                    outcome = own.lost(Lost("died", worker.end().status))
        return outcome

    def _ask(self, request: Load | Run) -> Outcome:
        asking = self.asking(request)
        with self.turn(), asking.running() as worker:
            try:
                said: Observed | Lost = worker.ask(request, asking.wall + GRACE_SECONDS, most(request))
            except Lost as lost:
                said = lost
        outcome = asking.ended(said)
        if self.clock is not None:
            self.clock.left -= asking.charged
        return outcome

    def asking(self, request: Load | Run) -> Asking:
        """What is needed to know what became of a request that is about to be made."""
        assert self._worker is not None
        wall = self.limits.wall_seconds
        if self.clock is not None:
            wall = request.wall_seconds = max(min(wall, self.clock.left), 0.05)
        return Asking(self, self._worker, isinstance(request, Load), wall)

    def failed(self, message: Message) -> Outcome:
        return Outcome("failed", message)

    def too_long(self) -> Outcome:
        seconds = _number(round(self.limits.wall_seconds * EXERCISE_WALLS, 1))
        return Outcome("timeout", self.message("run.exercise-time", seconds=seconds), slept=True)

    def lost(self, lost: Lost) -> Outcome:
        limit = _number(self.limits.cpu_seconds)
        if lost.why == "timeout":
            return Outcome("timeout", self.message("run.timeout", seconds=limit))
        if lost.why == "protocol":
            return Outcome("crashed", self.message("run.protocol"))
        if os.WIFSIGNALED(lost.status):
            number = os.WTERMSIG(lost.status)
            if number == signal.SIGXCPU:
                return Outcome("timeout", self.message("run.timeout", seconds=limit))
            return Outcome("crashed", self.message("run.crashed", signal=_signal_name(number)))
        if os.WEXITSTATUS(lost.status) == WORKER_FAILED:
            return Outcome("crashed", self.message("run.protocol"))
        return Outcome("crashed", self.message("run.exited", code=os.WEXITSTATUS(lost.status)))

    def outcome(self, seen: Observed, loading: bool) -> Outcome:
        outcome = Outcome(
            _VERDICTS[seen.kind],
            line=seen.line,
            function=seen.function,
            value=seen.value,
            changed=seen.changed,
            seconds=seen.seconds if 0 <= seen.seconds < 1e6 else 0.0,  # the worker's word: NaN would spoil the result
            repeatable=seen.kind in _REPEATABLE,
            device_broken=seen.kind == "raised" and (seen.name == "AcceleratorError" or "CUDA error" in seen.text),
        )
        if outcome.verdict is not None:
            limits = {"seconds": _number(self.limits.cpu_seconds), "megabytes": self.limits.memory_mb}
            outcome.message = message_of(seen, self.code.file, loading, **limits)
        return outcome

    @staticmethod
    def message(id: str, **values: object) -> Message:
        return Message(id=id, values=dict(values))


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
            outcome = session.lost(said)
        else:
            session.remember([each for each in said.noticed if each.kind in ("call", "import")])
            outcome = session.outcome(said, self.loading)
        if outcome.verdict == "crashed" and (self.took >= self.wall or cpu >= limits.cpu_seconds):
            # Its time was over: what it did between being told and being ended is not what it is to be blamed for.
            outcome = Outcome("timeout", session.message("run.timeout", seconds=_number(limits.cpu_seconds)))
        if outcome.verdict == "timeout":
            outcome.slept = self.took >= self.wall and cpu + self.waited < self.took / 2
            if self.wall < limits.wall_seconds and self.took >= self.wall:
                outcome.message = session.too_long().message
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


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def observe_all(
    session: Session,
    cases: Iterable[tuple[PlannedCheck, PlannedCase]],
    *,
    stop_at: Collection[Verdict] = ENDED,
    measure: bool = True,
) -> dict[tuple[str, str], Outcome]:
    """Outcomes of `cases` by (check, case title). After an outcome of `stop_at`, the check's other cases are not run.

    With `measure`, cases of checks with a budget run in workers of their own.
    """
    outcomes: dict[tuple[str, str], Outcome] = {}
    given_up: dict[str, Outcome] = {}
    for check, case in cases:
        if check.name in given_up:
            outcomes[check.name, case.title] = given_up[check.name]
            continue
        outcome = session.run_apart(check, case) if measure and check.budget else session.run(check, case)
        outcomes[check.name, case.title] = outcome
        if outcome.verdict in stop_at:
            given_up[check.name] = Outcome(outcome.verdict, Message(id="run.not-run", values={}))
    return outcomes
