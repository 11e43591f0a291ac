"""An instructor's day on the command line: grade a class, read it, replay, mend a check and rejudge; and what is refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command_line import STUB, Done, Running, alive, copied, make_course, python, run, seen, submit, with_code
from release_course import put
from tiny_course import TOTAL

from autograder.results import Result, from_json

NAMES = ["ada", "bob", "cyd", "dan <script>alert(1)</script>"]
NEARLY = with_code(sum_="x.sum(-1) + 0.001")
COLUMNS = with_code(sum_="x.sum(0)")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A class that was graded once, and what the command said."""
    root = make_course(tmp_path_factory.mktemp("instructors") / "course", ("first", "second"))
    grading = (root / "grading.toml").read_text("utf-8")
    put(root, "grading.toml", grading.rstrip("\n") + '\nrequires = ["numbers_of/first"]\n')
    submit(root, NAMES[0], first=TOTAL, second=TOTAL)
    submit(root, NAMES[1], first=NEARLY, second=COLUMNS)
    submit(root, NAMES[2], first=STUB)
    raises = "    raise ValueError('<img src=x onerror=alert(2)> \\x1b[31m [red]')"
    submit(root, "dan", first=TOTAL.replace("    return x.sum(-1)", raises), second=TOTAL)
    (root / "class/dan").rename(root / "class" / NAMES[3].replace("/", ""))
    return root, run(root, "grade", "class", "--json", "results")


@pytest.fixture
def course(base: tuple[Path, Done], tmp_path: Path) -> Path:
    return copied(base[0], tmp_path / "course")


def results(folder: Path) -> dict[str, Result]:
    found = [from_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    return {result.submission: result for result in found}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new), "utf-8")


def points(folder: Path) -> dict[str, int]:
    return {name: result.earned for name, result in results(folder).items()}


# --- grade -----------------------------------------------------------------------------------------------------------


def test_grade_prints_a_table_and_writes_pages_and_results(base: tuple[Path, Done]) -> None:
    root, done = base
    assert done.code == 0  # whatever the scores
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line.split()[:1]}
    assert rows["ada"][-1] == "10/10" and rows["bob"][-1] == "2/10" and rows["cyd"][-1] == "0/10"
    assert "4 submissions in run" in done.flat and "L2 seccomp" in done.out and "4 of 4 submissions" in done.err
    found = results(root / "results")
    assert len(found) == 4 and points(root / "results")["bob"] == 2
    assert found["bob"].exercises[1].verdict == "blocked" and found["cyd"].exercises[1].message is not None
    pages = root / ".autograder/report"
    assert f"Report: {pages / 'index.html'}" in done.out
    assert len(list((pages / "students").iterdir())) == 4 and len(list((pages / "exercises").iterdir())) == 2
    assert "bob" in (pages / "scores.csv").read_text("utf-8")


def test_nothing_of_theirs_is_read_as_markup(base: tuple[Path, Done]) -> None:
    root, done = base
    for page in (root / ".autograder/report").rglob("*.html"):
        text = page.read_text("utf-8")
        ours = text.count('<script src="report.js">')
        assert ours == (page.name == "index.html") and text.count("<script") == ours and "<img" not in text, page
    name = next(each for each in results(root / "results") if each.startswith("dan"))
    page = next(
        page.read_text("utf-8")
        for page in (root / ".autograder/report/students").iterdir()
        if page.name.startswith("dan")
    )
    assert "&lt;script&gt;alert(1)" in page and "&lt;img src=x" in page
    told = run(root, "explain", name)
    assert "[red]" in told.out and "\x1b" not in told.out and "\x1b" not in done.out


def test_the_same_again_runs_nothing(course: Path) -> None:
    before = python_rows(course)
    assert seen(course, "grade", "class", "--json", "again") == ("0", False, False)  # neither torch nor a zygote
    assert (course / "again/ada.json").read_bytes() == (course / "results/ada.json").read_bytes()
    assert python_rows(course) == before


