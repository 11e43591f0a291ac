"""The lines below a page's title, made from the exercise's row in `grading.toml`, so that page, `status` and notebook agree."""

from __future__ import annotations

import os.path
import re
from pathlib import PurePosixPath

from autograder.course.config import Course, Exercise

HARDEST = 5
_FIRST = "> **You will be able to** "
_HEAD = re.compile(r"\A# [^\n]+\n\n(?P<head>(?:>[^\n]*\n)*)")


def head(exercise: Exercise, course: Course) -> str:
    """The block quote that belongs below the title of the exercise's page; "" where its row does not say enough.

    >>> print(head(exercise, course))  # doctest: +SKIP
    > **You will be able to** compute the attention of many queries with few keys.
    >
    > **Before**: [Multi-query attention](mqa.md) · **Time**: about 45 minutes · **Difficulty**: 2 of 5
    """
    if not exercise.objective or not exercise.minutes or not exercise.difficulty:
        return ""
    titles = {each.name: each.title for each in course.exercises}
    before = ", ".join(f"[{titles[name]}]({_link(exercise, name)})" for name in exercise.prerequisites)
    facts = [
        f"**Before**: {before or 'nothing of this course'}",
        f"**Time**: {spoken(exercise.minutes)}",
        f"**Difficulty**: {exercise.difficulty} of {HARDEST}",
    ]
    return f"{_FIRST}{exercise.objective.rstrip('.')}.\n>\n> {' · '.join(facts)}\n"


def with_head(text: str, wanted: str) -> str:
    """The page `text` with `wanted` below its title, in place of the block quote that was made before."""
    match = _HEAD.match(text)
    if not match:
        return text
    start, end = match.span("head")
    if match["head"] and not match["head"].startswith(_FIRST):
        end = start  # a quotation of the author's own
    rest = text[end:]
    return f"{text[:start]}{wanted}{'' if rest.startswith(chr(10)) else chr(10)}{rest}"


def spoken(minutes: int) -> str:
    """
    >>> spoken(45), spoken(120), spoken(90)
    ('about 45 minutes', 'about 2 hours', 'about 1½ hours')
    """
    if minutes < 60 or minutes % 30:
        return f"about {minutes} minutes"
    hours, half = divmod(minutes, 60)
    return f"about {hours}{'½' if half else ''} {'hour' if minutes == 60 else 'hours'}"


def _link(exercise: Exercise, other: str) -> str:
    topic, slug = other.split("/")
    return str(PurePosixPath(os.path.relpath(f"{topic}/{slug}.md", exercise.topic)))
