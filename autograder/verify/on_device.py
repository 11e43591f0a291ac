"""What becomes of an exercise's GPU checks on a GPU: the reference, mistakes, alternatives and forgers, tried there and again on the
processor, which should say the same. Where there is no GPU the processor stands in for it: a rehearsal.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from msgspec import structs

from autograder.course.config import Exercise
from autograder.grading.grade import ClassGrader
from autograder.grading.planner import CourseProblem
from autograder.grading.twins import TwinClient
from autograder.verify.trial import Trial
from autograder.verify.trials import Trials

AT_ONCE = 8
"""Trials that share the device. None of them is measured, and each takes a few megabytes beside its context."""


@dataclass
class DeviceReport:
    """What became of one exercise's GPU checks."""

    exercise: str
    checks: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)  # on the device
    on_processor: list[Trial] = field(default_factory=list)  # the same ones, of checks that can run there
    problems: list[str] = field(default_factory=list)

    def differences(self) -> Iterator[tuple[Trial, str, str, str]]:
        """Where the two say otherwise: the trial, the check, the verdict on the device, the one on the processor."""
        others = {(trial.kind, trial.name): trial for trial in self.on_processor}
        for trial in self.trials:
            other = others.get((trial.kind, trial.name))
            for check, verdict in trial.verdicts.items():
                there = other.verdicts.get(check, verdict) if other is not None else verdict
                if (verdict == "passed") != (there == "passed"):
                    yield trial, check, verdict, there


@dataclass
class DeviceVerifier:
    """Tries GPU checks; `course` holds the processes. With `rehearsal` the processor stands in for the device."""

    course: ClassGrader
    rehearsal: bool
    on_trial: Callable[[str, int, int], None] = lambda exercise, done, total: None

    def verify(self, exercises: list[Exercise]) -> list[DeviceReport]:
        """A report for each exercise that has a GPU check."""
        gate = threading.BoundedSemaphore(1 if self.rehearsal else AT_ONCE)
        with ThreadPoolExecutor(self.course.jobs if self.rehearsal else AT_ONCE) as pool:
            reports = [self._verify(exercise, pool, gate) for exercise in exercises]
        return [report for report in reports if report.checks or report.problems]

    def _verify(self, exercise: Exercise, pool: ThreadPoolExecutor, gate: threading.BoundedSemaphore) -> DeviceReport:
        report = DeviceReport(exercise.name)
        planner = self.course.planner
        client = TwinClient(self.course.trusted, planner.opening(exercise))
        try:
            described = client.describe()
            if not any(check.device != "cpu" for check in described.checks):
                return report
            plan = planner.cached(exercise) or planner.draft(exercise, client)
            on_device = [check for check in plan.checks if check.is_runnable(gpu=True) and check.device != "cpu"]
            report.checks = [check.name for check in on_device]
            mine = structs.replace(plan, checks=on_device)
            grader = replace(self.course.grader_of(exercise, mine, client), has_gpu=True, device_gate=gate)
            grader = replace(grader, gpu_as_cpu=self.rehearsal)
            report.trials, _ = Trials(exercise, grader, self.course, described).run(pool, self.on_trial, observe=False)
            if not self.rehearsal:
                # A kernel is compiled or interpreted for a whole process, so these are not compared.
                mine = structs.replace(plan, checks=[check for check in on_device if not check.needs])
                there = replace(grader, plan=mine, gpu_as_cpu=True)
                report.on_processor, _ = Trials(exercise, there, self.course, described).run(
                    pool, self.on_trial, observe=False
                )
        except CourseProblem as problem:
            report.problems.append(str(problem))
        finally:
            client.close()
        report.problems += list(_problems(report))
        return report


def _problems(report: DeviceReport) -> Iterator[str]:
    """What can't be right: an honest answer that fails there, points for nothing, a fault of ours."""
    for trial in report.trials:
        failing = trial.failing()
        for check, verdict in trial.verdicts.items():
            if verdict == "grader-error":
                yield f"{trial.kind} “{trial.name}”: {check}: {trial.reasons.get(check, verdict)}"
        if trial.kind == "reference" and failing:
            yield f"{trial.name} fails {failing[0]}: {trial.reasons.get(failing[0], '')}"
        elif trial.kind == "alternative" and not trial.accepted():
            name = next(name for name in failing if name not in trial.expected)
            yield f"the alternative “{trial.name}” is right, but fails {name}: {trial.reasons.get(name, '')}"
        elif trial.kind in ("stub", "forger") and any(verdict == "passed" for verdict in trial.verdicts.values()):
            yield f"{trial.kind} “{trial.name}” passes {', '.join(sorted(set(trial.verdicts) - set(failing)))}"


def device_name() -> str:
    """The GPU as its driver names it, "" where there is none."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    name, memory, driver = (word.strip() for word in (said.splitlines() or [",,"])[0].split(","))
    return f"{name}, {memory}, driver {driver}" if name else ""
