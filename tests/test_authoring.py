"""Declaring checks, mistakes and alternatives: what is accepted, what is refused with which advice, and the documented examples."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_course

import autograder.checks
from autograder.checks import Mistake, Tolerance, alternative, case, check, mistake, reject
from autograder.checks.authoring import declarations
from autograder.checks.declared import Alternative, AuthoringError, Check
from autograder.course.load import load_course
from autograder.grading.asking import Code
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.planner import Planner
from autograder.grading.record import Subject
from autograder.grading.twins import TwinClient
from autograder.jail.host import Zygote
from autograder.twin.exercise import load_exercise, reference_module

README = Path(autograder.checks.__file__).parent.parent / "README.md"


ROOMS = [importlib.import_module(f"autograder.{name}") for name in ("checks", "source", "experiment", "twin", "wire")]


@pytest.mark.parametrize(
    "name", sorted(f"{room.__name__}.{each.name}" for room in ROOMS for each in pkgutil.iter_modules(room.__path__))
)
def test_examples_in_docstrings(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed


def test_there_are_examples_in_docstrings() -> None:
    documented = {"checks.authoring", "checks.rng", "checks.values", "twin.compare", "twin.show"}
    for name in documented:
        module = importlib.import_module(f"autograder.{name}")
        assert any(test.examples for test in doctest.DocTestFinder().find(module)), name


def test_importing_the_api_does_not_import_torch() -> None:
    code = "import sys, autograder.checks as c; c.check, c.case, c.reject; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_name_of_the_api_is_there() -> None:
    for name in autograder.checks.__all__:
        assert getattr(autograder.checks, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'cases'"):
        autograder.checks.cases  # noqa: B018


# --- declaring -------------------------------------------------------------------------------------------------------


def f(student: Any, n: int) -> Any:
    """A claim
    in two lines."""
    return student.f(n)


def test_a_check_and_its_defaults() -> None:
    with declarations() as declared:
        made = check(points=2, public=[case(n=1)], hidden=[case("many", n=9)])(f)
    assert declared == [made]
    assert (made.name, made.claim, made.points, made.experiment) == ("f", "A claim in two lines.", 2, f)
    assert [each.title for each in (*made.public, *made.hidden)] == ["n=1", "many"]
    assert made.hidden[0].parameters == {"n": 9}
    assert (made.fresh, made.judge, made.tolerance, made.bonus, made.mutates, made.device) == (
        0,
        None,
        None,
        False,
        False,
        "cpu",
    )
    assert case().title == "the only case"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"points": 0, "public": [case(n=1)]}, "points is 0; it must be a whole number from 1"),
        ({"points": 1.0, "public": [case(n=1)]}, "points is 1.0"),
        ({"points": True, "public": [case(n=1)]}, "points is True"),
        ({"points": 1}, "it has no case"),
        ({"points": 1, "public": [case(n=1)], "fresh": 2}, "needs hidden="),
        ({"points": 1, "hidden": [case(n=1)], "fresh": -1}, "a number from 0"),
        ({"points": 1, "public": [case(n=1)], "hidden": [case(n=1)]}, "two cases are called 'n=1'"),
        ({"points": 1, "public": [case("x", n=1), case("x", n=2)]}, "two cases are called 'x'"),
    ],
)
def test_a_check_that_can_not_be(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(AuthoringError, match=re.escape(said)):
        check(**arguments)(f)


def test_a_check_needs_a_claim() -> None:
    def silent(student: Any) -> None: ...

    with pytest.raises(AuthoringError, match="check silent: it has no docstring"):
        check(points=1, public=[case()])(silent)


def test_variants() -> None:
    with declarations() as declared:
        mistake("Wrong.", edit={"a": "b"}, fails=["f"])
        alternative("Other.", misses=["slow"])(f)
    wrong, other = declared
    assert isinstance(wrong, Mistake) and (wrong.sentence, wrong.edits, wrong.fails) == ("Wrong.", {"a": "b"}, ("f",))
    assert isinstance(other, Alternative) and (other.replaces, other.misses) == (("f",), ("slow",))
    assert wrong.line and other.line == wrong.line + 1


def test_declarations_belong_to_their_own_file() -> None:
    with declarations() as outer:
        mistake("A", edit={"a": "b"})
        with declarations() as inner:
            mistake("B", edit={"a": "b"})
        mistake("C", edit={"a": "b"})
    assert [each.sentence for each in outer if isinstance(each, Mistake)] == ["A", "C"]
    assert len(inner) == 1
    mistake("D", edit={"a": "b"})  # outside of any file: nothing happens


def test_reject_keeps_values_apart_from_the_sentence() -> None:
    rejected = reject("{n} is wrong.", n=3)
    assert (rejected.sentence, rejected.values) == ("{n} is wrong.", {"n": 3})


# --- an exercise's folder --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_course.make_course(tmp_path) / "solutions/numbers_of/total"


def load(folder: Path) -> Any:
    return load_exercise(folder, "numbers_of/total")


def test_an_exercise_is_read(folder: Path) -> None:
    exercise = load(folder)
    assert [each.name for each in exercise.checks] == ["sums_rows", "means_of_rows"]
    assert len(exercise.mistakes) == 6 and exercise.alternatives == ()
    assert "NotImplementedError" in exercise.stub and "x.sum(-1)" not in exercise.stub
    assert "hidden" not in exercise.experiments
    assert reference_module(exercise).total.__doc__ == "The sum of x along its last dimension."
    by_sentence = {each.sentence: each for each in exercise.mistakes}
    edited, replaced = by_sentence["You add up columns. Add up rows."], by_sentence["You divide by the number of rows."]
    assert edited.source == exercise.reference.replace("x.sum(-1)", "x.sum(0)")
    assert replaced.source.startswith(exercise.reference.rstrip()) and "mistake" not in replaced.source


def test_helpers_of_a_replacement_come_along(folder: Path) -> None:
    (folder / "alternatives.py").write_text(
        "import torch\nfrom autograder.checks import alternative\n\nUNUSED = 1\n\ndef _ones(x):\n    return torch.ones_like(x)\n\n"
        "@alternative('by a product')\ndef total(x):\n    return (x * _ones(x)).sum(-1)\n\n"
        "@alternative('by a product')\ndef middle(x):\n    return total(x) / x.shape[-1]\n"
    )
    (made,) = load(folder).alternatives
    assert "_ones" in made.source and "import torch" in made.source and "UNUSED" not in made.source
    compile(made.source, "made", "exec")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("mistakes.py", 'from autograder.checks import mistake\nmistake("x", edit={"x": "y"})\n', r"mistakes\.py:2: 'x' occurs \d+ times in solution\.py; an edit needs exactly one"),
        ("mistakes.py", 'from autograder.checks import mistake\nmistake("x", edit={"absent": "y"})\n', r"mistakes\.py:2: 'absent' occurs 0 times"),
        ("mistakes.py", 'from autograder.checks import mistake\nmistake("x", edit={"x.sum(-1)": "x.sum("})\n', r"mistakes\.py:2: after the edit, solution\.py:\d+: "),
        ("mistakes.py", 'from autograder.checks import mistake\nmistake("x", edit={"x.sum(-1)": "1"}, fails=["no_such_check"])\n', r"mistakes\.py:2: there is no check no_such_check"),
        ("mistakes.py", 'from autograder.checks import mistake\n@mistake("x")\ndef absent(): ...\n', r"mistakes\.py:2: solution\.py has no absent to replace"),
        ("mistakes.py", 'from autograder.checks import alternative\nalternative("x", edit={"x.sum(-1)": "x.sum(dim=-1)"})\n', r"mistakes\.py: it declares something that is not mistake"),
        ("mistakes.py", "x = (\n", r"mistakes\.py:1: SyntaxError"),
        ("mistakes.py", "\n1 / 0\n", r"mistakes\.py:2: ZeroDivisionError"),
        ("alternatives.py", 'from autograder.checks import alternative\nalternative("x", edit={"x.sum(-1)": "x.sum(dim=-1)"}, misses=["nope"])\n', r"alternatives\.py:2: there is no check nope"),
        ("checks.py", "\nimport no_such_package\n", r"checks\.py:2: ModuleNotFoundError"),
        ("checks.py", "x = 1\n", r"checks\.py: it declares no check"),
        ("checks.py", tiny_course.TOTAL_CHECKS + '\n\n@check(points=1, public=[case(n=1)])\ndef sums_rows(student, n):\n    """Twice."""\n    return n\n', r"checks\.py: two checks are called sums_rows"),
        ("checks.py", tiny_course.TOTAL_CHECKS.replace("points=3", "points=0"), r"checks\.py: check sums_rows: points is 0"),
        ("checks.py", tiny_course.TOTAL_CHECKS + "\n\ndef judge(seen):\n    from autograder.checks import reject\n    return reject(f'{seen}')\n", r"checks\.py:\d+: reject's sentence must be a literal"),
        ("checks.py", b"\xff\xfe", r"checks\.py: it is not UTF-8 \(byte 0\)"),
        ("solution.py", None, r"solution\.py: there is no such file"),
        ("solution.py", "def f(:\n", r"solution"),
        ("solution.py", "def total(x):\n    # BEGIN SOLUTION\n    return x\n", r"(?i)solution"),
    ],
    ids=range(18),
)  # fmt: skip
def test_a_broken_file_says_where_and_what_to_mend(
    folder: Path, file: str, text: str | bytes | None, said: str
) -> None:
    path = folder / file
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(AuthoringError, match=said):
        load(folder)


# --- the guide -------------------------------------------------------------------------------------------------------


def blocks() -> dict[str, str]:
    """The Python blocks of the guide by the heading above them."""
    found = {}
    for section in re.split(r"^### ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        if code := re.search(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE):
            found[section.partition("\n")[0]] = code[1]
    return found


def test_the_blocks_of_the_guide_make_an_exercise_that_grades(tmp_path: Path, zygote: Zygote) -> None:
    guide = blocks()
    assert {"solution.py", "checks.py", "mistakes.py, alternatives.py and cheats.py"} <= guide.keys()
    variants = ast.parse(guide["mistakes.py, alternatives.py and cheats.py"])
    # Its second example replaces a function of another exercise.
    variants.body = [node for node in variants.body if not isinstance(node, ast.FunctionDef)]
    root = tiny_course.make_course(tmp_path)
    (root / "grading.toml").write_text(
        'schema = 1\nid = "guide"\ntitle = "The guide"\n[[module]]\nid = "a"\ntitle = "A"\n'
        '[[module.exercise]]\nname = "guide_of/lse"\ntitle = "Log-sum-exp"\npoints = 2\n'
    )
    solution = "import torch\nfrom torch import Tensor\n\n\n" + guide["solution.py"]
    folder = root / "solutions/guide_of/lse"
    folder.mkdir(parents=True)
    for name, text in {"solution": solution, "checks": guide["checks.py"], "mistakes": ast.unparse(variants)}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    exercise = load_course(root).exercise("guide_of/lse")
    planner = Planner(root, tmp_path / "plans", b"secret" * 4, zygote)
    plan = planner.plan(exercise)
    assert len(plan.mistakes) == 1 and all(case.want for _, case in plan.cases())

    twin = TwinClient(zygote, planner.opening(exercise))
    grader = ExerciseGrader(plan=plan, title=exercise.title, points=2, zygote=zygote, review=twin.review)
    try:
        verdicts = {
            text: grader.grade(Subject(Code(text, "lse.py"), lambda line: ("lse.py", line))).result
            for text in (
                solution,
                plan.stub,
                solution.replace("(x - m).exp()", "x.exp()").replace("m.squeeze(dim) + ", ""),
            )
        }
    finally:
        twin.close()
    right, stub, wrong = verdicts.values()
    assert (right.verdict, right.earned) == ("passed", 2)
    assert (stub.verdict, stub.earned) == ("failed", 0)
    assert wrong.verdict == "failed" and wrong.earned == 0


def test_an_example_of_the_guide_that_stands_alone(tmp_path: Path) -> None:
    """Every Python block compiles, and those with imports only from here run."""
    for code in blocks().values():
        compile(code, str(README), "exec")
    with declarations() as declared:
        exec(blocks()["checks.py"], {"__name__": "guide"})
    (made,) = declared
    assert isinstance(made, Check) and made.tolerance is None and Tolerance(atol=1.0).rtol == 0.0
