"""A known mistake in the making: edits of a reference that are tried on its checks before they are written into `mistakes.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from autograder.course.config import Exercise
from autograder.grading.asking import Code
from autograder.grading.grade import ClassGrader
from autograder.grading.record import Graded, Subject
from autograder.grading.twins import TwinClient
from autograder.refusals import Refusal
from autograder.results import CheckResult, ExerciseResult
from autograder.source.parsing import parse


class NoMistake(Refusal):
    """It is none, or none that is new; the text says why and what to do."""


def edited(reference: str, edits: Mapping[str, str]) -> str:
    """The reference with every edit made; raises `NoMistake` where one does not fit."""
    for old, new in edits.items():
        times = reference.count(old)
        if times != 1:
            raise NoMistake(
                f"{old!r} is {'nowhere' if not times else f'{times} times'} in solution.py, and an edit needs a piece that is there "
                "once. Take more or less of the line."
            )
        reference = reference.replace(old, new)
    try:
        parse(reference)
    except SyntaxError as error:
        raise NoMistake(f"With these edits solution.py is no Python: {error.msg} (line {error.lineno}).") from None
    return reference


def tried(grader: ClassGrader, exercise: Exercise, source: str) -> Graded:
    """What the checks say of it, run as a student's code is."""
    file = f"{exercise.name}.py"
    client = TwinClient(grader.trusted, grader.planner.opening(exercise))
    try:
        checker = grader.grader_of(exercise, grader.planner.plan(exercise), client)
        return checker.grade(Subject(Code(source, file), lambda line: (file, line)))
    finally:
        client.close()


def require_new(result: ExerciseResult) -> list[CheckResult]:
    """The checks that reject it; raises `NoMistake` when none does, or when all of it is known already."""
    if result.message is not None and not any(check.cases for check in result.checks):
        raise NoMistake(
            "With these edits the file can't be loaded at all: that is no mistake that a sentence explains."
        )
    failing = [check for check in result.checks if check.points and check.verdict not in ("passed", "skipped")]
    if not failing:
        raise NoMistake("No check rejects it: either it is right, or there is a case that nobody has written yet.")
    if all(check.diagnosis for check in failing):
        known = dict.fromkeys(text for check in failing if check.diagnosis for text in check.diagnosis.sentences)
        raise NoMistake("It is known already: " + " Or: ".join(known))
    return failing


def raises(failing: list[CheckResult]) -> bool:
    """Whether it raises wherever it is rejected, which a mistake must say of itself."""
    cases = [case for check in failing for case in check.cases if case.verdict not in ("passed", "skipped")]
    told = [case.message.id if case.message else "" for case in cases]
    return all(id in ("run.raised", "run.not-run") for id in told) and "run.raised" in told


def entry(sentence: str, edits: Mapping[str, str], crashes: bool) -> str:
    """The entry for `mistakes.py`."""
    lines = [f"        {_literal(old)}: {_literal(new)}," for old, new in edits.items()]
    more = ["    crashes=True,"] if crashes else []
    return "\n".join(["mistake(", f"    {_literal(sentence)},", "    edit={", *lines, "    },", *more, ")"]) + "\n"


def append(path: Path, text: str) -> None:
    """Write the entry behind the others."""
    before = (
        path.read_text(encoding="utf-8")
        if path.is_file()
        else '"""Wrong answers."""\n\nfrom autograder.checks import mistake\n'
    )
    path.write_text(before.rstrip("\n") + "\n\n" + text, encoding="utf-8", newline="\n")


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
