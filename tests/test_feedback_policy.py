"""What a student may see of hidden cases. A canary in every field of them, found by walking the types, must not arrive."""

from __future__ import annotations

import io
import types
import typing
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.feedback import html, markdown, messages, policy, terminal
from autograder.feedback.pen import console
from autograder.feedback.policy import student_exercise, student_view
from autograder.feedback.view import Options
from autograder.results import CaseResult, CheckResult, Diagnosis, Difference, ExerciseResult, Message, Place, to_json

CANARY = "CANARY\u202e[red]<b>`x`"
MARK = "CANARY"
NUMBER = 97531
MODES = ["none", "count", "claim", "diagnosis"]


def planted(annotation: Any) -> Any:
    """A value of this type with the canary in every text of it and the number in every number."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is str or annotation is Any:
        return CANARY
    if annotation is int or annotation is float:
        return annotation(NUMBER)
    if annotation is bool:
        return True
    if origin is Literal:
        return args[0]
    if origin is dict:
        return {planted(args[0]): planted(args[1])}
    if origin is list:
        return [planted(args[0])]
    if origin in (typing.Union, types.UnionType):
        return planted(next(arg for arg in args if arg is not type(None)))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        hints = typing.get_type_hints(annotation)
        return annotation(**{name: planted(hints[name]) for name in annotation.__struct_fields__})
    raise TypeError(f"teach `planted` about {annotation}")


def hidden_case(**changes: Any) -> CaseResult:
    return replace(planted(CaseResult), public=False, verdict="failed", **changes)


def poisoned() -> list[CaseResult]:
    """Hidden cases with the canary everywhere: under an unknown message, and under every known one with every value poisoned."""
    cases = [hidden_case(), replace(hidden_case(), verdict="passed"), replace(hidden_case(), verdict="skipped")]
    for id, entry in messages.catalogue().items():
        names = set().union(
            {"exception", "seconds", "megabytes", "line"}, *(messages.placeholders(text) for text in entry.texts)
        )
        cases.append(hidden_case(message=Message(id=id, values={name: CANARY for name in names}), difference=None))
    return cases


def exercise_of(cases: list[CaseResult], **changes: Any) -> ExerciseResult:
    """A check for each hidden case, with and without a public one beside it."""
    public = CaseResult(title="a public one", public=True, verdict="passed")
    checks = [
        CheckResult(
            name=f"check{n}", claim=f"Claim {n}.", points=1, verdict="failed", cases=[public, case] if n % 2 else [case]
        )
        for n, case in enumerate(cases)
    ]
    return replace(sample.bpe(checks), **changes)


def renderings(result, **options) -> str:
    """Everything that a student could be shown, in one text."""
    shown = Options(show_all=True, **options)
    out = io.StringIO()
    console(out, width=500).print(terminal.result_report(result, shown))
    console(out, width=500).print(terminal.result_report(result, Options()))
    parts = [
        out.getvalue(),
        markdown.result_markdown(result, shown),
        html.result_html(result, shown),
        to_json(result).decode(),
    ]
    return "\n".join(parts)


def test_the_canary_is_everywhere_before():
    case = hidden_case()
    for name in CaseResult.__struct_fields__:
        value = getattr(case, name)
        if name not in ("public", "verdict", "fresh"):
            assert MARK in str(value) or str(NUMBER) in str(value), name
    shown = renderings(sample.result(exercises=[exercise_of([case])]))
    assert MARK in shown and str(NUMBER) in shown


@pytest.mark.parametrize("mode", MODES)
def test_no_text_or_number_of_a_hidden_case_arrives(mode):
    result = sample.result(exercises=[exercise_of(poisoned())])
    shown = renderings(student_view(result, mode))
    assert MARK not in shown
    assert str(NUMBER) not in shown and f"{NUMBER:,}" not in shown and f"{float(NUMBER):.3g}" not in shown


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("area", ["run.crashed", "run.raised", "run.grader-error", "compare.value", "made.up"])
def test_nor_through_the_exercise_when_hidden_cases_ran(mode, area):
    message = Message(id=area, values={"text": CANARY, "exception": CANARY, "detail": CANARY, "signal": CANARY})
    exercise = exercise_of([hidden_case()], message=message, place=planted(Place), flags=[planted(Message)], key=CANARY)
    result = replace(sample.result(exercises=[exercise]), source=CANARY)
    assert MARK not in renderings(student_view(result, mode))


def test_with_titles_the_authors_title_of_the_first_failing_hidden_case_arrives():
    named = replace(hidden_case(), title="an empty text", fresh=False)
    made = replace(hidden_case(), title="rows=3", fresh=False, parameters={"rows": 3})
    drawn = replace(hidden_case(), title="fresh 1", fresh=True)
    for case, title in ((named, "an empty text"), (made, ""), (drawn, "")):
        exercise = exercise_of([case])
        shown = student_exercise(exercise, "diagnosis", titles=True)
        assert [each.title for each in shown.checks[0].cases if not each.public] == [title]
        assert MARK not in renderings(sample.result(exercises=[shown]))
        for mode in ("none", "count", "claim"):
            assert (
                title not in renderings(sample.result(exercises=[student_exercise(exercise, mode, titles=True)]))
                or not title
            )
        assert "an empty text" not in renderings(sample.result(exercises=[student_exercise(exercise, "diagnosis")]))


def test_with_case_everything_but_what_it_printed():
    case = replace(planted(CaseResult), public=False, verdict="failed", output="PRINTED")
    view = student_exercise(exercise_of([case]), "case")
    assert view.checks[0].cases == [replace(case, output="")]
    assert "PRINTED" not in renderings(sample.result(exercises=[view]))


@pytest.mark.parametrize("mode", [*MODES, "case"])
def test_public_cases_pass_through_whole(mode):
    before = sample.bpe()
    after = student_exercise(before, mode)
    kept = {check.name: check for check in after.checks}
    for check in before.checks:
        public = [case for case in check.cases if case.public]
        if public:
            assert [case for case in kept[check.name].cases if case.public] == public


def test_diagnosis_shows_kind_exception_and_line():
    case = hidden_case(
        message=Message(id="run.raised", values={"exception": "IndexError", "text": CANARY}),
        place=Place(file=sample.BPE_FILE, line=41, function=CANARY, text=CANARY),
        difference=Difference(kind="shape", got=CANARY),
    )
    check = student_exercise(exercise_of([case]), "diagnosis").checks[0]
    assert check.cases == [
        CaseResult(
            title="",
            public=False,
            verdict="failed",
            message=Message(id="run.raised", values={"exception": "IndexError"}),
            place=Place(file=sample.BPE_FILE, line=41),
            difference=Difference(kind="shape"),
        )
    ]


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Difference(kind="type", path=f"['gradients']['{CANARY}']", got="None", want=CANARY), "No gradient arrives where one should."),
        (Difference(kind="type", path=CANARY, got="None", want=CANARY), "Yours is None, and something else should be here."),
        (Difference(kind="raised", got="no exception", want=CANARY), "It does not raise the exception that it should."),
        (Difference(kind="nonfinite", path=CANARY, nonfinite={"nan": 3}), "Yours is NaN where a right answer is not."),
        (Difference(kind="value", path=CANARY, got=CANARY, want=CANARY), "The values are not the right ones."),
    ],
)  # fmt: skip
def test_of_a_hidden_difference_the_barest_sentence_is_shown(difference, said):
    case = (
        student_exercise(exercise_of([hidden_case(message=None, difference=difference)]), "diagnosis")
        .checks[0]
        .cases[0]
    )
    message = messages.case_message(case)
    assert message is not None and messages.text(message) == said
    assert CANARY not in messages.hint(message) and case.difference == Difference(kind=difference.kind)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"exception": "Secret12345"}, {}),
        ({"exception": "print"}, {}),
        ({"exception": ["IndexError"]}, {}),
        ({"exception": "ZeroDivisionError", "text": "1234"}, {"exception": "ZeroDivisionError"}),
    ],
)
def test_only_names_of_built_in_exceptions(values, kept):
    case = hidden_case(message=Message(id="run.raised", values=values))
    message = student_exercise(exercise_of([case])).checks[0].cases[0].message
    assert message is not None and message.values == kept


def test_a_number_of_a_limit_must_be_one():
    for value, kept in (
        (10, True),
        (2.5, True),
        (True, False),
        ("10", False),
        (10**12, False),
        (-1, False),
        (float("nan"), False),
    ):
        case = hidden_case(message=Message(id="run.timeout", values={"seconds": value}))
        message = student_exercise(exercise_of([case])).checks[0].cases[0].message
        assert message is not None and (message.values == {"seconds": value}) is kept, value


@pytest.mark.parametrize(
    "place",
    [
        Place(file="bytes-of-an-input", line=3),
        Place(file=sample.BPE_FILE, line=10**9),
        Place(file=sample.BPE_FILE, line=-4),
    ],
)
def test_a_made_up_place_is_dropped(place):
    assert student_exercise(exercise_of([hidden_case(place=place)])).checks[0].cases[0].place is None


def test_claim_keeps_verdicts_and_drops_diagnoses():
    view = student_exercise(sample.bpe(), "claim")
    assert [(check.claim, check.verdict, check.earned) for check in view.checks] == [
        (check.claim, check.verdict, check.earned) for check in sample.bpe().checks
    ]
    assert next(check for check in view.checks if check.name == "merges_in_order").diagnosis is None
    assert student_exercise(sample.bpe(), "diagnosis").checks[1].diagnosis == sample.wrong_merges().diagnosis


def judged(name: str, public: str | None, hidden: str | None, points: int = 2) -> CheckResult:
    cases = [CaseResult(title="p", public=True, verdict=public)] if public else []  # type: ignore[arg-type]
    cases += [CaseResult(title="h", public=False, verdict=hidden)] if hidden else []  # type: ignore[arg-type]
    verdict = next((v for v in (public, hidden) if v not in (None, "passed")), "passed")
    return CheckResult(
        name=name, claim=f"Claim of {name}.", points=points, verdict=verdict, cases=cases,  # type: ignore[arg-type]
        earned=points if verdict == "passed" else 0, diagnosis=Diagnosis(sentences=["Because."]) if verdict == "failed" else None,
    )  # fmt: skip


CHECKS = [
    judged("both", "passed", "passed"),
    judged("hidden fails", "passed", "failed"),
    judged("public fails", "failed", "failed"),
    judged("only hidden", None, "failed"),
    judged("only public", "passed", None),
]


def test_none_does_not_tell_a_hidden_failure_from_a_pass():
    failing, passing = (
        student_exercise(sample.bpe([judged("a", "passed", verdict), judged("b", None, verdict)]), "none")
        for verdict in ("failed", "passed")
    )
    assert failing == passing
    assert failing.verdict == "skipped" and failing.earned == 0 and failing.pending == 4
    assert [check.name for check in failing.checks] == ["a", "hidden-cases"]


def test_none_keeps_points_right():
    view = student_exercise(sample.bpe(CHECKS), "none")
    assert view.points == 10
    assert view.earned == 2  # only the check without hidden cases
    assert view.pending == 6  # all but the one whose public case fails
    assert sum(check.points for check in view.checks) == 10
    assert view.verdict == "failed"


def test_count_says_how_many_and_not_which():
    swapped = [judged("both", "passed", "failed"), judged("hidden fails", "passed", "passed"), *CHECKS[2:]]
    view = student_exercise(sample.bpe(CHECKS), "count")
    assert view == student_exercise(sample.bpe(swapped), "count")
    message = view.checks[-1].cases[0].message
    assert message is not None and messages.text(message) == "1 of 4 checks with hidden cases pass."
    assert view.earned == 4 and view.pending == 0


def test_not_yet_time_shows_nothing_of_hidden_cases():
    exercise = sample.bpe(CHECKS)
    for mode in [*MODES, "case"]:
        assert student_exercise(exercise, mode, when_ok=False) == student_exercise(exercise, "none")


@pytest.mark.parametrize("mode", ["none", "count"])
@pytest.mark.parametrize("hidden", ["failed", "skipped", "grader-error"])
def test_public_passing_is_never_called_all_passed(mode, hidden):
    view = student_view(sample.result(exercises=[sample.bpe([judged("a", "passed", hidden)])]), mode)
    shown = renderings(view)
    assert "Every check passes" not in shown and "all passed" not in shown.lower()
    assert view.exercises[0].verdict != "passed"


def test_only_public_cases_run_is_not_the_grade():
    exercise = sample.bpe([judged("a", "passed", None)])
    shown = renderings(sample.result(exercises=[exercise]))
    assert "Hidden cases decide" in shown and "hidden cases included" not in shown


def test_what_could_not_be_loaded_is_told_in_full():
    for mode in [*MODES, "case"]:
        view = student_exercise(sample.broken(), mode)
        assert (
            view.message == sample.broken().message and view.place == sample.broken().place and view.verdict == "error"
        )


def test_the_result_itself_is_not_changed():
    result = sample.result()
    before = to_json(result)
    for mode in [*MODES, "case"]:
        student_view(result, mode)
    assert to_json(result) == before


def test_every_message_of_a_case_that_may_be_shown_exists():
    assert set(policy._SAFE_MESSAGES) <= set(messages.catalogue())


def test_a_cell_of_the_exercises_notebook_is_a_place():
    exercise = replace(exercise_of([]), file="a.ipynb")
    for file, kept in (
        ("a.ipynb, cell 12", True),
        ("a.ipynb, cell 12345678", False),
        ("a.ipynb, cell x", False),
        ("b.ipynb, cell 1", False),
    ):
        view = student_exercise(
            replace(exercise, checks=exercise_of([hidden_case(place=Place(file=file, line=2))]).checks)
        )
        assert (view.checks[0].cases[0].place == Place(file=file, line=2)) is kept


@pytest.mark.parametrize("mode", ["none", "count"])
def test_claims_of_checks_that_did_not_run_are_not_shown(mode):
    unloaded = [CheckResult(name="a", claim="Secret claim.", points=3, verdict="error")]
    view = student_exercise(replace(sample.broken(), checks=unloaded), mode)
    assert view.checks == [] and view.verdict == "error" and view.earned == view.pending == 0
    ours = replace(sample.broken(), verdict="grader-error", checks=[replace(unloaded[0], verdict="grader-error")])
    view = student_exercise(ours, mode)
    assert view.verdict == "grader-error" and view.pending == 3 and "Secret" not in str(view)


def test_gpu_points_stay_pending_in_every_mode():
    gpu = replace(sample.gpu_check(), cases=[])
    for mode in [*MODES, "case"]:
        view = student_exercise(sample.bpe([judged("a", "passed", "failed"), gpu]), mode)
        assert view.pending == (3 if mode == "none" else 1), mode
