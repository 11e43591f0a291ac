"""Where the files of exercises are in a source: under which folders the work lies, names that are almost right, notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from autograder.course.config import Course, Exercise
from autograder.course.nested import is_zip
from autograder.course.platforms import owners
from autograder.course.tree import Entry, key, shown
from autograder.results import Message

MAX_WRAPPERS = 5  # downloads/repo-main/homework/… : folders around the student's work
MAX_ROOTS = 8
MAX_COPIES = 4

Kind = Literal["usual", "renamed", "loose", "named"]
"""How a file is known: by its place, by a name such as `bpe (1).py` in that place, by its name anywhere, by the end of its name."""
_LATER: dict[Kind, int] = {"usual": 0, "renamed": 100, "loose": 200, "named": 400}
_COPY = re.compile(
    r"[ _-]*\(\d+\)$|[ _-]+(?:(?:copy|kopie|copie|copia|副本|final|finished|fixed|done|new|old|submission|version|v)[ _-]?\d*|\d+)$"
)
_COPY_OF = re.compile(r"^(?:copy of|kopie von|copie de|copia de)\s+")


def places(exercise: Exercise, course: Course) -> list[str]:
    """Where an exercise's file may be, the usual place first."""
    found = [f"assignments/{exercise.topic}/{exercise.slug}.py", f"{exercise.topic}/{exercise.slug}.py"]
    if exercise.slug in course.own_slugs:
        found.append(f"{exercise.slug}.py")
    return found


def exercise_of_file(name: str, course: Course) -> Exercise | None:
    """The exercise that a single file answers, from its name: `bpe.py`, `tokenizer_bpe.py`, `alice_bpe (1).py`."""
    found = _named(name, course)
    if found is None:
        return course.exercises[0] if len(course.exercises) == 1 else None
    return found[0] if len(found) == 1 else None


def _named(name: str, course: Course) -> list[Exercise] | None:
    """The exercises whose name a file's name ends with; None when there is none."""
    stem = _stem(name)
    if stem is None:
        return None
    for form in _without_copy(stem):
        words = "_" + re.sub(r"[^a-z0-9]+", "_", form)
        for ending in (lambda each: f"_{each.topic}_{each.slug}", lambda each: f"_{each.slug}"):
            found = [each for each in course.exercises if words.endswith(ending(each))]
            longest = max((len(each.slug) for each in found), default=0)
            found = [each for each in found if len(each.slug) == longest]
            if found:
                return found
    return None


def _stem(name: str) -> str | None:
    """The name of a Python file without its ending; Windows hides endings, so `bpe.py.txt` is one too. None for other files."""
    low = key(PurePosixPath(name).name)
    for ending in (".py.txt", ".py.py", ".py"):
        if low.endswith(ending):
            return low.removesuffix(ending)
    return None


def _without_copy(stem: str) -> Iterator[str]:
    """`stem`, and what is left of it without the words that systems and people add to a copy.

    >>> list(_without_copy("bpe - copy (2)"))
    ['bpe - copy (2)', 'bpe - copy', 'bpe']
    """
    yield stem
    stem = _COPY_OF.sub("", stem)
    for _ in range(5):
        yield stem
        shorter = _COPY.sub("", stem)
        if shorter in ("", stem):
            return
        stem = shorter


@dataclass(frozen=True)
class Candidate:
    """Something that may answer an exercise: a file, or what is wrong with what is there. The lower the level, the sooner it counts."""

    level: int
    kind: Kind
    root: str
    place: str  # as messages call it
    found: Entry | Message


