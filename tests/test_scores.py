"""Scores: deadlines, lateness, late days, attempts, adjustments, drop-lowest, groups; each step recorded and adding up."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from class_book import Class, adjustment, make_course

from autograder.course.roster import parse_roster
from autograder.feedback import messages
from autograder.scores import Book, Score, visibility
from autograder.scores.records import number

DUE = "due = 2026-09-15T23:59:00\n"  # Berlin: +02:00
TEN_PERCENT = DUE + 'late = { kind = "percent_per_day", percent = 10, grace_minutes = 15, cap = 50 }'
REFUSE = DUE + 'late = { kind = "refuse" }'


@pytest.fixture
def group() -> Class:
    return Class()


def steps(score: Score, exercise: str) -> list[str]:
    found = score.exercise(exercise)
    assert found is not None
    for earlier, later in zip(found.steps, found.steps[1:], strict=False):
        assert earlier.after == later.before, found.steps
    assert found.steps[-1].after == found.score
    texts = [messages.text(step.message) for step in found.steps]
    assert not any("{" in text for text in texts), texts
    return texts


@pytest.mark.parametrize(
    ("policy", "handed_in", "score"),
    [
        ("", "2026-10-30T00:00:00+02:00", 10),  # without a deadline
        (DUE, "2026-10-30T00:00:00+02:00", 10),  # late work counts in full
        (TEN_PERCENT, "2026-09-15T23:59:00+02:00", 10),
        (TEN_PERCENT, "2026-09-15T21:59:00+00:00", 10),  # the same moment
        (TEN_PERCENT, "2026-09-16T00:14:00+02:00", 10),  # within grace
        (TEN_PERCENT, "2026-09-16T00:14:01+02:00", 9),
        (TEN_PERCENT, "2026-09-16T23:59:00+02:00", 9),  # one day, to the second
        (TEN_PERCENT, "2026-09-16T23:59:01+02:00", 8),
        (TEN_PERCENT, "2026-12-01T00:00:00+01:00", 5),  # the cap
        (REFUSE, "2026-09-15T23:59:01+02:00", 0),
        (TEN_PERCENT, "", 10),  # nobody knows when
    ],
)
def test_what_lateness_costs(tmp_path: Path, group: Class, policy: str, handed_in: str, score: float) -> None:
    course = make_course(tmp_path, one=policy)
    group.mark("ada", "one_of/a", 10, handed_in)
    ada = group.scores(course)["ada"]
    found = ada.exercise("one_of/a")
    assert found is not None and (found.score, found.earned) == (score, 10)
    assert any("% off" in text for text in steps(ada, "one_of/a")) == (score < 10)
    unknown = not handed_in and "late" in policy
    assert [remark.id for remark in ada.remarks] == (["score.no-time"] if unknown else [])


def test_only_what_was_graded_is_in_it(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path, one="", two="")
    group.mark("ada", "one_of/a", 7)
    scores = group.scores(course, "student\nada\nbob\n")
    assert (scores["ada"].score, scores["ada"].points) == (7, 10)
    assert (scores["bob"].score, scores["bob"].points) == (0, 10)
    assert steps(scores["bob"], "one_of/a") == ["Nothing was handed in."]


def test_extensions_and_time_zones(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path, one=REFUSE, two=REFUSE)
    roster = (
        "student,extension,timezone\n"
        "two-days,2d,\nonly-two,two=2d,\nmoment,one=2026-09-17T12:00,\nshanghai,,Asia/Shanghai\nhawaii,,Pacific/Honolulu\n"
    )
    late = {"two-days": "2026-09-17T23:59:00+02:00", "only-two": "2026-09-16T12:00:00+02:00"}
    late |= {"moment": "2026-09-17T12:00:00+02:00", "shanghai": "2026-09-15T23:00:00+02:00"}
    late |= {"hawaii": "2026-09-16T11:59:00+02:00"}
    for student, moment in late.items():
        group.mark(student, "one_of/a", 10, moment)
    scores = {name: score.score for name, score in group.scores(course, roster).items()}
    assert scores == {"two-days": 10, "only-two": 0, "moment": 10, "shanghai": 0, "hawaii": 10}
    shanghai = " ".join(steps(group.scores(course, roster)["shanghai"], "one_of/a"))
    assert "own clock (Asia/Shanghai): 2026-09-15 23:59+08:00" in shanghai and "5 hours 1 minute" in shanghai


def test_a_deadline_in_the_hour_that_their_clocks_skip(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path, one='due = 2026-03-08T02:30:00\nlate = { kind = "refuse" }')
    group.mark("ny", "one_of/a", 10, "2026-03-08T03:30:00-04:00")
    group.mark("ny", "one_of/b", 10, "2026-03-08T03:30:01-04:00")
    ny = group.scores(course, "student,timezone\nny,America/New_York\n")["ny"]
    assert ny.score == 10 and ny.modules[0].due == "2026-03-08T03:30:00-04:00"


def test_an_extension_by_a_person_is_a_deadline_with_a_reason(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path, one=REFUSE)
    group.mark("ada", "one_of/a", 10, "2026-09-18T12:00:00+02:00")
    ill = adjustment("ada", "one", "extend", "3d", why="ill")
    ada = group.scores(course, "student,extension\nada,1d\n", [ill])["ada"]
    assert ada.score == 10 and "An extension by prof: due 2026-09-18 23:59+02:00. ill" in steps(ada, "one_of/a")
    assert group.scores(course, "student,extension\nada,1d\n")["ada"].score == 0


def test_late_days_are_spent_where_they_help_the_earliest_deadline_first(tmp_path: Path, group: Class) -> None:
    later = TEN_PERCENT.replace("09-15", "10-15")
    course = make_course(tmp_path, "late_days = 3\nlate_days_per_module = 2", two=later, one=TEN_PERCENT)
    group.mark("ada", "one_of/a", 10, "2026-09-16T12:00:00+02:00")  # one day
    group.mark("ada", "one_of/b", 0, "2026-09-20T12:00:00+02:00")  # nothing to win
    group.mark("ada", "two_of/a", 10, "2026-10-18T12:00:00+02:00")  # three days, two left
    ada = group.scores(course)["ada"]
    assert [(module.module, module.late_days, module.score) for module in ada.modules] == [
        ("two", 2, 9),
        ("one", 1, 10),
    ]
    assert ada.late_days_left == 0
    assert "Late days spent: 2. Due 2026-10-17 23:59+02:00; days left: 0." in steps(ada, "two_of/a")
    refused = make_course(tmp_path, "late_days = 1", one=REFUSE)
    ada = group.scores(refused)["ada"]
    assert (ada.score, ada.late_days_left) == (10, 0)  # b would stay refused, a is saved
    group.mark("bob", "one_of/a", 10, "2026-09-18T12:00:00+02:00")
    assert group.scores(refused)["bob"].late_days_left == 1  # a day would not save it


def test_attempts(tmp_path: Path, group: Class) -> None:
    times = ["2026-09-15T12:00:00+02:00", "2026-09-16T12:00:00+02:00", "2026-09-17T12:00:00+02:00"]
    for text, earned, time in zip("pqr", (6, 9, 7), times, strict=True):
        group.mark("ada", "one_of/a", earned, time, text=text)
    group.mark("ada", "one_of/a", 6, "2026-09-20T12:00:00+02:00", text="p")  # the first again, graded later
    group.mark("ada", "one_of/a", 0, "2026-09-21T12:00:00+02:00", text="")  # a hand-in without it

    def score(rules: str) -> tuple[float, str]:
        ada = group.scores(make_course(tmp_path, rules, one=TEN_PERCENT))["ada"]
        return ada.score, steps(ada, "one_of/a")[1]

    assert score('attempt = "last"') == (5.6, "Of 3 different answers, the last one counts.")
    assert score('attempt = "best"') == (8.1, "Of 3 different answers, the best one counts (number 2).")
    limit = "3 different answers were handed in; only the first 1 count. This is number 1."
    assert score("max_attempts = 1") == (6, limit)


def test_a_regrade_never_lowers_where_the_course_says_so(tmp_path: Path, group: Class) -> None:
    group.mark("ada", "one_of/a", 8)
    group.mark("ada", "one_of/a", 5, run="r2")
    group.mark("bob", "one_of/a", 8)
    group.mark("bob", "one_of/a", 5, run="r2", text="y")  # another answer, not a regrade
    group.mark("cyd", "one_of/a", 5)
    group.mark("cyd", "one_of/a", 8, run="r2")

    def scores(rules: str) -> list[float]:
        return [score.score for score in group.scores(make_course(tmp_path, rules)).values()]

    assert scores("") == [5, 5, 8]
    assert scores("never_lower = true") == [8, 5, 8]
    ada = group.scores(make_course(tmp_path, "never_lower = true"))["ada"]
    kept = "Graded again it would be less. The 8 points of run r1 are kept: a regrade never lowers a score here."
    assert steps(ada, "one_of/a")[1] == kept


def test_points_that_are_pending_are_neither_kept_nor_lost(tmp_path: Path, group: Class) -> None:
    group.mark("ada", "one_of/a", 8)
    group.mark("ada", "one_of/a", 6, pending=4, run="r2")
    ada = group.scores(make_course(tmp_path, "never_lower = true"))["ada"]
    assert (ada.score, ada.pending) == (6, 4)


def test_adjustments_come_after_lateness_and_stay_over_a_regrade(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path, one=TEN_PERCENT)
    group.mark("ada", "one_of/a", 10, "2026-09-16T12:00:00+02:00")
    group.mark("ada", "one_of/b", 4, "2026-09-15T12:00:00+02:00")
    made = [
        adjustment("ada", "one_of/a", "add", "0.5", number=1),
        adjustment("ada", "one_of/b", "points", "7", number=2, was=4),
        adjustment("ada", "one", "add", "-1", number=3, until="2026-12-31T00:00:00+01:00"),
        adjustment("bob", "one_of/a", "points", "0", number=4),
    ]
    ada = group.scores(course, adjustments=made)["ada"]
    assert [each.score for each in ada.modules[0].exercises] == [9.5, 7] and ada.score == 15.5
    assert steps(ada, "one_of/a")[-1] == "+0.5 points by prof (adjustment 1): because" and ada.remarks == []
    [last] = ada.modules[0].steps
    assert (last.before, last.after) == (16.5, 15.5)
    after = datetime.fromisoformat("2027-01-01T00:00:00+00:00")
    assert group.scores(course, adjustments=made, now=after)["ada"].score == 16.5

    group.mark("ada", "one_of/b", 9, "2026-09-15T12:00:00+02:00", run="r2")  # overtaken: kept, and said
    ada = group.scores(course, adjustments=made)["ada"]
    assert ada.score == 15.5 and [remark.id for remark in ada.remarks] == ["score.overtaken"]


def test_excused_and_dropped_exercises_do_not_count(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path, one="drop_lowest = 1", two="")
    for exercise, earned in (("one_of/a", 3), ("one_of/b", 8), ("two_of/a", 5), ("two_of/b", 1)):
        group.mark("ada", exercise, earned)
    ada = group.scores(course)["ada"]
    assert (ada.score, ada.points) == (14, 30) and "does not count" in steps(ada, "one_of/a")[-1]
    excused = group.scores(course, adjustments=[adjustment("ada", "one_of/b", "excuse")])["ada"]
    assert (excused.modules[0].score, excused.modules[0].points) == (3, 10)  # the last one left is not dropped
    raised = group.scores(course, adjustments=[adjustment("ada", "one_of/a", "points", "9")])["ada"]
    assert raised.modules[0].score == 9  # what is dropped is chosen after adjustments
    module = group.scores(course, adjustments=[adjustment("ada", "two", "excuse")])["ada"]
    assert (module.score, module.points) == (8, 10)


def test_a_group_shares_what_it_hands_in_and_each_has_their_own_time(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path, one=TEN_PERCENT)
    roster = "student,group,extension\nada,red,\nbob,red,1d\ncyd,,\n"
    group.mark("red", "one_of/a", 10, "2026-09-16T12:00:00+02:00")
    group.mark("ada", "one_of/b", 10, "2026-09-15T12:00:00+02:00")  # under the name of a member
    group.mark("cyd", "one_of/a", 10, "2026-09-16T12:00:00+02:00")
    adjusted = group.scores(course, roster, [adjustment("red", "one_of/b", "add", "-2")])
    assert {name: score.score for name, score in adjusted.items()} == {"ada": 17, "bob": 18, "cyd": 9}


def test_a_submission_that_is_nobodys_is_listed_too(tmp_path: Path, group: Class) -> None:
    course = make_course(tmp_path)
    group.mark("who", "one_of/a", 10)
    assert list(group.scores(course, "student\nada\n")) == ["ada", "who"]


def test_feedback_is_shown_when_it_is_time(tmp_path: Path, group: Class) -> None:
    feedback = "feedback = {{ when = {!r}, show = 'claim' }}".format
    due = TEN_PERCENT + "\n"
    course = make_course(
        tmp_path, now="", due=due + feedback("after_due"), none=feedback("after_due"), later=feedback("published")
    )
    roster = parse_roster("student,group,extension\nada,,\nbob,,1d\neve,red,\nfay,red,3d\n")
    moment = datetime.fromisoformat("2026-09-16T00:00:00+02:00")
    extended = adjustment("ada", "due", "extend", "6h")

    def shown(who: str, now: datetime, *adjustments, published=frozenset()) -> set[str]:
        book = Book(course, [], roster, adjustments, now)
        found = visibility.policies(book, who, set(published))
        assert found["now_of/a"].show == "diagnosis" and found["due_of/a"].show == "claim"
        return {name.partition("_")[0] for name, policy in found.items() if policy.when_ok}

    assert shown("ada", moment) == {"now", "due"}
    assert shown("ada", moment - timedelta(hours=1)) == {"now"}
    assert shown("ada", moment, extended) == {"now"}
    assert shown("bob", moment) == {"now"}
    assert shown("red", moment + timedelta(days=2)) == {"now"}  # fay has time left
    assert shown("bob", moment, published={"later"}) == {"now", "later"}


def test_points_are_written_as_people_write_them() -> None:
    assert [number(points) for points in (8, 7.5, 0, 2 / 3, 100, -1)] == ["8", "7.5", "0", "0.67", "100", "-1"]
