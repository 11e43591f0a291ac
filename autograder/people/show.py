"""What people said, in Markdown and in a terminal. Their words and the student's are shown as they are, never as markup."""

from __future__ import annotations

import sys

from rich.console import Group, RenderableType
from rich.padding import Padding

from autograder.feedback import messages
from autograder.feedback.escape import fence, markdown, markdown_spans, shorten
from autograder.feedback.pen import Pen
from autograder.people.view import AskedView, CommentView, ItemView, Notes

CODE = (400, 6)
"""Characters and lines of code that a comment shows."""


def notes_markdown(notes: Notes) -> str:
    """Blocks for below an exercise, "" when nobody said anything."""
    if not notes:
        return ""
    blocks = [f"### {markdown(notes.title)}"]
    items = [f"- {markdown(_item(each))}" for each in notes.items]
    blocks += ["\n".join(items)] if items else []
    for each in notes.comments:
        head = f"**{markdown(each.where)}** " if each.where else ""
        blocks.append(f"{head}{markdown(_who(each.by, each.day), start=not head)}")
        if each.told is not None:
            blocks.append(markdown_spans(messages.spans(each.told)))
        blocks += [fence(shorten(each.code, *CODE), "text")] if each.code else []
        blocks.append(_quoted(each.text))
    for asked in notes.asked:
        state = "open" if asked.open else f"answered {_who(asked.answered_by, asked.answered)}"
        blocks.append(
            f"**Request to look at it again** {markdown(_who(asked.by, asked.day), start=False)}, {markdown(state, start=False)}"
        )
        blocks.append(_quoted(asked.text))
        blocks += [
            f"Answer: {markdown(line)}" if not n else markdown(line)
            for n, line in enumerate(asked.answer.split("\n"))
            if line
        ]
    return "\n\n".join(blocks) + "\n"


def notes_lines(notes: Notes, encoding: str | None = None) -> RenderableType:
    """The same for a terminal."""
    pen = Pen(encoding or sys.stdout.encoding or "utf-8")
    parts: list[RenderableType] = [pen.line(notes.title, "bold")]
    parts += [Padding(pen.line(_item(each)), (0, 0, 0, 2)) for each in notes.items]
    for each in notes.comments:
        parts += _comment_lines(each, pen)
    for each in notes.asked:
        parts += _asked_lines(each, pen)
    return Group(*parts)


def _comment_lines(each: CommentView, pen: Pen) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Padding(pen.line(f"{each.where or 'the whole'} {_who(each.by, each.day)}", "cyan"), (0, 0, 0, 2))
    ]
    if each.told is not None:
        parts.append(Padding(pen.spans(messages.spans(each.told), "yellow"), (0, 0, 0, 4)))
    lines = shorten(each.code, *CODE).split("\n") if each.code else []
    parts += [Padding(pen.line(f"| {line}", "dim"), (0, 0, 0, 4)) for line in lines]
    return [*parts, *(Padding(pen.line(line), (0, 0, 0, 4)) for line in each.text.split("\n"))]


def _asked_lines(each: AskedView, pen: Pen) -> list[RenderableType]:
    state = "open" if each.open else f"answered {_who(each.answered_by, each.answered)}"
    parts: list[RenderableType] = [
        Padding(pen.line(f"asks to look at it again {_who(each.by, each.day)}, {state}", "yellow"), (0, 0, 0, 2))
    ]
    parts += [Padding(pen.line(f"> {line}"), (0, 0, 0, 4)) for line in each.text.split("\n")]
    return [*parts, *(Padding(pen.line(line), (0, 0, 0, 4)) for line in each.answer.split("\n") if line)]


def _item(each: ItemView) -> str:
    if each.given is None:
        return (
            f"{each.title}: not given yet, of {each.points} points"
            if each.points > 0
            else f"{each.title}: nothing taken"
        )
    why = f": {each.why}" if each.why else ""
    return f"{each.title}: {each.given:g} of {each.points} points {_who(each.by, '')}{why}"


def _who(by: str, day: str) -> str:
    return f"(by {by}{', ' + day if day else ''})"


def _quoted(text: str) -> str:
    return "\n".join(f"> {markdown(line)}" if line.strip() else ">" for line in text.split("\n"))
