"""Grading a class on a cluster, as its head does it: plans are made here, answers graded elsewhere, and results written here.

Everything else is as on one machine (`grading.grade`): what is new, what is known, one writer, each submission written as it finishes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from autograder.cluster.dispatch import PATIENCE, Dispatcher
from autograder.cluster.hands import Hand
from autograder.cluster.jobs import LostWith
from autograder.cluster.machines import Cluster, Place
from autograder.cluster.messages import Settings, Shipment, Unit
from autograder.cluster.probe import Wanted
from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.grading.asking import EXERCISE_WALLS, MOST_BUSY
from autograder.grading.grade import ClassGrader, Step, _New
from autograder.grading.planner import CourseProblem
from autograder.grading.record import Graded
from autograder.grading.twins import TwinClient
from autograder.jail import layers
from autograder.plan import Plan, write_plan
from autograder.results import Message

AT_A_TIME = 256  # submissions whose answers are on their way


@dataclass
class ClusterGrader(ClassGrader):
    """Grades submissions of one course on a cluster. `jobs`: how many answers a node grades at a time, 0 for one a core."""

    cluster: Cluster = field(kw_only=True)
    say: Callable[[str], None] = lambda text: None  # what becomes of nodes, for people
    patience: float = PATIENCE  # seconds without a node that could do what is left

    def __post_init__(self) -> None:
        self._slots = self.jobs
        super().__post_init__()
        self.jobs = AT_A_TIME
        packages = {name for each in self.exercises for name in hashes.packages(each.solution_dir(self.root))}
        self._wanted = Wanted.as_here(sorted(packages), self.unsafe)
        self._on_gpu: set[str] = set()
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

    def _grade_one(self, new: _New) -> dict[str, Graded]:
        graded: dict[str, Graded] = {}
        coming: dict[str, Future[Graded]] = {}
        for exercise in self.exercises:
            key, file = new.keys[exercise.name], new.submission.files[exercise.name]
            if key in new.known:
                graded[exercise.name] = Graded(new.known[key])
            elif file.text is None:
                graded[exercise.name] = self._grade_file(key, exercise, file)  # there is nothing to run
            else:
                coming[exercise.name] = self.dispatcher.grade(
                    Unit(key, exercise.name, file),
                    on_gpu=exercise.name in self._on_gpu,
                    wall_seconds=exercise.limits.cpu_seconds * exercise.limits.wall_factor * EXERCISE_WALLS * MOST_BUSY,
                )
        for name, future in coming.items():
            try:
                graded[name] = future.result()
            except LostWith as lost:  # our fault: nothing is stored under the key, so the next run tries again
                file = new.submission.files[name]
                message = Message(id="run.grader-error", values={"detail": str(lost)})
                result = self._graders[name].unjudged("grader-error", message, file.file, file_hash=file.hash)
                graded[name] = Graded(result)
        return graded

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
