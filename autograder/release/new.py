"""A new exercise from templates: its folder, its lecture page and its row in `grading.toml`.

What is written is a tiny exercise that works, to be changed step by step into the real one while `autograder verify` stays
content. `grading.toml` is changed by inserting lines, so its comments and layout stay.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from autograder.course import Course, CourseError, load_course
from autograder.course.config import FILE, NAME
from autograder.course.toml_lines import lines as key_lines
from autograder.lessons.head import head
from autograder.release.files import read_text, write_all
from autograder.release.render import render
from autograder.source.errors import ReleaseError

KINDS = {
    "function": "multiply every element of a tensor by a number",
    "module": "give every feature a factor that is learned",
    "loss": "measure how far a prediction is off, where it counts",
    "cache": "keep what was used most recently, and forget the rest",
    "schedule": "let a number rise and fall over the steps of a training run",
}
"""What is written, by what it is nearest to: the objective of the small exercise."""
TEMPLATES = ("solution.py", "checks.py", "mistakes.py", "alternatives.py", "test_oracle.py", "hints.toml")


def new_exercise(
    course_root: Path, name: str, title: str, points: int, kind: str = "function", after: str = ""
) -> list[Path]:
    """Write the exercise `name` ("topic/slug") from templates and add it to `grading.toml`; returns the files written.

    `kind`: one of `KINDS`. `after`: the exercise behind which its row stands, or the module behind which a new topic's module stands.
    Raises `ReleaseError`, before anything is written, when the name or title can't be used or something of it exists.
    """
    _require_usable(name, title, points, kind)
    course = load_course(course_root)
    topic, slug = name.split("/")
    folder, lecture = f"solutions/{topic}/{slug}", f"lectures/{topic}/{slug}.md"
    if any(exercise.name == name for exercise in course.exercises):
        raise ReleaseError(f"{name} is in {FILE} already. Choose another name.", file=FILE)
    for existing in (folder, lecture):
        if (course_root / existing).exists():
            raise ReleaseError(f"{existing} exists already. Choose another name, or move it away.", file=existing)
    grading = _with_row(read_text(course_root, FILE), course, name, title, points, KINDS[kind], after)
    written_course = _read_back(grading, name)

    values = {
        "name": name,
        "title": title,
        "points": points,
        "docstring_title": _docstring_line(title),
        "head": head(written_course.exercise(name), written_course),
    }
    files = {f"{folder}/{file}": render(f"exercise/{kind}/{file}.j2", **values) for file in TEMPLATES}
    files[lecture] = render(f"exercise/{kind}/lecture.md.j2", **values)
    # The row comes last: a course never names an exercise that is not there.
    written = write_all(course_root, {path: text.encode() for path, text in files.items()})
    return written + write_all(course_root, {FILE: grading.encode()})


def _require_usable(name: str, title: str, points: int, kind: str) -> None:
    if kind not in KINDS:
        raise ReleaseError(f"there is no kind {kind!r}. There are {', '.join(KINDS)}.")
    if not re.fullmatch(rf"{NAME}/{NAME}", name):
        raise ReleaseError(
            f'{name!r} is not a name for an exercise. Write topic/exercise, in small letters, digits and "_": tokenizer/bpe.'
        )
    if not title.strip() or title != title.strip() or not title.isprintable():
        raise ReleaseError(f"{title!r} is not a title. Give one line of text, without spaces around it.")
    if type(points) is not int or points < 1:
        raise ReleaseError(f"points is {points!r}. Give a whole number from 1.")


def _docstring_line(title: str) -> str:
    """`title` as the first line of a docstring: with a full stop, and nothing in it that would end the string."""
    line = title if title[-1] in ".!?" else f"{title}."
    return line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


# ---------------------------------------------------------------- the row


def _with_row(text: str, course: Course, name: str, title: str, points: int, objective: str, after: str) -> str:
    """`text` with a `[[module.exercise]]`: behind `after`, else behind the last one of its module, or in a new `[[module]]`."""
    topic = name.split("/")[0]
    quoted = json.dumps(title, ensure_ascii=False)  # a JSON string of printable text is a TOML string
    row = ["[[module.exercise]]", f'name = "{name}"', f"title = {quoted}", f"points = {points}"]
    row += [f'objective = "{objective}"', "minutes = 20", "difficulty = 1"]
    lines = text.rstrip("\n").split("\n")
    module_id = _module_of_topic(course, topic)
    if "/" in after:
        if after not in [exercise.name for exercise in course.exercises]:
            raise ReleaseError(f"there is no exercise {after}, so {name} can't stand behind it.", file=FILE)
        at = _end(lines, _rows_of_exercise(text, lines, after), text)
        return "\n".join([*lines[:at], "", *row, *lines[at:], ""])
    if module_id is None:
        heading = json.dumps(topic.replace("_", " ").capitalize())
        row = ["[[module]]", f'id = "{topic}"', f"title = {heading}", "", *row]
        if after and after not in [module.id for module in course.modules]:
            there = ", ".join(module.id for module in course.modules)
            raise ReleaseError(
                f"there is no module {after}, so {topic} can't stand behind it. There are {there}.", file=FILE
            )
        at = _end(lines, _rows_of_module(text, lines, after), text) if after else len(lines)
        return "\n".join([*lines[:at], "", *row, *lines[at:], ""])
    if after and after != module_id:
        raise ReleaseError(
            f"{topic} is in module {module_id}: {name} goes there. Name an exercise of it to stand behind, or leave --after out.",
            file=FILE,
        )
    at = _end(lines, _rows_of_module(text, lines, module_id), text)
    return "\n".join([*lines[:at], "", *row, *lines[at:], ""])


def _module_of_topic(course: Course, topic: str) -> str | None:
    """The last module that has exercises of `topic`, else the one that is called so."""
    for module in reversed(course.modules):
        if any(exercise.topic == topic for exercise in module.exercises):
            return module.id
    return next((module.id for module in course.modules if module.id == topic), None)


def _rows_of_module(text: str, lines: Sequence[str], module_id: str) -> list[int]:
    """The lines of a module's exercises that have a key or a header."""
    places = key_lines(text)
    ids = [(path, lines[line - 1]) for path, line in places.items() if path[:1] + path[2:] == ("module", "id")]
    written = re.compile(rf"""\s*id\s*=\s*["']{module_id}["']""")
    module = next((path[:2] for path, line in ids if written.match(line)), None)
    # An element of the array, so written as [[module.exercise]]: the path goes on with its number.
    rows = [line for path, line in places.items() if path[:3] == (*(module or ()), "exercise") and len(path) > 3]
    if not rows:
        raise ReleaseError(
            f"the exercises of module {module_id!r} are not written as [[module.exercise]], so a row can't be added. "
            f"Write them so.",
            file=FILE,
        )
    return rows


