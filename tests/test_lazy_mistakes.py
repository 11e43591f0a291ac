"""The known mistakes are observed when an answer first fails where they are compared: once, with the same diagnoses as if at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_course import TOTAL, Class, SharedZygote, check, exercise, make_course

from autograder.grading import graders as graders_module
from autograder.grading.planner import Planner
from autograder.grading.secret import load_secret
from autograder.jail.host import Zygote
from autograder.plan import Plan, load_plan

MISTAKES = 6
WRONG = {
    "columns": TOTAL.replace("x.sum(-1)", "x.sum(0)"),
    "both": TOTAL.replace("x.sum(-1)", "x.sum(0)").replace("x.mean(-1)", "x.mean(0)"),
    "rows": TOTAL.replace("x.mean(-1)", "x.sum(0) / x.shape[0]"),
    "other": TOTAL.replace("x.sum(-1)", "x.sum(-1) + 1"),
    "nan": TOTAL.replace("x.sum(-1)", "x.sum(-1) * float('nan')"),
}


@pytest.fixture
def group(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> Class:
    shared: Any = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: shared)
    return Class(make_course(tmp_path), shared)


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The exercises whose mistakes were observed."""
    names: list[str] = []
    original = Planner.observe_mistakes

    def counted(self: Planner, exercise: Any, plan: Plan, client: Any) -> None:
        names.append(exercise.name)
        original(self, exercise, plan, client)

    monkeypatch.setattr(Planner, "observe_mistakes", counted)
    return names


def kept(group: Class) -> Plan:
    return load_plan(next((group.root / ".autograder/plans").glob("numbers_of.total.*")))


def diagnoses(results: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [each.diagnosis for each in exercise(result).checks] for name, result in sorted(results.items())}


def test_nobody_fails_so_nothing_is_observed(group: Class, observed: list[str]) -> None:
    stub = TOTAL.replace("return x.sum(-1)", "raise NotImplementedError")
    group.grade(group.submit("right"), group.submit("stub", total=stub), group.submit("broken", total="def f(:\n"))
    plan = kept(group)
    assert observed == [] and not plan.complete and len(plan.mistakes) == MISTAKES
    assert not any(case.mistakes for _, case in plan.cases())


def test_once_for_a_class_and_with_the_same_diagnoses(group: Class, observed: list[str], tmp_path: Path) -> None:
    private = group.root / ".autograder"
    lazily = group.grade(
        *[group.submit(name, total=text) for name, text in WRONG.items()], group.submit("right"), jobs=2
    )
    assert observed == ["numbers_of/total"], "two threads came to it at once"
    lazy = kept(group)
    assert lazy.complete
    found = check(lazily["both"], "sums_rows").diagnosis
    assert found is not None and found.sentences == ["You add up columns. Add up rows."]

    observed.clear()
    again = group.grade(group.submit("another", total=WRONG["columns"] + "# mine\n"))
    assert observed == [], "it is kept with the plan"
    assert diagnoses(again)["another"] == diagnoses(lazily)["columns"]

    eager = Planner(group.root, tmp_path / "eager", load_secret(private), group.zygote)  # type: ignore[arg-type]
    plan = eager.plan(group.course.exercise("numbers_of/total"))
    assert [case.mistakes for _, case in plan.cases()] == [case.mistakes for _, case in lazy.cases()]
    for path in (tmp_path / "eager").glob("*.plan"):
        (private / "plans" / path.name).write_bytes(path.read_bytes())
    observed.clear()
    eagerly = group.grade(*[group.submit(name, total=text + "# \n") for name, text in WRONG.items()])
    assert diagnoses(eagerly) == {name: each for name, each in diagnoses(lazily).items() if name != "right"}


def test_a_plan_that_lacks_them_is_completed_for_whoever_needs_it(group: Class, observed: list[str]) -> None:
    group.grade_one("right")
    private = group.root / ".autograder"
    planner = Planner(group.root, private / "plans", load_secret(private), group.zygote)  # type: ignore[arg-type]
    one = group.course.exercise("numbers_of/total")
    begun = planner.cached(one)
    assert begun is not None and not begun.complete
    assert planner.plan(one).complete and observed == ["numbers_of/total"]
    assert planner.plan(one).complete and observed == ["numbers_of/total"]
