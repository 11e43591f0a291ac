"""The certificate of an exercise: what a whole verification of it found, kept beside it as `certificate.json` and committed.

People read in it whether the checks are any good. It also names, by a hash, the files that it speaks of: where they are what they
were, `verify --briefly` tries the exercise on a sample, since only the engine can have changed what came of it.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from autograder.course.config import Exercise
from autograder.grading.certificates import about, current
from autograder.lessons.certificate import FILE, Certificate, Figures, Tried, read
from autograder.twin import docstrings
from autograder.verify.report import Report

_OURS = {"autograder", "pytest", "torch", "numpy"}  # what an oracle is held with, not against


def certified(exercise: Exercise, root: Path) -> bool:
    """Whether the exercise was verified as it is, and its committed public plan is what came of that."""
    found = current(exercise, root)
    return found is not None and found.plan == _committed_plan(exercise, root)


def all_certified(root: Path, exercises: Sequence[Exercise]) -> set[str]:
    """The names of those that have a certificate of what they are now: their plans need not be made to be compared whole."""
    return {each.name for each in exercises if certified(each, root)}


def keep(exercise: Exercise, root: Path, report: Report, public_plan: Callable[[], bytes]) -> None:
    """Write down what `report` found, where all is well with it; `public_plan` gives what is to be released.

    A certificate of the same files is left alone unless something was tried that it has not: errors differ a little from one
    machine to the next, and that is no reason to change a committed file.
    """
    before = read(exercise, root)
    now = about(exercise, root)
    known = before if before is not None and before.about == now else None
    if not report.good or (not report.trials and known is None):
        return
    made = known if known is not None and not report.trials else _of(report, now, oracles(exercise, root))
    if known is not None and known.seeds and report.drawn is None:  # what was found with other seeds stays true
        kept = {
            name: msgspec.structs.replace(each, honest=known.checks[name].honest) for name, each in made.checks.items()
        }
        made = msgspec.structs.replace(made, checks=kept)
    made = msgspec.structs.replace(
        made,
        seeds=report.drawn.seeds if report.drawn is not None else known.seeds if known else 0,
        plan=hashlib.sha256(public_plan()).hexdigest() if report.trials else made.plan,
        general=_general(report) or (known.general if known else None),
        mutants=_mutants(report) or (known.mutants if known else None),
    )
    if known is not None and _counts(known) == _counts(made):
        return
    path = exercise.solution_dir(root) / FILE
    temporary = path.with_suffix(".tmp")
    with contextlib.suppress(OSError):  # a course that can't be written to is verified all the same
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
        os.replace(temporary, path)


def oracles(exercise: Exercise, root: Path) -> list[str]:
    """The packages that `test_oracle.py` imports, in a test or at its head, but for what tests are written with."""
    try:
        tree = ast.parse((exercise.solution_dir(root) / "test_oracle.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
        elif isinstance(node, ast.Call) and _called(node) == "importorskip" and node.args:
            found |= {str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    packages = {name.partition(".")[0] for name in found}
    return sorted(packages - _OURS - sys.stdlib_module_names)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _committed_plan(exercise: Exercise, root: Path) -> str:
    path = root / "assignments" / exercise.topic / "expected" / f"{exercise.slug}.plan"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _of(report: Report, now: str, oracles: list[str]) -> Certificate:
    mistakes = report.of("mistake")
    return Certificate(
        about=now,
        plan="",
        mistakes=len(mistakes),
        conventions=sum(bool(trial.used_by) for trial in mistakes),
        alternatives=len(report.of("alternative")),
        forgers=len(report.of("forger")),
        oracles=oracles,
        checks={name: _figures(report, name) for name in report.checks if name != docstrings.NAME},
    )


def _figures(report: Report, check: str) -> Figures:
    rejected = [trial for trial in report.of("mistake") if check in trial.failing()]
    return Figures(
        rejects=len(rejected),
        alone=report.only_killer()[check],
        honest=_short(report.honest_error(check)),
        dishonest=_short(report.dishonest_error(check)),
    )


def _short(error: float | None) -> float | None:
    """Two digits: what can be said of an error on more machines than one."""
    return None if error is None else float(f"{error:.2g}")


def _general(report: Report) -> Tried | None:
    found = report.general
    if found is None:
        return None
    return Tried(tried=len(found.tried), rejected=len(found.killed), right=len(found.equivalent) + len(found.unshown))


def _mutants(report: Report) -> Tried | None:
    found = report.mutants
    if found is None:
        return None
    return Tried(tried=len(found.tried), rejected=len(found.killed), right=len(found.equivalent))


def _counts(certificate: Certificate) -> object:
    """What is the same on every machine."""
    checks = {name: (each.rejects, each.alone) for name, each in certificate.checks.items()}
    return msgspec.structs.replace(certificate, checks={}), checks
