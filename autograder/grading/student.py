"""A student's own checks: the public plans that ship with the course, through the same engine as the grade."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course.answers import SubmittedFile
from autograder.course.config import Course, Exercise
from autograder.course.stubs import is_stub
from autograder.course.submission import open_own_work
from autograder.grading.asking import Code, RunLimits
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.record import Subject
from autograder.grading.twins import TwinClient
from autograder.plan import Plan, PlanError, load_plan
from autograder.results import ExerciseResult, Message
from autograder.twin import messages as twin

PROGRESS = "progress.json"


def expected_plan(root: Path, exercise: Exercise) -> Path:
    return root / "assignments" / exercise.topic / "expected" / f"{exercise.slug}.plan"


@dataclass
class StudentChecker:
    """Runs public cases on the files in `assignments/`. One zygote serves as jail and twin: nothing here is secret."""

    root: Path
    course: Course
    zygote: Any
    problems: list[Message] = field(default_factory=list)  # of the work as a whole, when it was last opened
    files: dict[str, SubmittedFile] = field(default_factory=dict)  # what was opened then, by exercise
    _graders: dict[str, tuple[bytes, ExerciseGrader]] = field(default_factory=dict)
    _twins: list[TwinClient] = field(default_factory=list)

    def close(self) -> None:
        for client in self._twins:
            client.close()
        self.zygote.close()

    def open(self) -> None:
        """Read the student's work as it is now. Needs no torch, which may still be on its way."""
        submission = open_own_work(self.root, self.course)
        self.problems, self.files = submission.problems, submission.files

    def check(self, exercises: list[Exercise], on_result: Callable[[ExerciseResult], None]) -> list[ExerciseResult]:
        """Read the student's work, check these exercises, and remember how they stand."""
        self.open()
        return self.check_opened(exercises, on_result)

    def check_opened(
        self, exercises: list[Exercise], on_result: Callable[[ExerciseResult], None]
    ) -> list[ExerciseResult]:
        """Check these exercises of the work that was last opened, and remember how they stand."""
        results = []
        for exercise in exercises:
            result = self.check_file(exercise, self.files[exercise.name])
            results.append(result)
            on_result(result)
        Progress(self.root).remember(results, {e.name: self.files[e.name].hash for e in exercises})
        return results

    def check_file(self, exercise: Exercise, file: SubmittedFile) -> ExerciseResult:
        """Check one exercise in a file of any place; nothing is remembered of it."""
        grader = self._grader(exercise)
        if file.text is None:
            return grader.unjudged("error", file.problem, file.file)
        return grader.grade(Subject(Code(file.text, file.file, exercise.forbid), file.where, file.hash)).result

    def _grader(self, exercise: Exercise) -> ExerciseGrader:
        path = expected_plan(self.root, exercise)
        data = path.read_bytes() if path.exists() else b""
        known = self._graders.get(exercise.name)
        if known is not None and known[0] == data:
            return known[1]
        plan = load_plan(path)
        test_module = path.parent.parent / f"test_{exercise.slug}.py"
        if not test_module.is_file():
            raise PlanError(f"there is no {test_module}; fetch it again from the course")
        client = TwinClient(self.zygote, twin.Open(exercise.name, test_module=str(test_module), stub=plan.stub))
        self._twins.append(client)
        limits = exercise.limits
        grader = ExerciseGrader(
            plan=plan,
            title=exercise.title,
            points=public_points(plan),
            zygote=self.zygote,
            review=client.review,
            limits=RunLimits(limits.cpu_seconds, limits.wall_factor, limits.memory_mb, limits.output_kb),
            lecture=f"lectures/{exercise.name}.md",
            hasty=True,
        )
        self._graders[exercise.name] = (data, grader)
        return grader


def public_points(plan: Plan) -> int:
    return sum(check.points for check in plan.checks if not check.bonus)


class Progress:
    """How each exercise stood when it was last checked, and whether its file has changed since."""

    def __init__(self, root: Path) -> None:
        self.path = root / ".autograder" / PROGRESS

    def read(self) -> dict[str, dict[str, Any]]:
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: row for name, row in data.items() if isinstance(row, dict)}
        except (OSError, ValueError, AttributeError):
            return {}

    def remember(self, results: list[ExerciseResult], hashes: dict[str, str]) -> None:
        rows = self.read()
        for result in results:
            rows[result.exercise] = {
                "earned": result.earned,
                "points": result.points,
                "verdict": result.verdict,
                "hash": hashes[result.exercise],
            }
        try:
            self.path.parent.mkdir(exist_ok=True)
            temporary = self.path.with_suffix(".tmp")
            temporary.write_text(json.dumps(rows, indent=1), encoding="utf-8")
            temporary.replace(self.path)
        except OSError:
            pass  # a read-only checkout: the verdict was shown, only the map is not kept


def untouched(root: Path, exercise: Exercise, text: str | None) -> bool:
    """Whether an answer is still the stub that the course gave, in a file or in a notebook's cell; None is no answer at all."""
    return text is None or is_stub(root, exercise.name, text)
