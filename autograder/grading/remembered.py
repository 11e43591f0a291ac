"""Public checks of everything that is begun, running again only what changed: for CI, where a push changes one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from autograder.course.answers import SubmittedFile
from autograder.course.config import Exercise
from autograder.course.submission import open_own_work, open_submission
from autograder.grading import hashes
from autograder.grading.student import StudentChecker, expected_plan, untouched
from autograder.results import PENDING, ExerciseResult


class RememberingChecker:
    """A `StudentChecker` whose results are kept in `folder` under the hash of everything that they depend on."""

    def __init__(self, checker: StudentChecker, folder: Path) -> None:
        self.checker = checker
        self.folder = folder

    def check_begun(
        self, submission: Path | None, exercises: Sequence[Exercise] | None = None, *, stubs: bool = False
    ) -> tuple[list[ExerciseResult], set[str]]:
        """Results of `exercises` (by default all of the course) that are no longer the stub, and which of them were run now.

        `submission` is a folder with `assignments/` in it (or its topics), None for the checkout's own; `stubs`: those that are
        still the stub instead. Raises `SubmissionError` when it can't be read.
        """
        root, course = self.checker.root, self.checker.course
        own = submission is None
        files = (open_own_work(root, course) if own else open_submission(submission, course, name="you")).files
        results, ran = [], set()
        for exercise in course.exercises if exercises is None else exercises:
            file = files[exercise.name]
            if untouched(root, exercise, file.text) is not stubs:
                continue
            path = self._path(exercise, file)
            result = _read(path)
            if result is None:
                ran.add(exercise.name)
                result = self.checker.check_file(exercise, file)
                if result.verdict not in PENDING:
                    _write(path, result)
            results.append(result)
        self._forget({self._path(exercise, files[exercise.name]) for exercise in course.exercises})
        return results, ran

    def _path(self, exercise: Exercise, file: SubmittedFile) -> Path:
        plan = expected_plan(self.checker.root, exercise)
        data = plan.read_bytes() if plan.exists() else b""
        rules = msgspec.json.encode([list(exercise.forbid), exercise.limits.model_dump()])
        key = hashes.of(exercise.name, file.hash, file.file, data, rules, hashes.engine(), hashes.grading())
        return self.folder / f"{exercise.topic}.{exercise.slug}.{key[:32]}.json"

    def _forget(self, kept: set[Path]) -> None:
        """Drop what was remembered of older versions: the cache of a workflow must not grow with every push."""
        if self.folder.is_dir():
            for path in self.folder.glob("*.json"):
                if path not in kept:
                    path.unlink(missing_ok=True)


def _read(path: Path) -> ExerciseResult | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ExerciseResult)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, result: ExerciseResult) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(msgspec.json.encode(result))
        temporary.replace(path)
    except OSError:
        pass  # a read-only checkout: it is run again the next time
