"""How submissions are found: a student's tree that says who somebody is, when it came, or where else to look is not believed, and
whatever one hands in, the others are opened.

Each row of `TREES` makes what mallory hands in, beside the repository of alice. Where it leads plain git to alice's work, that is
shown as well: it is the control that it is an attack.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course import Course, Submission, find_submissions, load_course
from autograder.course.submission import SubmissionError, open_found
from autograder.feedback import messages

ROOT = Path(__file__).parents[2]
BPE = "tokenizer/bpe"
PLACE = "assignments/tokenizer/bpe.py"
ALICE = "def train_bpe(word_counts, num_merges):\n    return 'by alice'\n"
OWN = ALICE.replace("alice", "mallory")


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


def git(folder: Path, *arguments: str) -> str:
    who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(folder: Path, text: str = ALICE) -> Path:
    (folder / PLACE).parent.mkdir(parents=True)
    (folder / PLACE).write_text(text)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "work")
    return folder


def bare(folder: Path, text: str = ALICE) -> Path:
    work = repository(folder.parent / f".work-{folder.name}", text)
    git(folder.parent, "clone", "--quiet", "--bare", str(work), str(folder))
    return folder


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A class: alice's repository, a bare one of bob, and carol's folder; the last in the order of names."""
    room = tmp_path / "class"
    room.mkdir()
    repository(room / "alice")
    bare(room / "bob")
    (room / "zoe" / PLACE).parent.mkdir(parents=True)
    (room / "zoe" / PLACE).write_text(OWN.replace("mallory", "zoe"))
    return room


def opened(room: Path, course: Course) -> dict[str, Submission]:
    return {found.id: open_found(found, course) for found in find_submissions([room], course, ROOT / ".autograder")}


def text(submission: Submission) -> str:
    return submission.files[BPE].text or ""


def why(submission: Submission) -> str:
    return " ".join(messages.text(message) for message in submission.problems)


# --- what mallory hands in -------------------------------------------------------------------------------------------

Make = Callable[[Path, Path], object]  # the folder of mallory, the class


def shell(mallory: Path, head: str = "ref: refs/heads/main\n") -> None:
    """A bare repository with nothing in it."""
    (mallory / "objects").mkdir(parents=True)
    (mallory / "refs").mkdir()
    (mallory / "HEAD").write_text(head)


def common_dir(mallory: Path, room: Path) -> None:
    shell(mallory)
    (mallory / "commondir").write_text("../alice/.git\n")


def alternates(name: str) -> Make:
    def make(mallory: Path, room: Path) -> None:
        shell(mallory, git(room / "alice", "rev-parse", "HEAD") + "\n")
        (mallory / "objects/info").mkdir()
        (mallory / "objects/info" / name).write_text(f"{room / 'alice/.git/objects'}\n")

    return make


def objects_link(mallory: Path, room: Path) -> None:
    shell(mallory, git(room / "alice", "rev-parse", "HEAD") + "\n")
    (mallory / "objects").rmdir()
    (mallory / "objects").symlink_to(room / "alice/.git/objects")


def links_among_objects(mallory: Path, room: Path) -> None:
    shell(mallory, git(room / "alice", "rev-parse", "HEAD") + "\n")
    for folder in (room / "alice/.git/objects").iterdir():
        (mallory / "objects" / folder.name).symlink_to(folder)


def include(mallory: Path, room: Path) -> None:
    shell(mallory)
    (mallory / "config").write_text(
        f"[include]\n\tpath = {room / 'alice/.git/config'}\n[core]\n\tworktree = ../alice\n"
    )


def git_file(mallory: Path, room: Path) -> None:
    mallory.mkdir()
    (mallory / ".git").write_text("gitdir: ../alice/.git\n")
    (mallory / PLACE).parent.mkdir(parents=True)
    (mallory / PLACE).write_text(OWN)


def git_link(mallory: Path, room: Path) -> None:
    mallory.mkdir()
    (mallory / ".git").symlink_to(room / "alice/.git")


def head_link(mallory: Path, room: Path) -> None:
    bare(mallory, OWN)
    (mallory / "HEAD").unlink()
    (mallory / "HEAD").symlink_to(room / "alice/.git/HEAD")


def refs_link(mallory: Path, room: Path) -> None:
    bare(mallory, OWN)
    shutil.rmtree(mallory / "refs")
    (mallory / "refs").symlink_to(room / "alice/.git/refs")


def three_names(mallory: Path, room: Path) -> None:
    mallory.mkdir()
    for name in ("HEAD", "objects", "refs"):
        (mallory / name).write_text("mine\n")


def pipes(mallory: Path, room: Path) -> None:
    mallory.mkdir()
    (mallory / "objects").mkdir()
    (mallory / "refs").mkdir()
    for name in ("HEAD", "packed-refs", "config", "refs/main", "objects/pipe"):
        os.mkfifo(mallory / name)


def manifest_pipe(mallory: Path, room: Path) -> None:
    mallory.mkdir()
    os.mkfifo(mallory / "collected.json")


def huge_commit(mallory: Path, room: Path) -> None:
    """A commit whose message is 256 MB, in an object of 260 kB."""
    bare(mallory, OWN)
    tree = git(mallory, "rev-parse", "HEAD^{tree}")
    head = f"tree {tree}\nauthor x <x> 1 +0000\ncommitter x <x> 1 +0000\n\n".encode()
    import hashlib

    size = len(head) + 2**28
    prefix = f"commit {size}\0".encode()
    digest, packer, chunk = hashlib.sha1(prefix + head), zlib.compressobj(1), b"x" * 2**20
    parts = [packer.compress(prefix + head)]
    for _ in range(256):
        digest.update(chunk)
        parts.append(packer.compress(chunk))
    name = digest.hexdigest()
    path = mallory / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join([*parts, packer.flush()]))
    (mallory / "HEAD").write_text(name + "\n")


