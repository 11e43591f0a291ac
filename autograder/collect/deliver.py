"""Putting a student's feedback on a branch of their repository.

The branch holds the feedback files and nothing else: one commit without a parent, made anew each time, whose times are those
of the grade. So the same feedback is the same commit and is not sent twice, nothing of the student's is fetched, and no
workflow of theirs starts.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from autograder.collect.process import FetchError
from autograder.collect.remote import PROTOCOLS, Bounds, Mirror, protocol_of

AUTHOR = {"user.name": "Feedback", "user.email": "feedback@localhost"}


def push_files(
    url: str, branch: str, files: Mapping[str, str], at: int, protocols: tuple[str, ...] = PROTOCOLS
) -> bool:
    """Make `branch` of the repository at `url` hold `files` (name → text), dated `at` (seconds since 1970).

    Returns whether anything had to be sent. Raises `FetchError`, whose text says why it could not be.
    """
    if (protocol := protocol_of(url)) not in protocols:
        raise FetchError("refused", f"its address uses the protocol {protocol}; --allow-protocol {protocol} permits it")
    folder = Path(tempfile.mkdtemp(prefix="feedback-"))
    try:
        mirror = Mirror(folder, Bounds(protocols))
        mirror.run("init", "--quiet", "--bare", "--template=", ".")
        commit = _commit(mirror, files, at)
        ref = f"refs/heads/{branch}"
        if mirror.watched("ls-remote", "--", url, ref).partition("\t")[0] == commit:
            return False
        mirror.watched("push", "--quiet", "--force", "--no-verify", "--", url, f"{commit}:{ref}")
        return True
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _commit(mirror: Mirror, files: Mapping[str, str], at: int) -> str:
    """The commit that holds `files`; equal files and times give the same one."""
    for name, text in sorted(files.items()):
        (mirror.folder / "part").write_text(text, encoding="utf-8")
        blob = mirror.run("hash-object", "-w", "--no-filters", "part").strip()
        mirror.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    for name, value in AUTHOR.items():
        mirror.run("config", name, value)
    tree = mirror.run("write-tree").strip()
    dates = {"GIT_AUTHOR_DATE": f"@{at} +0000", "GIT_COMMITTER_DATE": f"@{at} +0000"}
    return mirror.run("commit-tree", tree, "-m", "Feedback", more=dates).strip()
