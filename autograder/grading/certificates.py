"""Whether the certificate of an exercise speaks of its present files."""

from __future__ import annotations

from pathlib import Path

from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.lessons.certificate import Certificate, read


def about(exercise: Exercise, root: Path) -> str:
    """Hash of what decides the verification of an exercise, but for the engine and the versions of packages."""
    folder = exercise.solution_dir(root)
    more = [
        (folder / name).read_bytes() if (folder / name).exists() else b"" for name in ("cheats.py", "equivalent.toml")
    ]
    return hashes.of(exercise.name, str(exercise.points), hashes.authored(folder), *more, *exercise.forbid)


def current(exercise: Exercise, root: Path) -> Certificate | None:
    """The certificate, where it speaks of the present files."""
    found = read(exercise, root)
    return found if found is not None and found.about == about(exercise, root) else None
