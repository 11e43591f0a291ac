"""The course as a release sees it: topics in the course's order, each with its exercises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Exercise:
    """One row of `grading.toml`."""

    topic: str
    slug: str
    title: str
    points: int
    hours: float | None = None

    @property
    def name(self) -> str:
        return f"{self.topic}/{self.slug}"

    @property
    def lecture(self) -> str:
        """Its lecture page, from the course's root."""
        return f"lectures/{self.topic}/{self.slug}.md"

    def folder(self, course_root: Path) -> Path:
        """Where its reference and checks are: private."""
        return course_root / "solutions" / self.topic / self.slug


@dataclass(frozen=True)
class Topic:
    """A folder of `assignments/`: the exercises that students find side by side."""

    name: str
    title: str
    exercises: tuple[Exercise, ...]

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)


def group(rows: Sequence[tuple[str, Exercise]]) -> list[Topic]:
    """Topics from (module title, exercise) rows: a module may hold several topics, a topic's exercises stay together."""
    topics: dict[str, tuple[str, list[Exercise]]] = {}
    for title, exercise in rows:
        topics.setdefault(exercise.topic, (title, []))[1].append(exercise)
    return [Topic(name, title, tuple(exercises)) for name, (title, exercises) in topics.items()]
