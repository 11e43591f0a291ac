"""Questions on one's own code: what they are made from, that their keys are right, and what hostile code comes to."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from markdown_it import MarkdownIt
from vocabulary import quick, vocabulary

from autograder.experiment.observe import load_module
from autograder.feedback.escape import visible
from autograder.grading.asking import Code, RunLimits
from autograder.jail.host import Zygote
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.questions import about_changes, watch
from autograder.questions.calls import calls
from autograder.questions.changes import changes, own_lines
from autograder.questions.evidence import equal, repeated, variables
from autograder.questions.make import Sheet, make_sheet
from autograder.questions.printed import printed
from autograder.questions.question import LEAST, sentence
from autograder.questions.runs import Seen, read
from autograder.questions.sheet import files, page, text
from autograder.wire.encode import encode
from autograder.wire.values import Raised

ROOT = Path(__file__).resolve().parent.parent
STUB = '''"""Runs of equal numbers."""

import torch
from torch import Tensor


def runs(numbers: list[int], least: int = 1) -> list[tuple[int, int]]:
    """Each run of at least `least` equal numbers, with its length.

    >>> runs([4, 4, 7, 7, 7, 2])
    [(4, 2), (7, 3), (2, 1)]
    >>> runs([5, 5, 1], least=2)
    [(5, 2)]
    """
    raise NotImplementedError("runs")


def scale(x: Tensor, by: float) -> Tensor:
    """x times `by`, without its mean.

    >>> scale(tensor([1.0, 3.0]), 2.0)
    tensor([-2.,  2.])
    """
    raise NotImplementedError("scale")
'''
RUNS = """found = []
    last = None
    for number in numbers:
        if number == last:
            found[-1] = (number, found[-1][1] + 1)
        else:
            found.append((number, 1))
        last = number
    return [each for each in found if each[1] >= least]"""
ANSWER = STUB.replace('raise NotImplementedError("runs")', RUNS).replace(
    'raise NotImplementedError("scale")', "y = x * by\n    return y - y.mean()"
)
EXPERIMENTS = '''
def finds_runs(student, numbers):
    """Runs are found."""
    return student.runs(numbers)
'''


def plan_of(*cases: PlannedCase) -> Plan:
    check = PlannedCheck(name="finds_runs", claim="Runs are found.", points=1, cases=list(cases))
    return Plan(exercise="numbers_of/runs", stub=STUB, experiments=EXPERIMENTS, checks=[check])


def case(title: str, numbers: list[int], public: bool = True) -> PlannedCase:
    return PlannedCase(title=title, public=public, inputs=encode({"numbers": numbers}), want=encode([(1, 1)]))


PLAN = plan_of(case("three", [3, 3, 3]), case("secret canary", [987, 987], public=False))


def sheet_of(zygote: Any, source: str, seed: int = 1, plan: Plan = PLAN, count: int = 5) -> Sheet:
    return make_sheet(zygote, plan, Code(source, "numbers_of/runs.py"), RunLimits(1.0, 3.0, 1024), seed, count=count)


@pytest.fixture(scope="module")
def sheets(zygote: Zygote) -> list[Sheet]:
    """Sheets of eight questions on the same answer, by other seeds."""
    return [sheet_of(zygote, ANSWER, seed, count=8) for seed in (2, 3)]


@pytest.fixture(scope="module")
def sheet(zygote: Zygote) -> Sheet:
    return sheet_of(zygote, ANSWER)


@pytest.fixture(scope="module")
def opinion() -> Any:
    """Plain Python's opinion of a key, from what is printed alone."""
    path = ROOT / "benchmarks" / "questions.py"
    return load_module(path.read_text("utf-8"), "benchmark_of_questions", str(path))


# ---------------------------------------------------------------- values and lines


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([(1, "a"), None, True], "[(1, 'a'), None, True]"),
        (0.5, "0.5"),
        (1 / 3, "0.3333"),
        (1e-7 / 3, "3.333e-08"),
        (float("nan"), "nan"),
        (torch.tensor([1 / 3, 1.0]), "tensor([0.3333, 1.0000])"),
        (torch.tensor([1, 2], dtype=torch.int32), "tensor([1, 2], dtype=torch.int32)"),
        (torch.tensor([[1.0], [2.0]]), "tensor([[1.], [2.]])"),
        ({"b": {2, 1}, "a": ()}, "{'b': {1, 2}, 'a': ()}"),
        (Raised("ValueError"), "raises ValueError"),
        (torch.zeros(500), None),
        ("x" * 200, None),
        ("a\u202eb", "'a\\u202eb'"),
        (2**100, None),
        (list(range(100)), None),
    ],
)
def test_a_value_is_printed_as_a_docstring_has_it_or_not_at_all(value: Any, said: str | None) -> None:
    assert printed(value) == said


