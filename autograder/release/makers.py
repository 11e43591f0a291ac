"""What the engine contributes to `assignments/`: the public test module and the public plan of each exercise."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autograder.course import Course, Exercise
from autograder.plan import Plan, PlanError, PlannedCase, load_plan, public_plan, read_plan, write_plan
from autograder.release.assignments import Makers
from autograder.source import extract
from autograder.source.parsing import parse

if TYPE_CHECKING:
    from autograder.grading.planner import Planner

MUCH = 4.0
"""A measurement that is this many times another one is not the same: the reference has changed."""
LOOSELY = 1e-3
"""By how much, and by what share, what the reference of a certified exercise gives may differ from what is committed."""


def makers(
    root: Path,
    course: Course,
    private: Path,
    exercises: Sequence[Exercise] | None = None,
    certified: Set[str] = frozenset(),
) -> Makers:
    """Makers for `exercises` (default: all) of the course in `root`; public plans come through the cache in `private`.

    Of those named in `certified`, the committed plan is known to hold what the known mistakes give: they are not run for it again.
    """
    planned = course.exercises if exercises is None else exercises
    return Makers(
        test_module=_test_module,
        public_plan=lambda name: _public_plan(root, course, private, name, planned, certified),
    )


def _test_module(folder: Path) -> str:
    """The text of `test_<exercise>.py`: experiments, inputs and judges of the checks that have public cases."""
    source = (folder / "checks.py").read_text(encoding="utf-8")
    name = f"{folder.parent.name}/{folder.name}"
    text = extract.public_module(source, "checks.py", _public_checks(source))
    header = (
        f'"""Public checks of {name}: run `pytest` on this file, or `autograder check {name}`.\n\n'
        f"Expected values are recorded in `expected/`. Generated from the course: changes here are lost.\n"
        '"""\n\n'
    )
    return header + text


def _public_checks(source: str) -> list[str]:
    """Names of the checks that have a public case, read from the syntax tree."""
    import ast

    names = []
    for node in parse(source).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if (
                isinstance(decorator, ast.Call)
                and isinstance(decorator.func, ast.Name)
                and decorator.func.id == "check"
            ):
                public = next((keyword.value for keyword in decorator.keywords if keyword.arg == "public"), None)
                drawn = any(keyword.arg == "given" for keyword in decorator.keywords)
                if drawn or (public is not None and not (isinstance(public, ast.List | ast.Tuple) and not public.elts)):
                    names.append(node.name)
    return names


def _public_plan(
    root: Path, course: Course, private: Path, name: str, exercises: Sequence[Exercise], certified: Set[str]
) -> bytes:
    """The public part of the plan. It depends on the authored files alone, not on a class's secret: made once, then cached.

    The committed file stays where the plan says the same. What is measured, and the last bits of floats, differ a little from one
    machine to the next: values may differ by the usual tolerances, measurements by a factor of `MUCH`. Where a certificate speaks of the
    committed file, what the known mistakes give is neither made again nor compared: some blow last bits up until all of them differ. And
    what the reference gives may differ by `LOOSELY`: a hundred steps of training make more of last bits, on another processor.
    """
    exercise = course.exercise(name)
    path = _cache(root, private, exercise)
    committed = _committed(root, exercise)
    if name in certified and committed is not None:
        begun = _cache(root, private, exercise, begun=True)
        if not path.exists() and not begun.exists():
            _make_public_plans(root, private, name, exercises, certified)
        found = path if path.exists() else begun  # the whole one, where `verify` had made it before
        plan = _without_mistakes(read_plan(found.read_bytes(), found.name))
        if _says_the_same(_without_mistakes(committed), plan, LOOSELY):
            return _committed_file(root, exercise).read_bytes()
    if not path.exists():
        _make_public_plans(root, private, name, exercises, certified - {name})
    plan = read_plan(path.read_bytes(), path.name)
    if committed is not None and _says_the_same(committed, plan):
        return _committed_file(root, exercise).read_bytes()
    return write_plan(plan)


def _committed_file(root: Path, exercise: Exercise) -> Path:
    return root / "assignments" / exercise.topic / "expected" / f"{exercise.slug}.plan"


def _committed(root: Path, exercise: Exercise) -> Plan | None:
    """The plan that students have, where it can be read."""
    try:
        return load_plan(_committed_file(root, exercise))
    except PlanError:
        return None


def _without_mistakes(plan: Plan) -> Plan:
    checks = [
        msgspec.structs.replace(check, cases=[msgspec.structs.replace(case, mistakes={}) for case in check.cases])
        for check in plan.checks
    ]
    return msgspec.structs.replace(plan, checks=checks, mistakes=[], complete=False)


