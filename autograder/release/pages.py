"""Lecture pages, kept in step with `grading.toml`: the lines below their titles are made from it."""

from __future__ import annotations

from pathlib import Path

from autograder.course.config import Course
from autograder.lessons.head import head, with_head
from autograder.release.files import write_atomically


def refresh_pages(root: Path, course: Course) -> list[Path]:
    """Write the lines below the title of every page that has them otherwise; returns the pages that changed."""
    changed = []
    for exercise in course.exercises:
        wanted, path = head(exercise, course), exercise.lecture(root)
        if not wanted or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        if (new := with_head(text, wanted)) != text:
            write_atomically(path, new.encode())
            changed.append(path)
    return changed
