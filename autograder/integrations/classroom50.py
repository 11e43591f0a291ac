"""Classroom 50's `result.json` (schema `classroom50/result/v1`), from a run of public checks.

Its runner calls `autograder.py` in the student's checkout and reads `./result.json`: integer scores, one entry for each
test, names of at most 100 bytes. Who and what is graded comes in environment variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from autograder.results import ExerciseResult

SCHEMA = "classroom50/result/v1"
MAX_NAME = 100  # bytes
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
    if not environment.get("USERNAME"):
        missing.append("USERNAME")
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
        "usernames": [environment["USERNAME"]],
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
