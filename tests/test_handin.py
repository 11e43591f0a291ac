"""Handing in and updating: the zip that is graded, what is said before, and a new version that touches nobody's work."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from command_line import here
from release_course import make_course, makers_of, put, released, tree

from autograder.course import load_course, open_submission
from autograder.release.assignments import build_assignments
from autograder.release.pack import pack
from autograder.release.repository import MARKER, release
from autograder.release.update import changed_signatures, update
from autograder.source.errors import ReleaseError

SQUARE, CUBE, TWO = (f"assignments/{name}.py" for name in ("roots_of/square", "roots_of/cube", "sums_of/two"))
WRITTEN = "import math\n\n\ndef square(x: float) -> float:\n    return math.sqrt(x)\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


@pytest.fixture
def student(course: Path, tmp_path: Path) -> Path:
    """A student's copy: one exercise written, two untouched."""
    folder = tmp_path / "student"
    released(course, folder)
    put(folder, SQUARE, WRITTEN)
    return folder


# --- pack -------------------------------------------------------------------------------------------------------------


def packed(student: Path, target: Path):
    course = load_course(student)
    stubs = {name: (student.parent / "course/assignments" / f"{name}.py").read_text("utf-8") for name in _names(course)}
    return pack(student, course, list(course.exercises), target, lambda each, text: text == stubs[each.name])


def _names(course) -> list[str]:
    return [exercise.name for exercise in course.exercises]


def test_the_zip_is_what_is_graded(student: Path, tmp_path: Path) -> None:
    done = packed(student, tmp_path / "a.zip")
    assert done.files == sorted([SQUARE, CUBE, TWO, *(f"assignments/{t}/{t}.ipynb" for t in ("roots_of", "sums_of"))])
    assert [(note.exercise, note.kind) for note in done.notes] == [
        ("roots_of/cube", "not begun"),
        ("sums_of/two", "not begun"),
    ]
    course = load_course(student)
    graded = open_submission(tmp_path / "a.zip", course)
    assert graded.hash == done.hash and graded.files["roots_of/square"].text == WRITTEN
    put(student, "assignments/roots_of/notes.txt", "mine")  # not part of any exercise
    (student / SQUARE).touch()
    packed(student, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_what_is_not_packed_is_not_called_ready(student: Path, tmp_path: Path) -> None:
    """A loose file that `check` finds is not in the zip, and so neither in what is said of it."""
    (student / SQUARE).rename(student / "square.py")
    notes = {note.exercise: note.kind for note in packed(student, tmp_path / "a.zip").notes}
    assert notes["roots_of/square"] == "not finished"  # the notebook's cell is what is handed in


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("def square(x):\n    raise NotImplementedError\n", "not finished", "square is not written yet"),
        ("def square(x:\n", "broken", "it is not valid Python: assignments/roots_of/square.py:1"),
        (
            "import scipy\n\ndef square(x):\n    return x\n",
            "forbidden",
            "square.py:1 uses scipy, which this exercise forbids",
        ),
        ("# " + "x" * 400_000, "unreadable", "256"),
        (b"\xff\xfe\x00", "unreadable", "UTF-16"),
    ],
)
def test_what_would_cost_points_is_said_and_packed_all_the_same(
    student: Path, tmp_path: Path, text, kind: str, said: str
) -> None:
    put(student, SQUARE, text)
    done = packed(student, tmp_path / "a.zip")
    note = next(note for note in done.notes if note.exercise == "roots_of/square")
    assert note.kind == kind and said in note.text and SQUARE in zipfile.ZipFile(tmp_path / "a.zip").namelist()


def test_a_breakpoint_and_what_only_a_bonus_asks_for(student: Path, tmp_path: Path) -> None:
    """An optional function that is not written costs nothing, and is not said to; a breakpoint does, and is."""
    import ast

    from autograder.plan import Plan, PlannedCheck
    from autograder.release.pack import _optional, _unwritten

    put(student, SQUARE, "def square(x):\n    breakpoint()\n    return x * x\n")
    notes = {note.kind: note.text for note in packed(student, tmp_path / "a.zip").notes}
    assert notes["breakpoint"].startswith(f"{SQUARE}:2 has a breakpoint()")

    experiments = "def one(student):\n    return student.square(2)\n\n\ndef more(student):\n    return student.cube(2), student.square(3)\n"
    checks = [PlannedCheck(name="one", claim="", points=1), PlannedCheck(name="more", claim="", points=2, bonus=True)]
    plan = Plan(exercise="a/b", stub="", experiments=experiments, checks=checks)
    assert _optional(plan) == {"cube"} and _optional(None) == set()
    tree = ast.parse(
        "class A:\n    def f(self):\n        raise NotImplementedError\n\ndef g():\n    raise NotImplementedError('g')\n"
    )
    assert _unwritten(tree) == {"A.f", "g"}


def test_pack_on_the_command_line(student: Path, tmp_path: Path) -> None:
    put(student, CUBE, "import scipy\n")
    done = here(student, "pack", "roots_of", "-o", tmp_path / "mine.zip")
    assert (
        done.code == 0 and "roots_of/cube: assignments/roots_of/cube.py:1 uses scipy" not in done.flat
    )  # square forbids it
    assert "roots_of/cube.py:1 imports scipy, which will not be there when your work is graded" in done.flat
    assert "3 files, 1 of 2 exercises written" in done.flat and (tmp_path / "mine.zip").is_file()
    shutil.rmtree(student / "assignments")
    empty = here(student, "pack")
    assert empty.code == 2 and "There is no assignments/" in empty.said
    (student / "assignments").mkdir()
    assert "nothing to hand in" in here(student, "pack").said


