"""The course as a release sees it: topics in the course's order, each with its exercises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Exercise:
    """One row of `grading.toml`."""

    topic: str
    slug: str
    title: str
    points: int
    minutes: int | None = None
    difficulty: int | None = None
    forbid: tuple[str, ...] = ()

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


def load_topics(course_root: Path) -> list[Topic]:
    """The topics of the course in `course_root`; raises `CourseError` when its `grading.toml` is wrong."""
    from autograder.course import load_course

    return group(
        (
            module.title,
            Exercise(each.topic, each.slug, each.title, each.points, each.minutes, each.difficulty, each.forbid),
        )
        for module in load_course(course_root).modules
        for each in module.exercises
    )


def group(rows: Iterable[tuple[str, Exercise]]) -> list[Topic]:
    """Topics from (module title, exercise) rows, in their order.

    Mostly a topic is a module and has its title. Where a module holds several topics, or a topic is spread over several
    modules, the topic's own name is added or taken, so that no two pages have one title.
    """
    exercises: dict[str, list[Exercise]] = {}
    titles: dict[str, list[str]] = {}
    topics_of: dict[str, set[str]] = {}
    for title, exercise in rows:
        exercises.setdefault(exercise.topic, []).append(exercise)
        titles.setdefault(exercise.topic, []).append(title)
        topics_of.setdefault(title, set()).add(exercise.topic)

    def title_of(topic: str) -> str:
        name = topic.replace("_", " ").capitalize()
        title = titles[topic][0]
        if len(set(titles[topic])) > 1:
            return name
        return title if len(topics_of[title]) == 1 else f"{title}: {name}"

    return [Topic(name, title_of(name), tuple(members)) for name, members in exercises.items()]
