"""Graders of a course's exercises: their plans, the zygotes and twins that they share, and the isolation that they need."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from msgspec import structs

from autograder.course.answers import SubmittedFile
from autograder.course.config import Course, Exercise
from autograder.grading import hashes
from autograder.grading.asking import Code, RunLimits
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.gate import Gate
from autograder.grading.planner import Planner
from autograder.grading.record import Subject
from autograder.grading.smallest import Shrinker
from autograder.grading.twins import RememberingReviewer, TwinClient
from autograder.jail import layers
from autograder.jail.host import JailError, Zygote
from autograder.plan import Plan
from autograder.results import ExerciseResult


@dataclass
class Graders:
    """Graders of the exercises of one course, for one run. Use as a context manager: it holds the zygotes."""

    course: Course
    root: Path
    private: Path  # .autograder: the secret, plans, results
    secret: bytes
    run: str
    draw: str = ""  # which fresh cases: the first run that these belong to
    exercises: list[Exercise] = field(default_factory=list)
    jobs: int = 0
    has_gpu: bool = False  # GPU checks run; without it they are skipped
    gpu_as_cpu: bool = False  # on the processor: for tests without a GPU
    unsafe: bool = False  # hidden checks run whatever the isolation
    own_code: bool = False  # only the course's own implementations are run: one zygote serves for them and their judges

    def __post_init__(self) -> None:
        self.exercises = self.exercises or list(self.course.exercises)
        self.jobs = self.jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else self.jobs or 2
        self.jail = Zygote()
        self.trusted = self.jail if self.own_code else Zygote()
        self.gate = Gate()
        self.planner = Planner(self.root, self.private / "plans", self.secret, self.trusted, self.draw)
        self._reviewed: dict[str, tuple[Plan, Callable[..., Any]]] = {}
        self._keys: dict[str, str] = {}
        self._twins: list[TwinClient] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for twin in self._twins:
            with contextlib.suppress(Exception):
                twin.close()
        self.jail.close()
        self.trusted.close()

    def planner_key(self, exercise: Exercise) -> str:
        """Hash of everything that the plan of an exercise depends on."""
        if exercise.name not in self._keys:
            self._keys[exercise.name] = self.planner.key(exercise)
        return self._keys[exercise.name]

    @functools.cached_property
    def authored(self) -> dict[str, str]:
        return {each.name: hashes.authored(each.solution_dir(self.root)) for each in self.exercises}

    def plan(self, exercise: Exercise) -> Plan:
        return self.planner.plan(exercise)

    @functools.cached_property
    def isolation(self) -> layers.Isolation:
        """What this machine's layers come to."""
        return layers.isolation()

    def require_isolation(self) -> None:
        """Hidden checks run behind L2 or more; without it only when the instructor says so, and every page then says it."""
        if not self.unsafe and not self.isolation.enough_for_hidden:
            raise JailError(
                f"hidden checks are not run here: {self.isolation.why}.\n"
                "`autograder doctor` says how to get what is missing. With --unsafe they run all the same, "
                "and every page says so"
            )

    def grader(self, exercise: Exercise, planner: Planner | None = None) -> ExerciseGrader:
        """A grader of one exercise, with its plan made and its twin at hand."""
        planner = planner or self.planner
        client, shrinking = (TwinClient(self.trusted, planner.opening(exercise)) for _ in range(2))
        self._twins += [client, shrinking]
        plan = planner.begun(exercise, client)
        review = RememberingReviewer(client.review, plan, lambda: planner.observe_mistakes(exercise, plan, client))
        return replace(
            self.grader_of(exercise, plan, client), review=review, shrinker=Shrinker(shrinking, self.trusted)
        )

    def grader_of(self, exercise: Exercise, plan: Plan, client: TwinClient) -> ExerciseGrader:
        """A grader of one exercise by a plan; `client` reviews."""
        limits = exercise.limits
        return ExerciseGrader(
            plan=plan,
            title=exercise.title,
            points=exercise.points,
            zygote=self.jail,
            trusted=self.trusted,
            review=RememberingReviewer(client.review),
            limits=RunLimits(limits.cpu_seconds, limits.wall_factor, limits.memory_mb, limits.output_kb, exercise.jail),
            lecture=f"lectures/{exercise.name}.md",
            gate=self.gate,
            has_gpu=self.has_gpu,
            gpu_as_cpu=self.gpu_as_cpu,
            inspect=True,
        )

    def replay(self, exercise: Exercise, file: SubmittedFile, checks: list[str]) -> ExerciseResult:
        """Run some checks of one file again. Nothing is stored."""
        grader = self.grader(exercise)
        plan = grader.plan
        only = structs.replace(plan, checks=[check for check in plan.checks if check.name in checks])
        subject = Subject(Code(file.text or "", file.file, exercise.forbid), file.where, file.hash)
        return replace(grader, plan=only).grade(subject).result

    def plan_with_review(self, exercise: Exercise, draw: str) -> tuple[Plan, Callable[..., Any]]:
        """The plan of an exercise with the fresh cases of the run `draw`, and who judges by it."""
        planner = replace(self.planner, draw=draw)
        key = planner.key(exercise)
        if key not in self._reviewed:
            self.trusted.start()
            grader = self.grader(exercise, planner)
            self._reviewed[key] = (grader.plan, grader.review)
        return self._reviewed[key]
