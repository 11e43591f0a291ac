"""Zips inside of what was handed in, seen as folders of their name: a learning platform wraps in zips and folders what students have zipped.

Each is read into memory once, within bounds: how deep they may lie in each other, how many there are, and what they hold together. One
that can't be read is named (`unopened`), and matters where nothing else answers an exercise.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from autograder.course.archive import ZipTree
from autograder.course.tree import MAX_ENTRIES, Entry, Tree, shown, with_folders
from autograder.results import Message

MAX_LEVELS = 3
MAX_ZIPS = 20
MAX_BYTES = 64 * 2**20
"""Of all zips of one submission that lie in a folder or in another zip."""


def is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


@dataclass
class _Left:
    """What one submission may still open."""

    zips: int = MAX_ZIPS
    bytes: int = MAX_BYTES
    entries: int = MAX_ENTRIES


@dataclass
class Unpacked:
    """The source `tree`, with the members of its zips below `NAME.zip/`."""

    tree: Tree
    level: int = 1
    left: _Left = field(default_factory=_Left)

    def __post_init__(self) -> None:
        self.broken: Message | None = self.tree.broken
        self.unopened: list[Message] = []
        self._inner: dict[str, Unpacked] = {}
        self._entries: list[Entry] | None = None

    @property
    def problems(self) -> list[Message]:
        return [*self.tree.problems, *(each for inner in self._inner.values() for each in inner.problems)]

    def close(self) -> None:
        for inner in self._inner.values():
            inner.close()
        self.tree.close()

    def entries(self) -> list[Entry]:
        if self._entries is None:
            self._entries = self._opened(self.tree.entries())
            self.broken = self.tree.broken
        return self._entries

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        found: dict[str, bytes | Message] = {}
        here: dict[str, int] = {}
        inside: dict[str, dict[str, int]] = {}
        for name, cap in caps.items():
            zip = next((each for each in self._inner if name.startswith(f"{each}/")), None)
            if zip is None:
                here[name] = cap
            else:
                inside.setdefault(zip, {})[name.removeprefix(f"{zip}/")] = cap
        found.update(self.tree.read(here) if here else {})
        for zip, wanted in inside.items():
            found.update({f"{zip}/{name}": data for name, data in self._inner[zip].read(wanted).items()})
        return found

    def _opened(self, entries: list[Entry]) -> list[Entry]:
        found: list[Entry] = []
        for entry in sorted(entries, key=lambda each: (each.name.count("/"), each.name)):
            inner = self._open(entry) if entry.kind == "file" and is_zip(entry.name) else None
            if inner is None:
                found.append(entry)
                continue
            members = [Entry(f"{entry.name}/{each.name}", each.kind, each.size) for each in inner.entries()]
            if inner.broken is not None:
                self.unopened.append(inner.broken)
            self.unopened += inner.unopened
            self.left.entries -= len(members)
            if self.left.entries < 0:
                self.unopened.append(Message(id="submission.zip-too-many", values={"file": shown(entry.name)}))
                members = []
            found += [*members, Entry(entry.name, "folder")]
        return list({entry.name: entry for entry in with_folders(found)}.values())

    def _open(self, entry: Entry) -> Unpacked | None:
        """The zip `entry`; None where it stays closed."""
        label = shown(entry.name)
        if self.level > MAX_LEVELS or self.left.zips <= 0:
            self.unopened.append(
                Message(id="submission.zip-nested", values={"file": label, "levels": MAX_LEVELS, "zips": MAX_ZIPS})
            )
            return None
        self.left.zips -= 1
        data = self.tree.read({entry.name: self.left.bytes})[entry.name]
        if isinstance(data, Message):
            self.unopened.append(data)
            return None
        self.left.bytes -= len(data)
        inner = Unpacked(ZipTree(io.BytesIO(data), label), self.level + 1, self.left)
        self._inner[entry.name] = inner
        return inner