def python_rows(course: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(course / ".autograder/results.sqlite")) as db:
        return db.execute("SELECT submission, COUNT(*) FROM result GROUP BY submission ORDER BY submission").fetchall()


def test_a_new_run_draws_fresh_cases(course: Path) -> None:
    done = run(course, "grade", "class/ada", "--new", "--json", "again", "--exercise", "first", "--report", "pages")
    assert done.code == 0
    old, new = results(course / "results")["ada"], results(course / "again")["ada"]
    assert new.run != old.run and [each.exercise for each in new.exercises] == ["numbers_of/first"]
    was = {case.title: case.seed for case in old.exercises[0].checks[1].cases}
    now = {case.title: case.seed for case in new.exercises[0].checks[1].cases}
    assert was.keys() == now.keys() and [title for title in was if was[title] != now[title]] == ["fresh 1"]
    assert (course / "pages/index.html").exists()


def test_a_changed_submission_is_graded_and_the_others_are_not(course: Path) -> None:
    put(course, "class/bob/numbers_of/first.py", TOTAL)
    done = run(course, "grade", "class", "--json", "again")
    assert done.code == 0 and points(course / "again")["bob"] == 7  # the first, and the second is no longer blocked
    assert dict(python_rows(course)) == {**dict(python_rows(course)), "ada": 1, "bob": 2, "cyd": 1}


