"""Which exercises are not as they were at a revision of the course's own repository, so that a push verifies those and no others."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from autograder.course import Course, CourseError, load_course
from autograder.course.config import FILE, Exercise


class NoRevision(Exception):
    """The course is no git repository, or has no such revision; a sentence for the person who named it."""


def changed_since(root: Path, course: Course, revision: str) -> set[str]:
    """The names of the exercises whose folder, lecture page, figure or row in `grading.toml` differs from `revision`, in what is
    committed, staged, edited or new. The engine and the lab are not looked at: what changes there concerns every exercise.
    """
    files = {
        *_git(root, "diff", "--name-only", "-z", "--relative", revision, "--").split("\0"),
        *_git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0"),
    } - {""}
    before = _rows_at(root, revision)
    return {each.name for each in course.exercises if before.get(each.name) != each or _touched(each, files)}


def _touched(exercise: Exercise, files: set[str]) -> bool:
    own = (
        f"solutions/{exercise.name}/",
        f"lectures/{exercise.name}.md",
        f"lectures/{exercise.topic}/figures/{exercise.slug}.",
    )
    return any(file.startswith(own) for file in files)


def _rows_at(root: Path, revision: str) -> dict[str, Exercise]:
    """The rows of `grading.toml` as they were, by name; none where the file was not there, or was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / FILE).write_text(_git(root, "show", f"{revision}:./{FILE}"), encoding="utf-8")
            return {each.name: each for each in load_course(Path(folder)).exercises}
        except (CourseError, NoRevision):
            return {}


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise NoRevision("git is not installed.") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        raise NoRevision(f"git can't tell what changed: {said[0] if said else 'it failed'}") from None
    return done.stdout
