"""The example class of this course: what every student hands in can be opened, and is what it should be."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course, load_course
from autograder.course.submission import Submission, open_submission
from autograder.refusals import Refused
from autograder.verify.example_class import write_example_class

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def course() -> Course:
    """Two modules, as `make grade` has it: what a class hands in at a time."""
    whole = load_course(ROOT)
    return whole.model_copy(
        update={"modules": tuple(each for each in whole.modules if each.id in ("attention", "tuning"))}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, course: Course) -> Path:
    folder = tmp_path_factory.mktemp("class") / "new" / "submissions"
    write_example_class(ROOT, course, folder)
    return folder


@pytest.fixture(scope="module")
def opened(folder: Path, course: Course) -> dict[str, Submission]:
    return {sub.id: sub for sub in (open_submission(path, course) for path in sorted(folder.iterdir()))}


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def problems(submission: Submission) -> list[str]:
    return [file.problem.id for file in submission.files.values() if file.problem is not None]


def test_it_has_24_students_and_nothing_else(opened: dict[str, Submission]) -> None:
    assert len(opened) == 24
    assert any(not name.isascii() for name in opened)
    assert all(unicodedata.is_normalized("NFC", name) for name in opened)


def test_the_same_course_gives_the_same_bytes(folder: Path, course: Course, tmp_path: Path) -> None:
    again = write_example_class(ROOT, course, tmp_path)  # an empty folder may be there already
    assert len(again) == 24 and all(path.exists() for path in again)
    assert contents(tmp_path) == contents(folder)


def test_a_folder_with_something_in_it_is_refused_and_left_alone(course: Course, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Refused, match="is not empty"):
        write_example_class(ROOT, course, tmp_path)
    assert contents(tmp_path) == {"mine.txt": b"mine"}


def test_a_file_in_its_place_is_refused(course: Course, tmp_path: Path) -> None:
    (tmp_path / "class").write_text("", encoding="utf-8")
    with pytest.raises(Refused):
        write_example_class(ROOT, course, tmp_path / "class")


def test_most_submissions_answer_every_exercise(opened: dict[str, Submission], course: Course) -> None:
    for name, submission in opened.items():
        assert set(submission.files) == {exercise.name for exercise in course.exercises}
        if name not in ("jack_wilson", "tomasz_kowalski"):
            assert problems(submission) == [], name
        assert submission.problems == [], name


def test_only_untouched_stubs_are_the_same_bytes(opened: dict[str, Submission]) -> None:
    hashes = [submission.hash for name, submission in opened.items() if name not in ("ingrid_larsen", "quinn_baker")]
    assert len(set(hashes)) == 22
    assert opened["ingrid_larsen"].hash == opened["quinn_baker"].hash


def test_broken_files_each_have_their_own_problem(opened: dict[str, Submission]) -> None:
    expected = {"not-utf8", "empty", "missing", "folder", "utf16"}
    assert {id.removeprefix("submission.") for id in problems(opened["jack_wilson"])} == expected


def test_notebooks_are_valid_and_graded_rather_than_the_stubs_beside_them(
    folder: Path, opened: dict[str, Submission]
) -> None:
    paths = sorted((folder / "olga_novak").rglob("*.ipynb"))
    assert paths
    for path in paths:
        nbformat.validate(nbformat.read(path, as_version=4))
    assert all(file.file.endswith(".ipynb") for file in opened["olga_novak"].files.values())


def test_the_magic_line_is_in_one_cell_of_each_notebook(opened: dict[str, Submission], course: Course) -> None:
    files = opened["tomasz_kowalski"].files
    assert problems(opened["tomasz_kowalski"]) == ["submission.magic"] * len(course.topics)
    first = {topic: next(each.name for each in course.exercises if each.topic == topic) for topic in course.topics}
    assert {name for name, file in files.items() if file.problem} == set(first.values())


def test_the_zip_has_its_files_in_a_folder_of_its_own(folder: Path) -> None:
    with zipfile.ZipFile(folder / "mei_lin.zip") as archive:
        assert all(name.startswith("llm-internals-main/assignments/") for name in archive.namelist())


def test_one_function_loops_and_two_fill_the_memory(opened: dict[str, Submission]) -> None:
    def having(name: str, part: str) -> int:
        return sum(part in (file.text or "") for file in opened[name].files.values())

    assert having("noah_schmidt", "while True:\n        n += 1") == 1
    assert having("pedro_alves", "kept.append(bytes(2**27))") == 2


def test_nothing_of_the_course_itself_is_handed_in(opened: dict[str, Submission]) -> None:
    for submission in opened.values():
        for file in submission.files.values():
            assert "BEGIN SOLUTION" not in (file.text or "")
