"""A git commit as a source: objects are read from a local repository, nothing is checked out, and nothing of it is run.

The repository may be a student's, and nothing in it may lead git elsewhere: `repository` looks at it first, and then git works in
a folder of ours, on the student's objects (`_Git`). Only `rev-parse`, `ls-tree` and `cat-file` are called, fetching is switched off, and
what git may take of memory and time and give as an answer is bounded: a few hundred kilobytes can unpack to gigabytes.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from autograder.course.folder import is_folder
from autograder.course.repository import Repository, RepositoryError, inspect, is_repository, private_git
from autograder.course.tree import MAX_DEPTH, MAX_ENTRIES, Entry, Kind, shown, skipped, too_big, with_folders
from autograder.results import Message

MAX_LISTING = 8 * 2**20
MAX_COMMIT = 64 * 2**10
SECONDS = 20
MEMORY_MB = 400
_COMMITTED = re.compile(rb" (\d{1,12}) ([+-]\d{4})$")
KINDS: dict[str, Kind] = {"100644": "file", "100755": "file", "100664": "file", "120000": "link", "160000": "other"}


class GitError(Exception):
    """The repository or the revision is not there; a sentence for the person who named it."""


@dataclass(frozen=True)
class Revision:
    """`PATH@REV`, resolved to a commit."""

    folder: Path
    rev: str
    commit: str
    repository: Repository


def parse(source: str) -> tuple[Path, str] | None:
    """`PATH@REV` taken apart at the last `@` before which there is a repository (or else a folder), so that `ada@x.edu@HEAD` is that
    of `ada@x.edu` although there is a folder `ada`; None when the text is not of that form."""
    found = None
    for index in reversed([index for index, character in enumerate(source) if character == "@" and index]):
        folder = Path(source[:index])
        if is_folder(folder):
            if is_repository(folder):
                return folder, source[index + 1 :]
            found = found or (folder, source[index + 1 :])
    return found


def resolve(folder: Path, rev: str) -> Revision:
    """The commit that `rev` names in the repository at `folder`; raises `GitError`."""
    try:
        repository = inspect(folder)
        if not rev:
            raise GitError(f"no revision after @: write {folder}@HEAD for the newest commit")
        answer = _git(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}", names=True
        )
    except RepositoryError as error:
        raise GitError(str(error)) from None
    commit = answer.output.decode("ascii", "replace").strip()
    if not answer.finished:
        raise GitError(f"git did not answer within {SECONDS} s and {MEMORY_MB} MB for {folder}")
    if answer.code or not commit:
        said = answer.error.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise GitError(f"there is no commit {rev!r} in {folder}" + (f" (git: {said[:200]})" if said else ""))
    return Revision(folder, rev, commit, repository)


def committed_at(revision: Revision) -> str:
    """When the commit says it was committed, ISO 8601; "" when it says nothing that can be read."""
    answer = _git(revision.repository, "cat-file", "commit", revision.commit, most=MAX_COMMIT).output
    line = next((each for each in answer.partition(b"\n\n")[0].split(b"\n") if each.startswith(b"committer ")), b"")
    match = _COMMITTED.search(line)
    if match is None:
        return ""
    hours, minutes = int(match[2][1:3]), int(match[2][3:5])
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if match[2][:1] == b"-" else 1)
    try:
        return datetime.fromtimestamp(int(match[1]), timezone(offset)).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


class GitTree:
    """The files of one commit. Submodules are left out; links are seen as links."""

    def __init__(self, revision: Revision) -> None:
        self.revision = revision
        self.broken: Message | None = None
        self.problems: list[Message] = []
        self._blobs: dict[str, tuple[str, int]] = {}

    def close(self) -> None:
        pass

    def entries(self) -> list[Entry]:
        listing = self._listing()
        found = []
        sizes = self._sizes(listing)
        for record in listing.split(b"\0")[:-1]:
            about, _, raw = record.partition(b"\t")
            mode, _, blob = about.decode("ascii", "replace").split()
            size = sizes.get(blob, "")
            name = raw.decode("utf-8", "surrogateescape")
            if skipped(name) or name.count("/") >= MAX_DEPTH or ".." in name.split("/"):
                continue
            kind = KINDS.get(mode, "other")
            if kind == "file" and size.isdecimal():
                self._blobs[name] = (blob, int(size))
            found.append(Entry(name, kind, int(size) if size.isdecimal() else 0))
        if len(found) > MAX_ENTRIES:
            self._too_many()
            return []
        return with_folders(found)

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        found: dict[str, bytes | Message] = {}
        wanted = []
        for name, cap in caps.items():
            if name not in self._blobs:
                found[name] = _absent(name)
            elif self._blobs[name][1] > cap:
                found[name] = too_big(name, self._blobs[name][1], cap)
            else:
                wanted.append(name)
        # Sizes are of the objects' own headers, and checked: the answer is no longer than they say.
        request = "".join(f"{self._blobs[name][0]}\n" for name in wanted).encode()
        most = sum(self._blobs[name][1] + 200 for name in wanted)
        answer = b""
        if wanted:
            answer = _git(self.revision.repository, "cat-file", "--batch", input=request, most=most).output
        at = 0
        for name in wanted:
            head = answer[at : at + 200].partition(b"\n")[0]
            blob, size = self._blobs[name]
            begin = at + len(head) + 1
            if head != f"{blob} blob {size}".encode() or len(answer) < begin + size:
                found[name] = _absent(name)
                at = begin if head.endswith(b" missing") else len(answer)
                continue
            found[name] = answer[begin : begin + size]
            at = begin + size + 1
        return found

    def _listing(self) -> bytes:
        """What `ls-tree` says, cut off when it is too long: a few small objects can name a billion files."""
        answer = _git(
            self.revision.repository, "ls-tree", "-r", "-z", "--full-tree", self.revision.commit, most=MAX_LISTING + 1
        )
        if len(answer.output) > MAX_LISTING:
            self._too_many()
            return b""
        if answer.code or not answer.finished:
            self.broken = Message(
                id="submission.unreadable",
                values={"file": self.revision.commit, "reason": "git can't read the commit"},
            )
            return b""
        return answer.output

    def _sizes(self, listing: bytes) -> dict[str, str]:
        """Sizes of the objects in a listing, as far as they are here: `collect` leaves very large files out."""
        records = [record.partition(b"\t")[0].split() for record in listing.split(b"\0")[:-1]]
        request = b"".join(parts[2] + b"\n" for parts in records[: MAX_ENTRIES + 1] if parts[1] == b"blob")
        if not request:
            return {}
        answer = _git(self.revision.repository, "cat-file", "--batch-check=%(objectname) %(objectsize)", input=request)
        lines = [line.split(" ") for line in answer.output.decode("ascii", "replace").splitlines()]
        return {line[0]: line[1] for line in lines if len(line) == 2 and line[1].isdecimal()}

    def _too_many(self) -> None:
        self.broken = Message(id="submission.git-too-many", values={"limit": MAX_ENTRIES})


def _absent(name: str) -> Message:
    return Message(
        id="submission.unreadable",
        values={"file": shown(name), "reason": "git does not have its content (`collect` leaves very large files out)"},
    )


@dataclass(frozen=True)
class _Answer:
    """What git said; not `finished` when it was stopped, for its time, its memory or the length of its answer."""

    output: bytes
    error: bytes = b""
    code: int = 0
    finished: bool = True


def _git(
    repository: Repository, *arguments: str, input: bytes = b"", most: int = MAX_LISTING, names: bool = False
) -> _Answer:
    """Run git in a folder of ours on the objects of `repository`, for at most `SECONDS`, and read at most `most` bytes of its answer."""
    with (
        private_git(repository, names=names) as ours,
        tempfile.TemporaryFile() as asked,
        tempfile.TemporaryFile() as said,
    ):
        asked.write(input)
        asked.seek(0)
        try:
            process = subprocess.Popen(
                _command(ours, *arguments),
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=said,
                env=_environment() | {"GIT_OBJECT_DIRECTORY": str(repository.objects.absolute())},
            )
        except FileNotFoundError:
            raise GitError("git is not installed here, so PATH@REV can't be read") from None
        with process:
            _bound(process.pid)
            watchdog = threading.Timer(SECONDS, process.kill)
            watchdog.start()
            try:
                assert process.stdout is not None
                output = process.stdout.read(most)
                ended = not process.stdout.read(1)
                if not ended:
                    process.kill()
                code = process.wait()
            finally:
                watchdog.cancel()
        said.seek(0)
        return _Answer(output, said.read(2000), code, finished=ended and code >= 0)


def _bound(pid: int) -> None:
    """Bound the memory of a git that has just been started; it has read nothing of the repository yet that would fill it."""
    with contextlib.suppress(ImportError, OSError, AttributeError):  # Windows, macOS: the time is bounded there
        import resource

        limit = MEMORY_MB * 2**20
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))


def _command(folder: Path, *arguments: str) -> list[str]:
    options = ["--no-pager", "--no-replace-objects", "--literal-pathspecs", f"--git-dir={folder}"]
    settings = [
        *("core.hooksPath=/dev/null", "core.fsmonitor=false", "safe.directory=*", "core.useReplaceRefs=false"),
        *("core.packedGitWindowSize=16m", "core.packedGitLimit=64m", "core.deltaBaseCacheLimit=16m"),
        *("core.bigFileThreshold=16m", "core.commitGraph=false", "core.multiPackIndex=true"),
    ]
    return ["git", *options, *(part for setting in settings for part in ("-c", setting)), *arguments]


def _environment() -> dict[str, str]:
    """Nothing of the person's own git settings, no questions, and no fetching of objects that are not there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",  # older than the line above, and overrides what a repository allows itself
        "LC_ALL": "C",
    }
