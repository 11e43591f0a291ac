"""Who is stuck, what several answer alike though nothing explains it, and what the last run changed."""

from __future__ import annotations

import numpy as np
import pytest
import sample_results as sample
from class_book import Class

from autograder.report.clusters import clusters, explained
from autograder.report.facts import Facts
from autograder.report.history import changes, stuck
from autograder.report.site import write_report
from autograder.results import CaseResult, CheckResult, Diagnosis, ExerciseResult, Message, Result
from autograder.wire.encode import encode

# --- stuck ---


def test_stuck_is_who_hands_in_again_without_a_point_more() -> None:
    book = Class()
    book.mark("ada", "one/a", 2, "2026-09-01T10:00:00+00:00", text="1")
    book.mark("ada", "one/a", 4, "2026-09-03T10:00:00+00:00", text="2")
    book.mark("ada", "one/a", 4, "2026-09-05T10:00:00+00:00", text="3")
    book.mark("ada", "one/a", 3, "2026-09-07T10:00:00+00:00", text="4")
    (found,) = stuck(book.marks)
    assert (found.since, found.latest, found.tries) == ("2026-09-03T10:00:00+00:00", "2026-09-07T10:00:00+00:00", 3)
    assert (found.earned, found.points) == (3, 10)


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ([(2, "1")], "one answer is no attempt at mending it"),
        ([(2, "1"), (4, "2")], "it gets better"),
        ([(2, "1"), (2, "2"), (10, "3")], "it is right now"),
        ([(2, "1"), (2, "1")], "the same answer, graded twice"),
        ([(0, ""), (0, "")], "there was no file"),
    ],
)
def test_who_is_not_stuck(marks: list[tuple[int, str]], why: str) -> None:
    book = Class()
    for earned, text in marks:
        book.mark("ada", "one/a", earned, text=text)
    assert stuck(book.marks) == [], why


def test_points_that_are_pending_are_not_missing() -> None:
    book = Class()
    for text in "12":
        book.mark("ada", "one/a", 8, text=text, pending=2)
    assert stuck(book.marks) == []


# --- what changed ---


def test_what_the_last_run_changed_and_why() -> None:
    book = Class()
    for student in ("ada", "bob", "cyd"):
        book.mark(student, "one/a", 5, text="1", run="r1")
    book.mark("ada", "one/a", 8, text="2", run="r2")  # another answer
    book.mark("bob", "one/a", 3, text="1", run="r2")  # the same answer: checks have changed
    book.mark("cyd", "one/a", 5, text="2", run="r2")  # another answer that is worth as much
    assert [(each.submission, each.gain, each.same_answer) for each in changes(book.marks)] == [
        ("bob", -2, True),
        ("ada", 3, False),
    ]
    book.mark("bob", "one/a", 3, text="1", run="r3")
    assert changes(book.marks) == []  # of the last run
    assert changes([]) == []


# --- clusters ---


