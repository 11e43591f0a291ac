"""Checks that need a package: pending where it is not installed. Triton's kernels run in the jail, interpreted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_course import TOTAL, TOTAL_CHECKS, Class, SharedZygote, check, exercise, make_course

from autograder.checks import case
from autograder.checks import check as declare
from autograder.checks.declared import AuthoringError
from autograder.feedback import escape
from autograder.feedback.view import Options, _reason
from autograder.grading import graders as graders_module
from autograder.jail.host import Zygote

BONUS = '''

@check(points=4, bonus=True, needs="{package}", inputs=table, hidden=[case(rows=2, columns=4)])
def sums_with_a_package(student, x):
    """It sums with a package."""
    return student.total(x)
'''

KERNEL = TOTAL.replace(
    "from torch import Tensor",
    """import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def add_up(x, out, columns, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    row = tl.load(x + tl.program_id(0) * columns + at, mask=at < columns, other=0.0)
    tl.store(out + tl.program_id(0), tl.sum(row, 0))


def by_kernel(x):
    out = torch.empty(len(x))
    add_up[(len(x),)](x.contiguous(), out, x.shape[1], 8)
    return out
""",
).replace("x.sum(-1)", "by_kernel(x)")


@pytest.fixture
def shared(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> SharedZygote:
    one = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: one)
    return one


def a_class(folder: Path, shared: SharedZygote, package: str) -> Class:
    checks = TOTAL_CHECKS + BONUS.format(package=package)
    return Class(make_course(folder, total_checks=checks, total_mistakes=""), shared)


def test_pending_without_the_package_and_judged_with_it(tmp_path: Path, shared: SharedZygote) -> None:
    wrong = TOTAL.replace("x.sum(-1)", "x.sum(-1) + 1")
    without = a_class(tmp_path / "without", shared, "a_package_of_nobody").grade_one(total=wrong)
    found = check(without, "sums_with_a_package")
    assert (found.verdict, found.earned, found.needs) == ("skipped", 0, "a_package_of_nobody")
    assert "needs the package a_package_of_nobody" in escape.spans_text(_reason(found, None, Options()))
    assert check(without, "sums_rows").verdict == "failed" and check(without, "means_of_rows").verdict == "passed"

    group = a_class(tmp_path / "with", shared, "msgspec")
    results = group.grade(group.submit("right"), group.submit("wrong", total=wrong))
    assert check(results["right"], "sums_with_a_package").earned == 4
    assert check(results["wrong"], "sums_with_a_package").verdict == "failed"


def test_a_triton_kernel_runs_in_the_jail(tmp_path: Path, shared: SharedZygote) -> None:
    pytest.importorskip("triton")
    result = a_class(tmp_path, shared, "triton").grade_one(total=KERNEL)
    assert exercise(result).verdict == "passed"
    assert check(result, "sums_with_a_package").earned == 4


@pytest.mark.parametrize(
    ("more", "why"),
    [({"hidden": [case(n=1)]}, "make it a bonus"), ({"public": [case(n=1)], "bonus": True}, "can't have public cases")],
)
def test_what_not_everybody_has_is_a_hidden_bonus(more: dict[str, Any], why: str) -> None:
    with pytest.raises(AuthoringError, match=why):

        @declare(points=1, needs="triton", **more)
        def experiment(student: Any, n: int) -> int:
            """A claim."""
            return n
