"""The folder of a report: what is in it, under which names, and which of its pages need to be written anew."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from autograder.feedback import html
from autograder.results import Result

FOLDERS = ("students", "exercises")
MARK = '<meta name="generator" content="autograder">'
_HASHES = ".pages.json"


class Pages:
    """The students' pages, which are most of the work: one is rendered only when what it shows has changed.

    `.pages.json` holds for each page the hash of what it was made from: the result, what is said about it, and the code and templates.
    """

    def __init__(self, out: Path, common: str, about: Callable[[Result], str]) -> None:
        """`common` is what all pages say, `about` what a student's page shows besides the result."""
        self.out, self.about = out, about
        self.made_by = hashlib.sha256(f"{common}\0{_tools()}".encode(errors="replace")).hexdigest()
        self.hashes: dict[str, str] = {}
        try:
            self.before: dict[str, str] = dict(json.loads((out / _HASHES).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self.before = {}

    def write(self, page: str, result: Result, render: Callable[[Result], str]) -> None:
        made_from = f"{result!r}{self.about(result)}".encode("utf-8", "backslashreplace")
        digest = hashlib.sha256(self.made_by.encode() + made_from).hexdigest()
        self.hashes[page] = digest
        if self.before.get(page) != digest or not (self.out / page).is_file():
            write(self.out / page, render(result))

    def up_to_date(self, results: Sequence[Result], facts: str) -> bool:
        """Whether the report is of these very results. A result is told by when and in which run it was written."""
        identity = [
            (each.submission, each.run, each.graded_at, each.hash)
            + tuple((exercise.key, exercise.verdict, exercise.earned) for exercise in each.exercises)
            + (self.about(each),)
            for each in results
        ]
        text = f"{self.made_by}{facts}{identity!r}".encode(errors="replace")
        self.hashes["index.html"] = hashlib.sha256(text).hexdigest()
        whole = (self.out / "index.html").is_file() and all((self.out / page).is_file() for page in self.before)
        return whole and self.before.get("index.html") == self.hashes["index.html"]

    def remove_others(self, keep: set[str]) -> None:
        """Remove the pages of what is no longer in the class."""
        for path in (path for folder in FOLDERS for path in (self.out / folder).glob("*.html")):
            if path.relative_to(self.out).as_posix() not in self.hashes.keys() | keep:
                path.unlink()

    def finish(self) -> None:
        """Remember what the pages were made from: last, so that a report cut short is written anew."""
        write(self.out / _HASHES, json.dumps(self.hashes))


@functools.cache
def _tools() -> str:
    """Hash of the code and templates that pages are made with."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(html.__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
    return digest.hexdigest()


def names_for(ids: Sequence[str]) -> list[str]:
    """A file name for each id: readable, safe on every system, and none twice, also where case does not count."""
    bases = [re.sub(r"[^a-z0-9_]+", "-", id.split("\0")[0].lower()).strip("-")[:60] for id in ids]
    often = Counter(bases)
    return [
        base
        if base == id.split("\0")[0].replace("/", "-") and often[base] == 1 and not _reserved(base)
        else f"{base or 'page'}-{_short_hash(id)}"
        for base, id in zip(bases, ids, strict=True)
    ]


def _reserved(name: str) -> bool:
    """Names that Windows keeps for devices."""
    return not name or re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name) is not None


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def prepare(out: Path) -> None:
    """Make the folder ready; raises `FileExistsError` when it holds what is not ours."""
    index = out / "index.html"
    ours = index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")[:2000]
    if index.exists() and not ours:
        raise FileExistsError(
            f"{index} was not written by the autograder: choose another folder for the report, or remove it"
        )
    if not ours and out.is_dir() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty, and holds no report: choose another folder, or a new one")
    for name in FOLDERS:
        (out / name).mkdir(parents=True, exist_ok=True)


def write(path: Path, text: str) -> Path:
    """Write one file; what is no UTF-8 in a hostile name becomes an escape."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    return path
