"""Deadlines, adjustments and publishing on the command line, on a class that was really graded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import COURSE_DATES, Done, copied, here, make_course, run, submit, with_code
from release_course import put
from tiny_course import TOTAL

ROSTER = """student,name,email,timezone,extension
ada,Ada King,ada@uni.example,,2d
bob,Bob O'Hara,bob@uni.example,Asia/Shanghai,
cyd,Cyd Lee,cyd@uni.example,Nowhere/Land,
dan,Dan Brown,dan@uni.example,,
"""
TIMES = "student,handed_in\nada,2026-09-17T10:00\nbob,2026-09-16T12:00\nnobody,2026-09-16\ncyd,noon\n"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    root = make_course(tmp_path_factory.mktemp("scores") / "course")
    text = (root / "grading.toml").read_text("utf-8")
    put(root, "grading.toml", text.replace('title = "Numbers"', 'title = "Numbers"\n' + COURSE_DATES))
    submit(root, "ada", first=TOTAL)
    submit(root, "oharabob_12_34_work", first=with_code(sum_="x.sum(0)"))
    submit(root, "cyd", first=TOTAL)
    submit(root, "stranger", first=TOTAL)
    put(root, ".autograder/roster.csv", ROSTER)
    put(root, "times.csv", TIMES)
    return root, run(root, "grade", "class", "--times", "times.csv", "--json", "json")


@pytest.fixture
def course(graded: tuple[Path, Done], tmp_path: Path) -> Path:
    return copied(graded[0], tmp_path / "course")


def cells(done: Done) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in done.out.splitlines() if line.strip()}


def test_grading_with_a_roster_says_who_is_who(graded: tuple[Path, Done]) -> None:
    root, done = graded
    assert done.code == 0 and {"ada", "bob", "cyd", "stranger"} <= set(cells(done))
    assert "Nothing handed in by 1 of 4: dan." in done.flat
    for sentence in (
        "roster.csv, line 4: student 'cyd': there is no time zone 'Nowhere/Land'",
        "stranger is nobody of the class list; graded under its own name.",
        "times.csv, line 4: there is no submission of 'nobody'; left out.",
        "times.csv, line 5: 'noon' is not a time",
    ):
        assert sentence in done.said
    bob = json.loads((root / "json/bob.json").read_text("utf-8"))
    assert (bob["handed_in"], bob["clock"]) == ("2026-09-16T12:00:00+00:00", "person")


def test_scores_and_how_they_came_about(course: Path) -> None:
    done = here(course, "scores")
    rows = cells(done)
    assert ["5/5" in rows[name] for name in ("ada", "dan", "stranger")] == [True, False, True]
    assert "1.8/5" in rows["bob"] and "nobody knows when it was handed in" in done.flat
    told = here(course, "explain", "bob")
    assert "The deadline is by the student's own clock (Asia/Shanghai): 2026-09-15 23:59+08:00." in told.flat
    assert "2 → 1.8 Handed in 20 hours 1 minute after the deadline" in told.flat
    assert "2/5 points" in told.flat  # the verdict is what it was
    page = next((course / ".autograder/report/students").glob("bob*.html")).read_text("utf-8")
    assert "10 % off" in page and "1.8/5 points" in page
    assert "<strong>1.8/5</strong>" in (course / ".autograder/report/index.html").read_text("utf-8")
    assert "Numbers" not in here(course, "explain", "bob", "--as", "student").out.split("Total")[1]
    here(course, "scores", "ada", "--json", "scores")
    ada = json.loads((course / "scores/ada.json").read_text("utf-8"))
    assert (ada["score"], ada["schema"]) == (5.0, "llm-internals/score/1")
    unknown = here(course, "scores", "aad")
    assert unknown.code == 2 and "Did you mean ada?" in unknown.said


def test_an_adjustment_survives_a_regrade_and_can_be_taken_back(course: Path) -> None:
    made = here(course, "adjust", "bob", "first", "--points", "4", "--why", "argued well", "--by", "prof")
    assert made.code == 0 and "1. bob numbers_of/first: points = 4 (prof, " in made.flat
    assert "4/5" in cells(here(course, "scores"))["bob"]
    assert run(course, "grade", "class", "--new", "--times", "times.csv").code == 0
    assert "4/5" in cells(here(course, "scores"))["bob"]
    put(course, "class/oharabob_12_34_work/numbers_of/first.py", TOTAL)
    run(course, "grade", "class", "--times", "times.csv")
    done = here(course, "scores", "bob")
    assert "4/5" in cells(done)["bob"] and "made when the checks gave 2 points; now they give 5" in done.flat
    page = next((course / ".autograder/report/students").glob("bob*.html")).read_text("utf-8")
    assert "Set to 4 points by prof (adjustment 1): argued well" in page

    assert "argued well" in here(course, "adjust").out
    back = here(course, "adjust", "--take-back", "1", "--why", "by mistake")
    assert back.code == 0 and "Taken back: 1. bob" in back.flat
    assert "4.5/5" in cells(here(course, "scores"))["bob"] and "There are no adjustments" in here(course, "adjust").flat
    again = here(course, "adjust", "--take-back", "1", "--why", "twice")
    assert again.code == 2 and "There is no adjustment number 1, or it was taken back" in again.said


def test_more_time(course: Path) -> None:
    done = here(course, "adjust", "bob", "numbers", "--extend", "2d", "--why", "ill")
    assert done.code == 0 and "2/5" in cells(here(course, "scores"))["bob"]
    everywhere = here(course, "adjust", "cyd", "--extend", "2026-10-01T12:00", "--why", "ill")
    assert "2. cyd all deadlines: extended: 2026-10-01T12:00" in everywhere.flat


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bbo", "first", "--points", "1", "--why", "x"), "There is no student or group 'bbo'. Did you mean bob?"),
        (("bob", "frist", "--points", "1", "--why", "x"), "did you mean numbers_of/first"),
        (("bob", "--points", "1", "--why", "x"), "Say of which exercise or module"),
        (("bob", "first", "--points", "1"), "Say why, with --why"),
        (("bob", "first", "--points", "-1", "--why", "x"), "a score is 0 or more"),
        (("bob", "first", "--points", "1", "--add", "1", "--why", "x"), "Give one of --points, --add"),
        (("bob", "first", "--extend", "2d", "--why", "x"), "name the module instead (numbers)"),
        (("bob", "numbers", "--extend", "soon", "--why", "x"), "--extend soon is not understood"),
        (("bob", "first", "--add", "1", "--why", "x", "--until", "soon"), "--until soon is not a date and time"),
        (("bob", "first", "--add", "nan", "--why", "x"), "--add is not a number"),
    ],
)
def test_adjustments_that_are_refused(graded: tuple[Path, Done], arguments: tuple[str, ...], said: str) -> None:
    done = here(graded[0], "adjust", *arguments)
    assert done.code == 2 and said in done.said and "There are no adjustments" in here(graded[0], "adjust").flat


def test_publish(course: Path) -> None:
    assert "there is nothing to publish" in here(course, "publish").flat
    text = (course / "grading.toml").read_text("utf-8")
    put(
        course,
        "grading.toml",
        text.replace('title = "Numbers"', 'title = "Numbers"\nfeedback = { when = "published" }'),
    )
    assert "What went wrong" not in here(course, "explain", "bob", "--as", "student").flat
    assert "numbers: not published" in here(course, "publish").flat
    assert "numbers: published" in here(course, "publish", "numbers").flat
    assert "What went wrong" in here(course, "explain", "bob", "--as", "student").flat
    assert "numbers: not published" in here(course, "publish", "numbers", "--undo").flat
    wrong = here(course, "publish", "nubmers")
    assert wrong.code == 2 and "There is no module 'nubmers'" in wrong.said
