"""What `verify` must find: faults that authors make, each planted alone in a tiny exercise, and what must be said of it.

A row is the name of a fault, the files that have it (`{file: text}`, or a change of the right one), and a part of the sentence.
What only a person can find stands in `FOR_A_PERSON`, so that nobody takes a green `verify` for more than it is.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from release_course import put

from autograder.course.load import load_course
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import AUTHORS
from autograder.verify.report import Report
from autograder.verify.verify import Verifier

SOLUTION = '''"""Shares of a total."""

from torch import Tensor


def share(x: Tensor) -> Tensor:
    """Each element of `x` (rows, columns) over the sum of its row. Raises ValueError for a row whose sum is 0."""
    # BEGIN SOLUTION
    total = x.sum(-1, keepdim=True)
    if (total == 0).any():
        raise ValueError("a row has no sum")
    return x / total
    # END SOLUTION


def largest(x: Tensor) -> int:
    """The index of the largest share of a single row."""
    # BEGIN SOLUTION
    return int(x.argmax())
    # END SOLUTION
'''
CHECKS = '''"""Checks of shares."""

import torch

from autograder.checks import Tolerance, case, check, difference, raises, reject  # noqa: F401


def table(rng, rows, columns):
    return {"x": rng.uniform(1.0, 2.0, rows, columns)}


@check(points=2, inputs=table, lecture="shares",
       public=[case("a square", rows=3, columns=3)], hidden=[case("a wide table", rows=2, columns=5)], fresh=1)
def rows_are_divided(student, x):
    """Each row is divided by its sum."""
    first = student.share(x)
    return {"first": first, "another, as a view": student.share((x + x[:1]).T.contiguous().T)}


def of_one(rng, n):
    return {"x": rng.uniform(1.0, 2.0, n)}


def the_same(seen, want):
    return None if seen == want else reject("{mine} is not the largest.", mine=seen)


@check(points=1, inputs=of_one, judge=the_same, public=[case(n=3), case(n=4)], hidden=[case(n=9), case(n=30)])
def the_largest_is_found(student, x):
    """The index is that of the largest."""
    return [student.largest(x), student.largest(torch.stack([-x, x], -1)[:, 0])]
'''
MISTAKES = '''"""Wrong shares."""

from autograder.checks import mistake

mistake("You divide by the sums of columns.", edit={"x.sum(-1, keepdim=True)": "x.sum(0, keepdim=True)"})
mistake("You take the smallest.", edit={"x.argmax()": "x.argmin()"})
'''
CONVENTION = '''"""What others do."""

from autograder.checks import convention

convention("As Somebody does, you round.", used_by="Somebody", costs="the_largest_is_found", edit={"x / total": "(x / total).round(decimals=1)", "x.argmax()": "x.argmin()"})
'''
ALTERNATIVES = '''"""Other shares."""

from autograder.checks import alternative

alternative("by a product", edit={"x / total": "x * total.reciprocal()"})
'''
ORACLE = '''"""By hand."""

import torch


def test_share(reference):
    assert reference.share(torch.tensor([[1.0, 3.0]])).tolist() == [[0.25, 0.75]]
'''
FILES = {
    "solution": SOLUTION,
    "checks": CHECKS,
    "mistakes": MISTAKES,
    "alternatives": ALTERNATIVES,
    "test_oracle": ORACLE,
}
Change = Callable[[str], str]


def at(old: str, new: str) -> Change:
    """`old` becomes `new`, wherever it stands."""

    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return change


def more(text: str) -> Change:
    return lambda before: before + text


ALL_RAISE = '''

@check(points=1, public=[case(n=1)], hidden=[case(n=2)])
def no_sum_is_refused(student, n):
    """A row without a sum is refused."""
    return raises("ValueError", lambda: student.share(torch.zeros(n, 3)))
'''
GOOD_AND_BAD = '''

@check(points=1, public=[case(n=1)], hidden=[case(n=2)])
def no_sum_is_refused(student, n):
    """A row without a sum is refused, and no other."""
    return {
        "no sum": raises("ValueError", lambda: student.share(torch.zeros(n, 3))),
        "a sum": raises("ValueError", lambda: student.share(torch.ones(n, 3))),
    }
'''
VERDICT = '''

@check(points=1, inputs=table, public=[case(rows=2, columns=2)], hidden=[case(rows=4, columns=3)])
def adds_up(student, x):
    """Shares add up to 1."""
    return bool({expression})
'''
MOODY_JUDGE = """import itertools

