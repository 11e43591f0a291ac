"""Tables of a class on a terminal of 80 columns: who it is and the total are whole, and as many modules as there is room for."""

from __future__ import annotations

import io

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.feedback.pen import console
from autograder.feedback.summary import class_table
from autograder.results import Result
from autograder.scores.records import ModuleScore, Score
from autograder.scores.show import score_table

MODULES = [
    *("warmup", "tokenizer", "attention", "positions", "training", "sampling"),
    *("quantization", "parallel", "inference", "finetuning", "alignment"),
]
NAMES = {"ada": "Ada King of Lovelace", "konrad.zuse": "Konrad Zuse", "li_ming": "李明"}
LONG = {**NAMES, "x" * 60: "N. N."}


def drawn(table, width: int) -> str:
    out = io.StringIO()
    console(out, width=width).print(table)
    text = out.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    return text


def scores(count: int, names: dict[str, str] = NAMES) -> list[Score]:
    modules = [ModuleScore(module=name, title=name, points=208, score=151.25) for name in MODULES[:count]]
    return [
        Score(student=id, name=name, points=208 * count, score=151.25 * count, modules=modules, pending=4)
        for id, name in names.items()
    ]


@pytest.mark.parametrize("width", [80, 100, 120, 400])
@pytest.mark.parametrize("count", [1, 3, 11])
def test_names_and_totals_are_whole_and_what_has_no_room_is_named(width: int, count: int) -> None:
    found = scores(count)
    text = drawn(score_table(found, "utf-8", width=width), width)
    for id, name in NAMES.items():
        assert id in text and name in text
    assert text.count(f"{151.25 * count:g}/{208 * count}") >= len(found)
    flat = " ".join(text.split())
    shown = [name for name in MODULES[:count] if name in flat.partition("No room for")[0]]
    left = [name for name in MODULES[:count] if name in flat.partition("No room for")[2]]
    assert sorted(shown + left) == sorted(MODULES[:count])
    assert (len(shown) == count) == (width == 400 or count == 1 or (count == 3 and width >= 100)), shown
    assert shown


@pytest.mark.parametrize("width", [80, 120])
def test_one_long_name_breaks_no_other(width: int) -> None:
    text = drawn(score_table(scores(11, LONG), "utf-8", width=width), width)
    assert all(id in text and name in text for id, name in NAMES.items()) and "No room for" in text


def results(topics: int) -> list[Result]:
    exercises = [
        replace(sample.perfect(), exercise=f"{topic}/e{number}") for topic in MODULES[:topics] for number in range(4)
    ]
    return [sample.result(name, exercises) for name in LONG]


@pytest.mark.parametrize("width", [80, 120, 400])
@pytest.mark.parametrize("topics", [2, 11])
def test_the_grade_table_of_a_whole_course(width: int, topics: int) -> None:
    found = results(topics)
    text = drawn(class_table(found, "utf-8", width=width), width)
    for result in found[:3]:
        line = next(line for line in text.splitlines() if result.submission in line)
        assert f"{result.earned}/{result.points}" in line
        assert "●●●●" in line
    flat = " ".join(text.split())
    if width == 400 or topics == 2:
        assert "No room" not in flat and line.count("●●●●") == topics
    else:
        left = [name for name in MODULES if name in flat.partition("No room for")[2]]
        assert line.count("●●●●") == topics - len(left) >= 4
