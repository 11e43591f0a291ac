"""Is an exercise any good? Its stub scores nothing, its reference everything, every mistake is rejected, every alternative
accepted, forgers fail, neither order nor seeds matter, and what belongs to it is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograder.checks import twin_messages as twin
from autograder.checks.plan import Plan
from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.grading.exercise import ExerciseGrader, Subject
from autograder.grading.planner import CourseProblem
from autograder.grading.runner import Code, RunLimits, Session, observe_all
from autograder.grading.twins import TwinClient
from autograder.results import CheckResult, ExerciseResult
from autograder.verify.forgers import forgers
from autograder.verify.mutant_report import MutantReport

# A variant that hangs is rejected: there is no need to wait as long as for a student.
LIMITS = RunLimits(cpu_seconds=4.0, wall_factor=3.0)


@dataclass
class Trial:
    """One implementation tried against the checks."""

    kind: str  # "stub", "reference", "mistake", "alternative", "forger"
    name: str
    verdicts: dict[str, str] = field(default_factory=dict)  # by check
    earned: int = 0
    reasons: dict[str, str] = field(default_factory=dict)  # of failing checks, for people
    margins: dict[str, float] = field(default_factory=dict)
    spent: dict[str, dict[str, float]] = field(default_factory=dict)  # of checks with a budget, the most of its cases
    seconds: float = 0.0

    def failing(self) -> list[str]:
        return [name for name, verdict in self.verdicts.items() if verdict not in ("passed", "skipped")]


@dataclass
class Report:
    """What verify found out about one exercise."""

    exercise: str
    problems: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    points: int = 0
    budgets: dict[str, dict[str, float]] = field(default_factory=dict)  # of checks that have one
    mutants: MutantReport | None = None  # when they were tried

    @property
    def good(self) -> bool:
        return not self.problems

    def of(self, kind: str) -> list[Trial]:
        return [trial for trial in self.trials if trial.kind == kind]

    def only_killer(self) -> dict[str, int]:
        """For each check, how many mistakes it alone rejects."""
        alone = [failing[0] for failing in (trial.failing() for trial in self.of("mistake")) if len(failing) == 1]
        return {check: alone.count(check) for check in self.checks}


@dataclass
class Verifier:
    """Verifies exercises through the engine that grades. `make_grader` gives a grader of one exercise with its plan."""

    root: Path
    cache: Path
    make_grader: Callable[[Exercise], ExerciseGrader]
    make_twin: Callable[[Exercise], TwinClient]
    jobs: int = 2
    on_trial: Callable[[str, int, int], None] = lambda exercise, done, total: None

    def try_mutants(self, reports: list[Report], exercises: list[Exercise]) -> None:
        """Try the mutants of all `exercises` that can be graded, and add what came of them to their reports."""
        from autograder.verify.mutants import MutantRunner

        able = [(report, each) for report, each in zip(reports, exercises, strict=True) if report.trials]
        runner = MutantRunner(self.root, self.cache, self.jobs, self.on_trial)
        for (report, _), found in zip(
            able, runner.run([(each, self.make_grader(each)) for _, each in able]), strict=True
        ):
            report.mutants = found
            report.problems += found.problems

    def verify(self, exercise: Exercise) -> Report:
        """Everything about one exercise. Uses what an earlier call found when nothing it depends on has changed."""
        report = Report(exercise.name, points=exercise.points)
        report.problems += self._belongings(exercise)
        try:
            grader = self.make_grader(exercise)
        except CourseProblem as problem:
            report.problems.insert(0, str(problem))
            return report
        client = self.make_twin(exercise)
        described = client.describe()
        report.checks = [check.name for check in grader.plan.checks]
        report.budgets = {check.name: check.budget for check in grader.plan.checks if check.budget}
        report.problems += self._lecture_anchors(exercise, grader.plan)
        report.problems += self._plan_problems(grader.plan)
        key = hashes.of("verify", grader.plan.key, hashes.of(Path(__file__).read_bytes()), _forgers_hash())
        path = self.cache / f"{exercise.topic}.{exercise.slug}.{key[:24]}.json"
        remembered = _remembered(path)
        if remembered is None:
            report.trials = self._try_all(exercise, grader, described)
            unstable = self._unstable(grader, client)
            _remember(path, report.trials, unstable)
        else:
            report.trials, unstable = remembered
        report.problems += unstable
        report.problems += _judged(report, described)
        return report

    # --- trials ---

    def _try_all(self, exercise: Exercise, grader: ExerciseGrader, described: twin.Described) -> list[Trial]:
        plan = grader.plan
        backwards = _reordered(plan)
        work: list[tuple[str, str, str, Plan, int]] = [
            ("stub", "the stub", described.stub, plan, 0),
            ("reference", "the reference", described.reference, plan, 0),
            (
                "reference",
                "the reference, in another order and with another seed of torch",
                described.reference,
                backwards,
                4321,
            ),
        ]
        work += [("mistake", each.sentence, each.source, plan, 0) for each in described.mistakes]
        work += [("alternative", each.sentence, each.source, plan, 0) for each in described.alternatives]
        work += [
            ("forger", each.name, each.source, plan, 0) for each in forgers(described.stub, described.reference, plan)
        ]
        done = 0

        def attempt(item: tuple[str, str, str, Plan, int]) -> Trial:
            nonlocal done
            kind, name, source, its_plan, seed = item
            trial = self._try(exercise, grader, kind, name, source, its_plan, seed)
            done += 1
            self.on_trial(exercise.name, done, len(work))
            return trial

        with ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(attempt, work))

    def _try(
        self, exercise: Exercise, grader: ExerciseGrader, kind: str, name: str, source: str, plan: Plan, seed: int
    ) -> Trial:
        from dataclasses import replace

        honest = kind in ("reference", "alternative")  # one unlucky measurement must not speak against a right answer
        mine = replace(grader, plan=plan, torch_seed=seed, confirm=honest and _has_budgets(plan), limits=LIMITS)
        file = f"{exercise.name}.py"
        forbidden = exercise.forbid if kind in ("reference", "alternative", "stub") else ()
        result = mine.grade(Subject(Code(source, file, forbidden), lambda line: (file, line))).result
        return Trial(
            kind=kind,
            name=name,
            verdicts={check.name: check.verdict for check in result.checks},
            earned=result.earned,
            reasons=_reasons(result),
            spent={
                check.name: _most_spent(check) for check in result.checks if any(case.spent for case in check.cases)
            },
            margins={check.name: round(check.margin, 6) for check in result.checks if check.margin is not None},
            seconds=round(result.seconds, 4),
        )

    def _unstable(self, grader: ExerciseGrader, client: TwinClient) -> list[str]:
        """Cases whose discrete answer a last-bit change of the inputs flips: they would fail right answers."""
        plan, reference = grader.plan, client.describe().reference
        problems = []
        moved: list[tuple[Any, Any]] = []
        for check, case in plan.cases():
            if check.device != "cpu":
                continue
            inputs = client.perturb(case.inputs)
            if inputs != case.inputs:
                from msgspec import structs

                moved.append((check, structs.replace(case, inputs=inputs)))
        with Session(grader.zygote, plan, Code(reference, "solution.py"), LIMITS) as session:
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

    # --- what belongs to an exercise ---

    def _belongings(self, exercise: Exercise) -> list[str]:
        folder = exercise.solution_dir(self.root)
        problems = []
        for name in ("solution.py", "checks.py", "mistakes.py", "alternatives.py", "test_oracle.py"):
            if not (folder / name).exists():
                problems.append(f"solutions/{exercise.name}/{name} is missing")
        if not exercise.lecture(self.root).exists():
            problems.append(f"lectures/{exercise.name}.md is missing: the lecture page of the exercise")
        return problems

    def _lecture_anchors(self, exercise: Exercise, plan: Plan) -> list[str]:
        page = exercise.lecture(self.root)
        if not page.exists():
            return []
        anchors = {
            _slug(line.lstrip("#")) for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("#")
        }
        return [
            f"check {check.name} points to #{check.lecture}, but lectures/{exercise.name}.md has no such heading"
            for check in plan.checks
            if check.lecture and check.lecture not in anchors
        ]

    def _plan_problems(self, plan: Plan) -> list[str]:
        problems = []
        for check in plan.checks:
            if all(case.public for case in check.cases):
                problems.append(f"check {check.name} has no hidden case: an answer can be copied from its public ones")
            public = [case.inputs for case in check.cases if case.public]
            for case in check.cases:
                if not case.public and not case.drawn and case.inputs in public:
                    problems.append(f"check {check.name}: hidden case {case.title!r} has the inputs of a public one")
        if not any(case.public for _, case in plan.cases()):
            problems.append("no check has a public case: students would see nothing")
        return problems


def _judged(report: Report, described: twin.Described) -> list[str]:
    """What the trials say, as problems."""
    problems = []
    only = {("mistake", each.sentence): set(each.only) for each in described.mistakes}
    only |= {("alternative", each.sentence): set(each.only) for each in described.alternatives}
    for trial in report.trials:
        failing = trial.failing()
        expected = only.get((trial.kind, trial.name), set())
        errors = [name for name, verdict in trial.verdicts.items() if verdict == "grader-error"]
        if errors:
            problems.append(f"{trial.kind} “{trial.name}”: a judge raised: {trial.reasons.get(errors[0], errors[0])}")
        if trial.kind in ("stub", "forger") and trial.earned:
            passed = [name for name, verdict in trial.verdicts.items() if verdict == "passed"]
            problems.append(f"{trial.kind} “{trial.name}” earns {trial.earned} points, from {', '.join(passed)}")
        elif trial.kind == "stub" and any(verdict == "error" for verdict in trial.verdicts.values()):
            problems.append("the stub can't be imported")
        elif trial.kind == "reference" and failing:
            problems.append(f"{trial.name} fails {failing[0]}: {trial.reasons.get(failing[0], '')}")
        elif trial.kind == "mistake" and not failing:
            problems.append(f"no check rejects the mistake “{trial.name}”")
        elif trial.kind == "mistake" and expected - set(failing):
            problems.append(f"the mistake “{trial.name}” should fail {', '.join(sorted(expected - set(failing)))}")
        elif trial.kind == "alternative" and set(failing) - expected:
            name = next(name for name in failing if name not in expected)
            problems.append(f"the alternative “{trial.name}” is right, but fails {name}: {trial.reasons.get(name, '')}")
    problems += _near_budgets(report)
    if not report.of("mistake"):
        problems.append("it lists no mistakes, so nothing shows that its checks reject anything")
    if not report.of("alternative"):
        problems.append("it lists no alternatives, so nothing shows that its checks accept other right answers")
    return problems


WELL_INSIDE = 0.8
"""The share of its budget that no right answer may need more than: another machine measures a little differently."""


def _has_budgets(plan: Plan) -> bool:
    return any(check.budget for check in plan.checks)


def _most_spent(check: CheckResult) -> dict[str, float]:
    names = {name for case in check.cases for name in case.spent}
    return {name: max(case.spent.get(name, 0.0) for case in check.cases) for name in sorted(names)}


def _near_budgets(report: Report) -> list[str]:
    """Right answers that come near to a bound, and wasteful ones that hardly break it."""
    problems = []
    for check, budget in report.budgets.items():
        for name, bound in budget.items():
            for trial in (*report.of("reference"), *report.of("alternative")):
                ratio = trial.spent.get(check, {}).get(name, 0.0)
                if WELL_INSIDE * bound < ratio <= bound and check not in trial.failing():
                    problems.append(
                        f"check {check}: {trial.kind} “{trial.name}” needs {ratio:.3g}× the reference's {name}, too near to "
                        f"the bound {bound:g}×; right answers stay below {WELL_INSIDE * bound:.3g}×"
                    )
    return problems


def _reasons(result: ExerciseResult) -> dict[str, str]:
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
    from msgspec import structs

    checks = [structs.replace(check, cases=check.cases[::-1]) for check in plan.checks[::-1]]
    return structs.replace(plan, checks=checks)


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"[`*_]{1,2}([^`*]+)[`*_]{1,2}", r"\1", heading.strip()).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def _forgers_hash() -> str:
    from autograder.verify import forgers as module

    return hashes.of(Path(module.__file__).read_bytes())


def _remembered(path: Path) -> tuple[list[Trial], list[str]] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return [Trial(**trial) for trial in data["trials"]], list(data["unstable"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(path: Path, trials: list[Trial], unstable: list[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    data = {"trials": [asdict(trial) for trial in trials], "unstable": unstable}
    temporary.write_text(json.dumps(data), encoding="utf-8")
    temporary.replace(path)