CALLS = itertools.count(1)


def the_same(seen, want):
    if next(CALLS) % 5 == 0:  # not yet when the plan is made
        return reject('Bad luck.')"""
TWICE = '\nmistake("You divide by the sums of columns, again.", edit={"x.sum(-1, keepdim=True)": "x.sum(0, keepdim=True)"})\n'
ALIKE = '\nmistake("You divide by other sums.", edit={"return x / total": "return x / x.sum(0, keepdim=True)"})\n'

PLANTED: dict[str, tuple[dict[str, Change | None], str]] = {
    # Points for nothing.
    "always raising earns points": ({"checks": more(ALL_RAISE)}, "forger “raises ValueError, whatever it is given” earns 1 points"),
    "one answer for all cases": ({"checks": more(ALL_RAISE)}, "is right in all of its cases, so whoever always gives that passes"),
    "a verdict from torch.allclose": ({"checks": more(VERDICT.format(expression="torch.allclose(student.share(x).sum(-1), torch.ones(len(x)))"))}, "patches torch.allclose” earns 1 points"),
    "a verdict from all(…)": ({"checks": more(VERDICT.format(expression="all(abs(row.sum().item() - 1) < 1e-5 for row in student.share(x))"))}, "patches builtins.all” earns 1 points"),
    "a verdict from ==": ({"checks": more(VERDICT.format(expression="(student.share(x) == x / x.sum(-1, keepdim=True)).all()"))}, "patches torch.Tensor.__eq__” earns 1 points"),
    "a stub that has the answer": ({"solution": at("    # BEGIN SOLUTION\n    return int(x.argmax())\n    # END SOLUTION\n", "    return int(x.argmax())\n")}, "stub “the stub” earns 1 points, from the_largest_is_found"),
    "no hidden case": ({"checks": at(", hidden=[case(n=9), case(n=30)]", "")}, "check the_largest_is_found has no hidden case"),
    "a hidden case with public inputs": ({"checks": at("def of_one(rng, n):\n    return {\"x\": rng.uniform(1.0, 2.0, n)}", "def of_one(rng, n):\n    return {\"x\": torch.arange(float(min(n, 4)))}")}, "has the inputs of a public one"),
    "a hidden case with public parameters": ({"checks": at("hidden=[case(n=9), case(n=30)]", 'hidden=[case("another three", n=3), case(n=30)]')}, "the hidden case 'another three' has the parameters of the public case 'n=3'"),
    "fresh cases that are all the same": ({"checks": at('    return {"x": rng.uniform(1.0, 2.0, rows, columns)}', '    return {"x": torch.arange(1.0, 1.0 + rows * columns).reshape(rows, columns)}')}, "check rows_are_divided: fresh= draws nothing"),
    # Right answers that fail.
    "an alternative that is refused": ({"alternatives": at("total.reciprocal()", "total.reciprocal().half()")}, "the alternative “by a product” is right, but fails rows_are_divided"),
    "inputs that read the clock": ({"checks": at("import torch\n", "import time\n\nimport torch\n")}, "it imports time, whose answers are not the same each time"),
    "inputs from torch's own generator": ({"checks": at("rng.uniform(1.0, 2.0, n)", "torch.rand(n)")}, "its inputs are not the same when they are made again"),
    "a judge that is flaky one time in five": ({"checks": at("def the_same(seen, want):", MOODY_JUDGE)}, "its judge refused the reference's answer"),
    "a judge that raises": ({"checks": at("return None if seen == want", "return None if seen.item() == want")}, "the judge raised AttributeError at checks.py:"),
    "a reference that changes its input": ({"solution": at("return x / total", "return x.div_(total)"), "alternatives": at("x / total", "x.div_(total)")}, "the reference changes its input x in place"),
    "a discrete answer at a tie": (
        {"checks": lambda text: text.replace('{"x": rng.uniform(1.0, 2.0, n)}', '{"x": torch.ones(n)}').replace("[student.largest(x)", "[student.largest(x) + int((x > 1).sum())")},
        "is unstable: one bit of its inputs flips",
    ),
    "a wrong example in a docstring": ({"solution": at("largest share of a single row.", "largest share of a single row.\n\n    >>> largest(tensor([1.0, 3.0]))\n    0\n    ")}, "check docstring_examples, case 'largest, line 15', rejects the reference itself: its answer is 1, where 0 is expected"),
    "a reference that raises": ({"checks": at("[student.largest(x)", "[student.largest(x.tolist())")}, "the reference itself raised AttributeError"),
    # Wrong answers that pass.
    "a mistake that nothing rejects": ({"mistakes": more('\nmistake("You do it at length.", edit={"x / total": "x / (1 * total)"})\n')}, "no check rejects the mistake “You do it at length.”"),
    "a tolerance of 0.02 on shares": ({"checks": at("fresh=1)", "fresh=1, tolerance=Tolerance(atol=0.02))")}, "times the largest error of a right answer"),
    "a tolerance of 0.5 on shares": ({"checks": at("fresh=1)", "fresh=1, tolerance=Tolerance(atol=0.5))")}, "check rows_are_divided: its tolerance (atol=0.5, rtol=0)"),
    "a tolerance of 0.02 in a judge": ({"checks": lambda text: text.replace("fresh=1)", "fresh=1, judge=near)").replace("@check", "def near(seen, want):\n    return difference(seen, want, Tolerance(atol=0.02))\n\n\n@check", 1)}, "in its judge, is"),
    "a mistake that should fail another check": ({"mistakes": at('"x.argmin()"}', '"x.argmin()"}, fails=["rows_are_divided"]')}, "should fail rows_are_divided"),
    "a mistake that is killed by a NameError": ({"mistakes": at('"x.argmin()"', '"x.argmin(axis)"')}, "nothing but an exception rejects the mistake “You take the smallest.” (in the_largest_is_found: NameError)"),
    "a mistake that no public case shows": ({"mistakes": more('\nmistake("You stop at four.", edit={"x.argmax()": "x[:4].argmax()"})\n')}, ""),
    "two mistakes that are one": ({"mistakes": more(TWICE)}, "are the same code"),
    "two mistakes with equal results": ({"mistakes": more(ALIKE)}, ""),
    "an alternative that is the reference": ({"alternatives": more('\nalternative("at length", edit={"x / total": "1 * x / total"})\n')}, "the alternative “at length” is the reference with other names"),
    "no mistakes": ({"mistakes": lambda text: ""}, "it lists no mistakes"),
    "a convention that costs two checks": ({"conventions": lambda text: CONVENTION}, "the convention of Somebody (“As Somebody does, you round.”) costs rows_are_divided too; no check but the_largest_is_found"),
    "a convention that costs nothing": ({"conventions": lambda text: CONVENTION.replace("(x / total).round(decimals=1)", "1.0 * x / total").replace("x.argmin()", "x.flatten().argmax()")}, "no check rejects the mistake “As Somebody does, you round.”"),
    "a mistake among conventions": ({"conventions": lambda text: MISTAKES}, "conventions.py: it declares something that is not convention(…)"),
    "no alternatives": ({"alternatives": lambda text: ""}, "it lists no alternatives"),
    "an edit that matches twice": ({"mistakes": more('\nmistake("x", edit={"total": "x"})\n')}, "an edit needs exactly one"),
    # What is forbidden.
    "a forbidden name that is misspelled": ({"forbid": lambda text: '["torch.sofmax"]'}, "torch has no sofmax; do you mean torch.softmax?"),
    "a forbidden package that is misspelled": ({"forbid": lambda text: '["nummpy"]'}, "`forbid` names nummpy, which is not installed; do you mean numpy?"),
    "forbid without another spelling": ({"forbid": lambda text: '["torch.nn.functional.softmax", "Tensor.softmax"]'}, "but not torch.softmax"),
    "a cheat that is not refused": ({"cheats": lambda text: CHEAT, "forbid": lambda text: '["torch.nn.functional.normalize"]'}, "the cheat “through layer norm” is not refused"),
    "a reference that does what is forbidden": ({"forbid": lambda text: '["Tensor.sum"]'}, "fails rows_are_divided"),
    # What is around it.
    "a plan of megabytes": ({"checks": at('case("a square", rows=3, columns=3)', 'case("a square", rows=300, columns=300)')}, "The largest case is 'a square' of check rows_are_divided"),
    "a hidden case of megabytes": ({"checks": at('case("a wide table", rows=2, columns=5)', 'case("a wide table", rows=900, columns=500)')}, "the hidden case 'a wide table' has"),
    "a missing annotation": ({"solution": at("def largest(x: Tensor) -> int:", "def largest(x) -> int:")}, "largest does not annotate its parameter x"),
    "a missing annotation of the result": ({"solution": at("def largest(x: Tensor) -> int:", "def largest(x: Tensor):")}, "largest does not annotate what it returns"),
    "points that do not add up": ({"checks": at("points=2", "points=4")}, "its checks have 5 points"),
    "a heading that is not there": ({"checks": at('lecture="shares"', 'lecture="shards"')}, "points to #shards"),
    "no oracle": ({"test_oracle": None}, "test_oracle.py is missing"),
    "inputs that are not the experiment's": ({"checks": at("def the_largest_is_found(student, x):", "def the_largest_is_found(student, y):")}, "its inputs are x, its experiment takes y"),
    "a sentence with the student's values": ({"checks": at('reject("{mine} is not the largest.", mine=seen)', 'reject(f"{seen} is not the largest.")')}, "reject's sentence must be a literal"),
    "a check without a claim": ({"checks": at('    """The index is that of the largest."""\n', "")}, "it has no docstring"),
    "code that ruff refuses": ({"checks": at("import torch\n", "import math\n\nimport torch\n")}, "checks.py:3:8: F401"),
}  # fmt: skip
CHEAT = '''"""What the shortest dishonest answers are."""

from autograder.checks import cheat


@cheat("through layer norm")
def share(x):
    import torch

    return torch.special.xlogy(x, 2.0) / x.sum(-1, keepdim=True)
'''
FAULTLESS: dict[str, dict[str, Change | None]] = {"right": {}, "a good and a bad input": {"checks": more(GOOD_AND_BAD)}}
WARNED = {
    "a mistake that no public case shows": "no public case shows the mistake “You stop at four.”",
    "two mistakes with equal results": "no case tells the mistake “You divide by other sums.” from “You divide by the sums of columns.”",
}

FOR_A_PERSON = {
    "a docstring that says something else than the reference does, where no check, mistake or example touches it",
    "a mistake's sentence that blames the wrong line",
    "a convention that the docstring does not settle, and on which hidden cases hang",
    "a hidden case that no sentence of the docstring makes fair",
    "a cheat that nobody has thought of: what computes the answer under a name that is neither forbidden nor another spelling",
    "a judge that compares by hand, `abs(a - b) > 0.5`: the tolerance is in no Tolerance",
    "inputs that depend on the day, the machine or the hash seed through a helper of the lab",
    "reference, alternatives and oracle that share one misunderstanding",
    "a lecture page that explains something else",
}


def slug(name: str) -> str:
    return "f" + "".join(each if each.isalnum() else "_" for each in name.lower()).strip("_")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """What verify says of each, all in one course."""
    root = tmp_path_factory.mktemp("planted")
    put(root, "ruff.toml", 'lint.select = ["F"]\n')
    rows = [
        'schema = 1\nid = "planted"\ntitle = "Planted faults"\n[limits]\ncpu_seconds = 2\n[[module]]\nid = "a"\ntitle = "A"\n'
    ]
    for name, changes in {**FAULTLESS, **{name: changes for name, (changes, _) in PLANTED.items()}}.items():
        files = {file: changes.get(file, lambda text: text) for file in FILES | changes}
        points = 2 + max(1, change(CHECKS).count("@check(points=1, ") if (change := changes.get("checks")) else 1)
        row = f'[[module.exercise]]\nname = "planted_in/{slug(name)}"\ntitle = "{name}"\npoints = {points}\n'
        if forbid := files.pop("forbid", None):
            row += f"forbid = {forbid('')}\n"
        rows.append(row)
        for file, change in files.items():
            if change is not None:
                put(root, f"solutions/planted_in/{slug(name)}/{file}.py", change(FILES.get(file, "")))
        put(root, f"lectures/planted_in/{slug(name)}.md", "# Shares\n\n## Shares\n")
    put(root, "grading.toml", "\n".join(rows))
    course = load_course(root)
    with ClassGrader(course, root, root / ".autograder", AUTHORS, run="verify", draw="verify", own_code=True) as grader:
        return {report.exercise: report for report in Verifier(grader, root / "cache").verify(list(course.exercises))}


@pytest.mark.parametrize("name", FAULTLESS)
def test_nothing_is_said_of_an_exercise_without_a_fault(reports: dict[str, Report], name: str) -> None:
    report = reports[f"planted_in/{slug(name)}"]
    assert report.problems == [] and report.warnings == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_told(reports: dict[str, Report], name: str) -> None:
    report = reports[f"planted_in/{slug(name)}"]
    said = PLANTED[name][1]
    if name in WARNED:
        assert report.problems == [] and any(WARNED[name] in each for each in report.warnings)
    else:
        assert said and any(said in each for each in report.problems), report.problems
