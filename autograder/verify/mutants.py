"""Do the checks notice small changes? Runs the mutants of a reference through the engine, and remembers what each check said.

A mutant is run until two checks have rejected it: that is enough to know that it is killed, and whether one check alone
does it. What a check said of a mutant is kept under the hash of both, each as soon as it is known: after Ctrl-C the next
call goes on, and after a change of one check only that check is run again.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.grading.asking import Code
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.runner import Session
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.source import extract
from autograder.source.parsing import parse
from autograder.source.reach import Reach
from autograder.twin import messages as twin
from autograder.verify.equivalent import Equivalents
from autograder.verify.memory import Memory
from autograder.verify.mutant_report import MutantReport, Said, Tried
from autograder.verify.mutation import Mutant, mutants
from autograder.verify.trial import FAR

MOST = 400  # of one exercise: more are sampled
ENOUGH = 2  # checks that reject a mutant: further ones would say nothing new
FLOOR_SECONDS, TIMES_REFERENCE = 0.3, 10.0  # CPU time of a case: a mutant that hangs is cut soon
WALL_FACTOR = 10.0  # generous: several run at once, and few mutants sleep


# --- running ---


@dataclass
class MutantRunner:
    """Tries the mutants of several exercises, all in one pool of threads."""

    root: Path
    cache: Path
    jobs: int = 2
    on_mutant: Callable[[str, int, int], None] = lambda exercise, done, total: None  # called from the threads

    def run(self, graders: Sequence[tuple[Exercise, ExerciseGrader]]) -> list[MutantReport]:
        """The reports, in the order of `graders`. What is known when it is interrupted is kept."""
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="mutants") as pool:
            try:
                begun = [(exercise, self._begin(exercise, grader, pool)) for exercise, grader in graders]
                return [finish() for _, finish in begun]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _begin(
        self, exercise: Exercise, grader: ExerciseGrader, pool: ThreadPoolExecutor
    ) -> Callable[[], MutantReport]:
        folder = exercise.solution_dir(self.root)
        reference = (folder / "solution.py").read_text(encoding="utf-8")
        file = f"solutions/{exercise.name}/solution.py"
        every = mutants(reference, file)
        chosen = sample(every)
        memory = Memory(self.cache / f"{exercise.topic}.{exercise.slug}.mutants.jsonl")
        trial = MutantTrial(grader, reference, (folder / "checks.py").read_text(encoding="utf-8"), memory)
        done = 0
        counting = threading.Lock()

        def attempt(mutant: Mutant) -> Tried:
            nonlocal done
            tried = trial.run(mutant)
            with counting:
                done += 1
                self.on_mutant(exercise.name, done, len(chosen))
            return tried

        futures = [pool.submit(attempt, mutant) for mutant in chosen]

        def finish() -> MutantReport:
            report = MutantReport(exercise.name, file, reference, [future.result() for future in futures], len(every))
            memory.close(keep=trial.used)
            equivalents = Equivalents.read(folder / "equivalent.toml")
            for each in report.tried:
                each.equivalent = equivalents.reason(each.mutant) if each.survived else ""
            report.stale = equivalents.problems(every, [each.mutant for each in report.killed])
            return report

        return finish


def sample(every: Sequence[Mutant]) -> list[Mutant]:
    """At most `MOST` of the mutants: the same ones each time, whatever changes elsewhere in the file."""
    if len(every) <= MOST:
        return list(every)
    chosen = sorted(every, key=lambda each: hashlib.sha256(repr(_name(each)).encode()).digest())[:MOST]
    return sorted(chosen, key=every.index)


def _name(mutant: Mutant) -> tuple[str, str, str, int]:
    return mutant.scope, mutant.old, mutant.new, mutant.nth


class MutantTrial:
    """The mutants of one exercise against its checks."""

    enough = ENOUGH

    def __init__(self, grader: ExerciseGrader, reference: str, checks: str, memory: Memory) -> None:
        self._grader = grader
        self._plan = _silent(grader.plan)
        self._memory = memory
        self.used: set[str] = set()
        self._code = hashes.of(code_of(reference), code_of(self._plan.stub), hashes.engine(), _runner())
        source = extract.Source(checks, "checks.py")
        self._keys = {check.name: _check_key(source, check) for check in self._plan.checks}
        self._reference = Code(reference, "solution.py")
        self._reach = Reach(reference, self._plan.experiments, [check.name for check in self._plan.checks])
        self._timing = threading.Lock()

    @functools.cached_property
    def _seconds(self) -> dict[str, float]:
        """Of each check, what the reference's slowest case takes."""
        slowest: dict[str, float] = {}
        with Session(self._grader.zygote, self._plan, self._reference, self._grader.limits) as session:
            for check in self._checks:
                slowest[check.name] = max(session.run(check, case).seconds for case in check.cases)
        return slowest

    @functools.cached_property
    def _checks(self) -> list[PlannedCheck]:
        """Those that reject the most known mistakes first: two that reject a mutant are found sooner."""
        rejects = {
            check.name: len({index for case in check.cases for index in case.mistakes})
            for check in self._grader.plan.checks
        }
        checks = [check for check in self._plan.checks if check.is_runnable()]
        return sorted(checks, key=lambda check: -rejects[check.name])

    def run(self, mutant: Mutant, alone: bool = False) -> Tried:
        """What the checks say of one mutant, from memory as far as it goes; with `alone` each check has a worker of its own."""
        checks = self._checks
        tried = Tried(mutant, total=len(checks))
        same = self._unreached(mutant)
        tried.said = {check.name: Said("passed") for check in checks if check.name in same}
        keys = {check.name: hashes.of(self._code, repr(_name(mutant)), self._keys[check.name]) for check in checks}
        self.used.update(keys.values())
        for name, key in keys.items():
            said = self._memory.get(key)
            if said is not None:
                tried.said[name] = said
        if self._decided(tried):
            return tried
        with self._timing:
            slowest = self._seconds
        with Session(self._grader.zygote, self._plan, Code(mutant.source, "solution.py")) as session:
            for check in self._in_turn(mutant):
                if check.name in tried.said:
                    continue
                if alone:
                    session.drop()
                cpu = FLOOR_SECONDS + TIMES_REFERENCE * slowest[check.name]
                session.limits = replace(self._grader.limits, cpu_seconds=cpu, wall_factor=WALL_FACTOR)
                said = self._check(session, check)
                tried.said[check.name] = said
                self._memory.put(keys[check.name], said)
                self._heard(mutant, check, said)
                if self._decided(tried):
                    break
        tried.said = {check.name: tried.said[check.name] for check in checks if check.name in tried.said}
        return tried

    def _in_turn(self, mutant: Mutant) -> list[PlannedCheck]:
        """The checks in the order in which they are asked."""
        return self._checks

    def _heard(self, mutant: Mutant, check: PlannedCheck, said: Said) -> None:
        """Called with each verdict that was not remembered."""

    def _unreached(self, mutant: Mutant) -> set[str]:
        return self._reach.unreached(mutant.source)

    def _decided(self, tried: Tried) -> bool:
        slow = any(said.verdict in ("timeout", "memory", "crashed") for said in tried.said.values())
        return slow or len(tried.killed_by) >= self.enough or len(tried.said) == tried.total

    def _check(self, session: Session, check: PlannedCheck) -> Said:
        """One check's verdict. Further cases are run only as long as they can say how near the tolerance was."""
        said = Said("passed")
        for case in check.cases:
            one = self._case(session, check, case)
            if one.margin is not None:
                said.margin = max(one.margin, said.margin or 0.0)
            if one.verdict != "passed":
                said.verdict, said.exact = one.verdict, said.exact or one.exact
                if said.exact or (said.margin or 0.0) > FAR:
                    break
        return said

    def _case(self, session: Session, check: PlannedCheck, case: PlannedCase) -> Said:
        outcome = session.run(check, case)
        if outcome.verdict is not None:
            return Said(outcome.verdict, exact=True)
        if outcome.value == case.want and not outcome.changed:
            return Said("passed")  # what the reference gives, and that is known to pass
        verdict = self._grader.review([twin.Seen(check.name, case, outcome.value, outcome.changed)])[0]
        if verdict.problem or (verdict.message is not None and verdict.message.id in twin.JUDGE_FAILED):
            return Said("grader-error", exact=True)
        margin = None if verdict.margin is None else float(f"{verdict.margin:.3g}")
        if verdict.passed:
            return Said("passed", margin)
        by_number = verdict.difference is not None and verdict.difference.tolerance is not None
        return Said("failed", margin, exact=not by_number)


def _silent(plan: Plan) -> Plan:
    """The plan without what the known mistakes give: nothing is diagnosed here, and every case is lighter. What has no points
    rejects nothing: the checks that have must notice by themselves."""
    checks = [
        structs.replace(check, cases=[structs.replace(case, mistakes={}) for case in check.cases])
        for check in plan.checks
        if check.points
    ]
    return structs.replace(plan, checks=checks)


# --- what is remembered ---


@functools.cache
def _runner() -> str:
    return hashes.of(Path(__file__).read_bytes())


def code_of(source: str) -> str:
    """What a module does, whatever its comments, docstrings and layout."""
    tree = parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _check_key(source: extract.Source, check: PlannedCheck) -> str:
    """Hash of a check: its code with all that it names, and its cases."""
    needed = source.needed([check.name], {})
    code = [ast.dump(each.node) for each in source.definitions if each.binds & needed]
    cases = [part for case in check.cases for part in (case.title, case.seed, case.inputs, case.want)]
    return hashes.of(*code, *cases)
