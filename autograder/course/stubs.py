"""What the course handed out for an exercise: an answer with the same code is nobody's work.

The released plan has the stub, in the course's own repository and in a student's copy alike; where nothing is released yet, it is
made from the reference.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import msgspec

from autograder.source.errors import ReleaseError
from autograder.source.stub import make_stub

MAX_BYTES = 64 * 2**20
_MARKER = re.compile(r"# %% cell \d+$")


class _Plan(msgspec.Struct):
    """Of a released plan, what is wanted here."""

    stub: str


_decoder = msgspec.msgpack.Decoder(_Plan)


def stub_of(root: Path | None, name: str) -> str | None:
    """The stub of the exercise `name` of the course in `root`; None where nobody can say."""
    if root is None:
        return None
    topic, _, slug = name.partition("/")
    for path in (
        root / "assignments" / topic / "expected" / f"{slug}.plan",
        root / "solutions" / topic / slug / "solution.py",
    ):
        try:
            info = path.stat()
        except OSError:
            continue
        return _read(path, info.st_mtime_ns, info.st_size)
    return None


@lru_cache(maxsize=1000)
def _read(path: Path, changed: int, size: int) -> str | None:
    try:
        if path.suffix == ".py":
            return make_stub(path.read_text(encoding="utf-8"))
        unpacked = zlib.decompressobj().decompress(path.read_bytes(), MAX_BYTES)
        return _decoder.decode(unpacked).stub
    except (OSError, ValueError, zlib.error, msgspec.MsgspecError, ReleaseError):
        return None


def bare(text: str) -> str:
    """The code without what editors and notebooks change by themselves: blanks at the ends of lines, empty lines, and the comments that
    name cells.

    >>> bare("# %% cell 3\\nx = 1  \\n\\n\\ny = 2\\n")
    'x = 1\\ny = 2'
    """
    lines = (line.rstrip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line and not _MARKER.match(line))


def digest(text: str) -> str:
    """Equal for equal code."""
    return hashlib.sha256(bare(text).encode()).hexdigest()


def is_stub(root: Path | None, name: str, text: str) -> bool:
    """Whether `text` is what the course in `root` handed out for the exercise `name`."""
    stub = stub_of(root, name)
    return stub is not None and digest(text) == digest(stub)


@dataclass
class Stubs:
    """The same for one course, with what was read already: that goes along to the processes that open a class's submissions."""

    root: Path | None = None
    known: dict[str, str] = field(default_factory=dict)  # digests by exercise, "" where there is none

    def read(self, names: Iterable[str]) -> None:
        """Read those of `names` now."""
        for name in names:
            if name not in self.known:
                stub = stub_of(self.root, name)
                self.known[name] = digest(stub) if stub is not None else ""

    def has(self, name: str, text: str) -> bool:
        """Whether `text` is what was handed out for the exercise `name`."""
        self.read([name])
        return digest(text) == self.known[name]
