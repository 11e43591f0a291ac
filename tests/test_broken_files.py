"""Broken homework is broken in the way that it should be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from autograder.experiment import forbidden
from autograder.twin.exercise import Exercise, load_exercise
from autograder.verify import broken_files

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def exercise() -> Exercise:
    return load_exercise(ROOT / "solutions" / "tokenizer" / "bpe", "tokenizer/bpe")


def test_files_that_python_cannot_read(exercise: Exercise) -> None:
    colon, latin, empty, missing, folder, comment, wide = (broken_files.broken_file(exercise, n) for n in range(7))
    assert isinstance(colon, bytes)
    with pytest.raises(SyntaxError, match="expected ':'"):
        ast.parse(colon)
    assert isinstance(latin, bytes)
    with pytest.raises(UnicodeDecodeError):
        latin.decode("utf-8")
    assert (empty, missing, folder) == (b"", None, broken_files.FOLDER)
    assert isinstance(comment, bytes) and ast.parse(comment).body == []
    assert isinstance(wide, bytes) and wide[:2] == b"\xff\xfe"


def test_the_kinds_begin_anew_after_the_last(exercise: Exercise) -> None:
    assert broken_files.broken_file(exercise, 9) == broken_files.broken_file(exercise, 2)
    assert broken_files.broken_code(exercise, 8, ()) == broken_files.broken_code(exercise, 1, ())


@pytest.mark.parametrize("number", range(7))
def test_broken_code_is_still_python(exercise: Exercise, number: int) -> None:
    assert ast.parse(broken_files.broken_code(exercise, number, ("tokenizers",))).body


@pytest.mark.parametrize("patterns", [["tokenizers"], ["Tensor.softmax", "torch.softmax"]])
def test_a_forbidden_name_is_used_where_there_is_one(exercise: Exercise, patterns: list[str]) -> None:
    text = broken_files.broken_code(exercise, 0, patterns)
    assert forbidden.first_use(ast.parse(text), patterns) is not None


def test_without_forbidden_names_a_function_is_renamed(exercise: Exercise) -> None:
    text = broken_files.broken_code(exercise, 0, ())
    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert "my_train_bpe" in names and "train_bpe" not in names


def test_a_signature_asks_for_one_argument_more(exercise: Exercise) -> None:
    assert "def train_bpe(verbose, word_counts" in broken_files.broken_code(exercise, 1, ())
