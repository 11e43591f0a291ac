"""The student repository: which files it holds, how it is updated, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from release_course import (
    EXERCISES,
    PYPROJECT,
    make_course,
    makers_of,
    put,
    released,
    tree,
)

from autograder.course import load_course
from autograder.release import repository
from autograder.release.assignments import student_files
from autograder.release.files import write_atomically
from autograder.release.public import engine_files, public_grading, student_pyproject
from autograder.release.repository import MARKER, read_marker, release
from autograder.release.topics import load_topics
from autograder.source.errors import ReleaseError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


def test_every_file_of_the_student_repository(course, tmp_path):
    files = released(course, tmp_path / "out")
    assert sorted(files) == sorted(
        [
            *(f"assignments/{name}" for name in tree(course / "assignments")),
            *("lectures/README.md", *(f"lectures/{name}.md" for name in EXERCISES)),
            *(f"lectures/{t}/figures/{s}.svg" for t, s in (name.split("/") for name in EXERCISES)),
            *("autograder/__init__.py", "autograder/cli.py", "autograder/part/__init__.py"),
            *("autograder/part/data/text.txt", "autograder/part/data/deep/more.txt"),
            *(
                "grading.toml",
                "pyproject.toml",
                "constraints.txt",
                "LICENSE",
                "README.md",
                "Makefile",
                ".gitignore",
                ".github/workflows/feedback.yml",
                "AGENTS.md",
                ".vscode/tasks.json",
                ".vscode/settings.json",
                ".vscode/extensions.json",
                ".devcontainer/devcontainer.json",
                ".github/workflows/pages.yml",
                MARKER,
            ),
        ]
    )
    for name in (
        "lectures/roots_of/square.md",
        "LICENSE",
        "autograder/part/data/text.txt",
        "assignments/roots_of/cube.py",
    ):
        assert files[name] == (course / name).read_bytes()


def test_students_read_their_own_readme_and_makefile(course, tmp_path):
    files = released(course, tmp_path / "out")
    readme, makefile = files["README.md"].decode(), files["Makefile"].decode()
    assert readme.startswith("# A small # course\n")
    assert "make setup" in readme and "make check" in readme and "instructors" not in readme
    assert "| [Roots \\| and powers](assignments/roots_of/README.md) | 2 | 10 |" in readme
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", readme):
        assert link in files, link
    assert re.search(r"^setup: ", makefile, re.M) and re.search(r"^check: .*\n\t", makefile, re.M)


def test_the_released_course_is_the_same_course(course, tmp_path):
    released(course, tmp_path / "out")
    assert load_course(tmp_path / "out").hash == load_course(course).hash
    options = tomllib.loads((tmp_path / "out/pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options == {"addopts": "--import-mode=importlib", "testpaths": ["assignments"]}


def test_the_makefile_runs_its_targets(course, tmp_path):
    released(course, tmp_path / "out")
    run = subprocess.run(["make", "-n", "check", "EXERCISE=a/b"], cwd=tmp_path / "out", capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "pip install  -c constraints.txt -e ." in run.stdout and ".venv/bin/autograder check a/b" in run.stdout


def test_comments_leave_grading_toml_and_nothing_else():
    text = "a = \"x # y\"  # note\n# note\nb = '''# kept\n  # kept'''\nc = [\n  1,  # note\n  # note\n  2,\n]\n"
    public = public_grading(text)
    assert tomllib.loads(public) == tomllib.loads(text)
    assert "note" not in public and public.count("# kept") == 2
    assert public.split("\n\n", 1)[1] == "a = \"x # y\"\nb = '''# kept\n  # kept'''\nc = [\n  1,\n  2,\n]\n"


@pytest.mark.parametrize("text", ["[tool.x]\n", PYPROJECT + '[tool.other]\ntestpaths = ["a"]\n'], ids=["none", "two"])
def test_pyproject_without_one_testpaths_is_refused(text):
    with pytest.raises(ReleaseError, match="one `testpaths"):
        student_pyproject(text)


def test_every_file_of_the_engine_is_released():
    """What the package's build leaves out, students would miss: data and templates must be listed in pyproject.toml."""
    listed = set(engine_files(ROOT))
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "autograder").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert there - listed == {"autograder/README.md"}


def test_the_marker_lists_hashes_and_the_students_own_files(course, tmp_path):
    files = released(course, tmp_path / "out")
    marker = read_marker(tmp_path / "out")
    assert marker is not None and marker.version == "1.0" and marker.replaced == {}
    assert sorted(marker.files) == sorted(name for name in files if name != MARKER)
    assert marker.student_files == [f"assignments/{name}" for name in student_files(load_topics(course))]
    assert all(marker.wrote(name, hashlib.sha256(files[name]).hexdigest()) for name in marker.files)


def test_releasing_twice_gives_equal_bytes(course, tmp_path):
    assert (
        released(course, tmp_path / "one") == released(course, tmp_path / "one") == released(course, tmp_path / "two")
    )


def test_an_update_replaces_removes_and_leaves_what_is_not_ours(course, tmp_path):
    out = tmp_path / "out"
    released(course, out)
    put(out, ".git/HEAD", "ref: refs/heads/main\n")
    put(out, ".github/workflows/own.yml", "on: push\n")
    put(course, "autograder/cli.py", "newer\n")
    (course / "autograder/part/data/deep/more.txt").unlink()
    files = released(course, out)
    assert files["autograder/cli.py"] == b"newer\n"
    assert not (out / "autograder/part/data/deep").exists()
    assert files[".git/HEAD"] and files[".github/workflows/own.yml"]


