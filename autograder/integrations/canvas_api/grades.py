"""What Canvas has, what it should have, and what is to be sent: decided from data alone, nothing is asked or written here.

A grade in Canvas that is not the one that was last sent was changed there by somebody: it stays, and is named, unless it may be overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from autograder.course.roster import Person, Roster
from autograder.integrations.canvas import person_of
from autograder.integrations.canvas_api.data import Assignment, Grade, Student
from autograder.integrations.canvas_api.place import CanvasApiError
from autograder.integrations.canvas_api.sent import Known, digest
from autograder.scores.records import ModuleScore, Score, number

EXCUSED = "EX"
"""Canvas's word."""
LAST_DIGIT = 0.005
Kind = Literal["send", "same", "by hand"]


@dataclass(frozen=True)
class Change:
    """What one student has in one assignment, and is to have."""

    assignment: Assignment
    student: str
    user: int
    name: str
    old: str  # "" where there is none
    new: str
    kind: Kind
    comment: str = ""  # to be sent, "" for none
    pending: int = 0  # points that may still come

    @property
    def sends(self) -> bool:
        return self.kind == "send" or bool(self.comment)


def places(
    scores: Sequence[Score], there: Sequence[Assignment], named: Mapping[str, str], only: Sequence[str]
) -> tuple[dict[str, Assignment], list[str]]:
    """The assignment of each module (of those in `only`, if there are any), and what a person should know. `named` has them by
    module, as Canvas's number or name, where titles do not tell. Raises `CanvasApiError`."""
    modules = {module.module: module.title for score in scores for module in score.modules}
    if unknown := [name for name in (*only, *named) if name not in modules]:
        raise CanvasApiError(f"There is no graded module {unknown[0]!r}. There are: {', '.join(modules) or 'none'}")
    found: dict[str, Assignment] = {}
    notes = []
    for module, title in modules.items():
        if only and module not in only:
            continue
        wanted = named.get(module)
        fits = _fitting(there, [wanted] if wanted is not None else [title, module])
        if len(fits) > 1:
            ids = ", ".join(str(each.id) for each in fits)
            raise CanvasApiError(
                f"Canvas has {len(fits)} assignments called {fits[0].name!r} ({ids}): name one with --assignment {module}=NUMBER"
            )
        if fits:
            found[module] = fits[0]
        elif wanted is not None or module in only:
            shown = ", ".join(f"{each.name} ({each.id})" for each in there[:20]) or "none"
            raise CanvasApiError(
                f"Canvas has no assignment {wanted or title!r}. It has: {shown}. Name one with --assignment {module}=NUMBER"
            )
        else:
            notes.append(
                f"No assignment in Canvas is called {title!r}: left out, or name it with --assignment {module}=NUMBER."
            )
    if len({each.id for each in found.values()}) < len(found):
        raise CanvasApiError("Two modules would go into one assignment: the second would overwrite the first")
    if not found:
        raise CanvasApiError("\n".join([*notes, "So there is nothing to send"]))
    for module, assignment in found.items():
        _require_gradable(module, assignment)
    return found, notes


def _fitting(there: Sequence[Assignment], names: Sequence[str]) -> list[Assignment]:
    for name in names:
        fits = [each for each in there if name == str(each.id)] or [
            each for each in there if each.name.strip().casefold() == name.strip().casefold()
        ]
        if fits:
            return fits
    return []


def _require_gradable(module: str, assignment: Assignment) -> None:
    name = repr(assignment.name)
    if not assignment.published:
        raise CanvasApiError(
            f"{name} is not published in Canvas, which takes no grades for it. Publish it, or leave out {module}"
        )
    if assignment.grading in ("pass_fail", "not_graded"):
        raise CanvasApiError(
            f"{name} has no points in Canvas (it is displayed as {assignment.grading}). Edit it there: display grade as points"
        )
    if assignment.shared:
        raise CanvasApiError(
            f"{name} has one grade for all of a group in Canvas, and here each member has their own. Edit it there: assign grades to each student individually"
        )
    if assignment.moderated:
        raise CanvasApiError(
            f"{name} is moderated in Canvas: grades are provisional there until a moderator releases them. Switch that off there, or release them first"
        )
    if assignment.anonymous:
        raise CanvasApiError(
            f"{name} is graded anonymously in Canvas, which then does not say whose a grade is. Switch that off there"
        )


