"""Runs the general mistakes of exercises against their checks, as mutants are run, and remembers what each check said.

Of mistakes that keep something over calls, each check gets a worker of its own. They are so rejected by a check that makes two calls,
not by the luck of what ran before: a student's failing check is run again in a fresh worker, and passes there. The check that rejected
most of what was like a mistake is asked first: half of all workers would run checks that have nothing against theirs.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.grading.exercise import ExerciseGrader
from autograder.plan import PlannedCheck
from autograder.verify.equivalent import DeclaredGenerals
from autograder.verify.general import General, generals
from autograder.verify.general.probe import witnesses
from autograder.verify.general.report import GeneralReport, TriedGeneral
from autograder.verify.memory import Memory
from autograder.verify.mutant_report import Said, Tried
from autograder.verify.mutants import MutantTrial
from autograder.verify.mutation import Mutant


class Turns:
    """Which check is most likely to reject a mistake: one that rejected others of its kind, or others of its function."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = Counter[tuple[str, ...]]()
        self._rejected = Counter[tuple[str, ...]]()

    def heard(self, scope: str, kind: str, check: str, rejected: bool) -> None:
        with self._lock:
            for key in ((check,), (check, scope), (check, scope, kind)):
                self._asked[key] += 1
                self._rejected[key] += rejected

    def chance(self, scope: str, kind: str, check: str) -> float:
        """That `check` rejects: the share of those like it, counted as two more of what is known of the less alike."""
        share = 0.5
        with self._lock:
            for key in ((check,), (check, scope), (check, scope, kind)):
                share = (self._rejected[key] + 2 * share) / (self._asked[key] + 2)
        return share


class _Trial(MutantTrial):
    """Until one check rejects."""

    enough = 1

    def __init__(self, grader: ExerciseGrader, reference: str, checks: str, memory: Memory) -> None:
        super().__init__(grader, reference, checks, memory)
        self._turns = Turns()

    def _in_turn(self, mutant: Mutant) -> list[PlannedCheck]:
        kind = mutant.new.partition(":")[0]
        return sorted(self._checks, key=lambda check: -self._turns.chance(mutant.scope, kind, check.name))

    def _heard(self, mutant: Mutant, check: PlannedCheck, said: Said) -> None:
        self._turns.heard(mutant.scope, mutant.new.partition(":")[0], check.name, said.verdict != "passed")

    def _unreached(self, mutant: Mutant) -> set[str]:
        return self._reach.away_from(mutant.scope.partition(".")[0])

    def try_out(self, general: General) -> TriedGeneral:
        about = f"{general.kind}: {general.about}: {general.sentence}"
        tried: Tried = self.run(
            Mutant(general.scope, self._change(general), about, 0, general.source), alone=general.keeps
        )
        return TriedGeneral(general, tried.said)

    def _change(self, general: General) -> str:
        """Hash of the lines that are not the reference's: what its code is by itself, `_code` says."""
        old, new = self._reference.text.splitlines(), general.source.splitlines()
        before = _alike(old, new)
        after = _alike(old[before:][::-1], new[before:][::-1])
        return hashes.of("\n".join(new[before : len(new) - after]))

    def look_closer(self, survivors: list[TriedGeneral]) -> None:
        """What tells each from the reference, in other calls than the checks make."""
        keys = {
            each.general.name: hashes.of(
                _closer_text(), self._code, *each.general.name, self._change(each.general), *self._keys.values()
            )
            for each in survivors
        }
        self.used.update(keys.values())
        new = [each.general for each in survivors if self._memory.get(keys[each.general.name]) is None]
        found = witnesses(self._grader.zygote, self._plan, self._reference.text, new) if new else {}
        for name, witness in found.items():
            self._memory.put(keys[name], Said("shown" if witness else "passed", note=witness))
        for each in survivors:
            said = self._memory.get(keys[each.general.name])
            each.witness = said.note if said else ""


def _alike(first: list[str], second: list[str]) -> int:
    """How many lines they begin with in common."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((number for number, (one, other) in pairs if one != other), min(len(first), len(second)))


def run(
    root: Path,
    cache: Path,
    jobs: int,
    graders: Sequence[tuple[Exercise, ExerciseGrader]],
    on_trial: Callable[[str, int, int], None],
) -> list[GeneralReport]:
    """The reports, in the order of `graders`; what is known when it is interrupted is kept."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="general") as pool:
        try:
            begun = [_begin(root, cache, exercise, grader, pool, on_trial) for exercise, grader in graders]
            return [finish.result() for finish in [pool.submit(tried()) for tried in begun]]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin(
    root: Path,
    cache: Path,
    exercise: Exercise,
    grader: ExerciseGrader,
    pool: ThreadPoolExecutor,
    on_trial: Callable[[str, int, int], None],
) -> Callable[[], Callable[[], GeneralReport]]:
    """Waits until all are tried when it is called, and gives what is left to do then."""
    folder = exercise.solution_dir(root)
    reference = (folder / "solution.py").read_text(encoding="utf-8")
    checks = (folder / "checks.py").read_text(encoding="utf-8")
    memory = Memory(cache / f"{exercise.topic}.{exercise.slug}.general.jsonl")
    trial = _Trial(grader, reference, checks, memory)
    made = generals(reference)
    counting = threading.Lock()
    done = 0

    def attempt(general: General) -> TriedGeneral:
        nonlocal done
        tried = trial.try_out(general)
        with counting:
            done += 1
            on_trial(exercise.name, done, len(made))
        return tried

    futures = [pool.submit(attempt, each) for each in made]

    def tried() -> Callable[[], GeneralReport]:
        report = GeneralReport(exercise.name, [future.result() for future in futures])
        declared = DeclaredGenerals.read(folder / "equivalent.toml")
        for each in report.tried:
            each.equivalent = declared.reason(*each.general.name) if each.survived else ""
            each.open = declared.open(*each.general.name) if each.survived else ""
        survived = [each.general.name for each in report.tried if each.survived]
        report.stale = declared.problems([each.name for each in made], survived)
        return lambda: finish(report)

    def finish(report: GeneralReport) -> GeneralReport:
        try:
            trial.look_closer(
                [each for each in report.tried if each.survived and not each.equivalent and not each.open]
            )
        finally:
            memory.close(keep=trial.used)
        return report

    return tried


_CLOSER = ("look.py", "vary.py", "replay.py", "probe.py")


def _closer_text() -> str:
    """The text of what looks closer: what was found holds for one text."""
    return "".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in _CLOSER)
