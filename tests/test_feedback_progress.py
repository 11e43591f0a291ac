"""The course map and the class table in a terminal."""

import io

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.feedback.pen import Pen, console
from autograder.feedback.progress import ProgressMap, next_exercise
from autograder.feedback.summary import class_table, kind_of, legend
from autograder.results import ExerciseResult, Message

MODULES = [
    ("Warm-up", [("warmup/logsumexp", "Log-sum-exp", 4, 4, "passed"), ("warmup/entropy", "Entropy", 4, 2, "failed")]),
    (
        "Tokenizers",
        [
            ("tokenizer/bpe", "Byte-pair encoding", 10, 0, "failed"),
            ("tokenizer/bbpe", "Byte-level BPE", 12, None, None),
        ],
    ),
]


def shown(what, encoding="utf-8", width=80) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    console(file, width=width).print(what)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_the_map_names_modules_points_and_the_next_step():
    text = shown(ProgressMap(MODULES))
    lines = text.split("\n")
    assert "6/8" in lines[0] and "Warm-up" in lines[0]
    assert lines[1].startswith("✓") and "4/4" in lines[1] and "████████████" in lines[1]
    assert "-/12" in text and "1 of 4 exercises done" in text and "6/30" in text
    assert "Next: Entropy. Run `autograder check warmup/entropy`" in text


def test_the_map_on_an_ascii_console():
    text = shown(ProgressMap(MODULES), encoding="ascii", width=60)
    assert "############" in text and "ok" in text
    assert max(map(len, text.split("\n"))) <= 60


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", "A", 2, 0, "failed"), ("b", "B", 2, 1, "failed")], "b"),  # begun in earnest before an untouched stub
        ([("a", "A", 2, 0, "failed"), ("b", "B", 2, None, None)], "a"),
        ([("a", "A", 2, 2, "passed"), ("b", "B", 2, None, None)], "b"),
        ([("a", "A", 2, 1, "skipped"), ("b", "B", 2, 2, "passed")], None),
        ([], None),
    ],
)
def test_the_next_exercise(rows, expected):
    step = next_exercise([("m", rows)])
    assert (step[0] if step else None) == expected


def test_a_finished_course():
    assert "Everything here passes" in shown(ProgressMap([("m", [("a", "A", 2, 2, "passed")])]))
    assert "Everything" not in shown(ProgressMap([("m", [("a", "A", 2, 1, "skipped")])]))


def test_a_bar_is_full_only_when_all_is_done():
    pen = Pen("utf-8")
    assert pen.bar(0.999).plain == "█" * 11 + "░"
    assert pen.bar(0.001).plain == "█" + "░" * 11
    assert pen.bar(1).plain == "█" * 12 and pen.bar(0).plain == "░" * 12


def test_the_class_table():
    results = sample.class_results()
    text = shown(class_table(results, "utf-8"))
    lines = text.split("\n")
    assert "warmup" in lines[1] and "tokenizer" in lines[1] and "points" in lines[1]
    ada = next(line for line in lines if "ada" in line)
    assert f"{results[0].earned}/{results[0].points}" in ada
    assert len(lines) == len(results) + 5
    assert "王小云" in text


def test_the_class_table_names_what_needs_a_person():
    flagged = replace(sample.perfect(), flags=[Message(id="run.forbidden")])
    ours = replace(sample.perfect(), verdict="grader-error", checks=[], message=Message(id="run.grader-error"))
    result = replace(
        sample.result("[bold]\x1b[2J", [flagged, ours], isolated=False), problems=[Message(id="submission.x")]
    )
    text = shown(class_table([result], "utf-8"), width=120)
    for piece in ("1 flagged", "1 our fault", "1 problem", "not isolated", "[bold]\\x1b[2J"):
        assert piece in text


def test_the_class_table_on_an_ascii_console():
    assert "#" in shown(class_table(sample.class_results(["ada", "claude"]), "ascii"), encoding="ascii")
    assert "# all points" in shown(legend("ascii"), encoding="ascii")


def exercise(verdict: str, earned: int, pending: int = 0) -> ExerciseResult:
    checks = [replace(sample.passing_check(points=earned))] if earned else []
    checks += [replace(sample.gpu_check(), points=pending)] if pending else []
    return ExerciseResult(exercise="a/b", title="", points=10, verdict=verdict, checks=checks)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (None, "absent"),
        (exercise("passed", 10), "full"),
        (exercise("failed", 5), "most"),
        (exercise("failed", 4), "some"),
        (exercise("failed", 0), "none"),
        (exercise("timeout", 0), "stopped"),
        (exercise("error", 0), "stopped"),
        (exercise("skipped", 8, 2), "pending"),
        (exercise("grader-error", 0, 10), "pending"),
    ],
)
def test_how_an_exercise_stands(found, kind):
    assert kind_of(found) == kind
