"""Grading a class on GitHub: the scripts of the workflow's steps, in its order, on real repositories; and delivering feedback."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_line import make_course, run, with_code
from msgspec.structs import replace
from release_course import put
from test_collect import PLACE, Remote
from test_github import ROOT, bash, steps

from autograder.collect.deliver import push_files
from autograder.collect.process import FetchError
from autograder.course import load_course
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.render import render
from autograder.store import Store, standing

WORKFLOWS = ROOT / ".github/workflows"
CLASS = {
    "ada": with_code(),
    "bob": with_code(sum_="x.sum(0)"),
    "eve": "import os\nprint(os.environ, open('.autograder/secret').read())\n" + with_code(),
}
MODULE = "numbers"
BRANCH = f"feedback/{MODULE}"


def scripts(name: str) -> dict[str, str]:
    return {name: step["run"] for name, step in steps((WORKFLOWS / name).read_text("utf-8")).items()}


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def shown(repository: Path, branch: str, file: str) -> str:
    command = ["git", "--git-dir", str(repository), "show", f"{branch}:{file}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def private_copy(course: Path) -> Path:
    """The course's private repository on a server, beside it."""
    bare = course.parent / "course.git"
    put(course, ".gitignore", ".autograder/\n.venv*\n")
    git(course, "init", "--quiet", "--initial-branch=main")
    git(course, "add", "--all")
    git(course, "commit", "--quiet", "-m", "The course")
    git(course, "clone", "--quiet", "--bare", str(course), str(bare))
    return bare


class Job:
    """A fresh checkout of the course on a runner of its own, and what GitHub passes from step to step."""

    def __init__(self, folder: Path, course: Path, workflow: str) -> None:
        self.root, self.scripts = folder / "checkout", scripts(workflow)
        git(folder, "clone", "--quiet", "--depth=1", f"file://{course}", str(self.root))
        (self.root / ".venv").symlink_to(Path(sys.prefix))
        self.files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        (folder / "temp").mkdir()
        self.variables = {
            **{name: str(path) for name, path in self.files.items()},
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_REPOSITORY": "uni/course",
        }
        self.said = ""

    def step(self, name: str, *, local: bool = False, **environment: str) -> int:
        script = self.scripts[name]
        if local:  # students' repositories are on this machine
            for command in ('collect "$module"', 'deliver "$module"'):
                script = script.replace(command, f"{command} --allow-protocol file")
        done = bash(script, self.root, **self.variables, **environment)
        self.said += done.stdout + done.stderr
        return done.returncode

    def ran(self, name: str, *, local: bool = False, **environment: str) -> None:
        assert self.step(name, local=local, **environment) == 0, self.said


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Remote], dict[str, Job]]:
    """One whole run of the workflow, with what each job left."""
    folder = tmp_path_factory.mktemp("grading")
    course = make_course(folder / "course")
    due = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = (course / "grading.toml").read_text("utf-8")
    put(course, "grading.toml", text.replace('title = "Numbers"', f'title = "Numbers"\ndue = {due}'))
    secret = folder / "secret.json"
    assert run(course, "secret", "new", "2026-autumn").code == 0
    assert run(course, "secret", "backup", str(secret)).code == 0
    shutil.rmtree(course / ".autograder")
    server = private_copy(course)
    remotes = {}
    for name, code in CLASS.items():
        remotes[name] = remote = Remote(folder, name)
        remote.commit("2026-09-14T10:00", code)
        remote.push()
    roster = "student,repository\n" + "".join(f"{name},{remote.bare}\n" for name, remote in remotes.items())

    jobs = {}
    for name, workflow in (("collect", "grade"), ("cpu", "grade-on"), ("gpu", "grade-on"), ("publish", "grade")):
        (folder / name).mkdir()
        jobs[name] = Job(folder / name, server, f"{workflow}.yml")
    collect, publish = jobs["collect"], jobs["publish"]
    collect.ran("Modules", MODULE="", WITHIN="14d")
    assert collect.files["GITHUB_OUTPUT"].read_text() == f"modules={MODULE} \n"
    collect.ran("What stood", LEDGER_TOKEN="token-of-ledger")
    collect.ran("Collect", local=True, MODULES=MODULE, LATE="false", ROSTER=roster, STUDENTS_TOKEN="token-of-students")
    assert collect.files["GITHUB_OUTPUT"].read_text().splitlines()[1:] == [f"modules={MODULE} "]
    for name, device in (("cpu", "cpu"), ("gpu", "auto")):
        shutil.copy(collect.root / "collected.tar", jobs[name].root)
        jobs[name].ran("Unpack")
        jobs[name].ran("Course secret", COURSE_SECRET=secret.read_text("utf-8"))
        jobs[name].ran("Grade", MODULES=MODULE, DEVICE=device)
    for name, artifact in (("cpu", "results-cpu"), ("gpu", "results-cuda")):
        shutil.copytree(jobs[name].root / "results", publish.root / "graded" / artifact)
        jobs[name].ran("Leave nothing behind")
    publish.ran("Join into the ledger", MODULES=MODULE, ROSTER=roster, LEDGER_TOKEN="token-of-ledger")
    publish.ran("Scores of the term")
    publish.ran("Deliver", local=True, MODULES=MODULE, FEEDBACK_TOKEN="token-of-feedback")
    return folder, remotes, jobs


