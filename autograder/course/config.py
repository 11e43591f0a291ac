"""`grading.toml` as typed, frozen objects: the course, its modules, their exercises, limits, deadlines and feedback.

The classes are the format: their fields are the keys, `docs/grading-toml.md` is generated from their descriptions
(`reference.py`), and `load.py` turns what pydantic says about a wrong file into sentences for the person who wrote it.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr

from autograder.course.problems import CourseError, Problem
from autograder.course.settings import Feedback, LateFull, LatePolicy, Limits, Scores, Table
from autograder.course.stubs import Stubs

NAME = r"[a-z][a-z0-9_]*"
FILE = "grading.toml"


ABOUT = ("objective", "prerequisites", "minutes", "difficulty")
"""What an exercise's row says to people who choose what to do next."""


class Exercise(Table):
    """One exercise: `solutions/<topic>/<exercise>/` and `assignments/<topic>/<exercise>.py`."""

    name: str = Field(
        pattern=rf"^{NAME}/{NAME}$",
        description='`topic/exercise`, as "tokenizer/bpe". A topic is not named like a Python package that can be imported.',
    )
    title: str = Field(min_length=1, max_length=200, description="What people read.")
    points: int = Field(gt=0, le=10_000, description="The sum of the points of its checks (without bonus checks).")
    objective: str = Field(
        default="",
        max_length=200,
        description="What one will be able to do after it, as words after “You will be able to”. An exercise that has one is "
        "held to the form of a lesson: `minutes`, `difficulty`, hints, and the sections of its page.",
    )
    prerequisites: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Exercises that one should have done before. A piece of advice: nothing is blocked.",
    )
    minutes: int | None = Field(
        default=None,
        ge=5,
        le=1000,
        description="How long it takes, with reading, somebody who has done the prerequisites.",
    )
    difficulty: int | None = Field(default=None, ge=1, le=5, description="How hard it is, from 1 to 5.")
    forbid: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description='What the exercise may not use, each one a package ("tokenizers", with everything in it), a dotted name '
        '("torch.softmax", with everything below it), or a method of any tensor ("Tensor.softmax", as in `x.softmax(0)`). '
        "Names are written in full: `torch.nn.functional.softmax`, not `F.softmax`; aliases in the student's code are resolved.",
    )
    requires: tuple[str, ...] = Field(
        default=(), strict=False, description="Exercises that must pass first; while one fails, this one is `blocked`."
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu", description="`cuda`: the whole exercise needs a GPU; without one it is `skipped`."
    )
    jail: Literal["default", "gpu", "tools"] = Field(
        default="default",
        description="Isolation profile: `gpu` for CUDA, `tools` for code that must run a compiler or a child process.",
    )
    limits: Limits = Field(
        default=Limits(),
        description="Any keys of `[limits]`; what is left out is taken from there.",
    )

    @property
    def topic(self) -> str:
        return self.name.partition("/")[0]

    @property
    def slug(self) -> str:
        return self.name.partition("/")[2]

    @property
    def forbidden_packages(self) -> tuple[str, ...]:
        """The entries of `forbid` that are whole packages: the jail refuses to import them."""
        return tuple(entry for entry in self.forbid if "." not in entry)

    @property
    def hash(self) -> str:
        """Changes when anything about the exercise in `grading.toml` does that has a part in grading."""
        return _hash(self, set(ABOUT))

    def solution_dir(self, root: Path) -> Path:
        return root / "solutions" / self.topic / self.slug

    def assignment_file(self, root: Path) -> Path:
        return root / "assignments" / self.topic / f"{self.slug}.py"

    def lecture(self, root: Path) -> Path:
        return root / "lectures" / self.topic / f"{self.slug}.md"


class Module(Table):
    """A part of the course with one deadline."""

    id: str = Field(pattern=rf"^{NAME}$", description="A short name, unique in the course.")
    title: str = Field(min_length=1, max_length=200, description="What people read.")
    order: int | None = Field(
        default=None,
        description="Place in the course; modules without one come in the order of the file, after those with one.",
    )
    release: datetime | None = Field(
        default=None,
        description="When students get it: `2026-09-01T09:00:00`, in the course's `timezone` unless it has an offset of its own.",
    )
    due: datetime | None = Field(default=None, description="When it is due, written as `release` is.")
    late: LatePolicy = Field(
        default=LateFull(kind="none"), description="What late work costs; `kind` decides which other keys there are."
    )
    drop_lowest: int = Field(
        default=0, ge=0, description="How many of a student's weakest exercises of this module do not count."
    )
    forbid: tuple[str, ...] = Field(
        default=(), strict=False, description="Added to the `forbid` of each of its exercises."
    )
    feedback: Feedback = Field(
        default=Feedback(),
        description="Any keys of `[feedback]`; what is left out is taken from there.",
    )
    exercises: tuple[Exercise, ...] = Field(
        alias="exercise", strict=False, min_length=1, description="Its exercises: a `[[module.exercise]]` each."
    )

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)


