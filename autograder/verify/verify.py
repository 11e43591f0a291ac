"""Is an exercise any good? Its stub scores nothing, its reference everything, every mistake is rejected, every alternative
accepted, forgers fail, neither order nor seeds matter, and what belongs to it is there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.grading.grade import ClassGrader
from autograder.grading.planner import CourseProblem
from autograder.grading.twins import TwinClient
from autograder.verify import belongings
from autograder.verify.certificate import certified
from autograder.verify.report import Report, problems_of, remember, remembered, too_loose, warnings_of
from autograder.verify.trials import Trials


@dataclass(frozen=True)
class Parts:
    """What is to be tried of an exercise."""

    trials: bool = True  # the stub, the reference, mistakes, alternatives, forgers, and what belongs to it
    general: bool = True
    mutants: bool = False
    briefly: bool = False  # no more than a sample of trials where the certificate is of the present files


@dataclass
class Verifier:
    """Verifies exercises through the engine that grades; `grader` holds its processes, and may be used again."""

    grader: ClassGrader
    cache: Path
    on_trial: Callable[[str, int, int], None] = lambda exercise, done, total: None  # called from several threads

    def verify(self, exercises: list[Exercise], parts: Parts | None = None) -> list[Report]:
        """What `parts` names about some exercises. Uses what an earlier call found when nothing that it depends on has changed."""
        parts = parts or Parts()
        brief = {each.name for each in exercises if parts.briefly and certified(each, self.grader.root)}
        if not parts.trials:
            reports = [Report(each.name, points=each.points) for each in exercises]
            for general in [True] * parts.general + [False] * parts.mutants:
                self._try_changed(reports, exercises, general=general)
            return reports
        jobs = self.grader.jobs
        # An exercise is led by one thread, which makes its inputs and waits; what takes time are its trials, all in one pool.
        # Two more lead than can work: while inputs are made for some, there are trials of the others.
        leaders, pool = ThreadPoolExecutor(jobs + 2, "verify"), ThreadPoolExecutor(jobs, "trials")
        try:
            reports = list(leaders.map(lambda each: self._verify(each, pool, each.name in brief), exercises))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            self.grader.close()  # ends the workers, so that the threads come back at once
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            leaders.shutdown(cancel_futures=True)
        wholly = [number for number, each in enumerate(exercises) if each.name not in brief]
        for general in [True] * parts.general + [False] * parts.mutants:
            self._try_changed(
                [reports[number] for number in wholly], [exercises[number] for number in wholly], general=general
            )
        return reports

    def _try_changed(self, reports: list[Report], exercises: list[Exercise], *, general: bool) -> None:
        """The general mistakes, or the mutants."""
        from autograder.verify.general import run as general_mistakes
        from autograder.verify.mutants import MutantRunner

        able = [(report, each) for report, each in zip(reports, exercises, strict=True) if report.good or report.trials]
        clients = [self._client(each) for _, each in able]
        runner = MutantRunner(self.grader.root, self.cache, self.grader.jobs, self.on_trial)
        try:
            with ThreadPoolExecutor(self.grader.jobs, "plans") as pool:  # what known mistakes give is not asked for
                plans = list(pool.map(self.grader.planner.begun, [each for _, each in able], clients))
            graders = [
                (each, self.grader.grader_of(each, plan, client))
                for (_, each), plan, client in zip(able, plans, clients, strict=True)
            ]
            generals = (
                general_mistakes.run(self.grader.root, self.cache, self.grader.jobs, graders, self.on_trial)
                if general
                else []
            )
            found = [] if general else runner.run(graders)
        finally:
            for client in clients:
                client.close()
        for (report, _), each in zip(able, generals, strict=general):
            report.general = each
            report.problems += each.problems
        for (report, _), mutants in zip(able, found, strict=not general):
            report.mutants = mutants
            report.problems += mutants.problems

    def _client(self, exercise: Exercise) -> TwinClient:
        return TwinClient(self.grader.trusted, self.grader.planner.opening(exercise))

    def _verify(self, exercise: Exercise, pool: ThreadPoolExecutor, briefly: bool) -> Report:
        report = Report(exercise.name, points=exercise.points, brief=briefly)
        report.problems += belongings.missing_files(exercise, self.grader.root)
        report.problems += belongings.lesson(exercise, self.grader.course, self.grader.root)
        report.coverage = belongings.cited(exercise, self.grader.root)
        report.problems += report.coverage.problems
        report.problems += belongings.ruff_problems(exercise, self.grader.root)
        client = self._client(exercise)
        try:
            self._fill(report, exercise, client, pool)
        except CourseProblem as problem:
            report.problems.insert(0, str(problem))
        finally:
            client.close()
        return report

    def _fill(self, report: Report, exercise: Exercise, client: TwinClient, pool: ThreadPoolExecutor) -> None:
        planner = self.grader.planner
        plan = planner.begun(exercise, client) if report.brief else planner.cached(exercise)
        draft = plan is None or not plan.complete
        if plan is None:
            plan = planner.draft(exercise, client)
        report.checks = [check.name for check in plan.checks]
        report.budgets = {check.name: check.budget for check in plan.checks if check.budget}
        report.problems += belongings.lecture_anchors(exercise, self.grader.root, plan)
        report.problems += belongings.plan_problems(plan)
        key = hashes.of("verify", plan.key, _own_hash(), _cheats(exercise, self.grader.root), *exercise.forbid)
        path = self.cache / f"{exercise.topic}.{exercise.slug}.{key[:24]}.json"
        known = None if draft else remembered(path)
        if known is None:
            grader = self.grader.grader_of(exercise, plan, client)
            trials = Trials(exercise, grader, self.grader, client.describe(), report.brief)
            report.trials, observed = trials.run(pool, self.on_trial, observe=draft and not report.brief)
            if draft and not report.brief:
                planner.complete(exercise, plan, observed, client)
            unstable = trials.unstable(client)
            examined = client.examine(plan.checks, exercise.forbid)
            if not report.brief:
                remember(path, report.trials, unstable, examined)
        else:
            report.trials, unstable, examined = known
            report.brief = False
        report.problems += belongings.too_large(plan)
        report.problems += examined.problems + unstable + problems_of(report)
        if not report.brief:  # a tolerance is held against all right answers
            report.problems += too_loose(report, examined.loose)
        report.warnings += [*warnings_of(report), *belongings.tied_mistakes(plan)]


def _cheats(exercise: Exercise, root: Path) -> bytes:
    """No plan depends on these."""
    path = exercise.solution_dir(root) / "cheats.py"
    return path.read_bytes() if path.exists() else b""


def _own_hash() -> str:
    """Of what decides trials beyond the plan and the grading."""
    folder = Path(__file__).parent
    return hashes.of(
        hashes.engine(),
        hashes.grading(),
        *((folder / name).read_bytes() for name in ("trials.py", "forgers.py", "patches.py")),
    )