Graded = tuple[Path, dict[str, Remote], dict[str, Job]]


def test_everything_is_published(graded: Graded) -> None:
    published = graded[2]["publish"].root / "published"
    rows = (published / "scores.csv").read_text("utf-8-sig").splitlines()
    assert len(rows) == 1 + len(CLASS)
    assert (published / "report/index.html").is_file() and (published / "results.sqlite").is_file()
    summary = graded[2]["publish"].files["GITHUB_STEP_SUMMARY"].read_text()
    assert all(name in summary for name in CLASS) and "5/5" in summary
    assert "do not belong together" not in graded[2]["publish"].said


def test_each_student_finds_their_own_feedback(graded: Graded) -> None:
    bob = shown(graded[1]["bob"].bare, BRANCH, f"{MODULE}.md")
    assert "You add up columns. Add up rows." in bob and "How the score came about" in bob
    ada = shown(graded[1]["ada"].bare, BRANCH, f"{MODULE}.md")
    assert "5/5" in ada and "bob" not in ada
    main = graded[1]["ada"].git("log", "--oneline", "main", where=graded[1]["ada"].bare)
    assert len(main.splitlines()) == 1  # nothing else of the repository is touched


def test_students_code_met_no_secret(graded: Graded) -> None:
    """Eve's submission prints its environment and asks for the secret's file, wherever it is run."""
    folder, remotes, jobs = graded
    secret = (folder / "secret.json").read_bytes()
    assert len(secret) > 30
    for path in (jobs["publish"].root / "published").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"token-of-" not in data and secret not in data and b"COURSE_SECRET" not in data, path
    assert "token-of-" not in shown(remotes["eve"].bare, BRANCH, f"{MODULE}.md")
    assert all("token-of-" not in job.said for job in jobs.values())


def test_nothing_is_left_on_a_machine_of_your_own(graded: Graded) -> None:
    for name in ("cpu", "gpu"):
        root = graded[2][name].root
        assert not (root / ".autograder").exists() and not (root / "collected.tar").exists()
        assert list((root.parent / "temp").iterdir()) == []


def test_delivering_again_sends_nothing(graded: Graded) -> None:
    publish = graded[2]["publish"]
    publish.ran("Deliver", local=True, MODULES=MODULE, FEEDBACK_TOKEN="x")
    assert f"Branch {BRANCH}: 0 sent, {len(CLASS)} the same as before." in publish.said


