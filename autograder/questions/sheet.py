"""A sheet for a talk of five minutes: the code with its line numbers, the questions, and, for whoever asks, the key.

What is shown of a submission is text: its lines, and values that were printed on the trusted side. It is escaped where it is shown.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from autograder.feedback import html
from autograder.feedback.escape import code_span, fence, markdown, markdown_spans
from autograder.questions.make import Sheet
from autograder.questions.question import LETTERS, Question

SCHEMA = "llm-internals/questions/1"
TEMPLATES = Path(__file__).parent / "templates"
KINDS = {
    "returns": "what a call gives",
    "another": "which call notices a change",
    "same": "which call does not notice a change",
    "becomes": "what a call gives with a change",
    "which": "which change leads to a result",
    "happens": "what kind of result a change leads to",
    "times": "how often a line runs",
    "shape": "the shape of a variable",
    "holds": "what a variable holds",
}


def files(sheet: Sheet) -> dict[str, bytes]:
    """The sheet in all its forms, by the ends of their names: with the key and without, and the record that it can be made from again."""
    return {
        ".html": page(sheet, key=False).encode(),
        ".key.html": page(sheet, key=True).encode(),
        ".md": text(sheet, key=False).encode(),
        ".key.md": text(sheet, key=True).encode(),
        ".json": record(sheet).encode(),
    }


def page(sheet: Sheet, key: bool) -> str:
    """One page for a browser or a printer, which needs nothing but itself."""
    environment = html.environment(TEMPLATES)
    return environment.get_template("sheet.html").render(
        title=heading(sheet), sheet=sheet, key=key, language="en", letters=LETTERS, kinds=KINDS, rows=rows(sheet)
    )


def heading(sheet: Sheet) -> str:
    return f"{sheet.title or sheet.exercise}: questions on {sheet.student or 'your code'}"


def rows(sheet: Sheet) -> list[tuple[int, str, bool]]:
    """The lines of the file with their numbers, and whether a question is about them."""
    asked = {question.line for question in sheet.questions}
    lines = sheet.text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    return [(number, line, number in asked) for number, line in enumerate(lines, 1)]


# --- Markdown ---


def text(sheet: Sheet, key: bool) -> str:
    """The same in Markdown."""
    parts = [f"# {markdown(heading(sheet))}", f"{markdown(sheet.exercise)}, {code_span(sheet.file)}"]
    for number, question in enumerate(sheet.questions, 1):
        parts += _question(number, question, key)
    if not sheet.questions:
        parts.append(markdown(sheet.problem or "There are no questions."))
    if key:
        parts += ["## How this sheet was made", markdown(made(sheet))]
    parts += ["## The code", fence("\n".join(f"{number:4}  {line}" for number, line, _ in rows(sheet)), "python")]
    return "\n\n".join(parts) + "\n"


def _question(number: int, question: Question, key: bool) -> list[str]:
    parts = [f"## Question {number}"]
    if question.new:
        parts += [f"Line {question.line} becomes another one:", fence(f"- {question.old}\n+ {question.new}", "diff")]
    if question.code:
        parts.append(fence("\n".join(question.code), "python"))
    parts.append(markdown_spans(list(question.asks)))
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        right = key and letter == question.letter
        start, end = ("**", "** ✓") if right else ("", "")
        why = f" ({markdown(choice.why, start=False)})" if key and choice.why else ""
        if not choice.code:
            parts.append(f"{start}{letter}){end} {markdown(choice.text, start=False)}{why}")
        elif "\n" in choice.text:
            parts += [f"{start}{letter}){end}{why}", fence(choice.text, "python")]
        else:
            parts.append(f"{start}{letter}){end} {code_span(choice.text)}{why}")
    return parts


# --- the record ---


def made(sheet: Sheet) -> str:
    """What a second sheet like this one needs, and what was tried."""
    left = ", ".join(f"{reason}: {count}" for reason, count in sorted(sheet.left_out.items()) if count)
    return (
        f"Seed {sheet.seed}, file {sheet.hash[:12]}. {sheet.calls} calls and {sheet.changes} changes of a line were run; every key "
        f"was run a second time. Left out: {left or 'nothing'}."
    )


def record(sheet: Sheet) -> str:
    """The sheet as JSON: for other tools, and to make it again."""
    questions = [
        {
            "kind": question.kind,
            "line": question.line,
            "old": question.old,
            "new": question.new,
            "code": list(question.code),
            "asks": [list(part) for part in question.asks],
            "choices": [asdict(choice) for choice in question.choices],
            "answer": question.letter,
        }
        for question in sheet.questions
    ]
    about = {
        "schema": SCHEMA,
        "exercise": sheet.exercise,
        "student": sheet.student,
        "file": sheet.file,
        "hash": sheet.hash,
        "seed": sheet.seed,
        "count": sheet.count,
        "calls": sheet.calls,
        "changes": sheet.changes,
        "left_out": dict(sorted(sheet.left_out.items())),
        "problem": sheet.problem,
        "questions": questions,
    }
    return json.dumps(about, indent=1) + "\n"  # in ASCII: nothing of it moves a cursor
