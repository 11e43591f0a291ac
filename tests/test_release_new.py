"""`autograder new`: a tiny exercise that works, and one row more in `grading.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from release_course import tree
from torch import Tensor

from autograder.checks.rng import Rng
from autograder.course import load_course
from autograder.experiment.observe import load_module
from autograder.release.new import KINDS, new_exercise
from autograder.source.errors import ReleaseError
from autograder.twin.exercise import load_exercise, reference_module

ABOUT_IT = (f'objective = "{KINDS["function"]}"', "minutes = 20", "difficulty = 1")

GRADING = """# The course.
schema = 1
id = "small"
title = "Small"

[[module]]
id = "sums"
title = "Sums"

[[module.exercise]]
name = "sums_of/two"
title = "Two"
points = 5
forbid = [
    "scipy",  # a note
]
# limits = { cpu_seconds = 30 }

# ---------------------------------------------------------------- Roots

[[module]]  # the last in this file
id = "roots_of"
title = "Roots"
order = 1

[[module.exercise]]
name = "roots_of/square"
title = "The square root"
points = 5
limits.cpu_seconds = 3

[module.exercise.limits]
memory_mb = 512
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    text = GRADING.replace("limits.cpu_seconds = 3\n", "")
    (tmp_path / "grading.toml").write_text(text, encoding="utf-8")
    return tmp_path


def grading(course: Path) -> str:
    return (course / "grading.toml").read_text("utf-8")


def names(course: Path) -> list[list[str]]:
    return [[exercise.name for exercise in module.exercises] for module in load_course(course).modules]


def test_every_file_is_written(course):
    paths = new_exercise(course, "sums_of/three", "Three numbers", 7)
    written = [path.relative_to(course).as_posix() for path in paths]
    assert written == [
        "lectures/sums_of/three.md",
        "solutions/sums_of/three/alternatives.py",
        "solutions/sums_of/three/checks.py",
        "solutions/sums_of/three/hints.toml",
        "solutions/sums_of/three/mistakes.py",
        "solutions/sums_of/three/solution.py",
        "solutions/sums_of/three/test_oracle.py",
        "grading.toml",
    ]
    assert sorted(written) == sorted(tree(course))
    assert (course / "lectures/sums_of/three.md").read_text("utf-8").startswith("# Three numbers\n")


def test_the_row_follows_the_modules_last_exercise_and_the_rest_stays(course):
    before = grading(course)
    new_exercise(course, "sums_of/three", 'Three "numbers" \\ 三', 7)
    row = '\n[[module.exercise]]\nname = "sums_of/three"\ntitle = "Three \\"numbers\\" \\\\ 三"\npoints = 7\n'
    row += "".join(f"{line}\n" for line in ABOUT_IT)
    at = before.index("# limits = ") + len("# limits = { cpu_seconds = 30 }\n")
    assert grading(course) == before[:at] + row + before[at:]
    exercise = load_course(course).exercise("sums_of/three")
    assert (exercise.title, exercise.points) == ('Three "numbers" \\ 三', 7)


def test_after_a_sub_table_at_the_end_of_the_file(course):
    new_exercise(course, "roots_of/cube", "The cube root", 3)
    new_exercise(course, "roots_of/fourth", "The fourth root", 3)
    assert names(course) == [["roots_of/square", "roots_of/cube", "roots_of/fourth"], ["sums_of/two"]]
    modules = tomllib.loads(grading(course))["module"]
    assert modules[1]["exercise"][0]["limits"] == {"memory_mb": 512} and "limits" not in modules[1]["exercise"][1]
    assert grading(course).endswith("\n".join([*ABOUT_IT, ""])) and "\n\n\n" not in grading(course)


def test_a_new_topic_gets_a_module(course):
    before = grading(course)
    new_exercise(course, "long_division/by_hand", "By hand", 2)
    assert grading(course) == before + (
        '\n[[module]]\nid = "long_division"\ntitle = "Long division"\n'
        '\n[[module.exercise]]\nname = "long_division/by_hand"\ntitle = "By hand"\npoints = 2\n'
        + "".join(f"{line}\n" for line in ABOUT_IT)
    )


def test_a_module_of_that_name_takes_the_first_exercise_of_its_topic(course):
    new_exercise(course, "sums/four", "Four", 2)
    assert names(course)[1] == ["sums_of/two", "sums/four"]