def test_without_a_gpu_the_cpus_results_are_published(graded: Graded, tmp_path: Path) -> None:
    job = Job(tmp_path, graded[0] / "course.git", "grade.yml")
    shutil.copytree(graded[2]["publish"].root / "graded/results-cpu", job.root / "graded/results-cpu")
    job.ran("Join into the ledger", MODULES=MODULE, ROSTER="student\nada\n", LEDGER_TOKEN="x")
    job.ran("Scores of the term")
    assert (job.root / "published/report/index.html").is_file()
    assert "ada" in (job.root / "published/scores.csv").read_text("utf-8-sig")


def test_the_ledger_is_kept_and_found_again(graded: Graded, tmp_path: Path) -> None:
    folder, _, jobs = graded
    server = folder / "course.git"
    assert git(server, "ls-tree", "-r", "--name-only", "grades").startswith("README.md\npages/000001-")
    assert git(server, "log", "--format=%s", "main") == "The course"
    assert not (jobs["cpu"].root / ".autograder").exists()  # the machine that runs students' code never had it
    job = Job(tmp_path, server, "grade.yml")
    job.ran("What stood", LEDGER_TOKEN="x")
    assert "3 results of 3 submissions" in " ".join(job.said.split())
    with Store(job.root / ".autograder/results.sqlite") as store:
        assert {each.submission: each.earned for each in standing(store)} == {"ada": 5, "bob": 2, "eve": 0}
    assert run(job.root, "adjust", "bob", "numbers", "--add", "1", "--why", "a misprint", "--by", "prof").code == 0
    kept = run(job.root, "ledger", "keep")
    assert kept.code == 0 and "0 new results" in kept.flat
    (tmp_path / "next").mkdir()
    after = Job(tmp_path / "next", server, "grade.yml")
    shutil.copytree(jobs["publish"].root / "graded", after.root / "graded")
    after.ran("Join into the ledger", MODULES=MODULE, ROSTER="student\nada\nbob\neve\n", LEDGER_TOKEN="x")
    after.ran("Scores of the term")
    assert "3 of 3 say what was known before" in after.said
    assert "a misprint" in (after.root / "published/scores.csv").read_text("utf-8-sig")


def test_what_can_not_be_joined_warns_and_what_can_not_be_read_stops(graded: Graded, tmp_path: Path) -> None:
    job = Job(tmp_path, graded[0] / "course.git", "grade.yml")
    shutil.copytree(graded[2]["publish"].root / "graded", job.root / "graded")
    with Store(job.root / f"graded/results-cuda/{MODULE}.sqlite") as store:
        [bob] = [each for each in standing(store) if each.submission == "bob"]
        store.save(replace(bob, hash="another"), {})
    assert job.step("Join into the ledger", MODULES=MODULE, ROSTER="student\nada\n", LEDGER_TOKEN="x") == 0
    assert "::warning::Some results of the machines do not belong together" in job.said
    assert "bob: not joined with graded/results-cuda/numbers.sqlite" in job.said
    put(job.root, f"graded/results-cuda/{MODULE}.sqlite", "no results file")
    assert job.step("Join into the ledger", MODULES=MODULE, ROSTER="student\nada\n", LEDGER_TOKEN="x") == 2
    assert "can't be used" in job.said


def test_a_module_of_which_nothing_can_be_collected_is_left_out(graded: Graded, tmp_path: Path) -> None:
    job = Job(tmp_path, graded[0] / "course.git", "grade.yml")
    gone = "student,repository\n" + "".join(f"s{number},{tmp_path}/gone.git\n" for number in range(27))
    code = job.step("Collect", local=True, MODULES=MODULE, LATE="false", ROSTER=gone, STUDENTS_TOKEN="x")
    assert code == 1 and f"::warning::Nothing of {MODULE} could be collected" in job.said
    assert "::error::Nothing at all could be collected" in job.said and not job.files["GITHUB_OUTPUT"].exists()
    assert job.said.count("missing: ") == 1 and "27 of the class (s0, s1," in job.said.replace("\n", " ")


