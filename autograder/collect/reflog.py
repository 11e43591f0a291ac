"""Which push times in the reflog of a repository on this machine are those of the machine's own clock.

git takes the time of a reflog's line from whoever pushes: over a path on this machine that is the student's own process, and so is a file
that they may write. The kernel is nobody's: it notes when a file was last changed (its *ctime*), and no user can set that. A pushed
commit arrives in a file, so a line that claims a time before that file was there is not what this machine's clock said. Objects that git has
packed anew, or that were copied here, have the time of that; then nothing is known either.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autograder.collect.remote import Push

SLACK = timedelta(seconds=60)
"""How much later than the line of the reflog a file may say that it arrived: a slow push."""
_MAX_INDEX = 64 * 2**20


def on_own_clock(url: str, pushes: Sequence[Push], deadline: datetime | None) -> list[Push] | None:
    """`pushes` to the repository at `url` as this machine's clock has them; None when one that matters is not on its clock.

    Those after `deadline` say nothing that a student would forge.
    """
    folder = Path(url.removeprefix("file://"))
    objects = next((place for place in (folder / "objects", folder / ".git/objects") if place.is_dir()), None)
    found = []
    for push in pushes:
        arrived = _arrived(objects, push.commit) if objects is not None else None
        if arrived is not None and arrived <= push.at + SLACK:
            found.append(Push(max(push.at, arrived), push.commit))
        elif deadline is None or push.at <= deadline:
            return None
        else:
            found.append(push)
    return found


def _arrived(objects: Path, commit: str) -> datetime | None:
    """When the file that holds a commit was written, by the kernel; None when there is no such file."""
    paths = [objects / commit[:2] / commit[2:]]
    paths += [path for path in sorted((objects / "pack").glob("*.idx"))[:1000]]
    for path in paths:
        try:
            about = os.lstat(path)
        except OSError:
            continue
        if path.suffix != ".idx" or _has(path, about.st_size, commit):
            return datetime.fromtimestamp(int(about.st_ctime), UTC)
    return None


def _has(index: Path, size: int, commit: str) -> bool:
    """Whether the pack of an index has a commit. git reads the index as a stream of bytes: nothing else of the repository is looked at."""
    if size > _MAX_INDEX or not index.is_file():
        return False
    with index.open("rb") as stream:
        done = subprocess.run(
            ["git", "show-index"], stdin=stream, capture_output=True, timeout=60, cwd="/", env={"PATH": os.environ.get("PATH", os.defpath)}
        )  # fmt: skip
    return bool(re.search(rb"^\d+ %s " % commit.encode(), done.stdout, re.MULTILINE))
