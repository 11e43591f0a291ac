"""Two small corpora of running text, the same in the jail, the twin and the student's repository.

Where they come from, and that they are in the public domain: `data/corpora/ORIGIN.md`. In a check's inputs they are
used by name, `lab("english", limit=2000)`.
"""

from functools import cache
from importlib.resources import files


def english(limit: int | None = None) -> str:
    """The book of Genesis in the King James Version (197 408 characters), or its first `limit` characters."""
    return _read("english.txt")[:limit]


def chinese(limit: int | None = None) -> str:
    """Poems of the Tang and Song dynasties, simplified (36 495 characters), or their first `limit` characters."""
    return _read("chinese.txt")[:limit]


@cache
def _read(name: str) -> str:
    return files("autograder.lab").joinpath("data", "corpora", name).read_text(encoding="utf-8")
