"""Examples in docstrings: one public check of an exercise, made from the stub that was released."""

from __future__ import annotations

import pytest
import torch
from tiny_course import PICK, TOTAL, Class, SharedZygote, check, exercise, make_course

from autograder.checks.authoring import AuthoringError
from autograder.checks.docstrings import NAME, compare_written, experiment_source, read_examples
from autograder.checks.expressions import run_example, written_value

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


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([">>> open('/etc/passwd')", "1"], "open is no name"),
        ([">>> f(1).__class__", "1"], "__class__ is private"),
        ([">>> torch._C", "1"], "_C is private"),
        ([">>> [f(i) for i in (1, 2)]", "[2, 4]"], "ListComp"),
        ([">>> import os", ">>> f(1)", "2"], "Import"),
        ([">>> (lambda: 1)()", "1"], "Lambda"),
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


def test_the_experiment_takes_only_what_its_examples_name() -> None:
    assert '{"total": lambda: student.total}' in experiment_source(EXAMPLES)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, zygote: object) -> Class:
    root = make_course(tmp_path_factory.mktemp("examples"), total_solution=EXAMPLES)
    return Class(root, SharedZygote(zygote))  # type: ignore[arg-type]


def test_grading() -> None: ...