def test_only_what_its_author_wrote_is_changed_and_in_one_line() -> None:
    lines = own_lines(ANSWER, STUB)
    made = changes(ANSWER, lines, 100, random.Random(0))
    rows = ANSWER.split("\n")
    assert {each.old for each in made} == {
        "if number == last:",
        "found[-1] = (number, found[-1][1] + 1)",
        "found.append((number, 1))",
        "return [each for each in found if each[1] >= least]",
        "y = x * by",
        "return y - y.mean()",
    }
    assert ("if number == last:", "if number != last:") in {(each.old, each.new) for each in made}
    assert len({(each.line, each.new) for each in made}) == len(made)
    for each in made:
        changed = each.source.split("\n")
        assert [n for n, (old, new) in enumerate(zip(rows, changed, strict=True), 1) if old != new] == [each.line]
        compile(each.source, "changed", "exec")
    assert changes(STUB, own_lines(STUB, STUB), 100, random.Random(0)) == []


def test_docstrings_annotations_and_what_is_raised_stay() -> None:
    source = (
        'def f(x: "1 + 1", y: int = 3) -> "2 < 3":\n    """1 + 1"""\n    assert x > 1\n    if x < 2:\n'
        '        raise ValueError(x + 1)\n    return f"{x + 1}" + -1 * y\n'
    )
    made = changes(source, set(range(1, 9)), 100, random.Random(0))
    assert {each.line for each in made} == {4, 6}
    assert not [each for each in made if "x - 1" in each.new or "-0" in each.new]


def test_lines_of_windows_and_other_scripts_are_changed_at_the_right_place() -> None:
    source = "def f(größe, 数):\r\n    return größe + 数 * 2\r\n"
    news = {each.new for each in changes(source, {2}, 100, random.Random(0))}
    assert {"return größe - 数 * 2", "return größe + 数 * 3", "return größe + 数 + 2"} <= news


def test_what_is_looked_at_while_it_runs() -> None:
    lines = {name: line for line, name in variables(ANSWER, STUB)}
    assert set(lines) == {"found", "y"}  # `last = number` tells nothing
    rows = ANSWER.split("\n")
    assert [rows[line - 1].strip() for line in repeated(ANSWER)] == [
        "found[-1] = (number, found[-1][1] + 1)",
        "found.append((number, 1))",
        "last = number",
    ]


# ---------------------------------------------------------------- calls


def test_calls_are_examples_with_other_numbers_and_public_cases_and_nothing_hidden() -> None:
    found = calls(PLAN, random.Random(3))
    assert [each.key for each in found] == [each.key for each in calls(PLAN, random.Random(3))]
    assert {each.text for each in found if each.told} == {
        "runs([4, 4, 7, 7, 7, 2])",
        "runs([5, 5, 1], least=2)",
        "scale(tensor([1.0, 3.0]), 2.0)",
    }
    assert len({each.text for each in found}) == len(found) > 12
    public = [each for each in found if "experiment" in each.about]
    assert [each.text for each in public] == ["numbers = [3, 3, 3]\nreturn student.runs(numbers)"]
    assert "987" not in repr(found) and "canary" not in repr(found)


def test_large_inputs_are_told_by_their_shape_and_their_numbers_not_asked_for() -> None:
    big = PlannedCase(title="big", public=True, inputs=encode({"numbers": torch.randn(3, 40, 5)}))
    (call,) = [each for each in calls(plan_of(big), random.Random(0)) if "experiment" in each.about]
    assert call.shown[0] == "numbers = <float32 tensor of shape (3, 40, 5)>" and not call.small


# ---------------------------------------------------------------- watching


class _Student:
    def __init__(self, source: str) -> None:
        self._implementation = type("Implementation", (), {"file": "own.py"})()
        self._names: dict[str, Any] = {}
        exec(compile(source, "own.py", "exec"), self._names)

    def __getattr__(self, name: str) -> Any:
        return self._names[name]


