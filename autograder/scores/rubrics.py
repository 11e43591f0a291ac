"""A person's points by a rubric, added to a score: after verdicts and lateness, which they don't depend on, and before adjustments."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from autograder.course.config import Rubric
from autograder.people.records import Points
from autograder.results import Message
from autograder.scores.records import ExerciseScore, ModuleScore, Step, number, rounded


def with_rubric(score: ExerciseScore, rubric: Rubric | None, points: Mapping[str, Points]) -> ExerciseScore:
    """`score` with what a person gave for the exercise. What nobody has given yet is pending, where something was handed in."""
    if rubric is None:
        return score
    after, steps, waiting = _given(score.score, rubric, points, handed_in=bool(score.verdict))
    return msgspec.structs.replace(
        score,
        score=after,
        points=score.points + rubric.points,
        pending=score.pending + waiting,
        steps=[*score.steps, *steps],
    )


def module_with_rubric(score: ModuleScore, rubric: Rubric | None, points: Mapping[str, Points]) -> ModuleScore:
    """The same for a module as a whole."""
    if rubric is None:
        return score
    handed_in = any(each.verdict for each in score.exercises)
    after, steps, waiting = _given(score.score, rubric, points, handed_in)
    return msgspec.structs.replace(
        score,
        score=after,
        points=score.points + rubric.points,
        pending=score.pending + waiting,
        steps=[*score.steps, *steps],
    )


def _given(
    before: float, rubric: Rubric, points: Mapping[str, Points], handed_in: bool
) -> tuple[float, list[Step], int]:
    """The score, the steps to it, and what is pending."""
    steps, waiting = [], 0
    for item in rubric.items:
        given = points.get(item.id)
        values: dict[str, object] = {"title": item.title, "points": item.points}
        if given is not None:
            after = rounded(max(before + given.points, 0.0))
            values |= {"value": number(given.points) or "0", "by": given.by} | ({"why": given.why} if given.why else {})
            message = Message(id="score.rubric" if item.points > 0 else "score.rubric-taken", values=values)
            steps.append(Step(kind="rubric", message=message, before=before, after=after))
            before = after
        elif item.points > 0 and handed_in:
            waiting += item.points
            message = Message(id="score.rubric-open", values=values)
            steps.append(Step(kind="rubric", message=message, before=before, after=before))
    return before, steps, waiting
