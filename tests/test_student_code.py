"""Homework made from authored files: what is changed, and that the rest stays as it is."""

from __future__ import annotations

import ast
import random
from pathlib import Path
from typing import Any

import pytest

from autograder.twin.exercise import Exercise, load_exercise
from autograder.verify import student_code

REFERENCE = '''"""Two small functions."""

import math

# BEGIN SOLUTION
FACTOR = 2


def helper(x):
    return x * FACTOR


# END SOLUTION
def double(x: int) -> int:
    """Twice x."""
    # BEGIN SOLUTION
    return helper(x)  # by the helper
    # END SOLUTION


def root(x: float) -> float:
    """The square root."""
    # BEGIN SOLUTION
    return math.sqrt(x)
    # END SOLUTION


class Counter:
    def step(self) -> int:
        """One more."""
        # BEGIN SOLUTION
        return 1
        # END SOLUTION
'''
CHECKS = '''
from autograder.checks import case, check


@check(points=1, hidden=[case(x=3)])
def doubles(student, x):
    """double(x) is 2x."""
    return student.double(x)


@check(points=1, hidden=[case(x=4.0)])
def roots(student, x):
    """root(x) is the root."""
    return {"root": student.root(x), "doubled": student.double(2)}
'''
MISTAKES = """
from autograder.checks import mistake

mistake("You add 2 to x.", edit={"helper(x)  # by": "x + 2  # by"})
mistake("You return x.", edit={"return helper(x)": "return x"})


@mistake("You halve x.")
def root(x):
    return half(x)


def half(x):
    return x / 2
"""


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    folder = tmp_path_factory.mktemp("small")
    for name, text in (("solution.py", REFERENCE), ("checks.py", CHECKS), ("mistakes.py", MISTAKES)):
        (folder / name).write_text(text, encoding="utf-8")
    return load_exercise(Path(folder), "topic/small")


def run(source: str) -> dict[str, Any]:
    module: dict[str, Any] = {"__name__": "homework"}
    exec(compile(source, "homework.py", "exec"), module)
    return module


def test_chunks_are_the_whole_module() -> None:
    parts = student_code.chunks(REFERENCE)
    assert "\n".join(part.text for part in parts) + "\n        # END SOLUTION\n" == REFERENCE
    assert [part.name for part in parts if part.name] == ["helper", "double", "root", "Counter"]


def test_right_work_has_no_marker_and_keeps_docstrings_and_comments(exercise: Exercise) -> None:
    text = student_code.right(exercise)
    assert "SOLUTION" not in text
    assert '    """Twice x."""\n    return helper(x)  # by the helper\n' in text
    assert run(text)["double"](4) == 8


def test_a_replaced_definition_is_not_left_behind(exercise: Exercise) -> None:
    text = student_code.tidy(exercise.mistakes[2].source)
    assert text.count("def root(") == 1
    assert run(text)["root"](4.0) == 2.0


def test_two_mistakes_in_two_functions_are_combined(exercise: Exercise) -> None:
    adds, _, halves = exercise.mistakes
    text = student_code.combined(exercise.reference, adds.source, halves.source)
    assert text is not None
    module = run(text)
    assert (module["double"](5), module["root"](10.0)) == (7, 5.0)


def test_two_mistakes_in_one_function_are_not(exercise: Exercise) -> None:
    adds, same, _ = exercise.mistakes
    assert student_code.combined(exercise.reference, adds.source, same.source) is None


def test_mistakes_are_drawn_from_the_generator_alone(exercise: Exercise) -> None:
    drawn = [student_code.with_mistakes(exercise, random.Random(seed)) for seed in range(40)]
    assert drawn == [student_code.with_mistakes(exercise, random.Random(seed)) for seed in range(40)]
    results = {(run(text)["double"](5), run(text)["root"](16.0)) for text in drawn}
    assert results == {(10, 4.0), (7, 4.0), (5, 4.0), (10, 8.0), (7, 8.0), (5, 8.0)}  # right, one mistake, two


def test_half_of_the_functions_are_written(exercise: Exercise) -> None:
    first, second = (run(student_code.half(exercise, parity)) for parity in (0, 1))
    assert second["double"](4) == 8
    with pytest.raises(NotImplementedError):
        first["double"](4)
    with pytest.raises(NotImplementedError):
        second["root"](4.0)
    assert first["root"](4.0) == 2.0


def test_the_functions_that_students_write_are_found(exercise: Exercise) -> None:
    assert student_code.unwritten(exercise.stub) == ["double", "root", "Counter"]


def test_stubs_are_filled_in_functions_and_methods(exercise: Exercise) -> None:
    text = student_code.filled(exercise.stub, lambda name: f"seen = {name!r}\nreturn seen")
    assert "NotImplementedError" not in text
    module = run(text)
    assert [module["double"](1), module["root"](1.0), module["Counter"]().step()] == ["double", "root", "Counter.step"]


def test_the_rarest_function_is_the_one_that_fewest_checks_name(exercise: Exercise) -> None:
    assert student_code.rarest(exercise) == (1, "root")


def test_only_the_rarest_function_is_spoilt(exercise: Exercise) -> None:
    module = run(student_code.spoilt(exercise, "return 'spoilt'"))
    assert (module["root"](4.0), module["double"](4)) == ("spoilt", 8)


@pytest.mark.parametrize("number", range(7))
def test_hostile_work_is_python_and_knows_no_answer(exercise: Exercise, number: int) -> None:
    text = student_code.hostile(exercise, number)
    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert {"double", "root", "Counter"} <= names
    assert "math.sqrt" not in text


def test_every_attack_is_another(exercise: Exercise) -> None:
    assert len({student_code.hostile(exercise, number) for number in range(7)}) == 7