def watched(source: str, example: str, *watching: list[Any]) -> dict[str, Any]:
    about = {"example": example, "names": ["f"], "variables": list(watching)}
    return watch.watched(_Student(source), about, {}, {})


def test_lines_are_counted_and_variables_are_looked_at_after_their_line() -> None:
    source = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
    seen = watched(source, "f(4)", [4, "total"])
    assert seen["value"] == 6 and seen["lines"][4] == 4 and seen["lines"][5] == 1
    assert [each["plain"] for each in seen["held"]["4 total"]] == [0, 1, 3, 6]


def test_what_is_kept_of_a_variable_does_not_change_later() -> None:
    source = "def f(n):\n    x = [n]\n    x.append(2)\n    x[0] = 9\n    return x\n"
    seen = watched(source, "f(1)", [2, "x"])
    assert seen["held"]["2 x"] == [{"plain": [1]}] and seen["value"] == [9, 2]


def test_a_call_that_goes_on_and_on_is_ended() -> None:
    with pytest.raises(watch.TooLong):
        watched(
            "def f():\n    try:\n        while True:\n            pass\n    except Exception:\n        pass\n", "f()"
        )


def test_what_a_worker_says_is_held_to_a_schema() -> None:
    good = {"value": [1, 2], "lines": {3: 2}, "held": {"3 x": [{"plain": 4}, {"shape": [2, 3]}, {"plain": "x" * 500}]}}
    seen = read(encode(good))
    assert seen is not None and seen.text == "[1, 2]" and seen.lines == {3: 2}
    assert seen.told == {(3, "x"): ["4", (2, 3), None]}
    for wrong in (
        [1],
        {"value": 1},
        {"lines": {}, "held": {}},
        {"raised": "Value Error", "lines": {}, "held": {}},
        {"raised": 3, "lines": {}, "held": {}},
        {"value": object(), "lines": {}, "held": {}},
        {"value": list(range(100_000)), "lines": {}, "held": {}},
    ):
        assert read(encode(wrong)) is None
    assert read(encode({**good, "lines": {line: 1 for line in range(10_000)}})).lines == {}  # pyright: ignore
    odd = read(encode({"value": 1, "lines": {"a": 1, 2: "x"}, "held": {"3": [], "x y": [], 4: []}}))
    assert odd is not None and odd.lines == {} and odd.held == {}
    assert read(b"garbage") is None


@quick
@given(vocabulary, vocabulary)
def test_whatever_a_worker_returns_can_be_compared_and_told(one: Any, other: Any) -> None:
    seen = [read(encode({"value": value, "lines": {}, "held": {"1 x": [{"plain": value}]}})) for value in (one, other)]
    known = [each for each in seen if each is not None]
    for each in known:
        assert each.same(each) and not each.differs(each)
        assert each.text is None or (len(each.text) <= 88 and each.text == visible(each.text))
        assert visible(about_changes.outline(each.value)) and about_changes.form(each.value)
    if len(known) == 2:
        assert not (known[0].same(known[1]) and known[0].differs(known[1]))


# ---------------------------------------------------------------- questions


def test_five_questions_of_several_kinds_with_distinct_choices(sheet: Sheet) -> None:
    assert len(sheet.questions) == 5 and len({each.kind for each in sheet.questions}) >= 4
    for question in sheet.questions:
        assert len({choice.text for choice in question.choices}) == len(question.choices) >= LEAST
        assert 0 <= question.answer < len(question.choices)
    changed = [(each.line, each.new) for each in sheet.questions if each.new]
    assert len(set(changed)) == len(changed)


def test_plain_python_comes_to_the_same_keys(sheets: list[Sheet], opinion: Any) -> None:
    for made in sheets:
        said = [opinion.opinion(made, question) for question in made.questions]
        assert said.count("confirmed") >= 3 and "contradicted" not in said


def test_the_opinion_of_plain_python_is_worth_something(sheet: Sheet, opinion: Any) -> None:
    asked = [each for each in sheet.questions if opinion.opinion(sheet, each) == "confirmed"]
    for question in asked:
        other = replace(question, answer=(question.answer + 1) % len(question.choices))
        assert opinion.opinion(sheet, other) == "contradicted"
    assert asked