# --- update -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def newer(course: Path, tmp_path: Path) -> Path:
    """A second version: another signature, a changed lecture, an exercise more, one less."""
    for name in ("square", "cube"):
        solution = course / f"solutions/roots_of/{name}/solution.py"
        solution.write_text(solution.read_text("utf-8").replace("(x: float)", "(x: float, n: int = 2)"), "utf-8")
    shutil.copytree(course / "solutions/sums_of/two", course / "solutions/sums_of/three")
    shutil.rmtree(course / "solutions/sums_of/two")
    put(course, "lectures/sums_of/three.md", "# three\n")
    put(course, "lectures/roots_of/square.md", "# better\n")
    grading = (course / "grading.toml").read_text("utf-8")
    put(course, "grading.toml", grading.replace("sums_of/two", "sums_of/three"))
    shutil.rmtree(course / "assignments")
    build_assignments(course, makers=makers_of(course))
    release(course, tmp_path / "v2", makers=makers_of(course), version="2.0")
    return tmp_path / "v2"


def test_a_new_version_leaves_the_students_work_alone(student: Path, newer: Path) -> None:
    put(student, TWO, "def two(x):\n    return x\n")
    put(student, "grading.toml", "# my own\n" + (student / "grading.toml").read_text("utf-8"))
    put(student, "notes.txt", "mine")
    done = here(student, "update", newer)
    assert done.code == 0 and "Version 1.0 → 2.0" in done.flat and "1 of your own files left as they are" in done.flat
    assert f"{SQUARE}: `square(x: float) -> float` is now `square(x: float, n: int=2) -> float`." in done.flat
    assert "yours is now grading.toml.yours" in done.flat and f"{TWO} is no longer part of the course" in done.flat
    after, new = tree(student), tree(newer)
    assert (
        after[SQUARE] == WRITTEN.encode()
        and after[TWO] == b"def two(x):\n    return x\n"
        and after["notes.txt"] == b"mine"
    )
    assert after["grading.toml.yours"].startswith(b"# my own")
    theirs = {SQUARE, TWO, "notes.txt", "grading.toml.yours"}
    assert {name: data for name, data in after.items() if name not in theirs} == {
        n: d for n, d in new.items() if n != SQUARE
    }
    again = update(student, newer)
    assert (again.replaced, again.added, again.removed, again.set_aside, again.kept) == ([], [], [], [], [SQUARE])


@pytest.mark.parametrize("prefix", ["", "course-main/"])
def test_from_a_zip(student: Path, newer: Path, tmp_path: Path, prefix: str) -> None:
    with zipfile.ZipFile(tmp_path / "v2.zip", "w") as archive:
        for name, data in tree(newer).items():
            archive.writestr(prefix + name, data)
    done = update(student, tmp_path / "v2.zip")
    assert done.after == "2.0" and tree(student)[CUBE] == tree(newer)[CUBE] and done.kept == [SQUARE]


def test_an_update_that_was_cut_short_is_finished_by_the_same_command(
    student: Path, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autograder.release import update as module

    write, count = module.write_atomically, iter(range(3))

    def dies(path: Path, data: bytes) -> bool:
        if next(count, None) is None:
            raise KeyboardInterrupt
        return write(path, data)

    monkeypatch.setattr(module, "write_atomically", dies)
    with pytest.raises(KeyboardInterrupt):
        update(student, newer)
    monkeypatch.undo()
    done = update(student, newer)
    assert done.kept == [SQUARE] and done.set_aside == [] and tree(student)[CUBE] == tree(newer)[CUBE]


def test_releases_that_are_refused_change_nothing(student: Path, newer: Path, tmp_path: Path) -> None:
    put(tmp_path, "broken.zip", b"PK\x03\x04 no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "x")
    put(newer, "lectures/README.md", "changed on the way\n")
    put(tmp_path, f"cut/{MARKER}", (newer / MARKER).read_bytes()[:100])
    (tmp_path / "empty").mkdir()
    before = tree(student)
    for source, said in (
        (newer, "lectures/README.md is not as it was released"), (tmp_path / "broken.zip", "can't be read as a zip"),
        (tmp_path / "other.zip", "not a release of the course"), (tmp_path / "none", "no such folder or zip"),
        (tmp_path / "cut", "was cut short"), (tmp_path / "empty", "not a release of the course"),
    ):  # fmt: skip
        done = here(student, "update", source)
        assert done.code == 2 and said in done.said, (source, done.said)
    assert tree(student) == before
    (student / MARKER).unlink()
    with pytest.raises(ReleaseError, match="nobody knows which files are yours"):
        update(student, newer)


def test_nothing_is_written_through_a_link(student: Path, newer: Path, tmp_path: Path) -> None:
    shutil.move(student / "lectures", tmp_path / "elsewhere")
    (student / "lectures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReleaseError, match="is a link or a folder"):
        update(student, newer)


def test_changed_signatures() -> None:
    old = b"class A:\n    def f(self, x): ...\ndef g(a, *, b=1) -> int: ...\ndef mine(): ...\n"
    new = b"class A:\n    def f(self, x, y): ...\nclass B:\n    pass\ndef g(a, *, b=1) -> int: ...\n"
    assert changed_signatures("f.py", old, new) == [
        "f.py: `A.f(self, x)` is now `A.f(self, x, y)`.",
        "f.py: the stub has a new `B`; add it to your file.",
    ]
    assert changed_signatures("n.ipynb", b"{}", b"{}") == []
    assert "not valid Python" in changed_signatures("f.py", b"def (", new)[0]
