"""The autograder for otter and Gradescope: its zip, what it grades, who sees what when, and what it says when it can't."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shlex
import stat
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import sample_results as sample
from command_line import here, make_course, with_code

from autograder.course import Course, load_course
from autograder.integrations.otter import bundle, container, export, results, run
from autograder.integrations.otter.plugin import Plugin
from autograder.release.wheel import engine_wheel

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/otter-gradescope.md").read_text("utf-8")
FORGE = """
import json, os
json.dump({"score": 99}, open("results.json", "w"))
os._exit(0)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("otter") / "course", ("first", "second"))


@pytest.fixture(scope="module")
def exported(course: Path) -> Path:
    """The zip that the page's command makes, unpacked as Gradescope unpacks it."""
    [block] = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [command] = block.splitlines()
    done = here(course, *shlex.split(command)[1:])
    assert done.code == 0 and "2 exercises, 10 points" in done.flat and "the secret" in done.flat, done
    source = course.parent / "autograder/source"
    with zipfile.ZipFile(course / "autograder.zip") as archive:
        archive.extractall(source)
    return source


def by_name(content: dict) -> dict[str, dict]:
    return {test["name"]: test for test in content["tests"]}


# ---------------------------------------------------------------- the zip


def test_the_zip_has_what_otter_and_gradescope_look_for(course: Path, exported: Path) -> None:
    with zipfile.ZipFile(course / "autograder.zip") as archive:
        assert set(archive.namelist()) == {
            *("environment.yml", "otter_config.json", "requirements.course.zip", "requirements.txt"),
            *("run_autograder", "run_otter.py", "setup.sh", "tests/course.py"),
        }
        for name in ("setup.sh", "run_autograder"):
            assert archive.getinfo(name).external_attr >> 16 & stat.S_IXUSR
            assert subprocess.run(["bash", "-n", exported / name]).returncode == 0
        assert json.loads(archive.read("otter_config.json"))["plugins"] == [
            {"autograder.integrations.otter.plugin.Plugin": {"exercises": ["numbers_of/first", "numbers_of/second"]}}
        ]
        requirements = archive.read("requirements.txt").decode().split()
        assert requirements == ["otter-grader[grading]==7.0.0", "torch"]  # as its constraints.txt has it
        private = zipfile.ZipFile(io.BytesIO(archive.read("requirements.course.zip"))).namelist()
    assert "solutions/numbers_of/first/checks.py" in private and ".autograder/secret" in private
    assert sum(name.endswith(".plan") for name in private) == 2
    assert not any("test_oracle" in name or "__pycache__" in name for name in private)
    again = here(course, "export", "otter", "numbers_of", "again.zip")
    assert again.code == 0 and (course / "again.zip").read_bytes() == (course / "autograder.zip").read_bytes()


def test_the_engine_as_a_wheel() -> None:
    name, data = engine_wheel()
    assert name.startswith("llm_internals-") and engine_wheel() == (name, data)
    archive = zipfile.ZipFile(io.BytesIO(data))
    [record] = [each for each in archive.namelist() if each.endswith("/RECORD")]
    rows = [line.split(",") for line in archive.read(record).decode().splitlines()]
    assert sorted(row[0] for row in rows) == sorted(archive.namelist())
    for path, digest, size in rows:
        if path != record:
            content = archive.read(path)
            want = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={want}", str(len(content)))
    assert "autograder/integrations/otter/templates/setup.sh.j2" in archive.namelist()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "x.zip"), "'nothing'"),
        (("numbers_of", "--minutes", "1"), "Input should be greater than or equal to 2"),
    ],
)
def test_what_export_refuses(course: Path, arguments: tuple[str, ...], said: str) -> None:
    done = here(course, "export", "otter", *arguments)
    assert done.code == 2 and said in done.said and "Traceback" not in done.err


