"""Where the files of exercises are in a source: its root among wrapping folders, names that are almost right, notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from autograder.course.config import Course, Exercise
from autograder.course.tree import Entry, key, shown
from autograder.results import Message

MAX_WRAPPERS = 3  # repo-main/homework/… : folders around the student's work


def places(exercise: Exercise, course: Course) -> list[str]:
    """Where an exercise's file may be, the usual place first."""
    found = [f"assignments/{exercise.topic}/{exercise.slug}.py", f"{exercise.topic}/{exercise.slug}.py"]
    if sum(each.slug == exercise.slug for each in course.exercises) == 1:
        found.append(f"{exercise.slug}.py")
    return found


def exercise_of_file(name: str, course: Course) -> Exercise | None:
    """The exercise that a single file answers, from its name: `bpe.py`, `tokenizer_bpe.py`, `alice_bpe (1).py`."""
    stem = re.sub(r"(?:[ _-]*\(\d+\)|-\d+)$", "", PurePosixPath(name).stem).lower()
    words = "_" + re.sub(r"[^a-z0-9]+", "_", stem)
    for ending in (lambda each: f"_{each.topic}_{each.slug}", lambda each: f"_{each.slug}"):
        found = [each for each in course.exercises if words.endswith(ending(each))]
        longest = max((len(each.slug) for each in found), default=0)
        found = [each for each in found if len(each.slug) == longest]
        if found:
            return found[0] if len(found) == 1 else None
    return course.exercises[0] if len(course.exercises) == 1 else None


class Layout:
    """The entries of a source by what they mean for a course. `broken`: nobody can tell what should be graded."""

    def __init__(self, entries: Iterable[Entry], course: Course) -> None:
        self.broken: Message | None = None
        self._entries = list(entries)
        self._by_key: dict[str, list[Entry]] = {}
        for entry in self._entries:
            self._by_key.setdefault(key(entry.name), []).append(entry)
        self.anything = False
        self.root = self._find_root(course)

    def find(self, place: str) -> Entry | Message | None:
        """The file at `place`, what is wrong with what is there, or None when nothing is."""
        name = self.root + place
        found = self._by_key.get(key(name), [])
        if len({entry.name for entry in found}) > 1:
            names = sorted(shown(self.label(entry.name)) for entry in found)[:3]
            return Message(id="submission.duplicate-name", values={"file": place, "names": names})
        if not found:
            return self._blocked_by_link(place)
        entry = found[0]
        if entry.name != name:
            return Message(id="submission.wrong-case", values={"file": place, "found": shown(self.label(entry.name))})
        ids = {"folder": "submission.folder", "link": "submission.link", "other": "submission.not-a-file"}
        return Message(id=ids[entry.kind], values={"file": place}) if entry.kind in ids else entry

    def notebooks(self) -> list[Entry]:
        """The notebooks below the root, the outermost first."""
        found = [
            entry
            for entry in self._entries
            if entry.kind == "file" and entry.name.lower().endswith(".ipynb") and entry.name.startswith(self.root)
        ]
        found = [entry for entry in found if len(self._by_key[key(entry.name)]) == 1]
        return sorted(found, key=lambda entry: (entry.name.count("/"), entry.name))

    def label(self, name: str) -> str:
        """A name as the student knows it: without the folders around the work."""
        return name.removeprefix(self.root)

    def relabel(self, message: Message, place: str) -> Message:
        return Message(id=message.id, values={**message.values, "file": place})

    def _blocked_by_link(self, place: str) -> Message | None:
        """`assignments` or `assignments/tokenizer` may be a link: then nothing is seen below it."""
        parts = place.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if any(entry.kind == "link" for entry in self._by_key.get(key(self.root + folder), [])):
                return Message(id="submission.link", values={"file": folder})
        return None

    def _find_root(self, course: Course) -> str:
        """The folder that holds the work: the outermost one with a file in its usual place, as `x/` or `""`.

        Only when there is none do loose files (`bpe.py`) count; a notebook can be anywhere and needs no root.
        """
        topics = {key(topic) for topic in course.topics}
        files = {key(f"{each.topic}/{each.slug}.py") for each in course.exercises}
        loose_files = {key(f"{each.slug}.py") for each in course.exercises if len(places(each, course)) == 3}
        usual: set[str] = set()
        loose: set[str] = set()
        for entry in self._entries:
            parts = entry.name.split("/")
            keys = key(entry.name).split("/")
            in_topic = "/".join(keys[-2:]) in files or (
                len(keys) > 1 and keys[-2] in topics and keys[-1].endswith(".ipynb")
            )
            if entry.kind == "link" and keys[-1] in ("assignments", *topics):
                usual.add("/".join(parts[:-1]))
            elif in_topic:
                usual.add("/".join(parts[:-3] if len(keys) > 2 and keys[-3] == "assignments" else parts[:-2]))
            elif keys[-1] in loose_files:
                loose.add("/".join(parts[:-1]))
        for roots in (usual, loose):
            shallow = min((_depth(root) for root in roots), default=MAX_WRAPPERS + 1)
            found = sorted(root for root in roots if _depth(root) == shallow)
            if shallow > MAX_WRAPPERS:
                continue
            self.anything = True
            if len(found) > 1:
                folders = [shown(root) for root in found[:3]]
                self.broken = Message(id="submission.several-roots", values={"folders": folders})
                return ""
            return f"{found[0]}/" if found[0] else ""
        return ""


def _depth(root: str) -> int:
    return root.count("/") + 1 if root else 0
