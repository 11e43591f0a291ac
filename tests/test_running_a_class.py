"""docs/running-a-class.md: every command on it does what it says, in the order of the page."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import COURSE_DATES, MISTAKES, Done, here, make_course, run
from release_course import make_course as small_course
from release_course import put, released
from tiny_course import TOTAL

from autograder.course import load_course
from autograder.course.roster import parse_roster
from autograder.store import Store

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/running-a-class.md").read_text("utf-8")
[RUBRIC] = re.findall(r"^```toml\n(\[\[rubric\]\]\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (5177)
    Points Possible,,,,,5
"King, Ada",4711,,,LLM 1,
"""


def commands(kind: str) -> list[list[str]]:
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines() if line]


def repository(folder: Path) -> str:
    put(folder, "assignments/numbers_of/first.py", TOTAL)
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*who, "commit", "--quiet", "-m", "work", "--date=2026-09-14T10:00:00Z"],
    ):
        environment = {
            "GIT_COMMITTER_DATE": "2026-09-14T10:00:00Z",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "PATH": "/usr/bin:/bin",
        }
        subprocess.run(["git", *arguments], cwd=folder, check=True, env=environment, capture_output=True)
    return str(folder)


def test_the_examples_on_the_page_can_be_read(tmp_path: Path) -> None:
    [roster] = re.findall(r"^```csv\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    people = parse_roster(roster, modules=["numbers"])
    assert people.problems == () and [person.id for person in people.team("red")] == ["bob", "cyd"]
    toml = "\n".join(re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    exercises = "".join(
        f'[[module.exercise]]\nname = "numbers_of/{x}"\ntitle = "x"\npoints = 5\n' for x in ("first", "b")
    )
    text = f'schema = 1\nid = "x"\ntitle = "x"\n{toml}'.replace('id = "numbers"', 'id = "numbers"\ntitle = "Numbers"')
    put(tmp_path, "grading.toml", text + exercises)
    course = load_course(tmp_path)
    assert [item.points for item in course.rubrics[0].items] == [2, -1]
    assert course.scores.late_days == 3 and course.feedback.hints == "reported"


@pytest.mark.slow
def test_every_command_for_instructors(tmp_path: Path) -> None:
    known = MISTAKES.replace(next(line for line in MISTAKES.splitlines() if "add up columns" in line), "")
    root = make_course(tmp_path / "course", first_mistakes=known)  # the page makes it a known one
    text = (root / "grading.toml").read_text("utf-8")
    put(root, "grading.toml", text.replace('title = "Numbers"', 'title = "Numbers"\n' + COURSE_DATES))
    ran = []
    for arguments in commands("sh"):
        if arguments[0] == "collect":
            urls = {name: repository(tmp_path / name) for name in ("ada", "red")}
            rows = f"ada,Ada King,,{urls['ada']},4711\nbob,Bob,red,{urls['red']},\ncyd,Cyd,red,,\n"
            put(root, ".autograder/roster.csv", "student,name,group,repository,canvas_id\n" + rows)
        if "downloads" in arguments:
            put(root, "downloads/kingada_4711_1_work/numbers_of/first.py", TOTAL)
            put(root, "times.csv", "student,handed_in\nada,2026-09-16T12:00\n")
        if arguments[0] == "mark" and "[[rubric]]" not in (text := (root / "grading.toml").read_text("utf-8")):
            put(root, "grading.toml", text + RUBRIC)
        if "RUN1" in arguments:
            with Store(root / ".autograder/results.sqlite") as store:
                runs = [each.id for each in store.runs()]
            arguments = [{"RUN1": runs[0], "RUN2": runs[-1]}.get(each, each) for each in arguments]
        if arguments[:2] == ["ledger", "keep"]:
            put(root, ".gitignore", ".autograder/\n")
            subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "course.git"], check=True)
            subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
            subprocess.run(["git", "remote", "add", "origin", tmp_path / "course.git"], cwd=root, check=True)
        if "gpu.sqlite" in arguments:
            shutil.copy(root / ".autograder/results.sqlite", root / "gpu.sqlite")
        put(root, "points.csv", "student,exercise,item,points,why\nada,numbers_of/first,clarity,1.5,\n")
        put(root, "gradebook.csv", GRADEBOOK)
        # What starts workers is a process of its own.
        done: Done = (run if arguments[0] in ("grade", "rejudge", "mistake") else here)(root, *arguments)
        assert done.code == 0, (arguments, done)
        ran.append(" ".join(arguments[:2]))
        if arguments[:2] == ["collect", "numbers"]:
            assert "2 of 2 collected" in done.flat
        if arguments == ["scores", "ada"]:
            assert "5/5" in done.flat  # the same answer was collected before: it was handed in then
    assert len(ran) == 29, ran
    assert "4711" in (root / "for-canvas.csv").read_text("utf-8-sig") and (root / "gradescope/ada.json").is_file()


def test_every_command_for_students(tmp_path: Path) -> None:
    course = small_course(tmp_path / "course")
    released(course, tmp_path / "student")
    released(course, tmp_path / "version-2")
    for arguments in commands("sh student"):
        assert here(tmp_path / "student", *arguments).code == 0
    assert (tmp_path / "student/submission.zip").is_file()
