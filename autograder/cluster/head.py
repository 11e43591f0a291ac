"""Grading a class on a cluster, as its head does it: plans are made here, answers graded elsewhere, and results written here.

Everything else is as on one machine (`grading.grade`): what is new, what is known, one writer, each submission written as it finishes.
One thread does it, one event after the other: a submission that was opened, an answer that came.
"""

from __future__ import annotations

import functools
import os
import queue
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from autograder.cluster.arrivals import Arrived
from autograder.cluster.dispatch import PATIENCE, Dispatcher
from autograder.cluster.hands import Hand
from autograder.cluster.jobs import LostWith
from autograder.cluster.machines import Cluster, Place
from autograder.cluster.messages import Settings, Shipment, Unit
from autograder.cluster.probe import Wanted
from autograder.course.answers import SubmittedFile
from autograder.course.config import Exercise
from autograder.course.submission import Submission
from autograder.grading import hashes
from autograder.grading.asking import EXERCISE_WALLS, MOST_BUSY
from autograder.grading.grade import ClassGrader, Step, _future, _New
from autograder.grading.planner import CourseProblem
from autograder.grading.record import Graded
from autograder.grading.twins import TwinClient
from autograder.jail import layers
from autograder.plan import Plan, write_plan
from autograder.results import Message, Provenance, Result
from autograder.store.database import Store
from autograder.store.standing import newest_of_run

AT_A_TIME = 256  # submissions whose answers are on their way, at least
ANSWERS = 8192  # that are: enough for messages of many, whatever the number of nodes


@dataclass(eq=False)
class _Way:
    """A submission on its way: what of it was graded, and for how many of its exercises an answer has still to come."""

    new: _New
    graded: dict[str, Graded] = field(default_factory=dict)
    left: int = 0


