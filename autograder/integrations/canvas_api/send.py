"""Sending grades: some at a time, each remembered before it goes, and all of an assignment read back after they went."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autograder.integrations.canvas_api.data import Job
from autograder.integrations.canvas_api.grades import Change, arrived
from autograder.integrations.canvas_api.http import Canvas
from autograder.integrations.canvas_api.place import CanvasApiError
from autograder.integrations.canvas_api.sent import Line, Sent

AT_ONCE = 50
"""Students in a request: what is lost with a connection, and has to be looked at again."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
LONGEST = 600.0
"""Seconds for which a job of Canvas's is waited for."""


@dataclass
class Outcome:
    """What came of it."""

    arrived: list[Change] = field(default_factory=list)
    refused: list[tuple[Change, str]] = field(default_factory=list)  # with what Canvas said


def send(
    canvas: Canvas, sent: Sent, changes: Sequence[Change], on_step: Callable[[int], None] = lambda done: None
) -> Outcome:
    """Send what is to be sent. Raises `CanvasApiError`; what was sent until then is remembered, and the next call goes on.

    Where Canvas has what it should, that is remembered, too: whoever entered it, it may be replaced when ours changes.
    """
    outcome = Outcome()
    agreed = [
        each for each in changes if each.kind == "same" and sent.known(each.assignment.id, each.user).grade != each.new
    ]
    if agreed:
        sent.write("sent", [Line(each.assignment.id, each.user, each.new, "") for each in agreed])
    todo: dict[int, list[Change]] = {}
    for each in changes:
        if each.sends:
            todo.setdefault(each.assignment.id, []).append(each)
    for those in todo.values():
        why: dict[int, str] = {}
        for first in range(0, len(those), AT_ONCE):
            part = those[first : first + AT_ONCE]
            job = _send(canvas, sent, part)
            why |= {each.user: job.message or ("the job failed" if job.state == "failed" else "") for each in part}
            on_step(len(outcome.arrived) + len(outcome.refused) + first + len(part))
        # A job that failed may have done a part, and one that ended well may have passed somebody over.
        there = canvas.grades(those[0].assignment, comments=any(each.comment for each in those))
        done = [each for each in those if arrived(each, there.get(each.user))]
        sent.write("sent", [_line(each) for each in done])
        outcome.arrived += done
        outcome.refused += [(each, why[each.user] or "it did not say why") for each in those if each not in done]
    return outcome


def _send(canvas: Canvas, sent: Sent, part: Sequence[Change]) -> Job:
    """Send some, and wait until Canvas has worked them off."""
    assignment = part[0].assignment
    sent.write("sending", [_line(each) for each in part])
    job = canvas.send(assignment, {each.user: _said(each) for each in part})
    waited = 0.0
    pauses = itertools.chain(PAUSES, itertools.repeat(PAUSES[-1]))
    while not job.ended:
        if waited >= LONGEST:
            raise CanvasApiError(
                f"Canvas has not worked off {len(part)} grades of {assignment.name!r} after {LONGEST / 60:.0f} minutes. Run the same "
                "command again later: it looks what has arrived"
            )
        pause = next(pauses)
        time.sleep(pause)
        waited += max(pause, 0.01)
        job = canvas.job(job)
    return job


def _line(change: Change) -> Line:
    return Line(change.assignment.id, change.user, change.new if change.kind == "send" else None, change.comment)


def _said(change: Change) -> dict[str, str | bool]:
    said: dict[str, str | bool] = {}
    if change.kind == "send":
        said |= {"excuse": True} if change.new == "EX" else {"posted_grade": change.new}
    if change.comment:
        said["text_comment"] = change.comment
    return said
