"""Grading one exercise of one submission: run → review → run failures again → diagnose → result."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from autograder.checks import twin_messages as twin
from autograder.checks.extract import lines as source_lines
from autograder.checks.plan import Plan, PlannedCase, PlannedCheck
from autograder.grading import budget
from autograder.grading.diagnosis import diagnose
from autograder.grading.gate import Gate
from autograder.grading.runner import ENDED, Code, Outcome, RunLimits, Session, observe_all
from autograder.grading.smallest import Shrinker
from autograder.jail.host import Zygote
from autograder.results import CaseResult, CheckResult, Diagnosis, ExerciseResult, Message, Place, Verdict

MAX_OBSERVATION = 4 * 2**20  # larger ones are judged but not kept
# The gravest reason first: what an exercise's verdict names when several checks fail.
GRAVITY: tuple[Verdict, ...] = (
    "grader-error", "forbidden", "error", "crashed", "memory", "timeout", "failed", "blocked", "skipped", "passed",
)  # fmt: skip

_ONE_DEVICE = threading.Lock()
"""Workers that share a GPU would measure each other's memory and wait for each other's kernels."""

Where = Callable[[int], tuple[str, int]]
Review = Callable[[list[twin.Seen]], list[twin.Verdict]]
Key = tuple[str, str]


@dataclass(frozen=True)
class Subject:
    """One student's file for one exercise."""

    code: Code
    where: Where  # line of the module → file and line as the student knows them
    file_hash: str = ""
    noticed: dict[tuple[str, str], int] = field(default_factory=dict)  # while it is graded, for a person: see Session