def test_a_course_without_constraints_is_not_exported(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    (root / "constraints.txt").unlink()
    done = here(root, "export", "otter", "numbers_of")
    assert done.code == 2 and "no constraints.txt" in done.said


# ---------------------------------------------------------------- grading


def test_submissions_of_every_kind(exported: Path, tmp_path: Path) -> None:
    """One folder with a wrong answer and a hostile one, as Gradescope lays it out."""
    folder = tmp_path / "autograder"
    (folder / "submission").mkdir(parents=True)
    (folder / "source").symlink_to(exported)
    (folder / "submission/first.py").write_text(with_code(sum_="x.sum(0)"))
    (folder / "submission/second.py").write_text(with_code() + FORGE)
    run.grade_into(folder)
    content = json.loads((folder / "results/results.json").read_text("utf-8"))
    assert content["score"] == 2 and not (folder / "results/results.pkl").exists()
    first, *_ = content["tests"]
    assert (first["score"], first["max_score"], first["status"]) == (0, 3, "failed")
    assert "You add up columns. Add up rows." in first["output"] and first["visibility"] == "visible"
    staff = by_name(content)["For instructors"]
    assert (
        staff["visibility"] == "hidden" and "Isolation: level" in staff["output"] and "a wide table" in staff["output"]
    )
    assert "a wide table" not in json.dumps([test for test in content["tests"] if test is not staff])


def test_nothing_of_theirs_reaches_otters_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("autograder.integrations.otter.plugin.graded", lambda *folders: asked.append(folders))
    plugin = Plugin("/a/submission/first.ipynb", {}, {})
    plugin.before_grading(SimpleNamespace(autograder_dir="/a"))
    assert asked == [(Path("/a/source"), Path("/a/submission"))]
    assert plugin.before_execution("their notebook").cells == []


def test_nothing_handed_in(exported: Path, tmp_path: Path) -> None:
    content = run.graded(exported, tmp_path)
    assert content["score"] == 0 and len(content["tests"]) == 5
    assert "nothing" in content["output"].lower() or "no assignments" in content["tests"][0]["output"]


def test_what_is_opened(tmp_path: Path) -> None:
    for name in ("__init__.py", "submission.py"):
        (tmp_path / name).touch()
    (tmp_path / "tests").mkdir()
    assert run.handed_in(tmp_path) == tmp_path
    (tmp_path / "my work.zip").touch()
    assert run.handed_in(tmp_path) == tmp_path / "my work.zip"
    (tmp_path / "b.py").touch()
    assert run.handed_in(tmp_path) == tmp_path
    assert run.handed_in(tmp_path / "gone") == tmp_path / "gone"


# ---------------------------------------------------------------- when it can't be graded


def test_the_page_quotes_what_is_really_said() -> None:
    """Its table of troubles, word for word; its figures of limits are those of the code."""
    with pytest.raises(container.TooSmall, match="This container has 1 MB of memory"):
        container.memory_for_students(1)
    for said in ("This container has … MB of memory", "the container ran out of memory", "otter: *No gradable files"):
        assert said in PAGE
    assert results.NOT_GRADED.format(why=results.OURS).startswith(
        "Your submission has arrived, and was not graded: this is a fault of the autograder"
    )
    assert "Your submission has arrived, and was not graded: this is a fault of the autograder" in PAGE
    assert export.TOO_SLOW.startswith("grading took longer than {minutes} minutes")
    assert export.TOO_LARGE.startswith("the container ran out of memory")
    assert f"less {container.NEEDED_MB} MB" in PAGE and f"after {export.MINUTES - 1}:{60 - export.MARGIN}" in PAGE


def test_a_zip_that_is_not_whole(exported: Path, tmp_path: Path) -> None:
    (tmp_path / bundle.ARCHIVE).write_bytes((exported / bundle.ARCHIVE).read_bytes()[:5000])
    content = run.graded(tmp_path, tmp_path)
    student, staff = content["tests"]
    assert "a fault of the autograder, not of your code" in student["output"] and student["score"] == 0
    assert staff["visibility"] == "hidden" and "Make the zip anew" in staff["output"]


def test_a_machine_that_cannot_isolate(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weak = container.layers.Isolation([], 0, False, "not isolated: L2 seccomp is off")
    monkeypatch.setattr("autograder.grading.graders.layers.isolation", lambda: weak)
    (tmp_path / "first.py").write_text(with_code())
    content = run.graded(exported, tmp_path)
    assert content["score"] == 0 and "seccomp" not in content["output"]
    assert "hidden checks are not run here" in content["tests"][-1]["output"].lower()
    assert content["tests"][-1]["visibility"] == "hidden"


def test_a_container_that_is_too_small_says_which_setting(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "memory_mb", lambda: 500)
    content = run.graded(exported, tmp_path)
    assert (
        "This container has 500 MB of memory" in content["output"] and "Container Specifications" in content["output"]
    )


def test_the_memory_of_a_container(tmp_path: Path) -> None:
    def put(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert container.memory_mb(tmp_path) is None
    put("sys/fs/cgroup/memory.max", "max\n")
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert container.memory_mb(tmp_path) is None
    put("proc/self/cgroup", "4:memory:/a/b\n0::/c\n")
    put("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", str(3 * 2**30))
    assert container.memory_mb(tmp_path) == 3072
    put("sys/fs/cgroup/c/memory.max", str(768 * 2**20))
    assert container.memory_mb(tmp_path) == 768
    assert container.memory_for_students(768) == 256 and container.memory_for_students(None) is None


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("sleep 30", "Autograder Timeout"),
        ("kill -9 $$", "choose more RAM"),
        ("exit 3", "a fault of the autograder"),
        ("cp source/otter_config.json results/results.json", ""),
    ],
)
def test_run_autograder_always_leaves_a_results_json(exported: Path, tmp_path: Path, script: str, said: str) -> None:
    text = (exported / "run_autograder").read_text()
    assert "timeout --kill-after=15 570 " in text
    (tmp_path / "run_autograder").write_text(text.replace("--kill-after=15 570", "--kill-after=1 0.5"))
    (tmp_path / "source").symlink_to(exported)
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").write_text(f"#!/bin/sh\n{script}\n")
    os.chmod(tmp_path / "env/bin/python", 0o755)
    done = subprocess.run(["bash", tmp_path / "run_autograder"], capture_output=True, timeout=60)
    content = json.loads((tmp_path / "results/results.json").read_text("utf-8"))
    assert done.returncode == 0 and said in content.get("output", "")
    assert "plugins" in content or content["tests"][0]["max_score"] == 10


# ---------------------------------------------------------------- who sees what, and when

GRADING = """
schema = 1
id = "x"
title = "X"

[[module]]
id = "m"
title = "M"
feedback = {{ show = "{show}", when = "{when}" }}

[[module.exercise]]
name = "tokenizer/bpe"
title = "BPE"
points = 10
"""


def policy(folder: Path, show: str, when: str) -> Course:
    (folder / "grading.toml").write_text(GRADING.format(show=show, when=when))
    (folder / "solutions/tokenizer/bpe").mkdir(parents=True, exist_ok=True)
    return load_course(folder)


@pytest.mark.parametrize(
    ("show", "when", "visibility"),
    [
        *((show, "now", "visible") for show in ("claim", "diagnosis", "case")),
        ("diagnosis", "after_due", "after_due_date"),
        ("case", "published", "after_published"),
        *(("none", when, "hidden") for when in ("now", "after_due", "published")),
        ("count", "now", "hidden"),
    ],
)
def test_the_feedback_policy_is_gradescopes_visibility(tmp_path: Path, show: str, when: str, visibility: str) -> None:
    graded = sample.result(exercises=[sample.bpe()])
    content = results.results(graded, policy(tmp_path, show, when), staff="Level 3")
    [exercise] = graded.exercises
    secret = [any(not case.public for case in check.cases) for check in exercise.checks]
    scored = [test for test in content["tests"] if "max_score" in test]
    assert [test["visibility"] for test in scored] == [visibility if each else "visible" for each in secret]
    assert sum(test["score"] for test in scored) == content["score"] == graded.earned
    now = [test for test in content["tests"] if "what can be seen now" in test["name"]]
    assert len(now) == (visibility != "visible") and all(test["visibility"] == "visible" for test in now)
    assert by_name(content)["For instructors"]["output"].startswith("Level 3")
    seeds = [case.seed for check in exercise.checks for case in check.cases if case.seed and not case.public]
    shown = json.dumps([test for test in content["tests"] if test["visibility"] != "hidden"])
    assert not any(seed in shown for seed in seeds)


def test_points_are_scaled_to_the_assignments(tmp_path: Path) -> None:
    graded = sample.result(exercises=[sample.bpe()])
    content = results.results(graded, policy(tmp_path, "diagnosis", "now"), points=100)
    assert content["score"] == pytest.approx(graded.earned * 100 / graded.points, abs=1e-3)
    assert sum(test.get("max_score", 0) for test in content["tests"]) == pytest.approx(100, abs=1e-2)