class Observed:
    """Submissions whose answers are real observations."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.results: list[Result] = []

    def answer(self, name: str, value: object, **changed: object) -> None:
        key = f"{name}'s"
        self.kept[key] = encode(value)
        case = CaseResult(title="small", public=True, verdict="failed", observation=key, got="theirs", want="ours")
        for field, new in changed.items():
            if field != "diagnosis":
                setattr(case, field, new)
        check = CheckResult(name="values", claim="Right.", points=2, verdict="failed", cases=[case])
        check.diagnosis = changed.get("diagnosis")  # type: ignore[assignment]
        exercise = ExerciseResult(exercise="a/b", title="A", points=2, verdict="failed", checks=[check])
        self.results.append(sample.result(name, [exercise]))

    def clusters(self) -> list[list[str]]:
        return [each.submissions for each in clusters(self.results, self.kept.get)]


VALUES = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)


def test_answers_that_differ_by_rounding_are_one_cluster() -> None:
    made = Observed()
    made.answer("ada", VALUES)
    made.answer("bob", VALUES * (1 + np.float32(1e-6)))
    made.answer("cyd", VALUES * np.float32(1.01))
    made.answer("dan", VALUES.T.copy())
    made.answer("eve", VALUES.astype(np.float64))
    assert made.clusters() == [["ada", "bob"]]


def test_discrete_values_and_structure_are_compared_exactly() -> None:
    made = Observed()
    for name, value in {
        "ada": ["a", 1, 0.5],
        "bob": ["a", 1, 0.5000001],
        "cyd": ["a", 2, 0.5],
        "dan": ["b", 1, 0.5],
    }.items():
        made.answer(name, value)
    made.answer("eve", {"x": 1.0})
    made.answer("fay", {"x": 1.0000001})
    made.answer("gus", {"y": 1.0})
    assert sorted(made.clusters()) == [["ada", "bob"], ["eve", "fay"]]


def test_nan_and_infinity_stand_for_themselves() -> None:
    made = Observed()
    for name, value in {"ada": np.nan, "bob": np.nan, "cyd": np.inf, "dan": -np.inf, "eve": np.inf}.items():
        made.answer(name, np.array([1.0, value], dtype=np.float32))
    assert sorted(made.clusters()) == [["ada", "bob"], ["cyd", "eve"]]


def test_what_is_explained_fresh_or_raised_is_in_no_cluster() -> None:
    made = Observed()
    for name in ("ada", "bob"):
        made.answer(name, VALUES, diagnosis=Diagnosis(sentences=["Known."]))
        made.answer(f"{name}2", VALUES, fresh=True)
        made.answer(
            f"{name}3", VALUES, observation="", message=Message(id="run.raised", values={"exception": "KeyError"})
        )
        made.answer(f"{name}4", VALUES, verdict="timeout")
    assert made.clusters() == []


def test_an_observation_that_is_damaged_or_gone_is_like_none_but_itself() -> None:
    made = Observed()
    for name in ("ada", "bob", "cyd", "dan"):
        made.answer(name, VALUES)
    made.kept["ada's"] = made.kept["bob's"] = b"LLV1 and then nothing"
    del made.kept["cyd's"]
    assert made.clusters() == []
    made.results[1].exercises[0].checks[0].cases[0].observation = "ada's"
    assert made.clusters() == [["ada", "bob"]]


def test_two_checks_that_fail_in_two_ways_are_two_clusters() -> None:
    made = Observed()
    for name in ("ada", "bob", "cyd", "dan"):
        made.answer(name, VALUES)
    for result, value in zip(made.results, (1.0, 1.0, 2.0, 2.0), strict=True):
        made.kept[f"{result.submission} again"] = encode(value)
        check = result.exercises[0].checks[0]
        second = CaseResult(title="large", public=False, verdict="failed", observation=f"{result.submission} again")
        check.cases.append(second)
    assert sorted(made.clusters()) == [["ada", "bob"], ["cyd", "dan"]]


def test_who_a_new_mistake_explains() -> None:
    made = Observed()
    made.answer("ada", VALUES)
    made.answer("bob", VALUES + 1)
    made.answer("cyd", VALUES, diagnosis=Diagnosis(sentences=["Known."]))
    tried = made.results[0].exercises[0]
    same, others = explained(tried, made.kept.get, made.results, made.kept.get)
    assert same == ["ada"] and others == {"bob": ["values, case “small”"]}


# --- on the pages ---


def test_the_page_of_what_to_look_at(tmp_path) -> None:
    made = Observed()
    made.answer("ada", VALUES, margin=1.4)
    made.answer("bob", VALUES)
    made.results[1].exercises[0].flags = [Message(id="flag.insides", values={"name": "<b>gc</b>", "place": "b.py:3"})]
    book = Class()
    for text in "123":
        book.mark("ada", "a/b", 0, f"2026-09-0{text}T10:00:00+00:00", text=text, run=f"r{text}")
    book.mark("bob", "a/b", 6, text="1", run="r2")
    book.mark("bob", "a/b", 0, text="1", run="r3")
    facts = Facts(marks=book.marks, observation=made.kept.get)
    out = write_report(made.results, tmp_path / "r", course_title="x", facts=facts).parent
    text = (out / "attention.html").read_text("utf-8")
    for piece in (
        "ada: 1 exercise, since 2026-09-01",
        "has 0 of 10 points after 3 answers",
        "2 give the same wrong answer to A: values",
        'autograder mistake a/b "What it does. What to do instead." --like ada',
        "1.40",
        "&lt;b&gt;gc&lt;/b&gt;",
        "6 → 0",
        "the same answer: the checks, the engine or the machine are others",
    ):
        assert piece in text, piece
    index = (out / "index.html").read_text("utf-8")
    assert "Who needs help" in index and 'data-tags="look"' in index and 'data-tags="stuck"' in index
    # A hostile name is one word of the command that an instructor copies.
    made.results[0].submission = "x; rm -r ~"
    text = (
        write_report(made.results, tmp_path / "r", course_title="x", facts=facts).parent / "attention.html"
    ).read_text("utf-8")
    assert "--like &#39;x; rm -r ~&#39;" in text
    again = write_report(made.results, tmp_path / "r", course_title="x", facts=Facts())
    assert "Who needs help" not in again.read_text(
        "utf-8"
    )  # written anew when only what is beside the results has changed
