"""Nothing private reaches students: a unique word in every private place, and a search for each in all that is released.

`plant` and `found` work on any course folder, also on a copy of a real one with the engine's own makers.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from release_course import (
    case_strings,
    make_course,
    makers_of,
    put,
    tree,
)

from autograder.lessons.packed import unpack
from autograder.release.assignments import Makers, build_assignments
from autograder.release.repository import release
from autograder.source.extract import public_module


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


STEM = "canary"


class Canaries:
    """Unique words, each planted in one private place."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def new(self, place: str) -> str:
        word = f"{STEM}{len(self.planted):04d}x7f3a9"
        self.planted[word] = place
        return word


def plant(course: Path) -> Canaries:
    """Put canaries into every private place of the course: files, solution regions, hidden cases, variants' code."""
    canaries = Canaries()
    for path in sorted((course / "solutions").rglob("*.py")):
        place = path.relative_to(course).as_posix()
        text = path.read_text("utf-8")
        if path.name == "solution.py":
            text = _plant_in_regions(text, place, canaries)
        else:
            if path.name == "checks.py":
                text = _plant_in_hidden_cases(text, place, canaries)
                text = _plant_in_hidden_checks(text, place, canaries)
            else:
                text = _plant_in_functions(text, place, canaries)
            text += f"\n\n# {canaries.new(f'{place}: comment')}\n_unused = '{canaries.new(f'{place}: string')}'\n"
        path.write_text(text, encoding="utf-8")
    for name in (
        *(
            "solutions/notes.md",
            "solutions/roots_of/draft/solution.py",
            "solutions/roots_of/square/fixtures/table.json",
        ),
        *(
            "tests/test_engine.py",
            "tests/golden/a.json",
            "benchmarks/speed.py",
            ".autograder/secret",
            ".autograder/results.sqlite",
        ),
        *(
            ".git/objects/aa/bb",
            ".env",
            "roster.csv",
            "notes.txt",
            "people/ada.toml",
            "docs/staff.md",
            "CHANGELOG.md",
            ".github/workflows/grade.yml",
        ),
        *(
            "lectures/roots_of/figures/late.py",
            "lectures/roots_of/unlisted.md",
            "lectures/staff/notes.md",
            "lectures/notes.txt",
        ),
        *(
            "autograder/__pycache__/cli.cpython-311.pyc",
            "autograder/part/data/__pycache__/x.pyc",
            "autograder/secret.txt",
        ),
        *("autograder/notes/plan.py", "autograder/.autograder/secret", "autograder/part/data.bak/text.txt"),
    ):
        put(course, name, f"{canaries.new(name)}\n")
    grading = course / "grading.toml"
    grading.write_text(f"# {canaries.new('grading.toml: comment')}\n" + grading.read_text("utf-8"), encoding="utf-8")
    return canaries


HINTS = """# {comment}
look = "Look at {shown} and think."
do = "Do what {shown} does."
nearly = "Nearly as {shown} has it."
staff = "{staff}"
"""


def plant_hints(course: Path, canaries: Canaries) -> str:
    """Hints of one exercise, with canaries around them; returns a word that is in the hints themselves."""
    shown = "hintword77q"
    words = [canaries.new(f"hints.toml: {what}") for what in ("comment", "another key")]
    put(course, "solutions/roots_of/square/hints.toml", HINTS.format(comment=words[0], staff=words[1], shown=shown))
    return shown


def with_policy(course: Path, feedback: str, dates: str = "") -> None:
    """Put a `[feedback]` before the modules, and dates into the first of them."""
    grading = course / "grading.toml"
    text = grading.read_text("utf-8").replace("[[module]]", f"[feedback]\n{feedback}\n\n[[module]]", 1)
    grading.write_text(text.replace('id = "roots"\n', f'id = "roots"\n{dates}\n', 1), encoding="utf-8")


def _plant_in_regions(text: str, place: str, canaries: Canaries) -> str:
    def planted(match: re.Match) -> str:
        indent = match[1]
        words = [canaries.new(f"{place}: {what} in a region") for what in ("comment", "string", "name")]
        return f'{match[0]}\n{indent}# {words[0]}\n{indent}"""{words[1]}"""\n{indent}{words[2]} = 1'

    return re.sub(r"(?m)^([ \t]*)# BEGIN SOLUTION$", planted, text)


def _plant_in_hidden_cases(text: str, place: str, canaries: Canaries) -> str:
    lines = [line.encode() for line in text.split("\n")]  # the syntax tree counts bytes
    for node in sorted(case_strings(text, "hidden"), key=lambda node: (node.lineno, node.col_offset), reverse=True):
        line = lines[node.lineno - 1]
        word = f'"{canaries.new(f"{place}: hidden case")}"'.encode()
        lines[node.lineno - 1] = line[: node.col_offset] + word + line[node.end_col_offset :]
    return b"\n".join(lines).decode()


