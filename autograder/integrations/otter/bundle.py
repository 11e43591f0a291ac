"""What of the course an autograder's zip holds: `requirements.course.zip`, private to the container.

It has this name because `otter grade` hands only `setup.sh`, `environment.yml` and `requirements.*` to the script that makes
the environment. In it: the engine as a wheel, `grading.toml`, the solutions of the exercises, the course secret, the plans as
they were made at the export, and `otter.json`, which says what is graded and how.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.course import Course, Exercise, load_course

ARCHIVE = "requirements.course.zip"
UNPACKED = "course"  # beside it, once setup.sh has run
SETTINGS = "otter.json"
DRAW = "otter"  # fresh cases are the same for everybody who hands in to one autograder


class BundleError(Exception):
    """The zip is not whole. The text says what to do."""


@dataclass(frozen=True)
class Settings:
    """What the export was told."""

    exercises: list[str]
    points: float | None = None  # what the assignment is out of on Gradescope, where that is another number
    unsafe: bool = False  # hidden checks run whatever the isolation

    def encoded(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()


@dataclass(frozen=True)
class Bundle:
    """An unpacked bundle: a course with the exercises that are graded."""

    root: Path
    course: Course
    exercises: list[Exercise]
    settings: Settings

    @property
    def private(self) -> Path:
        return self.root / ".autograder"


@contextmanager
def opened(source: Path) -> Iterator[Bundle]:
    """The bundle of the unpacked zip `source`: as setup.sh has left it, else unpacked for this once. Raises `BundleError`."""
    if (source / UNPACKED / SETTINGS).is_file():
        yield read(source / UNPACKED)
        return
    with tempfile.TemporaryDirectory(prefix="course-") as folder:  # readable for its owner only
        try:
            with zipfile.ZipFile(source / ARCHIVE) as archive:
                archive.extractall(folder)
        except (OSError, zipfile.BadZipFile) as error:
            raise BundleError(
                f"{ARCHIVE} can't be read ({error}). Make the zip anew: autograder export otter"
            ) from None
        yield read(Path(folder))


def read(root: Path) -> Bundle:
    """The bundle in the folder `root`. Raises `BundleError`, and `CourseError` when its grading.toml is broken."""
    try:
        settings = Settings(**json.loads((root / SETTINGS).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        raise BundleError(
            f"{SETTINGS} is missing or of another version. Make the zip anew: autograder export otter"
        ) from None
    course = load_course(root)
    return Bundle(root, course, [course.exercise(name) for name in settings.exercises], settings)
