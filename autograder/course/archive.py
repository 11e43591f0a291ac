"""A zip as a source: never extracted, its members read one by one into memory, within bounds that it can't argue with."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from autograder.course.folder import open_file, unreadable
from autograder.course.tree import MAX_DEPTH, Entry, Kind, shown, skipped, too_big, with_folders
from autograder.results import Message

MAX_DIRECTORY = 2 * 2**20  # bytes of the archive's table of contents: some 15 000 names, 45 000 at the very most
MAX_MEMBERS = 20_000
MAX_RATIO = 200  # of a member that is large when unpacked; text packs 3 to 20 times, images hardly
RATIO_FROM = 2**20
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the others unpack without a bound on memory
ENCRYPTED = 0x1
_DRIVE = re.compile(r"[A-Za-z]:")


class _TooLong(Exception):
    pass


class _Metered:
    """A stream that refuses to hand out more than `left` bytes: `zipfile` reads the table of contents in one go."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.size = stream.seek(0, os.SEEK_END)
        self.left: int | None = MAX_DIRECTORY + 2**17  # and what is read in search of its end
        stream.seek(0)

    def read(self, n: int = -1) -> bytes:
        if n is None or n < 0:
            n = max(self.size - self.stream.tell(), 0)
        if self.left is not None:
            if n > self.left:
                raise _TooLong
            self.left -= n
        return self.stream.read(n)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self.stream.close()


class ZipTree:
    """The members of the archive `file`. Names that lead anywhere else, or mean two things, are refused."""

    def __init__(self, file: Path | IO[bytes], name: str = "") -> None:
        """`file` is where it lies, or its bytes as a stream, of which it takes care; then `name` is what people call it."""
        self.broken: Message | None = None
        self.problems: list[Message] = []
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._twice: set[str] = set()
        self._stream: IO[bytes] | None = None
        self._zip: zipfile.ZipFile | None = None
        label = name = name or shown(file.name if isinstance(file, Path) else "")
        try:
            self._stream = open_file(file) if isinstance(file, Path) else file
            metered = _Metered(self._stream)
            self._zip = zipfile.ZipFile(metered)  # pyright: ignore[reportArgumentType] (all that zipfile needs of a stream)
            metered.left = None
        except OSError as error:
            self.broken = unreadable(name, error)
        except _TooLong:
            self.broken = Message(id="submission.zip-too-many", values={"file": label})
        except Exception:  # zipfile raises whatever a hostile table of contents makes it stumble over
            self.broken = Message(id="submission.zip-broken", values={"file": label})
        if self._zip is not None and len(self._zip.filelist) > MAX_MEMBERS:
            self.broken = Message(
                id="submission.zip-too-many", values={"file": label, "count": len(self._zip.filelist)}
            )

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()
        if self._stream is not None:
            self._stream.close()

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        refused: list[str] = []
        for info in self._zip.filelist if self._zip else []:
            # Windows PowerShell 5.1 writes `\` between folders.
            name = info.orig_filename.replace("\\", "/")
            if _leads_astray(name):
                refused.append(info.orig_filename)
                continue
            kind = _kind(info, name)
            name = name.rstrip("/")
            if skipped(name) or name.count("/") >= MAX_DEPTH:
                continue
            if kind != "folder" and name in self._members:
                self._twice.add(name)
            elif kind != "folder":
                self._members[name] = info
            found.append(Entry(name, kind, info.file_size))
        if refused:
            names = [shown(name) for name in sorted(refused)[:3]]
            self.problems.append(Message(id="submission.zip-names", values={"names": names, "count": len(refused)}))
        files = [entry for entry in found if entry.kind != "folder"]
        folders = {entry.name: entry for entry in found if entry.kind == "folder"}
        return list({entry.name: entry for entry in [*folders.values(), *with_folders(files)]}.values())

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        return {name: self._read(name, cap) for name, cap in caps.items()}

    def _read(self, name: str, cap: int) -> bytes | Message:
        info = self._members[name]
        values = {"file": shown(name)}
        if name in self._twice:
            return Message(id="submission.duplicate-name", values={**values, "names": [shown(name), shown(name)]})
        if info.flag_bits & ENCRYPTED:
            return Message(id="submission.zip-encrypted", values=values)
        if info.compress_type not in METHODS:
            return Message(id="submission.zip-method", values=values)
        if info.file_size > cap:
            return too_big(name, info.file_size, cap)
        if info.compress_size > cap + 2**16:  # packed data that unpacks to nothing
            return too_big(name, info.compress_size, cap)
        if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            return Message(id="submission.zip-bomb", values=values)
        assert self._zip is not None
        try:
            with self._zip.open(info) as member:
                data = member.read(cap + 1)
        except Exception:  # wrong checksums, false sizes, overlaps, …: zipfile and zlib raise many kinds
            return Message(id="submission.zip-member", values=values)
        return data if len(data) <= cap else too_big(name, None, cap)


def _leads_astray(name: str) -> bool:
    parts = name.rstrip("/").split("/")
    return "\0" in name or _DRIVE.match(name) is not None or any(part in ("", ".", "..") for part in parts)


def _kind(info: zipfile.ZipInfo, name: str) -> Kind:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "link"
    if name.endswith("/") or stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "other"
