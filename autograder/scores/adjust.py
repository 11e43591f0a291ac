"""A person's adjustments, applied to a score: set, add, excuse. They come after verdicts and lateness, so they survive regrades."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from autograder.results import Message
from autograder.scores.records import ExerciseScore, ModuleScore, Step, number, rounded
from autograder.store.ledger import Adjustment


def adjusted(score: ExerciseScore, adjustments: Sequence[Adjustment], remarks: list[Message]) -> ExerciseScore:
    """`score` after every adjustment of its exercise, in the order in which they were made.

    An override that a regrade has overtaken is still applied, and said in `remarks`.
    """
    for each in adjustments:
        if each.scope != score.exercise or each.kind == "extend":
            continue
        after = _after(score.score, each)
        steps = [*score.steps, _step(each, score.score, after)]
        if each.kind == "points" and each.was is not None and each.was != score.earned:
            values = {"exercise": score.exercise, "number": each.number, "was": each.was, "now": score.earned}
            remarks.append(Message(id="score.overtaken", values=values))
        settled = 0 if each.kind == "points" else score.pending
        score = msgspec.structs.replace(
            score, score=after, steps=steps, pending=settled, counts=score.counts and each.kind != "excuse"
        )
    return score


def adjusted_module(score: ModuleScore, adjustments: Sequence[Adjustment], remarks: list[Message]) -> ModuleScore:
    """The same for a module as a whole."""
    for each in adjustments:
        if each.scope != score.module or each.kind == "extend":
            continue
        after = _after(score.score, each)
        score = msgspec.structs.replace(
            score,
            score=after,
            steps=[*score.steps, _step(each, score.score, after)],
            counts=score.counts and each.kind != "excuse",
        )
    return score


def _after(before: float, adjustment: Adjustment) -> float:
    if adjustment.kind == "points":
        return rounded(float(adjustment.value))
    if adjustment.kind == "add":
        return rounded(max(before + float(adjustment.value), 0.0))
    return before


def _step(adjustment: Adjustment, before: float, after: float) -> Step:
    values = {"by": adjustment.by, "why": adjustment.why, "number": adjustment.number}
    if adjustment.kind != "excuse":
        sign = "+" if adjustment.kind == "add" and float(adjustment.value) >= 0 else ""
        values["value"] = sign + number(float(adjustment.value))
    id = f"score.{adjustment.kind}" + ("-until" if adjustment.until else "")
    if adjustment.until:
        values["until"] = adjustment.until
    return Step(kind="adjust", message=Message(id=id, values=values), before=before, after=after)