class Track(Table):
    """A way through the course for one purpose: some of its exercises, in an order of their own."""

    id: str = Field(
        pattern=rf"^{NAME}$", description="A short name, unique among tracks: `autograder status --track NAME`."
    )
    title: str = Field(min_length=1, max_length=200, description="What people read.")
    about: str = Field(default="", max_length=400, description="For whom it is, in a sentence.")
    exercises: tuple[str, ...] = Field(
        strict=False,
        min_length=1,
        description="Exercises, topics and modules by name, in the order in which they are done. Each of them must exist.",
    )


class RubricItem(Table):
    """One thing that a person looks at."""

    id: str = Field(
        pattern=rf"^{NAME}$", description="A short name, unique in the rubric: a person's points refer to it."
    )
    title: str = Field(min_length=1, max_length=200, description="What people read, students too.")
    points: int = Field(
        ge=-10_000,
        le=10_000,
        description="What a person may give: 0 up to this many, which the exercise or module is then out of as well. Below zero it is "
        "a deduction: 0 down to this many, and nothing is lost as long as nobody takes it.",
    )


class Rubric(Table):
    """What people give points for, beside the checks."""

    of: str = Field(description="The exercise or the module that it is for.")
    items: tuple[RubricItem, ...] = Field(
        alias="item", strict=False, min_length=1, description="What is looked at: a `[[rubric.item]]` each."
    )

    @property
    def points(self) -> int:
        """What the items are out of together; deductions are out of nothing."""
        return sum(max(item.points, 0) for item in self.items)


@dataclass
class Remembered:
    """What was found in a course's hand-ins. It makes no two courses different."""

    found: dict[tuple[str, bytes], Any] = field(default_factory=dict, compare=False)


