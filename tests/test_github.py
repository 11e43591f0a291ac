"""Feedback on GitHub: what `autograder ci` writes, and the workflows themselves, each step's script run outside of GitHub."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import Done, copied, make_course, run, with_code
from release_course import put

from autograder.course import load_course
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.render import render
from autograder.release.repository import release

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = ("right", "wrong", "raises", "shouts", "syntax", "stub")
CODE = {
    "right": with_code(),
    "wrong": with_code(sum_="x.sum(0)"),
    "raises": with_code(mean="x.mean(99)"),
    "shouts": with_code(sum_="(print('::error file=x::forged', flush=True), x.sum(-1) + 1)[1]"),
    "syntax": with_code().replace("def total(x: Tensor) -> Tensor:", "def total(x: Tensor) -> Tensor"),
}
CLASSROOM50 = {
    "CLASSROOM": "llm",
    "ASSIGNMENT": "internals",
    "USERNAME": "ada",
    "SUBMISSION_TAG": "submit/2026-11-02T10-00-00Z-abc1234",
    "COMMIT_URL": "https://github.com/org/llm-internals-ada/commit/abc1234",
    "RELEASE_URL": "https://github.com/org/llm-internals-ada/releases/tag/submit",
    "REVIEW_URL": "",
}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("github")
    root = make_course(folder / "course", EXERCISES)
    made = makers(root, load_course(root), root / ".autograder")
    build_assignments(root, makers=made)
    release(root, folder / "repository", makers=made, version="1.0")
    for slug, text in CODE.items():
        put(folder / "repository", f"assignments/numbers_of/{slug}.py", text)
    return folder / "repository"


class Run:
    """One run of `autograder ci` with the files that GitHub would read."""

    def __init__(self, repository: Path, *arguments: str, **environment: str) -> None:
        self.files = {name: repository / f".{name}" for name in ("summary", "output")}
        for path in self.files.values():
            path.unlink(missing_ok=True)
        names = {"GITHUB_STEP_SUMMARY": "summary", "GITHUB_OUTPUT": "output"}
        variables = {name: str(self.files[file]) for name, file in names.items()}
        self.done: Done = run(repository, "ci", *arguments, **variables, **environment)
        assert self.done.code == 0, self.done.out + self.done.err

    @property
    def summary(self) -> str:
        return self.files["summary"].read_text(encoding="utf-8")

    @property
    def outputs(self) -> dict[str, str]:
        lines = self.files["output"].read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def commands(self) -> list[str]:
        """The workflow commands that the runner would obey."""
        obeyed, token = [], None
        for line in self.done.out.splitlines():
            if token is not None:
                token = None if line.strip() == f"::{token}::" else token
            elif line.startswith("::stop-commands::"):
                token = line.removeprefix("::stop-commands::")
            elif line.lstrip().startswith("::"):
                obeyed.append(line)
        return obeyed


@pytest.fixture(scope="module")
def first(released: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    repository = copied(released, tmp_path_factory.mktemp("first") / "repository")
    result = repository / "result.json"
    return repository, Run(repository, "--classroom50", str(result), **CLASSROOM50)


def test_annotations_stand_at_the_students_lines(first: tuple[Path, Run]) -> None:
    commands = first[1].commands()
    assert len(commands) >= 4 and all(
        command.startswith("::error file=assignments/numbers_of/") for command in commands
    )
    found = {match[1]: command for command in commands if (match := re.search(r"numbers_of/(\w+)\.py", command))}
    assert found.keys() == {"wrong", "raises", "shouts", "syntax"}
    assert "You add up columns. Add up rows." in found["wrong"]
    line = next(n for n, text in enumerate(CODE["raises"].splitlines(), 1) if "x.mean(99)" in text)
    assert f"line={line}," in found["raises"] and "IndexError" in found["raises"]
    assert "forged" not in "".join(command.split("::")[1] for command in commands)


def test_a_printed_workflow_command_is_not_obeyed(first: tuple[Path, Run]) -> None:
    assert not any(command.endswith("::forged") for command in first[1].commands())


def test_the_summary_has_a_table_and_what_is_wrong(first: tuple[Path, Run]) -> None:
    text = first[1].summary
    assert text.startswith("# Public checks: ") and "not the grade" in text
    assert "| ✓ | `numbers_of/right` | 5/5 | passed |" in text
    assert re.search(r"\| ✗ \| `numbers_of/wrong` \| \d/5 \| failed \|", text)
    assert "You add up columns" in text and "numbers_of/stub" not in text


def test_outputs_are_what_classroom_reads(first: tuple[Path, Run]) -> None:
    outputs = first[1].outputs
    payload = json.loads(base64.b64decode(outputs["result"]))
    assert outputs["points"] == "25" == str(payload["max_score"])
    assert int(outputs["earned"]) == sum(test["score"] for test in payload["tests"])
    assert payload["status"] == "fail"
    assert {test["status"] for test in payload["tests"]} == {"pass", "fail"}
    wrong = next(
        test for test in payload["tests"] if test["name"].startswith("numbers_of/wrong") and test["status"] == "fail"
    )
    assert "You add up columns" in wrong["message"] and wrong["filename"].endswith("wrong.py")


def test_classroom50_gets_its_result(first: tuple[Path, Run]) -> None:
    payload = json.loads((first[0] / "result.json").read_text())
    assert payload["schema"] == "classroom50/result/v1" and payload["assignment"] == "internals"
    assert payload["review"] == CLASSROOM50["COMMIT_URL"]  # the runner gave none
    assert payload["max-score"] == 30 == sum(test["max-score"] for test in payload["tests"])
    assert payload["score"] == sum(test["score"] for test in payload["tests"]) and type(payload["score"]) is int
    names = [test["test-name"] for test in payload["tests"]]
    assert len(names) == len(set(names)) and all(len(name.encode()) <= 100 for name in names)


def test_only_what_changed_is_run_again(first: tuple[Path, Run]) -> None:
    repository = first[0]
    put(repository, "assignments/numbers_of/wrong.py", with_code())
    second = Run(repository)
    assert "| ✓ | `numbers_of/wrong` | 5/5 | passed |" in second.summary
    assert "| ✓ | `numbers_of/right` | 5/5 | passed, unchanged |" in second.summary
    remembered = list((repository / ".autograder/ci").glob("numbers_of.wrong.*.json"))
    assert len(remembered) == 1  # what belonged to the old text is gone


def test_another_folder_is_graded_by_this_course(released: Path, tmp_path: Path) -> None:
    """Classroom 50's bundle holds the course, the checkout holds the work: checks that a student changed do not count."""
    theirs = copied(released, tmp_path / "theirs")
    put(theirs, "assignments/numbers_of/test_wrong.py", "")
    bundle = copied(released, tmp_path / "bundle")
    for slug in CODE:
        put(bundle, f"assignments/numbers_of/{slug}.py", (released / "assignments/numbers_of/stub.py").read_text())
    done = Run(bundle, "--submission", str(theirs))
    assert "| ✓ | `numbers_of/right` | 5/5 | passed |" in done.summary and "You add up columns" in done.summary


