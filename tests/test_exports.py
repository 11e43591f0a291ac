"""What other programs get: Gradescope, Canvas, JUnit and spreadsheets; all from the one result, and read back as they read it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sample_results as sample
from class_book import Class, adjustment, make_course
from command_line import here
from command_line import make_course as real_course
from msgspec.structs import replace

from autograder.course.roster import parse_roster
from autograder.feedback.policy import student_view
from autograder.feedback.view import Options
from autograder.integrations import canvas, gradescope
from autograder.integrations.junit import junit
from autograder.report.score_csv import score_csv
from autograder.results import Result
from autograder.store import Ledger, Store

DATES = 'due = 2026-09-15T23:59:00\nlate = { kind = "percent_per_day", percent = 10 }'
ROSTER = """student,name,login,sis_id,canvas_id
ada,Ada King,ak7,S1,4711
bob,Bob O'Hara,bo1,S2,
cyd,Cyd Lee,cl3,,
dan,Dan Brown,,,4714
"""
# Canvas's own format: a posting policy row, points possible with read-only totals, a test student.
GRADEBOOK = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Homework 1 (5177),Module two (5178),Essay (5179),Current Score,Final Score\r\n"
    ",,,,,Manual Posting,,,,\r\n"
    "    Points Possible,,,,,40,20,10,(read only),(read only)\r\n"
    '"King, Ada",4711,S1,ak7,"LLM, 1",3,,7,30,30\r\n'
    '"O\'Hara, Bob",4712,S2,bo1@uni.example,LLM 1,,,8,,\r\n'
    '"Lee, Cyd",4713,,CL3,LLM 1,,,,,\r\n'
    '"Nobody, At All",4799,S9,na9,LLM 1,1,,,,\r\n'
    '"Student, Test",4999,,abcdef,LLM 1,,,,,\r\n'
)


@pytest.fixture
def scores(tmp_path: Path):
    course = make_course(tmp_path, one=DATES, two="")
    group = Class()
    for student, earned in (("ada", 10), ("bob", 7), ("dan", 3)):
        group.mark(
            student,
            "one_of/a",
            earned,
            "2026-09-16T12:00:00+02:00" if student == "ada" else "2026-09-15T12:00:00+02:00",
        )
        group.mark(student, "one_of/b", 5, "2026-09-15T12:00:00+02:00")
        group.mark(student, "two_of/a", 4)
    made = [adjustment("bob", "two", "excuse", why="=cmd()"), adjustment("ada", "one_of/b", "add", "0.5")]
    return list(group.scores(course, ROSTER, made).values())


# --- Canvas ----------------------------------------------------------------------------------------------------------


def test_a_round_trip_through_canvas(scores) -> None:
    book = canvas.read_gradebook(GRADEBOOK)
    made = canvas.export(book, scores, parse_roster(ROSTER), {"one": "Homework 1"})
    again = canvas.read_gradebook(made.text)
    assert again.head == [
        "Student",
        "ID",
        "SIS User ID",
        "SIS Login ID",
        "Section",
        "Homework 1 (5177)",
        "Module two (5178)",
    ]
    assert [row[:5] for row in again.rows] == [row[:5] for row in book.rows]  # who it is, as it was
    assert [again.possible(column) for column in again.assignments.values()] == [40, 20]
    grades = {row[0].partition(",")[0]: row[5:] for row in again.rows}
    # One is out of 20 here and of 40 there; two was graded in one exercise of 10.
    assert grades == {
        "King": ["29", "8"],
        "O'Hara": ["24", "EX"],
        "Lee": ["0", "0"],
        "Nobody": ["1", ""],  # as it was: an empty cell would take it away
        "Student": ["", ""],
    }
    assert (
        made.written == 6 and "Homework 1 (5177) is out of 40 in Canvas and 20 here: scores are scaled." in made.notes
    )
    assert any("Nobody, At All (Canvas id 4799) is nobody of the class list" in note for note in made.notes)
    assert "dan is not in Canvas's gradebook; left out." in made.notes and len(made.notes) == 4
    twice = canvas.export(again, scores, parse_roster(ROSTER), {"one": "Homework 1 (5177)"})
    assert twice.text == made.text


def test_european_canvas_writes_semicolons(scores) -> None:
    rows = csv.reader(io.StringIO(GRADEBOOK.removeprefix("\ufeff"), newline=""))
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows(rows)
    for text in (out.getvalue(), "sep=;\r\n" + out.getvalue(), '\ufeff"sep=;"\n' + out.getvalue()):
        made = canvas.export(canvas.read_gradebook(text), scores, parse_roster(ROSTER), {"one": "Homework 1"})
        assert made.written == 6


@pytest.mark.parametrize("written", ["40,00", "40.00", "40", " 40,0 ", "40,"])
def test_points_of_another_language_are_read(scores, written: str) -> None:
    text = GRADEBOOK.replace(",40,20,", f',"{written}",20,').replace("    Points Possible", "Mögliche Punkte")
    made = canvas.export(canvas.read_gradebook(text), scores, parse_roster(ROSTER), {"one": "Homework 1"})
    king = next(row for row in csv.reader(io.StringIO(made.text)) if row[0].startswith("King"))
    assert king[5] == "29" and any("out of 40 in Canvas and 20 here" in note for note in made.notes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000.00", 1000),
        ("1.000,50", 1000.5),
        ("1\u00a0000,00", 1000),
        ("1'000", 1000),
        ("1,000,000", 1e6),
        ("0,125", 0.125),
    ]
    + [("1.000", 1.0), ("12,5", 12.5), ("1000", 1000)],
)
def test_numbers_as_languages_write_them(text: str, value: float) -> None:
    assert canvas.read_number(text) == value


@pytest.mark.parametrize(
    "text", ["1,000", "forty", "1,00,0", "1.0.0", "-4", "nan", "1e3", "1,000.00,0", "10.000,00.1", "½"]
)
def test_a_number_that_can_not_be_read_stops_the_export_and_names_the_row(scores, text: str) -> None:
    book = canvas.read_gradebook(GRADEBOOK.replace(",40,20,", f',"{text}",20,'))
    with pytest.raises(canvas.CanvasError) as caught:
        canvas.export(book, scores, parse_roster(ROSTER), {"one": "Homework 1"})
    assert "row 'Points Possible': Homework 1 (5177) is out of" in str(caught.value) and text in str(caught.value)


def test_a_thousand_and_one_are_told_apart_where_commas_are_decimal_signs() -> None:
    with pytest.raises(ValueError, match="a thousand times"):
        canvas.read_number("1.000", localized=True)


def test_a_gradebook_that_says_nothing_of_points_is_said(scores) -> None:
    book = canvas.read_gradebook(GRADEBOOK.replace(",40,20,", ",,20,"))
    made = canvas.export(book, scores, parse_roster(ROSTER), {"one": "Homework 1"})
    assert any("does not say what Homework 1 (5177) is out of" in note for note in made.notes)


@pytest.mark.parametrize("first", ["", "sep=,\r\n"])
def test_canvas_own_export_is_a_class_list(scores, first: str) -> None:
    people = parse_roster(first + GRADEBOOK.removeprefix("\ufeff"))
    assert people.problems == ()
    assert [(each.id, each.name, each.canvas_id, each.sis_id) for each in people.people] == [
        ("ak7", "King, Ada", "4711", "S1"),
        ("bo1@uni.example", "O'Hara, Bob", "4712", "S2"),
        ("CL3", "Lee, Cyd", "4713", ""),
        ("na9", "Nobody, At All", "4799", "S9"),
    ]


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("", {}, "is empty"),
        ("name,score\nada,3\n", {}, "is not a gradebook as Canvas exports it"),
        ("Student,Points\nada,3\n", {}, "has no column ID"),
        (GRADEBOOK, {"one": "Homework 9"}, "no assignment 'Homework 9'. It has: Homework 1"),
        (GRADEBOOK, {"three": "Essay"}, "no graded module 'three'"),
        (GRADEBOOK.replace("Module two", "X"), {}, "called 'Module one': name it with --column one=ASSIGNMENT"),
        ('Student,ID,X (1)\n"a' + "x" * 200_000, {}, "is not a CSV file"),
    ],
)
def test_gradebooks_that_can_not_be_filled(scores, text: str, columns: dict[str, str], said: str) -> None:
    with pytest.raises(canvas.CanvasError) as caught:
        canvas.export(canvas.read_gradebook(text), scores, parse_roster(ROSTER), columns)
    assert said in str(caught.value)


# --- Gradescope and JUnit --------------------------------------------------------------------------------------------


def test_gradescope_names_bonus_points_that_exceed_the_whole(scores) -> None:
    """“212 of 208” beside “pending” looks like a fault of ours: it says which of them are beyond, and that pending ones are not in it."""
    bonus = replace(sample.perfect().checks[0], name="extra", bonus=True, points=4, earned=4, verdict="passed")
    open_ = replace(sample.perfect().checks[0], name="later", points=2, earned=0, verdict="skipped")
    whole = sample.perfect()
    result = sample.result(exercises=[replace(whole, checks=[*whole.checks, bonus, open_])])
    said = gradescope.results(student_view(result), scores[0])["output"]
    assert "4 points of bonus checks included, which are beyond the" in said
    assert "2 points are pending: they are not in the score yet." in said
    assert "bonus" not in gradescope.results(student_view(sample.result(exercises=[whole])), scores[0])["output"]


def test_gradescope_has_a_test_for_each_check(scores) -> None:
    result = sample.result(exercises=[sample.bpe(), sample.broken(), sample.perfect()])
    content = json.loads(gradescope.to_json(gradescope.results(student_view(result))))
    checks = [check for exercise in student_view(result).exercises for check in exercise.checks]
    tests = content["tests"]
    assert content["score"] == student_view(result).earned and content["visibility"] == "visible"
    assert sum(test["max_score"] for test in tests if test["number"].startswith("1.")) == sum(
        check.points for check in checks[: len(student_view(result).exercises[0].checks)] if not check.bonus
    )
    assert {test.get("status") for test in tests} == {"passed", "failed", None}
    failed = next(test for test in tests if "smallest ids" in test["name"])
    assert failed["score"] == 0.0 and "You break ties" in failed["output"] and "c0ffee" not in json.dumps(content)
    assert all(
        set(test) <= {"name", "number", "score", "max_score", "status", "output", "output_format", "visibility"}
        for test in tests
    )
    assert len({test["number"] for test in tests}) == len(tests)


def test_gradescope_gets_the_score_with_its_steps_and_scale(scores) -> None:
    ada = scores[0]
    content = gradescope.results(student_view(sample.result()), ada, points=100, withheld=True)
    assert content["score"] == round(ada.score * 100 / ada.points, 2) and content["visibility"] == "after_published"
    assert "10 % off" in content["output"] and f"Score: 18.5 of {ada.points:g} points." in content["output"]


def test_junit_counts_add_up_and_nothing_breaks_the_xml() -> None:
    hostile = replace(sample.bpe(), title="<&]]>\x00\x1b")
    results = [
        sample.result("ada", [hostile, sample.broken(), sample.perfect()]),
        sample.result("b\x08\ud800", [sample.perfect()]),
    ]
    root = ElementTree.fromstring(junit(results).encode("utf-8", "xmlcharrefreplace"))
    suites = {suite.get("name"): suite for suite in root}
    assert len(suites) == 4
    for suite in root:
        counts = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error", "skipped")}
        told = [int(suite.get(name, "")) for name in ("failures", "errors", "skipped", "tests")]
        assert told == [counts["failure"], counts["error"], counts["skipped"], len(suite.findall("testcase"))]
    bpe = suites["ada: tokenizer/bpe"]
    [wrong] = [case for case in bpe if "smallest ids" in case.get("name", "")]
    failure = wrong.find("failure")
    assert failure is not None and "You break ties" in failure.get("message", "") and "'ew'" in (failure.text or "")
    student = junit([student_view(results[0])], Options(show_all=True))
    assert "a corpus of ties" not in student and "a corpus of ties" in junit(results[:1], Options("staff", True))


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_table_of_scores_says_what_was_done(scores) -> None:
    rows = list(csv.DictReader(io.StringIO(score_csv(scores))))
    assert [row["student"] for row in rows] == ["ada", "bob", "cyd", "dan"]
    ada, bob = rows[0], rows[1]
    assert (ada["one_of/a"], ada["one"], ada["score"], ada["points"]) == ("9", "14.5", "18.5", "30")
    assert "10 % off. (10 → 9)" in ada["steps"] and "+0.5 points by prof" in ada["steps"]
    assert (bob["points"], bob["name"]) == ("20", "Bob O'Hara") and "Excused by prof" in bob["steps"]
    assert score_csv([]).count("\n") == 1


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    root = real_course(tmp_path / "course")
    exercise = replace(sample.bpe(), exercise="numbers_of/first")
    with Store(root / ".autograder/results.sqlite") as store:
        run = store.start_run()
        for name in ("ada", "bob"):
            result: Result = replace(sample.result(name, [exercise]), run=run.id)
            store.save(result, {})
        Ledger(store).adjust("bob", "numbers_of/first", "points", "4", by="prof", why="x")
    (root / ".autograder/roster.csv").write_text(ROSTER, "utf-8")
    (root / "gradebook.csv").write_text(GRADEBOOK, "utf-8")
    return root


def test_exports_on_the_command_line(graded: Path) -> None:
    done = here(graded, "export", "csv", "scores.csv")
    assert (
        done.code == 0
        and "scores of 4 students" in done.flat
        and "bob" in (graded / "scores.csv").read_text("utf-8-sig")
    )
    done = here(graded, "export", "canvas", "gradebook.csv", "import.csv", "--column", "numbers=Homework 1")
    assert done.code == 0 and "import.csv has 3 scores" in done.flat and "is nobody of the class list" in done.said
    book = canvas.read_gradebook((graded / "import.csv").read_text("utf-8-sig"))
    assert book.rows[1][-1] == "16"  # 4 of 10, out of 40
    done = here(graded, "export", "gradescope", "all", "gs")
    bob = json.loads((graded / "gs/bob.json").read_text("utf-8"))
    assert done.code == 0 and bob["score"] == 4.0 and "Set to 4 points by prof" in bob["output"]
    done = here(graded, "export", "junit", "junit.xml", "--as", "student", "--submission", "ada")
    text = (graded / "junit.xml").read_text("utf-8")
    assert (
        done.code == 0 and ElementTree.fromstring(text.encode()).tag == "testsuites" and "a corpus of ties" not in text
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gradescope", "nobody", "x.json"), "There is no result of 'nobody'"),
        (("junit", "x.xml", "--submission", "nobody"), "There is no result of 'nobody'"),
        (("canvas", "gradebook.csv", "x.csv", "--column", "numbers"), "--column is MODULE=ASSIGNMENT"),
        (("canvas", "gradebook.csv", "x.csv"), "no assignment in Canvas is called 'Numbers'"),
        (("canvas", "none.csv", "x.csv"), "There is no none.csv"),
        (("csv", "x.csv", "--run", "never"), "There is no run 'never'"),
        (("csv", "x.csv", "--results", "none.sqlite"), "There are no results yet"),
    ],
)
def test_exports_that_are_refused(graded: Path, arguments: tuple[str, ...], said: str) -> None:
    done = here(graded, "export", *arguments)
    assert done.code == 2 and said in done.said and not (graded / "x.csv").exists()