@dataclass
class ClusterGrader(ClassGrader):
    """Grades submissions of one course on a cluster. `jobs`: how many answers a node grades at a time, 0 for one a core."""

    cluster: Cluster = field(kw_only=True)
    say: Callable[[str], None] = lambda text: None  # what becomes of nodes, for people
    patience: float = PATIENCE  # seconds without a node that could do what is left

    def __post_init__(self) -> None:
        self._slots = self.jobs
        super().__post_init__()
        packages = {name for each in self.exercises for name in hashes.packages(each.solution_dir(self.root))}
        self._wanted = Wanted.as_here(sorted(packages), self.unsafe)
        self._on_gpu: set[str] = set()
        self._came: queue.SimpleQueue[Future[Submission] | tuple[str, Future[Graded]]] = queue.SimpleQueue()
        self._asked: dict[str, list[tuple[_Way, str]]] = {}  # by key: who waits for the answer, with which exercise
        self._arrived: dict[str, Graded] = {}  # by key: what is not written yet
        self.dispatcher = Dispatcher(
            self.cluster, self._slots_of, self._settings, self._wanted.lacks, self.say, self.patience
        )
        self.dispatcher.start()

    def close(self) -> None:
        """End the nodes too. Units that are still wanted are given up."""
        self.dispatcher.stop()
        super().close()

    @property
    def isolation(self) -> layers.Isolation:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the layers come to that every node has (nodes come later, too): no student's code is run on the head."""
        return layers.strength(self.dispatcher.layers())

    @property
    def hands(self) -> list[Hand]:
        """Every node that there was, with what it did."""
        return self.dispatcher.hands

    # --- what is done elsewhere ---

    def _prepare(self, names: set[str]) -> None:
        """Make the plans, with what the known mistakes give, and have them sent to whoever will need them."""
        self.trusted.start()
        wanted = [exercise for exercise in self.exercises if exercise.name in names]
        problems = []
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="plan") as pool:
            plans = [pool.submit(self.plan, exercise) for exercise in wanted]
            for number, (exercise, plan) in enumerate(zip(wanted, plans, strict=True), 1):
                self.on_step(Step("plan", number, len(wanted), exercise.name))
                try:
                    self._ship(exercise, plan.result())
                except CourseProblem as problem:
                    problems.append(str(problem))
        if problems:
            raise CourseProblem("\n".join(problems))

    def _ship(self, exercise: Exercise, plan: Plan) -> None:
        opening = self.planner.opening(exercise)
        self._graders[exercise.name] = self.grader_of(exercise, plan, TwinClient(self.trusted, opening))
        if self.has_gpu and any(check.device != "cpu" for check in plan.checks):
            self._on_gpu.add(exercise.name)
        self.dispatcher.ship(exercise.name, shipment(Path(opening.folder), plan))

    # --- the class ---

    def grade(self, submissions: Sequence[Submission | Future[Submission]], store: Store) -> Iterator[Result]:
        """As on one machine. Results that are complete at the same moment are written in one transaction."""
        written = newest_of_run(store, self.run)
        total, done, on_their_way = len(submissions), 0, 0
        opened: deque[Submission] = deque()
        for each in submissions:
            _future(each).add_done_callback(self._came.put)
        try:
            while done < total:
                complete: list[_Way] = []
                for came in self._next():
                    if isinstance(came, Future):
                        opened.append(came.result())
                    else:
                        complete += self._answered(*came)
                most = max(AT_A_TIME, ANSWERS // len(self.exercises))
                some = [opened.popleft() for _ in range(min(most - on_their_way, len(opened)))]
                new, results = self._looked_up(some, written, store)
                for result in results:
                    done += 1
                    self.on_step(Step("reused", done, total, result.submission, result))
                    yield result
                complete += self._begun(new)
                on_their_way += len(new) - len(complete)
                for result in self._all_written(complete, store):
                    done += 1
                    self.on_step(Step("graded", done, total, result.submission, result))
                    yield result
        except BaseException:
            self.close()
            raise

    def _next(self) -> Iterator[Future[Submission] | tuple[str, Future[Graded]]]:
        """What came since the last time; waits for the first."""
        yield self._came.get()
        while not self._came.empty():
            yield self._came.get()

    def _looked_up(
        self, some: list[Submission], written: dict[str, Result], store: Store
    ) -> tuple[list[_New], list[Result]]:
        if not some:
            return [], []
        with store.transaction():
            return self._sorted_out(some, written, store)

    def _begun(self, new: list[_New]) -> list[_Way]:
        """Have these graded, and return those that are complete already."""
        needed = {name for each in new for name in each.keys if each.keys[name] not in each.known}
        if needed - self._graders.keys():
            self._prepare(needed - self._graders.keys())
        return [way for each in new if not (way := self._ask(each)).left]

    def _ask(self, new: _New) -> _Way:
        way = _Way(new)
        for exercise in self.exercises:
            key, file = new.keys[exercise.name], new.submission.files[exercise.name]
            if key in new.known:
                way.graded[exercise.name] = Graded(new.known[key])
            elif key in self._arrived:
                way.graded[exercise.name] = self._arrived[key]
            elif file.text is None:
                way.graded[exercise.name] = self._grade_file(key, exercise, file)  # there is nothing to run
            else:
                way.left += 1
                waiting = self._asked.setdefault(key, [])
                waiting.append((way, exercise.name))
                if len(waiting) == 1:
                    self._send(key, exercise, file)
        return way

    def _send(self, key: str, exercise: Exercise, file: SubmittedFile) -> None:
        limits = exercise.limits
        future = self.dispatcher.grade(
            Unit(key, exercise.name, file),
            on_gpu=exercise.name in self._on_gpu,
            wall_seconds=limits.cpu_seconds * limits.wall_factor * EXERCISE_WALLS * MOST_BUSY,
        )
        future.add_done_callback(lambda future: self._came.put((key, future)))

    def _answered(self, key: str, future: Future[Graded]) -> list[_Way]:
        """Give an answer to all who wait for it, and return the submissions that this completes."""
        waiting = self._asked.pop(key)
        try:
            graded = self._arrived[key] = future.result()
        except LostWith as lost:  # our fault: nothing is stored under the key, so the next run tries again
            way, name = waiting[0]
            file = way.new.submission.files[name]
            message = Message(id="run.grader-error", values={"detail": str(lost)})
            graded = Graded(self._graders[name].unjudged("grader-error", message, file.file, file_hash=file.hash))
        for way, name in waiting:
            way.graded[name] = graded
            way.left -= 1
        return [way for way, _ in waiting if not way.left]

    def _all_written(self, complete: list[_Way], store: Store) -> list[Result]:
        if not complete:
            return []
        with store.transaction():
            results = [self._written(way.new.submission, way.graded, store) for way in complete]
        for way in complete:
            for key in way.new.keys.values():
                self._arrived.pop(key, None)  # who wants it later finds it in the results file
        return results

    def _written(self, submission: Submission, graded: dict[str, Graded], store: Store) -> Result:
        result = self._assemble(submission, graded)
        observations = {key: value for each in graded.values() for key, value in each.observations.items()}
        laid = [(each.result, each.laid) for each in graded.values() if isinstance(each, Arrived) and each.laid]
        store.save(result, observations, [each.result for each in graded.values()], laid)
        return result

    def provenance(self) -> Provenance:
        """That of one machine, with the layers that all nodes have that were used until now."""
        isolation = self.isolation
        return msgspec.structs.replace(self._made_with, layers=isolation.on, isolated=isolation.enough_for_hidden)

    @functools.cached_property
    def _made_with(self) -> Provenance:
        return super().provenance()

    # --- nodes ---

    def _slots_of(self, place: Place) -> int:
        return min(self._slots, place.cores) if self._slots else place.cores

    def _settings(self, place: Place) -> bytes:
        settings = Settings(
            course=self.course.model_dump_json(by_alias=True, exclude_defaults=True).encode(),  # "" is no repository
            slots=self._slots_of(place),
            has_gpu=self.has_gpu and place.gpus > 0,
            gpu_as_cpu=self.gpu_as_cpu,
            unsafe=self.unsafe,
            packages=list(self._wanted.packages),
        )
        return msgspec.msgpack.encode(settings)


def shipment(folder: Path, plan: Plan) -> Shipment:
    """What a node needs to grade an exercise whose authored files are in `folder`."""
    files = {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.suffix == ".py" and not path.name.startswith("test_")
    }
    return Shipment(plan.exercise, write_plan(plan), files)
