"""What a student handed in, as a private copy in memory: for each exercise its text, or the reason why there is none.

`open_submission` reads a folder, a zip, a git commit (`PATH@REV`), or a single `.py` or `.ipynb` file. It never raises for what is
in them: whatever is wrong becomes a message of the exercise or of the submission, and the rest is still graded.

Where an exercise `tokenizer/bpe` is looked for (in the source itself, or in the one folder in it that holds the work):

1. `assignments/tokenizer/bpe.py`, `tokenizer/bpe.py`, and `bpe.py` where no other exercise has that name;
2. cells tagged `exercise:tokenizer/bpe` of any notebook (`notebook.py`);
3. copies as `bpe (1).py` in those places; `bpe.py` alone in any folder; and where there is none of it, a name that ends so, as `king_bpe.py`.

Zips in folders and in zips are folders (`nested.py`). Students get both a stub and a notebook, and work in one of them. What the course
handed out, unchanged, never counts where there is another answer. Of several, one in the outermost folder counts, the one that has the
fewest functions left to write; then one that can be read, a `.py` before a notebook, and the order above. When another answer is
finished too, and different, the submission says so; where nothing says which of them counts, none does.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course import git, tree
from autograder.course.answers import SubmittedFile, collect
from autograder.course.archive import ZipTree
from autograder.course.config import Course
from autograder.course.folder import FileTree, FolderTree, is_file, is_folder
from autograder.course.layout import exercise_of_file, places
from autograder.course.nested import Unpacked
from autograder.course.platforms import claim_of
from autograder.course.several import Part, Several, parts_of
from autograder.course.tree import BrokenTree, Tree
from autograder.refusals import Refusal
from autograder.results import REQUEST, Clock, Message

if TYPE_CHECKING:
    from autograder.course.find import Found

ASSIGNMENTS = "assignments"


class SubmissionError(Refusal):
    """What was named is not there, so there is nothing to grade: a sentence for the person who named it."""


@dataclass(frozen=True)
class Submission:
    """One student's or group's work, as it was when it was opened."""

    id: str
    source: str  # as the instructor named it
    files: dict[str, SubmittedFile]  # by exercise, for every exercise of the course
    problems: list[Message] = field(default_factory=list)
    revision: str = ""  # the commit, for a source in git
    handed_in: str = ""  # ISO 8601, "" when nobody knows
    clock: Clock = "unknown"
    hints: dict[str, int] = field(default_factory=dict)  # theirs: how many they asked for, where the course reports it

    @cached_property
    def hash(self) -> str:
        """SHA-256 over what is graded: exercises, file names, and their bytes (or what is wrong with them)."""
        parts = [self.files[name].identity for name in sorted(self.files)]
        for problem in self.problems:
            if problem.id == REQUEST:  # the same answers with another request are another hand-in
                parts.append(json.dumps(problem.values, sort_keys=True).encode())
        return hashlib.sha256(b"".join(parts)).hexdigest()


def open_submission(
    source: str | Path,
    course: Course,
    *,
    name: str | None = None,
    handed_in: str = "",
    clock: Clock = "unknown",
    repository: str = "",
) -> Submission:
    """Read what `source` holds for `course`. `name` is the submission's id; by default it comes from the file's name.
    `repository` says which part of a source REPOSITORY@REVISION is the repository, where that is known.

    `handed_in` says when, by `clock`; of a commit that nothing else is known of, it is the time that the commit itself claims.

    Raises `SubmissionError` only when the source itself is not there: no such path, repository or revision.
    """
    opened, path, revision = _open(source, course, repository)
    return _opened(opened, path, revision, source, course, name, handed_in, clock)


def open_found(found: Found, course: Course) -> Submission:
    """The same for a submission of a class. Never raises for what is in it: one that is not there, or is no repository after all, has that
    as its problem, and the others are graded. Raises `MemoryError` (`opening` bounds memory, and time)."""
    try:
        return open_submission(
            found.source,
            course,
            name=found.id,
            handed_in=found.handed_in,
            clock=found.clock,
            repository=found.repository,
        )
    except (SubmissionError, OSError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, SubmissionError) else f"{type(error).__name__}: {error}"
        # The student reads this too: where it lies on the grader's machine is no business of theirs.
        folder = str(Path(found.repository or found.source).parent)
        for path in (str(Path(folder).absolute()), folder):
            reason = reason.replace(f"{path.rstrip('/')}/", "") if path not in (".", "/") else reason
        return not_opened(found, course, Message(id="submission.not-opened", values={"reason": tree.shown(reason)}))


def not_opened(found: Found, course: Course, why: Message) -> Submission:
    """A submission of which nothing can be read."""
    path = Path(found.source)
    return _opened(BrokenTree(why), path, None, found.source, course, found.id, found.handed_in, found.clock)


def _opened(
    opened: Tree,
    path: Path,
    revision: git.Revision | None,
    source: str | Path,
    course: Course,
    name: str | None,
    handed_in: str,
    clock: Clock,
) -> Submission:
    opened = Unpacked(opened)
    try:
        found = collect(opened, course)
    finally:
        opened.close()
    id = name if name is not None else submission_id(path)
    if revision is not None and not handed_in:
        handed_in, clock = git.committed_at(revision), "commit"
    commit = revision.commit if revision is not None else ""
    clock = clock if handed_in else "unknown"
    return Submission(id, str(source), found.files, found.problems, commit, handed_in, clock, found.hints)


def open_own_work(root: Path, course: Course, *, packed: bool = False) -> Submission:
    """What is written at this checkout of the course, as `you`.

    The course's own repository (it has `solutions/`) holds notebooks with answers elsewhere, of tests and of examples, so that
    only `assignments/` counts there; nor does more than that go into the zip of `autograder pack` (`packed`).
    """
    only = packed or (root / "solutions").is_dir()
    within = ASSIGNMENTS if only else ""
    opened = FolderTree(root, lambda: _all_places(course, within), within)
    try:
        found = collect(opened, course)
    finally:
        opened.close()
    return Submission("you", str(root), found.files, found.problems, hints=found.hints)


def submission_id(path: Path) -> str:
    """The id that a path gives: its name without `.zip`, `.py`, `.ipynb` or `.git`, without characters that can't be shown."""
    name = path.name or path.resolve().name
    if path.suffix.lower() in (".zip", ".py", ".ipynb", ".git") and path.stem:
        name = path.stem
    printable = "".join(character if character.isprintable() else "_" for character in tree.shown(name))
    return printable.strip()[:100] or "submission"


