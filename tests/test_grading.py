"""Grading from end to end: a real course, real submissions, a real jail and a real results file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tiny_course import (
    GRADING,
    PICK,
    PICK_CHECKS,
    TOTAL,
    TOTAL_CHECKS,
    TOTAL_MISTAKES,
    Class,
    SharedZygote,
    check,
    exercise,
    make_course,
)

from autograder.feedback.policy import student_view
from autograder.grading import exercise as exercise_module
from autograder.grading import graders as graders_module
from autograder.grading import hashes
from autograder.grading.asking import Asking, Outcome
from autograder.grading.decide import decide
from autograder.grading.gate import Gate
from autograder.grading.planner import CourseProblem
from autograder.grading.record import Judged
from autograder.grading.runner import Session
from autograder.grading.secret import SecretError, fingerprint, hidden_seed, load_secret, public_seed
from autograder.jail import layers
from autograder.jail.handle import Worker
from autograder.jail.host import JailError, Zygote
from autograder.plan import load_plan
from autograder.results import Result

COLUMNS = "You add up columns. Add up rows."
STUB = TOTAL.replace("return x.sum(-1)", 'raise NotImplementedError("sum")').replace(
    "return x.mean(-1)", 'raise NotImplementedError("mean")'
)


@pytest.fixture
def shared(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> SharedZygote:
    one = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: one)
    return one


@pytest.fixture
def group(tmp_path: Path, shared: SharedZygote) -> Class:
    return Class(make_course(tmp_path), shared)


def changed(old: str, new: str, text: str = TOTAL) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


def verdicts(result: Result) -> dict[str, str]:
    return {each.name: each.verdict for one in result.exercises for each in one.checks}


# --- verdicts --------------------------------------------------------------------------------------------------------


def test_the_reference_has_full_marks(group: Class) -> None:
    result = group.grade_one()
    assert (result.earned, result.points, result.pending) == (8, 8, 0)
    assert {each.verdict for each in result.exercises} == {"passed"}
    sums, means = check(result, "sums_rows"), check(result, "means_of_rows")
    assert [(case.title, case.public, case.fresh) for case in means.cases] == [
        ("rows=3, columns=3", True, False),
        ("rows=4, columns=4", False, False),
        ("fresh 1", False, True),
    ]
    assert sums.margin == 0.0 and sums.lecture == "lectures/numbers_of/total.md#sums"
    assert result.provenance.torch and result.provenance.exercise_hashes.keys() == {
        "numbers_of/total",
        "numbers_of/pick",
    }
    assert len(result.provenance.secret) == 16
    assert all(case.seed and case.observation for one in result.exercises for c in one.checks for case in c.cases)
    with group.store as store:
        assert store.observation(sums.cases[0].observation)


CHILD = changed("return x.sum(-1)", "import subprocess\n    subprocess.run(['true'], check=True)\n    return x.sum(-1)")


@pytest.mark.skipif(not layers.isolation().enough_for_hidden, reason=layers.isolation().why)
def test_the_profile_of_the_jail_is_the_exercises_and_stands_in_the_result(
    tmp_path: Path, shared: SharedZygote
) -> None:
    """`tools` starts a program; the same answer under `default` is refused the call."""
    forbid = 'forbid = ["torch.cumsum"]'
    tools = Class(
        make_course(tmp_path / "tools", grading=changed(forbid, f'{forbid}\njail = "tools"', GRADING)), shared
    )
    allowed = tools.grade_one(total=CHILD)
    assert [(one.verdict, one.profile) for one in allowed.exercises] == [("passed", "tools"), ("passed", "default")]
    assert allowed.provenance.profile == "default, tools"
    refused = exercise(Class(make_course(tmp_path / "default"), shared).grade_one(total=CHILD))
    message = refused.checks[0].cases[0].message
    assert (refused.verdict, refused.profile) == ("failed", "default")
    assert message is not None and message.values["exception"] == "PermissionError"


def test_what_a_person_should_look_at_costs_no_points_and_is_not_shown_to_students(group: Class) -> None:
    source = changed("return x.sum(-1)", "getattr(x, 'su' + 'm')\n    return x.sum(-1)") + "\n\nimport gc\n"
    result = group.grade_one(total=source)
    flags = [(flag.id, flag.values["name"]) for flag in exercise(result).flags]
    assert flags == [("flag.computed-name", "getattr"), ("flag.insides", "gc")]
    assert all(flag.values["place"].startswith("numbers_of/total.py:") for flag in exercise(result).flags)
    assert exercise(result).earned == 5 and not exercise(student_view(result)).flags


def test_the_stub_has_none(group: Class) -> None:
    result = group.grade_one(total=STUB, pick=changed("return [numbers[0]]", "raise NotImplementedError", PICK))
    assert (result.earned, result.pending) == (0, 0)
    sums = check(result, "sums_rows")
    assert sums.verdict == "failed" and sums.diagnosis is None
    message, place = sums.cases[0].message, sums.cases[0].place
    assert message is not None and (message.id, message.values) == ("run.not-written", {"function": "total"})
    assert place is not None and place.text == 'raise NotImplementedError("sum")'
    assert check(result, "picks_one").verdict == "blocked"


def test_what_torch_has_not_implemented_is_not_taken_for_an_unwritten_stub(group: Class) -> None:
    wrong = "import torch\n    return (x.to(torch.float8_e4m3fn) + x.to(torch.float8_e4m3fn)).sum(-1)"
    result = group.grade_one(total=changed("return x.sum(-1)", wrong))
    message = check(result, "sums_rows").cases[0].message
    assert message is not None and message.id == "run.raised"
    assert message.values["exception"] == "NotImplementedError" and "Float8" in message.values["text"]


def test_a_mistake_is_told_by_what_it_gives(group: Class) -> None:
    result = group.grade_one(total=changed("return x.sum(-1)", "return sum(x[i] for i in range(len(x)))"))
    sums = check(result, "sums_rows")
    assert sums.diagnosis is not None and sums.diagnosis.sentences == [COLUMNS]
    assert (sums.verdict, sums.earned) == ("failed", 0)
    square, wide = sums.cases
    assert square.difference is not None and square.difference.kind == "value" and square.difference.total == 3
    assert wide.difference is not None and (wide.difference.kind, wide.difference.got, wide.difference.want) == (
        "shape",
        "(5,)",
        "(2,)",
    )
    assert square.got.startswith("tensor(") and square.want.startswith("tensor(") and square.inputs.keys() == {"x"}
    assert check(result, "means_of_rows").verdict == "passed"
    assert exercise(result).earned == 2


def test_mistakes_that_can_not_be_told_apart_are_both_named(group: Class) -> None:
    result = group.grade_one(total=changed("x.mean(-1)", "x.transpose(0, 1).mean(-1)"))
    means = check(result, "means_of_rows")
    assert means.diagnosis is not None
    assert means.diagnosis.sentences == ["You take the mean of columns.", "You divide by the number of rows."]


def test_two_mistakes_in_two_functions(group: Class) -> None:
    result = group.grade_one(total=changed("x.mean(-1)", "x.mean(0)").replace("x.sum(-1)", "x.sum(0)"))
    sums, means = check(result, "sums_rows"), check(result, "means_of_rows")
    assert sums.diagnosis is not None and sums.diagnosis.sentences == [COLUMNS]
    assert means.diagnosis is not None and len(means.diagnosis.sentences) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        "x.sum(-1) * 0",
        "x.sum(-1) * float('nan')",
        "x.sum(99)",
        "x.sum(-1) + 1",
        "x.sum(0) if x.shape[0] == 3 else x.sum(-1) + 1",
    ],
    ids=["zeros", "NaN", "an exception", "something else", "a mistake in one case only"],
)
def test_no_diagnosis_from_what_could_come_from_anything(group: Class, wrong: str) -> None:
    sums = check(group.grade_one(total=changed("x.sum(-1)", wrong)), "sums_rows")
    assert sums.verdict == "failed" and sums.diagnosis is None


def test_what_raises_names_the_students_line(group: Class) -> None:
    case = check(group.grade_one(total=changed("x.sum(-1)", "x.sum(99)")), "sums_rows").cases[0]
    assert case.message is not None and case.message.id == "run.raised"
    assert case.message.values["exception"] == "IndexError" and case.message.values["builtin"] is True
    assert case.place is not None and (case.place.function, case.place.text) == ("total", "return x.sum(99)")
    assert case.place.line == TOTAL[: TOTAL.index("return x.sum")].count("\n") + 1


def test_printed_text_comes_with_the_case_that_printed_it(group: Class) -> None:
    source = changed("    return x.sum(-1)", "    print('shape', tuple(x.shape))\n    return x.sum(-1)")
    cases = check(group.grade_one(total=source), "sums_rows").cases
    assert [case.output for case in cases] == ["shape (3, 3)\n", "shape (2, 5)\n"]


def test_a_changed_input(group: Class) -> None:
    case = check(
        group.grade_one(total=changed("x.sum(-1)", "x.mul_(1).add_(1).sub_(0).sum(-1) - x.shape[-1]")), "sums_rows"
    ).cases[0]
    assert case.verdict == "failed" and case.message is not None
    assert (case.message.id, case.message.values) == ("run.mutated", {"input": "x"})


@pytest.mark.parametrize(
    ("text", "verdict", "message"),
    [
        ("def total(:\n", "error", "run.load-syntax"),
        ("1 / 0\n", "error", "run.load-raised"),
        ("raise NotImplementedError\n", "error", "run.not-written"),
        ("import sys; sys.exit(0)\n", "error", "run.load-raised"),
        ("import os; os._exit(0)\n", "crashed", "run.exited"),
        ("import ctypes; ctypes.string_at(0)\n", "crashed", "run.crashed"),
        ("x = 'a' * 10**12\n", "memory", "run.memory"),
        ("import torch\ntorch.cumsum\n", "forbidden", "run.forbidden"),
        ("\udcff", "error", "submission."),
    ],
)  # fmt: skip
def test_a_file_that_can_not_be_loaded(group: Class, text: str, verdict: str, message: str) -> None:
    broken, right = group.submit("broken", total=text), group.submit("right")
    results = group.grade(broken, right)
    total = exercise(results["broken"])
    assert total.verdict == verdict and total.earned == 0
    assert total.message is not None and total.message.id.startswith(message)
    assert {each.verdict for each in total.checks} == {verdict} and sum(each.points for each in total.checks) == 5
    assert exercise(results["broken"], "numbers_of/pick").verdict == "blocked"
    assert results["right"].earned == 8


def test_a_missing_file_leaves_the_others(group: Class) -> None:
    submission = group.submit("one")
    (group.root / "submissions/one/numbers_of/pick.py").unlink()
    from autograder.course.submission import open_submission

    result = group.grade(open_submission(group.root / "submissions/one", group.course))[submission.id]
    assert exercise(result).verdict == "passed"
    pick = exercise(result, "numbers_of/pick")
    assert pick.verdict == "error" and pick.message is not None and pick.file_hash == ""


def test_missing_and_wrong_functions(group: Class) -> None:
    result = group.grade_one(total="def total(x, y): return x.sum(-1)\n")
    sums, means = check(result, "sums_rows"), check(result, "means_of_rows")
    assert sums.cases[0].message is not None and sums.cases[0].message.id == "run.wrong-signature"
    assert sums.cases[0].message.values == {"name": "total", "want": "(x)", "got": "(x, y)"}
    assert means.cases[0].message is not None and means.cases[0].message.id == "run.missing-function"
    result = group.grade_one(total=changed("return x.sum(-1)", "x.sum(-1)"))
    message = check(result, "sums_rows").cases[0].message
    assert message is not None and (message.id, message.values) == (
        "run.wrong-type",
        {"function": "total", "want": "Tensor", "got": "None"},
    )


def test_an_observation_that_does_not_decode_fails(group: Class) -> None:
    source = (
        "import autograder.experiment.observe as o\no.encode_within = lambda value, limit: b'LLV1 nothing of the kind'\n"
        + TOTAL.replace("from __future__ import annotations\n", "")
    )
    result = group.grade_one(total=source)
    assert {each.verdict for each in exercise(result).checks} == {"failed"}
    message = check(result, "sums_rows").cases[0].message
    assert message is not None and message.id == "run.too-big"


def test_exercises_that_require_another(group: Class) -> None:
    result = group.grade_one(total=changed("x.mean(-1)", "x.mean(0)"))
    pick = exercise(result, "numbers_of/pick")
    assert (pick.verdict, pick.earned, pick.pending) == ("blocked", 0, 0)
    assert pick.message is not None and pick.message.values == {"exercises": "numbers_of/total"}
    group.grade_one(total=changed("x.mean(-1)", "x.mean(0)"))
    assert group.kinds() == ["reused"]
    mended = group.grade_one()  # what was graded before counts now: nothing of it runs again
    assert exercise(mended, "numbers_of/pick").verdict == "passed"
    assert [step.name for step in group.steps if step.kind == "plan"] == ["numbers_of/total"]
    only = group.grade(group.submit("two", total=STUB), exercises=[group.course.exercise("numbers_of/pick")])["two"]
    assert [each.verdict for each in only.exercises] == ["passed"]


# --- judges ----------------------------------------------------------------------------------------------------------


def test_a_judge_accepts_any_right_answer_and_says_why_not(group: Class) -> None:
    assert group.grade_one("other", pick=changed("numbers[0]", "numbers[-1]", PICK)).earned == 8
    wrong = check(group.grade_one("wrong", pick=changed("numbers[0]", "5", PICK)), "picks_one")
    assert wrong.verdict == "failed" and wrong.cases[0].message is not None
    assert wrong.cases[0].message.id == "judge.rejected"
    assert wrong.cases[0].message.values == {"sentence": "{number} is none of the numbers.", "number": "5"}
    kind = check(
        group.grade_one("kind", pick=changed("list[int]:", "list:", PICK).replace("numbers[0]", "'one'")), "picks_one"
    )
    message = kind.cases[0].message
    assert kind.verdict == "failed" and message is not None and message.id == "run.wrong-type"


def test_an_answer_on_which_only_it_makes_the_judge_raise_fails(group: Class) -> None:
    result = group.grade_one(pick=changed("return [numbers[0]]", "return []", PICK))
    picks = check(result, "picks_one")
    assert (picks.verdict, picks.earned, picks.pending) == ("failed", 0, 0)
    message = picks.cases[0].message
    assert message is not None and message.id == "judge.raised" and "IndexError" in message.values["error"]


# --- GPU checks ------------------------------------------------------------------------------------------------------

GPU_CHECKS = TOTAL_CHECKS.replace("@check(points=2, inputs=table,", '@check(points=2, inputs=table, device="cuda",')


def test_a_gpu_check_is_pending_without_one_and_knows_its_answer_all_the_same(group: Class) -> None:
    make_course(group.root, total_checks=GPU_CHECKS)
    result = group.grade_one(total=STUB.replace('    raise NotImplementedError("sum")', "    return x.sum(-1)"))
    means = check(result, "means_of_rows")
    assert (means.verdict, means.earned, means.pending, check(result, "sums_rows").verdict) == (
        "skipped",
        0,
        2,
        "passed",
    )
    path = next((group.root / ".autograder").rglob("numbers_of.total.*.plan"))
    assert all(case.want for _, case in load_plan(path).cases())  # from the reference on the CPU


def test_a_gpu_check_that_the_reference_fails_is_found_without_one(group: Class) -> None:
    make_course(group.root, total_checks=GPU_CHECKS.replace("student.middle(x)", "student.middle(x[99])"))
    with pytest.raises(CourseProblem, match="the reference itself raised IndexError"):
        group.grade_one()


# --- confirming ------------------------------------------------------------------------------------------------------

AFTER_TOTAL = (
    TOTAL.replace("return x.sum(-1)", "global called; called = True; return x.sum(-1)") + "\n\ncalled = False\n"
)


def test_a_rerun_is_led_through_the_same_cases_as_the_first(group: Class) -> None:
    """What an earlier check left behind is there again: an answer can't tell the runs apart, and fails in both."""
    source = AFTER_TOTAL.replace("return x.mean(-1)", "return x.mean(-1) + called")
    result = group.grade_one(total=source)
    assert check(result, "means_of_rows").verdict == "failed" and exercise(result).earned == 3
    crash = AFTER_TOTAL.replace("return x.mean(-1)", "return x.mean(-1) if not called else __import__('os')._exit(1)")
    assert check(group.grade_one("crash", total=crash), "means_of_rows").verdict == "crashed"


