"""What a student hands in: their own files as one zip, after a look at what would cost points.

Nothing is run. It says which exercises are not begun or not finished, which do not parse, use a forbidden name or are too large, and
packs all the same: half-done work is graded too. The same files always give the same zip.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.answers import SubmittedFile
from autograder.course.config import Course, Exercise
from autograder.course.hints_asked import HANDED_IN
from autograder.course.submission import open_own_work, open_submission
from autograder.experiment.forbidden import first_use
from autograder.feedback import messages
from autograder.release.files import write_atomically
from autograder.release.wheel import zipped
from autograder.source.errors import ReleaseError

FOLDER = "assignments"
PLACEHOLDER = "submission.py"
"""otter opens a zip that has one notebook or one Python file at its top: this one stands for the folders."""
LARGEST = 100 * 2**20
_UNWRITTEN = re.compile(r"^[ \t]*raise NotImplementedError\b", re.MULTILINE)
_ABOUT = b"# Made by autograder pack. What was handed in is in the folder beside this file.\n"


@dataclass(frozen=True)
class Note:
    """Something about one exercise that its student may want to mend before handing in."""

    exercise: str
    kind: str  # "not begun", "not finished", "forbidden", "broken", "unreadable"
    text: str


@dataclass
class Packed:
    """The zip, what is in it, and what was noted."""

    path: Path
    files: list[str]
    hash: str  # of the submission, as the grade will name it
    notes: list[Note] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)  # exercises with nothing to note


def pack(
    root: Path,
    course: Course,
    exercises: list[Exercise],
    target: Path,
    untouched: Callable[[Exercise, str | None], bool],
) -> Packed:
    """Write the zip `target` with the files of `exercises` and their notebooks. Raises `ReleaseError` when there is nothing to pack."""
    submission = open_own_work(root, course, packed=True)
    packed = Packed(target, [], "")
    for exercise in exercises:
        file = submission.files[exercise.name]
        found = _note(exercise, file, untouched(exercise, file.text))
        packed.notes += [found] if found is not None else []
        packed.ready += [exercise.name] if found is None else []
    contents = _contents(root, exercises)
    if not contents:
        raise ReleaseError(f"there is none of your files in {root / FOLDER}: nothing to hand in.")
    size = sum(map(len, contents.values()))
    if size > LARGEST:
        raise ReleaseError(
            f"your files have {size // 2**20} MB together, more than is accepted; clear your notebooks' outputs."
        )
    packed.files = sorted(contents)
    write_atomically(target, zipped({**contents, PLACEHOLDER: _ABOUT}))
    packed.hash = open_submission(target, course, name="you").hash
    return packed


def _note(exercise: Exercise, file: SubmittedFile, untouched: bool) -> Note | None:
    if file.text is None:
        return Note(exercise.name, "unreadable", messages.text(file.problem) if file.problem else "it is not there")
    if untouched:
        return Note(exercise.name, "not begun", "it is still the stub")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where, line = file.where(line) if line else (file.file, 0)
        return Note(
            exercise.name, "broken", f"it is not valid Python: {where}:{line}" if line else "it is not valid Python"
        )
    use = first_use(tree, list(exercise.forbid))
    if use is not None:
        where, line = file.where(use.line)
        return Note(
            exercise.name,
            "forbidden",
            f"{where}:{line} uses {use.name}, which this exercise forbids: it would get no points",
        )
    left = len(_UNWRITTEN.findall(file.text))
    if left:
        return Note(
            exercise.name, "not finished", f"{left} of its functions {'is' if left == 1 else 'are'} not written yet"
        )
    return None


def _contents(root: Path, exercises: list[Exercise]) -> dict[str, bytes]:
    """The student's files by their place: each exercise's, each topic's notebook, and what says how many hints were asked for."""
    names = [f"{FOLDER}/{exercise.topic}/{exercise.slug}.py" for exercise in exercises]
    names += [f"{FOLDER}/{topic}/{topic}.ipynb" for topic in dict.fromkeys(each.topic for each in exercises)]
    names.append(HANDED_IN)  # there only where the course reports it
    found = {}
    for name in names:
        path = root / name
        if path.is_file() and not path.is_symlink():
            try:
                found[name] = path.read_bytes()
            except OSError as error:
                raise ReleaseError(f"it can't be read: {error.strerror}", file=name) from None
    return found
