"""What the pages of a class are made from besides its results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.course.config import Course
from autograder.course.roster import Roster
from autograder.lessons.certificate import Certificate
from autograder.report.pairs import Compared
from autograder.store.database import Mark


@dataclass(frozen=True)
class Facts:
    """Everything may be missing: the pages then say less."""

    course: Course | None = None  # its modules, else exercises stand below their topics
    roster: Roster = field(default_factory=Roster)  # names, and who handed in nothing
    marks: Sequence[Mark] = ()  # every verdict that was ever given
    observation: Callable[[str], bytes | None] = lambda key: None  # what a student's code returned, by its key
    certificates: Mapping[str, Certificate] = field(default_factory=dict)  # by exercise
    compared: Sequence[Compared] = ()  # what similarity tools said


@dataclass(frozen=True)
class Part:
    """A module as the pages show it: those of its exercises that were graded for somebody."""

    id: str
    title: str
    exercises: list[str]


def parts_of(course: Course | None, graded: Collection[str]) -> list[Part]:
    """The modules in the order of the course; what belongs to none of them stands below its topic."""
    parts: dict[str, Part] = {}
    for module in course.modules if course is not None else ():
        names = [each.name for each in module.exercises if each.name in graded]
        if names:
            parts[module.id] = Part(module.id, module.title, names)
    known = {name for part in parts.values() for name in part.exercises}
    for name in graded:
        if name not in known:
            topic = name.partition("/")[0]
            parts.setdefault(topic, Part(topic, topic, [])).exercises.append(name)
    return list(parts.values())
