"""Taking parts out of authored files: only what is named comes along, and nothing secret ever does."""

from __future__ import annotations

import types

import pytest

from autograder.checks.authoring import declarations
from autograder.checks.declared import AuthoringError, Check
from autograder.source.extract import Source, experiments, lines, public_module, sentences_are_literal

CHECKS = '''"""Checks. CANARY in the docstring."""

from __future__ import annotations

import math
import secrets as SECRET_IMPORT
import torch, json as j
from collections import Counter, OrderedDict
from autograder.checks import Tolerance, case, check, reject

# CANARY in a comment
SCALE = 2.0  # CANARY beside a constant
SECRET = "CANARY"; OTHER = 3; LAST = "CANARY"
HIDDEN_ANSWERS = ["CANARY"]
answer = "CANARY"
DEEP: float = SCALE + OTHER
LIMIT = 1
LIMIT = LIMIT + _more() if False else 2


def _more():
    return 1


def _helper(x):
    """Used by the experiment."""
    # kept: it is the helper's own
    return _deeper(x) * DEEP


def _deeper(x):
    return math.floor(x) + LIMIT


def _secret_helper(x):
    return HIDDEN_ANSWERS[0]


class Holder:
    value: int = OTHER


def numbers(rng, n):
    return {"x": float(n) * SCALE}


def hidden_numbers(rng, n):
    return {"x": SECRET_IMPORT.randbelow(9) + _secret_helper(n)}


def judge(seen, want):
    if seen != want:
        return reject("It is {seen}.", seen=seen)


@check(
    points=2,
    inputs=numbers,
    judge=judge,
    public=[case("shown", n=1)],
    hidden=[case("CANARY", n=2), case(n="CANARY")],  # CANARY
    fresh=1,
)
def first(student, x):
    """It holds."""
    answer = student.f(_helper(x))  # a local name, as a secret of the module
    SECRET = [HIDDEN_ANSWERS for HIDDEN_ANSWERS in [answer]]
    return Counter(SECRET), Holder


@check(points=1, inputs=hidden_numbers, hidden=[case("CANARY", n=2)])
def second(student, x):
    """CANARY: a claim that is not shown."""
    return student.g(_secret_helper(x))
'''


def run(text: str) -> types.SimpleNamespace:
    namespace: dict[str, object] = {"__name__": "part"}
    exec(compile(text, "part", "exec", dont_inherit=True), namespace)
    return types.SimpleNamespace(**namespace)


def test_an_experiment_brings_what_it_names_and_nothing_else() -> None:
    text = experiments(CHECKS, "checks.py", ["first"])
    assert "CANARY" not in text
    made = run(text)
    assert {
        "first",
        "_helper",
        "_deeper",
        "_more",
        "Holder",
        "DEEP",
        "SCALE",
        "OTHER",
        "LIMIT",
        "math",
        "Counter",
    } <= vars(made).keys()
    assert vars(made).keys().isdisjoint(
        {"second", "judge", "numbers", "check", "case", "reject", "SECRET", "LAST", "HIDDEN_ANSWERS", "answer", "torch", "j", "OrderedDict", "_secret_helper"}
    )  # fmt: skip
    counted, holder = made.first(types.SimpleNamespace(f=lambda x: x), 1.5)
    assert counted == {15.0: 1} and holder.value == 3


def test_experiments_are_undecorated_and_in_the_order_of_the_file() -> None:
    text = experiments(CHECKS, "checks.py", ["second", "first"])
    assert "@check" not in text and "case(" not in text
    assert text.index("def first") < text.index("def second")
    assert text.startswith("from __future__ import annotations\n")


def test_the_public_module_declares_the_public_part() -> None:
    text = public_module(CHECKS, "checks.py", ["first"])
    assert "CANARY" not in text and "hidden" not in text and "fresh" not in text and "second" not in text
    with declarations() as declared:
        made = run(text)
    (check,) = declared
    assert isinstance(check, Check)
    assert (check.name, check.claim, check.points, check.hidden, check.fresh) == ("first", "It holds.", 2, (), 0)
    assert [case.title for case in check.public] == ["shown"]
    assert check.inputs is made.numbers and check.judge is made.judge


def test_everything_public_of_a_decorator_is_kept() -> None:
    text = public_module(
        "from autograder.checks import Tolerance, case, check\n"
        "@check(points=3, public=[case(n=1)], hidden=[case(n=5)], tolerance=Tolerance(atol=0.5), bonus=True, mutates=True,\n"
        "       device='cuda', lecture='there')\n"
        "def f(student, n):\n    '''Claim.'''\n    return student.f(n)\n",
        "checks.py",
        ["f"],
    )
    with declarations() as declared:
        run(text)
    (check,) = declared
    assert isinstance(check, Check) and check.tolerance is not None
    assert (check.tolerance.atol, check.bonus, check.mutates, check.device, check.lecture) == (
        0.5,
        True,
        True,
        "cuda",
        "there",
    )


