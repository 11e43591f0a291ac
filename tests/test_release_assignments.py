"""`assignments/` and its notebooks: what is written, that it is the same every time, and what is not in sync."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from release_course import (
    CHECKS,
    EXERCISES,
    SOLUTION,
    make_course,
    makers_of,
    put,
    tree,
)

from autograder.release.assignments import _readme, assignment_files, build_assignments, check_in_sync, student_files
from autograder.release.files import write_atomically
from autograder.release.notebook import topic_notebook
from autograder.release.topics import Exercise, Topic, group, load_topics
from autograder.source.errors import ReleaseError


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


def test_every_file_of_assignments(course):
    assert sorted(tree(course / "assignments")) == sorted(
        [
            "roots_of/README.md",
            "roots_of/roots_of.ipynb",
            "sums_of/README.md",
            "sums_of/sums_of.ipynb",
            *(
                f"{t}/{file}"
                for t, s in (n.split("/") for n in EXERCISES)
                for file in (f"{s}.py", f"test_{s}.py", f"expected/{s}.plan")
            ),
        ]
    )
    stub = (course / "assignments/roots_of/square.py").read_text("utf-8")
    assert 'raise NotImplementedError("square is not written yet")' in stub
    assert "private" not in stub and "多语言" in stub


def test_building_twice_gives_equal_bytes_and_touches_nothing(course):
    before = {path: path.stat().st_mtime_ns for path in (course / "assignments").rglob("*")}
    bytes_before = tree(course / "assignments")
    paths = build_assignments(course, makers=makers_of(course))
    assert {path: path.stat().st_mtime_ns for path in (course / "assignments").rglob("*")} == before
    assert tree(course / "assignments") == bytes_before
    assert sorted(path.relative_to(course / "assignments").as_posix() for path in paths) == sorted(bytes_before)


def test_bytes_do_not_depend_on_hash_seed_or_locale(course, tmp_path):
    script = (
        "import sys; from pathlib import Path; from autograder.release.assignments import Makers, build_assignments;"
        "build_assignments(Path(sys.argv[1]), Path(sys.argv[2]), makers=Makers(lambda folder: 'x', lambda name: b'x'))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "PYTHONUTF8": "0"}
        subprocess.run([sys.executable, "-c", script, str(course), str(tmp_path / seed)], check=True, env=environment)
    assert tree(tmp_path / "1") == tree(tmp_path / "2") != {}


def test_another_folder_leaves_the_course_alone(course, tmp_path):
    before = tree(course)
    build_assignments(course, tmp_path / "elsewhere", makers=makers_of(course))
    assert tree(tmp_path / "elsewhere") == tree(course / "assignments")
    assert tree(course) == before


def test_in_sync_says_what_is_missing_stale_and_extra(course):
    makers = makers_of(course)
    assert check_in_sync(course, makers=makers) == []
    (course / "assignments/roots_of/cube.py").unlink()
    put(course, "assignments/roots_of/test_square.py", "mine\n")
    put(course, "assignments/roots_of/old.py", "left over\n")
    put(course, "assignments/roots_of/__pycache__/square.pyc", b"litter")
    lines = check_in_sync(course, makers=makers)
    assert [line.split(",")[0] for line in lines] == [
        "assignments/roots_of/cube.py: missing",
        "assignments/roots_of/test_square.py: stale",
        "assignments/roots_of/old.py: extra",
    ]
    build_assignments(course, makers=makers)
    assert check_in_sync(course, makers=makers) == [
        "assignments/roots_of/old.py: extra, nothing in solutions/ gives it"
    ]
    assert (course / "assignments/roots_of/old.py").read_text() == "left over\n"  # reported, never deleted


def test_a_changed_solution_makes_its_stub_and_notebook_stale(course):
    path = course / "solutions/roots_of/square/solution.py"
    path.write_text(path.read_text("utf-8").replace("The root of x.", "The positive root of x."), encoding="utf-8")
    assert [line.split(":")[0] for line in check_in_sync(course, makers=makers_of(course))] == [
        "assignments/roots_of/roots_of.ipynb",
        "assignments/roots_of/square.py",
    ]


def test_only_what_stands_in_the_solution_region_may_change_unseen(course):
    path = course / "solutions/roots_of/square/solution.py"
    path.write_text(path.read_text("utf-8").replace("a private thought", "another thought"), encoding="utf-8")
    assert check_in_sync(course, makers=makers_of(course)) == []


@pytest.mark.parametrize(
    ("change", "file", "words"),
    [
        (lambda p: p.unlink(), "solutions/roots_of/cube/solution.py", "can't be read"),
        (lambda p: p.write_bytes(b"\xff\xfe"), "solutions/roots_of/cube/solution.py", "not UTF-8"),
        (lambda p: p.write_text("x = 1\n"), "solutions/roots_of/cube/solution.py", "whole solution"),
    ],
    ids=["missing", "not UTF-8", "no region"],
)
def test_a_bad_solution_stops_before_anything_is_written(course, tmp_path, change, file, words):
    change(course / file)
    with pytest.raises(ReleaseError, match=words) as caught:
        build_assignments(course, tmp_path / "out", makers=makers_of(course))
    assert caught.value.file == file
    assert not (tmp_path / "out").exists()


def test_two_exercises_may_not_write_one_file(course):
    topic = Topic(
        "roots_of", "Roots", (Exercise("roots_of", "cube", "A", 1), Exercise("roots_of", "test_cube", "B", 1))
    )
    put(course, "solutions/roots_of/test_cube/solution.py", SOLUTION)
    put(course, "solutions/roots_of/test_cube/checks.py", CHECKS)
    with pytest.raises(ReleaseError, match="two exercises"):
        assignment_files(course, makers=makers_of(course), topics=[topic])


def test_the_topic_page_links_what_exists(course):
    page = (course / "assignments/roots_of/README.md").read_text("utf-8")
    assert page.startswith("# Roots | and powers\n")
    assert "| [The square root](square.py) | 5 | [read](../../lectures/roots_of/square.md) |" in page
    assert "10 points" in page and "autograder check roots_of/square" in page and "pytest assignments/roots_of" in page
    for link in re.findall(r"\]\(([^)]+)\)", page):
        assert (course / "assignments/roots_of" / link).is_file(), link


def test_what_may_not_be_used_is_listed_once_for_those_that_share_it():
    names = ("torch.sqrt", "scipy")
    exercises = (
        Exercise("sums_of", "two", "Two", 5, forbid=names),
        Exercise("sums_of", "three", "Three", 5, forbid=names),
        Exercise("sums_of", "four", "Four", 5),
    )
    page = _readme(Topic("sums_of", "Sums", exercises), None)
    assert (
        "## What you may not use" in page and "- Two, Three: `torch.sqrt`, `scipy`\n" in page and "- Four" not in page
    )
    assert "may not use" not in _readme(Topic("sums_of", "Sums", exercises[2:]), None)


def test_time_and_difficulty_are_shown_where_they_are_known(course):
    topic = Topic("sums_of", "Sums", (Exercise("sums_of", "two", "Two", 5, minutes=45, difficulty=2),))
    page = assignment_files(course, makers=makers_of(course), topics=[topic])["sums_of/README.md"].decode()
    assert "| Exercise | Points | Minutes | Difficulty | Lecture |" in page and "| 5 | 45 | 2 |" in page


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = put(tmp_path, "a.txt", "old")

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(ReleaseError, match="No space left"):
        write_atomically(path, b"new")
    assert tree(tmp_path) == {"a.txt": b"old"}


def test_topics_follow_the_course(course):
    topics = load_topics(course)
    assert [(topic.name, topic.title, topic.points) for topic in topics] == [
        ("roots_of", "Roots | and powers", 10),
        ("sums_of", "Sums", 5),
    ]
    assert student_files(topics) == [
        "roots_of/cube.py",
        "roots_of/roots_of.ipynb",
        "roots_of/square.py",
        "sums_of/sums_of.ipynb",
        "sums_of/two.py",
    ]


def test_topics_that_share_or_cross_modules_have_titles_of_their_own():
    rows = [("Scale", Exercise(topic, slug, slug, 1)) for topic, slug in (("pipeline", "a"), ("data_parallel", "b"))]
    rows += [("Extras", Exercise("gpt", "c", "c", 1)), ("More", Exercise("gpt", "d", "d", 1))]
    assert [(t.name, t.title, len(t.exercises)) for t in group(rows)] == [
        ("pipeline", "Scale: Pipeline", 1),
        ("data_parallel", "Scale: Data parallel", 1),
        ("gpt", "Gpt", 2),
    ]


# ---------------------------------------------------------------- notebooks


def test_the_notebook_is_valid_and_holds_the_stubs_word_for_word(course):
    data = (course / "assignments/roots_of/roots_of.ipynb").read_bytes()
    notebook = nbformat.reads(data.decode(), as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert [cell.id for cell in notebook.cells] == [
        "title",
        *(f"{slug}-{kind}" for slug in ("square", "cube") for kind in ("task", "code", "check")),
    ]
    cells = {cell.id: cell for cell in notebook.cells}
    for slug in ("square", "cube"):
        assert cells[f"{slug}-code"].source == (course / f"assignments/roots_of/{slug}.py").read_text("utf-8")
        assert cells[f"{slug}-code"].metadata.tags == [f"exercise:roots_of/{slug}"]
        assert cells[f"{slug}-check"].metadata.tags == ["check", "otter_ignore"]
        assert cells[f"{slug}-check"].source.splitlines() == [
            f'from autograder.integrations.notebook import check; check("roots_of/{slug}")'
        ]
    task = cells["square-task"].source
    assert task.startswith("## The square root\n\nTask of roots_of/square.\n\nIt has `code` and 多语言 text.\n")
    assert "(../../lectures/roots_of/square.md)" in task
    assert all(
        cell.outputs == [] and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code"
    )


def test_a_shared_cell_and_the_metadata_of_other_tools():
    topic = Topic("t", "T", (Exercise("t", "e", "E", 3),))
    stub = 'def f():\n    """F."""\n    raise NotImplementedError\n'
    notebook = json.loads(topic_notebook(topic, {"t/e": stub}, shared="import torch"))
    assert notebook["metadata"]["otter"] == {"assignment_name": "t"}
    title, shared, task, code, check = (cell["metadata"] for cell in notebook["cells"])
    assert title == {} and shared == {"tags": ["shared"]}
    assert "".join(notebook["cells"][1]["source"]) == "import torch"
    plain = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    assert task == {"nbgrader": {**plain, "grade_id": "e-task", "locked": True}}
    assert code == {"tags": ["exercise:t/e"], "nbgrader": {**plain, "grade_id": "e-code", "solution": True}}
    assert check["nbgrader"] == {**plain, "grade_id": "e-check", "grade": True, "locked": True, "points": 3}


OTHERS = """
import sys
import nbformat
from nbgrader import nbgraderformat
from nbgrader.preprocessors import CheckCellMetadata
from otter.nbmeta_config import NBMetadataConfig

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        notebook = nbgraderformat.read(file, as_version=nbformat.NO_CONVERT)
    CheckCellMetadata().preprocess(notebook, {})
    print(NBMetadataConfig.from_notebook(notebook).assignment_name)
"""


def test_nbgrader_and_otter_take_the_courses_notebooks():
    """Their own readers, in whatever environment has them: this one, or the Python that the variable names."""
    python = os.environ.get("NBGRADER_PYTHON") or sys.executable
    if python == sys.executable and not (find_spec("nbgrader") and find_spec("otter")):
        pytest.skip("nbgrader and otter-grader are not installed; NBGRADER_PYTHON may name a Python that has them")
    paths = sorted((Path(__file__).parent.parent / "assignments").glob("*/*.ipynb"))
    command = [python, "-I", "-c", OTHERS, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [path.stem for path in paths]


def test_a_cell_id_is_never_too_long():
    slug = "a" * 80
    topic = Topic("t", "T", (Exercise("t", slug, "E", 1), Exercise("t", slug + "b", "E", 1)))
    notebook = json.loads(topic_notebook(topic, {f"t/{slug}": "X = 1\n", f"t/{slug}b": "X = 1\n"}))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids) == 7 and max(map(len, ids)) <= 64
