"""Grading a class: which exercises of which submissions are new, run those, write each submission as it finishes."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from autograder.course.answers import SubmittedFile
from autograder.course.config import Exercise
from autograder.course.submission import Submission
from autograder.grading import hashes
from autograder.grading.asking import Code
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.graders import Graders
from autograder.grading.planner import CourseProblem
from autograder.grading.record import Graded, Subject
from autograder.grading.secret import fingerprint
from autograder.jail.host import JailError
from autograder.results import CheckResult, ExerciseResult, Message, Provenance, Result
from autograder.store.database import Store
from autograder.store.standing import newest_of_run


@dataclass(frozen=True)
class Step:
    """Something that happened, for whoever shows progress."""

    kind: str  # "plan", "graded", "reused"
    done: int
    total: int
    name: str
    result: Result | None = None


@dataclass(frozen=True)
class _New:
    """A submission that is to be run: the keys of its exercises, and those of them that are known already."""

    submission: Submission
    keys: dict[str, str]
    known: dict[str, ExerciseResult]


@dataclass
class ClassGrader(Graders):
    """Grades submissions of one course into one run. Use as a context manager."""

    on_step: Callable[[Step], None] = lambda step: None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._graders: dict[str, ExerciseGrader] = {}
        self._in_progress: dict[str, Future[Graded]] = {}
        self._shared: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    # --- the class ---

    def grade(self, submissions: Sequence[Submission | Future[Submission]], store: Store) -> Iterator[Result]:
        """Grade `submissions`, yielding each as it is done and written. Stopping early loses nothing that was yielded.

        Those that are still being opened (`course.opening`) are graded as they come, beside the opening of the others.
        """
        written = newest_of_run(store, self.run)
        opening = [_future(each) for each in submissions]
        running: dict[Future[dict[str, Graded]], Submission] = {}
        total, done = len(opening), 0
        prepared: set[str] = set()
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="grade") as pool:
            try:
                while opening or running:
                    waiting: list[Future[Any]] = [*opening, *running]
                    finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    opened = [future for future in opening if future in finished]
                    new, reused = self._sorted_out([future.result() for future in opened], written, store)
                    for result in reused:
                        done += 1
                        self.on_step(Step("reused", done, total, result.submission, result))
                        yield result
                    needed = {name for each in new for name in each.keys if each.keys[name] not in each.known}
                    if needed - prepared:
                        self._prepare(needed - prepared)
                        prepared |= needed
                    for each in new:
                        running[pool.submit(self._grade_one, each)] = each.submission
                    opening = [future for future in opening if future not in finished]
                    for graded in [future for future in running if future in finished]:
                        submission = running.pop(graded)
                        result = self._written(submission, graded.result(), store)
                        done += 1
                        self.on_step(Step("graded", done, total, submission.id, result))
                        yield result
            except BaseException:
                for future in running:
                    future.cancel()
                self.close()  # ends the workers, so that the threads come back at once
                raise

    def _sorted_out(
        self, opened: list[Submission], written: dict[str, Result], store: Store
    ) -> tuple[list[_New], list[Result]]:
        """Which of `opened` are to be run, and the results of those that are not: they are in this run (`written`), or known."""
        new, reused = [], []
        for submission in opened:
            keys = {each.name: self.key(each, submission.files[each.name]) for each in self.exercises}
            result = written.get(submission.id)
            result = _part(result, submission, keys) if result is not None else None
            if result is not None:
                reused.append(result)
                continue
            known = store.exercises(set(keys.values()))
            if all(key in known for key in keys.values()):
                graded = {name: Graded(known[key]) for name, key in keys.items()}
                result = self._assemble(submission, graded)
                store.save(result, {})
                reused.append(result)
            else:
                new.append(_New(submission, keys, known))
        return new, reused

    def _written(self, submission: Submission, graded: dict[str, Graded], store: Store) -> Result:
        result = self._assemble(submission, graded)
        observations = {key: value for each in graded.values() for key, value in each.observations.items()}
        # As graded: what is blocked now counts later without a new run.
        store.save(result, observations, [each.result for each in graded.values()])
        return result

    def key(self, exercise: Exercise, file: SubmittedFile) -> str:
        """Hash of everything that the result of `file` depends on."""
        problem = repr((file.problem.id, sorted(file.problem.values.items()))) if file.problem else ""
        return hashes.of(
            *self._common(exercise),
            file.file,
            file.text if file.text is not None else "",
            problem,
            repr(file.spans),
            f"gpu {self.has_gpu} unsafe {self.unsafe}",
        )

    def _common(self, exercise: Exercise) -> tuple[str, ...]:
        """The part of the key that all its answers share."""
        if exercise.name not in self._shared:
            made_with = "exercise", hashes.engine(), hashes.grading()
            self._shared[exercise.name] = (*made_with, self.planner_key(exercise), exercise.hash)
        return self._shared[exercise.name]

    def _prepare(self, names: set[str]) -> None:
        """Make the plans first: a broken course stops here, before anybody is graded, and so does a missing jail. (What is broken was
        changed, so that the first submission already needs it.)"""
        self.require_isolation()
        self.jail.require = frozenset(self.isolation.on)
        self.jail.start()
        self.trusted.start()
        # A blocked exercise still needs its plan, and a prerequisite may be reused while its dependant is not.
        wanted = [exercise for exercise in self.exercises if exercise.name in names]
        problems = []
        for number, exercise in enumerate(wanted, 1):
            self.on_step(Step("plan", number, len(wanted), exercise.name))
            try:
                self._graders[exercise.name] = self.grader(exercise)
            except CourseProblem as problem:
                problems.append(str(problem))
        if problems:
            raise CourseProblem("\n".join(problems))
        ready = self.jail.wait()
        if self.has_gpu and not ready.cuda and not self.gpu_as_cpu:
            raise JailError(
                "GPU checks were asked for, but torch finds no CUDA device here.\n"
                "`nvidia-smi` must list one, and torch must be a build with CUDA; --device cpu leaves these checks pending"
            )

    # --- one submission ---

    def _grade_one(self, new: _New) -> dict[str, Graded]:
        graded: dict[str, Graded] = {}
        for exercise in self.exercises:
            key = new.keys[exercise.name]
            if key in new.known:
                graded[exercise.name] = Graded(new.known[key])
            else:
                graded[exercise.name] = self._once(key, exercise, new.submission.files[exercise.name])
        return graded

    def _once(self, key: str, exercise: Exercise, file: SubmittedFile) -> Graded:
        """Two submissions with the same text of an exercise (untouched stubs, say) are graded once."""
        with self._lock:
            future = self._in_progress.get(key)
            mine = future is None
            if future is None:
                future = self._in_progress[key] = Future()
        if mine:
            try:
                future.set_result(self._grade_file(key, exercise, file))
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def _grade_file(self, key: str, exercise: Exercise, file: SubmittedFile) -> Graded:
        grader = self._graders[exercise.name]
        if file.text is None:
            return Graded(grader.unjudged("error", file.problem, file.file, key=key))
        code = Code(file.text, file.file, exercise.forbid)
        try:
            return grader.grade(Subject(code, file.where, file.hash), key)
        except JailError as error:  # our fault: nothing is stored under the key, so the next run tries again
            message = Message(id="run.grader-error", values={"detail": str(error)})
            return Graded(grader.unjudged("grader-error", message, file.file, file_hash=file.hash))

    def _assemble(self, submission: Submission, graded: dict[str, Graded]) -> Result:
        exercises = [graded[exercise.name].result for exercise in self.exercises]
        return Result(
            submission=submission.id,
            source=submission.source,
            hash=submission.hash,
            run=self.run,
            graded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            provenance=self.provenance(),
            exercises=blocked(exercises, self.exercises),
            problems=submission.problems,
            handed_in=submission.handed_in,
            clock=submission.clock,
            hints=submission.hints,
        )

    def provenance(self) -> Provenance:
        return Provenance(
            engine=hashes.versions()["llm-internals"],
            engine_hash=hashes.engine(),
            course_hash=self.course.hash,
            exercise_hashes={each.name: self.planner_key(each) for each in self.exercises},
            authored={each.name: self.authored[each.name] for each in self.exercises},
            secret=fingerprint(self.secret),
            python=hashes.versions()["python"],
            torch=hashes.versions()["torch"],
            numpy=hashes.versions()["numpy"],
            platform=f"{platform.system()} {platform.machine()}",
            device="cuda" if self.has_gpu else "cpu",
            layers=self.isolation.on,
            profile=", ".join(sorted({each.jail for each in self.exercises})),
            isolated=self.isolation.enough_for_hidden,
        )


def _future(submission: Submission | Future[Submission]) -> Future[Submission]:
    if isinstance(submission, Future):
        return submission
    future: Future[Submission] = Future()
    future.set_result(submission)
    return future


def _part(result: Result, submission: Submission, keys: dict[str, str]) -> Result | None:
    """The part of a stored result that grading `submission` again would give; None when it would give something else."""
    part = {each.exercise: each for each in result.exercises if each.exercise in keys}
    if {name: each.key for name, each in part.items()} != keys:
        return None
    for origin in map(result.origin_of, part.values()):
        if (origin.handed_in, origin.clock, origin.hash) != (submission.handed_in, submission.clock, submission.hash):
            return None
    return structs.replace(result, exercises=[part[name] for name in keys])


def blocked(graded: list[ExerciseResult], exercises: list[Exercise]) -> list[ExerciseResult]:
    """Exercises whose prerequisites fail are blocked, with the reason; what is stored under their keys stays as it is."""
    verdicts = {result.exercise: result.verdict for result in graded}
    blocked: set[str] = set()
    out = []
    for exercise, result in zip(exercises, graded, strict=True):
        failing = [name for name in exercise.requires if verdicts.get(name, "passed") != "passed" or name in blocked]
        if not failing or result.verdict == "grader-error":
            out.append(result)
            continue
        blocked.add(exercise.name)
        checks = [
            CheckResult(name=check.name, claim=check.claim, points=check.points, verdict="blocked", bonus=check.bonus)
            for check in result.checks
        ]
        message = Message(id="run.blocked", values={"exercises": ", ".join(failing)})
        out.append(
            ExerciseResult(
                exercise=result.exercise,
                title=result.title,
                points=result.points,
                verdict="blocked",
                file=result.file,
                file_hash=result.file_hash,
                message=message,
                key=result.key,
                checks=checks,
            )
        )
    return out
