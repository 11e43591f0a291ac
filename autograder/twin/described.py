"""What an exercise's authored files come to, as the grader is told it: texts, checks and the names of their cases."""

from __future__ import annotations

from autograder.plan import PlannedCase, PlannedCheck
from autograder.twin.examples import EXAMPLES, PUBLIC_EXAMPLES
from autograder.twin.exercise import Exercise
from autograder.twin.messages import Derived, Described


def describe(exercise: Exercise) -> Described:
    """The answer to `Open`: nothing in it is run."""
    checks = []
    for check in exercise.checks:
        cases = [PlannedCase(title=case.title, public=True) for case in check.public]
        cases += [PlannedCase(title=case.title, public=False) for case in check.hidden]
        cases += [
            PlannedCase(title=f"fresh {number}", public=False, fresh=True) for number in range(1, check.fresh + 1)
        ]
        if check.given is not None:
            numbers = range(1, PUBLIC_EXAMPLES + 1)
            cases += [PlannedCase(title=f"example {n}", public=True, drawn=n) for n in numbers]
            cases += [PlannedCase(title=f"hidden example {n}", public=False, drawn=n) for n in range(1, EXAMPLES + 1)]
        checks.append(
            PlannedCheck(
                name=check.name,
                claim=check.claim,
                points=check.points,
                bonus=check.bonus,
                device=check.device,
                lecture=check.lecture,
                mutates=check.mutates,
                budget=check.budget.bounds(),
                needs=check.needs,
                cases=cases,
            )
        )
    return Described(
        reference=exercise.reference,
        stub=exercise.stub,
        experiments=exercise.experiments,
        checks=checks,
        hidden={check.name: len(check.hidden) for check in exercise.checks},
        mistakes=[
            Derived(each.sentence, each.source, list(each.only), each.crashes, each.used_by)
            for each in exercise.mistakes
        ],
        cheats=[Derived(each.sentence, each.source, []) for each in exercise.cheats],
        alternatives=[Derived(each.sentence, each.source, list(each.only)) for each in exercise.alternatives],
    )