def test_the_template_is_an_exercise_that_works(course):
    """The reference passes, each mistake fails, the alternative passes, the stub is not written yet."""
    new_exercise(course, "sums_of/three", 'A "title" with """quotes""" and \\', 7)
    exercise = load_exercise(course / "solutions/sums_of/three", "sums_of/three")
    assert sum(check.points for check in exercise.checks) == 7
    assert 'title" with """quotes""" and \\' in (reference_module(exercise).__doc__ or "")

    def same(got: Tensor, want: Tensor) -> bool:
        return got.shape == want.shape and got.allclose(want, atol=1e-5, rtol=1e-4)

    def wrong_cases(source: str) -> set[str]:
        student, reference = load_module(source, "student", "student.py"), reference_module(exercise)
        wrong = set()
        for check in exercise.checks:
            assert check.inputs is not None
            for case in (*check.public, *check.hidden):
                inputs = check.inputs(Rng(1), **case.parameters)
                got, want = check.experiment(student, **inputs), check.experiment(reference, **inputs)
                assert list(got) == list(want)
                if not all(same(got[name], want[name]) for name in want):
                    wrong.add(case.title)
        return wrong

    assert wrong_cases(exercise.reference) == set()
    assert [wrong_cases(each.source) for each in exercise.alternatives] == [set()]
    assert len(exercise.mistakes) == 2
    for each in exercise.mistakes:
        assert {"two rows", "one number"} <= wrong_cases(each.source), each.sentence
    with pytest.raises(NotImplementedError, match="scale is not written yet"):
        wrong_cases(exercise.stub)


def test_the_template_of_the_oracle_passes(course):
    new_exercise(course, "sums_of/three", "Three", 1)
    folder = course / "solutions/sums_of/three"
    oracle = load_module((folder / "test_oracle.py").read_text("utf-8"), "oracle", str(folder / "test_oracle.py"))
    reference = reference_module(load_exercise(folder, "sums_of/three"))
    for shape in ((3,), (0, 4)):
        oracle.test_agrees_with_numpy(reference, shape)


REFUSED = [
    ("bpe", "T", 1, "topic/exercise"),
    ("a/b/c", "T", 1, "topic/exercise"),
    ("Sums_of/three", "T", 1, "topic/exercise"),
    ("../sums/three", "T", 1, "topic/exercise"),
    ("sums_of/three\n", "T", 1, "topic/exercise"),
    ("sums_of/three", " ", 1, "not a title"),
    ("sums_of/three", "two\nlines", 1, "not a title"),
    ("sums_of/three", "T", 0, "whole number from 1"),
    ("sums_of/three", "T", True, "whole number from 1"),
    ("sums_of/three", "T", 10**9, "can't be added"),
    ("sums_of/class", "T", 1, "can't be added"),
    ("sums_of/test_three", "T", 1, "can't be added"),
    ("json/three", "T", 1, "can't be added"),
    ("sums_of/two", "T", 1, "in grading.toml already"),
]


@pytest.mark.parametrize(("name", "title", "points", "words"), REFUSED)
def test_refused_before_anything_is_written(course, name, title, points, words):
    before = tree(course)
    with pytest.raises(ReleaseError, match=words):
        new_exercise(course, name, title, points)
    assert tree(course) == before


@pytest.mark.parametrize("existing", ["solutions/sums_of/three/notes.md", "lectures/sums_of/three.md"])
def test_what_exists_is_not_overwritten(course, existing):
    (course / existing).parent.mkdir(parents=True)
    (course / existing).write_text("mine", encoding="utf-8")
    before = tree(course)
    with pytest.raises(ReleaseError, match="exists already"):
        new_exercise(course, "sums_of/three", "Three", 1)
    assert tree(course) == before


@pytest.mark.parametrize(
    "written",
    [
        '[[module]]\nid = "sums"\ntitle = "S"\nexercise = [{ name = "sums_of/two", title = "T", points = 1 }]\n',
        'module = [{ id = "sums", title = "S", exercise = [{ name = "sums_of/two", title = "T", points = 1 }] }]\n',
    ],
    ids=["exercises inline", "modules inline"],
)
def test_a_layout_that_no_row_fits_into_is_said(course, written):
    (course / "grading.toml").write_text('schema = 1\nid = "small"\ntitle = "Small"\n' + written, encoding="utf-8")
    before = tree(course)
    with pytest.raises(ReleaseError, match=r"\[\[module.exercise\]\]"):
        new_exercise(course, "sums_of/three", "Three", 1)
    assert tree(course) == before
