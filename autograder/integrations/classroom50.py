"""Classroom 50: its `result.json` (schema `classroom50/result/v1`), and the bundle that its runner grades with.

The runner unpacks the bundle of an assignment, calls its `autograder.py` in the student's checkout, and reads `./result.json`:
integer scores, one entry for each test, names of at most 100 bytes. What is graded comes in environment variables; who is (and
when it was handed in) the runner adds itself. Bundles are published by address and no larger than 10 MB, so ours holds the class
edition: public checks, nothing hidden. Source: the wiki of foundation50/classroom50, "Advanced Autograding".
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autograder.results import ExerciseResult

SCHEMA = "classroom50/result/v1"
MAX_NAME = 100  # bytes
MAX_BUNDLE = 10 * 2**20  # bytes, packed
ENTRY = "autograder.py"
COURSE = "course"  # the class edition, beside the entry
_FROM = {  # field → the runner's variable
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
    "review": "REVIEW_URL",
}


class NotInClassroom50(Exception):
    """The variables that Classroom 50's runner sets are not there. The text names them."""


def is_runner(environment: Mapping[str, str]) -> bool:
    """Whether Classroom 50's runner started this process."""
    return all(environment.get(name) for name in ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG"))


def result(
    results: list[ExerciseResult], environment: Mapping[str, str], now: datetime | None = None
) -> dict[str, Any]:
    """The payload. Bonus checks count nothing here, since a score may not exceed its maximum.

    Raises `NotInClassroom50` when the runner's variables are missing.
    """
    values = {field: environment.get(variable, "") for field, variable in _FROM.items()}
    values["review"] = values["review"] or values["commit"]
    missing = [_FROM[field] for field, value in values.items() if not value]
    if missing:
        raise NotInClassroom50(
            f"Classroom 50's runner sets {', '.join(missing)}, and here that is not set: start it from an autograder.py."
        )
    tests = [
        {
            "test-name": _name(f"{each.exercise}: {check.name}"),
            "passed": check.verdict == "passed",
            "score": check.earned,
            "max-score": check.points,
        }
        for each in results
        for check in each.checks
        if not check.bonus
    ]
    return {
        "schema": SCHEMA,
        "classroom": values["classroom"],
        "assignment": values["assignment"],
        "submission": values["submission"],
        "commit": values["commit"],
        "release": values["release"],
        "review": values["review"],
        "datetime": (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def _name(text: str) -> str:
    return text.encode()[:MAX_NAME].decode(errors="ignore")


def entry(exercises: Sequence[str]) -> str:
    """The text of the bundle's `autograder.py`, for these exercises or topics."""
    text = (Path(__file__).parent / "classroom50_entry.py").read_text(encoding="utf-8")
    return text.replace("EXERCISES: list[str] = []", f"EXERCISES: list[str] = {list(exercises)!r}")


def packed_size(folder: Path) -> int:
    """How many bytes `folder` has as a `.tar.gz`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    return packed.tell()
