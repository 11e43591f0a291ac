"""nbgrader, the real one: our grades in its gradebook, in formgrader and in its feedback; hostile notebooks; people's own grades."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import COURSE_DATES, Done, here, make_course, run, with_code
from release_course import put

from autograder.course import load_course
from autograder.course.notebook import Cell, read_cells
from autograder.integrations.nbgrader.rebuilt import MAX_CELLS, rebuild
from autograder.integrations.nbgrader.released import Released, read_released
from autograder.integrations.nbgrader.tool import NbgraderError, Tool

PAGE = Path(__file__).resolve().parent.parent / "docs/nbgrader.md"
ON_TIME, LATE = "2026-09-15 10:00:00 UTC", "2026-09-17 10:00:00 UTC"
ESSAY = "YOUR ANSWER HERE"
SCRIPT = "<script>window.pwned = true</script><img src=x onerror='window.pwned = true'>"
PENALTY = """

from nbgrader.plugins import LateSubmissionPlugin


class PointADay(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return -(-total_seconds_late // 86400)


c.AssignLatePenalties.plugin_class = PointADay
"""

Notebook = dict[str, Any]


def essay(**more: Any) -> dict[str, Any]:
    about = {"schema_version": 3, "grade": True, "locked": False, "solution": True, "task": False}
    metadata = {"nbgrader": {**about, "grade_id": "essay", "points": 4, **more}}
    return {"cell_type": "markdown", "id": "essay", "metadata": metadata, "source": ESSAY}


def named(notebook: Notebook, grade_id: str) -> dict[str, Any]:
    [cell] = [each for each in notebook["cells"] if each["metadata"].get("nbgrader", {}).get("grade_id") == grade_id]
    return cell


def solved(notebook: Notebook, mean: str = "x.mean(-1)") -> None:
    for slug in ("first", "second"):
        named(notebook, f"{slug}-code")["source"] = with_code(mean=mean)


# --- without nbgrader ------------------------------------------------------------------------------------------------


def test_without_nbgrader_it_says_how_to_get_it(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    done = here(root, "export", "nbgrader", "out", "--nbgrader-python", shutil.which("false") or "/bin/false")
    assert done.code == 2 and "has no nbgrader" in done.said and "llm-internals[nbgrader]" in done.said
    assert not (root / "out").exists()
    done = here(root, "export", "nbgrader", "out", "--nbgrader-python", tmp_path / "nowhere")
    assert done.code == 2 and "can't be run: No such file" in done.said


def test_what_is_no_nbgrader_course_is_refused(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    done = here(root, "grade", "--nbgrader", tmp_path, "numbers")
    assert done.code == 2 and "is no nbgrader course" in done.said and "export nbgrader" in done.said
    done = here(root, "grade", "--nbgrader", tmp_path, "numbers", "others")
    assert done.code == 2 and "name one assignment" in done.said
    done = here(root, "grade", "--nbgrader", tmp_path, "numbers", "-e", "first")
    assert done.code == 2 and "leave --exercise out" in done.said


def master(kind: str, grade_id: str, source: str, **about: Any) -> dict[str, Any]:
    tags = {"tags": ["exercise:numbers_of/first"]} if about.get("solution") and kind == "code" else {}
    usual = {"schema_version": 3, "grade": False, "locked": False, "solution": False, "task": False}
    return {
        "cell_type": kind,
        "source": source,
        "metadata": {"nbgrader": {**usual, "grade_id": grade_id, **about}, **tags},
    }


@pytest.fixture
def released(tmp_path: Path) -> Released:
    cells = [
        master("code", "code", "stub", solution=True),
        master("code", "check", 'check("numbers_of/first")', grade=True, locked=True, points=5),
        essay(),
    ]
    put(tmp_path, "release/n.ipynb", json.dumps({"cells": cells, "metadata": {}}))
    course = load_course(make_course(tmp_path / "course"))
    [made] = read_released(tmp_path / "release", {"n": {"check": 5.0, "essay": 4.0}}, course)
    assert made.checks == {"numbers_of/first": "check"} and made.stubs == {"numbers_of/first": "code"}
    assert made.manual == made.written == ("essay",)
    return made


def test_a_release_that_the_gradebook_does_not_know_is_refused(released: Released, tmp_path: Path) -> None:
    course = load_course(tmp_path / "course")
    with pytest.raises(NbgraderError, match=r"the cell 'other'.*generate_assignment"):
        read_released(tmp_path / "release", {"n": {"other": 1.0}}, course)
    with pytest.raises(NbgraderError, match=r"m\.ipynb can't be read"):
        read_released(tmp_path / "release", {"m": {}}, course)


def cells(*given: dict[str, Any]) -> list[Cell]:
    read = read_cells(json.dumps({"nbformat": 4, "cells": list(given)}).encode(), "n.ipynb")
    assert isinstance(read, list), read
    return read


def code(source: str, nbgrader: Any = None, *tags: str) -> dict[str, Any]:
    metadata = {"tags": list(tags)} | ({"nbgrader": nbgrader} if nbgrader is not None else {})
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [{"x": "y" * 10_000}]}


def test_of_a_submitted_notebook_only_text_is_taken_over(released: Released) -> None:
    forged = {"grade_id": "check", "grade": True, "points": 1000, "locked": False, "score": 1000}
    made = rebuild(
        released,
        cells(
            code("forged", {**forged, "grade_id": "mine"}),
            code("check", forged),
            code("answer", {"grade_id": "check"}, "exercise:numbers_of/first"),
            code("rest of it", {"grade_id": "code"}, "exercise:numbers_of/first"),
            {"cell_type": "markdown", "source": "first", "metadata": {"nbgrader": {"grade_id": "essay"}}},
            {"cell_type": "markdown", "source": "second", "metadata": {"nbgrader": {"grade_id": "essay", "points": 9}}},
            {"cell_type": "raw", "source": SCRIPT, "metadata": {"nbgrader": [1]}},
        ),
        {"check": "feedback"},
    )
    about = [(each["metadata"].get("nbgrader", {}).get("grade_id"), each["source"]) for each in made.notebook["cells"]]
    assert about == [
        (None, "forged"),
        ("check", 'check("numbers_of/first")'),
        ("code", "answer"),
        (None, "rest of it"),
        (None, "first"),
        ("essay", "second"),
        (None, f"```\n{SCRIPT}\n```"),
    ]
    text = json.dumps(made.notebook)
    assert "1000" not in text and "yyy" not in text
    outputs = [each["outputs"] for each in made.notebook["cells"] if each.get("outputs")]
    data = {"text/markdown": "feedback", "text/plain": "feedback"}
    assert outputs == [[{"output_type": "display_data", "data": data, "metadata": {}}]]
    assert named(made.notebook, "essay")["metadata"]["nbgrader"]["points"] == 4
    assert made.manual == {"essay": ("answered", "second")}


def test_what_is_missing_is_put_back_where_it_was(released: Released) -> None:
    made = rebuild(released, cells(code("note"), code("x", {"grade_id": "check"})), {})
    ids = [each["metadata"].get("nbgrader", {}).get("grade_id") for each in made.notebook["cells"]]
    assert ids == ["code", None, "check", "essay"]
    assert made.notebook["cells"][0]["source"] == "# This cell is not in what was handed in."
    assert made.manual["essay"][0] == "missing"
    assert rebuild(released, cells(essay()), {}).manual["essay"][0] == "unchanged"
    many = rebuild(released, cells(*[code("note")] * (MAX_CELLS + 7)), {}).notebook["cells"]
    assert len(many) == MAX_CELLS + 4 and many[-1]["source"] == "7 more cells of their own are not shown."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$a<b$ and x < y, *so*", "$a< b$ and x < y, *so*"),
        (SCRIPT, "< script>window.pwned = true< /script>< img src=x onerror='window.pwned = true'>"),
        ("> quoted <!-- hidden", "> quoted < !-- hidden"),
        ("[a](https://example.org)", "[a](https://example.org)"),
        *(
            (text, f"```\n{text}\n```")
            for text in ("[a](javascript:b())", "[a](JAVA&#83;cript:b)", "[a]: data&colon;text/html,x")
        ),
        *(
            (text, f"```\n{text}\n```")
            for text in ("[a](java&amp;#115;cript&amp;colon;b)", "$\\href{x}{y}$", "![](vbscript:x)")
        ),
        ("\u202e", "\\u202e"),
    ],
)
def test_markdown_of_theirs_can_run_nothing(released: Released, text: str, shown: str) -> None:
    made = rebuild(released, cells({**essay(), "source": text}), {})
    assert named(made.notebook, "essay")["source"] == shown


# --- with nbgrader ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that has nbgrader."""
    given = os.environ.get("NBGRADER_PYTHON")
    try:
        return Tool(Path(given) if given else None).python
    except NbgraderError as error:
        pytest.skip(f"no nbgrader (NBGRADER_PYTHON names a Python that has it): {str(error).splitlines()[0]}")


Change = Callable[[Notebook], None]


def hand_in(folder: Path, student: str, change: Change | str = lambda notebook: None, time: str = ON_TIME) -> Path:
    """What nbgrader collects from a student: the released notebook as `change` leaves it, or any text."""
    if not isinstance(change, str):
        notebook = json.loads((folder / "release/numbers/numbers_of.ipynb").read_text("utf-8"))
        change(notebook)
        change = json.dumps(notebook)
    put(folder, f"submitted/{student}/numbers/timestamp.txt", time)
    return put(folder, f"submitted/{student}/numbers/numbers_of.ipynb", change)


def wrote_essay(notebook: Notebook) -> None:
    solved(notebook)
    named(notebook, "essay")["source"] = "An answer with **words**."


def forged(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("nbgrader", {}).update(points=1000, score=1000, auto_score=1000)
        if cell["cell_type"] == "code":
            value = {
                "output_type": "execute_result",
                "data": {"text/plain": "1000"},
                "metadata": {},
                "execution_count": 1,
            }
            cell["outputs"] = [value]


def doubled(notebook: Notebook) -> None:
    solved(notebook)
    notebook["cells"] += [dict(each) for each in notebook["cells"]]
    named_twice = [each for each in notebook["cells"] if each["source"] == with_code()]
    for cell in named_twice[2:]:
        cell["source"] = "# nothing"


def of_others(notebook: Notebook) -> None:
    solved(notebook)
    first, second = named(notebook, "first-code"), named(notebook, "second-code")
    first["metadata"]["nbgrader"]["grade_id"], second["metadata"]["nbgrader"]["grade_id"] = "second-check", "essay"


def cut(notebook: Notebook) -> None:
    solved(notebook)
    notebook["cells"] = [each for each in notebook["cells"] if named(notebook, "first-code") is each]


def loud(notebook: Notebook) -> None:
    solved(notebook)
    named(notebook, "first-code")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 6_000_000}]


def scripted(notebook: Notebook) -> None:
    solved(notebook)
    named(notebook, "essay")["source"] = f"[click](javascript:alert(1)) {SCRIPT}"
    notebook["cells"].insert(0, {"cell_type": "markdown", "id": "x", "metadata": {}, "source": SCRIPT})
    output = {"output_type": "display_data", "data": {"text/html": SCRIPT}, "metadata": {}}
    notebook["cells"].append({**code(SCRIPT), "id": "y", "execution_count": 1, "outputs": [output]})


EXPECTED = {  # by student: first, second, essay; and what nbgrader takes off
    "ada": ((5, 5, None), 0),
    "bob": ((3, 3, 0), 2),
    "eve": ((3, 3, 0), 0),  # late, with an extension
    "stub": ((0, 0, 0), 0),
    "json": ((0, 0, 0), 0),
    "deep": ((0, 0, 0), 0),
    "old": ((0, 0, 0), 0),
    "link": ((0, 0, 0), 0),
    "gone": ((0, 0, 0), 0),
    "forged": ((0, 0, 0), 0),
    "doubled": ((5, 5, 0), 0),
    "of_others": ((5, 5, 0), 0),
    "cut": ((5, 0, 0), 0),
    "loud": ((5, 5, 0), 0),
    "scripted": ((5, 5, None), 0),
    "timeless": ((5, 5, 0), 0),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("nbgrader") / "course", ("first", "second"))
    text = (root / "grading.toml").read_text("utf-8")
    put(root, "grading.toml", text.replace('title = "Numbers"', 'title = "Numbers"\n' + COURSE_DATES))
    put(root, ".autograder/roster.csv", "student,extension\neve,numbers=3d\n" + "\n".join(set(EXPECTED) - {"eve"}))
    return root


@pytest.fixture(scope="module")
def folder(root: Path, python: str) -> Path:
    """An nbgrader course with an essay of the instructor's own and a late policy, as it is released."""
    folder = root.parent / "nbgrader"
    assert run(root, "export", "nbgrader", folder, NBGRADER_PYTHON=python).code == 0
    source = folder / "source/numbers/numbers_of.ipynb"
    notebook = json.loads(source.read_text("utf-8"))
    notebook["cells"].append({**essay(), "source": "What a person should look for."})
    source.write_text(json.dumps(notebook), "utf-8")
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write(PENALTY)
    done = run(root, "export", "nbgrader", folder, NBGRADER_PYTHON=python)
    assert done.code == 0 and "numbers_of.ipynb was changed there and is kept" in done.said, done
    assert "nbgrader_config.py was changed there and is kept" in done.said
    return folder


@pytest.fixture(scope="module")
def graded(root: Path, folder: Path, python: str) -> Done:
    """A class with the right, the wrong and the hostile, graded."""
    hand_in(folder, "ada", wrote_essay)
    hand_in(folder, "bob", lambda notebook: solved(notebook, "x.mean(0)"), LATE)
    hand_in(folder, "eve", lambda notebook: solved(notebook, "x.mean(0)"), LATE)
    hand_in(folder, "stub")
    hand_in(folder, "json", '{"cells": [')
    hand_in(folder, "deep", '{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {"nbgrader": ' + "[" * 100_000)
    hand_in(folder, "old", json.dumps({"nbformat": 3, "worksheets": []}))
    for student, change in (("link", wrote_essay), ("gone", wrote_essay)):
        hand_in(folder, student, change).unlink()
    (folder / "submitted/link/numbers/numbers_of.ipynb").symlink_to("../../ada/numbers/numbers_of.ipynb")
    for hostile in (forged, doubled, of_others, cut, loud, scripted):
        hand_in(folder, hostile.__name__, hostile)
    hand_in(folder, "timeless", solved, "soon")
    (folder / "submitted/linked").symlink_to("ada")
    done = run(root, "grade", "--nbgrader", folder, "numbers", NBGRADER_PYTHON=python)
    assert done.code == 0, done
    (folder / "submitted/timeless/numbers/timestamp.txt").unlink()  # formgrader can't list a class that has such a one
    return done


def gradebook(folder: Path) -> dict[tuple[str, str], tuple[float | None, float | None, float | None, bool]]:
    """By student and cell: auto_score, manual_score, extra_credit, needs_manual_grade."""
    with sqlite3.connect(folder / "gradebook.db") as db:
        rows = db.execute(
            "SELECT s.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade FROM grade g"
            " JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook n ON n.id = g.notebook_id"
            " JOIN submitted_assignment s ON s.id = n.assignment_id"
        ).fetchall()
    return {(student, cell): (auto, manual, extra, bool(needs)) for student, cell, auto, manual, extra, needs in rows}


def nbgrader(folder: Path, python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(python).absolute().parent}{os.pathsep}{os.environ['PATH']}"
    command = [python, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)


def exported(folder: Path, python: str) -> dict[str, dict[str, str]]:
    assert nbgrader(folder, python, "export").returncode == 0
    with (folder / "grades.csv").open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_scores_are_in_the_gradebook_and_hostile_notebooks_forge_none(graded: Done, folder: Path, python: str) -> None:
    rows, cells = exported(folder, python), gradebook(folder)
    assert set(rows) == set(EXPECTED)
    for student, (points, penalty) in EXPECTED.items():
        given = tuple(cells[student, cell][0] for cell in ("first-check", "second-check", "essay"))
        assert given == points, student
        assert [cells[student, cell][3] for cell in ("first-check", "essay")] == [False, points[2] is None], student
        row, earned = rows[student], sum(each or 0 for each in points)
        assert (float(row["raw_score"]), float(row["late_submission_penalty"])) == (earned, penalty), student
        assert (float(row["score"]), float(row["max_score"])) == (earned - penalty, 14.0), student
    assert rows["ada"]["duedate"] == "2026-09-15 21:59:00" and rows["bob"]["timestamp"] == "2026-09-17 10:00:00"
    assert "has the scores of 16 students for numbers" in graded.flat
    assert "submitted/linked/numbers is a link" in graded.said
    assert "holds no time that nbgrader can read" in graded.said


@pytest.mark.slow
def test_autograded_notebooks_are_valid_and_hold_no_student_output(graded: Done, folder: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    for student in EXPECTED:
        path = folder / f"autograded/{student}/numbers/numbers_of.ipynb"
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
        assert len(ids) == len(set(ids)) == 7, student
        assert path.stat().st_size < 200_000 and "1000" not in path.read_text("utf-8")


@pytest.mark.slow
def test_every_command_of_the_page_and_feedback_is_nbgraders_own_with_ours_in_it(
    graded: Done, root: Path, folder: Path, python: str
) -> None:
    ran = []
    for kind, block in re.findall(r"^```sh ?(\w*)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for command, *arguments in map(shlex.split, block.splitlines()):
            if kind == "setup":
                assert (command, arguments[0].partition("=")[0]) == ("export", "NBGRADER_PYTHON")
                continue
            assert command == (kind or "autograder")
            if kind == "nbgrader":
                made = nbgrader(folder, python, *arguments)
                assert made.returncode == 0, made.stderr
            else:
                assert run(root, *arguments, NBGRADER_PYTHON=python).code == 0
            ran.append(arguments[0])
    assert ran == ["export", "generate_assignment", "grade", "generate_feedback", "export"]
    page = (folder / "feedback/bob/numbers/numbers_of.html").read_text("utf-8")
    assert "Score: 3.0 / 5.0" in page and "You take the mean of columns." in page and "Late submission penalty" in page
    assert "No response." in page


@pytest.mark.slow
def test_nbgraders_own_autograder_refuses_to_run_their_code(graded: Done, folder: Path, python: str) -> None:
    done = nbgrader(folder, python, "autograde", "numbers", "--force")
    assert done.returncode == 1 and "autograder grade --nbgrader FOLDER ASSIGNMENT" in done.stderr
    assert (folder / "autograded/ada/numbers/numbers_of.ipynb").is_file()


@pytest.mark.slow
def test_the_released_folder_checks_itself(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "release/numbers", tmp_path / "numbers")
    notebook = json.loads((tmp_path / "numbers/numbers_of.ipynb").read_text("utf-8"))
    assert (
        "".join(named(notebook, "essay")["source"]) == ESSAY
    )  # the instructor's own solution is cleared, our stubs are not
    assert "NotImplementedError" in "".join(named(notebook, "first-code")["source"])
    solved(notebook)
    (tmp_path / "numbers/numbers_of.ipynb").write_text(json.dumps(notebook), "utf-8")
    source = "".join(named(notebook, "first-check")["source"])
    done = subprocess.run(
        [sys.executable, "-P", "-c", source], cwd=tmp_path / "numbers", capture_output=True, text=True
    )
    assert done.returncode == 0 and "5/5 points" in done.stdout, done


@pytest.mark.slow
def test_what_can_not_be_written_is_refused_before_anything_is_graded(root: Path, folder: Path, python: str) -> None:
    broken = root.parent / "broken"
    shutil.copytree(folder, broken, ignore=shutil.ignore_patterns("autograded", "feedback", "submitted"), symlinks=True)
    done = run(root, "grade", "--nbgrader", broken, "number", NBGRADER_PYTHON=python)
    assert done.code == 2 and "no assignment 'number'. It has: numbers." in done.said
    done = run(root, "grade", "--nbgrader", broken, "numbers", NBGRADER_PYTHON=python)
    assert done.code == 2 and "Nobody has handed in numbers" in done.said
    with sqlite3.connect(broken / "gradebook.db") as db:  # as an older version of nbgrader left it
        db.execute("ALTER TABLE assignment RENAME COLUMN duedate TO due")
    done = run(root, "grade", "--nbgrader", broken, "numbers", NBGRADER_PYTHON=python)
    assert done.code == 2 and "nbgrader db upgrade" in done.said


def browse(folder: Path, python: str, *typed: str) -> dict[str, dict[str, Any]]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    if subprocess.run([python, "-c", "import playwright"], capture_output=True).returncode:
        pytest.skip(f"{python} has no playwright, which opens Chromium")
    script = Path(__file__).with_name("browse_formgrader.py")
    command = [python, str(script), str(folder), "numbers", "numbers_of", chromium, *typed]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_formgrader_shows_them_and_what_people_give_survives_a_regrade(
    graded: Done, root: Path, folder: Path, python: str
) -> None:
    typed = ["ada:essay=3", "bob:second-check=4", "bob:first-check_extra_credit=1"]
    seen = browse(folder, python, *typed)
    assert set(seen) == set(EXPECTED)
    for student, page in seen.items():
        assert not page["ran"] and "javascript:" not in page["links"], student
        assert float(page["scores"]["first-check"]) == EXPECTED[student][0][0], student
    assert "You take the mean of columns." in seen["bob"]["comments"]["first-code-comment"]
    assert "What went wrong: You take the mean of columns." in seen["bob"]["text"]
    assert seen["ada"]["comments"]["first-code-comment"] == "By the automatic checks: 5/5 points."
    assert "is not a notebook that can be read" in seen["json"]["comments"]["first-code-comment"]
    assert "An answer with words." in seen["ada"]["text"] and "window.pwned" in seen["scripted"]["text"]
    assert (seen["ada"]["needs_manual"], seen["bob"]["needs_manual"]) == (True, False)

    before = gradebook(folder)
    assert before["ada", "essay"] == (None, 3, None, False) and before["bob", "second-check"][1] == 4
    hand_in(folder, "bob", solved, LATE)
    assert run(root, "grade", "--nbgrader", folder, "numbers", NBGRADER_PYTHON=python).code == 0
    after = gradebook(folder)
    assert after["ada", "essay"] == (None, 3, None, False)  # the same answer: nobody is asked again
    assert after["bob", "first-check"] == (5, None, 1, False)
    assert after["bob", "second-check"] == (5, 4, None, True)  # a person's grade stands, and is asked about
    rows = exported(folder, python)
    assert [float(rows["bob"][name]) for name in ("raw_score", "late_submission_penalty", "score")] == [10, 2, 8]
    assert float(rows["ada"]["raw_score"]) == 13

    def wrote_another(notebook: Notebook) -> None:
        wrote_essay(notebook)
        named(notebook, "essay")["source"] = "Another answer."

    hand_in(folder, "ada", wrote_another)
    assert run(root, "grade", "--nbgrader", folder, "numbers", NBGRADER_PYTHON=python).code == 0
    assert gradebook(folder)["ada", "essay"] == (None, 3, None, True)