def test_nothing_begun(released: Path, tmp_path: Path) -> None:
    repository = copied(released, tmp_path / "repository")
    for slug in CODE:
        (repository / f"assignments/numbers_of/{slug}.py").write_text(
            (released / "assignments/numbers_of/stub.py").read_text(), encoding="utf-8"
        )
    done = Run(repository)
    assert "Nothing begun yet" in done.summary and "Nothing begun yet" in done.done.out


def test_outside_of_classroom50_it_says_what_is_missing(released: Path, tmp_path: Path) -> None:
    repository = copied(released, tmp_path / "repository")
    done = run(repository, "ci", "--classroom50", "result.json")
    assert done.code == 2 and "CLASSROOM, ASSIGNMENT" in done.err and "Traceback" not in done.err


# --- the workflows ---------------------------------------------------------------------------------------------------


def workflows(folder: Path) -> dict[str, str]:
    """Every workflow of the course and of the student repository, by name."""
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
    found |= {name: render(f"{name}.j2") for name in ("feedback.yml", "pages.yml")}
    target = folder / ".github" / "workflows"
    target.mkdir(parents=True)
    for name, text in found.items():
        (target / name).write_text(text, encoding="utf-8")
    return found


def tool(name: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.exists():
        pytest.skip(f"{name} is not installed (pip install -e '.[dev]')")
    return str(path)


def test_workflows_pass_actionlint(tmp_path: Path) -> None:
    names = workflows(tmp_path)
    files = [f".github/workflows/{name}" for name in names]
    done = subprocess.run([tool("actionlint"), *files], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_pass_zizmor(tmp_path: Path) -> None:
    workflows(tmp_path)
    command = [tool("zizmor"), "--offline", "--no-progress", ".github/workflows"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_pinned_and_permissions_least(tmp_path: Path) -> None:
    for name, text in workflows(tmp_path).items():
        parsed = yaml.safe_load(text)
        assert "permissions" in parsed, f"{name} has no permissions of its own"
        uses = [step["uses"] for job in parsed["jobs"].values() for step in job.get("steps", []) if "uses" in step]
        for action in uses:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), f"{name}: {action} is not pinned to a commit"
        assert "secrets." not in text or name not in ("feedback.yml", "guard.yml", "pages.yml")


def steps(text: str) -> dict[str, dict[str, Any]]:
    """The steps that run a script, by name."""
    jobs = yaml.safe_load(text)["jobs"].values()
    return {step["name"]: step for job in jobs for step in job.get("steps", []) if "run" in step}


def bash(script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a runner does: bash, ending at the first error."""
    variables = {**os.environ, **environment}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)


def test_the_check_step_runs(released: Path, tmp_path: Path) -> None:
    repository = copied(released, tmp_path / "repository")
    (repository / ".venv").symlink_to(Path(sys.prefix))
    script = steps(render("feedback.yml.j2"))["Check"]["run"]
    files = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    done = bash(script, repository, **files)
    assert done.returncode == 0, done.stderr
    assert "numbers_of/wrong" in (tmp_path / "summary").read_text(encoding="utf-8")
    assert "result=" in (tmp_path / "output").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_install_step_makes_an_environment(released: Path, tmp_path: Path) -> None:
    repository = copied(released, tmp_path / "repository")
    for name in ("pyproject.toml", "constraints.txt"):
        (repository / name).write_bytes((ROOT / name).read_bytes())
    shutil.copytree(ROOT / "autograder", repository / "autograder", dirs_exist_ok=True)
    script = steps(render("feedback.yml.j2"))["Install (PyTorch without CUDA)"]["run"]
    path = f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"
    script = re.sub(r"--extra-index-url \S+", "", script)  # the registry that this machine uses
    done = bash(script, repository, PATH=path)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run(
        [repository / ".venv/bin/autograder", "ci"], cwd=repository, capture_output=True, text=True
    )
    assert checked.returncode == 0 and "numbers_of/right" in checked.stdout, checked.stderr


@pytest.fixture
def gh(tmp_path: Path) -> Path:
    """A stand-in for GitHub's command line: answers with the changed files, remembers what it was asked."""
    folder = tmp_path / "bin"
    put(
        folder,
        "gh",
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\n[ "$2" = "--paginate" ] && cat {tmp_path}/changed\nexit 0\n',
    )
    (folder / "gh").chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("changed", "comments"),
    [
        ("assignments/tokenizer/bpe.py", True),
        ("assignments/tokenizer/bpe.py\nREADME.md", True),
        ("lectures/tokenizer/bpe.md", False),
        ("solutions/tokenizer/bpe/checks.py\nassignments/tokenizer/test_bpe.py", False),
    ],
)
def test_the_guard_comments_on_work_handed_in_by_mistake(
    tmp_path: Path, gh: Path, changed: str, comments: bool
) -> None:
    (tmp_path / "changed").write_text(changed + "\n")
    script = steps((ROOT / ".github/workflows/guard.yml").read_text(encoding="utf-8"))[
        "Comment when it changes assignments"
    ]["run"]
    environment = {"PATH": f"{gh}:{os.environ['PATH']}", "GH_TOKEN": "t", "REPOSITORY": "o/course", "NUMBER": "7"}
    done = bash(script, tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text()
    assert "repos/o/course/pulls/7/files" in asked
    assert ("repos/o/course/issues/7/comments" in asked) is comments