@dataclass
class Graded:
    """A result with the observations that it refers to, by their keys."""

    result: ExerciseResult
    observations: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Case:
    """What is known of one case so far."""

    outcome: Outcome
    review: twin.Verdict | None = None
    spent: dict[str, float] = field(default_factory=dict)  # how many times what the reference uses
    broken: str = ""  # the budget that is: "memory" or "cpu"

    @property
    def verdict(self) -> Verdict:
        if self.outcome.verdict is not None:
            return self.outcome.verdict
        if self.review is None or self.review.problem:
            return "grader-error"
        return "passed" if self.review.passed and not self.broken else "failed"

    @property
    def only_broken(self) -> bool:
        """The answer is right, and cost too much."""
        return bool(self.broken) and self.review is not None and self.review.passed


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
        graded = self._result(subject, cases, load_problem, smallest)
        graded.result.key = key
        graded.result.flags = _flags(subject)
        return graded

    def judge(self, subject: Subject, outcomes: dict[Key, Outcome]) -> Graded:
        """The result that follows from `outcomes` of all cases that can run here, which were had elsewhere."""
        return self._result(subject, self._reviewed(outcomes), None)

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
            limits = replace(self.limits, profile="gpu")
            with (
                _ONE_DEVICE,
                replace(session, limits=limits, on_cpu=self.gpu_as_cpu, _worker=None, _loaded=False) as own,
            ):
                outcomes |= observe_all(own, on_device)
        return outcomes

    def _first_pass(self, subject: Subject) -> tuple[dict[Key, _Case], Outcome | None]:
        with self._session(subject) as session:
            if self.inspect:
                session.inspect()
            problem = session.load()
            if problem is not None and not problem.repeatable:  # a fresh worker decides
                problem = session.load()
            if problem is not None:
                return {}, problem
            return self._reviewed(self._observe(session, self.runnable())), None

    def _decide_failures(self, subject: Subject, cases: dict[Key, _Case]) -> None:
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

    def _fresh(self, subject: Subject, check: PlannedCheck) -> dict[Key, _Case]:
        """One check in a worker that has run nothing else."""
        with self._session(subject) as session:
            return self._reviewed(
                self._observe(session, [(check, case) for each, case in self.runnable() if each is check])
            )

    def _decide_timeouts(self, subject: Subject, cases: dict[Key, _Case]) -> None:
        """A timeout is run again alone before it costs points. When that times out too, the others stand."""
        for check in self.plan.checks:
            if not any(case.verdict == "timeout" for key, case in cases.items() if key[0] == check.name):
                continue
            with self.gate.alone():
                again = self._fresh(subject, check)
            cases.update(again)
            if any(case.verdict == "timeout" for case in again.values()):
                return

    def _decide_budgets(self, subject: Subject, cases: dict[Key, _Case]) -> None:
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

    def _smallest(self, subject: Subject, cases: dict[Key, _Case]) -> dict[str, tuple[PlannedCase, _Case]]:
        """By check, the smallest input on which it fails, where its examples are drawn. Public examples go first: what is found
        from one of them is shown to the student."""
        found: dict[str, tuple[PlannedCase, _Case]] = {}
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
                found[check.name] = smaller.case, _Case(smaller.outcome, smaller.review)
        return found

    def _needs(self, check: PlannedCheck, planned: PlannedCase, in_turn: bool) -> dict[str, float]:
        """What the reference uses: measured now, or as it was for the plan. Memory hardly changes, so once is enough for
        what keeps to its bound; seconds always depend on the machine and the moment."""
        if self.trusted is None or not self.plan.reference or not (in_turn or "cpu" in check.budget):
            return {name: amount for name, amount in planned.needs.items() if name == "memory"}
        with Session(self.trusted, self.plan, Code(self.plan.reference, "solution.py"), self.limits) as session:
            return budget.needs(session.run_apart(check, planned).used)

    def _reviewed(self, outcomes: dict[Key, Outcome], in_turn: bool = False) -> dict[Key, _Case]:
        cases = {key: _Case(outcome) for key, outcome in outcomes.items()}
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

    # --- results ---

    def _result(
        self,
        subject: Subject,
        cases: dict[Key, _Case],
        problem: Outcome | None,
        smallest: dict[str, tuple[PlannedCase, _Case]] | None = None,
    ) -> Graded:
        graded = Graded(
            ExerciseResult(
                exercise=self.plan.exercise,
                title=self.title,
                points=self.points,
                verdict="passed",
                file=subject.code.file,
                file_hash=subject.file_hash,
                profile=self.limits.profile,
            )
        )
        result = graded.result
        if problem is not None:
            result.message, result.place = problem.message, _place(problem, subject)
            result.seconds = problem.seconds
            result.checks = [self._unloaded(check, problem) for check in self.plan.checks]
        else:
            found = diagnose(
                self.plan,
                {key: case.verdict == "passed" for key, case in cases.items()},
                {key: case.review.matches for key, case in cases.items() if case.review is not None},
            )
            result.checks = [
                self._check(check, cases, found.get(check.name), graded, subject) for check in self.plan.checks
            ]
            for record in result.checks:
                if smallest and record.name in smallest:
                    planned, case = smallest[record.name]
                    check = next(each for each in self.plan.checks if each.name == record.name)
                    record.smallest = self._case(check, planned, case, graded, subject)
            result.seconds = sum(case.outcome.seconds for case in cases.values())
        needed = [check.verdict for check in result.checks if not check.bonus]
        result.verdict = next(verdict for verdict in GRAVITY if verdict in (*needed, "passed"))
        return graded

    def _unloaded(self, check: PlannedCheck, problem: Outcome) -> CheckResult:
        verdict = problem.verdict or "error"
        return self._check_record(check, verdict if check.is_runnable(self.has_gpu) else "skipped")

    def _check_record(self, check: PlannedCheck, verdict: Verdict) -> CheckResult:
        return CheckResult(
            name=check.name,
            claim=check.claim,
            points=check.points,
            verdict=verdict,
            earned=check.points if verdict == "passed" else 0,
            bonus=check.bonus,
            device=check.device,
            needs=check.needs,
            lecture=f"{self.lecture}#{check.lecture}" if check.lecture else self.lecture,
        )

    def _check(
        self, check: PlannedCheck, cases: dict[Key, _Case], found: list[int] | None, graded: Graded, subject: Subject
    ) -> CheckResult:
        if not check.is_runnable(self.has_gpu):
            return self._check_record(check, "skipped")
        results = [self._case(check, case, cases[check.name, case.title], graded, subject) for case in check.cases]
        verdict: Verdict = next(each for each in GRAVITY if each in {case.verdict for case in results})
        record = self._check_record(check, verdict)
        record.cases = results
        if found and verdict != "passed":
            record.diagnosis = Diagnosis(sentences=[self.plan.mistakes[index] for index in found])
        return record

    def _case(
        self, check: PlannedCheck, planned: PlannedCase, case: _Case, graded: Graded, subject: Subject
    ) -> CaseResult:
        outcome, review = case.outcome, case.review
        result = CaseResult(
            title=planned.title,
            public=planned.public,
            fresh=planned.fresh,
            seed=planned.fingerprint,
            parameters=dict(planned.parameters),
            inputs=planned.inputs_text,
            want=planned.want_text,
            verdict=case.verdict,
            message=outcome.message,
            place=_place(outcome, subject),
            output=outcome.output,
            seconds=round(outcome.seconds, 6),
            spent={name: round(ratio, 3) for name, ratio in case.spent.items()},
        )
        if review is not None:
            result.got, result.difference, result.margin = review.text, review.difference, review.margin
            result.message, result.timeline = review.message, review.timeline
            if case.only_broken:
                result.message = budget.message(check, case.spent)
            if review.problem:
                result.message = Message(id="run.grader-error", values={"detail": review.problem})
        if outcome.value and len(outcome.value) <= MAX_OBSERVATION:
            key = hashlib.sha256(outcome.value).hexdigest()[:32]
            graded.observations[key] = outcome.value
            result.observation = key
        return result


def _flags(subject: Subject) -> list[Message]:
    """What was noticed, by line; the lines at which code runs come from a worker, so they may be none."""
    flags = []
    last = len(source_lines(subject.code.text))
    for (kind, name), line in sorted(subject.noticed.items(), key=lambda item: item[1]):
        values: dict[str, object] = {"name": name}
        if 1 <= line <= last:
            file, number = subject.where(line)
            values["place"] = f"{file}:{number}"
        flags.append(Message(id=f"flag.{kind}", values=values))
    return flags


def _place(outcome: Outcome, subject: Subject) -> Place | None:
    lines = source_lines(subject.code.text)
    if not 1 <= outcome.line <= len(lines):  # the number comes from the worker
        return None
    text = lines[outcome.line - 1].strip()[:200]
    file, line = subject.where(outcome.line)
    return Place(file=file, line=line, function=outcome.function if outcome.function != "<module>" else "", text=text)