class Layout:
    """The entries of a source by what they mean for a course."""

    def __init__(self, entries: Iterable[Entry], course: Course) -> None:
        self.course = course
        self._entries = list(entries)
        self._by_key: dict[str, list[Entry]] = {}
        for entry in self._entries:
            self._by_key.setdefault(key(entry.name), []).append(entry)
        self._named = {each.rpartition("/")[2] for each in self._by_key}  # as keys
        self._links = any(entry.kind == "link" for entry in self._entries)
        self._copies: dict[tuple[str, str], list[Entry]] = {}
        self._by_end: dict[str, list[Entry]] = {}
        self.usual, self.loose = self._find_roots()
        self.anything = bool(self.usual or self.loose or self._copies)
        if not self.anything:
            self._find_named()
            self.anything = bool(self._by_end)
        self.level = self._level("usual", self.usual[0]) if self.usual else 0
        if not self.usual and (self.loose or self._by_end):
            self.level = self._level("loose", self.loose[0]) if self.loose else _LATER["named"]
        """Of notebooks: that of the outermost files."""

    def candidates(self, exercise: Exercise) -> list[Candidate]:
        """What may answer it, in the order in which it counts among equals."""
        if not self._may_answer(exercise):
            return []
        found: list[Candidate] = []
        unique = exercise.slug in self.course.own_slugs
        for root in self.usual:
            for place in places(exercise, self.course):
                found += self._at(root, place, "usual")
            for folder in (f"assignments/{exercise.topic}/", f"{exercise.topic}/", *([""] if unique else [])):
                found += self._renamed(root, folder, exercise.slug, self._level("renamed", root))
        if unique:
            for root in self.loose:
                found += self._at(root, f"{exercise.slug}.py", "loose")
                found += self._renamed(root, "", exercise.slug, self._level("loose", root) + 1)
        for entry in self._by_end.get(exercise.name, [])[:MAX_COPIES]:
            found.append(self._candidate("named", "", entry.name, entry))
        return sorted(found, key=lambda each: each.level)

    def _may_answer(self, exercise: Exercise) -> bool:
        """Whether there is any such name at all, or a link that may hide it: most hand-ins have files of few exercises."""
        slug = key(exercise.slug)
        copied = any(each == slug for _, each in self._copies)
        return self._links or f"{slug}.py" in self._named or copied or exercise.name in self._by_end

    def find(self, place: str, root: str | None = None) -> Entry | Message | None:
        """The file at `place` below `root` (the first one), what is wrong with what is there, or None when nothing is."""
        root = root if root is not None else (self.usual or self.loose or [""])[0]
        name = root + place
        found = self._by_key.get(key(name), [])
        if len({entry.name for entry in found}) > 1:
            names = sorted(shown(self.label(entry.name)) for entry in found)[:3]
            return Message(id="submission.duplicate-name", values={"file": place, "names": names})
        if not found:
            return self._blocked_by_link(root, place)
        entry = found[0]  # in capital letters, perhaps: there is one, so it is meant
        ids = {"folder": "submission.folder", "link": "submission.link", "other": "submission.not-a-file"}
        return Message(id=ids[entry.kind], values={"file": place}) if entry.kind in ids else entry

    def notebooks(self) -> list[Entry]:
        """The notebooks beside or around the work, the outermost first; anywhere, where there is no other work."""
        roots = [*self.usual, *self.loose]
        found = [
            entry
            for entry in self._entries
            if entry.kind == "file"
            and entry.name.lower().endswith(".ipynb")
            and (not roots or any(entry.name.startswith(root) or root.startswith(_folder(entry)) for root in roots))
        ]
        found = [entry for entry in found if len(self._by_key[key(entry.name)]) == 1]
        return sorted(found, key=lambda entry: (entry.name.count("/"), entry.name))

    def label(self, name: str) -> str:
        """A name as the student knows it: without the folders around the work."""
        around = max((each for each in (*self.usual, *self.loose) if name.startswith(each)), key=len, default="")
        return name.removeprefix(around)

    def relabel(self, message: Message, place: str) -> Message:
        return Message(id=message.id, values={**message.values, "file": place})

    def holds(self) -> list[str]:
        """Some of what is there, for a person who wonders what was handed in."""
        files = sorted((entry.name.count("/"), entry.name) for entry in self._entries if entry.kind == "file")
        return [shown(name) for _, name in files[:4]]

    def owners(self) -> list[str]:
        """The names right in it that a learning platform made for different students: then it is a class, and not one submission."""
        return [shown(name) for name in owners(sorted({entry.name.partition("/")[0] for entry in self._entries}))]

    def _at(self, root: str, place: str, kind: Kind) -> list[Candidate]:
        found = self.find(place, root)
        if isinstance(found, Entry):
            place = shown(found.name.removeprefix(root))  # with their capital letters
        return [] if found is None else [self._candidate(kind, root, place, found)]

    def _renamed(self, root: str, folder: str, slug: str, level: int) -> list[Candidate]:
        copies = self._copies.get((key(root + folder), key(slug)), [])[:MAX_COPIES]
        return [Candidate(level, "renamed", root, shown(self.label(entry.name)), entry) for entry in copies]

    def _candidate(self, kind: Kind, root: str, place: str, found: Entry | Message) -> Candidate:
        return Candidate(self._level(kind, root), kind, root, place, found)

    def _level(self, kind: Kind, root: str) -> int:
        return _LATER[kind] + 2 * _depth(root)

    def _blocked_by_link(self, root: str, place: str) -> Message | None:
        """`assignments` or `assignments/tokenizer` may be a link: then nothing is seen below it."""
        parts = place.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if any(entry.kind == "link" for entry in self._by_key.get(key(root + folder), [])):
                return Message(id="submission.link", values={"file": folder})
        return None

    def _find_roots(self) -> tuple[list[str], list[str]]:
        """The folders that hold work, the outermost first, as `x/` or `""`: those with a file in its usual place, and those with loose
        files (`bpe.py`). A notebook can be anywhere and needs no root. Notes copies (`bpe (1).py`) on the way."""
        topics = {key(topic) for topic in self.course.topics}
        files = {key(f"{each.topic}/{each.slug}.py") for each in self.course.exercises}
        slugs = {key(each.slug) for each in self.course.exercises}
        single = {key(slug) for slug in self.course.own_slugs}
        usual: set[str] = set()
        loose: set[str] = set()
        for entry in self._entries:
            parts = entry.name.split("/")
            keys = key(entry.name).split("/")
            slug, copied = self._slug_of(entry, slugs)
            if copied:
                self._copies.setdefault((key(_folder(entry)), slug), []).append(entry)
            in_topic = len(keys) > 1 and (
                f"{keys[-2]}/{slug}.py" in files
                or "/".join(keys[-2:]) in files
                or (keys[-2] in topics and keys[-1].endswith(".ipynb"))
            )
            if entry.kind == "link" and keys[-1] in ("assignments", *topics):
                usual.add("/".join(parts[:-1]))
            elif in_topic:
                usual.add("/".join(parts[:-3] if len(keys) > 2 and keys[-3] == "assignments" else parts[:-2]))
            elif slug in single or (keys[-1].endswith(".py") and keys[-1].removesuffix(".py") in single):
                loose.add("/".join(parts[:-1]))
        return _outermost(usual), _outermost(loose - usual)

    def _slug_of(self, entry: Entry, slugs: set[str]) -> tuple[str, bool]:
        """The slug that a file's name means, and whether only as the name of a copy."""
        stem = _stem(entry.name) if entry.kind == "file" else None
        if stem is None:
            return "", False
        found = next((form for form in _without_copy(stem) if form in slugs), "")
        return found, bool(found) and key(entry.name.rpartition("/")[2]) != f"{found}.py"

    def _find_named(self) -> None:
        """Files whose names end like an exercise (`king_bpe.py`), where nothing is called as it should be. A test is no answer."""
        for entry in self._entries:
            last = key(entry.name.rpartition("/")[2])
            if entry.kind == "file" and not last.startswith("test_") and _wrappers(_folder(entry)) <= MAX_WRAPPERS:
                found = _named(last, self.course) or []
                if len(found) == 1:
                    self._by_end.setdefault(found[0].name, []).append(entry)


def _folder(entry: Entry) -> str:
    """The folder that it is in, as `x/` or `""`."""
    folder = entry.name.rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _outermost(roots: set[str]) -> list[str]:
    found = sorted((root for root in roots if _wrappers(root) <= MAX_WRAPPERS), key=lambda root: (_depth(root), root))
    return [f"{root}/" if root else "" for root in found[:MAX_ROOTS]]


def _depth(root: str) -> int:
    return len(root.strip("/").split("/")) if root else 0


def _wrappers(root: str) -> int:
    """Folders around the work, in the innermost zip that it is in."""
    parts = root.strip("/").split("/") if root else []
    zips = [index for index, part in enumerate(parts) if is_zip(part)]
    return len(parts) - (zips[-1] + 1 if zips else 0)