def test_a_release_that_was_killed_is_finished_by_the_same_command(course, tmp_path, monkeypatch):
    out = tmp_path / "out"
    released(course, out)
    put(course, "autograder/cli.py", "newer\n")
    (course / "autograder/part/data/text.txt").unlink()

    def killed(root, files):
        for name in sorted(files)[: len(files) // 2]:
            write_atomically(root / name, files[name])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(repository, "write_all", killed)
        with pytest.raises(KeyboardInterrupt):
            release(course, out, makers=makers_of(course), version="1.1")
        with pytest.raises(KeyboardInterrupt):  # again, and it still knows which files are its own
            release(course, tmp_path / "fresh", makers=makers_of(course), version="1.1")
    released(course, out)
    assert released(course, tmp_path / "fresh") == tree(out)
    assert "autograder/part/data/text.txt" not in tree(out)


def test_someone_elses_folder_is_never_written_into(course, tmp_path):
    put(tmp_path, "out/thesis.txt", "mine")
    with pytest.raises(ReleaseError, match="not empty"):
        release(course, tmp_path / "out", makers=makers_of(course), version="1.0")
    assert tree(tmp_path / "out") == {"thesis.txt": b"mine"}
    with pytest.raises(ReleaseError, match="not a folder"):
        release(course, tmp_path / "out/thesis.txt", makers=makers_of(course), version="1.0")


@pytest.mark.parametrize("name", ["assignments/roots_of/square.py", "autograder/cli.py", "README.md"])
def test_changed_files_of_an_older_release_are_not_overwritten(course, tmp_path, name):
    out = tmp_path / "out"
    released(course, out)
    put(out, name, "my work\n")
    before = tree(out)
    with pytest.raises(ReleaseError, match=f"changed since the last release: {name}"):
        release(course, out, makers=makers_of(course), version="2.0")
    assert tree(out) == before


def test_a_new_file_of_the_release_does_not_replace_someones_own(course, tmp_path):
    out = tmp_path / "out"
    released(course, out)
    put(out, "autograder/new.py", "my own\n")
    put(course, "autograder/new.py", "of the engine\n")
    with pytest.raises(ReleaseError, match=r"autograder/new\.py"):
        release(course, out, makers=makers_of(course), version="2.0")


def test_links_in_the_target_are_not_followed(course, tmp_path):
    out = tmp_path / "out"
    released(course, out)
    outside = put(tmp_path, "outside/cli.py", (out / "autograder/cli.py").read_bytes()).parent
    for path in sorted((out / "autograder").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (out / "autograder").rmdir()
    (out / "autograder").symlink_to(outside)
    with pytest.raises(ReleaseError, match="changed since"):
        release(course, out, makers=makers_of(course), version="2.0")
    assert sorted(tree(outside)) == ["cli.py"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": 1}', '{"format": 9, "version": "1", "files": {}, "student_files": []}']
    + [
        json.dumps({"format": 1, "version": "1", "files": {name: ""}, "student_files": []})
        for name in ("../outside.txt", "/etc/passwd", "a/../../outside.txt", "C:/x", "a\\..\\b")
    ],
)
def test_a_marker_that_cannot_be_trusted_is_refused(course, tmp_path, content):
    outside = put(tmp_path, "outside.txt", "mine")
    put(tmp_path, f"out/{MARKER}", content)
    with pytest.raises(ReleaseError):
        release(course, tmp_path / "out", makers=makers_of(course), version="1.0")
    assert outside.read_text() == "mine" and sorted(tree(tmp_path / "out")) == [MARKER]


@pytest.mark.parametrize("where", [".", "..", "solutions/out", "assignments", "lectures/new"])
def test_the_course_itself_is_no_target(course, where):
    with pytest.raises(ReleaseError, match="of its own"):
        release(course, course / where, makers=makers_of(course), version="1.0")


def test_out_of_sync_is_refused_and_says_what_to_run(course, tmp_path):
    put(course, "assignments/roots_of/cube.py", "old\n")
    with pytest.raises(ReleaseError, match=r"assignments/roots_of/cube.py: stale.*\n.*Run `autograder release`"):
        release(course, tmp_path / "out", makers=makers_of(course), version="1.0")
    assert not (tmp_path / "out").exists()


def test_a_missing_lecture_or_license_is_named(course, tmp_path):
    (course / "LICENSE").unlink()
    with pytest.raises(ReleaseError, match="LICENSE: it can't be read"):
        released(course, tmp_path / "out")
    put(course, "LICENSE", "MIT\n")
    (course / "lectures/sums_of/two.md").unlink()
    with pytest.raises(ReleaseError, match="lecture page of sums_of/two is missing"):
        released(course, tmp_path / "out")


@pytest.mark.parametrize("link", ["lectures/roots_of/figures/extra.svg", "autograder/part/data/link.txt"])
def test_a_link_to_something_private_is_refused(course, tmp_path, link):
    (course / link).symlink_to(course / "solutions/roots_of/square/solution.py")
    with pytest.raises(ReleaseError, match="symbolic link") as caught:
        released(course, tmp_path / "out")
    assert caught.value.file == link
