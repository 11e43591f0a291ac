"""The autograder's zip with the real otter and in a folder laid out as Gradescope's containers are.

The environment is made once, by the zip's own setup.sh, from nothing but what the zip says.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from command_line import STUB, here, make_course, with_code

from autograder.course import load_course
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.notebook import topic_notebook
from autograder.release.topics import load_topics

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
GRADESCOPE = Path("/autograder")
MEMORY = 768 * 2**20  # of the container that Gradescope gives by default
LONG = 1200
TEXTS = ("reads", "forges", "exits", "hangs")
HOSTILE = {
    "reads": with_code()
    + """
import glob, os
FOUND = [path for root in ("/", os.getcwd(), "/autograder", "..", "../..") for path in glob.glob(root + "/**/checks.py", recursive=True)]
if FOUND:
    print(open(FOUND[0]).read())
def total(x):
    return x.sum(-1) if FOUND else x * 0
""",
    "forges": with_code(sum_="x.sum(0)")
    + """
import glob, json
for place in ["/autograder/results", *glob.glob("/tmp/*/autograder/results"), "results", "../results"]:
    try:
        with open(place + "/results.json", "w") as file:
            json.dump({"score": 99}, file)
    except OSError:
        pass
""",
    "exits": with_code() + "\nimport os\nos._exit(0)\n",
    "hangs": with_code() + "\nwhile True:\n    pass\n",
}
"""What each would earn if it came through: 5, 99, who knows, nothing ever."""


@dataclass(frozen=True)
class Autograder:
    """The unpacked zip with its environment, at /autograder where this process may put it there."""

    folder: Path
    zip: Path
    bound: bool

    def command(self, *arguments: str | Path) -> list[str]:
        plain = [str(each) for each in arguments]
        if not self.bound:
            return plain
        script = 'mount --bind "$0" /autograder && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, str(self.folder), *plain]

    @property
    def seen(self) -> Path:
        """Where the commands see the folder."""
        return GRADESCOPE if self.bound else self.folder

    def gradescope(self, files: dict[str, str | bytes]) -> dict:
        """Grade what a student uploads, as Gradescope's harness does, under its memory limit where that can be set."""
        for name in ("submission", "results"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir()
        put(self.folder / "submission", files)
        with memory_limit() as enter:
            subprocess.run(
                self.command(self.seen / "run_autograder"), check=True, timeout=LONG, preexec_fn=enter, cwd="/"
            )
        return json.loads((self.folder / "results/results.json").read_text("utf-8"))

    def otter_run(self, submission: Path) -> dict:
        out = submission.parent / "out"
        out.mkdir(exist_ok=True)
        command = [self.seen / "env/bin/otter", "run", "--no-logo", "-a", self.zip, "-o", out, submission]
        done = subprocess.run(self.command(*command), capture_output=True, text=True, timeout=LONG, cwd=out)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((out / "results.json").read_text("utf-8"))


@contextlib.contextmanager
def memory_limit() -> Iterator:
    """A control group with Gradescope's memory, for the child that calls what is yielded; none where that can't be had."""
    group = Path("/sys/fs/cgroup/memory") / f"autograder-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    (group / "memory.limit_in_bytes").write_text(str(MEMORY))
    try:
        yield lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
        assert int((group / "memory.failcnt").read_text()) == 0, "the memory was not enough"
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


def put(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("course") / "course", TEXTS)
    shutil.copy(ROOT / "constraints.txt", root / "constraints.txt")
    return root


@pytest.fixture(scope="module")
def autograder(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Autograder]:
    folder = tmp_path_factory.mktemp("gradescope") / "autograder"
    assert here(course, "export", "otter", "numbers_of", "autograder.zip").code == 0
    source = folder / "source"
    with zipfile.ZipFile(course / "autograder.zip") as archive:
        archive.extractall(source)
    shutil.copy(source / "run_autograder", folder / "run_autograder")
    (folder / "run_autograder").chmod(0o755)
    made = False
    bound = os.geteuid() == 0 and shutil.which("unshare") is not None
    if bound:
        made = not GRADESCOPE.exists()
        GRADESCOPE.mkdir(exist_ok=True)
        bound = subprocess.run(Autograder(folder, folder, True).command("true"), capture_output=True).returncode == 0
    found = Autograder(folder, course / "autograder.zip", bound)
    environment = {"TORCH_INDEX": "", **os.environ}  # this machine's pip knows where torch is
    try:
        subprocess.run(
            found.command("bash", found.seen / "source/setup.sh"), check=True, timeout=LONG, env=environment, cwd="/"
        )
        yield found
    finally:
        if made:
            with contextlib.suppress(OSError):
                GRADESCOPE.rmdir()


def notebook(course: Path, texts: dict[str, str]) -> bytes:
    """The topic's own notebook, filled in."""
    [topic] = load_topics(course)
    stubs = {f"numbers_of/{slug}": STUB for slug in TEXTS}
    made = nbformat.reads(topic_notebook(topic, stubs).decode(), as_version=4)
    for cell in made.cells:
        slug = cell.id.removesuffix("-code")
        if slug in texts:
            cell.source = texts[slug]
    return nbformat.writes(made).encode()


def scores(content: dict) -> list[float]:
    """Of each exercise, by the tests' numbers."""
    found: dict[str, float] = {}
    for test in content["tests"]:
        if "max_score" in test:
            number = test["number"].partition(".")[0]
            found[number] = found.get(number, 0) + test["score"]
    return list(found.values())


RIGHT = {slug: with_code() for slug in TEXTS}
WRONG = {slug: with_code(sum_="x.sum(0)") for slug in TEXTS}


def as_files(texts: dict[str, str]) -> dict[str, str | bytes]:
    return {f"assignments/numbers_of/{slug}.py": text for slug, text in texts.items()}


def test_gradescope_grades_right_and_wrong(autograder: Autograder, course: Path) -> None:
    right = autograder.gradescope(as_files(RIGHT))
    assert scores(right) == [5, 5, 5, 5] and right["score"] == 20
    wrong = autograder.gradescope({"numbers_of.ipynb": notebook(course, WRONG)})
    assert scores(wrong) == [2, 2, 2, 2]
    assert "You add up columns. Add up rows." in wrong["tests"][0]["output"]
    empty = autograder.gradescope({})
    assert empty["score"] == 0 and len(scores(empty)) == 4


def test_gradescope_is_not_moved_by_hostile_code(autograder: Autograder) -> None:
    content = autograder.gradescope(as_files(HOSTILE))
    reads, forges, exits, hangs = scores(content)
    assert (reads, forges, exits, hangs) == (2, 2, 0, 0)  # what the honest half of each is worth
    assert content["score"] == 4
    shown = json.dumps([test for test in content["tests"] if test["visibility"] != "hidden"])
    assert "a wide table" not in shown and "def sums_rows" not in shown


def test_otter_run_takes_python_notebooks_and_zips(autograder: Autograder, course: Path, tmp_path: Path) -> None:
    put(tmp_path, {"forges.py": with_code(), "numbers_of.ipynb": notebook(course, WRONG)})
    alone = autograder.otter_run(tmp_path / "forges.py")
    assert scores(alone) == [0, 5, 0, 0]
    wrong = autograder.otter_run(tmp_path / "numbers_of.ipynb")
    assert scores(wrong) == [2, 2, 2, 2] and wrong["tests"][0]["visibility"] == "visible"

    build_assignments(course, makers=makers(course, load_course(course), course / ".autograder"))
    student = tmp_path / "student"
    shutil.copytree(course, student, ignore=shutil.ignore_patterns("solutions", ".autograder", "*.zip"))
    put(student, as_files(RIGHT))
    assert here(student, "pack", "-o", tmp_path / "right.zip").code == 0
    assert autograder.otter_run(tmp_path / "right.zip")["score"] == 20


def test_otter_run_is_not_moved_by_hostile_or_empty_work(autograder: Autograder, course: Path, tmp_path: Path) -> None:
    put(tmp_path, {"numbers_of.ipynb": notebook(course, HOSTILE), "first/empty.ipynb": notebook(course, {})})
    hostile = autograder.otter_run(tmp_path / "numbers_of.ipynb")
    assert scores(hostile) == [2, 2, 0, 0] and hostile["score"] == 4
    empty = autograder.otter_run(tmp_path / "first/empty.ipynb")
    assert empty["score"] == 0 and "not written" in json.dumps(empty["tests"]).lower()


def test_otter_grade_finds_the_pickled_result(autograder: Autograder) -> None:
    """`otter grade` (Docker, which is not asked for here) puts an empty results.pkl there, and reads it back."""
    shutil.rmtree(autograder.folder / "results", ignore_errors=True)
    shutil.rmtree(autograder.folder / "submission", ignore_errors=True)
    put(autograder.folder, {"results/results.pkl": b"", "submission/forges.py": with_code()})
    subprocess.run(autograder.command(autograder.seen / "run_autograder"), check=True, timeout=LONG, cwd="/")
    code = "import dill, sys; r = dill.load(open(sys.argv[1], 'rb')); print(r.total, r.possible, len(r.test_files))"
    pickled = autograder.seen / "results/results.pkl"
    done = subprocess.run(
        autograder.command(autograder.seen / "env/bin/python", "-c", code, pickled), capture_output=True, text=True
    )
    assert done.stdout.split() == ["5.0", "20.0", "8"], done.stderr


def blocks(kind: str) -> list[str]:
    page = (ROOT / "docs/otter-gradescope.md").read_text("utf-8")
    [block] = re.findall(rf"^```sh {kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return block.splitlines()


def test_the_commands_of_the_page(autograder: Autograder, tmp_path: Path) -> None:
    """`setup.sh` has run in the fixture; `otter grade` needs Docker, so only its options are looked at."""
    (tmp_path / "autograder").symlink_to(autograder.seen)
    shutil.copy(autograder.zip, tmp_path / "autograder.zip")
    with zipfile.ZipFile(tmp_path / "submission.zip", "w") as archive:
        archive.writestr("forges.py", with_code())
    unpack, setup, *rest = blocks("machine")
    assert setup == "bash autograder/source/setup.sh"
    script = "\n".join(["set -e", unpack, *rest])
    path = f"{autograder.seen}/env/bin:{os.environ['PATH']}"
    done = subprocess.run(
        autograder.command("bash", "-c", script), cwd=tmp_path, env={**os.environ, "PATH": path}, timeout=LONG
    )
    assert done.returncode == 0
    assert json.loads((tmp_path / "results/results.json").read_text("utf-8"))["score"] == 5

    [command] = blocks("docker")
    command_help = subprocess.run(
        autograder.command(autograder.seen / "env/bin/otter", "grade", "--help"), capture_output=True, text=True
    ).stdout
    options = [word for word in command.split() if word.startswith("--")]
    assert len(options) == 5 and all(option in command_help for option in options)
