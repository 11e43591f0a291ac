"""Are right answers right whatever the inputs are? The reference and the alternatives, with all hidden and fresh inputs drawn anew many times.

A class has a secret of its own, and so inputs that no author has seen. An answer that hangs on a near tie, or a tolerance that is too
tight for one draw of fifty, costs somebody points there.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from msgspec import structs

from autograder.course.config import Exercise
from autograder.grading.asking import Code
from autograder.grading.grade import ClassGrader
from autograder.grading.planner import CourseProblem
from autograder.grading.record import Subject
from autograder.grading.twins import TwinClient
from autograder.plan import Plan, PlannedCheck
from autograder.source.reach import Reach
from autograder.twin import messages as twin
from autograder.verify.trials import reasons_of


@dataclass(frozen=True)
class SeedRunner:
    """Tries exercises under `seeds` other secrets, through the engine that grades."""

    grader: ClassGrader
    seeds: int

    def run(self, exercises: list[Exercise]) -> list[list[str]]:
        """The problems of each."""
        with ThreadPoolExecutor(self.grader.jobs, "seeds") as pool:
            return list(pool.map(self._problems, exercises))

    def _problems(self, exercise: Exercise) -> list[str]:
        client = TwinClient(self.grader.trusted, self.grader.planner.opening(exercise))
        found: dict[str, str] = {}  # what is said of the first seed, by what is wrong
        times: dict[str, int] = {}
        try:
            known = self.grader.planner.plan(exercise)
            first = {(check.name, case.title): case.inputs for check, case in known.cases()}
            for number in range(1, self.seeds + 1):
                for what, problem in self._under(exercise, client, number, first):
                    found.setdefault(what, problem)
                    times[what] = times.get(what, 0) + 1
        except CourseProblem:
            return []  # it can't be planned at all, which is said already
        finally:
            client.close()
        return [f"{problem} (with {times[what]} of {self.seeds} other seeds)" for what, problem in found.items()]

    def _plan(self, exercise: Exercise, client: TwinClient, number: int) -> Plan:
        planner = replace(self.grader.planner, secret=f"seed {number}".encode(), draw=f"seed {number}")
        return planner.draft(exercise, client)

    def _under(
        self, exercise: Exercise, client: TwinClient, number: int, first: dict[tuple[str, str], bytes]
    ) -> Iterator[tuple[str, str]]:
        """What is wrong under one secret: a name for it, and a sentence."""
        try:
            plan = self._plan(exercise, client, number)  # runs the reference, and has it judged
        except CourseProblem as problem:
            yield "the reference", str(problem)
            return
        drawn = structs.replace(plan, checks=_drawn(plan, first))
        for alternative in client.describe().alternatives:
            yield from self._refused(exercise, client, drawn, alternative)

    def _refused(
        self, exercise: Exercise, client: TwinClient, plan: Plan, alternative: twin.Derived
    ) -> Iterator[tuple[str, str]]:
        names = [check.name for check in plan.checks]
        same = Reach(plan.reference, plan.experiments, names).unreached(alternative.source) | set(alternative.only)
        checks = [check for check in plan.checks if check.name not in same]
        if not checks:
            return
        grader = replace(
            self.grader.grader_of(exercise, structs.replace(plan, checks=checks), client), confirm=False, inspect=False
        )
        file = f"{exercise.name}.py"
        result = grader.grade(
            Subject(Code(alternative.source, file, exercise.forbid), lambda line: (file, line))
        ).result
        failing = [check.name for check in result.checks if check.verdict not in ("passed", "skipped")]
        for name in failing:
            what = f"the alternative “{alternative.sentence}” is right, but fails {name}"
            yield what, f"{what}, {reasons_of(result).get(name, result.verdict)}"


def _drawn(plan: Plan, first: dict[tuple[str, str], bytes]) -> list[PlannedCheck]:
    """The checks with those cases alone whose inputs are drawn. Without budgets: what inputs cost is not looked at here."""
    checks = []
    for check in plan.checks:
        cases = [case for case in check.cases if case.inputs != first[check.name, case.title]]
        if cases and check.is_runnable():
            checks.append(structs.replace(check, cases=cases, budget={}))
    return checks
