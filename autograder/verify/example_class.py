"""An example class: 24 submissions to try grading on, from perfect ones to hostile ones.

They are made from the authored files of whatever exercises the course has: the same course gives the same bytes. What each
student does is in `_STUDENTS`; what the files look like, in `student_code` and `broken_files`.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import nbformat

from autograder.course import Course
from autograder.course import Exercise as CourseExercise
from autograder.course.notebook import PREFIX
from autograder.release.notebook import to_bytes, topic_notebook
from autograder.release.topics import Topic, load_topics
from autograder.twin.exercise import Exercise, load_exercise
from autograder.verify import broken_files, student_code

Files = Mapping[str, bytes | None]  # path in the submission → content; None: an empty folder


def write_example_class(
    root: Path, course: Course, folder: Path, chosen: Sequence[CourseExercise] | None = None
) -> list[Path]:
    """Write the submissions to `folder`, which must be new or empty. Returns what was written, a path for each student.

    They hold the `chosen` exercises, as a class hands in a module or two at a time; all of the course by default.
    """
    from autograder.refusals import Refused

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            f"{folder} is not empty. Name a folder that is new or empty, so that nothing of yours is mixed in."
        )
    chosen = course.exercises if chosen is None else chosen
    names = {each.name for each in chosen}
    topics = [
        replace(each, exercises=tuple(one for one in each.exercises if one.name in names)) for each in load_topics(root)
    ]
    material = _Material(
        {each.name: load_exercise(each.solution_dir(root), each.name) for each in chosen},
        {each.name: tuple(each.forbid) for each in chosen},
        [topic for topic in topics if topic.exercises],
    )
    made = {name: make(material, name) for name, make in _STUDENTS.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, files in made.items():
        path = folder / name
        if path.suffix == ".zip":
            path.write_bytes(_zipped(files))
        else:
            _write(path, files)
        written.append(path)
    return written


@dataclass(frozen=True)
class _Material:
    """What the submissions are made from."""

    exercises: Mapping[str, Exercise]
    forbidden: Mapping[str, tuple[str, ...]]
    topics: list[Topic]

    @cached_property
    def rarest(self) -> list[str]:
        """Exercises in whose rarest function something slow costs the least to grade."""
        return sorted(self.exercises, key=lambda name: student_code.rarest(self.exercises[name])[0])


Make = Callable[[_Material, str], Files]


def _python(write: Callable[[_Material, Exercise, int, str], str | bytes | None]) -> Make:
    """A submission of one `.py` file an exercise; `write(material, exercise, its number, student)` gives the file."""

    def make(material: _Material, student: str) -> Files:
        files: dict[str, bytes | None] = {}
        for number, (name, exercise) in enumerate(material.exercises.items()):
            content = write(material, exercise, number, student)
            path = f"assignments/{name}.py"
            if content == broken_files.FOLDER:
                files[f"{path}/"] = None
            elif content is not None:
                files[path] = content if isinstance(content, bytes) else _signed(content, student)
        return files

    return make


def _signed(text: str, student: str) -> bytes:
    """With the student's name, as homework has it; so no two students hand in the same bytes."""
    return f"# {student.removesuffix('.zip').replace('_', ' ').title()}\n{text}".encode()


def _mixed(material: _Material, exercise: Exercise, number: int, student: str) -> str:
    return student_code.with_mistakes(exercise, random.Random(f"{student}/{exercise.name}"))


def _loops(material: _Material, exercise: Exercise, number: int, student: str) -> str:
    slow = exercise.name in material.rarest[:1]  # a timeout is waited for twice: one is enough
    return student_code.spoilt(exercise, student_code.LOOP) if slow else student_code.right(exercise)


def _memory(material: _Material, exercise: Exercise, number: int, student: str) -> str:
    large = exercise.name in material.rarest[1:3]
    return (
        student_code.spoilt(exercise, student_code.MEMORY_BOMB)
        if large
        else _mixed(material, exercise, number, student)
    )


def _notebooks(magic: str = "") -> Make:
    """The course's own notebook of each topic, filled in, beside the stubs that nobody touched. `magic` opens the first cell."""

    def make(material: _Material, student: str) -> Files:
        stubs = {name: exercise.stub for name, exercise in material.exercises.items()}
        files: dict[str, bytes | None] = {f"assignments/{name}.py": stub.encode() for name, stub in stubs.items()}
        for topic in material.topics:
            cells = nbformat.reads(topic_notebook(topic, stubs).decode(), as_version=4).cells
            first = magic
            for cell in cells:
                name = next(
                    (tag.removeprefix(PREFIX) for tag in cell.metadata.get("tags", []) if tag.startswith(PREFIX)), ""
                )
                if name in material.exercises:
                    cell.source = first + _mixed(material, material.exercises[name], 0, student).rstrip("\n")
                    first = ""
            files[f"assignments/{topic.name}/{topic.name}.ipynb"] = to_bytes(cells, assignment=topic.name)
        return files

    return make


_perfect = _python(lambda material, exercise, number, student: student_code.right(exercise))
_wrong = _python(_mixed)
_untouched = _python(lambda material, exercise, number, student: exercise.stub.encode())

_STUDENTS: dict[str, Make] = {
    "amara_okafor": _perfect,
    "ben_fischer": _wrong,
    "chloe_martin": _wrong,
    "daniel_kim": _python(lambda material, exercise, number, student: student_code.alternative(exercise, 0)),
    "elena_rossi": _wrong,
    "farid_haddad": _python(lambda material, exercise, number, student: student_code.half(exercise, 0)),
    "grace_mwangi": _wrong,
    "hiroshi_tanaka": _python(lambda material, exercise, number, student: student_code.alternative(exercise, 3)),
    "ingrid_larsen": _untouched,
    "jack_wilson": _python(lambda material, exercise, number, student: broken_files.broken_file(exercise, number)),
    "katya_ivanova": _wrong,
    "liam_murphy": _python(
        lambda material, exercise, number, student: broken_files.broken_code(
            exercise, number, material.forbidden[exercise.name]
        )
    ),
    "mei_lin.zip": _wrong,
    "noah_schmidt": _python(_loops),
    "olga_novak": _notebooks(),
    "pedro_alves": _python(_memory),
    "quinn_baker": _untouched,
    "rosa_garcia": _wrong,
    "sam_smith": _python(lambda material, exercise, number, student: student_code.hostile(exercise, number)),
    "tomasz_kowalski": _notebooks(magic="%load_ext autoreload\n%autoreload 2\n"),
    "uma_patel": _python(lambda material, exercise, number, student: student_code.half(exercise, 1)),
    "victor_dubois": _wrong,
    "yusuf_demir": _wrong,
    "zoë_håkansson": _perfect,
}


# ---------------------------------------------------------------- writing


def _write(path: Path, files: Files) -> None:
    for name, content in files.items():
        place = path / name
        if content is None:
            place.mkdir(parents=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def _zipped(files: Files) -> bytes:
    """As GitHub's *Download ZIP* packs a repository: in a folder of its own. The same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(f"llm-internals-main/{name}", date_time=(2000, 1, 1, 0, 0, 0))
            archive.writestr(member, content or b"", zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
