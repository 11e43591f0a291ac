"""Golden submissions: files as students hand them in, each with what the grader must make of them.

Every folder of `tests/golden/` is a submission for `warmup/softmax_lse` and `tokenizer/bpe`; its `expected.json` says what
matters of the result: verdicts and points of each check, why cases do not pass (message ids), the diagnoses. They are graded
together, in one run with a fixed secret, so the hidden cases are the same every time.

To write the expectations anew after a change that is meant, and then read the difference before committing it:

    UPDATE_GOLDEN=1 pytest tests/test_golden.py
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.course import load_course
from autograder.course.submission import open_submission
from autograder.feedback import messages
from autograder.grading.grade import ClassGrader
from autograder.results import CheckResult, ExerciseResult, Result
from autograder.store import Store

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
NAMES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
EXERCISES = ("warmup/softmax_lse", "tokenizer/bpe")
# Little CPU time and memory, so that what uses too much of them is soon over; much time by the clock, for a busy machine.
LIMITS = {"cpu_seconds": 2.0, "wall_factor": 60.0, "memory_mb": 1024}
SENTENCE = 60


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """All golden submissions, graded in one run."""
    private = tmp_path_factory.mktemp("private")
    course = load_course(ROOT)
    exercises = [course.exercise(name) for name in EXERCISES]
    exercises = [each.model_copy(update={"limits": each.limits.model_copy(update=LIMITS)}) for each in exercises]
    submissions = [open_submission(GOLDEN / name, course) for name in NAMES]
    with (
        Store(private / "results.sqlite") as store,
        ClassGrader(
            course, ROOT, private, b"golden" * 6, store.start_run().id, exercises=exercises, unsafe=True
        ) as grader,
    ):
        yield {result.submission: result for result in grader.grade(submissions, store)}


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_submission_is_graded_as_expected(graded: dict[str, Result], name: str) -> None:
    found = summary(graded[name])
    path = GOLDEN / name / "expected.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(path.read_text(encoding="utf-8"))


def test_the_golden_submissions_meet_every_verdict_that_a_file_can_bring_about(graded: dict[str, Result]) -> None:
    verdicts = {check.verdict for result in graded.values() for each in result.exercises for check in each.checks}
    assert verdicts == {"passed", "failed", "error", "timeout", "memory", "crashed", "forbidden"}


def test_every_message_and_diagnosis_of_a_golden_submission_can_be_read(graded: dict[str, Result]) -> None:
    sentences = []
    for result in graded.values():
        for exercise in result.exercises:
            found = [
                case_message
                for check in exercise.checks
                for case in check.cases
                if (case_message := messages.case_message(case))
            ]
            found += [exercise.message] if exercise.message else []
            sentences += [messages.text(message) for message in found]
    assert len(sentences) > 100
    unfilled = re.compile(r"\{[a-z]\w*(?::[^{}]*)?\}")
    assert not [sentence for sentence in sentences if not sentence.strip() or unfilled.search(sentence)]


def test_no_golden_submission_makes_the_grader_fail(graded: dict[str, Result]) -> None:
    for result in graded.values():
        assert not result.pending
        for exercise in result.exercises:
            assert exercise.verdict != "grader-error", (result.submission, exercise.message)


# ---------------------------------------------------------------- what is compared


def summary(result: Result) -> dict[str, Any]:
    """What matters of a result, without hashes, times and shown values."""
    return {
        "earned": result.earned,
        "points": result.points,
        "problems": [message.id for message in result.problems],
        "exercises": {each.exercise: _exercise(each) for each in result.exercises},
    }


def _exercise(result: ExerciseResult) -> dict[str, Any]:
    found: dict[str, Any] = {"verdict": result.verdict, "earned": result.earned}
    if result.message is not None:
        found["message"] = result.message.id
    if result.place is not None:
        found["place"] = f"{result.place.file}:{result.place.line}"
    found["checks"] = {check.name: _check(check) for check in result.checks}
    return found


def _check(check: CheckResult) -> dict[str, Any]:
    found: dict[str, Any] = {"verdict": check.verdict, "earned": check.earned}
    failing = [case for case in check.cases if case.verdict != "passed"]
    if failing:
        found["cases"] = f"{len(failing)} of {len(check.cases)}"
        found["why"] = sorted({message.id for case in failing if (message := messages.case_message(case))})
    places = sorted({f"{case.place.file}:{case.place.line}" for case in failing if case.place})
    if places:
        found["places"] = places
    if check.diagnosis is not None:
        found["diagnosis"] = [f"{sentence[:SENTENCE]}…" for sentence in check.diagnosis.sentences]
    return found
