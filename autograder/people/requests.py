"""Requests for a regrade that students handed in, taken down into the files of people: from there on a person answers them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from autograder.people.files import Folder
from autograder.people.records import Request
from autograder.refusals import Refusal
from autograder.results import Result

MOST_OPEN = 20
"""Of one student: what they hand in beyond is not taken down, until somebody has answered."""


def take_down(folder: Folder, results: Sequence[Result]) -> list[str]:
    """Write down what `results` ask for and nobody has written down yet. Returns what a person should know: nothing is raised for it."""
    told = []
    for result in results:
        if not result.requests:
            continue
        try:
            said = folder.of(result.submission)
            known = {(each.request.of, each.request.text.strip()) for each in said.requests()}
            room = MOST_OPEN - sum(each.open for each in said.requests())
            new = [
                Request(of=scope, by=result.submission, at=_moment(result), text=text)
                for scope, text in result.requests.items()
                if (scope, text.strip()) not in known
            ]
            if len(new) > max(room, 0):
                told.append(
                    f"{result.submission} has more than {MOST_OPEN} open requests for a regrade: the others are left out."
                )
            if taken := new[: max(room, 0)]:
                folder.add(result.submission, taken)
        except Refusal as error:
            told.append(f"What {result.submission} asks to be looked at again could not be written down: {error}")
    return told


def _moment(result: Result) -> datetime:
    for text in (result.handed_in, result.graded_at):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(microsecond=0)
    return datetime.now(UTC).replace(microsecond=0)