def _open(source: str | Path, course: Course, repository: str = "") -> tuple[Tree, Path, git.Revision | None]:
    if repository:
        return _at_revision(Path(repository), str(source)[len(repository) + 1 :])
    path = Path(source)
    try:
        exists = path.exists() or path.is_symlink()
    except (OSError, ValueError) as error:
        raise SubmissionError(f"{tree.shown(str(source))} can't be looked at: {error}") from None
    if not exists and len(parts := parts_of(str(source))) > 1:
        return _together([Path(part) for part in parts], course), Path(parts[0]), None
    if not exists:
        in_git = git.parse(str(source))
        if in_git is None:
            raise SubmissionError(f"there is no {path} (a folder, a zip, a .py or .ipynb file, or REPOSITORY@REVISION)")
        return _at_revision(*in_git)
    return _open_path(path, course), path, None


def _together(paths: list[Path], course: Course) -> Tree:
    """What a platform has downloaded of one student, file by file, the newest first. Raises `SubmissionError`."""
    parts = []
    gone = [path for path in paths if not os.path.lexists(path)]
    if gone:
        raise SubmissionError(f"there is no {tree.shown(str(gone[0]))}, which is a part of what was handed in")
    for path in paths:
        claim = claim_of(path.name)
        name = claim.file or path.name
        if path.is_symlink() or is_folder(path) or not is_file(path):
            parts.append(Part(_open_path(path, course), f"{path.name}/"))
        else:
            exercise = exercise_of_file(name, course) if name.lower().endswith(".py") else None
            parts.append(Part(FileTree(path, places(exercise, course)[1] if exercise is not None else name)))
    return Several(parts)


def _at_revision(folder: Path, rev: str) -> tuple[Tree, Path, git.Revision]:
    try:
        revision = git.resolve(folder, rev)
    except git.GitError as error:
        raise SubmissionError(str(error)) from None
    return git.GitTree(revision), revision.folder, revision


def _open_path(path: Path, course: Course) -> Tree:
    label = tree.shown(path.name)
    if path.is_symlink():
        return BrokenTree(Message(id="submission.link", values={"file": label}))
    if is_folder(path):
        return FolderTree(path, lambda: _all_places(course))
    suffix = path.suffix.lower()
    if not is_file(path) or suffix not in (".zip", ".py", ".ipynb"):
        return BrokenTree(Message(id="submission.unknown-kind", values={"file": label}))
    if suffix == ".zip":
        return ZipTree(path)
    if suffix == ".ipynb":
        return FileTree(path, path.name)
    exercise = exercise_of_file(claim_of(path.name).file or path.name, course)
    if exercise is None:
        return BrokenTree(Message(id="submission.unknown-file", values={"file": label}))
    return FileTree(path, places(exercise, course)[0])


def _all_places(course: Course, within: str = "") -> list[str]:
    found = [place for exercise in course.exercises for place in places(exercise, course)]
    return [place for place in found if not within or place.startswith(f"{within}/")]
