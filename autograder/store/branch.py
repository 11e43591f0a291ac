"""The term's ledger on a branch of the course's own private repository: a place that nobody evicts, with every earlier state of it.

The branch holds *pages*, results files that are only ever added: each has the results that were new when it was kept, and all
decisions. The ledger is what the pages come to together (`join.py`). Keeping is an ordinary push on top of what is there. When somebody
else was faster, theirs is joined in and it is tried again; nothing is forced, so nobody's page can be lost.

git runs in the course's repository with its own settings and credentials. Nothing is checked out.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autograder.store.database import Store, StoreError
from autograder.store.join import decisions, join, news, publications, rows, write_pages

BRANCH = "grades"
MOST = 32 * 2**20
"""Bytes of a page, about: hosts refuse files of more than 100 MB."""
TRIES = 20
_PAGE = re.compile(r"pages/(\d{6,})-[0-9a-f]{12}\.sqlite")
_README = """The ledger of this course: who got which points for what, and what was decided. It is private.

Written by `autograder ledger keep`, read by `autograder ledger fetch`. Every file in `pages/` is a results file; they are only ever
added. An earlier state is an earlier commit: `autograder ledger fetch --at COMMIT --results FILE`.
"""


class LedgerError(StoreError):
    """The branch can't be read or written. The text says why and what to do."""


@dataclass(frozen=True)
class Kept:
    """What `keep` did."""

    commit: str
    results: int  # new on the branch
    tries: int  # more than one when others were faster


