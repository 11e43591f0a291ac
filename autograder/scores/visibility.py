"""What a student may see of each exercise now: its module's feedback policy, and whether it is time."""

from __future__ import annotations

from datetime import datetime

from autograder.course.config import Module
from autograder.course.roster import Person
from autograder.course.tree import key
from autograder.feedback.policy import Policy
from autograder.scores.deadlines import deadline
from autograder.scores.final import Book


def policies(book: Book, submission: str, published: set[str]) -> dict[str, Policy]:
    """By exercise, for those who get what `submission` is worth; for a group, when it is time for all of it."""
    people = book.roster.team(submission) or [Person(submission)]
    found = {}
    for module in book.course.modules:
        policy = Policy(module.feedback.show, _is_time(book, module, people, published), module.feedback.titles)
        found |= {exercise.name: policy for exercise in module.exercises}
    return found


def _is_time(book: Book, module: Module, people: list[Person], published: set[str]) -> bool:
    if module.feedback.when == "now":
        return True
    if module.feedback.when == "published":
        return module.id in published
    dues = [_due(book, module, person) for person in people]
    return all(due is not None and book.now > due for due in dues)


def _due(book: Book, module: Module, person: Person) -> datetime | None:
    mine = [each for each in book.holding if key(each.student) in (key(person.id), key(person.group))]
    return deadline(module, person, mine).due