def _runs(*passes: bool) -> tuple[dict[tuple[str, str], Judged], Any]:
    made = [
        {("c", "case"): Judged(Outcome("passed" if each else "failed", output=str(n)))} for n, each in enumerate(passes)
    ]
    rest = iter(made[1:])
    return made[0], lambda checks: next(rest)


@pytest.mark.parametrize(
    ("passes", "verdict", "differs"),
    [
        ([True], "passed", False),
        ([False, False], "failed", False),
        ([False, True, False], "failed", True),
        ([False, True, True, False], "failed", True),
        ([False, True, True, True], "passed", True),
    ],
)
def test_one_lucky_run_does_not_count(passes: list[bool], verdict: str, differs: bool) -> None:
    first, again = _runs(*passes)
    decided = decide(first, again)
    assert decided.cases["c", "case"].verdict == verdict and bool(decided.differing) is differs


def test_a_check_that_can_not_be_run_again_stands() -> None:
    first, _ = _runs(False)
    assert decide(first, lambda checks: {}).cases == first


TURNS = """

def _turn():
    import time
    return int(time.time() * 1e6) % 2
"""


def test_who_answers_at_random_is_flagged_and_needs_more_than_luck(group: Class) -> None:
    """Right only by the clock: over many submissions, no more pass than guess right, and each that differs has its flag."""
    source = changed("return x.mean(-1)", "return x.mean(-1) + _turn()") + TURNS
    results = group.grade(*(group.submit(f"s{n}", total=source + f"# {n}\n") for n in range(12)))
    lucky = [one for one in map(exercise, results.values()) if one.verdict == "passed" and not one.flags]
    flagged = [one for one in map(exercise, results.values()) if any(flag.id == "flag.differs" for flag in one.flags)]
    assert len(lucky) < 12 and all(
        flag.values["name"] == "means_of_rows" for one in flagged for flag in one.flags if flag.id == "flag.differs"
    )


