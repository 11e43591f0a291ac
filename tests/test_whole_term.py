"""A whole term, three times: by the commands, by the steps of the GitHub workflow, and by nbgrader. All end with the same scores.

Thirty students and three modules; late days that are spent over the term, extensions, late work, work that is missing, a regrade after
a check was mended, and a decision of a person. The workflow's jobs are fresh checkouts: all that they know of the term is in the ledger.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import make_course, run, with_code
from release_course import put
from test_collect import Remote
from test_instructors_workflow import Job, git, private_copy
from test_nbgrader import named
from tiny_course import TOTAL_CHECKS

from autograder.integrations.nbgrader.tool import NbgraderError, Tool

MODULES = {"one": "first", "two": "second", "three": "third"}
DUE = {"one": 10, "two": 17, "three": 24}  # of September, 12:00 UTC
STUDENTS = [f"s{number:02}" for number in range(30)]
RIGHT, ROWS, NEARLY = with_code(), with_code(sum_="x.sum(0)"), with_code(mean="x.mean(-1) + 1e-3")
MENDED = TOTAL_CHECKS.replace("case, check\n", "Tolerance, case, check\n").replace(
    "hidden=[case(rows=4, columns=4)]", "hidden=[case(rows=4, columns=4)], tolerance=Tolerance(atol=0.01)"
)
EXTENDED = {"s03": "two=3d", "s09": "2d"}
Scores = dict[str, tuple[float, float, int, tuple[tuple[str, float, int], ...]]]


def handed_in(student: str, module: str) -> tuple[str, int] | None:
    """What a student hands in for a module, and how many days after it was due."""
    kind = int(student[1:]) % 6
    if kind == 1:
        return (NEARLY if module == "one" else ROWS), -1
    if kind == 2:
        return RIGHT, {"one": 2, "two": 2, "three": -1}[module]
    if kind == 3:
        return RIGHT, {"one": -1, "two": 2, "three": 2}[module]
    if kind == 4:
        return RIGHT, 1
    if kind == 5 and module == "three":
        return None
    return RIGHT, -1


def moment(module: str, days: int) -> str:
    return f"2026-09-{DUE[module] + days:02}T11:00"


def term(root: Path) -> Path:
    """The course, as it is at the beginning of the term."""
    make_course(root, tuple(MODULES.values()))
    head = (root / "grading.toml").read_text("utf-8").partition("[[module]]")[0]
    head = head.replace("[limits]", "[scores]\nlate_days = 3\nnever_lower = true\n\n[limits]")
    modules = [
        f'[[module]]\nid = "{module}"\ntitle = "Module {module}"\ndue = 2026-09-{DUE[module]}T12:00:00Z\n'
        'late = { kind = "percent_per_day", percent = 10 }\n\n'
        f'[[module.exercise]]\nname = "numbers_of/{slug}"\ntitle = "Totals, {slug}"\npoints = 5\n'
        for module, slug in MODULES.items()
    ]
    put(root, "grading.toml", "\n".join([head, *modules]))
    return root


def mend(root: Path) -> None:
    put(root, "solutions/numbers_of/first/checks.py", MENDED)


def roster(url: Callable[[str], str]) -> str:
    rows = [f"{student},{url(student)},{EXTENDED.get(student, '')}" for student in STUDENTS]
    return "student,repository,extension\n" + "\n".join(rows) + "\n"


DECISION = ("adjust", "s07", "numbers_of/second", "--add", "0.5", "--why", "a good remark", "--by", "prof")


class Way:
    """One way to grade the term."""

    def grade(self, module: str) -> None:
        raise NotImplementedError

    def decide(self) -> None:
        raise NotImplementedError

    def mend(self) -> None:
        raise NotImplementedError

    def course(self) -> Path:
        """A course folder that knows the term."""
        raise NotImplementedError

    def scores(self, into: Path) -> Scores:
        done = run(self.course(), "scores", "--json", into)
        assert done.code == 0, done
        found: Scores = {}
        for path in into.iterdir():
            score = json.loads(path.read_text("utf-8"))
            modules = tuple((each["module"], each["score"], each.get("late_days", 0)) for each in score["modules"])
            found[score["student"]] = (score["score"], score["points"], score["late_days_left"], modules)
        return found


class ByCommand(Way):
    def __init__(self, folder: Path, urls: Callable[[str], str]) -> None:
        self.root = term(folder / "course")
        put(self.root, ".autograder/roster.csv", roster(urls))

    def grade(self, module: str) -> None:
        for arguments in (
            ("collect", module, "--late", "--allow-protocol", "file"),
            ("grade", f".autograder/collected/{module}", "--exercise", module),
        ):
            done = run(self.root, *arguments)
            assert done.code == 0, done

    def decide(self) -> None:
        assert run(self.root, *DECISION).code == 0

    def mend(self) -> None:
        mend(self.root)

    def course(self) -> Path:
        return self.root


class ByWorkflow(Way):
    """Each job in a fresh checkout, the artifacts carried from one to the next."""

    def __init__(self, folder: Path, urls: Callable[[str], str]) -> None:
        self.folder, self.work, self.count = folder, term(folder / "course"), 0
        self.roster = roster(urls)
        backup = folder / "secret.json"
        assert run(self.work, "secret", "new", "2026-autumn").code == 0
        assert run(self.work, "secret", "backup", backup).code == 0
        self.secret = backup.read_text("utf-8")
        self.server = private_copy(self.work)

    def job(self, workflow: str) -> Job:
        self.count += 1
        place = self.folder / f"job{self.count}"
        place.mkdir()
        return Job(place, self.server, workflow)

    def grade(self, module: str) -> None:
        collect, cpu, publish = self.job("grade.yml"), self.job("grade-on.yml"), self.job("grade.yml")
        collect.ran("What stood", LEDGER_TOKEN="x")
        collect.ran("Collect", local=True, MODULES=module, LATE="true", ROSTER=self.roster, STUDENTS_TOKEN="x")
        shutil.copy(collect.root / "collected.tar", cpu.root)
        cpu.ran("Unpack")
        cpu.ran("Course secret", COURSE_SECRET=self.secret)
        cpu.ran("Grade", MODULES=module, DEVICE="cpu")
        shutil.copytree(cpu.root / "results", publish.root / "graded/results-cpu")
        publish.ran("Join into the ledger", MODULES=module, ROSTER=self.roster, LEDGER_TOKEN="x")
        publish.ran("Scores of the term")
        assert "::warning::" not in publish.said

    def decide(self) -> None:
        root = self.course()
        assert run(root, *DECISION).code == 0
        done = run(root, "ledger", "keep")
        assert done.code == 0, done

    def mend(self) -> None:
        mend(self.work)
        git(self.work, "commit", "--quiet", "--all", "-m", "A check is mended")
        git(self.work, "push", "--quiet", str(self.server), "main")

    def course(self) -> Path:
        """An instructor's own machine: a clone, with the ledger fetched."""
        self.count += 1
        root = self.folder / f"clone{self.count}"
        git(self.folder, "clone", "--quiet", f"file://{self.server}", str(root))
        done = run(root, "ledger", "fetch")
        assert done.code == 0, done
        put(root, ".autograder/roster.csv", self.roster)
        return root


