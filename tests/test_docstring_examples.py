"""Examples in docstrings: one public check of an exercise, made from the stub that was released."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import command_line
import pytest
import torch
from release_course import put
from rich.console import Console
from tiny_course import TOTAL, Class, SharedZygote, check, exercise, make_course

from autograder.checks.declared import AuthoringError
from autograder.experiment.expressions import run_example, written_value
from autograder.feedback.terminal import result_report
from autograder.grading import graders as graders_module
from autograder.grading.planner import CourseProblem
from autograder.jail.host import Zygote
from autograder.results import Result
from autograder.twin.docstrings import NAME, compare_written, experiment_source, read_examples

SUM = '    """The sum of x along its last dimension."""'
WITH_EXAMPLES = '''    """The sum of x along its last dimension.

    >>> total(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([3., 7.])
    >>> x = tensor([[1.0, 2.0]])
    >>> (total(x) / 7).tolist()
    [0.429]
    >>> total(torch.ones(2, 3)).shape
    torch.Size([2])
    """'''
EXAMPLES = TOTAL.replace(SUM, WITH_EXAMPLES)


def terminal_text(result: Result) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(result_report(result))
    return console.export_text()


def pytest_in(folder: Path, *arguments: str) -> command_line.Done:
    code = "import pytest, sys; sys.exit(pytest.main(['-p', 'no:cacheprovider', *sys.argv[1:]]))"
    return command_line.python(folder, code, *arguments)


def stub_of(*lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f'def f(x: int) -> int:\n    """Doubles.\n\n{body}\n    """\n    return 2 * x\n'


def test_lines_without_output_come_before_each_example_and_earlier_examples_do_not() -> None:
    found = read_examples(stub_of(">>> a, b = f(1), 3", ">>> f(a)", "4", ">>> f(b) + a", "8"))
    assert [each.text for each in found] == ["a, b = (f(1), 3); f(a)", "a, b = (f(1), 3); f(b) + a"]
    assert [(each.where, each.line, each.written) for each in found] == [("f", 5, "4"), ("f", 7, "8")]


def test_classes_methods_and_the_module_have_examples_too() -> None:
    stub = (
        '"""M.\n\n>>> C(2).twice()\n4\n"""\nclass C:\n    """C.\n\n    >>> C(1).twice()\n    2\n    """\n'
        '    def twice(self):\n        """T.\n\n        >>> C(3).twice()\n        6\n        """\n'
    )
    assert [each.where for each in read_examples(stub)] == ["the module", "C", "C.twice"]


def test_an_exception_is_an_example() -> None:
    (found,) = read_examples(stub_of(">>> f(-1)", "Traceback (most recent call last):", "ValueError: negative"))

    def raising(x: int) -> int:
        raise ValueError

    seen = run_example(found.text, {"f": lambda: raising})
    assert seen.name == "ValueError"
    assert run_example(found.text, {"f": lambda: abs}).name is None


def test_an_exception_may_be_the_exercises_own_and_an_argument_a_lambda() -> None:
    stub = (
        "class Odd(ValueError):\n    pass\n\n"
        'def f(g):\n    """F.\n\n    >>> n = 2\n    >>> f(lambda x: x + n)\n    Traceback (most recent call last):\n    Odd: 3\n    """\n'
    )
    (found,) = read_examples(stub)
    assert '"Odd": lambda: student.Odd, "f": lambda: student.f' in experiment_source(stub)

    class Odd(ValueError):
        pass

    def f(g: Any) -> None:
        raise Odd if g(1) == 3 else KeyError

    assert run_example(found.text, {"f": lambda: f, "Odd": lambda: Odd}).name == "Odd"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([">>> open('/etc/passwd')", "1"], "open is no name"),
        ([">>> f(1).__class__", "1"], "__class__ is private"),
        ([">>> torch._C", "1"], "_C is private"),
        ([">>> [f(i) for i in (1, 2)]", "[2, 4]"], "ListComp"),
        ([">>> import os", ">>> f(1)", "2"], "Import"),
        ([">>> (lambda x=open: x)()", "1"], "plain parameters"),
        ([">>> (lambda x: open(x))(1)", "1"], "open is no name"),
        ([">>> f(1)", "Traceback (most recent call last):", "Oddity: odd"], "no exception"),
        ([">>> f(1)", "<object at 0x7f>"], "no value of an example"),
        ([">>> f(1)", "g"], "no value of an example"),
        ([">>> f(", "1"], "no Python"),
        ([">>>f(1)", "2"], "lacks blank"),
        ([">>> a = f(1)", "2"], "only an expression"),
    ],
)
def test_what_is_no_example_is_refused_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(AuthoringError, match=said):
        read_examples(stub_of(*lines))


def test_written_values_are_what_python_and_torch_print() -> None:
    assert written_value("{'a': (1, None), 2: [True, -inf]}") == {"a": (1, None), 2: [True, float("-inf")]}
    assert written_value("torch.Size([2, 3])") == (2, 3)
    assert written_value("tensor([1., 2.], dtype=torch.float64)").dtype == torch.float64
    assert compare_written(torch.tensor([1.0 / 3]), "tensor([0.3333])").difference is None
    assert compare_written(torch.tensor([0.3335]), "tensor([0.3333])").difference is not None
    assert compare_written(2.4, "2.").difference is not None  # too few places to be rounded
    assert compare_written([0.25, 1 / 3], "[0.25, 0.333]").difference is None
    assert compare_written([1], "(1,)").difference is not None


def test_what_is_told_of_a_wrong_answer_is_what_it_fails_by() -> None:
    found = compare_written([0.268], "[0.3577]").difference
    assert found is not None and found.tolerance == pytest.approx(5e-5, rel=0.01)  # four digits, not those of a float
    found = compare_written(torch.tensor([-math.inf]), "tensor([-1.2040])").difference
    assert found is not None and found.want == "-1.204"
    found = compare_written(
        torch.tensor([9000.0]), "tensor([8000.125])"
    ).difference  # float32 allows more than the digits
    assert found is not None and found.tolerance is not None and found.tolerance > 0.5
    found = compare_written(torch.tensor([0.36, 9.0]), "tensor([0.3577, 1.0000])").difference
    assert found is not None and (found.wrong, found.index) == (2, [0])
    found = compare_written(torch.tensor([0.35772, 9.0]), "tensor([0.3577, 1.0000])").difference
    assert found is not None and (found.wrong, found.index) == (1, [1])  # the first one rounds to what is written


def test_the_experiment_takes_only_what_its_examples_name() -> None:
    assert '{"total": lambda: student.total}' in experiment_source(EXAMPLES)


@pytest.fixture
def group(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> Class:
    shared: Any = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: shared)
    return Class(make_course(tmp_path, total_solution=EXAMPLES), shared)


def test_a_wrong_answer_shows_the_example_and_costs_only_what_other_checks_say(group: Class) -> None:
    columns = EXAMPLES.replace("return x.sum(-1)", "return x.sum(0)")
    # Wrong on the examples alone: no check with points has integers, so nothing but the display changes.
    odd = EXAMPLES.replace("return x.sum(-1)", "return x.sum(-1) + (x == 3.0).sum()")
    graded = group.grade(
        group.submit("right", total=EXAMPLES), group.submit("columns", total=columns), group.submit("odd", total=odd)
    )
    right, wrong = exercise(graded["right"]), check(graded["columns"], NAME)
    assert (right.verdict, right.earned, right.points) == ("passed", 5, 5)
    assert right.checks[0].name == NAME, "it is shown first"
    assert (wrong.verdict, wrong.points, wrong.earned) == ("failed", 0, 0)
    first = wrong.cases[0]
    assert first.title == "total, line 11" and first.public
    assert first.inputs == {"example": "total(tensor([[1.0, 2.0], [3.0, 4.0]]))"}
    assert first.difference is not None and (first.difference.got, first.difference.want) == ("4.0", "3.0")
    assert [case.want for case in wrong.cases[:2]] == ["tensor([3, 7], float32)", "[0.429]"]  # as it is written there
    assert check(graded["odd"], NAME).verdict == "failed"
    assert (exercise(graded["odd"]).verdict, exercise(graded["odd"]).earned) == ("passed", 5), "it blocks nothing"
    shown = terminal_text(graded["columns"])
    assert "The examples in the docstrings" in shown and "total(tensor([[1.0, 2.0], [3.0, 4.0]]))" in shown
    assert "total, line 11" in shown


def test_a_students_docstring_is_not_read(group: Class) -> None:
    """Neither one that agrees with a wrong answer, nor one that is no Python, nor one that wants files."""
    wrong = EXAMPLES.replace("return x.sum(-1)", "return x.sum(-1) * 2")
    agreeing = wrong.replace("tensor([3., 7.])", "tensor([6., 14.])").replace("[0.429]", "[0.857]")
    hostile = WITH_EXAMPLES.replace("tensor([3., 7.])", "<boom>\n\n    >>> __import__('os').abort()\n    1")
    graded = group.grade(
        group.submit("agreeing", total=agreeing),
        group.submit("hostile", total=EXAMPLES.replace(WITH_EXAMPLES, hostile)),
        group.submit("none", total=EXAMPLES.replace(WITH_EXAMPLES, "")),
    )
    verdicts = {name: [case.verdict for case in check(result, NAME).cases] for name, result in graded.items()}
    assert verdicts == {
        "agreeing": ["failed", "failed", "passed"],
        "hostile": ["passed"] * 3,
        "none": ["passed"] * 3,
    }


def test_an_answer_can_not_forge_its_examples(group: Class) -> None:
    """What is patched in the worker changes what comes out of it, never what it is compared with."""
    patching = """
import autograder.experiment.expressions as expressions, ast
expressions.run_example = lambda *_: "anything"
expressions.written_value = lambda *_: "anything"
ast.parse = lambda *_, **__: None
"""
    verdicts = check(
        group.grade_one(total=EXAMPLES.replace("from torch import Tensor", f"from torch import Tensor{patching}")), NAME
    )
    assert verdicts.verdict != "passed"


def test_an_example_that_the_reference_does_not_give_stops_grading(group: Class) -> None:
    path = group.root / "solutions/numbers_of/total/solution.py"
    path.write_text(EXAMPLES.replace("tensor([3., 7.])", "tensor([3., 8.])"), encoding="utf-8")
    with pytest.raises(CourseProblem, match=r"docstring_examples, case 'total, line 11', rejects the reference itself"):
        group.grade(group.submit("one"))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A course with examples, and its student repository, by the real commands."""
    folder = tmp_path_factory.mktemp("examples")
    course = command_line.make_course(folder / "course", ("first",), first_solution=EXAMPLES)
    for arguments in (("release",), ("release", folder / "repository")):
        done = command_line.run(course, *arguments)
        assert done.code == 0, done.err
    return course, folder / "repository"


def test_verify_refuses_a_wrong_example(released: tuple[Path, Path], tmp_path: Path) -> None:
    course = command_line.copied(released[0], tmp_path / "course")
    put(course, "solutions/numbers_of/first/solution.py", EXAMPLES.replace("[0.429]", "[0.4]"))
    done = command_line.run(course, "verify")
    assert done.code == 1 and "case 'total, line 14', rejects the reference itself" in done.flat
    put(course, "solutions/numbers_of/first/solution.py", EXAMPLES.replace("[0.429]", "about 0.4"))
    done = command_line.run(course, "verify")
    assert done.code == 1 and "line 14 of the stub: 'about 0.4' is no value of an example" in done.flat


def test_no_mistake_is_rejected_by_examples_alone(tmp_path: Path) -> None:
    course = command_line.make_course(
        tmp_path,
        first_solution=EXAMPLES,
        first_mistakes=command_line.MISTAKES
        + '\nmistake("You stumble over threes.", edit={"x.sum(-1)": "x.sum(-1) + (x == 3.0).sum()"})\n',
    )
    assert command_line.run(course, "release").code == 0
    done = command_line.run(course, "verify")
    assert "no check rejects the mistake “You stumble over threes.”" in done.flat


def test_students_see_them_in_check_and_in_pytest(released: tuple[Path, Path], tmp_path: Path) -> None:
    repository = command_line.copied(released[1], tmp_path / "repository")
    text = EXAMPLES.replace("return x.sum(-1)", "return x.sum(0)").replace("tensor([3., 7.])", "tensor([4., 6.])")
    put(repository, "assignments/numbers_of/first.py", text)
    done = command_line.run(repository, "check", "numbers_of/first", "--all")
    assert "The examples in the docstrings come out as they are written there." in done.flat
    assert "total, line 11" in done.flat and "2/5 points" in done.flat
    tested = pytest_in(repository, "assignments/numbers_of/test_first.py")
    assert "docstring_examples: total, line 11" in tested.out
    assert "expected tensor([3, 7], float32)" in tested.flat and "got tensor([4, 6], float32)" in tested.flat, (
        tested.out
    )
    put(repository, "assignments/numbers_of/first.py", EXAMPLES)
    assert pytest_in(repository, "assignments/numbers_of/test_first.py").code == 0


def test_examples_take_no_time_and_no_worker_from_checks_with_points(group: Class) -> None:
    """One function hangs on the values of two examples; another quits on them. Every point is earned all the same."""
    hangs = EXAMPLES.replace("return x.sum(-1)", "while x[0, 0] == 1.0: pass\n    return x.sum(-1)")
    quits = EXAMPLES.replace("return x.sum(-1)", "x[0, 0] != 1.0 or __import__('os')._exit(0)\n    return x.sum(-1)")
    graded = group.grade(group.submit("hangs", total=hangs), group.submit("quits", total=quits))
    for name, verdict in (("hangs", "timeout"), ("quits", "crashed")):
        assert (exercise(graded[name]).verdict, exercise(graded[name]).earned) == ("passed", 5), name
        assert check(graded[name], NAME).verdict == verdict
