"""Fetching a student's repository into one of ours, with bounds that neither the repository nor its server can argue with.

Nothing is checked out and nothing of it is run: no hooks, no submodules, no filters, no questions; only protocols that the
instructor allows (a student may have named the address); no file larger than what can be graded; a bound on size and time that is
held from outside. The instructor's own git settings stay in force, since private repositories need their credentials.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.collect.process import FetchError, Reader, environment, explained, kill, said, size

HEAD = "refs/collected/head"
SEEN = "refs/collected/seen/"
KEPT = "refs/collected/kept/"
PROTOCOLS = ("https", "ssh")
_STAMP = "%Y%m%dT%H%M%S%fZ"  # to the microsecond: two looks in a second are two
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)[^:].*")
_BRANCH = re.compile(r"(?!-)[\w./+@-]{1,200}")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.askPass": "",
    "core.bigFileThreshold": "1m",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.writeCommitGraph": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "safe.directory": "*",
}


@dataclass(frozen=True)
class Bounds:
    """What a repository may be."""

    protocols: tuple[str, ...] = PROTOCOLS
    megabytes: int = 200
    seconds: int = 300
    file_kb: int = 1024  # larger files are left out, not fetched


@dataclass(frozen=True)
class Push:
    """What a branch's head was from a moment on, as the server or an earlier `collect` knows."""

    at: datetime
    commit: str