def _rows_of_exercise(text: str, lines: Sequence[str], name: str) -> list[int]:
    """The lines of one exercise that have a key or a header."""
    places = key_lines(text)
    written = re.compile(rf"""\s*name\s*=\s*["']{name}["']""")
    found = next(
        (path[:-1] for path, line in places.items() if path[-1:] == ("name",) and written.match(lines[line - 1])), None
    )
    if found is None or len(found) < 4:
        raise ReleaseError(f"{name} is not written as [[module.exercise]], so nothing can stand behind it.", file=FILE)
    return [line for path, line in places.items() if path[: len(found)] == found]


def _end(lines: Sequence[str], rows: Sequence[int], text: str) -> int:
    """How many lines there are up to the end of what has `rows`."""
    # Up to the next key or header, but not the blank lines and the comment above it, which are that one's.
    following = [line for line in key_lines(text).values() if line > max(rows)]
    end = min(following) - 1 if following else len(lines)
    while end > max(rows) and not _is_content(lines[end - 1]):
        end -= 1
    while end < len(lines) and lines[end].lstrip().startswith("#"):  # a comment that hangs on the last row
        end += 1
    return end


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _read_back(grading: str, name: str) -> Course:
    """Read the file back before it is written, in a folder of its own: what is wrong with the name is said there."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text(grading, encoding="utf-8")
        try:
            course = load_course(Path(folder))
            course.exercise(name)
        except CourseError as error:
            raise ReleaseError(f"{name} can't be added to {FILE}: {error}") from None
    return course
