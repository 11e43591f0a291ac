"""What makes a plan anew: its own files, what draws its examples, and of the engine and the lab what it depends on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.grading import hashes

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "plain": "from autograder.checks import case, check\n",
    "schedules": "from autograder.lab.schedules import invalid\n",
    "by name": "from autograder.checks import case, check, lab\n\n\ndef corpus(rng):\n    return lab('english')\n",
    "a module that is not there": "from autograder.lab.rockets import launch\n",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the engine, to be changed."""
    return shutil.copytree(
        ROOT / "autograder",
        tmp_path_factory.mktemp("engine") / "autograder",
        ignore=shutil.ignore_patterns("__pycache__"),
    )


@pytest.fixture
def changed(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], set[str]]:
    """Which exercises need another plan when a file of the engine changes."""
    monkeypatch.setattr(hashes, "_PACKAGE", package)
    for name, text in CHECKS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "checks.py").write_text(text)

    def keys() -> dict[str, str]:
        hashes._sources.cache_clear()
        return {name: hashes.planning(tmp_path / name) for name in CHECKS}

    def change(file: str) -> set[str]:
        before = keys()
        path = package / file
        old = path.read_bytes() if path.exists() else None
        path.write_bytes((old or b"") + b"\n# changed\n")
        after = keys()
        if old is None:
            path.unlink()
        else:
            path.write_bytes(old)
        assert keys() == before
        return {name for name in CHECKS if before[name] != after[name]}

    yield change  # type: ignore[misc]
    hashes._sources.cache_clear()


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("experiment/observe.py", set(CHECKS)),
        ("twin/examples.py", set(CHECKS)),
        ("checks/a_new_file.py", set(CHECKS)),
        ("wire/values.py", set(CHECKS)),
        ("jail/zygote.py", set(CHECKS)),
        ("grading/planner.py", set(CHECKS)),
        ("lab/__init__.py", set(CHECKS)),
        ("lab/schedules.py", {"schedules", "by name", "a module that is not there"}),
        ("lab/pipeline.py", {"schedules", "by name", "a module that is not there"}),  # which schedules imports
        ("lab/corpora.py", {"by name", "a module that is not there"}),
        ("lab/a_new_file.py", {"by name", "a module that is not there"}),
        ("jail/layers/seccomp.py", set()),
        ("local/pytest_plugin.py", set()),
        ("feedback/terminal.py", set()),
        ("grading/exercise.py", set()),
    ],
)
def test_what_a_plan_depends_on(changed: Callable[[str], set[str]], file: str, whose: set[str]) -> None:
    assert changed(file) == whose


def test_what_is_left_out_is_there(package: Path) -> None:
    """A file that was renamed would count again, unnoticed."""
    left_out = (*hashes._NOT_IN_PLANS, *hashes._NOT_IN_VERDICTS)
    assert [name for name in left_out if not (package / name).exists()] == []


@pytest.mark.parametrize(
    ("file", "decides"),
    [
        ("exercise", True),
        ("record", True),
        ("runner", True),
        ("budget", True),
        ("diagnosis", True),
        ("smallest", True),
        ("grade", True),
        ("a_new_file", True),
        ("merge", False),
        ("remembered", False),
    ],
)
def test_what_a_verdict_depends_on(
    package: Path, monkeypatch: pytest.MonkeyPatch, file: str, decides: bool, tmp_path: Path
) -> None:
    def key() -> str:
        hashes._sources.cache_clear()
        hashes.grading.cache_clear()
        return hashes.grading()

    monkeypatch.setattr(hashes, "_PACKAGE", shutil.copytree(package, tmp_path / "autograder"))
    before = key()
    with (tmp_path / f"autograder/grading/{file}.py").open("a") as source:
        source.write("\n# changed\n")
    assert (key() != before) is decides
    monkeypatch.undo()
    key()


def test_the_version_of_hypothesis_counts_where_examples_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"drawn": "@check(points=1, given=dict(n=numbers))\n", "written": "@check(points=1, public=[case(n=1)])\n"}
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "checks.py").write_text(text)
    before = {name: hashes.authored(tmp_path / name) for name in texts}
    monkeypatch.setattr(hashes, "_version", lambda package: "0.0")
    after = {name: hashes.authored(tmp_path / name) for name in texts}
    assert before["drawn"] != after["drawn"] and before["written"] == after["written"]
