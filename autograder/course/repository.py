"""A repository that a student may have made, looked at without git before git sees it.

What lies in a repository tells git where else to look: `commondir`, `gitdir` files, alternates, links, `include` in its settings. So
git is never pointed at it. Its few files that name commits are read here, and git works in a folder of ours with settings of ours, and
of the student's it is given the folder of objects alone, once nothing in that leads elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_OBJECT_FILES = 100_000
MAX_REFS = 20_000
MAX_REF_BYTES = 4096
MAX_LOG_BYTES = 2**20
MAX_PACKED_REFS = 16 * 2**20
MAX_SETTINGS = 2**20
_SHA256 = re.compile(rb"^\s*objectformat\s*=\s*\"?sha256\b", re.IGNORECASE | re.MULTILINE)
_REFTABLE = re.compile(rb"^\s*refstorage\s*=\s*\"?reftable\b", re.IGNORECASE | re.MULTILINE)


class RepositoryError(Exception):
    """It is no repository that is read; a sentence for a person."""


@dataclass(frozen=True)
class Repository:
    """A repository with nothing in it that leads elsewhere."""

    folder: Path  # as it was named
    inside: Path  # what git calls the git directory
    sha256: bool  # its objects have names of 64 digits

    @property
    def objects(self) -> Path:
        return self.inside / "objects"


def is_bare(folder: Path) -> bool:
    """Whether it has the three names that a bare repository has; nothing is said about what they are."""
    return all(_kind(folder / part) is not None for part in ("HEAD", "objects", "refs"))


def is_repository(folder: Path) -> bool:
    return _kind(folder / ".git") is not None or is_bare(folder)


def inspect(folder: Path) -> Repository:
    """The repository at `folder`, itself bare or with its `.git`. Raises `RepositoryError`."""
    if not is_repository(folder):
        raise RepositoryError(f"{folder} is not a git repository (its own top folder, or a bare one)")
    inside = folder / ".git"
    kind = _kind(inside)
    if kind is None:
        inside = folder
    elif kind == "file":
        raise RepositoryError(
            f"{inside} is a file that names another folder (of a linked worktree or a submodule); name that repository itself"
        )
    elif kind != "folder":
        raise RepositoryError(f"{inside} is not a folder")
    for name in ("objects", "refs"):
        if _kind(inside / name) != "folder":
            raise RepositoryError(f"{inside / name} is not a folder")
    if _kind(inside / "HEAD") != "file":
        raise RepositoryError(f"{inside / 'HEAD'} is not a file")
    if _kind(inside / "commondir") is not None:
        raise RepositoryError(
            f"{inside} is a linked worktree (it has a `commondir`); name the repository that it belongs to"
        )
    for name in ("alternates", "http-alternates"):
        if _kind(inside / "objects/info" / name) is not None:
            raise RepositoryError(
                f"{inside / 'objects/info' / name} borrows objects of another repository; `git repack -a -d` in a copy of "
                "your own makes one that stands alone, and then that file can go"
            )
    _no_links(inside / "objects")
    settings = _read(inside / "config", MAX_SETTINGS) or b""
    if _REFTABLE.search(settings):
        raise RepositoryError(f"{folder} keeps its branches in a reftable, which is not read; a fresh clone has files")
    return Repository(folder, inside, bool(_SHA256.search(settings)))


@contextlib.contextmanager
def private_git(repository: Repository, *, names: bool = False) -> Iterator[Path]:
    """A git directory of ours that stands for the repository; with `names`, the student's branches and tags are in it. Objects are
    the student's: give git `GIT_OBJECT_DIRECTORY`."""
    ours = Path(tempfile.mkdtemp(prefix="autograder-git-"))
    try:
        (ours / "refs").mkdir()
        (ours / "objects").mkdir()
        version, extension = ("1", "[extensions]\n\tobjectformat = sha256\n") if repository.sha256 else ("0", "")
        (ours / "config").write_text(f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}")
        (ours / "HEAD").write_text("ref: refs/heads/none\n")
        if names:
            _copy_names(repository, ours)
        yield ours
    finally:
        shutil.rmtree(ours, ignore_errors=True)


def _copy_names(repository: Repository, ours: Path) -> None:
    """What HEAD, branches and tags name. Files that are no small regular files are left out, and so do not exist."""
    head = _read(repository.inside / "HEAD", MAX_REF_BYTES)
    if head is not None:
        (ours / "HEAD").write_bytes(head)
    packed = _read(repository.inside / "packed-refs", MAX_PACKED_REFS)
    if packed is not None:
        (ours / "packed-refs").write_bytes(packed)
    left = MAX_REFS
    for folder, most in (("refs", MAX_REF_BYTES), ("logs", MAX_LOG_BYTES)):  # the logs are for `main@{1}`
        left = _copy_folder(repository.inside / folder, ours / folder, most, left)
        if left < 0:
            raise RepositoryError(f"{repository.folder} has more than {MAX_REFS} branches and tags")


def _copy_folder(root: Path, ours: Path, most: int, left: int) -> int:
    """Copy its small regular files, at most `left`; how many more there may be, below zero when there were too many."""
    for path, folders, files in os.walk(root, followlinks=False):
        at = Path(path)
        folders[:] = [name for name in folders if _kind(at / name) == "folder"]
        target = ours / at.relative_to(root)
        target.mkdir(exist_ok=True)
        for name in files:
            left -= 1
            if left < 0:
                return left
            data = _read(at / name, most)
            if data is not None:
                (target / name).write_bytes(data)
    return left


def _no_links(objects: Path) -> None:
    left = MAX_OBJECT_FILES
    for path, folders, files in os.walk(objects, followlinks=False):
        for name in (*folders, *files):
            left -= 1
            if left < 0:
                raise RepositoryError(
                    f"{objects} has more than {MAX_OBJECT_FILES} files; `git gc` packs them into a few"
                )
            if _kind(Path(path, name)) not in ("file", "folder"):
                raise RepositoryError(f"{Path(path, name)} is neither a file nor a folder")


def _kind(path: Path) -> str | None:
    """What a name is, without following a link; None when there is none."""
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):
        return None
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def _read(path: Path, most: int) -> bytes | None:
    """A small regular file's content; None for whatever is none. A pipe in its place is not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > most:
            return None
        return file.read(most)
