"""Files of the course that a student has changed: found by the hashes of the release, and brought back from git's history.

Windows' line ends are no change. Where there is no marker file (the course's own repository), nothing is known and nothing is said.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from autograder.release.files import sha256, write_atomically
from autograder.release.repository import Marker, read_marker
from autograder.source.errors import ReleaseError

SECONDS = 20


def of_exercise(name: str) -> list[str]:
    """The files of the course that checks of the exercise `topic/slug` rest on."""
    topic, _, slug = name.partition("/")
    return [f"assignments/{topic}/test_{slug}.py", f"assignments/{topic}/expected/{slug}.plan", "grading.toml"]


def edited(root: Path, names: Iterable[str] | None = None) -> list[str]:
    """Those of `names` (all of the course's files, without the student's own) that are not as they were released, or gone."""
    marker = _marker(root)
    if marker is None:
        return []
    own = set(marker.student_files)
    chosen = marker.files.keys() if names is None else [name for name in names if name in marker.files]
    return [name for name in sorted(chosen) if name not in own and not _is_released(root, name, marker)]


def restore(root: Path, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Write files as they were released, from the history of the git repository that `root` is in. (restored, not found)."""
    marker = _marker(root)
    done: list[str] = []
    missing: list[str] = []
    for name in names:
        data = _in_history(root, name, marker) if marker is not None and name in marker.files else None
        if data is None:
            missing.append(name)
        else:
            write_atomically(root / PurePosixPath(name), data)
            done.append(name)
    return done, missing


def _marker(root: Path) -> Marker | None:
    try:
        return read_marker(root)
    except (ReleaseError, OSError):
        return None


def _is_released(root: Path, name: str, marker: Marker) -> bool:
    try:
        data = (root / PurePosixPath(name)).read_bytes()
    except OSError:
        return False
    return marker.wrote(name, sha256(data)) or marker.wrote(name, sha256(data.replace(b"\r\n", b"\n")))


def _in_history(root: Path, name: str, marker: Marker) -> bytes | None:
    """The file's bytes in the newest commit that has them as they were released."""
    commits = _git(root, "log", "--format=%H", "--max-count=200", "--", name)
    for commit in (commits or b"").decode("ascii", "replace").split():
        data = _git(root, "show", f"{commit}:./{name}")
        if data is not None and marker.wrote(name, sha256(data)):
            return data
    return None


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git says about the student's own repository; None where there is none, or no git."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
