"""What is handed in: archives that lead elsewhere or explode, files that are swapped, unreadable or no files at all."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from attacks.arena import Arena, Attack, exercise, messages
from attacks.course import HONEST

from autograder.course.submission import open_submission

Make = Callable[[Arena, Path], Path]
RANK = HONEST["rank"]


def member(archive: zipfile.ZipFile, name: str, text: str | bytes = RANK, mode: int = 0) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, text)


def zipped(*members: tuple[str, str | bytes, int]) -> Make:
    def make(arena: Arena, folder: Path) -> Path:
        path = folder / "handed-in.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text, mode in members:
                member(archive, name, arena.filled(text) if isinstance(text, str) else text, mode)
        return path

    return make


def folder_with(name: str, content: Callable[[Arena, Path], object]) -> Make:
    def make(arena: Arena, folder: Path) -> Path:
        path = folder / "work" / name
        path.parent.mkdir(parents=True)
        content(arena, path)
        return folder / "work"

    return make


def notebook(*cells: dict[str, object]) -> Callable[[Arena, Path], object]:
    data = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    return lambda arena, path: path.write_text(json.dumps(data))


def cell(source: str, exercise: str = "ring/rank") -> dict[str, object]:
    tags = [f"exercise:{exercise}"]
    return {
        "cell_type": "code",
        "id": "a",
        "metadata": {"tags": tags},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


REFERENCE = "@ROOT@/solutions/ring/rank/solution.py"
SUBMISSIONS: list[tuple[int, str, Make, str, int, str]] = [
    (24, "zip: a symbolic link to the reference", zipped(("ring/rank.py", REFERENCE, stat.S_IFLNK | 0o777)),
     "error", 0, "submission.link"),
    (24, "zip: a device", zipped(("ring/rank.py", "", stat.S_IFCHR | 0o666)), "error", 0, "submission.not-a-file"),
    (24, "zip: names with .. and from the root", zipped(("../../ring/rank.py", RANK, 0), ("@ROOT@/grading.toml", "x", 0), ("ring/rank.py", RANK, 0)),
     "passed", 2, ""),
    (24, "zip: only names that lead away", zipped(("../ring/rank.py", RANK, 0), ("C:\\ring\\rank.py", RANK, 0)), "error", 0, "submission.missing"),
    (24, "zip: two names that differ by case", zipped(("ring/rank.py", RANK, 0), ("ring/RANK.py", "x = 1\n", 0)),
     "error", 0, "submission.duplicate-name"),
    (24, "zip: one name twice", zipped(("ring/rank.py", RANK, 0), ("ring/rank.py", "x = 1\n", 0)), "error", 0, "submission.duplicate-name"),
    (24, "zip: a bomb", zipped(("ring/rank.py", b"\n" * 10**8, 0)), "error", 0, "submission.too-big"),
    (24, "zip: a hundred thousand entries", zipped(*((f"ring/{n}", "", 0) for n in range(10**5))), "error", 0, "submission.zip-too-many"),
    (24, "zip: no zip at all", lambda arena, folder: _written(folder / "handed-in.zip", os.urandom(1000)), "error", 0, "submission.zip-broken"),
    (24, "folder: a symbolic link to the reference",
     folder_with("ring/rank.py", lambda arena, path: path.symlink_to(arena.filled(REFERENCE))), "error", 0, "submission.link"),
    (24, "folder: a link in place of the topic's folder",
     folder_with("ring", lambda arena, path: path.symlink_to(arena.planted.root / "solutions/ring")), "error", 0, "submission.link"),
    (24, "folder: a pipe", folder_with("ring/rank.py", lambda arena, path: os.mkfifo(path)), "error", 0, "submission.not-a-file"),
    (26, "not UTF-8", folder_with("ring/rank.py", lambda arena, path: path.write_bytes(b"# M\xfcller\n" + RANK.encode())), "error", 0, "submission.not-utf8"),
    (26, "a syntax error", folder_with("ring/rank.py", lambda arena, path: path.write_text("def rank(:\n")), "error", 0, "run.load-syntax"),
    (26, "an empty file", folder_with("ring/rank.py", lambda arena, path: path.write_text("")), "error", 0, "submission.empty"),
    (26, "no file", folder_with("ring/other.py", lambda arena, path: path.write_text("x = 1\n")), "error", 0, "submission.missing"),
    (26, "a file of 100 MB", folder_with("ring/rank.py", lambda arena, path: _sparse(path, 10**8)), "error", 0, "submission.too-big"),
    (26, "a binary file", folder_with("ring/rank.py", lambda arena, path: path.write_bytes(bytes(range(256)))), "error", 0, "submission.binary"),
    (26, "a folder where the file should be", folder_with("ring/rank.py", lambda arena, path: path.mkdir()), "error", 0, "submission.folder"),
    (26, "source that takes Python down to read", folder_with("ring/rank.py", lambda arena, path: path.write_text("(" * 9000 + ")" * 9000)),
     "error", 0, "run.load-syntax"),
    (26, "source nested as deep as a stack", folder_with("ring/rank.py", lambda arena, path: path.write_text("x = " + "-" * 200_000 + "1\n")),
     "error", 0, "run.load-syntax"),
    (26, "a notebook without code", folder_with("ring.ipynb", notebook({"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# none"})),
     "error", 0, "submission.no-cells"),
    (26, "a notebook with a cell that raises", folder_with("ring.ipynb", notebook(cell("1 / 0\n"), cell(RANK))), "error", 0, "run.load-raised"),
    (26, "a notebook that is no JSON", folder_with("ring.ipynb", lambda arena, path: path.write_text("{" * 10**5)), "error", 0, "submission.notebook-broken"),
    (26, "a notebook that answers", folder_with("ring.ipynb", notebook(cell(RANK))), "passed", 2, ""),
]  # fmt: skip


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("number", "name", "make", "verdict", "earned", "message"), SUBMISSIONS, ids=[each[1] for each in SUBMISSIONS]
)
def test_what_is_handed_in(
    arena: Arena, tmp_path: Path, number: int, name: str, make: Make, verdict: str, earned: int, message: str
) -> None:
    attack = Attack(number, name, "rank", "", verdict, earned, message=message)
    arena.meet(attack, open_submission(make(arena, tmp_path), arena.course, name=name))


def test_a_file_that_is_swapped_after_it_was_looked_at(arena: Arena, tmp_path: Path) -> None:
    """What was read and hashed is what is graded."""
    path = tmp_path / "work/ring/rank.py"
    path.parent.mkdir(parents=True)
    path.write_text("def rank(words: list[str]) -> list[str]:\n    return words[:1]\n")
    submission = open_submission(tmp_path / "work", arena.course, name="swapped")
    path.write_text(RANK + "# better\n")
    result = arena.meet(Attack(25, "swaps its file before it is graded", "rank", "", "failed"), submission)
    assert exercise(result, "rank").file_hash == submission.files["ring/rank"].hash
    path.unlink()
    path.symlink_to(arena.filled(REFERENCE))
    again = open_submission(tmp_path / "work", arena.course, name="swapped")
    result = arena.meet(Attack(25, "swaps its file for a link", "rank", "", "error"), again)
    assert "submission.link" in messages(exercise(result, "rank"))
