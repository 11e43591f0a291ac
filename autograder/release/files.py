"""Writing and reading the files of a release: atomically, the same bytes on every platform, and nothing through a link."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from autograder.source.errors import ReleaseError

# What tools leave in a folder, and what nobody wants to hear about.
LITTER = frozenset({"__pycache__", ".pytest_cache", ".ipynb_checkpoints", ".ruff_cache", ".DS_Store", "Thumbs.db"})


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_atomically(path: Path, data: bytes) -> bool:
    """Write `data` to `path` so that a reader sees the old file or the new one; False when it already held that."""
    try:
        if not path.is_symlink() and path.read_bytes() == data:
            return False
    except OSError:
        pass  # missing, or not a file: `os.replace` says what is wrong
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        raise ReleaseError(f"it can't be written: {error.strerror or error}", file=str(path)) from None
    finally:
        part.unlink(missing_ok=True)
    return True


def write_all(root: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write every file under `root`, in order of path; returns their paths."""
    paths = []
    for name in sorted(files):
        path = root / PurePosixPath(name)
        write_atomically(path, files[name])
        paths.append(path)
    return paths


def read(root: Path, name: str) -> bytes:
    """The file `name` of the course; a symbolic link, which could point at something private, is refused."""
    path = root
    for part in PurePosixPath(name).parts:
        path = path / part
        if path.is_symlink():
            shown = path.relative_to(root).as_posix()
            raise ReleaseError(
                "it is a symbolic link, and those are not released. Put the file itself there.", file=shown
            )
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"it can't be read: {error.strerror or error}", file=name) from None


def read_text(root: Path, name: str) -> str:
    """`read` as text, with `\\n` at line ends."""
    try:
        text = read(root, name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReleaseError(f"it is not UTF-8 (byte {error.start}). Save it as UTF-8.", file=name) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def walk(root: Path) -> list[str]:
    """Every file and link below `root` but litter, as sorted paths with `/`."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in LITTER]
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in [*files, *links]:
            if name not in LITTER and not name.endswith(".pyc"):
                found.append((Path(folder) / name).relative_to(root).as_posix())
    return sorted(found)