@dataclass(frozen=True)
class Match:
    """Who is who."""

    people: dict[str, Student]  # by the id here
    notes: list[str]


def match(scores: Sequence[Score], students: Sequence[Student], roster: Roster) -> Match:
    """Canvas's students by the ids of the class list."""
    found: dict[str, Student] = {}
    notes = []
    for student in students:
        person: Person | None = person_of(roster, str(student.id), student.sis_id, student.login)
        if person is None:
            notes.append(
                f"{student.name} (Canvas id {student.id}) is nobody of the class list: left as it is. `autograder canvas roster` adds them."
            )
        elif person.id in found:
            notes.append(
                f"{person.id} is two people in Canvas ({found[person.id].id}, {student.id}): the second is left as it is."
            )
        else:
            found[person.id] = student
    notes += [
        f"{score.student} is not in this course of Canvas: left out." for score in scores if score.student not in found
    ]
    return Match(found, notes)


def wanted(module: ModuleScore, assignment: Assignment) -> str:
    """The grade as Canvas takes it, in its own points."""
    if not module.counts:
        return EXCUSED
    scale = assignment.points / module.points if assignment.points and module.points else 1.0
    return number(module.score * scale)


def not_due(module: ModuleScore, now: datetime) -> bool:
    """Whether nothing was handed in yet, and there is still time: then 0 points would be no news, and a fright."""
    nothing = all(not each.verdict and not each.score for each in module.exercises)
    return nothing and bool(module.due) and now < datetime.fromisoformat(module.due).astimezone()


def change(
    assignment: Assignment,
    student: str,
    at: Student,
    module: ModuleScore,
    has: Grade | None,
    known: Known,
    comment: str,
    overwrite: bool,
) -> Change:
    """What is to become of one grade."""
    old, new = _shown(has), wanted(module, assignment)
    if _equal(old, new):
        kind: Kind = "same"
    elif overwrite or not old_is_somebodys(old, has, known):
        kind = "send"
    else:
        kind = "by hand"
    due = "" if kind == "by hand" or not comment or _is_there(comment, has, known) else comment
    return Change(assignment, student, at.id, at.name, old, new, kind, due, module.pending)


def old_is_somebodys(old: str, has: Grade | None, known: Known) -> bool:
    """Whether what Canvas has was put there by somebody else than us."""
    ours = [each for each in (known.grade, known.under_way) if each is not None]
    if any(_equal(old, each) for each in ours):
        return False
    if old == "":
        return known.grade is not None  # it was there, and was taken away
    return has is not None and not has.by_policy


def arrived(change: Change, has: Grade | None) -> bool:
    """Whether Canvas has what was sent."""
    grade = change.kind != "send" or _equal(_shown(has), change.new)
    return grade and (not change.comment or (has is not None and digest(change.comment) in map(digest, has.comments)))


def _is_there(comment: str, has: Grade | None, known: Known) -> bool:
    """Whether the last of our comments says the same."""
    mine = digest(comment)
    ours = [
        each for each in map(digest, has.comments if has is not None else ()) if each in known.comments or each == mine
    ]
    return bool(ours) and ours[-1] == mine


def _shown(has: Grade | None) -> str:
    if has is None:
        return ""
    return EXCUSED if has.excused else "" if has.score is None else number(has.score)


def _equal(one: str, other: str) -> bool:
    try:
        return abs(float(one) - float(other)) < LAST_DIGIT
    except ValueError:
        return one == other