def test_a_public_case_shows_nothing_of_a_worker_that_had_hidden_inputs(group: Class) -> None:
    """Each worker prints what it has seen so far, in public cases: what is stored of them has no hidden input in it."""
    source = changed("return x.sum(-1)", "seen.append(tuple(x.shape)); print(seen); return x.sum(-1) + 1")
    result = group.grade_one(total=source + "\n\nseen = []\n")
    outputs = [case.output for one in result.exercises for c in one.checks for case in c.cases if case.public]
    assert "(3, 3)" in "".join(outputs) and "(2, 5)" not in "".join(outputs)


SLEEPS = changed("return x.mean(-1)", "__import__('time').sleep(1000)\n    return x.mean(-1)")


def test_a_sleeper_is_not_run_again(group: Class, alone: list[int]) -> None:
    result = group.grade_one(total=SLEEPS)
    assert check(result, "means_of_rows").verdict == "timeout" and alone == []


def test_all_cases_together_have_a_bound(group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercise_module, "EXERCISE_WALLS", 0.2)
    result = group.grade_one(total=SLEEPS)
    told = {case.message.id for one in result.exercises for c in one.checks for case in c.cases if case.message}
    assert "run.exercise-time" in told and check(result, "sums_rows").verdict in ("passed", "timeout")


