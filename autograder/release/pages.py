"""Lecture pages, kept in step with what parts of them are made from: `grading.toml`, certificates, and the files of facts."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from autograder.course.config import Course
from autograder.lessons import certificate
from autograder.lessons.head import head, with_head
from autograder.lessons.tables import TableError, with_tables
from autograder.release.files import write_atomically
from autograder.source.errors import ReleaseError


def refresh_pages(root: Path, course: Course) -> list[Path]:
    """Write anew what is made of every page: the lines below its title, its certificate, and its tables. Returns the pages that changed. Raises
    `ReleaseError` for a table that can't be made."""
    exercises = {exercise.lecture(root): exercise for exercise in course.exercises}
    changed = []
    for path in [*exercises, *_others(root, exercises)]:
        if not path.is_file():
            continue
        text = new = path.read_text(encoding="utf-8")
        if path in exercises:
            wanted = head(exercises[path], course)
            new = with_head(text, wanted) if wanted else text
            new = certificate.with_certificate(new, certificate.read(exercises[path], root))
        try:
            new = with_tables(new, root)
        except TableError as problem:
            raise ReleaseError(str(problem), file=str(path.relative_to(root))) from None
        if new != text:
            write_atomically(path, new.encode())
            changed.append(path)
    return changed


def _others(root: Path, exercises: Collection[Path]) -> list[Path]:
    """Pages of topics, and of the whole course."""
    return sorted({*root.glob("lectures/README.md"), *root.glob("lectures/*/README.md")} - {*exercises})
