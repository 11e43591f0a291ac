"""Running one implementation through a plan: a worker for it, a new one after a crash, an outcome for every case.

The same code runs a submission in the jail and, when a plan is made or verified, the reference, mistakes and alternatives.
It makes no judgement beyond what the worker's end says; values are reviewed by the twin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from autograder.grading import hosted
from autograder.grading.asking import ENDED, Asking, Clock, Code, Outcome, RunLimits, gave_up, of_lost, too_long
from autograder.grading.hosted import GRACE_SECONDS, Hosting, most
from autograder.jail.handle import Lost, Worker
from autograder.jail.host import JailError, Limits, Zygote
from autograder.jail.layers.base import has_device
from autograder.jail.warm import LATER
from autograder.lab import is_hosted
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.results import Message, Verdict
from autograder.wire.messages import TEXTS, Inspect, Inspected, Load, Noticed, Observed, Run, Warm, Warmed, bound

_GIVES_A_GRADIENT = re.compile(r"\bbackward\((?!\s*\))|\bgrad_outputs\b")
MAX_TIMEOUTS = 2  # of one implementation: after that nothing more is waited for
DEVICE_SECONDS = 60  # for a device's context and libraries, before any code is loaded
COMPILE_SECONDS = 10  # of CPU, more for a case in which a kernel may be compiled


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
    max_timeouts: int = MAX_TIMEOUTS
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
        if self.timeouts >= self.max_timeouts:
            return gave_up(self.limits)
        if self.clock is not None and self.clock.over:
            return too_long(self.limits)
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
                    outcome = of_lost(Lost("died", worker.end().status), self.limits)
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
