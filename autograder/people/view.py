"""What people said about an exercise or a module of one student, ready to be shown: in a terminal, in Markdown, in HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autograder.course.answers import SubmittedFile
from autograder.course.config import Course
from autograder.people.places import Codes, Placed, State, placed
from autograder.people.records import EARLIEST, Asked, Comment, Record, Said
from autograder.people.rubrics import rubric_of
from autograder.results import ExerciseResult, Message, Result

_TOLD = {"gone": "people.gone", "unknown": "people.unknown", "moved": "people.moved"}


@dataclass(frozen=True)
class ItemView:
    """An item of a rubric. `given` is None as long as nobody gave points."""

    id: str
    title: str
    points: int
    given: float | None = None
    why: str = ""
    by: str = ""


@dataclass(frozen=True)
class CommentView:
    """A comment: where it is, the text of the line that it is about, and what is to be said of that line."""

    id: str
    where: str  # "", where it is about the whole
    line: int | None  # of the text that was graded, where it is there
    code: str  # theirs: as it was when the comment was written
    text: str
    by: str
    day: str
    state: State
    told: Message | None = None


@dataclass(frozen=True)
class AskedView:
    """A request for a regrade, and its answer."""

    id: str
    text: str  # theirs
    by: str
    day: str
    open: bool
    answer: str = ""
    answered_by: str = ""
    answered: str = ""  # the day


@dataclass(frozen=True)
class Notes:
    """Everything about one exercise or module."""

    scope: str
    title: str
    items: list[ItemView] = field(default_factory=list)
    comments: list[CommentView] = field(default_factory=list)
    asked: list[AskedView] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether a person said anything: a rubric that nobody has used yet says nothing."""
        return bool(self.comments or self.asked or any(item.given is not None for item in self.items))


def notes_of(said: Sequence[Said], scope: str, title: str, course: Course) -> Notes:
    """What stands about a module, or about an exercise of which nothing was graded. Later ones of `said` win."""
    return _notes(said, scope, title, course, None, lambda: None)


def exercise_notes(
    said: Sequence[Said], result: Result, exercise: ExerciseResult, course: Course, codes: Codes
) -> Notes:
    """What stands about an exercise of a submission. The code is opened only where a comment asks for it."""
    return _notes(said, exercise.exercise, exercise.title, course, exercise, lambda: codes.file(result, exercise))


# --- inside ---


def _notes(
    said: Sequence[Said],
    scope: str,
    title: str,
    course: Course,
    exercise: ExerciseResult | None,
    open_file: Callable[[], SubmittedFile | None],
) -> Notes:
    points = {item: each for one in said for item, each in one.points(scope).items()}
    rubric = rubric_of(course, scope)
    items = []
    for item in rubric.items if rubric is not None else ():
        given = points.get(item.id)
        more = {"given": given.points, "why": given.why, "by": given.by} if given is not None else {}
        items.append(ItemView(item.id, item.title, item.points, **more))
    comments = [each for one in said for each in one.comments(scope)]
    file_hash = exercise.file_hash if exercise is not None else ""
    file = open_file() if any(each.line and (each.file != file_hash) for each in comments) else None
    views = [_comment(placed(each, file_hash, file.text if file else None), exercise, file) for each in comments]
    asked = [_asked(each) for one in said for each in one.requests(scope)]
    return Notes(scope, title, items, sorted(views, key=lambda each: each.line or 0), asked)


def _comment(found: Placed, exercise: ExerciseResult | None, file: SubmittedFile | None) -> CommentView:
    comment = found.comment
    where = ""
    line = found.line or comment.line
    if comment.line:
        label, there = file.where(line) if file is not None and found.line else (_name(exercise), line)
        where = f"{label}:{there}" if label else f"line {there}"
    told = Message(id=_TOLD[found.state], values={"was": comment.line}) if found.state in _TOLD else None
    return CommentView(
        comment.id, where, found.line, comment.code, comment.text, comment.by, day(comment), found.state, told
    )


def _name(exercise: ExerciseResult | None) -> str:
    """The file's name, where a line of it means something: of a notebook it does not."""
    return exercise.file if exercise is not None and exercise.file.endswith(".py") else ""


def _asked(each: Asked) -> AskedView:
    asked, answer = each.request, each.answer
    told = {"answer": answer.text, "answered_by": answer.by, "answered": day(answer)} if answer is not None else {}
    return AskedView(asked.id, asked.text, asked.by, day(asked), each.open, **told)


def day(record: Record | Comment) -> str:
    """On which day it was written; "" where nobody said so."""
    return record.at.date().isoformat() if record.at != EARLIEST else ""
