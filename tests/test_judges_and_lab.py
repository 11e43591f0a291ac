"""What a judge is given of the case at hand, and an experiment that imports from the lab: graded, shipped, and run by a student."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_course import TOTAL, Class, SharedZygote, check, exercise, make_course

from autograder.checks.local import PublicRunner
from autograder.checks.plan import load_plan, public_plan, write_plan
from autograder.grading import grade as grade_module
from autograder.jail.host import Zygote
from autograder.release.makers import _test_module

CHECKS = '''"""Checks of totals and means."""

from hypothesis import strategies as st

from autograder.checks import case, check, difference, lab, reject
from autograder.lab.replay import replay


def table(rng, rows, columns, scale=1.0):
    return {"x": rng.normal(rows, columns, scale=scale)}


def of_this_case(seen, want, inputs, case):
    if inputs["x"].shape != (case["rows"], case["columns"]):
        return reject("The judge was given {other}.", other=str(case))
    return difference(seen, want)


def summed_by_ranks(seen, want, record):
    if len(replay(record, len(seen)).of("all_reduce")) != 1:
        return reject("Not every rank has called all_reduce.")
    return difference(seen, want)


@check(points=2, inputs=table, judge=of_this_case, public=[case("a square", rows=3, columns=3)],
       hidden=[case("a wide table", rows=2, columns=5), case("another", rows=4, columns=1)], fresh=2)
def sums_rows(student, x):
    """The sum goes along the last dimension."""
    return student.total(x)


@check(points=1, inputs=table, judge=of_this_case, given=dict(rows=st.integers(1, 4), columns=st.integers(1, 4)))
def means_of_rows(student, x):
    """The mean goes along the last dimension."""
    return student.middle(x)


def split(rng, ranks):
    parts = [rng.normal(2, 3) for _ in range(ranks)]
    return {"comm": lab("world", size=ranks), "part": lab("each_rank", values=parts)}


@check(points=2, inputs=split, judge=summed_by_ranks, public=[case(ranks=2)], hidden=[case(ranks=3)])
def totals_add_up_over_ranks(student, comm, part):
    """The ranks' totals add up to the total of all."""
    return comm.all_reduce(student.total(part))
'''


@pytest.fixture
def group(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> Class:
    shared: Any = SharedZygote(zygote)
    monkeypatch.setattr(grade_module, "Zygote", lambda *_, **__: shared)
    return Class(make_course(tmp_path, total_checks=CHECKS, total_mistakes=""), shared)


def test_a_judge_gets_the_parameters_of_every_kind_of_case(group: Class) -> None:
    result = group.grade_one("right")
    sums, means = check(result, "sums_rows"), check(result, "means_of_rows")
    assert exercise(result).verdict == "passed"
    assert [case.fresh for case in sums.cases] == [False, False, False, True, True] and len(means.cases) == 20


def test_an_experiment_may_import_from_the_lab(group: Class, tmp_path: Path) -> None:
    wrong = TOTAL.replace("x.sum(-1)", "x.sum(-1) + 1")
    graded = group.grade(group.submit("right"), group.submit("wrong", total=wrong))
    assert check(graded["right"], "totals_add_up_over_ranks").verdict == "passed"
    failed = check(graded["wrong"], "totals_add_up_over_ranks")
    assert failed.verdict == "failed" and failed.cases[0].difference is not None

    # As a student has it: the test module imports the same, and pytest runs their file against the recorded values.
    folder = tmp_path / "student"
    (folder / "expected").mkdir(parents=True)
    text = _test_module(group.root / "solutions/numbers_of/total")
    assert "from autograder.lab.replay import replay" in text
    (folder / "test_total.py").write_text(text, encoding="utf-8")
    plan = public_plan(load_plan(next((group.root / ".autograder/plans").glob("numbers_of.total.*"))))
    (folder / "expected" / "total.plan").write_bytes(write_plan(plan))
    (folder / "total.py").write_text(wrong, encoding="utf-8")
    runner = PublicRunner(folder / "test_total.py")
    reports = {planned.name: runner.run(planned, case) for planned, case in runner.plan.cases()}
    assert reports["means_of_rows"] is None, "its judge knows what was drawn, without Hypothesis"
    report = reports["totals_add_up_over_ranks"]
    assert report is not None and "The ranks' totals add up to the total of all." in report and "expected" in report
