"""Zips: honest ones from several tools, and the ways in which a zip attacks whoever opens it."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from autograder.course import Course, Submission, archive, load_course, open_submission
from autograder.feedback import messages

ROOT = Path(__file__).parents[1]
BPE = "tokenizer/bpe"
PLACE = "assignments/tokenizer/bpe.py"
CODE = b"def train_bpe(word_counts, num_merges):\n    return []\n"


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture
def opened(tmp_path, course):
    def opened(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Submission:
        with zipfile.ZipFile(tmp_path / "alice.zip", "w", method) as file:
            for name, content in members:
                file.writestr(name, content)
        return open_submission(tmp_path / "alice.zip", course)

    return opened


@pytest.fixture
def patched(tmp_path, course):
    """A good zip with bytes of its directory changed."""

    def patched(change) -> Submission:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(PLACE, CODE)
        data = bytearray(buffer.getvalue())
        change(data, data.index(b"PK\1\2"), data.index(b"PK\5\6"))
        (tmp_path / "alice.zip").write_bytes(bytes(data))
        return open_submission(tmp_path / "alice.zip", course)

    return patched


def ids(submission: Submission) -> list[str]:
    for message in [*submission.problems, *(file.problem for file in submission.files.values() if file.problem)]:
        assert message.id in messages.catalogue("en")
        assert "{" not in messages.text(message)
    return [message.id.removeprefix("submission.") for message in submission.problems]


def problem(submission: Submission) -> str:
    ids(submission)
    file = submission.files[BPE]
    assert file.text is None and file.problem is not None
    return file.problem.id.removeprefix("submission.")


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (mode | 0o777) << 16
    return info


# ---------------------------------------------------------------- honest zips


@pytest.mark.parametrize("place", [PLACE, "tokenizer/bpe.py", "alice-repo-main/" + PLACE, "bpe.py"])
def test_a_zip(opened, place):
    submission = opened((place, CODE), ("__MACOSX/._bpe.py", b"\0\5\26\7"), ("alice-repo-main/.DS_Store", b"\0"))
    assert submission.files[BPE].text == CODE.decode()
    assert (submission.id, ids(submission)) == ("alice", [])


def test_a_zip_with_folders_of_its_own_and_stored_members(opened):
    submission = opened(
        ("assignments/", b""), ("assignments/tokenizer/", b""), (PLACE, CODE), method=zipfile.ZIP_STORED
    )
    assert submission.files[BPE].text == CODE.decode()


def test_a_zip_and_its_folder_have_the_same_hash(opened, course, tmp_path):
    zipped = opened((PLACE, CODE))
    (tmp_path / "x" / PLACE).parent.mkdir(parents=True)
    (tmp_path / "x" / PLACE).write_bytes(CODE)
    assert open_submission(tmp_path / "x", course).hash == zipped.hash


def test_a_zip_after_other_bytes_and_with_a_comment(tmp_path, course):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(PLACE, CODE)
        file.comment = b"PK\5\6" + b"x" * 60_000
    (tmp_path / "a.zip").write_bytes(b"#!/bin/sh\n" + buffer.getvalue())
    submission = open_submission(tmp_path / "a.zip", course)
    assert submission.files[BPE].text == CODE.decode() or problem(submission) == "zip-broken"


def test_an_empty_zip(opened):
    submission = opened()
    assert (problem(submission), ids(submission)) == ("missing", ["no-files"])


def zipped(*members: tuple[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("wraps", [1, 2, 3])
def test_zips_in_zips_and_in_folders_are_opened(opened, tmp_path, course, wraps):
    data = zipped((PLACE, CODE))
    for _ in range(wraps - 1):
        data = zipped(("work/submission.zip", data))
    for submission in (opened(("submission.ZIP", data)), _in_folder(tmp_path, course, "hand-in/work.zip", data)):
        assert submission.files[BPE].text == CODE.decode() and ids(submission) == []
        assert submission.files[BPE].file == PLACE


def _in_folder(tmp_path: Path, course: Course, name: str, data: bytes) -> Submission:
    path = tmp_path / "ada" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return open_submission(tmp_path / "ada", course)


def test_zips_are_opened_three_deep_and_twenty_of_them(opened):
    data = zipped((PLACE, CODE))
    for _ in range(4):
        data = zipped(("x.zip", data))
    assert ids(opened(("x.zip", data))) == ["zip-nested"]
    empty = zipped()
    many = opened(*((f"{number:02}.zip", empty) for number in range(30)), ("z.zip", zipped((PLACE, CODE))))
    assert problem(many) == "zip-nested" and set(ids(many)) == {"zip-nested"}


def test_a_zip_inside_that_can_not_be_opened_is_why(opened, tmp_path, course):
    assert ids(opened(("work.zip", b"PK\5\6 no"))) == ["zip-broken"]
    assert ids(opened(("work.zip", zipped(("notes.txt", b"x")) + b"x" * 70_000))) in (["nothing"], ["zip-broken"])
    assert problem(_in_folder(tmp_path, course, "work.zip", b"no zip")) == "zip-broken"
    # Beside work that is found, what else there is does not matter.
    assert ids(opened(("data.zip", b"no zip"), (PLACE, CODE))) == []


def test_work_beside_a_zip_comes_first_and_what_it_lacks_is_in_the_zip(opened):
    inner = zipped((PLACE, b"old = 1\n"), ("assignments/tokenizer/bbpe.py", CODE))
    submission = opened(("submission.zip", inner), (PLACE, CODE))
    assert submission.files[BPE].text == submission.files["tokenizer/bbpe"].text == CODE.decode()
    assert ids(submission) == []


def test_what_a_platform_downloads_of_a_class_is_no_submission(opened):
    names = [f"{who}_assignsubmission_file_/submission.zip" for who in ("Ada King_901", "Bob Lee_902")]
    submission = opened(*((name, zipped((PLACE, CODE))) for name in names))
    assert ids(submission) == ["class"] and problem(submission) == "class"
    one = opened((names[0], zipped((PLACE, CODE))), (names[0].replace("file_", "onlinetext_"), b""))
    assert one.files[BPE].text == CODE.decode()


@pytest.mark.parametrize(
    "name", ["assignments\\tokenizer\\bpe.py", "king\\assignments\\tokenizer\\bpe.py", "tokenizer\\bpe.py"]
)
def test_windows_powershell_writes_backslashes(opened, name):
    folder, _, _ = name.rpartition("\\")
    submission = opened((f"{folder}\\", b""), (name, CODE))
    assert submission.files[BPE].text == CODE.decode() and ids(submission) == []


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "../assignments/tokenizer/bpe.py",
        "assignments/../../tokenizer/bpe.py",
        "/assignments/tokenizer/bpe.py",
        "//server/share/tokenizer/bpe.py",
        "C:/assignments/tokenizer/bpe.py",
        "C:tokenizer/bpe.py",
        "..\\tokenizer\\bpe.py",
        "C:\\tokenizer\\bpe.py",
        "assignments/./tokenizer/bpe.py",
        "assignments//tokenizer/bpe.py",
    ],
)
def test_names_that_lead_astray_are_refused(opened, tmp_path, name):
    submission = opened((name, CODE), ("tokenizer/bbpe.py", CODE))
    assert problem(submission) == "missing"
    assert ids(submission) == ["zip-names"]
    assert submission.files["tokenizer/bbpe"].text == CODE.decode()
    assert sorted(os.listdir(tmp_path)) == ["alice.zip"], "nothing was written"


def test_a_name_with_a_zero_byte(opened):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = "assignments/tokenizer/bpe.py\0.txt"
    submission = opened((info, CODE), ("tokenizer/bbpe.py", CODE))
    assert (problem(submission), ids(submission)) == ("missing", ["zip-names"])


@pytest.mark.parametrize(
    "other", [PLACE, "assignments/tokenizer/BPE.py", "aſſignments/tokenizer/bpe.py", "Assignments/Tokenizer/bpe.py"]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_names_for_one_file(opened, other):
    submission = opened((PLACE, CODE), (other, b"other = 1\n"), ("assignments/tokenizer/bbpe.py", CODE))
    assert problem(submission) == "duplicate-name"
    assert submission.files["tokenizer/bbpe"].text == CODE.decode()


def test_notebooks_whose_names_differ_by_unicode_form_are_left_out(opened):
    cell = b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1", "metadata": {"tags": ["exercise:tokenizer/bpe"]}}]}'
    assert opened(("caf\u00e9.ipynb", cell)).files[BPE].text
    assert problem(opened(("caf\u00e9.ipynb", cell), ("cafe\u0301.ipynb", cell))) == "missing"


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("mode", "id"),
    [
        (stat.S_IFLNK, "link"),
        (stat.S_IFIFO, "not-a-file"),
        (stat.S_IFCHR, "not-a-file"),
        (stat.S_IFBLK, "not-a-file"),
        (stat.S_IFSOCK, "not-a-file"),
    ],
)
def test_members_that_are_no_files(opened, mode, id):
    submission = opened((special(PLACE, mode), b"/etc/passwd"), ("assignments/tokenizer/bbpe.py", CODE))
    assert problem(submission) == id
    assert "root:" not in repr(submission)
    assert submission.files["tokenizer/bbpe"].text == CODE.decode()


def test_a_link_to_a_folder(opened):
    assert problem(opened((special("assignments", stat.S_IFLNK), b"/etc"))) == "link"


def test_a_member_that_is_file_and_folder(opened):
    assert problem(opened((PLACE, CODE), (PLACE + "/inner.py", CODE))) == "folder"


# ---------------------------------------------------------------- sizes


def test_a_member_that_unpacks_to_gigabytes(tmp_path, course):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file, file.open(PLACE, "w") as member:
        for _ in range(64):
            member.write(b"\0" * 2**20)
    tracemalloc.start()
    try:
        submission = open_submission(tmp_path / "a.zip", course)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert problem(submission) == "too-big"
    assert peak < 8 * 2**20


@pytest.mark.parametrize("declared", [10, 1000, 2**31])
def test_a_member_that_lies_about_its_size(tmp_path, course, declared):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(PLACE, b"# " + b"x" * 3_000_000)
    data = bytearray(buffer.getvalue())
    for at in (data.index(b"PK\3\4") + 22, data.index(b"PK\1\2") + 24):
        struct.pack_into("<I", data, at, declared)
    (tmp_path / "a.zip").write_bytes(bytes(data))
    assert problem(open_submission(tmp_path / "a.zip", course)) in ("zip-member", "too-big")


def test_a_notebook_packed_too_tightly(opened):
    submission = opened(("tokenizer/tokenizer.ipynb", b"[" * 10_000_000))
    assert ids(submission) == ["zip-bomb"]
    assert problem(submission) == "zip-bomb"


def test_a_large_notebook_of_ordinary_density_is_read(opened):
    output = os.urandom(1_500_000).hex()
    cell = (
        '{"cell_type": "code", "source": "x = 1", "metadata": {"tags": ["exercise:tokenizer/bpe"]}, "outputs": ["%s"]}'
    )
    submission = opened(("tokenizer/tokenizer.ipynb", ('{"nbformat": 4, "cells": [' + cell % output + "]}").encode()))
    assert submission.files[BPE].text == "# %% cell 1\nx = 1\n"


def test_packed_data_that_unpacks_to_nothing(tmp_path, course):
    empty = b"\0\0\0\xff\xff" * 200_000  # stored blocks of length zero
    data = raw_zip(PLACE, empty + b"\3\0", method=8, size=0, crc=0)
    (tmp_path / "a.zip").write_bytes(data)
    assert problem(open_submission(tmp_path / "a.zip", course)) == "too-big"


def raw_zip(name: str, packed: bytes, *, method: int, size: int, crc: int, flags: int = 0) -> bytes:
    encoded = name.encode()
    local = (
        struct.pack("<4s5H3I2H", b"PK\3\4", 20, flags, method, 0, 33, crc, len(packed), size, len(encoded), 0) + encoded
    )
    central = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, flags, method, 0, 33, crc, len(packed), size, len(encoded), 0, 0, 0, 0, 0, 0
    )
    central += encoded
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + end


def test_a_million_entries_cost_nothing(tmp_path, course):
    record = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0)
    directory = b"".join(record + b"%08d" % number for number in range(300_000))
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    (tmp_path / "a.zip").write_bytes(directory + end)
    del directory
    tracemalloc.start()
    try:
        submission = open_submission(tmp_path / "a.zip", course)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (problem(submission), ids(submission)) == ("zip-too-many", ["zip-too-many"])
    assert peak < 8 * 2**20


def test_too_many_members(opened, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    submission = opened((PLACE, CODE), *((f"{number}.txt", b"") for number in range(3)))
    assert problem(submission) == "zip-too-many"


# ---------------------------------------------------------------- damage


def test_an_encrypted_member(patched):
    def change(data, central, end):
        data[central + 8] |= 1
        data[6] |= 1

    assert problem(patched(change)) == "zip-encrypted"


@pytest.mark.parametrize("method", [12, 14, 93, 99])
def test_methods_without_bounds(patched, method):
    def change(data, central, end):
        struct.pack_into("<H", data, central + 10, method)
        struct.pack_into("<H", data, 8, method)

    assert problem(patched(change)) == "zip-method"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_real_archives_of_other_methods(opened, method):
    assert problem(opened((PLACE, CODE), method=method)) == "zip-method"


def test_a_wrong_checksum(patched):
    def change(data, central, end):
        data[central + 16] ^= 1
        data[14] ^= 1

    assert problem(patched(change)) == "zip-member"


def test_a_name_that_differs_between_the_two_headers(patched):
    def change(data, central, end):
        data[30:41] = b"ASSIGNMENTS"

    assert problem(patched(change)) == "zip-member"


@pytest.mark.parametrize("offset", [2**32 - 2, 10, 1_000_000])
def test_an_offset_that_points_elsewhere(patched, offset):
    def change(data, central, end):
        struct.pack_into("<I", data, central + 42, offset)

    assert problem(patched(change)) in ("zip-member", "zip-broken")


@pytest.mark.parametrize(
    "field", [(10, "<H", 0xFFFF), (12, "<I", 2**31), (12, "<I", 0), (16, "<I", 2**31), (20, "<H", 99)]
)
def test_an_end_record_that_lies(patched, field):
    at, form, value = field

    def change(data, central, end):
        struct.pack_into(form, data, end + at, value)

    submission = patched(change)
    ids(submission)
    assert submission.files[BPE].text in (None, CODE.decode())


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\5\6", b"not a zip at all", b"PK\5\6" + b"\xff" * 18, b"\0" * 100_000]
)
def test_what_is_no_zip(tmp_path, course, data):
    (tmp_path / "a.zip").write_bytes(data)
    submission = open_submission(tmp_path / "a.zip", course)
    assert (problem(submission), ids(submission)) == ("zip-broken", ["zip-broken"])


def test_a_zip_cut_short_anywhere(tmp_path, course):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(PLACE, CODE)
    data = buffer.getvalue()
    for length in range(0, len(data), 7):
        (tmp_path / "a.zip").write_bytes(data[:length])
        assert problem(open_submission(tmp_path / "a.zip", course)) == "zip-broken"


def test_a_zip_with_any_byte_changed_never_raises(tmp_path, course):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(PLACE, CODE)
    data = buffer.getvalue()
    for at in range(len(data)):
        for value in (0x00, 0xFF, data[at] ^ 0x80):
            (tmp_path / "a.zip").write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
            opened = open_submission(tmp_path / "a.zip", course)
            ids(opened)
            assert opened.files.keys() == {each.name for each in course.exercises}
