"""A sheet as a conversation in the terminal: one question at a time, the key after each answer, with what was computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autograder.feedback.pen import Pen
from autograder.questions.make import Sheet
from autograder.questions.question import LETTERS, Question
from autograder.questions.sheet import rows

AROUND = 3
"""Lines of the file that are shown before and after the one that a question is about."""
TRIES = 20


class Quiz:
    """Asks the questions of a sheet. `ask` reads an answer: from the keyboard, or from whatever stands for it."""

    def __init__(self, out: Console, sheet: Sheet, ask: Callable[[], str] | None = None) -> None:
        self.out = out
        self.sheet = sheet
        self.pen = Pen(out.encoding)
        self.rows = rows(sheet)
        self._ask = ask or (lambda: out.input("Your answer (a, b, …; s skips, q ends): "))

    def run(self) -> None:
        """Ask all questions, and say in the end how many were right."""
        sheet = self.sheet
        if not sheet.questions:
            self.out.print(self.pen.line(sheet.problem or "There is nothing in this file that is worth a question."))
            return
        right = asked = 0
        for number, question in enumerate(sheet.questions, 1):
            self.out.print()
            self.out.print(self.shown(number, question))
            answer = self._answer(question)
            if answer == "q":
                break
            asked += 1
            right += answer == question.letter
            self.out.print(self.told(question, answer))
        if asked:
            self.out.print()
            self.out.print(
                self.pen.line(f"{right} of {asked} right. The same questions again: --seed {sheet.seed}", "bold")
            )

    def _answer(self, question: Question) -> str:
        """A letter, "s" to skip, "q" to end; the end of the input ends it too."""
        letters = LETTERS[: len(question.choices)]
        for _ in range(TRIES):
            try:
                said = self._ask().strip().lower()
            except EOFError:
                return "q"
            if len(said) == 1 and said in f"{letters}sq":
                return said
            self.out.print(self.pen.line(f"Type one of {', '.join(letters)}; s skips, q ends.", "yellow"))
        return "q"

    def shown(self, number: int, question: Question) -> RenderableType:
        """One question with its choices."""
        pen = self.pen
        parts: list[RenderableType] = [pen.line(f"Question {number} of {len(self.sheet.questions)}", "bold")]
        if question.line:
            parts.append(self._around(question))
        if question.code:
            parts.append(_indented(pen.block("\n".join(question.code), "cyan")))
        parts.append(pen.spans(list(question.asks)))
        for letter, choice in zip(LETTERS, question.choices, strict=False):
            parts.append(
                _indented(Group(_beside(pen, f"{letter})", pen.block(choice.text, "cyan" if choice.code else ""))))
            )
        return Group(*parts)

    def _around(self, question: Question) -> RenderableType:
        """The line that it is about among its neighbours, and what becomes of it."""
        lines: list[RenderableType] = []
        for number, row, _ in self.rows[max(question.line - 1 - AROUND, 0) : question.line + AROUND]:
            here = number == question.line
            style = "bold" if here else "dim"
            mark = " " if not here else "-" if question.new else self.pen.signs["here"]
            lines.append(
                self.pen.line(
                    f"{mark}{number:4}  {row.expandtabs(4)}", f"{style} red" if mark == "-" else style, overflow="fold"
                )
            )
            if here and question.new:
                indent = row[: len(row) - len(row.lstrip())].expandtabs(4)
                lines.append(self.pen.line(f"+{number:4}  {indent}{question.new}", "bold green", overflow="fold"))
        return Padding(Group(*lines), (0, 0, 1, 0))

    def told(self, question: Question, answer: str) -> RenderableType:
        """What is right, and what was computed for each choice."""
        pen = self.pen
        if answer == question.letter:
            first = pen.line("Right.", "bold green")
        else:
            first = pen.line(
                f"{'It is' if answer == 's' else 'No, it is'} {question.letter}).",
                "bold red" if answer != "s" else "bold",
            )
        why = [
            _indented(_beside(pen, f"{letter})", pen.block(choice.why, "dim")))
            for letter, choice in zip(LETTERS, question.choices, strict=False)
            if choice.why
        ]
        return Group(first, *why)


def _beside(pen: Pen, sign: str, text: Text) -> RenderableType:
    from autograder.feedback.layout import hanging

    return hanging(pen.line(sign, "bold"), text)


def _indented(part: Any) -> RenderableType:
    return Padding(part, (0, 0, 0, 2), expand=False)
