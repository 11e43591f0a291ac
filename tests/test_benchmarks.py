"""The benchmark runs, and says what it should. No time is asserted: that is what `make bench` is for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """One round without otter and nbgrader: what it printed, and its JSON."""
    file = tmp_path_factory.mktemp("benchmark") / "benchmark.json"
    options = ["-n", "1", "--cold", "1", "--without-others", "--json", str(file)]
    command = [sys.executable, str(BENCHMARKS / "grading.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(file.read_text(encoding="utf-8"))


def test_prints_every_row_and_the_targets(run: tuple[str, dict[str, Any]]) -> None:
    printed, _ = run
    rows = ("bare fork-and-run", "this project", "without isolation layers", "cold pytest", "otter run", "nbgrader")
    missing = [row for row in rows if row not in printed]
    assert not missing, printed
    assert printed.count("left out") == 2  # otter and nbgrader
    for bound in ("≤ 5×", "≥ 50×", "≤ 15 ms"):
        assert bound in printed


def test_ratios_are_over_the_bare_fork(run: tuple[str, dict[str, Any]]) -> None:
    _, written = run
    rows = {row["key"]: row for row in written["rows"]}
    assert list(rows) == ["floor", "project", "unisolated", "pytest", "otter", "nbgrader"]
    assert rows["floor"]["ratio"] == 1
    for key in ("project", "unisolated", "pytest"):
        assert len(rows[key]["seconds"]) == 1
        assert rows[key]["ratio"] == pytest.approx(rows[key]["median"] / rows["floor"]["median"])
    assert rows["otter"]["skipped"] and rows["nbgrader"]["skipped"]


def test_targets_are_what_the_rows_give(run: tuple[str, dict[str, Any]]) -> None:
    _, written = run
    rows = {row["key"]: row for row in written["rows"]}
    over_fork, over_project, isolation = written["targets"]
    assert over_fork["value"] == pytest.approx(rows["project"]["ratio"])
    assert over_project["value"] == pytest.approx(rows["pytest"]["median"] / rows["project"]["median"])
    assert isolation["value"] == pytest.approx((rows["project"]["median"] - rows["unisolated"]["median"]) * 1000)
    for target in written["targets"]:
        within = target["value"] >= target["bound"] if target["at_least"] else target["value"] <= target["bound"]
        assert target["met"] == within


def test_names_nothing_of_the_machine(run: tuple[str, dict[str, Any]]) -> None:
    _, written = run
    allowed = {"date", "system", "architecture", "cores", "python", "torch", "numpy", "llm-internals"}
    assert set(written["about"]) == allowed | {"load before", "load after", "rounds", "cold rounds"}


def test_plain_tests_and_checks_are_the_same_ten() -> None:
    def functions(file: str) -> list[ast.FunctionDef]:
        tree = ast.parse((BENCHMARKS / "attention" / file).read_text(encoding="utf-8"))
        return [node for node in tree.body if isinstance(node, ast.FunctionDef)]

    checks = [each.name for each in functions("checks.py") if each.decorator_list]
    tests = [each.name.removeprefix("test_") for each in functions("plain_pytest.py") if each.name.startswith("test_")]
    assert checks == tests
    assert len(checks) == 10
