"""`autograder questions` for staff and `autograder quiz` for students, as real commands on a small course."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from command_line import LONG, command, environment, here, make_course, run, submit
from release_course import put

from autograder.course import load_course
from autograder.plan import load_plan
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers

SOLUTION = '''"""Runs of equal numbers."""

from __future__ import annotations


def runs(numbers: list[int], least: int = 1) -> list[tuple[int, int]]:
    """Each run of at least `least` equal numbers, with its length.

    >>> runs([4, 4, 7, 7, 7, 2])
    [(4, 2), (7, 3), (2, 1)]
    >>> runs([5, 5, 1], least=2)
    [(5, 2)]
    """
    # BEGIN SOLUTION
    found = []
    for number in numbers:
        if found and number == found[-1][0]:
            found[-1] = (number, found[-1][1] + 1)
        else:
            found.append((number, 1))
    return [each for each in found if each[1] >= least]
    # END SOLUTION
'''
CHECKS = '''"""Checks of runs."""

from autograder.checks import case, check


@check(points=5, public=[case("threes", numbers=[3, 3, 3])], hidden=[case("secret", numbers=[987, 987, 1])])
def finds_runs(student, numbers):
    """Runs are found."""
    return student.runs(numbers)
'''
MISTAKES = '''"""Wrong ones."""

from autograder.checks import mistake

mistake("You count one too many.", edit={"(number, 1)": "(number, 2)"})
'''
ALTERNATIVES = '"""No other ones."""\n'
OWN = SOLUTION.replace("found", "seen").replace("SOLUTION", "MY CODE").replace("seen and", "seen != [] and")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class that was graded once: Ada passed, Bob did not."""
    root = make_course(
        tmp_path_factory.mktemp("questions") / "course",
        first_solution=SOLUTION,
        first_checks=CHECKS,
        first_mistakes=MISTAKES,
        first_alternatives=ALTERNATIVES,
        first_test_oracle="",
        first_equivalent="",
    )
    build_assignments(root, makers=makers(root, load_course(root), root / ".autograder"))
    put(root, ".autograder/roster.csv", "student,name\nada,Ada <b>King</b>\nbob,Bob\n")
    submit(root, "ada", first=OWN)
    submit(root, "bob", first=OWN.replace("(number, 1)", "(number, 2)"))
    assert run(root, "grade", "class").code == 0
    return root


def test_everybody_who_passed_gets_a_sheet_in_all_forms(course: Path) -> None:
    done = run(course, "questions", "first", "--seed", "4")
    assert done.code == 0 and "ada: 5 questions" in done.flat and "bob" not in done.out
    folder = course / ".autograder/questions/numbers_of/first"
    assert sorted(path.name for path in folder.iterdir()) == [
        "ada.html",
        "ada.json",
        "ada.key.html",
        "ada.key.md",
        "ada.md",
    ]
    page = (folder / "ada.key.html").read_text("utf-8")
    assert "Ada &lt;b&gt;King&lt;/b&gt;" in page and "Seed 4" in page and "seen.append((number, 1))" in page
    assert not any(b"987" in path.read_bytes() for path in folder.iterdir())
    before = {path: path.read_bytes() for path in folder.iterdir()}
    again = run(course, "questions", "first")
    assert again.code == 0 and "ada: the sheet of this answer is there" in again.flat
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_sheet_is_made_again_from_its_seed_and_of_a_file(course: Path, tmp_path: Path) -> None:
    record = json.loads((course / ".autograder/questions/numbers_of/first/ada.json").read_text("utf-8"))
    own = tmp_path / "handed in.py"
    own.write_text(OWN, "utf-8")
    seed = str(record["seed"])
    done = run(course, "questions", "first", "--file", own, "--seed", seed, "--out", tmp_path / "sheets")
    assert done.code == 0
    [again] = (tmp_path / "sheets").glob("*.json")
    made = json.loads(again.read_text("utf-8"))
    assert made["questions"] == record["questions"] and made["student"] == "handed in"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["first", "--student", "bob"],
            "bob has 0 of 5 points in numbers_of/first: questions are for work that passes",
        ),
        (["first", "--student", "eve"], "There is no result of numbers_of/first by 'eve'"),
        (["first", "--student", "ada", "--file", "x.py"], "give one of them"),
        (["first", "--file", "nowhere.py"], "nowhere.py"),
        (["second"], "second"),
    ],
)
def test_what_can_not_be_asked_about_is_said(course: Path, arguments: list[str], said: str) -> None:
    done = here(course, "questions", *arguments)
    assert done.code == 2 and said in done.said


def test_a_file_that_has_changed_since_it_was_graded_is_not_asked_about(course: Path) -> None:
    path = course / "class/ada/numbers_of/first.py"
    graded = path.read_bytes()
    path.write_bytes(graded + b"\n# later\n")
    try:
        done = here(course, "questions", "first", "--student", "ada")
    finally:
        path.write_bytes(graded)
    assert done.code == 2 and "is not what was graded" in done.said


def ask(folder: Path, said: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("quiz", *arguments),
        cwd=folder,
        env=environment(),
        input=said,
        capture_output=True,
        timeout=LONG,
        encoding="utf-8",
    )


def test_a_student_is_asked_and_told_until_the_input_ends(course: Path) -> None:
    put(course, "assignments/numbers_of/first.py", OWN)
    done = ask(course, "x\na\ns\n", "first", "--seed", "4")
    assert done.returncode == 0 and done.stderr == ""
    assert "Question 1 of 5" in done.stdout and "Question 3 of 5" in done.stdout
    assert "Question 4" not in done.stdout and "Type one of a, b" in done.stdout
    assert "Right." in done.stdout or "No, it is" in done.stdout
    assert "of 2 right. The same questions again: --seed 4" in done.stdout


def test_all_right_answers_are_counted_and_a_process_of_ones_own_is_no_must(course: Path) -> None:
    put(course, "assignments/numbers_of/first.py", OWN)
    told = ask(course, "s\n" * 5, "first", "--seed", "4").stdout
    key = re.findall(r"It is ([a-d])\)", told)
    assert len(key) == 5
    done = ask(course, "\n".join(key) + "\n", "first", "--seed", "4", "--in-process")
    assert done.stdout.count("Right.") == 5 and "5 of 5 right" in done.stdout


def test_the_stub_is_not_asked_about(course: Path) -> None:
    stub = load_plan(course / "assignments/numbers_of/expected/first.plan").stub
    put(course, "assignments/numbers_of/first.py", stub)
    done = ask(course, "", "first")
    assert done.returncode == 2 and "is the stub as it came" in done.stderr