class ByNbgrader(Way):
    def __init__(self, folder: Path) -> None:
        try:
            self.python = Tool(Path(os.environ["NBGRADER_PYTHON"]) if "NBGRADER_PYTHON" in os.environ else None).python
        except NbgraderError as error:
            pytest.skip(str(error).splitlines()[0])
        self.root, self.folder = term(folder / "course"), folder / "nbgrader"
        put(self.root, ".autograder/roster.csv", roster(lambda student: ""))
        self.ran("export", "nbgrader", self.folder)

    def ran(self, *arguments: str | Path) -> None:
        done = run(self.root, *arguments, NBGRADER_PYTHON=self.python)
        assert done.code == 0, done

    def grade(self, module: str) -> None:
        [release] = (self.folder / "release" / module).glob("*.ipynb")
        for student in STUDENTS:
            if (answer := handed_in(student, module)) is not None:
                notebook = json.loads(release.read_text("utf-8"))
                named(notebook, f"{MODULES[module]}-code")["source"] = answer[0]
                place = f"submitted/{student}/{module}"
                put(self.folder, f"{place}/{release.name}", json.dumps(notebook))
                put(self.folder, f"{place}/timestamp.txt", moment(module, answer[1]).replace("T", " ") + ":00 UTC")
        self.ran("grade", "--nbgrader", self.folder, module)

    def decide(self) -> None:
        self.ran(*DECISION)

    def mend(self) -> None:
        mend(self.root)

    def course(self) -> Path:
        return self.root


@pytest.fixture(scope="module")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Remote]:
    folder = tmp_path_factory.mktemp("students")
    return {student: Remote(folder, student) for student in STUDENTS}


def hand_in(remotes: dict[str, Remote], module: str) -> None:
    for student, remote in remotes.items():
        if (answer := handed_in(student, module)) is not None:
            name = f"assignments/numbers_of/{MODULES[module]}.py"
            remote.commit(moment(module, answer[1]), answer[0], name)
            remote.push()


@pytest.mark.slow
def test_three_ways_to_grade_a_term_end_with_the_same_scores(remotes: dict[str, Remote], tmp_path: Path) -> None:
    def url(student: str) -> str:
        return str(remotes[student].bare)

    ways: dict[str, Way] = {"command": ByCommand(tmp_path / "1", url), "workflow": ByWorkflow(tmp_path / "2", url)}
    with contextlib.suppress(pytest.skip.Exception):  # without nbgrader, the other two are compared all the same
        ways["nbgrader"] = ByNbgrader(tmp_path / "3")
    for module in MODULES:
        hand_in(remotes, module)
        for way in ways.values():
            way.grade(module)
        if module == "two":
            for way in ways.values():
                way.decide()
                way.mend()
                way.grade("one")  # a regrade, when the repositories have more than was due then
    found = {name: way.scores(tmp_path / f"scores-{name}") for name, way in ways.items()}
    by_command = found["command"]
    assert sorted(by_command) == STUDENTS
    for name, scores in found.items():
        assert scores == by_command, {who: (scores[who], by_command[who]) for who in STUDENTS if scores[who] != by_command[who]}  # fmt: skip
        assert name in ways
    expected = {  # what it all comes to, by hand: the score, and days left of three
        "s00": (15, 3),
        "s01": (5 + 2 + 2, 3),  # the mended check takes what was nearly right
        "s02": (5 + 4.5 + 5, 0),  # two late days, then one: a day remains
        "s03": (15, 1),  # extended in two, two days spent in three
        "s04": (15, 0),
        "s05": (10, 3),
        "s07": (5 + 2.5 + 2, 3),  # decided
        "s08": (5 + 4.5 + 5, 0),
        "s09": (15, 3),  # extended everywhere
    }
    assert {who: (by_command[who][0], by_command[who][2]) for who in expected} == expected
    assert {points for _, points, *_ in by_command.values()} == {15}
    if "nbgrader" not in ways:
        pytest.skip("by the commands and by the workflow it is the same; nbgrader is not installed (NBGRADER_PYTHON)")
