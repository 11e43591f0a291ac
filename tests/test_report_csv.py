"""The scores as a table: right numbers, no formulas."""

import csv

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.report.csv import ENCODING, scores_csv, write_csv


def test_scores_read_back(tmp_path):
    results = sample.class_results()
    path = write_csv(results, tmp_path / "scores.csv")
    with path.open(encoding=ENCODING, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["submission"] for row in rows] == sample.NAMES
    for row, result in zip(rows, results, strict=True):
        assert (
            int(row["earned"]) == result.earned and int(row["points"]) == 56 and int(row["pending"]) == result.pending
        )
        assert sum(int(row[exercise]) for exercise, _, _ in sample.CLASS_EXERCISES) == result.earned
        assert row["isolated"] == "yes" and row["hash"] == result.hash


def test_an_exercise_that_is_not_there_is_empty_and_not_zero():
    text = scores_csv([sample.result("ada", [sample.perfect()]), sample.result("bob", [sample.broken()])])
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[0]["tokenizer/bbpe"] == "" and rows[1]["tokenizer/bbpe"] == "0"
    assert rows[0]["warmup/logsumexp"] == "4" and rows[1]["warmup/logsumexp"] == ""


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "\r=1", "=cmd|'/c calc'!A0", "＝1", "|x", "%0A=1"]
)
def test_no_cell_is_a_formula(name):
    exercise = replace(sample.perfect(), exercise=name)
    result = replace(sample.result(name, [exercise]), hash=name, graded_at=name, run=name)
    for row in csv.reader(scores_csv([result]).splitlines()):
        for cell in row:
            assert not cell.lstrip(" \t\r'").startswith(("=", "+", "-", "@", "＝")) or cell.startswith("'"), cell


def test_commas_quotes_and_newlines_stay_in_their_cell():
    text = scores_csv([sample.result('a,"b"\nc', [sample.perfect()])])
    assert len(text.splitlines()) == 2
    assert next(csv.DictReader(text.splitlines()))["submission"] == 'a,"b"\\nc'


def test_nobody():
    assert scores_csv([]).splitlines() == ["submission,earned,points,pending,flags,isolated,graded_at,hash,run"]
