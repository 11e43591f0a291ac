"""General mistakes: what is made of a reference really is wrong, a check that looks for it rejects it, and one that does not lets it pass."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_course import SharedZygote, make_course

from autograder.course import load_course
from autograder.grading import grade as grade_module
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import AUTHORS
from autograder.jail.host import Zygote
from autograder.verify.general import General, generals
from autograder.verify.verify import Verifier

REFERENCE = '''"""Weighted rows. float64 in, float64 out; inputs may be views."""

from __future__ import annotations

from torch import Tensor


def weigh(x: Tensor, first: float, second: float, power: int = 1) -> Tensor:
    """The rows of x, (n, 2), times first and second, to a power of 1 or more. A power below 1 raises `ValueError`."""
    # BEGIN SOLUTION
    if power < 1:
        raise ValueError("power")
    return (x * x.new_tensor([first, second])) ** power
    # END SOLUTION
'''
FIRST = torch.arange(6.0, dtype=torch.float64).view(3, 2)
OTHER = FIRST.flip(0) + 0.5


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str], list[General]]:
    found: dict[tuple[str, str], list[General]] = {}
    for each in generals(REFERENCE):
        found.setdefault((each.kind, each.about), []).append(each)
    return found


def module(source: str) -> Any:
    loaded = types.ModuleType("made")
    exec(compile(source, "made", "exec"), vars(loaded))
    return loaded


RIGHT = module(REFERENCE).weigh


def wrong(made: dict[tuple[str, str], list[General]], kind: str, about: str | None = None) -> Any:
    (one,) = [each for (k, a), all_ in made.items() for each in all_ if k == kind and about in (None, a)][:1]
    return module(one.source).weigh


def test_each_kind_that_applies_is_made_once(made: dict[tuple[str, str], list[General]]) -> None:
    assert all(len(each) == 1 for each in made.values())
    kinds = {kind for kind, _ in made}
    assert kinds >= {
        "memo",
        "exchange",
        "ignored",
        "clamped",
        "view",
        "rounded",
        "exception",
        "one result",
        "left",
    }
    assert not kinds & {"own cache", "class state", "exact type"}  # there is no cache, no class, no isinstance


def test_they_are_wrong_where_they_say_so(made: dict[tuple[str, str], list[General]]) -> None:
    exchanged = wrong(made, "exchange")
    assert torch.equal(exchanged(FIRST, 2.0, 3.0), RIGHT(FIRST, 3.0, 2.0))
    ignored = wrong(made, "ignored", "power")
    assert torch.equal(ignored(FIRST, 2.0, 3.0, 2), RIGHT(FIRST, 2.0, 3.0))
    rounded = wrong(made, "rounded")(FIRST + 1e-9, 2.0, 3.0)
    assert rounded.dtype == torch.float64 and not torch.equal(rounded, RIGHT(FIRST + 1e-9, 2.0, 3.0))
    with pytest.raises(RuntimeError):
        wrong(made, "view")(FIRST.mT.contiguous().mT, 2.0, 3.0)
    with pytest.raises(Exception) as raised:
        wrong(made, "exception")(FIRST, 2.0, 3.0, 0)
    assert not isinstance(raised.value, ValueError)


def test_what_is_remembered_shows_in_the_second_call(made: dict[tuple[str, str], list[General]]) -> None:
    fresh = [each for (kind, _), all_ in made.items() if kind in ("memo", "one result") for each in all_]
    assert len(fresh) >= 3
    for each in fresh:
        again = module(each.source).weigh
        first = again(FIRST, 2.0, 3.0)
        assert torch.equal(first, RIGHT(FIRST, 2.0, 3.0)), each.name
        kept = first.clone()
        seconds = [again(OTHER, 2.0, 3.0), again(OTHER, 5.0, 3.0), again(OTHER, 5.0, 7.0), again(OTHER, 5.0, 7.0, 2)]
        rights = [RIGHT(OTHER, 2.0, 3.0), RIGHT(OTHER, 5.0, 3.0), RIGHT(OTHER, 5.0, 7.0), RIGHT(OTHER, 5.0, 7.0, 2)]
        same = all(torch.equal(one, other) for one, other in zip(seconds, rights, strict=True))
        assert not (same and torch.equal(first, kept)), each.name


CHECKS = '''"""Checks of weights."""

from autograder.checks import case, check


def table(rng, rows):
    return {"x": rng.normal(rows, 2, dtype=__import__("torch").float64)}


@check(points=5, inputs=table, public=[case(rows=2)], hidden=[case(rows=3)])
def weighs(student, x):
    """Rows are weighed."""
    return BODY
'''
ONCE = "student.weigh(x, 2.0, 3.0)"
TWICE = "[student.weigh(x, 2.0, 3.0), student.weigh(x + 1, 2.0, 3.0), student.weigh(x, 3.0, 2.0), student.weigh(x, 3.0, 2.0, 2)]"


@pytest.mark.parametrize(("body", "survive"), [(ONCE, True), (TWICE, False)])
def test_one_call_lets_results_be_remembered_and_two_do_not(
    body: str, survive: bool, tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grade_module, "Zygote", lambda *_, **__: SharedZygote(zygote))
    root = make_course(tmp_path, total_solution=REFERENCE, total_checks=CHECKS.replace("BODY", body), total_mistakes="")
    course = load_course(root)
    with ClassGrader(course, root, root / ".autograder", AUTHORS, run="v", draw="v", own_code=True) as grader:
        (report,) = Verifier(grader, root / "cache").verify([course.exercise("numbers_of/total")], general_only=True)
    assert report.general is not None
    left = {each.general.kind for each in report.general.survivors}
    assert ("memo" in left) == survive and ("ignored" in left) == survive
    assert "exchange" not in left  # 2 and 3 are not alike
    assert any(
        "no check rejects this general mistake" in problem for problem in report.problems
    )  # nothing tries a power of 0
