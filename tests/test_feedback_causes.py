"""One cause is told once, and what to mend first comes first."""

from __future__ import annotations

from autograder.feedback.causes import Asked, Code, cause, in_order, to_mend_first
from autograder.feedback.view import Options, exercise_view
from autograder.local.asked import LINES, asked_by, code_of
from autograder.results import CaseResult, CheckResult, Difference, ExerciseResult, Message, Place


def failing(name: str, message: Message | None = None, **case) -> CheckResult:
    one = CaseResult(title=f"case of {name}", public=True, verdict="failed", message=message, **case)
    return CheckResult(name=name, claim=f"Claim of {name}.", points=1, verdict="failed", cases=[one])


def raised(name: str, line: int, exception: str = "KeyError") -> CheckResult:
    place = Place(file="assignments/a/b.py", line=line, function="encode")
    return failing(name, Message(id="run.raised", values={"exception": exception, "text": name}), place=place)


def exercise(*checks: CheckResult) -> ExerciseResult:
    return ExerciseResult(
        exercise="a/b", title="B", points=len(checks), verdict="failed", file="assignments/a/b.py", checks=list(checks)
    )


def test_an_exception_at_one_line_is_one_cause_whatever_it_says() -> None:
    assert cause(raised("one", 7)) == cause(raised("two", 7))
    assert cause(raised("one", 7)) != cause(raised("two", 8))
    assert cause(raised("one", 7)) != cause(raised("two", 7, "ValueError"))


def test_wrong_values_are_causes_of_their_own() -> None:
    difference = Difference(kind="value", got="1", want="2")
    assert cause(failing("one", difference=difference)) != cause(failing("two", difference=difference))


def test_a_missing_gradient_is_one_cause_for_one_input() -> None:
    def missing(name: str, leaf: str) -> CheckResult:
        return failing(
            name, difference=Difference(kind="type", path=f"['gradients']['{leaf}']", got="None", want="Tensor")
        )

    assert cause(missing("one", "v")) == cause(missing("two", "v")) != cause(missing("three", "k"))


def test_a_hidden_case_tells_no_cause() -> None:
    one, two = raised("one", 7), raised("two", 7)
    for check in (one, two):
        check.cases[0].public = False
    assert cause(one) != cause(two)


def test_a_cause_is_shown_once_and_the_others_are_counted() -> None:
    result = exercise(raised("one", 7), raised("two", 7), failing("three"), raised("four", 7))
    view = exercise_view(result, Options())
    assert [check.name for check in view.failed] == ["one", "three"]
    assert [check.name for check in view.same] == ["two", "four"]
    everything = exercise_view(result, Options(show_all=True))
    assert [check.name for check in everything.failed] == ["one", "two", "three", "four"] and not everything.same


def test_what_was_not_waited_for_is_no_cause_of_its_own() -> None:
    waited = Message(id="run.gave-up", values={"seconds": 4})
    late = failing("late", waited)
    slow = failing("slow", Message(id="run.timeout", values={"seconds": 4}))
    view = exercise_view(exercise(late, slow), Options())
    assert [check.name for check in view.failed] == ["slow"]
    assert [check.name for check in view.unchecked] == ["late"] and view.unchecked[0].reason == []


EXPERIMENTS = '''
def deep(student, x):
    return student.table()[x]

def reads_bytes(student, text):
    """A claim."""
    return student.encode(text)

def table_is_right(student):
    """Another claim."""
    return student.table()

def by_a_helper(student):
    """A third."""
    one = 1
    two = deep(student, one)
    return one, two
'''
OWN = "def table():\n    return {}\n\n\ndef encode(text):\n    return one(text)\n\n\ndef one(text):\n    return table()[text]\n"


def test_what_a_check_runs_and_comes_to_is_read_from_the_texts(tmp_path) -> None:
    asked = asked_by(EXPERIMENTS)
    assert asked["reads_bytes"] == Asked("return student.encode(text)", frozenset({"encode"}))
    assert asked["by_a_helper"].functions == {"table"}
    assert asked["by_a_helper"].code.split("\n") == ["one = 1", "two = deep(student, one)", "return one, two"]
    long = "def long(student):\n" + "    student.f()\n" * 20
    assert asked_by(long)["long"].code.split("\n")[-1] == "…" and len(asked_by(long)["long"].code.split("\n")) == LINES
    assert asked_by("def broken(") == {} and code_of(tmp_path / "nothing.plan", OWN) == Code()


def test_a_function_below_whose_check_fails_too_is_mended_first(monkeypatch) -> None:
    from autograder.local import asked

    code = Code(asked_by(EXPERIMENTS), asked._reaches(OWN))
    above, below = raised("reads_bytes", 9), failing("table_is_right", difference=Difference(kind="value"))
    assert in_order([above, below], code) == [below, above] and in_order([above, below], None) == [above, below]
    assert to_mend_first(above, [above, below], code) == ("encode", "table")
    assert to_mend_first(below, [above, below], code) is None
    view = exercise_view(exercise(above, below), Options(code=code))
    assert [check.name for check in view.failed] == ["table_is_right", "reads_bytes"]
    assert "".join(text for _, text in view.failed[1].first) == (
        "Mend table first: its own check fails too, and your encode uses it."
    )


def test_an_example_of_a_docstring_is_about_the_function_that_it_stands_in() -> None:
    from autograder.local import asked

    code = Code(asked_by(EXPERIMENTS), asked._reaches(OWN))
    example = failing("docstring_examples", difference=Difference(kind="value"), inputs={"example": "encode('a')"})
    example.cases[0].title = "encode, line 12"
    below = failing("table_is_right", difference=Difference(kind="value"))
    assert in_order([example, below], code) == [below, example]
    assert to_mend_first(example, [example, below], code) == ("encode", "table")
