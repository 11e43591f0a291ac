"""What ships for editors and for work in a browser: VS Code's files, a devcontainer, AGENTS.md, links; and the lines of `problems`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sample_results as sample
from command_line import Running, copied, run, with_code
from command_line import make_course as make_real_course
from msgspec.structs import replace
from release_course import make_course, makers_of, put, released, tree

from autograder.course import CourseError, load_course
from autograder.integrations.editor import problem_lines
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.online import online
from autograder.release.repository import release
from autograder.results import CaseResult, Message

ROOT = Path(__file__).parents[1]
COMMANDS = {"problems", "hint", "status", "check", "watch"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("editor")
    return released(make_course(folder / "course"), folder / "out")


def loaded(files: dict[str, bytes], name: str) -> dict:
    return json.loads(files[name])


# ---------------------------------------------------------------- VS Code


def test_the_tasks_run_commands_that_there_are(files: dict[str, bytes]) -> None:
    tasks = loaded(files, ".vscode/tasks.json")["tasks"]
    commands = [task for task in tasks if task["type"] == "process"]
    assert {task["args"][0] for task in commands} <= COMMANDS and len(commands) == 5
    help = run(ROOT, "--help").out
    for task in commands:
        assert task["command"] == "${workspaceFolder}/.venv/bin/autograder"
        assert task["windows"]["command"] == "${workspaceFolder}\\.venv\\Scripts\\autograder.exe"
        assert re.search(rf"│ {task['args'][0]} ", help)
    assert len({task["label"] for task in tasks}) == len(tasks)
    assert [task["label"] for task in tasks if task.get("group") == {"kind": "build", "isDefault": True}] == [
        "Check this exercise"
    ]


def test_the_settings_find_the_tests_and_keep_the_courses_files(files: dict[str, bytes]) -> None:
    settings = loaded(files, ".vscode/settings.json")
    assert settings["python.testing.pytestEnabled"] is True
    assert settings["python.testing.pytestArgs"] == ["assignments"]
    kept = [re.compile(_as_regexp(glob)) for glob in settings["files.readonlyInclude"]]
    stubs = {f"assignments/{topic}" for topic in ("roots_of/square.py", "roots_of/roots_of.ipynb", "sums_of/two.py")}
    assert not any(each.fullmatch(name) for each in kept for name in stubs)
    for name in (
        "assignments/roots_of/test_square.py",
        "assignments/roots_of/expected/square.plan",
        "autograder/cli.py",
    ):
        assert any(each.fullmatch(name) for each in kept)
    assert "ms-python.python" in loaded(files, ".vscode/extensions.json")["recommendations"]


def _as_regexp(glob: str) -> str:
    return re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")


def test_the_devcontainer_sets_up_what_the_makefile_does(files: dict[str, bytes]) -> None:
    container = loaded(files, ".devcontainer/devcontainer.json")
    assert container["name"] == "A small # course"
    assert container["postCreateCommand"].startswith("make setup ")
    assert re.search(r"^setup:", files["Makefile"].decode(), re.M)
    assert container["remoteEnv"]["PATH"].startswith("${containerWorkspaceFolder}/.venv/bin:")


def test_agents_md_asks_and_says_that_it_asks(files: dict[str, bytes]) -> None:
    text = files["AGENTS.md"].decode()
    assert "A small # course" in text and "request" in text and "Nothing here enforces it" in text
    may, may_not = text.split("## Please do not")
    for word in ("Explain", "autograder check", "autograder hint"):
        assert word in may
    assert "# YOUR CODE HERE" in may_not and "autograder solution" in may_not
    assert len(text.split()) < 300
    assert not re.search(r"`autograder (\w+)", text) or set(re.findall(r"`autograder (\w+)", text)) <= {
        *COMMANDS,
        "solution",
    }


# ---------------------------------------------------------------- problems


def matchers(files: dict[str, bytes]) -> list[dict]:
    tasks = loaded(files, ".vscode/tasks.json")["tasks"]
    return [task["problemMatcher"] for task in tasks if isinstance(task.get("problemMatcher"), dict)]


def matched(files: dict[str, bytes], output: str) -> list[tuple[str, int, str, str]]:
    """What VS Code's problem matcher makes of some output: the expressions are JavaScript's, of which these use what Python has too."""
    patterns = [each["pattern"] for each in matchers(files)]
    assert len(patterns) == 3 and all(each == patterns[0] for each in patterns)
    expression, found = re.compile(patterns[0]["regexp"]), []
    for line in output.split("\n"):
        if match := expression.match(line):
            found.append(
                (
                    match[patterns[0]["file"]],
                    int(match[patterns[0]["line"]]),
                    match[patterns[0]["severity"]],
                    match[patterns[0]["message"]],
                )
            )
    return found


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("problems")
    root = make_real_course(folder / "course", ("first", "second"))
    made = makers(root, load_course(root), root / ".autograder")
    build_assignments(root, makers=made)
    release(root, folder / "repository", makers=made, version="1.0")
    return folder / "repository"


@pytest.fixture
def repository(original: Path, tmp_path: Path) -> Path:
    return copied(original, tmp_path / "repository")


def line_of(text: str, part: str) -> int:
    return 1 + next(number for number, line in enumerate(text.split("\n")) if part in line)


def test_problems_stand_at_the_students_own_lines(repository: Path, files: dict[str, bytes]) -> None:
    nothing = run(repository, "problems")
    assert nothing.code == 0 and "Nothing begun yet" in nothing.out
    wrong = with_code(sum_="x.sum(0)", mean="x.mean(99)")
    put(repository, "assignments/numbers_of/first.py", wrong)
    done = run(repository, "problems", COLUMNS="60")  # a line is never broken, however narrow the terminal
    assert done.code == 0 and "0/5 points" in done.out and "Start here" in done.out
    found = matched(files, done.out)
    assert [(file, severity) for file, _, severity, _ in found] == [("assignments/numbers_of/first.py", "error")] * 2
    assert [line for _, line, _, _ in found] == [line_of(wrong, "def total"), line_of(wrong, "x.mean(99)")]
    assert found[0][3] == "The sum goes along the last dimension: You add up columns. Add up rows."
    assert "IndexError" in found[1][3]

    stub = run(repository, "problems", "second")
    assert [severity for *_, severity, _ in matched(files, stub.out)] == ["warning", "warning"]
    broken = wrong.replace("def middle(x: Tensor)", "def middle(x: Tensor")
    put(repository, "assignments/numbers_of/first.py", broken)
    (problem,) = matched(files, run(repository, "problems", "assignments/numbers_of/first.py").out)
    assert problem[:3] == ("assignments/numbers_of/first.py", line_of(broken, "def middle"), "error")
    put(repository, "assignments/numbers_of/first.py", with_code())
    right = run(repository, "problems", "first")
    assert "5/5 points" in right.out and matched(files, right.out) == []


def test_watching_begins_and_ends_as_the_matcher_waits_for(repository: Path, files: dict[str, bytes]) -> None:
    (background,) = [each["background"] for each in matchers(files) if "background" in each]
    begins, ends = (re.compile(background[key]) for key in ("beginsPattern", "endsPattern"))
    with Running(repository, "problems", "--watch") as watching:
        watching.until_printed("Watching 2 files")
        first = watching.out.split("\n")[0]
        assert ends.match(first) and not begins.match(first)
        put(repository, "assignments/numbers_of/first.py", with_code(sum_="x.sum(0)"))
        watching.until_printed("Checked at")
        lines = [line for line in watching.out.split("\n") if begins.match(line) or ends.match(line)]
        assert lines[1] == "Checking numbers_of/first" and lines[2].startswith("Checked at ") and len(lines) == 3
        assert len(matched(files, watching.out)) == 1
        done = watching.interrupt()
    assert done.code == 0 and "Traceback" not in done.err


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_the_expressions_are_javascripts_too(files: dict[str, bytes]) -> None:
    line = "assignments/a/b.py:12: error: A claim: said (so)"
    for each in matchers(files):
        background = each.get("background", {})
        script = (
            f"const m = new RegExp({json.dumps(each['pattern']['regexp'])}).exec({json.dumps(line)});"
            f"const b = [{', '.join(json.dumps(background[key]) for key in ('beginsPattern', 'endsPattern') if key in background)}];"
            "b.forEach(one => new RegExp(one)); console.log(JSON.stringify(m.slice(1)))"
        )
        done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == ["assignments/a/b.py", "12", "error", "A claim: said (so)"]


def test_a_hostile_text_stays_in_one_line(tmp_path: Path) -> None:
    message = Message(id="compare.judge", values={"sentence": "a\nb.py:1: error: forged \x1b[31m" + "x" * 5000})
    case = CaseResult(title="t", public=True, verdict="failed", message=message)
    check = replace(sample.passing_check(), verdict="failed", earned=0, cases=[case], claim="A claim.")
    bpe = sample.bpe([check])
    (line,) = problem_lines(bpe, tmp_path)
    assert (
        "\n" not in line and "\x1b" not in line and len(line) < 700 and line.startswith(f"{bpe.file}:1: error: A claim")
    )


def test_an_exercise_that_could_not_run_is_one_line_at_its_place(tmp_path: Path) -> None:
    bpe = replace(sample.bpe([]), message=Message(id="submission.missing", values={"file": "assignments/x.py"}))
    (line,) = problem_lines(bpe, tmp_path)
    assert re.match(rf"{re.escape(bpe.file)}:\d+: error: ", line)


# ---------------------------------------------------------------- in the browser


def with_address(root: Path, address: str) -> Path:
    path = root / "grading.toml"
    put(
        root,
        "grading.toml",
        path.read_text("utf-8").replace('id = "small"\n', f'id = "small"\nrepository = "{address}"\n'),
    )
    build_assignments(root, makers=makers_of(root))
    return root


def test_topic_pages_link_to_their_notebook_where_the_address_is_known(tmp_path: Path) -> None:
    course = with_address(make_course(tmp_path / "course"), "https://github.com/uni-x/llm.course/tree/term/autumn")
    files = released(course, tmp_path / "out")
    page = files["assignments/roots_of/README.md"].decode()
    notebook = "assignments/roots_of/roots_of.ipynb"
    assert f"https://colab.research.google.com/github/uni-x/llm.course/blob/term/autumn/{notebook}" in page
    assert f"https://mybinder.org/v2/gh/uni-x/llm.course/term%2Fautumn?urlpath=lab/tree/{notebook}" in page
    assert "git clone -q --depth 1 -b term/autumn https://github.com/uni-x/llm.course course" in page
    assert notebook in files
    assert files[".binder/requirements.txt"].decode().split("\n")[-2] == "-e ."
    assert re.fullmatch(r"python-3\.1[1-9]\n", files[".binder/runtime.txt"].decode())


def test_without_an_address_there_is_no_link(files: dict[str, bytes]) -> None:
    assert not any(name.startswith(".binder") for name in files)
    pages = [data for name, data in files.items() if name.startswith("assignments/") and name.endswith("README.md")]
    assert pages and not any(b"colab" in data or b"mybinder" in data for data in pages)


@pytest.mark.parametrize(
    "address",
    [
        "github.com/a/b",
        "http://github.com/a/b",
        "https://github.com/a",
        "https://evil.example/a/b",
        "https://github.com/a/b)[x](y",
    ],
)
def test_another_address_is_refused(tmp_path: Path, address: str) -> None:
    course = make_course(tmp_path / "course")
    path = course / "grading.toml"
    put(
        course,
        "grading.toml",
        path.read_text("utf-8").replace('id = "small"\n', f'id = "small"\nrepository = "{address}"\n'),
    )
    with pytest.raises(CourseError, match="repository"):
        load_course(course)


def test_the_usual_branch_is_main(tmp_path: Path) -> None:
    course = with_address(make_course(tmp_path / "course"), "https://github.com/a/b.git")
    where = online(load_course(course))
    assert where is not None and (where.owner, where.name, where.branch) == ("a", "b", "main")
    assert " -b " not in tree(course / "assignments")["roots_of/README.md"].decode()
