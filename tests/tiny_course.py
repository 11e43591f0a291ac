"""A real course with two exercises, small enough to be graded in a second, for the tests of grading."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course.config import Course
from autograder.course.load import load_course
from autograder.course.submission import Submission, open_submission
from autograder.grading.grade import ClassGrader, Step
from autograder.grading.secret import load_secret
from autograder.jail.host import Zygote
from autograder.results import CheckResult, ExerciseResult, Result
from autograder.store import Store

GRADING = """
schema = 1
id = "tiny"
title = "A tiny course"

[limits]
cpu_seconds = 1
wall_factor = 3
memory_mb = 512

[[module]]
id = "numbers"
title = "Numbers"

[[module.exercise]]
name = "numbers_of/total"
title = "Totals"
points = 5
forbid = ["torch.cumsum"]

[[module.exercise]]
name = "numbers_of/pick"
title = "Picking"
points = 3
requires = ["numbers_of/total"]
"""

TOTAL = '''"""Totals and means."""

from __future__ import annotations

from torch import Tensor


def total(x: Tensor) -> Tensor:
    """The sum of x along its last dimension."""
    # BEGIN SOLUTION
    return x.sum(-1)
    # END SOLUTION


def middle(x: Tensor) -> Tensor:
    """The mean of x along its last dimension."""
    # BEGIN SOLUTION
    return x.mean(-1)
    # END SOLUTION
'''

TOTAL_CHECKS = '''"""Checks of totals and means."""

from autograder.checks import case, check


def table(rng, rows, columns):
    return {"x": rng.normal(rows, columns)}


@check(points=3, inputs=table, lecture="sums",
       public=[case("a square", rows=3, columns=3)], hidden=[case("a wide table", rows=2, columns=5)])
def sums_rows(student, x):
    """The sum goes along the last dimension."""
    return student.total(x)


@check(points=2, inputs=table, public=[case(rows=3, columns=3)], hidden=[case(rows=4, columns=4)], fresh=1)
def means_of_rows(student, x):
    """The mean goes along the last dimension."""
    return {"mean": student.middle(x)}
'''

TOTAL_MISTAKES = '''"""Wrong totals."""

from autograder.checks import mistake

mistake("You add up columns. Add up rows.", edit={"x.sum(-1)": "x.sum(0)"})
mistake("You give zeros.", edit={"x.sum(-1)": "x.sum(-1) * 0"})
mistake("You give NaN.", edit={"x.sum(-1)": "x.sum(-1) * float('nan')"})
mistake("You raise.", edit={"x.sum(-1)": "x.sum(99)"})
mistake("You take the mean of columns.", edit={"x.mean(-1)": "x.mean(0)"}, fails=["means_of_rows"])


@mistake("You divide by the number of rows.")
def middle(x):
    return x.sum(0) / x.shape[0]
'''

PICK = '''"""Picking a number."""


def pick(numbers: list[int]) -> list[int]:
    """Any one of `numbers`, in a list."""
    # BEGIN SOLUTION
    return [numbers[0]]
    # END SOLUTION
'''

PICK_CHECKS = '''"""Checks of picking."""

from autograder.checks import case, check, reject


def one_of_them(seen, inputs):
    if seen[0] not in inputs["numbers"]:  # raises on an empty list: a judge with a fault, for the tests
        return reject("{number} is none of the numbers.", number=seen[0])


@check(points=3, judge=one_of_them, public=[case(numbers=[1, 2])], hidden=[case("secret numbers", numbers=[7, 8, 9])])
def picks_one(student, numbers):
    """It picks one of the numbers."""
    return student.pick(numbers)
'''

FILES = {
    "grading.toml": GRADING,
    "solutions/numbers_of/total/solution.py": TOTAL,
    "solutions/numbers_of/total/checks.py": TOTAL_CHECKS,
    "solutions/numbers_of/total/mistakes.py": TOTAL_MISTAKES,
    "solutions/numbers_of/pick/solution.py": PICK,
    "solutions/numbers_of/pick/checks.py": PICK_CHECKS,
    "lectures/numbers_of/total.md": "# Totals\n\n## Sums\n",
    "lectures/numbers_of/pick.md": "# Picking\n",
}


def make_course(root: Path, **changed: str) -> Path:
    """Write the course to `root`. `changed` gives other texts, by a file's name without its folder and suffix: `total_checks=…`."""
    for name, text in FILES.items():
        path = root / name
        short = path.stem if path.stem == "grading" else f"{path.parent.name}_{path.stem}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.pop(short, text), encoding="utf-8")
    for name, text in changed.items():
        exercise, _, file = name.partition("_")
        (root / "solutions/numbers_of" / exercise / f"{file}.py").write_text(text, encoding="utf-8")
    return root


def submit(root: Path, course: Course, name: str, **texts: str) -> Submission:
    """A submission of texts by exercise: `total=…`; the reference's own text where none is given."""
    folder = root / "submissions" / name
    for slug, reference in (("total", TOTAL), ("pick", PICK)):
        path = folder / "numbers_of" / f"{slug}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(slug, reference), encoding="utf-8", errors="surrogateescape")
    return open_submission(folder, course)


class SharedZygote:
    """Stands for a zygote of its own; counts what is asked of the one that the session shares."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.started = 0
        self.forked: list[str] = []

    def start(self) -> SharedZygote:
        self.started += 1
        return self

    def wait(self) -> Any:
        return self._zygote.wait()

    def fork(self, role: str = "jail", *more: Any, **named: Any) -> Any:
        self.forked.append(role)
        return self._zygote.fork(role, *more, **named)

    def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._zygote, name)


@dataclass
class Class:
    """A course, its store, and grading as `autograder grade` does it, with the session's zygote."""

    root: Path
    zygote: SharedZygote
    steps: list[Step] = field(default_factory=list)

    @property
    def course(self) -> Course:
        return load_course(self.root)

    @property
    def store(self) -> Store:
        return Store(self.root / ".autograder" / "results.db")

    def submit(self, name: str, **texts: str) -> Submission:
        return submit(self.root, self.course, name, **texts)

    def grade(self, *submissions: Submission, run: str = "", **named: Any) -> dict[str, Result]:
        """Grade into a new run (or `run`), and read the results back from the store."""
        self.steps.clear()
        with self.store as store:
            run = run or store.start_run().id
            with ClassGrader(
                course=self.course,
                root=self.root,
                private=self.root / ".autograder",
                secret=load_secret(self.root / ".autograder"),
                run=run,
                on_step=self.steps.append,
                **named,
            ) as grader:
                yielded = {result.submission: result for result in grader.grade(list(submissions), store)}
            read = {result.submission: result for result in store.results(run)}
        assert yielded.keys() <= read.keys()
        return {name: read[name] for name in yielded}

    def grade_one(self, name: str = "one", **texts: str) -> Result:
        return self.grade(self.submit(name, **texts))[name]

    def kinds(self) -> list[str]:
        return [step.kind for step in self.steps]

    def rows(self, table: str) -> int:
        with sqlite3.connect(self.root / ".autograder" / "results.db") as db:
            return db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def exercise(result: Result, name: str = "numbers_of/total") -> ExerciseResult:
    return next(each for each in result.exercises if each.exercise == name)


def check(result: Result, name: str) -> CheckResult:
    return next(check for each in result.exercises for check in each.checks if check.name == name)