@pytest.mark.parametrize(
    ("took", "waited", "charged"),
    [(8.0, 0.0, 8.0), (8.0, 5.0, 3.0), (8.0, 7.9, 2.0)],  # the last: threads of its own may have kept it waiting
)
def test_waiting_for_a_processor_is_not_charged(took: float, waited: float, charged: float) -> None:
    asking = Asking(cast(Session, None), cast(Worker, None), loading=False, wall=12.0, took=took, waited=waited)
    assert asking.charged == charged


def test_what_fails_in_the_same_way_again_is_not_run_again(group: Class) -> None:
    group.grade_one()
    group.zygote.forked.clear()
    group.grade_one("stub", total=STUB)
    assert group.zygote.forked.count("jail") == 1
    group.grade_one("other", total=changed("x.sum(-1)", "x.sum(-1) + 1"))  # from here on the known mistakes are known
    group.zygote.forked.clear()
    group.grade_one("wrong", total=changed("x.sum(-1)", "x.sum(0)"))
    assert group.zygote.forked.count("jail") == 3  # public cases, those again, and all without the pause between


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often something ran alone."""
    entered: list[int] = []
    original = Gate.alone

    @contextmanager
    def counted(self: Gate) -> Iterator[None]:
        with original(self):
            assert self._running == 0
            entered.append(1)
            yield

    monkeypatch.setattr(Gate, "alone", counted)
    return entered


def test_a_timeout_is_run_again_alone_before_it_costs_points(group: Class, alone: list[int]) -> None:
    # Slow after another check, and so in each run that is led through the same cases.
    slow = AFTER_TOTAL.replace("    return x.mean(-1)", "    while called: pass\n    return x.mean(-1)")
    endless = changed("    return x.sum(-1)", "    while True:\n        pass")
    results = group.grade(group.submit("slow", total=slow), group.submit("endless", total=endless))
    assert check(results["slow"], "means_of_rows").verdict == "timeout"
    sums = check(results["endless"], "sums_rows")
    assert (sums.verdict, sums.earned) == ("timeout", 0) and len(alone) == 2
    first, second = sums.cases
    assert first.message is not None and (first.message.id, first.message.values) == ("run.timeout", {"seconds": 1})
    assert first.place is not None and first.place.function == "total"
    assert second.message is not None and second.message.id == "run.not-run"
    assert check(results["endless"], "means_of_rows").verdict == "passed"
    assert exercise(results["endless"]).verdict == "timeout"


def test_the_gate_lets_one_run_alone() -> None:
    import threading

    gate, seen = Gate(), []

    def work(number: int) -> None:
        with gate.alone() if number % 3 == 0 else gate.shared():
            seen.append(("in", number))
            time.sleep(0.002)
            assert number % 3 or (gate._running == 0 and seen[-1] == ("in", number))
            seen.append(("out", number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(seen) == 24
    for number in range(0, 12, 3):
        assert seen.index(("out", number)) == seen.index(("in", number)) + 1


# --- a class ---------------------------------------------------------------------------------------------------------


def test_grading_again_grades_nothing(group: Class) -> None:
    submissions = [group.submit("a"), group.submit("b", total=STUB), group.submit("c", total="def f(:\n")]
    first = group.grade(*submissions)
    assert sorted(group.kinds()) == ["graded"] * 3 + ["plan"] * 2
    group.zygote.forked.clear()
    group.zygote.started = 0
    second = group.grade(*submissions)
    assert group.kinds() == ["reused"] * 3
    assert group.zygote.started == 0 and group.zygote.forked == []
    assert {name: result.exercises for name, result in second.items()} == {
        name: result.exercises for name, result in first.items()
    }
    run = next(iter(second.values())).run
    rows = group.rows("result")
    group.grade(*submissions, run=run)
    assert group.rows("result") == rows and group.kinds() == ["reused"] * 3


def test_only_what_changed_is_graded_again(group: Class) -> None:
    group.grade(group.submit("a"), group.submit("b"))
    group.zygote.forked.clear()
    changed_one = group.submit("b", pick=changed("numbers[0]", "numbers[1]", PICK))
    results = group.grade(group.submit("a"), changed_one)
    assert group.kinds() == ["reused", "plan", "graded"]
    assert group.steps[1].name == "numbers_of/pick" and results["b"].earned == 8
    assert sorted(group.zygote.forked) == ["jail", "twin"]


def test_equal_files_are_run_once(group: Class) -> None:
    group.grade_one()
    group.zygote.forked.clear()
    results = group.grade(*[group.submit(f"s{n}", total=STUB) for n in range(6)])
    assert group.zygote.forked.count("jail") == 1
    assert len({results[name].exercises[0].key for name in results}) == 1


def test_a_change_of_the_course_grades_again(group: Class) -> None:
    group.grade_one()
    make_course(group.root, total_checks=TOTAL_CHECKS.replace("The sum goes", "Your sum goes"))
    result = group.grade_one()
    assert group.kinds() == ["plan", "graded"] and check(result, "sums_rows").claim.startswith("Your")
    make_course(group.root, grading=GRADING.replace("[limits]\ncpu_seconds = 1", "[limits]\ncpu_seconds = 2"))
    group.grade_one()
    assert "graded" in group.kinds()


def test_fresh_cases_are_drawn_anew_for_each_draw(group: Class) -> None:
    seeds = {}
    for draw in ("a", "b", "a"):
        cases = check(group.grade(group.submit("one"), draw=draw)["one"], "means_of_rows").cases
        again = [case.seed for case in cases]
        assert seeds.setdefault(draw, again) == again
    a, b = seeds["a"], seeds["b"]
    assert a[:2] == b[:2] and a[2] != b[2]


def test_two_classes_have_other_hidden_inputs_and_the_same_public_ones(group: Class, tmp_path: Path) -> None:
    other = Class(make_course(tmp_path / "other"), group.zygote)
    for name in ("sums_rows", "means_of_rows"):
        ours, theirs = (check(each.grade_one(), name).cases for each in (group, other))
        assert ours[0].inputs == theirs[0].inputs and ours[0].seed == theirs[0].seed
        assert all(a.inputs != b.inputs and a.seed != b.seed for a, b in zip(ours[1:], theirs[1:], strict=True))


def test_a_jail_that_does_not_start_costs_no_points(
    group: Class, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(SharedZygote):
        def fork(self, role: str = "jail", *more: Any, **named: Any) -> Any:
            raise JailError("no process could be started")

    made = iter([Broken(zygote), group.zygote])
    with monkeypatch.context() as patch:
        patch.setattr(graders_module, "Zygote", lambda *_, **__: next(made))
        result = group.grade_one()
    assert {each.verdict for each in result.exercises} == {"grader-error"}
    assert (result.earned, result.pending) == (0, 8)
    assert group.grade_one().earned == 8 and "graded" in group.kinds()  # nothing of it was kept


CLASS_SCRIPT = """
import os, sys, tiny_course
from autograder.grading import graders as graders_module, hashes
from pathlib import Path
from autograder.jail.host import Zygote

