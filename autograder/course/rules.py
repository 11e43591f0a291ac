"""What must hold in a course beyond the types of its keys: unique names, sound order, dates, prerequisites, names that can exist."""

from __future__ import annotations

import difflib
import importlib.util
import keyword
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from autograder.course.config import Course

Broken = tuple[tuple[str | int, ...], str, str]  # where, what is wrong, what is allowed

WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
TAKEN = {"conftest", "setup"}  # file names that pytest and pip run by themselves
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def broken(course: Course, root: Path) -> Iterator[Broken]:
    """Every rule that `course` breaks."""
    yield from _unique(course)
    yield from _modules(course)
    yield from _names(course, root)
    yield from _forbidden(course)
    yield from _requires(course)
    yield from _tracks(course)
    yield from _rubrics(course)


def _rubrics(course: Course) -> Iterator[Broken]:
    scopes = [*(each.name for each in course.exercises), *(module.id for module in course.modules)]
    seen: set[str] = set()
    for r, rubric in enumerate(course.rubrics):
        if rubric.of not in scopes:
            close = difflib.get_close_matches(rubric.of, scopes, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield ("rubric", r, "of"), f"there is no {rubric.of!r}{hint}", "an exercise or a module of this file"
        if rubric.of in seen:
            yield ("rubric", r, "of"), f"another rubric is of {rubric.of!r} too", "one for each exercise and module"
        seen.add(rubric.of)
        ids: set[str] = set()
        for i, item in enumerate(rubric.items):
            if item.id in ids:
                yield ("rubric", r, "item", i, "id"), f"another item has the id {item.id!r} too", "an id of its own"
            ids.add(item.id)
            if not item.points:
                yield ("rubric", r, "item", i, "points"), "is 0", "more than 0, or, for a deduction, less"


def _tracks(course: Course) -> Iterator[Broken]:
    known = [*(each.name for each in course.exercises), *course.topics, *(module.id for module in course.modules)]
    ids: set[str] = set()
    for t, track in enumerate(course.tracks):
        if track.id in ids:
            yield ("track", t, "id"), f"another track has the id {track.id!r} too", "an id of its own"
        ids.add(track.id)
        for e, name in enumerate(track.exercises):
            if not course.named(name):
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                yield (
                    ("track", t, "exercises", e),
                    f"there is no {name!r}{hint}",
                    "exercises, topics and modules of this file",
                )


def _unique(course: Course) -> Iterator[Broken]:
    modules: set[str] = set()
    exercises: set[str] = set()
    orders: dict[int, str] = {}
    for m, module in enumerate(course.modules):
        if module.id in modules:
            yield ("module", m, "id"), f"another module has the id {module.id!r} too", "an id of its own"
        modules.add(module.id)
        if module.order is not None and module.order in orders:
            yield ("module", m, "order"), f"module {orders[module.order]!r} has the same order", "a number of its own"
        if module.order is not None:
            orders.setdefault(module.order, module.id)
        for e, exercise in enumerate(module.exercises):
            if exercise.name in exercises:
                yield ("module", m, "exercise", e, "name"), f"{exercise.name!r} is there twice", "each exercise once"
            exercises.add(exercise.name)


def _modules(course: Course) -> Iterator[Broken]:
    for m, module in enumerate(course.modules):
        if module.release and module.due and module.due <= module.release:
            yield ("module", m, "due"), f"is not after its release ({module.release})", "a later time"
        if module.drop_lowest >= len(module.exercises):
            what = f"is {module.drop_lowest}, of {len(module.exercises)} exercises: nothing would be left to count"
            yield ("module", m, "drop_lowest"), what, f"at most {len(module.exercises) - 1}"
        if module.late.kind != "none" and module.due is None:
            yield (
                ("module", m, "late"),
                "can't say what is late without a due date",
                "give `due` too, or leave `late` out",
            )


def _names(course: Course, root: Path) -> Iterator[Broken]:
    # In a student's repository whatever else they install must not break the course: only authors need to know.
    students = (root / "assignments").is_dir() and not (root / "solutions").is_dir()
    said: set[str] = set()
    for m, module in enumerate(course.modules):
        for e, exercise in enumerate(module.exercises):
            where = ("module", m, "exercise", e, "name")
            for part in (exercise.topic, exercise.slug):
                if keyword.iskeyword(part) or part in WINDOWS_DEVICES:
                    yield where, f"{part!r} can't be the name of a Python file everywhere", "another name"
            if exercise.slug in TAKEN or exercise.slug.startswith("test_"):
                yield where, f"{exercise.slug}.py would be run by pytest as something else", "another name"
            if exercise.topic not in said and _is_package(exercise.topic, installed=not students):
                said.add(exercise.topic)
                yield (
                    where,
                    f"{exercise.topic!r} is also the name of a Python package, and one would hide the other",
                    "another topic",
                )


def _is_package(name: str, *, installed: bool) -> bool:
    if name in sys.stdlib_module_names:
        return True
    if not installed:
        return False
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None  # a bare folder of that name is no package


def _forbidden(course: Course) -> Iterator[Broken]:
    for m, module in enumerate(course.modules):
        entries = [(("module", m, "forbid", i), entry) for i, entry in enumerate(module.forbid)]
        for e, exercise in enumerate(module.exercises):
            entries += [(("module", m, "exercise", e, "forbid", i), entry) for i, entry in enumerate(exercise.forbid)]
        for where, entry in entries:
            form = 'a package ("tokenizers"), a dotted name ("torch.softmax") or a tensor method ("Tensor.softmax")'
            head = entry.partition(".")[0]
            if not _DOTTED.fullmatch(entry):
                yield where, f'"{entry}" is not a name', form
            elif head in ("F", "np", "nn") and "." in entry:
                full = {"F": "torch.nn.functional", "np": "numpy", "nn": "torch.nn"}[head]
                yield where, f'"{entry}" is an abbreviation', f'the full name: "{full}{entry[len(head) :]}"'
            elif head[0].isupper() and head != "Tensor":
                yield where, f'"{entry}" does not say which package it is in', form


def _requires(course: Course) -> Iterator[Broken]:
    yield from _circles(course, "requires")
    yield from _circles(course, "prerequisites")


def _circles(course: Course, key: str) -> Iterator[Broken]:
    """Names in `key` that no exercise has, and exercises that would have to be done before themselves."""
    names = {exercise.name for exercise in course.exercises}
    graph: dict[str, set[str]] = {}
    places: dict[str, tuple[str | int, ...]] = {}
    for m, module in enumerate(course.modules):
        for e, exercise in enumerate(module.exercises):
            before: tuple[str, ...] = getattr(exercise, key)
            place = places.setdefault(exercise.name, ("module", m, "exercise", e, key))
            graph.setdefault(exercise.name, set()).update(name for name in before if name in names)
            for name in before:
                if name not in names:
                    close = difflib.get_close_matches(name, names, n=1)
                    hint = f"; did you mean {close[0]!r}?" if close else ""
                    yield place, f"there is no exercise {name!r}{hint}", "names of exercises of this file"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
        yield (
            places[circle[0]],
            f"goes in a circle: {' → '.join(reversed(circle))}",
            "an order in which they can be done",
        )