def _says_the_same(committed: Plan, plan: Plan, error: float | None = None) -> bool:
    """Whether both are for the same files; `error`: by how much, and by what share, floats that come out may differ."""
    before, now = list(committed.cases()), list(plan.cases())
    if _without_results(committed) != _without_results(plan) or len(before) != len(now):
        return False
    return all(_same_case(old, new, error) for (_, old), (_, new) in zip(before, now, strict=True))


def _without_results(plan: Plan) -> Plan:
    """Everything in `plan` that is the same on every machine."""
    empty = {"needs": {}, "inputs": b"", "inputs_text": {}, "want": b"", "want_text": "", "mistakes": {}}
    return msgspec.structs.replace(
        plan,
        checks=[
            msgspec.structs.replace(
                check, cases=[msgspec.structs.replace(case, fingerprint="", **empty) for case in check.cases]
            )
            for check in plan.checks
        ],
    )


def _same_case(old: PlannedCase, new: PlannedCase, error: float | None) -> bool:
    if old.needs.keys() != new.needs.keys() or old.mistakes.keys() != new.mistakes.keys():
        return False
    if any(not 1 / MUCH <= _amount(old, name) / _amount(new, name) <= MUCH for name in new.needs):
        return False
    if (old.inputs == new.inputs and old.inputs_text != new.inputs_text) or (
        old.want == new.want and old.want_text != new.want_text
    ):
        return False  # the same values, shown in another way
    blobs = [(old.inputs, new.inputs, None), (old.want, new.want, error)]
    blobs += [(old.mistakes[index], value, error) for index, value in new.mistakes.items()]
    return all(before == now or _same_value(before, now, allowed) for before, now, allowed in blobs)


def _amount(case: PlannedCase, name: str) -> float:
    from autograder.grading.budget import UNIT

    return max(case.needs[name], UNIT[name])


def _same_value(before: bytes, now: bytes, error: float | None) -> bool:
    if not before or not now:  # one of them is NO_EVIDENCE
        return False
    from autograder.checks import Tolerance
    from autograder.twin.compare import difference  # imports torch, which takes seconds: only where bytes differ
    from autograder.wire.decode import decode
    from autograder.wire.values import BadValue

    tolerance = None if error is None else Tolerance(atol=error, rtol=error)
    try:
        return difference(decode(before), decode(now), tolerance) is None
    except BadValue:  # what is committed may be damaged
        return False


def _make_public_plans(
    root: Path, private: Path, name: str, exercises: Sequence[Exercise], certified: Set[str]
) -> None:
    """Make the plan of `name`, and those of other exercises that will be asked for next: torch is imported once for all."""
    from autograder.grading.planner import CourseProblem, Planner
    from autograder.grading.planner import write_private as write
    from autograder.grading.secret import AUTHORS
    from autograder.jail.host import Zygote

    missing = [
        each
        for each in exercises
        if not _cache(root, private, each).exists()
        and not (each.name in certified and _cache(root, private, each, begun=True).exists())
    ]
    zygote = Zygote()  # starts when a plan has to be made; after `verify` there is none
    planner = Planner(root, private / "plans", AUTHORS, zygote, "verify")
    try:
        for exercise in sorted(missing, key=lambda each: each.name != name):
            try:
                plan = _begun(planner, exercise) if exercise.name in certified else planner.plan(exercise)
            except CourseProblem:
                if exercise.name == name:
                    raise
                continue  # said when that one is asked for
            write(_cache(root, private, exercise, begun=not plan.complete), write_plan(_public(plan)))
    finally:
        zygote.close()


def _begun(planner: Planner, exercise: Exercise) -> Plan:
    """The plan, without what the known mistakes give unless that is known already."""
    from autograder.grading.twins import TwinClient

    client = TwinClient(planner.zygote, planner.opening(exercise))  # starts when it is asked
    try:
        return planner.begun(exercise, client)
    finally:
        client.close()


def _public(plan: Plan) -> Plan:
    return msgspec.structs.replace(public_plan(plan), complete=plan.complete)


def _cache(root: Path, private: Path, exercise: Exercise, begun: bool = False) -> Path:
    from autograder.grading import hashes

    folder = exercise.solution_dir(root)
    key = hashes.of("begun" if begun else "public", hashes.authored(folder), hashes.planning(folder))
    return private / "plans" / f"public.{exercise.topic}.{exercise.slug}.{key[:24]}.plan"
