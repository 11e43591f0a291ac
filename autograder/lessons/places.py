"""Where hints and solutions lie in a student's repository, beside the recorded answers of the public checks."""

from __future__ import annotations


def hints_file(exercise: str) -> str:
    """
    >>> hints_file("attention/gqa")
    'assignments/attention/expected/gqa.hints'
    """
    topic, slug = exercise.split("/")
    return f"assignments/{topic}/expected/{slug}.hints"


def solution_file(exercise: str) -> str:
    topic, slug = exercise.split("/")
    return f"assignments/{topic}/expected/{slug}.solution"
