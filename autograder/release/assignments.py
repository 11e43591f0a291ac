"""`assignments/`, generated from `solutions/` and committed: what students fork.

For each exercise the stub, the test module of its public checks and their recorded plan; for each topic a page and a
notebook. Everything is made in memory first (`assignment_files`), so that writing it, comparing it with what is
committed and releasing it can't disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from autograder.course.load import load_course
from autograder.lessons.demands import notebook_cell, try_it
from autograder.release.files import read_text, walk, write_all
from autograder.release.notebook import topic_notebook
from autograder.release.online import Online, online
from autograder.release.render import render
from autograder.release.topics import Exercise, Topic, load_topics
from autograder.source.errors import ReleaseError
from autograder.source.stub import make_stub

TestModule = Callable[[Path], str]
"""An exercise's private folder → the text of its public test module."""

PublicPlan = Callable[[str], bytes]
"""An exercise's name → its public cases with their recorded inputs and expected observations."""

FOLDER = "assignments"


@dataclass(frozen=True)
class Makers:
    """What the engine contributes to `assignments/`: it knows checks and plans, this package does not."""

    test_module: TestModule
    public_plan: PublicPlan


def build_assignments(
    course_root: Path, out: Path | None = None, *, makers: Makers, topics: Sequence[Topic] | None = None
) -> list[Path]:
    """Write `assignments/` to `out` (the course's own by default); returns the files, whether they changed or not.

    Nothing is deleted: what is there and not ours is named by `check_in_sync`. Raises `ReleaseError` before anything is
    written when an exercise can't be released.
    """
    return write_all(out or course_root / FOLDER, assignment_files(course_root, makers=makers, topics=topics))


def check_in_sync(
    course_root: Path, out: Path | None = None, *, makers: Makers, topics: Sequence[Topic] | None = None
) -> list[str]:
    """A line for each committed file that differs from what would be generated: missing, stale or extra; [] when none."""
    files = assignment_files(course_root, makers=makers, topics=topics)
    return differences(out or course_root / FOLDER, files, None if topics is None else {each.name for each in topics})


def assignment_files(course_root: Path, *, makers: Makers, topics: Sequence[Topic] | None = None) -> dict[str, bytes]:
    """Path below `assignments/` → content, of every generated file."""
    files: dict[str, bytes] = {}
    where = online(load_course(course_root))
    for topic in load_topics(course_root) if topics is None else topics:
        stubs: dict[str, str] = {}
        tried = {exercise.name: code for exercise in topic.exercises if (code := _try_it(course_root, exercise))}
        for exercise in topic.exercises:
            stubs[exercise.name] = stub = _stub(course_root, exercise)
            for path, data in _exercise_files(course_root, exercise, stub, makers).items():
                if path in files:
                    raise ReleaseError(
                        f"assignments/{path} would be written for two exercises. Rename {exercise.name}."
                    )
                files[path] = data
        files[f"{topic.name}/README.md"] = _readme(topic, where).encode()
        files[f"{topic.name}/{topic.name}.ipynb"] = topic_notebook(topic, stubs, tried=tried)
    return files


def student_files(topics: Sequence[Topic]) -> list[str]:
    """The paths below `assignments/` that belong to the student: an update must never replace them."""
    stubs = [f"{exercise.name}.py" for topic in topics for exercise in topic.exercises]
    return sorted([*stubs, *(f"{topic.name}/{topic.name}.ipynb" for topic in topics)])


def differences(folder: Path, files: Mapping[str, bytes], topics: Set[str] | None = None) -> list[str]:
    """How `folder` (of it, only `topics` when they are given) differs from `files`, a line for each path."""
    lines = []
    for name in sorted(files):
        path = folder / name
        if not path.is_file() or path.is_symlink():
            lines.append(f"{FOLDER}/{name}: missing")
        elif path.read_bytes() != files[name]:
            lines.append(f"{FOLDER}/{name}: stale, its source in solutions/ gives something else now")
    found = [name for name in walk(folder) if topics is None or name.split("/")[0] in topics]
    found = [name for name in found if name.split("/")[1:2] != ["own"]]  # cases that somebody wrote for themselves
    lines += [f"{FOLDER}/{name}: extra, nothing in solutions/ gives it" for name in found if name not in files]
    return lines


def _stub(course_root: Path, exercise: Exercise) -> str:
    name = f"solutions/{exercise.name}/solution.py"
    stub = make_stub(read_text(course_root, name), file=name)
    return stub if stub.endswith("\n") else stub + "\n"


def _try_it(course_root: Path, exercise: Exercise) -> str:
    """The cell that uses what students wrote, from the lecture page; "" where there is none."""
    try:
        page = read_text(course_root, exercise.lecture)
    except ReleaseError:
        return ""  # a missing page is said where pages are released
    block = try_it(page)
    return notebook_cell(block.text, exercise.name) if block else ""


def _exercise_files(course_root: Path, exercise: Exercise, stub: str, makers: Makers) -> dict[str, bytes]:
    topic, slug = exercise.topic, exercise.slug
    return {
        f"{topic}/{slug}.py": stub.encode(),
        f"{topic}/test_{slug}.py": makers.test_module(exercise.folder(course_root)).encode(),
        f"{topic}/expected/{slug}.plan": makers.public_plan(exercise.name),
    }


def _readme(topic: Topic, where: Online | None) -> str:
    forbidden: dict[tuple[str, ...], list[str]] = {}
    for exercise in topic.exercises:
        if exercise.forbid:
            forbidden.setdefault(exercise.forbid, []).append(exercise.title)
    timed = any(exercise.minutes for exercise in topic.exercises)
    text = render("README.topic.md.j2", topic=topic, timed=timed, online=where, forbidden=forbidden)
    return re.sub(r"\n{3,}", "\n\n", text)
