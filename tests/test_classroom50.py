"""Classroom 50's bundle, run as its runner runs it: in the student's checkout, by an `autograder.py` that was unpacked elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import make_course, run, with_code
from release_course import put
from test_github import CLASSROOM50, ROOT

from autograder.course import load_course
from autograder.integrations import classroom50
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of one of a course's two exercises, and an environment as if an earlier submission had installed it."""
    folder = tmp_path_factory.mktemp("classroom50")
    root = make_course(folder / "course", ("first", "second"))
    build_assignments(root, makers=makers(root, load_course(root), root / ".autograder"))
    made = folder / "autograders/totals"
    done = run(root, "export", "classroom50", str(made), "--exercise", "first")
    assert done.code == 0 and "1 exercises" in done.out, done.err
    put(made, "environment/done", "")
    (made / "environment/bin").mkdir()
    (made / "environment/bin/autograder").symlink_to(Path(sys.executable).parent / "autograder")
    return made


def grade(bundle: Path, checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **CLASSROOM50, "CLASSROOM50_BUNDLE_DIR": str(bundle), **variables}
    command = [sys.executable, str(bundle / classroom50.ENTRY)]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)


def graded(bundle: Path, checkout: Path) -> dict[str, Any]:
    done = grade(bundle, checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((checkout / "result.json").read_text("utf-8"))


HOSTILE = """
import json, os, sys
json.dump({"schema": "classroom50/result/v1", "score": 999}, open("result.json", "w"))
os._exit(0)
"""


@pytest.mark.parametrize(
    ("code", "score"),
    [
        pytest.param(with_code(), 5, id="right"),
        pytest.param(with_code(sum_="x.sum(0)"), 2, id="wrong"),
        pytest.param(HOSTILE, 0, id="hostile"),
        pytest.param("def total(:\n", 0, id="no Python"),
        pytest.param("", 0, id="empty"),
    ],
)
def test_a_checkout_is_graded(bundle: Path, tmp_path: Path, code: str, score: int) -> None:
    put(tmp_path, "assignments/numbers_of/first.py", code)
    result = graded(bundle, tmp_path)
    assert (result["score"], result["max-score"]) == (score, 5)
    assert sum(test["score"] for test in result["tests"]) == score
    assert all(test["test-name"].startswith("numbers_of/first: ") for test in result["tests"])


def test_what_is_not_begun_counts_to_the_maximum(bundle: Path, tmp_path: Path) -> None:
    put(tmp_path, "assignments/numbers_of/first.py", (bundle / "course/assignments/numbers_of/first.py").read_text())
    result = graded(bundle, tmp_path)
    assert (result["score"], result["max-score"]) == (0, 5)
    (tmp_path / "assignments/numbers_of/first.py").unlink()
    result = graded(bundle, tmp_path)
    assert (result["score"], result["max-score"]) == (0, 5)


def test_nothing_of_the_checkout_runs_outside_of_the_jail(bundle: Path, tmp_path: Path) -> None:
    put(tmp_path, "assignments/numbers_of/first.py", with_code())
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n"
    for name in ("sitecustomize.py", "venv.py", "pip.py", "json.py", "autograder/__init__.py", "conftest.py"):
        put(tmp_path, name, trap)
    put(tmp_path, "assignments/numbers_of/test_first.py", "")
    assert graded(bundle, tmp_path)["score"] == 5 and not (tmp_path / "sprung").exists()


def test_a_fault_of_the_machine_is_no_grade(bundle: Path, tmp_path: Path) -> None:
    """The runner makes an error of it when the exit code is not 0."""
    put(tmp_path, "assignments/numbers_of/first.py", with_code())
    done = grade(bundle, tmp_path, SUBMISSION_TAG="")
    assert done.returncode != 0 and "SUBMISSION_TAG" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "result.json").exists()


def test_the_bundle_has_nothing_hidden_and_is_small(bundle: Path) -> None:
    names = {path.relative_to(bundle).parts[1] for path in (bundle / "course").rglob("*")}
    assert names >= {"assignments", "autograder"} and not names & {"solutions", "tests", ".git"}
    assert not (bundle / "course/.autograder/secret").exists()
    assert classroom50.packed_size(bundle) < classroom50.MAX_BUNDLE
    compile((bundle / classroom50.ENTRY).read_text("utf-8"), classroom50.ENTRY, "exec")


@pytest.mark.slow
def test_the_environment_is_made(bundle: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "bundle"
    shutil.copytree(bundle, fresh, symlinks=True, ignore=shutil.ignore_patterns("environment"))
    for name in ("pyproject.toml", "constraints.txt"):
        (fresh / "course" / name).write_bytes((ROOT / name).read_bytes())
    shutil.copytree(ROOT / "autograder", fresh / "course/autograder", dirs_exist_ok=True)
    put(tmp_path, "checkout/assignments/numbers_of/first.py", with_code())
    done = grade(fresh, tmp_path / "checkout", TORCH_INDEX=os.environ.get("PIP_EXTRA_INDEX_URL", ""))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "checkout/result.json").read_text("utf-8"))["score"] == 5
