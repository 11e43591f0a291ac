"""Right answers under other secrets, and wrong ones: `verify --seeds`."""

from __future__ import annotations

import pytest
from release_course import put
from test_planted_faults import FILES, Change, at

from autograder.course.load import load_course
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import AUTHORS
from autograder.verify.seeds import Drawn, SeedRunner

SEEDS = 6
# Each is wrong for some of the draws.
LUCKY: dict[str, tuple[str, Change, str]] = {
    "an alternative": (
        "alternatives",
        at("x * total.reciprocal()", "x * total.reciprocal() * (1 + (1.3 < x[0, 0] < 2) / 9)"),
        "the alternative “by a product” is right, but fails rows_are_divided, case ",
    ),
    "a judge": (
        "checks",
        at("return None if seen == want", "return None if seen == want and seen[0] % 8 != 5"),
        "check the_largest_is_found, case ",
    ),
}


# A fifth of the draws show the first, all show the second.
UNSEEN = {
    "You are off where the first is large.": ["rows_are_divided"],
    "You divide by the sums of columns.": ["rows_are_divided"],
}
WRONG: dict[str, Change] = {
    "mistakes": at(
        'mistake("You take',
        'mistake("You are off where the first is large.", edit={"return x / total": "return x / total * (1 + (1.8 < x[0, 0] < 2) / 9)"})\n'
        'mistake("You take',
    )
}
# The same mistake where memory is measured, which is not done here: what fails a budget is not said to pass.
BUDGETED: dict[str, Change] = WRONG | {
    "checks": lambda text: text.replace("import Tolerance,", "import Budget, Tolerance,").replace(
        "@check(points=2, ", "@check(points=2, budget=Budget(memory=5), "
    )
}
# Two orders can be drawn: about half of the seeds give the one that the author's own has.
FEW: dict[str, Change] = {
    "checks": lambda text: (
        text.replace("@check(points=2, ", "@check(points=1, ")
        + """

def order(rng):
    return {"x": torch.eye(2)[rng.permutation(2)] + 1.0}


@check(points=1, inputs=order, hidden=[case("two orders")])
def any_order(student, x):
    \"\"\"The order does not matter.\"\"\"
    return student.share(x * torch.tensor([1.0, 2.0]))
"""
    )
}
NEAR: dict[str, Change] = {"alternatives": at("x * total.reciprocal()", "x * total.reciprocal() * (1 + 1.1e-4)")}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Drawn]:
    root = tmp_path_factory.mktemp("seeds")
    rows = ['schema = 1\nid = "seeds"\ntitle = "Seeds"\n[[module]]\nid = "a"\ntitle = "A"\n']
    lucky = {name.replace(" ", "_"): {file: change} for name, (file, change, _) in LUCKY.items()}
    for name, changes in {"right": {}, **lucky, "near": NEAR, "wrong": WRONG, "budgeted": BUDGETED, "few": FEW}.items():
        rows.append(f'[[module.exercise]]\nname = "drawn/{name}"\ntitle = "{name}"\npoints = 3\n')
        for file, text in FILES.items():
            put(root, f"solutions/drawn/{name}/{file}.py", changes.get(file, lambda text: text)(text))
    put(root, "grading.toml", "\n".join(rows))
    course = load_course(root)
    with ClassGrader(course, root, root / ".autograder", AUTHORS, run="verify", draw="verify", own_code=True) as grader:
        exercises = list(course.exercises)
        runner = SeedRunner(grader, SEEDS, root / "cache")
        known = {"wrong": UNSEEN, "budgeted": UNSEEN, "few": {"You divide by the sums of columns.": ["any_order"]}}
        unseen = [known.get(each.slug, {}) for each in exercises]
        found = runner.run(exercises, unseen)
        grader.close()  # nothing runs again: what was found is remembered
        assert runner.run(exercises, unseen) == found
    return {each.slug: said for each, said in zip(exercises, found, strict=True)}


def test_right_answers_pass_whatever_is_drawn(drawn: dict[str, Drawn]) -> None:
    assert drawn["right"].problems == drawn["right"].near() == []
    assert 0 < drawn["right"].worst["rows_are_divided"].error < 0.1


def test_what_comes_near_to_a_tolerance_is_told(drawn: dict[str, Drawn]) -> None:
    assert drawn["near"].problems == []
    (said,) = drawn["near"].near()
    assert "check rows_are_divided, case " in said and "the alternative “by a product” comes to 0." in said, said


def test_a_mistake_that_only_some_draws_reject_is_told(drawn: dict[str, Drawn]) -> None:
    (said,) = drawn["wrong"].problems
    assert said.startswith(
        "no check rejects the mistake “You are off where the first is large.”, which no public case shows (with "
    ), said


def test_inputs_that_are_the_known_ones_with_some_seed_are_tried_with_it(drawn: dict[str, Drawn]) -> None:
    assert drawn["few"].problems == []


def test_nothing_is_said_of_a_mistake_that_a_budget_may_reject(drawn: dict[str, Drawn]) -> None:
    assert drawn["budgeted"].problems == [] and drawn["budgeted"].worst  # the check was run


@pytest.mark.parametrize("name", LUCKY)
def test_what_hangs_on_the_draw_is_told(drawn: dict[str, Drawn], name: str) -> None:
    (problem,) = drawn[name.replace(" ", "_")].problems
    assert LUCKY[name][2] in problem and f"of {SEEDS} other seeds" in problem, problem


def test_it_is_said_how_often(drawn: dict[str, Drawn]) -> None:
    times = int(drawn["an_alternative"].problems[0].rpartition("(with ")[2].split()[0])
    assert 1 <= times < SEEDS
