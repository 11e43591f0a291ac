"""A git commit as a source: objects are read from a local repository, nothing is checked out, and nothing of it is run.

The repository may be a student's: its configuration can name programs (hooks, filters, transports for missing objects), so
only `rev-parse`, `ls-tree` and `cat-file` are called, which run none of them, and fetching is switched off.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from autograder.course.tree import MAX_DEPTH, MAX_ENTRIES, Entry, Kind, shown, skipped, too_big, with_folders
from autograder.results import Message

MAX_LISTING = 8 * 2**20
SECONDS = 60
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


def parse(source: str) -> tuple[Path, str] | None:
    """`PATH@REV` taken apart at the first `@` before which there is a folder; None when the text is not of that form."""
    for index, character in enumerate(source):
        if character == "@" and source[:index] and Path(source[:index]).is_dir():
            return Path(source[:index]), source[index + 1 :]
    return None


def is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or is_bare(folder)


def is_bare(folder: Path) -> bool:
    return all((folder / part).exists() for part in ("HEAD", "objects", "refs"))


def resolve(folder: Path, rev: str) -> Revision:
    """The commit that `rev` names in the repository at `folder`; raises `GitError`."""
    if not is_repository(folder):
        raise GitError(f"{folder} is not a git repository (its own top folder, or a bare one)")
    if not rev:
        raise GitError(f"no revision after @: write {folder}@HEAD for the newest commit")
    try:
        answer = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    except subprocess.TimeoutExpired:
        raise GitError(f"git did not answer within {SECONDS} s for {folder}") from None
    commit = answer.stdout.decode("ascii", "replace").strip()
    if answer.returncode or not commit:
        said = answer.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise GitError(f"there is no commit {rev!r} in {folder}" + (f" (git: {said})" if said else ""))
    return Revision(folder, rev, commit)


def committed_at(revision: Revision) -> str:
    """When the commit says it was committed, ISO 8601; "" when it says nothing that can be read."""
    try:
        answer = _git(revision.folder, "cat-file", "commit", revision.commit).stdout
    except subprocess.TimeoutExpired:
        return ""
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
        try:
            answer = _git(self.revision.folder, "cat-file", "--batch", input=request).stdout if wanted else b""
        except subprocess.TimeoutExpired:
            answer = b""
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
        arguments = _command(self.revision.folder, "ls-tree", "-r", "-z", "--full-tree", self.revision.commit)
        with subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        ) as process:
            assert process.stdout is not None
            watchdog = threading.Timer(SECONDS, process.kill)
            watchdog.start()
            try:
                listing = process.stdout.read(MAX_LISTING + 1)
            finally:
                watchdog.cancel()
            if len(listing) > MAX_LISTING:
                process.kill()
                self._too_many()
                return b""
            if process.wait(SECONDS):
                self.broken = Message(
                    id="submission.unreadable",
                    values={"file": self.revision.commit, "reason": "git can't read the commit"},
                )
                return b""
        return listing

    def _sizes(self, listing: bytes) -> dict[str, str]:
        """Sizes of the objects in a listing, as far as they are here: `collect` leaves very large files out."""
        records = [record.partition(b"\t")[0].split() for record in listing.split(b"\0")[:-1]]
        request = b"".join(parts[2] + b"\n" for parts in records[: MAX_ENTRIES + 1] if parts[1] == b"blob")
        if not request:
            return {}
        try:
            answer = _git(self.revision.folder, "cat-file", "--batch-check=%(objectname) %(objectsize)", input=request)
        except subprocess.TimeoutExpired:
            return {}
        lines = [line.split(" ") for line in answer.stdout.decode("ascii", "replace").splitlines()]
        return {line[0]: line[1] for line in lines if len(line) == 2 and line[1].isdecimal()}

    def _too_many(self) -> None:
        self.broken = Message(id="submission.git-too-many", values={"limit": MAX_ENTRIES})


def _absent(name: str) -> Message:
    return Message(
        id="submission.unreadable",
        values={"file": shown(name), "reason": "git does not have its content (`collect` leaves very large files out)"},
    )


def _git(folder: Path, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            _command(folder, *arguments), input=input, capture_output=True, env=_environment(), timeout=SECONDS
        )
    except FileNotFoundError:
        raise GitError("git is not installed here, so PATH@REV can't be read") from None


def _command(folder: Path, *arguments: str) -> list[str]:
    inner = folder / ".git"
    options = [
        "--no-pager",
        "--no-replace-objects",
        "--literal-pathspecs",
        f"--git-dir={inner if inner.exists() else folder}",
    ]
    settings = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "safe.directory=*"]
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
