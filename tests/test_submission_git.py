"""Commits as submissions: real repositories, honest and hostile."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from autograder.course import Course, Submission, SubmissionError, git, load_course, open_submission
from autograder.feedback import messages

ROOT = Path(__file__).parents[1]
BPE = "tokenizer/bpe"
PLACE = "assignments/tokenizer/bpe.py"
CODE = "def train_bpe(word_counts, num_merges):\n    return []\n"


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self("init", "--quiet", "--initial-branch=main")

    def __call__(self, *arguments: str, input: str | None = None) -> str:
        who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, input=input, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str | bytes = CODE) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def commit(self) -> str:
        self("add", "--all", "--force")
        self("commit", "--quiet", "--allow-empty", "-m", "work")
        return self("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path) -> Repository:
    return Repository(tmp_path / "alice")


def problem(submission: Submission, exercise: str = BPE) -> str:
    file = submission.files[exercise]
    assert file.text is None and file.problem is not None
    for message in [*submission.problems, file.problem]:
        assert message.id in messages.catalogue("en")
        assert "{" not in messages.text(message)
    return file.problem.id.removeprefix("submission.")


def test_a_commit_not_the_working_tree(repository, course):
    repository.write(PLACE)
    commit = repository.commit()
    repository.write(PLACE, "uncommitted = 1\n")
    submission = open_submission(f"{repository.folder}@HEAD", course)
    assert submission.files[BPE].text == CODE
    assert (submission.id, submission.revision) == ("alice", commit)
    assert submission.source == f"{repository.folder}@HEAD"
    assert problem(submission, "tokenizer/bbpe") == "missing"


def test_any_revision(repository, course):
    repository.write(PLACE)
    first = repository.commit()
    repository("tag", "-a", "v1", "-m", "handed in")
    repository.write(PLACE, "second = 2\n")
    repository.commit()
    for rev in (first, first[:8], "v1", "HEAD~1", "main@{0}~1", "refs/tags/v1"):
        assert open_submission(f"{repository.folder}@{rev}", course).files[BPE].text == CODE, rev
    assert open_submission(f"{repository.folder}@main", course).files[BPE].text == "second = 2\n"


def test_a_bare_repository(repository, course, tmp_path):
    repository.write(PLACE)
    repository.commit()
    repository("clone", "--quiet", "--bare", ".", str(tmp_path / "bob.git"))
    submission = open_submission(f"{tmp_path / 'bob.git'}@main", course)
    assert (submission.id, submission.files[BPE].text) == ("bob", CODE)


def test_the_same_work_has_the_same_hash(repository, course):
    repository.write(PLACE)
    repository.write("assignments/tokenizer/bbpe.py", b"\xff")
    repository.commit()
    assert open_submission(f"{repository.folder}@HEAD", course).hash == open_submission(repository.folder, course).hash


def test_a_folder_whose_name_has_an_at(course, tmp_path):
    repository = Repository(tmp_path / "alice@example.org")
    repository.write(PLACE)
    repository.commit()
    assert open_submission(repository.folder, course).files[BPE].text == CODE
    assert open_submission(f"{repository.folder}@HEAD", course).files[BPE].text == CODE


@pytest.mark.parametrize(
    "rev",
    [
        "nowhere",
        "",
        "-h",
        "--help",
        "--upload-pack=touch x",
        "HEAD:assignments",
        "HEAD^{tree}",
        "a b",
        "@{u}",
        "0" * 40,
    ],
)
def test_what_is_no_commit(repository, course, rev):
    repository.write(PLACE)
    repository.commit()
    with pytest.raises(SubmissionError, match=r"no commit|no revision"):
        open_submission(f"{repository.folder}@{rev}", course)
    assert not (repository.folder / "x").exists()


def test_a_folder_inside_of_another_repository_is_not_that_repository(repository, course):
    repository.write("inner/" + PLACE)
    repository.commit()
    with pytest.raises(SubmissionError, match="not a git repository"):
        open_submission(f"{repository.folder / 'inner'}@HEAD", course)


def test_an_empty_repository_and_an_empty_commit(repository, course):
    with pytest.raises(SubmissionError, match="no commit"):
        open_submission(f"{repository.folder}@HEAD", course)
    repository.commit()
    assert problem(open_submission(f"{repository.folder}@HEAD", course)) == "missing"


def test_links_submodules_and_folders(repository, course, tmp_path):
    other = Repository(tmp_path / "other")
    other.write("bpe.py", "canary = 1\n")
    other.commit()
    (tmp_path / "secret.py").write_text("canary = 1\n")
    repository.write("assignments/tokenizer/x", "")
    (repository.folder / PLACE).symlink_to(tmp_path / "secret.py")
    repository.write("assignments/tokenizer/bbpe.py/inner", "")
    repository("submodule", "--quiet", "add", str(other.folder), "assignments/warmup")
    repository.write("assignments/tokenizer/wordpiece_train.py")
    repository.commit()
    submission = open_submission(f"{repository.folder}@HEAD", course)
    assert problem(submission) == "link"
    assert problem(submission, "tokenizer/bbpe") == "folder"
    assert problem(submission, "warmup/softmax_lse") == "missing"
    assert submission.files["tokenizer/wordpiece_train"].text == CODE
    assert "canary" not in repr(submission)


def test_nothing_of_the_repository_is_run(repository, course, tmp_path, monkeypatch):
    canary = tmp_path / "ran"
    repository.write(".gitattributes", "*.py filter=evil diff=evil ident export-subst\n")
    repository.write(PLACE, "x = '$Format:%H$ $Id$'\n")
    repository.commit()
    command = f"touch {canary}; cat"
    for key in (
        "filter.evil.smudge",
        "filter.evil.clean",
        "diff.evil.textconv",
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
    ):
        repository("config", key, command)
    repository("config", "alias.ls-tree", f"!{command}")
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"):
        path = repository.folder / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", command)
    monkeypatch.setenv("GIT_PAGER", command)
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    submission = open_submission(f"{repository.folder}@HEAD", course)
    assert submission.files[BPE].text == "x = '$Format:%H$ $Id$'\n", "as committed: no filter, no substitution"
    assert not canary.exists()


def test_objects_that_are_not_there_are_not_fetched(repository, course, tmp_path):
    canary = tmp_path / "ran"
    repository.write(PLACE)
    repository.write("assignments/tokenizer/bbpe.py", "other = 1\n")
    repository.commit()
    blob = repository("rev-parse", f"HEAD:{PLACE}")
    (repository.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for url in (f"ext::touch {canary}", str(repository.folder)):
        repository("config", "remote.origin.url", url)
        repository("config", "remote.origin.promisor", "true")
        repository("config", "remote.origin.uploadpack", f"touch {canary}; git-upload-pack")
        repository("config", "extensions.partialClone", "origin")
        repository("config", "core.repositoryFormatVersion", "1")
        repository("config", "protocol.ext.allow", "always")
        repository("config", "protocol.file.allow", "always")
        submission = open_submission(f"{repository.folder}@HEAD", course)
        assert not canary.exists(), url
        assert problem(submission) in ("unreadable", "missing")


def test_replaced_objects_are_not_believed(repository, course):
    repository.write(PLACE)
    repository.commit()
    blob = repository("rev-parse", f"HEAD:{PLACE}")
    repository("replace", blob, repository("hash-object", "-w", "--stdin", input="replaced = 1\n"))
    assert open_submission(f"{repository.folder}@HEAD", course).files[BPE].text == CODE


def test_large_and_broken_files(repository, course):
    repository.write(PLACE, b"x" * 300_000)
    repository.write("assignments/tokenizer/bbpe.py", b"\xff")
    repository.write("assignments/tokenizer/wordpiece_train.py")
    repository.write("assignments/tokenizer/wordpiece_encode.py", "")
    repository.commit()
    submission = open_submission(f"{repository.folder}@HEAD", course)
    assert problem(submission) == "too-big"
    assert problem(submission, "tokenizer/bbpe") == "not-utf8"
    assert problem(submission, "tokenizer/wordpiece_encode") == "empty"
    assert submission.files["tokenizer/wordpiece_train"].text == CODE


def test_a_tree_of_a_billion_names(repository, course):
    tree = repository("mktree", input=f"100644 blob {repository('hash-object', '-w', '--stdin', input='x')}\tfile\n")
    for _ in range(9):
        tree = repository("mktree", input="".join(f"040000 tree {tree}\tfolder-{n}\n" for n in range(10)))
    commit = repository("commit-tree", tree, "-m", "bomb")
    submission = open_submission(f"{repository.folder}@{commit}", course)
    assert problem(submission) == "git-too-many"


def test_names_that_no_checkout_would_make(repository, course):
    blob = repository("hash-object", "-w", "--stdin", input=CODE)
    inner = repository(
        "mktree", input=f"100644 blob {blob}\tbpe.py\n100644 blob {blob}\tBPE.py\n100644 blob {blob}\tbbpe.py\n"
    )
    evil = repository("mktree", input=f"100644 blob {blob}\tbpe.py\n")
    tree = repository(
        "mktree", input=f"040000 tree {inner}\ttokenizer\n040000 tree {evil}\t..\n040000 tree {evil}\t.git\n"
    )
    commit = repository("commit-tree", tree, "-m", "names")
    submission = open_submission(f"{repository.folder}@{commit}", course)
    assert problem(submission) == "duplicate-name"
    assert submission.files["tokenizer/bbpe"].text == CODE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_repository_that_blocks_is_given_up(repository, course, monkeypatch):
    repository.write(PLACE)
    repository.commit()
    (repository.folder / ".git" / "packed-refs").unlink(missing_ok=True)
    os.mkfifo(repository.folder / ".git" / "packed-refs")
    monkeypatch.setattr(git, "SECONDS", 1)
    with pytest.raises(SubmissionError, match=r"no commit|did not answer"):
        open_submission(f"{repository.folder}@nowhere", course)


def test_without_git(repository, course, monkeypatch):
    repository.write(PLACE)
    repository.commit()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SubmissionError, match="git is not installed"):
        open_submission(f"{repository.folder}@HEAD", course)


def test_a_damaged_repository(repository, course):
    repository.write(PLACE)
    commit = repository.commit()
    tree = repository("rev-parse", "HEAD^{tree}")
    path = repository.folder / ".git" / "objects" / tree[:2] / tree[2:]
    path.chmod(0o644)
    path.write_bytes(b"garbage")
    assert problem(open_submission(f"{repository.folder}@{commit}", course)) == "unreadable"