def test_a_public_repository_is_refused(graded: Graded, tmp_path: Path) -> None:
    job = Job(tmp_path, graded[0] / "course.git", "grade.yml")
    put(tmp_path, "bin/gh", '#!/bin/sh\necho "$ANSWER"\n')
    (tmp_path / "bin/gh").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    assert job.step("Only where nobody else reads it", PATH=path, ANSWER="false") == 1
    assert "is public" in job.said
    assert job.step("Only where nobody else reads it", PATH=path, ANSWER="true") == 0


def test_every_install_is_the_one_that_a_slow_test_runs() -> None:
    """`test_github` runs the students' one, without the index of PyTorch for CPUs."""

    def plain(script: str) -> list[str]:
        return re.sub(r"--extra-index-url \S+", "", script).replace("\\\n", " ").split()

    tried = plain(steps(render("feedback.yml.j2"))["Install (PyTorch without CUDA)"]["run"])
    for name, step in (("grade.yml", "Install (PyTorch without CUDA)"), ("grade-on.yml", "Install")):
        assert plain(scripts(name)[step]) == tried


def test_without_the_course_secret_it_says_what_to_set(graded: Graded, tmp_path: Path) -> None:
    job = Job(tmp_path, graded[0] / "course.git", "grade-on.yml")
    assert job.step("Course secret", COURSE_SECRET="") == 1
    assert "COURSE_SECRET is not set" in job.said and "autograder secret backup" in job.said


