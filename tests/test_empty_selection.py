"""A selection that comes to nothing fails and says so, in every command: a class that was not graded must not look graded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import here, make_course
from msgspec.structs import replace
from test_merge import on_gpu, result

from autograder.store import Store


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("empty") / "course")
    (root / "nothing").mkdir()
    (root / ".autograder").mkdir(exist_ok=True)
    (root / ".autograder/roster.csv").write_text("student,repository\nada,\n")
    with Store(root / ".autograder/results.sqlite") as store:
        store.save(replace(result(on_gpu()), run=store.start_run().id), {})
    Store(root / "nothing.sqlite").close()
    return root


@pytest.mark.parametrize(
    "arguments",
    [
        ("grade", ""), ("grade", "nothing"), ("grade", "nothing/*"), ("grade", "--collected", "nothing"), ("grade", "nothing", "-e", ""),
        ("rejudge", "--exercise", ""), ("rejudge", "--results", "nothing.sqlite"), ("rejudge", "-e", "numbers_of/second"),
        ("scores", ""), ("scores", "nobody"), ("scores", "--results", "nothing.sqlite"), ("scores", "--run", ""), ("scores", "--run="),
        ("explain", ""), ("explain", "nobody"), ("explain", "ada", "-e", ""),
        ("adjust", ""), ("adjust", "nobody"), ("adjust", "", "numbers", "--add", "1", "--why", "x"), ("adjust", "ada", "", "--excuse", "--why", "x"),
        ("publish", ""), ("deliver", ""), ("deliver", "nothing"), ("deliver", "numbers", "--results", "nothing.sqlite"),
        ("merge", ""), ("merge", "nothing"), ("merge", "nothing.sqlite"), ("diff", "", ""), ("diff", "nothing", "nothing.sqlite"),
        ("collect", "", "--late"), ("collect", "nothing", "--late"), ("collect", "nothing", "--until", "2026-09-20T23:59"), ("collect", "numbers", "--late"),
        ("export", "csv", "x.csv", "--results", "nothing.sqlite"), ("export", "junit", "x.xml", "--submission", ""),
        ("export", "gradescope", "", "x"), ("export", "classroom50", "x", "-e", ""), ("ledger", "keep", "--results", ""),
        ("similar",), ("similar", ""), ("similar", "nothing"), ("similar", "nothing", "-e", ""), ("canvas", "grades", ""), ("canvas", "roster", ""),
        ("verify", ""), ("verify", "nothing"), ("release", "--topic", ""), ("due", "--within", ""),
    ],
)  # fmt: skip
def test_nothing_selected_is_refused(course: Path, arguments: tuple[str, ...]) -> None:
    done = here(course, *arguments)
    assert done.code in (1, 2) and (done.said or "0 of 1 collected" in done.flat), done
    assert "Traceback" not in done.said
    assert not list(course.glob("x*"))


def test_what_was_selected_is_there(course: Path) -> None:
    """The controls: the same commands with something."""
    for arguments in (("scores", "ada"), ("adjust", "ada"), ("adjust", "--by", "", "ada"), ("merge", ".autograder/results.sqlite")):  # fmt: skip
        assert here(course, *arguments).code == 0, arguments
    shutil.rmtree(course / ".autograder/report")
