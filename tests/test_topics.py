"""Every leaf of the topic tree has exercises, and every exercise has its leaf."""

import tomllib
from pathlib import Path

import pytest

from autograder.course.load import load_course
from autograder.grading.certificates import about
from autograder.grading.hashes import installed
from autograder.lessons.certificate import SEEDS, read

ROOT = Path(__file__).resolve().parents[1]
TREE = tomllib.loads((ROOT / "lectures/topics.toml").read_text(encoding="utf-8"))["tree"]
LEAVES = [(leaf, exercises) for group in TREE.values() for leaf, exercises in group.items()]
COURSE = load_course(ROOT)
BY_NAME = {each.name: each for each in COURSE.exercises}
BRIDGES = ("warmup/", "capstone/")  # what comes before the tree, and after it


def test_no_leaf_is_missing():
    assert len(LEAVES) == 82
    assert all(exercises for _, exercises in LEAVES)


def test_every_exercise_has_a_leaf():
    named = {name for _, exercises in LEAVES for name in exercises}
    assert named == {name for name in BY_NAME if not name.startswith(BRIDGES)}


@pytest.mark.parametrize("leaf, exercises", LEAVES, ids=[leaf for leaf, _ in LEAVES])
def test_a_leaf_works(leaf, exercises):
    """Each of its exercises has a page, checks, a released stub, and a certificate of these files: `autograder verify` tried them,
    and all came out as it should. (CI verifies anew; this reads what the last whole verification left.)"""
    for name in exercises:
        exercise = BY_NAME[name]
        topic, short = name.split("/")
        assert exercise.lecture(ROOT).is_file()
        assert (exercise.solution_dir(ROOT) / "checks.py").is_file()
        assert (ROOT / "assignments" / topic / f"{short}.py").is_file()
        certificate = read(exercise, ROOT)
        assert certificate is not None, f"{name} was never verified: autograder verify {name}"
        needs = installed(exercise.solution_dir(ROOT))
        if not any(each.endswith(" ") for each in needs):  # without Triton, say, nobody can tell
            assert certificate.about == about(exercise, ROOT), f"{name} changed since then: autograder verify {name}"
        assert certificate.mistakes >= 15 and certificate.alternatives and certificate.checks


@pytest.mark.parametrize("exercise", BY_NAME.values(), ids=BY_NAME)
def test_verdicts_hang_on_no_secret(exercise):
    """Each exercise was also tried with the inputs that other secrets draw, as every class has a secret of its own."""
    certificate = read(exercise, ROOT)
    assert certificate is not None and certificate.seeds >= SEEDS, f"autograder verify --seeds {SEEDS} {exercise.name}"


def test_the_table_beside_it_has_every_leaf():
    """`lectures/README.md` has a row for each leaf, with a link to each of its pages."""
    table = (ROOT / "lectures/README.md").read_text(encoding="utf-8")
    missing = [row for row in map(row_of, LEAVES) if row not in table]
    assert not missing, "lectures/README.md lacks\n" + "\n".join(missing)


def row_of(leaf: tuple[str, list[str]]) -> str:
    name, exercises = leaf
    return f"| {name} | {', '.join(f'[{BY_NAME[each].title}]({each}.md)' for each in exercises)} |"
