"""The implementations of one exercise, tried against its checks through the engine that grades."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.grading.asking import ENDED, Code, Outcome, RunLimits
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.grade import ClassGrader
from autograder.grading.planner import Outcomes, compared
from autograder.grading.record import Subject
from autograder.grading.runner import Session, observe_all
from autograder.grading.twins import TwinClient
from autograder.plan import Plan, PlannedCheck
from autograder.results import CaseResult, CheckResult, ExerciseResult, Message, Verdict
from autograder.source.reach import Reach
from autograder.twin import messages as twin
from autograder.verify.forgers import forgers
from autograder.verify.renamed import renamed
from autograder.verify.trial import FAR, Pairs, Trial

# A variant that hangs is rejected: there is no need to wait as long as for a student.
LIMITS = RunLimits(cpu_seconds=4.0, wall_factor=3.0)
PATCHERS = ("patcher", "control")
FEW, MOST_OF_A_KIND = 3, {"mistake": 6}
"""So many are tried of each kind where a sample is enough."""


@dataclass(frozen=True)
class _Attempt:
    """An implementation that is to be tried."""

    kind: str
    name: str
    source: str
    expected: tuple[str, ...] = ()
    backwards: bool = False  # in another order of checks and with another seed of torch
    checks: frozenset[str] | None = None  # tried on these alone
    crashes: bool = False  # a mistake of which this is known
    used_by: str = ""  # a mistake here, and right elsewhere


@dataclass
class Trials:
    """The implementations of one exercise, tried against its checks."""

    exercise: Exercise
    grader: ExerciseGrader
    course: ClassGrader
    described: twin.Described
    briefly: bool = False  # a sample of them

    def run(
        self, pool: ThreadPoolExecutor, on_trial: Callable[[str, int, int], None], observe: bool
    ) -> tuple[list[Trial], list[Outcomes]]:
        """What became of each; and with `observe`, what each mistake gave on the cases that the plan compares."""
        attempts = self._attempts()
        counting = threading.Lock()
        done = 0

        def attempt(each: _Attempt) -> tuple[Trial, Outcomes]:
            nonlocal done
            grader, passed = self._narrowed(each)
            if observe and each.kind == "mistake":
                with self.course.planner.session(grader.plan, each.source, "solution.py") as session:
                    result, outcomes = self._observed(each, grader, session, compared(grader.plan))
            elif each.kind in PATCHERS:
                with Session(grader.zygote, grader.plan, Code(each.source, "solution.py"), LIMITS) as session:
                    result, outcomes = self._observed(each, grader, session, _one_of_each(grader))
            else:
                result, outcomes = self._graded(each, grader), {}
            tried = _trial(each, result, passed), outcomes
            with counting:
                done += 1
                on_trial(self.exercise.name, done, len(attempts))
            return tried

        tried = [future.result() for future in [pool.submit(attempt, each) for each in attempts]]
        observed = [
            outcomes for each, (_, outcomes) in zip(attempts, tried, strict=True) if observe and each.kind == "mistake"
        ]
        return _without_control([trial for trial, _ in tried]), observed

    def _attempts(self) -> list[_Attempt]:
        found = self.described
        another = "the reference, in another order, with another seed of torch and other names of parameters"
        plan = self.grader.plan
        every = [
            _Attempt("stub", "the stub", found.stub),
            _Attempt("reference", "the reference", found.reference),
            _Attempt("reference", another, renamed(found.reference, plan.experiments), backwards=True),
            *(
                _Attempt(
                    "mistake", each.sentence, each.source, tuple(each.only), crashes=each.crashes, used_by=each.used_by
                )
                for each in found.mistakes
            ),
            *(_Attempt("alternative", each.sentence, each.source, tuple(each.only)) for each in found.alternatives),
            *(_Attempt("cheat", each.sentence, each.source) for each in found.cheats),
            *(
                _Attempt(each.kind, each.name, each.source, checks=each.checks)
                for each in forgers(found.stub, found.reference, self.grader.plan)
            ),
        ]
        return _some_of_each_kind(every, f"{plan.key} {hashes.engine()}") if self.briefly else every

    @functools.cached_property
    def _reach(self) -> Reach:
        plan = self.grader.plan
        return Reach(plan.reference, plan.experiments, [check.name for check in plan.checks])

    def _narrowed(self, each: _Attempt) -> tuple[ExerciseGrader, list[PlannedCheck]]:
        """The grader with those checks that can tell it from the reference, and the others."""
        plan = self.grader.plan
        if each.checks is not None:
            kept = [check for check in plan.checks if check.name in each.checks]
            return replace(self.grader, plan=structs.replace(plan, checks=kept)), []
        same = self._reach.unreached(each.source) if each.kind in ("mistake", "alternative") else set()
        kept = [check for check in plan.checks if check.name not in same]
        passed = [check for check in plan.checks if check.name in same and check.is_runnable()]
        return replace(self.grader, plan=structs.replace(plan, checks=kept)), passed

    def _graded(self, each: _Attempt, grader: ExerciseGrader) -> ExerciseResult:
        plan = grader.plan
        honest = each.kind in ("reference", "alternative")
        # One unlucky measurement must not speak against a right answer.
        mine = replace(grader, confirm=honest and any(check.budget for check in plan.checks), limits=LIMITS)
        if not honest:  # what raises in one case fails the check, and says no more about judges in the others
            mine = replace(mine, stop_at=ENDED | {"failed"})
        if each.backwards:
            mine = replace(mine, plan=_reordered(plan), torch_seed=4321)
        return mine.grade(self._subject(each)).result

    def _observed(
        self, each: _Attempt, grader: ExerciseGrader, session: Session, first: Pairs
    ) -> tuple[ExerciseResult, Outcomes]:
        """What is wrong, run on `first`, and then on what is left of the checks that those cases do not fail. With what they gave."""
        observed = observe_all(session, first, measure=False)
        rejected = self._rejected(observed)
        outcomes = dict(observed)
        left = []
        for check, case in grader.runnable():
            if check.budget:
                left.append((check, case))  # now measured, which the plan has no use for
            elif check.name in rejected:
                skipped = Outcome(rejected[check.name], Message(id="run.not-run", values={}))
                outcomes.setdefault((check.name, case.title), skipped)
            elif (check.name, case.title) not in observed:
                left.append((check, case))
        outcomes |= observe_all(session, left)
        return grader.judge(self._subject(each), outcomes).result, observed

    def _rejected(self, observed: Outcomes) -> dict[str, Verdict]:
        """The checks that these cases are enough for: nothing in others could bring the answer nearer to a tolerance."""
        ended: dict[str, Verdict] = {
            check: outcome.verdict for (check, _), outcome in observed.items() if outcome.verdict is not None
        }
        values = {key: outcome for key, outcome in observed.items() if outcome.verdict is None}
        found = [self.grader.plan.find(*key)[1] for key in values]
        seen = [
            twin.Seen(check, case, outcome.value, outcome.changed)
            for ((check, _), outcome), case in zip(values.items(), found, strict=True)
        ]
        for each, verdict in zip(seen, self.grader.review(seen), strict=True):
            measured = verdict.difference is not None and verdict.difference.tolerance is not None
            if not verdict.passed and not verdict.problem and (not measured or (verdict.margin or 0.0) > FAR):
                ended.setdefault(each.check, "failed")
        return ended

    def _subject(self, each: _Attempt) -> Subject:
        file = f"{self.exercise.name}.py"
        forbidden = self.exercise.forbid if each.kind in ("reference", "alternative", "stub", "cheat") else ()
        return Subject(Code(each.source, file, forbidden), lambda line: (file, line))

    def unstable(self, client: TwinClient) -> list[str]:
        """Cases whose discrete answer a last-bit change of the inputs flips: they would fail right answers."""
        plan, reference = self.grader.plan, self.described.reference
        problems = []
        moved: list[tuple[Any, Any]] = []
        for check, case in plan.cases():
            if not check.is_runnable():
                continue
            inputs = client.perturb(case.inputs)
            if inputs != case.inputs:
                moved.append((check, structs.replace(case, inputs=inputs)))
        with Session(self.grader.zygote, plan, Code(reference, "solution.py"), LIMITS) as session:
            outcomes = observe_all(session, moved, measure=False)
        for check, case in moved:
            outcome = outcomes[check.name, case.title]
            if outcome.verdict is not None:
                problems.append(
                    f"check {check.name}, case {case.title!r}: the reference fails when its inputs move by one bit"
                )
                continue
            change = client.discrete_difference(case.want, outcome.value)
            if change:
                problems.append(
                    f"check {check.name}, case {case.title!r} is unstable: one bit of its inputs flips {change}"
                )
        return problems


def _one_of_each(grader: ExerciseGrader) -> Pairs:
    """One case of each check: where a patch reaches nothing, its zeros fail it, and need not be run on the others."""
    found = {check.name: (check, case) for check, case in reversed(grader.runnable()) if not check.budget}
    return list(found.values())[::-1]


def _is_too_much(case: CaseResult) -> bool:
    """Whether a judge could not cope with an answer: it costs the submission its points, and is to be mended all the same."""
    return case.message is not None and case.message.id in twin.JUDGE_FAILED


def _trial(each: _Attempt, result: ExerciseResult, passed: list[PlannedCheck]) -> Trial:
    """What became of it; `passed` are the checks that need not be run, where it can be loaded at all."""
    loaded = result.message is None
    # What has no points rejects no mistake: a student who makes it would have full marks.
    verdicts = {
        check.name: "grader-error" if any(map(_is_too_much, check.cases)) else check.verdict
        for check in result.checks
        if check.points or each.kind != "mistake"
    }
    return Trial(
        kind=each.kind,
        name=each.name,
        verdicts=verdicts | {check.name: "passed" if loaded else result.verdict for check in passed},
        earned=result.earned + sum(check.points for check in passed if loaded),
        reasons=reasons_of(result),
        margins={check.name: round(check.margin, 6) for check in result.checks if check.margin is not None},
        spent={check.name: _most_spent(check) for check in result.checks if any(case.spent for case in check.cases)},
        seconds=round(result.seconds, 4),
        expected=list(each.expected),
        crashed=_crashed(result),
        public=any(
            case.public and case.verdict not in ("passed", "skipped") for check in result.checks for case in check.cases
        ),
        crashes=each.crashes,
        used_by=each.used_by,
    )


def _crashed(result: ExerciseResult) -> dict[str, str]:
    """The failing checks of which every case that fails raised, with what."""
    found = {}
    for check in result.checks:
        failing = [case.message for case in check.cases if case.verdict not in ("passed", "skipped")]
        told = [each for each in failing if each is None or each.id != "run.not-run"]
        raised = [each.values.get("exception") for each in told if each is not None and each.id == "run.raised"]
        if told and len(raised) == len(told):
            found[check.name] = ", ".join(sorted(set(map(str, raised))))
    if not result.checks and result.message is not None and result.message.id == "run.load-raised":
        found[""] = str(result.message.values.get("exception"))
    return found


def _some_of_each_kind(every: list[_Attempt], salt: str) -> list[_Attempt]:
    """A few of each kind, all of those that are one or two: others for another plan, and for another engine."""
    chosen: set[int] = set()
    for kind in {each.kind for each in every}:
        alike = [number for number, each in enumerate(every) if each.kind == kind]
        alike.sort(key=lambda number: hashes.of(salt, every[number].name))
        chosen |= set(alike[: MOST_OF_A_KIND.get(kind, FEW)])
    return [each for number, each in enumerate(every) if number in chosen]


def _without_control(trials: list[Trial]) -> list[Trial]:
    """The trials, each forger that patches beside its control as a forger that earned what the control did not."""
    controls = {name for trial in trials if trial.kind == "control" for name in trial.passed()}
    for trial in trials:
        if trial.kind == "patcher":
            trial.kind = "forger"
            trial.verdicts = {name: each for name, each in trial.verdicts.items() if name not in controls}
            trial.earned = trial.earned if trial.passed() else 0
    return [trial for trial in trials if trial.kind != "control"]


def _most_spent(check: CheckResult) -> dict[str, float]:
    names = {name for case in check.cases for name in case.spent}
    return {name: max(case.spent.get(name, 0.0) for case in check.cases) for name in sorted(names)}


def reasons_of(result: ExerciseResult) -> dict[str, str]:
    """What is said of the first case of each check that does not pass."""
    from autograder.feedback import messages

    reasons = {}
    for check in result.checks:
        for case in check.cases:
            if case.verdict != "passed":
                message = messages.case_message(case)
                text = messages.text(message) if message else case.verdict
                facts = messages.difference_text(case.difference) if case.difference else ""
                reasons[check.name] = f"case {case.title!r}: {text} {facts}".strip()
                break
        else:
            if check.verdict != "passed" and result.message is not None:
                reasons[check.name] = messages.text(result.message)
    return reasons


def _reordered(plan: Plan) -> Plan:
    checks = [structs.replace(check, cases=check.cases[::-1]) for check in plan.checks[::-1]]
    return structs.replace(plan, checks=checks)
