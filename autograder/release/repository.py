"""The student repository (class edition): what students fork, written to a folder from the allow-list, without history.

A marker file in it lists every file with its hash and says which belong to the student. It makes a release over an older
one safe (nobody's work is overwritten, and what is no longer released goes), and lets `autograder update` replace
everything that is not the student's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.course.load import load_course
from autograder.release.assignments import FOLDER, Makers, assignment_files, differences, student_files
from autograder.release.files import sha256, write_all, write_atomically
from autograder.release.help import help_files
from autograder.release.public import public_files
from autograder.release.topics import Topic, load_topics
from autograder.source.errors import ReleaseError

MARKER = ".llm-internals-release"
FORMAT = 1
SYNC_COMMAND = "autograder release"
"""Without a folder it writes the course's own assignments/ anew."""
SHOWN = 5


@dataclass(frozen=True)
class Marker:
    """What the marker file says."""

    version: str
    files: dict[str, str]  # path → SHA-256 as released
    student_files: list[str]  # those of `files` that an update must leave alone
    replaced: dict[str, list[str]] = field(default_factory=dict)  # hashes of older releases, while one is being written

    def wrote(self, name: str, digest: str) -> bool:
        return self.files.get(name) == digest or digest in self.replaced.get(name, [])


def release(
    course_root: Path, out: Path, *, makers: Makers, version: str, topics: Sequence[Topic] | None = None
) -> list[Path]:
    """Write the student repository to `out`; returns its files. Raises `ReleaseError` before it changes anything.

    `out` is a new or empty folder, or one that an earlier release wrote and nobody has changed since; what else lies
    there (a `.git`, workflows of your own) stays.
    """
    topics = load_topics(course_root) if topics is None else topics
    _require_elsewhere(course_root, out)
    old = _require_ours(out)
    files = release_files(course_root, makers=makers, topics=topics)
    _require_unchanged(out, old, files)

    new = Marker(
        version,
        {name: sha256(data) for name, data in files.items()},
        [f"{FOLDER}/{name}" for name in student_files(topics)],
    )
    # The marker goes first and knows old and new hashes: killed half-way, the same command finishes the release.
    write_marker(out, new, over=old)
    paths = write_all(out, files)
    if old is not None:
        _remove(out, [name for name in {*old.files, *old.replaced} if name not in files])
    write_marker(out, new)
    return paths


def write_marker(folder: Path, marker: Marker, *, over: Marker | None = None) -> None:
    """Write the marker file; `over` is the release that is just being replaced, whose hashes are remembered until that is done."""
    write_atomically(folder / MARKER, _encoded(marker, replaced=_hashes(over)))


def release_files(course_root: Path, *, makers: Makers, topics: Sequence[Topic]) -> dict[str, bytes]:
    """Path → content of everything in the student repository but its marker; refuses a course that is out of sync."""
    assignments = assignment_files(course_root, makers=makers, topics=topics)
    problems = differences(course_root / FOLDER, assignments)
    if problems:
        more = f"\n  … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise ReleaseError(
            f"{FOLDER}/ is not what solutions/ gives now:\n  " + "\n  ".join(problems[:SHOWN]) + more + "\n"
            f"Run `{SYNC_COMMAND}` to write it anew (and delete what is extra), look at the difference, commit it."
        )
    return {
        **public_files(course_root, topics),
        **{f"{FOLDER}/{name}": data for name, data in assignments.items()},
        **help_files(course_root, load_course(course_root), topics),
    }


def read_marker(folder: Path) -> Marker | None:
    """The marker of a released folder, None where there is none; raises `ReleaseError` when it can't be trusted."""
    path = folder / MARKER
    if not path.is_file() or path.is_symlink():
        return None
    return parse_marker(path.read_bytes(), str(path))


def parse_marker(data: bytes, file: str) -> Marker:
    """The marker that `data` holds; `file` is what it is called in errors."""
    try:
        content = json.loads(data.decode("utf-8"))
        if content["format"] != FORMAT:
            raise ReleaseError(f"it is of format {content['format']}, this version reads {FORMAT}.", file=file)
        marker = Marker(
            str(content["version"]),
            {str(name): str(digest) for name, digest in content["files"].items()},
            [str(name) for name in content["student_files"]],
            {str(name): [str(digest) for digest in digests] for name, digests in content.get("replaced", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReleaseError(
            "it is not a release's marker file, or was cut short. Release into a new folder.", file=file
        ) from None
    for name in [*marker.files, *marker.student_files, *marker.replaced]:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name or not pure.parts:
            raise ReleaseError(f"it names {name!r}, which is not a file of the release.", file=file)
    return marker


# ---------------------------------------------------------------- what is refused


def _require_elsewhere(course_root: Path, out: Path) -> None:
    course, target = course_root.resolve(), out.resolve()
    if target == course or target in course.parents:
        raise ReleaseError(
            "this is the course itself, or a folder around it. Choose a folder of its own.", file=str(out)
        )
    private = [course / name for name in ("solutions", "autograder", "lectures", FOLDER, "tests")]
    if any(target == folder or folder in target.parents for folder in private):
        raise ReleaseError("this is a folder of the course. Choose a folder of its own.", file=str(out))


def _require_ours(out: Path) -> Marker | None:
    if not out.exists():
        return None
    if not out.is_dir():
        raise ReleaseError("it is not a folder.", file=str(out))
    marker = read_marker(out)
    if marker is None and any(out.iterdir()):
        raise ReleaseError(
            "the folder is not empty, and no release wrote it: nothing there is overwritten. Choose a new folder.",
            file=str(out),
        )
    return marker


def _require_unchanged(out: Path, old: Marker | None, files: Mapping[str, bytes]) -> None:
    """Refuse to overwrite or delete what somebody changed or put there since the last release."""
    if old is None:
        return
    changed = []
    for name in sorted({*files, *old.files, *old.replaced}):
        path = out / PurePosixPath(name)
        inner = [out / part for part in PurePosixPath(name).parents if part.parts]
        if any(folder.is_symlink() for folder in inner) or path.is_symlink() or path.is_dir():
            changed.append(name)
        elif path.is_file():
            data = path.read_bytes()
            if data != files.get(name) and not old.wrote(name, sha256(data)):
                changed.append(name)
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        raise ReleaseError(
            f"changed since the last release: {', '.join(changed[:SHOWN])}{more}. Nothing was written. If these changes may "
            f"go, delete the files; if not, release into a new folder.",
            file=str(out),
        )


# ---------------------------------------------------------------- the marker, and what is no longer released


def _hashes(old: Marker | None) -> dict[str, list[str]]:
    if old is None:
        return {}
    names = {*old.files, *old.replaced}
    return {
        name: sorted({*old.replaced.get(name, []), *([old.files[name]] if name in old.files else [])})
        for name in sorted(names)
    }


def _encoded(marker: Marker, *, replaced: Mapping[str, list[str]] | None = None) -> bytes:
    content = {
        "format": FORMAT,
        "version": marker.version,
        "student_files": marker.student_files,
        "files": marker.files,
        **({"replaced": replaced} if replaced else {}),
    }
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _remove(out: Path, names: Sequence[str]) -> None:
    for name in names:
        path = out / PurePosixPath(name)
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == out or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()
