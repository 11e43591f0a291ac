"""A new version of the course into a student's folder: everything is replaced but the student's own work.

What is the student's is what both releases say it is, and what nobody released. A file of theirs that is still the stub it was becomes
the new stub; one that they worked on stays, and where the new stub asks for another signature, that is said.
A course file that they changed is replaced too: the old one is kept beside it as `NAME.yours`.
"""

from __future__ import annotations

import ast
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.release.files import sha256, write_atomically
from autograder.release.repository import MARKER, Marker, parse_marker, read_marker, write_marker
from autograder.source.errors import ReleaseError

MOST_FILES, MOST_BYTES = 20_000, 512 * 2**20


@dataclass
class Updated:
    """What an update did."""

    before: str
    after: str
    replaced: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # the student's work
    set_aside: list[str] = field(
        default_factory=list
    )  # course files that they had changed, and what they are called now
    signatures: list[str] = field(default_factory=list)  # sentences: what their file must change
    gone: list[str] = field(default_factory=list)  # their work on exercises that the course has no longer


def update(folder: Path, source: Path) -> Updated:
    """Bring the student repository `folder` to the release in `source`, a folder or a zip. Raises `ReleaseError` before it writes."""
    old = read_marker(folder)
    if old is None:
        raise ReleaseError(
            f"it has no {MARKER}, so nobody knows which files are yours. Get a fresh copy of the course, and put your files there.",
            file=str(folder),
        )
    new, files = _release(source)
    _require_plain(folder, [*files, *old.files])
    done = Updated(old.version, new.version)
    theirs = set(old.student_files) | set(new.student_files)
    writes: dict[str, bytes] = {}
    for name, data in files.items():
        path = folder / PurePosixPath(name)
        there = path.read_bytes() if path.is_file() else None
        if there == data:
            continue
        touched = there is not None and not old.wrote(name, sha256(there))
        if name in theirs and touched and there is not None:
            done.kept.append(name)
            done.signatures += changed_signatures(name, there, data)
            continue
        if touched and there is not None:
            aside = _aside(folder, name)
            writes[aside] = there
            done.set_aside.append(aside)
        (done.replaced if there is not None else done.added).append(name)
        writes[name] = data
    for name in old.files:
        path = folder / PurePosixPath(name)
        if name in files or not path.is_file():
            continue
        if old.wrote(name, sha256(path.read_bytes())):
            done.removed.append(name)
        else:
            done.gone.append(name)
    # The marker goes first and knows old and new: killed half-way, the same command finishes the update.
    write_marker(folder, new, over=old)
    for name, data in writes.items():
        write_atomically(folder / PurePosixPath(name), data)
    for name in done.removed:
        (folder / PurePosixPath(name)).unlink(missing_ok=True)
    write_marker(folder, new)
    return done


def changed_signatures(name: str, mine: bytes, stub: bytes) -> list[str]:
    """What the new stub's functions and classes ask for that a student's file has not, a sentence each."""
    if not name.endswith(".py"):
        return []
    wanted, have = _signatures(stub), _signatures(mine)
    if have is None:
        return [f"{name}: it is not valid Python, so its signatures can't be compared with the new stub's."]
    said = []
    for what, signature in (wanted or {}).items():
        if what not in have:
            said.append(f"{name}: the stub has a new `{what}{signature}`; add it to your file.")
        elif have[what] != signature:
            said.append(f"{name}: `{what}{have[what]}` is now `{what}{signature}`.")
    return said


def _signatures(data: bytes) -> dict[str, str] | None:
    """`(arguments) -> returned` of each function and method, as written; None when it is not Python."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: dict[str, str] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
                found[f"{prefix}{node.name}"] = f"({ast.unparse(node.args)}){returned}"
            elif isinstance(node, ast.ClassDef):
                found[f"{prefix}{node.name}"] = ""
                visit(node.body, f"{prefix}{node.name}.")

    visit(tree.body, "")
    return found


def _aside(folder: Path, name: str) -> str:
    number, aside = 1, f"{name}.yours"
    while (folder / PurePosixPath(aside)).exists():
        number, aside = number + 1, f"{name}.yours{number + 1}"
    return aside


# ---------------------------------------------------------------- the new release


def _release(source: Path) -> tuple[Marker, dict[str, bytes]]:
    """The marker of the release in `source` and its files, all of them and as it says."""
    if source.is_dir():
        marker = read_marker(source)
        read = _folder_reader(source)
    elif source.is_file():
        marker, read = _open_zip(source)
    else:
        raise ReleaseError("there is no such folder or zip.", file=str(source))
    if marker is None:
        raise ReleaseError(f"it is not a release of the course: it has no {MARKER}.", file=str(source))
    files: dict[str, bytes] = {}
    for name, digest in marker.files.items():
        data = read(name)
        if data is None or sha256(data) != digest:
            what = "is missing" if data is None else "is not as it was released"
            raise ReleaseError(f"its file {name} {what}: get the release again. Nothing was changed.", file=str(source))
        files[name] = data
    return marker, files


def _folder_reader(source: Path):
    def read(name: str) -> bytes | None:
        path = source / PurePosixPath(name)
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None

    return read


def _open_zip(source: Path):
    """A zip as GitHub's *Download ZIP* makes it: perhaps with one folder around everything."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(source.read_bytes()))
        names = archive.namelist()
        if len(names) > MOST_FILES or sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
            raise ReleaseError("it is too large to be a release of the course.", file=str(source))
        prefix = next((name.removesuffix(MARKER) for name in names if name.rpartition("/")[2] == MARKER), None)
        if prefix is None or prefix.count("/") > 1:
            return None, lambda name: None
        marker = parse_marker(archive.read(prefix + MARKER), str(source))
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as error:
        raise ReleaseError(f"it can't be read as a zip: {error}.", file=str(source)) from None

    def read(name: str) -> bytes | None:
        try:
            return archive.read(prefix + name)
        except (KeyError, zipfile.BadZipFile, OSError, RuntimeError):
            return None

    return marker, read


def _require_plain(folder: Path, names: list[str]) -> None:
    """Refuse to write through a link, or over a folder."""
    for name in names:
        path = folder / PurePosixPath(name)
        inner = [folder / part for part in PurePosixPath(name).parents if part.parts]
        if path.is_symlink() or any(each.is_symlink() for each in inner) or path.is_dir():
            raise ReleaseError(
                f"{name} is a link or a folder, and an update would write there. Nothing was changed.", file=str(folder)
            )
