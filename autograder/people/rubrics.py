"""Whether what a record names exists: exercises, modules, items of a rubric with their bounds, comments, requests."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.course.config import Course, Rubric
from autograder.people.records import Answer, Comment, Points, Record, Removed, Request

Broken = tuple[str, str, str]
"""The key, what is wrong with it, what is allowed."""


def rubric_of(course: Course, scope: str) -> Rubric | None:
    return next((each for each in course.rubrics if each.of == scope), None)


def problem_of(record: Record, course: Course, others: Sequence[Record]) -> Broken | None:
    """What is wrong with `record`, of the same file as `others`; None when nothing is."""
    exercises, modules = [each.name for each in course.exercises], [each.id for each in course.modules]
    if record.of not in exercises and (record.of not in modules or (isinstance(record, Comment) and record.line)):
        what = f"there is no exercise {'or module ' if not isinstance(record, Comment) else ''}{record.of!r}"
        return "of", what, "as grading.toml names it, as topic/exercise"
    if isinstance(record, Points):
        return _points(record, course)
    if isinstance(record, Comment) and record.line and not record.code and not record.file:
        return "code", "is missing, so that nobody could tell later which line is meant", "the text of that line"
    if isinstance(record, Removed) and not any(isinstance(o, Comment) and o.id == record.comment for o in others):
        return "comment", f"there is no comment {record.comment!r} in this file", "its id"
    if isinstance(record, Answer) and not any(isinstance(o, Request) and o.id == record.request for o in others):
        return "request", f"there is no request {record.request!r} in this file", "its id"
    return None


def _points(record: Points, course: Course) -> Broken | None:
    rubric = rubric_of(course, record.of)
    if rubric is None:
        have = ", ".join(each.of for each in course.rubrics) or "no exercise has one"
        return "of", f"grading.toml has no [[rubric]] of {record.of}", have
    item = next((each for each in rubric.items if each.id == record.item), None)
    if item is None:
        return "item", f"the rubric of {record.of} has no item {record.item!r}", ", ".join(e.id for e in rubric.items)
    low, high = sorted((0, item.points))
    if not low <= record.points <= high:
        return "points", f"is {record.points:g}", f"{low} to {high}, as grading.toml has it"
    return None
