"""Item statistics against figures worked out by hand."""

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.report.statistics import Shared, alpha, exercise_statistics
from autograder.results import CaseResult, CheckResult, Diagnosis, ExerciseResult, Message, Result


def check(
    name: str, verdict: str, points: int = 1, margin: float | None = None, sentences: list[str] | None = None, **message
) -> CheckResult:
    case = CaseResult(
        title="", public=True, verdict=verdict, margin=margin, message=Message(**message) if message else None  # type: ignore[arg-type]
    )  # fmt: skip
    return CheckResult(
        name=name, claim=name, points=points, verdict=verdict, earned=points if verdict == "passed" else 0, cases=[case],  # type: ignore[arg-type]
        diagnosis=Diagnosis(sentences=sentences) if sentences else None,
    )  # fmt: skip


def one(results: list[list[CheckResult]], **changes):
    exercises = [
        replace(ExerciseResult(exercise="a/b", title="A", points=2, verdict="failed", checks=checks), **changes)
        for checks in results
    ]
    return exercise_statistics([sample.result(f"s{n}", [exercise]) for n, exercise in enumerate(exercises)])[0]


def test_pass_rates_leave_pending_out():
    found = one(
        [[check("x", verdict)] for verdict in ("passed", "failed", "timeout", "skipped", "grader-error")]
    ).checks[0]
    assert (found.passed, found.answers) == (1, 3) and found.rate == pytest.approx(1 / 3)
    assert one([[check("x", "skipped")]]).checks[0].rate is None


def test_discrimination_is_the_correlation_with_the_rest():
    aligned = [[check("x", v), check("y", v)] for v in ("passed", "failed", "passed", "failed", "passed")]
    assert one(aligned).checks[0].discrimination == pytest.approx(1.0)
    against = [
        [check("x", v), check("y", w)] for v, w in zip(["passed", "failed"] * 3, ["failed", "passed"] * 3, strict=True)
    ]
    assert one(against).checks[0].discrimination == pytest.approx(-1.0)
    # x = 1 1 1 0 0 0, y = 1 1 0 0 0 1: covariance 1/2, both variances 3/2, so r = 1/3
    mixed = [
        [check("x", "passed" if x else "failed"), check("y", "passed" if y else "failed")]
        for x, y in zip((1, 1, 1, 0, 0, 0), (1, 1, 0, 0, 0, 1), strict=True)
    ]
    assert one(mixed).checks[0].discrimination == pytest.approx(1 / 3)


def test_no_discrimination_from_few_answers_or_when_all_agree():
    assert one([[check("x", "passed"), check("y", "failed")]] * 4).checks[0].discrimination is None
    assert one([[check("x", "passed"), check("y", "failed")]] * 9).checks[0].discrimination is None


def test_diagnoses_and_reasons_are_counted():
    results = [
        [check("x", "failed", sentences=["Tiled."])],
        [check("x", "failed", sentences=["Tiled.", "Other."])],
        [check("x", "failed", id="run.raised", values={"exception": "KeyError", "text": "1"})],
        [check("x", "failed", id="run.raised", values={"exception": "KeyError", "text": "2"})],
        [check("x", "failed")],
        [check("x", "passed")],
    ]
    found = one(results).checks[0]
    assert found.diagnoses == [Shared("Tiled.", ["s0", "s1"]), Shared("Other.", ["s1"])]
    assert found.reasons == [
        Shared("Your code raised KeyError, and a right answer does not.", ["s2", "s3"]),
        Shared("failed", ["s4"]),
    ]
    assert found.missed == ["s0", "s1", "s2", "s3", "s4"]


def test_close_calls_nearest_first():
    margins = [
        ("passed", 0.1),
        ("passed", 0.6),
        ("passed", 0.99),
        ("failed", 1.5),
        ("failed", 40.0),
        ("passed", None),
        ("passed", 0.0),
    ]
    found = one([[check("x", verdict, margin=margin)] for verdict, margin in margins]).checks[0]
    assert [(close.submission, close.margin, close.passed) for close in found.close] == [
        ("s2", 0.99, True),
        ("s3", 1.5, False),
        ("s1", 0.6, True),
    ]
    examples = one([[check("docstring_examples", "passed", points=0, margin=0.6)]]).checks[0]
    assert examples.close == []  # rounded as printed: every right answer is near, and no points hang on it


def test_why_nothing_could_be_run():
    stopped = one([[], [], []], message=Message(id="run.load-empty"), verdict="error")
    assert (
        stopped.stopped == [Shared("The file is empty.", ["s0", "s1", "s2"])]
        and stopped.passed == 0
        and stopped.checks == []
    )


def test_a_check_that_was_skipped_is_not_the_hardest():
    found = one([[check("x", "skipped"), check("y", verdict)] for verdict in ("passed", "failed", "passed")])
    assert found.hardest is not None and found.hardest.name == "y"
    assert one([[check("x", "skipped")]]).hardest is None


def test_reliability_by_hand():
    # x = 1 1 1 0 0, y = 1 1 0 0 0: variances 0.24 each, of the sums 2 2 1 0 0 it is 0.8; alpha = 2 · (1 - 0.48 / 0.8) = 0.8
    rows = [[check("x", "passed" if x else "failed"), check("y", "passed" if y else "failed")] for x, y in zip((1, 1, 1, 0, 0), (1, 1, 0, 0, 0), strict=True)]  # fmt: skip
    found = one(rows)
    assert found.reliability == pytest.approx(0.8)
    assert [each.without for each in found.checks] == [None, None]  # one check alone agrees with nothing
    three = one([[*row, check("z", row[0].verdict)] for row in rows])
    assert three.checks[1].without == pytest.approx(1.0) and three.reliability is not None and three.reliability < 1


def test_reliability_needs_some_who_were_asked_everything():
    assert one([[check("x", "passed"), check("y", "failed")]] * 4).reliability is None  # too few
    assert one([[check("x", "passed"), check("y", "passed")]] * 9).reliability is None  # no differences
    assert alpha([]) is None


def test_checks_that_say_nothing_are_named():
    against = [
        [check("x", v), check("y", w)] for v, w in zip(["passed", "failed"] * 3, ["failed", "passed"] * 3, strict=True)
    ]
    assert [each.name for each in one(against).weak] == ["x", "y"]
    aligned = [[check("x", v), check("y", v)] for v in ("passed", "failed", "passed", "failed", "passed")]
    assert one(aligned).weak == []


def test_no_results():
    assert exercise_statistics([]) == []
    assert exercise_statistics([sample.result(exercises=[])]) == []


def test_means_of_a_class():
    results: list[Result] = sample.class_results()
    for found in exercise_statistics(results):
        earned = [
            exercise.earned
            for result in results
            for exercise in result.exercises
            if exercise.exercise == found.exercise
        ]
        assert found.mean == pytest.approx(sum(earned) / len(results)) and found.submissions == len(results)
