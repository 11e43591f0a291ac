"""What is wrong with an exercise's files that no implementation shows: run in the twin, for `verify` alone.

Inputs that are not the same each time, cases that ask for no more than others, checks that one answer passes for all cases,
judges that change their mind, tolerances that nothing asks for.
"""

from __future__ import annotations

import ast
import random
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from autograder.checks.declared import Case, Check, Tolerance
from autograder.plan import PlannedCase, PlannedCheck
from autograder.source.parsing import parse
from autograder.source.sameness import meaning
from autograder.twin import docstrings, names, tolerances
from autograder.twin.exercise import Exercise
from autograder.twin.judging import parts_of
from autograder.twin.messages import Examined, Loose, Make, Seen
from autograder.twin.show import show
from autograder.wire.encode import encode
from autograder.wire.values import Raised

if TYPE_CHECKING:
    from autograder.twin.twin import Twin

CLOCKS = frozenset({"time", "datetime", "secrets", "uuid", "os", "platform", "socket"})
"""Modules whose answers differ from run to run, or from machine to machine."""
TIMES, SECONDS = 30, 0.5  # how often a judge is asked the same, and how long it may take
ANSWERS = 3  # of a check with a judge that are tried on all of its cases


def examine(twin: Twin, exercise: Exercise, planned: Sequence[PlannedCheck], forbid: Sequence[str]) -> Examined:
    """Everything, as sentences, and the tolerances that are looser than the usual ones."""
    problems = [*_clocks(exercise), *_annotations(exercise), *_same_code(exercise), *names.unknown(forbid)]
    loose = []
    for plan in planned:
        if plan.name == docstrings.NAME:
            continue  # it earns nothing, and what it compares with is what the docstring says
        check = exercise.check(plan.name)
        answered = [case for case in plan.cases if case.want]
        found = [*_inputs(twin, check, plan), *_public_again(check)]
        found += [*_one_answer(twin, check, answered), *_moods(twin, check, answered)]
        problems += [f"check {check.name}{each}" for each in found]
        loose += _loose(twin, check, answered)
    return Examined(problems, loose)


# --- files ---