class LedgerBranch:
    """The branch `branch` of the remote `remote` (a name or an address) of the repository in the folder `root`."""

    def __init__(self, root: Path, remote: str = "origin", branch: str = BRANCH) -> None:
        self.root, self.remote, self.branch = root, remote, branch
        if self._git("rev-parse", "--git-dir", check=False).returncode:
            raise LedgerError(f"{root} is not in a git repository: the ledger is a branch of the course's own")
        self._git("check-ref-format", f"refs/heads/{branch}")

    def head(self) -> str | None:
        """The newest commit of the branch on the remote, fetched; None when there is no such branch."""
        ref = f"refs/heads/{self.branch}"
        said = self._git("ls-remote", "--", self.remote, ref).stdout.decode()
        commit = next((line.partition("\t")[0] for line in said.splitlines() if line.endswith("\t" + ref)), None)
        if commit is not None and not self._has(commit):
            self._git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self.remote, ref)
        if commit is not None:
            self._remember(commit)
        return commit

    def fetch(self, store: Store, at: str | None = None) -> str | None:
        """Join the ledger into `store`, as it is now or as it was at the commit `at`; the commit, None when there is no ledger yet."""
        commit = self.head()
        if at is not None:
            found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{at}^{{commit}}", check=False)
            commit = found.stdout.decode().strip()
            if not commit or not self._pages(commit):
                raise LedgerError(f"{at} is no commit of the ledger; `git log {self._ref}` lists them")
        if commit is not None:
            with self._unpacked(commit) as pages:
                join(store, pages)
        return commit

    def keep(self, store: Store, *, begin: bool = False) -> Kept:
        """Join the branch into `store`, and put what the branch lacks on it. With `begin` it is made when it is not there."""
        unmoved = 0
        for tries in range(1, TRIES + 1):
            head = self.head()
            if head is None and not begin:
                raise LedgerError(
                    f"{self.remote} has no branch {self.branch!r} yet. Whoever can read that repository will be able to read every "
                    "grade: when it is a private one, begin the ledger with --begin"
                )
            commit, count = self._next(store, head)
            if commit == head:
                return Kept(commit, 0, tries)
            pushed = self._git("push", "--quiet", "--no-verify", "--", self.remote, f"{commit}:refs/heads/{self.branch}", check=False)  # fmt: skip
            if not pushed.returncode:
                self._remember(commit)
                return Kept(commit, count, tries)
            # Nobody was faster? Then it is refused for another reason; but a server that is busy with somebody's push says no, too.
            unmoved = unmoved + 1 if self.head() == head else 0
            if unmoved == 3:
                raise self._refused("push", pushed.stderr)
            time.sleep(random.uniform(0, 0.2 * tries))
        raise LedgerError(
            f"others were faster {TRIES} times; keep it again. Nothing is lost: it is all in {store.path}"
        )

    # --- inside ---

    def _next(self, store: Store, head: str | None) -> tuple[str, int]:
        """The commit that follows `head` and has everything of `store`, and how many results are new in it; `head` when there is nothing."""
        known: set[str] = set()
        decided: list[object] = []
        with tempfile.TemporaryDirectory(prefix="ledger-") as place:
            folder = Path(place)
            if head is not None:
                with self._unpacked(head) as pages, Store(folder / "branch.sqlite") as branch:
                    join(branch, pages)
                    known = {row.hash for row in rows(branch)}
                    decided = [*decisions(branch), *publications(branch)]
                join(store, [folder / "branch.sqlite"])
            new = news(store, known)
            if head is not None and not new and decided == [*decisions(store), *publications(store)]:
                return head, 0
            return self._commit(head, write_pages(store, new, folder, MOST), len(new)), len(new)

    def _commit(self, head: str | None, pages: list[Path], count: int) -> str:
        """A commit on `head` with more pages."""
        with tempfile.TemporaryDirectory(prefix="ledger-") as place:
            index = {"GIT_INDEX_FILE": str(Path(place) / "index")}
            if head is not None:
                self._git("read-tree", head, more=index)
            (Path(place) / "README.md").write_text(_README, encoding="utf-8")
            number = len(self._pages(head)) if head is not None else 0
            for path in [Path(place) / "README.md", *pages]:
                blob = self._git("hash-object", "-w", "--no-filters", "--", str(path)).stdout.decode().strip()
                name = path.name
                if name != "README.md":
                    number += 1
                    name = f"pages/{number:06}-{blob[:12]}.sqlite"
                self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", more=index)
            tree = self._git("write-tree", more=index).stdout.decode().strip()
        parents = ["-p", head] if head is not None else []
        words = f"{count} results" if count else "Decisions"
        return self._git("commit-tree", tree, *parents, "-m", words, more=self._author()).stdout.decode().strip()

    def _author(self) -> dict[str, str]:
        """Who keeps it: the person that git knows here, or nobody in particular."""
        if not self._git("config", "user.email", check=False).returncode:
            return {}
        return {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "autograder"), ("EMAIL", "autograder@localhost"))}  # fmt: skip

    def _pages(self, commit: str) -> list[str]:
        listing = self._git("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).stdout.decode(
            "utf-8", "replace"
        )
        return sorted(name for name in listing.split("\0") if _PAGE.fullmatch(name))

    @contextmanager
    def _unpacked(self, commit: str) -> Iterator[list[Path]]:
        """The pages as files, in the order in which they were kept."""
        with tempfile.TemporaryDirectory(prefix="ledger-") as place:
            found = []
            for name in self._pages(commit):
                found.append(Path(place) / Path(name).name)
                with found[-1].open("wb") as file:
                    self._git("cat-file", "blob", f"{commit}:{name}", into=file)
            yield found

    @property
    def _ref(self) -> str:
        """What holds the branch's commits here, so that git does not throw them away."""
        return f"refs/ledger/{self.branch}"

    def _remember(self, commit: str) -> None:
        self._git("update-ref", self._ref, commit)

    def _has(self, commit: str) -> bool:
        return not self._git("cat-file", "-e", f"{commit}^{{commit}}", check=False).returncode

    def _git(self, *arguments: str, check: bool = True, more: dict[str, str] | None = None, into=subprocess.PIPE):
        if shutil.which("git") is None:
            raise LedgerError("git is not installed here, so the ledger can't be read")
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        }
        environment = {**kept, "LC_ALL": "C", **(more or {})}
        environment.setdefault("GIT_TERMINAL_PROMPT", "0" if not os.isatty(0) else "1")
        command = ["git", "--no-pager", *arguments]
        done = subprocess.run(command, cwd=self.root, env=environment, stdout=into, stderr=subprocess.PIPE)
        if check and done.returncode:
            raise self._refused(arguments[0], done.stderr)
        return done

    def _refused(self, command: str, error: bytes) -> LedgerError:
        said = " ".join(line.strip() for line in error.decode("utf-8", "replace").splitlines() if line.strip())
        return LedgerError(
            f"the ledger on branch {self.branch!r} of {self.remote} can't be used: git {command} said: {said[:400] or 'nothing'}"
        )
