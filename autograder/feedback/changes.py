"""Why a check came to other points, in a sentence: which case decides now, and which did before."""

from __future__ import annotations

from autograder.feedback import escape, messages
from autograder.grading.changes import Change
from autograder.results import CaseResult


def why(change: Change) -> str:
    """What decides a check now, and what did before."""
    if change.now is None:
        return f"Now {_said(change.now)}. Before, {_said(change.was)}"
    return f"Now {_said(change.now)}"


def _said(case: CaseResult | None) -> str:
    if case is None:
        return "no case fails"
    message = messages.case_message(case)
    facts = messages.difference_facts(case.difference) if case.difference else []
    sentences = [messages.text(message) if message else case.verdict, *map(escape.spans_text, facts)]
    return f"case “{case.title}”: {' '.join(sentences)}"
