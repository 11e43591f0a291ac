"""Which mistake explains which check, on plans made by hand."""

from __future__ import annotations

from autograder.grading.diagnosis import diagnose
from autograder.plan import NO_EVIDENCE, Plan, PlannedCase, PlannedCheck

VALUE = b"another value"


def make(**checks: dict[str, dict[int, bytes]]) -> Plan:
    """A plan of `check={case: {mistake: its observation}}`; every case is compared."""
    made = [
        PlannedCheck(
            name=name,
            claim="",
            points=1,
            cases=[
                PlannedCase(title=title, public=True, compared=True, mistakes=seen) for title, seen in cases.items()
            ],
        )
        for name, cases in checks.items()
    ]
    return Plan(exercise="topic/one", stub="", experiments="", checks=made, mistakes=["zero", "one", "two"])


def test_the_mistake_that_gives_the_same_values_explains_the_check() -> None:
    plan = make(sums={"a": {0: VALUE, 1: VALUE}, "b": {1: VALUE}})
    assert diagnose(plan, {("sums", "a"): False, ("sums", "b"): True}, {("sums", "a"): [0, 1]}) == {"sums": [0]}


def test_what_passes_is_not_explained() -> None:
    plan = make(sums={"a": {0: VALUE}}, means={"a": {0: VALUE}})
    assert diagnose(plan, {("sums", "a"): True, ("means", "a"): False}, {("means", "a"): [0]}) == {"means": [0]}


def test_mistakes_that_cannot_be_told_apart_are_all_named() -> None:
    plan = make(sums={"a": {0: VALUE, 2: VALUE}})
    assert diagnose(plan, {("sums", "a"): False}, {("sums", "a"): [0, 2]}) == {"sums": [0, 2]}


def test_a_failure_where_the_mistake_passes_speaks_against_it() -> None:
    plan = make(sums={"a": {0: VALUE}, "b": {}})
    assert diagnose(plan, {("sums", "a"): False, ("sums", "b"): False}, {("sums", "a"): [0]}) == {}


def test_an_exception_alone_is_no_evidence() -> None:
    plan = make(sums={"a": {0: NO_EVIDENCE}})
    assert diagnose(plan, {("sums", "a"): False}, {}) == {}


def test_a_mistake_that_agrees_with_every_check_goes_first() -> None:
    plan = make(sums={"a": {0: VALUE, 1: VALUE}}, means={"a": {1: VALUE}})
    assert diagnose(plan, {("sums", "a"): False, ("means", "a"): True}, {("sums", "a"): [0, 1]}) == {"sums": [0]}


def test_of_mistakes_that_disagree_somewhere_those_that_explain_most_go_first() -> None:
    """Two mistakes in two functions: the check that uses both functions agrees with neither of them alone."""
    plan = make(
        ranks={"a": {0: VALUE, 1: VALUE, 2: VALUE}},
        runs={"a": {1: VALUE}},
        both={"a": {0: VALUE, 1: VALUE, 2: VALUE}},
    )
    passed = {("ranks", "a"): False, ("runs", "a"): False, ("both", "a"): False}
    matches = {("ranks", "a"): [0, 1, 2], ("runs", "a"): [1], ("both", "a"): []}
    assert diagnose(plan, passed, matches) == {"ranks": [1], "runs": [1]}


def test_what_passes_elsewhere_speaks_for_another_mistake() -> None:
    plan = make(sums={"a": {0: VALUE}}, means={"a": {0: VALUE, 1: VALUE}, "b": {0: VALUE, 1: NO_EVIDENCE}})
    passed = {("sums", "a"): True, ("means", "a"): False, ("means", "b"): False}
    assert diagnose(plan, passed, {("means", "a"): [0, 1], ("means", "b"): [0]}) == {"means": [1]}


def test_values_say_more_than_exceptions_and_nan() -> None:
    plan = make(sums={"a": {0: VALUE, 1: VALUE}, "b": {0: NO_EVIDENCE, 1: VALUE}})
    passed = {("sums", "a"): False, ("sums", "b"): False}
    assert diagnose(plan, passed, {("sums", "a"): [0, 1], ("sums", "b"): [1]}) == {"sums": [1]}