def test_the_same_seed_gives_the_same_sheet_and_another_one_another(
    zygote: Zygote, sheet: Sheet, sheets: list[Sheet]
) -> None:
    assert sheet_of(zygote, ANSWER).questions == sheet.questions
    assert sheets[0].questions != sheets[1].questions


def test_nothing_hidden_is_in_any_form(sheet: Sheet) -> None:
    for data in files(sheet).values():
        assert b"987" not in data and b"canary" not in data


def test_what_a_call_gives_is_not_asked_where_the_docstring_says_it(sheet: Sheet, sheets: list[Sheet]) -> None:
    told = {"runs([4, 4, 7, 7, 7, 2])", "runs([5, 5, 1], least=2)", "scale(tensor([1.0, 3.0]), 2.0)"}
    asked = {each.code[0] for made in (sheet, *sheets) for each in made.questions if each.kind == "returns"}
    assert asked and not asked & told


def test_results_that_nearly_agree_are_neither_the_same_nor_different() -> None:
    one, near, far = (Seen(x, encode(x), printed(x)) for x in (1.0, 1.0001, 1.5))
    assert one.same(one) and not one.same(near) and not one.differs(near)
    assert one.differs(far) and not one.same(far)
    zero, minus = (Seen(x, encode(x), printed(x)) for x in (0.0, -0.0))
    assert not zero.same(minus) and not zero.differs(minus)
    assert not equal(one, near) and not equal(one, replace(one, lines={1: 2})) and equal(one, replace(one))


def test_lines_that_calls_share_are_told_once() -> None:
    found = calls(PLAN, random.Random(1))
    first = replace(found[0], shown=("a = 1", "x = 2", "f(a, x)"))
    second = replace(found[0], shown=("a = 1", "x = 3", "y = 4", "f(a, x)"))
    common, own = about_changes._in_common([first, second])
    assert common == ("a = 1", "…", "f(a, x)") and own == ["x = 2", "x = 3\ny = 4"]


# ---------------------------------------------------------------- code that can't be asked about


@pytest.mark.parametrize("fickle", ["torch.rand(2)", "time.perf_counter_ns() % 997"])
def test_results_that_change_from_run_to_run_are_not_asked_about(zygote: Zygote, fickle: str) -> None:
    made = sheet_of(
        zygote,
        ANSWER.replace("import torch\n", "import time, torch\n").replace("- y.mean()", f"- {fickle}"),
    )
    assert made.left_out["a call that gives different results in two runs"] > 0
    assert made.questions and not any("scale" in line for each in made.questions for line in each.code)


@pytest.mark.parametrize("taken", ["torch.empty(2)", "torch.randn(2, generator=torch.Generator().manual_seed(3))"])
def test_numbers_that_nobody_can_know_are_not_asked_for(zygote: Zygote, taken: str) -> None:
    drawn = ANSWER.replace("y = x * by", f"y = x * by\n    z = {taken}")
    made = sheet_of(zygote, drawn, count=8)
    about = [each for each in made.questions if any("scale" in line for line in each.code)]
    assert about and not {each.kind for each in about} & {"returns", "becomes", "which", "holds"}


def test_a_variable_that_changes_from_run_to_run_is_not_asked_about_but_its_call_is(zygote: Zygote) -> None:
    made = sheet_of(
        zygote, ANSWER.replace("y = x * by", "import time; y = x * by; t = time.perf_counter_ns()"), count=8
    )
    assert made.left_out["a call that gives different results in two runs"] == 0
    assert any("scale" in line for each in made.questions for line in each.code)
    assert not [each for each in made.questions if each.kind == "holds" and ("code", "t") in each.asks]


def test_a_key_that_comes_out_otherwise_the_second_time_is_dropped(zygote: Zygote, monkeypatch: Any) -> None:
    from autograder.questions import make

    monkeypatch.setattr(make, "verified", lambda *_: False)
    made = sheet_of(zygote, ANSWER)
    assert made.questions == [] and made.left_out["a question whose key came out otherwise the second time"] == 10


