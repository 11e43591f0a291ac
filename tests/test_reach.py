"""Which checks a change can touch: by the names that experiments and implementations use."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import load_course
from autograder.source.reach import Reach
from autograder.twin.exercise import load_exercise

ROOT = Path(__file__).parents[1]
REFERENCE = '''"""Numbers."""
import math
from functools import cache

SCALE = 2.0


def helper(x):
    return SCALE * x


@cache
def one(x):
    """One of them."""
    return helper(x)


def two(x):
    return math.sqrt(x)


class Three:
    def call(self, x):
        return two(x)


known = {}


def known_as(function):
    known[function.__name__] = function
    return function


@known_as
def four(x):
    return x


def by_name(name, x):
    return known[name](x)
'''
EXPERIMENTS = """
def twice(student, x):
    return [student.two(x), student.two(x)]

def of_one(student, x):
    return student.one(x)

def of_two(student, x):
    return twice(student, x)

def of_three(student, x):
    def program(rank):
        return student.Three().call(x)
    return program(0)

def of_a_name(student, name):
    return getattr(student, name)(1)

def of_four(student, x):
    return student.by_name("four", x)
"""
CHECKS = ["of_one", "of_two", "of_three", "of_a_name", "of_four"]


def unreached(implementation: str) -> set[str]:
    return Reach(REFERENCE, EXPERIMENTS, CHECKS).unreached(implementation)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return math.sqrt(x)", "return x**0.5", {"of_one", "of_four"}),
        ("return SCALE * x", "return x", {"of_two", "of_three", "of_four"}),
        ("SCALE = 2.0", "SCALE = 3.0", {"of_two", "of_three", "of_four"}),
        ("        return two(x)", "        return two(x) + 1", {"of_one", "of_two", "of_four"}),
        ("@cache\n", "", {"of_two", "of_three", "of_four"}),
        ("One of them.", "One of us.", {"of_two", "of_three", "of_four"}),
        ("import math\n", "import cmath as math\n", {"of_one", "of_four"}),
        ('"""Numbers."""', '"""Some numbers."""', {"of_one", "of_two", "of_three", "of_four"}),
        ("    return helper(x)", "    return two(x)", {"of_two", "of_three", "of_four"}),
    ],
)
def test_a_change_reaches_what_comes_to_it(old: str, new: str, expected: set[str]) -> None:
    assert REFERENCE.count(old) == 1
    assert unreached(REFERENCE.replace(old, new)) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("known = {}", "known = {}\nprint('a statement of its own')"),
        ("def four(x):\n    return x", "def four(x):\n    return -x"),  # its decorator keeps it elsewhere
        ("    known[function.__name__] = function", "    pass"),
        ("return math.sqrt(x)", "return eval('x')"),
        ("return math.sqrt(x)", "return globals()['one'](x)"),
        ("import math\n", "import math\nimport sys\n"),
        ("import math\n", "from math import *\n"),
        ("known = {}", "known = {}\n\ndef two(x):\n    return x"),  # twice
        ("return math.sqrt(x)", "return math.sqrt(x"),
    ],
)
def test_where_names_do_not_tell_everything_is_reached(old: str, new: str) -> None:
    assert REFERENCE.count(old) == 1
    assert unreached(REFERENCE.replace(old, new)) == set()


@pytest.mark.parametrize(
    "experiment",
    [
        "def of_it(student, x):\n    f = student\n    return f.one(x)",
        "def of_it(student, x):\n    return [each(x) for each in (student.two, *vars(student))]",
        "def of_it(student, x):\n    return unknown(student, x)",
        "def helper(s):\n    return s.one\n\ndef of_it(student, x):\n    return helper(student)(x)",
    ],
)
def test_an_experiment_that_hands_student_on_reaches_everything(experiment: str) -> None:
    reach = Reach(REFERENCE, experiment, ["of_it"])
    assert reach.unreached(REFERENCE.replace("math.sqrt(x)", "x**0.5")) == set()


def test_the_courses_mistakes_reach_some_checks_and_not_all() -> None:
    """Of the real course: no mistake is out of every check's reach, since each is rejected by one; many leave some alone."""
    course = load_course(ROOT)
    skipped = 0
    for each in (
        module.exercises[0] for module in course.modules
    ):  # one of each: loading an exercise takes half a second
        exercise = load_exercise(each.solution_dir(ROOT), each.name)
        names = [check.name for check in exercise.checks]
        reach = Reach(exercise.reference, exercise.experiments, names)
        for mistake in exercise.mistakes:
            same = reach.unreached(mistake.source)
            assert same < set(names), (each.name, mistake.sentence)
            skipped += len(same)
    assert skipped > 200