pids = []
class Watched(Zygote):
    def wait(self):
        ready = super().wait()
        print("zygote", ready.pid, flush=True)
        return ready
graders_module.Zygote = Watched
hashes.engine = lambda: sys.argv[3]  # that of whoever goes on: the engine may be edited while its tests run
group = tiny_course.Class(Path(sys.argv[1]), None)
steps = group.steps
class Printing(list):
    def append(self, step):
        print(step.kind, step.name, flush=True)
group.steps = Printing()
submissions = [group.submit(f"s{n}", total=tiny_course.TOTAL + f"\\n# {n}\\n") for n in range(int(sys.argv[2]))]
group.grade(*submissions, run="the-run", jobs=2)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(group: Class, tmp_path: Path) -> None:
    count = 40
    script = tmp_path / "script.py"
    script.write_text(CLASS_SCRIPT)
    with group.store as store, store.transaction():
        store._db.execute("INSERT INTO run (id, kind, started) VALUES ('the-run', 'grade', 'now')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, str(script), str(group.root), str(count), hashes.engine()],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    done, zygotes = [], []
    assert process.stdout is not None
    for line in process.stdout:
        kind, name = line.split()
        if kind == "zygote":
            zygotes.append(int(name))
        elif kind == "graded":
            done.append(name)
        if len(done) == 5:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    assert len(done) == 5 and zygotes
    until = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in zygotes):  # they go when the grader does
        assert time.monotonic() < until, "a zygote outlived its grader"
        time.sleep(0.05)

    submissions = [group.submit(f"s{n}", total=TOTAL + f"\n# {n}\n") for n in range(count)]
    results = group.grade(*submissions, run="the-run")
    assert len(results) == count and all(result.earned == 8 for result in results.values())
    reused = {step.name for step in group.steps if step.kind == "reused"}
    graded = {step.name for step in group.steps if step.kind == "graded"}
    assert set(done) <= reused and len(reused) < count
    assert reused.isdisjoint(graded) and len(reused | graded) == count
    assert group.rows("result") == count  # each written once


