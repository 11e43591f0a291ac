"""Several files or folders of one student as one source: platforms download each file that was handed in under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autograder.course.tree import Entry, Tree
from autograder.results import Message

SEPARATOR = "\n"
"""Between the parts of a source's name. The first part is the newest."""


def joined(sources: list[str]) -> str:
    """The name of the source that has all of them, the newest first."""
    return SEPARATOR.join(sources)


def parts_of(source: str) -> list[str]:
    """The sources in the name of one."""
    return source.split(SEPARATOR)


@dataclass
class Part:
    """One of them. `within`: the folder below which it is seen, as `x/`; "" for none."""

    tree: Tree
    within: str = ""


class Several:
    """All of `parts`. Of names that several of them have, the first one's is seen."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self._of: dict[str, tuple[Part, str]] = {}
        readable = [part for part in parts if part.tree.broken is None]
        self.broken: Message | None = None if readable or not parts else parts[0].tree.broken

    @property
    def problems(self) -> list[Message]:
        found: list[Message] = []
        for part in self.parts:
            broken = part.tree.broken
            found += [broken] if broken is not None and broken is not self.broken else []
            found += part.tree.problems
        return found

    def entries(self) -> list[Entry]:
        found: dict[str, Entry] = {}
        for part in self.parts:
            if part.tree.broken is not None:
                continue
            for entry in part.tree.entries():
                name = f"{part.within}{entry.name}"
                if name not in found:
                    found[name] = Entry(name, entry.kind, entry.size)
                    self._of[name] = part, entry.name
        return list(found.values())

    def read(self, caps: Mapping[str, int]) -> dict[str, bytes | Message]:
        found: dict[str, bytes | Message] = {}
        for part in self.parts:
            inner = {self._of[name][1]: (name, cap) for name, cap in caps.items() if self._of[name][0] is part}
            data = part.tree.read({name: cap for name, (_, cap) in inner.items()}) if inner else {}
            found.update({inner[name][0]: content for name, content in data.items()})
        return found

    def close(self) -> None:
        for part in self.parts:
            part.tree.close()