def _clocks(exercise: Exercise) -> Iterator[str]:
    """Equal inputs twice in a row do not show that tomorrow's are equal."""
    for node in ast.walk(parse(exercise.checks_source)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            if module.partition(".")[0] in CLOCKS:
                yield f"checks.py:{node.lineno}: it imports {module}, whose answers are not the same each time"  # type: ignore[attr-defined]


def _annotations(exercise: Exercise) -> Iterator[str]:
    """What an annotation does not say, nothing holds a student to."""
    for node, name in _public_functions(parse(exercise.stub)):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        bare = [each.arg for each in arguments if each and each.annotation is None and each.arg not in ("self", "cls")]
        for argument in bare:
            yield f"solution.py: {name} does not annotate its parameter {argument}"
        if node.returns is None and node.name != "__init__":
            yield f"solution.py: {name} does not annotate what it returns, so an answer of another type is told in no student's terms"


def _public_functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node, node.name
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and (method.name == "__init__" or method.name[0] != "_"):
                    yield method, f"{node.name}.{method.name}"


def _same_code(exercise: Exercise) -> Iterator[str]:
    reference = meaning(exercise.reference)
    for kind, variants in (("alternative", exercise.alternatives), ("mistake", exercise.mistakes)):
        first: dict[str, str] = {}
        for each in variants:
            found = meaning(each.source)
            if kind == "alternative" and found.items() >= reference.items():
                yield f"the alternative “{each.sentence}” is the reference with other names: it shows nothing"
            other = first.setdefault(repr(sorted(found.items())), each.sentence)
            if other != each.sentence:
                yield f"the {kind}s “{other}” and “{each.sentence}” are the same code"


# --- cases ---


def _inputs(twin: Twin, check: Check, plan: PlannedCheck) -> Iterator[str]:
    """Whether the inputs are a function of the case and its seed, and those of fresh cases of the seed at all."""
    for index, case in enumerate(plan.cases):
        if case.drawn > 1:
            continue
        for reseed in (random.seed, np.random.seed, torch.manual_seed):
            reseed(time.time_ns() % 2**31)  # whatever draws from these draws something else now
        number = len(check.public) if case.fresh else index
        again = twin.make(Make(check.name, number, case.seed, case.drawn))
        if again.problem or again.inputs != case.inputs:
            yield f", case {case.title!r}: its inputs are not the same when they are made again; draw them from rng alone"
        elif case.fresh and twin.make(Make(check.name, number, f"{int(case.seed, 16) ^ 1:x}")).inputs == case.inputs:
            yield ": fresh= draws nothing: its inputs are the same for every seed"
            return


def _public_again(check: Check) -> Iterator[str]:
    public = {encode(case.parameters): case for case in check.public}
    for case in check.hidden:
        same: Case | None = public.get(encode(case.parameters))
        if same is not None:
            yield f": the hidden case {case.title!r} has the parameters of the public case {same.title!r}"


# --- answers ---


def _one_answer(twin: Twin, check: Check, cases: Sequence[PlannedCase]) -> Iterator[str]:
    """Whether an answer that is right in one case is right in all of them: it could be written down."""
    if len(cases) == 1 and isinstance(parts_of(cases[0], cases[0].want)[0], Raised | bool | None):
        yield ": what it expects tells too little; ask for a good and a bad input in one observation"
    if len(cases) < 2:
        return
    answers = list(dict.fromkeys(case.want for case in cases))[: ANSWERS if check.judge else 1]
    for answer in answers:
        value = parts_of(cases[0], answer)[0]
        if not _good_and_bad(value) and all(
            answer == case.want or _accepts(twin, check, case, answer) for case in cases
        ):
            text = show(value, 60)
            yield f": {text} is right in all of its cases, so whoever always gives that passes; ask for a good and a bad input in one observation"
            return


def _good_and_bad(value: Any) -> bool:
    """Whether an observation has an input that is refused beside one that is not: no implementation does both, whatever it is given."""
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    refused = [isinstance(item, Raised) and item.name is not None for item in items]
    return any(refused) and not all(refused)


def _accepts(twin: Twin, check: Check, case: PlannedCase, answer: bytes) -> bool:
    return twin.review(Seen(check.name, msgspec.structs.replace(case, mistakes={}), answer)).passed


def _moods(twin: Twin, check: Check, cases: Sequence[PlannedCase]) -> Iterator[str]:
    """Whether a judge says the same of the reference's answer each time, whatever its rng draws."""
    if check.judge is None or not cases:
        return
    case = min(cases, key=lambda each: len(each.want))
    began, refused = time.process_time(), 0
    for number in range(1, TIMES + 1):
        other = msgspec.structs.replace(case, seed=f"{number:x}", mistakes={})
        refused += not twin.review(Seen(check.name, other, case.want)).passed
        if time.process_time() - began > SECONDS:
            break
    if refused:
        yield f", case {case.title!r}: its judge refused the reference's answer {refused} times of {number}"


def _loose(twin: Twin, check: Check, cases: Sequence[PlannedCase]) -> Iterator[Loose]:
    """The loosest tolerance of a check, where it is looser than the usual one and does not say why."""
    worst: tuple[float, Tolerance] | None = None
    with tolerances.recorded() as used:
        for case in cases:
            twin.review(Seen(check.name, msgspec.structs.replace(case, mistakes={}), case.want))
    for tolerance, times in used:
        if not tolerance.why and times > 1 and (worst is None or times > worst[0]):
            worst = times, tolerance
    if worst is not None:
        yield Loose(check.name, worst[1].atol, worst[1].rtol, worst[0], check.judge is not None)