def _plant_in_hidden_checks(text: str, place: str, canaries: Canaries) -> str:
    """Into experiments and claims of the checks that have no public case: nothing of them ships."""
    lines = text.split("\n")
    checks = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    for node in reversed(checks):
        if not any(k.arg == "public" for each in node.decorator_list for k in getattr(each, "keywords", [])):
            words = [canaries.new(f"{place}: {what} of a hidden check") for what in ("claim", "code", "comment")]
            lines[node.lineno : node.body[0].end_lineno] = [
                f'    """{words[0]}."""',
                f"    {words[1]} = 1  # {words[2]}",
            ]
    return "\n".join(lines)


def _plant_in_functions(text: str, place: str, canaries: Canaries) -> str:
    def planted(match: re.Match) -> str:
        return f"{match[0]}    {canaries.new(f'{place}: code')} = 1  # {canaries.new(f'{place}: comment in code')}\n"

    return re.sub(r"(?m)^def .*:\n", planted, text)


def unpacked(data: bytes, depth: int = 4) -> Iterator[bytes]:
    """`data` and everything packed in it: zip members, gzip, zlib streams at any offset, text of JSON strings."""
    yield data
    if depth == 0:
        return
    inner: list[bytes] = []
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inner += [name.encode() for name in archive.namelist()] + [
                archive.read(name) for name in archive.namelist()
            ]
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        stream = zlib.decompressobj(wbits=47)  # either header
        try:
            inner.append(stream.decompress(data[match.start() :]))
        except zlib.error:
            continue
    with contextlib.suppress(ValueError, RecursionError):
        inner += [text.encode() for text in _strings(json.loads(data))]
    for part in inner:
        if part and part != data:
            yield from unpacked(part, depth - 1)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings([*value.keys(), *value.values()])
    elif isinstance(value, list):
        if value and all(isinstance(each, str) for each in value):
            yield "".join(value)  # a notebook's source is a list of lines
        for each in value:
            yield from _strings(each)


