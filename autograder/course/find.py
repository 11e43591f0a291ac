"""Which submissions a person means by some paths: each path is one submission, or a folder with one for each student.

A folder is one submission when it holds student files right there: `assignments/`, a folder or notebook named like a topic, or an
exercise's file. Any other folder is a class: each folder, zip, `.py`, `.ipynb`, bare repository or other archive in it is a
student's (an archive that can't be read is reported as such, not passed over). Hidden files, `__MACOSX` and files of other kinds
(a roster, a README) are no submissions. `REPOSITORY@REVISION` is one submission.

A `collected.json` says whose a repository is and when it came. It is believed where `autograder collect` wrote it, in the course's private
folder, and in folders that a person calls collections; anywhere else a student could have written it, and it is a file like others.

Whatever is handed in, the others are graded: only what a person typed wrong raises. A folder in a class that can't be opened is found
all the same, and opening it says why it can't.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.course import git
from autograder.course.config import Course
from autograder.course.folder import is_file, is_folder
from autograder.course.layout import places
from autograder.course.platforms import claim_of
from autograder.course.repository import is_bare
from autograder.course.submission import SubmissionError, submission_id
from autograder.course.tree import key, shown, skipped
from autograder.results import Clock

COLLECTED = "collected.json"
SUBMITTED = {".zip", ".py", ".ipynb", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst"}


@dataclass(frozen=True)
class Found:
    """A submission that is there: what `open_submission` takes, and an id that no other one of the list has."""

    id: str
    source: str
    handed_in: str = ""  # ISO 8601, where it is known from elsewhere than the submission itself
    clock: Clock = "unknown"
    repository: str = ""  # where `source` is REPOSITORY@REVISION: which part of it is the repository


def find_submissions(
    paths: Iterable[str | Path], course: Course, private: Path | None = None, collections: Iterable[Path] = ()
) -> list[Found]:
    """The submissions at `paths` and in `collections`, in order; raises `SubmissionError` that names every path with nothing to grade.

    `private` is the course's own folder, where `autograder collect` writes; `collections` are folders that a person says it has written.
    """
    named: list[tuple[Path, str, str]] = []  # the path that gives the id, the source, which part of it is a repository
    collected: list[Found] = []
    wrong: list[str] = []
    ours = {Path(each).resolve() for each in collections}
    several = [*paths, *collections]
    for given in several:
        path = Path(given)
        if is_folder(path) and _is_ours(path, private, ours) and (there := of_collection(path)) is not None:
            collected += there
            wrong += [] if there else [f"nothing was collected in {shown(str(path))}"]
        elif is_folder(path) and is_bare(path):
            named.append((path, f"{given}@HEAD", str(given)))
        elif is_folder(path) and not _is_submission(path, course):
            try:
                children = _children(path)
            except OSError as error:
                # Of `class/*`, that is one student's folder: opening it says why it can't be read. Alone, it is what a person named.
                if len(several) < 2:
                    raise SubmissionError(f"{shown(str(path))} can't be read: {error.strerror}") from None
                children = [(path, str(path), "")]
            named += children
            if not children:
                wrong.append(f"there is no submission in {shown(str(path))}{_not_believed(path)}")
        elif is_folder(path) or is_file(path) or _is_there(path):
            named.append((path, _followed(path), ""))
        elif (in_git := git.parse(str(given))) is not None:
            named.append((in_git[0], str(given), str(in_git[0])))
        else:
            wrong.append(
                f"there is no {shown(str(path))} (a folder, a zip, a .py or .ipynb file, or REPOSITORY@REVISION)"
            )
    if wrong:
        raise SubmissionError("; ".join(wrong))
    once = {(source, repository): path for path, source, repository in named}
    ids = _ids(list(once.values()), {key(each.id) for each in collected})
    found = [Found(id, source, repository=repository) for id, (source, repository) in zip(ids, once, strict=True)]
    return [*collected, *found]


def _is_ours(folder: Path, private: Path | None, collections: set[Path]) -> bool:
    """Whether no student can have written what lies right in it."""
    try:
        real = folder.resolve()
    except (OSError, RuntimeError):
        return False
    return real in collections or (private is not None and real.is_relative_to(private.resolve()))


def _is_there(path: Path) -> bool:
    """Whether there is such a name, whatever it is: a link that leads nowhere, a pipe, what can't be looked at."""
    try:
        os.lstat(path)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _followed(path: Path) -> str:
    """A link that a person names is followed; links inside of what students handed in are not, nor are those that lead nowhere."""
    try:
        return str(path.resolve(strict=True)) if path.is_symlink() else str(path)
    except (OSError, RuntimeError):
        return str(path)


def _not_believed(folder: Path) -> str:
    if not is_file(folder / COLLECTED):
        return ""
    return f"; its {COLLECTED} is not believed here: if `autograder collect --into` wrote it, say --collected {shown(str(folder))}"


def of_collection(folder: Path) -> list[Found] | None:
    """What `autograder collect` found, from the manifest in `folder`; None when there is none."""
    from autograder.course.manifest import ManifestError, read_manifest

    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        raise SubmissionError(str(error)) from None
    if manifest is None:
        return None
    there = [entry for entry in manifest.entries if entry.status == "collected"]
    return [
        Found(each.student, f"{place}@{each.commit}", each.handed_in, each.clock, repository=place)
        for each in there
        for place in [os.path.normpath(folder / each.folder)]
    ]


def _is_submission(folder: Path, course: Course) -> bool:
    if claim_of(folder.name).owner and "_assignsubmission_" in folder.name:
        return True
    if is_folder(folder / "assignments"):
        return True
    topics = course.topics
    if any(is_folder(folder / topic) or is_file(folder / f"{topic}.ipynb") for topic in topics):
        return True
    return any(is_file(folder / place) for exercise in course.exercises for place in places(exercise, course))


def _children(folder: Path) -> list[tuple[Path, str, str]]:
    """What is handed in, in the folder of a class. Raises `OSError` where it can't be listed."""
    found = []
    for child in sorted(child for child in folder.iterdir() if not skipped(child.name)):
        if is_folder(child) and not child.is_symlink() and is_bare(child):
            found.append((child, f"{child}@HEAD", str(child)))
        elif is_folder(child) or child.suffix.lower() in SUBMITTED or (not child.suffix and not is_file(child)):
            found.append(
                (child, str(child), "")
            )  # the last: a link that leads nowhere, a pipe, a socket in a folder's place
    return found


def _ids(paths: list[Path], reserved: set[str]) -> list[str]:
    """An id for each path: its name, longer where that is not enough, numbered where nothing else helps.

    Ids that differ only by case count as equal: reports are files, and not every file system tells them apart.
    """
    forms = (
        submission_id,
        lambda path: shown(path.name),
        lambda path: f"{shown(path.absolute().parent.name)}-{shown(path.name)}",
    )
    ids = [""] * len(paths)
    left = list(range(len(paths)))
    for form in forms:
        made = {index: _printable(form(paths[index])) for index in left}
        counts = Counter(key(id) for id in made.values())
        taken = {key(id) for id in ids if id} | reserved
        for index in left:
            if counts[key(made[index])] == 1 and key(made[index]) not in taken:
                ids[index] = made[index]
        left = [index for index in left if not ids[index]]
    taken = {key(id) for id in ids if id} | reserved
    for index in left:
        base, number = submission_id(paths[index]), 1
        while key(f"{base}-{number}") in taken:
            number += 1
        ids[index] = f"{base}-{number}"
        taken.add(key(ids[index]))
    return ids


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "_" for character in text).strip()[:100] or "submission"