def test_verifying_runs_the_code_again(zygote: Zygote, monkeypatch: Any) -> None:
    """What was seen first is replaced by a lie: the second run must find it out."""
    from autograder.questions import make

    def lying(*arguments: Any) -> Any:
        evidence = gathered(*arguments)
        for key, seen in evidence.own.items():
            evidence.own[key] = replace(seen, value=[1], blob=encode([1]), text="[1]", lines={1: 7})
        return evidence

    gathered = make.gather
    monkeypatch.setattr(make, "gather", lying)
    assert sheet_of(zygote, ANSWER).questions == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (STUB, "No call of it gave a plain answer"),
        ("def runs(:\n", "can't be loaded"),
        ("import os\nos._exit(0)\n", "can't be loaded"),
        ("while True:\n    pass\n", "can't be loaded"),
        ("x = " + "(" * 5000 + ")" * 5000 + "\n", "can't be loaded"),
        ("\n" * 5000, "too long"),
        (ANSWER.replace("found = []", "import sys; sys.settrace(None); found = []"), ""),
        (ANSWER.replace("found = []", "print('x' * 10**6); found = []"), ""),
    ],
)
def test_whatever_a_file_does_there_is_a_sheet(zygote: Zygote, source: str, said: str) -> None:
    made = sheet_of(zygote, source)
    assert said in made.problem
    assert all(files(made).values())


def test_a_file_that_lies_is_shown_as_text(zygote: Zygote) -> None:
    """It replaces what watches it; what it makes up is plain data, and escaped."""
    lie = (
        "import gc\n"
        "for each in gc.get_objects():\n"
        "    if type(each) is dict and each.get('__name__') == 'questions_watch':\n"
        "        each['watched'] = 1\n"
    )
    hostile = lie + ANSWER.replace("found.append((number, 1))", "found.append((number, '<script>`|*\\x1b[31m'))")
    made = sheet_of(zygote, hostile.replace("-> list[tuple[int, int]]", "-> list"))
    html, markdown = page(made, key=True), text(made, key=True)
    assert "<script>" not in html and "\x1b" not in html + markdown


def test_hostile_lines_and_names_are_escaped_everywhere(sheet: Sheet) -> None:
    odd = "</pre><script>alert(1)</script>```\x1b[2J\u202e`"
    question = replace(
        sheet.questions[0],
        asks=sentence("What of {}?", odd),
        code=(odd,),
        old=odd,
        new=odd,
        choices=tuple(replace(each, text=odd + each.text, why=odd) for each in sheet.questions[0].choices),
    )
    hostile = replace(sheet, student=odd, title="", file=odd, text=f"{odd}\n{sheet.text}", questions=[question])
    for key in (True, False):
        html, markdown = page(hostile, key), text(hostile, key)
        assert "<script" not in html and not set("\x1b\u202e") & set(html + markdown)
        tokens = MarkdownIt().parse(markdown)
        assert [each.content for each in tokens if each.type == "fence"][-1].startswith("   1  </pre><script>")
        assert "<script" not in MarkdownIt().render(markdown)
    assert b"\x1b" not in files(hostile)[".json"]


# ---------------------------------------------------------------- sheets


def test_the_key_is_in_the_forms_with_the_key_alone(sheet: Sheet) -> None:
    made = {end: data.decode() for end, data in files(sheet).items()}
    for end in (".html", ".md"):
        assert "✓" in made[f".key{end}"] and f"Seed {sheet.seed}" in made[f".key{end}"]
        assert "✓" not in made[end] and "Seed" not in made[end] and 'class="right"' not in made[end]
        for question in sheet.questions:
            for choice in question.choices:
                if choice.code and "<" not in choice.text and "'" not in choice.text and ">" not in choice.text:
                    assert choice.text in made[end]
    bare = re.sub(r"\s+", " ", made[".md"])
    assert all(f"Question {number}" in bare for number in range(1, 6))
    record = json.loads(made[".json"])
    assert record["seed"] == sheet.seed and [each["answer"] for each in record["questions"]] == [
        each.letter for each in sheet.questions
    ]


def test_a_sheet_has_the_lines_of_the_file_with_their_numbers(sheet: Sheet) -> None:
    question = next(each for each in sheet.questions if each.new)
    assert f"{question.line:4}  " in text(sheet, key=False)
    assert f"<i>{question.line}</i>" in page(sheet, key=False)
    assert sheet.text.split("\n")[question.line - 1].strip().startswith(question.old[:20])
