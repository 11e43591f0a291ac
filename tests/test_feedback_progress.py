"""The course map and the class table in a terminal."""

import io

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.feedback.pen import Pen, console
from autograder.feedback.progress import Overview, ProgressMap, Row, next_exercise, time_left
from autograder.feedback.summary import class_table, kind_of, legend
from autograder.results import ExerciseResult, Message

MODULES = [
    (
        "Warm-up",
        [
            Row("warmup/logsumexp", "Log-sum-exp", 4, 4, "passed"),
            Row("warmup/entropy", "Entropy", 4, 2, "failed"),
        ],
    ),
    (
        "Tokenizers",
        [
            Row("tokenizer/bpe", "Byte-pair encoding", 10, 0, "failed"),
            Row("tokenizer/bbpe", "Byte-level BPE", 12, None, None),
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
    assert lines[0].split() == ["min", "hard", "points"]
    assert lines[1].split() == ["Warm-up", "–", "6/8"] and lines[2].startswith("✓") and lines[2].endswith("4/4")
    assert "-/12" in text and "1 of 4 exercises done" in text and "6/30" in text
    assert "Next: Entropy. Run `autograder check warmup/entropy`" in text


def test_the_map_on_an_ascii_console():
    text = shown(ProgressMap(MODULES), encoding="ascii", width=60)
    assert "##------" in text and "ok Log-sum-exp" in " ".join(text.split())
    assert max(map(len, text.split("\n"))) <= 60


def test_time_difficulty_and_what_comes_before():
    rows = [
        Row("a/one", "One", 5, 5, "passed", 90, 2),
        Row("a/two", "Two", 5, 1, "failed", 45, 5, ("b/x", "b/y")),
        Row("a/three", "Three", 5, None, None, None, None, ("a/two",)),
        Row("a/four", "Four", 5, 5, "skipped", 30, 1, ("a/two",)),
    ]
    lines = shown(ProgressMap([("A module", rows)])).split("\n")
    assert lines[1].split() == ["A", "module", "45", "min+", "11/20"]  # what is left, of what is known
    assert lines[2].split() == ["✓", "One", "a/one", "90", "●●○○○", "5/5"]
    assert lines[3].split() == ["✗", "Two", "a/two", "45", "●●●●●", "1/5"]
    assert lines[4].strip() == "after b/x, b/y"
    assert lines[5].split() == ["Three", "a/three", "–", "–", "-/5"] and lines[6].strip() == "after a/two"
    assert lines[7].split() == ["○", "Four", "a/four", "30", "●○○○○", "5/5"] and lines[8].strip() == ""
    assert "2/5" in shown(ProgressMap([("A module", rows)]), encoding="ascii")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        ([], ""),
        ([None], "–"),
        ([45], "45 min"),
        ([45, None], "45 min+"),
        ([60], "1 h"),
        ([90, 100], "3 h"),
        ([40, 40, None], "1.5 h+"),
    ],
)
def test_time_left(minutes, said):
    assert time_left([Row("a/b", "", 1, None, None, each) for each in minutes]) == said
    assert time_left([Row("a/b", "", 1, 1, "passed", 60)]) == ""


def large(modules: int = 30, exercises: int = 4):
    """A course with 120 exercises, some of them with long names."""
    states = [(5, "passed"), (2, "failed"), (None, None), (0, "skipped")]
    return [
        (
            f"Module {number}, about something with a rather long title",
            [
                Row(
                    f"topic{number}/an_exercise_with_a_name_{each}",
                    f"An exercise with a title {each}",
                    5,
                    *states[each],
                    60,
                )
                for each in range(exercises)
            ],
        )
        for number in range(modules)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_large_course_fits_in_a_line_a_module(width, encoding):
    lines = shown(Overview(large()), encoding=encoding, width=width).rstrip("\n").split("\n")
    assert max(map(len, lines)) <= width and len(lines) < 40
    marks = "●◐·○" if encoding == "utf-8" else "#+.o"
    of_modules = [line for line in lines if line.startswith("Module ")]
    assert len(of_modules) == 30 and all(marks in line and "2 h" in line and "7/20" in line for line in of_modules)
    assert any("30 of 120 exercises done" in line and "60 h" in line for line in lines)
    assert any(marks[0] + " passes" in line and marks[2] + " not begun" in line for line in lines)


def test_the_full_map_of_a_large_course_keeps_its_width():
    for width in (60, 80, 120):
        lines = shown(ProgressMap(large()), width=width).split("\n")
        assert max(map(len, lines)) <= width
        assert sum("5/5" in line for line in lines) == 30
    assert "topic0/an_exercise_with_a_name_0" in shown(ProgressMap(large()), width=120)


def test_a_module_of_many_exercises_wraps_its_marks():
    rows = [Row(f"a/{number}", "", 1, None, None) for number in range(60)]
    text = shown(Overview([("Many", rows)]))
    assert text.count("·") == 60 + 1 and max(map(len, text.split("\n"))) <= 80


def test_the_next_exercise_has_its_prerequisites():
    def fresh(name: str, *missing: str) -> Row:
        return Row(name, name, 1, None, None, missing=missing)

    def step(*rows: Row) -> str:
        found = next_exercise([("m", rows)])
        return found.exercise if found else ""

    assert step(fresh("a", "x"), fresh("b")) == "b"
    assert step(fresh("a", "x"), fresh("b", "a")) == "a"  # everything lacks something: in order
    assert step(fresh("a"), Row("b", "b", 2, 1, "failed", missing=("x",))) == "b"  # begun in earnest


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
