"""The results of a whole class on a whole course, drawn from a fixed seed: as long, as wrong and as alike as a class's answers are.

Nothing is graded. Observations are real ones, so that wrong answers that several share can be told from those that only look alike.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import sample_results as sample

from autograder.course.config import Course, Exercise
from autograder.course.roster import Roster, parse_roster
from autograder.results import (
    CaseResult,
    CheckResult,
    Diagnosis,
    Difference,
    ExerciseResult,
    Message,
    Place,
    Result,
    Verdict,
)
from autograder.store import Mark
from autograder.wire.encode import encode

FIRST = [
    "Ada",
    "Alan",
    "Barbara",
    "Claude",
    "Dennis",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
    "John",
    "Karen",
    "Leslie",
    "Margaret",
    "Niklaus",
    "小云",
    "Sofía",
]
LAST = [
    "King",
    "Ng",
    "Nguyen",
    "Weiß",
    "Öztürk",
    "García",
    "Hopper",
    "Okafor",
    "Silva",
    "Tanaka",
    "Ivanova",
    "Haddad",
    "Brown",
    "Kowalski",
    "Rossi",
    "王",
]
CLAIMS = (
    "Each query attends to keys at its own position and before it, and to no key behind it, whatever the length.",
    "The rows of the result add up to one, also where all scores but one are minus infinity.",
    "The order of the batch does not matter: rows that change places in the input change places in the output.",
    "An empty sequence gives an empty result of the right shape and dtype, and raises nothing.",
    "Gradients reach every parameter that took part, and none of those that did not.",
    "The result is as exact as the dtype allows, also where the largest score is a thousand times the smallest.",
)
MISTAKES = (
    "You divide by the number of all tokens. Divide by the number of those that count: padding has no part in the mean.",
    "You scale the scores after the softmax. Divide by the root of the head's size *before* it.",
    "Your mask starts in the upper left corner. Where there are fewer queries than keys, the last query sees the last key.",
)
RUNS = ("20260901T080000Z", "20260908T080000Z", "20260915T080000Z")


@dataclass
class SampleClass:
    """Everything that a report is made from."""

    results: list[Result]
    marks: list[Mark]
    roster: Roster
    observations: dict[str, bytes] = field(default_factory=dict)


def sample_class(
    course: Course, students: int = 300, exercises: Sequence[Exercise] = (), absent: int = 5
) -> SampleClass:
    """A class of so many, and some more who are in the class list alone."""
    drawn = _Drawing(random.Random(11))
    ids = [f"s{number:04}" for number in range(students + absent)]
    lines = [f"{id},{drawn.rng.choice(FIRST)} {drawn.rng.choice(LAST)}" for id in ids]
    roster = parse_roster("student,name\n" + "\n".join(lines) + "\n")
    results = [drawn.result(id, exercises or course.exercises) for id in ids[:students]]
    drawn.marks.sort(key=lambda mark: mark.graded_at)
    marks = [Mark(number, *fields) for number, fields in enumerate((_fields(mark) for mark in drawn.marks), start=1)]
    return SampleClass(results, marks, roster, drawn.observations)


def _fields(mark: Mark) -> tuple:
    return tuple(getattr(mark, name) for name in Mark.__dataclass_fields__ if name != "number")


class _Drawing:
    """What was drawn so far."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.marks: list[Mark] = []
        self.observations: dict[str, bytes] = {}

    def result(self, id: str, exercises: Sequence[Exercise]) -> Result:
        skill = self.rng.uniform(0.35, 0.98)
        done = [each for each in exercises if self.rng.random() < 0.6 + 0.45 * skill]
        return sample.result(id, [self.exercise(id, skill, each) for each in done])

    def exercise(self, id: str, skill: float, exercise: Exercise) -> ExerciseResult:
        rng = self.rng
        file = f"assignments/{exercise.name}.py"
        worth = [exercise.points // 6] * 5
        worth.append(exercise.points - sum(worth))
        if rng.random() > skill + 0.5:
            stopped = Message(id="run.missing-function", values={"name": "forward", "file": file})
            found = sample.broken()
            made = ExerciseResult(exercise=exercise.name, title=exercise.title, points=exercise.points, verdict="error", file=file, message=stopped, place=found.place)  # fmt: skip
        else:
            unknown = rng.randrange(
                4
            )  # of those that nobody has written down: what goes wrong, goes wrong in all checks
            checks = [self.check(exercise, number, worth[number], skill, unknown) for number in range(6)]
            if exercise.slug.startswith("f"):
                checks.append(sample.gpu_check())
            verdict: Verdict = "failed" if any(check.verdict == "failed" for check in checks) else "passed"
            flags = [Message(id="flag.private-torch", values={"name": "torch._C", "place": f"{file}:7"})]
            made = ExerciseResult(
                exercise=exercise.name, title=exercise.title, points=exercise.points, verdict=verdict, file=file,
                checks=checks, flags=flags if rng.random() > 0.997 else [], seconds=0.2,
            )  # fmt: skip
        self.attempts(id, made)
        return made

    def attempts(self, id: str, made: ExerciseResult) -> None:
        """The verdicts that led to this one: most people get better, some stay where they are."""
        rng = self.rng
        number = rng.choice((1, 1, 2, 3))
        for nth in range(number):
            last = nth == number - 1
            earned = made.earned if last or rng.random() < 0.3 else rng.randrange(made.earned + 1)
            day = f"2026-09-{3 + 7 * (3 - number + nth):02}"
            self.marks.append(
                Mark(
                    0, RUNS[3 - number + nth], id, f"{day}T10:00:00Z", made.exercise, f"{id}{made.exercise}{nth}",
                    made.verdict if last else "failed", earned, made.points, made.pending, f"{day}T09:00:00+00:00", "push",
                )
            )  # fmt: skip

    def check(self, exercise: Exercise, number: int, points: int, skill: float, unknown: int) -> CheckResult:
        rng = self.rng
        name = ("causal", "rows_sum_to_one", "batch_order", "empty_input", "gradients", "exactness")[number]
        odds = (
            skill + (0.2, 0.15, 0.25, 0.1, 0.0, -0.1)[number] if number != 2 else 0.7
        )  # one that tells nothing of skill
        passed = rng.random() < odds
        margin = round(rng.random() ** 3, 4) if passed else round(1.05 + 400 * rng.random() ** 6, 4)
        known = not passed and rng.random() < 0.5
        cases = [
            self.case(exercise, name, title, number < 3 and nth < 2, passed or nth in (0, 3), unknown, margin)
            for nth, title in enumerate(
                ("two heads", "one token", "a long sequence", "a batch of one", "scores far apart")
            )
        ]
        return CheckResult(
            name=name,
            claim=CLAIMS[number],
            points=points,
            verdict="passed" if passed else "failed",
            earned=points if passed else 0,
            lecture=f"lectures/{exercise.name}.md#the-rule",
            diagnosis=Diagnosis(sentences=[rng.choice(MISTAKES)]) if known else None,
            cases=cases,
        )

    def case(self, exercise: Exercise, check: str, title: str, public: bool, passed: bool, unknown: int, margin: float) -> CaseResult:  # fmt: skip
        seed = f"{zlib.crc32(f'{exercise.name} {check} {title}'.encode()):08x}"
        if passed:
            return CaseResult(title=title, public=public, verdict="passed", seed=seed, margin=margin / 2, seconds=0.001)
        numbers = [[0.25 * (row + unknown) - 0.125 * column for column in range(6)] for row in range(6)]
        text = ",\n ".join(str([f"{value:.4f}" for value in row]) for row in numbers)
        return CaseResult(
            title=title,
            public=public,
            verdict="failed",
            seed=seed,
            parameters={"heads": 2, "length": 6},
            difference=Difference(
                kind="value", index=[1, 2], got="0.7312", want="0.7297", error=0.0015, tolerance=2e-5, wrong=4, total=36
            ),
            inputs={name: f"float32 (2, 6, 6)\n[{text}]" for name in ("q", "k", "v")},
            got=f"float32 (6, 6)\n[{text}]",
            want=f"float32 (6, 6)\n[{text}]",
            place=Place(
                file=f"assignments/{exercise.name}.py", line=31, function="forward", text="    return weights @ v"
            ),
            output="shape of the scores: (2, 6, 6)\n" if public else "",
            margin=margin,
            observation=self.observed(exercise.name, check, title, numbers, unknown),
        )

    def observed(self, exercise: str, check: str, title: str, numbers: list[list[float]], unknown: int) -> str:
        """The key of an observation; of three answers that are wrong in one way, each is summed up in another order."""
        order = self.rng.randrange(3)
        key = f"{exercise}/{check}/{title}/{unknown}/{order}"
        if key not in self.observations:
            self.observations[key] = encode(np.float32(numbers) * (1 + np.float32(2e-7) * order))
        return key