def spellings(word: str) -> list[bytes]:
    """`word` as bytes that hide it: UTF-16, hexadecimal, base64 at each alignment."""
    data = word.encode()
    shifted = [base64.b64encode(b"\0" * shift + data)[-(-shift * 4 // 3) + (shift > 0) :][:-4] for shift in range(3)]
    return [data, word.encode("utf-16-le"), data.hex().encode(), *(part.rstrip(b"=") for part in shifted)]


def found(root: Path, canaries: Canaries) -> list[str]:
    """Every canary that arrived under `root`: where it was planted and where it was found."""
    hits = []
    spelled = {word: spellings(word) for word in canaries.planted}
    stems = spellings(STEM)
    for name, data in tree(root).items():
        everything = b"\0\0".join([*unpacked(name.encode() + b"\n" + data), *unpacked(data)])
        kinds = [kind for kind, stem in enumerate(stems) if stem in everything]  # mostly none: a thousand searches less
        for word, place in canaries.planted.items():
            if any(spelled[word][kind] in everything for kind in kinds):
                hits.append(f"{place} → {name}")
    return hits


def with_extractor(course: Path) -> Makers:
    """The engine's own extraction of the public checks."""

    def test_module(folder: Path) -> str:
        text = (folder / "checks.py").read_text("utf-8")
        functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.decorator_list]
        public = [node.name for node in functions if case_strings(ast.unparse(node), "public")]
        return public_module(text, "checks.py", public)

    return Makers(test_module, makers_of(course).public_plan)


@pytest.mark.parametrize("make", [makers_of, with_extractor])
def test_no_canary_arrives(course, tmp_path, make):
    canaries = plant(course)
    build_assignments(course, makers=make(course))
    release(course, tmp_path / "out", makers=make(course), version="1.0")
    assert "four" in (tmp_path / "out/assignments/roots_of/test_square.py").read_text("utf-8")  # public cases do
    assert len(canaries.planted) > 70
    places = " ".join(canaries.planted.values())
    for kind in (
        "hidden case",
        "in a region",
        "mistakes.py: code",
        "alternatives.py",
        "test_oracle.py",
        ".autograder/secret",
    ):
        assert kind in places
    assert found(tmp_path / "out", canaries) == []
    names = set(tree(tmp_path / "out"))
    assert not any(name.startswith(("solutions", "tests", "benchmarks", ".git/", ".autograder")) for name in names)


CLOSED = {
    "by default": ("", ""),
    "never": ('solutions = "never"', ""),
    "not due yet": ('solutions = "after_due"', "due = 2999-01-01T00:00:00"),
    "after a due date that there is not": ('solutions = "after_due"', ""),
    "never, in a module that is over": ('solutions = "never"', "due = 2001-01-01T00:00:00"),
}


@pytest.mark.parametrize(("feedback", "dates"), CLOSED.values(), ids=CLOSED)
def test_no_solution_arrives_that_the_policy_holds_back(course, tmp_path, feedback, dates):
    with_policy(course, feedback, dates)
    canaries = plant(course)
    shown = plant_hints(course, canaries)
    build_assignments(course, makers=makers_of(course))
    release(course, tmp_path / "out", makers=makers_of(course), version="1.0")
    files = tree(tmp_path / "out")
    assert not any(name.endswith(".solution") for name in files)
    assert {name for name in files if name.endswith(".hints")} == {"assignments/roots_of/expected/square.hints"}
    assert not any(shown.encode() in data for data in files.values())  # nor are they met by accident
    assert _found_packed(tmp_path / "out", canaries) == []
    assert shown.encode() in tree(tmp_path / "out")["assignments/roots_of/expected/square.hints"]  # the control


OPEN = {
    "after passing": ('solutions = "after_passing"', "", {"roots_of/square", "roots_of/cube", "sums_of/two"}),
    "after due": ('solutions = "after_due"', "due = 2001-01-01T00:00:00", {"roots_of/square", "roots_of/cube"}),
}


@pytest.mark.parametrize(("feedback", "dates", "exercises"), OPEN.values(), ids=OPEN)
def test_of_open_solutions_the_reference_and_other_ways_arrive_and_nothing_else(
    course, tmp_path, feedback, dates, exercises
):
    with_policy(course, feedback, dates)
    canaries = plant(course)
    plant_hints(course, canaries)
    build_assignments(course, makers=makers_of(course))
    release(course, tmp_path / "out", makers=makers_of(course), version="1.0")
    opened = {f"assignments/{name.replace('/', '/expected/')}.solution": name for name in exercises}
    assert {name for name in tree(tmp_path / "out") if name.endswith(".solution")} == set(opened)
    hits = [hit.split(" → ") for hit in _found_packed(tmp_path / "out", canaries)]
    assert {where for _, where in hits} == set(opened)  # the control: the search sees into what is packed
    for place, where in hits:
        assert place.startswith(f"solutions/{opened[where]}/solution.py: "), (place, where)
        assert " in a region" in place


def test_hints_stay_at_home_where_the_course_gives_none(course, tmp_path):
    with_policy(course, 'hints = "none"')
    canaries = Canaries()
    plant_hints(course, canaries)
    release(course, tmp_path / "out", makers=makers_of(course), version="1.0")
    assert not any(name.endswith(".hints") for name in tree(tmp_path / "out"))
    assert found(tmp_path / "out", canaries) == []


def _found_packed(root: Path, canaries: Canaries) -> list[str]:
    """`found`, with what `lessons.packed` packed unpacked first."""
    for path in [*root.rglob("*.solution"), *root.rglob("*.hints")]:
        path.write_text(json.dumps(unpack(path.read_bytes())), encoding="utf-8")
    return found(root, canaries)


@pytest.mark.parametrize("leak", ["solution.py", "checks.py", "mistakes.py", "alternatives.py", "test_oracle.py"])
def test_the_search_finds_a_leak_in_a_plan(course, tmp_path, leak):
    canaries = plant(course)
    makers = makers_of(course, leak)
    build_assignments(course, makers=makers)
    release(course, tmp_path / "out", makers=makers, version="1.0")
    hits = found(tmp_path / "out", canaries)
    assert any(hit.startswith(f"solutions/roots_of/square/{leak}") for hit in hits)
    assert all(hit.endswith(".plan") for hit in hits)


@pytest.mark.parametrize(
    "pack",
    [
        lambda data: b"HEAD" + zlib.compress(data) + b"TAIL",
        gzip.compress,
        lambda data: gzip.compress(b"x" + zlib.compress(data)),
        lambda data: json.dumps({"cells": [{"source": ["a\n", data.decode()[:8], data.decode()[8:]]}]}).encode(),
        lambda data: data.decode().encode("utf-16-le"),
        lambda data: data.hex().encode(),
        lambda data: b"." + base64.b64encode(data),
        lambda data: base64.b64encode(b"1" + data + b"1"),
        lambda data: base64.b64encode(b"12" + data + b"12"),
    ],
    ids=["zlib", "gzip", "zlib in gzip", "notebook", "utf-16", "hex", "base64+0", "base64+1", "base64+2"],
)
def test_the_search_sees_through_packing(tmp_path, pack):
    canaries = Canaries()
    word = canaries.new("here")
    put(tmp_path, "file.bin", pack(word.encode()))
    assert found(tmp_path, canaries) == ["here → file.bin"]


def test_the_search_sees_into_zip_members(tmp_path):
    canaries = Canaries()
    word = canaries.new("here")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", word * 3)
    assert found(tmp_path, canaries) == ["here → a.zip"]