def test_ctrl_c_keeps_what_was_graded_and_the_same_command_goes_on(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    for number in range(4):
        submit(
            course,
            f"s{number}",
            first=f"# {number}\n" + with_code(sum_="(__import__('time').sleep(0.25), x.sum(-1))[1]"),
        )
    with Running(course, "grade", "class", "--jobs", "1") as grading:
        grading.until(lambda: graded(course), "it graded one")
        children = grading.children()
        done = grading.interrupt()
    assert done.code == 130, done
    assert "They are kept: the same command goes on." in done.said and "Traceback" not in done.err
    assert children and alive(children) == []
    assert len(grading.late) <= 1  # a worker that was just being forked; no zygote anew
    kept = graded(course)
    assert 1 <= len(kept) < 4
    again = run(course, "grade", "class")
    assert again.code == 0 and "4 submissions in run" in again.flat and again.out.count("5/5") == 4
    assert set(kept) <= set(graded(course))  # the very same rows: nothing was graded twice
    assert [row[1] for row in python_rows(course)] == [1, 1, 1, 1]


def graded(course: Path) -> list[tuple[int, str]]:
    path = course / ".autograder/results.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as db:
        try:
            return db.execute("SELECT number, submission FROM result ORDER BY number").fetchall()
        except sqlite3.OperationalError:  # not made yet
            return []


# --- explain, replay, rejudge ----------------------------------------------------------------------------------------


def test_explain_to_staff_and_as_the_student_sees_it(course: Path) -> None:
    staff = run(course, "explain", "bob")
    assert staff.code == 0 and "seed" in staff.out and "engine" in staff.out and "2/10 points" in staff.flat
    full = run(course, "explain", "bob", "first/sums_rows")
    assert "Hidden case “a wide table”" in full.flat and "means" not in full.out and "0/3" in full.out
    in_all = "checks shown; in all it has"  # the points above are those of the check
    assert in_all in full.flat and in_all not in staff.flat
    student = run(course, "explain", "bob", "first", "--as", "student")
    assert "a wide table" not in student.out and "seed" not in student.out and "A hidden case" in student.flat
    from_file = run(course, "explain", "results/bob.json", "first", "--as", "student")
    assert from_file.out == student.out


def test_explain_what_is_not_there(course: Path) -> None:
    close = run(course, "explain", "bobb")
    assert close.code == 2 and "There is no result of 'bobb'" in close.said and "Did you mean bob?" in close.said
    far = run(course, "explain", "xxxxxxxx")
    assert "There are ada, bob, cyd, dan" in far.said
    check = run(course, "explain", "bob", "sums")
    assert check.code == 2 and check.said.startswith("bob has no exercise or check 'sums'")
    other_run = run(course, "explain", "bob", "--run", "never")
    assert other_run.code == 2 and "There is no run 'never'" in other_run.said
    put(course, "x.json", '{"submission": "x"}')
    assert "x.json is not a result of this version" in run(course, "explain", "x.json").said
    empty = run(course, "explain", "bob", "--results", "none.sqlite")
    assert empty.code == 2 and "autograder grade SUBMISSIONS" in empty.said and not (course / "none.sqlite").exists()


def test_replay_has_the_same_verdict_on_the_same_inputs(course: Path) -> None:
    done = run(course, "replay", "bob", "first/sums_rows")
    assert done.code == 0 and "The same verdict on all 2 cases, with the same inputs." in done.flat
    put(course, "class/bob/numbers_of/first.py", NEARLY + "\n# changed\n")
    changed = run(course, "replay", "bob", "first/sums_rows")
    assert changed.code == 2 and "is not what was graded" in changed.said and "first.py" in changed.said
    shutil.rmtree(course / "class/ada")
    gone = run(course, "replay", "ada", "first/sums_rows")
    assert gone.code == 2 and "There is no class/ada" in gone.said
    (course / ".autograder/secret").unlink()
    lost = run(course, "replay", "cyd", "first/sums_rows")
    assert lost.code == 2 and "is gone" in lost.said and "autograder secret restore FILE" in lost.said
    (course / ".autograder/secret.id").unlink()
    other = run(course, "replay", "cyd", "first/sums_rows")
    assert other.code == 2 and "The course secret is another one" in other.said


def test_rejudge_after_a_tolerance_was_mended(course: Path) -> None:
    none = run(course, "rejudge")
    assert none.code == 0 and "4 submissions judged again" in none.flat and "0 grades changed" in none.flat

    checks = course / "solutions/numbers_of/first/checks.py"
    edit(checks, 'lecture="sums",', 'lecture="sums", tolerance=Tolerance(atol=0.01),')
    edit(checks, "import case, check", "import Tolerance, case, check")
    (course / "class").rename(course / "gone")  # nobody's code is run
    done = run(course, "rejudge")
    assert done.code == 0
    assert "bob numbers_of/first sums_rows 0 → 3 points" in done.flat
    assert "Now no case fails. Before, case “a square”" in done.flat and "tolerance" in done.flat
    assert "bob numbers_of/second means_of_rows 0 → 2 points" in done.flat  # no longer blocked
    assert "2 grades changed" in done.flat
    told = run(course, "explain", "bob")
    assert "7/10 points" in told.flat and "0/3" in told.flat and "You add up columns" in told.flat


def test_what_was_graded_stands_whatever_is_graded_after_it(tmp_path: Path) -> None:
    """A module is graded, then another one: the first is still there for every command, in one run or in two."""
    for number, more in enumerate(((), ("--new",))):
        root = make_course(tmp_path / f"course{number}", ("first", "second"))
        submit(root, "bob", first=TOTAL.replace("x.sum(-1)", "x.sum(-1) + 0.001"), second=TOTAL)
        assert run(root, "grade", "class", "-e", "first").code == 0
        assert run(root, "grade", "class", "-e", "second", *more).code == 0
        told = run(root, "explain", "bob")
        assert "7/10 points" in told.flat and "The sum goes along the last dimension" in told.flat
        assert "Run" in told.flat and run(root, "replay", "bob", "first/sums_rows").code == 0
        table = (root / ".autograder/report/scores.csv").read_text("utf-8-sig").splitlines()
        assert "numbers_of/first,numbers_of/second" in table[0] and table[1].startswith("bob,7,10,0,2,5,")
        assert run(root, "export", "csv", "scores.csv").code == 0

        if number:  # the rest is the same for both
            continue
        checks = root / "solutions/numbers_of/first/checks.py"
        edit(checks, 'lecture="sums",', 'lecture="sums", tolerance=Tolerance(atol=0.01),')
        edit(checks, "import case, check", "import Tolerance, case, check")
        mended = run(root, "rejudge", "-e", "first")
        assert mended.code == 0 and "bob numbers_of/first sums_rows 0 → 3 points" in mended.flat
        assert "10/10 points" in run(root, "explain", "bob").flat
        assert "0 grades changed" in run(root, "rejudge", "-e", "first").flat


def test_a_selection_that_matches_nothing_fails(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course", ("first", "second"))
    submit(root, "bob", first=TOTAL, second=TOTAL)
    assert run(root, "grade", "class", "-e", "first").code == 0
    for arguments in (("rejudge", "-e", "second"), ("rejudge", "--run", "never"), ("explain", "bob", "--run", "never")):
        done = run(root, *arguments)
        assert done.code == 2 and ("has no result of second" in done.said or "There is no run 'never'" in done.said)


def test_rejudge_says_what_needs_a_run(course: Path) -> None:
    edit(course / "solutions/numbers_of/first/checks.py", "rows=2, columns=5", "rows=2, columns=6")
    done = run(course, "rejudge", "--exercise", "first")
    assert done.code == 0 and "0 grades changed" in done.flat
    assert "4 checks can't be judged from what is stored" in done.flat and "autograder grade" in done.flat


# --- what stops before grading ---------------------------------------------------------------------------------------


def test_a_broken_grading_toml(course: Path) -> None:
    put(course, "grading.toml", (course / "grading.toml").read_text("utf-8") + "ponts = 3\n")
    for arguments in (("grade", "class"), ("explain", "bob"), ("rejudge",)):
        done = run(course, *arguments)
        assert done.code == 2 and done.out == ""
        assert "grading.toml:" in done.said and "unknown key 'ponts'; did you mean 'points'?" in done.said


def test_broken_exercises_are_all_named_before_anybody_is_graded(tmp_path: Path) -> None:
    exercises = ("good", "raises", "twice", "points", "inputs", "gone")
    course = make_course(tmp_path, exercises)
    folder = course / "solutions/numbers_of"
    edit(folder / "raises/checks.py", "student.total(x)", "student.total(x, 3)")
    edit(folder / "twice/mistakes.py", '"x.sum(-1)": ', '"return x": ')
    edit(folder / "points/checks.py", "points=2", "points=20")
    edit(folder / "inputs/checks.py", 'return {"x":', "1 / 0\n    return {'x':")
    shutil.rmtree(folder / "gone")
    submit(course, "ada", **dict.fromkeys(exercises, TOTAL))
    done = run(course, "grade", "class")
    assert done.code == 2 and done.out == "" and "nothing was graded" in done.said
    for sentence in (
        "solutions/numbers_of/raises: on check sums_rows, case 'a square', the reference itself",
        "solutions/numbers_of/twice/mistakes.py:5: 'return x' occurs 2 times in solution.py",
        "solutions/numbers_of/points/checks.py: its checks have 23 points, grading.toml gives the exercise 5",
        "solutions/numbers_of/inputs/checks.py: check sums_rows, case 'a square': making its inputs raised ZeroDivisionError",
        "solutions/numbers_of/gone/solution.py: there is no such file",
    ):
        assert sentence in done.said
    assert "numbers_of/good" not in done.said and graded(course) == []
    assert not (course / ".autograder/report").exists()


def test_submissions_that_are_not_there(course: Path) -> None:
    missing = run(course, "grade", "clas", "klass")
    assert missing.code == 2 and "there is no clas " in missing.said.lower() and "there is no klass" in missing.said
    (course / "empty").mkdir()
    assert "There is no submission in empty" in run(course, "grade", "empty").said
    unknown = run(course, "grade", "class", "-e", "frist")
    assert unknown.code == 2 and "did you mean numbers_of/first" in unknown.said
    assert run(course, "grade").code == 2


@pytest.mark.parametrize("text", ["", "zz", "00" * 4, "\xff\xfe"])
def test_a_damaged_secret(course: Path, text: str) -> None:
    (course / ".autograder/secret").write_bytes(text.encode("latin-1"))
    done = run(course, "grade", "class")
    assert done.code == 2 and done.out == ""
    assert "secret" in done.said and "restore it from your backup" in done.said


def test_results_that_can_not_be_used(course: Path) -> None:
    put(course, "text.sqlite", "hello\n" * 1000)
    assert "it is damaged: restore it from a backup" in refused(course, "text.sqlite")
    (course / "folder.sqlite").mkdir()
    assert "folder.sqlite can't be used" in refused(course, "folder.sqlite")
    with closing(sqlite3.connect(course / "other.sqlite")) as db:
        db.execute("CREATE TABLE things (x)")
    assert "a database of another program" in refused(course, "other.sqlite")
    assert "can't be used" in refused(course, "grading.toml/x.sqlite")


def refused(course: Path, results: str) -> str:
    done = run(course, "grade", "class", "--results", results)
    assert done.code == 2 and done.out == ""
    return done.said


IMPATIENT = """
import sqlite3
connect = sqlite3.connect
sqlite3.connect = lambda *a, **named: connect(*a, **{**named, "timeout": 0.1})
from autograder.cli import main
main()
"""


def test_results_that_another_run_is_writing(course: Path) -> None:
    with closing(sqlite3.connect(course / ".autograder/results.sqlite", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        done = python(course, IMPATIENT, "grade", "class", "--new")
    assert done.code == 2 and "Traceback" not in done.err
    assert "another grading run is writing to it: wait for it" in done.said


POWERLESS = """
import os
from autograder.jail.layers import uid
if os.geteuid() == 0:
    uid.give_up_capabilities()  # else root may write everything
from autograder.cli import main
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="about root's capabilities")
def test_results_that_may_not_be_written(course: Path) -> None:
    private = course / ".autograder"
    kept = [private, *private.glob("results.sqlite*"), private / "secret"]
    try:
        for path in kept:
            path.chmod(0o555 if path.is_dir() else 0o444)
        done = python(course, POWERLESS, "grade", "class")
        assert done.code == 2 and "Traceback" not in done.err
        assert "it may not be written: mend its permissions" in done.said
        (private / "secret").chmod(0o000)
        done = python(course, POWERLESS, "grade", "class")
        assert done.code == 2 and "Traceback" not in done.err
        assert "the course secret" in done.said.lower() and "can't be read" in done.said
    finally:
        for path in kept:
            path.chmod(0o755)


def test_folders_of_others_are_left_alone(course: Path) -> None:
    put(course, "mine/index.html", "<h1>mine</h1>")
    for folder, sentence in (
        ("mine", "not written by the autograder"),
        ("solutions", "is not empty, and holds no report"),
    ):
        before = sorted(path for path in (course / folder).rglob("*"))
        done = run(course, "grade", "class", "--report", folder)
        assert done.code == 2 and sentence in done.said and "The results are kept" in done.said
        assert sorted(path for path in (course / folder).rglob("*")) == before
    put(course, "file", "text")
    assert run(course, "grade", "class", "--report", "file").code == 2
    assert run(course, "grade", "class", "--json", "file").code == 2


def test_without_isolation_hidden_checks_do_not_run(course: Path) -> None:
    code = """
from autograder.jail import layers
layers.isolation = lambda *_: layers.Isolation([], 1, False, "not isolated: L2 seccomp is off (a test)")
from autograder.cli import main
main()
"""
    done = python(course, code, "grade", "class", "--new")
    assert done.code == 2 and "Hidden checks are not run here: not isolated" in done.said
    assert "--unsafe" in done.said and "autograder doctor" in done.said


def test_json_is_what_the_schema_says(base: tuple[Path, Done]) -> None:
    data = json.loads((base[0] / "results/bob.json").read_text("utf-8"))
    assert data["schema"].startswith("llm-internals/result/") and data["provenance"]["isolated"] is True
    assert [check["verdict"] for check in data["exercises"][0]["checks"]] == ["failed", "passed"]
