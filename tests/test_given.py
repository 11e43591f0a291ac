"""`given=`: examples that Hypothesis draws become cases, recorded, replayable, and shipped without Hypothesis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_course import TOTAL_CHECKS, Class, SharedZygote, check, exercise, make_course

from autograder.grading import graders as graders_module
from autograder.jail.host import Zygote
from autograder.plan import load_plan, public_plan
from autograder.release.makers import _test_module

CHECKS = TOTAL_CHECKS.replace(
    "from autograder.checks import case, check",
    "from hypothesis import strategies as st\n\nfrom autograder.checks import case, check",
).replace(
    "points=2, inputs=table, public=[case(rows=3, columns=3)], hidden=[case(rows=4, columns=4)], fresh=1",
    "points=2, inputs=table, given=dict(rows=st.integers(1, 6), columns=st.integers(1, 9))",
)


@pytest.fixture
def group(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> Class:
    shared: Any = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: shared)
    return Class(make_course(tmp_path, total_checks=CHECKS, total_mistakes=""), shared)


def test_examples_are_cases(group: Class) -> None:
    right = group.grade_one("right")
    found = check(right, "means_of_rows")
    assert exercise(right).verdict == "passed" and len(found.cases) == 20
    assert [case.public for case in found.cases].count(True) == 5
    sizes = [case.parameters for case in found.cases if not case.public]
    assert len({str(each) for each in sizes}) == 15 and all(1 <= int(each["rows"]) <= 6 for each in sizes)
    wrong = group.grade_one("wrong", total=(group.root / "solutions/numbers_of/total/solution.py").read_text().replace(
        "x.mean(-1)", "x.sum(-1) / max(x.shape[-1], 2)"  # wrong for single columns only
    ))  # fmt: skip
    failing = [case for case in check(wrong, "means_of_rows").cases if case.verdict != "passed"]
    assert failing and all(case.parameters["columns"] == "1" for case in failing)


def test_the_same_seed_draws_the_same_and_no_hypothesis_ships(group: Class) -> None:
    group.grade_one("one")
    path = next((group.root / ".autograder/plans").glob("numbers_of.total.*"))
    first = load_plan(path)
    path.unlink()
    group.grade_one("two", total=(group.root / "solutions/numbers_of/total/solution.py").read_text() + "# two\n")
    second = load_plan(path)
    assert [case.inputs for _, case in first.cases()] == [case.inputs for _, case in second.cases()]
    shipped = [case for check, case in public_plan(first).cases() if check.name == "means_of_rows"]
    assert len(shipped) == 5 and all(case.want for case in shipped)
    text = _test_module(group.root / "solutions/numbers_of/total")
    assert "given={}" in text and "hypothesis" not in text and "integers" not in text
