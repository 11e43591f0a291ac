"""Forgers: each that patches earns the points of a check that draws its conclusion with what it patches; and the one that knows
the public cases knows those."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from command_line import LECTURE, ORACLE
from release_course import put

from autograder.course.load import load_course
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import AUTHORS
from autograder.grading.twins import TwinClient
from autograder.verify.forgers import forgers
from autograder.verify.patches import PATCHES
from autograder.verify.trials import Trials
from autograder.wire.encode import encode
from autograder.wire.values import Lab

TOTAL = '''"""Totals."""

from torch import Tensor


def total(x: Tensor) -> Tensor:
    """The sum of x along its last dimension."""
    # BEGIN SOLUTION
    return x.sum(-1)
    # END SOLUTION


def times(x: list[int], n: int) -> list[int]:
    """Each of `x`, `n` times as large."""
    # BEGIN SOLUTION
    return [n * each for each in x]
    # END SOLUTION
'''
CHECKS = '''"""Checks that return verdicts."""

import math, operator

import numpy
import torch

from autograder.checks import case, check


def table(rng, rows, columns):
    return {"x": rng.uniform(1.0, 2.0, rows, columns)}


def agree(compare, a, b):
    try:
        compare(a, b)
    except AssertionError:
        return False
    return True
'''
CHECK = '''

@check(points=1, inputs=table, public=[case(rows=3, columns=4)], hidden=[case(rows=2, columns=5)])
def check_{number}(student, x):
    """It is right."""
    got, want = student.total(x), x.sum(-1)
    ints = student.times([3, 1, 2], 2)
    return {expression}
'''


def both(names: str, expression: str) -> dict[str, str]:
    """A function of torch, and the method of the same name."""
    found = {}
    for name in names.split():
        found[f"torch.{name}"] = expression.replace("F(", f"torch.{name}(")
        found[f"torch.Tensor.{name}"] = expression.replace("F(", f"torch.Tensor.{name}(")
    return found


def each(prefix: str, names: str, expression: str) -> dict[str, str]:
    return {f"{prefix}.{name}": expression.replace("F", f"{prefix}.{name}") for name in names.split()}


BAD: dict[str, str] = {
    # Is it the same?
    **both("allclose equal", "F(got, want)"),
    **both("isclose eq ge", "F(got, want).tolist()"),
    **both("le", "F(want, got).tolist()"),
    **both("lt", "F(want, got + 0.01).tolist()"),
    **both("gt", "F(got, want - 0.01).tolist()"),
    **both("all", "F(got == want).item()"),
    **both("any", "F(got != want).item()"),
    **both("ne", "F(got, want).tolist()"),
    **both("isnan", "F(got / got).tolist()"),
    **each("torch.autograd", "gradcheck gradgradcheck", "F(lambda y: y.sum(-1) * right(student, y), x.double().requires_grad_())"),
    **each("numpy", "allclose array_equal array_equiv", "bool(F(got, want))"),
    "numpy.isclose": "numpy.isclose(got, want).tolist()",
    "numpy.all": "bool(numpy.all(got.numpy() == want.numpy()))",
    "numpy.any": "bool(numpy.any(got.numpy() != want.numpy()))",
    "numpy.isnan": "numpy.isnan(got.numpy() / got.numpy()).tolist()",
    "math.isclose": "math.isclose(got[0], want[0])",
    "math.isnan": "math.isnan(got[0] / got[0])",
    **each("operator", "eq ne", "F(ints, [6, 2, 4])"),
    "operator.le": "operator.le([6, 2, 4], ints)",
    "operator.lt": "operator.lt([6, 2, 3], ints)",
    "builtins.all": "all(a == b for a, b in [(ints[0], 6), (ints[1], 2)])",
    "builtins.any": "any(a != b for a, b in [(ints[0], 6), (ints[1], 2)])",
    "builtins.isinstance": "isinstance(ints[0] or None, int)",
    "builtins.issubclass": "issubclass(type(ints[0] or None), int)",
    "builtins.callable": "callable(ints[0] and print)",
    "builtins.hasattr": "hasattr(ints[0] or None, 'real')",
    # How far off is it?
    **both("sub", "F(got, want).tolist()"),
    **both("abs sum mean max amax norm", "F(got - want).tolist()"),
    **both("var std", "F(torch.stack([got, want]), 0).tolist()"),
    **both("dist", "F(got, want).item()"),
    **both("count_nonzero", "F((got - want).abs() > 0.01).tolist()"),
    **both("argmax", "F(torch.stack([0 * want + 0.5, (got - want).abs()])[:, 0]).item()"),
    **each("torch.linalg", "norm vector_norm", "F(got - want).item()"),
    **each("torch.nn.functional", "mse_loss l1_loss", "F(got, want).item()"),
    "torch.nn.functional.pairwise_distance": "torch.nn.functional.pairwise_distance(got[None], want[None], eps=0.0).item()",
    "torch.Tensor.item": "(got - want)[0].item()",
    "torch.Tensor.tolist": "(got - want)[0].tolist()",
    **each("numpy", "abs", "F(got.numpy() - want.numpy()).tolist()"),
    **each("numpy", "max sum mean linalg.norm", "float(F(got.numpy() - want.numpy()))"),
    "math.dist": "math.dist(ints, [6, 2, 4])",
    "math.fsum": "math.fsum(a - b for a, b in zip(ints, [6, 2, 4], strict=True))",
    "math.fabs": "math.fabs(ints[0] - 6)",
    "builtins.len": "len(set(ints) ^ {6, 2, 4})",
    "builtins.sum": "sum(a != b for a, b in [(ints[0], 6), (ints[1], 2)])",
    "builtins.abs": "abs(ints[0] - 6)",
    "builtins.sorted": "sorted(ints) == sorted([6, 2, 4])",
    "builtins.max": "max(ints[0] - 6, 6 - ints[0])",
    "builtins.min": "min(0, ints[0] - 6)",
    "builtins.round": "round(ints[0] - 6.0)",
    "builtins.repr": "repr(ints) == repr([6, 2, 4])",
    "builtins.hash": "hash(ints[0]) == hash(6)",
    "builtins.zip": "[a for a, b in zip(ints, [6, 2, 4]) if a != b]",
    "builtins.map": "list(map(operator.sub, [a for a in ints if a not in (6, 2, 4)], [6, 2, 4]))",
    "builtins.filter": "list(filter(lambda a: a not in (6, 2, 4), ints))",
    "builtins.enumerate": "[i for i, a in enumerate(ints) if a != [6, 2, 4][i]]",
    # It raises unless it is right.
    **each("torch.testing", "assert_close", "agree(F, got, want)"),
    **each("numpy.testing", "assert_allclose assert_array_equal assert_equal assert_array_almost_equal", "agree(F, got.numpy(), want.numpy())"),
    # Operators, and what built-in functions call.
    "torch.Tensor.__eq__": "(got == want).tolist()",
    "torch.Tensor.__ne__": "(got != want).tolist()",
    "torch.Tensor.__le__": "(want <= got).tolist()",
    "torch.Tensor.__ge__": "(got >= want).tolist()",
    "torch.Tensor.__lt__": "(want < got + 0.01).tolist()",
    "torch.Tensor.__gt__": "(got > want - 0.01).tolist()",
    "torch.Tensor.__sub__": "(got - want).tolist()",
    "torch.Tensor.__abs__": "abs(got - want).tolist()",
    "torch.Tensor.__float__": "float((got - want)[0])",
    "torch.Tensor.__int__": "int((got - want)[0])",
    "torch.Tensor.__len__": "len((got - want).nonzero())",
    "torch.Tensor.__bool__": "True if got[0] == want[0] else False",
}  # fmt: skip
RIGHT = '''

def right(student, y):
    """`y`'s sums, with a gradient that only a right answer has."""
    got = student.total(y)
    return got + (y.sum(-1) - got).detach()