class Mirror:
    """Our bare copy of one repository."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.folder, self.bounds = folder, bounds
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End what is going on, from another thread."""
        self._stopped.set()
        if self._running is not None:
            kill(self._running)

    def fetch(self, url: str, branch: str = "") -> str:
        """Bring it up to date; the head of `branch` (by default, the server's own). Raises `FetchError`."""
        protocol = protocol_of(url)
        if protocol not in self.bounds.protocols:
            raise FetchError(
                "refused",
                f"its address uses the protocol {protocol}; --allow-protocol {protocol} permits it for the class",
            )
        if branch and not _BRANCH.fullmatch(branch):
            raise FetchError("refused", f"{branch[:60]!r} can't be the name of a branch")
        new = not (self.folder / "HEAD").exists()
        if new:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.run("init", "--quiet", "--bare", "--template=", ".")
        try:
            name = self._branch(url, branch)
            self.run("config", "remote.origin.url", url)
            self.run("config", "--replace-all", "remote.origin.fetch", f"+refs/heads/{name}:{HEAD}")
            self.watched(
                "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force",
                f"--filter=blob:limit={self.bounds.file_kb}k", "origin", f"+refs/heads/{name}:{HEAD}",
            )  # fmt: skip
        except FetchError:
            if new:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise
        head = self.run("rev-parse", "--verify", f"{HEAD}^{{commit}}").strip()
        seen = self.seen()
        if not seen or seen[-1].commit != head:
            self.run("update-ref", f"{SEEN}{datetime.now(UTC).strftime(_STAMP)}", head)
        return head

    def fetch_commit(self, commit: str) -> bool:
        """Fetch one commit by its name, which no branch has any more; whether it is here now. Servers may refuse it."""
        if re.fullmatch(r"[0-9a-f]{40,64}", commit):
            with contextlib.suppress(FetchError):
                self.watched(
                    "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
                    f"--filter=blob:limit={self.bounds.file_kb}k", "--", "origin", f"{commit}:{KEPT}{commit}",
                )  # fmt: skip
        return self.has(commit)

    def _branch(self, url: str, branch: str) -> str:
        """The branch to fetch; refused when the server has none, or not that one."""
        answer = self.watched("ls-remote", "--symref", "--", url, "HEAD", "refs/heads/*")
        lines = [line.partition("\t") for line in answer.split("\n")]
        names = {name.removeprefix("refs/heads/") for about, _, name in lines if name.startswith("refs/heads/")}
        if not names:
            raise FetchError("empty", "nothing was ever pushed to it")
        default = next((about[5:] for about, _, name in lines if name == "HEAD" and about.startswith("ref: ")), "")
        wanted = branch or default.removeprefix("refs/heads/") or ("main" if "main" in names else min(names))
        if wanted not in names:
            raise FetchError("empty", f"it has no branch {wanted!r}; it has {', '.join(sorted(names)[:5])}")
        if not _BRANCH.fullmatch(wanted):
            raise FetchError("refused", "the name of its branch is not one that can be used")
        return wanted

    def seen(self) -> list[Push]:
        """The heads that earlier fetches saw, the oldest first: each was on the server no later than then."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname)", SEEN).splitlines()
        found = []
        for line in lines:
            name, _, commit = line.partition(" ")
            found.append(Push(datetime.strptime(name.removeprefix(SEEN), _STAMP).replace(tzinfo=UTC), commit))
        return sorted(found, key=lambda push: push.at)

    def has(self, commit: str) -> bool:
        """Whether a commit is here."""
        return bool(re.fullmatch(r"[0-9a-f]{40,64}", commit)) and self._ok("cat-file", "-e", f"{commit}^{{commit}}")

    def is_ancestor(self, old: str, new: str) -> bool:
        return self._ok("merge-base", "--is-ancestor", old, new)

    def history(self, commit: str, limit: int = 50_000) -> list[Push]:
        """`commit` and its first parents, the newest first, with the committer's times."""
        lines = self.run("rev-list", "--first-parent", "--timestamp", f"--max-count={limit}", commit, "--").splitlines()
        pairs = [line.split() for line in lines]
        return [Push(datetime.fromtimestamp(int(at), UTC), commit) for at, commit in pairs]

    def tree(self, commit: str) -> str:
        return self.run("rev-parse", "--verify", f"{commit}^{{tree}}").strip()

    # --- git ---

    def run(self, *arguments: str, more: Mapping[str, str] | None = None) -> str:
        """A command that stays on this machine; `more` is added to its environment."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env={**environment(()), **(more or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        if done.returncode:
            raise FetchError("failed", said(done.stderr) or f"git {arguments[0]} failed")
        return done.stdout.decode("utf-8", "replace")

    def _ok(self, *arguments: str) -> bool:
        try:
            self.run(*arguments)
        except FetchError:
            return False
        return True

    def watched(self, *arguments: str) -> str:
        """A command that talks to a server: ended when it takes too long or brings too much."""
        if self._stopped.is_set():
            raise FetchError("failed", "stopped")
        process = subprocess.Popen(
            self._command(*arguments),
            cwd=self.folder,
            env=environment(self.bounds.protocols),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._running = process
        reader = Reader(process)
        end = time.monotonic() + self.bounds.seconds
        problem: FetchError | None = None
        while problem is None and reader.alive():
            reader.wait(0.05)
            if size(self.folder) > self.bounds.megabytes * 2**20:
                problem = FetchError("too-big", f"it is larger than {self.bounds.megabytes} MB; --max-mb permits more")
            elif time.monotonic() > end:
                problem = FetchError("failed", f"the server did not finish within {self.bounds.seconds} s")
        if problem is not None:
            kill(process)
        code = process.wait()
        self._running = None
        reader.join()
        if self._stopped.is_set():
            raise FetchError("failed", "stopped")
        if problem is None and size(self.folder) > self.bounds.megabytes * 2**20:
            problem = FetchError("too-big", f"it is larger than {self.bounds.megabytes} MB; --max-mb permits more")
        if problem is not None:
            for part in (self.folder / "objects/pack").glob("tmp_*"):
                part.unlink(missing_ok=True)
            raise problem
        if code:
            raise explained(reader.err)
        return reader.out.decode("utf-8", "replace")

    def _command(self, *arguments: str) -> list[str]:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return ["git", "--no-pager", "--no-replace-objects", "--git-dir=.", *settings, *arguments]


def protocol_of(url: str) -> str:
    """`https`, `ssh`, `git`, …; `file` for a path on this machine. Raises `FetchError` for what is no address at all."""
    if not url or not url.isprintable() or url.startswith("-") or "::" in url.partition("/")[0]:
        raise FetchError("refused", f"{url[:80]!r} is not the address of a repository")
    if match := _ADDRESS.match(url):
        return match["scheme"].lower().removeprefix("git+")
    if _SCP.fullmatch(url) and not Path(url).exists():
        return "ssh"
    return "file"


def server_pushes(url: str, branch_ref: str) -> list[Push]:
    """When each push reached a repository on this machine, from its reflog; none where it keeps none."""
    folder = Path(url.removeprefix("file://"))
    logs = [folder / "logs" / branch_ref, folder / ".git/logs" / branch_ref]
    text = next((log.read_text("utf-8", "replace") for log in logs if log.is_file()), "")
    found = []
    for line in text.splitlines():
        match = re.match(r"[0-9a-f]+ ([0-9a-f]{40,64}) .*> (\d+) [+-]\d{4}(?:\t|$)", line)
        if match:
            found.append(Push(datetime.fromtimestamp(int(match[2]), UTC), match[1]))
    return found
