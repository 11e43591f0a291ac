"""The real course, released by the real makers, with a canary in every private place: none arrives."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
import test_release_canaries
from release_course import case_strings, put, tree
from test_release_canaries import found, plant

from autograder.course import load_course
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.repository import release

ROOT = Path(__file__).resolve().parent.parent
COURSE = ("grading.toml", "pyproject.toml", "constraints.txt", "LICENSE", "solutions", "lectures", "autograder")


def hidden_titles(source: str, keyword: str) -> list[ast.Constant]:
    """The titles of hidden cases. Their other texts may name dtypes or data, which must stay what they are."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    titles = {(call.args[0].lineno, call.args[0].col_offset) for call in calls if call.args}
    return [each for each in case_strings(source, keyword) if (each.lineno, each.col_offset) in titles]


@pytest.mark.slow
def test_no_canary_of_the_real_course_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course, out = tmp_path / "course", tmp_path / "out"
    course.mkdir()
    for name in COURSE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, course / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, course / name)
    monkeypatch.setattr(test_release_canaries, "case_strings", hidden_titles)
    canaries = plant(course)
    loaded = load_course(course)
    made = makers(course, loaded, tmp_path / "private")
    build_assignments(course, makers=made)
    release(course, out, makers=made, version="1.0")

    names = set(tree(out))
    for exercise in loaded.exercises:
        places = [place for place in canaries.planted.values() if place.startswith(f"solutions/{exercise.name}/")]
        for kind in ("in a region", "hidden case", "mistakes.py", "alternatives.py", "test_oracle.py"):
            assert any(kind in place for place in places), (exercise.name, kind)
        for name in (f"{exercise.name}.py", f"{exercise.topic}/test_{exercise.slug}.py"):
            assert f"assignments/{name}" in names
        assert f"assignments/{exercise.topic}/expected/{exercise.slug}.plan" in names
    for file in ("mistakes.py", "alternatives.py"):  # some exercises have edits only
        assert sum(f"{file}: code" in place for place in canaries.planted.values()) > len(loaded.exercises)
    assert found(out, canaries) == []
    private = ("solutions", "tests", "benchmarks", ".git/", ".autograder", "docs")
    assert [name for name in names if name.startswith(private)] == []

    # The control: the same search finds what a careless rule would let through.
    put(out, "leak.py", (course / "solutions" / loaded.exercises[0].name / "solution.py").read_text("utf-8"))
    assert any(hit.endswith("→ leak.py") for hit in found(out, canaries))
