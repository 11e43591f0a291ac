"""Which submissions some paths mean, and the ids that they get."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from autograder.course import Course, SubmissionError, find_submissions, load_course, open_submission

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture
def make(tmp_path):
    def make(*names: str) -> Path:
        """Files below a class folder; zips are real ones."""
        for name in names:
            path = tmp_path / "class" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".zip":
                with zipfile.ZipFile(path, "w") as file:
                    file.writestr("tokenizer/bpe.py", "x = 1\n")
            else:
                path.write_text("x = 1\n")
        return tmp_path / "class"

    return make


def ids(paths, course) -> list[str]:
    found = find_submissions(paths, course)
    assert all(isinstance(each.source, str) for each in found)
    return [each.id for each in found]


@pytest.mark.parametrize(
    "name",
    [
        "assignments/tokenizer/bpe.py",
        "tokenizer/bpe.py",
        "tokenizer.ipynb",
        "bpe.py",
        "tokenizer/notes.txt",
        "assignments/tokenizer.ipynb",
    ],
)
def test_a_folder_with_student_files_is_one_submission(make, course, name):
    folder = make(name)
    assert [(each.id, each.source) for each in find_submissions([folder], course)] == [("class", str(folder))]


def test_a_folder_of_students(make, course):
    folder = make(
        "bob/assignments/tokenizer/bpe.py",
        "alice/repo-main/tokenizer/bpe.py",
        "carol.zip",
        "dave.ipynb",
        "erin_bpe.py",
        "frank.rar",
        "roster.csv",
        "README.md",
        ".hidden/tokenizer/bpe.py",
        "__MACOSX/x/y.py",
    )
    (folder / "empty").mkdir()
    found = find_submissions([folder], course)
    assert [each.id for each in found] == ["alice", "bob", "carol", "dave", "empty", "erin_bpe", "frank.rar"]
    assert [Path(each.source).name for each in found] == [
        "alice",
        "bob",
        "carol.zip",
        "dave.ipynb",
        "empty",
        "erin_bpe.py",
        "frank.rar",
    ]
    opened = {each.id: open_submission(each.source, course, name=each.id) for each in found}
    assert {id for id, submission in opened.items() if submission.files["tokenizer/bpe"].text} == {
        "alice",
        "bob",
        "carol",
        "erin_bpe",
    }


def test_several_paths_keep_their_order_and_each_counts_once(make, course, tmp_path, monkeypatch):
    folder = make("bob/tokenizer/bpe.py", "alice/tokenizer/bpe.py")
    assert ids([folder / "bob", folder / "alice"], course) == ["bob", "alice"]
    assert ids([folder, folder / "bob"], course) == ["alice", "bob"]
    monkeypatch.chdir(folder / "alice")
    assert ids(["."], course) == ["alice"]


def test_ids_that_collide_get_longer(make, course):
    folder = make("alice/tokenizer/bpe.py", "alice.zip", "Alice.ipynb", "bob.zip")
    found = ids([folder], course)
    assert set(found) == {"alice", "alice.zip", "Alice.ipynb", "bob"}


def test_ids_from_two_classes(make, course):
    folder = make("mon/alice/tokenizer/bpe.py", "tue/alice/tokenizer/bpe.py", "tue/bob.zip")
    assert ids([folder / "mon", folder / "tue"], course) == ["mon-alice", "tue-alice", "bob"]


def test_ids_when_nothing_else_helps(make, course):
    folder = make("a/mon/alice/tokenizer/bpe.py", "b/mon/alice/tokenizer/bpe.py")
    assert ids([folder / "a" / "mon", folder / "b" / "mon"], course) == ["alice-1", "alice-2"]


def test_hostile_names(make, course):
    folder = make(
        "\x1b[31mred/tokenizer/bpe.py",
        "new\nline/tokenizer/bpe.py",
        "<b>/tokenizer/bpe.py",
        "x" * 200 + "/tokenizer/bpe.py",
    )
    found = ids([folder], course)
    assert all(id.isprintable() and 0 < len(id) <= 100 for id in found)
    assert len(set(found)) == 4


def test_links_in_a_class_are_seen_but_not_followed(make, course):
    folder = make("bob/tokenizer/bpe.py")
    (folder / "alice").symlink_to("bob")
    found = {each.id: each for each in find_submissions([folder], course)}
    assert open_submission(found["alice"].source, course).files["tokenizer/bpe"].problem.id == "submission.link"
    assert open_submission(found["bob"].source, course).files["tokenizer/bpe"].text


def test_a_link_that_a_person_names_is_followed(make, course):
    folder = make("bob/tokenizer/bpe.py")
    (folder / "alice").symlink_to("bob")
    [found] = find_submissions([folder / "alice"], course)
    assert found.id == "alice"
    assert open_submission(found.source, course).files["tokenizer/bpe"].text


def test_repositories(make, course):
    folder = make("bob/tokenizer/bpe.py")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        [*who, "commit", "-qm", "x"],
        ["clone", "-q", "--bare", ".", "../carol.git"],
    ):
        subprocess.run(["git", *arguments], cwd=folder / "bob", check=True, capture_output=True)
    found = find_submissions([folder], course)
    assert [(each.id, each.source) for each in found] == [
        ("bob", str(folder / "bob")),
        ("carol", f"{folder / 'carol.git'}@HEAD"),
    ]
    assert all(open_submission(each.source, course).files["tokenizer/bpe"].text for each in found)
    assert [(each.id, each.source) for each in find_submissions([f"{folder / 'bob'}@HEAD"], course)] == [
        ("bob", f"{folder / 'bob'}@HEAD")
    ]


def test_what_is_not_there_is_all_named(make, course, tmp_path):
    folder = make("bob/tokenizer/bpe.py")
    (tmp_path / "nobody").mkdir()
    with pytest.raises(SubmissionError) as error:
        find_submissions([folder, tmp_path / "gone", tmp_path / "nobody"], course)
    assert "gone" in str(error.value) and "no submission in" in str(error.value)