def test_another_check_does_not_come_along_with_its_hidden_cases() -> None:
    source = (
        "from autograder.checks import case, check\n"
        "@check(points=1, hidden=[case(n='CANARY')])\ndef private(student, n):\n    '''A.'''\n    return n\n"
        "@check(points=1, public=[case(n=1)])\ndef shown(student, n):\n    '''B.'''\n    return private.experiment(student, n)\n"
    )
    with pytest.raises(AuthoringError, match="private, which is another check"):
        public_module(source, "checks.py", ["shown"])


def test_a_list_of_cases_that_is_public_in_part_does_not_ship() -> None:
    source = (
        "from autograder.checks import case, check\n"
        "ALL = [case(n=1), case(n='CANARY')]\n"
        "@check(points=1, public=ALL[:1], hidden=ALL[1:])\ndef shown(student, n):\n    '''B.'''\n    return n\n"
    )
    with pytest.raises(AuthoringError, match=r"checks\.py:2: .*ALL, which holds cases that hidden= uses"):
        public_module(source, "checks.py", ["shown"])
    apart = source.replace("ALL = [case(n=1), case(n='CANARY')]", "SHOWN = [case(n=1)]\nALL = [case(n='CANARY')]")
    text = public_module(apart.replace("public=ALL[:1]", "public=SHOWN"), "checks.py", ["shown"])
    assert "CANARY" not in text and "SHOWN" in text


@pytest.mark.parametrize(
    "line", ["import os", "import subprocess as s", "from socket import socket", "import autograder.grading", "from . import x", "from autograder.jail import host"]
)  # fmt: skip
def test_an_experiment_imports_only_what_a_student_has(line: str) -> None:
    name = line.split()[-1].partition(".")[0]
    source = f"{line}\ndef f(student):\n    return {name}\n"
    with pytest.raises(AuthoringError, match=r"checks\.py:1: an experiment can't import"):
        experiments(source, "checks.py", ["f"])
    assert line not in experiments(source.replace(f"return {name}", "return 1"), "checks.py", ["f"])


@pytest.mark.parametrize(
    "line",
    [
        "import torch.nn.functional as F",
        "from collections.abc import Iterator as F",
        "from autograder.lab import resolve as F",
        "import regex as F",
    ],
)
def test_and_that_it_may(line: str) -> None:
    assert line in experiments(f"{line}\ndef f(student):\n    return F\n", "checks.py", ["f"])


def test_only_the_used_names_of_an_import_come() -> None:
    source = "from math import pi, tau\nimport json, re\ndef f(student):\n    return pi, re\n"
    text = experiments(source, "checks.py", ["f"])
    assert "from math import pi\n" in text and "import re\n" in text and "tau" not in text and "json" not in text


def test_lines_are_those_of_python() -> None:
    assert lines("a\r\nb\rc\nd\x0ce\u2028f") == ["a", "b", "c", "d\x0ce\u2028f"]
    source = 'X = "\u2028\u2029\x85"\n\x0c\nSECRET = "CANARY"\ndef f(student):\n    return X\n'
    text = experiments(source, "checks.py", ["f"])
    assert "CANARY" not in text and run(text).f(None) == "\u2028\u2029\x85"


def test_text_beyond_ascii_is_cut_where_it_should_be() -> None:
    source = 'A = "多语言 🙂"; SECRET = "CANARY"\ndef f(student):\n    return A\n'
    text = experiments(source, "checks.py", ["f"])
    assert "CANARY" not in text and run(text).f(None) == "多语言 🙂"


def test_decorated_helpers_keep_their_decorators() -> None:
    source = "import functools\n@functools.cache\ndef helper():\n    return 1\ndef f(student):\n    return helper()\n"
    text = experiments(source, "checks.py", ["f"])
    assert "@functools.cache\ndef helper" in text and run(text).f(None) == 1


def test_names_in_nested_scopes_and_defaults() -> None:
    source = (
        "A = 1\nB = 2\nC = 3\nD = 4\nE = 5\n"
        "def f(student, a=A):\n"
        "    def inner(b=B):\n        return lambda: [C for _ in range(2)]\n"
        "    class Local:\n        d = D\n"
        "    global E\n    E = 6\n"
        "    return a, inner()(), Local.d\n"
    )
    text = experiments(source, "checks.py", ["f"])
    assert run(text).f(None) == (1, [3, 3], 4)


def test_what_is_not_there() -> None:
    with pytest.raises(AuthoringError, match=r"checks\.py: there is no nothing at the top level"):
        experiments("x = 1\n", "checks.py", ["nothing"])
    with pytest.raises(AuthoringError, match=r"checks\.py:2: "):
        Source("x = 1\ndef f(:\n", "checks.py")
    with pytest.raises(AuthoringError, match="not decorated with @check"):
        public_module("def f(student): ...\n", "checks.py", ["f"])


def test_sentences_of_judges_are_literal() -> None:
    assert sentences_are_literal('reject("x {n}", n=seen)\nother(f"{x}")', "checks.py") == []
    for bad in (
        'reject(f"{seen} is wrong")',
        'reject("a" + seen)',
        "reject(sentence)",
        "reject()",
        'reject("%s" % seen)',
    ):
        (problem,) = sentences_are_literal(f"\n{bad}", "checks.py")
        assert problem.startswith("checks.py:2: reject's sentence must be a literal")
