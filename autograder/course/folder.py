"""A folder as a source: read without following links, and without opening what is not a plain file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autograder.course.tree import MAX_DEPTH, MAX_ENTRIES, Entry, Kind, shown, skipped, too_big
from autograder.results import Message

# A FIFO must not block, a link must not be followed, a terminal must not become ours. Windows has none of these flags.
_FILE_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)
_FOLDER_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC"))
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")


class FolderTree:
    """The files below `root`, or below its folder `within`; their names are from `root` on in both cases.

    Where the system can, every step is taken from the folder's descriptor, so that nothing swapped on the way leads out.
    """

    def __init__(self, root: Path, places: Callable[[], list[str]] = list, within: str = "") -> None:
        """`places` are looked up directly where not everything can be listed."""
        self.root = root
        self.within = within
        self.places = places
        self.broken: Message | None = None
        self.problems: list[Message] = []
        self._fd: int | None = None
        if _BY_DESCRIPTOR:
            try:
                self._fd = os.open(root, _FOLDER_FLAGS)
            except OSError as error:
                self.broken = unreadable(root.name, error)
        elif _is_link(root):
            self.broken = _link(root.name)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def entries(self) -> list[Entry]:
        """Breadth first, so that when there is too much, what is near the top is there."""
        found: dict[str, Entry] = {}
        queue = [self.within]
        for folder in queue:
            room = MAX_ENTRIES - len(found)
            children = self._children(folder, room)
            if len(children) > room:
                self.problems.append(Message(id="submission.too-many-files", values={"limit": MAX_ENTRIES}))
                break
            for entry in sorted(children, key=lambda entry: entry.name):
                found[entry.name] = entry
                if entry.kind == "folder" and entry.name.count("/") < MAX_DEPTH - 1:
                    queue.append(entry.name)
        for place in self.places() if self.problems else ():
            if place not in found and (entry := self._look(place)):
                found[place] = entry
        return list(found.values())

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        return {name: self._read(name, cap) for name, cap in caps.items()}

    def _read(self, name: str, cap: int) -> bytes | Message:
        *folders, last = name.split("/")
        try:
            with self._entered(folders) as parent:
                path, at = self._at(parent, last)
                before = os.stat(path, dir_fd=at, follow_symlinks=False)
                if not stat.S_ISREG(before.st_mode):
                    return _kind_message(name, _kind(before.st_mode))
                fd = os.open(path, _FILE_FLAGS, dir_fd=at)
                with open(fd, "rb") as stream:
                    now = os.fstat(fd)
                    if not stat.S_ISREG(now.st_mode):
                        return _kind_message(name, _kind(now.st_mode))
                    if now.st_size > cap:
                        return too_big(name, now.st_size, cap)
                    data = stream.read(cap + 1)
        except OSError as error:
            return unreadable(name, error)
        return data if len(data) <= cap else too_big(name, None, cap)

    def _look(self, name: str) -> Entry | None:
        *folders, last = name.split("/")
        try:
            with self._entered(folders) as parent:
                path, at = self._at(parent, last)
                info = os.stat(path, dir_fd=at, follow_symlinks=False)
        except (OSError, ValueError):
            return None
        return Entry(name, _kind(info.st_mode), info.st_size)

    def _children(self, folder: str, room: int) -> list[Entry]:
        """The entries of one folder; one more than `room` when there are too many."""
        found: list[Entry] = []
        try:
            with self._entered(folder.split("/") if folder else []) as parent, os.scandir(parent) as scan:
                for seen, item in enumerate(scan):
                    if len(found) > room or seen > 4 * MAX_ENTRIES:
                        return found + [Entry("", "other")] * (room + 1 - len(found))
                    name = f"{folder}/{item.name}" if folder else item.name
                    if not skipped(item.name):
                        found.append(Entry(name, _entry_kind(item)))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):  # swapped meanwhile: not there
                self.problems.append(unreadable(folder or self.root.name, error))
        return found

    @contextmanager
    def _entered(self, folders: list[str]) -> Iterator[int | Path]:
        """The folder reached from the root by real folders only: a descriptor, or a checked path where there are none."""
        if self._fd is None:
            path = self.root
            for part in folders:
                path = path / part
                if _is_link(path):
                    raise OSError(errno.ELOOP, "is a link", str(path))
            yield path
            return
        fd = os.dup(self._fd)
        try:
            for part in folders:
                inner = os.open(part, _FOLDER_FLAGS, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    def _at(self, parent: int | Path, name: str) -> tuple[str | Path, int | None]:
        return (name, parent) if isinstance(parent, int) else (parent / name, None)


class FileTree:
    """One file, under the name that `place` gives it."""

    def __init__(self, file: Path, place: str) -> None:
        self.place, self.file = place, file.name
        self._folder = FolderTree(file.absolute().parent)
        self.broken = self._folder.broken
        self.problems: list[Message] = []

    def entries(self) -> list[Entry]:
        entry = self._folder._look(self.file)
        return [Entry(self.place, entry.kind, entry.size)] if entry else []

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        return {place: self._folder._read(self.file, cap) for place, cap in caps.items()}

    def close(self) -> None:
        self._folder.close()


def open_file(path: Path, *, follow: bool = False) -> IO[bytes]:
    """A plain file, opened for reading; raises `OSError` for a link (unless it is to `follow` those), and for whatever else is no
    plain file. A pipe that nobody writes to is not waited for."""
    fd = os.open(path, _FILE_FLAGS & ~getattr(os, "O_NOFOLLOW", 0) if follow else _FILE_FLAGS)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
    return open(fd, "rb")


def is_folder(path: Path) -> bool:
    """Whether it is a folder, or a link to one; False also where that can't be found out, which `Path.is_dir` raises for."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Whether it is a plain file, or a link to one; False also where that can't be found out."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def unreadable(name: str, error: OSError) -> Message:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return _link(name)
    return Message(
        id="submission.unreadable", values={"file": shown(name), "reason": error.strerror or "unknown error"}
    )


def _link(name: str) -> Message:
    return Message(id="submission.link", values={"file": shown(name)})


def _kind_message(name: str, kind: Kind) -> Message:
    id = {"folder": "submission.folder", "link": "submission.link"}.get(kind, "submission.not-a-file")
    return Message(id=id, values={"file": shown(name)})


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "other"


def _entry_kind(item: os.DirEntry[str]) -> Kind:
    try:
        if item.is_symlink() or getattr(item, "is_junction", bool)():
            return "link"
        return (
            "folder"
            if item.is_dir(follow_symlinks=False)
            else "file"
            if item.is_file(follow_symlinks=False)
            else "other"
        )
    except OSError:
        return "other"


def _is_link(path: Path) -> bool:
    """Also the junctions of Windows."""
    info = os.lstat(path)
    reparse = getattr(info, "st_file_attributes", 0) & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)
    return stat.S_ISLNK(info.st_mode) or bool(reparse)