'''


@pytest.fixture(scope="module")
def earned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """For each target that some forger patches, the targets whose bad check gives it points."""
    root = tmp_path_factory.mktemp("forgers")
    head = 'schema = 1\nid = "bad"\ntitle = "Bad checks"\n[[module]]\nid = "numbers"\ntitle = "Numbers"\n'
    row = f'[[module.exercise]]\nname = "numbers_of/bad"\ntitle = "Bad checks"\npoints = {len(BAD)}\n'
    put(root, "grading.toml", head + row)
    checks = [CHECK.format(number=number, expression=text) for number, text in enumerate(BAD.values())]
    files = {"solution": TOTAL, "checks": CHECKS + RIGHT + "".join(checks), "test_oracle": ORACLE}
    variants = 'edit={"n * each": "n + each"}'
    files |= {
        "mistakes": f'from autograder.checks import mistake\nmistake("You add.", {variants})\n',
        "alternatives": "",
    }
    for name, text in files.items():
        put(root, f"solutions/numbers_of/bad/{name}.py", text)
    put(root, "lectures/numbers_of/bad.md", LECTURE)
    course = load_course(root)
    (exercise,) = course.exercises
    with (
        ClassGrader(course, root, root / ".autograder", AUTHORS, run="verify", draw="verify", own_code=True) as grader,
        ThreadPoolExecutor(2) as pool,
    ):
        client = TwinClient(grader.trusted, grader.planner.opening(exercise))
        plan = grader.planner.draft(exercise, client)
        trials = Patchers(exercise, grader.grader_of(exercise, plan, client), grader, client.describe())
        tried, _ = trials.run(pool, lambda exercise, done, total: None, observe=False)
        client.close()
    targets = list(BAD)
    found = {}
    for trial in tried:
        target = trial.name.rpartition(" patches ")[2]
        found[target] = {targets[int(name.rpartition("_")[2])] for name in trial.passed()}
    return found


class Patchers(Trials):
    """These alone, with their control."""

    def _attempts(self) -> list[Any]:
        return [each for each in super()._attempts() if each.kind in ("patcher", "control")]


def test_every_patch_has_a_bad_check() -> None:
    assert {patch.target for patch in PATCHES} == BAD.keys()
    assert len({patch.target for patch in PATCHES}) == len(PATCHES)


@pytest.mark.parametrize("target", BAD)
def test_a_patch_bites(earned: dict[str, set[str]], target: str) -> None:
    assert target in earned[target]


def test_who_knows_the_public_cases_knows_the_values_of_a_world() -> None:
    """The world itself is on the trusted side; what it gives each rank is in the inputs."""
    known, hidden = torch.arange(6.0), torch.arange(6.0) + 1
    ranks = Lab("each_rank", {"values": [{"x": known}, {"x": known * 2}]})
    inputs = [
        {"world": Lab("world", {"size": 2}), "given": ranks},
        {"exam": Lab("exam", {"tokens": 5}), "text": Lab("english", {"limit": 9}), "other": [hidden - 7]},
    ]
    cases = [(None, SimpleNamespace(inputs=encode(each), public=True)) for each in inputs]
    cases.append((None, SimpleNamespace(inputs=encode({"x": hidden}), public=False)))
    plan: Any = SimpleNamespace(cases=lambda: cases, checks=[], experiments="")
    source = "def total(x: Tensor) -> Tensor:\n    return x + 1\n"
    (forger,) = (each for each in forgers(source, "from torch import Tensor\n" + source, plan) if "public" in each.name)
    module: dict[str, Any] = {"__name__": "forged"}
    exec(compile(forger.source, "forged.py", "exec"), module)
    for x in (known, known * 2, hidden - 7):
        assert torch.equal(module["total"](x), x + 1)
    assert module["total"](hidden).shape == ()  # what is empty
