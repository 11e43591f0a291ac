"""What a form says, and what is written of it. Everything is looked at here: a form can be sent with any content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.people import Answer, Comment, Folder, Points, Removed, Request
from autograder.people.records import MAX_LINE, MAX_TEXT, Record, now
from autograder.people.view import CommentView, Notes
from autograder.refusals import Refused
from autograder.results import ExerciseResult, Result
from autograder.serve.classroom import Classroom

ITEM, WHY = "item:", "why:"


@dataclass(frozen=True)
class Form:
    """The fields of any of the forms about a student's work."""

    action: str = ""
    by: str = ""
    state: str = ""
    line: int = 0
    file: str = ""  # hash of the answer that was looked at
    text: str = ""
    target: str = ""  # the id of a comment or a request
    items: Mapping[str, str] = field(default_factory=dict)
    whys: Mapping[str, str] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        return f"L{self.line}" if self.line else self.action or "points"


@dataclass(frozen=True)
class CodeLine:
    """A line of the answer, with the comments at it."""

    number: int
    text: str
    comments: list[CommentView]


def form_of(given: Mapping[str, str], by: str) -> Form:
    """What was sent; `by` where it does not say who writes."""
    line = given.get("line", "0")
    return Form(
        action=given.get("action", ""),
        by=given.get("by", by).strip()[:100],
        state=given.get("state", ""),
        line=int(line) if line.isascii() and line.isdigit() and len(line) < 8 and int(line) <= MAX_LINE else 0,
        file=given.get("file", ""),
        text=given.get("text", "").replace("\r\n", "\n").strip(),
        target=given.get("target", ""),
        items={key[len(ITEM) :]: value.strip() for key, value in given.items() if key.startswith(ITEM)},
        whys={key[len(WHY) :]: value.strip() for key, value in given.items() if key.startswith(WHY)},
    )


def code_lines(classroom: Classroom, result: Result, exercise: ExerciseResult, notes: Notes) -> list[CodeLine]:
    """The answer that was graded, line by line; [] where it is not there any more."""
    file = classroom.file(result, exercise)
    if file is None or file.text is None:
        return []
    at: dict[int, list[CommentView]] = {}
    for each in notes.comments:
        if each.line is not None:
            at.setdefault(each.line, []).append(each)
    lines = file.text.removesuffix("\n").split("\n")
    return [CodeLine(number, text, at.get(number, [])) for number, text in enumerate(lines, 1)]


def written(classroom: Classroom, result: Result, scope: str, form: Form) -> None:
    """Write what the form about `scope` of a submission says. Raises a `Refusal`, `Stale` when somebody else wrote meanwhile."""
    if not form.by:
        raise Refused("Say who you are: the student and your colleagues want to know who decided.")
    about: dict[str, Any] = {"of": scope, "by": form.by, "at": now()}
    folder = classroom.folder()
    records: list[Record]
    if form.action == "points":
        records = _points(form, about, classroom.notes(result, scope))
    elif form.action == "comment":
        records = [Comment(text=_text(form), **about, **_at(classroom, result, scope, form))]
    elif form.action == "remove":
        records = [Removed(comment=form.target, **about)]
    elif form.action == "request":
        records = [Request(text=_text(form), **about)]
    elif form.action == "answer":
        return answered(folder, result.submission, scope, form)
    else:
        raise Refused("This form says nothing that can be written.")
    if not records:
        raise Refused("Nothing is another than before, so nothing was written.")
    folder.add(result.submission, records, form.state)


def answered(folder: Folder, student: str, scope: str, form: Form) -> None:
    """Answer a request."""
    if not form.by:
        raise Refused("Say who you are: the student wants to know who answered.")
    asked = next((each for each in folder.of(student).requests(scope) if each.request.id == form.target), None)
    if asked is None or not asked.open:
        raise Refused("This request was answered meanwhile, or is there no more. Nothing was written.")
    state = form.state or folder.of(student).state(scope)
    folder.add(student, [Answer(of=scope, by=form.by, at=now(), request=form.target, text=_text(form))], state)


def mistake_arguments(exercise: str, given: Any, root: Path, results: Path) -> list[str]:
    """The command that tries a new known mistake, verifies the exercise with it, and then writes it."""
    sentence, like = " ".join(given.get("sentence", "").split()), given.get("like", "")
    edits = [
        (edit.replace("\r\n", "\n"), to.replace("\r\n", "\n"))
        for edit, to in zip(given.getlist("edit"), given.getlist("to"), strict=False)
        if edit.strip() or to.strip()
    ]
    if not sentence:
        raise Refused("Write the sentence: what the code does, and what to do instead.")
    if not edits:
        raise Refused("Say which piece of the solution is another one in this answer, and how.")
    if any(
        "\0" in part or len(part) > MAX_TEXT for part in (sentence, like, *(part for pair in edits for part in pair))
    ):
        raise Refused(f"A field holds a character that no file has, or more than {MAX_TEXT} of them.")
    if any(not edit or not to for edit, to in edits):
        raise Refused(
            "A piece of the solution needs something in its place: where it is left out, take more of the line."
        )
    pairs = [part for edit, to in edits for part in ("--edit", edit, "--to", to)]
    more = ["--like", like] if like else []
    where = ["--results", str(results.absolute()), "--course", str(root)]
    return ["mistake", *pairs, *more, *where, "--verify", "--write", "--", exercise, sentence]


# --- inside ---


def _text(form: Form) -> str:
    if not form.text:
        raise Refused("There are no words in it, so nothing was written.")
    if len(form.text) > MAX_TEXT:
        raise Refused(f"That is longer than {MAX_TEXT} characters. Nothing was written.")
    return form.text


def _points(form: Form, about: Mapping[str, Any], notes: Notes) -> list[Record]:
    """Those items alone that are another than before."""
    found: list[Record] = []
    for item in notes.items:
        text, why = form.items.get(item.id, ""), form.whys.get(item.id, "")
        if not text:
            continue
        try:
            points = float(text.replace(",", "."))
        except ValueError:
            raise Refused(f"{item.title}: {text!r} is no number. Nothing was written.") from None
        if (points, why) != (item.given, item.why):
            found.append(Points(item=item.id, points=points, why=why, **about))
    if unknown := form.items.keys() - {item.id for item in notes.items}:
        raise Refused(f"The rubric has no item {min(unknown)!r} any more. Nothing was written.")
    return found


def _at(classroom: Classroom, result: Result, scope: str, form: Form) -> dict[str, Any]:
    """What is stored of the line that a comment is about."""
    if not form.line:
        return {}
    exercise = next((each for each in result.exercises if each.exercise == scope), None)
    file = classroom.file(result, exercise) if exercise is not None else None
    if exercise is None or file is None or file.text is None:
        raise Refused("What was graded is not there any more, so it has no lines. Nothing was written.")
    if form.file != exercise.file_hash:
        raise Refused("Another answer was graded since this page was loaded. Nothing was written: look at its lines.")
    lines = file.text.split("\n")
    if form.line > len(lines):
        raise Refused(f"There is no line {form.line}. Nothing was written.")
    return {"line": form.line, "code": lines[form.line - 1], "file": exercise.file_hash}
