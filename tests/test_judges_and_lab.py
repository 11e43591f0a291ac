"""What a judge is given of the case at hand, and an experiment that imports from the lab: graded, shipped, and run by a student."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_course import TOTAL, Class, SharedZygote, check, exercise, make_course

from autograder.grading import graders as graders_module
from autograder.grading.rejudge import rejudge
from autograder.grading.twins import TwinClient
from autograder.jail.host import Zygote
from autograder.local.local import PublicRunner
from autograder.plan import PlannedCase, load_plan, public_plan, write_plan
from autograder.release.makers import _test_module
from autograder.twin.messages import Open, Seen
from autograder.wire.encode import encode

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
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: shared)
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


# --- a judge and an answer that it can't cope with ---------------------------------------------------------------------

HARD = '''"""Checks whose judges can be driven mad."""

from autograder.checks import case, check, difference


def table(rng, n):
    return {"x": rng.normal(n, n)}


def divides(seen, want):
    1 / (0 if seen["sum"] != seen["sum"] else 1)
    return difference(seen, want)


@check(points=2, inputs=table, judge=divides, public=[case(n=3)], hidden=[case(n=4)])
def judge_divides(student, x):
    """The sums are numbers."""
    total = student.total(x)
    return {"total": total, "sum": float(total.sum())}


def of_pairs(seen, want):
    pairs = seen[:, None] - seen[None, :]
    return difference(pairs.abs().max(), (want[:, None] - want[None, :]).abs().max())


@check(points=2, inputs=table, judge=of_pairs, shapes=@SHAPES@, public=[case(n=3)], hidden=[case(n=4)])
def judge_looks_at_pairs(student, x):
    """Sums lie in a range."""
    return student.middle(x)


def counts(seen, want):
    for _ in range(seen[0]):
        pass
    return difference(seen, want)


@check(points=1, inputs=table, judge=counts, public=[case(n=3), case(n=2), case(n=5)], hidden=[case(n=4), case(n=6)])
def judge_counts(student, x):
    """There is a first number."""
    return [round(float(student.total(x).abs().sum().clamp(max=1e15)))]
'''


def hard(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch, shapes: str = '"same"') -> Class:
    shared: Any = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: shared)
    return Class(make_course(tmp_path, total_checks=HARD.replace("@SHAPES@", shapes), total_mistakes=""), shared)


@contextmanager
def hard_twin(group: Class, zygote: Zygote) -> Iterator[TwinClient]:
    folder = group.root / "solutions/numbers_of/total"
    client = TwinClient(zygote, Open("numbers_of/total", folder=str(folder)))
    assert not client.describe().problem
    yield client
    client.close()


def says(record: Any) -> list[str]:
    return [
        case.message.id if case.message else case.difference.kind if case.difference else case.verdict
        for case in record.cases
    ]


def test_an_answer_on_which_a_judge_raises_fails(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = hard(tmp_path, zygote, monkeypatch)
    wrong = TOTAL.replace("return x.sum(-1)", "return x.sum(-1) * float('nan')")
    graded = group.grade(group.submit("right"), group.submit("wrong", total=wrong))
    assert exercise(graded["right"]).verdict == "passed"
    failed = check(graded["wrong"], "judge_divides")
    assert (failed.verdict, says(failed)) == ("failed", ["judge.raised", "judge.raised"])
    assert failed.cases[0].message is not None and "ZeroDivisionError" in str(failed.cases[0].message.values)


def test_a_judge_that_raises_on_the_reference_is_our_fault(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = hard(tmp_path, zygote, monkeypatch)
    nan = encode({"total": torch.full((3,), float("nan")), "sum": float("nan")})
    with hard_twin(group, zygote) as client:
        verdict = client.review([Seen("judge_divides", PlannedCase(title="n=3", public=True, want=nan), nan)])[0]
    assert not verdict.passed and "ZeroDivisionError" in verdict.problem and "own answer" in verdict.problem


def test_shapes_are_held_against_the_references_before_a_judge_looks(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = hard(tmp_path, zygote, monkeypatch)
    wrong = TOTAL.replace("return x.mean(-1)", "return x.new_zeros(12_000)")
    assert says(check(group.grade(group.submit("wrong", total=wrong))["wrong"], "judge_looks_at_pairs"))[0] == "shape"


def test_a_judge_that_takes_any_shapes_has_a_bound_of_memory(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12 000 numbers fit into the least answer that is kept; their differences take 576 MB, and their sizes as much again."""
    group = hard(tmp_path, zygote, monkeypatch, shapes='"any"')
    case = PlannedCase(title="n=3", public=True, want=encode(torch.ones(3)))
    with hard_twin(group, zygote) as client:
        small, large = (Seen("judge_looks_at_pairs", case, encode(torch.ones(n))) for n in (500, 12_000))
        verdicts = client.review([small, large, small])
        assert client._worker is not None
        used = client._worker.used()
    assert [each.passed for each in verdicts] == [True, False, True]
    assert verdicts[1].message is not None and verdicts[1].message.id == "judge.memory"
    assert used is not None and used.memory < 700 * 2**20, f"{used.memory / 2**20:.0f} MiB"


def test_a_judge_that_does_not_come_to_an_end_has_a_bound_of_time(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = hard(tmp_path, zygote, monkeypatch)
    wrong = TOTAL.replace("return x.sum(-1)", "return x.sum(-1) + 1e15")
    failed = check(group.grade(group.submit("wrong", total=wrong))["wrong"], "judge_counts")
    assert failed.verdict == "failed"
    assert says(failed) == ["judge.time", "judge.not-asked", "judge.not-asked", "judge.time", "judge.not-asked"]


def test_an_answer_that_was_too_large_to_be_kept_needs_a_run_to_be_judged_again(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large answer its shape is kept. Where that is what is expected by now, nobody knows whether it is right."""
    group = hard(tmp_path, zygote, monkeypatch)
    result = group.grade_one("wrong", total=TOTAL.replace("x.mean(-1)", "x.new_zeros(1_000_000)"))
    plan = load_plan(next((group.root / ".autograder/plans").glob("numbers_of.total.*")))
    assert says(check(result, "judge_looks_at_pairs")) == ["shape", "shape"]
    for mended, needed in ((False, []), (True, [("numbers_of/total", "judge_looks_at_pairs")])):
        for planned, case in plan.cases():
            if mended and planned.name == "judge_looks_at_pairs":
                case.want = encode(torch.zeros(1_000_000))
        with hard_twin(group, zygote) as client, group.store as store:
            again = rejudge(result, {plan.exercise: (plan, client.review)}, store, "again")
        assert again.needs_run == needed
        assert [each for each in again.changes if each.exercise == "numbers_of/total"] == []