def test_due_names_the_modules_of_late(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    assert run(course, "due").out == ""  # without a date
    text = (course / "grading.toml").read_text("utf-8")
    put(course, "grading.toml", text.replace('title = "Numbers"', 'title = "Numbers"\ndue = 2020-01-01T00:00:00Z'))
    assert run(course, "due").out == ""
    assert run(course, "due", "--within", "9999d").out == "numbers\n"
    refused = run(course, "due", "--within", "soon")
    assert refused.code == 2 and "is not a span of time" in refused.err


# --- delivering ------------------------------------------------------------------------------------------------------


def test_a_branch_holds_the_newest_files_only(tmp_path: Path) -> None:
    remote = Remote(tmp_path, "ada")
    remote.commit("2026-09-14T10:00")
    remote.push()
    url = str(remote.bare)
    assert push_files(url, BRANCH, {"a.md": "one\n", "b.md": "two\n"}, 1_800_000_000, ("file",))
    assert not push_files(url, BRANCH, {"b.md": "two\n", "a.md": "one\n"}, 1_800_000_000, ("file",))
    assert push_files(url, BRANCH, {"a.md": "three ✓\n"}, 1_800_000_100, ("file",))
    assert remote.git("ls-tree", "--name-only", BRANCH, where=remote.bare) == "a.md"
    assert shown(remote.bare, BRANCH, "a.md") == "three ✓\n"
    assert remote.git("ls-tree", "-r", "--name-only", "main", where=remote.bare) == PLACE


def test_a_hook_or_attribute_of_the_student_runs_nothing(tmp_path: Path) -> None:
    remote = Remote(tmp_path, "eve")
    remote.commit("2026-09-14T10:00", "* filter=evil\n", ".gitattributes")
    remote.push()
    assert push_files(str(remote.bare), BRANCH, {"a.md": "text\r\n"}, 1_800_000_000, ("file",))
    assert shown(remote.bare, BRANCH, "a.md") == "text\n"  # as it was written; git translates line ends when it prints


@pytest.mark.parametrize(
    ("url", "kind"),
    [("https://x.invalid/a.git", "refused"), ("--upload-pack=x", "refused"), ("nowhere.git", "missing")],
)
def test_what_can_not_be_delivered_is_explained(tmp_path: Path, url: str, kind: str) -> None:
    with pytest.raises(FetchError) as caught:
        push_files(str(tmp_path / url) if url == "nowhere.git" else url, BRANCH, {"a.md": ""}, 0, ("file",))
    assert caught.value.kind == kind and str(caught.value)


def test_deliver_names_who_did_not_get_it(graded: Graded, tmp_path: Path) -> None:
    folder, remotes, jobs = graded
    results = jobs["publish"].root / "published/results.sqlite"
    put(tmp_path, "roster.csv", f"student,repository\nada,{remotes['ada'].bare}\nbob,\neve,{tmp_path / 'gone.git'}\n")
    options = ("--results", str(results), "--roster", str(tmp_path / "roster.csv"), "--into", str(tmp_path / "files"))
    done = run(folder / "course", "deliver", MODULE, "--push", "--allow-protocol", "file", *options)
    assert done.code == 1 and "bob: the class list names no repository." in done.err and "eve: " in done.err
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["ada.md", "bob.md", "eve.md"]
    assert run(folder / "course", "deliver", "letters", *options).code == 2


def test_every_member_of_a_group_gets_the_feedback(graded: Graded, tmp_path: Path) -> None:
    """The class list names a shared repository once; one member had more time than the other."""
    folder, remotes, jobs = graded
    shutil.copy(jobs["publish"].root / "published/results.sqlite", tmp_path / "results.sqlite")
    with Store(tmp_path / "results.sqlite") as store:
        [ada] = [each for each in standing(store) if each.submission == "ada"]
        store.save(replace(ada, submission="red"), {})
    options = (
        "--results",
        str(tmp_path / "results.sqlite"),
        "--roster",
        str(tmp_path / "roster.csv"),
        "--allow-protocol",
        "file",
    )

    def delivered(*more: str) -> str:
        put(
            tmp_path,
            "roster.csv",
            f"student,repository,group\nkim,,red\nada,,red\nlee,{remotes['ada'].bare},red\nbob,{remotes['bob'].bare},\neve,{remotes['eve'].bare},\n",
        )
        done = run(folder / "course", "deliver", MODULE, "--push", "--into", str(tmp_path / "files"), *options, *more)
        assert done.code == 0, done
        return git(remotes["ada"].bare, "ls-tree", "--name-only", BRANCH)

    assert delivered() == f"{MODULE}.md"
    assert sorted(path.stem for path in (tmp_path / "files").iterdir()) == ["ada", "bob", "eve", "kim", "lee"]
    decided = run(folder / "course", "adjust", "kim", MODULE, "--add", "1", "--why", "a misprint", *options[:4])
    assert decided.code == 0, decided
    assert delivered().splitlines() == [f"{MODULE}-ada.md", f"{MODULE}-kim.md", f"{MODULE}-lee.md"]
    assert "a misprint" in shown(remotes["ada"].bare, BRANCH, f"{MODULE}-kim.md")
    assert "a misprint" not in shown(remotes["ada"].bare, BRANCH, f"{MODULE}-lee.md")


# --- the page --------------------------------------------------------------------------------------------------------


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    page = (ROOT / "docs/github.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 6
    course = make_course(tmp_path / "course")
    text = (course / "grading.toml").read_text("utf-8")
    due = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    put(course, "grading.toml", text.replace('title = "Numbers"', f'title = "Numbers"\ndue = {due}'))
    build_assignments(course, makers=makers(course, load_course(course), course / ".autograder"))
    remote = Remote(tmp_path, "ada")
    remote.commit("2026-09-14T10:00")
    remote.push()
    put(course, ".autograder/roster.csv", f"student,repository\nada,{remote.bare}\n")
    for line in lines:
        done = run(course, *shlex.split(line)[1:])
        assert done.code == 0, (line, done.err)
    assert "5/5" in (course / ".autograder/feedback/numbers/ada.md").read_text("utf-8")
    assert (tmp_path / "classroom50/llm/autograders/tokenizers/autograder.py").is_file()


def test_the_page_names_what_the_workflows_read() -> None:
    page = (ROOT / "docs/github.md").read_text("utf-8")
    texts = "".join((WORKFLOWS / name).read_text("utf-8") for name in ("grade.yml", "grade-on.yml"))
    named = set(re.findall(r"\b(?:secrets|vars)\.([A-Z_]+)", texts))
    assert len(named) == 8 and [name for name in sorted(named) if f"`{name}`" not in page] == []
