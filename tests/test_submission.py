"""Submissions that are folders and single files: where answers are found, what is refused, and that nothing ever raises."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import msgspec
import pytest

from autograder.course import Course, Submission, SubmissionError, load_course, open_submission, tree
from autograder.course.source_text import decode
from autograder.feedback import messages
from autograder.results import Message

ROOT = Path(__file__).parents[1]
BPE = "tokenizer/bpe"
CODE = "def train_bpe(word_counts, num_merges):\n    return []\n"
STUB = "def train_bpe(word_counts, num_merges):\n    raise NotImplementedError('write train_bpe')\n"


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes = CODE) -> Path:
        path = tmp_path / "alice" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "alice"

    return write


def said(message: Message | None) -> str:
    """The sentence of a message, which must exist and be complete."""
    assert message is not None
    msgspec.json.encode(message)
    assert message.id in messages.catalogue("en"), message.id
    sentence = messages.text(message)
    assert not re.search(r"\{\w+\}", sentence + messages.hint(message)), sentence
    return sentence


def problem(submission: Submission, exercise: str = BPE) -> str:
    file = submission.files[exercise]
    assert file.text is None and file.hash == ""
    said(file.problem)
    for message in submission.problems:
        said(message)
    assert file.problem is not None
    return file.problem.id.removeprefix("submission.")


def ids(submission: Submission) -> list[str]:
    for message in submission.problems:
        said(message)
    return [message.id.removeprefix("submission.") for message in submission.problems]


# ---------------------------------------------------------------- where answers are


@pytest.mark.parametrize(
    "place",
    [
        "assignments/tokenizer/bpe.py",
        "tokenizer/bpe.py",
        "bpe.py",
        "repo-main/assignments/tokenizer/bpe.py",
        "a/b/c/tokenizer/bpe.py",
        "a/b/c/d/e/assignments/tokenizer/bpe.py",
        "repo/bpe.py",
        "assignments/assignments/tokenizer/bpe.py",
        "tokenizer/assignments/tokenizer/bpe.py",
    ],
)
def test_the_places_of_an_exercise(course, write, place):
    submission = open_submission(write(place), course)
    assert submission.files[BPE].text == CODE
    assert submission.problems == []
    assert set(submission.files) == {exercise.name for exercise in course.exercises}
    assert problem(submission, "tokenizer/bbpe") == "missing"


def test_a_submission_is_named_and_says_where_a_line_is(course, write):
    folder = write("assignments/tokenizer/bpe.py")
    submission = open_submission(folder, course)
    assert (submission.id, submission.source) == ("alice", str(folder))
    assert submission.files[BPE].where(2) == ("assignments/tokenizer/bpe.py", 2)
    assert open_submission(folder, course, name="a-17").id == "a-17"


def test_too_deep_is_not_found(course, write):
    submission = open_submission(write("a/b/c/d/e/f/tokenizer/bpe.py"), course)
    assert problem(submission) == "missing"
    assert ids(submission) == ["nothing"]


def test_an_empty_folder(course, tmp_path):
    submission = open_submission(tmp_path, course)
    assert problem(submission) == "missing"
    assert ids(submission) == ["no-files"]


def test_the_outermost_copy_counts(course, write):
    write("old/tokenizer/bpe.py", "old = 1\n")
    assert open_submission(write("tokenizer/bpe.py"), course).files[BPE].text == CODE


def test_two_copies_side_by_side_are_not_guessed_at(course, write):
    write("v1/tokenizer/bpe.py", "x = 1\n")
    write("v1/tokenizer/bbpe.py", "y = 1\n")
    submission = open_submission(write("v2/tokenizer/bpe.py"), course)
    assert problem(submission) == "several-roots" and "v1, v2" in messages.text(submission.problems[0])
    assert ids(submission) == ["several-roots"]
    assert submission.files["tokenizer/bbpe"].text == "y = 1\n", "of this one there is one copy"


def test_equal_copies_side_by_side_are_one(course, write):
    write("v1/tokenizer/bpe.py")
    submission = open_submission(write("v2/tokenizer/bpe.py"), course)
    assert submission.files[BPE].text == CODE and ids(submission) == []


def test_hidden_folders_and_caches_do_not_count(course, write):
    for folder in (".git", "__MACOSX", "venv", "x/.ipynb_checkpoints"):
        write(f"{folder}/tokenizer/bpe.py")
    assert problem(open_submission(write("notes.txt"), course)) == "missing"


def test_of_two_python_files_the_written_one_is_graded(course, write):
    write("assignments/tokenizer/bpe.py", STUB)
    submission = open_submission(write("tokenizer/bpe.py"), course)
    assert submission.files[BPE].text == CODE
    assert ids(submission) == []


def test_two_different_finished_answers_are_flagged(course, write):
    write("assignments/tokenizer/bpe.py")
    submission = open_submission(write("tokenizer/bpe.py", CODE + "x = 1\n"), course)
    assert submission.files[BPE].file == "assignments/tokenizer/bpe.py"
    assert ids(submission) == ["two-answers"]


def test_the_same_answer_twice_is_no_question(course, write):
    write("assignments/tokenizer/bpe.py")
    assert ids(open_submission(write("tokenizer/bpe.py"), course)) == []


@pytest.mark.parametrize(
    "name",
    ["bpe.py", "BPE.py", "tokenizer_bpe.py", "alice_bpe.py", "bpe (1).py", "bpe-2.py", "A. Bee - tokenizer.bpe.py"],
)
def test_a_single_python_file(course, tmp_path, name):
    (tmp_path / name).write_text(CODE)
    assert open_submission(tmp_path / name, course).files[BPE].text == CODE


@pytest.mark.parametrize("name", ["homework.py", "abpe.py", "bpe2.py"])
def test_a_single_file_that_is_no_exercise(course, tmp_path, name):
    (tmp_path / name).write_text(CODE)
    assert problem(open_submission(tmp_path / name, course)) == "unknown-file"


def test_a_name_that_ends_like_two_exercises_means_the_longer_one(course, tmp_path):
    (tmp_path / "x_bbpe.py").write_text(CODE)
    assert open_submission(tmp_path / "x_bbpe.py", course).files["tokenizer/bbpe"].text == CODE


def test_another_kind_of_file(course, tmp_path):
    (tmp_path / "alice.rar").write_bytes(b"Rar!")
    assert problem(open_submission(tmp_path / "alice.rar", course)) == "unknown-kind"


@pytest.mark.parametrize("source", ["nothing-here", "nothing-here@HEAD", "", "x" * 5000, "a\0b"])
def test_what_is_not_there_raises_for_people(course, tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    if source == "":
        assert ids(open_submission(source, course)) == ["no-files"], "the current folder"
        return
    with pytest.raises(SubmissionError, match=r"there is no|can't be looked at"):
        open_submission(source, course)


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("data", "id", "values"),
    [
        (b"x = 1\ny = '\xe9'\n", "not-utf8", {"line": 2, "offset": 11, "byte": "0xE9"}),
        (b"x = 1\r\ry = '\xff'\n", "not-utf8", {"line": 3}),
        (b"\xef\xbb\xbfx = '\xe9'", "not-utf8", {"line": 1}),
        ("x = 1".encode("utf-16"), "utf16", {}),
        (b"x = 1\n\0", "binary", {"line": 2, "offset": 6}),
        (b"\x7fELF\x02\x01\x01\0\0", "binary", {}),
        (b"# -*- coding: latin-1 -*-\nx = 1", "encoding-cookie", {"line": 1, "encoding": "latin-1"}),
        (
            b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n",
            "encoding-cookie",
            {"line": 2, "encoding": "cp1252"},
        ),
        (b"\xef\xbb\xbf# coding: utf-16\nx", "encoding-cookie", {"line": 1}),
        (b"", "empty", {}),
        (b" \n\t\r\n", "empty", {}),
        (b"\xef\xbb\xbf", "empty", {}),
        (b"x" * (256 * 1024 + 1), "too-big", {"limit_kb": 256, "kb": 257}),
    ],
)
def test_what_is_no_text(course, write, data, id, values):
    submission = open_submission(write("tokenizer/bpe.py", data), course)
    assert problem(submission) == id
    message = submission.files[BPE].problem
    assert message is not None and message.values["file"] == "tokenizer/bpe.py"
    assert {name: message.values[name] for name in values} == values


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"# coding: UTF-8\nx = 1\n", "# coding: UTF-8\nx = 1\n"),
        (b"# coding: utf_8_sig\nx = 1\n", "# coding: utf_8_sig\nx = 1\n"),
        (b"x = 1\n# coding: latin-1\n", "x = 1\n# coding: latin-1\n"),
        (b"\n\n# coding: latin-1\nx", "\n\n# coding: latin-1\nx"),
        (b"x = 1\r\ny = 2\rz = 3\n", "x = 1\ny = 2\nz = 3\n"),
        ("s = '多语言 🎉'".encode(), "s = '多语言 🎉'"),
    ],
)
def test_what_is_text(data, text):
    assert decode(data, "x.py") == text


def test_the_largest_file_is_accepted(course, write):
    text = "#" * (256 * 1024)
    assert open_submission(write("tokenizer/bpe.py", text), course).files[BPE].text == text


# ---------------------------------------------------------------- files that are no files


def test_a_folder_where_a_file_should_be(course, write):
    submission = open_submission(write("tokenizer/bpe.py/inner.txt"), course)
    assert problem(submission) == "folder"


def test_a_wrong_case(course, write):
    """Systems that do not tell them apart change capital letters; where there is one such file, it is meant."""
    submission = open_submission(write("Assignments/tokenizer/BPE.py"), course)
    assert (submission.files[BPE].text, submission.files[BPE].file) == (CODE, "Assignments/tokenizer/BPE.py")


@pytest.mark.skipif(os.name == "nt", reason="names there do not differ by case")
def test_names_that_differ_by_case_or_form(course, write):
    write("tokenizer/bpe.py")
    write("tokenizer/BPE.py", "other = 1\n")
    assert problem(open_submission(write("tokenizer/bbpe.py"), course)) == "duplicate-name"
    submission = open_submission(write("tokenizer/wordpiece_encode.py"), course)
    assert submission.files["tokenizer/wordpiece_encode"].text == CODE, "the others are graded"


@pytest.mark.parametrize("link", ["file", "folder", "assignments", "loop", "dangling"])
def test_links_are_not_followed(course, tmp_path, write, link):
    secret = tmp_path / "secret"
    (secret / "tokenizer").mkdir(parents=True)
    (secret / "tokenizer" / "bpe.py").write_text("canary = 1\n")
    folder = write("assignments/warmup/softmax_lse.py")
    target = folder / "assignments" / "tokenizer"
    if link == "file":
        target.mkdir()
        (target / "bpe.py").symlink_to(secret / "tokenizer" / "bpe.py")
    elif link == "folder":
        target.symlink_to(secret / "tokenizer")
    elif link == "assignments":
        (folder / "assignments").rename(folder / "tmp")
        (folder / "assignments").symlink_to(secret)
    elif link == "loop":
        target.symlink_to(target)
    else:
        target.mkdir()
        (target / "bpe.py").symlink_to("nowhere")
    submission = open_submission(folder, course)
    assert problem(submission) == "link"
    assert "canary" not in repr(submission)
    if link != "assignments":
        assert submission.files["warmup/softmax_lse"].text == CODE


def test_a_submission_that_is_itself_a_link(course, tmp_path, write):
    (tmp_path / "bob").symlink_to(write("tokenizer/bpe.py"))
    assert problem(open_submission(tmp_path / "bob", course)) == "link"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_or_socket_is_never_opened(course, tmp_path, write):
    folder = write("warmup/softmax_lse.py")
    (folder / "tokenizer").mkdir()
    os.mkfifo(folder / "tokenizer" / "bpe.py")
    os.mkfifo(folder / "tokenizer" / "tokenizer.ipynb")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(folder / "tokenizer")  # the name of a socket is short
        try:
            listener.bind("bbpe.py")
        finally:
            os.chdir(here)
        submission = open_submission(folder, course)
    assert problem(submission) == "not-a-file"
    assert problem(submission, "tokenizer/bbpe") == "not-a-file"
    os.mkfifo(tmp_path / "bob.zip")
    assert problem(open_submission(tmp_path / "bob.zip", course)) == "unknown-kind"


@pytest.mark.skipif(not Path("/dev/zero").exists() or os.name == "nt" or os.geteuid() != 0, reason="makes a device")
def test_a_device_is_never_opened(course, write):
    folder = write("tokenizer/bbpe.py")
    try:
        os.mknod(folder / "tokenizer" / "bpe.py", 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("devices can't be made here")
    assert problem(open_submission(folder, course)) == "not-a-file"


def test_a_file_swapped_for_a_link_after_the_listing(course, tmp_path, write):
    folder = write("tokenizer/bpe.py")
    (tmp_path / "secret.py").write_text("canary = 1\n")
    opened = tree_of(folder)
    assert any(entry.name == "tokenizer/bpe.py" for entry in opened.entries())
    (folder / "tokenizer" / "bpe.py").unlink()
    (folder / "tokenizer" / "bpe.py").symlink_to(tmp_path / "secret.py")
    assert said_id(opened.read({"tokenizer/bpe.py": 1000})["tokenizer/bpe.py"]) == "submission.link"
    (folder / "tokenizer").rename(folder / "was")
    (folder / "tokenizer").symlink_to(folder / "was")
    assert said_id(opened.read({"tokenizer/bpe.py": 1000})["tokenizer/bpe.py"]) == "submission.link"
    opened.close()


def test_a_file_swapped_for_a_link_between_the_look_and_the_opening(tmp_path, write, monkeypatch):
    folder = write("tokenizer/bpe.py")
    (tmp_path / "secret.py").write_text("canary = 1\n")
    real = os.stat

    def stat_then_swap(path, **options):
        info = real(path, **options)
        if str(path).endswith("bpe.py"):
            (folder / "tokenizer" / "bpe.py").unlink()
            (folder / "tokenizer" / "bpe.py").symlink_to(tmp_path / "secret.py")
        return info

    opened = tree_of(folder)
    monkeypatch.setattr(os, "stat", stat_then_swap)
    answer = opened.read({"tokenizer/bpe.py": 1000})["tokenizer/bpe.py"]
    monkeypatch.undo()
    opened.close()
    assert said_id(answer) == "submission.link"


def tree_of(folder: Path):
    from autograder.course.folder import FolderTree

    return FolderTree(folder)


def said_id(answer: bytes | Message) -> str:
    assert isinstance(answer, Message)
    said(answer)
    return answer.id


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="becomes another user")
def test_what_may_not_be_read(course, tmp_path_factory):
    base = tmp_path_factory.mktemp("open")
    for parent in [base, *base.parents][:3]:
        parent.chmod(0o755)
    (base / "tokenizer").mkdir()
    (base / "tokenizer" / "bpe.py").write_text(CODE)
    (base / "tokenizer" / "bpe.py").chmod(0)
    (base / "tokenizer" / "bbpe.py").write_text(CODE)
    (base / "warmup").mkdir(0)
    os.seteuid(65534)
    try:
        if not os.access(base, os.R_OK, effective_ids=True):
            pytest.skip("the folder for temporary files is private")
        submission = open_submission(base, course)
    finally:
        os.seteuid(0)
    assert problem(submission) == "unreadable"
    assert submission.files["tokenizer/bbpe"].text == CODE
    assert ids(submission) == ["unreadable"], "the folder"


def test_a_folder_without_end(course, write, monkeypatch):
    from autograder.course import folder

    monkeypatch.setattr(folder, "MAX_ENTRIES", 50)
    path = write("assignments/tokenizer/bpe.py")
    for number in range(60):
        write(f"aaa/{number:03}.txt")
    submission = open_submission(path, course)
    assert ids(submission) == ["too-many-files"]
    assert submission.files[BPE].text == CODE, "the usual places are looked at all the same"


def test_names_that_are_no_text(course, write):
    folder = os.fsencode(write("tokenizer/bpe.py"))
    try:
        os.makedirs(folder + b"/tokenizer/\xff\xfe.py")
        with open(folder + b"/\xff.ipynb", "wb") as file:
            file.write(b"{")
    except OSError:
        pytest.skip("such names can't be made here")
    submission = open_submission(os.fsdecode(folder), course)
    assert submission.files[BPE].text == CODE
    assert ids(submission) == ["notebook-broken"]


# ---------------------------------------------------------------- hashes


def test_the_hash_is_of_what_is_graded(course, write):
    folder = write("assignments/tokenizer/bpe.py")
    first = open_submission(folder, course)
    write("notes.txt", "unrelated")
    write("assignments/tokenizer/helper.py", "unrelated")
    again = open_submission(folder, course)
    assert (again.hash, again.files[BPE].hash) == (first.hash, first.files[BPE].hash)
    write("assignments/tokenizer/bpe.py", CODE + "# more\n")
    changed = open_submission(folder, course)
    assert changed.hash != first.hash and changed.files[BPE].hash != first.files[BPE].hash
    write("assignments/tokenizer/bpe.py", b"\xff")
    broken = open_submission(folder, course).hash
    write("assignments/tokenizer/bpe.py", b"\0")
    assert len({first.hash, changed.hash, broken, open_submission(folder, course).hash}) == 4


def test_a_submission_is_a_copy(course, write):
    folder = write("tokenizer/bpe.py")
    submission = open_submission(folder, course)
    before = submission.hash
    (folder / "tokenizer" / "bpe.py").write_text("swapped = 1\n")
    assert submission.files[BPE].text == CODE
    assert submission.hash == before


def test_the_hash_is_the_same_wherever_the_work_lies(course, write, tmp_path):
    first = open_submission(write("tokenizer/bpe.py"), course)
    (tmp_path / "bob" / "repo").mkdir(parents=True)
    (tmp_path / "alice" / "tokenizer").rename(tmp_path / "bob" / "repo" / "tokenizer")
    assert open_submission(tmp_path / "bob", course).hash == first.hash


def test_every_message_has_its_sentence_and_every_sentence_its_use():
    used = set()
    for file in Path(tree.__file__).parent.glob("*.py"):
        used |= set(re.findall(r'"submission\.([a-z0-9-]+)"', file.read_text(encoding="utf-8")))
    known = {id.removeprefix("submission.") for id in messages.catalogue("en") if id.startswith("submission.")}
    assert used == known


def test_nothing_of_a_submission_is_kept_open(course, write):
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc")
    folder = write("tokenizer/bpe.py")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        open_submission(folder, course)
    assert len(os.listdir("/proc/self/fd")) == before


def test_values_of_messages_are_plain_data(course, write):
    submission = open_submission(write("tokenizer/bpe.py", b"\xff"), course)
    problems = [file.problem for file in submission.files.values() if file.problem]
    assert problems and all(json.loads(json.dumps(problem.values)) == problem.values for problem in problems)
