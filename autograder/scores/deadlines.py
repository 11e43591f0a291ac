"""When a module is due for one student: their own clock, and more time from the roster or from a person's adjustment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from autograder.course.config import Module
from autograder.course.roster import Extension, Person, extension_of
from autograder.results import Message
from autograder.store.ledger import Adjustment


@dataclass(frozen=True)
class Deadline:
    """A moment, and why it is not the course's own."""

    due: datetime | None
    reasons: tuple[Message, ...] = ()


def deadline(module: Module, person: Person | None, adjustments: Iterable[Adjustment] = ()) -> Deadline:
    """The deadline of `module` for `person`. Of several extensions, the one that gives the most time counts."""
    if module.due is None:
        return Deadline(None)
    due = base = by_clock(module.due, person)
    reasons = []
    if due != module.due and person is not None:
        reasons.append(Message(id="score.timezone", values={"zone": str(person.timezone), "due": said(due)}))
    more: list[tuple[datetime, Message]] = []
    for extension in person.extensions if person is not None else ():
        if extension.module in ("", module.id):
            moment = _moment(extension, base)
            more.append((moment, Message(id="score.extension", values={"due": said(moment)})))
    for each in adjustments:
        extension = extension_of("", each.value) if each.kind == "extend" and each.scope in ("", module.id) else None
        if extension is not None:
            moment = _moment(extension, base)
            values = {"due": said(moment), "by": each.by, "why": each.why}
            more.append((moment, Message(id="score.extended-by", values=values)))
    if more:
        longest, reason = max(more, key=lambda pair: pair[0])
        if longest > due:
            due = longest
            reasons.append(reason)
    return Deadline(due, tuple(reasons))


def by_clock(moment: datetime, person: Person | None) -> datetime:
    """The same time of day in the student's own zone. A time that their clocks skip is the one just after."""
    if person is None or person.timezone is None:
        return moment
    there = moment.replace(tzinfo=person.timezone)
    return there.astimezone(UTC).astimezone(person.timezone)


def _moment(extension: Extension, base: datetime) -> datetime:
    if extension.until is None:
        return base + (extension.by or timedelta())
    until = extension.until
    return until if until.tzinfo is not None else until.replace(tzinfo=base.tzinfo)


def said(moment: datetime) -> str:
    """A moment as people read it, with its offset."""
    return moment.isoformat(sep=" ", timespec="minutes")
