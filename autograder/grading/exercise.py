"""Grading one exercise of one submission: run → review → run failures again → diagnose → result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from autograder.checks import twin_messages as twin
from autograder.checks.plan import Plan, PlannedCase, PlannedCheck
from autograder.grading import budget
from autograder.grading.gate import Gate
from autograder.grading.record import Graded, Judged, Key, Recorder, Subject, flags
from autograder.grading.runner import COMPILE_SECONDS, ENDED, Code, Outcome, RunLimits, Session, observe_all
from autograder.grading.smallest import Shrinker
from autograder.jail.host import Zygote
from autograder.jail.layers.base import Profile, starts_programs
from autograder.results import ExerciseResult, Message, Verdict

_ONE_DEVICE = threading.Lock()
"""Workers that share a GPU would take each other's memory and wait for each other's kernels."""

COMPILERS = ("triton",)
"""Packages that start a compiler when a kernel is first launched on a device."""

Review = Callable[[list[twin.Seen]], list[twin.Verdict]]


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
    inspect: bool = False  # look for what a person should see
    shrinker: Shrinker | None = None  # looks for the smallest input on which a check with `given=` fails

    def grade(self, subject: Subject, key: str = "") -> Graded:
        """Grade one file. Never raises for what the file does."""
        with self.gate.shared():
            cases, load_problem = self._first_pass(subject)
            if self.confirm:
                self._decide_failures(subject, cases)
        if self.confirm:
            self._decide_timeouts(subject, cases)
            self._decide_budgets(subject, cases)
        with self.gate.shared():
            smallest = self._smallest(subject, cases)
        graded = self._recorder.result(subject, cases, load_problem, smallest)
        graded.result.key = key
        graded.result.flags = flags(subject)
        return graded

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
        return Recorder(self.plan, self.title, self.points, self.lecture, self.limits.profile, self.has_gpu)

    # --- running ---

    def runnable(self) -> list[tuple[PlannedCheck, PlannedCase]]:
        """The cases that can run here, public ones first: code that has seen no hidden input yet has none to print, and
        what it prints in public cases is shown."""
        cases = [(check, case) for check, case in self.plan.cases() if check.is_runnable(self.has_gpu)]
        return sorted(cases, key=lambda pair: not pair[1].public)

    def _session(self, subject: Subject) -> Session:
        return Session(self.zygote, self.plan, subject.code, self.limits, self.torch_seed, noticed=subject.noticed)

    def _observe(
        self, session: Session, cases: list[tuple[PlannedCheck, PlannedCase]]
    ) -> dict[tuple[str, str], Outcome]:
        """Outcomes of `cases`. GPU checks run last, one worker at a time, in the profile that lets a worker have the device:
        what a worker of that profile is not kept from, no other case meets."""
        outcomes = observe_all(session, [pair for pair in cases if pair[0].device == "cpu"], stop_at=self.stop_at)
        on_device = [pair for pair in cases if pair[0].device != "cpu"]
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
        return outcomes

    def _first_pass(self, subject: Subject) -> tuple[dict[Key, Judged], Outcome | None]:
        with self._session(subject) as session:
            if self.inspect:
                session.inspect()
            problem = session.load()
            if problem is not None and not problem.repeatable:  # a fresh worker decides
                problem = session.load()
            if problem is not None:
                return {}, problem
            return self._reviewed(self._observe(session, self.runnable())), None

    def _decide_failures(self, subject: Subject, cases: dict[Key, Judged]) -> None:
        """A failed check is run once more in a fresh worker, and that run decides."""
        for check in self.plan.checks:
            mine = {key: case for key, case in cases.items() if key[0] == check.name}
            failing = [case for case in mine.values() if case.verdict not in ("passed", "timeout")]
            failing = [case for case in failing if not case.only_broken]
            if not failing or any(case.verdict == "timeout" for case in mine.values()):
                continue
            if all(case.outcome.repeatable for case in failing):
                continue
            crashed_before = any(case.verdict == "crashed" for case in failing)
            again = self._fresh(subject, check)
            if not crashed_before and any(case.verdict == "crashed" for case in again.values()):
                again = self._fresh(subject, check)  # something else may have killed it: that must not decide
            cases.update(again)

    def _fresh(self, subject: Subject, check: PlannedCheck) -> dict[Key, Judged]:
        """One check in a worker that has run nothing else."""
        with self._session(subject) as session:
            return self._reviewed(
                self._observe(session, [(check, case) for each, case in self.runnable() if each is check])
            )

    def _decide_timeouts(self, subject: Subject, cases: dict[Key, Judged]) -> None:
        """A timeout is run again alone before it costs points. When that times out too, the others stand."""
        for check in self.plan.checks:
            if not any(case.verdict == "timeout" for key, case in cases.items() if key[0] == check.name):
                continue
            with self.gate.alone():
                again = self._fresh(subject, check)
            cases.update(again)
            if any(case.verdict == "timeout" for case in again.values()):
                return

    def _decide_budgets(self, subject: Subject, cases: dict[Key, Judged]) -> None:
        """A broken budget is measured again alone, in turn with the reference, before it costs points; the best run counts."""
        stands: set[str] = set()  # checks of which one case is decided: the others change nothing
        for check, planned in self.runnable():
            key = check.name, planned.title
            if check.name in stands or key not in cases or not cases[key].only_broken:
                continue
            with self.gate.alone():
                for _ in range(budget.REPEATS):
                    with self._session(subject) as session:
                        again = self._reviewed({key: session.run_apart(check, planned)}, in_turn=True)[key]
                    if again.spent and budget.excess(check, again.spent) < budget.excess(check, cases[key].spent):
                        cases[key] = again
                    if not cases[key].only_broken:
                        break
            if cases[key].only_broken:
                stands.add(check.name)
            if cases[key].only_broken and cases[key].broken == "memory":
                self._find_line(subject, check, planned, cases[key].outcome)

    def _find_line(self, subject: Subject, check: PlannedCheck, planned: PlannedCase, outcome: Outcome) -> None:
        """Where it asks for more than its budget: it is run once more with no more than that."""
        limits = replace(self.limits, memory_mb=budget.megabytes(check, planned.needs))
        with replace(self._session(subject), limits=limits) as session:
            stopped = session.run(check, planned)
        if stopped.verdict == "memory":
            outcome.line, outcome.function = stopped.line, stopped.function

    def _smallest(self, subject: Subject, cases: dict[Key, Judged]) -> dict[str, tuple[PlannedCase, Judged]]:
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
            smaller = self.shrinker.find(self.plan, check, failing[0], self._session(subject))
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

    def _reviewed(self, outcomes: dict[Key, Outcome], in_turn: bool = False) -> dict[Key, Judged]:
        cases = {key: Judged(outcome) for key, outcome in outcomes.items()}
        values = [key for key, case in cases.items() if case.outcome.verdict is None]
        seen = [
            twin.Seen(check, self.plan.find(check, case)[1], outcomes[check, case].value, outcomes[check, case].changed)
            for check, case in values
        ]
        for key, verdict in zip(values, self.review(seen), strict=True):
            cases[key].review = verdict
            check, planned = self.plan.find(*key)
            used = cases[key].outcome.used
            if check.budget and used is not None:
                spent = budget.spent(check, used, self._needs(check, planned, in_turn))
                cases[key].spent, cases[key].broken = spent, budget.broken(check, spent)
        return cases