TREES: dict[str, tuple[Make, str]] = {
    "a common folder elsewhere": (common_dir, "worktree"),
    "alternates": (alternates("alternates"), "borrows objects"),
    "alternates over http": (alternates("http-alternates"), "borrows objects"),
    "a link to objects": (objects_link, "objects is not a folder"),
    "links among objects": (links_among_objects, "neither a file nor a folder"),
    "settings that include others": (include, "there is no commit"),
    "a file that names the git folder": (git_file, ""),
    "a link to the git folder": (git_link, "no file in it"),
    "a link for HEAD": (head_link, "HEAD is not a file"),
    "a link for refs": (refs_link, "refs is not a folder"),
    "three names": (three_names, "objects is not a folder"),
    "pipes": (pipes, "HEAD is not a file"),
    "a pipe for a list of what was collected": (manifest_pipe, "no file in it"),
    "a commit of 256 MB": (huge_commit, ""),
}


@pytest.mark.parametrize("name", TREES)
def test_nobody_gets_alices_work_and_everybody_else_is_opened(name: str, room: Path, course: Course) -> None:
    make, reason = TREES[name]
    make(room / "mallory", room)
    found = opened(room, course)
    assert set(found) == {"alice", "bob", "zoe", "mallory"}
    assert "by alice" in text(found["bob"]) and "by zoe" in text(found["zoe"])  # bob's is a clone of such a work
    assert "by alice" in text(found["alice"])
    assert "by alice" not in text(found["mallory"])
    assert reason in why(found["mallory"]), why(found["mallory"])
    assert str(room) not in why(found["mallory"])  # students read it: no place on the grader's machine


@pytest.mark.parametrize(
    "name", ["a common folder elsewhere", "alternates", "a link to objects", "links among objects"]
)
def test_the_control_plain_git_is_led_to_alice(name: str, room: Path, course: Course) -> None:
    TREES[name][0](room / "mallory", room)
    assert "by alice" in git(room, "--git-dir", "mallory", "show", f"HEAD:{PLACE}")


@pytest.mark.parametrize("revision", ["HEAD", "main", "refs/heads/main"])
def test_a_git_file_is_not_followed_by_name_either(revision: str, room: Path, course: Course) -> None:
    git_file(room / "mallory", room)
    (found,) = find_submissions([f"{room / 'mallory'}@{revision}"], course)
    submission = open_found(found, course)
    assert text(submission) == "" and "names another folder" in why(submission)


# --- who somebody is -------------------------------------------------------------------------------------------------


def believed(room: Path) -> str:
    entries = [
        {"student": "alice", "repository": "r", "status": "collected", "folder": "../mallory", "commit": "HEAD",
         "handed_in": "2020-01-01T00:00:00+00:00", "clock": "push"}
    ]  # fmt: skip
    return json.dumps({"made_at": "x", "finished": True, "entries": entries, "schema": "llm-internals/collected/1"})


@pytest.mark.parametrize("content", ["forged", "", '{"made_at"', "[]", "{" * 100_000])
@pytest.mark.parametrize("by_name", [False, True])
def test_a_students_list_of_what_was_collected_is_a_file_like_others(
    content: str, by_name: bool, room: Path, course: Course
) -> None:
    repository(room / "mallory", OWN)
    (room / "mallory/collected.json").write_text(believed(room) if content == "forged" else content)
    paths = sorted(room.iterdir()) if by_name else [room]
    found = find_submissions([path for path in paths if not path.name.startswith(".")], course, ROOT / ".autograder")
    assert sorted(each.id for each in found) == ["alice", "bob", "mallory", "zoe"]
    assert not any(each.handed_in or each.clock != "unknown" for each in found)
    assert "by mallory" in text(open_found(next(each for each in found if each.id == "mallory"), course))


def test_a_list_that_collect_wrote_elsewhere_is_believed_when_a_person_says_so(room: Path, course: Course) -> None:
    (room.parent / "into").mkdir()
    (room.parent / "into/collected.json").write_text(believed(room).replace("../mallory", "../class/alice"))
    with pytest.raises(SubmissionError, match="not believed here"):
        find_submissions([room.parent / "into"], course, ROOT / ".autograder")
    (found,) = find_submissions([], course, ROOT / ".autograder", [room.parent / "into"])
    assert (found.id, found.clock) == ("alice", "push") and "by alice" in text(open_found(found, course))


def test_names_with_an_at_sign_are_whole(room: Path, course: Course) -> None:
    bare(room / "alice@x.edu", OWN)
    (room / "bob@HEAD" / PLACE).parent.mkdir(parents=True)  # named like bob's repository at a revision
    (room / "bob@HEAD" / PLACE).write_text(OWN)
    found = opened(room, course)
    assert {id: "mallory" in text(each) for id, each in found.items()} == {
        "alice": False, "bob": False, "zoe": False, "alice@x.edu": True, "bob@HEAD": True,
    }  # fmt: skip
    (named,) = find_submissions([f"{room / 'alice@x.edu'}@main"], course)
    assert "by mallory" in text(open_found(named, course))
