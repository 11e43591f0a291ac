"""Grading one exercise of one submission, in two phases: public cases, then hidden ones; in each run → review → run failures again.

All that a student is shown of public cases is from the first phase, before any hidden input is in any worker of the exercise:
whatever a worker could leave behind for another one (ids, counters), it has nothing hidden to leave. A failure is run again in a
fresh worker that is led through the same cases, so that code can't tell which run it is in (`grading.decide`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from autograder.grading import budget
from autograder.grading.asking import ENDED, EXERCISE_WALLS, Clock, Code, Outcome, RunLimits, gave_up
from autograder.grading.decide import Run, decide
from autograder.grading.gate import Gate
from autograder.grading.record import Graded, Judged, Key, Recorder, Subject, flags
from autograder.grading.runner import COMPILE_SECONDS, MAX_TIMEOUTS, Session, observe_all
from autograder.grading.smallest import Shrinker
from autograder.jail.host import Zygote
from autograder.jail.layers.base import Profile, starts_programs
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.results import ExerciseResult, Message, Verdict
from autograder.twin import messages as twin

_ONE_DEVICE = threading.Lock()
"""Workers that share a GPU would take each other's memory and wait for each other's kernels."""

COMPILERS = ("triton",)
"""Packages that start a compiler when a kernel is first launched on a device."""

_NOT_RUN = ("run.not-run", "run.gave-up", "run.exercise-time")

Review = Callable[[list[twin.Seen]], list[twin.Verdict]]
Pairs = Sequence[tuple[PlannedCheck, PlannedCase]]


@dataclass
class ExerciseGrader:
    """Grades submissions of one exercise. Thread-safe."""

    plan: Plan
    title: str
    points: int
    zygote: Zygote
    review: Review
    limits: RunLimits = field(default_factory=RunLimits)
    trusted: Zygote | None = None  # whose workers run the reference, where it is measured in turn with submissions
    lecture: str = ""
    gate: Gate = field(default_factory=Gate)
    has_gpu: bool = False
    gpu_as_cpu: bool = False  # GPU checks in their own profile and order, but on the processor: for tests without a GPU
    device_gate: AbstractContextManager[object] = _ONE_DEVICE  # who may be on the device at the same time
    torch_seed: int = 0
    stop_at: Collection[Verdict] = ENDED  # after such a case the others of the check are not run
    confirm: bool = True  # run failures once more in a fresh worker
    hasty: bool = False  # somebody waits for the answer, and no grade hangs on it: the first time-out ends the run
    inspect: bool = False  # look for what a person should see
    shrinker: Shrinker | None = None  # looks for the smallest input on which a check with `given=` fails

    def grade(self, subject: Subject, key: str = "") -> Graded:
        """Grade one file. Never raises for what the file does."""
        clock = Clock(self.limits.wall_seconds * EXERCISE_WALLS)
        public = [pair for pair in self.runnable() if pair[1].public and pair[0].points]
        hidden = [pair for pair in self.runnable() if not pair[1].public]
        smallest: dict[str, tuple[PlannedCase, Judged]] = {}
        cases: dict[Key, Judged] = {}
        with self._session(subject, clock) as session:
            problem = self._loaded(session)
            if problem is None:
                shown = self._reviewed(self._observe(session, public), clock)
                drawn = self.shrinker is not None and any(pair[1].drawn for pair in public)
                if any(case.verdict != "passed" and (drawn or not case.outcome.repeatable) for case in shown.values()):
                    session.drop()  # the pause that follows would tell the first run from the others
                stopped = self.hasty and any(case.verdict == "timeout" for case in shown.values())
                if not stopped:
                    self._settle(subject, clock, shown, [], public, {})
                    smallest = self._smallest(subject, clock, shown)
                shown |= self._without_points(subject, stopped)
                # From here on hidden inputs are in workers: nothing more is found out that is shown of public cases.
                ended = {key[0]: each.outcome for key, each in shown.items() if each.outcome.verdict in self.stop_at}
                before = [pair for pair in public if pair[0].name not in ended]
                coming = [pair for pair in hidden if pair[0].name not in ended]
                behind = self._reviewed(self._observe(session, coming, before), clock)
                self._settle(subject, clock, behind, before, coming, shown)
                cases = (
                    shown | behind | {(c.name, p.title): _unrun(ended[c.name]) for c, p in hidden if c.name in ended}
                )
                found = self._smallest(
                    subject, clock, {key: case for key, case in cases.items() if key[0] not in smallest}
                )
                smallest = found | smallest
        graded = self._recorder.result(subject, cases, problem, smallest)
        graded.result.key = key
        graded.result.flags = flags(subject)
        return graded

    def _without_points(self, subject: Subject, stopped: bool) -> dict[Key, Judged]:
        """The public cases of checks without points (examples of docstrings), in a worker and on a clock of their own: what they do
        to either must not cost points elsewhere. What fails is not run again, since nothing hangs on it."""
        cases = [pair for pair in self.runnable() if not pair[0].points]
        if not cases:
            return {}
        if stopped:
            return {(check.name, planned.title): Judged(gave_up(self.limits)) for check, planned in cases}
        with self._session(subject, Clock(self.limits.wall_seconds)) as session:
            return self._reviewed(self._observe(session, cases))

    def judge(self, subject: Subject, outcomes: dict[Key, Outcome]) -> Graded:
        """The result that follows from `outcomes` of all cases that can run here, which were had elsewhere."""
        return self._recorder.result(subject, self._reviewed(outcomes), None)

    def unjudged(
        self, verdict: Verdict, message: Message | None, file: str, *, file_hash: str = "", key: str = ""
    ) -> ExerciseResult:
        """The result of a file none of which was run: it is missing, can't be read, or the fault is ours."""
        return self._recorder.unjudged(verdict, message, file, file_hash=file_hash, key=key)

    @property
    def _recorder(self) -> Recorder:
        limits = self.limits
        return Recorder(
            self.plan, self.title, self.points, self.lecture, limits.profile, self.has_gpu, limits.output_kb
        )

    # --- running ---

    def runnable(self) -> list[tuple[PlannedCheck, PlannedCase]]:
        """The cases that can run here, public ones first: code that has seen no hidden input yet has none to print, and
        what it prints in public cases is shown."""
        cases = [(check, case) for check, case in self.plan.cases() if check.is_runnable(self.has_gpu)]
        return sorted(cases, key=lambda pair: not pair[1].public)

    def _session(self, subject: Subject, clock: Clock) -> Session:
        return Session(
            self.zygote,
            self.plan,
            subject.code,
            self.limits,
            self.torch_seed,
            noticed=subject.noticed,
            turn=self.gate.shared,
            clock=clock,
            max_timeouts=1 if self.hasty else MAX_TIMEOUTS,
        )

    def _loaded(self, session: Session) -> Outcome | None:
        """Load the file; what keeps it from being loaded, if anything does."""
        if self.inspect:
            session.inspect()
        problem = session.load()
        hasty = self.hasty and problem is not None and problem.verdict == "timeout"
        if problem is not None and not problem.repeatable and not problem.slept and not hasty:  # a fresh worker decides
            problem = session.load()
        return problem

    def _observe(self, session: Session, cases: Pairs, before: Pairs = ()) -> dict[Key, Outcome]:
        """Outcomes of `cases`. A session without a worker is led through `before` first. GPU checks run last, one worker at a time,
        in the profile that lets a worker have the device: what a worker of that profile is not kept from, no other case meets."""
        led = before if session.is_new else ()
        outcomes = observe_all(session, _on("cpu", (*led, *cases)), stop_at=self.stop_at)
        on_device = _on("cuda", (*before, *cases)) if _on("cuda", cases) else []
        if on_device:
            session.drop()
        # Programs are started for a compiler alone: where no kernel is compiled, none can be.
        compiles: dict[Profile, list[tuple[PlannedCheck, PlannedCase]]] = {"gpu": [], "gpu-tools": []}
        for pair in on_device:
            compiles["gpu-tools" if pair[0].needs in COMPILERS else "gpu"].append(pair)
        for profile, mine in compiles.items():
            if not mine:
                continue
            more = COMPILE_SECONDS if starts_programs(profile) else 0
            limits = replace(self.limits, profile=profile, cpu_seconds=self.limits.cpu_seconds + more)
            with (
                self.device_gate,
                replace(session, limits=limits, on_cpu=self.gpu_as_cpu, _worker=None, _loaded=False) as own,
            ):
                outcomes |= observe_all(own, mine)
        wanted = {(check.name, case.title) for check, case in cases}
        return {key: outcome for key, outcome in outcomes.items() if key in wanted}

    def _settle(
        self,
        subject: Subject,
        clock: Clock,
        cases: dict[Key, Judged],
        before: Pairs,
        phase: Pairs,
        earlier: dict[Key, Judged],
    ) -> None:
        """Decide what failed in one phase: `cases` is what its first run gave, after `before`, which
        gave `earlier`."""
        if not self.confirm:
            return

        def again(checks: set[str]) -> dict[Key, Judged]:
            last = max((number for number, pair in enumerate(phase) if pair[0].name in checks), default=-1)
            if clock.over:
                return {}
            with self._session(subject, clock) as session:
                return self._reviewed(self._observe(session, phase[: last + 1], before), clock)

        lost = {key[0] for key, case in earlier.items() if case.verdict != "passed"}
        decided = decide(cases, again, lost)
        cases.update(decided.cases)
        subject.differing.update(decided.differing)
        self._decide_timeouts(subject, clock, cases, before, phase, again)
        self._decide_budgets(
            subject, clock, cases, phase, stands={key[0] for key, each in earlier.items() if each.only_broken}
        )

    def _decide_timeouts(
        self, subject: Subject, clock: Clock, cases: dict[Key, Judged], before: Pairs, phase: Pairs, again: Run
    ) -> None:
        """A case that ran out of time is run again alone before it costs points: that case, and nothing else of its check. One
        that slept is not: being alone changes nothing for it. When one times out too, the others stand."""
        for number, (check, planned) in enumerate(phase):
            case = cases.get((check.name, planned.title))
            if case is None or case.verdict != "timeout" or case.outcome.slept or clock.over:
                continue
            if case.outcome.message is None or case.outcome.message.id in _NOT_RUN:
                continue
            ended = {name for name, _ in (key for key, each in cases.items() if each.verdict in self.stop_at)}
            with self._session(subject, clock) as session:
                led = [pair for pair in (*before, *phase[:number]) if pair[0].name not in ended - {check.name}]
                observe_all(session, _on(check.device, led), stop_at=self.stop_at)
                if check.device != "cpu" or check.budget:
                    session.drop()
                session.load()
                session.turn = self.gate.alone
                alone = session.run(check, planned) if check.device == "cpu" else case.outcome
            if alone.verdict == "timeout":
                return
            cases.update({key: each for key, each in again({check.name}).items() if key[0] == check.name})

    def _decide_budgets(
        self, subject: Subject, clock: Clock, cases: dict[Key, Judged], phase: Pairs, stands: set[str]
    ) -> None:
        """A broken budget is measured again alone, in turn with the reference, before it costs points; the best run counts.
        `stands` names checks of which one case is decided: the others change nothing."""
        for check, planned in phase:
            key = check.name, planned.title
            if check.name in stands or key not in cases or not cases[key].only_broken:
                continue
            for _ in range(budget.REPEATS):
                with self.gate.alone(), replace(self._session(subject, clock), turn=nullcontext) as session:
                    again = self._reviewed({key: session.run_apart(check, planned)}, clock, in_turn=True)[key]
                if again.spent and budget.excess(check, again.spent) < budget.excess(check, cases[key].spent):
                    cases[key] = again
                if not cases[key].only_broken:
                    break
            if cases[key].only_broken:
                stands.add(check.name)
            if cases[key].only_broken and cases[key].broken == "memory":
                self._find_line(subject, clock, check, planned, cases[key].outcome)

    def _find_line(
        self, subject: Subject, clock: Clock, check: PlannedCheck, planned: PlannedCase, outcome: Outcome
    ) -> None:
        """Where it asks for more than its budget: it is run once more with no more than that."""
        limits = replace(self.limits, memory_mb=budget.megabytes(check, planned.needs))
        with replace(self._session(subject, clock), limits=limits) as session:
            stopped = session.run(check, planned)
        if stopped.verdict == "memory":
            outcome.line, outcome.function = stopped.line, stopped.function

    def _smallest(
        self, subject: Subject, clock: Clock, cases: dict[Key, Judged]
    ) -> dict[str, tuple[PlannedCase, Judged]]:
        """By check, the smallest input on which it fails, where its examples are drawn. Public examples go first: what is found
        from one of them is shown to the student."""
        found: dict[str, tuple[PlannedCase, Judged]] = {}
        for check in self.plan.checks if self.shrinker is not None else ():
            failing = [
                case
                for case in sorted(check.cases, key=lambda case: not case.public)  # they come by size
                if case.drawn
                and (check.name, case.title) in cases
                and cases[check.name, case.title].verdict == "failed"
            ]
            if not failing or check.device != "cpu" or check.budget:
                continue
            assert self.shrinker is not None
            smaller = self.shrinker.find(self.plan, check, failing[0], self._session(subject, clock))
            if smaller is not None:
                found[check.name] = smaller.case, Judged(smaller.outcome, smaller.review)
        return found

    def _needs(self, check: PlannedCheck, planned: PlannedCase, in_turn: bool) -> dict[str, float]:
        """What the reference uses: measured now, or as it was for the plan. Memory hardly changes, so once is enough for
        what keeps to its bound; seconds always depend on the machine and the moment."""
        if self.trusted is None or not self.plan.reference or not (in_turn or "cpu" in check.budget):
            return {name: amount for name, amount in planned.needs.items() if name == "memory"}
        with Session(self.trusted, self.plan, Code(self.plan.reference, "solution.py"), self.limits) as session:
            return budget.needs(session.run_apart(check, planned).used)

    def _reviewed(
        self, outcomes: dict[Key, Outcome], clock: Clock | None = None, in_turn: bool = False
    ) -> dict[Key, Judged]:
        """What the twin says of `outcomes`. What looking at answers takes is the submission's time too."""
        cases = {key: Judged(outcome) for key, outcome in outcomes.items()}
        values = [key for key, case in cases.items() if case.outcome.verdict is None]
        seen = [
            twin.Seen(check, self.plan.find(check, case)[1], outcomes[check, case].value, outcomes[check, case].changed)
            for check, case in values
        ]
        for key, verdict in zip(values, self.review(seen), strict=True):
            cases[key].review = verdict
            if clock is not None:
                clock.left -= verdict.seconds
            check, planned = self.plan.find(*key)
            used = cases[key].outcome.used
            if check.budget and used is not None:
                spent = budget.spent(check, used, self._needs(check, planned, in_turn))
                cases[key].spent, cases[key].broken = spent, budget.broken(check, spent)
        return cases


def _on(device: str, cases: Pairs) -> list[tuple[PlannedCheck, PlannedCase]]:
    return [pair for pair in cases if (pair[0].device == "cpu") == (device == "cpu")]


def _unrun(ended: Outcome) -> Judged:
    """A hidden case of a check that a public case has ended."""
    return Judged(Outcome(ended.verdict, Message(id="run.not-run", values={})))
