"""`verify --changed REVISION`: the exercises that are not as they were, whatever the change is, and no others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from autograder.course import load_course
from autograder.verify.changed import NoRevision, changed_since

GRADING = """schema = 1
id = "small"
title = "Small"

[[module]]
id = "sums"
title = "Sums"

[[module.exercise]]
name = "sums_of/two"
title = "Two"
points = 5

[[module.exercise]]
name = "sums_of/three"
title = "Three"
points = 5
"""


def git(root: Path, *arguments: str) -> None:
    name = ["-c", "user.name=a", "-c", "user.email=a@x.edu"]
    subprocess.run(["git", "-C", str(root), *name, *arguments], check=True, capture_output=True)


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A committed course in a folder below the repository's root."""
    root = tmp_path / "course"
    put(root, "grading.toml", GRADING)
    for slug in ("two", "three"):
        put(root, f"solutions/sums_of/{slug}/checks.py", "")
        put(root, f"lectures/sums_of/{slug}.md", "")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "before")
    return root


def changed(root: Path) -> set[str]:
    return changed_since(root, load_course(root), "HEAD")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("solutions/sums_of/two/checks.py", "# another"),
        ("solutions/sums_of/two/new.py", ""),
        ("lectures/sums_of/two.md", "# Two"),
        ("lectures/sums_of/figures/two.py", ""),
        ("grading.toml", GRADING.replace('"Two"', '"Two numbers"')),
    ],
)
def test_any_part_of_an_exercise_counts(root: Path, file: str, text: str) -> None:
    assert changed(root) == set()
    put(root, file, text)
    assert changed(root) == {"sums_of/two"}


def test_what_is_committed_counts_against_an_earlier_revision(root: Path) -> None:
    put(root, "solutions/sums_of/three/checks.py", "# another")
    git(root, "commit", "-qam", "after")
    assert changed(root) == set()
    assert changed_since(root, load_course(root), "HEAD~1") == {"sums_of/three"}


@pytest.mark.parametrize(
    ("file", "text"),
    [("README.md", ""), ("lectures/sums_of/figures/twofold.py", ""), ("grading.toml", "# A comment.\n" + GRADING)],
)
def test_what_is_no_part_of_an_exercise_does_not(root: Path, file: str, text: str) -> None:
    put(root, file, text)
    assert changed(root) == set()


def test_a_course_without_such_a_file_before_is_new(root: Path) -> None:
    git(root, "rm", "-q", "--cached", "grading.toml")
    git(root, "commit", "-qm", "without")
    assert changed(root) == {"sums_of/two", "sums_of/three"}


def test_an_unknown_revision_is_said(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(NoRevision, match="git can't tell what changed: fatal: bad revision"):
        changed_since(root, load_course(root), "nowhere")
