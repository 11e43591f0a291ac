"""The plan of an exercise: everything that grading it needs, as plain data. Nothing here imports torch.

A *full* plan is made from `solutions/` by the grader and kept in its private cache; a *public* plan holds the public cases
only and ships to students as `expected/<exercise>.plan`, beside the test module that it was made from.
"""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autograder.refusals import Refusal
from autograder.source import extract

SCHEMA = "llm-internals/plan/1"
NO_EVIDENCE = b""
"""Stands for a mistake's observation that differs from the reference's but could come from anything: an exception, NaN, zeros."""


class PlannedCase(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One case with its inputs, the reference's observation, and what each known mistake gives instead."""

    title: str
    public: bool
    fresh: bool = False
    drawn: int = 0  # the number of an example of `given=`, from 1; 0 for a case that is written down
    example: bytes = b""  # what was drawn, as a blob of wire.values
    seed: str = ""  # private: the inputs and the judge's rng are drawn from it
    fingerprint: str = ""  # of the seed and the inputs, for results
    parameters: dict[str, str] = {}
    inputs: bytes = b""
    inputs_text: dict[str, str] = {}
    want: bytes = b""
    want_text: str = ""
    lab: list[str] = []  # values of the lab that the inputs name
    needs: dict[
        str, float
    ] = {}  # what the reference used, where there is a budget: bytes of "memory", seconds of "cpu"
    compared: bool = False  # whether the known mistakes were tried on it
    mistakes: dict[int, bytes] = {}  # index of the mistake → its observation, where it differs


class PlannedCheck(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One check with its cases."""

    name: str
    claim: str
    points: int
    bonus: bool = False
    device: str = "cpu"
    lecture: str = ""
    mutates: bool = False
    budget: dict[str, float] = {}  # how many times the reference's "memory" and "cpu" an answer may use
    needs: str = ""  # a package without which it is skipped
    cases: list[PlannedCase] = []

    def is_runnable(self, gpu: bool = False) -> bool:
        """Whether this machine has what the check needs; `gpu`: a device is at hand. Nothing is imported to find out."""
        return (gpu or self.device == "cpu") and (not self.needs or importlib.util.find_spec(self.needs) is not None)


class Plan(msgspec.Struct, kw_only=True):  # its defaults are written: the schema's name is one
    """One exercise, ready to be graded."""

    exercise: str
    stub: str
    experiments: str  # the module that goes into the jail
    reference: str = ""  # private: its source, for what has to be measured in turn with it
    checks: list[PlannedCheck]
    mistakes: list[str] = []  # their sentences
    imports: list[str] = []  # packages that some check needs: a worker has them before anything of it is measured
    complete: bool = True  # whether what they give is known
    public: bool = False  # whether this is the public plan
    key: str = ""  # hash of everything that it was made from
    versions: dict[str, str] = {}
    schema: str = SCHEMA

    @property
    def lab(self) -> list[str]:
        """The values of the lab that any case names."""
        return sorted({name for _, case in self.cases() for name in case.lab})

    def cases(self) -> Iterator[tuple[PlannedCheck, PlannedCase]]:
        for check in self.checks:
            for case in check.cases:
                yield check, case

    def find(self, check: str, case: str) -> tuple[PlannedCheck, PlannedCase]:
        """The check and case of these names; raises `KeyError`."""
        for each in self.checks:
            if each.name == check:
                for planned in each.cases:
                    if planned.title == case:
                        return each, planned
        raise KeyError(f"{check} / {case}")


class PlanError(Refusal):
    """A plan file that is missing or cannot be read. The text says what to do."""


def write_plan(plan: Plan) -> bytes:
    """The bytes of a plan file; equal plans give equal bytes."""
    return zlib.compress(msgspec.msgpack.encode(plan), 6)


def read_plan(data: bytes, name: str) -> Plan:
    """A plan from its bytes; `name` is for messages."""
    try:
        plan = msgspec.msgpack.decode(zlib.decompress(data), type=Plan)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise PlanError(f"{name} is damaged or of another version; fetch it again from the course") from error
    if plan.schema != SCHEMA:
        raise PlanError(f"{name} is of another version ({plan.schema}); update the course or the autograder")
    return plan


def load_plan(path: Path) -> Plan:
    """Read a plan file."""
    try:
        return read_plan(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise PlanError(f"there is no {path}; fetch it again from the course") from None


def _public_case(case: PlannedCase) -> PlannedCase:
    # Bytes are much the same on every machine, seconds are not.
    needs = {name: amount for name, amount in case.needs.items() if name == "memory"}
    return msgspec.structs.replace(case, seed="", needs=needs)


def public_plan(plan: Plan) -> Plan:
    """The part of `plan` that ships: checks with a public case, those cases only, no seeds, mistakes as far as seen there."""
    checks = []
    for check in plan.checks:
        cases = [_public_case(case) for case in check.cases if case.public]
        if cases:
            checks.append(msgspec.structs.replace(check, cases=cases))
    seen = sorted({index for check in checks for case in check.cases for index in case.mistakes})
    number = {old: new for new, old in enumerate(seen)}
    for check in checks:
        for case in check.cases:
            case.mistakes = {number[index]: value for index, value in case.mistakes.items()}
    names = [check.name for check in checks]
    return Plan(
        exercise=plan.exercise,
        stub=plan.stub,
        # Taken out anew: the experiments of checks that have hidden cases only, and their helpers, stay behind.
        experiments=extract.experiments(plan.experiments, "checks.py", names),
        checks=checks,
        mistakes=[plan.mistakes[index] for index in seen],
        imports=plan.imports,
        public=True,
    )
