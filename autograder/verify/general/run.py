"""Runs the general mistakes of exercises against their checks, as mutants are run, and remembers what each check said.

Each check gets a worker of its own. A mistake that keeps something over calls is so rejected by a check that makes two calls, not by
the luck of what ran before: a student's failing check is run again in a fresh worker, and passes there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.grading.exercise import ExerciseGrader
from autograder.verify.equivalent import DeclaredGenerals
from autograder.verify.general import General, generals
from autograder.verify.general.probe import witnesses
from autograder.verify.general.report import GeneralReport, TriedGeneral
from autograder.verify.memory import Memory
from autograder.verify.mutant_report import Said, Tried
from autograder.verify.mutants import MutantTrial, code_of
from autograder.verify.mutation import Mutant


class _Trial(MutantTrial):
    """Until one check rejects."""

    enough = 1
    alone = True

    def _unreached(self, mutant: Mutant) -> set[str]:
        return self._reach.away_from(mutant.scope.partition(".")[0])

    def try_out(self, general: General) -> TriedGeneral:
        about = f"{general.kind}: {general.about}: {general.sentence}"
        tried: Tried = self.run(Mutant(general.scope, hashes.of(code_of(general.source)), about, 0, general.source))
        return TriedGeneral(general, tried.said)

    def look_closer(self, survivors: list[TriedGeneral]) -> None:
        """What tells each from the reference, in other calls than the checks make."""
        keys = {
            each.general.name: hashes.of(_closer_text(), self._code, code_of(each.general.source), *self._keys.values())
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