class Course(Table):
    """The whole file."""

    schema_version: Literal[1] = Field(default=1, alias="schema", description="Version of this format.")
    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]*$", description="A short name: small letters, digits, `-`, `_` and `.`."
    )
    title: str = Field(min_length=1, max_length=200, description="What people read.")
    timezone: str = Field(
        default="UTC",
        description='Time zone of dates without an offset, as the IANA database names it: "Europe/Berlin", "Asia/Shanghai".',
    )
    repository: str = Field(
        default="",
        pattern=r"^https://github\.com/[A-Za-z0-9-]+/[A-Za-z0-9._-]+(/tree/[A-Za-z0-9._/-]+)?$",
        description="Where the class edition is, if it is on GitHub and public: `https://github.com/OWNER/NAME`, with `/tree/BRANCH` "
        "behind it unless the branch is `main`. The pages of topics then have links that open their notebooks.",
    )
    packages: tuple[str, ...] = Field(
        default=("torch", "numpy", "regex"),
        strict=False,
        description="What students may import beside Python's own library: these packages are installed where work is graded, and "
        "`check` and `pack` warn of any other. To allow one more, install it there, and name it here and in `dependencies` of "
        "`pyproject.toml`.",
    )
    limits: Limits = Field(default=Limits(), description="Limits of every exercise that does not set its own.")
    feedback: Feedback = Field(
        default=Feedback(), description="What students see of hidden checks; hints and solutions."
    )
    scores: Scores = Field(default=Scores(), description="Attempts, regrades and late days.")
    modules: tuple[Module, ...] = Field(
        alias="module", strict=False, min_length=1, description="The course's modules: a `[[module]]` each."
    )
    tracks: tuple[Track, ...] = Field(
        default=(), alias="track", strict=False, description="Ways through the course: a `[[track]]` each."
    )
    rubrics: tuple[Rubric, ...] = Field(
        default=(),
        alias="rubric",
        strict=False,
        description="What people give points for, beside the checks: a `[[rubric]]` each.",
    )
    _stubs: Stubs = PrivateAttr(default_factory=Stubs)
    _notebooks: Remembered = PrivateAttr(default_factory=Remembered)

    @property
    def stubs(self) -> Stubs:
        """What it hands out."""
        return self._stubs

    @property
    def notebooks(self) -> dict[tuple[str, bytes], Any]:
        """What was found in notebooks lately, by their names and hashes: `notebook.extract` keeps it."""
        return self._notebooks.found

    def at(self, root: Path) -> Course:
        """The same course, read from the folder `root`."""
        found = self.model_copy()
        found._stubs = Stubs(root)
        return found

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """All exercises, in the order of the course."""
        return tuple(exercise for module in self.modules for exercise in module.exercises)

    @property
    def zone(self) -> tzinfo:
        """The time zone of dates without an offset. UTC needs no database of zones, which Windows has not."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(exercise.topic for exercise in self.exercises))

    @cached_property
    def own_slugs(self) -> frozenset[str]:
        """The last parts of exercises' names that no two of them share."""
        counts = Counter(exercise.slug for exercise in self.exercises)
        return frozenset(slug for slug, count in counts.items() if count == 1)

    @property
    def points(self) -> int:
        return sum(module.points for module in self.modules)

    @property
    def hash(self) -> str:
        """Changes when what the file says does, not when its comments or layout do."""
        return _hash(self, {"packages", "rubrics"})  # advice, and what people give: neither has a part in grading

    def exercise(self, name: str) -> Exercise:
        """The exercise of that full name; raises `CourseError` with what was probably meant."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        raise self._unknown(name)

    def module(self, id: str) -> Module:
        for module in self.modules:
            if module.id == id:
                return module
        raise CourseError([Problem(FILE, "", f"There is no module {id!r}", ", ".join(m.id for m in self.modules))])

    def module_of(self, exercise: str) -> Module:
        """The module that an exercise belongs to."""
        for module in self.modules:
            if any(each.name == exercise for each in module.exercises):
                return module
        raise self._unknown(exercise)

    def track(self, id: str) -> Track:
        """The track of that id; raises `CourseError` with those that there are."""
        for track in self.tracks:
            if track.id == id:
                return track
        there = ", ".join(track.id for track in self.tracks) or "this course has none"
        raise CourseError([Problem("", "", f"There is no track {id!r}", there)])

    def exercises_of(self, track: Track) -> list[Exercise]:
        """The exercises of a track, in its order, each once."""
        found = {each.name: each for name in track.exercises for each in self.named(name)}
        return list(found.values())

    def named(self, name: str) -> list[Exercise]:
        """The exercise of that full name, or those of the topic or module of that name; [] where there is none."""
        modules = {each.name for module in self.modules if module.id == name for each in module.exercises}
        return [each for each in self.exercises if name in (each.name, each.topic) or each.name in modules]

    def match(self, patterns: Iterable[str]) -> list[Exercise]:
        """The exercises that a person means, in the order of the course; all of them when there are no patterns.

        A pattern is a full name (`tokenizer/bpe`), a topic or module (`tokenizer`), an exercise's own name where only
        one has it (`bpe`), or the path of its file (`assignments/tokenizer/bpe.py`), its tests, its page, or a topic's notebook.
        """
        patterns = list(patterns)
        if not patterns:
            return list(self.exercises)
        wanted = {exercise.name for pattern in patterns for exercise in self._matches(pattern)}
        return [exercise for exercise in self.exercises if exercise.name in wanted]

    def _matches(self, pattern: str) -> list[Exercise]:
        path = PurePosixPath(pattern.replace("\\", "/"))
        if path.suffix == ".py":
            path = path.with_name(path.name.removeprefix("test_"))
        for name in (pattern, "/".join(path.with_suffix("").parts[-2:]) if path.name else ""):
            if found := [exercise for exercise in self.exercises if exercise.name == name]:
                return found
        notebook = path.suffix == ".ipynb"
        group = path.stem if notebook else str(path).removeprefix("assignments/").removesuffix("/*")
        found = [exercise for exercise in self.exercises if exercise.topic == group]
        found += [each for module in self.modules if module.id == group for each in module.exercises]
        if found:
            return found
        found = [exercise for exercise in self.exercises if exercise.slug == path.stem]
        if len(found) > 1:
            names = ", ".join(exercise.name for exercise in found)
            raise CourseError([Problem("", "", f"{pattern!r} could be several exercises", names)])
        if not found:
            raise self._unknown(pattern)
        return found

    def _unknown(self, name: str) -> CourseError:
        full = [exercise.name for exercise in self.exercises]
        names = {word: word for word in [*full, *self.topics, *(module.id for module in self.modules)]}
        names |= {exercise.slug: exercise.name for exercise in self.exercises}
        close = list(dict.fromkeys(names[word] for word in difflib.get_close_matches(name, names, n=3, cutoff=0.6)))
        what = f"There is no exercise {name!r}" + (f"; did you mean {' or '.join(close)}?" if close else "")
        return CourseError([Problem("", "", what, ", ".join(full) if len(full) <= 12 and not close else "")])


def _hash(table: Table, without: set[str] | None = None) -> str:
    return hashlib.sha256(table.model_dump_json(by_alias=True, exclude=without).encode()).hexdigest()