def test_stopping_early_keeps_what_was_yielded(group: Class) -> None:
    submissions = [group.submit(f"s{n}", total=TOTAL + f"\n# {n}\n") for n in range(6)]
    with group.store as store:
        run = store.start_run().id
        from autograder.grading.grade import ClassGrader

        with ClassGrader(
            course=group.course,
            root=group.root,
            private=group.root / ".autograder",
            secret=load_secret(group.root / ".autograder"),
            run=run,
        ) as grader:
            running = grader.grade(submissions, store)
            seen = [next(running).submission for _ in range(2)]
            running.close()  # type: ignore[attr-defined]
        assert set(seen) <= {result.submission for result in store.results(run)}
    group.grade(*submissions, run=run)
    assert set(seen) <= {step.name for step in group.steps if step.kind == "reused"}


# --- broken courses --------------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "an edit that matches twice": (
        {"total_mistakes": TOTAL_MISTAKES.replace('"x.sum(-1)": "x.sum(0)"', '"x: Tensor": "x"')},
        r"solutions/numbers_of/total/mistakes\.py:5: 'x: Tensor' occurs 2 times in solution\.py; an edit needs exactly one",
    ),
    "an edit that matches nowhere": (
        {"total_mistakes": TOTAL_MISTAKES.replace('"x.sum(-1)": "x.sum(0)"', '"x.sum(1)": "x.sum(0)"')},
        r"mistakes\.py:5: 'x\.sum\(1\)' occurs 0 times",
    ),
    "an unknown check in fails=": (
        {"total_mistakes": TOTAL_MISTAKES.replace("means_of_rows", "means")},
        r"mistakes\.py:\d+: there is no check means",
    ),
    "points that do not add up": (
        {"total_checks": TOTAL_CHECKS.replace("points=3", "points=4")},
        r"total/checks\.py: its checks have 6 points, grading\.toml gives the exercise 5",
    ),
    "an experiment that raises on the reference": (
        {"total_checks": TOTAL_CHECKS.replace("student.total(x)", "student.totals(x)")},
        r"on check sums_rows, case 'a square', the reference itself",
    ),
    "a reference that raises": (
        {"total_solution": TOTAL.replace("x.sum(-1)", "x.sum(7)"), "total_mistakes": ""},
        r"on check sums_rows, case 'a square', the reference itself raised IndexError: .*\(line \d+\)",
    ),
    "a reference that does not load": (
        {"total_solution": TOTAL + "\n1 / 0\n"},
        r"total/solution\.py:\d+: ZeroDivisionError: division by zero",
    ),
    "a reference of the wrong type": (
        {"total_solution": TOTAL.replace("return x.sum(-1)", "return x.sum(-1).tolist()"), "total_mistakes": ""},
        r"the reference itself ended with run\.wrong-type",
    ),
    "a judge that rejects the reference": (
        {"pick_checks": PICK_CHECKS.replace("not in", "in")},
        r"numbers_of/pick: check picks_one, case 'numbers=\[1, 2\]', rejects the reference itself",
    ),
    "a judge that raises on the reference": (
        {"pick_checks": PICK_CHECKS.replace("seen[0] not", "seen[5] not")},
        r"rejects the reference itself: the judge raised IndexError",
    ),
    "inputs that raise": (
        {"total_checks": TOTAL_CHECKS.replace('return {"x"', 'return {"x": rng.nothing()} or {"x"')},
        r"check sums_rows, case 'a square': making its inputs raised AttributeError",
    ),
    "inputs that the experiment does not take": (
        {"total_checks": TOTAL_CHECKS.replace('return {"x"', 'return {"y"')},
        r"its inputs are y, its experiment takes x",
    ),
    "inputs that can not cross": (
        {"total_checks": TOTAL_CHECKS.replace("rng.normal(rows, columns)", "rng.normal")},
        r"input x is a method, which cannot cross",
    ),
    "inputs that are no dict": (
        {"total_checks": TOTAL_CHECKS.replace('return {"x": rng.normal(rows, columns)}', "return [1]")},
        r"inputs= returned a list",
    ),
    "an experiment that imports what students do not have": (
        {"total_checks": "import subprocess\n" + TOTAL_CHECKS.replace("return student.total(x)", "return subprocess or student.total(x)")},
        r"checks\.py:1: an experiment can't import subprocess",
    ),
    "an experiment that changes its inputs": (
        {"total_checks": TOTAL_CHECKS.replace("return student.total(x)", "return student.total(x.mul_(2))")},
        r"the reference changes its input x in place\. Let it work on a copy, or declare mutates=True",
    ),
    "a reference that needs its own solution to be loaded": (
        {"total_solution": TOTAL.replace("def total", "# BEGIN SOLUTION\nONE = 1\n# END SOLUTION\nTWO = ONE + 1\n\n\ndef total")},
        r"total/solution\.py:\d+: 'ONE' is defined inside a solution region",
    ),
    "checks.py with a fault": ({"total_checks": "import nothing_of_the_kind\n"}, r"total/checks\.py:1: ModuleNotFoundError"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_course_stops_before_anybody_is_graded(group: Class, name: str) -> None:
    texts, said = BROKEN[name]
    make_course(group.root, **texts)
    with pytest.raises(CourseProblem, match=said) as stopped:
        group.grade_one()
    assert "Traceback" not in str(stopped.value) and str(stopped.value).startswith("solutions/numbers_of/")
    assert "graded" not in group.kinds() and group.rows("result") == 0


def test_all_broken_exercises_are_named_at_once(group: Class) -> None:
    make_course(
        group.root,
        total_checks=TOTAL_CHECKS.replace("points=3", "points=4"),
        pick_checks=PICK_CHECKS.replace("points=3", "points=1"),
    )
    with pytest.raises(CourseProblem) as stopped:
        group.grade_one()
    assert len(str(stopped.value).splitlines()) == 2


def test_points_that_change_after_the_plan_was_made(group: Class) -> None:
    group.grade_one()
    make_course(group.root, grading=GRADING.replace("points = 5", "points = 6"))
    with pytest.raises(CourseProblem, match="its checks have 5 points"):
        group.grade_one()


def test_a_damaged_plan_is_made_again(group: Class) -> None:
    group.grade_one()
    for plan in (group.root / ".autograder/plans").glob("*.plan"):
        plan.write_bytes(b"damaged")
    assert group.grade_one("other", total=TOTAL + "\n# other\n").earned == 8


def test_numpy_answers_are_weighed_and_diagnosed(group: Class) -> None:
    """Observations of every kind can be evidence of a mistake."""
    make_course(
        group.root,
        total_checks=TOTAL_CHECKS.replace(
            "return student.total(x)", "t = student.total(x); return [t.numpy(), t.numpy().sum(), {'a': t.double()}]"
        ),
    )
    sums = check(group.grade_one(total=changed("x.sum(-1)", "x.sum(0)")), "sums_rows")
    assert sums.diagnosis is not None and sums.diagnosis.sentences == [COLUMNS]


# --- the secret ------------------------------------------------------------------------------------------------------


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secret = load_secret(tmp_path / "private")
    assert load_secret(tmp_path / "private") == secret and len(secret) == 32
    assert (tmp_path / "private/secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o700
    assert secret.hex() not in fingerprint(secret) and load_secret(tmp_path / "other") != secret


@pytest.mark.parametrize("text", ["", "not hexadecimal", "abcd", "\xff"])
def test_a_damaged_secret_is_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_bytes(text.encode("latin-1"))
    with pytest.raises(SecretError, match="restore it from your backup"):
        load_secret(tmp_path)
    assert (tmp_path / "secret").read_bytes() == text.encode("latin-1")


def test_seeds() -> None:
    seeds = {
        public_seed("a/b", "c", "d"),
        public_seed("a/b", "c", "e"),
        hidden_seed(b"1" * 16, "a/b", "c", "d"),
        hidden_seed(b"2" * 16, "a/b", "c", "d"),
        hidden_seed(b"1" * 16, "a/b", "c", "d", "draw"),
    }
    assert len(seeds) == 5 and all(re.fullmatch("[0-9a-f]{32}", seed) for seed in seeds)
