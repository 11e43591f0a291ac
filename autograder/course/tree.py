"""What the sources of a submission (folder, zip, git commit, single file) have in common: names, kinds, sizes, bounded reads.

Everything in a source is hostile. A source is listed once, within bounds, and only files that exercises need are read, once
each, into memory: what is hashed is what is graded. Nothing is ever written to disk or extracted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from autograder.results import Message

MAX_ENTRIES = 20_000
MAX_DEPTH = 9  # five folders around assignments/topic/exercise.py, and one more
SKIPPED = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv"}

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a source: its path with `/`, what it is, and its declared size."""

    name: str
    kind: Kind
    size: int = 0


class Tree(Protocol):
    """An open source. `broken` says why nothing can be read from it; `problems` what else a person should know."""

    broken: Message | None

    @property
    def problems(self) -> list[Message]: ...

    def entries(self) -> list[Entry]: ...

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        """The content of each name, or why it can't be had; never more than its cap in bytes."""
        ...

    def close(self) -> None: ...


@dataclass
class BrokenTree:
    """A source from which nothing can be read."""

    broken: Message | None
    problems: list[Message] = field(default_factory=list)

    def entries(self) -> list[Entry]:
        return []

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        return {}

    def close(self) -> None:
        pass


def skipped(name: str) -> bool:
    """Hidden files, and folders that are never a student's own work."""
    return any(part.startswith(".") or part in SKIPPED for part in name.split("/"))


def key(name: str) -> str:
    """Equal for names that some file system takes for the same file: by case or Unicode form."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shown(name: str) -> str:
    """A hostile name as text that can be stored and encoded; escaping for display is the display's business."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 200 else text[:197] + "…"


def with_folders(files: Iterable[Entry]) -> list[Entry]:
    """`files` and the folders that they imply, for sources that list files only."""
    found: dict[str, Entry] = {}
    result = []
    for entry in files:
        result.append(entry)
        parts = entry.name.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            found.setdefault(folder, Entry(folder, "folder"))
    return result + list(found.values())


def too_big(name: str, size: int | None, cap: int) -> Message:
    values = {"file": shown(name), "limit_kb": cap // 1024}
    if size is not None:
        values["kb"] = -(-size // 1024)
    return Message(id="submission.too-big", values=values)
