"""A student's own cases, files of the course that were changed, and packages that will not be there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import copied, make_course, run, with_code
from release_course import put

from autograder.course import load_course
from autograder.local.packages import absent
from autograder.release.assignments import build_assignments
from autograder.release.edited import edited, of_exercise, restore
from autograder.release.makers import makers
from autograder.release.repository import release

OWN = "assignments/numbers_of/own/test_first.py"
TESTS = "assignments/numbers_of/test_first.py"
FILE = "assignments/numbers_of/first.py"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    root = make_course(folder / "course", ("first",))
    made = makers(root, load_course(root), root / ".autograder")
    build_assignments(root, makers=made)
    release(root, folder / "repository", makers=made, version="1.0")
    return folder / "repository"


@pytest.fixture
def repository(released: Path, tmp_path: Path) -> Path:
    return copied(released, tmp_path / "repository")


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


# ---------------------------------------------------------------- own cases


def test_a_failing_case_is_copied_and_runs_with_check_and_pytest(repository: Path) -> None:
    put(repository, FILE, with_code(sum_="x.sum(0)"))
    done = run(repository, "own", "first")
    assert done.code == 0 and f"{OWN}: test_sums_rows_a_square was added" in done.flat
    text = (repository / OWN).read_text("utf-8")
    assert "x = tensor([[" in text and "seen = sums_rows(student, x=x)" in text and "same(seen, want)" in text
    again = run(repository, "own", "first", "a square")
    assert "test_sums_rows_a_square_2 was added" in again.flat  # beside the first, which stays

    said = run(repository, "check", "first")
    assert "Your own cases" in said.out and "2 failed" in said.out
    assert "Wrong values: 3 of 3" in said.flat and "First difference beyond the tolerance at [0]" in said.flat
    put(repository, FILE, with_code())
    right = run(repository, "check", "first")
    assert "5/5 points" in right.out and "2 passed" in right.out


def test_what_a_student_asserts_by_hand_counts_for_nothing(repository: Path) -> None:
    put(repository, FILE, with_code())
    put(
        repository,
        OWN,
        "import torch\nfrom autograder.local.own import exercise\n\nstudent = exercise(__file__)\n\n\n"
        "def test_that_it_is_wrong():\n    assert student.total(torch.ones(2, 2)).tolist() == [3, 3]\n",
    )
    said = run(repository, "check", "first", "--strict")
    assert said.code == 0 and "5/5 points" in said.out and "1 failed" in said.out


def test_nothing_to_copy_says_what_can_be(repository: Path) -> None:
    put(repository, FILE, with_code())
    assert "No public case with points fails" in run(repository, "own", "first").said
    unknown = run(repository, "own", "first", "a circle").said
    assert "There is no public case “a circle”" in unknown and "“a square”" in unknown


# ---------------------------------------------------------------- files of the course


def test_an_edited_test_is_named_and_brought_back_from_history(repository: Path) -> None:
    put(repository, FILE, with_code())
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "the course")
    good = (repository / TESTS).read_bytes()
    (repository / TESTS).write_bytes(good.replace(b"def sums_rows", b"def sums_row"))
    said = run(repository, "check", "first").flat
    assert f"{TESTS} is not as the course gave it" in said and "autograder restore" in said
    assert "too large to be checked" not in said
    assert f"changed or gone: {TESTS}" in " ".join(run(repository, "doctor").flat.split())

    done = run(repository, "restore")
    assert done.code == 0 and f"{TESTS} is as the course gave it" in done.flat
    assert (repository / TESTS).read_bytes() == good and edited(repository) == []
    assert "as they were released" in run(repository, "doctor").flat


def test_line_ends_of_windows_and_own_work_are_no_change(repository: Path) -> None:
    put(repository, FILE, with_code())
    path = repository / TESTS
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert edited(repository, of_exercise("numbers_of/first")) == [] and edited(repository) == []


def test_what_no_history_has_is_said(repository: Path) -> None:
    (repository / TESTS).unlink()
    assert edited(repository) == [TESTS] and restore(repository, [TESTS]) == ([], [TESTS])
    done = run(repository, "restore", TESTS)
    assert done.code == 1 and "autograder update" in done.flat


# ---------------------------------------------------------------- packages


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import einops\n", ["einops"]),
        ("import math, torch\nfrom torch import nn\nfrom autograder.lab import texts\n", []),
        ("def f():\n    from scipy.special import erf\n    import einops.layers\n", ["scipy", "einops"]),
        ("try:\n    import einops\nexcept ImportError:\n    einops = None\n", []),
        ("try:\n    import einops\nexcept ValueError:\n    pass\n", ["einops"]),
        ("if __name__ == '__main__':\n    import matplotlib\n", []),
        ("import triton\n", []),  # the stub has it
        ("import triton (\n", []),
    ],
)
def test_packages_that_are_not_there_when_graded(text: str, names: list[str]) -> None:
    assert [each.name for each in absent(text, ("torch", "numpy"), "import triton\n")] == names


def test_check_and_pack_warn_of_a_package_and_the_course_can_allow_it(repository: Path) -> None:
    put(repository, FILE, "import yaml\n" + with_code())
    said = run(repository, "check", "first").flat
    assert f"{FILE}:1 imports yaml, which will not be there when your work is graded" in said
    packed = run(repository, "pack").flat
    assert f"{FILE}:1 imports yaml" in packed and "0 of 1 exercises written" in packed
    course = (repository / "grading.toml").read_text("utf-8")
    put(repository, "grading.toml", course.replace('id = "small"\n', 'id = "small"\npackages = ["torch", "yaml"]\n', 1))
    assert "imports yaml" not in run(repository, "check", "first").flat
    assert "1 of 1 exercises written" in run(repository, "pack").flat
